//! The path of a request: route, admission, operation, answer.

use actas_exchange::autodiscover::{GetUserSettingsRequest, PoxRequest};
use actas_exchange::ews::Call;
use actas_exchange::soap::{Fault, Service};
use actas_runtime::ClientCertificate;
use actas_runtime::rate::retry_after;
use actas_token::dpop::{ProofRefused, Proofs};
use actas_token::possession::ResourceRequest;
use actas_token::{Refusal, Rule};
use actas_validator::{Denial, Details, Wording, authorization, resource_request};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use uuid::Uuid;

use crate::admission::{self, Acting, Caller, Denied};
use crate::answer::{self, Answer};
use crate::arrive::{self, Arrived, Contents};
use crate::audit::{self, Subject};
use crate::autodiscover::json;
use crate::config::FaultKind;
use crate::content::Reel;
use crate::ews::Written;
use crate::limit::{Peer, back_off_ms};
use crate::{Inner, MailboxServer, autodiscover, ews};

/// The most bytes of an Autodiscover request.
const AUTODISCOVER_BYTES_MAX: usize = 256 * 1024;
/// The most bytes of a refused request that are read away, so that its client gets to
/// read the answer and keeps its connection.
const DRAINED_BYTES_MAX: usize = 1024 * 1024;
/// The most bytes of a client's request id that are sent back.
pub(crate) const CLIENT_REQUEST_ID_BYTES_MAX: usize = 128;
/// Requests from this size on are parsed away from the threads that serve others.
pub(crate) const PARSED_INLINE_BYTES_MAX: usize = 128 * 1024;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const X_SOAP_ENABLED: HeaderName = HeaderName::from_static("x-soap-enabled");
const X_OAUTH_ENABLED: HeaderName = HeaderName::from_static("x-oauth-enabled");
const TRUE: HeaderValue = HeaderValue::from_static("True");

pub(crate) fn router(server: MailboxServer) -> Router {
    // Beside a token service, which has `/{tenant}/metadata/json/1`, the whole path decides.
    Router::new().route(METADATA_PATH, any(serve)).fallback(serve).with_state(server)
}

/// Where the server says who it is.
const METADATA_PATH: &str = "/autodiscover/metadata/json/1";

/// What a path leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Endpoint {
    /// Without credentials, by GET.
    AutodiscoverJson,
    AutodiscoverSoap,
    /// By POST the form without SOAP; by GET the probe of older clients, who send SOAP only after seeing its headers.
    AutodiscoverXml,
    Ews,
    /// Who this server is, by GET.
    Metadata,
}

impl Endpoint {
    fn of(path: &str) -> Option<Self> {
        match path.to_ascii_lowercase().as_str() {
            json::PATH => Some(Self::AutodiscoverJson),
            METADATA_PATH => Some(Self::Metadata),
            path if path.starts_with(json::VERSIONED) => Some(Self::AutodiscoverJson),
            "/autodiscover/autodiscover.svc" => Some(Self::AutodiscoverSoap),
            "/autodiscover/autodiscover.xml" => Some(Self::AutodiscoverXml),
            "/ews/exchange.asmx" => Some(Self::Ews),
            _ => None,
        }
    }
}

async fn serve(State(server): State<MailboxServer>, request: Request) -> Response {
    let id = Uuid::new_v4();
    let (parts, body) = request.into_parts();
    let client_id = parts.headers.get(&CLIENT_REQUEST_ID).filter(|id| id.len() <= CLIENT_REQUEST_ID_BYTES_MAX).cloned();
    let endpoint = Endpoint::of(parts.uri.path());
    let answer = match endpoint {
        Some(Endpoint::AutodiscoverJson | Endpoint::Metadata) if parts.method != Method::GET => {
            drain(body).await;
            Answer::MethodNotAllowed("GET")
        }
        Some(Endpoint::AutodiscoverJson) => server.0.json(&parts).await,
        Some(Endpoint::Metadata) => server.0.metadata(&parts).await,
        Some(endpoint) => server.0.answer(endpoint, &parts, body, id).await,
        None => Answer::NotFound,
    };
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    if matches!(endpoint, Some(Endpoint::AutodiscoverSoap | Endpoint::AutodiscoverXml)) {
        headers.insert(X_SOAP_ENABLED, TRUE);
        headers.insert(X_OAUTH_ENABLED, TRUE);
    }
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(id) = client_id {
        headers.insert(CLIENT_REQUEST_ID, id);
    }
    add_fresh_nonce(&server.0.proofs, &parts.headers, server.0.clock.now(), headers);
    response
}

/// Every answer to a proof brings a fresh nonce, so that a client need not be refused to get
/// its next one (RFC 9449 §8.2, §9).
pub(crate) fn add_fresh_nonce(proofs: &Proofs, request: &HeaderMap, now: Timestamp, answer: &mut HeaderMap) {
    if request.contains_key(DPOP)
        && let Some(Ok(nonce)) = proofs.nonce(now).as_deref().map(HeaderValue::from_str)
    {
        answer.insert(DPOP_NONCE, nonce);
        answer.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

impl Inner {
    async fn answer(&self, endpoint: Endpoint, parts: &Parts, body: Body, id: Uuid) -> Answer {
        let Parts { method, headers, .. } = parts;
        let now = self.clock.now();
        if endpoint == Endpoint::AutodiscoverXml && method != Method::POST {
            // Only its headers are of use.
            drain(body).await;
            return match self.trust.refresh(now).await {
                Ok(()) => Answer::Challenge(self.challenge(headers, &Refusal::NoToken)),
                Err(_) => Answer::Unavailable,
            };
        }
        let resource = match endpoint {
            Endpoint::Ews => &self.config.ews_url,
            _ => &self.config.autodiscover_url,
        };
        let peer = Peer::of(&parts.extensions);
        if let Err(wait) = self.limits.admit(peer, now) {
            drain(body).await;
            return Answer::TooMany(retry_after(wait));
        }
        let token = authorization(headers).map(|read| read.token).unwrap_or_default();
        let subject = Subject { token, resource, request_id: id, now, mailbox: None };
        let admitted = self.admit(parts, subject).await;
        let admitted = admitted.and_then(|caller| match self.limits.admit_client(&caller, now) {
            Ok(()) => Ok(caller),
            Err(wait) if endpoint == Endpoint::Ews => Err(Answer::Fault(Fault::busy(back_off_ms(wait)), Service::Ews)),
            Err(wait) => Err(Answer::TooMany(retry_after(wait))),
        });
        let caller = match admitted {
            Ok(caller) => caller,
            Err(denied) => {
                drain(body).await;
                return denied;
            }
        };
        if method != Method::POST {
            drain(body).await;
            return Answer::MethodNotAllowed("POST");
        }
        if endpoint == Endpoint::Ews {
            let arrived = arrive::read(&self.config, &self.mailboxes, &self.clock, headers, body).await;
            return match arrived {
                Ok(Arrived { body, contents }) => {
                    let answer = self.ews(&caller, body, &contents, subject).await;
                    contents.drop_loose(&self.mailboxes).await;
                    answer
                }
                Err(answer) => answer,
            };
        }
        let body = match read(headers, body, AUTODISCOVER_BYTES_MAX).await {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        match endpoint {
            Endpoint::AutodiscoverXml => self.pox(&caller, &body, subject).await,
            _ => self.autodiscover(&caller, &body, subject).await,
        }
    }

    // === admission ===

    async fn admit(&self, parts: &Parts, subject: Subject<'_>) -> Result<Caller, Answer> {
        if let Err(error) = self.trust.refresh(subject.now).await {
            tracing::error!(%error, "whom to trust cannot be read");
            return Err(Answer::Unavailable);
        }
        let shown = parts.extensions.get::<ClientCertificate>().and_then(|shown| shown.0.as_deref());
        let request = resource_request(&parts.method, parts.uri.path(), &parts.headers, shown);
        let (refusal, tenant) = match self.caller(&request, subject.now).await {
            Ok(caller) => return Ok(caller),
            Err((Denied::Unavailable(error), _)) => {
                tracing::error!(%error, "a user cannot be looked up");
                return Err(Answer::Unavailable);
            }
            Err((Denied::Refused(refusal), tenant)) => (refusal, tenant),
        };
        // A client that has yet to learn the nonce did nothing wrong.
        if !matches!(refusal, Refusal::NoToken | Refusal::Proof(ProofRefused::Nonce)) {
            tracing::debug!(rule = refusal.rule().name(), %refusal, "a token was refused");
            self.limits.note_refusal(Peer::of(&parts.extensions), subject.now);
            self.audit.refused(subject, &refusal, tenant).await;
        }
        if matches!(refusal.rule(), Rule::V20) {
            return Err(Answer::Unavailable);
        }
        Err(Answer::Challenge(self.challenge(&parts.headers, &refusal)))
    }

    async fn caller(
        &self,
        request: &ResourceRequest<'_>,
        now: Timestamp,
    ) -> Result<Caller, (Denied, Option<actas_directory::TenantId>)> {
        let accepted = self.validator.admit(request, &self.proofs, now).await;
        let accepted = accepted.map_err(|refusal| (Denied::Refused(refusal), None))?;
        let tenant = accepted.tenant;
        let allowed = self.trust.allowed(tenant, accepted.app_id).await;
        admission::caller(&self.directory, accepted, allowed).await.map_err(|denied| (denied, Some(tenant)))
    }

    fn challenge(&self, headers: &HeaderMap, refusal: &Refusal) -> Denial {
        let scheme = authorization(headers).ok().map(|read| read.scheme);
        let authorization_uri = self.config.authorization_uri.as_deref();
        let wording = Wording { realm: None, authorization_uri, takes_proofs: true };
        let denial = self.validator.denial(scheme, refusal, wording, Details::Terse);
        let diagnostics = match denial.status {
            StatusCode::BAD_REQUEST => None,
            _ => answer::diagnostics(refusal, self.config.verbose_diagnostics),
        };
        Denial { diagnostics, ..denial }
    }

    // === Autodiscover ===

    async fn autodiscover(&self, caller: &Caller, body: &[u8], subject: Subject<'_>) -> Answer {
        let (user, operation) = (caller.asserted_user(), "GetUserSettings");
        let fault = |fault| Answer::Fault(fault, Service::Autodiscover);
        let request = match GetUserSettingsRequest::parse(body, AUTODISCOVER_BYTES_MAX) {
            Ok(request) => request,
            Err(error) => {
                return self.recorded(caller, subject, user, operation, async { fault(Fault::from(&error)) }).await;
            }
        };
        // What is told depends on the tenant alone, so an application need not say for whom it
        // asks; but nobody may claim to be somebody else.
        if matches!(caller.acting, Acting::User(_))
            && let Err(denied) = caller.user(&self.directory, &self.exchange, request.impersonated.as_ref()).await
        {
            let named = request.impersonated.as_ref().map(actas_exchange::ews::ConnectingSid::as_str);
            self.audit.impersonation_refused(subject, caller, named, denied.code.as_str()).await;
            return fault(denied);
        }
        let answer = async {
            match autodiscover::answer(&self.directory, &self.config, caller.tenant, &request).await {
                Ok(response) => Answer::Soap(response.write()),
                Err(error) => fault(admission::storage_fault(&error)),
            }
        };
        self.recorded(caller, subject, user, operation, answer).await
    }

    /// Without SOAP there is no header in which an application could say for whom it asks.
    async fn pox(&self, caller: &Caller, body: &[u8], subject: Subject<'_>) -> Answer {
        let answer = async {
            let Ok(request) = PoxRequest::parse(body, AUTODISCOVER_BYTES_MAX) else {
                return Answer::Soap(autodiscover::pox::invalid(subject.now).write());
            };
            let told =
                autodiscover::pox::answer(&self.directory, &self.config, caller.tenant, &request, subject.now).await;
            match told {
                Ok(response) => Answer::Soap(response.write()),
                Err(error) => {
                    tracing::error!(%error, "a user cannot be looked up");
                    Answer::Unavailable
                }
            }
        };
        self.recorded(caller, subject, caller.asserted_user(), "Autodiscover", answer).await
    }

    async fn json(&self, Parts { uri, extensions, .. }: &Parts) -> Answer {
        if let Err(wait) = self.limits.admit_anonymous(Peer::of(extensions), self.clock.now()) {
            return Answer::TooMany(retry_after(wait));
        }
        json::answer(&self.directory, &self.config, uri).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a domain cannot be looked up");
            Answer::Unavailable
        })
    }

    async fn metadata(&self, Parts { uri, extensions, .. }: &Parts) -> Answer {
        if let Err(wait) = self.limits.admit_anonymous(Peer::of(extensions), self.clock.now()) {
            return Answer::TooMany(retry_after(wait));
        }
        match autodiscover::metadata::document(&self.directory, &self.config, uri).await {
            Ok(Some(body)) => Answer::Json { status: StatusCode::OK, body, is_error: false },
            Ok(None) => Answer::NotFound,
            Err(error) => {
                tracing::error!(%error, "a realm cannot be looked up");
                Answer::Unavailable
            }
        }
    }

    // === EWS ===

    async fn ews(&self, caller: &Caller, body: Bytes, contents: &Contents, subject: Subject<'_>) -> Answer {
        let fault = |fault| Answer::Fault(fault, Service::Ews);
        let call = match self.parse(body).await {
            Ok(call) => call,
            Err(unreadable) => {
                let user = caller.asserted_user();
                return self.recorded(caller, subject, user, "unreadable", async { fault(unreadable) }).await;
            }
        };
        let named = call.header.impersonation.as_ref();
        let user = match caller.user(&self.directory, &self.exchange, named).await {
            // Clients probe for our version before they know a mailbox.
            Ok(None) if !ews::needs_no_mailbox(&call.request) => Err(admission::impersonation_required()),
            Ok(_) if !caller.may(ews::changes(&call.request)) => Err(admission::access_denied()),
            user => user,
        };
        let user = match user {
            Ok(user) => user,
            Err(denied) => {
                let named = named.map(actas_exchange::ews::ConnectingSid::as_str);
                self.audit.impersonation_refused(subject, caller, named, denied.code.as_str()).await;
                return fault(denied);
            }
        };
        let upn = user.as_ref().map(|user| user.upn.as_str());
        let mailbox = match &user {
            Some(user) => match self.entrusting_owner(user, &call.request).await {
                // A linked account may have no mailbox of its own.
                Ok(None) => Some(user).filter(|user| user.mailbox && user.enabled).cloned(),
                Ok(owner) => owner,
                Err(error) => return fault(admission::storage_fault(&error)),
            },
            None => None,
        };
        let of = mailbox.as_ref().map(|mailbox| mailbox.upn.as_str()).filter(|of| Some(*of) != upn);
        let subject = Subject { mailbox: of, ..subject };
        let operation = call.request.name().to_owned();
        let budget = user.as_ref().map_or(Ok(()), |user| self.limits.admit_to_mailbox(caller, user, subject.now));
        let answer = async {
            if let Err(back_off_ms) = budget {
                return fault(Fault::busy(back_off_ms));
            }
            match mailbox.as_ref().and_then(|mailbox| self.fault_of(mailbox)) {
                Some(FaultKind::Http503) => return Answer::Unavailable,
                Some(FaultKind::ServerBusy { back_off_ms }) => return fault(Fault::busy(back_off_ms)),
                Some(FaultKind::InternalErrorInside200) => return Answer::Soap(ews::all_failed(&call.request)),
                None => {}
            }
            match ews::perform(self, caller.tenant, mailbox.as_ref(), call.request, contents, subject.now).await {
                Ok(Written { text, splices }) if splices.is_empty() => Answer::Soap(text),
                Ok(Written { text, splices }) => {
                    Answer::Streamed(Reel::new(self.mailboxes.clone(), splices.pieces(text.as_bytes(), "")))
                }
                Err(failed) => fault(failed),
            }
        };
        self.recorded(caller, subject, upn, &operation, answer).await
    }

    async fn parse(&self, body: Bytes) -> Result<Call, Fault> {
        let bytes_max = self.config.request_bytes_max;
        if body.len() <= PARSED_INLINE_BYTES_MAX {
            return Call::parse(&body, bytes_max).map_err(|error| Fault::from(&error));
        }
        let parsed = tokio::task::spawn_blocking(move || Call::parse(&body, bytes_max)).await;
        match parsed {
            Ok(parsed) => parsed.map_err(|error| Fault::from(&error)),
            Err(_) => Err(Fault::new(
                actas_exchange::ews::ResponseCode::ErrorInternalServerError,
                "An internal server error occurred. The operation failed.",
            )),
        }
    }

    /// Answers, with a record that the token was accepted.
    async fn recorded(
        &self,
        caller: &Caller,
        subject: Subject<'_>,
        user: Option<&str>,
        operation: &str,
        answer: impl Future<Output = Answer>,
    ) -> Answer {
        let record = self.audit.accepted(subject, caller, user, operation);
        audit::recorded(record, answer).await.unwrap_or(Answer::Unavailable)
    }
}

// === bodies ===

pub(crate) async fn read(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Answer> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(Answer::TooLarge);
    }
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Answer::TooLarge),
        Err(_) => Err(Answer::BadRequest),
    }
}

/// Reads away what somebody sends who is not admitted, up to a bound. One who sends more
/// loses the connection, and one who sends slowly the request, to the listener's bounds.
pub(crate) async fn drain(body: Body) {
    let mut body = Limited::new(body, DRAINED_BYTES_MAX);
    while let Some(Ok(_)) = body.frame().await {}
}
