//! Items on their way into mailboxes: accepted means on disk, delivered in the order of
//! acceptance for each owner.
//!
//! Finding work reads the table of owners, one row a mailbox with waiting items, so that
//! it costs the same with ten items and with ten million.

mod flush;
mod turn;
mod upload;

use jiff::Timestamp;

use crate::database::{Database, Unit};
use crate::error::Error;
use crate::value::{Row, Value};

pub use turn::Settled;
pub use upload::Part;

/// Where an item is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ItemState {
    /// In its mailbox.
    Delivered,
    /// In a file, to be brought back.
    Flushed,
    /// Set aside with a reason.
    GivenUp,
    /// Waiting.
    Queued,
}

impl ItemState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Delivered, Self::GivenUp, Self::Flushed];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Flushed => "flushed",
            Self::GivenUp => "given up",
            Self::Queued => "queued",
        }
    }

    fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.as_str() == text).unwrap_or(Self::Queued)
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
    /// Tells the same contents from others after the document is gone.
    pub digest: String,
    /// The upload that holds its files, if it has any.
    pub upload: Option<String>,
}

/// What became of an item that was handed in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Put {
    /// Accepted now.
    New,
    /// Accepted before, the same.
    Same,
    /// Another item has the key; nothing was changed.
    Other,
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
    /// Why the last attempt failed; the file, of a flushed item.
    pub reason: Option<String>,
    /// The item's id in the mailbox.
    pub delivered_as: Option<String>,
    /// The item as JSON; without its text once it is in its mailbox or in a file.
    pub document: String,
    /// Tells the same contents from others.
    pub digest: Option<String>,
    /// The upload that holds its files.
    pub upload: Option<String>,
    /// When delivery was tried last.
    pub tried: Option<Timestamp>,
}

/// How many items are where.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Waiting.
    pub queued: i64,
    /// Delivered, and not yet forgotten.
    pub delivered: i64,
    /// Set aside.
    pub given_up: i64,
    /// In files.
    pub flushed: i64,
}

/// Which items a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this mailbox.
    pub owner: Option<String>,
    /// Only of this component.
    pub component: Option<String>,
    /// Only accepted at or after this.
    pub after: Option<Timestamp>,
    /// Only accepted before this.
    pub before: Option<Timestamp>,
    /// Only of those that have failed at least once.
    pub failing: bool,
}

/// The queue in an on-premises database.
#[derive(Clone, Debug)]
pub struct Queue {
    database: Database,
}

macro_rules! select_items {
    ($rest:literal) => {
        concat!(
            "SELECT number, id, owner, component, state, created, due, attempts, uncertain, reason, delivered_as,
             document, digest, upload, tried FROM queue_item ",
            $rest
        )
    };
}
use select_items;

// === impl Queue ===

impl Queue {
    /// The queue in an on-premises database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Accepts items together. When this returns they are on disk. An item that was
    /// accepted before is left as it is. An upload that is gone fails the whole as stale.
    pub async fn put(&self, items: &[NewItem], now: Timestamp) -> Result<Vec<Put>, Error> {
        const SQL: &str =
            "INSERT INTO queue_item (id, owner, component, state, created, due, attempts, uncertain, document, digest, upload)
            VALUES (?1, ?2, ?3, 'queued', ?4, ?4, 0, 0, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING";
        let mut unit = Unit::new();
        let mut owners: Vec<&str> = items.iter().map(|item| item.owner.as_str()).collect();
        owners.sort_unstable();
        owners.dedup();
        for owner in &owners {
            unit = unit.then(turn::ADD_OWNER, vec![(*owner).into(), now.into()]);
        }
        for upload in items.iter().filter_map(|item| item.upload.clone()) {
            unit = unit.then_one(upload::TOUCH, vec![upload.into(), now.into()]);
        }
        let before = owners.len() + items.iter().filter(|item| item.upload.is_some()).count();
        for item in items {
            let values = vec![
                item.id.clone().into(),
                item.owner.clone().into(),
                item.component.clone().into(),
                now.into(),
                item.document.clone().into(),
                item.digest.clone().into(),
                item.upload.clone().into(),
            ];
            unit = unit.then(SQL, values);
        }
        let outcome = self.database.write(unit).await?;
        let mut put = Vec::with_capacity(items.len());
        // Counted, not returned: for RETURNING, SQLite would copy each page before each row.
        for (item, (_, touched)) in items.iter().zip(&outcome[before.min(outcome.len())..]) {
            put.push(if *touched == 0 { self.compare(item).await? } else { Put::New });
        }
        Ok(put)
    }

    async fn compare(&self, item: &NewItem) -> Result<Put, Error> {
        let earlier = self.get(&item.id).await?;
        let is_same = earlier.is_some_and(|earlier| {
            earlier.owner == item.owner
                && match earlier.digest {
                    Some(digest) => digest == item.digest,
                    // Of a version that kept no digests.
                    None => earlier.document == item.document,
                }
        });
        Ok(if is_same { Put::Same } else { Put::Other })
    }

    /// Lets items that were set aside be delivered after all, in their old places. How
    /// many they were.
    pub async fn revive(&self, ids: &[String], now: Timestamp) -> Result<usize, Error> {
        const SQL: &str = "UPDATE queue_item SET state = 'queued', attempts = 0, due = ?2, settled = NULL
            WHERE id = ?1 AND state = 'given up' RETURNING owner";
        const DUE: &str = "INSERT INTO queue_owner (owner, due) SELECT owner, ?2 FROM queue_item WHERE id = ?1
            ON CONFLICT (owner) DO UPDATE SET due = excluded.due";
        let unit = ids.iter().fold(Unit::new(), |unit, id| {
            let values = || vec![Value::from(id.clone()), now.into()];
            unit.then(SQL, values()).then(DUE, values())
        });
        let outcome = self.database.write(unit).await?;
        Ok(outcome.iter().step_by(2).filter(|(rows, _)| !rows.is_empty()).count())
    }

    /// Makes waiting items of a mailbox due at once.
    pub async fn hurry(&self, owner: &str, now: Timestamp) -> Result<(), Error> {
        let values = || vec![Value::from(owner), now.into()];
        let unit = Unit::new()
            .then("UPDATE queue_item SET due = ?2 WHERE owner = ?1 AND state = 'queued'", values())
            .then("UPDATE queue_owner SET due = ?2 WHERE owner = ?1", values());
        self.database.write(unit).await.map(drop)
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

    /// Items of a state behind a place in the order of acceptance, `count` at most.
    pub async fn page(
        &self,
        state: ItemState,
        filter: &Filter,
        after_number: i64,
        count: i64,
    ) -> Result<Vec<QueuedItem>, Error> {
        const SQL: &str = select_items!(
            "WHERE state = ?1 AND number > ?2 AND (?3 IS NULL OR owner = ?3) AND (?4 IS NULL OR component = ?4)
             AND created >= ?5 AND created < ?6 AND attempts >= ?7 ORDER BY number LIMIT ?8"
        );
        let values = vec![
            state.as_str().into(),
            after_number.into(),
            filter.owner.clone().into(),
            filter.component.clone().into(),
            filter.after.map_or(Value::Integer(i64::MIN), Value::from),
            filter.before.map_or(Value::Integer(i64::MAX), Value::from),
            i64::from(filter.failing).into(),
            count.into(),
        ];
        self.items(SQL, values).await
    }

    /// How many items are where.
    pub async fn counts(&self) -> Result<Counts, Error> {
        const SQL: &str = "SELECT state, COUNT(*) FROM queue_item GROUP BY state";
        let mut counts = Counts::default();
        for row in self.database.read(SQL, Vec::new()).await? {
            let count = row.integer(1)?;
            match ItemState::parse(row.text(0)?) {
                ItemState::Delivered => counts.delivered = count,
                ItemState::Flushed => counts.flushed = count,
                ItemState::GivenUp => counts.given_up = count,
                ItemState::Queued => counts.queued = count,
            }
        }
        Ok(counts)
    }

    /// Whether the queue answers: the cheapest question there is.
    pub async fn answers(&self) -> Result<(), Error> {
        self.database.read_one("SELECT MIN(due) FROM queue_owner", Vec::new()).await.map(drop)
    }

    /// Mailboxes with waiting items.
    pub async fn owners(&self) -> Result<i64, Error> {
        let row = self.database.read_one("SELECT COUNT(*) FROM queue_owner", Vec::new()).await?;
        row.map_or(Ok(0), |row| row.integer(0))
    }

    /// Mailboxes that wait for a time to come, since something failed.
    pub async fn owners_held(&self, now: Timestamp) -> Result<i64, Error> {
        const SQL: &str = "SELECT COUNT(*) FROM queue_owner WHERE due > ?1";
        let row = self.database.read_one(SQL, vec![now.into()]).await?;
        row.map_or(Ok(0), |row| row.integer(0))
    }

    /// When the item that waits longest was accepted.
    pub async fn oldest(&self) -> Result<Option<Timestamp>, Error> {
        const SQL: &str = "SELECT created FROM queue_item WHERE state = 'queued' ORDER BY number LIMIT 1";
        self.database.read_one(SQL, Vec::new()).await?.map_or(Ok(None), |row| row.optional_time(0))
    }

    /// Bytes of the database that hold something.
    pub async fn used_bytes(&self) -> Result<i64, Error> {
        self.database.used_bytes().await
    }

    /// Forgets items that were delivered before a time, some at once. How many they were.
    pub async fn forget_delivered(&self, before: Timestamp) -> Result<usize, Error> {
        const SQL: &str = "DELETE FROM queue_item WHERE number IN (SELECT number FROM queue_item
            WHERE settled IS NOT NULL AND settled < ?1 AND state = 'delivered' LIMIT 1000)";
        let outcome = self.database.write(Unit::new().then(SQL, vec![before.into()])).await?;
        Ok(outcome.iter().map(|(_, touched)| *touched).sum())
    }

    async fn items(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<QueuedItem>, Error> {
        self.database.read(sql, values).await?.iter().map(to_item).collect()
    }
}

fn to_item(row: &Row) -> Result<QueuedItem, Error> {
    Ok(QueuedItem {
        number: row.integer(0)?,
        id: row.text(1)?.to_owned(),
        owner: row.text(2)?.to_owned(),
        component: row.text(3)?.to_owned(),
        state: ItemState::parse(row.text(4)?),
        created: row.time(5)?,
        due: row.time(6)?,
        attempts: row.integer(7)?,
        uncertain: row.boolean(8)?,
        reason: row.optional_text(9)?.map(str::to_owned),
        delivered_as: row.optional_text(10)?.map(str::to_owned),
        document: row.text(11)?.to_owned(),
        digest: row.optional_text(12)?.map(str::to_owned),
        upload: row.optional_text(13)?.map(str::to_owned),
        tried: row.optional_time(14)?,
    })
}
