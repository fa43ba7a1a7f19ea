//! What was created is what is read.

use std::collections::HashSet;

use actas_exchange::ews::{
    BaseShape, BaseType, Body, BodyType, DistinguishedFolder, ExtendedFieldUri, ExtendedProperty, FileAttachment,
    Importance, ItemShape, Mailbox, Message, PropertySet, PropertyTag, PropertyType, ResponseMessage, Sensitivity,
    Value,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use crate::items::{create, get};
use crate::world::World;

/// Any text that XML can carry.
fn text() -> impl Strategy<Value = String> {
    "[\\PC\n\t<>&\"']{0,24}"
}

fn token() -> impl Strategy<Value = String> {
    "[!-~]([ -~é]{0,16}[!-~])?"
}

fn time() -> impl Strategy<Value = jiff::Timestamp> {
    (0_i64..4_000_000_000).prop_map(|second| jiff::Timestamp::from_second(second).unwrap())
}

fn mailbox() -> impl Strategy<Value = Mailbox> {
    (option::of(token()), option::of(token()), option::of(token())).prop_map(|(name, address, routing_type)| Mailbox {
        name,
        address,
        routing_type,
    })
}

fn extended() -> impl Strategy<Value = ExtendedProperty> {
    let set = prop_oneof![Just(PropertySet::PUBLIC_STRINGS), Just(PropertySet::INTERNET_HEADERS)];
    let kind = |base, array| PropertyType { base, array };
    let valued = prop_oneof![
        (Just(kind(BaseType::String, false)), text().prop_map(Value::One)),
        (Just(kind(BaseType::String, true)), vec(text(), 0..3).prop_map(Value::Many)),
        (Just(kind(BaseType::Integer, false)), any::<i32>().prop_map(|n| Value::One(n.to_string()))),
        (Just(kind(BaseType::Boolean, false)), any::<bool>().prop_map(|b| Value::One(b.to_string()))),
        (Just(kind(BaseType::SystemTime, false)), time().prop_map(|t| Value::One(t.to_string()))),
        (Just(kind(BaseType::Binary, false)), select(vec!["", "AAEC"]).prop_map(|b| Value::One(b.to_owned()))),
    ];
    let named = (set, token()).prop_map(|(set, name)| ExtendedFieldUri::named(set, name, PropertyType::STRING));
    let tagged = (0x3000_u16..0x4000)
        .prop_map(|tag| ExtendedFieldUri::tag(PropertyTag::new(tag).unwrap(), PropertyType::STRING));
    (prop_oneof![named, tagged], valued)
        .prop_map(|(uri, (kind, value))| ExtendedProperty::new(ExtendedFieldUri { kind, ..uri }, value).unwrap())
}

fn file() -> impl Strategy<Value = FileAttachment> {
    (option::of(text()), option::of(token()), option::of(token()), option::of(any::<bool>()), vec(any::<u8>(), 0..40))
        .prop_map(|(name, content_type, content_id, is_inline, content)| FileAttachment {
            name,
            content_type,
            content_id,
            is_inline,
            content: Some(content),
            ..FileAttachment::default()
        })
}

pub(crate) fn message() -> impl Strategy<Value = Message> {
    message_with(file().boxed())
}

/// Messages, some of them with others attached, and those with files.
pub(crate) fn message_of_messages() -> impl Strategy<Value = Message> {
    let item = (option::of(text()), message()).prop_map(|(name, item)| FileAttachment {
        name,
        item: Some(Box::new(item)),
        ..FileAttachment::default()
    });
    message_with(prop_oneof![3 => file(), 1 => item].boxed())
}

/// An attached message with what the server adds to it.
pub(crate) fn attached(message: Message) -> Message {
    let mut message = message.normalised();
    message.item_class.get_or_insert_with(|| "IPM.Note".to_owned());
    message.has_attachments = Some(!message.attachments.is_empty());
    for file in &mut message.attachments {
        file.size = file.content.as_ref().map(|content| content.len() as u64);
    }
    message
}

fn message_with(attachment: BoxedStrategy<FileAttachment>) -> impl Strategy<Value = Message> {
    let head = (option::of(token()), option::of(text()), option::of(select(Sensitivity::ALL)), vec(attachment, 0..3));
    let body = option::of((select(BodyType::ALL), text()).prop_map(|(kind, content)| Body { kind, content }));
    let state = (
        vec(text(), 0..3),
        option::of(select(Importance::ALL)),
        option::of(text()),
        option::of(any::<bool>()),
        option::of(any::<bool>()),
    );
    let times = (option::of(time()), option::of(time()));
    let people = (option::of(mailbox()), option::of(mailbox()), vec(mailbox(), 0..3), vec(mailbox(), 0..2));
    let rest = (option::of(text()), option::of(text()), option::of(text()), vec(mailbox(), 0..2), vec(mailbox(), 0..2));
    (head, body, state, times, people, rest, vec(extended(), 0..5)).prop_map(
        |(head, body, state, (received, sent), people, rest, extended)| Message {
            item_class: head.0,
            subject: head.1,
            sensitivity: head.2,
            attachments: head.3,
            body,
            categories: state.0,
            importance: state.1,
            in_reply_to: state.2,
            is_draft: state.3,
            is_read: state.4,
            received,
            sent,
            sender: people.0,
            from: people.1,
            to: people.2,
            cc: people.3,
            conversation_topic: rest.0,
            internet_message_id: rest.1,
            references: rest.2,
            bcc: rest.3,
            reply_to: rest.4,
            extended,
            ..Message::default()
        },
    )
}

/// The message with what the server adds to it.
pub(crate) fn expected(mut message: Message, told: &Message, now: jiff::Timestamp) -> Message {
    let mut seen = HashSet::new();
    message.extended.retain(|property| seen.insert(property.uri().clone()));
    for (file, told) in message.attachments.iter_mut().zip(&told.attachments) {
        file.id.clone_from(&told.id);
        file.size = match &mut file.item {
            Some(item) => {
                // It is told in another place what it says.
                **item = Message::default();
                told.size
            }
            None => file.content.take().map(|content| content.len() as u64),
        };
    }
    let received = message.received.unwrap_or(now);
    Message {
        item_id: told.item_id.clone(),
        parent_folder_id: told.parent_folder_id.clone(),
        size: told.size,
        item_class: message.item_class.or_else(|| Some("IPM.Note".to_owned())),
        sensitivity: message.sensitivity.or(Some(Sensitivity::Normal)),
        importance: message.importance.or(Some(Importance::Normal)),
        has_attachments: Some(!message.attachments.is_empty()),
        received: Some(received),
        sent: message.sent.or(Some(received)),
        created: Some(now),
        last_modified: Some(now),
        is_draft: message.is_draft.or(Some(true)),
        is_read: message.is_read.or(Some(false)),
        conversation_topic: message.conversation_topic.or_else(|| message.subject.clone()),
        ..message
    }
}

#[test]
fn what_was_created_is_what_is_read() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    runner
        .run(&vec(message(), 1..4), |messages| {
            let told = runtime.block_on(async {
                let ids = create(&world, &world.lena, DistinguishedFolder::Inbox, messages.clone()).await;
                let paths =
                    messages.iter().flat_map(|message| &message.extended).map(|property| property.uri().clone());
                let shape = ItemShape::new(BaseShape::AllProperties).with(paths.map(Into::into));
                get(&world, &world.lena, ids, shape).await
            });
            for (sent, told) in messages.into_iter().zip(told) {
                let ResponseMessage::Success(mut told) = told else { panic!("{told:?}") };
                let mut expected = expected(sent, &told, world.now());
                for message in [&mut expected, &mut told] {
                    message.extended.sort_by_key(|property| property.uri().to_string());
                }
                prop_assert_eq!(told, expected);
            }
            Ok(())
        })
        .unwrap();
}
