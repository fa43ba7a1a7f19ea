//! Users.

use actas_directory::{TenantId, User, UserKey};
use uuid::Uuid;

use super::{Audit, Directory, audit_too};
use crate::database::Unit;
use crate::error::Error;
use crate::value::to_document;

const ADD_KEY: &str =
    "INSERT INTO user_key (tenant, kind, value, user_id) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
/// Nothing in the place of the user breaks the table's rule: another user has the name.
const ADD_UPN: &str = "INSERT INTO user_key (tenant, kind, value, user_id) SELECT ?1, ?2, ?3, CASE WHEN EXISTS (
        SELECT 1 FROM user_key WHERE tenant = ?1 AND kind = ?2 AND value = ?3 AND user_id <> ?4
    ) THEN NULL ELSE ?4 END";
const REMOVE_KEYS: &str = "DELETE FROM user_key WHERE user_id = ?1";

// === impl Directory ===

impl Directory {
    /// Adds a user. The user principal name is unique in the tenant.
    pub async fn add_user(&self, user: &User, audit: Audit) -> Result<(), Error> {
        self.database.write(audit_too(added(Unit::new(), user)?, &audit)?).await.map(drop)
    }

    /// Stores a changed user with the keys under which the user is found, if nobody else
    /// changed it since `user.version` was read; otherwise it fails as stale.
    pub async fn update_user(&self, user: &User, audit: Audit) -> Result<(), Error> {
        let mut stored = user.clone();
        stored.version += 1;
        let unit = Unit::new()
            .then_one(
                "UPDATE directory_user SET version = ?1, document = ?2 WHERE id = ?3 AND tenant = ?4 AND version = ?5",
                vec![
                    stored.version.into(),
                    to_document(&stored)?,
                    stored.id.into(),
                    stored.tenant.0.into(),
                    user.version.into(),
                ],
            )
            .then(REMOVE_KEYS, vec![stored.id.into()]);
        self.database.write(audit_too(with_keys(unit, &stored), &audit)?).await.map(drop)
    }

    /// A tenant's users, by id.
    pub async fn users(&self, tenant: TenantId) -> Result<Vec<User>, Error> {
        const SQL: &str = "SELECT document FROM directory_user WHERE tenant = ?1 ORDER BY id";
        self.database.read(SQL, vec![tenant.0.into()]).await?.iter().map(|row| row.document(0)).collect()
    }

    /// The next so many of a tenant's users, by id.
    pub async fn users_after(&self, tenant: TenantId, after: Uuid, count: i64) -> Result<Vec<User>, Error> {
        const SQL: &str = "SELECT document FROM directory_user WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let rows = self.database.read(SQL, vec![tenant.0.into(), after.into(), count.into()]).await?;
        rows.iter().map(|row| row.document(0)).collect()
    }

    /// A user by object id.
    pub async fn user(&self, tenant: TenantId, id: Uuid) -> Result<Option<User>, Error> {
        self.one("SELECT document FROM directory_user WHERE tenant = ?1 AND id = ?2", vec![tenant.0.into(), id.into()])
            .await
    }

    /// The users of a tenant that one key names: one, unless something is wrong.
    pub async fn users_by_key<T: AsRef<str>>(&self, tenant: TenantId, key: &UserKey<T>) -> Result<Vec<User>, Error> {
        const SQL: &str = "SELECT u.document FROM user_key k JOIN directory_user u ON u.id = k.user_id
            WHERE k.tenant = ?1 AND k.kind = ?2 AND k.value = ?3 ORDER BY u.id";
        let (kind, value) = (key.kind(), key.id().as_ref());
        let rows = self.database.read(SQL, vec![tenant.0.into(), kind.into(), value.into()]).await?;
        rows.iter().map(|row| row.document(0)).collect()
    }
}

pub(super) fn added(unit: Unit, user: &User) -> Result<Unit, Error> {
    let unit = unit.then_one(
        "INSERT INTO directory_user (id, tenant, version, document) VALUES (?1, ?2, ?3, ?4)",
        vec![user.id.into(), user.tenant.0.into(), user.version.into(), to_document(user)?],
    );
    Ok(with_keys(unit, user))
}

pub(super) fn removed(unit: Unit, user: &User) -> Unit {
    unit.then(REMOVE_KEYS, vec![user.id.into()]).then_one(
        "DELETE FROM directory_user WHERE id = ?1 AND tenant = ?2 AND version = ?3",
        vec![user.id.into(), user.tenant.0.into(), user.version.into()],
    )
}

fn with_keys(mut unit: Unit, user: &User) -> Unit {
    for key in user.keys() {
        let (kind, value) = (key.kind(), key.id().as_str());
        let sql = if matches!(key, UserKey::Upn(_)) { ADD_UPN } else { ADD_KEY };
        unit = unit.then(sql, vec![user.tenant.0.into(), kind.into(), value.into(), user.id.into()]);
    }
    unit
}
