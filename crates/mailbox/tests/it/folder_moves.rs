//! Folders moved, and emptied.

use actas_exchange::ews::{Request as Operation, *};

use crate::changes::{make, subject, sync, tell};
use crate::items::create;
use crate::trees::create as create_in;
use crate::world::{World, answer};

async fn move_to(world: &World, folder: impl Into<FolderId>, to: impl Into<FolderId>) -> Result<FolderKey, String> {
    let request = Operation::MoveFolder(TransferFolders { to: to.into(), folders: vec![folder.into()] });
    let mut messages = answer!(MoveFolderResponse, world.ews(&world.lena, request).await).messages;
    messages.remove(0).into_result().map(|folder| folder.id).map_err(|failure| failure.code.to_string())
}

async fn empty(
    world: &World,
    folder: impl Into<FolderId>,
    delete_type: DeleteType,
    delete_sub_folders: bool,
) -> Result<(), String> {
    let request = EmptyFolder { delete_type, delete_sub_folders, folders: vec![folder.into()] };
    let reply = world.ews(&world.lena, Operation::EmptyFolder(request)).await;
    let mut messages = answer!(EmptyFolderResponse, reply).messages;
    messages.remove(0).into_result().map_err(|failure| failure.code.to_string())
}

async fn count(world: &World, folder: impl Into<FolderId>) -> u32 {
    tell(world, folder.into()).await.unwrap().total_count.unwrap()
}

const INBOX: DistinguishedFolder = DistinguishedFolder::Inbox;

#[tokio::test]
async fn a_folder_moves_with_what_is_in_it_but_never_into_itself() {
    let world = World::new().await;
    let outer = make(&world, INBOX.into(), "Outer").await.unwrap();
    let inner = make(&world, outer.clone().into(), "Inner").await.unwrap();
    create_in(&world, &inner, vec![subject("deep")]).await;
    let failed = Err("ErrorMoveCopyFailed".to_owned());
    assert_eq!(move_to(&world, outer.clone(), outer.clone()).await, failed);
    assert_eq!(move_to(&world, outer.clone(), inner.clone()).await, failed);
    assert_eq!(move_to(&world, INBOX, outer.clone()).await, Err("ErrorMoveDistinguishedFolder".to_owned()));
    make(&world, DistinguishedFolder::Drafts.into(), "OUTER").await.unwrap();
    let taken = Err("ErrorFolderExists".to_owned());
    assert_eq!(move_to(&world, outer.clone(), DistinguishedFolder::Drafts).await, taken);

    let moved = move_to(&world, outer.clone(), DistinguishedFolder::MsgFolderRoot).await.unwrap();
    assert_eq!(moved.id, outer.id);
    assert_ne!(moved.change_key, outer.change_key);
    let root = tell(&world, DistinguishedFolder::MsgFolderRoot.into()).await.unwrap();
    assert_eq!(tell(&world, outer.clone().into()).await.unwrap().parent_id.unwrap().id, root.id.id);
    assert_eq!(tell(&world, inner.clone().into()).await.unwrap().parent_id.unwrap().id, outer.id);
    assert_eq!(count(&world, inner).await, 1);
    assert_eq!(move_to(&world, outer.clone(), DistinguishedFolder::MsgFolderRoot).await.unwrap().id, outer.id);
}

#[tokio::test]
async fn an_emptied_folder_stays_and_what_synchronises_it_is_told() {
    let world = World::new().await;
    let lena = &world.lena;
    let ids = create(&world, lena, INBOX, (0..3).map(|n| subject(&n.to_string())).collect()).await;
    let kept = make(&world, INBOX.into(), "Kept").await.unwrap();
    create_in(&world, &kept, vec![subject("below")]).await;
    let state = sync(&world, lena, None, 10).await.unwrap().state;

    empty(&world, INBOX, DeleteType::MoveToDeletedItems, false).await.unwrap();
    assert_eq!((count(&world, INBOX).await, count(&world, kept.clone()).await), (0, 1));
    assert_eq!(count(&world, DistinguishedFolder::DeletedItems).await, 3);
    let told = sync(&world, lena, Some(state), 10).await.unwrap();
    let gone: Vec<&str> = told
        .changes
        .iter()
        .map(|change| match change {
            SyncedItem::Delete(id) => id.id.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(gone, ids.iter().map(|id| id.id.as_str()).collect::<Vec<_>>());

    // A step further each time, and at last only for good.
    empty(&world, DistinguishedFolder::DeletedItems, DeleteType::MoveToDeletedItems, false).await.unwrap();
    assert_eq!(count(&world, DistinguishedFolder::RecoverableItemsDeletions).await, 3);
    empty(&world, DistinguishedFolder::RecoverableItemsDeletions, DeleteType::SoftDelete, false).await.unwrap();
    let purges = DistinguishedFolder::RecoverableItemsPurges;
    assert_eq!(count(&world, purges).await, 3);
    let refused = empty(&world, purges, DeleteType::SoftDelete, false).await;
    assert_eq!(refused, Err("ErrorCannotEmptyFolder".to_owned()));
    empty(&world, purges, DeleteType::HardDelete, false).await.unwrap();
    assert_eq!(count(&world, purges).await, 0);
}

#[tokio::test]
async fn folders_in_an_emptied_folder_go_if_they_may() {
    let world = World::new().await;
    for name in ["A", "A (2)"] {
        let folder = make(&world, INBOX.into(), name).await.unwrap();
        create_in(&world, &folder, vec![subject("x")]).await;
    }
    make(&world, DistinguishedFolder::DeletedItems.into(), "A").await.unwrap();
    let root = DistinguishedFolder::MsgFolderRoot;
    let refused = empty(&world, root, DeleteType::HardDelete, true).await;
    assert_eq!(refused, Err("ErrorCannotEmptyFolder".to_owned()));
    assert_eq!(empty(&world, root, DeleteType::HardDelete, false).await, Ok(()));
    empty(&world, INBOX, DeleteType::MoveToDeletedItems, true).await.unwrap();
    assert_eq!(tell(&world, INBOX.into()).await.unwrap().child_folder_count, Some(0));
    let deleted = tell(&world, DistinguishedFolder::DeletedItems.into()).await.unwrap();
    assert_eq!(deleted.child_folder_count, Some(3));
    empty(&world, DistinguishedFolder::DeletedItems, DeleteType::HardDelete, true).await.unwrap();
    let deleted = tell(&world, DistinguishedFolder::DeletedItems.into()).await.unwrap();
    assert_eq!(deleted.child_folder_count, Some(0));
}

#[tokio::test]
async fn what_is_emptied_for_good_makes_room() {
    let world = World::with(|config| config.quota_bytes = 10_000).await;
    let big = || Message { body: Some(Body::text("x".repeat(6000))), ..Message::default() };
    let folder = make(&world, INBOX.into(), "Full").await.unwrap();
    let again = || CreateItem {
        disposition: MessageDisposition::SaveOnly,
        folder: Some(folder.clone().into()),
        items: vec![big()],
    };
    let fits = async || {
        let reply = world.ews(&world.lena, Operation::CreateItem(again())).await;
        answer!(CreateItemResponse, reply).messages.remove(0).into_result().map_err(|failure| failure.code)
    };
    assert!(fits().await.is_ok());
    assert_eq!(fits().await, Err(ResponseCode::ErrorQuotaExceeded));
    empty(&world, folder.clone(), DeleteType::HardDelete, false).await.unwrap();
    assert!(fits().await.is_ok());
}

// === CopyFolder ===

async fn copy(world: &World, folder: &FolderKey, to: impl Into<FolderId>) -> Result<Folder, Failure> {
    let request = Operation::CopyFolder(TransferFolders { to: to.into(), folders: vec![folder.clone().into()] });
    answer!(CopyFolderResponse, world.ews(&world.lena, request).await).messages.remove(0).into_result()
}

#[tokio::test]
async fn a_folder_is_copied_with_all_that_is_in_it() {
    let world = World::new().await;
    let outer = crate::trees::make(&world, DistinguishedFolder::Inbox.into(), "Outer".to_owned()).await;
    let inner = crate::trees::make(&world, outer.clone().into(), "Inner".to_owned()).await;
    let subject = |n: usize| Message { subject: Some(format!("s{n}")), ..Message::default() };
    crate::trees::create(&world, &outer, (0..3).map(subject).collect()).await;
    crate::trees::create(&world, &inner, (0..70).map(subject).collect()).await;

    let made = copy(&world, &outer, DistinguishedFolder::Drafts).await.unwrap().id;
    assert_ne!(made.id, outer.id);
    let shape = FolderShape::new(BaseShape::AllProperties);
    let found = FindFolder {
        traversal: FolderTraversal::Deep,
        shape: shape.clone(),
        view: None,
        restriction: None,
        folders: vec![DistinguishedFolder::Drafts.into()],
    };
    let found =
        answer!(FindFolderResponse, world.ews(&world.lena, Operation::FindFolder(found)).await).messages.remove(0);
    let found = found.into_result().unwrap().entries;
    let told: Vec<_> =
        found.iter().map(|one| (one.display_name.as_deref().unwrap(), one.total_count.unwrap())).collect();
    assert_eq!(told, [("Outer", 3), ("Inner", 70)]);
    // What is told of it is its newest version.
    assert_eq!(found[0].id, made);
    // The original is as it was, and so is its own id.
    let get = Operation::GetFolder(GetFolder { shape, folders: vec![outer.clone().into(), inner.clone().into()] });
    let originals = answer!(GetFolderResponse, world.ews(&world.lena, get).await).messages;
    let counts: Vec<_> = originals.into_iter().map(|one| one.into_result().unwrap().total_count.unwrap()).collect();
    assert_eq!(counts, [3, 70]);

    let refused = async |folder: &FolderKey, to: FolderId| copy(&world, folder, to).await.unwrap_err().code;
    assert_eq!(refused(&outer, DistinguishedFolder::Drafts.into()).await, ResponseCode::ErrorFolderExists);
    assert_eq!(refused(&outer, DistinguishedFolder::Inbox.into()).await, ResponseCode::ErrorFolderExists);
    assert_eq!(refused(&outer, inner.clone().into()).await.as_str(), "ErrorMoveCopyFailed");
    assert_eq!(refused(&outer, outer.clone().into()).await.as_str(), "ErrorMoveCopyFailed");
    copy(&world, &inner, DistinguishedFolder::Drafts).await.unwrap();
}

#[tokio::test]
async fn a_copy_that_fails_leaves_nothing() {
    let world = World::with(|config| config.quota_bytes = 30_000).await;
    let outer = crate::trees::make(&world, DistinguishedFolder::Inbox.into(), "Outer".to_owned()).await;
    let large = Message { body: Some(Body::text("x".repeat(6_000))), ..Message::default() };
    crate::trees::create(&world, &outer, vec![large.clone(), large.clone(), large]).await;
    let failure = copy(&world, &outer, DistinguishedFolder::Drafts).await.unwrap_err();
    assert_eq!(failure.code, ResponseCode::ErrorQuotaExceeded);
    let get = |name: DistinguishedFolder| {
        let shape = FolderShape::new(BaseShape::AllProperties);
        Operation::GetFolder(GetFolder { shape, folders: vec![name.into()] })
    };
    let drafts = answer!(GetFolderResponse, world.ews(&world.lena, get(DistinguishedFolder::Drafts)).await);
    assert_eq!(drafts.messages[0].clone().into_result().unwrap().child_folder_count, Some(0));
    // The room is free again.
    let small = Message { body: Some(Body::text("x".repeat(9_000))), ..Message::default() };
    crate::trees::create(&world, &outer, vec![small]).await;
}
