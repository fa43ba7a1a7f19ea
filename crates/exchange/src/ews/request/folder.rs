//! `GetFolder`

use crate::error::Result;
use crate::ews::BATCH_MAX;
use crate::ews::ids::FolderId;
use crate::ews::shape::FolderShape;
use crate::xml::{self, Node, Writer};

/// Tells of folders ("GetFolder operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetFolder {
    pub shape: FolderShape,
    pub folders: Vec<FolderId>,
}

impl GetFolder {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            shape: FolderShape::read(node.required(xml::MESSAGES, "FolderShape")?)?,
            folders: read_folders(node.required(xml::MESSAGES, "FolderIds")?)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:GetFolder", &[], |w| {
            self.shape.write(w);
            write_folders(w, "m:FolderIds", &self.folders);
        });
    }
}

pub(super) fn read_folders(node: Node<'_>) -> Result<Vec<FolderId>> {
    node.each("folders in one request", BATCH_MAX, FolderId::read)
}

pub(super) fn write_folders(w: &mut Writer, name: &str, folders: &[FolderId]) {
    w.element(name, &[], |w| {
        for folder in folders {
            folder.write(w);
        }
    });
}
