//! Ids of items and folders

use crate::address::SmtpAddress;
use crate::error::Result;
use crate::xml::{self, Node, Writer};

/// An item, and possibly a version of it ("ItemId"); opaque, and case matters
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ItemId {
    pub id: String,
    pub change_key: Option<String>,
}

/// A folder by its opaque id, and possibly a version of it
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FolderKey {
    pub id: String,
    pub change_key: Option<String>,
}

/// How a request names a folder
///
/// Exhaustive: the schema fixes the kinds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FolderId {
    /// By its role, in a mailbox or in the one of whoever acts ("DistinguishedFolderId")
    Distinguished { name: FolderName, mailbox: Option<SmtpAddress> },
    /// By what a response called it ("FolderId")
    Opaque(FolderKey),
}

/// The role of a folder
///
/// A role that we don't know is no fault of the request: it is `ErrorFolderNotFound` for that
/// folder, since exchangelib asks for dozens and skips those that are missing.
///
/// Exhaustive: there is nothing between known and unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FolderName {
    Known(DistinguishedFolder),
    Other(String),
}

names! {
    /// The roles that folders of our mailboxes have ("DistinguishedFolderId" lists more)
    pub enum DistinguishedFolder {
        Root = "root",
        MsgFolderRoot = "msgfolderroot",
        Inbox = "inbox",
        Drafts = "drafts",
        SentItems = "sentitems",
        DeletedItems = "deleteditems",
        Outbox = "outbox",
        JunkEmail = "junkemail",
        Calendar = "calendar",
        Contacts = "contacts",
        Tasks = "tasks",
        Notes = "notes",
        Journal = "journal",
        SearchFolders = "searchfolders",
        /// Where conversations are kept
        ConversationHistory = "conversationhistory",
        Voicemail = "voicemail",
        RecoverableItemsRoot = "recoverableitemsroot",
        RecoverableItemsDeletions = "recoverableitemsdeletions",
        RecoverableItemsVersions = "recoverableitemsversions",
        /// Out of its owner's sight: where archive copies go
        RecoverableItemsPurges = "recoverableitemspurges",
    }
}

// === impl ItemId ===

impl ItemId {
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), change_key: None }
    }

    pub fn with_change_key(id: impl Into<String>, change_key: impl Into<String>) -> Self {
        Self { id: id.into(), change_key: Some(change_key.into()) }
    }

    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        if !node.is(xml::TYPES, "ItemId") {
            return Err(node.not_supported());
        }
        Self::read_as(node)
    }

    /// Reads an element of whatever name: `ItemId` and `ParentItemId` look alike.
    pub(crate) fn read_as(node: Node<'_>) -> Result<Self> {
        let (id, change_key) = read_opaque(node)?;
        Ok(Self { id, change_key })
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        self.write_as(w, "t:ItemId");
    }

    pub(crate) fn write_as(&self, w: &mut Writer, name: &str) {
        write_opaque(w, name, &self.id, self.change_key.as_deref());
    }
}

// === impl FolderKey ===

impl FolderKey {
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), change_key: None }
    }

    pub fn with_change_key(id: impl Into<String>, change_key: impl Into<String>) -> Self {
        Self { id: id.into(), change_key: Some(change_key.into()) }
    }

    /// Reads an element of whatever name: `FolderId` and `ParentFolderId` look alike.
    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        let (id, change_key) = read_opaque(node)?;
        Ok(Self { id, change_key })
    }

    pub(crate) fn write(&self, w: &mut Writer, name: &str) {
        write_opaque(w, name, &self.id, self.change_key.as_deref());
    }
}

fn read_opaque(node: Node<'_>) -> Result<(String, Option<String>)> {
    let id = node.required_attribute("Id")?.to_owned();
    Ok((id, node.attribute("ChangeKey").map(str::to_owned)))
}

fn write_opaque(w: &mut Writer, name: &str, id: &str, change_key: Option<&str>) {
    let mut attributes = vec![("Id", id)];
    attributes.extend(change_key.map(|key| ("ChangeKey", key)));
    w.empty(name, &attributes);
}

// === impl FolderId ===

impl From<DistinguishedFolder> for FolderId {
    /// The folder of whoever acts
    fn from(folder: DistinguishedFolder) -> Self {
        Self::Distinguished { name: FolderName::Known(folder), mailbox: None }
    }
}

impl From<FolderKey> for FolderId {
    fn from(key: FolderKey) -> Self {
        Self::Opaque(key)
    }
}

impl FolderId {
    /// The folder of this role in this mailbox
    pub fn of(mailbox: SmtpAddress, folder: DistinguishedFolder) -> Self {
        Self::Distinguished { name: FolderName::Known(folder), mailbox: Some(mailbox) }
    }

    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        if node.is(xml::TYPES, "FolderId") {
            return FolderKey::read(node).map(Self::Opaque);
        }
        if !node.is(xml::TYPES, "DistinguishedFolderId") {
            return Err(node.not_supported());
        }
        let name = FolderName::from_name(node.required_attribute("Id")?);
        let mailbox = match node.child(xml::TYPES, "Mailbox") {
            Some(mailbox) => {
                let address = mailbox.required(xml::TYPES, "EmailAddress")?;
                let parsed: Result<SmtpAddress> = address.token()?.parse();
                Some(parsed.map_err(|error| error.at(address.position()))?)
            }
            None => None,
        };
        Ok(Self::Distinguished { name, mailbox })
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        match self {
            Self::Opaque(key) => key.write(w, "t:FolderId"),
            Self::Distinguished { name, mailbox } => {
                let attributes = [("Id", name.as_str())];
                match mailbox {
                    None => w.empty("t:DistinguishedFolderId", &attributes),
                    Some(address) => w.element("t:DistinguishedFolderId", &attributes, |w| {
                        w.element("t:Mailbox", &[], |w| w.text("t:EmailAddress", address));
                    }),
                }
            }
        }
    }
}

// === impl FolderName ===

impl FolderName {
    pub fn from_name(name: &str) -> Self {
        DistinguishedFolder::from_name(name).map_or_else(|| Self::Other(name.to_owned()), Self::Known)
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(folder) => folder.as_str(),
            Self::Other(name) => name,
        }
    }
}
