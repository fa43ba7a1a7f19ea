//! The responses of `GetAttachment`, `CreateAttachment`, `DeleteAttachment`

use super::message::{self, ResponseMessage};
use super::operation::{AttachmentKey, map};
use crate::error::Result;
use crate::ews::ids::ItemId;
use crate::ews::message::{FileAttachment, attachment_name};
use crate::soap::Reply;
use crate::xml::{self, Node, Writer};

/// The file with its content
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetAttachmentResponse {
    pub messages: Vec<ResponseMessage<FileAttachment>>,
}

/// The new file, and the item in the version that it made
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateAttachmentResponse {
    pub messages: Vec<ResponseMessage<CreatedAttachment>>,
}

/// What a new file is called
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedAttachment {
    pub key: AttachmentKey,
    /// The item that it is in
    pub root: ItemId,
}

/// The item that the file was in, in the version that it is without it
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteAttachmentResponse {
    pub messages: Vec<ResponseMessage<ItemId>>,
}

impl GetAttachmentResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "GetAttachment", |node| {
            FileAttachment::read(node.required(xml::MESSAGES, "Attachments")?.only()?)
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("GetAttachment", &self.messages, Some("m:Attachments"), |w, file| {
            w.element("m:Attachments", &[], |w| file.write(w));
        })
    }
}

impl CreateAttachmentResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "CreateAttachment", |node| {
            let file = node.required(xml::MESSAGES, "Attachments")?.only()?;
            let id = file.required(xml::TYPES, "AttachmentId")?;
            let key = AttachmentKey::read(file)?;
            Ok(CreatedAttachment { key, root: read_root(id)? })
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("CreateAttachment", &self.messages, Some("m:Attachments"), |w, file| {
            w.element("m:Attachments", &[], |w| {
                w.element(attachment_name(file.key.is_item), &[], |w| {
                    write_root(w, "t:AttachmentId", vec![("Id", &file.key.id)], &file.root);
                });
            });
        })
    }
}

impl DeleteAttachmentResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "DeleteAttachment", |node| {
            read_root(node.required(xml::MESSAGES, "RootItemId")?)
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("DeleteAttachment", &self.messages, None, |w, root| {
            write_root(w, "m:RootItemId", Vec::new(), root);
        })
    }
}

fn read_root(node: Node<'_>) -> Result<ItemId> {
    Ok(ItemId {
        id: node.required_attribute("RootItemId")?.to_owned(),
        change_key: node.attribute("RootItemChangeKey").map(str::to_owned),
    })
}

fn write_root<'a>(w: &mut Writer, name: &str, mut attributes: Vec<(&str, &'a str)>, root: &'a ItemId) {
    attributes.push(("RootItemId", &root.id));
    attributes.extend(root.change_key.as_deref().map(|key| ("RootItemChangeKey", key)));
    w.empty(name, &attributes);
}
