//! `ConvertId`: exchangelib's way to ask for the version of a server

use crate::error::Result;
use crate::ews::BATCH_MAX;
use crate::xml::{self, Node, Writer};

/// Converts ids from one format to another ("ConvertId operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertId {
    pub destination_format: String,
    pub ids: Vec<AlternateId>,
}

/// An id in some format ("AlternateId")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlternateId {
    pub format: String,
    pub id: String,
    /// An address, or a text that isn't one: exchangelib sends `DUMMY`
    pub mailbox: String,
}

impl ConvertId {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let ids = node.required(xml::MESSAGES, "SourceIds")?;
        Ok(Self {
            destination_format: node.required_attribute("DestinationFormat")?.to_owned(),
            ids: ids.each("ids in one request", BATCH_MAX, AlternateId::read)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let format = [("DestinationFormat", self.destination_format.as_str())];
        w.element("m:ConvertId", &format, |w| {
            w.element("m:SourceIds", &[], |w| {
                for id in &self.ids {
                    id.write(w, "t:AlternateId", &[]);
                }
            });
        });
    }
}

impl AlternateId {
    /// Reads it in either namespace: requests and responses differ.
    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        if node.name() != "AlternateId" {
            return Err(node.not_supported());
        }
        let attribute = |name| node.required_attribute(name).map(str::to_owned);
        Ok(Self { format: attribute("Format")?, id: attribute("Id")?, mailbox: attribute("Mailbox")? })
    }

    pub(crate) fn write(&self, w: &mut Writer, name: &str, more: &[(&str, &str)]) {
        let mut attributes = more.to_vec();
        attributes.push(("Format", &self.format));
        attributes.push(("Id", &self.id));
        attributes.push(("Mailbox", &self.mailbox));
        w.empty(name, &attributes);
    }
}
