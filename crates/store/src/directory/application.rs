//! Applications.

use actas_directory::{Application, ServicePrincipal, TenantId};
use uuid::Uuid;

use super::{Audit, Directory, audit_too, principal, stored_name};
use crate::database::Unit;
use crate::error::Error;
use crate::value::to_document;

/// Nothing in the place of the application breaks the table's rule: the principal of
/// another application has the name.
const ADD_URI: &str = "INSERT INTO application_uri (tenant, name, application) SELECT ?1, ?2, CASE WHEN EXISTS (
        SELECT 1 FROM service_principal_name n JOIN service_principal p ON p.id = n.principal
        WHERE n.tenant = ?1 AND n.name = ?2 AND p.app_id <> ?4
    ) THEN NULL ELSE ?3 END";
const REMOVE_URIS: &str = "DELETE FROM application_uri WHERE application = ?1";

// === impl Directory ===

impl Directory {
    /// Adds an application. Application id and identifier URIs are unique in the tenant.
    pub async fn add_application(&self, application: &Application, audit: Audit) -> Result<(), Error> {
        self.database.write(audit_too(added(Unit::new(), application)?, &audit)?).await.map(drop)
    }

    /// Stores a changed application, and with it the principal that follows it, if nobody
    /// else changed either since they were read; otherwise it fails as stale.
    pub async fn update_application(
        &self,
        application: &Application,
        follower: Option<&ServicePrincipal>,
        audit: Audit,
    ) -> Result<(), Error> {
        let mut unit = updated(Unit::new(), application)?;
        if let Some(follower) = follower {
            unit = principal::updated(unit, follower)?;
        }
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }

    /// The next so many of a tenant's applications, by object id.
    pub async fn applications_after(
        &self,
        tenant: TenantId,
        after: Uuid,
        count: i64,
    ) -> Result<Vec<Application>, Error> {
        const SQL: &str = "SELECT document FROM application WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let rows = self.database.read(SQL, vec![tenant.0.into(), after.into(), count.into()]).await?;
        rows.iter().map(|row| row.document(0)).collect()
    }

    /// An application by object id.
    pub async fn application(&self, tenant: TenantId, id: Uuid) -> Result<Option<Application>, Error> {
        self.one("SELECT document FROM application WHERE tenant = ?1 AND id = ?2", vec![tenant.0.into(), id.into()])
            .await
    }

    /// An application by application id.
    pub async fn application_by_app(&self, tenant: TenantId, app_id: Uuid) -> Result<Option<Application>, Error> {
        const SQL: &str = "SELECT document FROM application WHERE tenant = ?1 AND app_id = ?2";
        self.one(SQL, vec![tenant.0.into(), app_id.into()]).await
    }

    /// An application by one of its identifier URIs, without regard to case or trailing
    /// slash.
    pub async fn application_by_uri(&self, tenant: TenantId, uri: &str) -> Result<Option<Application>, Error> {
        const SQL: &str = "SELECT a.document FROM application_uri u JOIN application a ON a.id = u.application
            WHERE u.tenant = ?1 AND u.name = ?2";
        self.one(SQL, vec![tenant.0.into(), stored_name(uri).into()]).await
    }
}

pub(super) fn added(unit: Unit, application: &Application) -> Result<Unit, Error> {
    let unit = unit.then_one(
        "INSERT INTO application (id, tenant, app_id, version, document) VALUES (?1, ?2, ?3, ?4, ?5)",
        vec![
            application.id.into(),
            application.tenant.0.into(),
            application.app_id.into(),
            application.version.into(),
            to_document(application)?,
        ],
    );
    Ok(with_uris(unit, application))
}

fn updated(unit: Unit, application: &Application) -> Result<Unit, Error> {
    let mut stored = application.clone();
    stored.version += 1;
    let unit = unit
        .then_one(
            "UPDATE application SET version = ?1, document = ?2 WHERE id = ?3 AND tenant = ?4 AND version = ?5",
            vec![
                stored.version.into(),
                to_document(&stored)?,
                stored.id.into(),
                stored.tenant.0.into(),
                application.version.into(),
            ],
        )
        .then(REMOVE_URIS, vec![stored.id.into()]);
    Ok(with_uris(unit, &stored))
}

pub(super) fn removed(unit: Unit, application: &Application) -> Unit {
    unit.then(REMOVE_URIS, vec![application.id.into()]).then_one(
        "DELETE FROM application WHERE id = ?1 AND tenant = ?2 AND version = ?3",
        vec![application.id.into(), application.tenant.0.into(), application.version.into()],
    )
}

fn with_uris(mut unit: Unit, application: &Application) -> Unit {
    let mut uris: Vec<String> = application.identifier_uris.iter().map(|uri| stored_name(uri)).collect();
    uris.sort();
    uris.dedup();
    for uri in uris {
        let values = vec![application.tenant.0.into(), uri.into(), application.id.into(), application.app_id.into()];
        unit = unit.then_one(ADD_URI, values);
    }
    unit
}
