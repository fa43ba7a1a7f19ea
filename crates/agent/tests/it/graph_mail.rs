//! Delivery over Graph mail, against a peer with the shapes of Graph v1.0.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actas_agent::{Agent, Channel, Component, Connection, Deliverer, Proof, StorageConfigurationChange, StorageItem};
use actas_certificate::file;
use actas_store::queue::ItemState;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::peer::{GRAPH, STS, Scene, Seen, USER};

/// A Graph with the messages of one folder, which loses answers as told.
#[derive(Clone, Default)]
struct Graph(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    messages: Vec<Value>,
    /// What happens to the next creations.
    script: Vec<Step>,
    uploaded: Vec<(String, u64)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    KeepsAndFails,
    Throttles,
    LosesTheSecondFile,
}

impl Graph {
    fn answer(&self, seen: &Seen) -> Response {
        let mut inner = self.0.lock().unwrap();
        if let Some(id) = seen.path.strip_prefix("/upload/") {
            assert!(!seen.token, "the address of an upload is a secret of its own");
            let (name, size) = inner.uploaded.iter().find(|(name, _)| name == id).cloned().unwrap();
            if inner.script.first() == Some(&Step::LosesTheSecondFile) {
                inner.script.remove(0);
                return StatusCode::BAD_GATEWAY.into_response();
            }
            inner.messages[0]["attachments"].as_array_mut().unwrap().push(json!({"name": name, "size": size}));
            return StatusCode::CREATED.into_response();
        }
        assert!(seen.token && seen.host == GRAPH, "{} {}", seen.host, seen.path);
        let user = USER.replace('@', "%40");
        let path = seen.path.strip_prefix(&format!("/v1.0/users/{user}/")).unwrap();
        match (&seen.method, path) {
            (&Method::GET, "mailFolders/inbox/messages") => {
                let query: Vec<_> = url::form_urlencoded::parse(seen.query.as_bytes()).into_owned().collect();
                let filter = &query.iter().find(|(name, _)| name == "$filter").unwrap().1;
                let property = "String {00020329-0000-0000-c000-000000000046} Name ActasDeliveryKey";
                let start = format!("singleValueExtendedProperties/Any(ep: ep/id eq '{property}' and ep/value eq '");
                let key = filter.strip_prefix(&start).unwrap().strip_suffix("')").unwrap().replace("''", "'");
                let found: Vec<_> = inner.messages.iter().filter(|message| key_of(message) == key).collect();
                axum::Json(
                    json!({"value": found.iter().map(|message| json!({"id": message["id"]})).collect::<Vec<_>>()}),
                )
                .into_response()
            }
            (&Method::POST, "mailFolders/inbox/messages") => {
                let step = (inner.script.first() != Some(&Step::LosesTheSecondFile))
                    .then(|| if inner.script.is_empty() { None } else { Some(inner.script.remove(0)) })
                    .flatten();
                if step == Some(Step::Throttles) {
                    return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response();
                }
                let mut message: Value = serde_json::from_str(&seen.body).unwrap();
                message["id"] = format!("id {}", inner.messages.len()).into();
                if message["attachments"].is_null() {
                    message["attachments"] = json!([]);
                }
                inner.messages.push(message.clone());
                if step == Some(Step::KeepsAndFails) {
                    return StatusCode::BAD_GATEWAY.into_response();
                }
                (StatusCode::CREATED, axum::Json(message)).into_response()
            }
            (&Method::GET, "messages/id%200/attachments") => {
                axum::Json(json!({"value": inner.messages[0]["attachments"]})).into_response()
            }
            (&Method::POST, "messages/id%200/attachments") => {
                let file: Value = serde_json::from_str(&seen.body).unwrap();
                inner.messages[0]["attachments"].as_array_mut().unwrap().push(file);
                StatusCode::CREATED.into_response()
            }
            (&Method::POST, "messages/id%200/attachments/createUploadSession") => {
                let asked: Value = serde_json::from_str(&seen.body).unwrap();
                let name = asked["AttachmentItem"]["name"].as_str().unwrap().to_owned();
                inner.uploaded.push((name.clone(), asked["AttachmentItem"]["size"].as_u64().unwrap()));
                axum::Json(json!({"uploadUrl": format!("https://{GRAPH}/upload/{name}")})).into_response()
            }
            other => panic!("{other:?}"),
        }
    }

    fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().messages.iter().map(key_of).collect()
    }
}

fn key_of(message: &Value) -> String {
    let properties = message["singleValueExtendedProperties"].as_array().unwrap();
    let own = properties.iter().find(|property| property["id"].as_str().unwrap().ends_with("Name ActasDeliveryKey"));
    own.unwrap()["value"].as_str().unwrap().to_owned()
}

fn item(key: &str) -> StorageItem {
    let now = actas_runtime::SystemClock::shared().now();
    StorageItem::new(USER, Component::Voicemail, "A message", "text", Some(key.to_owned()), now).unwrap()
}

/// A trust with an application that signs in, and delivery over Graph.
async fn set() -> (Scene, Graph) {
    let scene = Scene::set().await;
    let graph = Graph::default();
    let answering = graph.clone();
    scene.peer.graph(move |seen| answering.answer(seen));
    let now = scene.agent.clock().now();
    let pair = actas_certificate::issue::self_signed("app", &[], now, Duration::from_hours(100), 2048).unwrap();
    let (certificate_file, key_file) = (scene.folder().join("app.cer"), scene.folder().join("app.key"));
    file::write_certificate(&certificate_file, pair.certificate()).unwrap();
    file::write_private_key(&key_file, pair.key()).unwrap();
    let connection = Connection {
        graph_url: format!("https://{GRAPH}"),
        authority: format!("https://{STS}"),
        tenant: "fabrikam.example".into(),
        client_id: Uuid::from_u128(9),
        environment: None,
        account: None,
        proof: Proof::Certificate { certificate_file, key_file: Some(key_file) },
    };
    scene.agent.remember_connection(&connection).await.unwrap();
    let change = StorageConfigurationChange { delivery: Some(Channel::Graph), ..Default::default() };
    scene.agent.set_storage_configuration(&change).await.unwrap();
    (scene, graph)
}

async fn deliver(agent: &Agent, keys: &[&str]) {
    let (stop, stopped) = watch::channel(false);
    let options = actas_agent::DeliveryOptions {
        retry_first: Duration::from_millis(50),
        lease: Duration::from_millis(500),
        ..Default::default()
    };
    let running = tokio::spawn(Deliverer::with(agent.clone(), options).run(stopped));
    let settled = async {
        for key in keys {
            while agent.queue().get(key).await.unwrap().unwrap().state == ItemState::Queued {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(40), settled).await.expect("not settled in time");
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn in_order_and_once_whatever_becomes_of_an_answer() {
    let (scene, graph) = set().await;
    graph.0.lock().unwrap().script = vec![Step::Throttles, Step::KeepsAndFails];
    let keys = ["it's a", "b", "c"];
    scene.agent.put(&keys.map(item)).await.unwrap();
    deliver(&scene.agent, &keys).await;
    assert_eq!(graph.keys(), keys);
    let message = graph.0.lock().unwrap().messages[0].clone();
    assert_eq!(message["toRecipients"][0]["emailAddress"]["address"], USER);
    let properties = message["singleValueExtendedProperties"].as_array().unwrap();
    for (id, value) in [("Integer 0x0E07", "1"), ("String 0x001A", "IPM.Note.Microsoft.Voicemail.UM.CA")] {
        assert!(properties.contains(&json!({"id": id, "value": value})), "{id}");
    }
}

#[tokio::test]
async fn small_files_come_with_the_message() {
    let (scene, graph) = set().await;
    let path = scene.folder().join("note.txt");
    std::fs::write(&path, "Hello").unwrap();
    scene.agent.put_with_files(item("a"), &[&path]).await.unwrap();
    deliver(&scene.agent, &["a"]).await;
    let file = graph.0.lock().unwrap().messages[0]["attachments"][0].clone();
    assert_eq!((file["name"].as_str(), file["contentBytes"].as_str()), (Some("note.txt"), Some("SGVsbG8=")));
}

#[tokio::test]
async fn large_files_are_completed_after_a_failure() {
    let (scene, graph) = set().await;
    let paths = ["1.wav", "2.wav"].map(|name| scene.folder().join(name));
    std::fs::write(&paths[0], vec![1; 100]).unwrap();
    std::fs::write(&paths[1], vec![2; 3_000_000]).unwrap();
    graph.0.lock().unwrap().script = vec![Step::LosesTheSecondFile];
    scene.agent.put_with_files(item("a"), &paths).await.unwrap();
    deliver(&scene.agent, &["a"]).await;
    assert_eq!(graph.keys(), ["a"]);
    let files = graph.0.lock().unwrap().messages[0]["attachments"].clone();
    let names: Vec<_> = files.as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["1.wav", "2.wav"]);
}
