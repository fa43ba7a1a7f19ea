//! `GetFolder`, `CreateFolder`, `CopyFolder`, `DeleteFolder`, `EmptyFolder`, `MoveFolder`, `UpdateFolder`

use crate::error::Result;
use crate::ews::BATCH_MAX;
use crate::ews::folder::FolderKind;
use crate::ews::ids::FolderId;
use crate::ews::property::PropertyPath;
use crate::ews::request::DeleteType;
use crate::ews::shape::FolderShape;
use crate::xml::{self, Node, Writer};

/// Updates of one folder.
const UPDATES_MAX: usize = 100;

/// Tells of folders ("GetFolder operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetFolder {
    pub shape: FolderShape,
    pub folders: Vec<FolderId>,
}

/// Makes folders in a folder ("CreateFolder operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateFolder {
    pub parent: FolderId,
    pub folders: Vec<NewFolder>,
}

/// A folder as a request describes it
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFolder {
    pub kind: FolderKind,
    pub class: Option<String>,
    pub display_name: Option<String>,
}

/// Deletes folders with all that is in them ("DeleteFolder operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteFolder {
    pub delete_type: DeleteType,
    pub folders: Vec<FolderId>,
}

/// Deletes what is in folders, but not the folders ("EmptyFolder operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmptyFolder {
    pub delete_type: DeleteType,
    /// Whether the folders in them go, too
    pub delete_sub_folders: bool,
    pub folders: Vec<FolderId>,
}

/// Moves or copies folders with all that is in them to another folder ("MoveFolder operation",
/// "CopyFolder operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferFolders {
    pub to: FolderId,
    pub folders: Vec<FolderId>,
}

/// Changes folders ("UpdateFolder operation")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateFolder {
    pub changes: Vec<FolderChange>,
}

/// The changes of one folder ("FolderChange")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderChange {
    pub id: FolderId,
    pub updates: Vec<FolderUpdate>,
}

/// The change of one property
///
/// Exhaustive: the schema fixes the kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderUpdate {
    /// It gets a value ("SetFolderField"); of the folder only the property counts that the path names
    Set { path: PropertyPath, folder: NewFolder },
    /// It loses its value ("DeleteFolderField")
    Delete { path: PropertyPath },
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

impl CreateFolder {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let parent = node.required(xml::MESSAGES, "ParentFolderId")?;
        let folders = node.required(xml::MESSAGES, "Folders")?;
        Ok(Self {
            parent: FolderId::read(parent.only()?)?,
            folders: folders.each("folders in one request", BATCH_MAX, NewFolder::read)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:CreateFolder", &[], |w| {
            w.element("m:ParentFolderId", &[], |w| self.parent.write(w));
            w.element("m:Folders", &[], |w| {
                for folder in &self.folders {
                    folder.write(w);
                }
            });
        });
    }
}

impl NewFolder {
    fn read(node: Node<'_>) -> Result<Self> {
        let kind = FolderKind::from_name(node.name()).filter(|_| node.namespace() == Some(xml::TYPES));
        let child = |name| node.child(xml::TYPES, name).map(Node::text).transpose();
        Ok(Self {
            kind: kind.ok_or_else(|| node.not_supported())?,
            class: child("FolderClass")?,
            display_name: child("DisplayName")?,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.element(&format!("t:{}", self.kind), &[], |w| {
            w.text_opt("t:FolderClass", self.class.as_ref());
            w.text_opt("t:DisplayName", self.display_name.as_ref());
        });
    }
}

impl DeleteFolder {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            delete_type: node.required_named_attribute("DeleteType")?,
            folders: read_folders(node.required(xml::MESSAGES, "FolderIds")?)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:DeleteFolder", &[("DeleteType", self.delete_type.as_str())], |w| {
            write_folders(w, "m:FolderIds", &self.folders);
        });
    }
}

impl EmptyFolder {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            delete_type: node.required_named_attribute("DeleteType")?,
            delete_sub_folders: node.bool_attribute("DeleteSubFolders")?.unwrap_or(false),
            folders: read_folders(node.required(xml::MESSAGES, "FolderIds")?)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let sub_folders = if self.delete_sub_folders { "true" } else { "false" };
        let attributes = [("DeleteType", self.delete_type.as_str()), ("DeleteSubFolders", sub_folders)];
        w.element("m:EmptyFolder", &attributes, |w| write_folders(w, "m:FolderIds", &self.folders));
    }
}

impl TransferFolders {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let to = node.required(xml::MESSAGES, "ToFolderId")?;
        Ok(Self { to: FolderId::read(to.only()?)?, folders: read_folders(node.required(xml::MESSAGES, "FolderIds")?)? })
    }

    pub(super) fn write(&self, w: &mut Writer, name: &str) {
        w.element(name, &[], |w| {
            w.element("m:ToFolderId", &[], |w| self.to.write(w));
            write_folders(w, "m:FolderIds", &self.folders);
        });
    }
}

impl UpdateFolder {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        let changes = node.required(xml::MESSAGES, "FolderChanges")?;
        Ok(Self { changes: changes.each("folders in one request", BATCH_MAX, FolderChange::read)? })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.element("m:UpdateFolder", &[], |w| {
            w.element("m:FolderChanges", &[], |w| {
                for change in &self.changes {
                    change.write(w);
                }
            });
        });
    }
}

impl FolderChange {
    fn read(node: Node<'_>) -> Result<Self> {
        if !node.is(xml::TYPES, "FolderChange") {
            return Err(node.not_supported());
        }
        let id = node.elements().next().ok_or_else(|| node.unexpected("`FolderChange` is empty"))?;
        let updates = node.required(xml::TYPES, "Updates")?;
        Ok(Self {
            id: FolderId::read(id)?,
            updates: updates.each("updates of one folder", UPDATES_MAX, FolderUpdate::read)?,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.element("t:FolderChange", &[], |w| {
            self.id.write(w);
            w.element("t:Updates", &[], |w| {
                for update in &self.updates {
                    update.write(w);
                }
            });
        });
    }
}

impl FolderUpdate {
    fn read(node: Node<'_>) -> Result<Self> {
        let mut inside = node.elements();
        let (path, folder) = (inside.next(), inside.next());
        let path = path.ok_or_else(|| node.unexpected("an update without a path"))?;
        let path = PropertyPath::read(path)?;
        if node.is(xml::TYPES, "DeleteFolderField") {
            return Ok(Self::Delete { path });
        }
        if !node.is(xml::TYPES, "SetFolderField") {
            return Err(node.not_supported());
        }
        let folder = folder.ok_or_else(|| node.unexpected("`SetFolderField` lacks a folder"))?;
        Ok(Self::Set { path, folder: NewFolder::read(folder)? })
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Self::Set { path, folder } => w.element("t:SetFolderField", &[], |w| {
                path.write(w);
                folder.write(w);
            }),
            Self::Delete { path } => w.element("t:DeleteFolderField", &[], |w| path.write(w)),
        }
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
