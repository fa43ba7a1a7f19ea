//! The bytes of large files, in parts. They are on disk before the item that they belong to; those
//! that no item names are swept. Whoever knows an upload has looked up an attachment of an owner.

use jiff::Timestamp;
use uuid::Uuid;

use super::Mailboxes;
use crate::database::Unit;
use crate::error::Error;

/// Parts that are removed in one write, so that others get to write in between.
const REMOVED_AT_ONCE: i64 = 16;
/// Uploads that one sweep removes.
const SWEPT_AT_ONCE: i64 = 100;

/// The bytes of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Content {
    /// All of them.
    Bytes(Vec<u8>),
    /// They are in the store already, in parts.
    Upload(Upload),
}

/// A file in parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Upload {
    /// Its id.
    pub id: Uuid,
    /// Its bytes.
    pub size: u64,
}

// === impl Content ===

impl Content {
    /// How many bytes they are.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Upload(upload) => upload.size,
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

// === impl Mailboxes ===

impl Mailboxes {
    /// Adds a part to an upload, which begins with its first. When this returns, it is on disk.
    pub async fn add_upload_part(&self, id: Uuid, part: i64, content: Vec<u8>, now: Timestamp) -> Result<(), Error> {
        let size = i64::try_from(content.len()).unwrap_or(i64::MAX);
        let unit = Unit::new()
            .then(
                "INSERT INTO upload (id, created, size) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET created = excluded.created, size = upload.size + excluded.size",
                vec![id.into(), now.into(), size.into()],
            )
            .then_one(
                "INSERT INTO upload_part (upload, part, content) VALUES (?1, ?2, ?3)",
                vec![id.into(), part.into(), content.into()],
            );
        self.database.write(unit).await.map(drop)
    }

    /// A part of an upload; none behind the last one.
    pub async fn upload_part(&self, id: Uuid, part: i64) -> Result<Option<Vec<u8>>, Error> {
        const SQL: &str = "SELECT content FROM upload_part WHERE upload = ?1 AND part = ?2";
        let row = self.database.read_one(SQL, vec![id.into(), part.into()]).await?;
        row.map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
    }

    /// Removes an upload with its parts, unless an attachment names it.
    pub async fn drop_upload(&self, id: Uuid) -> Result<(), Error> {
        // The condition with each write: an item may have come in between.
        const PARTS: &str = "DELETE FROM upload_part WHERE upload = ?1 AND part IN
              (SELECT part FROM upload_part WHERE upload = ?1 ORDER BY part DESC LIMIT ?2)
            AND NOT EXISTS (SELECT 1 FROM attachment WHERE attachment.upload = ?1)";
        const UPLOAD: &str = "DELETE FROM upload WHERE id = ?1
            AND NOT EXISTS (SELECT 1 FROM upload_part WHERE upload_part.upload = ?1)
            AND NOT EXISTS (SELECT 1 FROM attachment WHERE attachment.upload = ?1)";
        loop {
            let unit = Unit::new().then(PARTS, vec![id.into(), REMOVED_AT_ONCE.into()]).then(UPLOAD, vec![id.into()]);
            let outcome = self.database.write(unit).await?;
            if outcome.first().is_none_or(|(_, removed)| *removed == 0) {
                return Ok(());
            }
        }
    }

    /// Removes uploads that no attachment names and that nothing was added to since a time. How many
    /// they were.
    pub async fn sweep_uploads(&self, before: Timestamp) -> Result<usize, Error> {
        const SQL: &str = "SELECT id FROM upload WHERE created < ?1
            AND NOT EXISTS (SELECT 1 FROM attachment WHERE attachment.upload = upload.id) LIMIT ?2";
        let rows = self.database.read(SQL, vec![before.into(), SWEPT_AT_ONCE.into()]).await?;
        for row in &rows {
            self.drop_upload(row.uuid(0)?).await?;
        }
        Ok(rows.len())
    }
}
