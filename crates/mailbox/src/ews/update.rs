//! `UpdateItem`
//!
//! Every update names the version that its writer read. When that is no longer the newest, the
//! conflict resolution decides: what nobody else changed since is changed under `AutoResolve`, and
//! everything under `AlwaysOverwrite`; `NeverOverwrite` refuses.

use actas_exchange::ews::{
    ConflictResolution, Failure, Field, ItemChange, MessageDisposition, PropertyPath, ResponseCode, UpdateItem,
    UpdateItemResponse, UpdatedItem,
};
use actas_store::mailbox::Item;

use super::OpenMailbox;
use super::apply::{apply, is_in_mime, is_kept, key};
use super::failures::{corrupt, invalid_operation, over_quota, storage, too_large};
use crate::document::{ChangedItem, Document};
use crate::ids;

/// How often a change is tried when others change the item at the same time.
const TRIES: usize = 8;

impl OpenMailbox<'_> {
    pub(super) async fn update_items(&self, request: &UpdateItem) -> UpdateItemResponse {
        let sends = request.disposition.is_some_and(|disposition| disposition != MessageDisposition::SaveOnly);
        let mut messages = Vec::with_capacity(request.changes.len());
        for change in &request.changes {
            let updated = if sends {
                Err(invalid_operation("This server does not send messages. Use SaveOnly."))
            } else {
                self.update_item(change, request.conflict_resolution).await
            };
            messages.push(updated.into());
        }
        UpdateItemResponse { messages }
    }

    pub(crate) async fn update_item(
        &self,
        change: &ItemChange,
        resolution: ConflictResolution,
    ) -> Result<UpdatedItem, Failure> {
        let known = known_version(change)?;
        for _ in 0..TRIES {
            let item = self.item(&change.id).await?;
            let (mut document, conflicts) = compare(&item, change, known, resolution)?;
            for update in change.updates.iter().filter(|update| is_kept(update.path())) {
                document.changed.insert(key(update.path()), item.version + 1);
            }
            let changed = self.changed(&item, document, change).await?;
            if self.write(&item, &changed, is_read_flag_only(change)).await? {
                return Ok(UpdatedItem { id: ids::item(self.owner, item.id, item.version + 1), conflicts });
            }
        }
        Err(stale())
    }

    /// The item with the changes in it.
    async fn changed(&self, item: &Item, document: Document, change: &ItemChange) -> Result<ChangedItem, Failure> {
        let (mut message, _) = self.message(item)?;
        for update in &change.updates {
            apply(&mut message, update)?;
        }
        let keeps_mime = !change.updates.iter().any(|update| is_in_mime(update.path()));
        let changed = ChangedItem::with_message(item, document, message, self.contents, keeps_mime, self.now);
        let mut changed = changed.map_err(|why| corrupt(&why))?;
        let removed = changed.removed().to_vec();
        for id in removed {
            let bytes = self.server.mailboxes.attachment_size(self.owner, id).await;
            changed.less(bytes.map_err(|error| storage(&error))?);
        }
        Ok(changed)
    }

    /// Writes a changed item; gives whether it is written. It is not when somebody else was
    /// faster.
    pub(super) async fn write(&self, before: &Item, changed: &ChangedItem, read_only: bool) -> Result<bool, Failure> {
        if changed.item.size > self.server.config.item_bytes_max {
            return Err(too_large());
        }
        let (mailboxes, quota) = (&self.server.mailboxes, self.server.config.quota_bytes);
        match mailboxes.update_item(self.owner, &changed.update(before, read_only), quota, self.now).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_stale() => {
                let now = mailboxes.item(self.owner, before.id).await.map_err(|error| storage(&error))?;
                let untouched = now.is_some_and(|now| now.version == before.version && now.folder == before.folder);
                if untouched { Err(over_quota()) } else { Ok(false) }
            }
            Err(error) => Err(storage(&error)),
        }
    }
}

/// The version that a change is based on. Without one nothing is changed, whatever the conflict
/// resolution.
fn known_version(change: &ItemChange) -> Result<i64, Failure> {
    let Some(key) = change.id.change_key.as_deref().filter(|key| !key.is_empty()) else {
        return Err(Failure::new(
            ResponseCode::ErrorChangeKeyRequiredForWriteOperations,
            "A change key is required for this operation.",
        ));
    };
    ids::read_change_key(key)
        .ok_or_else(|| Failure::new(ResponseCode::ErrorInvalidChangeKey, "The change key is invalid."))
}

/// The item's document, and how many properties of the change somebody else changed since, if the
/// conflict resolution lets the change through.
fn compare(
    item: &Item,
    change: &ItemChange,
    known: i64,
    resolution: ConflictResolution,
) -> Result<(Document, u32), Failure> {
    let document = Document::read(item).map_err(|why| corrupt(&why))?;
    if known == item.version {
        return Ok((document, 0));
    }
    if known > item.version || known < 1 {
        return Err(stale());
    }
    let same = change
        .updates
        .iter()
        .filter(|update| document.changed.get(&key(update.path())).is_some_and(|changed| *changed > known));
    let conflicts = u32::try_from(same.count()).unwrap_or(u32::MAX);
    match resolution {
        ConflictResolution::AlwaysOverwrite => Ok((document, conflicts)),
        ConflictResolution::AutoResolve if conflicts == 0 => Ok((document, 0)),
        ConflictResolution::AutoResolve | ConflictResolution::NeverOverwrite => Err(Failure::new(
            ResponseCode::ErrorIrresolvableConflict,
            "The send or update operation could not be performed because the change key passed in the request \
             does not match the current change key for the item.",
        )),
    }
}

fn is_read_flag_only(change: &ItemChange) -> bool {
    let read = |path: &PropertyPath| matches!(path, PropertyPath::Field(Field::IsRead));
    !change.updates.is_empty() && change.updates.iter().all(|update| read(update.path()))
}

pub(super) fn stale() -> Failure {
    Failure::new(
        ResponseCode::ErrorStaleObject,
        "The change key is not of the newest version of the object. Read it again.",
    )
}
