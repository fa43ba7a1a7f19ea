//! `FindItem`, `FindFolder`

use super::folder::{read_folders, write_folders};
use crate::error::Result;
use crate::ews::ids::FolderId;
use crate::ews::restriction::{Restriction, SortOrder};
use crate::ews::shape::{FolderShape, ItemShape};
use crate::xml::{self, Node, Writer};

/// Searches folders for items ("FindItem operation")
///
/// One response for each folder, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindItem {
    pub traversal: ItemTraversal,
    pub shape: ItemShape,
    pub view: Option<IndexedPageView>,
    pub restriction: Option<Restriction>,
    pub sort: SortOrder,
    pub folders: Vec<FolderId>,
    /// In the query language of Exchange; instead of a restriction
    pub query: Option<String>,
}

/// Searches folders for folders ("FindFolder operation")
///
/// One response for each parent folder, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindFolder {
    pub traversal: FolderTraversal,
    pub shape: FolderShape,
    pub view: Option<IndexedPageView>,
    pub restriction: Option<Restriction>,
    pub folders: Vec<FolderId>,
}

/// Which part of a result is wanted ("IndexedPageItemView", "IndexedPageFolderView")
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexedPageView {
    /// Absent: as many as the server likes
    pub max_entries: Option<u32>,
    pub offset: u32,
    pub base_point: BasePoint,
}

names! {
    /// Where an offset is counted from
    pub enum BasePoint {
        Beginning = "Beginning",
        End = "End",
    }
}

names! {
    /// Which items of a folder are searched
    pub enum ItemTraversal {
        Shallow = "Shallow",
        SoftDeleted = "SoftDeleted",
        Associated = "Associated",
    }
}

names! {
    /// Which folders below a folder are searched
    pub enum FolderTraversal {
        /// Its children
        Shallow = "Shallow",
        /// All below it
        Deep = "Deep",
        SoftDeleted = "SoftDeleted",
    }
}

// === impl FindItem ===

impl FindItem {
    /// A search of one folder for the ids of what fulfils the restriction
    pub fn ids(folder: FolderId, restriction: Restriction) -> Self {
        Self {
            traversal: ItemTraversal::Shallow,
            shape: ItemShape::new(crate::ews::BaseShape::IdOnly),
            view: None,
            restriction: Some(restriction),
            sort: SortOrder::default(),
            folders: vec![folder],
            query: None,
        }
    }

    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        refuse_other_views(node, "IndexedPageItemView")?;
        let query = node.child(xml::MESSAGES, "QueryString");
        let sort = node.child(xml::MESSAGES, "SortOrder");
        Ok(Self {
            traversal: node.required_named_attribute("Traversal")?,
            shape: ItemShape::read(node.required(xml::MESSAGES, "ItemShape")?)?,
            view: IndexedPageView::read(node, "IndexedPageItemView")?,
            restriction: read_restriction(node)?,
            sort: sort.map(SortOrder::read).transpose()?.unwrap_or_default(),
            folders: read_folders(node.required(xml::MESSAGES, "ParentFolderIds")?)?,
            query: query.map(Node::text).transpose()?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let traversal = [("Traversal", self.traversal.as_str())];
        w.element("m:FindItem", &traversal, |w| {
            self.shape.write(w);
            if let Some(view) = self.view {
                view.write(w, "m:IndexedPageItemView");
            }
            write_restriction(w, self.restriction.as_ref());
            self.sort.write(w);
            write_folders(w, "m:ParentFolderIds", &self.folders);
            w.text_opt("m:QueryString", self.query.as_ref());
        });
    }
}

// === impl FindFolder ===

impl FindFolder {
    pub(super) fn read(node: Node<'_>) -> Result<Self> {
        refuse_other_views(node, "IndexedPageFolderView")?;
        Ok(Self {
            traversal: node.required_named_attribute("Traversal")?,
            shape: FolderShape::read(node.required(xml::MESSAGES, "FolderShape")?)?,
            view: IndexedPageView::read(node, "IndexedPageFolderView")?,
            restriction: read_restriction(node)?,
            folders: read_folders(node.required(xml::MESSAGES, "ParentFolderIds")?)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer) {
        let traversal = [("Traversal", self.traversal.as_str())];
        w.element("m:FindFolder", &traversal, |w| {
            self.shape.write(w);
            if let Some(view) = self.view {
                view.write(w, "m:IndexedPageFolderView");
            }
            write_restriction(w, self.restriction.as_ref());
            write_folders(w, "m:ParentFolderIds", &self.folders);
        });
    }
}

// === impl IndexedPageView ===

impl IndexedPageView {
    /// The first entries
    pub fn first(max_entries: u32) -> Self {
        Self { max_entries: Some(max_entries), offset: 0, base_point: BasePoint::Beginning }
    }

    fn read(node: Node<'_>, name: &str) -> Result<Option<Self>> {
        let Some(view) = node.child(xml::MESSAGES, name) else {
            return Ok(None);
        };
        Ok(Some(Self {
            max_entries: view.number_attribute("MaxEntriesReturned")?,
            offset: view.number_attribute("Offset")?.unwrap_or(0),
            base_point: view.named_attribute("BasePoint")?.unwrap_or(BasePoint::Beginning),
        }))
    }

    fn write(self, w: &mut Writer, name: &str) {
        let max = self.max_entries.map(|max| max.to_string());
        let offset = self.offset.to_string();
        let mut attributes = Vec::new();
        attributes.extend(max.as_deref().map(|max| ("MaxEntriesReturned", max)));
        attributes.push(("Offset", &offset));
        attributes.push(("BasePoint", self.base_point.as_str()));
        w.empty(name, &attributes);
    }
}

/// A view or grouping that is not known would change what the response says: it may not be read over.
fn refuse_other_views(node: Node<'_>, known: &str) -> Result<()> {
    let other = node.elements().find(|child| {
        let name = child.name();
        (name.ends_with("View") && name != known) || name.ends_with("GroupBy")
    });
    match other {
        Some(other) => Err(other.not_supported()),
        None => Ok(()),
    }
}

fn read_restriction(node: Node<'_>) -> Result<Option<Restriction>> {
    let restriction = node.child(xml::MESSAGES, "Restriction");
    restriction.map(Restriction::read).transpose()
}

fn write_restriction(w: &mut Writer, restriction: Option<&Restriction>) {
    if let Some(restriction) = restriction {
        w.element("m:Restriction", &[], |w| restriction.write(w));
    }
}
