//! What is served, told to programs: OpenAPI 3.0. `openapi/graph-mail-v1.0.json` is the same
//! document, committed, so that a change of the interface is a change that reviewers see.

use actas_directory::odata::openapi::{self, Answer, Route};
use actas_exchange::graph::{FOLDER_PROPERTIES, MESSAGE_PROPERTIES};
use serde_json::{Map, Value, json};

const DESCRIPTION: &str = "Mail of a tenant's users: folders, messages, files. Shapes of Microsoft Graph v1.0.";

pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for (method, behind, summary, takes, answer) in ROUTES {
        for user in ["/users/{userId}", "/me"] {
            let path = format!("{user}{behind}");
            let item = paths.entry(path.clone()).or_insert_with(|| json!({ "parameters": openapi::parameters(&path) }));
            let route = (*method, "", *summary, *takes, *answer);
            item[*method] = openapi::operation(&route, &openapi::options(options(method, behind, *answer)));
        }
    }
    openapi::document("Mail", DESCRIPTION, &paths, &schemas())
}

fn options(method: &str, behind: &str, answer: Answer) -> &'static [(&'static str, &'static str)] {
    match (method, answer) {
        ("patch" | "delete", _) if !behind.contains("attachments") => &[("If-Match", "header")],
        ("get", Answer::Count) => &[("$filter", "query")],
        ("get", Answer::List("message")) => &[
            ("$select", "query"),
            ("$expand", "query"),
            ("$filter", "query"),
            ("$orderby", "query"),
            ("$top", "query"),
            ("$skip", "query"),
            ("$count", "query"),
            ("Prefer", "header"),
        ],
        ("get", Answer::List("mailFolder")) => {
            &[("$select", "query"), ("$filter", "query"), ("$top", "query"), ("$skip", "query"), ("$count", "query")]
        }
        ("get", Answer::List(_)) => &[("$select", "query"), ("$count", "query")],
        ("get", Answer::Object("message")) => &[("$select", "query"), ("$expand", "query"), ("Prefer", "header")],
        ("get", Answer::Object(_)) => &[("$select", "query")],
        _ => &[],
    }
}

fn schemas() -> Value {
    let text = || json!({ "type": "string", "nullable": true });
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let list = |of: Value| json!({ "type": "array", "items": of });
    let recipient = || object(json!({ "emailAddress": object(json!({ "name": text(), "address": text() })) }));
    let extended = |value: Value| list(object(json!({ "id": text(), "value": value })));
    let mut message: Map<String, Value> = MESSAGE_PROPERTIES
        .iter()
        .map(|name| {
            let schema = match *name {
                "body" => object(json!({ "contentType": text(), "content": text() })),
                "categories" => list(json!({ "type": "string" })),
                "flag" => object(json!({ "flagStatus": text() })),
                "from" | "sender" => recipient(),
                "toRecipients" | "ccRecipients" | "bccRecipients" | "replyTo" => list(recipient()),
                "internetMessageHeaders" => list(object(json!({ "name": text(), "value": text() }))),
                name if name.starts_with("is") || name == "hasAttachments" => json!({ "type": "boolean" }),
                _ => text(),
            };
            ((*name).to_owned(), schema)
        })
        .collect();
    message.insert("singleValueExtendedProperties".to_owned(), extended(text()));
    message.insert("multiValueExtendedProperties".to_owned(), extended(list(json!({ "type": "string" }))));
    message.insert("attachments".to_owned(), list(json!({ "$ref": "#/components/schemas/fileAttachment" })));
    let folder: Map<String, Value> = FOLDER_PROPERTIES
        .iter()
        .map(|name| {
            let schema = match *name {
                name if name.ends_with("Count") => json!({ "type": "integer" }),
                "isHidden" => json!({ "type": "boolean" }),
                _ => text(),
            };
            ((*name).to_owned(), schema)
        })
        .collect();
    json!({
        "message": object(Value::Object(message)),
        "mailFolder": object(Value::Object(folder)),
        "fileAttachment": object(json!({
            "@odata.type": text(), "id": text(), "name": text(), "contentType": text(), "contentBytes": text(),
            "contentId": text(), "isInline": { "type": "boolean" }, "size": { "type": "integer" },
            "lastModifiedDateTime": text(),
        })),
        "destination": object(json!({ "destinationId": text() })),
    })
}

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    ("get", "/mailFolders", "Folders at the top.", None, Answer::List("mailFolder")),
    ("post", "/mailFolders", "Make a folder at the top.", Some("mailFolder"), Answer::Created("mailFolder")),
    ("get", "/mailFolders/{folderId}", "A folder, by id or well-known name.", None, Answer::Object("mailFolder")),
    ("patch", "/mailFolders/{folderId}", "Rename a folder.", Some("mailFolder"), Answer::Object("mailFolder")),
    ("delete", "/mailFolders/{folderId}", "Throw a folder away.", None, Answer::Nothing),
    ("get", "/mailFolders/{folderId}/childFolders", "Folders in a folder.", None, Answer::List("mailFolder")),
    ("post", "/mailFolders/{folderId}/childFolders", "Make a folder in a folder.", Some("mailFolder"), Answer::Created("mailFolder")),
    ("get", "/mailFolders/{folderId}/messages", "Messages in a folder.", None, Answer::List("message")),
    ("post", "/mailFolders/{folderId}/messages", "Make a message in a folder.", Some("message"), Answer::Created("message")),
    ("get", "/mailFolders/{folderId}/messages/$count", "How many messages are in a folder.", None, Answer::Count),
    ("get", "/messages", "Messages in all folders.", None, Answer::List("message")),
    ("post", "/messages", "Make a draft, from JSON or from MIME in Base64 (text/plain).", Some("message"), Answer::Created("message")),
    ("get", "/messages/$count", "How many messages there are.", None, Answer::Count),
    ("get", "/messages/{messageId}", "A message.", None, Answer::Object("message")),
    ("patch", "/messages/{messageId}", "Change a message.", Some("message"), Answer::Object("message")),
    ("delete", "/messages/{messageId}", "Throw a message away.", None, Answer::Nothing),
    ("get", "/messages/{messageId}/$value", "A message as MIME.", None, Answer::Bytes),
    ("post", "/messages/{messageId}/copy", "Copy a message into a folder.", Some("destination"), Answer::Created("message")),
    ("post", "/messages/{messageId}/move", "Move a message into a folder.", Some("destination"), Answer::Created("message")),
    ("post", "/messages/{messageId}/permanentDelete", "Put a message out of its owner's sight.", None, Answer::Nothing),
    ("get", "/messages/{messageId}/attachments", "Files of a message.", None, Answer::List("fileAttachment")),
    ("post", "/messages/{messageId}/attachments", "Add a file.", Some("fileAttachment"), Answer::Created("fileAttachment")),
    ("get", "/messages/{messageId}/attachments/{attachmentId}", "A file.", None, Answer::Object("fileAttachment")),
    ("delete", "/messages/{messageId}/attachments/{attachmentId}", "Take a file out.", None, Answer::Nothing),
    ("get", "/messages/{messageId}/attachments/{attachmentId}/$value", "The bytes of a file.", None, Answer::Bytes),
];
