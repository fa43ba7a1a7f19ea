//! Folders, items and attachments of mailboxes. Every look-up takes tenant and owner.

mod changes;
mod folders;
mod items;
mod people;
mod subscriptions;
mod uploads;

use actas_directory::TenantId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::database::Database;
use crate::error::Error;
use crate::value::Row;

pub use changes::{Change, ChangeKind};
pub use folders::NewParent;
pub use items::{ItemUpdate, Moved};
pub use subscriptions::Subscription;
pub use uploads::{Content, Upload};

/// Whose mailbox: a user of a tenant.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Owner {
    /// The tenant.
    pub tenant: TenantId,
    /// The user's object id.
    pub user: Uuid,
}

/// A folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Folder {
    /// Its id.
    pub id: Uuid,
    /// The folder it is in; none for the root.
    pub parent: Option<Uuid>,
    /// `inbox`, `conversationhistory`, …
    pub distinguished: Option<String>,
    /// For people.
    pub name: String,
    /// `IPF.Note`, …
    pub class: Option<String>,
    /// Grows with every change: the change key.
    pub version: i64,
}

/// How much is in a folder.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FolderCounts {
    /// Items.
    pub total: i64,
    /// Unread items.
    pub unread: i64,
    /// Folders directly in it.
    pub children: i64,
}

/// An item; its contents are a document of the mailbox server's making.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its id.
    pub id: Uuid,
    /// The folder it is in.
    pub folder: Uuid,
    /// When it was received.
    pub received: Timestamp,
    /// Grows with every change: the change key.
    pub version: i64,
    /// Whether it was read.
    pub is_read: bool,
    /// Bytes, attachments included.
    pub size: i64,
    /// The contents.
    pub document: String,
}

/// A place in a folder's order, which is newest first: what is read on from here comes after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    received: Timestamp,
    number: i64,
}

impl Place {
    /// Before all items that were received at a time or earlier.
    pub fn at(received: Timestamp) -> Self {
        Self { received, number: i64::MAX }
    }
}

/// A string property that items are searched by.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemProperty {
    /// Its name in one canonical form.
    pub property: String,
    /// Its value.
    pub value: String,
}

/// A file in an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// Its id.
    pub id: Uuid,
    /// Its file name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// The bytes.
    pub content: Content,
}

/// The mailbox tables.
#[derive(Clone, Debug)]
pub struct Mailboxes {
    database: Database,
}

macro_rules! select_folders {
    ($rest:literal) => {
        concat!("SELECT id, parent, distinguished, name, class, version FROM folder ", $rest)
    };
}

macro_rules! select_items {
    ($rest:literal) => {
        concat!("SELECT id, folder, received, version, is_read, size, document FROM item ", $rest)
    };
}

// === impl Mailboxes ===

impl Mailboxes {
    /// The mailboxes in a cloud database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// A folder by its distinguished name.
    pub async fn distinguished(&self, owner: Owner, name: &str) -> Result<Option<Folder>, Error> {
        const SQL: &str = select_folders!("WHERE owner = ?1 AND tenant = ?2 AND distinguished = ?3");
        let row = self.database.read_one(SQL, vec![owner.user.into(), owner.tenant.0.into(), name.into()]).await?;
        row.as_ref().map(to_folder).transpose()
    }

    /// A folder by id.
    pub async fn folder(&self, owner: Owner, id: Uuid) -> Result<Option<Folder>, Error> {
        const SQL: &str = select_folders!("WHERE owner = ?1 AND tenant = ?2 AND id = ?3");
        let row = self.database.read_one(SQL, vec![owner.user.into(), owner.tenant.0.into(), id.into()]).await?;
        row.as_ref().map(to_folder).transpose()
    }

    /// All folders, in the order in which they were made.
    pub async fn folders(&self, owner: Owner) -> Result<Vec<Folder>, Error> {
        const SQL: &str = select_folders!("WHERE owner = ?1 AND tenant = ?2 ORDER BY created, name");
        let rows = self.database.read(SQL, vec![owner.user.into(), owner.tenant.0.into()]).await?;
        rows.iter().map(to_folder).collect()
    }

    /// How much is in a folder.
    pub async fn counts(&self, owner: Owner, folder: Uuid) -> Result<FolderCounts, Error> {
        const SQL: &str = "SELECT
            (SELECT COUNT(*) FROM item WHERE folder = ?1 AND owner = ?2),
            (SELECT COUNT(*) FROM item WHERE folder = ?1 AND owner = ?2 AND is_read = 0),
            (SELECT COUNT(*) FROM folder WHERE parent = ?1 AND owner = ?2)";
        let row = self.database.read_one(SQL, vec![folder.into(), owner.user.into()]).await?;
        row.map_or(Ok(FolderCounts::default()), |row| {
            Ok(FolderCounts { total: row.integer(0)?, unread: row.integer(1)?, children: row.integer(2)? })
        })
    }

    /// An item by id.
    pub async fn item(&self, owner: Owner, id: Uuid) -> Result<Option<Item>, Error> {
        const SQL: &str = select_items!("WHERE id = ?1 AND owner = ?2 AND tenant = ?3");
        let row = self.database.read_one(SQL, vec![id.into(), owner.user.into(), owner.tenant.0.into()]).await?;
        row.as_ref().map(to_item).transpose()
    }

    /// A folder's items, newest first.
    pub async fn items(&self, owner: Owner, folder: Uuid) -> Result<Vec<Item>, Error> {
        const SQL: &str =
            select_items!("WHERE folder = ?1 AND owner = ?2 AND tenant = ?3 ORDER BY received DESC, number DESC");
        let rows = self.database.read(SQL, vec![folder.into(), owner.user.into(), owner.tenant.0.into()]).await?;
        rows.iter().map(to_item).collect()
    }

    /// The ids of a folder's items, oldest first.
    pub async fn item_ids(&self, owner: Owner, folder: Uuid) -> Result<Vec<Uuid>, Error> {
        const SQL: &str =
            "SELECT id FROM item WHERE folder = ?1 AND owner = ?2 AND tenant = ?3 ORDER BY received, number";
        let rows = self.database.read(SQL, vec![folder.into(), owner.user.into(), owner.tenant.0.into()]).await?;
        rows.iter().map(|row| row.uuid(0)).collect()
    }

    /// A part of a folder's items, newest first: at most `count` of them, after the first
    /// `offset`.
    pub async fn items_page(&self, owner: Owner, folder: Uuid, offset: i64, count: i64) -> Result<Vec<Item>, Error> {
        // What is passed over is passed over in the index alone.
        const SQL: &str = select_items!(
            "WHERE folder = ?1 AND owner = ?2 AND tenant = ?3 AND (received, number) <= (
               SELECT received, number FROM item WHERE folder = ?1 ORDER BY received DESC, number DESC LIMIT 1 OFFSET ?5
             ) ORDER BY received DESC, number DESC LIMIT ?4"
        );
        let values = vec![folder.into(), owner.user.into(), owner.tenant.0.into(), count.into(), offset.into()];
        let rows = self.database.read(SQL, values).await?;
        rows.iter().map(to_item).collect()
    }

    /// A folder's items after a place, newest first, down to those received at `since`: at most
    /// `count`, each with its own place. By index, wherever the place is.
    pub async fn items_after(
        &self,
        owner: Owner,
        folder: Uuid,
        place: Place,
        since: Timestamp,
        count: i64,
    ) -> Result<Vec<(Place, Item)>, Error> {
        const SQL: &str = "SELECT id, folder, received, version, is_read, size, document, number FROM item
            WHERE folder = ?1 AND owner = ?2 AND tenant = ?3 AND received >= ?4 AND (received, number) < (?5, ?6)
            ORDER BY received DESC, number DESC LIMIT ?7";
        let values = vec![
            folder.into(),
            owner.user.into(),
            owner.tenant.0.into(),
            since.into(),
            place.received.into(),
            place.number.into(),
            count.into(),
        ];
        let rows = self.database.read(SQL, values).await?;
        rows.iter()
            .map(|row| {
                let item = to_item(row)?;
                Ok((Place { received: item.received, number: row.integer(7)? }, item))
            })
            .collect()
    }

    /// How many items of a mailbox have this value of a property; not more than `max` are counted.
    pub async fn count_by_property(&self, owner: Owner, wanted: &ItemProperty, max: i64) -> Result<i64, Error> {
        const SQL: &str = "SELECT COUNT(*) FROM
            (SELECT 1 FROM item_property WHERE owner = ?1 AND property = ?2 AND value = ?3 LIMIT ?4) AS found";
        let values = vec![owner.user.into(), wanted.property.clone().into(), wanted.value.clone().into(), max.into()];
        let row = self.database.read_one(SQL, values).await?;
        row.map_or(Ok(0), |row| row.integer(0))
    }

    /// A folder's items whose property has a value, newest first; found by index. Ask first how many
    /// they are: they come all at once.
    pub async fn items_by_property(
        &self,
        owner: Owner,
        folder: Uuid,
        wanted: &ItemProperty,
    ) -> Result<Vec<Item>, Error> {
        // Properties come first: the folder's own order would lead through all of it.
        const SQL: &str = "SELECT i.id, i.folder, i.received, i.version, i.is_read, i.size, i.document
            FROM item_property p CROSS JOIN item i
            WHERE p.owner = ?2 AND p.property = ?4 AND p.value = ?5
              AND i.id = p.item AND i.folder = ?1 AND i.owner = ?2 AND i.tenant = ?3
            ORDER BY i.received DESC, i.number DESC";
        let values = vec![
            folder.into(),
            owner.user.into(),
            owner.tenant.0.into(),
            wanted.property.clone().into(),
            wanted.value.clone().into(),
        ];
        let rows = self.database.read(SQL, values).await?;
        rows.iter().map(to_item).collect()
    }

    /// An attachment by its id, with the item that it is in.
    pub async fn attachment(&self, owner: Owner, id: Uuid) -> Result<Option<(Item, Attachment)>, Error> {
        const SQL: &str = "SELECT a.id, a.name, a.content_type, a.content, a.upload, u.size, a.item
            FROM attachment a JOIN item i ON i.id = a.item LEFT JOIN upload u ON u.id = a.upload
            WHERE a.id = ?1 AND i.owner = ?2 AND i.tenant = ?3";
        let values = vec![id.into(), owner.user.into(), owner.tenant.0.into()];
        let Some(row) = self.database.read_one(SQL, values).await? else { return Ok(None) };
        let attachment = to_attachment(&row)?;
        Ok(self.item(owner, row.uuid(6)?).await?.map(|item| (item, attachment)))
    }

    /// Bytes of an attachment; 0 if there is none.
    pub async fn attachment_size(&self, owner: Owner, id: Uuid) -> Result<i64, Error> {
        const SQL: &str = "SELECT LENGTH(a.content) + COALESCE(u.size, 0)
            FROM attachment a JOIN item i ON i.id = a.item LEFT JOIN upload u ON u.id = a.upload
            WHERE a.id = ?1 AND i.owner = ?2 AND i.tenant = ?3";
        let row = self.database.read_one(SQL, vec![id.into(), owner.user.into(), owner.tenant.0.into()]).await?;
        row.map_or(Ok(0), |row| row.integer(0))
    }

    /// Bytes of all items together, files included.
    pub async fn size(&self, owner: Owner) -> Result<i64, Error> {
        const SQL: &str = "SELECT bytes FROM mailbox_size WHERE owner = ?1 AND tenant = ?2";
        let row = self.database.read_one(SQL, vec![owner.user.into(), owner.tenant.0.into()]).await?;
        row.map_or(Ok(0), |row| row.integer(0))
    }

    /// An item's attachments, in order.
    pub async fn attachments(&self, item: Uuid) -> Result<Vec<Attachment>, Error> {
        const SQL: &str = "SELECT a.id, a.name, a.content_type, a.content, a.upload, u.size
            FROM attachment a LEFT JOIN upload u ON u.id = a.upload WHERE a.item = ?1 ORDER BY a.number";
        let rows = self.database.read(SQL, vec![item.into()]).await?;
        rows.iter().map(to_attachment).collect()
    }
}

fn to_attachment(row: &Row) -> Result<Attachment, Error> {
    let content = match row.optional_text(4)? {
        Some(_) => {
            let size = u64::try_from(row.integer(5)?).unwrap_or(0);
            Content::Upload(Upload { id: row.uuid(4)?, size })
        }
        None => Content::Bytes(row.bytes(3)?.to_vec()),
    };
    Ok(Attachment { id: row.uuid(0)?, name: row.text(1)?.to_owned(), content_type: row.text(2)?.to_owned(), content })
}

fn to_folder(row: &Row) -> Result<Folder, Error> {
    Ok(Folder {
        id: row.uuid(0)?,
        parent: row.optional_text(1)?.map(|_| row.uuid(1)).transpose()?,
        distinguished: row.optional_text(2)?.map(str::to_owned),
        name: row.text(3)?.to_owned(),
        class: row.optional_text(4)?.map(str::to_owned),
        version: row.integer(5)?,
    })
}

fn to_item(row: &Row) -> Result<Item, Error> {
    Ok(Item {
        id: row.uuid(0)?,
        folder: row.uuid(1)?,
        received: row.time(2)?,
        version: row.integer(3)?,
        is_read: row.boolean(4)?,
        size: row.integer(5)?,
        document: row.text(6)?.to_owned(),
    })
}
