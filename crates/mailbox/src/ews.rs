//! The operations of EWS on one mailbox: the one of the user who acts.
//!
//! A user has no rights on other mailboxes. A folder of another mailbox is
//! `ErrorAccessDenied` by its owner's address and not found by its id, whether there is
//! such a mailbox or not.

mod create;
mod delete;
mod find_folder;
mod find_item;
mod get;
mod page;

use actas_directory::User;
use actas_exchange::ews::{
    AlternateId, ConvertIdResponse, CreateItemResponse, DeleteItemResponse, Failure, FindFolderResponse,
    FindItemResponse, FolderId, FolderName, GetFolderResponse, GetItemResponse, Message, Request, ResponseCode,
    ResponseMessage,
};
use actas_exchange::soap::Fault;
use actas_store::mailbox::{Folder, Item, Owner};
use actas_store::{Error, ErrorKind};
use jiff::Timestamp;

use crate::document::{Corrupt, Document, StoredMime};
use crate::ids::{self, NoId, Of};
use crate::tree::{self, Tree};
use crate::{Inner, admission};

/// Performs an operation and writes its response. What goes wrong with one item of many
/// is said in its own message; a fault is about the whole request.
pub(crate) async fn perform(
    server: &Inner,
    user: Option<&User>,
    request: Request,
    now: Timestamp,
) -> Result<String, Fault> {
    if let Request::ConvertId(request) = &request {
        return Ok(convert_id(&request.ids));
    }
    let user = user.ok_or_else(admission::impersonation_required)?;
    let owner = tree::owner(user);
    let tree = Tree::load(&server.mailboxes, owner, now).await.map_err(|error| admission::storage_fault(&error))?;
    let mailbox = OpenMailbox { server, user, owner, tree, now };
    match request {
        Request::CreateItem(request) => Ok(mailbox.create_items(request).await.write()),
        Request::DeleteItem(request) => Ok(mailbox.delete_items(&request).await.write()),
        Request::FindFolder(request) => Ok(mailbox.find_folders(&request).await.write(&request.shape)),
        Request::FindItem(request) => Ok(mailbox.find_items(&request).await.write(&request.shape)),
        Request::GetFolder(request) => Ok(mailbox.get_folders(&request).await.write(&request.shape)),
        Request::GetItem(request) => Ok(mailbox.get_items(&request).await.write(&request.shape)),
        other => Err(not_supported(other.name())),
    }
}

/// Never `ErrorInvalidRequest`: exchangelib takes it for a wrong version and tries all
/// others.
fn not_supported(operation: &str) -> Fault {
    let name: String = operation.chars().take(64).filter(char::is_ascii_alphanumeric).collect();
    Fault::new(invalid_operation(), format!("The operation {name} is not supported by this server."))
}

fn invalid_operation() -> ResponseCode {
    ResponseCode::from_name("ErrorInvalidOperation")
}

/// exchangelib asks for this to learn the server's version from the header of any answer;
/// ids have one format here.
fn convert_id(ids: &[AlternateId]) -> String {
    let messages = ids.iter().map(|_| ResponseMessage::Error(malformed())).collect();
    ConvertIdResponse { messages }.write()
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
        Request::CreateItem(request) => CreateItemResponse { messages: failed(request.items.len()) }.write(),
        Request::DeleteItem(request) => DeleteItemResponse { messages: failed(request.items.len()) }.write(),
        Request::FindFolder(request) => {
            FindFolderResponse { messages: failed(request.folders.len()) }.write(&request.shape)
        }
        Request::FindItem(request) => {
            FindItemResponse { messages: failed(request.folders.len()) }.write(&request.shape)
        }
        Request::GetFolder(request) => {
            GetFolderResponse { messages: failed(request.folders.len()) }.write(&request.shape)
        }
        Request::GetItem(request) => GetItemResponse { messages: failed(request.items.len()) }.write(&request.shape),
        Request::ConvertId(request) => ConvertIdResponse { messages: failed(request.ids.len()) }.write(),
        _ => ConvertIdResponse { messages: failed(1) }.write(),
    }
}

/// The mailbox of the user who acts, for the time of one request.
struct OpenMailbox<'a> {
    server: &'a Inner,
    user: &'a User,
    owner: Owner,
    tree: Tree,
    now: Timestamp,
}

// === impl OpenMailbox ===

impl OpenMailbox<'_> {
    /// The folder that a request names.
    fn folder(&self, id: &FolderId) -> Result<&Folder, Failure> {
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
    fn message(&self, item: &Item) -> Result<(Message, Option<StoredMime>), Failure> {
        let version = self.tree.by_id(item.folder).map_or(1, |folder| folder.version);
        let mut document = Document::read(item).map_err(|why| corrupt(&why))?;
        let mime = document.mime.take();
        let message = document.into_message(self.owner, item, version).map_err(|why| corrupt(&why))?;
        Ok((message, mime))
    }
}

// === failures ===

fn access_denied() -> Failure {
    Failure::new(ResponseCode::ErrorAccessDenied, "Access is denied. Check credentials and try again.")
}

fn folder_not_found() -> Failure {
    Failure::new(ResponseCode::ErrorFolderNotFound, "The specified folder could not be found in the store.")
}

fn item_not_found() -> Failure {
    Failure::new(ResponseCode::ErrorItemNotFound, "The specified object was not found in the store.")
}

fn malformed() -> Failure {
    Failure::new(ResponseCode::ErrorInvalidIdMalformed, "Id is malformed.")
}

fn corrupt(why: &Corrupt) -> Failure {
    tracing::error!(%why, "a stored item cannot be read");
    Failure::new(ResponseCode::ErrorCorruptData, "The operation failed because the data is corrupted.")
}

/// The failure of one item because the database failed.
fn storage(error: &Error) -> Failure {
    tracing::error!(%error, "the mailbox database failed");
    match error.kind() {
        ErrorKind::Full => Failure::new(ResponseCode::ErrorMailboxStoreUnavailable, "The mailbox store is full."),
        _ => Failure::new(
            ResponseCode::ErrorInternalServerTransientError,
            "An internal server error occurred. Try again later.",
        ),
    }
}
