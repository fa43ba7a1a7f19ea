//! Trees of folders with messages in them, by chance: both clients read what was created, and who
//! follows the changes has what is there.

use std::collections::BTreeMap;

use actas_exchange::ews::{Request as Operation, *};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::items::get;
use crate::roundtrip::{attached, expected, message_of_messages};
use crate::world::{World, answer};

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) async fn make(world: &World, parent: FolderId, name: String) -> FolderKey {
    let folder = NewFolder { kind: FolderKind::Folder, class: None, display_name: Some(name) };
    let request = Operation::CreateFolder(CreateFolder { parent, folders: vec![folder] });
    let mut messages = answer!(CreateFolderResponse, world.ews(&world.lena, request).await).messages;
    messages.remove(0).into_result().unwrap().id
}

pub(crate) async fn create(world: &World, folder: &FolderKey, items: Vec<Message>) -> Vec<ItemId> {
    let folder = Some(folder.clone().into());
    let request = CreateItem { disposition: MessageDisposition::SaveOnly, folder, items };
    let messages = answer!(CreateItemResponse, world.ews(&world.lena, Operation::CreateItem(request)).await).messages;
    messages.into_iter().map(|message| message.into_result().unwrap().unwrap().id).collect()
}

fn extended_paths(messages: &[Message]) -> impl Iterator<Item = PropertyPath> {
    messages.iter().flat_map(|message| &message.extended).map(|property| property.uri().clone().into())
}

/// As the JavaScript port asks.
pub(crate) fn port_shape(messages: &[Message]) -> ItemShape {
    ItemShape::new(BaseShape::AllProperties).with(extended_paths(messages))
}

/// As exchangelib asks: every field of every kind of item by name.
fn python_shape(messages: &[Message]) -> ItemShape {
    let known = Field::KNOWN.iter().filter(|field| field.as_str() != "item:MimeContent").cloned();
    let unknown = ["calendar:Start", "contacts:GivenName", "task:DueDate"].map(Field::from_name);
    let dictionary = PropertyPath::Indexed { field: "contacts:EmailAddress".into(), index: "EmailAddress1".into() };
    ItemShape::new(BaseShape::IdOnly)
        .with(known.chain(unknown).map(Into::into))
        .with([dictionary])
        .with(extended_paths(messages))
}

pub(crate) fn sorted(mut message: Message) -> Message {
    message.extended.sort_by_key(|property| property.uri().to_string());
    message
}

#[test]
fn both_clients_read_the_tree_that_was_created() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let folders = vec((any::<Index>(), vec(message_of_messages(), 0..3)), 1..6);
    let mut runner = TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() });
    runner
        .run(&folders, |plan| {
            runtime.block_on(async {
                let top = make(&world, DistinguishedFolder::Inbox.into(), uuid::Uuid::new_v4().to_string()).await;
                let mut made = vec![top.clone()];
                for (number, (parent, messages)) in plan.iter().enumerate() {
                    let parent = parent.get(&made).clone();
                    let folder = make(&world, parent.clone().into(), format!("folder {number}")).await;
                    let ids = create(&world, &folder, messages.clone()).await;
                    let port = get(&world, &world.lena, ids.clone(), port_shape(messages)).await;
                    let python = get(&world, &world.lena, ids, python_shape(messages)).await;
                    for ((sent, port), python) in messages.iter().zip(port).zip(python) {
                        let (port, python) = (port.into_result().unwrap(), python.into_result().unwrap());
                        let expected = sorted(expected(sent.clone(), &port, world.now()));
                        for (sent, told) in sent.attachments.iter().zip(&port.attachments) {
                            let read = crate::attached::attachment(&world, told.id.as_ref().unwrap()).await;
                            prop_assert_eq!(&read.content, &sent.content);
                            let item = sent.item.as_deref().cloned().map(attached);
                            prop_assert_eq!(read.item.as_deref().cloned(), item);
                        }
                        prop_assert_eq!(&sorted(port), &expected);
                        prop_assert_eq!(&sorted(python), &expected);
                    }
                    made.push(folder);
                }
                let shape = FolderShape::new(BaseShape::AllProperties);
                let request = Operation::FindFolder(FindFolder {
                    traversal: FolderTraversal::Deep,
                    shape,
                    view: None,
                    restriction: None,
                    folders: vec![top.into()],
                });
                let mut found = answer!(FindFolderResponse, world.ews(&world.lena, request).await).messages;
                let found = found.remove(0).into_result().unwrap().entries;
                let counts: BTreeMap<_, _> =
                    found.into_iter().map(|folder| (folder.id.id, folder.total_count.unwrap())).collect();
                let expected: BTreeMap<_, _> = made[1..]
                    .iter()
                    .zip(&plan)
                    .map(|(key, (_, messages))| (key.id.clone(), u32::try_from(messages.len()).unwrap()))
                    .collect();
                prop_assert_eq!(counts, expected);
                Ok(())
            })
        })
        .unwrap();
}

// === a replica ===

#[derive(Clone, Debug)]
enum Step {
    Create(Index),
    Rename(Index),
    Flag(Index, bool),
    Move(Index, Index),
    Delete(Index),
    /// The client asks for at most so many changes of a folder.
    Sync(Index, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        3 => index().prop_map(Step::Create),
        2 => index().prop_map(Step::Rename),
        1 => (index(), any::<bool>()).prop_map(|(item, is_read)| Step::Flag(item, is_read)),
        2 => (index(), index()).prop_map(|(item, to)| Step::Move(item, to)),
        1 => index().prop_map(Step::Delete),
        3 => (index(), 1_u32..4).prop_map(|(folder, max)| Step::Sync(folder, max)),
    ]
}

/// What a client knows of a folder: of each item, subject and flag.
#[derive(Debug, Default)]
struct Replica {
    state: Option<String>,
    items: BTreeMap<String, (Option<String>, bool)>,
}

impl Replica {
    /// Takes a part of the changes; gives whether something is left.
    async fn sync(&mut self, world: &World, folder: &FolderKey, max_changes: u32) -> bool {
        let request = Operation::SyncFolderItems(SyncFolderItems {
            shape: ItemShape::new(BaseShape::AllProperties),
            folder: folder.clone().into(),
            state: self.state.clone(),
            ignore: Vec::new(),
            max_changes,
        });
        let mut messages = answer!(SyncFolderItemsResponse, world.ews(&world.lena, request).await).messages;
        let synced = messages.remove(0).into_result().unwrap();
        for change in synced.changes {
            match change {
                SyncedItem::Create(item) | SyncedItem::Update(item) => {
                    self.items.insert(item.item_id.unwrap().id, (item.subject, item.is_read.unwrap()));
                }
                SyncedItem::Delete(id) => {
                    self.items.remove(&id.id);
                }
                SyncedItem::ReadFlag { id, is_read } => {
                    let item = self.items.get_mut(&id.id).expect("only an item that is known changes its flag");
                    item.1 = is_read;
                }
            }
        }
        self.state = Some(synced.state);
        !synced.includes_last
    }
}

async fn update(world: &World, id: &ItemId, field: Field, item: Message) -> ItemId {
    let updates = vec![ItemUpdate::Set { path: field.into(), item: Box::new(item) }];
    let request = Operation::UpdateItem(UpdateItem {
        conflict_resolution: ConflictResolution::NeverOverwrite,
        disposition: Some(MessageDisposition::SaveOnly),
        changes: vec![ItemChange { id: id.clone(), updates }],
    });
    let mut messages = answer!(UpdateItemResponse, world.ews(&world.lena, request).await).messages;
    messages.remove(0).into_result().unwrap().id
}

#[test]
fn who_follows_the_changes_has_what_is_there() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let mut runner = TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() });
    runner
        .run(&vec(step(), 1..40), |steps| {
            runtime.block_on(async {
                let mut folders = Vec::new();
                for _ in 0..2 {
                    let name = uuid::Uuid::new_v4().to_string();
                    folders.push((make(&world, DistinguishedFolder::Inbox.into(), name).await, Replica::default()));
                }
                // Where each item is, and what it is.
                let mut items: Vec<(ItemId, usize, String, bool)> = Vec::new();
                for (number, step) in steps.into_iter().enumerate() {
                    let subject = format!("subject {number}");
                    match step {
                        Step::Create(folder) => {
                            let folder = folder.index(folders.len());
                            let message = Message { subject: Some(subject.clone()), ..Message::default() };
                            let id = create(&world, &folders[folder].0, vec![message]).await.remove(0);
                            items.push((id, folder, subject, false));
                        }
                        Step::Sync(folder, max) => {
                            let folder = folder.index(folders.len());
                            let (key, replica) = &mut folders[folder];
                            replica.sync(&world, key, max).await;
                        }
                        _ if items.is_empty() => {}
                        Step::Rename(item) => {
                            let item = item.index(items.len());
                            let item = &mut items[item];
                            let message = Message { subject: Some(subject.clone()), ..Message::default() };
                            item.0 = update(&world, &item.0, Field::Subject, message).await;
                            item.2 = subject;
                        }
                        Step::Flag(item, is_read) => {
                            let item = item.index(items.len());
                            let item = &mut items[item];
                            let message = Message { is_read: Some(is_read), ..Message::default() };
                            item.0 = update(&world, &item.0, Field::IsRead, message).await;
                            item.3 = is_read;
                        }
                        Step::Move(item, to) => {
                            let (item, to) = (item.index(items.len()), to.index(folders.len()));
                            let to_key = folders[to].0.clone().into();
                            let transfer = TransferItems { to: to_key, items: vec![items[item].0.clone()] };
                            let reply = world.ews(&world.lena, Operation::MoveItem(transfer)).await;
                            items[item].0 = answer!(MoveItemResponse, reply).messages.remove(0).into_result().unwrap();
                            items[item].1 = to;
                        }
                        Step::Delete(item) => {
                            let (id, ..) = items.swap_remove(item.index(items.len()));
                            let request = DeleteItem { delete_type: DeleteType::HardDelete, items: vec![id] };
                            let reply = world.ews(&world.lena, Operation::DeleteItem(request)).await;
                            answer!(DeleteItemResponse, reply).messages.remove(0).into_result().unwrap();
                        }
                    }
                }
                for (number, (key, replica)) in folders.iter_mut().enumerate() {
                    while replica.sync(&world, key, 3).await {}
                    let there: BTreeMap<_, _> = items
                        .iter()
                        .filter(|(_, folder, ..)| *folder == number)
                        .map(|(id, _, subject, is_read)| (id.id.clone(), (Some(subject.clone()), *is_read)))
                        .collect();
                    prop_assert_eq!(&replica.items, &there);
                }
                Ok(())
            })
        })
        .unwrap();
}
