//! Events: what happened, in the words that administrators search for.

mod catalogue;
mod journal;
mod limiter;
mod record;
mod reference;
mod sink;
mod webhook;

pub use self::catalogue::{CATALOGUE, Entry, find};
pub use self::journal::{Dialect, JOURNALD, SYSLOG, SystemLogSink};
pub use self::limiter::RateLimiter;
pub use self::record::{
    AutodiscoverFailure, CertificateRolled, CredentialChange, DeliveryGivenUp, OAuthFailure, Space, TokenAudit,
    TrustChange, autodiscover_failed, certificate_rolled, credential_published, credential_retired, delivery_given_up,
    flush_completed, flush_started, oauth_configured, oauth_failed, source_refused, source_unclaimed, space_critical,
    space_error, space_flush, space_normal, target_recovered, target_unavailable, token_issued, token_refused,
    trust_settings_changed,
};
pub use self::reference::reference;
pub use self::sink::{EventSink, LinesSink, MemorySink, SharedSink, TracingSink};
pub use self::webhook::{Webhook, WebhookError};

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::catalogue::AUTODISCOVER_FAILED;
use crate::config::IdProfile;

/// What the vendor's article has for a failure of Autodiscover.
const AUTODISCOVER_FAILED_OF_THE_ARTICLE: u32 = 32054;

/// How bad it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Level {
    /// All is well.
    Information,
    /// Somebody should look at it.
    Warning,
    /// Something does not work.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Information => "Information",
            Self::Warning => "Warning",
            Self::Error => "Error",
        })
    }
}

/// Something that happened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    /// Its number in the catalogue.
    pub id: u32,
    /// How bad it is.
    pub level: Level,
    /// Who noticed it.
    pub source: String,
    /// When it happened.
    #[serde(rename = "TimeCreated")]
    pub time: Timestamp,
    /// What happened, for a person.
    pub message: String,
    /// What happened, for a program.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// The doctor's checks that find its causes, the likeliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
}

impl Event {
    /// The event under the id that a build of the original gives its text.
    #[must_use]
    pub fn under(mut self, profile: IdProfile) -> Self {
        if profile == IdProfile::Article && self.id == AUTODISCOVER_FAILED.id {
            self.id = AUTODISCOVER_FAILED_OF_THE_ARTICLE;
        }
        self
    }

    /// Notes how many of the same were held back before this one; none changes nothing.
    #[must_use]
    pub fn repeated(mut self, held_back: u64) -> Self {
        if held_back > 0 {
            use std::fmt::Write as _;

            let _ = write!(self.message, "\n\nrepeated={held_back}");
            self.fields.insert("repeated".to_owned(), held_back.to_string());
        }
        self
    }
}
