//! Folders moved, and emptied.

use actas_exchange::ews::{Request as Operation, *};

use crate::changes::{make, subject, sync, tell};
use crate::items::create;
use crate::trees::create as create_in;
use crate::world::{World, answer};

async fn move_to(world: &World, folder: impl Into<FolderId>, to: impl Into<FolderId>) -> Result<FolderKey, String> {
    let request = Operation::MoveFolder(MoveFolder { to: to.into(), folders: vec![folder.into()] });
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
