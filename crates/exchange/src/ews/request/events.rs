//! `Subscribe`, `GetEvents`, `Unsubscribe`, for clients who come and ask

use super::folder::{read_folders, write_folders};
use crate::error::Result;
use crate::ews::ids::FolderId;
use crate::xml::{self, Node, Writer};

/// Event types of one subscription.
const EVENT_TYPES_MAX: usize = 16;

/// Starts to keep events for a client ("Subscribe operation", "PullSubscriptionRequest")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Absent: all folders of the mailbox
    pub folders: Option<Vec<FolderId>>,
    pub events: Vec<EventType>,
    /// Where to begin, as an earlier answer said; absent: now
    pub watermark: Option<String>,
    /// How long the subscription lasts when nobody asks
    pub timeout_minutes: u32,
}

names! {
    /// What can happen
    pub enum EventType {
        Copied = "CopiedEvent",
        Created = "CreatedEvent",
        Deleted = "DeletedEvent",
        FreeBusyChanged = "FreeBusyChangedEvent",
        Modified = "ModifiedEvent",
        Moved = "MovedEvent",
        NewMail = "NewMailEvent",
    }
}

/// Tells what happened ("GetEvents operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetEvents {
    pub subscription: String,
    pub watermark: String,
}

/// Ends a subscription ("Unsubscribe operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    pub subscription: String,
}

impl Subscribe {
    /// Whether the request is for events that the server would send by itself.
    pub(super) fn is_pushed(node: Node<'_>) -> bool {
        node.child(xml::MESSAGES, "PullSubscriptionRequest").is_none()
    }

    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let pull = node.required(xml::MESSAGES, "PullSubscriptionRequest")?;
        let all = pull.attribute("SubscribeToAllFolders").map(str::to_ascii_lowercase);
        let folders = match pull.child(xml::TYPES, "FolderIds") {
            Some(_) if matches!(all.as_deref(), Some("true" | "1")) => None,
            Some(folders) => Some(read_folders(folders)?),
            None => None,
        };
        // exchangelib puts it into the other namespace.
        let watermark = pull.child(xml::TYPES, "Watermark").or_else(|| pull.child(xml::MESSAGES, "Watermark"));
        let watermark = watermark.map(Node::token).transpose()?;
        let events = pull.required(xml::TYPES, "EventTypes")?;
        Ok(Self {
            folders,
            events: events.each("event types", EVENT_TYPES_MAX, Node::named)?,
            watermark: watermark.filter(|watermark| !watermark.is_empty()),
            timeout_minutes: pull.required(xml::TYPES, "Timeout")?.number()?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let all = [("SubscribeToAllFolders", "true")];
        let attributes: &[_] = if self.folders.is_none() { &all } else { &[] };
        w.element("m:Subscribe", &[], |w| {
            w.element("m:PullSubscriptionRequest", attributes, |w| {
                if let Some(folders) = &self.folders {
                    write_folders(w, "t:FolderIds", folders);
                }
                w.element("t:EventTypes", &[], |w| {
                    for event in &self.events {
                        w.text("t:EventType", event.as_str());
                    }
                });
                w.text_opt("t:Watermark", self.watermark.as_ref());
                w.text("t:Timeout", self.timeout_minutes.to_string());
            });
        });
    }
}

impl GetEvents {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let child = |name| node.required(xml::MESSAGES, name)?.token();
        Ok(Self { subscription: child("SubscriptionId")?, watermark: child("Watermark")? })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:GetEvents", &[], |w| {
            w.text("m:SubscriptionId", &self.subscription);
            w.text("m:Watermark", &self.watermark);
        });
    }
}

impl Unsubscribe {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self { subscription: node.required(xml::MESSAGES, "SubscriptionId")?.token()? })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:Unsubscribe", &[], |w| w.text("m:SubscriptionId", &self.subscription));
    }
}
