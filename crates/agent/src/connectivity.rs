//! `Test-CsExStorageConnectivity`: one probe item through the whole path, and what each
//! stage saw.

use actas_exchange::ews::{Failure, ItemId};
use actas_token::issue::ActAsUser;
use http::StatusCode;
use jiff::Timestamp;
use uuid::Uuid;

use crate::Agent;
use crate::discover::DiscoverFailure;
use crate::error::Error;
use crate::ews::{CallFailure, EwsMailbox};
use crate::item::{Component, StorageItem, TargetFolder};
use crate::trace::Trace;

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

/// A stage of a test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Finding the mailbox.
    Autodiscover,
    /// Getting a token.
    OAuth,
    /// Asking to be told what happens in the mailbox.
    Subscribe,
    /// Creating the probe.
    CreateItem,
    /// Being told of the probe.
    GetEvents,
    /// Removing the probe.
    DeleteItem,
    /// Asking to be told no longer.
    Unsubscribe,
}

impl Phase {
    /// The name in the verdict.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Autodiscover => "Autodiscover",
            Self::OAuth => "OAuth",
            Self::Subscribe => "Subscribe",
            Self::CreateItem => "CreateItem",
            Self::GetEvents => "GetEvents",
            Self::DeleteItem => "DeleteItem",
            Self::Unsubscribe => "Unsubscribe",
        }
    }
}

/// What a test found.
#[derive(Clone, Debug)]
pub struct ConnectivityReport {
    /// When it began.
    pub started: Timestamp,
    /// What each request carries as `client-request-id`, and the item as its key.
    pub activity_id: String,
    /// One line each, in the order of events.
    pub trace: Vec<String>,
    /// The first stage that failed, with the reason.
    pub failed: Option<(Phase, String)>,
    /// The probe's id in the mailbox.
    pub item_id: Option<String>,
    /// The https address to set, where the way led over plain http.
    pub better_autodiscover_url: Option<String>,
}

// === impl ConnectivityReport ===

impl ConnectivityReport {
    pub(crate) fn begun(started: Timestamp) -> Self {
        Self {
            started,
            activity_id: Uuid::new_v4().to_string(),
            trace: Vec::new(),
            failed: None,
            item_id: None,
            better_autodiscover_url: None,
        }
    }

    /// The first failure is the verdict; what fails after it may follow from it.
    pub(crate) fn fail(&mut self, phase: Phase, why: String) {
        self.failed.get_or_insert((phase, why));
    }
}

// === impl Agent ===

impl Agent {
    /// Runs the test. What failed is in the report, not in the error: that is for this
    /// machine's own failures.
    pub async fn test_connectivity(&self, test: &ConnectivityTest) -> Result<ConnectivityReport, Error> {
        let mut report = ConnectivityReport::begun(self.0.clock.now());
        let item = probe("Test-CsExStorageConnectivity", &test.sip, test.folder, &mut report)?;
        let Some(mailbox) = self.reach(&test.sip, test.use_cache, &mut report).await else { return Ok(report) };
        if let Some(id) = self.create_probe(&mailbox, &item, &mut report).await?
            && test.delete_item
        {
            self.delete_probe(&mailbox, id, &mut report).await;
        }
        if report.failed.is_none() {
            self.note_success().await?;
        }
        Ok(report)
    }

    /// Finds the mailbox of a user, whose address is also their SIP address.
    pub(crate) async fn reach(
        &self,
        sip: &str,
        use_cache: bool,
        report: &mut ConnectivityReport,
    ) -> Option<EwsMailbox<'_>> {
        let smtp = sip.to_lowercase();
        let user = ActAsUser { upn: None, smtp: Some(smtp.clone()), sip: Some(smtp.clone()) };
        report.trace.push(format!("User: sip {smtp}, smtp {smtp}; the token names neither UPN nor SID"));
        let mut trace = Trace::of(&report.activity_id);
        let discovered = self.discover(&smtp, &user, use_cache, &mut trace).await;
        report.trace.append(&mut trace.take());
        let discovered = match discovered {
            Ok(discovered) => discovered,
            Err(failure) => {
                self.note_discover_failure(&smtp, &failure).await;
                let phase =
                    if matches!(failure, DiscoverFailure::Token(_)) { Phase::OAuth } else { Phase::Autodiscover };
                report.fail(phase, failure.to_string());
                return None;
            }
        };
        report.trace.push(format!("Autodiscover: {smtp} is at {}", discovered.ews_url));
        if discovered.over_http {
            report
                .trace
                .push(format!("Autodiscover: found {} through an unauthenticated redirect", discovered.answered_by));
            report.better_autodiscover_url = Some(discovered.answered_by.to_string());
        }
        Some(EwsMailbox::traced(self, discovered.ews_url, user, trace))
    }

    /// Creates the probe, and tells its id.
    pub(crate) async fn create_probe(
        &self,
        mailbox: &EwsMailbox<'_>,
        item: &StorageItem,
        report: &mut ConnectivityReport,
    ) -> Result<Option<ItemId>, Error> {
        report.trace.push(format!("Storage command: create the item as {}", item.owner()));
        let created = mailbox.create(item.folder_id()?, vec![item.to_message()?]).await;
        let created = created.map(|mut results| results.pop().unwrap_or(Ok(None)));
        let Some(id) = self.judged(mailbox, Phase::CreateItem, created, report).await else { return Ok(None) };
        match &id {
            Some(id) => {
                report.trace.push(format!("EWS: CreateItem at {} -> NoError", mailbox.url));
                report.item_id = Some(id.id.clone());
            }
            None => report.fail(Phase::CreateItem, "the answer names no item".to_owned()),
        }
        Ok(id)
    }

    /// Removes the probe for good.
    pub(crate) async fn delete_probe(&self, mailbox: &EwsMailbox<'_>, id: ItemId, report: &mut ConnectivityReport) {
        let deleted = mailbox.delete(id).await;
        if self.judged(mailbox, Phase::DeleteItem, deleted, report).await.is_some() {
            report.trace.push("EWS: DeleteItem -> NoError".to_owned());
        }
    }

    /// What a call to the mailbox brought; a failure goes into the report and, where it is
    /// one of the trust, into the event log.
    pub(crate) async fn judged<T>(
        &self,
        mailbox: &EwsMailbox<'_>,
        phase: Phase,
        outcome: Result<Result<T, Failure>, CallFailure>,
        report: &mut ConnectivityReport,
    ) -> Option<T> {
        report.trace.append(&mut mailbox.trace().take());
        let (phase, why) = match outcome {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(failure)) => (phase, format!("{}: {}", failure.code, failure.text)),
            Err(CallFailure::Token(failure)) => {
                self.note_token_failure(&failure).await;
                (Phase::OAuth, failure.to_string())
            }
            Err(failure) => {
                if let CallFailure::Refused { status: StatusCode::UNAUTHORIZED, .. } = &failure {
                    self.note_rejected(mailbox.url.as_str(), &failure.to_string()).await;
                }
                (phase, failure.to_string())
            }
        };
        report.trace.push(format!("EWS: {} -> {why}", phase.as_str()));
        report.fail(phase, why);
        None
    }

    /// Reads a delivered item back from its mailbox: subject and body.
    pub async fn read_back(&self, item: &StorageItem) -> Result<Option<(String, String)>, Error> {
        let user = ActAsUser { upn: None, smtp: Some(item.owner().to_owned()), sip: None };
        let discovered = self
            .discover(item.owner(), &user, true, &mut Trace::default())
            .await
            .map_err(|failure| Error::peer(failure.to_string()))?;
        let mailbox = EwsMailbox::new(self, discovered.ews_url, user);
        let failed = |failure: CallFailure| Error::peer(failure.to_string());
        let Some(id) = mailbox.find(item).await.map_err(failed)? else { return Ok(None) };
        let message = mailbox.get(id).await.map_err(failed)?;
        Ok(Some((message.subject.unwrap_or_default(), message.body.map(|body| body.content).unwrap_or_default())))
    }
}

/// An item that says what it is.
pub(crate) fn probe(
    subject: &str,
    sip: &str,
    folder: TargetFolder,
    report: &mut ConnectivityReport,
) -> Result<StorageItem, Error> {
    let body = "This item was created by a connectivity test.";
    let item = StorageItem::new(
        sip,
        Component::ConversationHistory,
        subject,
        body,
        Some(report.activity_id.clone()),
        report.started,
    )?;
    report.trace.push(format!("Probe: {} for {} in {}", item.key(), item.owner(), folder.as_str()));
    Ok(item.with_folder(folder))
}
