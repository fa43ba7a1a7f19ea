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
mod permission;
mod service_principal;
mod user;
mod values;
mod workload;

use actas_directory::odata::{self, Options, ResourcePath};
use actas_token::possession::ResourceRequest;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::{any, get};
use axum::{Router, middleware};
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, IF_MATCH, LOCATION};
use http::{HeaderMap, Method, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Sts;
use crate::possession::{DPOP, Shown};
use answer::GraphError;
use caller::Caller;
use collection::Position;

/// The largest request that is read, in bytes.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// How often a change is made anew because somebody else's came in between.
const TRIES_MAX: usize = 4;

pub(crate) use workload::Graph;
pub use workload::Workload;

pub(crate) fn routes(graph: &Graph) -> Router<Graph> {
    Router::new()
        .route("/v1.0/openapi.json", get(openapi::serve).fallback(serve))
        .route("/v1.0", any(serve))
        .route("/v1.0/", any(serve))
        .route("/v1.0/{*resource}", any(serve))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(middleware::from_fn_with_state(graph.clone(), workload::dispatch))
}

/// A request to the API, its caller known.
struct Request<'a> {
    sts: &'a Sts,
    caller: &'a Caller,
    method: Method,
    headers: &'a HeaderMap,
    query: Options,
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
        let query = self.query.with("$skiptoken", &position.to_token());
        format!("{}/v1.0/{path}?{query}", self.sts.origin())
    }

    /// A query option such as `$select`.
    fn option(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }

    /// Refuses system query options that would be ignored, and those given twice.
    fn check_options(&self, known: &[&str]) -> Result<(), GraphError> {
        Ok(self.query.check(known)?)
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
        let fits = header.to_str().is_ok_and(|header| odata::matches_etag(header, &own));
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
    State(graph): State<Graph>,
    method: Method,
    uri: Uri,
    Shown(certificate): Shown,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let sts = &graph.sts;
    let outcome = match &body {
        Ok(body) => answer(&graph, &method, &uri, certificate.as_deref(), &headers, body).await,
        Err(_) => Err(GraphError::too_large()),
    };
    answer::finish(sts, outcome, &headers)
}

async fn answer(
    graph: &Graph,
    method: &Method,
    uri: &Uri,
    certificate: Option<&[u8]>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, GraphError> {
    let values = |name: &HeaderName| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    let presented = ResourceRequest {
        method: method.as_str(),
        path: uri.path(),
        authorization: values(&AUTHORIZATION),
        proofs: values(&DPOP),
        certificate,
    };
    let caller = Caller::authenticate(&graph.sts, &presented).await?;
    if uri.path() == "/v1.0/$batch" && method == Method::POST {
        batch::handle(graph, &caller, certificate, headers, body).await
    } else {
        handle_again(&graph.sts, &caller, method, uri, headers, body).await
    }
}

/// A change that lost against another is read and made anew, unless the client named the
/// version that it means.
async fn handle_again(
    sts: &Sts,
    caller: &Caller,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, GraphError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let outcome = handle(sts, caller, method.clone(), uri, headers, body).await;
        let lost = outcome.as_ref().is_err_and(GraphError::is_changed);
        if !lost || headers.contains_key(IF_MATCH) || tries == TRIES_MAX {
            return outcome;
        }
    }
}

async fn handle(
    sts: &Sts,
    caller: &Caller,
    method: Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, GraphError> {
    let query = Options::parse(uri.query());
    let path = ResourcePath::parse(uri.path())?;
    let request = Request { sts, caller, method, headers, query, body };
    let outcome = match path.collection.as_str() {
        // By POST it never comes here.
        "$batch" if path.key.is_none() && path.rest().is_empty() => Err(GraphError::method()),
        "applications" => application::handle(&request, &path).await,
        "directory" => deleted_item::handle(&request, &path).await,
        "domains" => domain::handle(&request, &path).await,
        "me" => user::me(&request, &path),
        "organization" => organization::handle(&request, &path).await,
        "servicePrincipals" => service_principal::handle(&request, &path).await,
        "users" => user::handle(&request, &path).await,
        other => Err(GraphError::no_segment(other)),
    };
    outcome.map_err(|error| error.allowing(|| openapi::methods(&path)))
}
