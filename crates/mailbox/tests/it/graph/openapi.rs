//! The document that tells programs what is served.

use std::path::Path;

use actas_mailbox::MailboxServer;
use http::Method;
use serde_json::json;
use uuid::Uuid;

use crate::world::World;

const FILE: &str = "openapi/graph-mail-v1.0.json";

/// The committed document is the one that is served. `ACTAS_UPDATE=1` writes it anew.
#[test]
fn the_document_is_current() {
    let served = format!("{}\n", serde_json::to_string_pretty(&MailboxServer::graph_openapi()).unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("ACTAS_UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &served).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == served, "{FILE} is stale; ACTAS_UPDATE=1 writes it anew");
}

/// Every route of the document leads somewhere: none ends as an unknown segment or a method
/// that is not supported.
#[tokio::test]
async fn every_route_is_served() {
    let world = World::new().await;
    let document = MailboxServer::graph_openapi();
    let mut routes = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(MailboxServer::serves_graph(&format!("/v1.0{path}")), "{path}");
        assert_eq!(item["parameters"].as_array().unwrap().len(), path.matches('{').count(), "{path}");
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            let id = Uuid::nil().to_string();
            let path = path.replace("{userId}", &world.lena.id.to_string()).replace("{folderId}", "inbox");
            let path = ["{messageId}", "{attachmentId}"].iter().fold(path, |path, name| path.replace(name, &id));
            let method: Method = method.to_uppercase().parse().unwrap();
            let token = if path.starts_with("/me") {
                world.graph_acting(&world.lena, "Mail.ReadWrite")
            } else {
                world.graph_token(world.fabrikam, &["Mail.ReadWrite"])
            };
            let body = json!({ "displayName": Uuid::new_v4().to_string() }).to_string();
            let reply = world.graph_with(&token, method.clone(), &path, &[], body).await;
            assert_ne!(reply.status.as_u16(), 405, "{method} {path}");
            assert!(!reply.body.contains("\"BadRequest\""), "{method} {path}: {}", reply.body);
            assert!(operation["summary"].is_string() && operation["responses"].as_object().unwrap().len() >= 2);
            routes += 1;
        }
    }
    assert_eq!(routes, 50);
}
