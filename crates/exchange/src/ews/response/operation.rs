//! The response of each operation

use super::message::{self, ResponseMessage};
use super::page::Page;
use crate::error::Result;
use crate::ews::BATCH_MAX;
use crate::ews::folder::Folder;
use crate::ews::ids::ItemId;
use crate::ews::message::{Asked, Message, View, attachment_name, write_message};
use crate::ews::request::AlternateId;
use crate::ews::shape::{FolderShape, ItemShape};
use crate::soap::Reply;
use crate::xml::{self, Node, Writer};

/// The item, or nothing if it was sent without being saved
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateItemResponse {
    pub messages: Vec<ResponseMessage<Option<CreatedItem>>>,
}

/// What a new item is called
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedItem {
    pub id: ItemId,
    /// What its attachments are called, in the order of the request
    pub attachments: Vec<AttachmentKey>,
}

/// What a new attachment is called
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentKey {
    pub id: String,
    /// Whether it is an item, and no file
    pub is_item: bool,
}

impl From<ItemId> for CreatedItem {
    /// An item without files
    fn from(id: ItemId) -> Self {
        Self { id, attachments: Vec::new() }
    }
}

impl CreatedItem {
    fn read(node: Node<'_>) -> Result<Self> {
        let id = ItemId::read(node.required(xml::TYPES, "ItemId")?)?;
        let files = node.child(xml::TYPES, "Attachments");
        let files = files.map(|files| files.each("attachments", BATCH_MAX, AttachmentKey::read)).transpose()?;
        Ok(Self { id, attachments: files.unwrap_or_default() })
    }

    fn write(&self, w: &mut Writer) {
        w.element("t:Message", &[], |w| {
            self.id.write(w);
            if self.attachments.is_empty() {
                return;
            }
            w.element("t:Attachments", &[], |w| {
                for AttachmentKey { id, is_item } in &self.attachments {
                    w.element(attachment_name(*is_item), &[], |w| w.empty("t:AttachmentId", &[("Id", id)]));
                }
            });
        });
    }
}

impl AttachmentKey {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let id = node.required(xml::TYPES, "AttachmentId")?.required_attribute("Id")?;
        Ok(Self { id: id.to_owned(), is_item: node.is(xml::TYPES, "ItemAttachment") })
    }
}

/// The item
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetItemResponse {
    pub messages: Vec<ResponseMessage<Message>>,
}

/// For each folder, one page of the items in it
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindItemResponse {
    pub messages: Vec<ResponseMessage<Page<Message>>>,
}

/// That it is gone
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteItemResponse {
    pub messages: Vec<ResponseMessage<()>>,
}

/// The folder
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetFolderResponse {
    pub messages: Vec<ResponseMessage<Folder>>,
}

/// For each parent folder, one page of the folders in it
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindFolderResponse {
    pub messages: Vec<ResponseMessage<Page<Folder>>>,
}

/// The id in the other format
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertIdResponse {
    pub messages: Vec<ResponseMessage<AlternateId>>,
}

impl CreateItemResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "CreateItem", |node| {
            let items = node.required(xml::MESSAGES, "Items")?;
            items.elements().next().map(CreatedItem::read).transpose()
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("CreateItem", &self.messages, Some("m:Items"), |w, item| {
            w.element("m:Items", &[], |w| {
                if let Some(item) = item {
                    item.write(w);
                }
            });
        })
    }
}

impl GetItemResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "GetItem", |node| {
            read_item(node.required(xml::MESSAGES, "Items")?.only()?)
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope, with what the shape asks for
    pub fn write(&self, shape: &ItemShape) -> String {
        let asked = Asked::of(shape);
        message::write("GetItem", &self.messages, Some("m:Items"), |w, item| {
            w.element("m:Items", &[], |w| write_message(w, item, View::Got(&asked)));
        })
    }
}

impl FindItemResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "FindItem", |node| Page::read(node, "Items", read_item))?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope, with what the shape asks for, but without bodies and recipients, and
    /// with texts of at most 255 characters
    pub fn write(&self, shape: &ItemShape) -> String {
        let asked = Asked::of(shape);
        message::write("FindItem", &self.messages, None, |w, page| {
            page.write(w, "t:Items", |w, item| {
                write_message(w, item, View::Found(&asked));
            });
        })
    }
}

impl DeleteItemResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "DeleteItem", |_| Ok(()))?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("DeleteItem", &self.messages, None, |_, ()| {})
    }
}

impl GetFolderResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "GetFolder", |node| {
            Folder::read(node.required(xml::MESSAGES, "Folders")?.only()?)
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope, with what the shape asks for
    pub fn write(&self, shape: &FolderShape) -> String {
        message::write("GetFolder", &self.messages, Some("m:Folders"), |w, folder| {
            w.element("m:Folders", &[], |w| folder.write(w, shape));
        })
    }
}

impl FindFolderResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "FindFolder", |node| Page::read(node, "Folders", Folder::read))?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope, with what the shape asks for
    pub fn write(&self, shape: &FolderShape) -> String {
        message::write("FindFolder", &self.messages, None, |w, page| {
            page.write(w, "t:Folders", |w, folder| folder.write(w, shape));
        })
    }
}

impl ConvertIdResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "ConvertId", |node| {
            AlternateId::read(node.required(xml::MESSAGES, "AlternateId")?)
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("ConvertId", &self.messages, None, |w, id| {
            let kind = [("xmlns:i", xml::INSTANCE), ("i:type", "t:AlternateIdType")];
            id.write(w, "m:AlternateId", &kind);
        })
    }
}

/// Any kind of item, as the message that it is in part: a search in somebody's mailbox finds
/// calendar items, too.
pub(super) fn read_item(node: Node<'_>) -> Result<Message> {
    if node.namespace() != Some(xml::TYPES) {
        return Err(node.not_supported());
    }
    Message::read(node)
}

pub(super) fn map<T, U>(reply: Reply<T>, map: impl FnOnce(T) -> U) -> Reply<U> {
    match reply {
        Reply::Answer(answer) => Reply::Answer(map(answer)),
        Reply::Fault(fault) => Reply::Fault(fault),
    }
}
