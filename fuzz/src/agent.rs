//! The on-premises side over an empty database, with two mailboxes behind its sources.

use std::sync::Arc;

use actas_agent::Agent;
use actas_agent::source::Sources;
use actas_runtime::config::{CallRecords, SourcesConfig};
use actas_runtime::{ClientOptions, HttpClient, ManualClock};
use tempfile::TempDir;

use crate::NOW;

/// Users of the telephone system, and their mailboxes.
pub const USERS: [(&str, &str); 2] = [("1001", "adele@fabrikam.example"), ("1002", "omar@fabrikam.example")];

/// An on-premises server that takes what other systems tell.
pub struct Office {
    /// What is in its queue.
    pub agent: Agent,
    /// What it is told by.
    pub sources: Sources,
    _folder: TempDir,
}

impl Office {
    /// A new one, always the same.
    ///
    /// # Panics
    /// When it does not start.
    pub fn open() -> Self {
        Self::make().expect("the agent opens")
    }

    fn make() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = crate::folder()?;
        let http = HttpClient::new(&ClientOptions::default())?;
        let agent = Agent::open(folder.path(), http, Arc::new(ManualClock::new(NOW)))?;
        let config = SourcesConfig {
            call_records: CallRecords::ALL.to_vec(),
            conversations: true,
            mailboxes: USERS.map(|(user, mailbox)| (user.to_owned(), mailbox.to_owned())).into(),
            ..SourcesConfig::default()
        };
        let sources = Sources::new(agent.clone(), &config)?;
        Ok(Self { agent, sources, _folder: folder })
    }
}
