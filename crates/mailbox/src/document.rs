//! Items as they are stored: one JSON document each, its files beside it.

pub(crate) mod attached;
mod change;
mod new;

use std::collections::BTreeMap;

use actas_exchange::ews::{
    Body, BodyType, ExtendedProperty, FileAttachment, Importance, Mailbox, Message, MimeContent, Sensitivity, Value,
};
use actas_store::mailbox::{Attachment, Content, Item, Owner};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::arrive::Contents;
use crate::ids::{self, Of};

pub(crate) use change::ChangedItem;
pub(crate) use new::{NewItem, index_key, subject_key};

/// What a message is, but for what the store keeps in columns of its own: id, folder,
/// version, time of receipt, size and whether it was read.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct Document {
    class: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sensitivity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<StoredBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attachments: Vec<StoredFile>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    categories: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    importance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<String>,
    is_draft: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extended: Vec<StoredProperty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<StoredMailbox>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<StoredMailbox>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cc: Vec<StoredMailbox>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bcc: Vec<StoredMailbox>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<StoredMailbox>,
    #[serde(skip_serializing_if = "Option::is_none")]
    internet_message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reply_to: Vec<StoredMailbox>,
    /// The MIME stream that the item came as; its bytes are beside it, like a file's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mime: Option<StoredMime>,
    /// In which version each changed property changed last: by that it is known which changes
    /// of two writers contradict each other.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) changed: BTreeMap<String, i64>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct StoredBody {
    kind: String,
    content: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct StoredMime {
    pub(crate) id: Uuid,
    pub(crate) character_set: Option<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct StoredFile {
    pub(crate) id: Uuid,
    name: Option<String>,
    content_type: Option<String>,
    content_id: Option<String>,
    size: u64,
    is_inline: Option<bool>,
    /// Whether it is an item, and no file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_item: bool,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct StoredMailbox {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_type: Option<String>,
}

/// An extended property by its text form.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct StoredProperty {
    property: String,
    #[serde(flatten)]
    value: StoredValue,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum StoredValue {
    Value(String),
    Values(Vec<String>),
}

// === from the store ===

/// Why a stored document is none.
#[derive(Debug)]
pub(crate) struct Corrupt(pub(crate) String);

impl Document {
    pub(crate) fn read(item: &Item) -> Result<Self, Corrupt> {
        serde_json::from_str(&item.document).map_err(|error| Corrupt(format!("item {}: {error}", item.id)))
    }

    /// The message as responses tell of it.
    pub(crate) fn into_message(self, owner: Owner, item: &Item, folder_version: i64) -> Result<Message, Corrupt> {
        let extended = self.extended.into_iter().map(StoredProperty::restore).collect::<Result<Vec<_>, _>>();
        let extended = extended.map_err(|why| Corrupt(format!("item {}: {why}", item.id)))?;
        Ok(Message {
            mime_content: None,
            item_id: Some(ids::item(owner, item.id, item.version)),
            parent_folder_id: Some(ids::folder(owner, item.folder, folder_version)),
            item_class: Some(self.class),
            subject: self.subject,
            sensitivity: self.sensitivity.as_deref().and_then(Sensitivity::from_name),
            body: self.body.map(StoredBody::restore),
            has_attachments: Some(!self.attachments.is_empty()),
            attachments: self.attachments.into_iter().map(|file| file.restore(owner)).collect(),
            received: Some(item.received),
            size: u64::try_from(item.size).ok(),
            categories: self.categories,
            importance: self.importance.as_deref().and_then(Importance::from_name),
            in_reply_to: self.in_reply_to,
            is_draft: Some(self.is_draft),
            sent: self.sent,
            created: self.created,
            extended,
            last_modified: self.last_modified,
            sender: self.sender.map(Mailbox::from),
            to: from_stored(self.to),
            cc: from_stored(self.cc),
            bcc: from_stored(self.bcc),
            conversation_topic: self.conversation_topic,
            from: self.from.map(Mailbox::from),
            internet_message_id: self.internet_message_id,
            is_read: Some(item.is_read),
            references: self.references,
            reply_to: from_stored(self.reply_to),
        })
    }
}

// === the parts ===

impl From<Body> for StoredBody {
    fn from(body: Body) -> Self {
        Self { kind: body.kind.as_str().to_owned(), content: body.content }
    }
}

impl StoredBody {
    fn restore(self) -> Body {
        Body { kind: BodyType::from_name(&self.kind).unwrap_or(BodyType::Text), content: self.content }
    }
}

impl StoredMime {
    /// Takes the bytes out of a MIME stream.
    fn split(mime: MimeContent, contents: &Contents, files: &mut Vec<Attachment>) -> Self {
        let id = Uuid::new_v4();
        let content_type = new::MIME_TYPE.to_owned();
        files.push(Attachment { id, name: String::new(), content_type, content: contents.of(mime.content) });
        Self { id, character_set: mime.character_set }
    }
}

impl StoredFile {
    /// Takes the bytes out of an attachment.
    fn split(file: FileAttachment, contents: &Contents, files: &mut Vec<Attachment>) -> Self {
        let id = Uuid::new_v4();
        let is_item = file.item.is_some();
        let content = match file.item {
            Some(item) => Content::Bytes(attached::write(*item)),
            None => contents.of(file.content.unwrap_or_default()),
        };
        let stored = Self {
            id,
            name: file.name.clone(),
            content_type: file.content_type.clone(),
            content_id: file.content_id,
            size: content.size(),
            is_inline: file.is_inline,
            is_item,
        };
        let kind = if is_item { Some(attached::ITEM_TYPE.to_owned()) } else { file.content_type };
        files.push(Attachment {
            id,
            name: file.name.unwrap_or_default(),
            content_type: kind.unwrap_or_default(),
            content,
        });
        stored
    }

    pub(crate) fn restore(self, owner: Owner) -> FileAttachment {
        FileAttachment {
            id: Some(ids::write(Of::Attachment, owner, self.id)),
            name: self.name,
            content_type: self.content_type,
            content_id: self.content_id,
            size: Some(self.size),
            is_inline: self.is_inline,
            content: None,
            item: self.is_item.then(Box::default),
        }
    }
}

impl From<&ExtendedProperty> for StoredProperty {
    fn from(property: &ExtendedProperty) -> Self {
        let value = match property.value() {
            Value::One(text) => StoredValue::Value(text.clone()),
            Value::Many(texts) => StoredValue::Values(texts.clone()),
        };
        Self { property: property.uri().to_string(), value }
    }
}

impl StoredProperty {
    fn restore(self) -> actas_exchange::Result<ExtendedProperty> {
        let value = match self.value {
            StoredValue::Value(text) => Value::One(text),
            StoredValue::Values(texts) => Value::Many(texts),
        };
        ExtendedProperty::new(self.property.parse()?, value)
    }
}

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Mailbox> for StoredMailbox {
    fn from(mailbox: Mailbox) -> Self {
        Self { name: mailbox.name, address: mailbox.address, routing_type: mailbox.routing_type }
    }
}

impl From<StoredMailbox> for Mailbox {
    fn from(stored: StoredMailbox) -> Self {
        Self { name: stored.name, address: stored.address, routing_type: stored.routing_type }
    }
}

fn to_stored(mailboxes: Vec<Mailbox>) -> Vec<StoredMailbox> {
    mailboxes.into_iter().map(StoredMailbox::from).collect()
}

fn from_stored(stored: Vec<StoredMailbox>) -> Vec<Mailbox> {
    stored.into_iter().map(Mailbox::from).collect()
}
