//! Searches: by index or by going through the folder, the same is found.

use actas_exchange::ews::{
    BaseShape, Body, Comparison, ConflictResolution, DistinguishedFolder, ExtendedFieldUri, ExtendedProperty, Failure,
    Field, FindItem, FindItemResponse, IndexedPageView, ItemChange, ItemShape, ItemTraversal, ItemUpdate, Message,
    Operand, Page, PropertyPath, PropertyTag, PropertyType, Request as Operation, ResponseCode, Restriction,
    SortDirection, SortField, SortOrder, UpdateItem, UpdateItemResponse,
};

use crate::items::create;
use crate::world::{World, answer};

const FOLDER: DistinguishedFolder = DistinguishedFolder::ConversationHistory;

fn all() -> FindItem {
    FindItem {
        traversal: ItemTraversal::Shallow,
        shape: ItemShape::new(BaseShape::IdOnly).with([Field::Subject.into()]),
        view: None,
        restriction: None,
        sort: SortOrder::default(),
        folders: vec![FOLDER.into()],
        query: None,
    }
}

async fn search(world: &World, request: FindItem) -> Result<Page<Message>, Failure> {
    let reply = world.ews(&world.lena, Operation::FindItem(request)).await;
    answer!(FindItemResponse, reply).messages.remove(0).into_result()
}

async fn subjects(world: &World, request: FindItem) -> Vec<String> {
    let page = search(world, request).await.unwrap();
    page.entries.into_iter().filter_map(|message| message.subject).collect()
}

fn key() -> ExtendedFieldUri {
    ExtendedFieldUri::public_string("DeliveryKey", PropertyType::STRING)
}

/// Seven items, one each minute, the last one first in every list.
async fn filled() -> World {
    let world = World::new().await;
    let items = (0..7).map(|n| Message {
        item_class: Some(if n % 2 == 0 { "IPM.Note.Microsoft.Conversation" } else { "IPM.Note" }.to_owned()),
        subject: Some(format!("s{n}")),
        body: Some(Body::text(format!("body {}", 9 - n))),
        received: Some(world.now() - jiff::SignedDuration::from_mins(10 - n)),
        extended: vec![
            ExtendedProperty::public_string("DeliveryKey", format!("key-{}", n % 3)),
            ExtendedProperty::public_string("Long", format!("{n}{}", "x".repeat(2000))),
        ],
        ..Message::default()
    });
    create(&world, &world.lena, FOLDER, items.collect()).await;
    world
}

#[tokio::test]
async fn by_a_key_of_ones_own() {
    let world = filled().await;
    let by_key = |value: &str| FindItem { restriction: Some(Restriction::equals(key(), value)), ..all() };
    assert_eq!(subjects(&world, by_key("key-1")).await, ["s4", "s1"]);
    assert_eq!(subjects(&world, by_key("KEY-1")).await, Vec::<String>::new());
    let both = Restriction::And(vec![Restriction::equals(Field::Subject, "s4"), Restriction::equals(key(), "key-1")]);
    assert_eq!(subjects(&world, FindItem { restriction: Some(both), ..all() }).await, ["s4"]);
    let other_folder = FindItem { folders: vec![DistinguishedFolder::Inbox.into()], ..by_key("key-1") };
    assert_eq!(subjects(&world, other_folder).await, Vec::<String>::new());
    let long = ExtendedFieldUri::public_string("Long", PropertyType::STRING);
    let restriction = Some(Restriction::equals(long, format!("3{}", "x".repeat(2000))));
    assert_eq!(subjects(&world, FindItem { restriction, ..all() }).await, ["s3"], "too long for the index");
}

#[tokio::test]
async fn the_class_is_found_under_both_names() {
    let world = filled().await;
    let class = "IPM.Note.Microsoft.Conversation";
    let tag = ExtendedFieldUri::tag(PropertyTag::MESSAGE_CLASS, PropertyType::STRING);
    for path in [PropertyPath::from(Field::ItemClass), tag.into()] {
        let restriction = Some(Restriction::equals(path, class));
        assert_eq!(subjects(&world, FindItem { restriction, ..all() }).await, ["s6", "s4", "s2", "s0"]);
    }
}

#[tokio::test]
async fn pages_of_everything_and_of_what_is_found() {
    let world = filled().await;
    let later = Restriction::Compare {
        operation: Comparison::IsGreaterThan,
        path: Field::DateTimeReceived.into(),
        operand: Operand::Constant((world.now() - jiff::SignedDuration::from_mins(9)).to_string()),
    };
    let by_subject = SortOrder(vec![SortField { path: Field::Subject.into(), direction: SortDirection::Ascending }]);
    let cases = [
        (all(), vec!["s6", "s5", "s4", "s3", "s2", "s1", "s0"]),
        (FindItem { restriction: Some(later.clone()), ..all() }, vec!["s6", "s5", "s4", "s3", "s2"]),
        (FindItem { sort: by_subject.clone(), ..all() }, vec!["s0", "s1", "s2", "s3", "s4", "s5", "s6"]),
        (FindItem { sort: by_subject, restriction: Some(later), ..all() }, vec!["s2", "s3", "s4", "s5", "s6"]),
    ];
    for (request, expected) in cases {
        let mut walked = Vec::new();
        let mut offset = Some(0);
        while let Some(at) = offset {
            let view = Some(IndexedPageView { offset: at, ..IndexedPageView::first(3) });
            let page = search(&world, FindItem { view, ..request.clone() }).await.unwrap();
            assert_eq!(page.total_in_view as usize, expected.len());
            walked.extend(page.entries.into_iter().filter_map(|message| message.subject));
            offset = page.next_offset;
        }
        assert_eq!(walked, expected);
    }
}

#[tokio::test]
async fn bodies_are_searched_and_sorted_by_but_not_told() {
    let world = filled().await;
    let by_body = SortOrder(vec![SortField { path: Field::Body.into(), direction: SortDirection::Ascending }]);
    let restriction = Some(Restriction::equals(Field::Body, "body 9"));
    let shape = ItemShape::new(BaseShape::AllProperties);
    let page = search(&world, FindItem { restriction, shape, ..all() }).await.unwrap();
    assert_eq!((page.entries.len(), page.entries[0].body.clone()), (1, None));
    assert_eq!(subjects(&world, FindItem { sort: by_body, ..all() }).await[0], "s6");
}

#[tokio::test]
async fn what_cannot_be_searched_is_told_even_of_an_empty_folder() {
    let world = World::new().await;
    let path = PropertyPath::from(Field::from_name("calendar:Start"));
    let sort = SortOrder(vec![SortField { path: path.clone(), direction: SortDirection::Ascending }]);
    let restriction = Some(Restriction::Exists(path));
    for request in [FindItem { restriction, ..all() }, FindItem { sort, ..all() }] {
        let failure = search(&world, request).await.unwrap_err();
        assert_eq!(failure.code, ResponseCode::ErrorUnsupportedPathForQuery);
    }
    let query = FindItem { query: Some("subject:x".to_owned()), ..all() };
    assert_eq!(search(&world, query).await.unwrap_err().code.as_str(), "ErrorInvalidOperation");
    for traversal in [ItemTraversal::SoftDeleted, ItemTraversal::Associated] {
        let page = search(&world, FindItem { traversal, ..all() }).await.unwrap();
        assert!(page.entries.is_empty() && page.includes_last);
    }
}

#[tokio::test]
async fn a_folder_of_many_is_gone_through() {
    let world = World::new().await;
    let items = |from: u32| (from..from + 400).map(|n| Message { subject: Some(format!("{n}")), ..Message::default() });
    for from in [0, 400] {
        create(&world, &world.lena, FOLDER, items(from).collect()).await;
    }
    let restriction =
        Some(Restriction::Or(["3", "555"].map(|subject| Restriction::equals(Field::Subject, subject)).to_vec()));
    assert_eq!(subjects(&world, FindItem { restriction, ..all() }).await, ["555", "3"], "newest first");
    let page = search(&world, all()).await.unwrap();
    assert_eq!((page.total_in_view, page.entries[0].subject.as_deref()), (800, Some("799")));
}

#[tokio::test]
async fn a_subject_that_one_has_is_found_and_one_that_many_have() {
    let world = World::new().await;
    let named = |subject: &str| Message { subject: Some(subject.to_owned()), ..Message::default() };
    let items = (0..300).map(|_| named("same")).chain([named("other"), named(&"long".repeat(200))]);
    let made = create(&world, &world.lena, FOLDER, items.collect()).await;
    let by = |subject: &str| FindItem { restriction: Some(Restriction::equals(Field::Subject, subject)), ..all() };
    for (subject, count) in [("same", 300), ("other", 1), ("Other", 0), (&"long".repeat(200), 1), ("", 0)] {
        assert_eq!(subjects(&world, by(subject)).await.len(), count, "{subject}");
    }
    let updates = vec![ItemUpdate::Set { path: Field::Subject.into(), item: Box::new(named("changed")) }];
    let changes = vec![ItemChange { id: made[300].clone(), updates }];
    let request = UpdateItem { disposition: None, conflict_resolution: ConflictResolution::AutoResolve, changes };
    answer!(UpdateItemResponse, world.ews(&world.lena, Operation::UpdateItem(request)).await);
    assert_eq!(subjects(&world, by("changed")).await, ["changed"]);
    assert_eq!(subjects(&world, by("other")).await.len(), 0);
}
