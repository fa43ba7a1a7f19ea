//! What a request wants to be told about items and folders

use super::SHAPE_PATHS_MAX;
use super::property::PropertyPath;
use crate::error::Result;
use crate::xml::{self, Node, Writer};

names! {
    /// A set of properties by name ("BaseShape")
    pub enum BaseShape {
        IdOnly = "IdOnly",
        Default = "Default",
        AllProperties = "AllProperties",
    }
}

names! {
    /// In what form a body is wanted ("BodyType")
    pub enum BodyTypeResponse {
        /// As it is stored
        Best = "Best",
        Html = "HTML",
        Text = "Text",
    }
}

/// What is wanted of items ("ItemShape")
///
/// Paths that an item doesn't have are no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemShape {
    pub base: BaseShape,
    pub include_mime_content: bool,
    pub body_type: Option<BodyTypeResponse>,
    pub additional: Vec<PropertyPath>,
}

/// What is wanted of folders ("FolderShape")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderShape {
    pub base: BaseShape,
    pub additional: Vec<PropertyPath>,
}

// === impl ItemShape ===

impl ItemShape {
    pub fn new(base: BaseShape) -> Self {
        Self { base, include_mime_content: false, body_type: None, additional: Vec::new() }
    }

    /// With these properties, too
    #[must_use]
    pub fn with(mut self, paths: impl IntoIterator<Item = PropertyPath>) -> Self {
        self.additional.extend(paths);
        self
    }

    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        let mime = node.child(xml::TYPES, "IncludeMimeContent");
        let body_type = node.child(xml::TYPES, "BodyType");
        Ok(Self {
            base: node.required(xml::TYPES, "BaseShape")?.named()?,
            include_mime_content: mime.map(Node::bool).transpose()?.unwrap_or(false),
            body_type: body_type.map(Node::named).transpose()?,
            additional: read_additional(node)?,
        })
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.element("m:ItemShape", &[], |w| {
            w.text("t:BaseShape", self.base.as_str());
            if self.include_mime_content {
                w.text("t:IncludeMimeContent", "true");
            }
            w.text_opt("t:BodyType", self.body_type.map(BodyTypeResponse::as_str));
            write_additional(w, &self.additional);
        });
    }
}

// === impl FolderShape ===

impl FolderShape {
    pub fn new(base: BaseShape) -> Self {
        Self { base, additional: Vec::new() }
    }

    /// With these properties, too
    #[must_use]
    pub fn with(mut self, paths: impl IntoIterator<Item = PropertyPath>) -> Self {
        self.additional.extend(paths);
        self
    }

    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self { base: node.required(xml::TYPES, "BaseShape")?.named()?, additional: read_additional(node)? })
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.element("m:FolderShape", &[], |w| {
            w.text("t:BaseShape", self.base.as_str());
            write_additional(w, &self.additional);
        });
    }
}

fn read_additional(shape: Node<'_>) -> Result<Vec<PropertyPath>> {
    match shape.child(xml::TYPES, "AdditionalProperties") {
        Some(paths) => paths.each("additional properties", SHAPE_PATHS_MAX, PropertyPath::read),
        None => Ok(Vec::new()),
    }
}

fn write_additional(w: &mut Writer, paths: &[PropertyPath]) {
    if paths.is_empty() {
        return;
    }
    w.element("t:AdditionalProperties", &[], |w| {
        for path in paths {
            path.write(w);
        }
    });
}
