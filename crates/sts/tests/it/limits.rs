//! Callers that ask for too much.

use actas_sts::{Policy, Rate, Rates};
use axum::body::Body;
use http::{Request, StatusCode};
use jiff::SignedDuration;

use crate::cloud::{APP, Answer, Cloud};

const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.2";
const FEW: Rate = Rate { per_second: 1, burst: 3 };

async fn cloud(change: impl FnOnce(&mut Rates)) -> Cloud {
    let mut rates = Rates::default();
    change(&mut rates);
    Cloud::with(Policy { allow_secrets: true, rates, ..Policy::default() }).await
}

async fn ask(cloud: &Cloud, from: &str, secret: &str) -> Answer {
    let (path, id) = (format!("/{}/oauth2/v2.0/token", cloud.tenant), APP.to_string());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id.as_str()),
        ("client_secret", secret),
        ("scope", "https://mail.cloud.example/.default"),
    ];
    cloud.post_from(from, &path, &[], &form).await
}

#[track_caller]
fn throttled(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{}", answer.text);
    assert_eq!((answer.json()["error"].as_str(), answer.code()), (Some("temporarily_unavailable"), 90_055));
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test]
async fn an_address_and_the_rate_it_has() {
    let cloud = cloud(|rates| rates.token_by_address = FEW).await;
    for _ in 0..3 {
        assert_eq!(ask(&cloud, HERE, &cloud.secret).await.status, StatusCode::OK);
    }
    throttled(&ask(&cloud, HERE, &cloud.secret).await);
    assert_eq!(ask(&cloud, THERE, &cloud.secret).await.status, StatusCode::OK, "another address");
    cloud.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(ask(&cloud, HERE, &cloud.secret).await.status, StatusCode::OK, "after Retry-After");
}

#[tokio::test]
async fn a_client_from_anywhere() {
    let cloud = cloud(|rates| rates.token_by_client = FEW).await;
    for from in [HERE, THERE, HERE] {
        assert_eq!(ask(&cloud, from, &cloud.secret).await.status, StatusCode::OK);
    }
    throttled(&ask(&cloud, THERE, &cloud.secret).await);
}

#[tokio::test]
async fn guessing_ends_and_locks_nobody_else_out() {
    let cloud = cloud(|rates| rates.refusals_by_address = FEW).await;
    for _ in 0..3 {
        assert_eq!(ask(&cloud, HERE, "guess").await.code(), 7_000_215);
    }
    throttled(&ask(&cloud, HERE, "guess").await);
    throttled(&ask(&cloud, HERE, &cloud.secret).await);
    assert_eq!(ask(&cloud, THERE, &cloud.secret).await.status, StatusCode::OK, "the client itself is not locked");
    cloud.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(ask(&cloud, HERE, &cloud.secret).await.status, StatusCode::OK);
}

#[tokio::test]
async fn graph_has_its_own() {
    let cloud = cloud(|rates| rates.graph_by_address = FEW).await;
    let get = async || {
        let peer: std::net::SocketAddr = format!("{HERE}:1").parse().unwrap();
        let request = Request::get("/v1.0/organization").extension(axum::extract::ConnectInfo(peer));
        cloud.send(request.body(Body::empty()).unwrap()).await
    };
    for _ in 0..3 {
        assert_eq!(get().await.status, StatusCode::UNAUTHORIZED);
    }
    let answer = get().await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.json()["error"]["code"], "TooManyRequests");
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(ask(&cloud, HERE, &cloud.secret).await.status, StatusCode::OK, "tokens are not Graph");
}

#[tokio::test]
async fn what_is_served_without_a_listener_is_not_limited() {
    let cloud = cloud(|rates| rates.token_by_address = FEW).await;
    let path = format!("/{}/oauth2/v2.0/token", cloud.tenant);
    for _ in 0..9 {
        assert_eq!(cloud.post(&path, &[("grant_type", "x")]).await.code(), 70_003);
    }
}
