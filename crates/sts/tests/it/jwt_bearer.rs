//! The JWT bearer grant (RFC 7523 §2.1): an application's assertion about itself.

use actas_sts::{Policy, Tenants};
use actas_token::issue;
use actas_token::jws::{Compact, Reading};
use http::StatusCode;
use jiff::SignedDuration;
use uuid::Uuid;

use crate::cloud::{APP, Answer, Cloud, ORIGIN, pair, signing};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

struct Ask<'c> {
    cloud: &'c Cloud,
    client: String,
    key: actas_token::SigningKey,
    audience: String,
    lifetime: SignedDuration,
    extra: Vec<(&'static str, String)>,
}

impl<'c> Ask<'c> {
    fn new(cloud: &'c Cloud) -> Self {
        Self {
            cloud,
            client: APP.to_string(),
            key: signing(&cloud.app),
            audience: format!("{ORIGIN}/{}/v2.0", cloud.tenant),
            lifetime: SignedDuration::from_mins(5),
            extra: Vec::new(),
        }
    }

    async fn send(&self) -> Answer {
        let now = self.cloud.now();
        let assertion =
            issue::client_assertion(&self.key, &self.client, &self.audience, "j", self.lifetime, now).unwrap();
        let mut form =
            vec![("grant_type", GRANT), ("assertion", &assertion), ("scope", "https://mail.cloud.example/.default")];
        form.extend(self.extra.iter().map(|(name, value)| (*name, value.as_str())));
        self.cloud.post(&format!("/{}/oauth2/v2.0/token", self.cloud.tenant), &form).await
    }

    async fn refused(&self, status: u16, error: &str, code: u64) {
        let answer = self.send().await;
        let got = (answer.status.as_u16(), answer.json()["error"].as_str().map(str::to_owned), answer.code());
        assert_eq!(got, (status, Some(error.to_owned()), code), "{}", answer.text);
    }
}

#[tokio::test]
async fn it_gives_what_client_credentials_give() {
    let cloud = Cloud::start().await;
    let answer = Ask::new(&cloud).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let body = answer.json();
    let token = Compact::parse(body["access_token"].as_str().unwrap(), Reading::Strict).unwrap();
    assert_eq!((token.claims.text("appid"), token.claims.text("appidacr")), (Ok(APP.to_string().as_str()), Ok("2")));
    assert!(token.claims.has("roles") && body.get("refresh_token").is_none());
    let audit = cloud.directory.audits(1).await.unwrap().remove(0);
    assert_eq!(audit.details["grant"], "jwt_bearer");
}

#[tokio::test]
async fn a_bad_grant_is_not_a_bad_client() {
    let cloud = Cloud::start().await;
    let mut ask = Ask::new(&cloud);
    ask.key = signing(&pair("stranger", cloud.now()));
    ask.refused(400, "invalid_grant", 50_013).await;
    let mut ask = Ask::new(&cloud);
    ask.audience = "https://evil.example/".to_owned();
    ask.refused(400, "invalid_grant", 50_013).await;
    let mut ask = Ask::new(&cloud);
    ask.lifetime = SignedDuration::from_mins(61);
    ask.refused(400, "invalid_grant", 500_133).await;
    let mut ask = Ask::new(&cloud);
    ask.client = Uuid::from_u128(99).to_string();
    ask.refused(400, "unauthorized_client", 700_016).await;
    cloud.change(APP, |app| app.enabled = false).await;
    Ask::new(&cloud).refused(400, "unauthorized_client", 7_000_112).await;
}

#[tokio::test]
async fn one_proof_of_the_client_is_enough() {
    let cloud = Cloud::start().await;
    for (name, value, status, error, code) in [
        ("client_id", Uuid::from_u128(99).to_string(), 401, "invalid_client", 700_021),
        ("client_secret", cloud.secret.clone(), 400, "invalid_request", 9_002_313),
        ("requested_token_use", "on_behalf_of".to_owned(), 400, "unsupported_grant_type", 70_003),
    ] {
        let mut ask = Ask::new(&cloud);
        ask.extra = vec![(name, value)];
        ask.refused(status, error, code).await;
    }
    let mut ask = Ask::new(&cloud);
    ask.extra = vec![("client_id", APP.to_string())];
    assert_eq!(ask.send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn used_once_where_a_tenant_wants_it() {
    let cloud = Cloud::with(Policy { single_use_assertions: Tenants::All, ..Policy::default() }).await;
    let now = cloud.now();
    let audience = format!("{ORIGIN}/{}/v2.0", cloud.tenant);
    let life = SignedDuration::from_mins(5);
    let one = issue::client_assertion(&signing(&cloud.app), &APP.to_string(), &audience, "j", life, now).unwrap();
    let form = [("grant_type", GRANT), ("assertion", one.as_str()), ("scope", "https://mail.cloud.example/.default")];
    let path = format!("/{}/oauth2/v2.0/token", cloud.tenant);
    assert_eq!(cloud.post(&path, &form).await.status, StatusCode::OK);
    assert_eq!(cloud.post(&path, &form).await.code(), 50_013);
}
