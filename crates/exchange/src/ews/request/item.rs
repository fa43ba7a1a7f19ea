//! `CreateItem`, `GetItem`, `DeleteItem`

use crate::error::Result;
use crate::ews::BATCH_MAX;
use crate::ews::ids::{FolderId, ItemId};
use crate::ews::message::{Message, View, write_message};
use crate::ews::shape::ItemShape;
use crate::xml::{self, Node, Writer};

/// Makes items in a folder ("CreateItem operation")
///
/// Not idempotent, and without a key of the request: give each item one of its own in an extended
/// property, and look for it before a second try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateItem {
    pub disposition: MessageDisposition,
    /// Absent: Drafts, for `SaveOnly`
    pub folder: Option<FolderId>,
    pub items: Vec<Message>,
}

names! {
    /// What is done with a message besides making it
    pub enum MessageDisposition {
        SaveOnly = "SaveOnly",
        SendOnly = "SendOnly",
        SendAndSaveCopy = "SendAndSaveCopy",
    }
}

/// Tells of items ("GetItem operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetItem {
    pub shape: ItemShape,
    pub items: Vec<ItemId>,
}

/// Deletes items ("DeleteItem operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteItem {
    pub delete_type: DeleteType,
    pub items: Vec<ItemId>,
}

names! {
    /// Where deleted items go
    pub enum DeleteType {
        HardDelete = "HardDelete",
        SoftDelete = "SoftDelete",
        MoveToDeletedItems = "MoveToDeletedItems",
    }
}

impl CreateItem {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let folder = match node.child(xml::MESSAGES, "SavedItemFolderId") {
            Some(folder) => Some(FolderId::read(folder.only()?)?),
            None => None,
        };
        let items = node.required(xml::MESSAGES, "Items")?;
        Ok(Self {
            disposition: node.required_named_attribute("MessageDisposition")?,
            folder,
            items: items.each("items in one request", BATCH_MAX, |item| {
                if !item.is(xml::TYPES, "Message") {
                    return Err(item.not_supported());
                }
                Message::read(item)
            })?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let disposition = [("MessageDisposition", self.disposition.as_str())];
        w.element("m:CreateItem", &disposition, |w| {
            if let Some(folder) = &self.folder {
                w.element("m:SavedItemFolderId", &[], |w| folder.write(w));
            }
            w.element("m:Items", &[], |w| {
                for item in &self.items {
                    write_message(w, item, View::Everything);
                }
            });
        });
    }
}

impl GetItem {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self { shape: ItemShape::read(node.required(xml::MESSAGES, "ItemShape")?)?, items: read_ids(node)? })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:GetItem", &[], |w| {
            self.shape.write(w);
            write_ids(w, &self.items);
        });
    }
}

impl DeleteItem {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self { delete_type: node.required_named_attribute("DeleteType")?, items: read_ids(node)? })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let delete_type = [("DeleteType", self.delete_type.as_str())];
        w.element("m:DeleteItem", &delete_type, |w| write_ids(w, &self.items));
    }
}

pub(super) fn read_ids(node: Node<'_>) -> Result<Vec<ItemId>> {
    let ids = node.required(xml::MESSAGES, "ItemIds")?;
    ids.each("items in one request", BATCH_MAX, ItemId::read)
}

pub(super) fn write_ids(w: &mut Writer, ids: &[ItemId]) {
    w.element("m:ItemIds", &[], |w| {
        for id in ids {
            id.write(w);
        }
    });
}
