//! `CreateFolder`, `UpdateFolder`, `MoveFolder`, `DeleteFolder`

use actas_exchange::ews::{
    CreateFolder, CreateFolderResponse, DeleteFolder, DeleteFolderResponse, DeleteType, DistinguishedFolder, Failure,
    Field, Folder as Told, FolderChange, FolderId, FolderKind, FolderUpdate, MoveFolderResponse, NewFolder,
    PropertyPath, ResponseCode, TransferFolders, UpdateFolder, UpdateFolderResponse,
};
use actas_store::mailbox::{Folder, NewParent};
use uuid::Uuid;

use super::OpenMailbox;
use super::failures::{access_denied, folder_not_found, invalid_operation, over_quota, storage};
use crate::ids;

/// Folders of one mailbox: each request reads them all.
pub(super) const FOLDERS_MAX: usize = 2000;
/// Characters of a folder's name or class.
pub(crate) const NAME_CHARS_MAX: usize = 255;

impl OpenMailbox<'_> {
    // === made ===

    pub(super) async fn create_folders(&self, request: CreateFolder) -> CreateFolderResponse {
        let parent = self.folder(&request.parent);
        let mut names = Vec::new();
        let mut messages = Vec::with_capacity(request.folders.len());
        for new in request.folders {
            let made = match &parent {
                Ok(parent) => self.create_folder(parent, new, &mut names).await,
                Err(failure) => Err(failure.clone()),
            };
            messages.push(made.into());
        }
        CreateFolderResponse { messages }
    }

    /// `made` are the names that the request has given already.
    pub(crate) async fn create_folder(
        &self,
        parent: &Folder,
        new: NewFolder,
        made: &mut Vec<String>,
    ) -> Result<Told, Failure> {
        let name = checked_name(new.display_name)?;
        if new.kind == FolderKind::Search {
            return Err(invalid_operation("This server has no search folders."));
        }
        if self.tree.len() + made.len() >= FOLDERS_MAX {
            return Err(over_quota());
        }
        let lower = name.to_lowercase();
        if self.is_taken(parent.id, &name, None) || made.contains(&lower) {
            return Err(exists());
        }
        let class = checked_class(new.class)?.unwrap_or_else(|| default_class(new.kind, parent));
        let folder = Folder {
            id: Uuid::new_v4(),
            parent: Some(parent.id),
            distinguished: None,
            name,
            class: Some(class),
            version: 1,
        };
        let added = self.server.mailboxes.add_folder(self.owner, &folder, self.now).await;
        added.map_err(|error| if error.is_stale() { exists() } else { storage(&error) })?;
        made.push(lower);
        Ok(Told::new(ids::folder(self.owner, folder.id, folder.version)))
    }

    /// Whether a folder has another folder of this name in it, in whatever case.
    pub(super) fn is_taken(&self, parent: Uuid, name: &str, but: Option<Uuid>) -> bool {
        let lower = name.to_lowercase();
        self.tree.children(parent).any(|child| Some(child.id) != but && child.name.to_lowercase() == lower)
    }

    // === changed ===

    pub(super) async fn update_folders(&self, request: UpdateFolder) -> UpdateFolderResponse {
        let mut messages = Vec::with_capacity(request.changes.len());
        for change in request.changes {
            messages.push(self.update_folder(change).await.into());
        }
        UpdateFolderResponse { messages }
    }

    pub(crate) async fn update_folder(&self, change: FolderChange) -> Result<Told, Failure> {
        let mut folder = self.folder(&change.id)?.clone();
        if folder.distinguished.is_some() {
            return Err(access_denied());
        }
        for update in change.updates {
            match update {
                FolderUpdate::Set { path: PropertyPath::Field(Field::FolderDisplayName), folder: new } => {
                    folder.name = checked_name(new.display_name)?;
                }
                FolderUpdate::Set { path: PropertyPath::Field(Field::FolderClass), folder: new } => {
                    folder.class = checked_class(new.class)?;
                }
                FolderUpdate::Set { path, .. } => {
                    return Err(Failure::new(ResponseCode::ErrorInvalidPropertySet, not_changed(&path)));
                }
                FolderUpdate::Delete { path } => {
                    return Err(Failure::new(ResponseCode::ErrorInvalidPropertyDelete, not_changed(&path)));
                }
            }
        }
        if folder.parent.is_some_and(|parent| self.is_taken(parent, &folder.name, Some(folder.id))) {
            return Err(exists());
        }
        let updated = self.server.mailboxes.update_folder(self.owner, &folder, self.now).await;
        updated.map_err(|error| if error.is_stale() { super::update::stale() } else { storage(&error) })?;
        Ok(Told::new(ids::folder(self.owner, folder.id, folder.version + 1)))
    }

    // === moved ===

    pub(super) async fn move_folders(&self, request: &TransferFolders) -> MoveFolderResponse {
        let to = self.folder(&request.to);
        let mut made = Vec::new();
        let mut messages = Vec::with_capacity(request.folders.len());
        for id in &request.folders {
            let moved = match &to {
                Ok(to) => self.move_folder(id, to, &mut made).await,
                Err(failure) => Err(failure.clone()),
            };
            messages.push(moved.into());
        }
        MoveFolderResponse { messages }
    }

    /// `made` are the names that the request has given already.
    async fn move_folder(&self, id: &FolderId, to: &Folder, made: &mut Vec<String>) -> Result<Told, Failure> {
        let folder = self.folder(id)?;
        if folder.distinguished.is_some() {
            let code = ResponseCode::from_name("ErrorMoveDistinguishedFolder");
            return Err(Failure::new(code, "Distinguished folders cannot be moved."));
        }
        if to.id == folder.id || self.tree.below(folder.id).iter().any(|below| below.id == to.id) {
            return Err(move_failed("A folder cannot be moved into itself."));
        }
        if folder.parent == Some(to.id) {
            return Ok(Told::new(ids::folder(self.owner, folder.id, folder.version)));
        }
        let lower = folder.name.to_lowercase();
        if self.is_taken(to.id, &folder.name, Some(folder.id)) || made.contains(&lower) {
            return Err(exists());
        }
        let parent = NewParent { parent: to.id, name: folder.name.clone() };
        let moved = self.server.mailboxes.move_folder(self.owner, folder.id, &parent, self.now).await;
        moved.map_err(|error| {
            if error.is_stale() { move_failed("The folders changed in the meantime.") } else { storage(&error) }
        })?;
        made.push(lower);
        Ok(Told::new(ids::folder(self.owner, folder.id, folder.version + 1)))
    }

    // === deleted ===

    pub(super) async fn delete_folders(&self, request: &DeleteFolder) -> DeleteFolderResponse {
        let mut messages = Vec::with_capacity(request.folders.len());
        for id in &request.folders {
            let deleted = match self.folder(id) {
                Ok(folder) => self.delete_folder(folder, request.delete_type).await,
                Err(failure) => Err(failure),
            };
            messages.push(deleted.into());
        }
        DeleteFolderResponse { messages }
    }

    pub(crate) async fn delete_folder(&self, folder: &Folder, how: DeleteType) -> Result<(), Failure> {
        if folder.distinguished.is_some() {
            return Err(Failure::new(
                ResponseCode::ErrorDeleteDistinguishedFolder,
                "Distinguished folders cannot be deleted.",
            ));
        }
        let target = match how {
            DeleteType::HardDelete => None,
            DeleteType::SoftDelete => Some(self.role(DistinguishedFolder::RecoverableItemsDeletions)?),
            DeleteType::MoveToDeletedItems => {
                // What is thrown away a second time is out of sight, but not yet gone.
                let deleted = self.role(DistinguishedFolder::DeletedItems)?;
                let twice = self.tree.below(deleted.id).iter().any(|below| below.id == folder.id);
                Some(if twice { self.role(DistinguishedFolder::RecoverableItemsDeletions)? } else { deleted })
            }
        };
        let mailboxes = &self.server.mailboxes;
        let done = if let Some(parent) = target {
            let to = NewParent { parent: parent.id, name: self.free_name(parent.id, folder) };
            mailboxes.move_folder(self.owner, folder.id, &to, self.now).await
        } else {
            let mut gone: Vec<Uuid> = self.tree.below(folder.id).iter().map(|below| below.id).collect();
            gone.reverse();
            gone.push(folder.id);
            mailboxes.delete_folders(self.owner, &gone, self.now).await
        };
        done.map_err(|error| if error.is_stale() { folder_not_found() } else { storage(&error) })
    }

    /// The folder's name, with a number where another folder has it.
    fn free_name(&self, parent: Uuid, folder: &Folder) -> String {
        let numbered = (1_usize..).map(|number| match number {
            1 => folder.name.clone(),
            number => format!("{} ({number})", folder.name),
        });
        let free = numbered.take(FOLDERS_MAX + 1).find(|name| !self.is_taken(parent, name, Some(folder.id)));
        free.unwrap_or_else(|| folder.id.to_string())
    }
}

fn checked_name(name: Option<String>) -> Result<String, Failure> {
    let name = name.unwrap_or_default().trim().to_owned();
    let bad = name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control);
    if bad { Err(not_saved("DisplayName has to have 1 to 255 printable characters.")) } else { Ok(name) }
}

fn checked_class(class: Option<String>) -> Result<Option<String>, Failure> {
    let bad = |class: &String| {
        !class.starts_with("IPF") || class.chars().count() > NAME_CHARS_MAX || class.chars().any(char::is_control)
    };
    if class.as_ref().is_some_and(bad) {
        return Err(not_saved("FolderClass has to begin with IPF."));
    }
    Ok(class)
}

fn default_class(kind: FolderKind, parent: &Folder) -> String {
    let class = match kind {
        FolderKind::Calendar => "IPF.Appointment",
        FolderKind::Contacts => "IPF.Contact",
        FolderKind::Tasks => "IPF.Task",
        _ => parent.class.as_deref().unwrap_or("IPF.Note"),
    };
    class.to_owned()
}

pub(super) fn move_failed(why: &str) -> Failure {
    Failure::new(ResponseCode::from_name("ErrorMoveCopyFailed"), format!("The move or copy operation failed. {why}"))
}

pub(super) fn exists() -> Failure {
    Failure::new(ResponseCode::ErrorFolderExists, "A folder with the specified name already exists.")
}

fn not_saved(why: &str) -> Failure {
    Failure::new(ResponseCode::from_name("ErrorFolderSave"), format!("Folder save failed. {why}"))
}

fn not_changed(path: &PropertyPath) -> String {
    let name: String = path.to_string().chars().take(128).collect();
    format!("The property {name} of a folder cannot be changed.")
}
