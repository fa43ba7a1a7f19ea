//! The document that tells programs what is served.

use std::path::Path;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Client;
use crate::cloud::{ADMIN, Cloud};

const FILE: &str = "openapi/graph-v1.0.json";

/// The committed document is the served one. `ACTAS_UPDATE=1` writes it anew.
#[tokio::test]
async fn the_document_is_current() {
    let cloud = Cloud::start().await;
    let answer = cloud.get("/v1.0/openapi.json").await;
    assert_eq!(answer.status, StatusCode::OK, "without a token: it holds nothing of a tenant");
    let served = format!("{}\n", serde_json::to_string_pretty(&answer.json()).unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("ACTAS_UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &served).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == served, "{FILE} is stale; ACTAS_UPDATE=1 writes it anew");
}

/// Every route of the document leads somewhere: none ends as an unknown segment or a
/// method that is not supported.
#[tokio::test]
async fn every_route_is_served() {
    let cloud = Cloud::start().await;
    let all =
        ["Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "Directory.Read.All", "User.ReadWrite.All"];
    let client = Client::with_permissions(&cloud, ADMIN, &all).await;
    let document = cloud.get("/v1.0/openapi.json").await.json();
    let mut routes = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let parameters = item["parameters"].as_array().unwrap();
        assert_eq!(parameters.len(), path.matches('{').count(), "{path}");
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            // Nothing there has this id, so that nothing changes on the way.
            let path = parameters.iter().fold(format!("/v1.0{path}"), |path, parameter| {
                path.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), &Uuid::nil().to_string())
            });
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = if path.ends_with("$count") {
                client.eventual(&path).await
            } else {
                client.call(method.clone(), &path, Some(&json!({})), None).await
            };
            let code = serde_json::from_str::<Value>(&answer.text).ok().map(|body| body["error"]["code"].clone());
            assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_ne!(code, Some(json!("BadRequest")), "{method} {path}: {}", answer.text);
            assert!(operation["responses"].as_object().unwrap().len() >= 2 && operation["summary"].is_string());
            routes += 1;
        }
    }
    assert!(routes > 60, "{routes}");
    for (_, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert_eq!(schema["type"], "object");
    }
}
