//! The intake over HTTP: who gets in, and what an answer promises.

use std::time::Duration;

use actas_agent::{Agent, Deliverer, StorageConfigurationChange, intake};
use actas_runtime::{HttpRequest, HttpResponse, Limits, Server, listener};
use actas_store::queue::ItemState;
use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::peer::{Scene, USER};

const BOUNDARY: &str = "a-boundary";

struct Intake {
    scene: Scene,
    server: Server,
    token: String,
}

impl Intake {
    async fn open() -> Self {
        let scene = Scene::set().await;
        let bound = listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let server = listener::serve_plain(bound, intake::router(scene.agent.clone()), &Limits::default()).unwrap();
        let token = scene.agent.new_intake_token("telephones", None).await.unwrap().reveal().to_owned();
        Self { scene, server, token }
    }

    fn agent(&self) -> &Agent {
        &self.scene.agent
    }

    fn request(&self, method: Method, path: &str) -> HttpRequest {
        HttpRequest::new(method, format!("http://{}{path}", self.server.local_addr()))
    }

    async fn send(&self, request: HttpRequest) -> HttpResponse {
        self.scene.http().send(request).await.unwrap()
    }

    async fn post(&self, body: &Value, key: Option<&str>) -> (u16, Value) {
        let mut request = self.request(Method::POST, "/storage/v1/items").bearer(&self.token).unwrap();
        request = request.header(http::header::CONTENT_TYPE, "application/json").unwrap();
        if let Some(key) = key {
            request = request.header(http::HeaderName::from_static("idempotency-key"), key).unwrap();
        }
        request.body = body.to_string().into();
        told(&self.send(request).await)
    }

    async fn form(&self, parts: &[(&str, &[u8])]) -> (u16, Value) {
        let mut body = Vec::new();
        for (name, content) in parts {
            body.extend_from_slice(
                format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let request = self.request(Method::POST, "/storage/v1/items").bearer(&self.token).unwrap();
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let mut request = request.header(http::header::CONTENT_TYPE, &kind).unwrap();
        request.body = body.into();
        told(&self.send(request.timeout(Duration::from_mins(1))).await)
    }

    async fn get(&self, key: &str) -> (u16, Value) {
        let request = self.request(Method::GET, &format!("/storage/v1/items/{key}")).bearer(&self.token).unwrap();
        told(&self.send(request).await)
    }
}

fn told(response: &HttpResponse) -> (u16, Value) {
    (response.status.as_u16(), serde_json::from_slice(&response.body).unwrap_or_default())
}

fn talk(key: Option<&str>) -> Value {
    let mut item =
        json!({"owner": format!("sip:{USER}"), "component": "ConversationHistory", "subject": "Talk", "body": "Hello"});
    if let Some(key) = key {
        item["key"] = key.into();
    }
    item
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let intake = Intake::open().await;
    let ended = intake.agent().new_intake_token("ended", Some(SignedDuration::ZERO)).await.unwrap();
    let removed = intake.agent().new_intake_token("removed", None).await.unwrap();
    intake.agent().remove_intake_token("Removed").await.unwrap();
    let mut wrong = intake.token.clone();
    wrong.pop();
    for (token, code) in [
        (None, "NoToken"),
        (Some(""), "NoToken"),
        (Some("nonsense"), "InvalidToken"),
        (Some(wrong.as_str()), "InvalidToken"),
        (Some(ended.reveal()), "InvalidToken"),
        (Some(removed.reveal()), "InvalidToken"),
    ] {
        for (method, path) in [(Method::POST, "/storage/v1/items"), (Method::GET, "/storage/v1/items/a")] {
            let mut request = intake.request(method, path);
            if let Some(token) = token {
                request = request.bearer(token).unwrap();
            }
            request.body = talk(Some("a")).to_string().into();
            let response = intake.send(request).await;
            assert_eq!(response.status, StatusCode::UNAUTHORIZED, "{token:?}");
            assert!(response.header(&http::header::WWW_AUTHENTICATE).unwrap().starts_with("Bearer "));
            let (_, body) = told(&response);
            assert_eq!(body["error"]["code"], code, "{token:?}");
        }
    }
    assert_eq!(intake.agent().queue().counts().await.unwrap().queued, 0);
    assert_eq!(intake.post(&talk(Some("a")), None).await.0, 201, "and with one, somebody does");
}

#[tokio::test]
async fn a_token_is_kept_as_a_hash() {
    let intake = Intake::open().await;
    let kept = serde_json::to_string(&intake.agent().intake_tokens().await.unwrap()).unwrap();
    let secret = intake.token.rsplit('.').next().unwrap();
    assert!(kept.contains("telephones") && !kept.contains(secret));
    assert!(intake.agent().new_intake_token("Telephones", None).await.is_err(), "the name is taken");
    assert!(intake.agent().new_intake_token("a b", None).await.is_err());
}

#[tokio::test]
async fn what_is_acknowledged_is_on_disk() {
    let intake = Intake::open().await;
    let (status, body) = intake.post(&talk(None), Some("talk-1")).await;
    assert_eq!((status, body["key"].as_str(), body["accepted"].as_bool()), (201, Some("talk-1"), Some(true)));
    let found = intake.scene.reopened().queue().get("talk-1").await.unwrap().unwrap();
    assert_eq!((found.owner.as_str(), found.state), (USER, ItemState::Queued));
    let (status, shown) = intake.get("talk-1").await;
    assert_eq!((status, shown["state"].as_str()), (200, Some("queued")));
    assert_eq!(intake.get("talk-2").await.0, 404);
}

#[tokio::test]
async fn the_same_key_has_the_same_answer() {
    let intake = Intake::open().await;
    let (first, body) = intake.post(&talk(None), Some("k")).await;
    let (second, again) = intake.post(&talk(None), Some("k")).await;
    assert_eq!((first, second), (201, 200));
    assert_eq!(body["key"], again["key"]);
    let mut other = talk(None);
    other["body"] = "Something else".into();
    let (status, refused) = intake.post(&other, Some("k")).await;
    assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("KeyInUse")));
    other["time"] = "2026-12-01T08:00:00Z".into();
    other["body"] = "Hello".into();
    assert_eq!(intake.post(&other, Some("k")).await.0, 409, "a time that was named is part of it");
    assert_eq!(intake.agent().queue().counts().await.unwrap().queued, 1);
}

#[tokio::test]
async fn each_item_of_a_batch_has_its_answer() {
    let intake = Intake::open().await;
    intake.post(&talk(Some("c")), None).await;
    let mut other = talk(Some("c"));
    other["subject"] = "Another".into();
    let batch = json!([talk(Some("a")), {"owner": "nobody", "component": "Other", "key": "b"}, other, talk(None)]);
    let (status, answers) = intake.post(&batch, None).await;
    let statuses: Vec<_> =
        answers.as_array().unwrap().iter().map(|answer| answer["status"].as_u64().unwrap()).collect();
    assert_eq!((status, statuses), (200, vec![201, 422, 409, 422]));
    assert!(answers[1]["error"]["message"].as_str().unwrap().contains("`nobody`"));
    let (_, answers) = intake.post(&json!([talk(None), talk(None)]), Some("batch")).await;
    assert_eq!([&answers[0]["key"], &answers[1]["key"]], ["batch/0", "batch/1"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_reason() {
    let intake = Intake::open().await;
    let with = |name: &str, value: Value| {
        let mut item = talk(Some("a"));
        item[name] = value;
        item
    };
    for (body, status, reason) in [
        (with("component", "Nonsense".into()), 422, "Nonsense"),
        (with("unknown", 1.into()), 422, "unknown"),
        (with("subject", "s".repeat(2000).into()), 422, "2000 bytes"),
        (with("body", "a\u{1}b".into()), 422, "U+0001"),
        (with("properties", json!([{"name": "ActasDeliveryKey", "value": "x"}])), 422, "ActasDeliveryKey"),
        (with("attachments", json!([{"name": "a.txt"}])), 422, "a.txt"),
        (with("attachments", json!([{"name": "a.txt", "content": "*"}])), 422, "Base64"),
        (with("attachments", json!([{"name": "a.txt", "part": "p"}])), 422, "multipart"),
        (talk(None), 422, "no key"),
        (json!([]), 422, "0 items"),
        (Value::Array(vec![talk(None); 1001]), 422, "1001 items"),
        (json!([talk(Some("a")), talk(Some("a"))]), 422, "twice"),
        (json!("text"), 422, "cannot be read"),
    ] {
        let (told_status, told) = intake.post(&body, None).await;
        assert_eq!(told_status, status, "{reason}: {told}");
        assert!(told.to_string().contains(reason), "{reason}: {told}");
    }
    let mut request = intake.request(Method::POST, "/storage/v1/items").bearer(&intake.token).unwrap();
    request.body = "<xml/>".into();
    assert_eq!(intake.send(request.clone()).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let mut request = request.header(http::header::CONTENT_TYPE, "application/json").unwrap();
    request.body = vec![b' '; 17 * 1024 * 1024].into();
    assert_eq!(intake.send(request).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(intake.agent().queue().counts().await.unwrap().queued, 0);
    assert_eq!(intake.post(&talk(Some("a")), None).await.0, 201);
}

#[tokio::test]
async fn a_full_queue_takes_nothing_and_says_so() {
    let intake = Intake::open().await;
    let capacity = |bytes| StorageConfigurationChange { capacity_bytes: Some(bytes), ..Default::default() };
    intake.agent().set_storage_configuration(&capacity(1024 * 1024)).await.unwrap();
    let mut large = talk(None);
    large["body"] = "x".repeat(700_000).into();
    let mut accepted = 0;
    while intake.post(&large, Some(&format!("large {accepted}"))).await.0 == 201 {
        accepted += 1;
        assert!(accepted < 200, "it is never full");
        // What was measured a moment ago is believed for a second.
        intake.agent().set_storage_configuration(&capacity(1024 * 1024 + accepted)).await.unwrap();
    }
    let (status, refused) = intake.post(&talk(None), Some("small")).await;
    assert_eq!((status, refused["error"]["code"].as_str()), (507, Some("Full")));
    assert!(refused["error"]["hint"].as_str().unwrap().contains("-CapacityBytes"));
    assert_eq!(
        intake.agent().queue().counts().await.unwrap().queued,
        i64::try_from(accepted).unwrap(),
        "nothing is lost"
    );
}

#[tokio::test]
async fn files_travel_in_parts_to_the_mailbox() {
    let intake = Intake::open().await;
    let large: Vec<u8> = (0..3_000_001_u32).map(|number| (number % 251) as u8).collect();
    let mut item = talk(Some("with files"));
    item["attachments"] = json!([
        {"name": "voice.wav", "contentType": "audio/wav", "part": "voice"},
        {"name": "note.txt", "contentType": "text/plain", "content": "SGVsbG8="},
        {"name": "empty", "part": "empty"},
    ]);
    let text = item.to_string();
    let parts: [(&str, &[u8]); 3] = [("items", text.as_bytes()), ("voice", &large), ("empty", b"")];
    assert_eq!(intake.form(&parts).await.0, 201);
    assert_eq!(intake.form(&parts).await.0, 200, "the same again");
    let mut other = large.clone();
    other[17] ^= 1;
    assert_eq!(intake.form(&[parts[0], ("voice", &other), parts[2]]).await.0, 409, "another file is another item");

    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Deliverer::new(intake.agent().clone()).run(stopped));
    let delivered = async {
        while intake.get("with%20files").await.1["state"] != "delivered" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(40), delivered).await.expect("not delivered in time");
    stop.send(true).unwrap();
    running.await.unwrap();
    let messages = intake.scene.peer.messages();
    let files: Vec<_> = messages[0]
        .attachments
        .iter()
        .map(|file| (file.name.clone().unwrap(), file.content.clone().unwrap()))
        .collect();
    assert_eq!(messages.len(), 1);
    assert_eq!(
        files.iter().map(|(name, content)| (name.as_str(), content.len())).collect::<Vec<_>>(),
        [("voice.wav", large.len()), ("note.txt", 5), ("empty", 0)]
    );
    assert!(files[0].1 == large && files[1].1 == b"Hello");
}

#[tokio::test]
async fn a_file_that_is_too_large_leaves_nothing_behind() {
    let intake = Intake::open().await;
    let mut item = talk(Some("a"));
    item["attachments"] = json!([{"name": "a", "part": "a"}]);
    let text = item.to_string();
    let limit = 25 * 1024 * 1024;
    let (status, told) = intake.form(&[("items", text.as_bytes()), ("a", &vec![0; limit + 1])]).await;
    assert_eq!((status, told["error"]["code"].as_str()), (413, Some("TooLarge")));
    let (status, _) = intake.form(&[("items", text.as_bytes()), ("b", b"")]).await;
    assert_eq!(status, 422, "another part than the named one");
    assert!(intake.agent().queue().get("a").await.unwrap().is_none());
    assert_eq!(intake.form(&[("items", text.as_bytes()), ("a", &vec![0; limit])]).await.0, 201);
}

#[tokio::test]
async fn metrics_tell_how_the_queue_stands() {
    let intake = Intake::open().await;
    let answer = intake.send(intake.request(Method::GET, "/metrics")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "they are not for everybody");

    let told = async || {
        let request = intake.request(Method::GET, "/metrics").bearer(&intake.token).unwrap();
        let answer = intake.send(request).await;
        assert_eq!(answer.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    let before = told().await;
    for line in [
        "actas_storage_items{state=\"queued\"} 0",
        "actas_storage_accepted_items_total 0",
        "actas_storage_oldest_item_age_seconds 0",
        "actas_storage_mailboxes{state=\"held\"} 0",
        "actas_storage_open_circuits 0",
    ] {
        assert!(before.lines().any(|told| told == line), "{line} in {before}");
    }
    let end =
        before.lines().find_map(|line| line.strip_prefix("actas_certificate_end_timestamp_seconds{slot=\"current\"} "));
    assert!(end.and_then(|end| end.parse::<i64>().ok()).is_some_and(|end| end > 1_700_000_000), "{before}");
    assert!(before.ends_with("# EOF\n"), "{before}");

    let item = json!({"key": "a", "owner": USER, "component": "ConversationHistory", "subject": "s", "body": "b"});
    assert_eq!(intake.post(&item, None).await.0, 201);
    assert_eq!(intake.post(&item, None).await.0, 200, "the same again");
    assert!(told().await.contains("actas_storage_accepted_items_total 1\n"));
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Deliverer::new(intake.agent().clone()).run(stopped));
    while !told().await.contains("actas_storage_delivered_items_total 1\n") {
        tokio::task::yield_now().await;
    }
    stop.send(true).unwrap();
    running.await.unwrap();
    let after = told().await;
    assert!(after.contains("actas_events_total{id=\"32048\"} 1\n"), "{after}");
    assert!(!after.contains(USER), "no mailbox is a label");
}
