//! The Storage Service: accepting items, and a loop that delivers them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actas_runtime::event;
use actas_store::queue::{Put, QueuedItem, Settled};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Agent;
use crate::error::{Error, ErrorKind};
use crate::item::StorageItem;
use crate::schedule::{FIRST, HORIZON};

/// Items of one mailbox that one turn takes, and the most bytes of their texts.
const TURN_ITEMS_MAX: i64 = 200;
const TURN_BYTES_MAX: i64 = 8 * 1024 * 1024;
/// How often the queue is looked at without being woken: other processes put items too.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long the queue is left alone after it could not be read or written.
const PAUSE: Duration = Duration::from_secs(2);

/// How deliveries are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DeliveryOptions {
    /// Mailboxes that are delivered to at once.
    pub mailboxes_at_once: usize,
    /// The first delay after a failure; each further one is twice as long.
    pub retry_first: Duration,
    /// How long a mailbox stays with a deliverer that died; a living one extends it. It
    /// is also how long after a lost answer the mailbox is left alone: what is still on
    /// its way then arrives before it is looked for.
    pub lease: Duration,
}

impl Default for DeliveryOptions {
    fn default() -> Self {
        Self { mailboxes_at_once: 16, retry_first: FIRST, lease: Duration::from_secs(8) }
    }
}

// === impl Agent ===

impl Agent {
    /// Accepts items. When this returns they are on disk; each will be delivered once.
    /// Tells, for each, whether it is new. The same key with other contents is refused.
    pub async fn put(&self, items: &[StorageItem]) -> Result<Vec<bool>, Error> {
        let uploads = vec![None; items.len()];
        let put = self.accept(items, uploads).await?;
        if let Some((item, _)) = items.iter().zip(&put).find(|(_, put)| **put == Put::Other) {
            return Err(Error::new(
                ErrorKind::Exists,
                format!("an item with the key `{}` and other contents exists already", item.key()),
            ));
        }
        Ok(put.into_iter().map(|put| put == Put::New).collect())
    }

    /// Accepts items with their uploads, and tells what became of each.
    pub(crate) async fn accept(&self, items: &[StorageItem], uploads: Vec<Option<String>>) -> Result<Vec<Put>, Error> {
        let queued: Vec<_> =
            items.iter().zip(uploads).map(|(item, upload)| item.to_queue(upload)).collect::<Result<_, _>>()?;
        let put = self.0.queue.put(&queued, self.0.clock.now()).await?;
        self.0.metrics.accepted(&put);
        self.0.wake.notify_one();
        Ok(put)
    }

    /// Has items that were set aside delivered after all. How many they were.
    pub async fn retry(&self, ids: &[String]) -> Result<usize, Error> {
        let revived = self.0.queue.revive(ids, self.0.clock.now()).await?;
        self.0.wake.notify_one();
        Ok(revived)
    }
}

/// Delivers what is queued, until told to stop.
pub struct Deliverer {
    agent: Agent,
    options: DeliveryOptions,
    turns: Arc<Semaphore>,
    /// Mailboxes with a turn under way here: a clock that jumps ends leases, and must not
    /// let one process come to a mailbox twice.
    under_way: Arc<Mutex<HashSet<String>>>,
}

// === impl Deliverer ===

impl Deliverer {
    /// A deliverer for an agent's queue.
    pub fn new(agent: Agent) -> Self {
        Self::with(agent, DeliveryOptions::default())
    }

    /// A deliverer with other options.
    pub fn with(agent: Agent, options: DeliveryOptions) -> Self {
        let turns = Arc::new(Semaphore::new(options.mailboxes_at_once.max(1)));
        Self { agent, options, turns, under_way: Arc::default() }
    }

    /// Delivers until `stop` becomes true; turns under way are finished first.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut under_way = JoinSet::new();
        let mut revision = None;
        while !*stop.borrow() {
            let wait = match self.look(&mut revision, &mut under_way).await {
                Ok(()) => LOOK_EVERY,
                Err(error) => {
                    tracing::error!(%error, "the queue cannot be read or written");
                    PAUSE
                }
            };
            tokio::select! {
                () = self.agent.0.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
                Some(_) = under_way.join_next() => {}
                _ = stop.changed() => {}
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Takes up changed settings, and starts turns for what is due.
    async fn look(&self, revision: &mut Option<i64>, under_way: &mut JoinSet<()>) -> Result<(), Error> {
        let current = self.agent.0.settings.revision().await?;
        if revision.replace(current).is_some_and(|known| known != current) {
            self.agent.take_up_settings().await?;
        }
        self.start_turns(under_way).await
    }

    async fn start_turns(&self, under_way: &mut JoinSet<()>) -> Result<(), Error> {
        let free = self.turns.available_permits();
        if free == 0 {
            return Ok(());
        }
        let now = self.agent.0.clock.now();
        // A name of its own for each look: nobody extends another turn's lease.
        let holder = Uuid::new_v4().to_string();
        let count = i64::try_from(free).unwrap_or(1);
        let owners = self.agent.0.queue.take(&holder, count, self.lease(), HORIZON, now).await?;
        for owner in owners {
            let Ok(permit) = Arc::clone(&self.turns).try_acquire_owned() else { break };
            let Some(entered) = Entered::enter(&self.under_way, &owner) else { continue };
            let turn = Turn { agent: self.agent.clone(), options: self.options, owner, holder: holder.clone() };
            under_way.spawn(async move {
                turn.run().await;
                drop((entered, permit));
            });
        }
        Ok(())
    }

    fn lease(&self) -> SignedDuration {
        as_signed(self.options.lease)
    }
}

/// A mailbox that has a turn, until this is dropped.
struct Entered {
    owner: String,
    all: Arc<Mutex<HashSet<String>>>,
}

impl Entered {
    fn enter(all: &Arc<Mutex<HashSet<String>>>, owner: &str) -> Option<Self> {
        let is_new = all.lock().unwrap_or_else(PoisonError::into_inner).insert(owner.to_owned());
        is_new.then(|| Self { owner: owner.to_owned(), all: Arc::clone(all) })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.owner);
    }
}

/// One mailbox's turn.
pub(crate) struct Turn {
    pub(crate) agent: Agent,
    pub(crate) options: DeliveryOptions,
    pub(crate) owner: String,
    pub(crate) holder: String,
}

// === impl Turn ===

impl Turn {
    async fn run(self) {
        let owner = &self.owner;
        // Whoever loses the mailbox stops, before another begins.
        let outcome = tokio::select! {
            outcome = self.deliver_and_settle() => outcome,
            () = self.keep_lease() => {
                tracing::warn!(owner, "a mailbox was lost to another deliverer");
                return;
            }
        };
        let Err(error) = outcome else { return };
        tracing::error!(%error, owner, "a delivery could not be noted");
        // The disk, most likely: the mailbox is free again when the lease ends.
        if let Err(error) = self.agent.0.queue.release(owner, &self.holder).await {
            tracing::error!(%error, owner, "a mailbox could not be given back");
        }
    }

    pub(crate) fn lease(&self) -> SignedDuration {
        as_signed(self.options.lease)
    }

    /// Extends the lease until it is lost.
    async fn keep_lease(&self) {
        loop {
            tokio::time::sleep(self.options.lease / 4).await;
            let now = self.agent.0.clock.now();
            match self.agent.0.queue.extend(&self.owner, &self.holder, self.lease(), now).await {
                Ok(true) => {}
                Ok(false) => return,
                // A busy disk is no loss; the lease still runs.
                Err(error) => tracing::warn!(%error, owner = self.owner, "a lease could not be extended"),
            }
        }
    }

    async fn deliver_and_settle(&self) -> Result<(), Error> {
        let queue = &self.agent.0.queue;
        let items = queue.waiting(&self.owner, TURN_ITEMS_MAX, TURN_BYTES_MAX).await?;
        let (settled, due) = self.deliver(&items).await;
        let now = self.agent.0.clock.now();
        queue.settle(&self.owner, &self.holder, &settled, due.unwrap_or(now), now).await?;
        self.agent.0.metrics.settled(&settled);
        for outcome in &settled {
            if let Settled::GivenUp { id, reason } = outcome
                && let Some(item) = items.iter().find(|item| item.id == *id)
            {
                self.tell_given_up(item, reason, now).await;
            }
        }
        Ok(())
    }

    async fn tell_given_up(&self, item: &QueuedItem, reason: &str, now: Timestamp) {
        let given_up = event::DeliveryGivenUp {
            item: &item.id,
            component: &item.component,
            mailbox: &item.owner,
            attempts: u32::try_from(item.attempts + 1).unwrap_or(u32::MAX),
            reason,
        };
        self.agent.tell(event::delivery_given_up(now, &given_up)).await;
    }
}

pub(crate) fn as_signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
