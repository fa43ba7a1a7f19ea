//! `ResolveNames`

use crate::error::Result;
use crate::xml::{self, Node, Writer};

/// Finds people by a part of their name or address ("ResolveNames operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveNames {
    /// Whether a contact is told besides the address
    pub full_contact_data: bool,
    pub entry: String,
}

impl ResolveNames {
    /// Scopes and folders are read over: there is one address book.
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let full = node.attribute("ReturnFullContactData").map(str::to_ascii_lowercase);
        Ok(Self {
            // exchangelib spells it as Python does.
            full_contact_data: matches!(full.as_deref(), Some("true" | "1")),
            entry: node.required(xml::MESSAGES, "UnresolvedEntry")?.token()?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let full = if self.full_contact_data { "true" } else { "false" };
        w.element("m:ResolveNames", &[("ReturnFullContactData", full)], |w| {
            w.text("m:UnresolvedEntry", &self.entry);
        });
    }
}
