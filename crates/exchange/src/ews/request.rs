//! Requests: one operation and its header

mod find;
mod folder;
mod id;
mod item;

pub use find::{BasePoint, FindFolder, FindItem, FolderTraversal, IndexedPageView, ItemTraversal};
pub use folder::GetFolder;
pub use id::{AlternateId, ConvertId};
pub use item::{CreateItem, DeleteItem, DeleteType, GetItem, MessageDisposition};

use super::header::RequestHeader;
use crate::error::Result;
use crate::soap::{self, Envelope};
use crate::xml::{self, Node, Writer};

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
    CreateItem(CreateItem),
    DeleteItem(DeleteItem),
    FindFolder(FindFolder),
    FindItem(FindItem),
    GetFolder(GetFolder),
    GetItem(GetItem),
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
            Self::CreateItem(_) => "CreateItem",
            Self::DeleteItem(_) => "DeleteItem",
            Self::FindFolder(_) => "FindFolder",
            Self::FindItem(_) => "FindItem",
            Self::GetFolder(_) => "GetFolder",
            Self::GetItem(_) => "GetItem",
            Self::Unsupported(name) => name,
        }
    }

    fn read(node: Node<'_>) -> Result<Self> {
        if node.namespace() != Some(xml::MESSAGES) {
            return Err(node.unexpected("the body holds no operation of EWS"));
        }
        match node.name() {
            "ConvertId" => ConvertId::read(node).map(Self::ConvertId),
            "CreateItem" => CreateItem::read(node).map(Self::CreateItem),
            "DeleteItem" => DeleteItem::read(node).map(Self::DeleteItem),
            "FindFolder" => FindFolder::read(node).map(Self::FindFolder),
            "FindItem" => FindItem::read(node).map(Self::FindItem),
            "GetFolder" => GetFolder::read(node).map(Self::GetFolder),
            "GetItem" => GetItem::read(node).map(Self::GetItem),
            name => Ok(Self::Unsupported(name.to_owned())),
        }
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Self::ConvertId(request) => request.write(w),
            Self::CreateItem(request) => request.write(w),
            Self::DeleteItem(request) => request.write(w),
            Self::FindFolder(request) => request.write(w),
            Self::FindItem(request) => request.write(w),
            Self::GetFolder(request) => request.write(w),
            Self::GetItem(request) => request.write(w),
            Self::Unsupported(name) => w.empty(&format!("m:{}", element_name(name)), &[]),
        }
    }
}

/// A name that can be one: what is no letter or digit is left out.
fn element_name(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("Unsupported{name}") }
}
