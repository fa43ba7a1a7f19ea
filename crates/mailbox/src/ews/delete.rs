//! `DeleteItem`

use actas_exchange::ews::{DeleteItem, DeleteItemResponse, DeleteType, DistinguishedFolder, Failure, ItemId};
use actas_store::mailbox::{Folder, Moved};

use super::OpenMailbox;
use super::failures::{folder_not_found, item_not_found, storage};

impl OpenMailbox<'_> {
    /// Deletes the items in turn.
    pub(super) async fn delete_items(&self, request: &DeleteItem) -> DeleteItemResponse {
        let mut messages = Vec::with_capacity(request.items.len());
        for id in &request.items {
            messages.push(self.delete_item(id, request.delete_type).await.into());
        }
        DeleteItemResponse { messages }
    }

    pub(crate) async fn delete_item(&self, id: &ItemId, how: DeleteType) -> Result<(), Failure> {
        let item = self.item(id).await?;
        let target = match how {
            DeleteType::HardDelete => None,
            DeleteType::MoveToDeletedItems => {
                // What is thrown away a second time is out of sight, but not yet gone.
                let deleted = self.role(DistinguishedFolder::DeletedItems)?;
                let twice = item.folder == deleted.id;
                Some(if twice { self.role(DistinguishedFolder::RecoverableItemsDeletions)? } else { deleted })
            }
            DeleteType::SoftDelete => Some(self.role(DistinguishedFolder::RecoverableItemsDeletions)?),
        };
        let mailboxes = &self.server.mailboxes;
        let done = match target {
            Some(folder) => mailboxes.move_item(self.owner, Moved { item: &item, to: folder.id }, self.now).await,
            None => mailboxes.delete_item(self.owner, &item, self.now).await,
        };
        done.map_err(|error| if error.is_stale() { item_not_found() } else { storage(&error) })
    }

    pub(crate) fn role(&self, role: DistinguishedFolder) -> Result<&Folder, Failure> {
        self.tree.by_role(role).ok_or_else(folder_not_found)
    }
}
