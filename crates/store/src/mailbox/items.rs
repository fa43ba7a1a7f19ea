//! Items made, changed, moved and removed. Each write is noted in the log of changes.

use jiff::Timestamp;
use uuid::Uuid;

use super::changes::Log;
use super::{Attachment, ChangeKind, Content, Item, ItemProperty, Mailboxes, Owner};
use crate::database::Unit;
use crate::error::Error;
use crate::value::Value;

/// An item as it shall be, with what of its parts is new.
#[derive(Clone, Debug)]
pub struct ItemUpdate<'a> {
    /// As it was read.
    pub before: &'a Item,
    /// As it shall be; its version is left to the store.
    pub after: &'a Item,
    /// All its searchable properties.
    pub properties: &'a [ItemProperty],
    /// Files that come.
    pub added: &'a [Attachment],
    /// Files that go.
    pub removed: &'a [Uuid],
    /// Whether nothing changed but that it was read.
    pub read_only: bool,
}

/// An item that goes to another folder.
#[derive(Clone, Copy, Debug)]
pub struct Moved<'a> {
    /// As it was read.
    pub item: &'a Item,
    /// The folder that it will be in.
    pub to: Uuid,
}

// === impl Mailboxes ===

impl Mailboxes {
    /// Adds an item with its searchable properties and attachments. When this returns,
    /// it is on disk. Fails as stale, if the mailbox would hold more than `quota` bytes.
    pub async fn add_item(
        &self,
        owner: Owner,
        item: &Item,
        properties: &[ItemProperty],
        attachments: &[Attachment],
        quota: i64,
        now: Timestamp,
    ) -> Result<(), Error> {
        const SQL: &str =
            "INSERT INTO item (id, number, tenant, owner, folder, received, version, is_read, size, document)
            VALUES (?1, (SELECT COALESCE(MAX(number), 0) + 1 FROM item), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let unit = Unit::new()
            .then(
                "INSERT INTO mailbox_size (owner, tenant, bytes) VALUES (?1, ?2, 0) ON CONFLICT DO NOTHING",
                vec![owner.user.into(), owner.tenant.0.into()],
            )
            .then_one(
                "UPDATE mailbox_size SET bytes = bytes + ?2 WHERE owner = ?1 AND bytes + ?2 <= ?3",
                vec![owner.user.into(), item.size.into(), quota.into()],
            )
            .then_one(
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
        let unit = with_files(with_properties(unit, owner, item.id, properties), item.id, attachments, now);
        let unit = unit.noted(owner, item.folder, item.id, ChangeKind::Create, now);
        self.database.write(unit).await.map(drop)
    }

    /// Stores a changed item; fails as stale if somebody changed or removed it since, or if the
    /// mailbox would grow beyond `quota` bytes.
    pub async fn update_item(
        &self,
        owner: Owner,
        update: &ItemUpdate<'_>,
        quota: i64,
        now: Timestamp,
    ) -> Result<(), Error> {
        const SQL: &str = "UPDATE item
            SET version = version + 1, received = ?1, is_read = ?2, size = ?3, document = ?4
            WHERE id = ?5 AND owner = ?6 AND tenant = ?7 AND version = ?8 AND folder = ?9";
        let ItemUpdate { before, after, .. } = update;
        let mut unit = Unit::new()
            .then_one(
                SQL,
                vec![
                    after.received.into(),
                    after.is_read.into(),
                    after.size.into(),
                    after.document.clone().into(),
                    before.id.into(),
                    owner.user.into(),
                    owner.tenant.0.into(),
                    before.version.into(),
                    before.folder.into(),
                ],
            )
            .then_one(
                "UPDATE mailbox_size SET bytes = bytes + ?2 WHERE owner = ?1 AND (?2 <= 0 OR bytes + ?2 <= ?3)",
                vec![owner.user.into(), (after.size - before.size).into(), quota.into()],
            );
        if !update.read_only {
            unit = unit.then(
                "DELETE FROM item_property WHERE item = ?1 AND owner = ?2",
                vec![before.id.into(), owner.user.into()],
            );
            unit = with_properties(unit, owner, before.id, update.properties);
            unit = with_files(unit, before.id, update.added, now);
            unit = update.removed.iter().fold(unit, |unit, id| {
                unit.then_one(
                    "DELETE FROM attachment WHERE id = ?1 AND item = ?2",
                    vec![(*id).into(), before.id.into()],
                )
            });
        }
        let kind = if update.read_only { ChangeKind::Read } else { ChangeKind::Update };
        let unit = unit.noted(owner, before.folder, before.id, kind, now);
        self.database.write(unit).await.map(drop)
    }

    /// Removes an item for good; fails as stale when it is not where it was.
    pub async fn delete_item(&self, owner: Owner, item: &Item, now: Timestamp) -> Result<(), Error> {
        let unit = Unit::new()
            .then("DELETE FROM item_property WHERE item = ?1 AND owner = ?2", vec![item.id.into(), owner.user.into()])
            .then(
                "DELETE FROM attachment WHERE item IN (SELECT id FROM item WHERE id = ?1 AND owner = ?2)",
                vec![item.id.into(), owner.user.into()],
            )
            .then(
                "UPDATE mailbox_size SET bytes = bytes -
                    (SELECT COALESCE(SUM(size), 0) FROM item WHERE id = ?1 AND owner = ?2)
                 WHERE owner = ?2",
                vec![item.id.into(), owner.user.into()],
            )
            .then_one(
                "DELETE FROM item WHERE id = ?1 AND owner = ?2 AND tenant = ?3 AND folder = ?4",
                vec![item.id.into(), owner.user.into(), owner.tenant.0.into(), item.folder.into()],
            )
            .gone(owner, item.folder, item.id, now);
        self.database.write(unit).await.map(drop)
    }

    /// Moves an item; fails as stale when it is not where it was.
    pub async fn move_item(&self, owner: Owner, moved: Moved<'_>, now: Timestamp) -> Result<(), Error> {
        const SQL: &str = "UPDATE item SET folder = ?1, version = version + 1
            WHERE id = ?2 AND owner = ?3 AND tenant = ?4 AND folder = ?5";
        let Moved { item, to } = moved;
        let values = vec![to.into(), item.id.into(), owner.user.into(), owner.tenant.0.into(), item.folder.into()];
        let unit = Unit::new().then_one(SQL, values).gone(owner, item.folder, item.id, now).noted(
            owner,
            to,
            item.id,
            ChangeKind::Create,
            now,
        );
        self.database.write(unit).await.map(drop)
    }
}

fn with_properties(unit: Unit, owner: Owner, item: Uuid, properties: &[ItemProperty]) -> Unit {
    properties.iter().fold(unit, |unit, ItemProperty { property, value }| {
        unit.then_one(
            "INSERT INTO item_property (item, owner, property, value) VALUES (?1, ?2, ?3, ?4)",
            vec![item.into(), owner.user.into(), property.clone().into(), value.clone().into()],
        )
    })
}

fn with_files(unit: Unit, item: Uuid, files: &[Attachment], now: Timestamp) -> Unit {
    const SQL: &str = "INSERT INTO attachment (id, item, number, name, content_type, content, upload)
        VALUES (?1, ?2, (SELECT COALESCE(MAX(number) + 1, 0) FROM attachment WHERE item = ?2), ?3, ?4, ?5, ?6)";
    files.iter().fold(unit, |unit, file| {
        let (content, upload) = match &file.content {
            Content::Bytes(bytes) => (bytes.clone(), None),
            Content::Upload(upload) => (Vec::new(), Some(upload.id)),
        };
        // An upload that a file is about to name must still be there.
        let unit = match upload {
            Some(id) => unit.then_one("UPDATE upload SET created = ?2 WHERE id = ?1", vec![id.into(), now.into()]),
            None => unit,
        };
        let values: Vec<Value> = vec![
            file.id.into(),
            item.into(),
            file.name.clone().into(),
            file.content_type.clone().into(),
            content.into(),
            upload.into(),
        ];
        unit.then_one(SQL, values)
    })
}
