//! The directory over Graph's REST shapes (v1.0). `docs/graph.md` tells what is served,
//! `openapi/graph-v1.0.json` tells it to programs.

mod answer;
mod app_role_assignment;
mod application;
mod batch;
mod caller;
mod change;
mod collection;
mod credential_action;
mod deleted_item;
mod domain;
mod entity;
mod key_credential;
mod openapi;
mod organization;
mod path;
mod permission;
mod service_principal;
mod user;
mod values;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::{any, get};
use http::header::{HeaderValue, IF_MATCH, LOCATION};
use http::{HeaderMap, Method, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Sts;
use answer::GraphError;
use caller::Caller;
use collection::Position;
use path::ResourcePath;

/// The largest request that is read, in bytes.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// How often a change is made anew because somebody else's came in between.
const TRIES_MAX: usize = 4;

pub(crate) fn routes() -> Router<Sts> {
    Router::new()
        .route("/v1.0/openapi.json", get(openapi::serve).fallback(serve))
        .route("/v1.0", any(serve))
        .route("/v1.0/", any(serve))
        .route("/v1.0/{*resource}", any(serve))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
}

/// A request to the API, its caller known.
struct Request<'a> {
    sts: &'a Sts,
    caller: Caller,
    method: Method,
    headers: &'a HeaderMap,
    query: Vec<(String, String)>,
    body: &'a [u8],
}

// === impl Request ===

impl Request<'_> {
    fn now(&self) -> Timestamp {
        self.sts.0.clock.now()
    }

    /// What contexts begin with.
    fn metadata(&self) -> String {
        format!("{}/v1.0/$metadata", self.sts.origin())
    }

    /// The address of the page behind `position`, with every option that this one has.
    fn next_link(&self, path: &str, position: &Position) -> String {
        let kept = self.query.iter().filter(|(name, _)| name != "$skiptoken");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .append_pair("$skiptoken", &position.to_token())
            .finish();
        format!("{}/v1.0/{path}?{query}", self.sts.origin())
    }

    /// A query option such as `$select`.
    fn option(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Refuses system query options that would be ignored, and those given twice.
    fn check_options(&self, known: &[&str]) -> Result<(), GraphError> {
        for (index, (name, _)) in self.query.iter().enumerate().filter(|(_, (name, _))| name.starts_with('$')) {
            if !known.contains(&name.as_str()) {
                let shown: String = name.chars().take(40).collect();
                return Err(GraphError::unsupported(format!("The query option '{shown}' is not supported here.")));
            }
            if self.query[..index].iter().any(|(other, _)| other == name) {
                return Err(GraphError::bad_request(format!("The query option '{name}' is given twice.")));
            }
        }
        Ok(())
    }

    /// `ConsistencyLevel: eventual`. Everything is consistent here; advanced queries ask
    /// for it all the same, so that what works here works there.
    fn is_eventual(&self) -> bool {
        self.headers.get("consistencylevel").is_some_and(|level| level.as_bytes().eq_ignore_ascii_case(b"eventual"))
    }

    /// Refuses a change of an object that is not as the client knows it (`If-Match`). Comes last: a
    /// request that would fail by itself fails so (RFC 9110 §13.2.1).
    fn check_unchanged(&self, version: i64) -> Result<(), GraphError> {
        let Some(header) = self.headers.get(IF_MATCH) else { return Ok(()) };
        let own = collection::etag(version);
        let strong = own.trim_start_matches("W/");
        let named = |tag: &str| tag == "*" || tag == own || tag == strong;
        let fits = header.to_str().is_ok_and(|tags| tags.split(',').any(|tag| named(tag.trim())));
        if fits { Ok(()) } else { Err(GraphError::changed()) }
    }

    /// 201 with the new object and its address.
    fn created(&self, body: &Value, collection: &str, id: Uuid) -> Response {
        let mut response = answer::json(StatusCode::CREATED, body);
        let location = format!("{}/v1.0/{collection}/{id}", self.sts.origin());
        if let Ok(location) = HeaderValue::from_str(&location) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }

    fn json(&self) -> Result<Map<String, Value>, GraphError> {
        serde_json::from_slice(self.body)
            .map_err(|error| GraphError::bad_request(format!("The body is not a JSON object: {error}.")))
    }
}

async fn serve(
    State(sts): State<Sts>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let outcome = match &body {
        Ok(body) if uri.path() == "/v1.0/$batch" && method == Method::POST => batch::handle(&sts, &headers, body).await,
        Ok(body) => handle_again(&sts, &method, &uri, &headers, body).await,
        Err(_) => Err(GraphError::too_large()),
    };
    answer::finish(&sts, outcome, headers.get("client-request-id"))
}

/// A change that lost against another is read and made anew, unless the client named the
/// version that it means.
async fn handle_again(
    sts: &Sts,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, GraphError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let outcome = handle(sts, method.clone(), uri, headers, body).await;
        let lost = outcome.as_ref().is_err_and(GraphError::is_changed);
        if !lost || headers.contains_key(IF_MATCH) || tries == TRIES_MAX {
            return outcome;
        }
    }
}

async fn handle(
    sts: &Sts,
    method: Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, GraphError> {
    let caller = Caller::authenticate(sts, headers).await?;
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let path = ResourcePath::parse(uri.path())?;
    let request = Request { sts, caller, method, headers, query, body };
    let outcome = match path.collection.as_str() {
        // By POST it never comes here.
        "$batch" if path.key.is_none() && path.rest().is_empty() => Err(GraphError::method()),
        "applications" => application::handle(&request, &path).await,
        "directory" => deleted_item::handle(&request, &path).await,
        "domains" => domain::handle(&request, &path).await,
        "organization" => organization::handle(&request, &path).await,
        "servicePrincipals" => service_principal::handle(&request, &path).await,
        "users" => user::handle(&request, &path).await,
        other => Err(GraphError::no_segment(other)),
    };
    outcome.map_err(|error| error.allowing(|| openapi::methods(&path)))
}
