//! A message as a request had it, made ready for the store.

use std::collections::{BTreeMap, HashSet};

use actas_exchange::ews::{
    ExtendedFieldUri, ExtendedProperty, Importance, Message, PropertyTag, PropertyType, Sensitivity,
};
use actas_store::mailbox::{Attachment, Item, ItemProperty};
use jiff::Timestamp;
use uuid::Uuid;

use crate::arrive::Contents;

use super::{Document, StoredBody, StoredFile, StoredMailbox, StoredMime, StoredProperty, to_stored};

/// An item that is ready for the store.
#[derive(Debug)]
pub(crate) struct NewItem {
    pub(crate) item: Item,
    pub(crate) properties: Vec<ItemProperty>,
    pub(crate) attachments: Vec<Attachment>,
    /// Its attachments in the order of the request: ids, and whether each is an item.
    pub(crate) files: Vec<(Uuid, bool)>,
}

/// The class of a message that has none.
pub(super) const DEFAULT_CLASS: &str = "IPM.Note";
/// Values that are longer are not found by index.
const INDEXED_VALUE_BYTES_MAX: usize = 512;
/// What subjects are called among properties.
const SUBJECT: &str = "item:Subject";
/// The media type under which an item's own MIME stream is kept.
pub(super) const MIME_TYPE: &str = "message/rfc822";

impl NewItem {
    /// A message as a request had it, with everything that is left to the server.
    ///
    /// Class, flags and times each have two names; of two that differ the extended
    /// property wins. A message without flags is a draft (MS-OXCMSG, `mfUnsent`).
    pub(crate) fn of(
        message: Message,
        contents: &Contents,
        folder: Uuid,
        now: Timestamp,
    ) -> Result<Self, serde_json::Error> {
        let mut message = message.normalised();
        keep_first_of_each(&mut message.extended);
        let time = |tag| time_property(&message, tag);
        let received = time(PropertyTag::DELIVERY_TIME).or(message.received).unwrap_or(now);
        let sent = time(PropertyTag::SUBMIT_TIME).or(message.sent).unwrap_or(received);
        let mut attachments = Vec::with_capacity(message.attachments.len() + 1);
        let files = std::mem::take(&mut message.attachments);
        let files: Vec<_> = files.into_iter().map(|file| StoredFile::split(file, contents, &mut attachments)).collect();
        let mime = message.mime_content.take().map(|mime| StoredMime::split(mime, contents, &mut attachments));
        message.item_class.get_or_insert_with(|| DEFAULT_CLASS.to_owned());
        message.sensitivity.get_or_insert(Sensitivity::Normal);
        message.importance.get_or_insert(Importance::Normal);
        message.is_draft.get_or_insert(true);
        message.conversation_topic = message.conversation_topic.take().or_else(|| message.subject.clone());
        message.sent = Some(sent);
        message.created = Some(now);
        let is_read = message.is_read.unwrap_or(false);
        let ids = files.iter().map(|file| (file.id, file.is_item)).collect();
        let class = message.item_class.as_deref().unwrap_or(DEFAULT_CLASS);
        let properties = indexed(class, message.subject.as_deref(), &message.extended);
        let document = Document { attachments: files, mime, ..Document::of(message, now) };
        let document = serde_json::to_string(&document)?;
        let size = size(&document, &attachments);
        let item = Item { id: Uuid::new_v4(), folder, received, version: 1, is_read, size, document };
        Ok(Self { item, properties, attachments, files: ids })
    }

    /// Another item with the same contents, in a folder.
    pub(crate) fn copy(
        mut document: Document,
        item: &Item,
        mut files: Vec<Attachment>,
        properties: Vec<ItemProperty>,
        folder: Uuid,
    ) -> Result<Self, serde_json::Error> {
        for file in &mut files {
            let id = Uuid::new_v4();
            for stored in document.attachments.iter_mut().filter(|stored| stored.id == file.id) {
                stored.id = id;
            }
            if let Some(mime) = document.mime.as_mut().filter(|mime| mime.id == file.id) {
                mime.id = id;
            }
            file.id = id;
        }
        document.changed.clear();
        let ids = document.attachments.iter().map(|file| (file.id, file.is_item)).collect();
        let document = serde_json::to_string(&document)?;
        let size = size(&document, &files);
        let item = Item { id: Uuid::new_v4(), folder, version: 1, size, document, ..item.clone() };
        Ok(Self { item, properties, attachments: files, files: ids })
    }
}

impl Document {
    /// What of a message is kept in its document; files and MIME stream are left out.
    pub(super) fn of(message: Message, now: Timestamp) -> Self {
        Self {
            class: message.item_class.unwrap_or_else(|| DEFAULT_CLASS.to_owned()),
            subject: message.subject,
            sensitivity: message.sensitivity.map(|sensitivity| sensitivity.as_str().to_owned()),
            body: message.body.map(StoredBody::from),
            attachments: Vec::new(),
            categories: message.categories,
            importance: message.importance.map(|importance| importance.as_str().to_owned()),
            in_reply_to: message.in_reply_to,
            is_draft: message.is_draft.unwrap_or(true),
            sent: message.sent,
            created: message.created,
            extended: message.extended.iter().map(StoredProperty::from).collect(),
            last_modified: Some(now),
            sender: message.sender.map(StoredMailbox::from),
            to: to_stored(message.to),
            cc: to_stored(message.cc),
            bcc: to_stored(message.bcc),
            conversation_topic: message.conversation_topic,
            from: message.from.map(StoredMailbox::from),
            internet_message_id: message.internet_message_id,
            references: message.references,
            reply_to: to_stored(message.reply_to),
            mime: None,
            changed: BTreeMap::new(),
        }
    }

    /// What the item is found by without reading its folder.
    pub(crate) fn properties(&self) -> Result<Vec<ItemProperty>, super::Corrupt> {
        let extended = self.extended.iter().cloned().map(StoredProperty::restore).collect::<Result<Vec<_>, _>>();
        let extended = extended.map_err(|why| super::Corrupt(why.to_string()))?;
        Ok(indexed(&self.class, self.subject.as_deref(), &extended))
    }
}

pub(super) fn size(document: &str, files: &[Attachment]) -> i64 {
    let size = files.iter().fold(document.len() as u64, |size, file| size.saturating_add(file.content.size()));
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn keep_first_of_each(properties: &mut Vec<ExtendedProperty>) {
    let mut seen = HashSet::with_capacity(properties.len());
    properties.retain(|property| seen.insert(property.uri().clone()));
}

fn time_property(message: &Message, tag: PropertyTag) -> Option<Timestamp> {
    let uri = ExtendedFieldUri::tag(tag, PropertyType::SYSTEM_TIME);
    message.extended.iter().find(|property| *property.uri() == uri)?.text()?.parse().ok()
}

/// What the item is found by without reading its folder: its subject, and each short text property.
fn indexed(class: &str, subject: Option<&str>, extended: &[ExtendedProperty]) -> Vec<ItemProperty> {
    let class_uri = ExtendedFieldUri::tag(PropertyTag::MESSAGE_CLASS, PropertyType::STRING);
    let texts = extended.iter().filter_map(|property| index_key(property.uri(), property.text()?));
    let subject = subject.and_then(subject_key);
    index_key(&class_uri, class).into_iter().chain(subject).chain(texts).collect()
}

/// The key under which an item with this subject is found, if there is an index for such.
pub(crate) fn subject_key(subject: &str) -> Option<ItemProperty> {
    (subject.len() <= INDEXED_VALUE_BYTES_MAX)
        .then(|| ItemProperty { property: SUBJECT.to_owned(), value: subject.to_owned() })
}

/// The key under which an item with this property and value is found, if there is an
/// index for such.
pub(crate) fn index_key(uri: &ExtendedFieldUri, value: &str) -> Option<ItemProperty> {
    (uri.kind == PropertyType::STRING && value.len() <= INDEXED_VALUE_BYTES_MAX)
        .then(|| ItemProperty { property: uri.to_string(), value: value.to_owned() })
}
