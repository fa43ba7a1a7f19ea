//! `SyncFolderItems`, `SyncFolderHierarchy`

use crate::error::{Error, Result};
use crate::ews::SYNC_STATE_BYTES_MAX;
use crate::ews::ids::{FolderId, ItemId};
use crate::ews::shape::{FolderShape, ItemShape};
use crate::xml::{self, Node, Writer};

/// Items that a client does not want to hear of.
const IGNORED_MAX: usize = 1000;

/// Tells what happened in a folder since the last time ("SyncFolderItems operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncFolderItems {
    pub shape: ItemShape,
    pub folder: FolderId,
    /// What the server said the last time; absent for all that is there
    pub state: Option<String>,
    pub ignore: Vec<ItemId>,
    pub max_changes: u32,
}

/// Tells what happened to the folders below a folder ("SyncFolderHierarchy operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncFolderHierarchy {
    pub shape: FolderShape,
    /// Absent: the whole mailbox
    pub folder: Option<FolderId>,
    pub state: Option<String>,
}

impl SyncFolderItems {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let ignore = node.child(xml::MESSAGES, "Ignore");
        let ignore = ignore.map(|ids| ids.each("ignored items", IGNORED_MAX, ItemId::read)).transpose()?;
        Ok(Self {
            shape: ItemShape::read(node.required(xml::MESSAGES, "ItemShape")?)?,
            folder: FolderId::read(node.required(xml::MESSAGES, "SyncFolderId")?.only()?)?,
            state: read_state(node)?,
            ignore: ignore.unwrap_or_default(),
            max_changes: node.required(xml::MESSAGES, "MaxChangesReturned")?.number()?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:SyncFolderItems", &[], |w| {
            self.shape.write(w);
            w.element("m:SyncFolderId", &[], |w| self.folder.write(w));
            w.text_opt("m:SyncState", self.state.as_ref());
            if !self.ignore.is_empty() {
                w.element("m:Ignore", &[], |w| {
                    for id in &self.ignore {
                        id.write(w);
                    }
                });
            }
            w.text("m:MaxChangesReturned", self.max_changes.to_string());
        });
    }
}

impl SyncFolderHierarchy {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let folder = node.child(xml::MESSAGES, "SyncFolderId");
        Ok(Self {
            shape: FolderShape::read(node.required(xml::MESSAGES, "FolderShape")?)?,
            folder: folder.map(|folder| FolderId::read(folder.only()?)).transpose()?,
            state: read_state(node)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:SyncFolderHierarchy", &[], |w| {
            self.shape.write(w);
            if let Some(folder) = &self.folder {
                w.element("m:SyncFolderId", &[], |w| folder.write(w));
            }
            w.text_opt("m:SyncState", self.state.as_ref());
        });
    }
}

/// An empty state is none: a port of the EWS Managed API sends it so.
fn read_state(node: Node<'_>) -> Result<Option<String>> {
    let Some(state) = node.child(xml::MESSAGES, "SyncState") else {
        return Ok(None);
    };
    let text = state.token()?;
    if text.len() > SYNC_STATE_BYTES_MAX {
        return Err(Error::too_large("bytes of a sync state", SYNC_STATE_BYTES_MAX).at(state.position()));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}
