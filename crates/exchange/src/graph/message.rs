//! Messages as answers tell them (`message`)

use serde_json::{Map, Value, json};

use super::{recipient, to_rest_id};
use crate::ews::{
    BaseType, Body, BodyType, ExtendedFieldUri, ExtendedProperty, Message, PropertyName, PropertySet, PropertyTag,
    PropertyType, Value as PropertyValue,
};
use crate::xml;

/// What `$select` can name; the last one is told only where it is named
pub const MESSAGE_PROPERTIES: &[&str] = &[
    "id",
    "createdDateTime",
    "lastModifiedDateTime",
    "changeKey",
    "categories",
    "receivedDateTime",
    "sentDateTime",
    "hasAttachments",
    "internetMessageId",
    "subject",
    "bodyPreview",
    "importance",
    "parentFolderId",
    "conversationId",
    "conversationIndex",
    "isDeliveryReceiptRequested",
    "isReadReceiptRequested",
    "isRead",
    "isDraft",
    "webLink",
    "inferenceClassification",
    "body",
    "sender",
    "from",
    "toRecipients",
    "ccRecipients",
    "bccRecipients",
    "replyTo",
    "flag",
    HEADERS,
];

const HEADERS: &str = "internetMessageHeaders";

/// What `flag` is
pub(super) const FLAG_STATUS: ExtendedFieldUri = ExtendedFieldUri::tag(PropertyTag::FLAG_STATUS, PropertyType::INTEGER);
/// What `isReadReceiptRequested` is
pub(super) const READ_RECEIPT: ExtendedFieldUri = ExtendedFieldUri::tag(PropertyTag::READ_RECEIPT, BOOLEAN);
/// What `isDeliveryReceiptRequested` is
pub(super) const DELIVERY_RECEIPT: ExtendedFieldUri = ExtendedFieldUri::tag(PropertyTag::DELIVERY_RECEIPT, BOOLEAN);

const BOOLEAN: PropertyType = PropertyType { base: BaseType::Boolean, array: false };

/// A message, as far as it is selected
///
/// `preview` is the beginning of its text. Without a selection (`None`) everything is told but the
/// headers. The version goes along as `@odata.etag`.
pub fn write_message(
    message: &Message,
    preview: Option<&str>,
    selects: impl Fn(&str) -> Option<bool>,
) -> Map<String, Value> {
    let mut written = Map::new();
    let version = message.item_id.as_ref().and_then(|id| id.change_key.as_deref());
    if let Some(version) = version {
        written.insert("@odata.etag".to_owned(), format!("W/\"{version}\"").into());
    }
    for name in MESSAGE_PROPERTIES {
        if selects(name).unwrap_or(*name != HEADERS) {
            written.insert((*name).to_owned(), property(message, preview, name));
        }
    }
    // What is read back can be addressed.
    if let Some(id) = &message.item_id {
        written.insert("id".to_owned(), to_rest_id(&id.id).into());
    }
    written
}

fn property(message: &Message, preview: Option<&str>, name: &str) -> Value {
    let boolean = |uri| Value::from(message.extended_text(&uri).as_deref() == Some("true"));
    match name {
        "createdDateTime" => message.created.map(xml::timestamp).into(),
        "lastModifiedDateTime" => message.last_modified.map(xml::timestamp).into(),
        "changeKey" => message.item_id.as_ref().and_then(|id| id.change_key.clone()).into(),
        "categories" => message.categories.clone().into(),
        "receivedDateTime" => message.received.map(xml::timestamp).into(),
        "sentDateTime" => message.sent.map(xml::timestamp).into(),
        "hasAttachments" => message.has_attachments.into(),
        "internetMessageId" => message.internet_message_id.clone().into(),
        HEADERS => headers(message),
        "subject" => message.subject.clone().into(),
        "bodyPreview" => preview.into(),
        "importance" => message.importance.map(|importance| importance.as_str().to_ascii_lowercase()).into(),
        "parentFolderId" => message.parent_folder_id.as_ref().map(|folder| to_rest_id(&folder.id)).into(),
        "isDeliveryReceiptRequested" => boolean(DELIVERY_RECEIPT),
        "isReadReceiptRequested" => boolean(READ_RECEIPT),
        "isRead" => message.is_read.into(),
        "isDraft" => message.is_draft.into(),
        "inferenceClassification" => "focused".into(),
        "body" => message.body.as_ref().map(body).into(),
        "sender" => message.sender.as_ref().map(recipient::write).into(),
        "from" => message.from.as_ref().map(recipient::write).into(),
        "toRecipients" => recipient::write_all(&message.to),
        "ccRecipients" => recipient::write_all(&message.cc),
        "bccRecipients" => recipient::write_all(&message.bcc),
        "replyTo" => recipient::write_all(&message.reply_to),
        "flag" => flag(message),
        // Conversations are not kept, and there is no site to read mail at.
        _ => Value::Null,
    }
}

fn body(body: &Body) -> Value {
    let kind = match body.kind {
        BodyType::Html => "html",
        BodyType::Text => "text",
    };
    json!({ "contentType": kind, "content": body.content })
}

fn flag(message: &Message) -> Value {
    let status = match message.extended_text(&FLAG_STATUS).as_deref() {
        Some("1") => "complete",
        Some("2") => "flagged",
        _ => "notFlagged",
    };
    json!({ "flagStatus": status })
}

fn headers(message: &Message) -> Value {
    let header = |property: &ExtendedProperty| match (&property.uri().name, property.text()) {
        (PropertyName::Name { set, name }, Some(value)) if *set == PropertySet::INTERNET_HEADERS => {
            Some(json!({ "name": name, "value": value }))
        }
        _ => None,
    };
    message.extended.iter().filter_map(header).collect()
}

/// An extended property as a request asked for it, by its id in the spelling of the request
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extended {
    id: String,
    uri: ExtendedFieldUri,
}

impl Extended {
    /// Reads an id such as `String 0x001A`
    pub fn parse(id: &str) -> crate::Result<Self> {
        Ok(Self { id: id.to_owned(), uri: id.parse()? })
    }

    /// The property
    pub fn uri(&self) -> &ExtendedFieldUri {
        &self.uri
    }

    /// Whether the property holds a list, and belongs among the multi-value ones
    pub fn is_list(&self) -> bool {
        self.uri.kind.array
    }
}

/// Those of the properties that the message has, as `singleValueExtendedProperties` or
/// `multiValueExtendedProperties` tell them; none, if there are none
pub fn write_extended(message: &Message, asked: &[Extended]) -> Option<Value> {
    let told: Vec<Value> = asked
        .iter()
        .filter_map(|asked| {
            let value: Value = match message.extended_property(&asked.uri)?.value() {
                PropertyValue::One(text) => text.clone().into(),
                PropertyValue::Many(texts) => texts.clone().into(),
            };
            Some(json!({ "id": asked.id, "value": value }))
        })
        .collect();
    (!told.is_empty()).then(|| told.into())
}

/// The value of a single-valued property in its one spelling, or nothing if the type cannot hold it
pub fn single_value(uri: &ExtendedFieldUri, text: &str) -> Option<String> {
    if uri.kind.array { None } else { uri.kind.base.canonical(text) }
}
