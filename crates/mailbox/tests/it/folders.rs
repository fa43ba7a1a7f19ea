//! Folders: by role, by id, and as a tree.

use actas_exchange::ews::{
    BaseShape, DistinguishedFolder, Failure, Field, FindFolder, FindFolderResponse, Folder, FolderId, FolderName,
    FolderShape, FolderTraversal, GetFolder, GetFolderResponse, IndexedPageView, Page, Request as Operation,
    ResponseCode, ResponseMessage, Restriction,
};
use actas_mailbox::ensure_mailbox;

use crate::world::{World, answer};

async fn get(world: &World, folders: Vec<FolderId>, shape: FolderShape) -> Vec<ResponseMessage<Folder>> {
    let request = Operation::GetFolder(GetFolder { shape, folders });
    answer!(GetFolderResponse, world.ews(&world.lena, request).await).messages
}

async fn find(world: &World, request: FindFolder) -> Page<Folder> {
    let reply = world.ews(&world.lena, Operation::FindFolder(request)).await;
    let mut messages = answer!(FindFolderResponse, reply).messages;
    messages.remove(0).into_result().unwrap()
}

fn in_root(traversal: FolderTraversal) -> FindFolder {
    FindFolder {
        traversal,
        shape: FolderShape::new(BaseShape::AllProperties),
        view: None,
        restriction: None,
        folders: vec![DistinguishedFolder::Root.into()],
    }
}

fn code<T>(message: ResponseMessage<T>) -> ResponseCode
where
    T: std::fmt::Debug,
{
    message.into_result().map_err(|failure: Failure| failure.code).unwrap_err()
}

#[tokio::test]
async fn a_walk_skips_what_is_missing() {
    let world = World::new().await;
    let missing = ["relevantcontacts", "quarantinedemail", "shortnotes", "archiveinbox", "no such thing"];
    let mut asked: Vec<FolderId> = DistinguishedFolder::ALL.iter().map(|role| FolderId::from(*role)).collect();
    asked.extend(missing.map(|name| FolderId::Distinguished { name: FolderName::from_name(name), mailbox: None }));
    let messages = get(&world, asked.clone(), FolderShape::new(BaseShape::AllProperties)).await;
    assert_eq!(messages.len(), asked.len());
    for (id, message) in asked.into_iter().zip(messages) {
        let FolderId::Distinguished { name, .. } = id else { panic!("{id:?}") };
        match name {
            FolderName::Known(_) => {
                let folder = message.into_result().unwrap();
                assert_eq!(folder.distinguished, Some(name));
                assert_eq!((folder.total_count, folder.unread_count), (Some(0), Some(0)));
                assert!(folder.display_name.is_some() && folder.effective_rights.is_some());
            }
            FolderName::Other(_) => assert_eq!(code(message), ResponseCode::ErrorFolderNotFound),
        }
    }
}

#[tokio::test]
async fn a_folder_is_found_by_the_id_that_it_was_told_with() {
    let world = World::new().await;
    let by_role = get(&world, vec![DistinguishedFolder::Inbox.into()], FolderShape::new(BaseShape::IdOnly)).await;
    let inbox = by_role.into_iter().next().unwrap().into_result().unwrap();
    assert_eq!(inbox.display_name, None, "only what was asked for");
    let shape = || FolderShape::new(BaseShape::IdOnly).with([Field::FolderDistinguishedFolderId.into()]);
    let by_id = get(&world, vec![inbox.id.clone().into()], shape()).await;
    let [ResponseMessage::Success(again)] = by_id.as_slice() else { panic!("{by_id:?}") };
    assert_eq!(again.id, inbox.id);
    assert_eq!(again.distinguished, Some(FolderName::Known(DistinguishedFolder::Inbox)));

    let request = Operation::GetFolder(GetFolder { shape: shape(), folders: vec![inbox.id.clone().into()] });
    let of_omar = answer!(GetFolderResponse, world.ews(&world.omar, request).await).messages;
    assert_eq!(code(of_omar.into_iter().next().unwrap()), ResponseCode::ErrorFolderNotFound);
    let mut malformed = inbox.id;
    malformed.id.truncate(10);
    let messages = get(&world, vec![malformed.into()], shape()).await;
    assert_eq!(code(messages.into_iter().next().unwrap()), ResponseCode::ErrorInvalidIdMalformed);
}

#[tokio::test]
async fn another_mailbox_is_denied_whether_it_exists_or_not() {
    let world = World::new().await;
    let own = ["lena@fabrikam.example", "L.Ortiz@fabrikam.example"];
    let others = ["omar@fabrikam.example", "eve@contoso.example", "nobody@fabrikam.example"];
    let in_mailbox = |address: &&str| FolderId::of(address.parse().unwrap(), DistinguishedFolder::Inbox);
    let shape = || FolderShape::new(BaseShape::IdOnly);
    for message in get(&world, own.iter().map(in_mailbox).collect(), shape()).await {
        assert!(matches!(message, ResponseMessage::Success(_)));
    }
    let denied = get(&world, others.iter().map(in_mailbox).collect(), shape()).await;
    assert!(denied.windows(2).all(|pair| pair[0] == pair[1]), "{denied:?}");
    assert_eq!(code(denied.into_iter().next().unwrap()), ResponseCode::ErrorAccessDenied);
}

#[tokio::test]
async fn the_tree() {
    let world = World::new().await;
    let deep = find(&world, in_root(FolderTraversal::Deep)).await;
    assert_eq!(deep.total_in_view as usize, DistinguishedFolder::ALL.len() - 1);
    assert!(deep.includes_last);
    let root = get(&world, vec![DistinguishedFolder::Root.into()], FolderShape::new(BaseShape::IdOnly)).await;
    let root = root.into_iter().next().unwrap().into_result().unwrap().id;
    let mut known = vec![root];
    for folder in &deep.entries {
        assert!(folder.parent_id.as_ref().is_some_and(|parent| known.contains(parent)), "parents first");
        known.push(folder.id.clone());
    }
    let shallow = find(&world, in_root(FolderTraversal::Shallow)).await;
    let names: Vec<_> = shallow.entries.iter().filter_map(|folder| folder.distinguished.clone()).collect();
    assert_eq!(names.len(), 3);
    assert!(names.contains(&FolderName::Known(DistinguishedFolder::RecoverableItemsRoot)));
    assert_eq!(find(&world, in_root(FolderTraversal::SoftDeleted)).await.entries, []);
}

#[tokio::test]
async fn pages_and_conditions() {
    let world = World::new().await;
    let all = find(&world, in_root(FolderTraversal::Deep)).await.entries;
    let mut walked = Vec::new();
    let mut offset = Some(0);
    while let Some(at) = offset {
        let view = Some(IndexedPageView { offset: at, ..IndexedPageView::first(7) });
        let page = find(&world, FindFolder { view, ..in_root(FolderTraversal::Deep) }).await;
        walked.extend(page.entries);
        offset = page.next_offset;
    }
    assert_eq!(walked, all);
    let restriction = Some(Restriction::equals(Field::FolderDisplayName, "Inbox"));
    let found = find(&world, FindFolder { restriction, ..in_root(FolderTraversal::Deep) }).await;
    assert_eq!(found.entries.len(), 1);
}

#[tokio::test]
async fn a_mailbox_is_made_once_and_at_the_latest_when_it_is_opened() {
    let world = World::new().await;
    let before = find(&world, in_root(FolderTraversal::Deep)).await;
    ensure_mailbox(world.database.clone(), &world.lena, world.now()).await.unwrap();
    assert_eq!(find(&world, in_root(FolderTraversal::Deep)).await, before);

    let late = actas_directory::User::new(uuid::Uuid::from_u128(900), world.fabrikam, "Late", "late@fabrikam.example");
    let directory = actas_store::directory::Directory::new(world.database.clone());
    directory.add_user(&late, world.audit(late.tenant)).await.unwrap();
    let reply = world.ews(&late, Operation::FindFolder(in_root(FolderTraversal::Deep))).await;
    let page = answer!(FindFolderResponse, reply).messages.remove(0).into_result().unwrap();
    assert_eq!(page.total_in_view, before.total_in_view);
}
