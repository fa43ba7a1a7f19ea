//! Graph over the mailboxes: what is made is what is told, here and over EWS.

mod access;
mod folders;
mod list;
mod messages;
mod openapi;

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::world::World;

pub const LENA: &str = "/users/lena@fabrikam.example";
pub const KEY: &str = "String {00020329-0000-0000-c000-000000000046} Name DeliveryKey";

pub async fn get(world: &World, path: &str) -> Value {
    world.graph(Method::GET, path, None).await.told(200)
}

/// Makes a message and gives what is told of it.
pub async fn post(world: &World, path: &str, message: &Value) -> Value {
    world.graph(Method::POST, path, Some(message)).await.told(201)
}

pub async fn add(world: &World, folder: &str, message: &Value) -> Value {
    post(world, &format!("{LENA}/mailFolders/{folder}/messages"), message).await
}

pub fn message_path(message: &Value) -> String {
    format!("{LENA}/messages/{}", message["id"].as_str().unwrap())
}

pub async fn patch(world: &World, path: &str, etag: Option<&str>, change: &Value) -> crate::world::Reply {
    let token = world.graph_token(world.fabrikam, &["Mail.ReadWrite"]);
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(etag.map(|etag| ("if-match", etag)));
    world.graph_with(&token, Method::PATCH, path, &headers, Body::from(change.to_string())).await
}

pub fn subjects(list: &Value) -> Vec<&str> {
    list["value"].as_array().unwrap().iter().map(|one| one["subject"].as_str().unwrap()).collect()
}

/// A conversation as the Storage Service would file it.
pub fn conversation(subject: &str, key: &str) -> Value {
    json!({
        "subject": subject,
        "isRead": true,
        "importance": "High",
        "categories": ["Red"],
        "body": { "contentType": "html", "content": "<p>10:02 Omar: lunch?</p>" },
        "from": { "emailAddress": { "name": "Omar Haddad", "address": "omar@fabrikam.example" } },
        "toRecipients": [{ "emailAddress": { "address": "lena@fabrikam.example" } }],
        "singleValueExtendedProperties": [
            { "id": "String 0x001A", "value": "IPM.Note.Microsoft.Conversation" },
            { "id": "Integer 0x0E07", "value": "1" },
            { "id": "SystemTime 0x0039", "value": "2026-11-20T10:02:00Z" },
            { "id": "SystemTime 0x0E06", "value": "2026-11-20T10:02:00Z" },
            { "id": "String {00020329-0000-0000-C000-000000000046} Name DeliveryKey", "value": key },
        ],
    })
}
