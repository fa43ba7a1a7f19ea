//! What the event log says about the trust: 32053 and 32054 while it fails, 32048 once
//! when it stands.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actas_directory::onprem::OAuthServer;
use actas_runtime::config::IdProfile;
use actas_runtime::event::{self, AutodiscoverFailure, Event, OAuthFailure};
use actas_store::settings::Kind;
use aws_lc_rs::digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Agent;
use crate::acquire::TokenFailure;
use crate::breaker::Change;
use crate::certificates::Use;
use crate::discover::DiscoverFailure;
use crate::error::Error;

/// The name under which the last valid configuration is noted.
const OAUTH_VALID: &str = "oauth valid";

#[derive(Deserialize, Serialize)]
struct Observed {
    fingerprint: String,
}

// === impl Agent ===

impl Agent {
    /// Appends to the event log.
    pub(crate) async fn record(&self, event: Event) -> Result<(), Error> {
        let of_the_article = self.0.ids_of_the_article.load(Ordering::Relaxed);
        let event = event.under(if of_the_article { IdProfile::Article } else { IdProfile::Seed });
        tracing::info!(id = event.id, message = event.message, "event");
        self.0.metrics.event(&event);
        let document = serde_json::to_string(&event).map_err(|error| Error::machine(error.to_string()))?;
        Ok(self.0.events.append(event.time, event.id.into(), &event.source, document).await?)
    }

    /// As [`Agent::record`]; that an event cannot be written keeps nothing from going on.
    pub(crate) async fn tell(&self, event: Event) {
        if let Err(error) = self.record(event).await {
            tracing::error!(%error, "an event could not be written");
        }
    }

    /// Appends, unless the same was written a short while ago.
    pub(crate) async fn tell_limited(&self, event: Event, key: &str) {
        let held_back = {
            let mut limiter = self.0.limiter.lock().unwrap_or_else(PoisonError::into_inner);
            limiter.admit(event.id, key, event.time)
        };
        if let Some(held_back) = held_back {
            self.tell(event.repeated(held_back)).await;
        }
    }

    /// 32053, or 32054 where a token is what was missing.
    pub(crate) async fn note_discover_failure(&self, smtp: &str, failure: &DiscoverFailure) {
        match failure {
            DiscoverFailure::Token(failure) => return self.note_token_failure(failure).await,
            // The failure that opened the circuit was told.
            DiscoverFailure::Waiting { .. } => return,
            _ => {}
        }
        let configuration = self.oauth_configuration().await;
        let uri = configuration.ok().and_then(|configuration| configuration.exchange_autodiscover_url);
        let uri = uri.unwrap_or_default();
        let text = failure.to_string();
        let mut record = AutodiscoverFailure::new(smtp, &uri);
        record.web_exception_status = match failure {
            DiscoverFailure::Unreachable(actas_runtime::ClientError::NameResolution { .. }) => {
                Some("NameResolutionFailure")
            }
            DiscoverFailure::Unreachable(actas_runtime::ClientError::Connect { .. }) => Some("ConnectFailure"),
            DiscoverFailure::Unreachable(actas_runtime::ClientError::Timeout { .. }) => Some("Timeout"),
            DiscoverFailure::Unreachable(_) => Some("TrustFailure"),
            DiscoverFailure::Refused { .. } => Some("ProtocolError"),
            _ => None,
        };
        let inner = [
            ("Microsoft.Exchange.WebServices.Data.ServiceRequestException", "The request failed."),
            ("System.Net.WebException", text.as_str()),
        ];
        record.inner = &inner;
        let event = event::autodiscover_failed(self.0.clock.now(), &record);
        self.tell_limited(event, &format!("{smtp} {text}")).await;
    }

    /// 32054.
    pub(crate) async fn note_token_failure(&self, failure: &TokenFailure) {
        let text = failure.to_string();
        let (sts, resource, code) = match failure {
            TokenFailure::Refused { sts, resource, .. } | TokenFailure::Unreachable { sts, resource, .. } => {
                (sts.as_str(), resource.as_str(), "ErrorOAuthSts")
            }
            TokenFailure::NoTrust | TokenFailure::Configuration(_) => ("", "", "ErrorOAuthConfig"),
            // The failure that opened the circuit was told.
            TokenFailure::Waiting { .. } => return,
        };
        let mut record = OAuthFailure::new(sts, resource, &text);
        record.code = code;
        let event = event::oauth_failed(self.0.clock.now(), &record);
        self.tell_limited(event, &text).await;
    }

    /// 32054 too: a token was had, and the resource would not have it.
    pub(crate) async fn note_rejected(&self, url: &str, reason: &str) {
        let mut record = OAuthFailure::new("", url, reason);
        record.code = "ErrorOAuthRejected";
        record.reason = "the resource refused the token";
        let event = event::oauth_failed(self.0.clock.now(), &record);
        self.tell_limited(event, reason).await;
    }

    /// As [`Agent::note_success`], at most once for each state of the settings.
    pub(crate) async fn note_success_once(&self) {
        let noted = async {
            let revision = self.0.settings.revision().await?;
            if self.0.noted_success.load(Ordering::Relaxed) == revision {
                return Ok(());
            }
            self.note_success().await?;
            self.0.noted_success.store(self.0.settings.revision().await?, Ordering::Relaxed);
            Ok::<(), Error>(())
        };
        if let Err(error) = noted.await {
            tracing::error!(%error, "a success could not be noted");
        }
    }

    /// Whether a target may be called now; if not, when to ask again.
    pub(crate) fn admit(&self, target: &str) -> Result<(), Timestamp> {
        let mut breakers = self.0.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        breakers.admit(target, self.0.clock.now())
    }

    /// Counts an answer of a target, or that there was none; 45006 and 45007 when its
    /// circuit opens and closes.
    pub(crate) async fn report(&self, target: &str, outcome: Result<(), Option<Duration>>) {
        let now = self.0.clock.now();
        let change = {
            let mut breakers = self.0.breakers.lock().unwrap_or_else(PoisonError::into_inner);
            match outcome {
                Ok(()) => breakers.answered(target),
                Err(told) => breakers.failed(target, told, now),
            }
        };
        match change {
            Some(Change::Opened) => self.tell_limited(event::target_unavailable(now, target), target).await,
            Some(Change::Closed) => self.tell_limited(event::target_recovered(now, target), target).await,
            None => {}
        }
    }

    /// Targets that do not answer and are left alone for now.
    pub fn unavailable_targets(&self) -> Vec<String> {
        self.0.breakers.lock().unwrap_or_else(PoisonError::into_inner).open()
    }

    /// 32048, once after each first valid configuration.
    pub(crate) async fn note_success(&self) -> Result<(), Error> {
        let fingerprint = self.trust_fingerprint().await?;
        let noted = self.0.settings.get::<Observed>(Kind::Observed, OAUTH_VALID).await?;
        if noted.is_some_and(|noted| noted.value.fingerprint == fingerprint) {
            return Ok(());
        }
        self.record(event::oauth_configured(self.0.clock.now())).await?;
        Ok(self.0.settings.put(Kind::Observed, OAUTH_VALID, &Observed { fingerprint }).await?)
    }

    /// What the trust consists of, as one text: it changes when the trust does.
    async fn trust_fingerprint(&self) -> Result<String, Error> {
        let servers: Vec<_> = self.oauth_servers().await?.iter().map(OAuthServer::properties).collect();
        let partners = self.partners().await?;
        let configuration = self.oauth_configuration().await?;
        let slots = self.0.certificates.slots(Use::OAuthTokenIssuer, self.0.clock.now()).await?;
        let thumbprint = slots.current().map(|slot| slot.item.thumbprint().to_owned());
        let text = serde_json::to_string(&(servers, partners, configuration, thumbprint))
            .map_err(|error| Error::machine(error.to_string()))?;
        Ok(digest::digest(&digest::SHA256, text.as_bytes())
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .concat())
    }
}
