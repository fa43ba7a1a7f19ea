//! Folders made, moved and removed.

use jiff::Timestamp;
use uuid::Uuid;

use super::changes::Log;
use super::{ChangeKind, Folder, Mailboxes, Owner};
use crate::database::Unit;
use crate::error::Error;
use crate::value::Value;

/// Where a folder goes, and what it is called there.
#[derive(Clone, Debug, PartialEq)]
pub struct NewParent {
    /// The folder that it will be in.
    pub parent: Uuid,
    /// Its name there, which no other folder there may have.
    pub name: String,
}

const INSERT: &str = "INSERT INTO folder (id, tenant, owner, parent, distinguished, name, class, version, created)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";

// === impl Mailboxes ===

impl Mailboxes {
    /// Makes the folders that are not there yet, parents first.
    pub async fn ensure_folders(&self, owner: Owner, folders: &[Folder], now: Timestamp) -> Result<(), Error> {
        let unit = folders.iter().fold(Unit::new(), |unit, folder| {
            unit.then(INSERT, row(owner, folder, now)).noted_folder(owner, folder.id, now)
        });
        self.database.write(unit).await.map(drop)
    }

    /// Makes a folder; fails as stale if its parent has one of this name, or is gone.
    pub async fn add_folder(&self, owner: Owner, folder: &Folder, now: Timestamp) -> Result<(), Error> {
        let unit = Unit::new()
            .then_one(
                "UPDATE folder SET version = version + 1 WHERE id = ?1 AND owner = ?2 AND tenant = ?3",
                vec![folder.parent.into(), owner.user.into(), owner.tenant.0.into()],
            )
            .then_one(INSERT, row(owner, folder, now))
            .noted_folder(owner, folder.id, now);
        self.database.write(unit).await.map(drop)
    }

    /// Renames a folder, or gives it another class; fails as stale when there is none of this
    /// version. Gives an engine's error if the name is taken: ask first.
    pub async fn update_folder(&self, owner: Owner, folder: &Folder, now: Timestamp) -> Result<(), Error> {
        const SQL: &str = "UPDATE folder SET name = ?1, class = ?2, version = version + 1
            WHERE id = ?3 AND owner = ?4 AND tenant = ?5 AND version = ?6";
        let values = vec![
            folder.name.clone().into(),
            folder.class.clone().into(),
            folder.id.into(),
            owner.user.into(),
            owner.tenant.0.into(),
            folder.version.into(),
        ];
        let unit = Unit::new().then_one(SQL, values).noted(owner, owner.user, folder.id, ChangeKind::Update, now);
        self.database.write(unit).await.map(drop)
    }

    /// Moves a folder with everything in it; fails as stale when there is none.
    pub async fn move_folder(&self, owner: Owner, id: Uuid, to: &NewParent, now: Timestamp) -> Result<(), Error> {
        const SQL: &str = "UPDATE folder SET parent = ?1, name = ?2, version = version + 1
            WHERE id = ?3 AND owner = ?4 AND tenant = ?5 AND distinguished IS NULL";
        let values =
            vec![to.parent.into(), to.name.clone().into(), id.into(), owner.user.into(), owner.tenant.0.into()];
        let unit = Unit::new().then_one(SQL, values).noted(owner, owner.user, id, ChangeKind::Update, now);
        self.database.write(unit).await.map(drop)
    }

    /// Removes folders with their items, for good: each before the one that it is in. Fails as
    /// stale, with nothing removed, if one of them is gone or has a role.
    pub async fn delete_folders(&self, owner: Owner, folders: &[Uuid], now: Timestamp) -> Result<(), Error> {
        let of = |folder: &Uuid| -> Vec<Value> { vec![(*folder).into(), owner.user.into(), owner.tenant.0.into()] };
        let unit = folders.iter().fold(Unit::new(), |unit, folder| {
            items_gone(unit.gone(owner, owner.user, *folder, now), of(folder))
                // What was noted of its items went with the scope, after the folder's own entry: so
                // no number is given twice.
                .then("DELETE FROM mailbox_change WHERE scope = ?1 AND owner = ?2 AND tenant = ?3", of(folder))
                .then_one(
                    "DELETE FROM folder WHERE id = ?1 AND owner = ?2 AND tenant = ?3 AND distinguished IS NULL",
                    of(folder),
                )
        });
        self.database.write(unit).await.map(drop)
    }
}

/// Adds the removal of all items of a folder.
fn items_gone(unit: Unit, of: Vec<Value>) -> Unit {
    unit.then(
        "UPDATE mailbox_size SET bytes = bytes -
            (SELECT COALESCE(SUM(size), 0) FROM item WHERE folder = ?1 AND owner = ?2 AND tenant = ?3)
         WHERE owner = ?2",
        of.clone(),
    )
    .then(
        "DELETE FROM item_property WHERE item IN
            (SELECT id FROM item WHERE folder = ?1 AND owner = ?2 AND tenant = ?3)",
        of.clone(),
    )
    .then(
        "DELETE FROM attachment WHERE item IN
            (SELECT id FROM item WHERE folder = ?1 AND owner = ?2 AND tenant = ?3)",
        of.clone(),
    )
    .then("DELETE FROM item WHERE folder = ?1 AND owner = ?2 AND tenant = ?3", of)
}

fn row(owner: Owner, folder: &Folder, now: Timestamp) -> Vec<Value> {
    vec![
        folder.id.into(),
        owner.tenant.0.into(),
        owner.user.into(),
        folder.parent.into(),
        folder.distinguished.clone().into(),
        folder.name.clone().into(),
        folder.class.clone().into(),
        folder.version.into(),
        now.into(),
    ]
}
