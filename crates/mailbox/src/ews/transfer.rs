//! `MoveItem` and `CopyItem`, inside one mailbox.

use actas_exchange::ews::{CopyItemResponse, Failure, ItemId, MoveItemResponse, TransferItems};
use actas_store::mailbox::{Item, Moved};
use uuid::Uuid;

use super::OpenMailbox;
use super::create::not_saved;
use super::failures::{corrupt, item_not_found, storage};
use crate::document::{Document, NewItem};
use crate::ids;

impl OpenMailbox<'_> {
    /// An item that moves keeps its id; its change key is another.
    pub(super) async fn move_items(&self, request: &TransferItems) -> MoveItemResponse {
        let to = self.folder(&request.to).map(|folder| folder.id);
        let mut messages = Vec::with_capacity(request.items.len());
        for id in &request.items {
            let moved = match to.clone() {
                Ok(to) => self.move_item(id, to).await,
                Err(failure) => Err(failure),
            };
            messages.push(moved.into());
        }
        MoveItemResponse { messages }
    }

    pub(crate) async fn move_item(&self, id: &ItemId, to: Uuid) -> Result<ItemId, Failure> {
        let item = self.item(id).await?;
        if item.folder == to {
            return Ok(ids::item(self.owner, item.id, item.version));
        }
        let moved = self.server.mailboxes.move_item(self.owner, Moved { item: &item, to }, self.now).await;
        moved.map_err(|error| if error.is_stale() { item_not_found() } else { storage(&error) })?;
        Ok(ids::item(self.owner, item.id, item.version + 1))
    }

    pub(super) async fn copy_items(&self, request: &TransferItems) -> CopyItemResponse {
        let to = self.folder(&request.to).map(|folder| folder.id);
        let mut messages = Vec::with_capacity(request.items.len());
        for id in &request.items {
            let copied = match to.clone() {
                Ok(to) => self.copy_item(id, to).await,
                Err(failure) => Err(failure),
            };
            messages.push(copied.into());
        }
        CopyItemResponse { messages }
    }

    pub(crate) async fn copy_item(&self, id: &ItemId, to: Uuid) -> Result<ItemId, Failure> {
        let item = self.item(id).await?;
        self.copy_stored(&item, to).await
    }

    /// A new item with the contents of another; large files are shared.
    pub(super) async fn copy_stored(&self, item: &Item, to: Uuid) -> Result<ItemId, Failure> {
        let document = Document::read(item).map_err(|why| corrupt(&why))?;
        let properties = document.properties().map_err(|why| corrupt(&why))?;
        let files = self.server.mailboxes.attachments(item.id).await.map_err(|error| storage(&error))?;
        let new = NewItem::copy(document, item, files, properties, to).map_err(|error| not_saved(&error))?;
        self.add(&new).await?;
        Ok(ids::item(self.owner, new.item.id, new.item.version))
    }
}
