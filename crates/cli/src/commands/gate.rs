//! `gate`: validation for a proxy in front of somebody else's service.

use std::sync::Arc;
use std::time::Duration;

use actas_runtime::{Clock, Limits, SystemClock, listener};
use actas_token::{Accepted, How, Refusal, UserKey, token_hash};
use actas_validator::{Details, Validator, Wording, bearer_token};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sd_notify::NotifyState;
use serde_json::json;

use super::shown;
use crate::app::Context;
use crate::arguments::gate::Gate;
use crate::gatekeeping::GateFile;
use crate::metadata::OverHttps;
use crate::problem::Problem;
use crate::signals;
use crate::workplace::write_atomically;

/// How long connections may take to end.
const GRACE: Duration = Duration::from_secs(10);
/// A verdict takes microseconds; this is for the fetch of keys that one may wait for.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// A proxy sends no bodies.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Who calls, field by field. Every answer that lets a request pass has all of them.
const FIELDS: [HeaderName; 7] = [
    HeaderName::from_static("x-actas-app"),
    HeaderName::from_static("x-actas-tenant"),
    HeaderName::from_static("x-actas-how"),
    HeaderName::from_static("x-actas-user"),
    HeaderName::from_static("x-actas-user-ids"),
    HeaderName::from_static("x-actas-user-object"),
    HeaderName::from_static("x-actas-expires"),
];

#[derive(Clone)]
struct Keeper(Arc<Inner>);

struct Inner {
    validator: Validator,
    clock: Arc<dyn Clock>,
    realm: Option<String>,
    details: Details,
    several_user_ids: bool,
}

/// Runs until told to stop; drains then.
pub(crate) async fn run(gate: Gate, context: &Context) -> Result<(), Problem> {
    let stop = signals::stop()?;
    let file = GateFile::load(&gate.file)?;
    let keeper = Keeper::new(&file)?;
    for url in keeper.0.validator.without_keys(keeper.0.clock.now()).await {
        context.console.warning(&format!("there are no keys yet from `{url}`; tokens of that issuer are refused"));
    }
    let limits = Limits { request_timeout: ANSWER_MAX, body_bytes_max: BODY_BYTES_MAX, ..Limits::default() };
    let server = listener::serve_plain(listener::bind(file.listen)?, keeper.router(), &limits)?;
    let url = format!("http://{}/auth", server.local_addr());
    if !server.local_addr().ip().is_loopback() {
        context.console.warning("the gate answers other machines, without TLS: keep all but the proxy away from it");
    }
    context.console.note(&format!("ready at {url}; SIGTERM stops"));
    if let Some(file) = &gate.ready_file {
        write_atomically(file, format!("{:#}\n", json!({ "GATE_URL": url })).as_bytes())?;
    }
    // Outside systemd there is nobody to tell.
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    stop.wait().await;
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    server.stop(GRACE).await?;
    Ok(())
}

// === impl Keeper ===

impl Keeper {
    fn new(file: &GateFile) -> Result<Self, Problem> {
        let source = Arc::new(OverHttps::new(file.http()?));
        let validator = Validator::new(file.resource(), file.limits(), source);
        validator.configure(&file.configuration());
        Ok(Self(Arc::new(Inner {
            validator,
            clock: SystemClock::shared(),
            realm: file.realm().map(str::to_owned),
            details: if file.tells_details() { Details::Verbose } else { Details::Terse },
            several_user_ids: file.passes_several_user_ids(),
        })))
    }

    fn router(self) -> Router {
        // nginx and Traefik ask at one path; Envoy puts the request's own behind it.
        Router::new()
            .route("/auth", any(answer))
            .route("/auth/{*path}", any(answer))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .with_state(self)
    }

    async fn judge(&self, headers: &HeaderMap) -> Result<HeaderMap, Refusal> {
        let token = bearer_token(headers)?;
        let verdict = self.0.validator.validate(token, self.0.clock.now()).await;
        let verdict = verdict.and_then(|accepted| self.identity(&accepted).map(|identity| (accepted, identity)));
        match &verdict {
            Ok((accepted, _)) => tracing::debug!(
                token = token_hash(token), app = %accepted.app_id, tenant = %accepted.tenant, "let pass"
            ),
            Err(refusal) => {
                tracing::warn!(token = token_hash(token), rule = refusal.rule().name(), %refusal, "refused");
            }
        }
        verdict.map(|(_, identity)| identity)
    }

    /// Who calls, in the words of the header fields.
    fn identity(&self, accepted: &Accepted) -> Result<HeaderMap, Refusal> {
        let (mut user, mut ids, mut object) = (String::new(), Vec::new(), String::new());
        if let How::ActAs(claims) = &accepted.how {
            // There is no directory here that could say that two ids are one user.
            match one_address(claims.keys()) {
                Some(address) => user = escaped(address),
                None if self.0.several_user_ids => {}
                None => {
                    return Err(Refusal::User(
                        "its ids are not one address, and nobody here can tell that they are one user",
                    ));
                }
            }
            ids = claims.keys().iter().map(named).collect();
            object = claims.object_id().map_or_else(String::new, |id| id.to_string());
        }
        let values = [
            accepted.app_id.to_string(),
            accepted.tenant.to_string(),
            accepted.way().to_owned(),
            user,
            ids.join(","),
            object,
            shown::time(accepted.expires),
        ];
        let fields = FIELDS.into_iter().zip(values);
        fields
            .map(|(name, value)| match HeaderValue::try_from(value) {
                Ok(value) => Ok((name, value)),
                Err(_) => Err(Refusal::Unavailable(format!("`{name}` cannot be written"))),
            })
            .collect()
    }

    fn deny(&self, refusal: &Refusal) -> Response {
        // A proof names the address that the client dialled, which only the proxy knows.
        let wording = Wording { realm: self.0.realm.as_deref(), ..Wording::default() };
        let denial = self.0.validator.denial(None, refusal, wording, self.0.details);
        // Of what a gate answers, proxies know 401 and 403 as refusals; nginx takes any other for a failure.
        let status = if denial.status == StatusCode::FORBIDDEN { denial.status } else { StatusCode::UNAUTHORIZED };
        let mut response = status.into_response();
        for (name, value) in denial.headers() {
            response.headers_mut().append(name, value);
        }
        response
    }
}

async fn answer(State(keeper): State<Keeper>, headers: HeaderMap) -> Response {
    match keeper.judge(&headers).await {
        Ok(identity) => (StatusCode::OK, identity).into_response(),
        Err(refusal) => keeper.deny(&refusal),
    }
}

/// Ready means that there are keys of every issuer.
async fn ready(State(keeper): State<Keeper>) -> (StatusCode, &'static str) {
    let missing = keeper.0.validator.without_keys(keeper.0.clock.now()).await;
    if missing.is_empty() { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}

/// The one address that all ids are.
fn one_address(keys: &[UserKey]) -> Option<&str> {
    fn of(key: &UserKey) -> Option<&str> {
        match key {
            UserKey::Sip(address) | UserKey::Smtp(address) | UserKey::Upn(address) => Some(address),
            UserKey::Puid(_) | UserKey::Sid(_) => None,
        }
    }
    let first = of(keys.first()?)?;
    keys.iter().all(|key| of(key) == Some(first)).then_some(first)
}

/// An id with its kind.
fn named(key: &UserKey) -> String {
    let (kind, id) = match key {
        UserKey::Puid(id) => ("puid", id),
        UserKey::Sid(id) => ("sid", id),
        UserKey::Sip(id) => ("sip", id),
        UserKey::Smtp(id) => ("smtp", id),
        UserKey::Upn(id) => ("upn", id),
    };
    format!("{kind}={}", escaped(id))
}

/// What cannot stand in a header field, or divides a list, as `%XX` (RFC 3986 §2.1).
fn escaped(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if byte.is_ascii_graphic() && !b"%,;=\"".contains(&byte) {
            escaped.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_one_address_or_none() {
        let (upn, smtp) = (|text: &str| UserKey::Upn(text.into()), |text: &str| UserKey::Smtp(text.into()));
        assert_eq!(one_address(&[upn("a@x.example"), smtp("a@x.example")]), Some("a@x.example"));
        assert_eq!(one_address(&[upn("a@x.example"), smtp("admin@x.example")]), None);
        assert_eq!(one_address(&[upn("a@x.example"), UserKey::Sid("s-1-5-21-1-2-3-1001".into())]), None);
        assert_eq!(one_address(&[UserKey::Puid("1003200100000001".into())]), None);
        assert_eq!(one_address(&[]), None);
    }

    #[test]
    fn an_id_stays_within_its_field() {
        assert_eq!(escaped("ä,=\n%@x"), "%C3%A4%2C%3D%0A%25@x");
        assert_eq!(named(&UserKey::Smtp("o'neil+x@x.example".into())), "smtp=o'neil+x@x.example");
    }
}
