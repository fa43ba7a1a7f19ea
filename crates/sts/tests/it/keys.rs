//! Signing keys that roll while the service runs.

use actas_certificate::file;
use actas_store::sts::{KeyState, SigningKeys};
use actas_sts::{KeyRing, KeyRingError, Policy, SigningKeyKind, Sts};
use actas_token::jws::{Algorithm, Compact, Reading, SignedBy};
use actas_token::well_known;
use jiff::SignedDuration;

use crate::cloud::{APP, Cloud, ORIGIN};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

impl Cloud {
    pub async fn published(&self) -> Vec<String> {
        let keys = self.get(&format!("/{}/discovery/v2.0/keys", self.tenant)).await.json();
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn token(&self) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &APP.to_string()),
            ("client_secret", &self.secret),
            ("scope", &format!("{ORIGIN}/.default")),
        ];
        let answer = self.post(&format!("/{}/oauth2/v2.0/token", self.tenant), &form).await;
        answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned()
    }

    pub async fn states(&self) -> Vec<(String, KeyState)> {
        let all = SigningKeys::new(self.database.clone()).all().await.unwrap();
        all.into_iter().map(|key| (key.thumbprint, key.state)).collect()
    }

    pub async fn graph_reads(&self, token: &str) -> bool {
        let request = http::Request::get("/v1.0/servicePrincipals").header("authorization", format!("Bearer {token}"));
        self.send(request.body(axum::body::Body::empty()).unwrap()).await.status == http::StatusCode::OK
    }
}

pub fn kid(token: &str) -> String {
    Compact::parse(token, Reading::Strict).unwrap().header.kid.unwrap()
}

#[tokio::test]
async fn next_takes_over_and_previous_stays_for_its_tokens() {
    let cloud = Cloud::start().await;
    let before = cloud.published().await;
    let old = cloud.token().await;
    assert_eq!(kid(&old), before[0], "the signing key comes first");
    assert!(matches!(cloud.sts.rotate_signing_key(cloud.now()).await, Err(KeyRingError::Roll(_))), "too fresh");

    cloud.clock.advance(HOUR * 24);
    // The secret of this cloud lives for a day; a token of the last moment.
    cloud.clock.advance(-SignedDuration::from_secs(1));
    let old = cloud.token().await;
    cloud.clock.advance(SignedDuration::from_secs(1));
    let rolled = cloud.sts.rotate_signing_key(cloud.now()).await.unwrap().unwrap();
    assert!(rolled.changed_signer && rolled.retired.is_empty());
    let after = cloud.published().await;
    assert_eq!(after.len(), 3);
    assert_eq!(after[0], before[1], "what was next signs, without a restart");
    assert!(after.contains(&before[0]) && !before.contains(&after[1]));
    assert!(cloud.graph_reads(&old).await, "a token of the previous key is still good");

    let audit = cloud.directory.audits(1).await.unwrap().remove(0);
    assert_eq!(
        (audit.kind.as_str(), audit.details["current"].as_str()),
        ("signing key rotated", Some(rolled.current.as_str()))
    );

    cloud.clock.advance(HOUR * 25);
    assert_eq!(cloud.sts.maintain(cloud.now()).await.unwrap(), None);
    cloud.clock.advance(HOUR);
    let rolled = cloud.sts.maintain(cloud.now()).await.unwrap().unwrap();
    assert_eq!(rolled.retired.len(), 1);
    assert_eq!(cloud.published().await.len(), 2);
    let file = cloud.folder.path().join(format!("{}.key", rolled.retired[0]));
    assert!(!file.exists(), "a retired key is nowhere");
    assert!(cloud.states().await.contains(&(rolled.retired[0].clone(), KeyState::Retired)), "its name stays taken");
}

#[tokio::test]
async fn by_age_and_over_a_restart() {
    let cloud = Cloud::with(Policy { allow_secrets: true, ..Policy::default() }).await;
    let before = cloud.published().await;
    cloud.clock.advance(HOUR * (24 * 90));
    assert!(cloud.sts.maintain(cloud.now()).await.unwrap().unwrap().changed_signer);
    assert_eq!(cloud.sts.maintain(cloud.now()).await.unwrap(), None, "once");
    let after = cloud.published().await;
    assert_eq!((after.len(), &after[0]), (3, &before[1]));

    let store = SigningKeys::new(cloud.database.clone());
    let ring = KeyRing::load_or_make(&store, cloud.folder.path(), SigningKeyKind::Rsa, cloud.now()).await.unwrap();
    let origins = vec![ORIGIN.parse().unwrap()];
    let restarted = Sts::new(cloud.directory.clone(), ring, origins, Policy::default(), cloud.clock.clone());
    let restarted = Cloud { router: restarted.router(), sts: restarted, ..cloud };
    assert_eq!(restarted.published().await, after, "a restart changes nothing");
}

#[tokio::test]
async fn another_process_is_followed() {
    let cloud = Cloud::start().await;
    let store = SigningKeys::new(cloud.database.clone());
    let ring = KeyRing::load_or_make(&store, cloud.folder.path(), SigningKeyKind::Rsa, cloud.now()).await.unwrap();
    let origins = vec![ORIGIN.parse().unwrap()];
    let other = Sts::new(cloud.directory.clone(), ring, origins, Policy::default(), cloud.clock.clone());
    cloud.clock.advance(HOUR * 24);
    other.rotate_signing_key(cloud.now()).await.unwrap();
    assert_eq!(cloud.published().await.len(), 2, "not yet known here");
    let rolled = cloud.sts.maintain(cloud.now()).await.unwrap().unwrap();
    assert!(rolled.changed_signer);
    assert_eq!(cloud.published().await.len(), 3);
}

#[tokio::test]
async fn a_stolen_key_is_withdrawn_at_once() {
    let cloud = Cloud::start().await;
    let stolen = cloud.token().await;
    assert!(cloud.graph_reads(&stolen).await);
    let rolled = cloud.sts.replace_stolen_signing_key(cloud.now()).await.unwrap().unwrap();
    assert_eq!(rolled.retired.len(), 1);
    assert!(!cloud.published().await.contains(&kid(&stolen)));
    assert!(!cloud.graph_reads(&stolen).await);
    assert!(cloud.graph_reads(&cloud.token().await).await);
    assert_eq!(cloud.published().await.len(), 2, "and there is a next again");
}

#[tokio::test]
async fn no_name_is_used_twice() {
    let cloud = Cloud::start().await;
    let store = SigningKeys::new(cloud.database.clone());
    cloud.sts.replace_stolen_signing_key(cloud.now()).await.unwrap();
    let retired = store.all().await.unwrap().into_iter().find(|key| key.state == KeyState::Retired).unwrap();
    assert!(store.add(&[retired]).await.is_err());
}

#[tokio::test]
async fn es256_as_a_choice() {
    let policy = Policy { allow_secrets: true, signing_key_kind: SigningKeyKind::P256, ..Policy::default() };
    let cloud = Cloud::with(policy).await;
    let keys = cloud.get(&format!("/{}/discovery/v2.0/keys", cloud.tenant)).await.json();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&"EC".into(), &"P-256".into(), &"ES256".into()));
    assert!(key["x"].as_str().unwrap().len() == 43 && key["n"].is_null());
    let public = actas_token::PublicKey::from_jwk(key.as_object().unwrap()).unwrap();
    let text = cloud.token().await;
    let token = Compact::parse(&text, Reading::Strict).unwrap();
    assert_eq!(token.header.signed_by, SignedBy::Algorithm(Algorithm::Es256));
    assert!(public.verifies(Algorithm::Es256, token.signing_input.as_bytes(), &token.signature));
    assert!(cloud.graph_reads(&text).await);
    let metadata = cloud.get(&format!("/{}/metadata/json/1", cloud.tenant)).await;
    assert_eq!(actas_token::metadata::Metadata::parse(metadata.text.as_bytes()).unwrap().keys.len(), 2);
    let document = cloud.get(&format!("/{}/v2.0/.well-known/openid-configuration", cloud.tenant)).await.json();
    assert_eq!(document["id_token_signing_alg_values_supported"], serde_json::json!(["RS256"]));

    // A client with such a key.
    let now = cloud.now();
    let pair = actas_certificate::issue::self_signed_with(
        actas_certificate::PrivateKey::generate_p256().unwrap(),
        "client",
        &[],
        now,
        std::time::Duration::from_hours(24 * 30),
    )
    .unwrap();
    let path = cloud.folder.path().join("client.key");
    file::write_private_key(&path, pair.key()).unwrap();
    let credential = crate::cloud::credential(&pair, now);
    cloud.change(well_known::LYNC, |lync| lync.key_credentials.push(credential)).await;
    let v2 = format!("/{}/oauth2/v2.0/token", cloud.tenant);
    let key = crate::cloud::signing(&pair);
    let client = well_known::LYNC.to_string();
    let assertion =
        actas_token::issue::client_assertion(&key, &client, &format!("{ORIGIN}{v2}"), "j", HOUR, now).unwrap();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.as_str()),
        ("scope", "https://mail.cloud.example/.default"),
    ];
    assert_eq!(cloud.post(&v2, &form).await.status, http::StatusCode::OK);
}
