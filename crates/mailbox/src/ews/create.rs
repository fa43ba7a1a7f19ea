//! `CreateItem`

use actas_exchange::ews::{
    CreateItem, CreateItemResponse, DistinguishedFolder, Failure, ItemId, Message, MessageDisposition, ResponseCode,
};
use futures_util::future::join_all;
use uuid::Uuid;

use super::{OpenMailbox, folder_not_found, invalid_operation, storage};
use crate::document::NewItem;
use crate::ids;

/// The largest item, with its files.
const ITEM_BYTES_MAX: i64 = 25 * 1024 * 1024;

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
            return Err(Failure::new(invalid_operation(), "This server does not send messages. Use SaveOnly."));
        }
        let folder = match &request.folder {
            Some(folder) => self.folder(folder)?,
            None => self.tree.by_role(DistinguishedFolder::Drafts).ok_or_else(folder_not_found)?,
        };
        Ok(folder.id)
    }

    async fn create_item(&self, message: Message, folder: Uuid) -> Result<ItemId, Failure> {
        let new = NewItem::of(message, folder, self.now).map_err(|error| {
            tracing::error!(%error, "an item cannot be written");
            Failure::new(ResponseCode::ErrorItemSave, "The item could not be saved.")
        })?;
        if new.item.size > ITEM_BYTES_MAX {
            return Err(Failure::new(
                ResponseCode::ErrorMessageSizeExceeded,
                "The message exceeds the maximum supported size.",
            ));
        }
        let mailboxes = &self.server.mailboxes;
        let added = mailboxes.add_item(self.owner, &new.item, &new.properties, &new.attachments).await;
        added.map_err(|error| storage(&error))?;
        Ok(ids::item(self.owner, new.item.id, new.item.version))
    }
}
