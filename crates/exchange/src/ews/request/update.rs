//! `UpdateItem`

use crate::error::{Error, Result};
use crate::ews::BATCH_MAX;
use crate::ews::ids::ItemId;
use crate::ews::message::{Message, View, write_message};
use crate::ews::property::PropertyPath;
use crate::ews::request::MessageDisposition;
use crate::xml::{self, Node, Writer};

/// Updates of one item.
const UPDATES_MAX: usize = 1000;

/// Changes items ("UpdateItem operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateItem {
    pub conflict_resolution: ConflictResolution,
    /// Absent for items that are no messages
    pub disposition: Option<MessageDisposition>,
    pub changes: Vec<ItemChange>,
}

names! {
    /// What is done when somebody else changed the item since it was read
    pub enum ConflictResolution {
        NeverOverwrite = "NeverOverwrite",
        /// What nobody else changed is changed
        AutoResolve = "AutoResolve",
        AlwaysOverwrite = "AlwaysOverwrite",
    }
}

/// The changes of one item ("ItemChange")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemChange {
    pub id: ItemId,
    pub updates: Vec<ItemUpdate>,
}

/// The change of one property
///
/// Of the message only the property counts that the path names.
///
/// Exhaustive: the schema fixes the kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemUpdate {
    /// It gets a value ("SetItemField")
    Set { path: PropertyPath, item: Box<Message> },
    /// It gets more of a value ("AppendToItemField")
    Append { path: PropertyPath, item: Box<Message> },
    /// It loses its value ("DeleteItemField")
    Delete { path: PropertyPath },
}

impl UpdateItem {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let changes = node.required(xml::MESSAGES, "ItemChanges")?;
        Ok(Self {
            conflict_resolution: node.named_attribute("ConflictResolution")?.unwrap_or(ConflictResolution::AutoResolve),
            disposition: node.named_attribute("MessageDisposition")?,
            changes: changes.each("items in one request", BATCH_MAX, ItemChange::read)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let mut attributes = vec![("ConflictResolution", self.conflict_resolution.as_str())];
        attributes.extend(self.disposition.map(|disposition| ("MessageDisposition", disposition.as_str())));
        w.element("m:UpdateItem", &attributes, |w| {
            w.element("m:ItemChanges", &[], |w| {
                for change in &self.changes {
                    change.write(w);
                }
            });
        });
    }
}

impl ItemChange {
    fn read(node: Node<'_>) -> Result<Self> {
        if !node.is(xml::TYPES, "ItemChange") {
            return Err(node.not_supported());
        }
        let updates = node.required(xml::TYPES, "Updates")?;
        Ok(Self {
            id: ItemId::read(node.required(xml::TYPES, "ItemId")?)?,
            updates: updates.each("updates of one item", UPDATES_MAX, ItemUpdate::read)?,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.element("t:ItemChange", &[], |w| {
            self.id.write(w);
            w.element("t:Updates", &[], |w| {
                for update in &self.updates {
                    update.write(w);
                }
            });
        });
    }
}

impl ItemUpdate {
    /// The property that is changed
    pub fn path(&self) -> &PropertyPath {
        match self {
            Self::Set { path, .. } | Self::Append { path, .. } | Self::Delete { path } => path,
        }
    }

    fn read(node: Node<'_>) -> Result<Self> {
        if node.namespace() != Some(xml::TYPES) {
            return Err(node.not_supported());
        }
        let mut inside = node.elements();
        let first = inside.next().ok_or_else(|| lacks(node, "a path"))?;
        let path = PropertyPath::read(first)?;
        let mut item = || {
            let item = inside.next().ok_or_else(|| lacks(node, "an item"))?;
            if item.namespace() != Some(xml::TYPES) || !matches!(item.name(), "Message" | "Item") {
                return Err(item.not_supported());
            }
            Message::read(item).map(Box::new)
        };
        match node.name() {
            "SetItemField" => Ok(Self::Set { item: item()?, path }),
            "AppendToItemField" => Ok(Self::Append { item: item()?, path }),
            "DeleteItemField" => Ok(Self::Delete { path }),
            _ => Err(node.not_supported()),
        }
    }

    fn write(&self, w: &mut Writer) {
        let (name, item) = match self {
            Self::Set { item, .. } => ("t:SetItemField", Some(item)),
            Self::Append { item, .. } => ("t:AppendToItemField", Some(item)),
            Self::Delete { .. } => ("t:DeleteItemField", None),
        };
        w.element(name, &[], |w| {
            self.path().write(w);
            if let Some(item) = item {
                write_message(w, item, View::Everything);
            }
        });
    }
}

fn lacks(node: Node<'_>, what: &str) -> Error {
    node.unexpected(format!("`{}` lacks {what}", node.name()))
}
