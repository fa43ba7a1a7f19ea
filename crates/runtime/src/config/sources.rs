//! `[onprem.sources]`: systems that hand in items in their own formats. Absent means off.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[onprem.sources]`
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourcesConfig {
    /// Whose call records are taken, over HTTP, at `/sources/<name>`.
    pub call_records: Vec<CallRecords>,
    /// Whether conversations of XMPP servers are taken, over HTTP, at `/sources/xmpp`.
    pub conversations: bool,
    /// The folder from which files are taken; from the file's own directory if relative.
    pub spool: Option<PathBuf>,
    /// Where mail of voice-mail systems is taken; loopback alone.
    pub smtp_listen: Option<SocketAddr>,
    /// Mailboxes of users, each by `user@domain`, or by the user alone.
    pub mailboxes: BTreeMap<String, String>,
    /// Mailboxes of users that a pattern describes; the first that matches counts.
    pub patterns: Vec<OwnerPattern>,
    /// Domains whose users have mailboxes of the same name, with the mailboxes' domain.
    pub domains: BTreeMap<String, String>,
}

/// A system that posts call records.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallRecords {
    /// Asterisk's call detail records as JSON.
    Asterisk,
    /// FreeSWITCH's `mod_json_cdr`.
    Freeswitch,
    /// Kamailio's `acc_json`.
    Kamailio,
}

impl CallRecords {
    /// Every system.
    pub const ALL: [Self; 3] = [Self::Asterisk, Self::Freeswitch, Self::Kamailio];

    /// The name in the configuration and in the path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asterisk => "asterisk",
            Self::Freeswitch => "freeswitch",
            Self::Kamailio => "kamailio",
        }
    }
}

/// `[[onprem.sources.patterns]]`
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerPattern {
    /// A regular expression that the whole address matches.
    #[serde(rename = "match")]
    pub matches: String,
    /// The mailbox, with `$1` for the expression's first group.
    pub mailbox: String,
}
