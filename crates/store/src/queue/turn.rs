//! A mailbox's turn: taken by one deliverer at a time, and settled in one write.

use jiff::{SignedDuration, Timestamp};

use super::{Queue, QueuedItem, select_items, upload};
use crate::database::Unit;
use crate::error::Error;
use crate::value::Value;

/// A mailbox with waiting items; one that has some already keeps its time.
pub(super) const ADD_OWNER: &str =
    "INSERT INTO queue_owner (owner, due) VALUES (?1, ?2) ON CONFLICT (owner) DO NOTHING";
/// An owner whose time has come and whom nobody has. A time, or a lease, that lies
/// further ahead than any can is of a clock that was set back.
macro_rules! free_and_due {
    () => {
        "(due <= ?1 OR due > ?2) AND (until IS NULL OR until <= ?1 OR until > ?3)"
    };
}

/// What became of an item in a turn.
#[derive(Clone, Debug)]
pub enum Settled {
    /// It is in its mailbox.
    Delivered {
        /// Its key.
        id: String,
        /// Its id in the mailbox.
        delivered_as: String,
        /// What is remembered of it.
        document: String,
        /// Tells the same contents from others.
        digest: String,
        /// The upload that held its files.
        upload: Option<String>,
    },
    /// It is set aside.
    GivenUp {
        /// Its key.
        id: String,
        /// Why.
        reason: String,
    },
    /// It is tried again.
    Retry {
        /// Its key.
        id: String,
        /// Not before this.
        due: Timestamp,
        /// Why.
        reason: String,
        /// Whether it may be in the mailbox all the same.
        uncertain: bool,
        /// Whether this counts as an attempt of the item's own.
        counts: bool,
    },
}

impl Queue {
    /// Takes mailboxes whose first item is due, longest due first, each for `holder`.
    /// `horizon` is the longest that any delay can be.
    pub async fn take(
        &self,
        holder: &str,
        count: i64,
        lasting: SignedDuration,
        horizon: SignedDuration,
        now: Timestamp,
    ) -> Result<Vec<String>, Error> {
        const ANY: &str = concat!("SELECT owner FROM queue_owner WHERE ", free_and_due!(), " LIMIT 1");
        const SQL: &str = concat!(
            "UPDATE queue_owner SET holder = ?4, until = ?5 WHERE owner IN (SELECT owner FROM queue_owner WHERE ",
            free_and_due!(),
            " ORDER BY due LIMIT ?6) RETURNING owner"
        );
        let mut values: Vec<Value> = vec![now.into(), (now + horizon).into(), (now + lasting * 2).into()];
        // Most of the time there is nothing to take, and asking writes nothing.
        if self.database.read_one(ANY, values.clone()).await?.is_none() {
            return Ok(Vec::new());
        }
        values.extend([holder.into(), (now + lasting).into(), count.into()]);
        let outcome = self.database.write(Unit::new().then(SQL, values)).await?;
        outcome.iter().flat_map(|(rows, _)| rows).map(|row| row.text(0).map(str::to_owned)).collect()
    }

    /// Takes one mailbox, due or not, or extends that, unless somebody else has it.
    pub async fn lease(
        &self,
        owner: &str,
        holder: &str,
        lasting: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, Error> {
        const SQL: &str = "INSERT INTO queue_owner (owner, due, holder, until) VALUES (?1, ?4, ?2, ?3)
            ON CONFLICT (owner) DO UPDATE SET holder = excluded.holder, until = excluded.until
            WHERE queue_owner.until IS NULL OR queue_owner.until <= ?4 OR queue_owner.until > ?5
               OR queue_owner.holder = excluded.holder RETURNING owner";
        let values = vec![owner.into(), holder.into(), (now + lasting).into(), now.into(), (now + lasting * 2).into()];
        let outcome = self.database.write(Unit::new().then(SQL, values)).await?;
        Ok(outcome.iter().any(|(rows, _)| !rows.is_empty()))
    }

    /// Extends a lease that is still held. Whether it was.
    pub async fn extend(
        &self,
        owner: &str,
        holder: &str,
        lasting: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let unit = Unit::new().then_one(EXTEND, vec![owner.into(), holder.into(), (now + lasting).into()]);
        held(self.database.write(unit).await.map(drop))
    }

    /// Notes, before sending, that items may now reach the mailbox without our knowing,
    /// and extends the lease. False, and nothing noted, if the lease was lost.
    pub async fn mark_uncertain(
        &self,
        owner: &str,
        holder: &str,
        ids: &[String],
        lasting: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, Error> {
        const SQL: &str = "UPDATE queue_item SET uncertain = 1, tried = ?2 WHERE id = ?1 AND state = 'queued'";
        let first = Unit::new().then_one(EXTEND, vec![owner.into(), holder.into(), (now + lasting).into()]);
        let unit = ids.iter().fold(first, |unit, id| unit.then_one(SQL, vec![id.clone().into(), now.into()]));
        held(self.database.write(unit).await.map(drop))
    }

    /// Notes the outcomes of a turn, gives the mailbox back, and says when it is due
    /// again: all of it at once.
    pub async fn settle(
        &self,
        owner: &str,
        holder: &str,
        outcomes: &[Settled],
        due: Timestamp,
        now: Timestamp,
    ) -> Result<(), Error> {
        const RELEASE: &str =
            "UPDATE queue_owner SET holder = NULL, until = NULL, due = ?3 WHERE owner = ?1 AND holder = ?2";
        const DONE: &str = "DELETE FROM queue_owner WHERE owner = ?1 AND holder IS NULL
            AND NOT EXISTS (SELECT 1 FROM queue_item WHERE state = 'queued' AND owner = ?1)";
        let unit = outcomes.iter().fold(Unit::new(), |unit, outcome| noted(unit, outcome, now));
        let unit = unit.then(RELEASE, vec![owner.into(), holder.into(), due.into()]).then(DONE, vec![owner.into()]);
        self.database.write(unit).await.map(drop)
    }

    /// Gives a mailbox back as it is.
    pub async fn release(&self, owner: &str, holder: &str) -> Result<(), Error> {
        const SQL: &str = "UPDATE queue_owner SET holder = NULL, until = NULL WHERE owner = ?1 AND holder = ?2";
        const DONE: &str = "DELETE FROM queue_owner WHERE owner = ?1 AND holder IS NULL
            AND NOT EXISTS (SELECT 1 FROM queue_item WHERE state = 'queued' AND owner = ?1)";
        let unit = Unit::new().then(SQL, vec![owner.into(), holder.into()]).then(DONE, vec![owner.into()]);
        self.database.write(unit).await.map(drop)
    }

    /// An owner's oldest waiting items, in order: `count` at most, and no more than have
    /// `bytes` together, but at least one.
    pub async fn waiting(&self, owner: &str, count: i64, bytes: i64) -> Result<Vec<QueuedItem>, Error> {
        const SIZES: &str = "SELECT OCTET_LENGTH(document) FROM queue_item
            WHERE state = 'queued' AND owner = ?1 ORDER BY number LIMIT ?2";
        const SQL: &str = select_items!("WHERE state = 'queued' AND owner = ?1 ORDER BY number LIMIT ?2");
        let (mut fitting, mut total) = (0, 0);
        for row in self.database.read(SIZES, vec![owner.into(), count.into()]).await? {
            total += row.integer(0)?;
            if fitting > 0 && total > bytes {
                break;
            }
            fitting += 1;
        }
        self.items(SQL, vec![owner.into(), fitting.into()]).await
    }

    /// Makes every mailbox due: what kept them waiting may be gone.
    pub async fn all_due(&self, now: Timestamp) -> Result<(), Error> {
        const SQL: &str = "UPDATE queue_owner SET due = ?1 WHERE due > ?1";
        self.database.write(Unit::new().then(SQL, vec![now.into()])).await.map(drop)
    }
}

const EXTEND: &str = "UPDATE queue_owner SET until = ?3 WHERE owner = ?1 AND holder = ?2";

/// A lease that was lost is an answer, not a failure.
fn held(outcome: Result<(), Error>) -> Result<bool, Error> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.is_stale() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Adds what became of one item. An item that somebody else settled stays as it is.
fn noted(unit: Unit, outcome: &Settled, now: Timestamp) -> Unit {
    const DELIVERED: &str =
        "UPDATE queue_item SET state = 'delivered', delivered_as = ?2, reason = NULL, uncertain = 0,
        document = ?3, digest = ?4, upload = NULL, settled = ?5, tried = ?5 WHERE id = ?1 AND state = 'queued'";
    const GIVEN_UP: &str =
        "UPDATE queue_item SET state = 'given up', attempts = attempts + 1, reason = ?2, settled = ?3,
        tried = ?3 WHERE id = ?1 AND state = 'queued'";
    const RETRY: &str =
        "UPDATE queue_item SET attempts = attempts + ?5, due = ?2, reason = ?3, uncertain = ?4, tried = ?6
        WHERE id = ?1 AND state = 'queued'";
    match outcome {
        Settled::Delivered { id, delivered_as, document, digest, upload } => {
            let values = vec![
                id.clone().into(),
                delivered_as.clone().into(),
                document.clone().into(),
                digest.clone().into(),
                now.into(),
            ];
            let unit = unit.then(DELIVERED, values);
            upload.iter().fold(unit, |unit, upload| upload::remove(unit, upload))
        }
        Settled::GivenUp { id, reason } => {
            unit.then(GIVEN_UP, vec![id.clone().into(), reason.clone().into(), now.into()])
        }
        Settled::Retry { id, due, reason, uncertain, counts } => {
            let values = vec![
                id.clone().into(),
                (*due).into(),
                reason.clone().into(),
                (*uncertain).into(),
                (*counts).into(),
                now.into(),
            ];
            unit.then(RETRY, values)
        }
    }
}
