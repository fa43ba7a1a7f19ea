//! A message: the item of mail, conversations, calls and voice mail ("Message")

mod read;
mod write;

use jiff::Timestamp;

use super::ids::{FolderKey, ItemId};
use super::property::{ExtendedFieldUri, ExtendedProperty, PropertyName, PropertyTag, PropertyType, Value};
use crate::address::SmtpAddress;
use crate::xml;

pub(crate) use write::{Asked, View, attachment_name, write_message};

/// A message, as far as it was told
///
/// For a request, what is left out is left to the server; of a response, what is absent was not
/// asked for, or isn't there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub mime_content: Option<MimeContent>,
    pub item_id: Option<ItemId>,
    pub parent_folder_id: Option<FolderKey>,
    /// Such as `IPM.Note.Microsoft.Conversation`
    pub item_class: Option<String>,
    pub subject: Option<String>,
    pub sensitivity: Option<Sensitivity>,
    pub body: Option<Body>,
    pub attachments: Vec<FileAttachment>,
    pub received: Option<Timestamp>,
    /// In bytes
    pub size: Option<u64>,
    pub categories: Vec<String>,
    pub importance: Option<Importance>,
    pub in_reply_to: Option<String>,
    pub is_draft: Option<bool>,
    pub sent: Option<Timestamp>,
    pub created: Option<Timestamp>,
    pub has_attachments: Option<bool>,
    pub extended: Vec<ExtendedProperty>,
    pub last_modified: Option<Timestamp>,
    pub sender: Option<Mailbox>,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub bcc: Vec<Mailbox>,
    pub conversation_topic: Option<String>,
    pub from: Option<Mailbox>,
    pub internet_message_id: Option<String>,
    pub is_read: Option<bool>,
    pub references: Option<String>,
    pub reply_to: Vec<Mailbox>,
}

/// The whole item as a MIME stream
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MimeContent {
    pub character_set: Option<String>,
    pub content: Vec<u8>,
}

/// A text, and what it is written in
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    pub kind: BodyType,
    pub content: String,
}

/// A file ("FileAttachment"), or an item ("ItemAttachment")
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileAttachment {
    /// What the server calls it
    pub id: Option<String>,
    pub name: Option<String>,
    pub content_type: Option<String>,
    pub content_id: Option<String>,
    /// In bytes
    pub size: Option<u64>,
    pub is_inline: Option<bool>,
    /// Absent from `GetItem`, which tells of attachments without sending them
    pub content: Option<Vec<u8>>,
    /// The item that it is, if it is no file; empty where `GetItem` tells of it
    pub item: Option<Box<Message>>,
}

/// A sender or recipient ("Mailbox")
///
/// The address is a text: it may be of a routing type other than `SMTP`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    pub name: Option<String>,
    pub address: Option<String>,
    pub routing_type: Option<String>,
}

names! {
    /// What a body is written in
    pub enum BodyType {
        Html = "HTML",
        Text = "Text",
    }
}

names! {
    pub enum Importance {
        Low = "Low",
        Normal = "Normal",
        High = "High",
    }
}

names! {
    pub enum Sensitivity {
        Normal = "Normal",
        Personal = "Personal",
        Private = "Private",
        Confidential = "Confidential",
    }
}

impl Body {
    pub fn html(content: impl Into<String>) -> Self {
        Self { kind: BodyType::Html, content: content.into() }
    }

    pub fn text(content: impl Into<String>) -> Self {
        Self { kind: BodyType::Text, content: content.into() }
    }
}

impl From<&SmtpAddress> for Mailbox {
    fn from(address: &SmtpAddress) -> Self {
        Self { name: None, address: Some(address.to_string()), routing_type: None }
    }
}

// === impl Message ===

/// Bits of PR_MESSAGE_FLAGS.
const FLAG_READ: i32 = 0x1;
const FLAG_UNSENT: i32 = 0x8;

impl Message {
    /// The message with its doubles merged, as a server keeps it
    ///
    /// PR_MESSAGE_CLASS and `ItemClass` are one value, and so are PR_MESSAGE_FLAGS and `IsDraft`
    /// with `IsRead`. Of two that differ the extended property wins: exchangelib can set the class
    /// in no other way, and the flags are what makes a message no draft.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        if let Some(class) = self.stored_text(PropertyTag::MESSAGE_CLASS, PropertyType::STRING) {
            self.item_class = Some(class.to_owned());
            self.extended.retain(|property| *property.uri() != uri(PropertyTag::MESSAGE_CLASS, PropertyType::STRING));
        }
        if let Some(flags) = self.stored_flags() {
            self.is_draft = Some(flags & FLAG_UNSENT != 0);
            self.is_read = self.is_read.or(Some(flags & FLAG_READ != 0));
        }
        self
    }

    /// The message as a text, its attachments with their contents included
    ///
    /// [`Message::from_xml`] reads it.
    pub fn to_xml(&self) -> String {
        let mut writer = xml::Writer::new();
        writer.element("t:Items", &[("xmlns:t", xml::TYPES)], |w| write_message(w, self, View::Everything));
        writer.finish()
    }

    /// Reads what [`Message::to_xml`] wrote, of at most `bytes_max` bytes
    pub fn from_xml(bytes: &[u8], bytes_max: usize) -> crate::Result<Self> {
        let document = xml::Document::parse(bytes, bytes_max)?;
        Self::read(document.root().required(xml::TYPES, "Message")?)
    }

    /// How many items are in each other, the message itself not counted
    pub fn attached_depth(&self) -> usize {
        let items = self.attachments.iter().filter_map(|attachment| attachment.item.as_ref());
        items.map(|item| 1 + item.attached_depth()).max().unwrap_or(0)
    }

    /// The extended property of this identity, computed where a field of the schema tells it
    ///
    /// Class, flags, delivery time and submit time follow their fields, so that both ways of asking
    /// have one answer.
    pub fn extended_property(&self, asked: &ExtendedFieldUri) -> Option<ExtendedProperty> {
        let computed = match (&asked.name, asked.kind) {
            (PropertyName::Tag(PropertyTag::MESSAGE_CLASS), PropertyType::STRING) => self.item_class.clone(),
            (PropertyName::Tag(PropertyTag::MESSAGE_FLAGS), PropertyType::INTEGER) => {
                self.flags().map(|flags| flags.to_string())
            }
            (PropertyName::Tag(PropertyTag::DELIVERY_TIME), PropertyType::SYSTEM_TIME) => {
                self.received.map(xml::timestamp)
            }
            (PropertyName::Tag(PropertyTag::SUBMIT_TIME), PropertyType::SYSTEM_TIME) => self.sent.map(xml::timestamp),
            _ => None,
        };
        if let Some(text) = computed {
            return ExtendedProperty::new(asked.clone(), Value::One(text)).ok();
        }
        let stored = self.extended.iter().find(|property| property.uri() == asked);
        stored.map(|property| property.clone().spelled(asked))
    }

    /// The value of an extended property that is a single text, number or time
    pub fn extended_text(&self, asked: &ExtendedFieldUri) -> Option<String> {
        let property = self.extended_property(asked)?;
        property.text().map(str::to_owned)
    }

    fn flags(&self) -> Option<i32> {
        let stored = self.stored_flags();
        if stored.is_none() && self.is_read.is_none() && self.is_draft.is_none() {
            return None;
        }
        let stored = stored.unwrap_or(0);
        let bit = |value: Option<bool>, bit: i32| match value {
            Some(true) => bit,
            Some(false) => 0,
            None => stored & bit,
        };
        let rest = stored & !(FLAG_READ | FLAG_UNSENT);
        Some(rest | bit(self.is_read, FLAG_READ) | bit(self.is_draft, FLAG_UNSENT))
    }

    fn stored_flags(&self) -> Option<i32> {
        let text = self.stored_text(PropertyTag::MESSAGE_FLAGS, PropertyType::INTEGER)?;
        text.parse().ok()
    }

    fn stored_text(&self, tag: PropertyTag, kind: PropertyType) -> Option<&str> {
        let wanted = uri(tag, kind);
        let stored = self.extended.iter().find(|property| *property.uri() == wanted);
        stored.and_then(ExtendedProperty::text)
    }
}

const fn uri(tag: PropertyTag, kind: PropertyType) -> ExtendedFieldUri {
    ExtendedFieldUri::tag(tag, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(tag: PropertyTag, kind: PropertyType, text: &str) -> Message {
        Message { extended: vec![ExtendedProperty::one(uri(tag, kind), text).unwrap()], ..Message::default() }
    }

    #[test]
    fn the_class_is_one_value() {
        let mut message = with(PropertyTag::MESSAGE_CLASS, PropertyType::STRING, "IPM.Note.X");
        message.item_class = Some("IPM.Note".to_owned());
        let message = message.normalised();
        assert_eq!(message.item_class.as_deref(), Some("IPM.Note.X"));
        assert_eq!(message.extended, []);
        let asked = uri(PropertyTag::MESSAGE_CLASS, PropertyType::STRING);
        assert_eq!(message.extended_text(&asked).as_deref(), Some("IPM.Note.X"));
    }

    #[test]
    fn the_flags_are_one_value() {
        // flags sent, IsRead sent; IsDraft, IsRead, flags told
        let cases = [
            ("1", None, false, true, "1"),
            ("0", None, false, false, "0"),
            ("8", None, true, false, "8"),
            ("9", Some(false), true, false, "8"),
            ("4", Some(true), false, true, "5"),
        ];
        for (flags, is_read, draft, read, told) in cases {
            let mut message = with(PropertyTag::MESSAGE_FLAGS, PropertyType::INTEGER, flags);
            message.is_read = is_read;
            let message = message.normalised();
            assert_eq!((message.is_draft, message.is_read), (Some(draft), Some(read)));
            let asked = uri(PropertyTag::MESSAGE_FLAGS, PropertyType::INTEGER);
            assert_eq!(message.extended_text(&asked).as_deref(), Some(told));
        }
    }
}
