//! The responses of `UpdateItem`, `MoveItem`, `CopyItem`

use super::message::{self, ResponseMessage};
use super::operation::map;
use crate::error::Result;
use crate::ews::ids::ItemId;
use crate::soap::Reply;
use crate::xml::{self, Node, Writer};

/// The item in its new version
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateItemResponse {
    pub messages: Vec<ResponseMessage<UpdatedItem>>,
}

/// A changed item
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatedItem {
    pub id: ItemId,
    /// How many properties somebody else had changed, too ("ConflictResults")
    pub conflicts: u32,
}

/// The item in its new place
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveItemResponse {
    pub messages: Vec<ResponseMessage<ItemId>>,
}

/// The new item
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyItemResponse {
    pub messages: Vec<ResponseMessage<ItemId>>,
}

impl UpdateItemResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "UpdateItem", |node| {
            let conflicts = match node.child(xml::MESSAGES, "ConflictResults") {
                Some(results) => results.required(xml::TYPES, "Count")?.number()?,
                None => 0,
            };
            Ok(UpdatedItem { id: read_id(node)?, conflicts })
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("UpdateItem", &self.messages, Some("m:Items"), |w, item| {
            write_id(w, &item.id);
            w.element("m:ConflictResults", &[], |w| w.text("t:Count", item.conflicts.to_string()));
        })
    }
}

impl MoveItemResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "MoveItem", read_id)?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("MoveItem", &self.messages, Some("m:Items"), write_id)
    }
}

impl CopyItemResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "CopyItem", read_id)?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("CopyItem", &self.messages, Some("m:Items"), write_id)
    }
}

fn read_id(message: Node<'_>) -> Result<ItemId> {
    let item = message.required(xml::MESSAGES, "Items")?.only()?;
    ItemId::read(item.required(xml::TYPES, "ItemId")?)
}

fn write_id(w: &mut Writer, id: &ItemId) {
    w.element("m:Items", &[], |w| w.element("t:Message", &[], |w| id.write(w)));
}
