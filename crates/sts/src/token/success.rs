//! What an OpenID-style endpoint answers when it issues, in the two spellings that
//! clients of the two versions read.

use actas_token::issue::BACKDATE;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Dialect;
use super::answer::json_answer;

/// A token that was issued.
pub(super) struct Success<'a> {
    pub(super) access_token: String,
    pub(super) token_type: &'static str,
    pub(super) lifetime: SignedDuration,
    pub(super) resource: &'a str,
    /// `issued_token_type`, which token exchange demands (RFC 8693 §2.2.1).
    pub(super) issued: Option<&'static str>,
    /// `scope`, where it is not what was asked for (RFC 6749 §5.1).
    pub(super) scope: Option<String>,
}

/// Numbers, and nothing that a client's cache would trip over: no `scope` where an
/// application asked as itself.
#[derive(Serialize)]
struct AnswerV2 {
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    expires_in: i64,
    ext_expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    access_token: String,
}

/// Every number is a string.
#[derive(Serialize)]
struct AnswerV1<'a> {
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    expires_in: String,
    ext_expires_in: String,
    expires_on: String,
    not_before: String,
    resource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    access_token: String,
}

// === impl Success ===

impl Success<'_> {
    pub(super) fn answer(self, dialect: Dialect, now: Timestamp) -> Response {
        let Self { access_token, token_type, lifetime, resource, issued: issued_token_type, scope } = self;
        let expires_in = lifetime.as_secs() - 1;
        match dialect {
            Dialect::V2 => json_answer(&AnswerV2 {
                token_type,
                scope,
                expires_in,
                ext_expires_in: expires_in,
                issued_token_type,
                access_token,
            }),
            Dialect::Acs | Dialect::V1 => json_answer(&AnswerV1 {
                token_type,
                scope,
                expires_in: expires_in.to_string(),
                ext_expires_in: expires_in.to_string(),
                expires_on: (now + lifetime).as_second().to_string(),
                not_before: (now - BACKDATE).as_second().to_string(),
                resource,
                issued_token_type,
                access_token,
            }),
        }
    }
}
