//! Files of items, in parts. A file belongs to an upload, and an upload to the item that
//! names it; one that no item names is swept.

use jiff::Timestamp;

use super::Queue;
use crate::database::Unit;
use crate::error::Error;

/// One part of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Which file of the item, from 0.
    pub file: i64,
    /// Its place in the file, from 0.
    pub part: i64,
    /// The bytes.
    pub content: Vec<u8>,
}

/// An upload that an item is about to name must still be there.
pub(super) const TOUCH: &str = "UPDATE queue_upload SET created = ?2 WHERE upload = ?1";
pub(super) const ADD: &str =
    "INSERT INTO queue_upload (upload, created) VALUES (?1, ?2) ON CONFLICT (upload) DO NOTHING";
pub(super) const ADD_PART: &str = "INSERT INTO queue_part (upload, file, part, content) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (upload, file, part) DO UPDATE SET content = excluded.content";

/// Adds the removal of an upload with its parts.
pub(super) fn remove(unit: Unit, upload: &str) -> Unit {
    unit.then("DELETE FROM queue_part WHERE upload = ?1", vec![upload.into()])
        .then("DELETE FROM queue_upload WHERE upload = ?1", vec![upload.into()])
}

impl Queue {
    /// Stores a part of a file. When this returns, it is on disk.
    pub async fn add_part(&self, upload: &str, part: Part, now: Timestamp) -> Result<(), Error> {
        let unit = Unit::new()
            .then(ADD, vec![upload.into(), now.into()])
            .then(ADD_PART, vec![upload.into(), part.file.into(), part.part.into(), part.content.into()]);
        self.database.write(unit).await.map(drop)
    }

    /// A part of a file; none behind the last one.
    pub async fn part(&self, upload: &str, file: i64, part: i64) -> Result<Option<Vec<u8>>, Error> {
        const SQL: &str = "SELECT content FROM queue_part WHERE upload = ?1 AND file = ?2 AND part = ?3";
        let row = self.database.read_one(SQL, vec![upload.into(), file.into(), part.into()]).await?;
        row.map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
    }

    /// Drops an upload that came to nothing.
    pub async fn drop_upload(&self, upload: &str) -> Result<(), Error> {
        self.database.write(remove(Unit::new(), upload)).await.map(drop)
    }

    /// Drops uploads from before a time that no item names. How many they were.
    pub async fn sweep_uploads(&self, before: Timestamp) -> Result<usize, Error> {
        const SQL: &str = "SELECT upload FROM queue_upload WHERE created < ?1
            AND NOT EXISTS (SELECT 1 FROM queue_item WHERE queue_item.upload = queue_upload.upload) LIMIT 100";
        // The condition again: an item may have come between the question and the answer.
        const PARTS: &str = "DELETE FROM queue_part WHERE upload = ?1
            AND NOT EXISTS (SELECT 1 FROM queue_item WHERE queue_item.upload = ?1)";
        const UPLOAD: &str = "DELETE FROM queue_upload WHERE upload = ?1
            AND NOT EXISTS (SELECT 1 FROM queue_item WHERE queue_item.upload = ?1)";
        let rows = self.database.read(SQL, vec![before.into()]).await?;
        let mut unit = Unit::new();
        for row in &rows {
            let upload = row.text(0)?;
            unit = unit.then(PARTS, vec![upload.into()]).then(UPLOAD, vec![upload.into()]);
        }
        if !rows.is_empty() {
            self.database.write(unit).await?;
        }
        Ok(rows.len())
    }
}
