//! The layer in front of the service of `examples/axum.rs`.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use actas_token::dpop::{self, Expected, Proofs};
use actas_token::{Limits, VerifyingKey, well_known};
use actas_validator::{AdmitLayer, Details, Validator};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use tower::{Layer, Service, ServiceExt};

use crate::issuer::{METADATA, Published, actor, bound_actor, key, metadata, tenant};

#[path = "../../examples/axum.rs"]
#[allow(dead_code)]
mod example;

const HOST: &str = "mail.cloud.example";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn validator(published: &Published) -> Validator {
    let validator = Validator::new(example::resource(HOST), Limits::default(), Arc::new(published.clone()));
    validator.configure(&example::trusted(tenant(), METADATA));
    validator
}

async fn ask(service: Router, authorization: Option<&str>) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::get("/whoami");
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let response = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 4096).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_good_token_reaches_the_handler_and_says_who_calls() {
    let (published, own) = (Published::default(), key());
    published.set(METADATA, Some(metadata(well_known::STS, &tenant().to_string(), &[&own])));
    let service = example::service(validator(&published), now);
    let (status, _, body) = ask(service, Some(&format!("Bearer {}", actor(&own, now())))).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, format!("application {} of tenant {}", well_known::LYNC, tenant()));
}

#[tokio::test]
async fn all_others_are_answered_before_the_handler() {
    let (published, own, stranger) = (Published::default(), key(), key());
    published.set(METADATA, Some(metadata(well_known::STS, &tenant().to_string(), &[&own])));
    let service = example::service(validator(&published), now);
    for nothing in [None, Some("Bearer"), Some("Basic YTpi")] {
        let (status, headers, body) = ask(service.clone(), nothing).await;
        assert_eq!((status, body.as_str()), (StatusCode::UNAUTHORIZED, ""));
        let challenge = headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with(&format!("Bearer client_id=\"{}\"", well_known::EXCHANGE)), "{challenge}");
        assert!(challenge.contains(&format!("trusted_issuers=\"{}@{}\"", well_known::STS, tenant())), "{challenge}");
        assert!(!challenge.contains("error=") && !headers.contains_key("x-ms-diagnostics"));
    }
    let forged = format!("Bearer {}", actor(&stranger, now()));
    let (status, headers, _) = ask(service.clone(), Some(&forged)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(headers["www-authenticate"].to_str().unwrap().ends_with("error=\"invalid_token\""));
    let diagnostics = headers["x-ms-diagnostics"].to_str().unwrap();
    assert!(diagnostics.starts_with("2000000;") && !diagnostics.contains("rule="), "{diagnostics}");
    let (status, ..) = ask(service, Some("Bearer  a.b.c")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn realm_and_details_are_told_where_asked_for() {
    let published = Published::default();
    let layer = AdmitLayer::new(validator(&published), || Timestamp::UNIX_EPOCH);
    let layer = layer.clone().realm("cloud.example").details(Details::Verbose);
    let service = Router::new().route("/whoami", get(|| async { "in" })).layer(layer);
    let (_, headers, _) = ask(service, Some("Bearer a\"b.c.d")).await;
    assert!(headers["www-authenticate"].to_str().unwrap().contains("realm=\"cloud.example\""));
    let diagnostics = headers["x-ms-diagnostics"].to_str().unwrap();
    assert!(diagnostics.contains("rule=\"V3\"") && diagnostics.matches('"').count() == 8, "{diagnostics}");
}

/// A service that is ready once it is `open`.
#[derive(Clone)]
struct Gate {
    open: bool,
}

impl Service<Request<()>> for Gate {
    type Response = http::Response<()>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.open { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        std::future::ready(Ok(http::Response::new(())))
    }
}

#[test]
fn it_is_ready_when_the_service_behind_it_is() {
    let layer = AdmitLayer::new(validator(&Published::default()), now);
    let ready = |open| layer.layer(Gate { open }).poll_ready(&mut Context::from_waker(Waker::noop()));
    assert_eq!(ready(true), Poll::Ready(Ok(())));
    assert_eq!(ready(false), Poll::Pending, "who is busy is not called");
}

#[test]
fn what_is_logged_of_it_names_the_resource_alone() {
    let validator = validator(&Published::default());
    let layer = AdmitLayer::new(validator.clone(), now).realm("cloud.example");
    let shown = format!("Validator({})", well_known::EXCHANGE);
    assert_eq!(format!("{validator:?}"), shown);
    assert_eq!(format!("{layer:?}"), format!("AdmitLayer({shown})"));
    assert_eq!(format!("{:?}", layer.layer(Gate { open: true })), format!("Admit({shown})"));
}

/// Asks with a bound token: `scheme`, and a proof if there is one.
async fn ask_bound(service: &Router, scheme: &str, token: &str, proof: Option<&str>) -> (StatusCode, HeaderMap) {
    let mut request = Request::get("/whoami?x=1").header("authorization", format!("{scheme} {token}"));
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    let response = service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    (response.status(), response.headers().clone())
}

fn challenges(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap().split(' ').next().unwrap()).collect()
}

#[tokio::test]
async fn a_bound_token_passes_with_its_proof_where_the_layer_checks_proofs() {
    let (published, own, holder) = (Published::default(), key(), key());
    published.set(METADATA, Some(metadata(well_known::STS, &tenant().to_string(), &[&own])));
    let public = VerifyingKey::from_certificate(&holder.certificate).unwrap();
    let public = public.public();
    let token = bound_actor(&own, Some(json!({ "jkt": public.thumbprint() })), now());
    let expected = Expected { method: "GET", token: Some(&token) };
    let url = format!("https://{HOST}/whoami");
    let proof = |nonce: Option<&str>| dpop::proof(&holder.signer, public, expected, &url, nonce, now()).unwrap();
    let service = |layer: AdmitLayer| Router::new().route("/whoami", get(|| async { "in" })).layer(layer);

    let origin = format!("https://{HOST}");
    let proofs = Arc::new(Proofs::new([origin.as_str()], true));
    let with = service(AdmitLayer::new(validator(&published), now).proofs(proofs));
    let (status, headers) = ask_bound(&with, "DPoP", &token, Some(&proof(None))).await;
    assert_eq!((status, challenges(&headers)), (StatusCode::UNAUTHORIZED, vec!["DPoP"]));
    assert!(headers["www-authenticate"].to_str().unwrap().contains("error=\"use_dpop_nonce\""));
    let nonce = headers["dpop-nonce"].to_str().unwrap().to_owned();
    let good = proof(Some(&nonce));
    let (status, headers) = ask_bound(&with, "DPoP", &token, Some(&good)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(headers.contains_key("dpop-nonce"));
    let (status, _) = ask_bound(&with, "DPoP", &token, Some(&good)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "a proof is used once");
    let (status, headers) = ask_bound(&with, "Bearer", &token, None).await;
    assert_eq!((status, challenges(&headers)), (StatusCode::UNAUTHORIZED, vec!["Bearer", "DPoP"]));

    let without = service(AdmitLayer::new(validator(&published), now));
    for scheme in ["DPoP", "Bearer"] {
        let (status, headers) = ask_bound(&without, scheme, &token, Some(&proof(None))).await;
        assert_eq!((status, challenges(&headers)), (StatusCode::UNAUTHORIZED, vec!["Bearer"]));
        assert!(!headers.contains_key("dpop-nonce"));
    }
}
