//! Whose mailbox a request is about, and whether it changes something there.
//!
//! A delegate names the owner with a folder's role, or sends an id that came from that
//! mailbox. One request is about one mailbox: where it names several, it is about the one
//! of the user who acts, and the others' folders are refused one by one.

use actas_directory::{User, UserKey};
use actas_exchange::ews::{FolderId, ItemId, Request};
use actas_store::Error;
use uuid::Uuid;

use crate::{Inner, admission, ids};

/// What names the owner of a mailbox.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Owner<'a> {
    /// A folder by its role alone: it is the acting user's.
    Acting,
    /// An address, lower case.
    Address(&'a str),
    /// An object id, out of an id of a folder, an item, or another thing.
    Id(Uuid),
}

/// Whether an operation changes a mailbox.
pub(crate) fn changes(request: &Request) -> bool {
    !matches!(
        request,
        Request::ConvertId(_)
            | Request::FindFolder(_)
            | Request::FindItem(_)
            | Request::GetAttachment(_)
            | Request::GetEvents(_)
            | Request::GetFolder(_)
            | Request::GetItem(_)
            | Request::GetServerTimeZones(_)
            | Request::ResolveNames(_)
            | Request::Subscribe(_)
            | Request::SyncFolderHierarchy(_)
            | Request::SyncFolderItems(_)
            | Request::Unsubscribe(_)
    )
}

impl Inner {
    /// The owner of the mailbox that a request is about, if that is somebody else who let
    /// the user in. Nobody else is told apart from nobody.
    pub(crate) async fn entrusting_owner(&self, user: &User, request: &Request) -> Result<Option<User>, Error> {
        let mut owners = owners(request).into_iter();
        let Some(first) = owners.next() else { return Ok(None) };
        let own = |owner: &Owner<'_>| match owner {
            Owner::Acting => true,
            Owner::Address(address) => admission::smtp_addresses(user).any(|own| own == *address),
            Owner::Id(id) => *id == user.id,
        };
        if own(&first) {
            return Ok(None);
        }
        let found = match first {
            Owner::Acting => None,
            Owner::Address(address) => {
                let key = UserKey::Smtp(address.to_owned());
                <[User; 1]>::try_from(self.directory.users_by_key(user.tenant, &key).await?).ok().map(|[user]| user)
            }
            Owner::Id(id) => self.directory.user(user.tenant, id).await?,
        };
        let Some(owner) = found.filter(|owner| owner.mailbox && owner.enabled) else { return Ok(None) };
        let all_same = owners.all(|other| match other {
            Owner::Acting => false,
            Owner::Address(address) => admission::smtp_addresses(&owner).any(|own| own == address),
            Owner::Id(id) => id == owner.id,
        });
        let entrusted = all_same && admission::may_open(&self.exchange, user, &owner).await?;
        Ok(entrusted.then_some(owner))
    }
}

/// Everything in a request that names an owner.
fn owners(request: &Request) -> Vec<Owner<'_>> {
    let mut found = Vec::new();
    match request {
        Request::CopyItem(request) | Request::MoveItem(request) => {
            folder(&mut found, &request.to);
            items(&mut found, &request.items);
        }
        Request::CopyFolder(request) | Request::MoveFolder(request) => {
            folder(&mut found, &request.to);
            folders(&mut found, &request.folders);
        }
        Request::CreateAttachment(request) => items(&mut found, std::slice::from_ref(&request.parent)),
        Request::CreateFolder(request) => folder(&mut found, &request.parent),
        Request::CreateItem(request) => folders(&mut found, request.folder.as_ref()),
        Request::DeleteAttachment(request) => opaque(&mut found, request.ids.iter()),
        Request::DeleteFolder(request) => folders(&mut found, &request.folders),
        Request::DeleteItem(request) => items(&mut found, &request.items),
        Request::EmptyFolder(request) => folders(&mut found, &request.folders),
        Request::FindFolder(request) => folders(&mut found, &request.folders),
        Request::FindItem(request) => folders(&mut found, &request.folders),
        Request::GetAttachment(request) => opaque(&mut found, request.ids.iter()),
        Request::GetEvents(request) => opaque(&mut found, std::iter::once(&request.subscription)),
        Request::GetFolder(request) => folders(&mut found, &request.folders),
        Request::GetItem(request) => items(&mut found, &request.items),
        Request::Subscribe(request) => folders(&mut found, request.folders.iter().flatten()),
        Request::SyncFolderHierarchy(request) => folders(&mut found, request.folder.as_ref()),
        Request::SyncFolderItems(request) => folder(&mut found, &request.folder),
        Request::Unsubscribe(request) => opaque(&mut found, std::iter::once(&request.subscription)),
        Request::UpdateFolder(request) => folders(&mut found, request.changes.iter().map(|change| &change.id)),
        Request::UpdateItem(request) => {
            opaque(&mut found, request.changes.iter().map(|change| &change.id.id));
        }
        _ => {}
    }
    found
}

fn folders<'a>(found: &mut Vec<Owner<'a>>, all: impl IntoIterator<Item = &'a FolderId>) {
    for one in all {
        folder(found, one);
    }
}

fn folder<'a>(found: &mut Vec<Owner<'a>>, one: &'a FolderId) {
    match one {
        FolderId::Distinguished { mailbox: Some(address), .. } => found.push(Owner::Address(address.lower())),
        FolderId::Distinguished { mailbox: None, .. } => found.push(Owner::Acting),
        FolderId::Opaque(key) => opaque(found, std::iter::once(&key.id)),
    }
}

fn items<'a>(found: &mut Vec<Owner<'a>>, all: &'a [ItemId]) {
    opaque(found, all.iter().map(|one| &one.id));
}

fn opaque<'a>(found: &mut Vec<Owner<'a>>, all: impl Iterator<Item = &'a String>) {
    found.extend(all.filter_map(|id| ids::owner_of(id)).map(Owner::Id));
}
