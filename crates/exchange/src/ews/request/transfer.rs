//! `MoveItem`, `CopyItem`

use super::item::{read_ids, write_ids};
use crate::error::Result;
use crate::ews::ids::{FolderId, ItemId};
use crate::xml::{self, Node, Writer};

/// Moves or copies items to a folder ("MoveItem operation", "CopyItem operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferItems {
    pub to: FolderId,
    pub items: Vec<ItemId>,
}

impl TransferItems {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let to = node.required(xml::MESSAGES, "ToFolderId")?;
        Ok(Self { to: FolderId::read(to.only()?)?, items: read_ids(node)? })
    }

    pub(super) fn write(&self, w: &mut Writer, name: &str) {
        w.element(name, &[], |w| {
            w.element("m:ToFolderId", &[], |w| self.to.write(w));
            write_ids(w, &self.items);
        });
    }
}
