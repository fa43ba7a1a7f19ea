//! What is served, told to programs: OpenAPI 3.0. `openapi/graph-mail-v1.0.json` is the same
//! document, committed, so that a change of the interface is a change that reviewers see.

mod input;
mod option;

use actas_directory::odata::openapi::schema::{boolean, integer, list, object, optional, reference, text, time};
use actas_directory::odata::openapi::{self, Answer, Route};
use actas_exchange::graph::{FOLDER_PROPERTIES, MESSAGE_PROPERTIES};
use serde_json::{Map, Value, json};

const DESCRIPTION: &str = "Mail of a tenant's users: folders, messages, files. Shapes of Microsoft Graph v1.0.";

pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let (method, behind, _, takes, answer) = route;
        for user in ["/users/{userId}", "/me"] {
            let path = format!("{user}{behind}");
            let item = paths.entry(path.clone()).or_insert_with(|| json!({ "parameters": parameters(&path) }));
            item[method] = openapi::operation(route, &option::of(method, behind, *answer));
            if *takes == Some("newMessage") {
                item[method]["requestBody"]["content"]["text/plain"] = json!({ "schema": input::mime() });
            }
        }
    }
    openapi::document("Mail", DESCRIPTION, &paths, &schemas())
}

fn parameters(path: &str) -> Value {
    openapi::parameters(path, |name| {
        let mut schema = json!({ "type": "string", "minLength": 1 });
        let description = match name {
            "userId" => "The object id or user principal name of a user.",
            "folderId" => "The id of a folder, or a well-known name such as `inbox`.",
            _ => "An id as answers tell it.",
        };
        schema["description"] = description.into();
        schema
    })
}

fn schemas() -> Map<String, Value> {
    let told = [
        ("message", message()),
        ("mailFolder", object(all(FOLDER_PROPERTIES, folder_property), &[])),
        (
            "fileAttachment",
            object(
                json!({
                    "@odata.type": text(), "id": text(), "name": text(), "contentType": optional(text()),
                    "contentBytes": { "type": "string", "format": "byte" }, "contentId": optional(text()),
                    "isInline": boolean(), "size": optional(integer()), "lastModifiedDateTime": optional(time()),
                }),
                &["@odata.type", "id"],
            ),
        ),
        ("emailAddress", object(json!({ "name": optional(text()), "address": optional(text()) }), &[])),
        ("recipient", object(json!({ "emailAddress": reference("emailAddress") }), &["emailAddress"])),
    ];
    told.into_iter().chain(input::schemas()).map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn all(names: &[&str], schema: impl Fn(&str) -> Value) -> Value {
    Value::Object(names.iter().map(|name| ((*name).to_owned(), schema(name))).collect())
}

fn message() -> Value {
    let mut properties = all(MESSAGE_PROPERTIES, message_property);
    let extended = |value: Value| list(&object(json!({ "id": text(), "value": value }), &["id", "value"]));
    properties["singleValueExtendedProperties"] = extended(text());
    properties["multiValueExtendedProperties"] = extended(list(&text()));
    properties["attachments"] = list(&reference("fileAttachment"));
    object(properties, &["id"])
}

fn message_property(name: &str) -> Value {
    let recipient = || object(json!({ "emailAddress": reference("emailAddress") }), &["emailAddress"]);
    match name {
        "id" => text(),
        "body" => optional(object(json!({ "contentType": input::body_type(), "content": text() }), &[])),
        "categories" => list(&text()),
        "flag" => object(json!({ "flagStatus": input::flag_status() }), &["flagStatus"]),
        "from" | "sender" => optional(recipient()),
        "importance" => optional(input::importance()),
        "toRecipients" | "ccRecipients" | "bccRecipients" | "replyTo" => list(&reference("recipient")),
        "internetMessageHeaders" => list(&object(json!({ "name": text(), "value": text() }), &["name", "value"])),
        name if name.starts_with("is") || name == "hasAttachments" => optional(boolean()),
        name if name.ends_with("DateTime") => optional(time()),
        _ => optional(text()),
    }
}

fn folder_property(name: &str) -> Value {
    match name {
        "id" => text(),
        "isHidden" => boolean(),
        name if name.ends_with("Count") => optional(integer()),
        _ => optional(text()),
    }
}

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    ("get", "/mailFolders", "Folders at the top.", None, Answer::List("mailFolder")),
    ("post", "/mailFolders", "Make a folder at the top.", Some("newMailFolder"), Answer::Created("mailFolder")),
    ("get", "/mailFolders/{folderId}", "A folder, by id or well-known name.", None, Answer::Object("mailFolder")),
    ("patch", "/mailFolders/{folderId}", "Rename a folder.", Some("mailFolderChange"), Answer::Object("mailFolder")),
    ("delete", "/mailFolders/{folderId}", "Throw a folder away.", None, Answer::Nothing),
    ("get", "/mailFolders/{folderId}/childFolders", "Folders in a folder.", None, Answer::List("mailFolder")),
    ("post", "/mailFolders/{folderId}/childFolders", "Make a folder in a folder.", Some("newMailFolder"), Answer::Created("mailFolder")),
    ("get", "/mailFolders/{folderId}/messages", "Messages in a folder.", None, Answer::List("message")),
    ("post", "/mailFolders/{folderId}/messages", "Make a message in a folder.", Some("newMessage"), Answer::Created("message")),
    ("get", "/mailFolders/{folderId}/messages/$count", "How many messages are in a folder.", None, Answer::Count),
    ("get", "/messages", "Messages in all folders.", None, Answer::List("message")),
    ("post", "/messages", "Make a draft, from JSON or from MIME in Base64 (text/plain).", Some("newMessage"), Answer::Created("message")),
    ("get", "/messages/$count", "How many messages there are.", None, Answer::Count),
    ("get", "/messages/{messageId}", "A message.", None, Answer::Object("message")),
    ("patch", "/messages/{messageId}", "Change a message.", Some("messageChange"), Answer::Object("message")),
    ("delete", "/messages/{messageId}", "Throw a message away.", None, Answer::Nothing),
    ("get", "/messages/{messageId}/$value", "A message as MIME.", None, Answer::Bytes("text/plain")),
    ("post", "/messages/{messageId}/copy", "Copy a message into a folder.", Some("destination"), Answer::Created("message")),
    ("post", "/messages/{messageId}/move", "Move a message into a folder.", Some("destination"), Answer::Created("message")),
    ("post", "/messages/{messageId}/permanentDelete", "Put a message out of its owner's sight.", None, Answer::Nothing),
    ("get", "/messages/{messageId}/attachments", "Files of a message.", None, Answer::List("fileAttachment")),
    ("post", "/messages/{messageId}/attachments", "Add a file.", Some("newFileAttachment"), Answer::Created("fileAttachment")),
    ("get", "/messages/{messageId}/attachments/{attachmentId}", "A file.", None, Answer::Object("fileAttachment")),
    ("delete", "/messages/{messageId}/attachments/{attachmentId}", "Take a file out.", None, Answer::Nothing),
    ("get", "/messages/{messageId}/attachments/{attachmentId}/$value", "The bytes of a file.", None, Answer::Bytes("*/*")),
];
