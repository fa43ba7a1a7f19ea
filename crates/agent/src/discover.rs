//! Autodiscover: where a mailbox is. A token is minted for each host, after the host
//! passed the rules for redirects; over http nothing but a question is ever sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actas_exchange::autodiscover::{ErrorCode, GetUserSettingsRequest, GetUserSettingsResponse, UserResponse, setting};
use actas_exchange::redirect::{AllowedDomains, RedirectRefused, check_target};
use actas_exchange::soap::Reply;
use actas_runtime::{ClientError, HttpRequest, HttpResponse};
use actas_token::issue::ActAsUser;
use http::header::{HeaderName, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use url::Url;

use crate::Agent;
use crate::acquire::TokenFailure;
use crate::ews::retry_after;
use crate::trace::Trace;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// How long an answer is believed.
const CACHED_FOR: SignedDuration = SignedDuration::from_hours(1);
/// When it is asked for anew, the earlier one standing in while nobody answers.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_mins(48);
const CACHED_MAX: usize = 10_000;
const DIAGNOSTICS: HeaderName = HeaderName::from_static("x-ms-diagnostics");

/// A mailbox's EWS address, and how it was found.
#[derive(Clone, Debug)]
pub(crate) struct Discovered {
    pub(crate) ews_url: Url,
    /// The Autodiscover address that answered.
    pub(crate) answered_by: Url,
    /// Whether the way led over an unauthenticated redirect.
    pub(crate) over_http: bool,
}

pub(crate) struct Cached {
    discovered: Discovered,
    made: Timestamp,
}

/// What was discovered, one lock a mailbox, so that many asking for one ask once.
#[derive(Default)]
pub(crate) struct Discoveries(Mutex<HashMap<String, Arc<Mutex<Option<Cached>>>>>);

// === impl Discoveries ===

impl Discoveries {
    async fn slot(&self, smtp: &str) -> Arc<Mutex<Option<Cached>>> {
        let mut slots = self.0.lock().await;
        if slots.len() >= CACHED_MAX && !slots.contains_key(smtp) {
            slots.clear();
        }
        slots.entry(smtp.to_owned()).or_default().clone()
    }

    pub(crate) async fn clear(&self) {
        self.0.lock().await.clear();
    }
}

/// Why a mailbox was not found.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverFailure {
    /// No token for the host.
    #[error("{0}")]
    Token(TokenFailure),
    /// Nothing is configured to ask.
    #[error("{0}")]
    Configuration(String),
    /// The host did not answer.
    #[error("{0}")]
    Unreachable(ClientError),
    /// The host did not answer, and is left alone for now.
    #[error("{target} does not answer; it is asked again at {until}")]
    Waiting {
        /// The host.
        target: String,
        /// When it is asked again.
        until: Timestamp,
    },
    /// An answer that may not be followed.
    #[error("the redirect to `{target}` is not followed: {why}")]
    Redirect {
        /// Where it leads.
        target: String,
        /// Why not.
        why: RedirectRefused,
    },
    /// The host refused us.
    #[error("The remote server returned an error: ({}){diagnostics}", status.as_u16())]
    Refused {
        /// With what status.
        status: StatusCode,
        /// `x-ms-diagnostics`, with a blank before it.
        diagnostics: String,
    },
    /// The host says that there is no such mailbox, or cannot tell.
    #[error("Autodiscover answered {0}: {1}")]
    Answer(&'static str, String),
    /// Something that is not Autodiscover answered.
    #[error("the answer is not an Autodiscover answer: {0}")]
    NotAutodiscover(String),
}

impl DiscoverFailure {
    /// Whether it says nothing about the mailbox: somebody is away.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Waiting { .. } => true,
            Self::Token(failure) => {
                matches!(failure, TokenFailure::Unreachable { .. } | TokenFailure::Waiting { .. })
            }
            Self::Refused { status, .. } => status.is_server_error(),
            _ => false,
        }
    }

    /// Whether no other attempt can do better.
    pub(crate) fn is_permanent(&self) -> bool {
        matches!(self, Self::Answer(code, _) if *code == ErrorCode::InvalidUser.as_str())
    }
}

/// One discovery under way.
struct Walk {
    configured: Url,
    allowed: AllowedDomains,
    visited: Vec<Url>,
    hops: usize,
}

enum Step {
    Found(Discovered),
    /// Ask there instead.
    Redirect(Url),
    /// Ask for that address instead.
    Address(String),
}

// === impl Agent ===

impl Agent {
    /// Where a mailbox is; from the cache while an earlier answer is fresh.
    pub(crate) async fn discover(
        &self,
        smtp: &str,
        user: &ActAsUser,
        use_cache: bool,
        trace: &mut Trace,
    ) -> Result<Discovered, DiscoverFailure> {
        let now = self.0.clock.now();
        let slot = self.0.discoveries.slot(smtp).await;
        let mut cached = slot.lock().await;
        let age = |cached: &Cached| now.duration_since(cached.made);
        // One from the future is of a clock that was set back.
        let earlier =
            cached.as_ref().filter(|cached| use_cache && !age(cached).is_negative() && age(cached) < CACHED_FOR);
        if let Some(fresh) = earlier.filter(|cached| age(cached) < RENEWED_AFTER) {
            trace.push(format!("Autodiscover: {} (cached)", fresh.discovered.ews_url));
            return Ok(fresh.discovered.clone());
        }
        match self.walk(smtp, user, trace).await {
            Ok(discovered) => {
                *cached = Some(Cached { discovered: discovered.clone(), made: now });
                Ok(discovered)
            }
            Err(failure) => match earlier.map(|cached| cached.discovered.clone()) {
                Some(discovered) if failure.may_pass() => {
                    trace.push(format!("Autodiscover: {failure}; {} (cached)", discovered.ews_url));
                    Ok(discovered)
                }
                _ => Err(failure),
            },
        }
    }

    /// Forgets where a mailbox was.
    pub(crate) async fn forget_discovery(&self, smtp: &str) {
        self.0.discoveries.0.lock().await.remove(smtp);
    }

    async fn walk(&self, smtp: &str, user: &ActAsUser, trace: &mut Trace) -> Result<Discovered, DiscoverFailure> {
        let mut walk = self.start().await?;
        let mut smtp = smtp.to_owned();
        let mut over_http = false;
        let mut url = walk.configured.clone();
        if url.scheme() == "http" {
            url = self.probe(&mut walk, trace).await?;
            over_http = true;
        }
        loop {
            match self.ask(&walk, &url, &smtp, user, trace).await? {
                Step::Found(mut discovered) => {
                    walk.check_found(&discovered.ews_url)?;
                    discovered.over_http = over_http;
                    return Ok(discovered);
                }
                Step::Redirect(target) => url = walk.follow(&url, target)?,
                Step::Address(address) => {
                    walk.hop(&url)?;
                    trace.push(format!("Autodiscover: redirected to the address {address}"));
                    smtp = address;
                    url = walk.configured.clone();
                    if url.scheme() == "http" {
                        walk.visited.clear();
                        url = self.probe(&mut walk, trace).await?;
                    }
                }
            }
        }
    }

    /// The https address of Autodiscover: as configured, or where the http one leads.
    pub(crate) async fn autodiscover_url(&self) -> Result<Url, DiscoverFailure> {
        let mut walk = self.start().await?;
        if walk.configured.scheme() == "http" {
            self.probe(&mut walk, &mut Trace::default()).await
        } else {
            Ok(walk.configured)
        }
    }

    async fn start(&self) -> Result<Walk, DiscoverFailure> {
        let configuration =
            self.oauth_configuration().await.map_err(|error| DiscoverFailure::Configuration(error.to_string()))?;
        let text = configuration
            .exchange_autodiscover_url
            .ok_or_else(|| DiscoverFailure::Configuration("ExchangeAutodiscoverUrl is not set: `actas Set-CsOAuthConfiguration -ExchangeAutodiscoverUrl https://<host>/autodiscover/autodiscover.svc`".to_owned()))?;
        let configured = Url::parse(&text).map_err(|error| {
            DiscoverFailure::Configuration(format!("ExchangeAutodiscoverUrl `{text}` is not a URL: {error}"))
        })?;
        let allowed = configuration.exchange_autodiscover_allowed_domains.as_deref().unwrap_or_default();
        let allowed = allowed.parse().map_err(|error| {
            DiscoverFailure::Configuration(format!("ExchangeAutodiscoverAllowedDomains `{allowed}`: {error}"))
        })?;
        Ok(Walk { configured, allowed, visited: Vec::new(), hops: 0 })
    }

    /// The plain-http question of MS-OXWSADISC: no token, no user, no body; only the
    /// address in a redirect is read.
    async fn probe(&self, walk: &mut Walk, trace: &mut Trace) -> Result<Url, DiscoverFailure> {
        if walk.allowed.is_empty() {
            return Err(DiscoverFailure::Configuration(format!(
                "ExchangeAutodiscoverUrl `{}` is http and ExchangeAutodiscoverAllowedDomains is empty, so no redirect may be followed",
                walk.configured
            )));
        }
        let mut question = walk.configured.clone();
        question.set_path("/autodiscover/autodiscover.xml");
        let mut message = HttpRequest::get(question.as_str()).timeout(REQUEST_TIMEOUT).body_max(ANSWER_BYTES_MAX);
        trace.request(&mut message);
        let response = self.0.http.send(message).await.map_err(DiscoverFailure::Unreachable)?;
        trace.response(&response);
        let target = response.location().filter(|_| matches!(response.status.as_u16(), 301 | 302));
        let target = target.ok_or_else(|| {
            DiscoverFailure::NotAutodiscover(format!("`{question}` answered {} instead of a redirect", response.status))
        })?;
        trace.push(format!("Autodiscover: GET {question} -> {} {target}", response.status.as_u16()));
        let mut found = Url::parse(&target).map_err(|_| {
            DiscoverFailure::NotAutodiscover(format!("`{question}` redirects to `{target}`, which is not a URL"))
        })?;
        if found.path().to_ascii_lowercase().ends_with("/autodiscover.xml") {
            found.set_path("/autodiscover/autodiscover.svc");
        }
        let from = walk.configured.clone();
        walk.follow(&from, found)
    }

    async fn ask(
        &self,
        walk: &Walk,
        url: &Url,
        smtp: &str,
        user: &ActAsUser,
        trace: &mut Trace,
    ) -> Result<Step, DiscoverFailure> {
        let host = authority(url);
        let request = GetUserSettingsRequest {
            requested_version: Some("Exchange2013".to_owned()),
            to: Some(url.to_string()),
            impersonated: None,
            users: vec![smtp.to_owned()],
            settings: [setting::EXTERNAL_EWS_URL, setting::INTERNAL_EWS_URL].map(str::to_owned).to_vec(),
        };
        let mut message =
            HttpRequest::new(Method::POST, url.as_str()).timeout(REQUEST_TIMEOUT).body_max(ANSWER_BYTES_MAX);
        message.headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/xml; charset=utf-8"));
        message.body = request.write().into();
        let mut message = match self.actor_token(&host).await {
            Ok(actor) => {
                trace.push(format!("OAuth: token for {} from {}", actor.resource, actor.issuer));
                let token = self.act_as(&actor, &user_for(user, smtp));
                message.bearer(&token).map_err(|error| DiscoverFailure::Configuration(error.to_string()))?
            }
            // Nothing vouches for us yet. The question without a token still tells
            // whether the address is right.
            Err(TokenFailure::NoTrust) => message
                .header(http::header::AUTHORIZATION, "Bearer")
                .map_err(|error| DiscoverFailure::Configuration(error.to_string()))?,
            Err(failure) => return Err(DiscoverFailure::Token(failure)),
        };
        self.admit(&host).map_err(|until| DiscoverFailure::Waiting { target: host.clone(), until })?;
        trace.push(format!("Autodiscover: GetUserSettings of {smtp} at {url}, without a web proxy"));
        trace.request(&mut message);
        let outcome = self.0.http.send(message).await;
        let is_away = outcome.as_ref().map_or(true, |response| response.status == StatusCode::SERVICE_UNAVAILABLE);
        let told = outcome.as_ref().ok().and_then(retry_after);
        self.report(&host, if is_away { Err(told) } else { Ok(()) }).await;
        let response = outcome.map_err(DiscoverFailure::Unreachable)?;
        trace.response(&response);
        trace.push(format!("Autodiscover: POST {url} -> {}", response.status.as_u16()));
        read_answer(&walk.configured, url, &response)
    }
}

// === impl Walk ===

impl Walk {
    fn hop(&mut self, from: &Url) -> Result<(), DiscoverFailure> {
        self.visited.push(from.clone());
        self.hops += 1;
        if self.hops > actas_exchange::redirect::HOPS_MAX {
            return Err(DiscoverFailure::Redirect { target: from.to_string(), why: RedirectRefused::TooManyHops });
        }
        Ok(())
    }

    fn follow(&mut self, from: &Url, target: Url) -> Result<Url, DiscoverFailure> {
        self.visited.push(from.clone());
        let host = self.configured.host_str().unwrap_or_default();
        check_target(&target, host, &self.allowed, &self.visited, self.hops)
            .map_err(|why| DiscoverFailure::Redirect { target: shown(&target), why })?;
        self.hops += 1;
        Ok(target)
    }

    /// The EWS address gets a token too, so it passes the same rules.
    fn check_found(&self, target: &Url) -> Result<(), DiscoverFailure> {
        let host = self.configured.host_str().unwrap_or_default();
        check_target(target, host, &self.allowed, &[], 0)
            .map_err(|why| DiscoverFailure::Redirect { target: shown(target), why })
    }
}

/// Without what somebody may have put before the host.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

fn read_answer(configured: &Url, url: &Url, response: &HttpResponse) -> Result<Step, DiscoverFailure> {
    if response.status.is_redirection() {
        let target = response.location().and_then(|target| Url::parse(&target).ok());
        return target.map(Step::Redirect).ok_or_else(|| {
            DiscoverFailure::NotAutodiscover(format!("a redirect without an address from {configured}"))
        });
    }
    if response.status == StatusCode::UNAUTHORIZED || response.status == StatusCode::FORBIDDEN {
        return Err(DiscoverFailure::Refused { status: response.status, diagnostics: diagnostics(response) });
    }
    let parsed = GetUserSettingsResponse::parse(&response.body, ANSWER_BYTES_MAX);
    let reply = match parsed {
        Ok(reply) => reply,
        Err(_) if !response.status.is_success() => {
            return Err(DiscoverFailure::Refused { status: response.status, diagnostics: diagnostics(response) });
        }
        Err(error) => return Err(DiscoverFailure::NotAutodiscover(format!("{error}{}", media_type(response)))),
    };
    let answer = match reply {
        Reply::Answer(answer) => answer,
        Reply::Fault(fault) => return Err(DiscoverFailure::NotAutodiscover(fault.to_string())),
    };
    if answer.error != ErrorCode::NoError {
        return Err(DiscoverFailure::Answer(answer.error.as_str(), answer.message));
    }
    let user =
        answer.users.first().ok_or_else(|| DiscoverFailure::NotAutodiscover("it answers for no user".to_owned()))?;
    read_user(url, user)
}

fn read_user(url: &Url, user: &UserResponse) -> Result<Step, DiscoverFailure> {
    let target = user.redirect_target.clone().unwrap_or_default();
    match user.error {
        ErrorCode::NoError => {
            let ews = user.setting(setting::EXTERNAL_EWS_URL).or_else(|| user.setting(setting::INTERNAL_EWS_URL));
            let ews = ews
                .and_then(|text| Url::parse(text).ok())
                .ok_or_else(|| DiscoverFailure::NotAutodiscover("it names no EWS address".to_owned()))?;
            Ok(Step::Found(Discovered { ews_url: ews, answered_by: url.clone(), over_http: false }))
        }
        ErrorCode::RedirectAddress => Ok(Step::Address(target)),
        ErrorCode::RedirectUrl => Url::parse(&target)
            .map(Step::Redirect)
            .map_err(|_| DiscoverFailure::NotAutodiscover(format!("it redirects to `{target}`, which is not a URL"))),
        other => Err(DiscoverFailure::Answer(other.as_str(), user.message.clone())),
    }
}

/// What a refusal says about itself.
pub(crate) fn diagnostics(response: &HttpResponse) -> String {
    let header = |name: &HeaderName| response.header(name).map(|value| value.chars().take(400).collect::<String>());
    match (header(&DIAGNOSTICS), header(&WWW_AUTHENTICATE)) {
        (Some(diagnostics), _) => format!(" x-ms-diagnostics: {diagnostics}"),
        (None, Some(challenge)) => format!(" WWW-Authenticate: {challenge}"),
        (None, None) => String::new(),
    }
}

/// What an answer that cannot be read calls itself, if that is not XML.
pub(crate) fn media_type(response: &HttpResponse) -> String {
    let named = response.header(&http::header::CONTENT_TYPE).unwrap_or_default();
    if named.to_ascii_lowercase().contains("xml") {
        return String::new();
    }
    format!("; its content type is `{}` in place of text/xml", named.chars().take(100).collect::<String>())
}

/// Host, and the port unless it is 443: what an audience names.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A redirect to another address asks as that address.
fn user_for(user: &ActAsUser, smtp: &str) -> ActAsUser {
    if user.smtp.as_deref() == Some(smtp) {
        user.clone()
    } else {
        ActAsUser { upn: None, smtp: Some(smtp.to_owned()), sip: None }
    }
}
