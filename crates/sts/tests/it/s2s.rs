//! The S2S grant, rule by rule.

use actas_token::issue;
use actas_token::jws::{Compact, Reading};
use actas_token::{Principal, well_known};
use axum::body::Body;
use http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::cloud::{Answer, Cloud, credential, pair, signing};

const GRANT: &str = "http://oauth.net/grant_type/jwt/1.0/bearer";

/// A request for a token, as a well-behaved Lync makes it; tests bend one thing.
struct Ask<'c> {
    cloud: &'c Cloud,
    key: actas_token::SigningKey,
    tenant: String,
    caller: Principal,
    audience: String,
    resource: String,
    made: Timestamp,
    lifetime: SignedDuration,
}

impl<'c> Ask<'c> {
    fn new(cloud: &'c Cloud) -> Self {
        let realm = cloud.tenant.to_string();
        Self {
            cloud,
            key: signing(&cloud.lync),
            caller: Principal::in_realm(well_known::LYNC, realm.as_str()),
            audience: format!("{}/sts.cloud.example@{realm}", well_known::STS),
            resource: format!("{}/mail.cloud.example@{realm}", well_known::EXCHANGE),
            tenant: realm,
            made: cloud.now(),
            lifetime: SignedDuration::from_mins(5),
        }
    }

    fn assertion(&self) -> String {
        issue::assertion(&self.key, &self.caller, &self.audience, self.lifetime, self.made).unwrap()
    }

    async fn send(&self) -> Answer {
        let path = format!("/{}/tokens/OAuth/2", self.tenant);
        self.cloud
            .post(&path, &[("grant_type", GRANT), ("assertion", &self.assertion()), ("resource", &self.resource)])
            .await
    }

    #[track_caller]
    fn refused(answer: &Answer, status: u16, error: &str, code: u64) {
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"].as_str(), answer.code()),
            (status, Some(error), code),
            "{}",
            answer.text
        );
        assert!(answer.text.starts_with("{\"error\""), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_token_for_a_registered_key() {
    let cloud = Cloud::start().await;
    let ask = Ask::new(&cloud);
    let answer = ask.send().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = answer.json();
    for name in ["expires_in", "not_before", "expires_on"] {
        assert!(body[name].is_string(), "{name} is a string");
    }
    assert_eq!((body["token_type"].as_str(), body["resource"].as_str()), (Some("Bearer"), Some(ask.resource.as_str())));
    let token = Compact::parse(body["access_token"].as_str().unwrap(), Reading::Strict).unwrap();
    assert_eq!(token.claims.text("aud"), Ok(ask.resource.as_str()));
    assert_eq!(token.claims.text("nameid"), Ok(format!("{}@{}", well_known::LYNC, cloud.tenant).as_str()));
    assert_eq!(token.claims.text("iss"), Ok(format!("{}@{}", well_known::STS, cloud.tenant).as_str()));
    assert!(token.claims.flag("trustedfordelegation"));
    let audit = cloud.directory.audits(1).await.unwrap().remove(0);
    assert_eq!(audit.kind, "token issued");
    assert!(
        audit.details["tokenHash"].is_string() && !answer.text.contains(audit.details["tokenHash"].as_str().unwrap())
    );
}

#[tokio::test]
async fn names_that_may_stand_for_the_tenant() {
    let cloud = Cloud::start().await;
    for (path, realm) in
        [("fabrikam.example", "fabrikam.example"), ("FABRIKAM.example", cloud.tenant.to_string().as_str())]
    {
        let mut ask = Ask::new(&cloud);
        ask.tenant = path.to_owned();
        ask.caller.realm = Some(realm.to_owned());
        ask.audience = format!("{}/sts.cloud.example@{realm}", well_known::STS);
        ask.resource = format!("{}/mail.cloud.example@{realm}", well_known::EXCHANGE);
        assert_eq!(ask.send().await.status, StatusCode::OK, "{path}");
    }
    let mut ask = Ask::new(&cloud);
    ask.resource = format!("{}/x.outlook.example@{}", well_known::EXCHANGE, cloud.tenant);
    assert_eq!(ask.send().await.status, StatusCode::OK, "a wildcard name");
}

#[tokio::test]
async fn the_tenant_of_the_path_is_the_tenant_of_everything() {
    let cloud = Cloud::start().await;
    let (own, other) = (cloud.tenant.to_string(), cloud.other.to_string());
    let mut ask = Ask::new(&cloud);
    ask.tenant = "nowhere.example".to_owned();
    Ask::refused(&ask.send().await, 400, "invalid_request", 90_002);
    ask.tenant = "Fabrikam".to_owned();
    Ask::refused(&ask.send().await, 400, "invalid_request", 90_002);
    ask.tenant.clone_from(&other);
    Ask::refused(&ask.send().await, 400, "invalid_request", 90_002);
    let mut ask = Ask::new(&cloud);
    ask.resource = ask.resource.replace(&own, &other);
    Ask::refused(&ask.send().await, 400, "invalid_request", 90_002);
    let mut ask = Ask::new(&cloud);
    ask.audience = ask.audience.replace(&own, &other);
    Ask::refused(&ask.send().await, 401, "invalid_client", 50_012);
    // The key is a credential in the first tenant only.
    let mut ask = Ask::new(&cloud);
    for part in [&mut ask.tenant, &mut ask.audience, &mut ask.resource] {
        *part = part.replace(&own, &other);
    }
    ask.caller.realm = Some(other);
    Ask::refused(&ask.send().await, 401, "invalid_client", 50_012);
}

#[tokio::test]
async fn keys_have_owners_and_windows() {
    let cloud = Cloud::start().await;
    let mut ask = Ask::new(&cloud);
    ask.key = signing(&cloud.app);
    let answer = ask.send().await;
    Ask::refused(&answer, 401, "invalid_client", 50_012);
    assert!(
        answer.text.contains(cloud.app.certificate().thumbprint()),
        "the thumbprint tells the operator: {}",
        answer.text
    );

    cloud
        .change(well_known::LYNC, |lync| lync.key_credentials[0].end = cloud.now() - SignedDuration::from_secs(1))
        .await;
    Ask::refused(&Ask::new(&cloud).send().await, 401, "invalid_client", 50_012);
    let not_after = cloud.lync.certificate().not_after();
    cloud
        .change(well_known::LYNC, |lync| lync.key_credentials[0].end = not_after + SignedDuration::from_hours(24))
        .await;
    Ask::refused(&Ask::new(&cloud).send().await, 401, "invalid_client", 50_012);
    cloud.change(well_known::LYNC, |lync| lync.key_credentials[0].end = not_after).await;
    assert_eq!(Ask::new(&cloud).send().await.status, StatusCode::OK);

    // Two live keys: either signs.
    let next = pair("next", cloud.now());
    let next_credential = credential(&next, cloud.now());
    cloud.change(well_known::LYNC, |lync| lync.key_credentials.push(next_credential)).await;
    for key in [&cloud.lync, &next] {
        let mut ask = Ask::new(&cloud);
        ask.key = signing(key);
        assert_eq!(ask.send().await.status, StatusCode::OK);
    }
    // And within the second of removing one, it does not.
    cloud.change(well_known::LYNC, |lync| drop(lync.key_credentials.remove(0))).await;
    Ask::refused(&Ask::new(&cloud).send().await, 401, "invalid_client", 50_012);
}

#[tokio::test]
async fn disabled_and_unknown() {
    let cloud = Cloud::start().await;
    cloud.change(well_known::EXCHANGE, |exchange| exchange.enabled = false).await;
    Ask::refused(&Ask::new(&cloud).send().await, 400, "invalid_request", 500_011);
    cloud.change(well_known::LYNC, |lync| lync.enabled = false).await;
    Ask::refused(&Ask::new(&cloud).send().await, 400, "unauthorized_client", 7_000_112);
    let mut ask = Ask::new(&cloud);
    ask.caller.app_id = Uuid::from_u128(99);
    Ask::refused(&ask.send().await, 400, "unauthorized_client", 700_016);
}

#[tokio::test]
async fn times() {
    let cloud = Cloud::start().await;
    for (made, lifetime, expected) in
        [(-14, 5, Some(500_133)), (-9, 5, None), (6, 5, Some(500_133)), (5, 5, None), (0, 61, Some(500_133))]
    {
        let mut ask = Ask::new(&cloud);
        ask.made = cloud.now() + SignedDuration::from_mins(made);
        ask.lifetime = SignedDuration::from_mins(lifetime);
        let answer = ask.send().await;
        match expected {
            None => assert_eq!(answer.status, StatusCode::OK, "{made} {lifetime}"),
            Some(code) => Ask::refused(&answer, 400, "invalid_grant", code),
        }
    }
}

#[tokio::test]
async fn audiences_and_resources() {
    let cloud = Cloud::start().await;
    let realm = cloud.tenant;
    for audience in [
        format!("{}/sts.evil.example@{realm}", well_known::STS),
        format!("{}/sts.cloud.example@{realm}", well_known::EXCHANGE),
        format!("{}/sts.cloud.example", well_known::STS),
        "https://sts.cloud.example".to_owned(),
    ] {
        let mut ask = Ask::new(&cloud);
        ask.audience.clone_from(&audience);
        Ask::refused(&ask.send().await, 401, "invalid_client", 50_012);
    }
    for (resource, code) in [
        (format!("{}/mail.evil.example@{realm}", well_known::EXCHANGE), 500_011),
        (format!("{}/outlook.example@{realm}", well_known::EXCHANGE), 500_011),
        (format!("{}/mail.cloud.example@{realm}", Uuid::from_u128(99)), 500_011),
        (format!("{}@{realm}", well_known::EXCHANGE), 90_022),
        (format!("{}/mail.cloud.example", well_known::EXCHANGE), 90_022),
        ("https://mail.cloud.example".to_owned(), 90_022),
    ] {
        let mut ask = Ask::new(&cloud);
        ask.resource.clone_from(&resource);
        Ask::refused(&ask.send().await, 400, "invalid_request", code);
    }
}

#[tokio::test]
async fn malformed_requests() {
    let cloud = Cloud::start().await;
    let ask = Ask::new(&cloud);
    let path = format!("/{}/tokens/OAuth/2", cloud.tenant);
    let (assertion, resource) = (ask.assertion(), ask.resource.as_str());
    let good = [("grant_type", GRANT), ("assertion", assertion.as_str()), ("resource", resource)];
    for missing in 0..3 {
        let form: Vec<_> =
            good.iter().enumerate().filter(|(index, _)| *index != missing).map(|(_, pair)| *pair).collect();
        Ask::refused(&cloud.post(&path, &form).await, 400, "invalid_request", 900_144);
    }
    let twice: Vec<_> = good.iter().copied().chain([("resource", resource)]).collect();
    Ask::refused(&cloud.post(&path, &twice).await, 400, "invalid_request", 9_002_313);
    let unknown_twice: Vec<_> = good.iter().copied().chain([("x-client-sku", "a"), ("x-client-sku", "b")]).collect();
    assert_eq!(cloud.post(&path, &unknown_twice).await.status, StatusCode::OK);
    Ask::refused(&cloud.post(&path, &[("grant_type", "password")]).await, 400, "unsupported_grant_type", 70_003);
    let other_realm: Vec<_> = good.iter().copied().chain([("realm", "contoso.example")]).collect();
    Ask::refused(&cloud.post(&path, &other_realm).await, 400, "invalid_request", 90_002);
    let json = Request::post(&path).header("content-type", "application/json").body(Body::from("{}")).unwrap();
    Ask::refused(&cloud.send(json).await, 400, "invalid_request", 9_002_313);
    Ask::refused(&cloud.get(&path).await, 405, "invalid_request", 900_561);
    let huge = "a".repeat(70_000);
    assert_eq!(cloud.post(&path, &[("assertion", huge.as_str())]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    for bad in ["", "a.b.c", "e30.e30.", "eyJhbGciOiJub25lIn0.e30."] {
        let form = [("grant_type", GRANT), ("assertion", bad), ("resource", resource)];
        let answer = cloud.post(&path, &form).await;
        assert!(answer.status.is_client_error(), "{bad}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_request_id_comes_back_only_if_it_is_one() {
    let cloud = Cloud::start().await;
    let id = "8407ff7b-d85f-48b2-9ee8-6c9f30a910e4";
    for (sent, comes_back) in [(id, true), ("<script>", false)] {
        let request = Request::post("/nowhere.example/tokens/OAuth/2")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("client-request-id", sent)
            .body(Body::from("grant_type=x"))
            .unwrap();
        let answer = cloud.send(request).await;
        assert_eq!(answer.json()["correlation_id"].as_str() == Some(sent), comes_back);
    }
}

#[tokio::test]
async fn metadata_by_id_and_by_domain() {
    let cloud = Cloud::start().await;
    for path in [
        format!("/{}/metadata/json/1", cloud.tenant),
        "/fabrikam.example/metadata/json/1".to_owned(),
        "/metadata/json/1?realm=Fabrikam.Example".to_owned(),
    ] {
        let answer = cloud.get(&path).await;
        let read = actas_token::metadata::Metadata::parse(answer.text.as_bytes()).unwrap();
        assert_eq!(read.realm, Some(cloud.tenant.to_string()));
        assert_eq!(read.keys.len(), 2, "the current key and the next");
        assert_eq!(read.token_endpoint, Some(format!("https://sts.cloud.example/{}/tokens/OAuth/2", cloud.tenant)));
        assert!(read.allowed_audiences.contains(&format!("{}/sts.cloud.example@fabrikam.example", well_known::STS)));
    }
    for path in ["/Fabrikam/metadata/json/1", "/nowhere.example/metadata/json/1"] {
        Ask::refused(&cloud.get(path).await, 400, "invalid_request", 90_002);
    }
    Ask::refused(&cloud.get("/metadata/json/1").await, 400, "invalid_request", 50_059);
}
