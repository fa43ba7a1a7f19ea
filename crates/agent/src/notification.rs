//! `Test-CsExStorageNotification`: whether Exchange tells this server what happens in a
//! mailbox, by pull notifications ("Subscribe", "GetEvents" and "Unsubscribe operation").

use std::time::Duration;

use actas_exchange::SmtpAddress;
use actas_exchange::ews::{DistinguishedFolder, EventObject, EventType, FolderId, ItemId, Subscribed};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::Agent;
use crate::connectivity::{ConnectivityReport, Phase, probe};
use crate::error::Error;
use crate::ews::EwsMailbox;
use crate::item::{StorageItem, TargetFolder};
use crate::schedule::{self, Patience};

/// A subscription that is left behind ends by itself so many minutes later.
const TIMEOUT_MINUTES: u32 = 5;
/// The first pause between two questions, and what no pause exceeds.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(4);
/// Questions of one test, however many events others cause meanwhile.
const QUESTIONS_MAX: u32 = 100;

/// What to test.
#[derive(Clone, Debug)]
pub struct NotificationTest {
    /// The user's SIP address, without scheme. Their mailbox is looked for under the
    /// same address.
    pub sip: String,
    /// Whether the probe is removed afterwards.
    pub delete_item: bool,
    /// For how long the event is waited for; zero asks once.
    pub patience: Duration,
}

// === impl Agent ===

impl Agent {
    /// Runs the test: subscribes to the mailbox's contacts and conversations, creates an
    /// item among the latter, and asks until Exchange tells of it. The subscription is
    /// removed whatever became of the rest. What failed is in the report, not in the
    /// error: that is for this machine's own failures.
    pub async fn test_notification(&self, test: &NotificationTest) -> Result<ConnectivityReport, Error> {
        let mut report = ConnectivityReport::begun(self.0.clock.now());
        let item = probe("Test-CsExStorageNotification", &test.sip, TargetFolder::ConversationHistory, &mut report)?;
        let owner: SmtpAddress =
            item.owner().parse().map_err(|_| Error::invalid(format!("`{}` is not a mailbox address", item.owner())))?;
        let Some(mailbox) = self.reach(&test.sip, false, &mut report).await else { return Ok(report) };
        // Contacts are what the vendor's server listens to; a message belongs elsewhere.
        let folders = [DistinguishedFolder::Contacts, DistinguishedFolder::ConversationHistory];
        let folders = folders.map(|folder| FolderId::of(owner.clone(), folder)).to_vec();
        let subscribed = mailbox.subscribe(folders, TIMEOUT_MINUTES).await;
        let subscribed = self.judged(&mailbox, Phase::Subscribe, subscribed, &mut report).await;
        let Some(subscribed) = subscribed else { return Ok(report) };
        report.trace.push(format!("EWS: Subscribe to contacts and conversationhistory at {} -> NoError", mailbox.url));

        let listened = self.listen(test, &mailbox, &item, &subscribed, &mut report).await;
        let ended = mailbox.unsubscribe(&subscribed.subscription).await;
        if self.judged(&mailbox, Phase::Unsubscribe, ended, &mut report).await.is_some() {
            report.trace.push("EWS: Unsubscribe -> NoError".to_owned());
        }
        listened?;
        if report.failed.is_none() {
            self.note_success().await?;
        }
        Ok(report)
    }

    /// What happens while the subscription lasts.
    async fn listen(
        &self,
        test: &NotificationTest,
        mailbox: &EwsMailbox<'_>,
        item: &StorageItem,
        subscribed: &Subscribed,
        report: &mut ConnectivityReport,
    ) -> Result<(), Error> {
        let Some(id) = self.create_probe(mailbox, item, report).await? else { return Ok(()) };
        self.hear_of(&id, test.patience, mailbox, subscribed, report).await;
        if test.delete_item {
            self.delete_probe(mailbox, id, report).await;
        }
        Ok(())
    }

    /// Asks until an item's creation is told.
    async fn hear_of(
        &self,
        id: &ItemId,
        patience: Duration,
        mailbox: &EwsMailbox<'_>,
        subscribed: &Subscribed,
        report: &mut ConnectivityReport,
    ) {
        let began = self.0.clock.now();
        let mut paused = Duration::ZERO;
        let mut watermark = subscribed.watermark.clone();
        let mut question = 0;
        while question < QUESTIONS_MAX {
            question += 1;
            let told = mailbox.events(&subscribed.subscription, &watermark).await;
            let Some(told) = self.judged(mailbox, Phase::GetEvents, told, report).await else { return };
            let is_probe = |object: &EventObject| matches!(object, EventObject::Item(item) if item.id == id.id);
            if told.events.iter().any(|event| event.kind == EventType::Created && is_probe(&event.object)) {
                report.trace.push(format!("EWS: GetEvents -> CreatedEvent of the item, question {question}"));
                return;
            }
            if !told.watermark.is_empty() {
                watermark = told.watermark;
            }
            if told.more_events {
                continue;
            }
            // The clock counts slow answers in, the pauses a clock that stands still.
            let elapsed = SignedDuration::try_from(patience).unwrap_or(SignedDuration::MAX);
            if paused >= patience || self.0.clock.now().duration_since(began) >= elapsed {
                break;
            }
            let (seed, _) = Uuid::new_v4().as_u64_pair();
            let pause = schedule::delay(Patience::BackOff, question, PAUSE_FIRST, seed).min(PAUSE_MAX);
            tokio::time::sleep(pause).await;
            paused += pause;
        }
        let often = if question == 1 { "once".to_owned() } else { format!("{question} times") };
        let why = format!("Exchange did not tell of the item; it was asked {often}");
        report.trace.push(format!("EWS: GetEvents -> {why}"));
        report.fail(Phase::GetEvents, why);
    }
}
