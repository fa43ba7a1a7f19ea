//! What another server serves of Graph: handed on, also out of batches, and told of.

use actas_sts::Workload;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Client;
use crate::cloud::{APP, Cloud};

/// Answers what it was asked; below `bytes` with as many bytes as it was sent, of no text.
async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    if parts.uri.path().ends_with("/bytes") {
        return vec![0xff_u8; body.len()].into_response();
    }
    if parts.uri.path().ends_with("/huge") {
        return vec![b'x'; 17 * 1024 * 1024].into_response();
    }
    let token = parts.headers.get("authorization").map(|token| token.to_str().unwrap().to_owned());
    let told = json!({
        "method": parts.method.as_str(),
        "path": parts.uri.to_string(),
        "token": token,
        "body": String::from_utf8_lossy(&body),
    });
    let json = [("content-type", "application/json;charset=utf-8"), ("x-own", "1")];
    (StatusCode::ACCEPTED, json, told.to_string()).into_response()
}

async fn cloud() -> Cloud {
    let mut cloud = Cloud::start().await;
    let openapi = json!({
        "paths": { "/users/{id}/letters": { "parameters": [] } },
        "components": { "schemas": { "letter": { "type": "object" } } },
    });
    let serves = |path: &str| path.starts_with("/v1.0/users/") && path.contains("/letters");
    cloud.router = cloud.sts.router_beside(Workload { serves, router: Router::new().fallback(echo), openapi });
    cloud
}

#[tokio::test]
async fn its_paths_are_handed_on_and_no_others() {
    let cloud = cloud().await;
    let large = "x".repeat(2 * 1024 * 1024);
    let request = http::Request::post("/v1.0/users/1/letters?a=b").header("authorization", "Bearer a.b.c");
    let answer = cloud.send(request.body(Body::from(large.clone())).unwrap()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "the bounds are its own, and so is who may ask");
    let told = answer.json();
    assert_eq!((&told["method"], &told["path"]), (&json!("POST"), &json!("/v1.0/users/1/letters?a=b")));
    assert_eq!((&told["token"], told["body"].as_str().unwrap().len()), (&json!("Bearer a.b.c"), large.len()));
    let client = Client::with_permissions(&cloud, APP, &["User.Read.All"]).await;
    assert_eq!(client.get("/v1.0/users/lena@fabrikam.example").await.status, StatusCode::OK);
    let without = Cloud::start().await;
    let client = Client::with_permissions(&without, APP, &["User.Read.All"]).await;
    assert_eq!(client.get("/v1.0/users/1/letters").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_batch_holds_requests_to_both() {
    let cloud = cloud().await;
    let client = Client::with_permissions(&cloud, APP, &["Organization.Read.All"]).await;
    let requests = json!([
        {"id": "1", "method": "post", "url": "/users/1/letters", "headers": {"Authorization": "Bearer other"}, "body": {"a": 1}},
        {"id": "2", "method": "POST", "url": "/users/1/letters", "headers": {"Content-Type": "text/plain"}, "body": "a text"},
        {"id": "3", "method": "POST", "url": "/users/1/letters/bytes", "headers": {"Content-Type": "text/plain"}, "body": "123"},
        {"id": "4", "method": "GET", "url": "/organization", "dependsOn": ["3"]},
        {"id": "5", "method": "GET", "url": "/users/1/letters/huge"},
        {"id": "6", "method": "GET", "url": "/organization"},
    ]);
    let answer = client.post("/v1.0/$batch", json!({ "requests": requests })).await.json();
    let answers = answer["responses"].as_array().unwrap();
    let statuses: Vec<u64> = answers.iter().map(|one| one["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [202, 202, 200, 200, 507, 200], "one that is too large spoils no other");
    assert_eq!(answers[0]["body"]["token"], format!("Bearer {}", client.token), "the caller is the batch's");
    assert_eq!((&answers[0]["body"]["body"], &answers[0]["headers"]["x-own"]), (&json!("{\"a\":1}"), &json!("1")));
    assert_eq!(answers[1]["body"]["body"], "a text");
    assert_eq!(answers[2]["body"], "////", "three bytes 0xff in Base64");
    let anonymous = Client { cloud: &cloud, token: "a.b.c".into() };
    let requests = json!([{"id": "1", "method": "GET", "url": "/users/1/letters"}]);
    let answer = anonymous.call(Method::POST, "/v1.0/$batch", Some(&json!({ "requests": requests })), None).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_document_holds_both() {
    let cloud = cloud().await;
    let document: Value = cloud.get("/v1.0/openapi.json").await.json();
    assert!(document["paths"]["/users/{id}/letters"].is_object() && document["paths"]["/users"].is_object());
    let schemas = &document["components"]["schemas"];
    assert!(schemas["letter"].is_object() && schemas["user"].is_object());
}
