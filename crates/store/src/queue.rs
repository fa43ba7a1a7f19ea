//! Items on their way into mailboxes: accepted means on disk, delivered in the order of
//! acceptance for each owner.

use jiff::{SignedDuration, Timestamp};

use crate::database::{Database, Unit};
use crate::error::{Error, ErrorKind};
use crate::value::Row;

/// Where an item is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ItemState {
    /// In its mailbox.
    Delivered,
    /// Set aside with a reason.
    GivenUp,
    /// Waiting.
    Queued,
}

impl ItemState {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::GivenUp => "given up",
            Self::Queued => "queued",
        }
    }
}

/// An item to accept.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// The submitter's key: the same key twice is the same item.
    pub id: String,
    /// SMTP address of the mailbox, lower case.
    pub owner: String,
    /// `ConversationHistory`, `Voicemail`, …
    pub component: String,
    /// The item as JSON.
    pub document: String,
}

/// An accepted item.
#[derive(Clone, Debug)]
pub struct QueuedItem {
    /// Its place in the order of acceptance.
    pub number: i64,
    /// The submitter's key.
    pub id: String,
    /// SMTP address of the mailbox.
    pub owner: String,
    /// `ConversationHistory`, `Voicemail`, …
    pub component: String,
    /// Where it is.
    pub state: ItemState,
    /// When it was accepted.
    pub created: Timestamp,
    /// When it is tried next.
    pub due: Timestamp,
    /// How often delivery has failed.
    pub attempts: i64,
    /// Whether an earlier attempt may have reached the mailbox: look before sending.
    pub uncertain: bool,
    /// Why the last attempt failed.
    pub reason: Option<String>,
    /// The item's id in the mailbox.
    pub delivered_as: Option<String>,
    /// The item as JSON.
    pub document: String,
}

/// How many items are where.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Waiting.
    pub queued: i64,
    /// Delivered.
    pub delivered: i64,
    /// Set aside.
    pub given_up: i64,
}

/// The queue in an on-premises database.
#[derive(Clone, Debug)]
pub struct Queue {
    database: Database,
}

macro_rules! select_items {
    ($rest:literal) => {
        concat!(
            "SELECT number, id, owner, component, state, created, due, attempts, uncertain, reason, delivered_as, document
             FROM queue_item ",
            $rest
        )
    };
}

// === impl Queue ===

impl Queue {
    /// The queue in an on-premises database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Accepts items together. When this returns they are on disk. Gives, for each,
    /// whether it is new; an item that was accepted before is left as it is. The same
    /// key with other contents is refused, and nothing is accepted.
    pub async fn put(&self, items: &[NewItem], now: Timestamp) -> Result<Vec<bool>, Error> {
        const SQL: &str =
            "INSERT INTO queue_item (id, owner, component, state, created, due, attempts, uncertain, document)
            VALUES (?1, ?2, ?3, 'queued', ?4, ?4, 0, 0, ?5) ON CONFLICT (id) DO NOTHING RETURNING number";
        for item in items {
            if let Some(earlier) = self.get(&item.id).await?
                && (earlier.owner != item.owner || earlier.document != item.document)
            {
                return Err(Error::new(ErrorKind::Exists(format!(
                    "an item with the key `{}` and other contents",
                    item.id
                ))));
            }
        }
        let unit = items.iter().fold(Unit::new(), |unit, item| {
            let values = vec![
                item.id.clone().into(),
                item.owner.clone().into(),
                item.component.clone().into(),
                now.into(),
                item.document.clone().into(),
            ];
            unit.then(SQL, values)
        });
        let outcome = self.database.write(unit).await?;
        Ok(outcome.iter().map(|(rows, _)| !rows.is_empty()).collect())
    }

    /// Owners whose oldest waiting item is due, longest waiting first.
    pub async fn owners_due(&self, now: Timestamp, count: i64) -> Result<Vec<String>, Error> {
        const SQL: &str = "SELECT i.owner FROM queue_item i
            JOIN (SELECT owner, MIN(number) AS head FROM queue_item WHERE state = 'queued' GROUP BY owner) h ON h.head = i.number
            WHERE i.due <= ?1 ORDER BY i.number LIMIT ?2";
        let rows = self.database.read(SQL, vec![now.into(), count.into()]).await?;
        rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
    }

    /// When the next waiting item will be due.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        const SQL: &str = "SELECT MIN(due) FROM queue_item WHERE state = 'queued'";
        self.database.read_one(SQL, Vec::new()).await?.map_or(Ok(None), |row| row.optional_time(0))
    }

    /// Takes an owner for `holder` for a while, or extends that, unless somebody else has
    /// it. A lease that reaches further than any can is of a clock that was set back.
    pub async fn lease(
        &self,
        owner: &str,
        holder: &str,
        lasting: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, Error> {
        const SQL: &str = "INSERT INTO queue_lease (owner, holder, until) VALUES (?1, ?2, ?3)
            ON CONFLICT (owner) DO UPDATE SET holder = excluded.holder, until = excluded.until
            WHERE queue_lease.until <= ?4 OR queue_lease.until > ?5 OR queue_lease.holder = excluded.holder RETURNING owner";
        let values = vec![owner.into(), holder.into(), (now + lasting).into(), now.into(), (now + lasting * 2).into()];
        let outcome = self.database.write(Unit::new().then(SQL, values)).await?;
        Ok(outcome.iter().any(|(rows, _)| !rows.is_empty()))
    }

    /// Gives an owner back.
    pub async fn release(&self, owner: &str, holder: &str) -> Result<(), Error> {
        const SQL: &str = "DELETE FROM queue_lease WHERE owner = ?1 AND holder = ?2";
        self.database.write(Unit::new().then(SQL, vec![owner.into(), holder.into()])).await.map(drop)
    }

    /// An owner's oldest waiting items, in order.
    pub async fn waiting(&self, owner: &str, count: i64) -> Result<Vec<QueuedItem>, Error> {
        const SQL: &str = select_items!("WHERE owner = ?1 AND state = 'queued' ORDER BY number LIMIT ?2");
        self.items(SQL, vec![owner.into(), count.into()]).await
    }

    /// Notes, before sending, that items may now reach the mailbox without our knowing.
    pub async fn mark_uncertain(&self, ids: &[String]) -> Result<(), Error> {
        const SQL: &str = "UPDATE queue_item SET uncertain = 1 WHERE id = ?1 AND state = 'queued'";
        let unit = ids.iter().fold(Unit::new(), |unit, id| unit.then_one(SQL, vec![id.clone().into()]));
        self.database.write(unit).await.map(drop)
    }

    /// Notes that an item is in its mailbox.
    pub async fn delivered(&self, id: &str, delivered_as: &str) -> Result<(), Error> {
        const SQL: &str = "UPDATE queue_item SET state = 'delivered', delivered_as = ?2, reason = NULL, uncertain = 0
            WHERE id = ?1 AND state = 'queued'";
        self.database.write(Unit::new().then_one(SQL, vec![id.into(), delivered_as.into()])).await.map(drop)
    }

    /// Notes a failed attempt and when to try again. `uncertain` says whether the
    /// attempt may have reached the mailbox all the same.
    pub async fn retry(&self, id: &str, due: Timestamp, reason: &str, uncertain: bool) -> Result<(), Error> {
        const SQL: &str = "UPDATE queue_item SET attempts = attempts + 1, due = ?2, reason = ?3, uncertain = ?4
            WHERE id = ?1 AND state = 'queued'";
        let values = vec![id.into(), due.into(), reason.into(), uncertain.into()];
        self.database.write(Unit::new().then_one(SQL, values)).await.map(drop)
    }

    /// Sets an item aside with its reason.
    pub async fn give_up(&self, id: &str, reason: &str) -> Result<(), Error> {
        const SQL: &str = "UPDATE queue_item SET state = 'given up', attempts = attempts + 1, reason = ?2
            WHERE id = ?1 AND state = 'queued'";
        self.database.write(Unit::new().then_one(SQL, vec![id.into(), reason.into()])).await.map(drop)
    }

    /// One item.
    pub async fn get(&self, id: &str) -> Result<Option<QueuedItem>, Error> {
        const SQL: &str = select_items!("WHERE id = ?1");
        Ok(self.items(SQL, vec![id.into()]).await?.pop())
    }

    /// The newest items in the order of acceptance.
    pub async fn newest(&self, count: i64) -> Result<Vec<QueuedItem>, Error> {
        const SQL: &str =
            select_items!("WHERE number > (SELECT COALESCE(MAX(number), 0) - ?1 FROM queue_item) ORDER BY number");
        self.items(SQL, vec![count.into()]).await
    }

    /// How many items are where.
    pub async fn counts(&self) -> Result<Counts, Error> {
        const SQL: &str = "SELECT state, COUNT(*) FROM queue_item GROUP BY state";
        let mut counts = Counts::default();
        for row in self.database.read(SQL, Vec::new()).await? {
            match row.text(0)? {
                "queued" => counts.queued = row.integer(1)?,
                "delivered" => counts.delivered = row.integer(1)?,
                _ => counts.given_up = row.integer(1)?,
            }
        }
        Ok(counts)
    }

    async fn items(&self, sql: &'static str, values: Vec<crate::value::Value>) -> Result<Vec<QueuedItem>, Error> {
        self.database.read(sql, values).await?.iter().map(to_item).collect()
    }
}

fn to_item(row: &Row) -> Result<QueuedItem, Error> {
    Ok(QueuedItem {
        number: row.integer(0)?,
        id: row.text(1)?.to_owned(),
        owner: row.text(2)?.to_owned(),
        component: row.text(3)?.to_owned(),
        state: match row.text(4)? {
            "delivered" => ItemState::Delivered,
            "given up" => ItemState::GivenUp,
            _ => ItemState::Queued,
        },
        created: row.time(5)?,
        due: row.time(6)?,
        attempts: row.integer(7)?,
        uncertain: row.boolean(8)?,
        reason: row.optional_text(9)?.map(str::to_owned),
        delivered_as: row.optional_text(10)?.map(str::to_owned),
        document: row.text(11)?.to_owned(),
    })
}
