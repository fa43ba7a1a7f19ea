//! The plain-HTTP side of Autodiscover: it says where the real one is, and nothing else.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode, Uri};

/// Every path below `/autodiscover/`, in any case, is answered with 302 to the same path
/// below `https_base`, kept as it came: clients tell `.svc` from `.xml`. No token and no
/// body is read, and every other path is 404.
///
/// `https_base` is an origin such as `https://autodiscover.cloud.example`.
pub fn redirect_router(mut https_base: String) -> Router {
    https_base.truncate(https_base.trim_end_matches('/').len());
    Router::new().fallback(redirect).with_state(Arc::from(https_base))
}

async fn redirect(State(base): State<Arc<str>>, uri: Uri) -> Response {
    let path = uri.path();
    if !path.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX)) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match HeaderValue::from_str(&format!("{base}{path}")) {
        Ok(location) => (StatusCode::FOUND, [(LOCATION, location)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

const PREFIX: &str = "/autodiscover/";
