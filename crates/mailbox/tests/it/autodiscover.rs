//! Autodiscover, and the plain-HTTP way to it.

use actas_exchange::autodiscover::{ErrorCode, GetUserSettingsRequest, GetUserSettingsResponse};
use actas_exchange::ews::ConnectingSid;
use actas_mailbox::redirect_router;
use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::world::{EWS_PATH, HOST, Reply, SOAP_PATH, World, answer};

fn request(users: &[&str], settings: &[&str]) -> GetUserSettingsRequest {
    GetUserSettingsRequest {
        requested_version: Some("Exchange2016".to_owned()),
        users: users.iter().map(|&user| user.to_owned()).collect(),
        settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
        ..GetUserSettingsRequest::default()
    }
}

async fn ask(world: &World, token: &str, request: &GetUserSettingsRequest) -> Reply {
    world.post(SOAP_PATH, token, request.write()).await
}

#[tokio::test]
async fn each_user_is_told_what_was_asked() {
    let world = World::new().await;
    let users = [
        "Lena@fabrikam.example",
        "l.ortiz@fabrikam.example",
        "nobody@fabrikam.example",
        "eve@contoso.example",
        "not an address",
    ];
    let settings = ["ExternalEwsUrl", "ExternalEcpUrl", "AutoDiscoverSMTPAddress", "UserDisplayName", "CasVersion"];
    for token in [world.act_as(&world.lena), world.act_as(&world.omar), world.app_only(world.fabrikam)] {
        let reply = ask(&world, &token, &request(&users, &settings)).await;
        assert_eq!(reply.header("x-soap-enabled"), Some("True"));
        assert!(reply.body.contains("<h:MajorVersion>15</h:MajorVersion>"));
        assert!(!reply.body.contains("InternalEwsUrl") && !reply.body.contains("EwsPartnerUrl"));
        let answer = answer!(GetUserSettingsResponse, reply);
        assert_eq!(answer.error, ErrorCode::NoError);
        let codes: Vec<_> = answer.users.iter().map(|user| user.error).collect();
        let invalid = ErrorCode::InvalidUser;
        assert_eq!(codes, [ErrorCode::NoError, ErrorCode::NoError, invalid, invalid, invalid]);
        for user in &answer.users[..2] {
            assert_eq!(user.setting("ExternalEwsUrl"), Some(format!("https://{HOST}{EWS_PATH}").as_str()));
            assert_eq!(user.setting("AutoDiscoverSMTPAddress"), Some("lena@fabrikam.example"));
            assert_eq!(user.setting("UserDisplayName"), Some("Lena Ortiz"));
            assert_eq!(user.setting("CasVersion"), Some("15.02.1544.004"));
            let missing: Vec<_> = user.setting_errors.iter().map(|error| error.name.as_str()).collect();
            assert_eq!(missing, ["ExternalEcpUrl"]);
        }
        assert_eq!(answer.users[2], answer.users[3], "another tenant's user is nobody");
    }
}

#[tokio::test]
async fn schemas_end_with_one_that_clients_know() {
    let world = World::new().await;
    let token = world.act_as(&world.lena);
    let names = ["EwsSupportedSchemas", "EwsPartnerUrl", "InternalEwsUrl", "UserDN", "UserDeploymentId", "MailboxDN"];
    let answer =
        answer!(GetUserSettingsResponse, ask(&world, &token, &request(&["lena@fabrikam.example"], &names)).await);
    let schemas = answer.users[0].setting("EwsSupportedSchemas").unwrap();
    assert_eq!(schemas.split(", ").max(), Some("Exchange2016"));
    assert!(names.iter().all(|name| answer.users[0].setting(name).is_some()));
}

#[tokio::test]
async fn the_impersonation_header_is_read_here_too() {
    let world = World::new().await;
    let mut asked = request(&["lena@fabrikam.example"], &["ExternalEwsUrl"]);
    asked.impersonated = Some(ConnectingSid::PrimarySmtpAddress("lena@fabrikam.example".parse().unwrap()));
    for token in [world.act_as(&world.lena), world.app_only(world.fabrikam)] {
        answer!(GetUserSettingsResponse, ask(&world, &token, &asked).await);
    }
    let reply = ask(&world, &world.act_as(&world.omar), &asked).await;
    reply.assert_fault("ErrorImpersonateUserDenied");
}

#[tokio::test]
async fn bad_xml_is_one_fault() {
    let world = World::new().await;
    let token = world.act_as(&world.lena);
    for body in ["", "<", "<a/>", "not xml", "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"/>"] {
        world.post(SOAP_PATH, &token, body).await.assert_fault("ErrorSchemaValidation");
    }
    let large = world.post(SOAP_PATH, &token, "x".repeat(300 * 1024)).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn plain_http_says_where_to_go_and_nothing_else() {
    let router = || redirect_router("https://autodiscover.cloud.example:443/");
    let cases = [
        ("/autodiscover/autodiscover.svc", Some("/autodiscover/autodiscover.svc")),
        ("/autodiscover/autodiscover.xml", Some("/autodiscover/autodiscover.xml")),
        ("/Autodiscover/Autodiscover.XML", Some("/Autodiscover/Autodiscover.XML")),
        ("/autodiscover/a/b?c=d", Some("/autodiscover/a/b")),
        ("/autodiscover", None),
        ("/", None),
        ("/EWS/Exchange.asmx", None),
        ("/autodiscover.evil/x", None),
    ];
    for (path, target) in cases {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("authorization", "Bearer in.the.clear")
                .body(Body::from("<x/>"))
                .unwrap();
            let reply = Reply::of(router(), request).await;
            let location = target.map(|target| format!("https://autodiscover.cloud.example{target}"));
            assert_eq!(reply.header("location"), location.as_deref(), "{path}");
            let status = if target.is_some() { StatusCode::FOUND } else { StatusCode::NOT_FOUND };
            assert_eq!((reply.status, reply.body.as_str()), (status, ""), "{path}");
        }
    }
}
