//! `Test-CsExStorageConnectivity`: one probe item through the whole path, and what each
//! stage saw.

use actas_token::issue::ActAsUser;
use jiff::Timestamp;

use crate::Agent;
use crate::discover::DiscoverFailure;
use crate::error::Error;
use crate::ews::{CallFailure, EwsMailbox};
use crate::item::{Component, StorageItem, TargetFolder};

/// What to test.
#[derive(Clone, Debug)]
pub struct ConnectivityTest {
    /// The user's SIP address, without scheme. Their mailbox is looked for under the
    /// same address.
    pub sip: String,
    /// Where the probe goes.
    pub folder: TargetFolder,
    /// Whether the probe is removed afterwards.
    pub delete_item: bool,
    /// Whether an earlier Autodiscover answer may be used.
    pub use_cache: bool,
}

/// A stage of the test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Finding the mailbox.
    Autodiscover,
    /// Getting a token.
    OAuth,
    /// Creating the probe.
    CreateItem,
    /// Removing the probe.
    DeleteItem,
}

impl Phase {
    /// The name in the verdict.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Autodiscover => "Autodiscover",
            Self::OAuth => "OAuth",
            Self::CreateItem => "CreateItem",
            Self::DeleteItem => "DeleteItem",
        }
    }
}

/// What the test found.
#[derive(Clone, Debug)]
pub struct ConnectivityReport {
    /// When it began.
    pub started: Timestamp,
    /// One line each, in the order of events.
    pub trace: Vec<String>,
    /// The first stage that failed, with the reason.
    pub failed: Option<(Phase, String)>,
    /// The probe's id in the mailbox.
    pub item_id: Option<String>,
    /// The https address to set, where the way led over plain http.
    pub better_autodiscover_url: Option<String>,
}

// === impl Agent ===

impl Agent {
    /// Runs the test. What failed is in the report, not in the error: that is for this
    /// machine's own failures.
    pub async fn test_connectivity(&self, test: &ConnectivityTest) -> Result<ConnectivityReport, Error> {
        let now = self.0.clock.now();
        let mut report = ConnectivityReport {
            started: now,
            trace: Vec::new(),
            failed: None,
            item_id: None,
            better_autodiscover_url: None,
        };
        let smtp = test.sip.to_lowercase();
        let user = ActAsUser { upn: None, smtp: Some(smtp.clone()), sip: Some(smtp.clone()) };
        let subject = "Test-CsExStorageConnectivity";
        let item = StorageItem::new(
            &smtp,
            Component::ConversationHistory,
            subject,
            "This item was created by a connectivity test.",
            None,
            now,
        )?
        .with_folder(test.folder);
        report.trace.push(format!("Probe: {} for {smtp} in {}", item.key(), test.folder.as_str()));

        let discovered = match self.discover(&smtp, &user, test.use_cache, &mut report.trace).await {
            Ok(discovered) => discovered,
            Err(failure) => {
                self.note_discover_failure(&smtp, &failure).await;
                let phase =
                    if matches!(failure, DiscoverFailure::Token(_)) { Phase::OAuth } else { Phase::Autodiscover };
                report.failed = Some((phase, failure.to_string()));
                return Ok(report);
            }
        };
        report.trace.push(format!("Autodiscover: {smtp} is at {}", discovered.ews_url));
        if discovered.over_http {
            report
                .trace
                .push(format!("Autodiscover: found {} through an unauthenticated redirect", discovered.answered_by));
            report.better_autodiscover_url = Some(discovered.answered_by.to_string());
        }
        let mailbox = EwsMailbox { agent: self, url: discovered.ews_url, user };
        self.probe_mailbox(&mailbox, &item, test.delete_item, &mut report).await?;
        if report.failed.is_none() {
            self.note_success().await?;
        }
        Ok(report)
    }

    async fn probe_mailbox(
        &self,
        mailbox: &EwsMailbox<'_>,
        item: &StorageItem,
        delete: bool,
        report: &mut ConnectivityReport,
    ) -> Result<(), Error> {
        let created = mailbox.create(item.folder_id()?, vec![item.to_message()?]).await;
        let created = match created {
            Ok(mut results) => {
                results.pop().unwrap_or(Ok(None)).map_err(|failure| format!("{}: {}", failure.code, failure.text))
            }
            Err(failure) => {
                if let CallFailure::Token(failure) = &failure {
                    self.note_token_failure(failure).await;
                    report.failed = Some((Phase::OAuth, failure.to_string()));
                    return Ok(());
                }
                if let CallFailure::Refused { status: http::StatusCode::UNAUTHORIZED, .. } = &failure {
                    self.note_rejected(mailbox.url.as_str(), &failure.to_string()).await;
                }
                Err(failure.to_string())
            }
        };
        let id = match created {
            Ok(Some(id)) => id,
            Ok(None) => {
                report.failed = Some((Phase::CreateItem, "the answer names no item".to_owned()));
                return Ok(());
            }
            Err(why) => {
                report.failed = Some((Phase::CreateItem, why));
                return Ok(());
            }
        };
        report.trace.push(format!("EWS: CreateItem at {} -> NoError", mailbox.url));
        report.item_id = Some(id.id.clone());
        if delete {
            match mailbox.delete(id).await {
                Ok(()) => report.trace.push("EWS: DeleteItem -> NoError".to_owned()),
                Err(failure) => report.failed = Some((Phase::DeleteItem, failure.to_string())),
            }
        }
        Ok(())
    }

    /// Reads a delivered item back from its mailbox: subject and body.
    pub async fn read_back(&self, item: &StorageItem) -> Result<Option<(String, String)>, Error> {
        let user = ActAsUser { upn: None, smtp: Some(item.owner().to_owned()), sip: None };
        let discovered = self
            .discover(item.owner(), &user, true, &mut Vec::new())
            .await
            .map_err(|failure| Error::peer(failure.to_string()))?;
        let mailbox = EwsMailbox { agent: self, url: discovered.ews_url, user };
        let failed = |failure: CallFailure| Error::peer(failure.to_string());
        let Some(id) = mailbox.find(item).await.map_err(failed)? else { return Ok(None) };
        let message = mailbox.get(id).await.map_err(failed)?;
        Ok(Some((message.subject.unwrap_or_default(), message.body.map(|body| body.content).unwrap_or_default())))
    }
}
