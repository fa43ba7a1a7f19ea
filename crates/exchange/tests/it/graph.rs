//! Mail in JSON: what is written is read, and nothing that anybody sends does harm.

use std::collections::BTreeSet;

use actas_exchange::ews::{FileAttachment, ItemUpdate, Mailbox, Message, Properties};
use actas_exchange::graph::{
    LIST_MAX, from_rest_id, read_attachment, read_changes, read_folder, read_message, to_rest_id, write_attachment,
    write_message,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::strategies::{attachment, message};

/// Of a message what its plain properties say, and clients may say.
fn sayable(message: Message) -> Message {
    let plain = |mailbox: Mailbox| Mailbox { routing_type: None, ..mailbox };
    let all = |mailboxes: Vec<Mailbox>| mailboxes.into_iter().map(plain).collect();
    Message {
        subject: message.subject,
        body: message.body,
        importance: message.importance,
        categories: message.categories,
        internet_message_id: message.internet_message_id,
        is_read: message.is_read,
        sender: message.sender.map(plain),
        from: message.from.map(plain),
        to: all(message.to),
        cc: all(message.cc),
        bcc: all(message.bcc),
        reply_to: all(message.reply_to),
        ..Message::default()
    }
}

/// What a client sends that got a message and sends it back.
fn sent_back(message: &Message) -> Vec<u8> {
    let own = ["flag", "isReadReceiptRequested", "isDeliveryReceiptRequested"];
    let mut written = write_message(message, Some("preview"), |name| Some(!own.contains(&name)));
    written.remove("internetMessageHeaders");
    Value::Object(written).to_string().into_bytes()
}

/// Anything that JSON can say, with names that mean something here more often than by chance.
fn anything() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "subject",
        "body",
        "content",
        "contentType",
        "toRecipients",
        "from",
        "emailAddress",
        "address",
        "attachments",
        "@odata.type",
        "contentBytes",
        "singleValueExtendedProperties",
        "multiValueExtendedProperties",
        "id",
        "value",
        "flag",
        "flagStatus",
        "displayName",
        "categories",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "html",
            "String 0x001A",
            "Integer {x} Id 1",
            "#microsoft.graph.fileAttachment",
            "AAEC"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in message()) {
        let read = read_message(&sent_back(&message)).unwrap();
        prop_assert_eq!(read, sayable(message));
    }

    /// A client may send back all that it was told: each property that clients may say is one
    /// change, and what the server says alone is none.
    #[test]
    fn what_is_written_is_a_change_of_each_property(message in message()) {
        let stored = Message { is_read: message.is_read.or(Some(false)), ..message };
        let changes = read_changes(&sent_back(&stored)).unwrap();
        let paths: BTreeSet<String> = changes.iter().map(|change| change.path().to_string()).collect();
        prop_assert_eq!((changes.len(), paths.len()), (12, 12), "{:?}", paths);
        let expected = sayable(stored);
        for change in changes {
            let (path, item) = match change {
                ItemUpdate::Set { path, item } => (path, *item),
                ItemUpdate::Delete { path } => (path, Message::default()),
                ItemUpdate::Append { path, .. } => panic!("{path} is appended to"),
            };
            prop_assert_eq!(item.property(&path), expected.property(&path), "{}", path);
        }
    }

    #[test]
    fn files_are_what_was_sent(file in attachment(), bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let name = file.name.or_else(|| Some("file".to_owned()));
        let file = FileAttachment { name, content: Some(bytes), id: None, size: None, item: None, ..file };
        let read = read_attachment(write_attachment(&file, None).to_string().as_bytes()).unwrap();
        let is_inline = Some(file.is_inline.unwrap_or(false));
        prop_assert_eq!(read, FileAttachment { is_inline, ..file });
    }

    #[test]
    fn nothing_that_is_sent_does_harm(value in anything()) {
        let body = value.to_string().into_bytes();
        let refused = [
            read_message(&body).is_err(),
            read_changes(&body).is_err(),
            read_attachment(&body).is_err(),
            read_folder(&body).is_err(),
        ];
        prop_assert!(value.is_object() || refused.iter().all(|refused| *refused));
    }

    #[test]
    fn ids_come_back(id in "[A-Za-z0-9+/]{0,40}={0,2}") {
        let rest = to_rest_id(&id);
        prop_assert!(!rest.contains(['/', '+']));
        prop_assert_eq!(from_rest_id(&rest), id);
    }
}

#[test]
fn what_is_refused_says_what_was_wrong() {
    let long = vec!["x"; LIST_MAX + 1];
    for (body, why) in [
        (json!({ "subjekt": "x" }), "the property `subjekt` does not exist on the type `microsoft.graph.message`"),
        (json!({ "subjekt": null }), "the property `subjekt` does not exist on the type `microsoft.graph.message`"),
        (json!({ "subject": 7 }), "the property `subject` is not a string"),
        (
            json!({ "flag": { "flagStatus": "flagged", "colour": null } }),
            "the property `colour` does not exist on the type `microsoft.graph.followupFlag`",
        ),
        (json!({ "isRead": "yes" }), "the property `isRead` is neither true nor false"),
        (json!({ "from": { "address": "a@b" } }), "the property `from` has no `emailAddress`"),
        (json!({ "body": { "contentType": "rtf" } }), "the property `contentType` is neither `text` nor `html`"),
        (json!({ "categories": long }), "more than 1000 entries in a list"),
    ] {
        let error = read_message(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.violation(), why);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(read_message(deep.as_bytes()).is_err());
    let nothing = json!({ "subject": null, "attachments": null, "isRead": null });
    assert_eq!(read_message(nothing.to_string().as_bytes()), Ok(Message::default()), "null says nothing in a new one");
    assert!(read_message(br#"{ "flag": { "flagStatus": "flagged", "dueDateTime": null } }"#).is_ok());
    let file = |more: &str| format!(r##"{{ "@odata.type": "#microsoft.graph.fileAttachment", "name": "x", {more} }}"##);
    assert!(read_attachment(file(r#""contentId": null"#).as_bytes()).is_ok());
    assert!(read_attachment(file(r#""colour": null"#).as_bytes()).is_err());
    assert!(read_folder(br#"{ "displayName": "x", "isHidden": false }"#).is_ok());
    for hidden in ["true", "7", "\"no\""] {
        assert!(read_folder(format!(r#"{{ "displayName": "x", "isHidden": {hidden} }}"#).as_bytes()).is_err());
    }
    assert!(read_changes(br#"{ "isRead": null }"#).is_err());
}
