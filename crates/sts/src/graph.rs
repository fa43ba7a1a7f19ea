//! The directory over Graph's REST shapes (v1.0): what the walk from an empty directory
//! to a standing trust needs.

mod answer;
mod caller;
mod key_credential;
mod organization;
mod path;
mod service_principal;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::any;
use http::{HeaderMap, Method, Uri};

use crate::Sts;
use answer::GraphError;
use caller::Caller;
use path::ResourcePath;

/// The largest request that is read, in bytes.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

pub(crate) fn routes() -> Router<Sts> {
    Router::new().route("/v1.0/{*resource}", any(serve)).layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
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
    /// A query option such as `$select`.
    fn option(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Result<serde_json::Map<String, serde_json::Value>, GraphError> {
        serde_json::from_slice(self.body)
            .map_err(|error| GraphError::bad_request(format!("The body is not a JSON object: {error}.")))
    }
}

async fn serve(State(sts): State<Sts>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let outcome = handle(&sts, method, &uri, &headers, &body).await;
    answer::finish(&sts, outcome, headers.get("client-request-id"))
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
    match path.collection.as_str() {
        "organization" => organization::handle(&request, &path).await,
        "servicePrincipals" => service_principal::handle(&request, &path).await,
        other => Err(GraphError::no_segment(other)),
    }
}
