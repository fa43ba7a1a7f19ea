//! `gate`: validation for a proxy in front of somebody else's service.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actas_runtime::{Clock, Limits, Server, SystemClock, listener};
use actas_token::authorization::Scheme;
use actas_token::dpop::Proofs;
use actas_token::{Accepted, How, Refusal, UserKey, token_hash};
use actas_validator::{Details, MetadataSource, Validator, Wording, authorization, bearer_token, resource_request};
use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use sd_notify::NotifyState;
use serde_json::json;

use super::shown;
use crate::app::Context;
use crate::arguments::gate::Gate;
use crate::gatekeeping::{GateFile, ProxyKind};
use crate::metadata::OverHttps;
use crate::problem::Problem;
use crate::signals;
use crate::workplace::write_atomically;

/// Where the proxy asks.
const AUTH: &str = "/auth";
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

/// The gate as it is now; SIGHUP puts another in its place.
#[derive(Clone)]
struct Keeper(Arc<RwLock<Arc<Inner>>>);

struct Inner {
    file: GateFile,
    validator: Validator,
    source: Arc<Source>,
    /// Of a gate that knows what was asked.
    proofs: Option<Arc<Proofs>>,
    clock: Arc<dyn Clock>,
    details: Details,
}

/// Where keys come from: a client as the file has it, made anew with each reading.
struct Source(RwLock<Arc<OverHttps>>);

/// What a caller asked of the proxy.
struct Asked {
    method: Method,
    path: String,
}

/// Runs until told to stop; drains then.
pub(crate) async fn run(gate: Gate, context: &Context) -> Result<(), Problem> {
    let stop = signals::stop()?;
    let mut reload = signals::reload()?;
    let file = GateFile::load(&gate.file)?;
    let keeper = Keeper::new(&file)?;
    keeper.tell_missing_keys(context).await;
    let limits = Limits { request_timeout: ANSWER_MAX, body_bytes_max: BODY_BYTES_MAX, ..Limits::default() };
    let bound = listener::bind(file.listen)?;
    let (server, scheme) = match file.identity()? {
        Some(identity) => (listener::serve_tls(bound, keeper.clone().router(), identity, &limits)?, "https"),
        None => (listener::serve_plain(bound, keeper.clone().router(), &limits)?, "http"),
    };
    let url = format!("{scheme}://{}/auth", server.local_addr());
    if scheme == "http" && !server.local_addr().ip().is_loopback() {
        context.console.warning(
            "the gate answers other machines, without TLS: name a `certificate_file`, and keep all but the proxy away from it",
        );
    }
    context.console.note(&format!("ready at {url}; SIGTERM stops, SIGHUP reads the file again"));
    if let Some(file) = &gate.ready_file {
        write_atomically(file, format!("{:#}\n", json!({ "GATE_URL": url })).as_bytes())?;
    }
    // Outside systemd there is nobody to tell.
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    let mut stopped = std::pin::pin!(stop.wait());
    loop {
        tokio::select! {
            () = &mut stopped => break,
            _ = reload.recv() => match keeper.reload(&gate, &server, context).await {
                Ok(()) => context.console.note("the file was read again"),
                // What runs goes on as it was.
                Err(problem) => context.console.problem(&problem),
            },
        }
    }
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    server.stop(GRACE).await?;
    Ok(())
}

// === impl Keeper ===

impl Keeper {
    fn new(file: &GateFile) -> Result<Self, Problem> {
        let source = Arc::new(Source(RwLock::new(Arc::new(OverHttps::new(file.http()?)))));
        let validator = Validator::new(file.resource(), file.limits(), Arc::<Source>::clone(&source));
        validator.configure(&file.configuration());
        let inner = Inner {
            validator,
            source,
            proofs: file.proofs().map(Arc::new),
            clock: SystemClock::shared(),
            details: details(file),
            file: file.clone(),
        };
        Ok(Self(Arc::new(RwLock::new(Arc::new(inner)))))
    }

    fn now(&self) -> Arc<Inner> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the file as it is now, all of it or nothing. Keys of issuers that stay are kept,
    /// and so is what was used up.
    async fn reload(&self, gate: &Gate, server: &Server, context: &Context) -> Result<(), Problem> {
        let file = GateFile::load(&gate.file)?;
        let (http, identity, old) = (file.http()?, file.identity()?, self.now());
        if identity.is_some() != old.file.certificate_file.is_some() {
            context.console.warning("whether the gate speaks TLS changes with a restart");
        } else if let Some(identity) = identity {
            server.replace_identity(identity)?;
        }
        if file.listen != old.file.listen {
            context.console.warning("`listen` was changed; that takes effect with a restart");
        }
        old.source.replace(OverHttps::new(http));
        let validator = if file.judges_alike(&old.file) {
            old.validator.clone()
        } else {
            old.validator.for_resource(file.resource(), file.limits())
        };
        validator.configure(&file.configuration());
        let proofs = if file.proves_alike(&old.file) { old.proofs.clone() } else { file.proofs().map(Arc::new) };
        let (source, clock, details) = (Arc::clone(&old.source), Arc::clone(&old.clock), details(&file));
        // Fetched before anybody waits for them.
        let _ = validator.without_keys(clock.now()).await;
        let inner = Inner { file, validator, source, proofs, clock, details };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(inner);
        self.tell_missing_keys(context).await;
        Ok(())
    }

    async fn tell_missing_keys(&self, context: &Context) {
        let inner = self.now();
        for url in inner.validator.without_keys(inner.clock.now()).await {
            context.console.warning(&format!("there are no keys yet from `{url}`; tokens of that issuer are refused"));
        }
    }

    fn router(self) -> Router {
        // nginx and Traefik ask at one path; Envoy puts the request's own behind it.
        Router::new()
            .route(AUTH, any(answer))
            .route("/auth/{*path}", any(answer))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .with_state(self)
    }
}

// === impl Source ===

impl Source {
    fn replace(&self, source: OverHttps) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(source);
    }
}

impl MetadataSource for Source {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>> {
        let current = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        Box::pin(async move { current.fetch(url).await })
    }
}

// === impl Asked ===

impl Asked {
    /// What was asked, as the proxy says: a field that is there twice says nothing.
    fn of(kind: ProxyKind, request: &Parts) -> Option<Self> {
        let one = |name: &str| {
            let mut all = request.headers.get_all(name).iter();
            all.next().filter(|_| all.next().is_none()).and_then(|value| value.to_str().ok())
        };
        let (method, address) = match kind {
            ProxyKind::Nginx => (one("x-original-method")?, one("x-original-uri")?),
            ProxyKind::Traefik => (one("x-forwarded-method")?, one("x-forwarded-uri")?),
            ProxyKind::Envoy => (request.method.as_str(), request.uri.path().strip_prefix(AUTH)?),
        };
        let (path, _) = address.split_once('?').unwrap_or((address, ""));
        let path = path.starts_with('/').then(|| path.to_owned())?;
        Some(Self { method: method.parse().ok()?, path })
    }
}

// === impl Inner ===

impl Inner {
    async fn judge(&self, request: &Parts, peer: IpAddr) -> Result<HeaderMap, Refusal> {
        let token = authorization(&request.headers)?.token;
        let verdict = self.accept(request, peer).await;
        let verdict = verdict.and_then(|accepted| self.identity(&accepted).map(|identity| (accepted, identity)));
        match &verdict {
            Ok((accepted, _)) => tracing::debug!(
                token = token_hash(token), app = %accepted.app_id, tenant = %accepted.tenant, "let pass"
            ),
            Err(Refusal::NoToken) => {}
            Err(refusal) => {
                tracing::warn!(token = token_hash(token), rule = refusal.rule().name(), %refusal, "refused");
            }
        }
        verdict.map(|(_, identity)| identity)
    }

    async fn accept(&self, request: &Parts, peer: IpAddr) -> Result<Accepted, Refusal> {
        let (headers, now) = (&request.headers, self.clock.now());
        let Some(proofs) = self.proofs.as_ref().filter(|_| scheme(headers) == Some(Scheme::Dpop)) else {
            return self.validator.validate(bearer_token(headers)?, now).await;
        };
        let asked = self.file.believed(peer).and_then(|kind| Asked::of(kind, request));
        let asked = asked.ok_or(Refusal::Possession("the proxy did not say for which request its proof is"))?;
        self.validator.admit(&resource_request(&asked.method, &asked.path, headers, None), proofs, now).await
    }

    /// Who calls, in the words of the header fields.
    fn identity(&self, accepted: &Accepted) -> Result<HeaderMap, Refusal> {
        let (mut user, mut ids, mut object) = (String::new(), Vec::new(), String::new());
        if let How::ActAs(claims) = &accepted.how {
            // There is no directory here that could say that two ids are one user.
            match one_address(claims.keys()) {
                Some(address) => user = escaped(address),
                None if self.file.passes_several_user_ids() => {}
                None => {
                    return Err(Refusal::User(
                        "its ids are not one address, and nobody here can tell that they are one user",
                    ));
                }
            }
            ids = claims.keys().map(named).collect();
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

    fn deny(&self, headers: &HeaderMap, refusal: &Refusal) -> Response {
        let wording =
            Wording { realm: self.file.realm(), authorization_uri: None, takes_proofs: self.proofs.is_some() };
        let scheme = scheme(headers).filter(|_| self.proofs.is_some());
        let denial = self.validator.denial(scheme, refusal, wording, self.details);
        // Of what a gate answers, proxies know 401 and 403 as refusals; nginx takes any other for a failure.
        let status = if denial.status == StatusCode::FORBIDDEN { denial.status } else { StatusCode::UNAUTHORIZED };
        let mut response = status.into_response();
        for (name, value) in denial.headers() {
            response.headers_mut().append(name, value);
        }
        response
    }
}

async fn answer(State(keeper): State<Keeper>, ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Parts) -> Response {
    let inner = keeper.now();
    match inner.judge(&request, peer.ip()).await {
        Ok(identity) => (StatusCode::OK, identity).into_response(),
        Err(refusal) => inner.deny(&request.headers, &refusal),
    }
}

/// Ready means that there are keys of every issuer.
async fn ready(State(keeper): State<Keeper>) -> (StatusCode, &'static str) {
    let inner = keeper.now();
    let missing = inner.validator.without_keys(inner.clock.now()).await;
    if missing.is_empty() { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}

fn scheme(headers: &HeaderMap) -> Option<Scheme> {
    authorization(headers).ok().map(|read| read.scheme)
}

fn details(file: &GateFile) -> Details {
    if file.tells_details() { Details::Verbose } else { Details::Terse }
}

/// The one address that all ids are.
fn one_address<'k>(keys: impl IntoIterator<Item = UserKey<&'k str>>) -> Option<&'k str> {
    let mut addresses = keys.into_iter().map(|key| match key {
        UserKey::Sip(address) | UserKey::Smtp(address) | UserKey::Upn(address) => Some(address),
        UserKey::Puid(_) | UserKey::Sid(_) => None,
    });
    let first = addresses.next()??;
    addresses.all(|address| address == Some(first)).then_some(first)
}

/// An id with its kind.
fn named(key: UserKey<&str>) -> String {
    format!("{}={}", key.kind(), escaped(key.id()))
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
        let (upn, smtp) = (UserKey::Upn, UserKey::Smtp);
        assert_eq!(one_address([upn("a@x.example"), smtp("a@x.example")]), Some("a@x.example"));
        assert_eq!(one_address([upn("a@x.example"), smtp("admin@x.example")]), None);
        assert_eq!(one_address([upn("a@x.example"), UserKey::Sid("s-1-5-21-1-2-3-1001")]), None);
        assert_eq!(one_address([UserKey::Puid("1003200100000001")]), None);
        assert_eq!(one_address([]), None);
    }

    #[test]
    fn each_proxy_says_in_its_own_way_what_was_asked() {
        let request = |fields: &[(&str, &str)]| {
            let mut request = http::Request::get("http://gate/auth/EWS/Exchange.asmx?a=b");
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            request.body(()).unwrap().into_parts().0
        };
        let asked = |kind, fields: &[(&str, &str)]| {
            Asked::of(kind, &request(fields)).map(|asked| format!("{} {}", asked.method, asked.path))
        };
        let nginx = [("x-original-method", "POST"), ("x-original-uri", "/EWS/a?b=/c")];
        let traefik = [("x-forwarded-method", "PUT"), ("x-forwarded-uri", "/EWS/b")];
        let all = [nginx, traefik].concat();
        assert_eq!(asked(ProxyKind::Nginx, &all).as_deref(), Some("POST /EWS/a"));
        assert_eq!(asked(ProxyKind::Traefik, &all).as_deref(), Some("PUT /EWS/b"));
        assert_eq!(asked(ProxyKind::Envoy, &all).as_deref(), Some("GET /EWS/Exchange.asmx"));
        assert_eq!(asked(ProxyKind::Nginx, &traefik), None, "another's fields say nothing");
        let twice = [&nginx[..], &[("x-original-uri", "/EWS/b")]].concat();
        assert_eq!(asked(ProxyKind::Nginx, &twice), None);
        assert_eq!(asked(ProxyKind::Nginx, &[nginx[0], ("x-original-uri", "https://a.example/")]), None);
    }

    #[test]
    fn an_id_stays_within_its_field() {
        assert_eq!(escaped("ä,=\n%@x"), "%C3%A4%2C%3D%0A%25@x");
        assert_eq!(named(UserKey::Smtp("o'neil+x@x.example")), "smtp=o'neil+x@x.example");
    }
}
