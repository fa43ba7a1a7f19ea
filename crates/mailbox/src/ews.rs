//! The operations of EWS on one mailbox: the one of the user who acts.
//!
//! It may be another one's that the user was let into (`whose`). A folder of any other mailbox
//! is `ErrorAccessDenied` by its owner's address and not found by its id, whether there is
//! such a mailbox or not.

mod apply;
mod attachments;
mod convert;
mod copy_folder;
mod create;
mod delete;
mod empty;
mod events;
pub(crate) mod failures;
mod find_folder;
mod find_item;
pub(crate) mod folders;
pub(crate) mod get;
mod page;
mod resolve;
mod sync;
mod transfer;
mod update;
mod whose;
mod zones;

use actas_directory::{TenantId, User};
use actas_exchange::ews::{
    ConvertIdResponse, CopyFolderResponse, CopyItemResponse, CreateAttachmentResponse, CreateFolderResponse,
    CreateItemResponse, DeleteAttachmentResponse, DeleteFolderResponse, DeleteItemResponse, EmptyFolderResponse,
    Failure, FindFolderResponse, FindItemResponse, FolderId, FolderName, GetAttachmentResponse, GetEventsResponse,
    GetFolderResponse, GetItemResponse, GetServerTimeZonesResponse, Message, MoveFolderResponse, MoveItemResponse,
    Request, ResolveNamesResponse, ResponseCode, ResponseMessage, SubscribeResponse, SyncFolderHierarchyResponse,
    SyncFolderItemsResponse, UnsubscribeResponse, UpdateFolderResponse, UpdateItemResponse,
};
use actas_exchange::soap::Fault;
use actas_store::Error;
use actas_store::mailbox::{Folder, Item, Owner};
use jiff::Timestamp;

use self::failures::{access_denied, corrupt, folder_not_found, malformed, not_supported};
pub(crate) use self::whose::changes;
use crate::arrive::Contents;
use crate::content::Splices;
use crate::document::{Document, StoredMime};
use crate::ids::{self, NoId, Of};
use crate::tree::{self, Tree};
use crate::{Inner, admission};

/// Whether an operation touches no mailbox, so that nobody has to be named in whose name it acts.
pub(crate) fn needs_no_mailbox(request: &Request) -> bool {
    matches!(request, Request::ConvertId(_) | Request::GetServerTimeZones(_) | Request::ResolveNames(_))
}

/// Performs an operation and writes its response. What goes wrong with one item of many
/// is said in its own message; a fault is about the whole request.
pub(crate) async fn perform(
    server: &Inner,
    tenant: TenantId,
    user: Option<&User>,
    request: Request,
    contents: &Contents,
    now: Timestamp,
) -> Result<Written, Fault> {
    match &request {
        Request::ConvertId(request) => return Ok(convert::ids(request).write().into()),
        Request::GetServerTimeZones(request) => return Ok(zones::answer(request).write(request.full).into()),
        Request::ResolveNames(request) => {
            return Ok(resolve::names(server, tenant, request).await.write(request.full_contact_data).into());
        }
        _ => {}
    }
    let user = user.ok_or_else(admission::impersonation_required)?;
    let mailbox =
        OpenMailbox::open(server, user, contents, now).await.map_err(|error| admission::storage_fault(&error))?;
    let text = match request {
        Request::CopyFolder(request) => mailbox.copy_folders(&request).await.write(),
        Request::CopyItem(request) => mailbox.copy_items(&request).await.write(),
        Request::CreateAttachment(request) => mailbox.create_attachments(request).await.write(),
        Request::CreateFolder(request) => mailbox.create_folders(request).await.write(),
        Request::CreateItem(request) => mailbox.create_items(request).await.write(),
        Request::DeleteAttachment(request) => mailbox.delete_attachments(&request).await.write(),
        Request::DeleteFolder(request) => mailbox.delete_folders(&request).await.write(),
        Request::DeleteItem(request) => mailbox.delete_items(&request).await.write(),
        Request::EmptyFolder(request) => mailbox.empty_folders(&request).await.write(),
        Request::FindFolder(request) => mailbox.find_folders(&request).await.write(&request.shape),
        Request::FindItem(request) => mailbox.find_items(&request).await.write(&request.shape),
        Request::GetAttachment(request) => mailbox.get_attachments(&request).await.write(),
        Request::GetEvents(request) => mailbox.get_events(&request).await.write(),
        Request::GetFolder(request) => mailbox.get_folders(&request).await.write(&request.shape),
        Request::GetItem(request) => mailbox.get_items(&request).await.write(&request.shape),
        Request::MoveFolder(request) => mailbox.move_folders(&request).await.write(),
        Request::MoveItem(request) => mailbox.move_items(&request).await.write(),
        Request::Subscribe(request) => mailbox.subscribe(&request).await.write(),
        Request::SyncFolderHierarchy(request) => mailbox.sync_folders(&request).await.write(&request.shape),
        Request::SyncFolderItems(request) => mailbox.sync_items(&request).await.write(&request.shape),
        Request::Unsubscribe(request) => mailbox.unsubscribe(&request).await.write(),
        Request::UpdateFolder(request) => mailbox.update_folders(request).await.write(),
        Request::UpdateItem(request) => mailbox.update_items(&request).await.write(),
        other => return Err(not_supported(other.name())),
    };
    Ok(Written { text, splices: mailbox.splices })
}

/// HTTP 200 that hides a failure of everything: what Exchange does under load.
pub(crate) fn all_failed(request: &Request) -> String {
    fn failed<T>(count: usize) -> Vec<ResponseMessage<T>> {
        let failure = Failure::new(
            ResponseCode::ErrorInternalServerError,
            "An internal server error occurred. The operation failed.",
        );
        (0..count).map(|_| ResponseMessage::Error(failure.clone())).collect()
    }
    match request {
        Request::ConvertId(request) => ConvertIdResponse { messages: failed(request.ids.len()) }.write(),
        Request::CopyFolder(request) => CopyFolderResponse { messages: failed(request.folders.len()) }.write(),
        Request::CopyItem(request) => CopyItemResponse { messages: failed(request.items.len()) }.write(),
        Request::CreateAttachment(request) => {
            CreateAttachmentResponse { messages: failed(request.attachments.len()) }.write()
        }
        Request::CreateFolder(request) => CreateFolderResponse { messages: failed(request.folders.len()) }.write(),
        Request::CreateItem(request) => CreateItemResponse { messages: failed(request.items.len()) }.write(),
        Request::DeleteAttachment(request) => DeleteAttachmentResponse { messages: failed(request.ids.len()) }.write(),
        Request::DeleteFolder(request) => DeleteFolderResponse { messages: failed(request.folders.len()) }.write(),
        Request::DeleteItem(request) => DeleteItemResponse { messages: failed(request.items.len()) }.write(),
        Request::EmptyFolder(request) => EmptyFolderResponse { messages: failed(request.folders.len()) }.write(),
        Request::FindFolder(request) => {
            FindFolderResponse { messages: failed(request.folders.len()) }.write(&request.shape)
        }
        Request::FindItem(request) => {
            FindItemResponse { messages: failed(request.folders.len()) }.write(&request.shape)
        }
        Request::GetAttachment(request) => GetAttachmentResponse { messages: failed(request.ids.len()) }.write(),
        Request::GetEvents(_) => GetEventsResponse { messages: failed(1) }.write(),
        Request::GetFolder(request) => {
            GetFolderResponse { messages: failed(request.folders.len()) }.write(&request.shape)
        }
        Request::GetItem(request) => GetItemResponse { messages: failed(request.items.len()) }.write(&request.shape),
        Request::GetServerTimeZones(request) => GetServerTimeZonesResponse { messages: failed(1) }.write(request.full),
        Request::MoveFolder(request) => MoveFolderResponse { messages: failed(request.folders.len()) }.write(),
        Request::MoveItem(request) => MoveItemResponse { messages: failed(request.items.len()) }.write(),
        Request::ResolveNames(_) => ResolveNamesResponse { messages: failed(1) }.write(false),
        Request::Subscribe(_) => SubscribeResponse { messages: failed(1) }.write(),
        Request::SyncFolderHierarchy(request) => {
            SyncFolderHierarchyResponse { messages: failed(1) }.write(&request.shape)
        }
        Request::SyncFolderItems(request) => SyncFolderItemsResponse { messages: failed(1) }.write(&request.shape),
        Request::Unsubscribe(_) => UnsubscribeResponse { messages: failed(1) }.write(),
        Request::UpdateFolder(request) => UpdateFolderResponse { messages: failed(request.changes.len()) }.write(),
        Request::UpdateItem(request) => UpdateItemResponse { messages: failed(request.changes.len()) }.write(),
        _ => ConvertIdResponse { messages: failed(1) }.write(),
    }
}

/// A response, without the large files that go into it.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) splices: Splices,
}

impl From<String> for Written {
    fn from(text: String) -> Self {
        Self { text, splices: Splices::new() }
    }
}

/// A mailbox and its user, for the time of one request.
pub(crate) struct OpenMailbox<'a> {
    pub(crate) server: &'a Inner,
    pub(crate) user: &'a User,
    pub(crate) owner: Owner,
    pub(crate) tree: Tree,
    /// The long contents of the request.
    pub(crate) contents: &'a Contents,
    /// Large files of the answer.
    pub(crate) splices: Splices,
    pub(crate) now: Timestamp,
}

// === impl OpenMailbox ===

impl<'a> OpenMailbox<'a> {
    pub(crate) async fn open(
        server: &'a Inner,
        user: &'a User,
        contents: &'a Contents,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let owner = tree::owner(user);
        let tree = Tree::load(&server.mailboxes, owner, now).await?;
        Ok(Self { server, user, owner, tree, contents, splices: Splices::new(), now })
    }

    /// The folder that a request names.
    pub(crate) fn folder(&self, id: &FolderId) -> Result<&Folder, Failure> {
        let found = match id {
            FolderId::Distinguished { name, mailbox } => {
                if let Some(address) = mailbox
                    && !admission::smtp_addresses(self.user).any(|own| own == address.lower())
                {
                    return Err(access_denied());
                }
                match name {
                    FolderName::Known(role) => self.tree.by_role(*role),
                    FolderName::Other(_) => None,
                }
            }
            FolderId::Opaque(key) => match ids::read(Of::Folder, self.owner, &key.id) {
                Ok(id) => self.tree.by_id(id),
                Err(NoId::Foreign) => None,
                Err(NoId::Malformed) => return Err(malformed()),
            },
        };
        found.ok_or_else(folder_not_found)
    }

    /// The message that a stored item is, and the MIME stream that it came as.
    pub(crate) fn message(&self, item: &Item) -> Result<(Message, Option<StoredMime>), Failure> {
        let version = self.tree.by_id(item.folder).map_or(1, |folder| folder.version);
        let mut document = Document::read(item).map_err(|why| corrupt(&why))?;
        let mime = document.mime.take();
        let message = document.into_message(self.owner, item, version).map_err(|why| corrupt(&why))?;
        Ok((message, mime))
    }
}
