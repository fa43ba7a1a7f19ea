//! Graph's answers: the one map from our reasons to its status, codes and error bodies.

use actas_directory::credential::CredentialRefused;
use actas_directory::query::Unsupported;
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Sts;

/// A request that was refused.
#[derive(Clone, Debug)]
pub(super) struct GraphError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
/// What Graph sends.
const JSON: HeaderValue = HeaderValue::from_static(
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
);

// === impl GraphError ===

impl GraphError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn unauthenticated(why: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", why)
    }

    pub(super) fn denied() -> Self {
        let message = "Insufficient privileges to complete the operation.";
        Self::new(StatusCode::FORBIDDEN, "Authorization_RequestDenied", message)
    }

    pub(super) fn not_found(what: &str) -> Self {
        let message = format!(
            "Resource '{what}' does not exist or one of its queried reference-property objects are not present."
        );
        Self::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", message)
    }

    pub(super) fn no_segment(segment: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", format!("Resource not found for the segment '{segment}'."))
    }

    pub(super) fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Request_BadRequest",
            "The method is not supported for this resource.",
        )
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    pub(super) fn exists(what: &str) -> Self {
        let message = format!("Another object with the same value for property {what} already exists.");
        Self::new(StatusCode::CONFLICT, "Request_MultipleObjectsWithSameKeyValue", message)
    }

    pub(super) fn changed() -> Self {
        let message = "The object was changed since it was read. Read it again and repeat the change.";
        Self::new(StatusCode::PRECONDITION_FAILED, "Request_PreconditionFailed", message)
    }
}

impl From<actas_store::Error> for GraphError {
    fn from(error: actas_store::Error) -> Self {
        if error.is_stale() {
            return Self::changed();
        }
        tracing::error!(%error, "the directory cannot answer");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service_Unavailable", "The service is temporarily unavailable.")
    }
}

impl From<Unsupported> for GraphError {
    fn from(why: Unsupported) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "Request_UnsupportedQuery",
            format!("Unsupported or invalid query filter clause: {why}."),
        )
    }
}

impl From<CredentialRefused> for GraphError {
    fn from(why: CredentialRefused) -> Self {
        let code = match why {
            CredentialRefused::StartInPast(_) => "KeyCredentialsInvalidStartDate",
            CredentialRefused::Ended(_) | CredentialRefused::Inverted(..) => "KeyCredentialsInvalidEndDate",
            CredentialRefused::TooMany => "Directory_ResourceSizeExceeded",
            _ => "Request_BadRequest",
        };
        Self::new(StatusCode::BAD_REQUEST, code, why.to_string())
    }
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// Success without a body.
pub(super) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Adds what every answer carries, and turns an error into one.
pub(super) fn finish(
    sts: &Sts,
    outcome: Result<Response, GraphError>,
    client_request_id: Option<&HeaderValue>,
) -> Response {
    let request_id = Uuid::new_v4().to_string();
    let mut response = outcome.unwrap_or_else(|error| {
        let mut inner = json!({
            "date": sts.0.clock.now().strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": request_id,
        });
        inner["client-request-id"] = client_request_id.and_then(|id| id.to_str().ok()).unwrap_or(&request_id).into();
        let body = json!({ "error": { "code": error.code, "message": error.message, "innerError": inner } });
        let mut response = json(error.status, &body);
        if error.status == StatusCode::UNAUTHORIZED {
            let challenge = format!(
                "Bearer realm=\"\", authorization_uri=\"{}/common/oauth2/authorize\", client_id=\"{}\"",
                sts.origin(),
                actas_directory::well_known::GRAPH
            );
            if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
        }
        response
    });
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(id) = client_request_id {
        headers.insert(CLIENT_REQUEST_ID, id.clone());
    }
    response
}
