//! The log of what happened in mailboxes.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Mailboxes, Owner};
use crate::database::Unit;
use crate::error::Error;
use crate::value::{Row, Value};

/// What happened to an object in a scope.
///
/// Exhaustive: whoever synchronises has to know them all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChangeKind {
    /// It came.
    Create,
    /// It is another now.
    Update,
    /// It was marked as read, or as unread.
    Read,
    /// It went.
    Delete,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Grows from entry to entry of a mailbox.
    pub number: i64,
    /// When it happened.
    pub time: Timestamp,
    /// The folder of an item; of a folder, its owner.
    pub scope: Uuid,
    /// The item or folder.
    pub object: Uuid,
    /// What happened.
    pub kind: ChangeKind,
}

impl ChangeKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Read => "read",
            Self::Delete => "delete",
        }
    }

    fn read(text: &str) -> Result<Self, Error> {
        [Self::Create, Self::Update, Self::Read, Self::Delete]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Error::unreadable(format!("`{text}` is no kind of change")))
    }
}

/// Adds entries of the log to a unit.
pub(super) trait Log {
    /// Something came, or changed.
    fn noted(self, owner: Owner, scope: Uuid, object: Uuid, kind: ChangeKind, now: Timestamp) -> Self;

    /// As [`noted`](Log::noted), for a folder that is there by now.
    fn noted_folder(self, owner: Owner, folder: Uuid, now: Timestamp) -> Self;

    /// Something went: what was noted of it before is of no use to anybody.
    fn gone(self, owner: Owner, scope: Uuid, object: Uuid, now: Timestamp) -> Self;
}

const NOTE: &str = "INSERT INTO mailbox_change (scope, object, kind, number, time, tenant, owner)
    VALUES (?1, ?2, ?3, (SELECT COALESCE(MAX(number), 0) + 1 FROM mailbox_change WHERE owner = ?6), ?4, ?5, ?6)
    ON CONFLICT (scope, object, kind) DO UPDATE SET number = excluded.number, time = excluded.time";

impl Log for Unit {
    fn noted(self, owner: Owner, scope: Uuid, object: Uuid, kind: ChangeKind, now: Timestamp) -> Self {
        self.then_one(
            NOTE,
            vec![
                scope.into(),
                object.into(),
                kind.as_str().into(),
                now.into(),
                owner.tenant.0.into(),
                owner.user.into(),
            ],
        )
    }

    fn noted_folder(self, owner: Owner, folder: Uuid, now: Timestamp) -> Self {
        const SQL: &str = "INSERT INTO mailbox_change (scope, object, kind, number, time, tenant, owner)
            SELECT owner, id, 'create',
                (SELECT COALESCE(MAX(number), 0) + 1 FROM mailbox_change WHERE owner = ?2), ?4, tenant, owner
            FROM folder WHERE id = ?1 AND owner = ?2 AND tenant = ?3
            ON CONFLICT DO NOTHING";
        self.then(SQL, vec![folder.into(), owner.user.into(), owner.tenant.0.into(), now.into()])
    }

    fn gone(self, owner: Owner, scope: Uuid, object: Uuid, now: Timestamp) -> Self {
        // First the new entry, then the old ones: a number is never given twice.
        self.noted(owner, scope, object, ChangeKind::Delete, now).then(
            "DELETE FROM mailbox_change WHERE scope = ?1 AND object = ?2 AND owner = ?3 AND kind <> 'delete'",
            vec![scope.into(), object.into(), owner.user.into()],
        )
    }
}

// === impl Mailboxes ===

impl Mailboxes {
    /// What happened in a folder after the change of a number: the oldest, at most `count`.
    pub async fn changes(&self, owner: Owner, folder: Uuid, after: i64, count: i64) -> Result<Vec<Change>, Error> {
        const SQL: &str = "SELECT number, time, object, kind, scope FROM mailbox_change
            WHERE owner = ?1 AND tenant = ?2 AND scope = ?3 AND number > ?4 ORDER BY number LIMIT ?5";
        let values = vec![owner.user.into(), owner.tenant.0.into(), folder.into(), Value::Integer(after), count.into()];
        let rows = self.database.read(SQL, values).await?;
        rows.iter().map(to_change).collect()
    }

    /// As [`changes`](Self::changes), of the folders themselves.
    pub async fn folder_changes(&self, owner: Owner, after: i64, count: i64) -> Result<Vec<Change>, Error> {
        self.changes(owner, owner.user, after, count).await
    }

    /// As [`changes`](Self::changes), of everything in a mailbox.
    pub async fn all_changes(&self, owner: Owner, after: i64, count: i64) -> Result<Vec<Change>, Error> {
        const SQL: &str = "SELECT number, time, object, kind, scope FROM mailbox_change
            WHERE owner = ?1 AND tenant = ?2 AND number > ?3 ORDER BY number LIMIT ?4";
        let values = vec![owner.user.into(), owner.tenant.0.into(), Value::Integer(after), count.into()];
        let rows = self.database.read(SQL, values).await?;
        rows.iter().map(to_change).collect()
    }

    /// The number of the newest change in a mailbox; 0 if nothing ever happened.
    pub async fn newest_change(&self, owner: Owner) -> Result<i64, Error> {
        const SQL: &str = "SELECT COALESCE(MAX(number), 0) FROM mailbox_change WHERE owner = ?1";
        let row = self.database.read_one(SQL, vec![owner.user.into()]).await?;
        row.map_or(Ok(0), |row| row.integer(0))
    }
}

fn to_change(row: &Row) -> Result<Change, Error> {
    Ok(Change {
        number: row.integer(0)?,
        time: row.time(1)?,
        object: row.uuid(2)?,
        kind: ChangeKind::read(row.text(3)?)?,
        scope: row.uuid(4)?,
    })
}
