//! Whose mailbox a user opens beside the own one, and an application with the rights of its
//! linked account.

use actas_directory::User;
use actas_directory::exchange_side::{AccessRight, MailboxPermission};
use actas_exchange::ews::{
    BaseShape, ConnectingSid, CreateItem, CreateItemResponse, DistinguishedFolder, FolderId, FolderShape, GetFolder,
    GetFolderResponse, GetItem, GetItemResponse, ItemId, ItemShape, Message, MessageDisposition, MoveItemResponse,
    Request as Operation, ResponseCode, ResponseMessage, TransferItems,
};
use actas_store::sts::ExchangeTrust;
use http::StatusCode;
use jiff::SignedDuration;
use uuid::Uuid;

use crate::world::{APP, World, answer};

fn inbox_of(user: &User) -> FolderId {
    FolderId::of(user.upn.parse().unwrap(), DistinguishedFolder::Inbox)
}

fn folder(folder: impl Into<FolderId>) -> Operation {
    Operation::GetFolder(GetFolder { shape: FolderShape::new(BaseShape::IdOnly), folders: vec![folder.into()] })
}

fn create_in(folder: FolderId) -> Operation {
    Operation::CreateItem(CreateItem {
        disposition: MessageDisposition::SaveOnly,
        folder: Some(folder),
        items: vec![Message { subject: Some("by a delegate".to_owned()), ..Message::default() }],
    })
}

fn get(item: &ItemId) -> Operation {
    Operation::GetItem(GetItem { shape: ItemShape::new(BaseShape::IdOnly), items: vec![item.clone()] })
}

async fn grant(world: &World, owner: &User, trustee: &User) {
    let permission = MailboxPermission {
        tenant: owner.tenant,
        mailbox: owner.id,
        trustee: trustee.id,
        right: AccessRight::FullAccess,
    };
    let trust = ExchangeTrust::new(world.database.clone());
    assert!(trust.grant(&permission, world.audit(owner.tenant)).await.unwrap());
}

async fn revoke(world: &World, owner: &User, trustee: &User) {
    let trust = ExchangeTrust::new(world.database.clone());
    trust.revoke(owner.tenant, owner.id, trustee.id, world.audit(owner.tenant)).await.unwrap();
}

macro_rules! created {
    ($reply:expr) => {{
        let messages = answer!(CreateItemResponse, $reply).messages;
        let [ResponseMessage::Success(Some(item))] = messages.as_slice() else { panic!("{messages:?}") };
        item.id.clone()
    }};
}

macro_rules! refused {
    ($response:ty, $reply:expr) => {{
        let messages = answer!($response, $reply).messages;
        let [ResponseMessage::Error(failure)] = messages.as_slice() else { panic!("{messages:?}") };
        failure.code.clone()
    }};
}

#[tokio::test]
async fn a_user_opens_the_mailbox_of_whoever_let_the_user_in() {
    let world = World::new().await;
    let (lena, omar) = (&world.lena, &world.omar);
    let denied = refused!(GetFolderResponse, world.ews(omar, folder(inbox_of(lena))).await);
    assert_eq!(denied, ResponseCode::ErrorAccessDenied);
    grant(&world, lena, omar).await;
    let item = created!(world.ews(omar, create_in(inbox_of(lena))).await);
    answer!(GetItemResponse, world.ews(omar, get(&item)).await);
    // It is in her mailbox, not in his.
    answer!(GetItemResponse, world.ews(lena, get(&item)).await);
    let record = &world.audits("token accepted").await[1];
    assert_eq!(
        (&record.details["user"], &record.details["mailbox"]),
        (&omar.upn.clone().into(), &lena.upn.clone().into())
    );

    // She has no right in his.
    let denied = refused!(GetFolderResponse, world.ews(lena, folder(inbox_of(omar))).await);
    assert_eq!(denied, ResponseCode::ErrorAccessDenied);
    revoke(&world, lena, omar).await;
    let denied = refused!(CreateItemResponse, world.ews(omar, create_in(inbox_of(lena))).await);
    assert_eq!(denied, ResponseCode::ErrorAccessDenied);
    assert_ne!(refused!(GetItemResponse, world.ews(omar, get(&item)).await), ResponseCode::NoError);
}

#[tokio::test]
async fn a_request_about_two_mailboxes_stays_in_the_users_own() {
    let world = World::new().await;
    let (lena, omar) = (&world.lena, &world.omar);
    grant(&world, lena, omar).await;
    let item = created!(world.ews(omar, create_in(inbox_of(lena))).await);
    let transfer = |to: FolderId| Operation::MoveItem(TransferItems { to, items: vec![item.clone()] });
    let failed = refused!(MoveItemResponse, world.ews(omar, transfer(DistinguishedFolder::Inbox.into())).await);
    assert_ne!(failed, ResponseCode::NoError);
    let hers = FolderId::of(lena.upn.parse().unwrap(), DistinguishedFolder::Drafts);
    let moved = answer!(MoveItemResponse, world.ews(omar, transfer(hers)).await).messages;
    assert!(matches!(moved.as_slice(), [ResponseMessage::Success(_)]), "{moved:?}");
}

#[tokio::test]
async fn nobody_lets_in_users_of_another_tenant() {
    let world = World::new().await;
    let (lena, eve) = (&world.lena, &world.eve);
    grant(&world, lena, eve).await;
    grant(&world, eve, lena).await;
    for (user, owner) in [(eve, lena), (lena, eve)] {
        let denied = refused!(GetFolderResponse, world.ews(user, folder(inbox_of(owner))).await);
        assert_eq!(denied, ResponseCode::ErrorAccessDenied, "{}", user.upn);
    }
}

// === linked accounts ===

async fn link(world: &World, account: Option<Uuid>) {
    world
        .put_partner(world.fabrikam, APP, |partner| {
            partner.app_only_permissions.clear();
            partner.linked_account = account.map(|id| id.to_string());
        })
        .await;
    world.clock.advance(SignedDuration::from_secs(5));
}

#[tokio::test]
async fn an_application_has_the_rights_of_its_linked_account_and_no_others() {
    let world = World::new().await;
    let mut account = User::new(Uuid::from_u128(300), world.fabrikam, "Account", "account@fabrikam.example");
    account.mailbox = false;
    // As the original has them: nobody signs in with it.
    account.enabled = false;
    world.add_user(&account).await;
    link(&world, Some(account.id)).await;
    let token = world.app_only(world.fabrikam);
    let ask = async |named: Option<&str>, operation| {
        let named = named.map(|name| ConnectingSid::PrincipalName(name.to_owned()));
        world.ews_with(&token, named, operation).await
    };
    let own = || folder(DistinguishedFolder::Inbox);
    ask(None, own()).await.assert_fault("ErrorImpersonateUserDenied");
    let mut told = Vec::new();
    for name in [&world.lena.upn, &world.omar.upn, &world.eve.upn, &"nobody@fabrikam.example".to_owned()] {
        let reply = ask(Some(name), own()).await;
        reply.assert_fault("ErrorImpersonateUserDenied");
        told.push(reply.body);
    }
    assert!(told.iter().all(|body| *body == told[0]), "one is told apart from another: {told:?}");

    grant(&world, &world.lena, &account).await;
    answer!(GetFolderResponse, ask(Some(&world.lena.upn), own()).await);
    answer!(GetFolderResponse, ask(None, folder(inbox_of(&world.lena))).await);
    ask(Some(&world.omar.upn), own()).await.assert_fault("ErrorImpersonateUserDenied");
    ask(None, folder(inbox_of(&world.omar))).await.assert_fault("ErrorImpersonateUserDenied");
    revoke(&world, &world.lena, &account).await;
    ask(Some(&world.lena.upn), own()).await.assert_fault("ErrorImpersonateUserDenied");
}

#[tokio::test]
async fn a_linked_account_opens_its_own_mailbox() {
    let world = World::new().await;
    link(&world, Some(world.omar.id)).await;
    let token = world.app_only(world.fabrikam);
    answer!(GetFolderResponse, world.ews_with(&token, None, folder(DistinguishedFolder::Inbox)).await);
    let named = ConnectingSid::PrincipalName(world.omar.upn.clone());
    answer!(GetFolderResponse, world.ews_with(&token, Some(named), folder(DistinguishedFolder::Inbox)).await);
}

#[tokio::test]
async fn without_a_linked_account_of_the_tenant_there_is_no_way_in() {
    let world = World::new().await;
    for account in [None, Some(Uuid::from_u128(999)), Some(world.eve.id)] {
        link(&world, account).await;
        let named = ConnectingSid::PrincipalName(world.lena.upn.clone());
        let token = world.app_only(world.fabrikam);
        let reply = world.ews_with(&token, Some(named), folder(DistinguishedFolder::Inbox)).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{account:?}");
        assert!(reply.header("x-ms-diagnostics").unwrap().starts_with("2000008;"));
    }
}
