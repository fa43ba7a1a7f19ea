//! Items that leave the queue for a file and come back. The row stays, without its
//! contents: the key keeps its place, and a file that is read twice brings nothing twice.

use jiff::Timestamp;

use super::{ItemState, Queue, QueuedItem, turn, upload};
use crate::database::Unit;
use crate::error::Error;

impl Queue {
    /// Owners of items of a state behind a name, `count` at most, in the order of names.
    pub async fn owners_of(&self, state: ItemState, after: &str, count: i64) -> Result<Vec<String>, Error> {
        const SQL: &str =
            "SELECT DISTINCT owner FROM queue_item WHERE state = ?1 AND owner > ?2 ORDER BY owner LIMIT ?3";
        let rows = self.database.read(SQL, vec![state.as_str().into(), after.into(), count.into()]).await?;
        rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
    }

    /// An owner's items of a state behind a place, in order.
    pub async fn of_owner(
        &self,
        state: ItemState,
        owner: &str,
        after_number: i64,
        count: i64,
    ) -> Result<Vec<QueuedItem>, Error> {
        const SQL: &str =
            super::select_items!("WHERE state = ?1 AND owner = ?2 AND number > ?3 ORDER BY number LIMIT ?4");
        self.items(SQL, vec![state.as_str().into(), owner.into(), after_number.into(), count.into()]).await
    }

    /// Notes that items are in a file that is on disk, and drops their contents. Each is
    /// given with what is remembered of it. An item that was settled since stays as it is.
    pub async fn flushed(&self, items: &[(QueuedItem, String)], file: &str, now: Timestamp) -> Result<usize, Error> {
        const SQL: &str =
            "UPDATE queue_item SET state = 'flushed', reason = ?2, document = ?3, digest = ?4, upload = NULL,
            settled = ?5 WHERE id = ?1 AND state IN ('queued', 'given up') RETURNING number";
        let (mut unit, mut places, mut place) = (Unit::new(), Vec::new(), 0);
        for (item, document) in items {
            places.push(place);
            let values = vec![
                item.id.clone().into(),
                file.into(),
                document.clone().into(),
                item.digest.clone().into(),
                now.into(),
            ];
            unit = unit.then(SQL, values);
            place += 1;
            if let Some(upload) = &item.upload {
                unit = upload::remove(unit, upload);
                place += 2;
            }
        }
        let outcome = self.database.write(unit).await?;
        Ok(places.iter().filter(|place| outcome.get(**place).is_some_and(|(rows, _)| !rows.is_empty())).count())
    }

    /// Brings items back from a file, in their old places if they were here. An item that
    /// is here already, in whatever state, stays as it is. How many came back.
    pub async fn restore(&self, items: &[QueuedItem], now: Timestamp) -> Result<usize, Error> {
        const SQL: &str = "INSERT INTO queue_item
            (id, owner, component, state, created, due, attempts, uncertain, reason, document, digest, upload)
            VALUES (?1, ?2, ?3, 'queued', ?4, ?5, 0, ?6, NULL, ?7, ?8, ?9)
            ON CONFLICT (id) DO UPDATE SET state = 'queued', due = excluded.due, attempts = 0,
              uncertain = CASE WHEN excluded.uncertain = 1 THEN 1 ELSE queue_item.uncertain END,
              reason = NULL, document = excluded.document, digest = excluded.digest, upload = excluded.upload,
              settled = NULL
            WHERE queue_item.state = 'flushed' RETURNING number";
        let mut unit = Unit::new();
        let mut places = Vec::with_capacity(items.len());
        let mut place = 0;
        for item in items {
            unit = unit.then(turn::ADD_OWNER, vec![item.owner.clone().into(), now.into()]);
            if let Some(upload) = &item.upload {
                unit = unit.then_one(upload::TOUCH, vec![upload.clone().into(), now.into()]);
                place += 1;
            }
            places.push(place + 1);
            place += 2;
            let values = vec![
                item.id.clone().into(),
                item.owner.clone().into(),
                item.component.clone().into(),
                item.created.into(),
                now.into(),
                item.uncertain.into(),
                item.document.clone().into(),
                item.digest.clone().into(),
                item.upload.clone().into(),
            ];
            unit = unit.then(SQL, values);
        }
        let outcome = self.database.write(unit).await?;
        Ok(places.iter().filter(|place| outcome.get(**place).is_some_and(|(rows, _)| !rows.is_empty())).count())
    }
}
