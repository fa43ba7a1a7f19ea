//! `GetServerTimeZones`

use crate::error::Result;
use crate::xml::{self, Node, Writer};

/// Zones of one request.
const ZONES_MAX: usize = 200;

/// Tells which time zones the server knows ("GetServerTimeZones operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetServerTimeZones {
    /// Whether the rules are told besides the names
    pub full: bool,
    /// Only these; all, if there are none
    pub ids: Vec<String>,
}

impl GetServerTimeZones {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let full = node.attribute("ReturnFullTimeZoneData").map(str::to_ascii_lowercase);
        let ids = node.child(xml::MESSAGES, "Ids");
        Ok(Self {
            full: !matches!(full.as_deref(), Some("false" | "0")),
            ids: ids.map(|ids| ids.each("time zones", ZONES_MAX, Node::token)).transpose()?.unwrap_or_default(),
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let full = if self.full { "true" } else { "false" };
        w.element("m:GetServerTimeZones", &[("ReturnFullTimeZoneData", full)], |w| {
            if !self.ids.is_empty() {
                w.element("m:Ids", &[], |w| {
                    for id in &self.ids {
                        w.text("t:Id", id);
                    }
                });
            }
        });
    }
}
