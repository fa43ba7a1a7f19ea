//! Records over HTTP: `POST /sources/<system>`, beside the intake.
//!
//! Each request carries a token of the intake, as a bearer or as the password of Basic
//! authentication, which is what telephone systems can send.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::record::System;
use super::{HandedIn, Sources};
use crate::intake::Refusal;

/// The most bytes of a record. FreeSWITCH's have some ten thousand; a conversation of a day
/// has more.
const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Records that are read at once, and how long another one waits.
const RECORDS_AT_ONCE: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);
/// The field of a form that holds the record.
const FIELD: &[u8] = b"cdr=";

#[derive(Clone)]
struct Door {
    sources: Sources,
    room: Arc<Semaphore>,
}

/// The routes of sources that speak HTTP. One that is not configured is refused.
pub fn router(sources: Sources) -> Router {
    Router::new()
        .route("/sources/{system}", post(take))
        // The handler bounds what it reads itself.
        .layer(DefaultBodyLimit::disable())
        .with_state(Door { sources, room: Arc::new(Semaphore::new(RECORDS_AT_ONCE)) })
}

async fn take(State(door): State<Door>, Path(system): Path<String>, request: Request) -> Response {
    match door.take(&system, request).await {
        Ok((status, body)) => (status, axum::Json(body)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

// === impl Door ===

impl Door {
    async fn take(&self, system: &str, request: Request) -> Result<(StatusCode, Value), Refusal> {
        let system = System::named(system).filter(|system| self.sources.setup().takes(*system)).ok_or_else(|| {
            Refusal::new(StatusCode::NOT_FOUND, "NoSuchSource", "records of this system are not taken here")
                .hint("`[onprem.sources]` says which are: `call_records = [\"asterisk\", \"freeswitch\", \"kamailio\"]`, `conversations = true` for xmpp")
        })?;
        self.authenticate(request.headers()).await?;
        let busy = || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", "too many records at once").retry_after(1);
        let room = tokio::time::timeout(PATIENCE, self.room.acquire()).await;
        let _room = room.ok().and_then(Result::ok).ok_or_else(busy)?;
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let body = to_bytes(request.into_body(), RECORD_BYTES_MAX).await;
        let body = body.map_err(|_| {
            Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "TooLarge",
                format!("a record has more than {RECORD_BYTES_MAX} bytes, or did not come whole"),
            )
        })?;
        let record = record(&kind, &body)?;
        Ok(match self.sources.hand_in_record(system, &record).await? {
            HandedIn::Kept(keys) => (StatusCode::OK, json!({"accepted": true, "keys": keys})),
            HandedIn::Nothing(why) => (StatusCode::OK, json!({"accepted": false, "reason": why})),
            // It is kept, so the system need not send it again.
            HandedIn::Unclaimed(file) => (
                StatusCode::ACCEPTED,
                json!({
                    "accepted": false,
                    "reason": "nobody who took part has a mailbox here",
                    "file": file.file_name().and_then(|name| name.to_str()),
                }),
            ),
        })
    }

    async fn authenticate(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let presented = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let password = presented.and_then(|text| {
            let (scheme, encoded) = text.split_once(' ')?;
            let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())??;
            let decoded = String::from_utf8(decoded).ok()?;
            decoded.split_once(':').map(|(_, password)| password.to_owned())
        });
        match password {
            Some(password) => self.sources.agent.check_token(&password).await,
            None => self.sources.agent.check_bearer(headers).await,
        }
    }
}

/// The record in a body: JSON, or the field `cdr` of a form, plain or in Base64.
pub(super) fn record(content_type: &str, body: &[u8]) -> Result<Value, Refusal> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let field = || {
        let found = body.split(|byte| *byte == b'&').find_map(|part| part.strip_prefix(FIELD));
        found.ok_or_else(|| Refusal::invalid("the form has no field `cdr`"))
    };
    let text = match kind.as_str() {
        "application/json" | "" => body.to_vec(),
        "application/x-www-form-urlencoded" => {
            // A `+` is a space, as forms have it.
            let spaced: Vec<u8> = field()?.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
            percent_encoding::percent_decode(&spaced).collect()
        }
        "application/x-www-form-base64-encoded" => {
            let encoded: Vec<u8> = field()?.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            STANDARD
                .decode(encoded)
                .map_err(|error| Refusal::invalid(format!("the field `cdr` is not Base64: {error}")))?
        }
        _ => {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "MediaType",
                format!("`{kind}` is not taken; send application/json, or a form with the field `cdr`"),
            ));
        }
    };
    serde_json::from_slice(&text).map_err(|error| Refusal::invalid(format!("the record is not JSON: {error}")))
}
