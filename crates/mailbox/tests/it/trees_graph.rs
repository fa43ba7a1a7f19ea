//! Trees of folders with messages in them, by chance, through both interfaces: what was
//! created over EWS is what Graph tells, and the other way round.

use std::collections::BTreeMap;

use actas_exchange::ews::{Request as Operation, *};
use actas_exchange::graph::{from_rest_id, to_rest_id};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value as Json, json};

use crate::graph::LENA;
use crate::items::get;
use crate::roundtrip::{expected, message, message_of_messages};
use crate::trees::{create, make, port_shape, runtime, sorted};
use crate::world::{World, answer};

/// Folders, each in one before it, with messages.
fn plan(messages: impl Strategy<Value = Message>) -> impl Strategy<Value = Vec<(Index, Vec<Message>)>> {
    vec((any::<Index>(), vec(messages, 0..3)), 1..5)
}

fn runner() -> TestRunner {
    TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() })
}

// === what Graph says of a message, written down by hand ===

fn person(mailbox: &Mailbox) -> Json {
    json!({ "emailAddress": { "name": mailbox.name, "address": mailbox.address } })
}

fn people(mailboxes: &[Mailbox]) -> Json {
    mailboxes.iter().map(person).collect()
}

fn body(body: &Body) -> Json {
    let kind = if body.kind == BodyType::Html { "html" } else { "text" };
    json!({ "contentType": kind, "content": body.content })
}

/// Single values and lists, each by its id.
fn extended(message: &Message) -> (BTreeMap<String, Json>, BTreeMap<String, Json>) {
    let (mut single, mut multi) = (BTreeMap::new(), BTreeMap::new());
    for property in &message.extended {
        let id = property.uri().to_string();
        match property.value() {
            Value::One(text) => single.insert(id, json!(text)),
            Value::Many(texts) => multi.insert(id, json!(texts)),
        };
    }
    (single, multi)
}

fn entries(values: &BTreeMap<String, Json>) -> Json {
    values.iter().map(|(id, value)| json!({ "id": id, "value": value })).collect()
}

fn by_id(told: Option<&Json>) -> BTreeMap<String, Json> {
    let all = told.and_then(Json::as_array).into_iter().flatten();
    all.map(|one| (one["id"].as_str().unwrap().to_owned(), one["value"].clone())).collect()
}

/// Everything that Graph tells of a stored message, but for ids, sizes and versions.
fn told(message: &Message) -> Map<String, Json> {
    let Json::Object(told) = json!({
        "subject": message.subject,
        "body": message.body.as_ref().map(body),
        "importance": message.importance.map(|one| one.as_str().to_lowercase()),
        "categories": message.categories,
        "internetMessageId": message.internet_message_id,
        "isRead": message.is_read,
        "isDraft": message.is_draft,
        "hasAttachments": message.has_attachments,
        "receivedDateTime": message.received.map(|time| time.to_string()),
        "sentDateTime": message.sent.map(|time| time.to_string()),
        "createdDateTime": message.created.map(|time| time.to_string()),
        "from": message.from.as_ref().map(person),
        "sender": message.sender.as_ref().map(person),
        "toRecipients": people(&message.to),
        "ccRecipients": people(&message.cc),
        "bccRecipients": people(&message.bcc),
        "replyTo": people(&message.reply_to),
    }) else {
        unreachable!()
    };
    told
}

fn quoted(ids: impl Iterator<Item = String>) -> String {
    ids.map(|id| format!("id eq '{}'", id.replace('\'', "''"))).collect::<Vec<_>>().join(" or ")
}

fn expansion(message: &Message) -> String {
    let (single, multi) = extended(message);
    let mut all = vec!["attachments".to_owned()];
    for (name, values) in [("singleValueExtendedProperties", single), ("multiValueExtendedProperties", multi)] {
        if !values.is_empty() {
            all.push(format!("{name}($filter={})", quoted(values.into_keys())));
        }
    }
    let encoded = all.join(",").bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
    format!("$expand={encoded}")
}

#[test]
fn what_was_created_over_ews_is_what_graph_tells() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    runner()
        .run(&plan(message_of_messages()), |plan| {
            runtime.block_on(async {
                let top = make(&world, DistinguishedFolder::Inbox.into(), uuid::Uuid::new_v4().to_string()).await;
                let mut made = vec![top];
                for (number, (parent, messages)) in plan.iter().enumerate() {
                    let parent = parent.get(&made).clone();
                    let folder = make(&world, parent.clone().into(), format!("folder {number}")).await;
                    let ids = create(&world, &folder, messages.clone()).await;
                    for (sent, id) in messages.iter().zip(&ids) {
                        let path = format!("{LENA}/messages/{}?{}", to_rest_id(&id.id), expansion(sent));
                        let read = world.graph(Method::GET, &path, None).await.told(200);
                        let mut stored = sent.clone();
                        let files = std::mem::take(&mut stored.attachments);
                        let stored = expected(stored, &Message::default(), world.now());
                        let stored = Message { has_attachments: Some(!files.is_empty()), ..stored };
                        for (name, value) in told(&stored) {
                            prop_assert_eq!(&read[&name], &value, "{}", name);
                        }
                        let (single, multi) = extended(&stored);
                        prop_assert_eq!(by_id(read.get("singleValueExtendedProperties")), single);
                        prop_assert_eq!(by_id(read.get("multiValueExtendedProperties")), multi);
                        for (file, read) in files.iter().zip(read["attachments"].as_array().unwrap()) {
                            prop_assert_eq!(&read["name"], &json!(file.name));
                            prop_assert_eq!(&read["contentType"], &json!(file.content_type));
                            prop_assert_eq!(&read["contentId"], &json!(file.content_id));
                            prop_assert_eq!(&read["isInline"], &json!(file.is_inline.unwrap_or(false)));
                            let content = file.content.as_ref().map(|content| json!(STANDARD.encode(content)));
                            prop_assert_eq!(read.get("contentBytes"), content.as_ref());
                            let kind = if file.item.is_some() { "itemAttachment" } else { "fileAttachment" };
                            prop_assert_eq!(&read["@odata.type"], &json!(format!("#microsoft.graph.{kind}")));
                        }
                        prop_assert_eq!(&read["parentFolderId"], &json!(to_rest_id(&folder.id)));
                    }
                    let children = format!("{LENA}/mailFolders/{}/childFolders?$top=100", to_rest_id(&parent.id));
                    let children = world.graph(Method::GET, &children, None).await.told(200);
                    let own = to_rest_id(&folder.id);
                    let own = children["value"].as_array().unwrap().iter().find(|child| child["id"] == own).unwrap();
                    prop_assert_eq!(&own["displayName"], &json!(format!("folder {number}")));
                    prop_assert_eq!(&own["totalItemCount"], &json!(messages.len()));
                    made.push(folder);
                }
                Ok(())
            })
        })
        .unwrap();
}

// === what a client would send to Graph ===

/// The message without what Graph has no words for: no routing types, no sensitivity, nothing of
/// conversations, and every file has a name.
fn sayable(mut message: Message) -> Message {
    let lists = [&mut message.to, &mut message.cc, &mut message.bcc, &mut message.reply_to];
    let mailboxes = lists.into_iter().flatten().chain(&mut message.from).chain(&mut message.sender);
    mailboxes.for_each(|mailbox| mailbox.routing_type = None);
    for file in &mut message.attachments {
        file.name.get_or_insert_with(|| "file".to_owned());
    }
    Message { sensitivity: None, in_reply_to: None, references: None, conversation_topic: None, ..message }
}

/// Class, state and times go by extended properties.
fn said(message: &Message) -> Json {
    let (mut single, multi) = extended(message);
    let mut by_tag = |id: &str, value: Option<String>| {
        if let Some(value) = value {
            single.insert(id.to_owned(), value.into());
        }
    };
    by_tag("String 0x001A", message.item_class.clone());
    let flags = |draft| u8::from(message.is_read == Some(true)) | if draft { 8 } else { 0 };
    by_tag("Integer 0x0E07", message.is_draft.map(|draft| flags(draft).to_string()));
    by_tag("SystemTime 0x0E06", message.received.map(|time| time.to_string()));
    by_tag("SystemTime 0x0039", message.sent.map(|time| time.to_string()));
    let mut said = told(message);
    for own in ["isDraft", "hasAttachments", "receivedDateTime", "sentDateTime", "createdDateTime"] {
        said.remove(own);
    }
    said.retain(|_, value| !value.is_null());
    let file = |file: &FileAttachment| {
        json!({
            "@odata.type": "#microsoft.graph.fileAttachment",
            "name": file.name,
            "contentType": file.content_type,
            "contentId": file.content_id,
            "isInline": file.is_inline,
            "contentBytes": STANDARD.encode(file.content.as_ref().unwrap()),
        })
    };
    said.insert("attachments".to_owned(), message.attachments.iter().map(file).collect());
    said.insert("singleValueExtendedProperties".to_owned(), entries(&single));
    said.insert("multiValueExtendedProperties".to_owned(), entries(&multi));
    Json::Object(said)
}

#[test]
fn what_was_created_over_graph_is_what_ews_tells() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    runner()
        .run(&plan(message()), |plan| {
            runtime.block_on(async {
                let folder = |parent: String, name: String| {
                    let path = format!("{LENA}/mailFolders/{parent}/childFolders");
                    let world = &world;
                    async move {
                        let made = world.graph(Method::POST, &path, Some(&json!({ "displayName": name }))).await;
                        made.told(201)["id"].as_str().unwrap().to_owned()
                    }
                };
                let top = folder("inbox".to_owned(), uuid::Uuid::new_v4().to_string()).await;
                let mut made = vec![top.clone()];
                for (number, (parent, messages)) in plan.iter().enumerate() {
                    let own = folder(parent.get(&made).clone(), format!("folder {number}")).await;
                    for sent in messages.iter().cloned().map(sayable) {
                        // Of two properties with one name the first counts; a client's JSON has one.
                        let path = format!("{LENA}/mailFolders/{own}/messages");
                        let mut sent = sent;
                        let mut seen = std::collections::HashSet::new();
                        sent.extended.retain(|property| seen.insert(property.uri().clone()));
                        let created = world.graph(Method::POST, &path, Some(&said(&sent))).await.told(201);
                        let id = ItemId::new(from_rest_id(created["id"].as_str().unwrap()));
                        let shape = port_shape(std::slice::from_ref(&sent));
                        let read = get(&world, &world.lena, vec![id], shape).await.remove(0).into_result().unwrap();
                        let expected = sorted(expected(sent, &read, world.now()));
                        prop_assert_eq!(
                            read.parent_folder_id.as_ref().map(|key| to_rest_id(&key.id)),
                            Some(own.clone())
                        );
                        prop_assert_eq!(sorted(read), expected);
                    }
                    made.push(own);
                }
                let request = Operation::FindFolder(FindFolder {
                    traversal: FolderTraversal::Deep,
                    shape: FolderShape::new(BaseShape::AllProperties),
                    view: None,
                    restriction: None,
                    folders: vec![FolderKey::new(from_rest_id(&top)).into()],
                });
                let mut found = answer!(FindFolderResponse, world.ews(&world.lena, request).await).messages;
                let found = found.remove(0).into_result().unwrap().entries.into_iter();
                let counts: BTreeMap<_, _> =
                    found.map(|folder| (to_rest_id(&folder.id.id), folder.total_count.unwrap() as usize)).collect();
                let planned: BTreeMap<_, _> =
                    made[1..].iter().cloned().zip(plan.iter().map(|(_, messages)| messages.len())).collect();
                prop_assert_eq!(counts, planned);
                Ok(())
            })
        })
        .unwrap();
}
