//! What the intake answers: the one map from outcomes to HTTP.

use std::fmt;

use actas_store::queue::{Put, QueuedItem};
use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind};
use crate::item::StorageItem;

/// What was sent may be in the reason, and may be long.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// Why something is not accepted.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: Option<String>,
    retry_after: Option<u32>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARS_MAX) {
            message.truncate(end);
            message.push('\u{2026}');
        }
        Self { status, code, message, hint: None, retry_after: None }
    }

    /// The submitter's mistake.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
    }

    pub(crate) fn too_large(bytes_max: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", format!("at most {bytes_max} bytes are taken"))
            .hint("send files as parts of multipart/form-data, and fewer items at once")
    }

    pub(crate) fn no_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "NoToken", "there is no bearer token in the request")
            .hint("make one with `actas storage token new <name>`, and send `Authorization: Bearer <token>`")
    }

    pub(crate) fn wrong_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "InvalidToken", "the token is not known here, or has ended")
            .hint("`actas storage token list` shows those that are; `actas storage token new <name>` makes one")
    }

    /// What failed on this machine: nothing was accepted, and the same may be sent again.
    pub(crate) fn of_agent(error: &Error) -> Self {
        let (status, code) = match error.kind() {
            ErrorKind::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "Invalid"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "NotStored"),
        };
        let refusal = Self::new(status, code, error.to_string());
        let refusal = if status == StatusCode::SERVICE_UNAVAILABLE { refusal.retry_after(5) } else { refusal };
        match error.hint() {
            Some(hint) => refusal.hint(hint),
            None => refusal,
        }
    }

    pub(crate) fn of_store(error: &actas_store::Error) -> Self {
        let status = match error.kind() {
            actas_store::ErrorKind::Full => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let refusal = Self::new(status, "NotStored", error.to_string()).retry_after(5);
        match error.hint() {
            Some(hint) => refusal.hint(hint),
            None => refusal,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Whether the same may be accepted later: it is this machine that could not.
    pub(crate) fn is_temporary(&self) -> bool {
        self.status.is_server_error()
    }

    fn body(&self) -> Value {
        json!({"error": {"code": self.code, "message": self.message, "hint": self.hint}})
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hint {
            Some(hint) => write!(f, "{}: {hint}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body())).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = if self.code == "NoToken" {
                "Bearer realm=\"actas storage\""
            } else {
                "Bearer realm=\"actas storage\", error=\"invalid_token\""
            };
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// What became of one item.
pub(super) struct Outcome {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

pub(super) fn accepted(item: &StorageItem, put: Put) -> Outcome {
    let (status, body) = match put {
        Put::New => (StatusCode::CREATED, json!({"key": item.key(), "owner": item.owner(), "accepted": true})),
        Put::Same => (StatusCode::OK, json!({"key": item.key(), "owner": item.owner(), "accepted": true})),
        Put::Other => {
            let refusal = Refusal::new(
                StatusCode::CONFLICT,
                "KeyInUse",
                format!("another item was accepted with the key `{}`", item.key()),
            )
            .hint("a key stands for one item: give this one another");
            let mut body = refusal.body();
            body["key"] = item.key().into();
            (StatusCode::CONFLICT, body)
        }
    };
    Outcome { status, body: with_status(body, status) }
}

pub(super) fn refused_item(refusal: &Refusal) -> Outcome {
    Outcome { status: refusal.status, body: with_status(refusal.body(), refusal.status) }
}

fn with_status(mut body: Value, status: StatusCode) -> Value {
    body["status"] = status.as_u16().into();
    body
}

/// An item's state.
pub(super) fn shown(item: &QueuedItem) -> Value {
    let time = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({
        "key": item.id,
        "owner": item.owner,
        "component": item.component,
        "state": item.state.as_str(),
        "created": time(item.created),
        "due": (item.state == actas_store::queue::ItemState::Queued).then(|| time(item.due)),
        "attempts": item.attempts,
        "lastTried": item.tried.map(time),
        "reason": item.reason,
        "deliveredAs": item.delivered_as,
    })
}
