//! The Exchange-like server over an empty database, with three mailboxes: over EWS and over Graph.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actas_directory::exchange_side::{self, AuthServer, AuthServerKind, PartnerApplication};
use actas_directory::{ServicePrincipal, Tenant, TenantId, User, well_known};
use actas_exchange::ews::{Body, Call, CreateItem, Message, MessageDisposition, Request as Operation, RequestHeader};
use actas_exchange::ews::{DistinguishedFolder, FolderId};
use actas_mailbox::{GraphAddress, MailboxConfig, MailboxServer, ensure_mailbox};
use actas_runtime::ManualClock;
use actas_store::directory::{Audit, Directory};
use actas_store::sts::ExchangeTrust;
use actas_store::{Database, Schema};
use actas_token::Principal;
use actas_token::issue::{self, ActAsUser};
use actas_validator::MetadataSource;
use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::NOW;
use crate::request::{Answer, send};
use crate::signer::STS;

/// The server's name.
pub const HOST: &str = "ews.cloud.example";
/// Where EWS is.
pub const EWS: &str = "/EWS/Exchange.asmx";
/// Where mail is over Graph.
pub const GRAPH: &str = "https://graph.cloud.example";
/// Whose mailbox it is.
pub const LENA: &str = "lena@fabrikam.example";
/// Stands in the mailboxes of others alone: whoever reads it read too far.
pub const CANARY: &str = "canary-of-others";

const AUTHORITY: &str = "https://sts.cloud.example";
const PERMISSION: &str = "Mail.ReadWrite";
const PRINCIPAL: Uuid = Uuid::from_u128(0x1c);
const LENA_ID: u128 = 101;
const OTHERS: [(u128, u128, &str); 2] = [(102, 1, "omar@fabrikam.example"), (201, 2, "eve@contoso.example")];

/// A server with mailboxes in two tenants.
pub struct World {
    router: Router,
    graph: Router,
    _folder: TempDir,
}

/// The token service's documents, for every tenant.
struct Published;

impl MetadataSource for Published {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>> {
        let document = if let Some(base) = url.strip_suffix(".well-known/openid-configuration") {
            json!({ "issuer": base, "jwks_uri": format!("{base}discovery/keys") })
        } else if url.ends_with("/discovery/keys") {
            let mut key = Value::Object(STS.public().to_jwk());
            key["use"] = "sig".into();
            key["x5c"] = json!([STANDARD.encode(STS.pair().certificate().der())]);
            json!({ "keys": [key] })
        } else {
            let value = json!({ "type": "x509Certificate", "value": STANDARD.encode(STS.pair().certificate().der()) });
            let keys = [json!({ "usage": "signing", "keyValue": value })];
            json!({ "issuer": format!("{}@*", well_known::STS), "realm": "*", "keys": keys })
        };
        Box::pin(async move { Ok(document.to_string().into_bytes()) })
    }
}

impl World {
    /// A new one, always the same.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let world = crate::block_on(Self::make()).expect("the server starts");
        for (_, tenant, address) in OTHERS {
            world.put(tenant_id(tenant), address, CANARY);
        }
        world.put(tenant_id(1), LENA, "Conversation with Omar");
        world
    }

    async fn make() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = crate::folder()?;
        let database = Database::open(&folder.path().join("cloud.db"), Schema::Cloud)?;
        let directory = Directory::new(database.clone());
        let trust = ExchangeTrust::new(database.clone());
        for (number, domain) in [(1, "fabrikam.example"), (2, "contoso.example")] {
            let tenant = tenant_id(number);
            directory.add_tenant(&Tenant::new(tenant, domain, domain.parse()?, NOW), audit(tenant)).await?;
            trust.put_auth_server(&auth_server(tenant)).await?;
            trust.put_partner(&partner(tenant)).await?;
        }
        let tenant = tenant_id(1);
        let graph = ServicePrincipal::new(Uuid::from_u128(0x19), tenant, well_known::GRAPH, "Graph", NOW);
        let mut lync = ServicePrincipal::new(PRINCIPAL, tenant, well_known::LYNC, "Lync", NOW);
        lync.trusted_for_delegation = true;
        lync.grant(&graph, PERMISSION, Uuid::from_u128(0x9a), NOW);
        for principal in [graph, lync] {
            directory.add_principal(&principal, audit(tenant)).await?;
        }
        for (id, tenant, address) in OTHERS.into_iter().chain([(LENA_ID, 1, LENA)]) {
            let user = User::new(Uuid::from_u128(id), tenant_id(tenant), address, address);
            directory.add_user(&user, audit(user.tenant)).await?;
            ensure_mailbox(database.clone(), &user, NOW).await?;
        }
        let mut config = MailboxConfig::new(
            vec![HOST.to_owned()],
            format!("https://{HOST}{EWS}"),
            format!("https://{HOST}/autodiscover/autodiscover.svc"),
        );
        config.graph = Some(GraphAddress { origins: vec![GRAPH.to_owned()], authority: AUTHORITY.to_owned() });
        let server = MailboxServer::new(database, config, Arc::new(Published), Arc::new(ManualClock::new(NOW)));
        Ok(Self { router: server.router(), graph: server.graph_router(), _folder: folder })
    }

    /// Puts an item into a mailbox.
    fn put(&self, tenant: TenantId, address: &str, subject: &str) {
        let owner = address.parse().expect("an address");
        let message =
            Message { subject: Some(subject.to_owned()), body: Some(Body::text(subject)), ..Message::default() };
        let request = Operation::CreateItem(CreateItem {
            folder: Some(FolderId::of(owner, DistinguishedFolder::ConversationHistory)),
            disposition: MessageDisposition::SaveOnly,
            items: vec![message],
        });
        let body = Call { header: RequestHeader::default(), request }.write();
        let request = Request::post(EWS)
            .header("authorization", format!("Bearer {}", act_as(tenant, address)))
            .header("content-type", "text/xml; charset=utf-8");
        let answer = self.send(request.body(body.into()).expect("the request is one"));
        assert!(answer.text.contains("NoError"), "{}", answer.text);
    }

    /// Sends a request, to Graph or to EWS and Autodiscover.
    pub fn send(&self, request: Request<axum::body::Body>) -> Answer {
        let router = if MailboxServer::serves_graph(request.uri().path()) { &self.graph } else { &self.router };
        send(router, request)
    }
}

fn tenant_id(number: u128) -> TenantId {
    TenantId(Uuid::from_u128(0x1111_2222_3333_4444_5555_0000_0000_0000 + number))
}

fn audit(tenant: TenantId) -> Audit {
    Audit { time: NOW, tenant, kind: "seeded", details: json!({}) }
}

fn auth_server(tenant: TenantId) -> AuthServer {
    AuthServer {
        name: tenant.to_string(),
        tenant,
        kind: AuthServerKind::MicrosoftAcs,
        auth_metadata_url: format!("https://sts.cloud.example/{tenant}/metadata/json/1"),
        issuer_identifier: well_known::STS,
        realm: tenant.to_string(),
        enabled: true,
        domain_names: Vec::new(),
        is_default_authorization_endpoint: false,
        application_identifier: None,
        published: exchange_side::Published::default(),
    }
}

fn partner(tenant: TenantId) -> PartnerApplication {
    PartnerApplication {
        app_asserted_act_as: true,
        sts_issued_act_as: true,
        ..PartnerApplication::new("lync", tenant, well_known::LYNC)
    }
}

/// A token of Lync, acting as [`LENA`].
pub fn token() -> String {
    act_as(tenant_id(1), LENA)
}

fn act_as(tenant: TenantId, address: &str) -> String {
    let (realm, lync) = (tenant.to_string(), Principal::in_realm(well_known::LYNC, tenant.to_string()));
    let audience = format!("{}/{HOST}@{realm}", well_known::EXCHANGE);
    let actor = issue::ActorToken {
        audience: &audience,
        issuer: &Principal::in_realm(well_known::STS, realm),
        caller: &lync,
        object_id: None,
        trusted_for_delegation: true,
        lifetime: SignedDuration::from_mins(55),
        confirmation: None,
    };
    let actor = issue::actor_token(&STS.signing(), &actor, NOW).expect("it is signed");
    let user = ActAsUser { upn: Some(address.to_owned()), smtp: Some(address.to_owned()), sip: None };
    issue::act_as_token(&lync, &audience, &user, &actor, SignedDuration::from_mins(5), NOW)
}

/// A token of Lync for Graph, acting as [`LENA`].
///
/// # Panics
/// When it cannot be signed.
pub fn graph_token() -> String {
    let (tenant, user) = (tenant_id(1), Uuid::from_u128(LENA_ID).to_string());
    let now = NOW.as_second();
    let claims = json!({
        "aud": GRAPH,
        "iss": format!("{AUTHORITY}/{tenant}/"),
        "iat": now - 300,
        "nbf": now - 300,
        "exp": now + 3300,
        "jti": "1",
        "sub": user,
        "oid": user,
        "upn": LENA,
        "tid": tenant.to_string(),
        "scp": PERMISSION,
        "client_id": well_known::LYNC.to_string(),
        "act": { "sub": well_known::LYNC.to_string(), "oid": PRINCIPAL.to_string() },
    });
    issue::typed_access_token(&STS.signing(), &claims).expect("it is signed")
}
