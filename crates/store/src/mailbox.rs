//! Folders, items and attachments of mailboxes. Every look-up takes tenant and owner.

use actas_directory::TenantId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::database::{Database, Unit};
use crate::error::Error;
use crate::value::{Row, Value};

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
    pub content: Vec<u8>,
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

    /// Makes the folders that are not there yet, parents first.
    pub async fn ensure_folders(&self, owner: Owner, folders: &[Folder], now: Timestamp) -> Result<(), Error> {
        let unit = folders.iter().fold(Unit::new(), |unit, folder| {
            let (sql, values) = insert_folder(owner, folder, now);
            unit.then(sql, values)
        });
        self.database.write(unit).await.map(drop)
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

    /// Adds an item with its searchable properties and attachments. When this returns,
    /// it is on disk.
    pub async fn add_item(
        &self,
        owner: Owner,
        item: &Item,
        properties: &[ItemProperty],
        attachments: &[Attachment],
    ) -> Result<(), Error> {
        const SQL: &str =
            "INSERT INTO item (id, number, tenant, owner, folder, received, version, is_read, size, document)
            VALUES (?1, (SELECT COALESCE(MAX(number), 0) + 1 FROM item), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let mut unit = Unit::new().then_one(
            SQL,
            vec![
                item.id.into(),
                owner.tenant.0.into(),
                owner.user.into(),
                item.folder.into(),
                item.received.into(),
                item.version.into(),
                item.is_read.into(),
                item.size.into(),
                item.document.clone().into(),
            ],
        );
        for ItemProperty { property, value } in properties {
            unit = unit.then_one(
                "INSERT INTO item_property (item, owner, property, value) VALUES (?1, ?2, ?3, ?4)",
                vec![item.id.into(), owner.user.into(), property.clone().into(), value.clone().into()],
            );
        }
        for (number, attachment) in (0..).zip(attachments) {
            unit = unit.then_one(
                "INSERT INTO attachment (id, item, number, name, content_type, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                vec![
                    attachment.id.into(),
                    item.id.into(),
                    Value::Integer(number),
                    attachment.name.clone().into(),
                    attachment.content_type.clone().into(),
                    attachment.content.clone().into(),
                ],
            );
        }
        self.database.write(unit).await.map(drop)
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

    /// A part of a folder's items, newest first: at most `count` of them, after the first
    /// `offset`.
    pub async fn items_page(&self, owner: Owner, folder: Uuid, offset: i64, count: i64) -> Result<Vec<Item>, Error> {
        const SQL: &str = select_items!(
            "WHERE folder = ?1 AND owner = ?2 AND tenant = ?3 ORDER BY received DESC, number DESC LIMIT ?4 OFFSET ?5"
        );
        let values = vec![folder.into(), owner.user.into(), owner.tenant.0.into(), count.into(), offset.into()];
        let rows = self.database.read(SQL, values).await?;
        rows.iter().map(to_item).collect()
    }

    /// A folder's items whose property has a value, newest first; found by index.
    pub async fn items_by_property(
        &self,
        owner: Owner,
        folder: Uuid,
        wanted: &ItemProperty,
    ) -> Result<Vec<Item>, Error> {
        const SQL: &str = select_items!(
            "WHERE folder = ?1 AND owner = ?2 AND tenant = ?3
             AND id IN (SELECT item FROM item_property WHERE owner = ?2 AND property = ?4 AND value = ?5)
             ORDER BY received DESC, number DESC"
        );
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

    /// An item's attachments, in order.
    pub async fn attachments(&self, item: Uuid) -> Result<Vec<Attachment>, Error> {
        const SQL: &str = "SELECT id, name, content_type, content FROM attachment WHERE item = ?1 ORDER BY number";
        let rows = self.database.read(SQL, vec![item.into()]).await?;
        rows.iter()
            .map(|row| {
                Ok(Attachment {
                    id: row.uuid(0)?,
                    name: row.text(1)?.to_owned(),
                    content_type: row.text(2)?.to_owned(),
                    content: row.bytes(3)?.to_vec(),
                })
            })
            .collect()
    }

    /// Removes an item for good; fails as stale when there is none.
    pub async fn delete_item(&self, owner: Owner, id: Uuid) -> Result<(), Error> {
        let unit = Unit::new()
            .then("DELETE FROM item_property WHERE item = ?1 AND owner = ?2", vec![id.into(), owner.user.into()])
            .then(
                "DELETE FROM attachment WHERE item IN (SELECT id FROM item WHERE id = ?1 AND owner = ?2)",
                vec![id.into(), owner.user.into()],
            )
            .then_one(
                "DELETE FROM item WHERE id = ?1 AND owner = ?2 AND tenant = ?3",
                vec![id.into(), owner.user.into(), owner.tenant.0.into()],
            );
        self.database.write(unit).await.map(drop)
    }

    /// Moves an item; fails as stale when there is none.
    pub async fn move_item(&self, owner: Owner, id: Uuid, folder: Uuid) -> Result<(), Error> {
        const SQL: &str =
            "UPDATE item SET folder = ?1, version = version + 1 WHERE id = ?2 AND owner = ?3 AND tenant = ?4";
        let values = vec![folder.into(), id.into(), owner.user.into(), owner.tenant.0.into()];
        self.database.write(Unit::new().then_one(SQL, values)).await.map(drop)
    }
}

fn insert_folder(owner: Owner, folder: &Folder, now: Timestamp) -> (&'static str, Vec<Value>) {
    const SQL: &str = "INSERT INTO folder (id, tenant, owner, parent, distinguished, name, class, version, created)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
    let values = vec![
        folder.id.into(),
        owner.tenant.0.into(),
        owner.user.into(),
        folder.parent.into(),
        folder.distinguished.clone().into(),
        folder.name.clone().into(),
        folder.class.clone().into(),
        folder.version.into(),
        now.into(),
    ];
    (SQL, values)
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
