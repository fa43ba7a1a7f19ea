//! `CreateItem`

use actas_exchange::ews::{
    AttachmentKey, CreateItem, CreateItemResponse, CreatedItem, DistinguishedFolder, Failure, FileAttachment, Message,
    MessageDisposition, ResponseCode,
};
use futures_util::future::join_all;
use uuid::Uuid;

use super::OpenMailbox;
use super::failures::{folder_not_found, invalid_operation, over_quota, storage, too_large};
use crate::document::NewItem;
use crate::ids::{self, Of};

/// Items that are attached to each other.
const ATTACHED_DEPTH_MAX: usize = 8;

impl OpenMailbox<'_> {
    /// Makes the items, each on its own: what one of them lacks does not stop the others.
    /// They are written at once, so that they share a commit, in their order.
    pub(super) async fn create_items(&self, request: CreateItem) -> CreateItemResponse {
        let folder = self.target(&request);
        let made = request.items.into_iter().map(|message| {
            let folder = folder.clone();
            async move { self.create_item(message, folder?).await.map(Some) }
        });
        CreateItemResponse { messages: join_all(made).await.into_iter().map(Into::into).collect() }
    }

    /// Where the items go. They go nowhere else: there is no transport.
    fn target(&self, request: &CreateItem) -> Result<Uuid, Failure> {
        if request.disposition != MessageDisposition::SaveOnly {
            return Err(invalid_operation("This server does not send messages. Use SaveOnly."));
        }
        let folder = match &request.folder {
            Some(folder) => self.folder(folder)?,
            None => self.tree.by_role(DistinguishedFolder::Drafts).ok_or_else(folder_not_found)?,
        };
        Ok(folder.id)
    }

    pub(crate) async fn create_item(&self, message: Message, folder: Uuid) -> Result<CreatedItem, Failure> {
        check_depth(&message.attachments)?;
        let new = NewItem::of(message, self.contents, folder, self.now).map_err(|error| not_saved(&error))?;
        self.add(&new).await?;
        let files = new.files.iter().map(|(id, is_item)| self.attachment_key(*id, *is_item));
        Ok(CreatedItem { id: ids::item(self.owner, new.item.id, new.item.version), attachments: files.collect() })
    }

    pub(super) fn attachment_key(&self, id: Uuid, is_item: bool) -> AttachmentKey {
        AttachmentKey { id: ids::write(Of::Attachment, self.owner, id), is_item }
    }

    /// Puts a new item into the store, if it is not too large and the mailbox not too full.
    pub(crate) async fn add(&self, new: &NewItem) -> Result<(), Failure> {
        if new.item.size > self.server.config.item_bytes_max {
            return Err(too_large());
        }
        let (mailboxes, quota) = (&self.server.mailboxes, self.server.config.quota_bytes);
        let added = mailboxes.add_item(self.owner, &new.item, &new.properties, &new.attachments, quota, self.now).await;
        added.map_err(|error| if error.is_stale() { over_quota() } else { storage(&error) })
    }
}

/// Refuses items in items in items without an end.
pub(super) fn check_depth(attachments: &[FileAttachment]) -> Result<(), Failure> {
    let items = attachments.iter().filter_map(|attachment| attachment.item.as_ref());
    if items.map(|item| 1 + item.attached_depth()).max().unwrap_or(0) > ATTACHED_DEPTH_MAX {
        return Err(Failure::new(
            ResponseCode::from_name("ErrorAttachmentNestLevelLimitExceeded"),
            format!("Items are attached to each other at most {ATTACHED_DEPTH_MAX} deep."),
        ));
    }
    Ok(())
}

pub(super) fn not_saved(error: &serde_json::Error) -> Failure {
    tracing::error!(%error, "an item cannot be written");
    Failure::new(ResponseCode::ErrorItemSave, "The item could not be saved.")
}
