//! Paths: what shapes, restrictions and sort orders name

use super::ExtendedFieldUri;
use crate::error::Result;
use crate::xml::{self, Node, Writer};

/// The path of a property
///
/// Exhaustive: the schema fixes the kinds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PropertyPath {
    /// A field of the schema ("FieldURI")
    Field(Field),
    /// An entry of a dictionary, such as `contacts:EmailAddress` ("IndexedFieldURI"); our items
    /// have none
    Indexed { field: String, index: String },
    /// An extended property ("ExtendedFieldURI")
    Extended(ExtendedFieldUri),
}

open_names! {
    /// A field of the schema, by the path that names it
    pub enum Field {
        Attachments = "item:Attachments",
        BccRecipients = "message:BccRecipients",
        Body = "item:Body",
        Categories = "item:Categories",
        CcRecipients = "message:CcRecipients",
        ConversationTopic = "message:ConversationTopic",
        DateTimeCreated = "item:DateTimeCreated",
        DateTimeReceived = "item:DateTimeReceived",
        DateTimeSent = "item:DateTimeSent",
        From = "message:From",
        HasAttachments = "item:HasAttachments",
        Importance = "item:Importance",
        InReplyTo = "item:InReplyTo",
        InternetMessageId = "message:InternetMessageId",
        IsDraft = "item:IsDraft",
        IsRead = "message:IsRead",
        ItemClass = "item:ItemClass",
        ItemId = "item:ItemId",
        LastModifiedTime = "item:LastModifiedTime",
        MimeContent = "item:MimeContent",
        ParentFolderId = "item:ParentFolderId",
        References = "message:References",
        ReplyTo = "message:ReplyTo",
        Sender = "message:Sender",
        Sensitivity = "item:Sensitivity",
        Size = "item:Size",
        Subject = "item:Subject",
        ToRecipients = "message:ToRecipients",
        FolderChildFolderCount = "folder:ChildFolderCount",
        FolderClass = "folder:FolderClass",
        FolderDisplayName = "folder:DisplayName",
        FolderDistinguishedFolderId = "folder:DistinguishedFolderId",
        FolderEffectiveRights = "folder:EffectiveRights",
        FolderId = "folder:FolderId",
        FolderParentFolderId = "folder:ParentFolderId",
        FolderTotalCount = "folder:TotalCount",
        FolderUnreadCount = "folder:UnreadCount",
    }
}

impl From<Field> for PropertyPath {
    fn from(field: Field) -> Self {
        Self::Field(field)
    }
}

impl From<ExtendedFieldUri> for PropertyPath {
    fn from(uri: ExtendedFieldUri) -> Self {
        Self::Extended(uri)
    }
}

impl PropertyPath {
    /// Whether an element is a path at all.
    pub(crate) fn is(node: Node<'_>) -> bool {
        node.namespace() == Some(xml::TYPES)
            && matches!(node.name(), "FieldURI" | "IndexedFieldURI" | "ExtendedFieldURI")
    }

    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        if !Self::is(node) {
            return Err(node.not_supported());
        }
        match node.name() {
            "ExtendedFieldURI" => ExtendedFieldUri::read(node).map(Self::Extended),
            "IndexedFieldURI" => Ok(Self::Indexed {
                field: node.required_attribute("FieldURI")?.to_owned(),
                index: node.required_attribute("FieldIndex")?.to_owned(),
            }),
            _ => {
                let field = node.required_attribute("FieldURI")?;
                Ok(Self::Field(Field::from_name(field)))
            }
        }
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        match self {
            Self::Field(field) => w.empty("t:FieldURI", &[("FieldURI", field.as_str())]),
            Self::Indexed { field, index } => {
                w.empty("t:IndexedFieldURI", &[("FieldURI", field), ("FieldIndex", index)]);
            }
            Self::Extended(uri) => uri.write(w),
        }
    }
}

impl std::fmt::Display for PropertyPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Indexed { field, index } => write!(f, "{field}:{index}"),
            Self::Extended(uri) => uri.fmt(f),
        }
    }
}
