//! The responses of `Subscribe`, `GetEvents`, `Unsubscribe`

use jiff::Timestamp;

use super::message::{self, ResponseMessage};
use super::operation::map;
use crate::error::{Error, Result};
use crate::ews::EVENTS_MAX;
use crate::ews::ids::{FolderKey, ItemId};
use crate::ews::request::EventType;
use crate::soap::Reply;
use crate::xml::{self, Node, Writer};

/// The subscription
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribeResponse {
    pub messages: Vec<ResponseMessage<Subscribed>>,
}

/// A new subscription
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    pub subscription: String,
    /// What the client says the first time that it asks
    pub watermark: String,
}

/// What happened
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetEventsResponse {
    pub messages: Vec<ResponseMessage<Notification>>,
}

/// That it ended
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsubscribeResponse {
    pub messages: Vec<ResponseMessage<()>>,
}

/// A part of what happened ("Notification")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub subscription: String,
    pub previous_watermark: String,
    /// Whether something is left
    pub more_events: bool,
    pub events: Vec<Event>,
    /// What the client says the next time, if nothing happened
    pub watermark: String,
}

/// Something that happened
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: EventType,
    /// What the client says to be told what happened later
    pub watermark: String,
    pub time: Timestamp,
    pub object: EventObject,
    /// The folder that it happened in
    pub parent: FolderKey,
}

/// What it happened to
///
/// Exhaustive: the schema fixes the kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventObject {
    Folder(FolderKey),
    Item(ItemId),
}

impl SubscribeResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "Subscribe", |node| {
            let child = |name| node.required(xml::MESSAGES, name)?.token();
            Ok(Subscribed { subscription: child("SubscriptionId")?, watermark: child("Watermark")? })
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("Subscribe", &self.messages, None, |w, made| {
            w.text("m:SubscriptionId", &made.subscription);
            w.text("m:Watermark", &made.watermark);
        })
    }
}

impl UnsubscribeResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "Unsubscribe", |_| Ok(()))?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("Unsubscribe", &self.messages, None, |_, ()| {})
    }
}

impl GetEventsResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "GetEvents", |node| {
            Notification::read(node.required(xml::MESSAGES, "Notification")?)
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("GetEvents", &self.messages, None, |w, notification| notification.write(w))
    }
}

impl Notification {
    fn read(node: Node<'_>) -> Result<Self> {
        let child = |name| node.required(xml::TYPES, name)?.token();
        let mut notification = Self {
            subscription: child("SubscriptionId")?,
            previous_watermark: child("PreviousWatermark")?,
            more_events: node.required(xml::TYPES, "MoreEvents")?.bool()?,
            events: Vec::new(),
            watermark: String::new(),
        };
        for event in node.elements().filter(|event| event.name().ends_with("Event")) {
            notification.watermark = event.required(xml::TYPES, "Watermark")?.token()?;
            if event.name() == "StatusEvent" {
                continue;
            }
            if notification.events.len() == EVENTS_MAX {
                return Err(Error::too_large("events of one answer", EVENTS_MAX).at(event.position()));
            }
            notification.events.push(Event::read(event)?);
        }
        Ok(notification)
    }

    /// That nothing happened is an event, too: every answer has a watermark.
    fn write(&self, w: &mut Writer) {
        w.element("m:Notification", &[], |w| {
            w.text("t:SubscriptionId", &self.subscription);
            w.text("t:PreviousWatermark", &self.previous_watermark);
            w.bool_opt("t:MoreEvents", Some(self.more_events));
            for event in &self.events {
                event.write(w);
            }
            if self.events.is_empty() {
                w.element("t:StatusEvent", &[], |w| w.text("t:Watermark", &self.watermark));
            }
        });
    }
}

impl Event {
    fn read(node: Node<'_>) -> Result<Self> {
        let kind = EventType::from_name(node.name()).ok_or_else(|| node.not_supported())?;
        let object = match (node.child(xml::TYPES, "ItemId"), node.child(xml::TYPES, "FolderId")) {
            (Some(item), None) => EventObject::Item(ItemId::read(item)?),
            (None, Some(folder)) => EventObject::Folder(FolderKey::read(folder)?),
            _ => return Err(node.unexpected("an event of neither or both")),
        };
        Ok(Self {
            kind,
            watermark: node.required(xml::TYPES, "Watermark")?.token()?,
            time: node.required(xml::TYPES, "TimeStamp")?.time()?,
            object,
            parent: FolderKey::read(node.required(xml::TYPES, "ParentFolderId")?)?,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.element(&format!("t:{}", self.kind), &[], |w| {
            w.text("t:Watermark", &self.watermark);
            w.time_opt("t:TimeStamp", Some(self.time));
            match &self.object {
                EventObject::Folder(key) => key.write(w, "t:FolderId"),
                EventObject::Item(id) => id.write(w),
            }
            self.parent.write(w, "t:ParentFolderId");
        });
    }
}
