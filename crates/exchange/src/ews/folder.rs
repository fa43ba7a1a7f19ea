//! A folder as responses tell of it

use super::ids::{FolderKey, FolderName};
use super::property::{Field, PropertyPath};
use super::shape::{BaseShape, FolderShape};
use crate::error::Result;
use crate::xml::{self, Node, Writer};

/// A folder ("Folder"), as far as it was asked for
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    pub kind: FolderKind,
    pub id: FolderKey,
    pub parent_id: Option<FolderKey>,
    pub class: Option<String>,
    pub display_name: Option<String>,
    pub total_count: Option<u32>,
    pub child_folder_count: Option<u32>,
    pub effective_rights: Option<EffectiveRights>,
    pub distinguished: Option<FolderName>,
    pub unread_count: Option<u32>,
}

names! {
    /// The element that a folder is
    pub enum FolderKind {
        Folder = "Folder",
        Calendar = "CalendarFolder",
        Contacts = "ContactsFolder",
        Search = "SearchFolder",
        Tasks = "TasksFolder",
    }
}

/// What whoever asks may do with a folder ("EffectiveRights")
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveRights {
    pub create_associated: bool,
    pub create_contents: bool,
    pub create_hierarchy: bool,
    pub delete: bool,
    pub modify: bool,
    pub read: bool,
}

// === impl Folder ===

impl Folder {
    /// A folder of which nothing is known but its id
    pub fn new(id: FolderKey) -> Self {
        Self {
            kind: FolderKind::Folder,
            id,
            parent_id: None,
            class: None,
            display_name: None,
            total_count: None,
            child_folder_count: None,
            effective_rights: None,
            distinguished: None,
            unread_count: None,
        }
    }

    /// Reads the element; what it holds beyond this type is read over.
    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        let kind = FolderKind::from_name(node.name()).ok_or_else(|| node.not_supported())?;
        let mut folder = Self::new(FolderKey::read(node.required(xml::TYPES, "FolderId")?)?);
        folder.kind = kind;
        for child in node.elements().filter(|child| child.namespace() == Some(xml::TYPES)) {
            match child.name() {
                "ParentFolderId" => folder.parent_id = Some(FolderKey::read(child)?),
                "FolderClass" => folder.class = Some(child.text()?),
                "DisplayName" => folder.display_name = Some(child.text()?),
                "TotalCount" => folder.total_count = Some(child.number()?),
                "ChildFolderCount" => folder.child_folder_count = Some(child.number()?),
                "EffectiveRights" => {
                    folder.effective_rights = Some(EffectiveRights::read(child)?);
                }
                "DistinguishedFolderId" => {
                    folder.distinguished = Some(FolderName::from_name(&child.token()?));
                }
                "UnreadCount" => folder.unread_count = Some(child.number()?),
                _ => {}
            }
        }
        Ok(folder)
    }

    /// Writes what the shape asks for and the folder has, in the order of the schema.
    pub(crate) fn write(&self, w: &mut Writer, shape: &FolderShape) {
        w.element(&format!("t:{}", self.kind), &[], |w| {
            self.id.write(w, "t:FolderId");
            if let Some(parent) = &self.parent_id
                && shape.wants(&Field::FolderParentFolderId)
            {
                parent.write(w, "t:ParentFolderId");
            }
            if shape.wants(&Field::FolderClass) {
                w.text_opt("t:FolderClass", self.class.as_ref());
            }
            if shape.wants(&Field::FolderDisplayName) {
                w.text_opt("t:DisplayName", self.display_name.as_ref());
            }
            if shape.wants(&Field::FolderTotalCount) {
                w.number_opt("t:TotalCount", self.total_count);
            }
            if shape.wants(&Field::FolderChildFolderCount) {
                w.number_opt("t:ChildFolderCount", self.child_folder_count);
            }
            if let Some(rights) = &self.effective_rights
                && shape.wants(&Field::FolderEffectiveRights)
            {
                rights.write(w);
            }
            if let Some(name) = &self.distinguished
                && shape.wants(&Field::FolderDistinguishedFolderId)
            {
                w.text("t:DistinguishedFolderId", name.as_str());
            }
            if shape.wants(&Field::FolderUnreadCount) {
                w.number_opt("t:UnreadCount", self.unread_count);
            }
        });
    }
}

impl FolderShape {
    fn wants(&self, field: &Field) -> bool {
        let in_base = match self.base {
            BaseShape::IdOnly => false,
            BaseShape::Default => matches!(
                field,
                Field::FolderDisplayName
                    | Field::FolderTotalCount
                    | Field::FolderChildFolderCount
                    | Field::FolderUnreadCount
            ),
            BaseShape::AllProperties => true,
        };
        let asked = |path: &PropertyPath| matches!(path, PropertyPath::Field(asked) if asked == field);
        in_base || self.additional.iter().any(asked)
    }
}

// === impl EffectiveRights ===

impl EffectiveRights {
    /// Everything
    pub const ALL: Self = Self {
        create_associated: true,
        create_contents: true,
        create_hierarchy: true,
        delete: true,
        modify: true,
        read: true,
    };

    fn read(node: Node<'_>) -> Result<Self> {
        let right = |name| match node.child(xml::TYPES, name) {
            Some(right) => right.bool(),
            None => Ok(false),
        };
        Ok(Self {
            create_associated: right("CreateAssociated")?,
            create_contents: right("CreateContents")?,
            create_hierarchy: right("CreateHierarchy")?,
            delete: right("Delete")?,
            modify: right("Modify")?,
            read: right("Read")?,
        })
    }

    fn write(self, w: &mut Writer) {
        w.element("t:EffectiveRights", &[], |w| {
            w.bool_opt("t:CreateAssociated", Some(self.create_associated));
            w.bool_opt("t:CreateContents", Some(self.create_contents));
            w.bool_opt("t:CreateHierarchy", Some(self.create_hierarchy));
            w.bool_opt("t:Delete", Some(self.delete));
            w.bool_opt("t:Modify", Some(self.modify));
            w.bool_opt("t:Read", Some(self.read));
        });
    }
}
