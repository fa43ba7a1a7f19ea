//! `[onprem.events]`: where events go beside the event log.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[onprem.events]`
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// Under which ids events are written.
    pub id_profile: IdProfile,
    /// The machine's own log.
    pub system_log: Option<SystemLog>,
    /// Whether each event is a line of JSON on the standard output.
    pub stdout: bool,
    /// A web server that each event is posted to.
    pub webhook: Option<WebhookConfig>,
}

/// Which build's ids events have: those of one text differ by one between builds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IdProfile {
    /// Failures of Autodiscover have 32053, as administrators have seen them.
    #[default]
    Seed,
    /// Failures of Autodiscover have 32054, as the vendor's article has them.
    Article,
}

/// A machine's own log.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SystemLog {
    /// systemd's.
    Journald,
    /// A syslog daemon's.
    Syslog,
}

/// `[onprem.events.webhook]`
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where each event is posted.
    pub url: String,
    /// A file whose first line is a bearer token, if the server wants one; from the file's
    /// own directory if relative.
    pub token_file: Option<PathBuf>,
}
