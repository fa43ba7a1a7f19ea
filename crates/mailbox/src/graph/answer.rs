//! Graph's answers: the one map from our reasons to its status, codes and error bodies.

use std::borrow::Cow;

use actas_directory::odata::{self, OptionRefused, PathRefused, SelectRefused};
use actas_directory::query::Unsupported;
use actas_exchange::ews::{Failure, ResponseCode};
use actas_token::Refusal;
use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::answer::Answer;
use crate::content::Reel;
use crate::serve::{CLIENT_REQUEST_ID, REQUEST_ID};

/// A request that was refused.
#[derive(Clone, Debug)]
pub(super) struct GraphError {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    /// What the resource answers to, where the method is what was wrong.
    allowed: Vec<Method>,
    /// Seconds to wait.
    retry_after: Option<u64>,
    /// The values of `WWW-Authenticate`.
    challenges: Vec<String>,
}

const JSON: HeaderValue = HeaderValue::from_static(odata::JSON);
const NO_SNIFF: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
const ACCESS_DENIED: &str = "ErrorAccessDenied";
const UNREADABLE: &str = "RequestBodyRead";

// === impl GraphError ===

impl GraphError {
    fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            allowed: Vec::new(),
            retry_after: None,
            challenges: Vec::new(),
        }
    }

    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// Whether the caller lacks the right.
    pub(super) fn is_denial(&self) -> bool {
        self.status == StatusCode::FORBIDDEN
    }

    /// Nothing that came with a token is told again, and not which rule it broke.
    pub(super) fn unauthenticated(refusal: &Refusal, challenges: Vec<String>) -> Self {
        let why = match refusal {
            Refusal::NoToken => "Access token is empty.".to_owned(),
            refusal => format!("Access token validation failure. {}", refusal.diagnostics().reason),
        };
        Self { challenges, ..Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", why) }
    }

    pub(super) fn denied() -> Self {
        Self::new(StatusCode::FORBIDDEN, ACCESS_DENIED, "Access is denied. Check credentials and try again.")
    }

    pub(super) fn no_segment(segment: &str) -> Self {
        let shown: String = segment.chars().take(80).collect();
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", format!("Resource not found for the segment '{shown}'."))
    }

    pub(super) fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "ErrorInvalidRequest",
            "The method is not supported for this resource.",
        )
    }

    /// Says which methods the resource answers to, if the method is what was wrong (RFC 9110 §15.5.6).
    #[must_use]
    pub(super) fn allowing(mut self, methods: impl FnOnce() -> Vec<Method>) -> Self {
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            self.allowed = methods();
        }
        self
    }

    /// An application has no mailbox of its own.
    pub(super) fn no_user() -> Self {
        let message = "/me request is only valid with delegated authentication flow. Use /users/{id} instead.";
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn invalid_user(name: &str) -> Self {
        let shown: String = name.chars().take(120).collect();
        Self::new(StatusCode::NOT_FOUND, "ErrorInvalidUser", format!("The requested user '{shown}' is invalid."))
    }

    pub(super) fn no_mailbox() -> Self {
        let message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise.";
        Self::new(StatusCode::NOT_FOUND, "MailboxNotEnabledForRESTAPI", message)
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ErrorInvalidRequest", message)
    }

    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, UNREADABLE, message)
    }

    pub(super) fn unsupported_query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ErrorInvalidUrlQuery", message)
    }

    pub(super) fn mime(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn changed() -> Self {
        let message = "The change key passed in the request does not match the current change key for the item.";
        Self::new(StatusCode::PRECONDITION_FAILED, "ErrorIrresolvableConflict", message)
    }

    pub(super) fn internal() -> Self {
        let message = "An internal server error occurred. The operation failed.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ErrorInternalServerError", message)
    }

    pub(super) fn unavailable() -> Self {
        let message = "The service is temporarily unavailable.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
    }

    pub(super) fn busy(back_off_ms: u64) -> Self {
        let message = "Application is over its MailboxConcurrency limit. Wait as long as Retry-After says.";
        let busy = Self::new(StatusCode::TOO_MANY_REQUESTS, "ApplicationThrottled", message);
        Self { retry_after: Some(back_off_ms.div_ceil(1000)), ..busy }
    }

    /// A failure of the machine's own. What failed goes into our log alone.
    pub(super) fn storage(error: &actas_store::Error) -> Self {
        tracing::error!(%error, "the mailbox database failed");
        Self::unavailable()
    }
}

/// What EWS says of one item; the codes are the same ones.
impl From<Failure> for GraphError {
    fn from(failure: Failure) -> Self {
        let (status, code) = match failure.code.as_str() {
            "ErrorItemNotFound" | "ErrorInvalidAttachmentId" => (StatusCode::NOT_FOUND, "ErrorItemNotFound"),
            "ErrorFolderNotFound" => (StatusCode::NOT_FOUND, "ErrorFolderNotFound"),
            ACCESS_DENIED => (StatusCode::FORBIDDEN, ACCESS_DENIED),
            "ErrorDeleteDistinguishedFolder" => (StatusCode::FORBIDDEN, "ErrorDeleteDistinguishedFolder"),
            "ErrorFolderExists" => (StatusCode::CONFLICT, "ErrorFolderExists"),
            "ErrorIrresolvableConflict" => (StatusCode::PRECONDITION_FAILED, "ErrorIrresolvableConflict"),
            "ErrorStaleObject" => (StatusCode::CONFLICT, "ErrorStaleObject"),
            "ErrorMessageSizeExceeded" => (StatusCode::PAYLOAD_TOO_LARGE, "ErrorMessageSizeExceeded"),
            "ErrorQuotaExceeded" => (StatusCode::INSUFFICIENT_STORAGE, "ErrorQuotaExceeded"),
            "ErrorInternalServerTransientError" | "ErrorMailboxStoreUnavailable" => return Self::unavailable(),
            "ErrorCorruptData" | "ErrorItemSave" => return Self::internal(),
            other => return Self::new(StatusCode::BAD_REQUEST, other.to_owned(), failure.text),
        };
        Self::new(status, code, failure.text)
    }
}

/// A body that could not be read.
impl From<actas_exchange::Error> for GraphError {
    fn from(error: actas_exchange::Error) -> Self {
        let code: Cow<'static, str> = match error.response_code() {
            ResponseCode::ErrorSchemaValidation => UNREADABLE.into(),
            code => code.as_str().to_owned().into(),
        };
        let mut message = error.violation();
        if let Some(first) = message.get(..1) {
            message = format!("{}{}.", first.to_uppercase(), &message[1..]);
        }
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }
}

/// A body that did not come whole, as [`crate::serve::read`] says it.
impl From<Answer> for GraphError {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::TooLarge => {
                let message = "The request exceeds the maximum supported size.";
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "ErrorMessageSizeExceeded", message)
            }
            _ => Self::unreadable("The body did not come whole."),
        }
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
        Self::unsupported_query(why.to_string())
    }
}

impl From<SelectRefused> for GraphError {
    fn from(why: SelectRefused) -> Self {
        Self::unsupported_query(why.to_string())
    }
}

impl From<Unsupported> for GraphError {
    fn from(why: Unsupported) -> Self {
        Self::unsupported_query(format!("Unsupported or invalid query: {why}."))
    }
}

// === answers ===

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    with_type(status, JSON, body.to_string())
}

/// A text answer: a bare count.
pub(super) fn text(body: String) -> Response {
    with_type(StatusCode::OK, HeaderValue::from_static("text/plain; charset=utf-8"), body)
}

/// Bytes as somebody stored them: they are what they say, and nothing that a browser makes of
/// them.
pub(super) fn bytes(kind: &str, reel: Reel) -> Response {
    let kind = HeaderValue::from_str(kind).ok().filter(|kind| !kind.is_empty());
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let (length, body) = reel.into_body();
    let mut response = with_type(StatusCode::OK, kind, body);
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response.headers_mut().insert(NO_SNIFF.0, NO_SNIFF.1);
    response
}

/// Success without a body.
pub(super) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn with_type(status: StatusCode, kind: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Adds what every answer carries, and turns an error into one.
pub(super) fn finish(
    outcome: Result<Response, GraphError>,
    id: Uuid,
    client_id: Option<&HeaderValue>,
    now: Timestamp,
) -> Response {
    let id = id.to_string();
    let mut response = outcome.unwrap_or_else(|error| {
        let shown = client_id.and_then(|id| id.to_str().ok());
        let mut response = json(error.status, &odata::error_body(&error.code, &error.message, now, &id, shown));
        let headers = response.headers_mut();
        let allowed = error.allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        if let Some(methods) = HeaderValue::from_str(&allowed).ok().filter(|methods| !methods.is_empty()) {
            headers.insert(ALLOW, methods);
        }
        if let Some(seconds) = error.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        for challenge in error.challenges.iter().filter_map(|value| HeaderValue::from_str(value).ok()) {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
        response
    });
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(id) = client_id {
        headers.insert(CLIENT_REQUEST_ID, id.clone());
    }
    response
}
