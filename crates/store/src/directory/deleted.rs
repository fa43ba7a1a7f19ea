//! What was deleted: kept for a while, without its names, and then forgotten.

use actas_directory::deleted::RESTORABLE;
use actas_directory::{Deleted, DeletedObject, TenantId};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Audit, Directory, application, audit_too, principal, user};
use crate::database::Unit;
use crate::error::Error;
use crate::value::{Row, to_document};

// === impl Directory ===

impl Directory {
    /// Deletes objects, all or none, if nobody changed them since they were read. They can
    /// be restored for [`RESTORABLE`]. What was deleted longer ago is forgotten on the way.
    pub async fn delete(&self, objects: &[DeletedObject], now: Timestamp, audit: Audit) -> Result<(), Error> {
        let mut unit =
            Unit::new().then("DELETE FROM deleted_object WHERE deleted <= ?1", vec![(now - RESTORABLE).into()]);
        for object in objects {
            unit = match object {
                DeletedObject::Application(object) => application::removed(unit, object),
                DeletedObject::ServicePrincipal(object) => principal::removed(unit, object),
                DeletedObject::User(object) => user::removed(unit, object),
                _ => return Err(Error::unreadable(format!("a {} cannot be deleted", object.kind()))),
            };
            unit = unit.then_one(
                "INSERT INTO deleted_object (id, tenant, kind, deleted, document) VALUES (?1, ?2, ?3, ?4, ?5)",
                vec![
                    object.id().into(),
                    object.tenant().0.into(),
                    object.kind().into(),
                    now.into(),
                    to_document(object)?,
                ],
            );
        }
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }

    /// Brings an object back under a new version. Fails as existing where somebody has
    /// taken one of its names.
    pub async fn restore(&self, deleted: &Deleted, audit: Audit) -> Result<(), Error> {
        let unit = forgotten(&deleted.object);
        let unit = match deleted.object.clone() {
            DeletedObject::Application(mut object) => {
                object.version += 1;
                application::added(unit, &object)?
            }
            DeletedObject::ServicePrincipal(mut object) => {
                object.version += 1;
                principal::added(unit, &object)?
            }
            DeletedObject::User(mut object) => {
                object.version += 1;
                user::added(unit, &object)?
            }
            other => return Err(Error::unreadable(format!("a {} cannot be restored", other.kind()))),
        };
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }

    /// Forgets a deleted object.
    pub async fn forget(&self, deleted: &Deleted, audit: Audit) -> Result<(), Error> {
        self.database.write(audit_too(forgotten(&deleted.object), &audit)?).await.map(drop)
    }

    /// A deleted object, as long as it can be restored.
    pub async fn deleted(&self, tenant: TenantId, id: Uuid, now: Timestamp) -> Result<Option<Deleted>, Error> {
        const SQL: &str = "SELECT document, deleted FROM deleted_object WHERE tenant = ?1 AND id = ?2 AND deleted > ?3";
        let values = vec![tenant.0.into(), id.into(), (now - RESTORABLE).into()];
        self.database.read_one(SQL, values).await?.as_ref().map(read).transpose()
    }

    /// The next so many deleted objects of one kind, by object id.
    pub async fn deleted_after(
        &self,
        tenant: TenantId,
        kind: &str,
        after: Uuid,
        count: i64,
        now: Timestamp,
    ) -> Result<Vec<Deleted>, Error> {
        const SQL: &str = "SELECT document, deleted FROM deleted_object
            WHERE tenant = ?1 AND kind = ?2 AND id > ?3 AND deleted > ?4 ORDER BY id LIMIT ?5";
        let values = vec![tenant.0.into(), kind.into(), after.into(), (now - RESTORABLE).into(), count.into()];
        self.database.read(SQL, values).await?.iter().map(read).collect()
    }
}

fn forgotten(object: &DeletedObject) -> Unit {
    Unit::new().then_one(
        "DELETE FROM deleted_object WHERE id = ?1 AND tenant = ?2",
        vec![object.id().into(), object.tenant().0.into()],
    )
}

fn read(row: &Row) -> Result<Deleted, Error> {
    Ok(Deleted { object: row.document(0)?, deleted: row.time(1)? })
}
