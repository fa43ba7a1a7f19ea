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

/// Items that are removed or moved in one write, so that others get to write in between.
const EMPTIED_AT_ONCE: i64 = 500;

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

    /// Moves a folder with everything in it; fails as stale when there is none, or the new parent
    /// is none or in it.
    pub async fn move_folder(&self, owner: Owner, id: Uuid, to: &NewParent, now: Timestamp) -> Result<(), Error> {
        const SQL: &str = "UPDATE folder SET parent = ?1, name = ?2, version = version + 1
            WHERE id = ?3 AND owner = ?4 AND tenant = ?5 AND distinguished IS NULL
              AND EXISTS (SELECT 1 FROM folder AS target WHERE target.id = ?1 AND target.owner = ?4)
              AND NOT EXISTS (
                WITH RECURSIVE above (id) AS (
                  SELECT ?1 UNION
                  SELECT folder.parent FROM folder JOIN above ON folder.id = above.id WHERE folder.parent IS NOT NULL
                )
                SELECT 1 FROM above WHERE above.id = ?3)";
        let values =
            vec![to.parent.into(), to.name.clone().into(), id.into(), owner.user.into(), owner.tenant.0.into()];
        let unit = Unit::new().then_one(SQL, values).noted(owner, owner.user, id, ChangeKind::Update, now);
        self.database.write(unit).await.map(drop)
    }

    /// Removes the items of a folder for good, or moves them to another; folders in it stay. What
    /// comes in meanwhile stays, too. It is done in parts, each of them whole: one that is cut
    /// short leaves the rest where it was.
    pub async fn empty_folder(
        &self,
        owner: Owner,
        folder: Uuid,
        to: Option<Uuid>,
        now: Timestamp,
    ) -> Result<(), Error> {
        const LAST: &str = "SELECT COALESCE(MAX(number), 0) FROM item WHERE folder = ?1 AND owner = ?2 AND tenant = ?3";
        let of: Vec<Value> = vec![folder.into(), owner.user.into(), owner.tenant.0.into()];
        let last = self.database.read_one(LAST, of.clone()).await?.map_or(Ok(0), |row| row.integer(0))?;
        let mut of_part = of;
        of_part.extend([last.into(), EMPTIED_AT_ONCE.into()]);
        loop {
            let unit = match to {
                Some(to) => part_moved(&of_part, to, now),
                None => part_gone(&of_part, now),
            };
            let outcome = self.database.write(unit).await?;
            let emptied = outcome.last().map_or(0, |(_, touched)| *touched);
            if i64::try_from(emptied).unwrap_or(i64::MAX) < EMPTIED_AT_ONCE {
                return Ok(());
            }
        }
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

/// The items of a part of a folder: those that come first by number, of a folder ?1 of an owner ?2
/// and tenant ?3, up to the number ?4, at most ?5. Until they are changed they are the same ones.
macro_rules! of_part {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "(SELECT id FROM item WHERE folder = ?1 AND owner = ?2 AND tenant = ?3 AND number <= ?4
              ORDER BY number LIMIT ?5)",
            $after
        )
    };
}

/// Notes that the items of a part left their folder, and drops what was noted of them before.
fn part_left(of_part: &[Value], now: Timestamp) -> Unit {
    let mut noted = of_part.to_vec();
    noted.push(now.into());
    Unit::new()
        .then(
            of_part!(
                "INSERT INTO mailbox_change (scope, object, kind, number, time, tenant, owner)
                 SELECT folder, id, 'delete',
                   ROW_NUMBER() OVER (ORDER BY number)
                     + (SELECT COALESCE(MAX(number), 0) FROM mailbox_change WHERE owner = ?2),
                   ?6, tenant, owner
                 FROM item WHERE id IN ",
                " ON CONFLICT (scope, object, kind) DO UPDATE SET number = excluded.number, time = excluded.time"
            ),
            noted,
        )
        .then(
            of_part!(
                "DELETE FROM mailbox_change WHERE scope = ?1 AND owner = ?2 AND kind <> 'delete' AND object IN ",
                ""
            ),
            of_part.to_vec(),
        )
}

/// Removes a part of a folder for good; the last statement touches as many rows as there were items.
fn part_gone(of_part: &[Value], now: Timestamp) -> Unit {
    part_left(of_part, now)
        .then(
            of_part!(
                "UPDATE mailbox_size SET bytes = bytes - (SELECT COALESCE(SUM(size), 0) FROM item WHERE id IN ",
                ") WHERE owner = ?2"
            ),
            of_part.to_vec(),
        )
        .then(of_part!("DELETE FROM item_property WHERE item IN ", ""), of_part.to_vec())
        .then(of_part!("DELETE FROM attachment WHERE item IN ", ""), of_part.to_vec())
        .then(of_part!("DELETE FROM item WHERE id IN ", ""), of_part.to_vec())
}

/// Moves a part of a folder to another; the last statement touches as many rows as there were items.
fn part_moved(of_part: &[Value], to: Uuid, now: Timestamp) -> Unit {
    let mut with_target = of_part.to_vec();
    with_target.push(to.into());
    let mut noted = with_target.clone();
    noted.push(now.into());
    part_left(of_part, now)
        .then(
            of_part!(
                "INSERT INTO mailbox_change (scope, object, kind, number, time, tenant, owner)
                 SELECT ?6, id, 'create',
                   ROW_NUMBER() OVER (ORDER BY number)
                     + (SELECT COALESCE(MAX(number), 0) FROM mailbox_change WHERE owner = ?2),
                   ?7, tenant, owner
                 FROM item WHERE id IN ",
                " ON CONFLICT (scope, object, kind) DO UPDATE SET number = excluded.number, time = excluded.time"
            ),
            noted,
        )
        .then(of_part!("UPDATE item SET folder = ?6, version = version + 1 WHERE id IN ", ""), with_target)
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
