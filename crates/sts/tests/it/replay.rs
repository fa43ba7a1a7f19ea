//! Assertions that are used again.

use actas_sts::{Policy, Tenants};
use actas_token::issue;
use http::StatusCode;
use jiff::SignedDuration;

use crate::cloud::{APP, Answer, Cloud, ORIGIN, signing};

const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.2";

fn assertion(cloud: &Cloud, jti: &str) -> String {
    let audience = format!("{ORIGIN}/{}/oauth2/v2.0/token", cloud.tenant);
    let life = SignedDuration::from_mins(10);
    issue::client_assertion(&signing(&cloud.app), &APP.to_string(), &audience, jti, life, cloud.now()).unwrap()
}

async fn ask(cloud: &Cloud, from: &str, assertion: &str) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
        ("scope", "https://mail.cloud.example/.default"),
    ];
    cloud.post_from(from, &format!("/{}/oauth2/v2.0/token", cloud.tenant), &[], &form).await
}

async fn reuses(cloud: &Cloud) -> Vec<serde_json::Value> {
    let all = cloud.directory.audits(100).await.unwrap();
    all.into_iter().filter(|audit| audit.kind == "assertion reused").map(|audit| audit.details).collect()
}

#[tokio::test]
async fn real_clients_send_one_again_and_again() {
    let cloud = Cloud::start().await;
    let one = assertion(&cloud, "a");
    for _ in 0..5 {
        assert_eq!(ask(&cloud, HERE, &one).await.status, StatusCode::OK);
    }
    assert!(reuses(&cloud).await.is_empty(), "from where it was first sent");
    // From elsewhere it is answered, and on record.
    assert_eq!(ask(&cloud, THERE, &one).await.status, StatusCode::OK);
    let reused = reuses(&cloud).await;
    assert_eq!(reused.len(), 1);
    assert_eq!((&reused[0]["firstFrom"], &reused[0]["from"]), (&HERE.into(), &THERE.into()));
    assert_eq!((&reused[0]["actor"], &reused[0]["refused"]), (&APP.to_string().into(), &false.into()));
    assert_eq!(reused[0]["assertionHash"], actas_token::token_hash(&one));
}

#[tokio::test]
async fn where_a_tenant_wants_each_used_once() {
    let probe = Cloud::start().await;
    for (tenants, once) in [
        (Tenants::All, true),
        (Tenants::These([probe.tenant].into()), true),
        (Tenants::These([probe.other].into()), false),
        (Tenants::None, false),
    ] {
        let cloud = Cloud::with(Policy { single_use_assertions: tenants.clone(), ..Policy::default() }).await;
        let one = assertion(&cloud, "a");
        assert_eq!(ask(&cloud, HERE, &one).await.status, StatusCode::OK);
        let again = ask(&cloud, HERE, &one).await;
        assert_eq!(again.status == StatusCode::UNAUTHORIZED, once, "{tenants:?}: {}", again.text);
        if once {
            assert_eq!((again.json()["error"].as_str(), again.code()), (Some("invalid_client"), 50_013));
            assert_eq!(reuses(&cloud).await[0]["refused"], true);
        }
        assert_eq!(ask(&cloud, HERE, &assertion(&cloud, "b")).await.status, StatusCode::OK, "another");
    }
}

#[tokio::test]
async fn a_refused_assertion_is_not_remembered() {
    let policy = Policy { single_use_assertions: Tenants::All, ..Policy::default() };
    let cloud = Cloud::with(policy).await;
    cloud.clock.advance(SignedDuration::from_mins(6));
    let one = assertion(&cloud, "a");
    cloud.clock.advance(SignedDuration::from_mins(-6));
    assert_eq!(ask(&cloud, HERE, &one).await.code(), 700_024, "not yet");
    cloud.clock.advance(SignedDuration::from_mins(6));
    assert_eq!(ask(&cloud, HERE, &one).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_skew_is_a_policy_within_bounds() {
    for (skew, late, good) in [(0, 0, false), (60, 59, true), (60, 60, false), (3600, 299, true), (3600, 300, false)] {
        let cloud = Cloud::with(Policy { skew: SignedDuration::from_secs(skew), ..Policy::default() }).await;
        let one = assertion(&cloud, "a");
        cloud.clock.advance(SignedDuration::from_secs(600 + late));
        let answer = ask(&cloud, HERE, &one).await;
        assert_eq!(answer.status == StatusCode::OK, good, "{skew} {late}: {}", answer.text);
    }
}

#[tokio::test]
async fn so_are_the_lives_of_assertions() {
    for (minutes, good) in [(10, true), (9, false)] {
        let policy = Policy { client_assertion_lifetime_max: SignedDuration::from_mins(minutes), ..Policy::default() };
        let cloud = Cloud::with(policy).await;
        let answer = ask(&cloud, HERE, &assertion(&cloud, "a")).await;
        assert_eq!(answer.status == StatusCode::OK, good, "{minutes}: {}", answer.text);
    }
}
