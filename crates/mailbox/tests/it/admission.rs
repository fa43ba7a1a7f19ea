//! Who gets in, as whom, and what the others are told.

use actas_directory::exchange_side::AuthServerKind;
use actas_directory::{TenantId, User, well_known};
use actas_exchange::ews::{
    AlternateId, BaseShape, ConnectingSid, ConvertId, ConvertIdResponse, DistinguishedFolder, FolderShape, GetFolder,
    GetFolderResponse, Request as Operation, ResponseCode, ResponseMessage,
};
use actas_store::directory::Directory;
use actas_token::issue::ActAsUser;
use axum::body::Body;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use crate::world::{APP, EWS_PATH, HOST, SOAP_PATH, Signer, World, answer};

fn inbox() -> Operation {
    Operation::GetFolder(GetFolder {
        shape: FolderShape::new(BaseShape::IdOnly),
        folders: vec![DistinguishedFolder::Inbox.into()],
    })
}

const CHALLENGE: &str = "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", \
    trusted_issuers=\"00000001-0000-0000-c000-000000000000@*\", \
    token_types=\"app_asserted_user_v1 service_asserted_app_v1\"";

#[tokio::test]
async fn without_a_token_there_is_a_challenge_without_error() {
    let world = World::new().await;
    for authorization in [None, Some("Bearer"), Some("Bearer "), Some("Basic YTpi")] {
        for path in [EWS_PATH, SOAP_PATH, "/ews/exchange.ASMX", "/AutoDiscover/AutoDiscover.svc"] {
            let mut request = Request::post(path);
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let reply = world.send(request.body(Body::from("x".repeat(5000))).unwrap()).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
            assert_eq!(reply.header("www-authenticate"), Some(CHALLENGE));
            assert_eq!(reply.header("x-ms-diagnostics"), None);
            assert_eq!(reply.header("connection"), None);
            assert!(reply.header("request-id").is_some_and(|id| Uuid::try_parse(id).is_ok()));
            assert_eq!(reply.body, "");
        }
    }
    assert_eq!(world.audits("token refused").await.len(), 0, "a probe is no refusal");
}

#[tokio::test]
async fn the_probe_of_older_clients_finds_what_it_looks_for() {
    let world = World::new().await;
    let reply = world.send(Request::get("/autodiscover/autodiscover.xml").body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.header("x-soap-enabled"), Some("True"));
    assert_eq!(reply.header("x-oauth-enabled"), Some("True"));
    assert_eq!(reply.header("www-authenticate"), Some(CHALLENGE));
}

#[tokio::test]
async fn request_ids_come_back() {
    let world = World::new().await;
    let request = Request::post(EWS_PATH)
        .header("client-request-id", "{4f2a}")
        .header("return-client-request-id", "true")
        .body(Body::empty())
        .unwrap();
    let reply = world.send(request).await;
    assert_eq!(reply.header("client-request-id"), Some("{4f2a}"));
    assert_ne!(reply.header("request-id"), Some("{4f2a}"));
}

#[tokio::test]
async fn other_paths_and_methods() {
    let world = World::new().await;
    let reply = world.send(Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    let token = world.act_as(&world.lena);
    let request = Request::get(EWS_PATH).header("authorization", format!("Bearer {token}"));
    let reply = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn two_authorization_headers_are_a_bad_request() {
    let world = World::new().await;
    let token = format!("Bearer {}", world.act_as(&world.lena));
    let request = Request::post(EWS_PATH).header("authorization", &token).header("authorization", &token);
    let reply = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(reply.header("www-authenticate").is_some_and(|value| value.ends_with(", error=\"invalid_request\"")));
}

#[tokio::test]
async fn a_user_gets_in_and_there_is_a_record() {
    let world = World::new().await;
    let token = world.act_as(&world.lena);
    let messages = answer!(GetFolderResponse, world.ews_with(&token, None, inbox()).await).messages;
    assert!(matches!(messages.as_slice(), [ResponseMessage::Success(_)]));

    let accepted = world.audits("token accepted").await;
    let [record] = accepted.as_slice() else { panic!("{accepted:?}") };
    assert_eq!(record.tenant, world.fabrikam.to_string());
    assert_eq!(record.details["actor"], well_known::LYNC.to_string());
    assert_eq!(record.details["user"], "lena@fabrikam.example");
    assert_eq!(record.details["operation"], "GetFolder");
    assert_eq!(record.details["audience"], HOST);
    assert_eq!(record.details["token"], actas_token::token_hash(&token));
    let text = record.details.to_string();
    assert!(token.split('.').filter(|part| !part.is_empty()).all(|part| !text.contains(part)), "{text}");
}

#[tokio::test]
async fn refused_tokens_are_told_little_and_recorded_once() {
    let world = World::new().await;
    let good = world.act_as(&world.lena);
    let forged = {
        let actor = world.actor(Signer::stranger(), world.fabrikam, well_known::LYNC);
        let named = ActAsUser { upn: Some(world.lena.upn.clone()), smtp: Some(world.lena.upn.clone()), sip: None };
        let issuer = actas_token::Principal::in_realm(well_known::LYNC, world.fabrikam.to_string());
        let audience = World::audience(world.fabrikam);
        let lifetime = SignedDuration::from_mins(5);
        actas_token::issue::act_as_token(&issuer, &audience, &named, &actor, lifetime, world.now())
    };
    let unknown_tenant = world.app_only(TenantId(Uuid::from_u128(9)));
    let nobody = User::new(Uuid::from_u128(5), world.fabrikam, "Nobody", "nobody@fabrikam.example");
    let cases = [
        (forged, "2000000;", "invalid_signature", "V9"),
        ("a.b.c".to_owned(), "2000001;", "invalid_token", "V3"),
        (unknown_tenant, "2000001;", "invalid_token", "V8"),
        (world.act_as(&nobody), "2000005;", "invalid_user", "V18"),
    ];
    for (token, code, category, rule) in cases {
        for _ in 0..3 {
            let reply = world.ews_with(&token, None, inbox()).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{rule}");
            let challenge = format!("{CHALLENGE}, error=\"invalid_token\"");
            assert_eq!(reply.header("www-authenticate"), Some(challenge.as_str()));
            let diagnostics = reply.header("x-ms-diagnostics").unwrap();
            assert!(diagnostics.starts_with(code), "{diagnostics}");
            assert!(diagnostics.ends_with(&format!("error_category=\"{category}\"")), "{diagnostics}");
            assert!(!diagnostics.contains("rule"), "{diagnostics}");
        }
        let refused = world.audits("token refused").await;
        let of_rule: Vec<_> = refused.iter().filter(|record| record.details["rule"] == rule).collect();
        assert_eq!(of_rule.len(), 1, "{refused:?}");
        assert!(!of_rule[0].details.to_string().contains(&token));
    }
    assert_eq!(world.ews_with(&good, None, inbox()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn verbose_diagnostics_name_the_rule() {
    let world = World::with(|config| config.verbose_diagnostics = true).await;
    let token = world.act_as(&world.lena);
    world.clock.advance(SignedDuration::from_mins(30));
    let reply = world.ews_with(&token, None, inbox()).await;
    let diagnostics = reply.header("x-ms-diagnostics").unwrap();
    assert!(diagnostics.contains("(rule V13, act-as token: expired)"), "{diagnostics}");
}

// === V18 ===

#[tokio::test]
async fn every_id_of_the_user_has_to_agree() {
    let world = World::new().await;
    let mixed = ActAsUser { upn: Some(world.lena.upn.clone()), smtp: Some(world.omar.upn.clone()), sip: None };
    let reply = world.ews_with(&world.act_as_named(world.fabrikam, &mixed), None, inbox()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.header("x-ms-diagnostics").unwrap().starts_with("2000005;"));
}

#[tokio::test]
async fn a_user_without_mailbox_or_disabled_is_refused() {
    let world = World::new().await;
    let mut off = User::new(Uuid::from_u128(7), world.fabrikam, "Off", "off@fabrikam.example");
    off.enabled = false;
    let mut none = User::new(Uuid::from_u128(8), world.fabrikam, "None", "none@fabrikam.example");
    none.mailbox = false;
    for user in [off, none] {
        world.add_user(&user).await;
        let reply = world.ews(&user, inbox()).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        let app = world.app_only(world.fabrikam);
        let named = ConnectingSid::PrincipalName(user.upn.clone());
        world.ews_with(&app, Some(named), inbox()).await.assert_fault("ErrorNonExistentMailbox");
    }
}

#[tokio::test]
async fn a_token_of_one_tenant_opens_nothing_of_another() {
    let world = World::new().await;
    let reply = world.ews_with(&world.act_as_in(world.fabrikam, &world.eve), None, inbox()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    let app = world.app_only(world.fabrikam);
    for name in [world.eve.upn.as_str(), "nobody@contoso.example", "nobody@fabrikam.example"] {
        for sid in [
            ConnectingSid::PrincipalName(name.to_owned()),
            ConnectingSid::PrimarySmtpAddress(name.parse().unwrap()),
            ConnectingSid::SmtpAddress(name.parse().unwrap()),
        ] {
            let reply = world.ews_with(&app, Some(sid), inbox()).await;
            reply.assert_fault("ErrorNonExistentMailbox");
            assert!(!reply.body.contains(name), "the same for all of them");
        }
    }
    assert!(!world.audits("impersonation refused").await.is_empty());
}

// === applications ===

#[tokio::test]
async fn an_application_names_a_user_of_its_tenant() {
    let world = World::new().await;
    let app = world.app_only(world.fabrikam);
    for sid in [
        ConnectingSid::PrincipalName("LENA@fabrikam.example".to_owned()),
        ConnectingSid::PrimarySmtpAddress("Lena@Fabrikam.example".parse().unwrap()),
        ConnectingSid::SmtpAddress("l.ortiz@fabrikam.example".parse().unwrap()),
    ] {
        answer!(GetFolderResponse, world.ews_with(&app, Some(sid), inbox()).await);
    }
    let proxy = ConnectingSid::PrimarySmtpAddress("l.ortiz@fabrikam.example".parse().unwrap());
    let reply = world.ews_with(&app, Some(proxy), inbox()).await;
    reply.assert_fault("ErrorNonPrimarySmtpAddress");
    assert!(reply.body.contains("lena@fabrikam.example"));
    let sid = ConnectingSid::Sid("S-1-5-21-1-2-3-1001".to_owned());
    world.ews_with(&app, Some(sid), inbox()).await.assert_fault("ErrorImpersonateUserDenied");
}

#[tokio::test]
async fn an_application_that_names_nobody_learns_the_version_and_no_more() {
    let world = World::new().await;
    let app = world.app_only(world.fabrikam);
    world.ews_with(&app, None, inbox()).await.assert_fault("ErrorImpersonateUserDenied");
    let probe = Operation::ConvertId(ConvertId {
        destination_format: "OwaId".to_owned(),
        ids: vec![AlternateId { format: "EwsId".into(), id: "DUMMY".into(), mailbox: "DUMMY".into() }],
    });
    let reply = world.ews_with(&app, None, probe).await;
    assert!(reply.body.contains("ServerVersionInfo"));
    let messages = answer!(ConvertIdResponse, reply).messages;
    let [ResponseMessage::Error(failure)] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(failure.code, ResponseCode::ErrorInvalidIdMalformed);
}

#[tokio::test]
async fn a_user_may_name_nobody_else() {
    let world = World::new().await;
    let token = world.act_as(&world.lena);
    let own = ConnectingSid::PrimarySmtpAddress("lena@fabrikam.example".parse().unwrap());
    answer!(GetFolderResponse, world.ews_with(&token, Some(own), inbox()).await);
    for other in ["omar@fabrikam.example", "eve@contoso.example", "nobody@fabrikam.example"] {
        let other = ConnectingSid::PrincipalName(other.to_owned());
        world.ews_with(&token, Some(other), inbox()).await.assert_fault("ErrorImpersonateUserDenied");
    }
}

// === trust ===

#[tokio::test]
async fn a_revoked_partner_stops_within_the_bound() {
    let world = World::new().await;
    let token = world.act_as(&world.lena);
    assert_eq!(world.ews_with(&token, None, inbox()).await.status, StatusCode::OK);
    world.put_partner(world.fabrikam, well_known::LYNC, |partner| partner.enabled = false).await;
    world.clock.advance(SignedDuration::from_secs(5));
    let reply = world.ews_with(&token, None, inbox()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.header("x-ms-diagnostics").unwrap().starts_with("2000008;"));

    world.put_partner(world.fabrikam, well_known::LYNC, |_| {}).await;
    world.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(world.ews_with(&token, None, inbox()).await.status, StatusCode::OK);
    world.put_partner(world.fabrikam, well_known::LYNC, |partner| partner.app_asserted_act_as = false).await;
    world.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(world.ews_with(&token, None, inbox()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_disabled_user_stops_at_once() {
    let world = World::new().await;
    let token = world.act_as(&world.lena);
    assert_eq!(world.ews_with(&token, None, inbox()).await.status, StatusCode::OK);
    let directory = Directory::new(world.database.clone());
    let disabled = User { enabled: false, ..world.lena.clone() };
    directory.update_user(&disabled, world.audit(world.fabrikam)).await.unwrap();
    assert_eq!(world.ews_with(&token, None, inbox()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_access_token_is_an_applications_own() {
    let world = World::new().await;
    let base = format!("https://login.cloud.example/{}/", world.fabrikam);
    let url = format!("{base}.well-known/openid-configuration");
    world
        .put_auth_server_with(world.fabrikam, &world.fabrikam.to_string(), "login", |server| {
            server.kind = AuthServerKind::AzureAd;
            server.auth_metadata_url = url;
        })
        .await;
    let token = |roles: &[&str], tenant: TenantId| {
        let claims = json!({
            "iss": base, "aud": format!("https://{HOST}/"), "tid": tenant.to_string(), "appid": APP.to_string(),
            "nbf": world.now().as_second(), "exp": world.now().as_second() + 3600, "roles": roles,
        });
        actas_token::issue::access_token(&Signer::sts().key, &claims).unwrap()
    };
    let lena = || Some(ConnectingSid::PrimarySmtpAddress("lena@fabrikam.example".parse().unwrap()));
    let good = token(&["full_access_as_app"], world.fabrikam);
    assert_eq!(world.ews_with(&good, lena(), inbox()).await.status, StatusCode::OK);
    for bad in [token(&["Mail.Read"], world.fabrikam), token(&["full_access_as_app"], world.contoso)] {
        assert_eq!(world.ews_with(&bad, lena(), inbox()).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_tenant_cannot_register_a_token_service_for_another_tenants_realm() {
    let world = World::new().await;
    for realm in [world.contoso.to_string(), "contoso.example".to_owned(), "*".to_owned()] {
        world.put_auth_server(world.fabrikam, &realm, "a-stranger").await;
    }
    let forged = world.actor(Signer::stranger(), world.contoso, APP);
    let named = ConnectingSid::PrincipalName(world.eve.upn.clone());
    let reply = world.ews_with(&forged, Some(named), inbox()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.header("x-ms-diagnostics").unwrap().starts_with("2000000;"));
}

// === act-as tokens of the token service ===

#[tokio::test]
async fn a_token_of_the_user_and_the_application() {
    let world = World::new().await;
    let base = format!("https://login.cloud.example/{}/", world.fabrikam);
    let url = format!("{base}.well-known/openid-configuration");
    world
        .put_auth_server_with(world.fabrikam, &world.fabrikam.to_string(), "login", |server| {
            server.kind = AuthServerKind::AzureAd;
            server.auth_metadata_url = url;
        })
        .await;
    let token = |user: &User, object_id: Uuid, confirmation: Option<&str>| {
        let now = world.now().as_second();
        let mut claims = json!({
            "iss": base, "aud": format!("https://{HOST}"), "tid": world.fabrikam.to_string(),
            "iat": now, "nbf": now, "exp": now + 1800, "jti": "one", "client_id": well_known::LYNC.to_string(),
            "sub": object_id.to_string(), "oid": object_id.to_string(), "upn": user.upn, "smtp": user.primary_smtp(),
            "act": { "sub": well_known::LYNC.to_string() },
        });
        if let Some(jkt) = confirmation {
            claims["cnf"] = json!({ "jkt": jkt });
        }
        actas_token::issue::typed_access_token(&Signer::sts().key, &claims).unwrap()
    };
    let good = token(&world.lena, world.lena.id, None);
    assert_eq!(world.ews_with(&good, None, inbox()).await.status, StatusCode::OK);
    let accepted = &world.audits("token accepted").await[0].details;
    assert_eq!((&accepted["actor"], &accepted["user"]), (&json!(well_known::LYNC.to_string()), &json!(world.lena.upn)));
    // The name has gone over to somebody else; another tenant's user; a key not shown.
    for bad in [
        token(&world.lena, world.omar.id, None),
        token(&world.eve, world.eve.id, None),
        token(&world.lena, world.lena.id, Some("AAAA")),
    ] {
        assert_eq!(world.ews_with(&bad, None, inbox()).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(world.audits("token refused").await[0].details["actor"], well_known::LYNC.to_string());
    world.put_partner(world.fabrikam, well_known::LYNC, |partner| partner.sts_issued_act_as = false).await;
    world.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(world.ews_with(&good, None, inbox()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        world.ews_with(&world.act_as(&world.lena), None, inbox()).await.status,
        StatusCode::OK,
        "the other kind"
    );
}
