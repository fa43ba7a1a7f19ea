//! Requests: one operation and its header

mod attachment;
mod events;
mod find;
mod folder;
mod id;
mod item;
mod resolve;
mod sync;
mod transfer;
mod update;
mod zones;

pub use attachment::{CreateAttachment, DeleteAttachment, GetAttachment};
pub use events::{EventType, GetEvents, Subscribe, Unsubscribe};
pub use find::{BasePoint, FindFolder, FindItem, FolderTraversal, IndexedPageView, ItemTraversal};
pub use folder::{
    CreateFolder, DeleteFolder, EmptyFolder, FolderChange, FolderUpdate, GetFolder, NewFolder, TransferFolders,
    UpdateFolder,
};
pub use id::{AlternateId, ConvertId};
pub use item::{CreateItem, DeleteItem, DeleteType, GetItem, MessageDisposition};
pub use resolve::ResolveNames;
pub use sync::{SyncFolderHierarchy, SyncFolderItems};
pub use transfer::TransferItems;
pub use update::{ConflictResolution, ItemChange, ItemUpdate, UpdateItem};
pub use zones::GetServerTimeZones;

use super::header::RequestHeader;
use crate::error::{Error, Result};
use crate::soap::{self, Envelope};
use crate::xml::{self, Node, Writer};

/// Bytes of the name of an operation; those of EWS are shorter.
const NAME_BYTES_MAX: usize = 64;

/// A request as it travels
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub header: RequestHeader,
    pub request: Request,
}

/// An operation
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    ConvertId(ConvertId),
    CopyFolder(TransferFolders),
    CopyItem(TransferItems),
    CreateAttachment(CreateAttachment),
    CreateFolder(CreateFolder),
    CreateItem(CreateItem),
    DeleteAttachment(DeleteAttachment),
    DeleteFolder(DeleteFolder),
    DeleteItem(DeleteItem),
    EmptyFolder(EmptyFolder),
    FindFolder(FindFolder),
    FindItem(FindItem),
    GetAttachment(GetAttachment),
    GetEvents(GetEvents),
    GetFolder(GetFolder),
    GetItem(GetItem),
    GetServerTimeZones(GetServerTimeZones),
    MoveFolder(TransferFolders),
    MoveItem(TransferItems),
    ResolveNames(ResolveNames),
    Subscribe(Subscribe),
    SyncFolderHierarchy(SyncFolderHierarchy),
    SyncFolderItems(SyncFolderItems),
    Unsubscribe(Unsubscribe),
    UpdateFolder(UpdateFolder),
    UpdateItem(UpdateItem),
    /// An operation of EWS that is not read here, by its name
    Unsupported(String),
}

impl Call {
    /// Reads an envelope of at most `bytes_max` bytes
    ///
    /// The operation is the first element of the body; `SOAPAction` is not needed.
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Self> {
        let envelope = Envelope::parse(bytes, bytes_max)?;
        let header = RequestHeader::read(envelope.header())?;
        let request = Request::read(envelope.body()?)?;
        Ok(Self { header, request })
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        soap::write(
            &[("xmlns:m", xml::MESSAGES), ("xmlns:t", xml::TYPES)],
            |w| self.header.write(w),
            |w| self.request.write(w),
        )
    }
}

impl Request {
    /// The name of the operation
    pub fn name(&self) -> &str {
        match self {
            Self::ConvertId(_) => "ConvertId",
            Self::CopyFolder(_) => "CopyFolder",
            Self::CopyItem(_) => "CopyItem",
            Self::CreateAttachment(_) => "CreateAttachment",
            Self::CreateFolder(_) => "CreateFolder",
            Self::CreateItem(_) => "CreateItem",
            Self::DeleteAttachment(_) => "DeleteAttachment",
            Self::DeleteFolder(_) => "DeleteFolder",
            Self::DeleteItem(_) => "DeleteItem",
            Self::EmptyFolder(_) => "EmptyFolder",
            Self::FindFolder(_) => "FindFolder",
            Self::FindItem(_) => "FindItem",
            Self::GetAttachment(_) => "GetAttachment",
            Self::GetEvents(_) => "GetEvents",
            Self::GetFolder(_) => "GetFolder",
            Self::GetItem(_) => "GetItem",
            Self::GetServerTimeZones(_) => "GetServerTimeZones",
            Self::MoveFolder(_) => "MoveFolder",
            Self::MoveItem(_) => "MoveItem",
            Self::ResolveNames(_) => "ResolveNames",
            Self::Subscribe(_) => "Subscribe",
            Self::SyncFolderHierarchy(_) => "SyncFolderHierarchy",
            Self::SyncFolderItems(_) => "SyncFolderItems",
            Self::Unsubscribe(_) => "Unsubscribe",
            Self::UpdateFolder(_) => "UpdateFolder",
            Self::UpdateItem(_) => "UpdateItem",
            Self::Unsupported(name) => name,
        }
    }

    fn read(node: Node<'_>) -> Result<Self> {
        if node.namespace() != Some(xml::MESSAGES) {
            return Err(node.unexpected("the body holds no operation of EWS"));
        }
        match node.name() {
            "ConvertId" => ConvertId::read(node).map(Self::ConvertId),
            "CopyFolder" => TransferFolders::read(node).map(Self::CopyFolder),
            "CopyItem" => TransferItems::read(node).map(Self::CopyItem),
            "CreateAttachment" => CreateAttachment::read(node).map(Self::CreateAttachment),
            "CreateFolder" => CreateFolder::read(node).map(Self::CreateFolder),
            "CreateItem" => CreateItem::read(node).map(Self::CreateItem),
            "DeleteAttachment" => DeleteAttachment::read(node).map(Self::DeleteAttachment),
            "DeleteFolder" => DeleteFolder::read(node).map(Self::DeleteFolder),
            "DeleteItem" => DeleteItem::read(node).map(Self::DeleteItem),
            "EmptyFolder" => EmptyFolder::read(node).map(Self::EmptyFolder),
            "FindFolder" => FindFolder::read(node).map(Self::FindFolder),
            "FindItem" => FindItem::read(node).map(Self::FindItem),
            "GetAttachment" => GetAttachment::read(node).map(Self::GetAttachment),
            "GetEvents" => GetEvents::read(node).map(Self::GetEvents),
            "GetFolder" => GetFolder::read(node).map(Self::GetFolder),
            "GetItem" => GetItem::read(node).map(Self::GetItem),
            "GetServerTimeZones" => GetServerTimeZones::read(node).map(Self::GetServerTimeZones),
            "MoveFolder" => TransferFolders::read(node).map(Self::MoveFolder),
            "MoveItem" => TransferItems::read(node).map(Self::MoveItem),
            "ResolveNames" => ResolveNames::read(node).map(Self::ResolveNames),
            "Subscribe" if Subscribe::is_pushed(node) => Ok(Self::Unsupported("SubscribePush".to_owned())),
            "Subscribe" => Subscribe::read(node).map(Self::Subscribe),
            "SyncFolderHierarchy" => SyncFolderHierarchy::read(node).map(Self::SyncFolderHierarchy),
            "SyncFolderItems" => SyncFolderItems::read(node).map(Self::SyncFolderItems),
            "Unsubscribe" => Unsubscribe::read(node).map(Self::Unsubscribe),
            "UpdateFolder" => UpdateFolder::read(node).map(Self::UpdateFolder),
            "UpdateItem" => UpdateItem::read(node).map(Self::UpdateItem),
            name if name.len() > NAME_BYTES_MAX => {
                Err(Error::too_large("bytes of an operation's name", NAME_BYTES_MAX).at(node.position()))
            }
            name => Ok(Self::Unsupported(name.to_owned())),
        }
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Self::ConvertId(request) => request.write(w),
            Self::CopyFolder(request) => request.write(w, "m:CopyFolder"),
            Self::CopyItem(request) => request.write(w, "m:CopyItem"),
            Self::CreateAttachment(request) => request.write(w),
            Self::CreateFolder(request) => request.write(w),
            Self::CreateItem(request) => request.write(w),
            Self::DeleteAttachment(request) => request.write(w),
            Self::DeleteFolder(request) => request.write(w),
            Self::DeleteItem(request) => request.write(w),
            Self::EmptyFolder(request) => request.write(w),
            Self::FindFolder(request) => request.write(w),
            Self::FindItem(request) => request.write(w),
            Self::GetAttachment(request) => request.write(w),
            Self::GetEvents(request) => request.write(w),
            Self::GetFolder(request) => request.write(w),
            Self::GetItem(request) => request.write(w),
            Self::GetServerTimeZones(request) => request.write(w),
            Self::MoveFolder(request) => request.write(w, "m:MoveFolder"),
            Self::MoveItem(request) => request.write(w, "m:MoveItem"),
            Self::ResolveNames(request) => request.write(w),
            Self::Subscribe(request) => request.write(w),
            Self::SyncFolderHierarchy(request) => request.write(w),
            Self::SyncFolderItems(request) => request.write(w),
            Self::Unsubscribe(request) => request.write(w),
            Self::UpdateFolder(request) => request.write(w),
            Self::UpdateItem(request) => request.write(w),
            Self::Unsupported(name) => w.empty(&format!("m:{}", element_name(name)), &[]),
        }
    }
}

/// A name that can be one: what is no letter or digit is left out.
fn element_name(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("Unsupported{name}") }
}
