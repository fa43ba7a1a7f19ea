//! Attacks on who may have a token at all.

use actas_sts::Policy;
use actas_token::{issue, well_known};
use http::StatusCode;
use jiff::SignedDuration;

use crate::cloud::{APP, Answer, Cloud, signing};

const S2S: &str = "http://oauth.net/grant_type/jwt/1.0/bearer";

async fn with_secret(cloud: &Cloud) -> Answer {
    let (app, secret) = (APP.to_string(), cloud.secret.clone());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", app.as_str()),
        ("client_secret", &secret),
        ("scope", "https://mail.cloud.example/.default"),
    ];
    cloud.post(&format!("/{}/oauth2/v2.0/token", cloud.tenant), &form).await
}

#[tokio::test]
async fn a_secret_is_no_proof_unless_the_policy_says_so() {
    let careful = Cloud::with(Policy::default()).await;
    let answer = with_secret(&careful).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text);
    assert_eq!(answer.json()["error"], "invalid_client");
    let lax = Cloud::with(Policy { allow_secrets: true, ..Policy::default() }).await;
    assert_eq!(with_secret(&lax).await.status, StatusCode::OK, "the twin");
}

#[tokio::test]
async fn an_actor_token_is_had_by_a_key_alone() {
    let cloud = Cloud::with(Policy { allow_secrets: true, ..Policy::default() }).await;
    let (app, secret) = (APP.to_string(), cloud.secret.clone());
    let path = format!("/{}/tokens/OAuth/2", cloud.tenant);
    let resource = format!("{}/mail.cloud.example@{}", well_known::EXCHANGE, cloud.tenant);
    let caller = actas_token::Principal::in_realm(APP, cloud.tenant.to_string());
    let audience = format!("{}/sts.cloud.example@{}", well_known::STS, cloud.tenant);
    let life = SignedDuration::from_mins(5);
    let assertion = issue::assertion(&signing(&cloud.app), &caller, &audience, life, cloud.now()).unwrap();
    let (signed, _) = assertion.rsplit_once('.').unwrap();
    // A secret in the place of the assertion, beside one without signature, as its key.
    let unsigned = format!("{signed}.");
    let any = format!("{signed}.AAAA");
    for assertion in ["", &secret, &unsigned, &any] {
        let form = [
            ("grant_type", S2S),
            ("assertion", assertion),
            ("client_id", app.as_str()),
            ("client_secret", &secret),
            ("resource", &resource),
        ];
        let answer = cloud.post(&path, &form).await;
        assert!(answer.status.is_client_error(), "{}", answer.text);
        assert!(answer.json()["access_token"].is_null(), "{}", answer.text);
    }
    let form = [("grant_type", S2S), ("assertion", assertion.as_str()), ("resource", &resource)];
    assert_eq!(cloud.post(&path, &form).await.status, StatusCode::OK, "the twin");
}
