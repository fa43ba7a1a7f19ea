//! A mailbox read item by item as MIME, for a copy outside of the server.

mod mbox;

use actas_directory::User;
use actas_exchange::ews::DistinguishedFolder;
use actas_store::mailbox::{Folder, Mailboxes, Owner};
use actas_store::{Database, Error};
use jiff::Timestamp;
use uuid::Uuid;

pub use self::mbox::write_mbox;

use crate::content::Reel;
use crate::document::Document;
use crate::mime;
use crate::tree::{self, Tree};

/// A mailbox that is read. One that changes meanwhile is read as it is when its turn comes: what
/// goes before that is left out, and what comes after the list of a folder was made.
#[derive(Debug)]
pub struct Export {
    mailboxes: Mailboxes,
    owner: Owner,
    tree: Tree,
}

/// A folder with the way to it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportFolder {
    /// Its id.
    pub id: Uuid,
    /// The names of the folders that lead to it and its own, without the top of the mailbox.
    pub path: Vec<String>,
    /// What it is for, such as `inbox`, if it is for something.
    pub role: Option<String>,
    /// Whether its owner sees it: it is below the top of the mailbox.
    pub is_visible: bool,
}

/// An item as a message (RFC 5322).
#[derive(Clone, Debug, PartialEq)]
pub struct ExportedItem {
    /// Its id.
    pub id: Uuid,
    /// When it was received.
    pub received: Timestamp,
    /// The address of its sender, if it has one.
    pub sender: Option<String>,
    /// The MIME stream that it came as, byte for byte, or else one made of what is known.
    pub mime: Vec<u8>,
}

/// Why an item cannot be exported.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExportError {
    /// The database did not answer.
    Store(Error),
    /// What is stored is no item; the text names it.
    Corrupt(String),
}

// === impl Export ===

impl Export {
    /// The mailbox of a user. The folders of one that was never opened are made.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn open(database: Database, user: &User, now: Timestamp) -> Result<Self, Error> {
        let mailboxes = Mailboxes::new(database);
        let owner = tree::owner(user);
        let tree = Tree::load(&mailboxes, owner, now).await?;
        Ok(Self { mailboxes, owner, tree })
    }

    /// All folders, each before what is in it; the top of the mailbox and its root are called by
    /// their own names.
    pub fn folders(&self) -> Vec<ExportFolder> {
        let Some(root) = self.tree.by_role(DistinguishedFolder::Root) else { return Vec::new() };
        let top = self.tree.by_role(DistinguishedFolder::MsgFolderRoot).map(|top| top.id);
        let told = |folder: &Folder| {
            let (path, is_visible) = self.path_to(folder, root.id, top);
            ExportFolder { id: folder.id, path, role: folder.distinguished.clone(), is_visible }
        };
        std::iter::once(root).chain(self.tree.below(root.id)).map(told).collect()
    }

    fn path_to(&self, folder: &Folder, root: Uuid, top: Option<Uuid>) -> (Vec<String>, bool) {
        let mut path = vec![folder.name.clone()];
        let mut at = folder;
        let mut is_visible = Some(folder.id) == top;
        // No way is longer than there are folders.
        for _ in 0..self.tree.len() {
            let Some(parent) = at.parent.and_then(|parent| self.tree.by_id(parent)) else { break };
            if Some(parent.id) == top {
                is_visible = true;
                break;
            }
            if parent.id == root {
                break;
            }
            path.push(parent.name.clone());
            at = parent;
        }
        path.reverse();
        (path, is_visible)
    }

    /// The ids of a folder's items, oldest first.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn items(&self, folder: Uuid) -> Result<Vec<Uuid>, Error> {
        self.mailboxes.item_ids(self.owner, folder).await
    }

    /// An item, unless it went in the meantime.
    ///
    /// # Errors
    ///
    /// When the database does not answer, or what it has is no item.
    pub async fn item(&self, id: Uuid) -> Result<Option<ExportedItem>, ExportError> {
        let Some(item) = self.mailboxes.item(self.owner, id).await.map_err(ExportError::Store)? else {
            return Ok(None);
        };
        let corrupt = |why: crate::document::Corrupt| ExportError::Corrupt(why.to_string());
        let mut document = Document::read(&item).map_err(corrupt)?;
        let stored = document.mime.take();
        let message = document.into_message(self.owner, &item, 1).map_err(corrupt)?;
        let mime = mime::of_item(&self.mailboxes, &item, stored.as_ref(), &message).await;
        let sender = message.sender.or(message.from).and_then(|sender| sender.address);
        let pieces = mime.map_err(ExportError::Store)?.pieces;
        let mime = Reel::new(self.mailboxes.clone(), pieces).collect().await.map_err(ExportError::Store)?;
        Ok(Some(ExportedItem { id, received: item.received, sender, mime }))
    }
}

impl std::fmt::Display for ExportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Corrupt(why) => write!(f, "a stored item cannot be read: {why}"),
        }
    }
}

impl std::error::Error for ExportError {}
