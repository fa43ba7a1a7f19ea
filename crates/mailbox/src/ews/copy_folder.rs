//! `CopyFolder`

use std::collections::HashMap;

use actas_exchange::ews::{CopyFolderResponse, Failure, Folder as Told, FolderId, TransferFolders};
use actas_store::mailbox::Folder;
use futures_util::future::join_all;
use uuid::Uuid;

use super::OpenMailbox;
use super::failures::{over_quota, storage};
use super::folders::{FOLDERS_MAX, exists, move_failed};
use crate::ids;

/// Items that are copied at once, so that they share a commit.
const COPIED_AT_ONCE: usize = 32;

/// What a request has copied already.
#[derive(Debug, Default)]
struct Made {
    folders: usize,
    /// Lower case.
    names: Vec<String>,
}

impl OpenMailbox<'_> {
    pub(super) async fn copy_folders(&self, request: &TransferFolders) -> CopyFolderResponse {
        let to = self.folder(&request.to);
        let mut made = Made::default();
        let mut messages = Vec::with_capacity(request.folders.len());
        for id in &request.folders {
            let copied = match &to {
                Ok(to) => self.copy_folder(id, to, &mut made).await,
                Err(failure) => Err(failure.clone()),
            };
            messages.push(copied.into());
        }
        CopyFolderResponse { messages }
    }

    /// Copies a folder with everything that is in it when its turn comes. It is done item by item; if
    /// one cannot be copied, the copy is removed again.
    async fn copy_folder(&self, id: &FolderId, to: &Folder, made: &mut Made) -> Result<Told, Failure> {
        let folder = self.folder(id)?;
        let below = self.tree.below(folder.id);
        if to.id == folder.id || below.iter().any(|below| below.id == to.id) {
            return Err(move_failed("A folder cannot be copied into itself."));
        }
        let name = folder.name.to_lowercase();
        if self.is_taken(to.id, &folder.name, None) || made.names.contains(&name) {
            return Err(exists());
        }
        let count = below.len() + 1;
        if self.tree.len() + made.folders + count > FOLDERS_MAX {
            return Err(over_quota());
        }
        let mut copies: Vec<Uuid> = Vec::with_capacity(count);
        if let Err(failure) = self.copy_all(folder, &below, to, &mut copies).await {
            copies.reverse();
            if let Err(error) = self.server.mailboxes.delete_folders(self.owner, &copies, self.now).await {
                tracing::warn!(%error, "what was copied of a folder stays");
            }
            return Err(failure);
        }
        made.folders += count;
        made.names.push(name);
        // Each folder that is made in another changes that one.
        let children = self.tree.children(folder.id).count();
        let version = 1 + i64::try_from(children).unwrap_or(0);
        let copy = copies.first().copied().unwrap_or_default();
        Ok(Told::new(ids::folder(self.owner, copy, version)))
    }

    /// `copies` are the folders that were made, each before what is in it.
    async fn copy_all(
        &self,
        folder: &Folder,
        below: &[&Folder],
        to: &Folder,
        copies: &mut Vec<Uuid>,
    ) -> Result<(), Failure> {
        let mut parents = HashMap::from([(folder.parent, to.id)]);
        for original in std::iter::once(folder).chain(below.iter().copied()) {
            let copy = Folder {
                id: Uuid::new_v4(),
                parent: parents.get(&original.parent).copied(),
                distinguished: None,
                version: 1,
                ..original.clone()
            };
            let added = self.server.mailboxes.add_folder(self.owner, &copy, self.now).await;
            added.map_err(|error| if error.is_stale() { exists() } else { storage(&error) })?;
            copies.push(copy.id);
            parents.insert(Some(original.id), copy.id);
            self.copy_contents(original.id, copy.id).await?;
        }
        Ok(())
    }

    async fn copy_contents(&self, from: Uuid, to: Uuid) -> Result<(), Failure> {
        let mailboxes = &self.server.mailboxes;
        let all = mailboxes.item_ids(self.owner, from).await.map_err(|error| storage(&error))?;
        for some in all.chunks(COPIED_AT_ONCE) {
            let copied = some.iter().map(async |id| {
                match mailboxes.item(self.owner, *id).await.map_err(|error| storage(&error))? {
                    Some(item) => self.copy_stored(&item, to).await.map(drop),
                    // It went in the meantime.
                    None => Ok(()),
                }
            });
            join_all(copied).await.into_iter().collect::<Result<(), Failure>>()?;
        }
        Ok(())
    }
}
