//! Items and folders changed, and told of.

use actas_directory::User;
use actas_exchange::ews::*;
use actas_exchange::ews::{Folder as Told, Request as Operation};
use http::StatusCode;

use crate::items::{create, get};
use crate::world::{Reply, World, answer};

pub(crate) fn subject(text: &str) -> Message {
    Message { subject: Some(text.to_owned()), is_draft: Some(false), ..Message::default() }
}

fn set(field: Field, item: Message) -> ItemUpdate {
    ItemUpdate::Set { path: field.into(), item: Box::new(item) }
}

async fn update_with(
    world: &World,
    id: &ItemId,
    conflict_resolution: ConflictResolution,
    updates: Vec<ItemUpdate>,
) -> Result<UpdatedItem, String> {
    let request = UpdateItem {
        conflict_resolution,
        disposition: Some(MessageDisposition::SaveOnly),
        changes: vec![ItemChange { id: id.clone(), updates }],
    };
    let mut messages =
        answer!(UpdateItemResponse, world.ews(&world.lena, Operation::UpdateItem(request)).await).messages;
    messages.remove(0).into_result().map_err(|failure| failure.code.to_string())
}

async fn update(world: &World, id: &ItemId, updates: Vec<ItemUpdate>) -> Result<UpdatedItem, String> {
    update_with(world, id, ConflictResolution::AutoResolve, updates).await
}

async fn one(world: &World, user: &User, message: Message) -> ItemId {
    create(world, user, DistinguishedFolder::Inbox, vec![message]).await.remove(0)
}

async fn read(world: &World, id: &ItemId) -> Message {
    let shape = ItemShape::new(BaseShape::AllProperties);
    get(world, &world.lena, vec![id.clone()], shape).await.remove(0).into_result().unwrap()
}

#[tokio::test]
async fn properties_are_set_appended_and_deleted() {
    let world = World::new().await;
    let mut message = subject("one");
    message.body = Some(Body::text("a"));
    message.categories = vec!["red".to_owned()];
    let id = one(&world, &world.lena, message).await;
    let more = Message { body: Some(Body::text("b")), ..Message::default() };
    let all = vec![
        set(Field::Subject, subject("two")),
        ItemUpdate::Append { path: Field::Body.into(), item: Box::new(more) },
        ItemUpdate::Delete { path: Field::Categories.into() },
        ItemUpdate::Delete { path: Field::from_name("item:ReminderDueBy").into() },
    ];
    let updated = update(&world, &id, all).await.unwrap();
    assert_eq!((&updated.id.id, updated.conflicts), (&id.id, 0));
    assert_ne!(updated.id.change_key, id.change_key);
    let now = read(&world, &id).await;
    assert_eq!(now.subject.as_deref(), Some("two"));
    assert_eq!(now.body, Some(Body::text("ab")));
    assert_eq!(now.categories, Vec::<String>::new());
    assert_eq!(now.item_id, Some(updated.id));

    let current = now.item_id.unwrap();
    for (refused, code) in [
        (vec![set(Field::Size, subject("x"))], "ErrorInvalidPropertySet"),
        (vec![set(Field::Subject, Message::default())], "ErrorInvalidPropertySet"),
        (vec![ItemUpdate::Delete { path: Field::IsRead.into() }], "ErrorInvalidPropertyDelete"),
        (
            vec![ItemUpdate::Append { path: Field::Subject.into(), item: Box::new(subject("x")) }],
            "ErrorInvalidPropertyAppend",
        ),
    ] {
        assert_eq!(update(&world, &current, refused).await, Err(code.to_owned()));
    }
    assert_eq!(read(&world, &id).await.item_id, Some(current), "what is refused changes nothing");
}

#[tokio::test]
async fn change_keys() {
    use ConflictResolution::{AlwaysOverwrite, AutoResolve, NeverOverwrite};
    let world = World::new().await;
    let old = one(&world, &world.lena, subject("one")).await;
    let new = |text| vec![set(Field::Subject, subject(text))];
    let read_flag = || vec![set(Field::IsRead, Message { is_read: Some(true), ..Message::default() })];
    update(&world, &old, new("two")).await.unwrap();
    let refused = |code: &str| Err(code.to_owned());
    for resolution in [AlwaysOverwrite, AutoResolve, NeverOverwrite] {
        let without = ItemId::new(&old.id);
        let answer = update_with(&world, &without, resolution, new("x")).await;
        assert_eq!(answer, refused("ErrorChangeKeyRequiredForWriteOperations"));
        let wrong = ItemId::with_change_key(&old.id, "no key");
        assert_eq!(update_with(&world, &wrong, resolution, new("x")).await, refused("ErrorInvalidChangeKey"));
        let future = ItemId::with_change_key(&old.id, "AAAAAAAAAGM=");
        assert_eq!(update_with(&world, &future, resolution, new("x")).await, refused("ErrorStaleObject"));
    }
    let conflict = refused("ErrorIrresolvableConflict");
    assert_eq!(update_with(&world, &old, NeverOverwrite, read_flag()).await, conflict);
    assert_eq!(update_with(&world, &old, AutoResolve, new("x")).await, conflict);
    // Nobody else changed the flag.
    assert_eq!(update_with(&world, &old, AutoResolve, read_flag()).await.unwrap().conflicts, 0);
    assert_eq!(update_with(&world, &old, AlwaysOverwrite, new("three")).await.unwrap().conflicts, 1);
    let now = read(&world, &old).await;
    assert_eq!((now.subject.as_deref(), now.is_read), (Some("three"), Some(true)));
}

#[tokio::test]
async fn writers_at_once_lose_nothing() {
    let world = World::new().await;
    let id = one(&world, &world.lena, subject("one")).await;
    let fields = [
        (Field::Subject, subject("new")),
        (Field::Importance, Message { importance: Some(Importance::High), ..Message::default() }),
        (Field::Categories, Message { categories: vec!["red".to_owned()], ..Message::default() }),
        (Field::InReplyTo, Message { in_reply_to: Some("<a@b>".to_owned()), ..Message::default() }),
    ];
    let writes = fields.map(|(field, item)| update(&world, &id, vec![set(field, item)]));
    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }
    let now = read(&world, &id).await;
    assert_eq!(now.subject.as_deref(), Some("new"));
    assert_eq!(now.importance, Some(Importance::High));
    assert_eq!(now.categories, ["red"]);
    assert_eq!(now.in_reply_to.as_deref(), Some("<a@b>"));
}

#[tokio::test]
async fn what_is_elses_is_not_changed() {
    let world = World::new().await;
    let id = one(&world, &world.omar, subject("omar's")).await;
    let stranger = one(&world, &world.eve, subject("eve's")).await;
    for foreign in [&id, &stranger] {
        assert_eq!(
            update(&world, foreign, vec![set(Field::Subject, subject("x"))]).await,
            Err("ErrorItemNotFound".to_owned())
        );
        let transfer = TransferItems { to: DistinguishedFolder::Drafts.into(), items: vec![foreign.clone()] };
        let moved = answer!(MoveItemResponse, world.ews(&world.lena, Operation::MoveItem(transfer.clone())).await);
        assert!(matches!(&moved.messages[0], ResponseMessage::Error(f) if f.code == ResponseCode::ErrorItemNotFound));
        let copied = answer!(CopyItemResponse, world.ews(&world.lena, Operation::CopyItem(transfer)).await);
        assert!(matches!(&copied.messages[0], ResponseMessage::Error(f) if f.code == ResponseCode::ErrorItemNotFound));
    }
}

// === quota ===

#[tokio::test]
async fn a_mailbox_has_a_quota() {
    let world = World::with(|config| config.quota_bytes = 10_000).await;
    let big = |bytes| Message { body: Some(Body::text("x".repeat(bytes))), ..Message::default() };
    let id = one(&world, &world.lena, big(6000)).await;
    let create_big = CreateItem {
        disposition: MessageDisposition::SaveOnly,
        folder: Some(DistinguishedFolder::Inbox.into()),
        items: vec![big(6000)],
    };
    let full = |reply: Reply| answer!(CreateItemResponse, reply).messages.remove(0).into_result().map_err(|f| f.code);
    let reply = world.ews(&world.lena, Operation::CreateItem(create_big.clone())).await;
    assert_eq!(full(reply), Err(ResponseCode::ErrorQuotaExceeded));
    assert_eq!(update(&world, &id, vec![set(Field::Body, big(12_000))]).await, Err("ErrorQuotaExceeded".to_owned()));
    // Another mailbox has its own, and what is gone makes room.
    assert!(full(world.ews(&world.omar, Operation::CreateItem(create_big.clone())).await).is_ok());
    let updated = update(&world, &id, vec![set(Field::Body, big(10))]).await.unwrap();
    assert!(full(world.ews(&world.lena, Operation::CreateItem(create_big)).await).is_ok());
    assert!(update(&world, &updated.id, vec![set(Field::Subject, subject("fits"))]).await.is_ok());
}

// === folders ===

pub(crate) async fn make(world: &World, parent: FolderId, name: &str) -> Result<FolderKey, String> {
    let folder = NewFolder { kind: FolderKind::Folder, class: None, display_name: Some(name.to_owned()) };
    let request = Operation::CreateFolder(CreateFolder { parent, folders: vec![folder] });
    let mut messages = answer!(CreateFolderResponse, world.ews(&world.lena, request).await).messages;
    messages.remove(0).into_result().map(|folder| folder.id).map_err(|failure| failure.code.to_string())
}

pub(crate) async fn tell(world: &World, folder: FolderId) -> Result<Told, String> {
    let shape = FolderShape::new(BaseShape::AllProperties);
    let request = Operation::GetFolder(GetFolder { shape, folders: vec![folder] });
    let mut messages = answer!(GetFolderResponse, world.ews(&world.lena, request).await).messages;
    messages.remove(0).into_result().map_err(|failure| failure.code.to_string())
}

async fn remove(world: &World, folder: FolderId, delete_type: DeleteType) -> Result<(), String> {
    let request = Operation::DeleteFolder(DeleteFolder { delete_type, folders: vec![folder] });
    let mut messages = answer!(DeleteFolderResponse, world.ews(&world.lena, request).await).messages;
    messages.remove(0).into_result().map_err(|failure| failure.code.to_string())
}

#[tokio::test]
async fn folders_are_made_thrown_away_and_gone() {
    let world = World::new().await;
    let inbox = || FolderId::from(DistinguishedFolder::Inbox);
    let outer = make(&world, inbox(), "Outer").await.unwrap();
    let inner = make(&world, outer.clone().into(), "Inner").await.unwrap();
    assert_eq!(make(&world, inbox(), "OUTER").await, Err("ErrorFolderExists".to_owned()));
    for bad in ["", "  ", "a\tb", &"x".repeat(256)] {
        assert_eq!(make(&world, inbox(), bad).await, Err("ErrorFolderSave".to_owned()), "{bad:?}");
    }
    let told = tell(&world, outer.clone().into()).await.unwrap();
    assert_eq!((told.child_folder_count, told.total_count), (Some(1), Some(0)));
    assert!(told.effective_rights.unwrap().delete);
    assert!(!tell(&world, inbox()).await.unwrap().effective_rights.unwrap().delete);
    assert_eq!(tell(&world, inbox()).await.unwrap().child_folder_count, Some(1));

    let items = vec![subject("deep")];
    let request = CreateItem { disposition: MessageDisposition::SaveOnly, folder: Some(inner.clone().into()), items };
    answer!(CreateItemResponse, world.ews(&world.lena, Operation::CreateItem(request)).await);
    assert_eq!(tell(&world, inner.clone().into()).await.unwrap().total_count, Some(1));

    for how in DeleteType::ALL {
        assert_eq!(remove(&world, inbox(), *how).await, Err("ErrorDeleteDistinguishedFolder".to_owned()));
    }
    remove(&world, outer.clone().into(), DeleteType::MoveToDeletedItems).await.unwrap();
    let deleted = tell(&world, DistinguishedFolder::DeletedItems.into()).await.unwrap();
    let moved = tell(&world, outer.clone().into()).await.unwrap();
    assert_eq!(moved.parent_id.unwrap().id, deleted.id.id);
    // A second one of the same name gets a number.
    let twin = make(&world, inbox(), "Outer").await.unwrap();
    remove(&world, twin.clone().into(), DeleteType::MoveToDeletedItems).await.unwrap();
    assert_eq!(tell(&world, twin.into()).await.unwrap().display_name.as_deref(), Some("Outer (2)"));
    // Thrown away twice is out of sight.
    remove(&world, outer.clone().into(), DeleteType::MoveToDeletedItems).await.unwrap();
    let hidden = tell(&world, DistinguishedFolder::RecoverableItemsDeletions.into()).await.unwrap();
    assert_eq!(tell(&world, outer.clone().into()).await.unwrap().parent_id.unwrap().id, hidden.id.id);

    remove(&world, outer.clone().into(), DeleteType::HardDelete).await.unwrap();
    for gone in [outer, inner] {
        assert_eq!(tell(&world, gone.clone().into()).await, Err("ErrorFolderNotFound".to_owned()));
        assert_eq!(remove(&world, gone.into(), DeleteType::HardDelete).await, Err("ErrorFolderNotFound".to_owned()));
    }
}

#[tokio::test]
async fn folders_of_others_are_not_touched() {
    let world = World::new().await;
    let inbox = FolderId::of("omar@fabrikam.example".parse().unwrap(), DistinguishedFolder::Inbox);
    assert_eq!(make(&world, inbox, "x").await, Err("ErrorAccessDenied".to_owned()));
    let shape = FolderShape::new(BaseShape::IdOnly);
    let request = Operation::GetFolder(GetFolder { shape, folders: vec![DistinguishedFolder::Inbox.into()] });
    let foreign = answer!(GetFolderResponse, world.ews(&world.eve, request).await).messages.remove(0);
    let foreign = foreign.into_result().unwrap().id;
    assert_eq!(make(&world, foreign.clone().into(), "x").await, Err("ErrorFolderNotFound".to_owned()));
    assert_eq!(remove(&world, foreign.into(), DeleteType::HardDelete).await, Err("ErrorFolderNotFound".to_owned()));
}

// === synchronisation and events ===

pub(crate) async fn sync(
    world: &World,
    user: &User,
    state: Option<String>,
    max_changes: u32,
) -> Result<Synced<SyncedItem>, String> {
    let request = SyncFolderItems {
        shape: ItemShape::new(BaseShape::AllProperties),
        folder: DistinguishedFolder::Inbox.into(),
        state,
        ignore: Vec::new(),
        max_changes,
    };
    let mut messages =
        answer!(SyncFolderItemsResponse, world.ews(user, Operation::SyncFolderItems(request)).await).messages;
    messages.remove(0).into_result().map_err(|failure| failure.code.to_string())
}

#[tokio::test]
async fn an_item_that_changes_while_it_is_synchronised_is_created_once() {
    let world = World::new().await;
    let lena = &world.lena;
    let ids = create(&world, lena, DistinguishedFolder::Inbox, vec![subject("a"), subject("b"), subject("c")]).await;
    let first = sync(&world, lena, None, 1).await.unwrap();
    assert!(matches!(&first.changes[..], [SyncedItem::Create(a)] if a.subject.as_deref() == Some("a")));
    assert!(!first.includes_last);
    update(&world, &ids[0], vec![set(Field::Subject, subject("a2"))]).await.unwrap();
    update(&world, &ids[2], vec![set(Field::Subject, subject("c2"))]).await.unwrap();
    let rest = sync(&world, lena, Some(first.state.clone()), 100).await.unwrap();
    let kinds: Vec<_> = rest
        .changes
        .iter()
        .map(|change| match change {
            SyncedItem::Create(item) => ("create", item.subject.clone().unwrap()),
            SyncedItem::Update(item) => ("update", item.subject.clone().unwrap()),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [("create", "b"), ("create", "c2"), ("update", "a2")];
    assert_eq!(kinds, expected.map(|(kind, text)| (kind, text.to_owned())));
    assert!(rest.includes_last);
    // A state is good for one folder of one mailbox.
    for user in [&world.omar, &world.eve] {
        assert_eq!(sync(&world, user, Some(rest.state.clone()), 1).await, Err("ErrorInvalidSyncStateData".to_owned()));
    }
}

#[tokio::test]
async fn subscriptions_are_few_and_end() {
    let world = World::new().await;
    let subscribe = |timeout_minutes| {
        Operation::Subscribe(Subscribe {
            folders: None,
            events: vec![EventType::Created],
            watermark: None,
            timeout_minutes,
        })
    };
    let made = |reply: Reply| {
        let mut messages = answer!(SubscribeResponse, reply).messages;
        messages.remove(0).into_result().map_err(|failure| failure.code.to_string())
    };
    for wrong in [0, 1441, u32::MAX] {
        let code = Err("ErrorInvalidSubscriptionRequest".to_owned());
        assert_eq!(made(world.ews(&world.lena, subscribe(wrong)).await), code);
    }
    let first = made(world.ews(&world.lena, subscribe(10)).await).unwrap();
    for _ in 1..20 {
        made(world.ews(&world.lena, subscribe(10)).await).unwrap();
    }
    let many = Err("ErrorExceededSubscriptionCount".to_owned());
    assert_eq!(made(world.ews(&world.lena, subscribe(10)).await), many);
    assert!(made(world.ews(&world.omar, subscribe(10)).await).is_ok(), "each mailbox has its own");

    let ask = |user: User| {
        let world = &world;
        let (subscription, watermark) = (first.subscription.clone(), first.watermark.clone());
        async move {
            let request = Operation::GetEvents(GetEvents { subscription, watermark });
            let mut messages = answer!(GetEventsResponse, world.ews(&user, request).await).messages;
            messages.remove(0).into_result().map_err(|failure| failure.code.to_string())
        }
    };
    let id = one(&world, &world.lena, subject("new")).await;
    let told = ask(world.lena.clone()).await.unwrap();
    let objects: Vec<_> = told.events.iter().map(|event| event.object.clone()).collect();
    assert_eq!(objects, [EventObject::Item(ItemId::new(&id.id))]);
    let gone = Err("ErrorSubscriptionNotFound".to_owned());
    assert_eq!(ask(world.omar.clone()).await, gone);
    // Asking makes it last; silence ends it.
    world.clock.advance(jiff::SignedDuration::from_mins(9));
    assert!(ask(world.lena.clone()).await.is_ok());
    world.clock.advance(jiff::SignedDuration::from_mins(9));
    assert!(ask(world.lena.clone()).await.is_ok());
    world.clock.advance(jiff::SignedDuration::from_mins(10));
    assert_eq!(ask(world.lena.clone()).await, gone);
    assert!(made(world.ews(&world.lena, subscribe(10)).await).is_ok(), "there is room again");
}

// === people ===

#[tokio::test]
async fn names_of_ones_own_tenant() {
    let world = World::new().await;
    let resolve = |user: User, entry: &str| {
        let world = &world;
        let request = ResolveNames { full_contact_data: false, entry: entry.to_owned() };
        async move {
            let reply = world.ews(&user, Operation::ResolveNames(request)).await;
            assert_eq!(reply.status, StatusCode::OK);
            let mut messages = answer!(ResolveNamesResponse, reply).messages;
            let found = messages.remove(0).into_result().map_err(|failure| failure.code.to_string());
            found.map(|found| found.people.into_iter().map(|person| person.address).collect::<Vec<_>>())
        }
    };
    let (lena, omar) = ("lena@fabrikam.example".to_owned(), "omar@fabrikam.example".to_owned());
    for entry in ["lena", "ORTIZ", "Lena Or", "smtp:lena@fab", "l.ortiz@fabrikam.example"] {
        assert_eq!(resolve(world.omar.clone(), entry).await, Ok(vec![lena.clone()]), "{entry}");
    }
    assert_eq!(resolve(world.lena.clone(), "o").await, Ok(vec![lena, omar]));
    for entry in ["eve", "example", "", "  ", &"x".repeat(300)] {
        let nobody = Err("ErrorNameResolutionNoResults".to_owned());
        assert_eq!(resolve(world.lena.clone(), entry).await, nobody, "{entry}");
    }
}
