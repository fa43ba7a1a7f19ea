//! Graph's answers: the one map from our reasons to its status, codes and error bodies.

use actas_directory::application::UriRefused;
use actas_directory::credential::CredentialRefused;
use actas_directory::odata::{self, OptionRefused, PathRefused, SelectRefused};
use actas_directory::password::PasswordRefused;
use actas_directory::proof::ProofRefused as KeyProofRefused;
use actas_directory::query::Unsupported;
use actas_token::Refusal;
use actas_token::authorization::Scheme;
use actas_token::dpop::{self, ProofRefused};
use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::Sts;

/// A request that was refused.
#[derive(Clone, Debug)]
pub(super) struct GraphError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// The schemes of the challenge, and the error of the scheme `DPoP`.
    schemes: Schemes,
    /// What the resource answers to, where the method is what was wrong.
    allowed: Option<String>,
}

/// What a challenge offers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Schemes {
    #[default]
    Bearer,
    /// Who came with a proof is told about proofs alone.
    Dpop(&'static str),
    /// A token that is bound to a key came as `Bearer` (RFC 9449 §7.2).
    Both,
}

const INVALID_TOKEN: &str = "InvalidAuthenticationToken";
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
pub(super) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const JSON: HeaderValue = HeaderValue::from_static(odata::JSON);

// === impl GraphError ===

impl GraphError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), schemes: Schemes::Bearer, allowed: None }
    }

    pub(super) fn unauthenticated(why: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, INVALID_TOKEN, why)
    }

    /// A token that is refused before its claims count, or for want of its key.
    pub(super) fn token(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Proof(ProofRefused::Full) => Self::internal(refusal),
            Refusal::Proof(why) => {
                let mut refused = Self::unauthenticated(&format!("DPoP proof validation failure: {why}."));
                refused.schemes = Schemes::Dpop(why.code());
                refused
            }
            Refusal::Possession(why) => {
                let mut refused = Self::unauthenticated(&format!("Access token validation failure: {why}."));
                refused.schemes = Schemes::Both;
                refused
            }
            Refusal::NoToken => Self::unauthenticated("Access token is empty."),
            _ => Self::unauthenticated("CompactToken parsing failed."),
        }
    }

    /// The same refusal for a token that came under a scheme.
    pub(super) fn under(mut self, scheme: Scheme) -> Self {
        if scheme == Scheme::Dpop {
            self.schemes = Schemes::Dpop("invalid_token");
        }
        self
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

    /// Says which methods the resource answers to, if the method is what was wrong (RFC 9110 §15.5.6).
    #[must_use]
    pub(super) fn allowing(mut self, methods: impl FnOnce() -> String) -> Self {
        self.allowed = (self.status == StatusCode::METHOD_NOT_ALLOWED).then(methods);
        self
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", message)
    }

    /// A request of a batch that waits for one which failed.
    pub(super) fn dependency() -> Self {
        let message = "A request that this one depends on did not succeed.";
        Self::new(StatusCode::FAILED_DEPENDENCY, "FailedDependency", message)
    }

    pub(super) fn too_large() -> Self {
        let message = "The request is larger than one mebibyte.";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Request_EntityTooLarge", message)
    }

    pub(super) fn invalid(property: &str, why: impl std::fmt::Display) -> Self {
        Self::bad_request(format!("Invalid value specified for property '{property}': {why}."))
    }

    pub(super) fn exists(what: &str) -> Self {
        let message = format!("Another object with the same value for property {what} already exists.");
        Self::new(StatusCode::CONFLICT, "Request_MultipleObjectsWithSameKeyValue", message)
    }

    pub(super) fn changed() -> Self {
        let message = "The object was changed since it was read. Read it again and repeat the change.";
        Self::new(StatusCode::PRECONDITION_FAILED, "Request_PreconditionFailed", message)
    }

    /// Whether the same request may succeed when the object is read again.
    pub(super) fn is_changed(&self) -> bool {
        self.status == StatusCode::PRECONDITION_FAILED
    }

    /// A failure of the machine's own. What failed goes into our log alone.
    pub(super) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "the directory cannot answer");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service_Unavailable", "The service is temporarily unavailable.")
    }
}

impl From<actas_store::Error> for GraphError {
    fn from(error: actas_store::Error) -> Self {
        if error.is_stale() {
            return Self::changed();
        }
        Self::internal(&error)
    }
}

impl From<Unsupported> for GraphError {
    fn from(why: Unsupported) -> Self {
        Self::unsupported(format!("Unsupported or invalid query filter clause: {why}."))
    }
}

impl From<PathRefused> for GraphError {
    fn from(why: PathRefused) -> Self {
        match why {
            PathRefused::NotUtf8 => Self::bad_request(why.to_string()),
            PathRefused::Segment(segment) => Self::no_segment(&segment),
        }
    }
}

impl From<OptionRefused> for GraphError {
    fn from(why: OptionRefused) -> Self {
        match why {
            OptionRefused::Unknown(_) => Self::unsupported(why.to_string()),
            _ => Self::bad_request(why.to_string()),
        }
    }
}

impl From<SelectRefused> for GraphError {
    fn from(why: SelectRefused) -> Self {
        Self::bad_request(why.to_string())
    }
}

impl From<KeyProofRefused> for GraphError {
    fn from(why: KeyProofRefused) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Authentication_MissingOrMalformed", format!("Invalid proof: {why}."))
    }
}

impl From<PasswordRefused> for GraphError {
    fn from(why: PasswordRefused) -> Self {
        let code = match why {
            PasswordRefused::TooMany => "Directory_ResourceSizeExceeded",
            _ => "Request_BadRequest",
        };
        Self::new(StatusCode::BAD_REQUEST, code, format!("{why}."))
    }
}

impl From<UriRefused> for GraphError {
    fn from(why: UriRefused) -> Self {
        let code = match why {
            UriRefused::Host(_) => "HostNameNotOnVerifiedDomain",
            UriRefused::Form(_) => "Request_BadRequest",
            UriRefused::TooMany => "Directory_ResourceSizeExceeded",
        };
        Self::new(StatusCode::BAD_REQUEST, code, format!("Values of identifierUris property are not valid: {why}."))
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

/// A text answer: a bare count.
pub(super) fn text(body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Success without a body.
pub(super) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Adds what every answer carries, and turns an error into one.
pub(super) fn finish(sts: &Sts, outcome: Result<Response, GraphError>, request_headers: &HeaderMap) -> Response {
    let client_request_id = request_headers.get(CLIENT_REQUEST_ID);
    let request_id = Uuid::new_v4().to_string();
    let mut response = outcome.unwrap_or_else(|error| {
        let shown = client_request_id.and_then(|id| id.to_str().ok());
        let body = odata::error_body(error.code, &error.message, sts.0.clock.now(), &request_id, shown);
        let mut response = json(error.status, &body);
        if let Some(methods) = error.allowed.and_then(|methods| HeaderValue::from_str(&methods).ok()) {
            response.headers_mut().insert(ALLOW, methods);
        }
        if error.code == INVALID_TOKEN {
            let bearer = format!(
                "Bearer realm=\"\", authorization_uri=\"{}/common/oauth2/authorize\", client_id=\"{}\"",
                sts.origin(),
                actas_directory::well_known::GRAPH
            );
            let challenges = match error.schemes {
                Schemes::Bearer => vec![bearer],
                Schemes::Dpop(error) => vec![dpop::challenge(Some(error))],
                Schemes::Both => vec![bearer, dpop::challenge(None)],
            };
            for challenge in challenges.iter().filter_map(|value| HeaderValue::from_str(value).ok()) {
                response.headers_mut().append(WWW_AUTHENTICATE, challenge);
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
    sts.add_fresh_nonce(request_headers, headers, sts.0.clock.now());
    response
}
