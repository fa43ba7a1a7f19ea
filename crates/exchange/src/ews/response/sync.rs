//! The responses of `SyncFolderItems`, `SyncFolderHierarchy`

use super::message::{self, ResponseMessage};
use super::operation::{map, read_item};
use crate::error::Result;
use crate::ews::folder::Folder;
use crate::ews::ids::{FolderKey, ItemId};
use crate::ews::message::{Asked, Message, View, write_message};
use crate::ews::shape::{FolderShape, ItemShape};
use crate::ews::{PAGE_ENTRIES_MAX, SYNC_CHANGES_MAX};
use crate::soap::Reply;
use crate::xml::{self, Node, Writer};

/// What happened in the folder
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncFolderItemsResponse {
    pub messages: Vec<ResponseMessage<Synced<SyncedItem>>>,
}

/// What happened to the folders
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncFolderHierarchyResponse {
    pub messages: Vec<ResponseMessage<Synced<SyncedFolder>>>,
}

/// A part of what happened
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced<T> {
    /// What the client says the next time
    pub state: String,
    /// Whether nothing is left
    pub includes_last: bool,
    pub changes: Vec<T>,
}

/// What happened to an item
///
/// Exhaustive: the schema fixes the kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncedItem {
    Create(Box<Message>),
    Update(Box<Message>),
    Delete(ItemId),
    /// It was marked as read or unread, and nothing else
    ReadFlag {
        id: ItemId,
        is_read: bool,
    },
}

/// What happened to a folder
///
/// Exhaustive: the schema fixes the kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncedFolder {
    Create(Folder),
    Update(Folder),
    Delete(FolderKey),
}

const ITEMS_LAST: &str = "IncludesLastItemInRange";
const FOLDERS_LAST: &str = "IncludesLastFolderInRange";

impl SyncFolderItemsResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "SyncFolderItems", |node| {
            Synced::read(node, ITEMS_LAST, SYNC_CHANGES_MAX, SyncedItem::read)
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope, with what the shape asks for and a search would tell
    pub fn write(&self, shape: &ItemShape) -> String {
        let asked = Asked::of(shape);
        write("SyncFolderItems", &self.messages, ITEMS_LAST, |w, change| change.write(w, &asked))
    }
}

impl SyncFolderHierarchyResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "SyncFolderHierarchy", |node| {
            Synced::read(node, FOLDERS_LAST, PAGE_ENTRIES_MAX, SyncedFolder::read)
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope, with what the shape asks for
    pub fn write(&self, shape: &FolderShape) -> String {
        write("SyncFolderHierarchy", &self.messages, FOLDERS_LAST, |w, change| change.write(w, shape))
    }
}

/// exchangelib reads state and range of a failure, too.
fn write<T>(
    operation: &str,
    messages: &[ResponseMessage<Synced<T>>],
    last: &str,
    change: impl Fn(&mut Writer, &T),
) -> String {
    let missing = |w: &mut Writer| {
        w.empty("m:SyncState", &[]);
        w.text(&format!("m:{last}"), "true");
    };
    message::write_with(operation, messages, missing, |_| None, |w, synced| synced.write(w, last, &change))
}

impl<T> Synced<T> {
    fn read(node: Node<'_>, last: &str, max: usize, read: impl FnMut(Node<'_>) -> Result<T>) -> Result<Self> {
        Ok(Self {
            state: node.required(xml::MESSAGES, "SyncState")?.token()?,
            includes_last: node.required(xml::MESSAGES, last)?.bool()?,
            changes: node.required(xml::MESSAGES, "Changes")?.each("changes of one answer", max, read)?,
        })
    }

    fn write(&self, w: &mut Writer, last: &str, change: impl Fn(&mut Writer, &T)) {
        w.text("m:SyncState", &self.state);
        w.text(&format!("m:{last}"), if self.includes_last { "true" } else { "false" });
        w.element("m:Changes", &[], |w| {
            for entry in &self.changes {
                change(w, entry);
            }
        });
    }
}

impl SyncedItem {
    fn read(node: Node<'_>) -> Result<Self> {
        let id = || ItemId::read(node.required(xml::TYPES, "ItemId")?);
        match node.name() {
            "Create" => Ok(Self::Create(Box::new(read_item(node.only()?)?))),
            "Update" => Ok(Self::Update(Box::new(read_item(node.only()?)?))),
            "Delete" => id().map(Self::Delete),
            "ReadFlagChange" => Ok(Self::ReadFlag { id: id()?, is_read: node.required(xml::TYPES, "IsRead")?.bool()? }),
            _ => Err(node.not_supported()),
        }
    }

    fn write(&self, w: &mut Writer, asked: &Asked<'_>) {
        match self {
            Self::Create(item) => w.element("t:Create", &[], |w| write_message(w, item, View::Found(asked))),
            Self::Update(item) => w.element("t:Update", &[], |w| write_message(w, item, View::Found(asked))),
            Self::Delete(id) => w.element("t:Delete", &[], |w| id.write(w)),
            Self::ReadFlag { id, is_read } => w.element("t:ReadFlagChange", &[], |w| {
                id.write(w);
                w.bool_opt("t:IsRead", Some(*is_read));
            }),
        }
    }
}

impl SyncedFolder {
    fn read(node: Node<'_>) -> Result<Self> {
        match node.name() {
            "Create" => Folder::read(node.only()?).map(Self::Create),
            "Update" => Folder::read(node.only()?).map(Self::Update),
            "Delete" => FolderKey::read(node.required(xml::TYPES, "FolderId")?).map(Self::Delete),
            _ => Err(node.not_supported()),
        }
    }

    fn write(&self, w: &mut Writer, shape: &FolderShape) {
        match self {
            Self::Create(folder) => w.element("t:Create", &[], |w| folder.write(w, shape)),
            Self::Update(folder) => w.element("t:Update", &[], |w| folder.write(w, shape)),
            Self::Delete(key) => w.element("t:Delete", &[], |w| key.write(w, "t:FolderId")),
        }
    }
}
