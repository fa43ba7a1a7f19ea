//! How long searches of a folder with 100 000 items take: `cargo bench -p actas-mailbox`.
//!
//! Requests come over no network, and the answers are read as a client reads them. Absolute figures
//! belong to the machine; what counts is beside them how long the same walk through the folder takes
//! by place and by how many items have to be passed over.

#![allow(dead_code, unreachable_pub, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/it/world.rs"]
mod world;

use std::time::{Duration, Instant};

use actas_exchange::ews::{
    BasePoint, BaseShape, Body, Comparison, ContainmentComparison, ContainmentMode, CreateItem, CreateItemResponse,
    DistinguishedFolder, ExtendedFieldUri, ExtendedProperty, Field, FindItem, FindItemResponse, IndexedPageView,
    ItemShape, ItemTraversal, Mailbox, Message, MessageDisposition, Operand, Page, PropertyType, Request as Operation,
    Restriction, SortDirection, SortField, SortOrder,
};
use actas_store::mailbox::{Mailboxes, Owner, Place};
use jiff::{SignedDuration, Timestamp};

use world::{World, answer};

const ITEMS: i64 = 100_000;
const FOLDER: DistinguishedFolder = DistinguishedFolder::ConversationHistory;

fn key() -> ExtendedFieldUri {
    ExtendedFieldUri::public_string("DeliveryKey", PropertyType::STRING)
}

fn received(now: Timestamp, number: i64) -> Timestamp {
    now - SignedDuration::from_mins(ITEMS - number)
}

async fn fill(world: &World) {
    let address = |number: i64| Mailbox {
        name: Some(format!("Person {}", number % 1000)),
        address: Some(format!("p{}@fabrikam.example", number % 1000)),
        routing_type: None,
    };
    for batch in 0..ITEMS / 500 {
        let items = (batch * 500..(batch + 1) * 500).map(|number| Message {
            item_class: Some("IPM.Note.Microsoft.Conversation".to_owned()),
            subject: Some(format!("Conversation {number} about {}", number % 777)),
            body: Some(Body::html(format!("<p>10:02 Omar: lunch {number}?</p>").repeat(25))),
            received: Some(received(world.now(), number)),
            from: Some(address(number)),
            sender: Some(address(number)),
            to: vec![address(number + 1)],
            is_read: Some(number % 3 == 0),
            extended: vec![ExtendedProperty::public_string("DeliveryKey", format!("key-{number}"))],
            ..Message::default()
        });
        let request = CreateItem {
            disposition: MessageDisposition::SaveOnly,
            folder: Some(FOLDER.into()),
            items: items.collect(),
        };
        answer!(CreateItemResponse, world.ews(&world.lena, Operation::CreateItem(request)).await);
    }
}

async fn find(world: &World, restriction: Option<Restriction>, sort: Option<Field>, offset: u32) -> Page<Message> {
    let field = |path: Field| SortField { path: path.into(), direction: SortDirection::Ascending };
    let request = FindItem {
        traversal: ItemTraversal::Shallow,
        shape: ItemShape::new(BaseShape::IdOnly).with([Field::Subject.into()]),
        view: Some(IndexedPageView { max_entries: Some(500), offset, base_point: BasePoint::Beginning }),
        restriction,
        sort: SortOrder(sort.map(field).into_iter().collect()),
        folders: vec![FOLDER.into()],
        query: None,
    };
    let reply = world.ews(&world.lena, Operation::FindItem(request)).await;
    answer!(FindItemResponse, reply).messages.remove(0).into_result().unwrap()
}

fn contains(path: Field, constant: &str) -> Restriction {
    Restriction::Contains {
        path: path.into(),
        constant: constant.to_owned(),
        mode: ContainmentMode::Substring,
        comparison: ContainmentComparison::IgnoreCase,
    }
}

fn between(now: Timestamp, from: i64, to: i64) -> Restriction {
    let at = |operation, number| Restriction::Compare {
        operation,
        path: Field::DateTimeReceived.into(),
        operand: Operand::Constant(received(now, number).to_string()),
    };
    Restriction::And(vec![at(Comparison::IsGreaterThanOrEqualTo, from), at(Comparison::IsLessThan, to)])
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(searches());
}

async fn searches() {
    let world = World::new().await;
    let begun = Instant::now();
    fill(&world).await;
    println!("{:>9.1?}  to fill", begun.elapsed());
    let print = |took: Duration, what: &str, found: usize| println!("{took:>9.1?}  {found:>6} of {what}");

    let begun = Instant::now();
    let mut read = 0;
    for offset in (0..100_000).step_by(500) {
        read += find(&world, None, None, offset).await.entries.len();
    }
    print(begun.elapsed(), "all, 200 pages", read);
    let begun = Instant::now();
    let last = find(&world, None, None, 99_500).await.entries.len();
    print(begun.elapsed(), "the last page", last);

    let sender = Restriction::equals(Field::From, "p7@fabrikam.example");
    let cases = [
        ("an extended property", Some(Restriction::equals(key(), "key-50000")), None, 1),
        ("one subject", Some(Restriction::equals(Field::Subject, "Conversation 50000 about 272")), None, 1),
        ("a part of subjects", Some(contains(Field::Subject, "CONVERSATION 500")), None, 111),
        ("a sender", Some(sender), None, 100),
        ("a part of addresses", Some(contains(Field::From, "P77@")), None, 100),
        ("an hour", Some(between(world.now(), 50_000, 50_060)), None, 60),
        (
            "a month's subjects",
            Some(Restriction::And(vec![between(world.now(), 50_000, 93_200), contains(Field::Subject, "about 77")])),
            None,
            0,
        ),
        ("those that are read", Some(Restriction::equals(Field::IsRead, "true")), None, 500),
        ("all, by subject", None, Some(Field::Subject), 500),
    ];
    for (what, restriction, sort, expected) in cases {
        let begun = Instant::now();
        let page = find(&world, restriction, sort, 0).await;
        print(begun.elapsed(), what, page.entries.len());
        assert!(expected == 0 || page.entries.len() == expected, "{what}: {}", page.entries.len());
    }

    // The same walk by place, and by what has to be passed over.
    let mailboxes = Mailboxes::new(world.database.clone());
    let owner = Owner { tenant: world.fabrikam, user: world.lena.id };
    let folder = mailboxes.distinguished(owner, FOLDER.as_str()).await.unwrap().unwrap().id;
    let begun = Instant::now();
    let (mut place, mut read) = (Place::at(Timestamp::MAX), 0);
    loop {
        let items = mailboxes.items_after(owner, folder, place, Timestamp::MIN, 256).await.unwrap();
        read += items.len();
        let Some((last, _)) = items.last() else { break };
        place = *last;
    }
    print(begun.elapsed(), "the store's, by place", read);
    let begun = Instant::now();
    let mut read = 0;
    loop {
        let items = mailboxes.items_page(owner, folder, i64::try_from(read).unwrap(), 256).await.unwrap();
        if items.is_empty() {
            break;
        }
        read += items.len();
    }
    print(begun.elapsed(), "the store's, by number", read);
}
