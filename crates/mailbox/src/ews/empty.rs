//! `EmptyFolder`

use actas_exchange::ews::{
    DeleteType, DistinguishedFolder, EmptyFolder, EmptyFolderResponse, Failure, FolderId, ResponseCode,
};
use actas_store::mailbox::Folder;

use super::OpenMailbox;
use super::failures::storage;

impl OpenMailbox<'_> {
    pub(super) async fn empty_folders(&self, request: &EmptyFolder) -> EmptyFolderResponse {
        let mut messages = Vec::with_capacity(request.folders.len());
        for id in &request.folders {
            messages.push(self.empty_folder(id, request).await.into());
        }
        EmptyFolderResponse { messages }
    }

    /// What comes in while the folder is emptied stays.
    async fn empty_folder(&self, id: &FolderId, request: &EmptyFolder) -> Result<(), Failure> {
        let folder = self.folder(id)?;
        let children: Vec<&Folder> =
            if request.delete_sub_folders { self.tree.children(folder.id).collect() } else { Vec::new() };
        if children.iter().any(|child| child.distinguished.is_some()) {
            return Err(not_emptied("There are folders with a role in it. Empty those, or leave the folders in it."));
        }
        let target = self.emptied_to(folder, request.delete_type)?;
        let mailboxes = &self.server.mailboxes;
        mailboxes
            .empty_folder(self.owner, folder.id, target.map(|target| target.id), self.now)
            .await
            .map_err(|error| storage(&error))?;
        for child in children {
            // What a folder is called where it goes depends on those that went before it.
            let opened =
                Self::open(self.server, self.user, self.contents, self.now).await.map_err(|error| storage(&error))?;
            if let Some(child) = opened.tree.by_id(child.id) {
                opened.delete_folder(child, request.delete_type).await?;
            }
        }
        Ok(())
    }

    /// Where a folder's items go: a step further from sight, and at the last one no further.
    fn emptied_to(&self, folder: &Folder, how: DeleteType) -> Result<Option<&Folder>, Failure> {
        let is = |role| self.role(role).map(|with_role| with_role.id == folder.id);
        if how == DeleteType::HardDelete {
            return Ok(None);
        }
        if is(DistinguishedFolder::RecoverableItemsPurges)? {
            return Err(not_emptied("What is in it can only be deleted for good: HardDelete."));
        }
        if is(DistinguishedFolder::RecoverableItemsDeletions)? {
            return self.role(DistinguishedFolder::RecoverableItemsPurges).map(Some);
        }
        let deleted = self.role(DistinguishedFolder::DeletedItems)?;
        let twice = folder.id == deleted.id || self.tree.below(deleted.id).iter().any(|below| below.id == folder.id);
        if how == DeleteType::MoveToDeletedItems && !twice {
            return Ok(Some(deleted));
        }
        self.role(DistinguishedFolder::RecoverableItemsDeletions).map(Some)
    }
}

fn not_emptied(why: &str) -> Failure {
    Failure::new(ResponseCode::from_name("ErrorCannotEmptyFolder"), format!("The folder cannot be emptied. {why}"))
}
