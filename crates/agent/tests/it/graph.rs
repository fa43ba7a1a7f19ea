//! Changes of what the directory replaces as a whole, while others change it too.
//!
//! Our own directory compares versions itself; Microsoft's does not, and cannot be asked
//! here. This one answers in its shapes, with or without an ETag, and lets somebody else
//! write at a moment that the test names.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actas_agent::{Agent, ErrorKind, GraphClient, PrincipalKey};
use actas_certificate::Authority;
use actas_runtime::{ClientOptions, HttpClient, Limits, Server, SystemClock, TlsIdentity, listener};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use uuid::Uuid;

type Writer = Box<dyn FnOnce(&mut Value) + Send>;

/// A directory with one principal.
struct Directory {
    principal: Value,
    version: u64,
    /// Whether it gives versions, and compares them.
    has_etags: bool,
    /// Who writes right after the answer to a request of that method; the last one first.
    others: Vec<(Method, Writer)>,
    patches: usize,
    renames_keys: bool,
}

struct Scene {
    directory: Arc<Mutex<Directory>>,
    graph: GraphClient,
    _server: Server,
    _folder: tempfile::TempDir,
}

async fn answer(
    State(directory): State<Arc<Mutex<Directory>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut directory = directory.lock().unwrap();
    let directory = &mut *directory;
    let response = match method {
        Method::PATCH => patch(directory, &headers, &body),
        Method::POST if uri.path().ends_with("/removePassword") => {
            let gone: Value = serde_json::from_slice(&body).unwrap();
            let list = directory.principal["passwordCredentials"].as_array_mut().unwrap();
            list.retain(|password| password["keyId"] != gone["keyId"]);
            StatusCode::NO_CONTENT.into_response()
        }
        _ if directory.has_etags => {
            let etag = [("etag", format!("W/\"{}\"", directory.version))];
            (etag, axum::Json(directory.principal.clone())).into_response()
        }
        _ => axum::Json(directory.principal.clone()).into_response(),
    };
    if directory.others.last().is_some_and(|(when, _)| *when == method) {
        let (_, write) = directory.others.pop().unwrap();
        write(&mut directory.principal);
        directory.version += 1;
    }
    response
}

fn patch(directory: &mut Directory, headers: &HeaderMap, body: &[u8]) -> Response {
    let own = format!("W/\"{}\"", directory.version);
    let stale = headers.get("if-match").is_some_and(|tag| tag.as_bytes() != own.as_bytes());
    if directory.has_etags && stale {
        return (StatusCode::PRECONDITION_FAILED, axum::Json(json!({"error": {"code": "x", "message": "y"}})))
            .into_response();
    }
    let wanted: Value = serde_json::from_slice(body).unwrap();
    for (name, value) in wanted.as_object().unwrap() {
        directory.principal[name] = value.clone();
    }
    if directory.renames_keys {
        for key in directory.principal["keyCredentials"].as_array_mut().unwrap() {
            if key["keyId"] != json!(id(1)) {
                key["keyId"] = json!(id(99));
            }
        }
    }
    directory.version += 1;
    directory.patches += 1;
    StatusCode::NO_CONTENT.into_response()
}

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

fn stored(number: u128) -> Value {
    json!({"keyId": id(number), "type": "AsymmetricX509Cert", "usage": "Verify", "key": format!("key{number}")})
}

fn key() -> PrincipalKey {
    let now = SystemClock::shared().now();
    PrincipalKey { kind: "AsymmetricX509Cert", usage: "Verify", key: "ours".into(), start: now, end: now }
}

impl Scene {
    fn set(has_etags: bool, mut others: Vec<(Method, Writer)>) -> Self {
        let now = SystemClock::shared().now();
        let authority = Authority::create("test", now - Duration::from_hours(1), Duration::from_hours(9)).unwrap();
        let server = authority.issue_server(&["localhost".parse().unwrap()], now, Duration::from_hours(8)).unwrap();
        let identity = TlsIdentity::new(vec![server.certificate().der().to_vec()], server.key().pkcs8_der().to_vec());
        others.reverse();
        let directory = Arc::new(Mutex::new(Directory {
            principal: json!({
                "id": id(7),
                "appId": id(8),
                "accountEnabled": true,
                "servicePrincipalNames": [id(8), "a/one"],
                "keyCredentials": [stored(1)],
                "passwordCredentials": [{"keyId": id(5)}],
            }),
            version: 1,
            has_etags,
            others,
            patches: 0,
            renames_keys: false,
        }));
        let bound = listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let url = format!("https://localhost:{}", bound.local_addr().port());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&directory));
        let server = listener::serve_tls(bound, router, identity, &Limits::default()).unwrap();
        let options = ClientOptions {
            extra_roots: vec![authority.certificate().to_tls()],
            only_extra_roots: true,
            ..ClientOptions::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::open(folder.path(), HttpClient::new(&options).unwrap(), SystemClock::shared()).unwrap();
        let graph = agent.graph_with_token(&url, "a.b.c".into()).unwrap();
        Self { directory, graph, _server: server, _folder: folder }
    }

    fn keys(&self) -> Vec<String> {
        let directory = self.directory.lock().unwrap();
        let keys = directory.principal["keyCredentials"].as_array().unwrap();
        keys.iter().map(|key| key["key"].as_str().unwrap().to_owned()).collect()
    }

    fn patches(&self) -> usize {
        self.directory.lock().unwrap().patches
    }
}

/// Somebody adds a key of theirs to what stands.
fn adds(number: u128) -> Writer {
    Box::new(move |principal| principal["keyCredentials"].as_array_mut().unwrap().push(stored(number)))
}

/// Somebody replaces the keys by those that they saw before ours was there.
fn overwrites(number: u128) -> Writer {
    Box::new(move |principal| principal["keyCredentials"] = json!([stored(1), stored(number)]))
}

#[tokio::test]
async fn a_key_that_is_added_meanwhile_stays_where_versions_are_compared() {
    let scene = Scene::set(true, vec![(Method::GET, adds(2))]);
    let added = scene.graph.add_key(&id(7), &key()).await.unwrap();
    assert_eq!(scene.keys(), ["key1", "key2", "ours"]);
    assert_eq!(scene.patches(), 1, "the other one was refused");
    let shown = scene.graph.principal_with_keys(&id(7)).await.unwrap().1;
    assert_eq!(shown["keyCredentials"][2]["keyId"], added.to_string());
}

#[tokio::test]
async fn a_key_that_is_added_meanwhile_stays_where_nothing_is_compared() {
    let scene = Scene::set(false, vec![(Method::GET, adds(2))]);
    scene.graph.add_key(&id(7), &key()).await.unwrap();
    assert_eq!(scene.keys(), ["key1", "key2", "ours"]);
    assert_eq!(scene.patches(), 1);
}

#[tokio::test]
async fn a_key_that_was_overwritten_is_added_again() {
    let scene = Scene::set(false, vec![(Method::PATCH, overwrites(3))]);
    scene.graph.add_key(&id(7), &key()).await.unwrap();
    assert_eq!(scene.keys(), ["key1", "key3", "ours"], "both writers have theirs");
    assert_eq!(scene.patches(), 2);
}

#[tokio::test]
async fn a_key_under_an_id_of_the_directorys_is_added_once() {
    let scene = Scene::set(false, Vec::new());
    scene.directory.lock().unwrap().renames_keys = true;
    let added = scene.graph.add_key(&id(7), &key()).await.unwrap();
    assert_eq!((scene.keys().len(), scene.patches(), added.to_string()), (2, 1, id(99)));
}

#[tokio::test]
async fn a_shared_key_of_the_same_second_is_anothers() {
    let ours = PrincipalKey { kind: "Symmetric", ..key() };
    let end = ours.end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let theirs = json!({"keyId": id(2), "type": "Symmetric", "usage": "Verify", "key": "2", "endDateTime": end});
    let writer: Writer = Box::new(move |principal| principal["keyCredentials"].as_array_mut().unwrap().push(theirs));
    let scene = Scene::set(true, vec![(Method::GET, writer)]);
    scene.graph.add_key(&id(7), &ours).await.unwrap();
    assert_eq!(scene.keys(), ["key1", "2", "ours"]);
}

#[tokio::test]
async fn a_removal_takes_nothing_else_along() {
    for has_etags in [true, false] {
        let scene = Scene::set(has_etags, vec![(Method::GET, Box::new(|_| {})), (Method::GET, adds(2))]);
        let ids = [Uuid::from_u128(1), Uuid::from_u128(5)];
        scene.graph.remove_credentials(&id(7), &ids).await.unwrap();
        assert_eq!(scene.keys(), ["key2"]);
        let directory = scene.directory.lock().unwrap();
        assert_eq!(directory.principal["passwordCredentials"], json!([]));
    }
}

#[tokio::test]
async fn nothing_is_removed_where_one_is_not_there() {
    let scene = Scene::set(true, Vec::new());
    let ids = [Uuid::from_u128(1), Uuid::from_u128(6)];
    let refused = scene.graph.remove_credentials(&id(7), &ids).await.unwrap_err();
    assert_eq!((refused.kind(), scene.keys().len(), scene.patches()), (ErrorKind::NotFound, 1, 0));
}

#[tokio::test]
async fn names_that_somebody_else_gave_are_not_overwritten_unseen() {
    let wanted = json!({"servicePrincipalNames": [id(8), "a/two"]});
    let wanted = wanted.as_object().unwrap();
    for has_etags in [true, false] {
        let scene = Scene::set(has_etags, Vec::new());
        let seen = scene.directory.lock().unwrap().principal.clone();
        scene.graph.change_principal(&id(7), wanted, &seen).await.unwrap();
        let refused = scene.graph.change_principal(&id(7), wanted, &seen).await.unwrap_err();
        assert!(refused.to_string().contains("a/two"), "{refused}");
        // What is not to be changed may change.
        let enable = json!({"accountEnabled": false});
        scene.graph.change_principal(&id(7), enable.as_object().unwrap(), &seen).await.unwrap();
    }
    // Between the look and the change.
    let names: Writer = Box::new(|principal| principal["servicePrincipalNames"] = json!([id(8), "a/one", "a/three"]));
    let scene = Scene::set(true, vec![(Method::GET, names)]);
    let seen = scene.directory.lock().unwrap().principal.clone();
    let refused = scene.graph.change_principal(&id(7), wanted, &seen).await.unwrap_err();
    assert!(refused.to_string().contains("a/three"), "{refused}");
    assert_eq!(scene.patches(), 0);
}
