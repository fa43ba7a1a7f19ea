//! Partners that issue their own tokens, beside those that the token service vouches for.

use actas_directory::exchange_side::{ActAsPermission, PartnerApplication};
use actas_directory::{TenantId, well_known};
use actas_exchange::ews::{
    BaseShape, ConnectingSid, CreateItem, CreateItemResponse, DistinguishedFolder, FolderShape, GetFolder,
    GetFolderResponse, Message, MessageDisposition, Request as Operation, ResponseMessage,
};
use actas_token::Principal;
use actas_token::issue::{self, ActAsUser};
use http::StatusCode;
use jiff::SignedDuration;

use crate::world::{APP, Signer, World, answer};

fn inbox() -> Operation {
    Operation::GetFolder(GetFolder {
        shape: FolderShape::new(BaseShape::IdOnly),
        folders: vec![DistinguishedFolder::Inbox.into()],
    })
}

/// Lync as a partner that publishes its keys, and speaks for a realm.
async fn trust_pool(world: &World, tenant: TenantId, realm: &str, change: impl FnOnce(&mut PartnerApplication)) {
    let realm = realm.to_owned();
    world
        .put_partner(tenant, well_known::LYNC, |partner| {
            partner.use_auth_server = false;
            partner.auth_metadata_url = Some(format!("https://pool.{realm}/"));
            partner.realm = Some(realm);
            change(partner);
        })
        .await;
}

/// What the pool signs for a user: itself its issuer.
fn self_issued(world: &World, signer: &Signer, realm: &str, user: Option<&str>) -> String {
    let audience = format!("{}/{}@{realm}", well_known::EXCHANGE, crate::world::HOST);
    let own = Principal::in_realm(well_known::LYNC, realm);
    let token = issue::ActorToken {
        audience: &audience,
        issuer: &own,
        caller: &own,
        object_id: None,
        trusted_for_delegation: true,
        lifetime: SignedDuration::from_mins(55),
        confirmation: None,
    };
    let actor = issue::actor_token(&signer.key, &token, world.now()).unwrap();
    let Some(user) = user else { return actor };
    let named = ActAsUser { upn: Some(user.to_owned()), smtp: Some(user.to_owned()), sip: None };
    issue::act_as_token(&own, &audience, &named, &actor, SignedDuration::from_mins(5), world.now())
}

#[tokio::test]
async fn a_partner_signs_for_itself_beside_one_of_the_token_service() {
    let world = World::new().await;
    trust_pool(&world, world.fabrikam, "fabrikam.example", |_| {}).await;
    let own = self_issued(&world, Signer::pool(), "fabrikam.example", Some(&world.lena.upn));
    answer!(GetFolderResponse, world.ews_with(&own, None, inbox()).await);
    let alone = self_issued(&world, Signer::pool(), "fabrikam.example", None);
    let lena = || Some(ConnectingSid::PrincipalName(world.lena.upn.clone()));
    answer!(GetFolderResponse, world.ews_with(&alone, lena(), inbox()).await);
    // The other one comes with the token service's word, as before.
    answer!(GetFolderResponse, world.ews_with(&world.app_only(world.fabrikam), lena(), inbox()).await);
}

#[tokio::test]
async fn each_is_vouched_for_by_its_own_issuer_alone() {
    let world = World::with(|config| config.verbose_diagnostics = true).await;
    trust_pool(&world, world.fabrikam, "fabrikam.example", |_| {}).await;
    let refused = async |token: &str, rule: &str| {
        let reply = world.ews_with(token, None, inbox()).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{rule}");
        let told = reply.header("x-ms-diagnostics").unwrap_or_default();
        assert!([",", ")"].iter().any(|end| told.contains(&format!("rule {rule}{end}"))), "{rule}: {told}");
    };
    // The token service does not speak for a partner that publishes its own keys.
    refused(&world.act_as(&world.lena), "V15").await;
    let named = Some(world.lena.upn.as_str());
    refused(&self_issued(&world, Signer::stranger(), "fabrikam.example", named), "V9").await;
    refused(&self_issued(&world, Signer::sts(), "fabrikam.example", named), "V9").await;
    // It speaks for the realm that it was registered with, and no other.
    refused(&self_issued(&world, Signer::pool(), "contoso.example", named), "V8").await;
    refused(&self_issued(&world, Signer::pool(), &world.fabrikam.to_string(), named), "V8").await;
    let other = {
        // With its own key, in the name of another application of the tenant.
        let audience = World::audience(world.fabrikam);
        let token = issue::ActorToken {
            audience: &audience,
            issuer: &Principal::in_realm(well_known::LYNC, "fabrikam.example"),
            caller: &Principal::in_realm(APP, "fabrikam.example"),
            object_id: None,
            trusted_for_delegation: true,
            lifetime: SignedDuration::from_mins(55),
            confirmation: None,
        };
        issue::actor_token(&Signer::pool().key, &token, world.now()).unwrap()
    };
    refused(&other, "V15").await;
    refused(&self_issued(&world, Signer::pool(), "fabrikam.example", Some(&world.eve.upn)), "V18").await;
}

#[tokio::test]
async fn a_partner_in_the_realm_of_another_tenant_is_not_believed() {
    let world = World::new().await;
    // Contoso says that the pool may speak for Fabrikam's domain.
    trust_pool(&world, world.contoso, "fabrikam.example", |_| {}).await;
    let named = Some(world.eve.upn.as_str());
    let token = self_issued(&world, Signer::pool(), "fabrikam.example", named);
    assert_eq!(world.ews_with(&token, None, inbox()).await.status, StatusCode::UNAUTHORIZED);
    // A realm of nobody's is the partner's own affair.
    trust_pool(&world, world.contoso, "farm.example", |_| {}).await;
    world.clock.advance(SignedDuration::from_secs(5));
    let token = self_issued(&world, Signer::pool(), "farm.example", named);
    answer!(GetFolderResponse, world.ews_with(&token, None, inbox()).await);
}

#[tokio::test]
async fn a_disabled_partner_that_signs_for_itself_stops_within_the_bound() {
    let world = World::new().await;
    trust_pool(&world, world.fabrikam, "fabrikam.example", |_| {}).await;
    let token = self_issued(&world, Signer::pool(), "fabrikam.example", Some(&world.lena.upn));
    assert_eq!(world.ews_with(&token, None, inbox()).await.status, StatusCode::OK);
    trust_pool(&world, world.fabrikam, "fabrikam.example", |partner| partner.enabled = false).await;
    world.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(world.ews_with(&token, None, inbox()).await.status, StatusCode::UNAUTHORIZED);
    trust_pool(&world, world.fabrikam, "fabrikam.example", |_| {}).await;
    world.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(world.ews_with(&token, None, inbox()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_partner_that_may_only_read_as_a_user_changes_nothing() {
    let world = World::new().await;
    let create = || {
        Operation::CreateItem(CreateItem {
            disposition: MessageDisposition::SaveOnly,
            folder: Some(DistinguishedFolder::Inbox.into()),
            items: vec![Message { subject: Some("x".to_owned()), ..Message::default() }],
        })
    };
    let permit = async |permissions: &[ActAsPermission]| {
        let permissions = permissions.to_vec();
        world.put_partner(world.fabrikam, well_known::LYNC, |own| own.act_as_permissions = permissions).await;
        world.clock.advance(SignedDuration::from_secs(5));
    };
    permit(&[ActAsPermission::Read]).await;
    answer!(GetFolderResponse, world.ews(&world.lena, inbox()).await);
    world.ews(&world.lena, create()).await.assert_fault("ErrorAccessDenied");
    permit(&[]).await;
    let reply = world.ews(&world.lena, inbox()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.header("x-ms-diagnostics").unwrap().starts_with("2000008;"));
    permit(&[ActAsPermission::Everything]).await;
    let messages = answer!(CreateItemResponse, world.ews(&world.lena, create()).await).messages;
    assert!(matches!(messages.as_slice(), [ResponseMessage::Success(_)]));
}
