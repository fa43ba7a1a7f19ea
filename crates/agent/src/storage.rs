//! The Storage Service: accepting items, and a loop that delivers them.

use std::sync::Arc;
use std::time::Duration;

use actas_runtime::event;
use actas_store::queue::QueuedItem;
use jiff::SignedDuration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Agent;
use crate::deliver::{Delivery, Pending};
use crate::error::Error;
use crate::item::StorageItem;
use crate::schedule::{ITEM_AGE_MAX, delay};

/// Mailboxes that are delivered to at once.
const MAILBOXES_AT_ONCE: usize = 8;
/// Items of one mailbox that one turn takes.
const TURN_ITEMS_MAX: i64 = 100;
/// How often the queue is looked at without being woken: other processes put items too.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a mailbox stays with a deliverer that died. A living one extends it.
const LEASE: SignedDuration = SignedDuration::from_secs(8);
const EXTEND_EVERY: Duration = Duration::from_secs(2);

// === impl Agent ===

impl Agent {
    /// Accepts items. When this returns they are on disk; each will be delivered once.
    /// Tells, for each, whether it is new.
    pub async fn put(&self, items: &[StorageItem]) -> Result<Vec<bool>, Error> {
        let queued = items.iter().map(StorageItem::to_queue).collect::<Result<Vec<_>, _>>()?;
        let new = self.0.queue.put(&queued, self.0.clock.now()).await?;
        self.0.wake.notify_one();
        Ok(new)
    }
}

/// Delivers what is queued, until told to stop.
pub struct Deliverer {
    agent: Agent,
    holder: String,
    turns: Arc<Semaphore>,
}

// === impl Deliverer ===

impl Deliverer {
    /// A deliverer for an agent's queue.
    pub fn new(agent: Agent) -> Self {
        Self { agent, holder: Uuid::new_v4().to_string(), turns: Arc::new(Semaphore::new(MAILBOXES_AT_ONCE)) }
    }

    /// Delivers until `stop` becomes true; turns under way are finished first.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut under_way = JoinSet::new();
        while !*stop.borrow() {
            if let Err(error) = self.start_turns(&mut under_way).await {
                tracing::error!(%error, "the queue cannot be read");
            }
            tokio::select! {
                () = self.agent.0.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                Some(_) = under_way.join_next() => {}
                _ = stop.changed() => {}
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn start_turns(&self, under_way: &mut JoinSet<()>) -> Result<(), Error> {
        let free = self.turns.available_permits();
        if free == 0 {
            return Ok(());
        }
        let now = self.agent.0.clock.now();
        let queue = &self.agent.0.queue;
        for owner in queue.owners_due(now, i64::try_from(free).unwrap_or(1)).await? {
            let Ok(permit) = Arc::clone(&self.turns).try_acquire_owned() else { break };
            // A name of its own for each turn: two turns of this very process must not
            // share a mailbox either.
            let holder = format!("{} {}", self.holder, Uuid::new_v4());
            if !queue.lease(&owner, &holder, LEASE, now).await? {
                continue;
            }
            let agent = self.agent.clone();
            under_way.spawn(async move {
                // Whoever loses the mailbox stops, before another begins.
                tokio::select! {
                    outcome = agent.turn(&owner, &holder) => if let Err(error) = outcome {
                        tracing::error!(%error, owner, "a delivery could not be noted");
                    },
                    () = agent.keep_lease(&owner, &holder) => tracing::warn!(owner, "a mailbox was lost to another deliverer"),
                }
                if let Err(error) = agent.0.queue.release(&owner, &holder).await {
                    tracing::error!(%error, owner, "a mailbox could not be given back");
                }
                drop(permit);
            });
        }
        Ok(())
    }
}

// === impl Agent: one mailbox's turn ===

impl Agent {
    /// Extends a lease until it is lost.
    async fn keep_lease(&self, owner: &str, holder: &str) {
        loop {
            tokio::time::sleep(EXTEND_EVERY).await;
            match self.0.queue.lease(owner, holder, LEASE, self.0.clock.now()).await {
                Ok(true) => {}
                Ok(false) => return,
                // A busy disk is no loss; the lease still runs.
                Err(error) => tracing::warn!(%error, owner, "a lease could not be extended"),
            }
        }
    }

    async fn turn(&self, owner: &str, holder: &str) -> Result<(), Error> {
        let items = self.0.queue.waiting(owner, TURN_ITEMS_MAX).await?;
        let mut pending = Vec::with_capacity(items.len());
        for item in &items {
            pending.push(Pending { item: StorageItem::from_queue(&item.document)?, uncertain: item.uncertain });
        }
        let mark = |ids: Vec<String>| async move {
            if !self.0.queue.lease(owner, holder, LEASE, self.0.clock.now()).await? {
                return Err(Error::machine(format!("the mailbox {owner} is with another deliverer")));
            }
            Ok(self.0.queue.mark_uncertain(&ids).await?)
        };
        let outcomes = self.deliver(owner, &pending, mark).await?;
        for (item, outcome) in items.iter().zip(outcomes) {
            self.note(item, outcome).await?;
        }
        Ok(())
    }

    async fn note(&self, item: &QueuedItem, outcome: Delivery) -> Result<(), Error> {
        let queue = &self.0.queue;
        let now = self.0.clock.now();
        match outcome {
            Delivery::Done(id) => Ok(queue.delivered(&item.id, &id.id).await?),
            Delivery::GiveUp(reason) => self.give_up(item, &reason).await,
            Delivery::Retry { reason, .. } if now.duration_since(item.created) > ITEM_AGE_MAX => {
                self.give_up(item, &format!("not delivered for too long; last: {reason}")).await
            }
            Delivery::Retry { reason, patience, uncertain } => {
                let attempt = u32::try_from(item.attempts + 1).unwrap_or(u32::MAX);
                let (seed, _) = Uuid::new_v4().as_u64_pair();
                let due = now + delay(patience, attempt, seed);
                Ok(queue.retry(&item.id, due, &reason, uncertain || item.uncertain).await?)
            }
            Delivery::Untouched => Ok(()),
        }
    }

    async fn give_up(&self, item: &QueuedItem, reason: &str) -> Result<(), Error> {
        self.0.queue.give_up(&item.id, reason).await?;
        let given_up = event::DeliveryGivenUp {
            item: &item.id,
            component: &item.component,
            mailbox: &item.owner,
            attempts: u32::try_from(item.attempts + 1).unwrap_or(u32::MAX),
            reason,
        };
        self.record(event::delivery_given_up(self.0.clock.now(), &given_up)).await
    }
}
