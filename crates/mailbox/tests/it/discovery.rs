//! The other forms of Autodiscover, domains that are elsewhere, and metadata.

use actas_exchange::autodiscover::{
    ErrorCode, GetUserSettingsRequest, GetUserSettingsResponse, POX_RESPONSE_SCHEMA, PoxRequest, PoxResponse,
};
use actas_mailbox::{Elsewhere, Identity, MailboxConfig};
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, StatusCode};
use serde_json::Value;

use crate::world::{BYTES_MAX, EWS_PATH, HOST, Reply, SOAP_PATH, World, answer};

const XML_PATH: &str = "/Autodiscover/Autodiscover.xml";
const URL: &str = "https://autodiscover.other.example/autodiscover/autodiscover.svc";

/// Two domains of the tenant are elsewhere.
fn away(config: &mut MailboxConfig) {
    config.elsewhere.insert("moved.example".to_owned(), Elsewhere::Domain("cloud.example".to_owned()));
    config.elsewhere.insert("other.example".to_owned(), Elsewhere::Url(URL.to_owned()));
    config.elsewhere.insert("fabrikam.example".to_owned(), Elsewhere::Domain("cloud.example".to_owned()));
}

fn pox(address: &str) -> String {
    PoxRequest { address: Some(address.to_owned()), legacy_dn: None, acceptable_schema: POX_RESPONSE_SCHEMA.to_owned() }
        .write()
}

async fn ask(world: &World, body: impl Into<Body>) -> PoxResponse {
    let reply = world.post(XML_PATH, &world.act_as(&world.lena), body).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    PoxResponse::parse(reply.body.as_bytes(), BYTES_MAX).unwrap()
}

async fn get(world: &World, path: &str) -> (Reply, Value) {
    let reply = world.send(Request::get(path).body(Body::empty()).unwrap()).await;
    let json = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
    (reply, json)
}

#[tokio::test]
async fn without_soap() {
    let world = World::with(away).await;
    let PoxResponse::Settings(settings) = ask(&world, pox("l.ortiz@fabrikam.example")).await else { panic!() };
    assert_eq!(settings.address, "lena@fabrikam.example");
    assert_eq!(settings.ews_url, format!("https://{HOST}{EWS_PATH}"));
    assert_eq!(
        ask(&world, pox("Somebody@Moved.example")).await,
        PoxResponse::RedirectAddress("somebody@cloud.example".to_owned())
    );
    let xml = URL.replace(".svc", ".xml");
    assert_eq!(ask(&world, pox("a@other.example")).await, PoxResponse::RedirectUrl(xml));
    for (body, code) in [
        (pox("eve@contoso.example"), 500),
        (pox("not an address"), 500),
        (pox("lena@fabrikam.example").replace("2006a", "2010"), 601),
        ("<a>".to_owned(), 600),
        ("<!DOCTYPE a><a/>".to_owned(), 600),
    ] {
        let PoxResponse::Error(error) = ask(&world, body).await else { panic!() };
        assert_eq!(error.code, code);
    }
}

#[tokio::test]
async fn without_a_token_there_is_the_challenge() {
    let world = World::new().await;
    for request in [
        Request::get(XML_PATH).body(Body::empty()).unwrap(),
        Request::post(XML_PATH).body(Body::from(pox("lena@fabrikam.example"))).unwrap(),
    ] {
        let reply = world.send(request).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert_eq!(reply.header("x-soap-enabled"), Some("True"));
    }
}

#[tokio::test]
async fn a_domain_that_is_elsewhere() {
    let world = World::with(away).await;
    let users = ["a@moved.example", "a@other.example", "lena@fabrikam.example", "gone@fabrikam.example"];
    let request = GetUserSettingsRequest {
        users: users.iter().map(|&user| user.to_owned()).collect(),
        settings: vec!["ExternalEwsUrl".to_owned()],
        ..GetUserSettingsRequest::default()
    };
    let reply = world.post(SOAP_PATH, &world.act_as(&world.lena), request.write()).await;
    let told = answer!(GetUserSettingsResponse, reply).users;
    let told: Vec<_> = told.iter().map(|user| (user.error, user.redirect_target.as_deref())).collect();
    assert_eq!(
        told,
        [
            (ErrorCode::RedirectAddress, Some("a@cloud.example")),
            (ErrorCode::RedirectUrl, Some(URL)),
            (ErrorCode::NoError, None),
            (ErrorCode::RedirectAddress, Some("gone@cloud.example")),
        ]
    );
}

/// exchangelib looks up `host:443` and gives up.
#[tokio::test]
async fn nobody_is_sent_to_the_default_port_by_number() {
    let world = World::with(|config| {
        for (domain, host) in [("plain.example", "b.example:443"), ("other.example", "c.example:8443")] {
            let url = format!("https://{host}/autodiscover/autodiscover.svc");
            config.elsewhere.insert(domain.to_owned(), Elsewhere::Url(url));
        }
    })
    .await;
    for (address, origin) in [("a@plain.example", "https://b.example"), ("a@other.example", "https://c.example:8443")] {
        let request = GetUserSettingsRequest {
            users: vec![address.to_owned()],
            settings: vec!["ExternalEwsUrl".to_owned()],
            ..GetUserSettingsRequest::default()
        };
        let reply = world.post(SOAP_PATH, &world.act_as(&world.lena), request.write()).await;
        let told = answer!(GetUserSettingsResponse, reply).users;
        assert_eq!(told[0].error, ErrorCode::RedirectUrl);
        assert_eq!(told[0].redirect_target, Some(format!("{origin}/autodiscover/autodiscover.svc")));
        let xml = format!("{origin}/autodiscover/autodiscover.xml");
        assert_eq!(ask(&world, pox(address)).await, PoxResponse::RedirectUrl(xml));
        let (reply, _) = get(&world, &format!("/autodiscover/autodiscover.json?Protocol=EWS&Email={address}")).await;
        let json = format!("{origin}/autodiscover/autodiscover.json?Email={address}&Protocol=EWS&RedirectCount=1");
        assert_eq!((reply.status, reply.header("location")), (StatusCode::FOUND, Some(&*json)));
    }
}

#[tokio::test]
async fn json_tells_of_domains_and_not_of_users() {
    let world = World::new().await;
    let ews = format!("https://{HOST}{EWS_PATH}");
    for path in [
        "/autodiscover/autodiscover.json?Email=lena@fabrikam.example&Protocol=EWS",
        "/Autodiscover/Autodiscover.json?email=nobody%40fabrikam.example&protocol=ews&RedirectCount=1",
        "/autodiscover/autodiscover.json/v1.0/le+na@fabrikam.example?Protocol=Ews",
    ] {
        let (reply, json) = get(&world, path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        assert_eq!(json, serde_json::json!({"Protocol": "EWS", "Url": ews}));
    }
    let (_, json) =
        get(&world, "/autodiscover/autodiscover.json?Email=a@fabrikam.example&Protocol=AutodiscoverV1").await;
    assert!(json["Url"].as_str().unwrap().ends_with("autodiscover.xml"));
    let path = "/autodiscover/autodiscover.json";
    for (query, status, code) in [
        ("?Email=a@fabrikam.example&Protocol=Fax<b>", 400, "ProtocolNotSupported"),
        ("?Email=a@fabrikam.example", 400, "ProtocolNotSupported"),
        ("?Email=a@nobody.example&Protocol=EWS", 404, "UserNotFound"),
        ("?Email=a@fabrikam.example/../mapi/nspi&Protocol=EWS", 400, "InvalidUserId"),
        ("?Email=&Protocol=EWS", 400, "InvalidUserId"),
        ("?Protocol=EWS", 400, "InvalidUserId"),
        ("/v1.0/?Protocol=EWS", 400, "InvalidUserId"),
        ("?Email=a@fabrikam.example&Protocol=EWS&RedirectCount=x", 400, "InvalidRequest"),
        (&format!("?Email={}&Protocol=EWS", "a".repeat(4000)), 400, "InvalidRequest"),
    ] {
        let (reply, json) = get(&world, &format!("{path}{}", query.replace('<', "%3C").replace('>', "%3E"))).await;
        assert_eq!((reply.status.as_u16(), json["ErrorCode"].as_str()), (status, Some(code)), "{query}");
        assert_eq!(reply.header("jsonerror"), Some("true"));
        assert!(!reply.body.contains("<b>"));
    }
    let post = Request::post("/autodiscover/autodiscover.json").body(Body::empty()).unwrap();
    assert_eq!(world.send(post).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn json_redirects_and_ends() {
    let world = World::with(away).await;
    let ask = |query: &str| format!("/autodiscover/autodiscover.json?Protocol=EWS&{query}");
    for (query, location) in [
        (
            "Email=a%2Bb@moved.example",
            "https://autodiscover.cloud.example/autodiscover/autodiscover.json?Email=a%2Bb@cloud.example&Protocol=EWS&RedirectCount=1",
        ),
        (
            "Email=a@other.example&RedirectCount=3",
            "https://autodiscover.other.example/autodiscover/autodiscover.json?Email=a@other.example&Protocol=EWS&RedirectCount=4",
        ),
    ] {
        let (reply, _) = get(&world, &ask(query)).await;
        assert_eq!((reply.status, reply.header("location")), (StatusCode::FOUND, Some(location)));
    }
    let (reply, json) = get(&world, &ask("Email=a@moved.example&RedirectCount=10")).await;
    assert_eq!((reply.status, json["ErrorCode"].as_str()), (StatusCode::BAD_REQUEST, Some("RedirectLimitExceeded")));
}

#[tokio::test]
async fn json_has_a_bound_for_each_address() {
    let world = World::with(|config| config.anonymous_requests_max = 2).await;
    let path = "/autodiscover/autodiscover.json?Email=a@fabrikam.example&Protocol=EWS";
    for _ in 0..2 {
        assert_eq!(get(&world, path).await.0.status, StatusCode::OK);
    }
    let (reply, _) = get(&world, path).await;
    assert_eq!((reply.status, reply.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, Some("30")));
    let from = |address: [u8; 4]| {
        let from: std::net::SocketAddr = (address, 4711).into();
        let request = Request::get(path).extension(ConnectInfo(from));
        request.body(Body::empty()).unwrap()
    };
    for _ in 0..2 {
        assert_eq!(world.send(from([192, 0, 2, 7])).await.status, StatusCode::OK, "others are not kept waiting");
    }
    assert_eq!(world.send(from([192, 0, 2, 7])).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(world.send(from([192, 0, 2, 8])).await.status, StatusCode::OK);
    world.clock.advance(jiff::SignedDuration::from_secs(30));
    assert_eq!(get(&world, path).await.0.status, StatusCode::OK);
}

#[tokio::test]
async fn metadata_in_the_dialect_of_exchange() {
    let path = "/autodiscover/metadata/json/1";
    assert_eq!(get(&World::new().await, path).await.0.status, StatusCode::NOT_FOUND);
    let world = World::with(|config| {
        config.identity = Some(Identity { certificate: vec![1, 2, 3], realm: Some("fabrikam.example".to_owned()) });
    })
    .await;
    let (reply, json) = get(&world, path).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(json["issuer"], "00000002-0000-0ff1-ce00-000000000000@fabrikam.example");
    assert_eq!(json["serviceName"], "00000002-0000-0ff1-ce00-000000000000");
    assert_eq!(json["keys"][0]["keyvalue"]["value"], "AQID");
    assert_eq!(json["keys"][0]["keyinfo"]["x5t"], actas_token::key::x5t(&[1, 2, 3]));
    assert_eq!(json["endpoints"][0]["location"], format!("https://{HOST}/autodiscover/metadata/json/1"));
    let read = |query: &str| format!("{path}?realm={query}");
    let (reply, json) = get(&world, &read("Contoso.example")).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(json["issuer"], "00000002-0000-0ff1-ce00-000000000000@contoso.example");
    for nobody in ["tailspin.example", "", "*"] {
        assert_eq!(get(&world, &read(nobody)).await.0.status, StatusCode::NOT_FOUND, "{nobody}");
    }
}
