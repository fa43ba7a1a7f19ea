//! Service principals.

use actas_directory::{Credentials, ServicePrincipal, TenantId};
use uuid::Uuid;

use super::{Audit, Directory, audit_too, stored_name};
use crate::database::Unit;
use crate::error::Error;
use crate::value::{Row, Value, to_document};

/// Nothing in the place of the principal breaks the table's rule: an application has the
/// name as a URI, and this is not its principal.
const ADD_NAME: &str = "INSERT INTO service_principal_name (tenant, name, principal) SELECT ?1, ?2, CASE WHEN EXISTS (
        SELECT 1 FROM application_uri u JOIN application a ON a.id = u.application
        WHERE u.tenant = ?1 AND u.name = ?2 AND a.app_id <> ?4
    ) THEN NULL ELSE ?3 END";
const REMOVE_NAMES: &str = "DELETE FROM service_principal_name WHERE principal = ?1";

// === impl Directory ===

impl Directory {
    /// Adds a service principal. Application id and names are unique in the tenant.
    pub async fn add_principal(&self, principal: &ServicePrincipal, audit: Audit) -> Result<(), Error> {
        self.database.write(audit_too(added(Unit::new(), principal)?, &audit)?).await.map(drop)
    }

    /// Stores a changed principal, if nobody else changed it since `principal.version`
    /// was read; otherwise it fails as stale. Gives the new version.
    pub async fn update_principal(&self, principal: &ServicePrincipal, audit: Audit) -> Result<i64, Error> {
        self.database.write(audit_too(updated(Unit::new(), principal)?, &audit)?).await?;
        Ok(principal.version + 1)
    }

    /// A tenant's principals, by object id.
    pub async fn principals(&self, tenant: TenantId) -> Result<Vec<ServicePrincipal>, Error> {
        const SQL: &str = "SELECT document FROM service_principal WHERE tenant = ?1 ORDER BY id";
        self.database.read(SQL, vec![tenant.0.into()]).await?.iter().map(|row| row.document(0)).collect()
    }

    /// The next so many of a tenant's principals, by object id.
    pub async fn principals_after(
        &self,
        tenant: TenantId,
        after: Uuid,
        count: i64,
    ) -> Result<Vec<ServicePrincipal>, Error> {
        const SQL: &str = "SELECT document FROM service_principal WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let rows = self.database.read(SQL, vec![tenant.0.into(), after.into(), count.into()]).await?;
        rows.iter().map(|row| row.document(0)).collect()
    }

    /// A principal by object id.
    pub async fn principal(&self, tenant: TenantId, id: Uuid) -> Result<Option<ServicePrincipal>, Error> {
        const SQL: &str = "SELECT document FROM service_principal WHERE tenant = ?1 AND id = ?2";
        self.one(SQL, vec![tenant.0.into(), id.into()]).await
    }

    /// A principal by application id.
    pub async fn principal_by_app(&self, tenant: TenantId, app_id: Uuid) -> Result<Option<ServicePrincipal>, Error> {
        const SQL: &str = "SELECT document FROM service_principal WHERE tenant = ?1 AND app_id = ?2";
        self.one(SQL, vec![tenant.0.into(), app_id.into()]).await
    }

    /// A principal by one of its names, without regard to case or trailing slash.
    pub async fn principal_by_name(&self, tenant: TenantId, name: &str) -> Result<Option<ServicePrincipal>, Error> {
        const SQL: &str =
            "SELECT p.document FROM service_principal_name n JOIN service_principal p ON p.id = n.principal
            WHERE n.tenant = ?1 AND n.name = ?2";
        self.one(SQL, vec![tenant.0.into(), stored_name(name).into()]).await
    }

    /// What proves a client's identity: the keys and secrets of its principal and those of
    /// the application behind it.
    pub async fn credentials(&self, principal: &ServicePrincipal) -> Result<Credentials, Error> {
        let mut all =
            Credentials { keys: principal.key_credentials.clone(), passwords: principal.password_credentials.clone() };
        if let Some(application) = self.application_by_app(principal.tenant, principal.app_id).await? {
            all.keys.extend(application.key_credentials);
            all.passwords.extend(application.password_credentials);
        }
        Ok(all)
    }

    /// The one document that there may be.
    pub(super) async fn one<T: serde::de::DeserializeOwned>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Option<T>, Error> {
        self.database.read_one(sql, values).await?.map(|row: Row| row.document(0)).transpose()
    }
}

pub(super) fn added(unit: Unit, principal: &ServicePrincipal) -> Result<Unit, Error> {
    let unit = unit.then_one(
        "INSERT INTO service_principal (id, tenant, app_id, version, document) VALUES (?1, ?2, ?3, ?4, ?5)",
        vec![
            principal.id.into(),
            principal.tenant.0.into(),
            principal.app_id.into(),
            principal.version.into(),
            to_document(principal)?,
        ],
    );
    Ok(with_names(unit, principal))
}

pub(super) fn updated(unit: Unit, principal: &ServicePrincipal) -> Result<Unit, Error> {
    let mut stored = principal.clone();
    stored.version += 1;
    let unit = unit
        .then_one(
            "UPDATE service_principal SET version = ?1, document = ?2 WHERE id = ?3 AND tenant = ?4 AND version = ?5",
            vec![
                stored.version.into(),
                to_document(&stored)?,
                stored.id.into(),
                stored.tenant.0.into(),
                principal.version.into(),
            ],
        )
        .then(REMOVE_NAMES, vec![stored.id.into()]);
    Ok(with_names(unit, &stored))
}

pub(super) fn removed(unit: Unit, principal: &ServicePrincipal) -> Unit {
    unit.then(REMOVE_NAMES, vec![principal.id.into()]).then_one(
        "DELETE FROM service_principal WHERE id = ?1 AND tenant = ?2 AND version = ?3",
        vec![principal.id.into(), principal.tenant.0.into(), principal.version.into()],
    )
}

fn with_names(mut unit: Unit, principal: &ServicePrincipal) -> Unit {
    let mut names: Vec<String> = principal.names.iter().map(|name| stored_name(name)).collect();
    names.push(principal.app_id.to_string());
    names.sort();
    names.dedup();
    for name in names {
        let values = vec![principal.tenant.0.into(), name.into(), principal.id.into(), principal.app_id.into()];
        unit = unit.then_one(ADD_NAME, values);
    }
    unit
}
