//! The responses of `CopyFolder`, `CreateFolder`, `DeleteFolder`, `EmptyFolder`, `MoveFolder`, `UpdateFolder`

use super::message::{self, ResponseMessage};
use super::operation::map;
use crate::error::Result;
use crate::ews::folder::Folder;
use crate::ews::shape::{BaseShape, FolderShape};
use crate::soap::Reply;
use crate::xml::{self, Node, Writer};

/// The new folder, of which only the id is told
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyFolderResponse {
    pub messages: Vec<ResponseMessage<Folder>>,
}

/// The new folder, of which only the id is told
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateFolderResponse {
    pub messages: Vec<ResponseMessage<Folder>>,
}

/// That it is gone
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteFolderResponse {
    pub messages: Vec<ResponseMessage<()>>,
}

/// That nothing is in it any more
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmptyFolderResponse {
    pub messages: Vec<ResponseMessage<()>>,
}

/// The folder where it is now, of which only the id is told
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveFolderResponse {
    pub messages: Vec<ResponseMessage<Folder>>,
}

/// The folder in its new version, of which only the id is told
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateFolderResponse {
    pub messages: Vec<ResponseMessage<Folder>>,
}

impl CopyFolderResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "CopyFolder", read)?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("CopyFolder", &self.messages, Some("m:Folders"), write)
    }
}

impl CreateFolderResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "CreateFolder", read)?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("CreateFolder", &self.messages, Some("m:Folders"), write)
    }
}

impl DeleteFolderResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "DeleteFolder", |_| Ok(()))?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("DeleteFolder", &self.messages, None, |_, ()| {})
    }
}

impl EmptyFolderResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "EmptyFolder", |_| Ok(()))?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("EmptyFolder", &self.messages, None, |_, ()| {})
    }
}

impl MoveFolderResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "MoveFolder", read)?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("MoveFolder", &self.messages, Some("m:Folders"), write)
    }
}

impl UpdateFolderResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "UpdateFolder", read)?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        message::write("UpdateFolder", &self.messages, Some("m:Folders"), write)
    }
}

fn read(message: Node<'_>) -> Result<Folder> {
    Folder::read(message.required(xml::MESSAGES, "Folders")?.only()?)
}

fn write(w: &mut Writer, folder: &Folder) {
    w.element("m:Folders", &[], |w| folder.write(w, &FolderShape::new(BaseShape::IdOnly)));
}
