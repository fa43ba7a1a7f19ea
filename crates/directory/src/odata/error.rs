//! The body of an error.

use jiff::Timestamp;
use serde_json::{Value, json};

/// The media type of every answer with a body, as Graph writes it.
pub const JSON: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// An error as clients read it: code, message, and what they quote to whoever helps them.
pub fn error_body(
    code: &str,
    message: &str,
    now: Timestamp,
    request_id: &str,
    client_request_id: Option<&str>,
) -> Value {
    json!({ "error": {
        "code": code,
        "message": message,
        "innerError": {
            "date": now.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": request_id,
            "client-request-id": client_request_id.unwrap_or(request_id),
        },
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape() {
        let now = "2026-11-20T10:02:00.5Z".parse().unwrap();
        let body = error_body("ErrorItemNotFound", "Not here.", now, "r1", None);
        assert_eq!(
            body,
            json!({ "error": { "code": "ErrorItemNotFound", "message": "Not here.", "innerError": {
                "date": "2026-11-20T10:02:00", "request-id": "r1", "client-request-id": "r1",
            }}})
        );
        assert_eq!(error_body("x", "y", now, "r1", Some("c1"))["error"]["innerError"]["client-request-id"], "c1");
    }
}
