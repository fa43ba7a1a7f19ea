//! Properties as values that can be compared

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::ews::folder::Folder;
use crate::ews::message::{Mailbox, Message};
use crate::ews::property::{BaseType, ExtendedFieldUri, ExtendedProperty, Field, PropertyPath, Value};
use crate::xml;

/// The value of a property
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PropertyValue {
    Bool(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    /// Several texts: a condition holds if it holds for one
    Texts(Vec<String>),
    Time(Timestamp),
}

/// A property that cannot be searched: `ErrorUnsupportedPathForQuery`
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be searched or sorted by")]
pub struct UnsupportedPath(pub PropertyPath);

/// What can be searched and sorted
pub trait Properties {
    /// The value at the path, nothing if there is none, or an error if the path cannot be searched
    fn property(&self, path: &PropertyPath) -> Result<Option<PropertyValue>, UnsupportedPath>;
}

impl Properties for Message {
    fn property(&self, path: &PropertyPath) -> Result<Option<PropertyValue>, UnsupportedPath> {
        let field = match path {
            PropertyPath::Field(field) => field,
            PropertyPath::Extended(uri) => return Ok(extended(self, uri)),
            PropertyPath::Indexed { .. } => return Err(UnsupportedPath(path.clone())),
        };
        let value = match field {
            Field::BccRecipients => recipients(&self.bcc),
            Field::Body => text(self.body.as_ref().map(|body| &body.content)),
            Field::Categories => texts(&self.categories),
            Field::CcRecipients => recipients(&self.cc),
            Field::ConversationTopic => text(self.conversation_topic.as_ref()),
            Field::DateTimeCreated => time(self.created),
            Field::DateTimeReceived => time(self.received),
            Field::DateTimeSent => time(self.sent),
            Field::From => recipients(self.from.as_slice()),
            Field::HasAttachments => self.has_attachments.map(PropertyValue::Bool),
            Field::Importance => text(self.importance.map(crate::ews::Importance::as_str)),
            Field::InReplyTo => text(self.in_reply_to.as_ref()),
            Field::InternetMessageId => text(self.internet_message_id.as_ref()),
            Field::IsDraft => self.is_draft.map(PropertyValue::Bool),
            Field::IsRead => self.is_read.map(PropertyValue::Bool),
            Field::ItemClass => text(self.item_class.as_ref()),
            Field::LastModifiedTime => time(self.last_modified),
            Field::References => text(self.references.as_ref()),
            Field::ReplyTo => recipients(&self.reply_to),
            Field::Sender => recipients(self.sender.as_slice()),
            Field::Sensitivity => text(self.sensitivity.map(crate::ews::Sensitivity::as_str)),
            Field::Size => self.size.map(integer),
            Field::Subject => text(self.subject.as_ref()),
            Field::ToRecipients => recipients(&self.to),
            _ => return Err(UnsupportedPath(path.clone())),
        };
        Ok(value)
    }
}

impl Properties for Folder {
    fn property(&self, path: &PropertyPath) -> Result<Option<PropertyValue>, UnsupportedPath> {
        let PropertyPath::Field(field) = path else {
            return Err(UnsupportedPath(path.clone()));
        };
        let value = match field {
            Field::FolderChildFolderCount => self.child_folder_count.map(integer),
            Field::FolderClass => text(self.class.as_ref()),
            Field::FolderDisplayName => text(self.display_name.as_ref()),
            Field::FolderTotalCount => self.total_count.map(integer),
            Field::FolderUnreadCount => self.unread_count.map(integer),
            _ => return Err(UnsupportedPath(path.clone())),
        };
        Ok(value)
    }
}

fn text(text: Option<impl AsRef<str>>) -> Option<PropertyValue> {
    text.map(|text| PropertyValue::Text(text.as_ref().to_owned()))
}

fn texts(texts: &[String]) -> Option<PropertyValue> {
    (!texts.is_empty()).then(|| PropertyValue::Texts(texts.to_vec()))
}

fn time(time: Option<Timestamp>) -> Option<PropertyValue> {
    time.map(PropertyValue::Time)
}

fn integer(number: impl TryInto<i64>) -> PropertyValue {
    PropertyValue::Integer(number.try_into().unwrap_or(i64::MAX))
}

/// Names and addresses.
fn recipients(mailboxes: &[Mailbox]) -> Option<PropertyValue> {
    let all = mailboxes.iter().flat_map(|mailbox| [&mailbox.address, &mailbox.name]);
    texts(&all.flatten().cloned().collect::<Vec<_>>())
}

fn extended(message: &Message, uri: &ExtendedFieldUri) -> Option<PropertyValue> {
    let property = message.extended_property(uri)?;
    PropertyValue::of_extended(&property)
}

impl PropertyValue {
    /// The value of an extended property
    pub fn of_extended(property: &ExtendedProperty) -> Option<Self> {
        let text = match property.value() {
            Value::One(text) => text,
            Value::Many(texts) => return Some(Self::Texts(texts.clone())),
        };
        let value = match property.uri().kind.base {
            BaseType::Boolean => Self::Bool(xml::boolean(text)?),
            BaseType::Currency | BaseType::Integer | BaseType::Long | BaseType::Short => {
                Self::Integer(text.parse().ok()?)
            }
            BaseType::ApplicationTime | BaseType::Double | BaseType::Float => Self::Real(text.parse().ok()?),
            BaseType::SystemTime => Self::Time(xml::time(text)?),
            BaseType::Binary | BaseType::Clsid | BaseType::String => Self::Text(text.clone()),
        };
        Some(value)
    }

    /// A constant of the same kind, if the text is one.
    pub(super) fn like(&self, constant: &str) -> Option<Self> {
        let trimmed = constant.trim();
        match self {
            Self::Bool(_) => xml::boolean(trimmed).map(Self::Bool),
            Self::Integer(_) => trimmed.parse().ok().map(Self::Integer),
            Self::Real(_) => trimmed.parse().ok().map(Self::Real),
            Self::Text(_) | Self::Texts(_) => Some(Self::Text(constant.to_owned())),
            Self::Time(_) => xml::time(trimmed).map(Self::Time),
        }
    }

    /// How two single values of one kind stand to each other.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(one), Self::Bool(two)) => Some(one.cmp(two)),
            (Self::Integer(one), Self::Integer(two)) => Some(one.cmp(two)),
            (Self::Real(one), Self::Real(two)) => one.partial_cmp(two),
            (Self::Text(one), Self::Text(two)) => Some(one.cmp(two)),
            (Self::Time(one), Self::Time(two)) => Some(one.cmp(two)),
            _ => None,
        }
    }

    /// The value as single ones.
    pub(super) fn singles(self) -> Vec<Self> {
        match self {
            Self::Texts(texts) => texts.into_iter().map(Self::Text).collect(),
            single => vec![single],
        }
    }
}
