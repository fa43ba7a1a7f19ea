//! `GetAttachment`, `CreateAttachment`, `DeleteAttachment`

use crate::error::Result;
use crate::ews::BATCH_MAX;
use crate::ews::ids::ItemId;
use crate::ews::message::FileAttachment;
use crate::xml::{self, Node, Writer};

/// Sends files of items ("GetAttachment operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetAttachment {
    pub ids: Vec<String>,
}

/// Puts files into an item ("CreateAttachment operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateAttachment {
    pub parent: ItemId,
    pub attachments: Vec<FileAttachment>,
}

/// Takes files out of items ("DeleteAttachment operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteAttachment {
    pub ids: Vec<String>,
}

impl GetAttachment {
    /// Shapes are read over: they are about attached items.
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self { ids: read_ids(node)? })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:GetAttachment", &[], |w| write_ids(w, &self.ids));
    }
}

impl CreateAttachment {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let attachments = node.required(xml::MESSAGES, "Attachments")?;
        Ok(Self {
            parent: ItemId::read_as(node.required(xml::MESSAGES, "ParentItemId")?)?,
            attachments: attachments.each("attachments in one request", BATCH_MAX, FileAttachment::read)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:CreateAttachment", &[], |w| {
            self.parent.write_as(w, "m:ParentItemId");
            w.element("m:Attachments", &[], |w| {
                for attachment in &self.attachments {
                    attachment.write(w);
                }
            });
        });
    }
}

impl DeleteAttachment {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self { ids: read_ids(node)? })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:DeleteAttachment", &[], |w| write_ids(w, &self.ids));
    }
}

fn read_ids(node: Node<'_>) -> Result<Vec<String>> {
    let ids = node.required(xml::MESSAGES, "AttachmentIds")?;
    ids.each("attachments in one request", BATCH_MAX, |id| {
        if !id.is(xml::TYPES, "AttachmentId") {
            return Err(id.not_supported());
        }
        id.required_attribute("Id").map(str::to_owned)
    })
}

fn write_ids(w: &mut Writer, ids: &[String]) {
    w.element("m:AttachmentIds", &[], |w| {
        for id in ids {
            w.empty("t:AttachmentId", &[("Id", id)]);
        }
    });
}
