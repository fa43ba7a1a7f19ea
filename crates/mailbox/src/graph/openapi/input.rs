//! What may be sent, as the document tells it: less than is answered. What nobody knows is refused.

use actas_directory::odata::openapi::schema::{boolean, bounded, closed, object, one_of, optional, reference, text};
use actas_exchange::graph::LIST_MAX;
use serde_json::{Value, json};

use crate::ews::folders::NAME_CHARS_MAX;

/// Every schema of a body.
pub(super) fn schemas() -> [(&'static str, Value); 8] {
    [
        ("newMessage", new_message()),
        ("messageChange", message_change()),
        ("newMailFolder", folder(&["displayName"])),
        ("mailFolderChange", folder(&[])),
        ("newFileAttachment", file()),
        ("singleValueExtendedProperty", extended(&text())),
        ("multiValueExtendedProperty", extended(&bounded(LIST_MAX, &text()))),
        ("destination", object(json!({ "destinationId": text() }), &["destinationId"])),
    ]
}

/// A message as MIME.
pub(super) fn mime() -> Value {
    json!({ "type": "string", "format": "byte", "minLength": 1, "description": "A MIME stream in Base64." })
}

pub(super) fn body_type() -> Value {
    one_of(&["text", "html"])
}

pub(super) fn flag_status() -> Value {
    one_of(&["notFlagged", "complete", "flagged"])
}

pub(super) fn importance() -> Value {
    one_of(&["low", "normal", "high"])
}

fn recipients() -> Value {
    bounded(LIST_MAX, &reference("recipient"))
}

/// What can be said of a message, and whether it can be taken from it again.
fn properties() -> Vec<(&'static str, Value, bool)> {
    let sender = || object(json!({ "emailAddress": reference("emailAddress") }), &["emailAddress"]);
    let header =
        object(json!({ "name": { "type": "string", "pattern": "^[Xx]-" }, "value": optional(text()) }), &["name"]);
    // Flags have dates in the original, and none here.
    let no_date = || json!({ "nullable": true, "enum": [null] });
    let flag = closed(
        json!({
            "@odata.type": text(), "flagStatus": flag_status(), "startDateTime": no_date(), "dueDateTime": no_date(),
            "completedDateTime": no_date(),
        }),
        &["flagStatus"],
    );
    let kind = optional(body_type());
    vec![
        ("subject", text(), true),
        ("body", object(json!({ "contentType": kind, "content": optional(text()) }), &[]), true),
        ("importance", importance(), true),
        ("categories", bounded(LIST_MAX, &text()), true),
        ("internetMessageId", text(), true),
        ("sender", sender(), true),
        ("from", sender(), true),
        ("toRecipients", recipients(), true),
        ("ccRecipients", recipients(), true),
        ("bccRecipients", recipients(), true),
        ("replyTo", recipients(), true),
        ("isRead", boolean(), false),
        ("inferenceClassification", one_of(&["focused"]), false),
        ("isReadReceiptRequested", boolean(), false),
        ("isDeliveryReceiptRequested", boolean(), false),
        ("flag", flag, false),
        ("internetMessageHeaders", bounded(LIST_MAX, &header), false),
        ("singleValueExtendedProperties", bounded(LIST_MAX, &reference("singleValueExtendedProperty")), false),
        ("multiValueExtendedProperties", bounded(LIST_MAX, &reference("multiValueExtendedProperty")), false),
    ]
}

/// Of what answers tell, what nobody can say comes back without harm.
fn ignoring(mut schema: Value) -> Value {
    if schema["properties"]["@odata.type"].is_null() {
        schema["properties"]["@odata.type"] = json!({});
    }
    schema["description"] = "What the server alone says may come along as it was told, and changes nothing.".into();
    schema
}

/// A message of properties.
fn message(told: impl Iterator<Item = (&'static str, Value)>) -> Value {
    ignoring(closed(told.map(|(name, schema)| (name.to_owned(), schema)).collect(), &[]))
}

/// What is null is not said.
fn new_message() -> Value {
    let files = bounded(LIST_MAX, &reference("newFileAttachment"));
    let told = properties().into_iter().map(|(name, schema, _)| (name, schema)).chain([("attachments", files)]);
    message(told.map(|(name, schema)| (name, optional(schema))))
}

/// What is null loses its value, where it can.
fn message_change() -> Value {
    message(properties().into_iter().map(|(name, schema, goes)| (name, if goes { optional(schema) } else { schema })))
}

fn extended(value: &Value) -> Value {
    let id = json!({
        "type": "string",
        "pattern": "^[A-Za-z0-9]+ (0[xX][0-9A-Fa-f]+|[0-9]+|\\{[0-9A-Fa-f-]+\\} (Id (0[xX][0-9A-Fa-f]+|[0-9]+)|Name .*))$",
        "description": "`String 0x001A`, `Integer {00062003-0000-0000-C000-000000000046} Id 0x8101`, `String {…} Name Key`.",
    });
    object(json!({ "id": id, "value": value }), &["id", "value"])
}

fn folder(required: &[&str]) -> Value {
    let mut name = json!({ "type": "string", "minLength": 1, "maxLength": NAME_CHARS_MAX, "pattern": "\\S" });
    if required.is_empty() {
        name = optional(name);
    }
    let hidden = json!({ "type": "boolean", "nullable": true, "enum": [false, null] });
    ignoring(closed(json!({ "displayName": name, "isHidden": hidden }), required))
}

fn file() -> Value {
    let properties = json!({
        "@odata.type": one_of(&["#microsoft.graph.fileAttachment", "microsoft.graph.fileAttachment"]),
        "name": text(),
        "contentType": optional(text()),
        "contentId": optional(text()),
        "isInline": optional(boolean()),
        "contentBytes": { "type": "string", "format": "byte", "nullable": true },
    });
    ignoring(closed(properties, &["@odata.type", "name"]))
}
