//! Delivery of one mailbox's items, in order: look for what may be there already, send
//! the rest, and make of each failure what the table of verdicts says.

use actas_store::queue::{QueuedItem, Settled};
use jiff::Timestamp;
use uuid::Uuid;

use crate::adaptor::{Adaptor, Created};
use crate::discover::DiscoverFailure;
use crate::error::Error;
use crate::ews::CallFailure;
use crate::item::StorageItem;
use crate::schedule::{FEW, ITEM_AGE_MAX, Patience, delay};
use crate::storage::{Turn, as_signed};
use crate::verdict::{self, Forget, Next, Verdict};

/// Items of one request.
const BATCH_ITEMS_MAX: usize = 50;

/// An item to deliver, as it is queued and as it was read.
struct Pending<'a> {
    queued: &'a QueuedItem,
    item: StorageItem,
    uncertain: bool,
}

/// What a turn has come to.
#[derive(Default)]
struct Progress {
    settled: Vec<Settled>,
    /// Set once something has to wait: nothing behind it is sent.
    due: Option<Timestamp>,
    delivered: usize,
}

/// A turn ends early because its mailbox was lost, or because the disk failed: what is
/// not settled stays marked and is looked for by whoever comes next.
enum Stop {
    Lost,
    Disk(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Disk(error)
    }
}

// === impl Progress ===

impl Progress {
    fn delivered(&mut self, pending: &Pending<'_>, id: String) -> Result<(), Error> {
        self.delivered += 1;
        self.settled.push(Settled::Delivered {
            id: pending.queued.id.clone(),
            delivered_as: id,
            document: pending.item.remembered()?,
            digest: pending.item.digest()?,
            upload: pending.queued.upload.clone(),
        });
        Ok(())
    }

    fn give_up(&mut self, queued: &QueuedItem, reason: String) {
        self.settled.push(Settled::GivenUp { id: queued.id.clone(), reason });
    }

    fn retry(&mut self, queued: &QueuedItem, due: Timestamp, reason: &str, uncertain: bool, counts: bool) {
        self.settled.push(Settled::Retry { id: queued.id.clone(), due, reason: reason.to_owned(), uncertain, counts });
    }
}

// === impl Turn ===

impl Turn {
    /// Delivers items in order. Gives what became of those that were touched, and when
    /// the mailbox is due again if it has to wait.
    pub(crate) async fn deliver(&self, items: &[QueuedItem]) -> (Vec<Settled>, Option<Timestamp>) {
        let mut progress = Progress::default();
        let mut pending = Vec::with_capacity(items.len());
        for queued in items {
            match StorageItem::from_queue(&queued.document) {
                Ok(item) => pending.push(Pending { queued, item, uncertain: queued.uncertain }),
                Err(error) => {
                    progress.settled.push(Settled::GivenUp { id: queued.id.clone(), reason: error.to_string() });
                }
            }
        }
        match self.deliver_all(&mut pending, &mut progress).await {
            Ok(()) | Err(Stop::Lost) => {}
            Err(Stop::Disk(error)) => {
                tracing::error!(%error, owner = self.owner, "a delivery stops here");
                progress.due = Some(self.later(Patience::BackOff, 1));
            }
        }
        if progress.delivered > 0 {
            self.agent.note_success_once().await;
        }
        (progress.settled, progress.due)
    }

    async fn deliver_all(&self, pending: &mut [Pending<'_>], progress: &mut Progress) -> Result<(), Stop> {
        let Some(first) = pending.first() else { return Ok(()) };
        let adaptor = match Adaptor::open(&self.agent, &self.owner).await {
            Ok(adaptor) => adaptor,
            Err(failure) => {
                let verdict = verdict::of_discovery(&failure);
                self.tell_discovery(&failure).await;
                let (queued, uncertain) = (first.queued, first.uncertain);
                // What is true of the mailbox is true of everything for it.
                if verdict.next == Next::GiveUp {
                    let give_up = |pending: &Pending<'_>| Settled::GivenUp {
                        id: pending.queued.id.clone(),
                        reason: failure.to_string(),
                    };
                    progress.settled.extend(pending.iter().map(give_up));
                } else {
                    self.wait(progress, queued, &verdict, &failure.to_string(), uncertain);
                }
                return Ok(());
            }
        };
        let mut next = 0;
        while next < pending.len() && progress.due.is_none() {
            if pending[next].uncertain && !self.look_for(&adaptor, &mut pending[next], progress).await? {
                next += 1;
                continue;
            }
            if progress.due.is_some() {
                break;
            }
            let run = run_of(&pending[next..], &adaptor);
            self.send(&adaptor, &pending[next..next + run], progress).await?;
            next += run;
        }
        Ok(())
    }

    /// Looks for an item that may be in the mailbox. Whether it still has to be sent.
    async fn look_for(
        &self,
        adaptor: &Adaptor<'_>,
        pending: &mut Pending<'_>,
        progress: &mut Progress,
    ) -> Result<bool, Stop> {
        match adaptor.find(&pending.item, pending.queued.upload.as_deref()).await {
            Ok(Some(id)) => {
                progress.delivered(pending, id)?;
                Ok(false)
            }
            Ok(None) => {
                pending.uncertain = false;
                Ok(true)
            }
            Err(failure) => {
                let verdict = self.after(&failure).await;
                self.wait(progress, pending.queued, &verdict, &failure.to_string(), true);
                Ok(true)
            }
        }
    }

    async fn mark(&self, batch: &[Pending<'_>]) -> Result<(), Stop> {
        let ids: Vec<String> = batch.iter().map(|pending| pending.queued.id.clone()).collect();
        let queue = &self.agent.0.queue;
        let now = self.agent.0.clock.now();
        match queue.mark_uncertain(&self.owner, &self.holder, &ids, self.lease(), now).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stop::Lost),
            Err(error) => Err(Stop::Disk(error.into())),
        }
    }

    /// Sends a batch and notes what became of each.
    async fn send(&self, adaptor: &Adaptor<'_>, batch: &[Pending<'_>], progress: &mut Progress) -> Result<(), Stop> {
        self.mark(batch).await?;
        let items: Vec<&StorageItem> = batch.iter().map(|pending| &pending.item).collect();
        let results = match adaptor.create(&items, batch[0].queued.upload.as_deref()).await {
            Ok(results) => results,
            Err(failure) => {
                let verdict = self.after(&failure).await;
                if verdict.next == Next::Isolate && batch.len() > 1 {
                    return self.isolate(adaptor, batch, progress).await;
                }
                let reason = failure.to_string();
                if verdict.next == Next::Isolate {
                    progress.give_up(batch[0].queued, reason);
                    return Ok(());
                }
                for pending in &batch[1..] {
                    // They were sent too: whether they arrived is as open as of the first.
                    progress.retry(pending.queued, progress_due(self, &verdict), &reason, verdict.uncertain, false);
                }
                self.wait(progress, batch[0].queued, &verdict, &reason, false);
                return Ok(());
            }
        };
        for (pending, result) in batch.iter().zip(results) {
            match result {
                Created::Done(id) => progress.delivered(pending, id)?,
                Created::NoId => {
                    let verdict = Verdict { uncertain: true, ..verdict::nameless() };
                    self.wait(progress, pending.queued, &verdict, "the answer names no item id", true);
                }
                Created::Refused(verdict, reason) if verdict.next == Next::Isolate => {
                    progress.give_up(pending.queued, reason);
                }
                Created::Refused(verdict, reason) => {
                    self.forget(verdict.forget).await;
                    self.wait(progress, pending.queued, &verdict, &reason, false);
                }
            }
        }
        Ok(())
    }

    /// Sends the items of a batch that failed as a whole one by one, so that the one it
    /// failed of is set aside and the others are delivered.
    async fn isolate(&self, adaptor: &Adaptor<'_>, batch: &[Pending<'_>], progress: &mut Progress) -> Result<(), Stop> {
        for pending in batch {
            let mut alone = Pending { queued: pending.queued, item: pending.item.clone(), uncertain: true };
            if progress.due.is_none() && self.look_for(adaptor, &mut alone, progress).await? && progress.due.is_none() {
                Box::pin(self.send(adaptor, std::slice::from_ref(&alone), progress)).await?;
            }
        }
        Ok(())
    }

    /// Has an item wait, and everything behind it; or sets it aside if it waited too
    /// long, or failed too often without a reason.
    fn wait(&self, progress: &mut Progress, queued: &QueuedItem, verdict: &Verdict, reason: &str, uncertain: bool) {
        let now = self.agent.0.clock.now();
        let age = now.duration_since(queued.created);
        let attempt = queued.attempts + 1;
        match &verdict.next {
            Next::Wait(until) => {
                let until = (*until).min(now + as_signed(crate::schedule::LONGEST));
                let (seed, _) = Uuid::new_v4().as_u64_pair();
                let due = until + as_signed(crate::schedule::spread(self.options.retry_first, seed));
                progress.retry(queued, due, reason, uncertain, false);
                progress.due = Some(due);
            }
            Next::Retry(_) if age > ITEM_AGE_MAX => {
                progress.give_up(queued, format!("not delivered for too long; last: {reason}"));
            }
            Next::Retry(Patience::Few) if attempt >= FEW => {
                progress.give_up(queued, format!("failed {attempt} times; last: {reason}"));
            }
            Next::Retry(patience) => {
                let uncertain = uncertain || verdict.uncertain;
                let mut due = self.later(*patience, u32::try_from(attempt).unwrap_or(u32::MAX));
                if uncertain {
                    // What is still on its way arrives before it is looked for.
                    due = due.max(now + self.lease());
                }
                progress.retry(queued, due, reason, uncertain, true);
                progress.due = Some(due);
            }
            Next::GiveUp | Next::Isolate => progress.give_up(queued, reason.to_owned()),
        }
    }

    fn later(&self, patience: Patience, attempt: u32) -> Timestamp {
        let (seed, _) = Uuid::new_v4().as_u64_pair();
        self.agent.0.clock.now() + as_signed(delay(patience, attempt, self.options.retry_first, seed))
    }

    /// Forgets what a failure calls into question, tells what an operator must know, and
    /// gives the verdict.
    async fn after(&self, failure: &CallFailure) -> Verdict {
        let verdict = verdict::of_call(failure);
        self.forget(verdict.forget).await;
        match failure {
            CallFailure::Token(failure) => self.agent.note_token_failure(failure).await,
            CallFailure::Refused { status, target, .. } if *status == http::StatusCode::UNAUTHORIZED => {
                self.agent.note_rejected(target, &failure.to_string()).await;
            }
            _ => {}
        }
        verdict
    }

    async fn forget(&self, what: Forget) {
        if what != Forget::Nothing {
            self.agent.forget_discovery(&self.owner).await;
        }
        if what == Forget::PlaceAndTokens {
            self.agent.0.tokens.clear().await;
            self.agent.0.mail_token.lock().await.take();
        }
    }

    async fn tell_discovery(&self, failure: &DiscoverFailure) {
        self.agent.note_discover_failure(&self.owner, failure).await;
    }
}

/// Items that follow in the same folder, as many as one request takes. One that is
/// uncertain is looked for first, one with files goes alone, and so does one that
/// failed before: it may be what its request failed of.
fn run_of(pending: &[Pending<'_>], adaptor: &Adaptor<'_>) -> usize {
    let alone = |pending: &Pending<'_>| !pending.item.attachments().is_empty() || pending.queued.attempts > 0;
    if alone(&pending[0]) {
        return 1;
    }
    let folder = pending[0].item.folder();
    let fits = |next: &&Pending<'_>| next.item.folder() == folder && !next.uncertain && !alone(next);
    let rest = pending[1..].iter().take_while(fits).count();
    (1 + rest).min(adaptor.batch_max().min(BATCH_ITEMS_MAX))
}

/// When what was sent beside a failed item is looked at again: with it.
fn progress_due(turn: &Turn, verdict: &Verdict) -> Timestamp {
    match &verdict.next {
        Next::Wait(until) => *until,
        Next::Retry(patience) => turn.later(*patience, 1),
        Next::GiveUp | Next::Isolate => turn.later(Patience::BackOff, 1),
    }
}
