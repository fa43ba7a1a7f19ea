//! Messages as requests describe them

use serde_json::{Map, Value};

use super::message::{DELIVERY_RECEIPT, FLAG_STATUS, READ_RECEIPT};
use super::{attachment, each, flag, invalid, list, object, optional, recipient, text, unknown};
use crate::error::Result;
use crate::ews::{
    Body, BodyType, ExtendedFieldUri, ExtendedProperty, Field, Importance, ItemUpdate, Message, PropertyPath,
    PropertySet, PropertyType, Value as PropertyValue,
};

const SINGLE: &str = "singleValueExtendedProperties";
const MULTI: &str = "multiValueExtendedProperties";
const HEADERS: &str = "internetMessageHeaders";

/// What the server says alone: it may come back as it was told, and changes nothing.
const READ_ONLY: [&str; 14] = [
    "id",
    "bodyPreview",
    "changeKey",
    "conversationId",
    "conversationIndex",
    "createdDateTime",
    "hasAttachments",
    "isDraft",
    "lastModifiedDateTime",
    "parentFolderId",
    "receivedDateTime",
    "sentDateTime",
    "uniqueBody",
    "webLink",
];

/// Reads the body of a request that makes a message
///
/// Whether it is a draft, and when it was sent and received, is said by extended properties, as the
/// original has it: `Integer 0x0E07`, `SystemTime 0x0039`, `SystemTime 0x0E06`.
pub fn read_message(body: &[u8]) -> Result<Message> {
    let mut message = Message::default();
    for (name, value) in written(&object(body)?) {
        match name {
            _ if value.is_null() && is_known(name) => {}
            "attachments" => message.attachments = each(name, value, attachment::read)?,
            _ => {
                set(&mut message, name, value)?;
            }
        }
    }
    Ok(message)
}

/// Reads the body of a request that changes a message; what is null loses its value
pub fn read_changes(body: &[u8]) -> Result<Vec<ItemUpdate>> {
    let mut changes = Vec::new();
    for (name, value) in written(&object(body)?) {
        let mut item = Message::default();
        if value.is_null() {
            let Some(field) = field(name) else { return Err(invalid(name, "cannot be null")) };
            changes.push(ItemUpdate::Delete { path: field.into() });
            continue;
        }
        for path in set(&mut item, name, value)? {
            changes.push(ItemUpdate::Set { path, item: Box::new(item.clone()) });
        }
    }
    Ok(changes)
}

fn written(map: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let all = map.iter().map(|(name, value)| (name.as_str(), value));
    all.filter(|(name, _)| !name.contains('@') && !READ_ONLY.contains(name))
}

/// Whether a message can be made with the property.
fn is_known(name: &str) -> bool {
    const OTHERS: [&str; 9] = [
        "attachments",
        "flag",
        "inferenceClassification",
        HEADERS,
        "isDeliveryReceiptRequested",
        "isRead",
        "isReadReceiptRequested",
        MULTI,
        SINGLE,
    ];
    field(name).is_some() || OTHERS.contains(&name)
}

/// The field that a property is, if it is one.
fn field(name: &str) -> Option<Field> {
    Some(match name {
        "subject" => Field::Subject,
        "body" => Field::Body,
        "importance" => Field::Importance,
        "categories" => Field::Categories,
        "internetMessageId" => Field::InternetMessageId,
        "sender" => Field::Sender,
        "from" => Field::From,
        "toRecipients" => Field::ToRecipients,
        "ccRecipients" => Field::CcRecipients,
        "bccRecipients" => Field::BccRecipients,
        "replyTo" => Field::ReplyTo,
        _ => return None,
    })
}

/// Puts a property into a message; gives by which paths it is known.
fn set(message: &mut Message, name: &str, value: &Value) -> Result<Vec<PropertyPath>> {
    let single = || {
        let map = value.as_object().ok_or_else(|| invalid(name, "is not an object"))?;
        recipient::read(name, map).map(Some)
    };
    match name {
        "subject" => message.subject = Some(text(name, value)?),
        "body" => message.body = Some(body(name, value)?),
        "importance" => message.importance = Some(importance(name, value)?),
        "categories" => {
            message.categories = list(name, value)?.iter().map(|one| text(name, one)).collect::<Result<_>>()?;
        }
        "internetMessageId" => message.internet_message_id = Some(text(name, value)?),
        "sender" => message.sender = single()?,
        "from" => message.from = single()?,
        "toRecipients" => message.to = recipient::read_all(name, value)?,
        "ccRecipients" => message.cc = recipient::read_all(name, value)?,
        "bccRecipients" => message.bcc = recipient::read_all(name, value)?,
        "replyTo" => message.reply_to = recipient::read_all(name, value)?,
        "isRead" => {
            message.is_read = Some(flag(name, value)?);
            return Ok(vec![Field::IsRead.into()]);
        }
        "inferenceClassification" => {
            return match value.as_str() {
                Some("focused") => Ok(Vec::new()),
                _ => Err(invalid(name, "can only be `focused`: this server does not classify messages")),
            };
        }
        _ => {
            let properties = match name {
                "isReadReceiptRequested" => vec![boolean(READ_RECEIPT, name, value)?],
                "isDeliveryReceiptRequested" => vec![boolean(DELIVERY_RECEIPT, name, value)?],
                "flag" => vec![followup(name, value)?],
                HEADERS => each(name, value, header)?,
                SINGLE => each(name, value, single_valued)?,
                MULTI => each(name, value, multi_valued)?,
                other => return Err(unknown(other, "message")),
            };
            let paths = properties.iter().map(|property| property.uri().clone().into()).collect();
            message.extended.extend(properties);
            return Ok(paths);
        }
    }
    Ok(field(name).map(PropertyPath::from).into_iter().collect())
}

fn body(name: &str, value: &Value) -> Result<Body> {
    let map = value.as_object().ok_or_else(|| invalid(name, "is not an object"))?;
    let kind = match optional(map, "contentType")? {
        None => BodyType::Text,
        Some(kind) if kind.eq_ignore_ascii_case("text") => BodyType::Text,
        Some(kind) if kind.eq_ignore_ascii_case("html") => BodyType::Html,
        Some(_) => return Err(invalid("contentType", "is neither `text` nor `html`")),
    };
    Ok(Body { kind, content: optional(map, "content")?.unwrap_or_default() })
}

fn importance(name: &str, value: &Value) -> Result<Importance> {
    let text = text(name, value)?;
    let known = Importance::ALL.iter().find(|one| one.as_str().eq_ignore_ascii_case(&text));
    known.copied().ok_or_else(|| invalid(name, "is neither `low` nor `normal` nor `high`"))
}

fn boolean(uri: ExtendedFieldUri, name: &str, value: &Value) -> Result<ExtendedProperty> {
    ExtendedProperty::one(uri, flag(name, value)?.to_string())
}

fn followup(name: &str, value: &Value) -> Result<ExtendedProperty> {
    const DATES: [&str; 3] = ["startDateTime", "dueDateTime", "completedDateTime"];
    let map = value.as_object().ok_or_else(|| invalid(name, "is not an object"))?;
    let is_date = |(name, value): (&String, &Value)| DATES.contains(&name.as_str()) && !value.is_null();
    if map.iter().any(is_date) {
        return Err(invalid(name, "can have a `flagStatus` only: this server keeps no dates of flags"));
    }
    if let Some((name, _)) = map.iter().find(|(name, value)| name.contains('@') && !value.is_string()) {
        return Err(invalid(name, "is not a text"));
    }
    let mut others = map.keys().filter(|name| !name.contains('@'));
    if let Some(other) = others.find(|name| *name != "flagStatus" && !DATES.contains(&name.as_str())) {
        return Err(unknown(other, "followupFlag"));
    }
    let status = match map.get("flagStatus").and_then(Value::as_str) {
        Some("notFlagged") => "0",
        Some("complete") => "1",
        Some("flagged") => "2",
        _ => return Err(invalid("flagStatus", "is neither `notFlagged` nor `complete` nor `flagged`")),
    };
    ExtendedProperty::one(FLAG_STATUS, status)
}

/// Graph lets clients add headers of their own alone.
fn header(map: &Map<String, Value>) -> Result<ExtendedProperty> {
    let name = optional(map, "name")?.unwrap_or_default();
    if !name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-")) {
        return Err(invalid(HEADERS, "can hold headers that begin with `x-` only"));
    }
    let uri = ExtendedFieldUri::named(PropertySet::INTERNET_HEADERS, name, PropertyType::STRING);
    ExtendedProperty::one(uri, optional(map, "value")?.unwrap_or_default())
}

fn single_valued(map: &Map<String, Value>) -> Result<ExtendedProperty> {
    let value = optional(map, "value")?.ok_or_else(|| invalid(SINGLE, "holds a property without a `value`"))?;
    ExtendedProperty::new(id(map, SINGLE)?, PropertyValue::One(value))
}

fn multi_valued(map: &Map<String, Value>) -> Result<ExtendedProperty> {
    let value = map.get("value").ok_or_else(|| invalid(MULTI, "holds a property without a `value`"))?;
    let texts = list("value", value)?.iter().map(|one| text("value", one)).collect::<Result<_>>()?;
    ExtendedProperty::new(id(map, MULTI)?, PropertyValue::Many(texts))
}

fn id(map: &Map<String, Value>, of: &str) -> Result<ExtendedFieldUri> {
    optional(map, "id")?.ok_or_else(|| invalid(of, "holds a property without an `id`"))?.parse()
}
