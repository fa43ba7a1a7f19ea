//! Tenants, users and service principals.

use actas_directory::{DomainName, ServicePrincipal, Tenant, TenantId, User, UserKey};
use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::database::{Database, Unit};
use crate::error::Error;
use crate::value::{Value, to_document};

/// The directory's tables.
#[derive(Clone, Debug)]
pub struct Directory {
    database: Database,
}

/// Who did what, when, to what.
#[derive(Clone, Debug)]
pub struct Audit {
    /// When.
    pub time: Timestamp,
    /// In which tenant.
    pub tenant: TenantId,
    /// What happened: `token issued`, `principal changed`, …
    pub kind: &'static str,
    /// The rest: actor, subject, resource, token hash, rule. Never a token or secret.
    pub details: Json,
}

/// An audit record as it was stored.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// When.
    pub time: Timestamp,
    /// In which tenant.
    pub tenant: String,
    /// What happened.
    pub kind: String,
    /// The rest.
    pub details: Json,
}

const ADD_AUDIT: &str = "INSERT INTO audit (time, tenant, kind, document) VALUES (?1, ?2, ?3, ?4)";
const ADD_REALM: &str = "INSERT INTO realm (name, tenant) VALUES (?1, ?2)";
const ADD_NAME: &str = "INSERT INTO service_principal_name (tenant, name, principal) VALUES (?1, ?2, ?3)";
const REMOVE_NAMES: &str = "DELETE FROM service_principal_name WHERE principal = ?1";

// === impl Directory ===

impl Directory {
    /// The directory in a cloud database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Adds a tenant. Its domains must not belong to another.
    pub async fn add_tenant(&self, tenant: &Tenant, audit: Audit) -> Result<(), Error> {
        let id = Value::from(tenant.id.0);
        let mut unit = Unit::new()
            .then_one("INSERT INTO tenant (id, document) VALUES (?1, ?2)", vec![id.clone(), to_document(tenant)?]);
        for realm in tenant.realms() {
            unit = unit.then_one(ADD_REALM, vec![realm.into(), id.clone()]);
        }
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }

    /// All tenants.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        let rows = self.database.read("SELECT document FROM tenant ORDER BY id", Vec::new()).await?;
        rows.iter().map(|row| row.document(0)).collect()
    }

    /// The tenant that a GUID or a verified domain names.
    pub async fn tenant_by_realm(&self, realm: &str) -> Result<Option<Tenant>, Error> {
        const SQL: &str =
            "SELECT tenant.document FROM realm JOIN tenant ON tenant.id = realm.tenant WHERE realm.name = ?1";
        let row = self.database.read_one(SQL, vec![realm.to_ascii_lowercase().into()]).await?;
        row.map(|row| row.document(0)).transpose()
    }

    /// The tenant that has verified an address's domain.
    pub async fn tenant_by_domain(&self, domain: &DomainName) -> Result<Option<Tenant>, Error> {
        self.tenant_by_realm(domain.as_str()).await
    }

    /// Adds a user.
    pub async fn add_user(&self, user: &User, audit: Audit) -> Result<(), Error> {
        let id = Value::from(user.id);
        let tenant = Value::from(user.tenant.0);
        let mut unit = Unit::new().then_one(
            "INSERT INTO directory_user (id, tenant, document) VALUES (?1, ?2, ?3)",
            vec![id.clone(), tenant.clone(), to_document(user)?],
        );
        for key in user.keys() {
            let (kind, value) = stored_key(&key);
            unit = unit.then(
                "INSERT INTO user_key (tenant, kind, value, user_id) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                vec![tenant.clone(), kind.into(), value.into(), id.clone()],
            );
        }
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }

    /// Stores a changed user; the keys under which the user is found stay.
    pub async fn update_user(&self, user: &User, audit: Audit) -> Result<(), Error> {
        let unit = Unit::new().then_one(
            "UPDATE directory_user SET document = ?1 WHERE id = ?2 AND tenant = ?3",
            vec![to_document(user)?, user.id.into(), user.tenant.0.into()],
        );
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }

    /// A tenant's users, by id.
    pub async fn users(&self, tenant: TenantId) -> Result<Vec<User>, Error> {
        const SQL: &str = "SELECT document FROM directory_user WHERE tenant = ?1 ORDER BY id";
        let rows = self.database.read(SQL, vec![tenant.0.into()]).await?;
        rows.iter().map(|row| row.document(0)).collect()
    }

    /// The users of a tenant that one key names: one, unless something is wrong.
    pub async fn users_by_key(&self, tenant: TenantId, key: &UserKey) -> Result<Vec<User>, Error> {
        const SQL: &str = "SELECT u.document FROM user_key k JOIN directory_user u ON u.id = k.user_id
            WHERE k.tenant = ?1 AND k.kind = ?2 AND k.value = ?3 ORDER BY u.id";
        let (kind, value) = stored_key(key);
        let rows = self.database.read(SQL, vec![tenant.0.into(), kind.into(), value.into()]).await?;
        rows.iter().map(|row| row.document(0)).collect()
    }

    /// Adds a service principal. Application id and names are unique in the tenant.
    pub async fn add_principal(&self, principal: &ServicePrincipal, audit: Audit) -> Result<(), Error> {
        let unit = Unit::new().then_one(
            "INSERT INTO service_principal (id, tenant, app_id, version, document) VALUES (?1, ?2, ?3, ?4, ?5)",
            vec![
                principal.id.into(),
                principal.tenant.0.into(),
                principal.app_id.into(),
                principal.version.into(),
                to_document(principal)?,
            ],
        );
        self.database.write(audit_too(with_names(unit, principal), &audit)?).await.map(drop)
    }

    /// Stores a changed principal, if nobody else changed it since `principal.version`
    /// was read; otherwise it fails as stale. Gives the new version.
    pub async fn update_principal(&self, principal: &ServicePrincipal, audit: Audit) -> Result<i64, Error> {
        let mut stored = principal.clone();
        stored.version += 1;
        let unit = Unit::new()
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
        self.database.write(audit_too(with_names(unit, &stored), &audit)?).await?;
        Ok(stored.version)
    }

    /// Removes a principal with its credentials.
    pub async fn remove_principal(&self, tenant: TenantId, id: Uuid, audit: Audit) -> Result<(), Error> {
        let unit = Unit::new()
            .then(REMOVE_NAMES, vec![id.into()])
            .then_one("DELETE FROM service_principal WHERE id = ?1 AND tenant = ?2", vec![id.into(), tenant.0.into()]);
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }

    /// A tenant's principals, by object id.
    pub async fn principals(&self, tenant: TenantId) -> Result<Vec<ServicePrincipal>, Error> {
        const SQL: &str = "SELECT document FROM service_principal WHERE tenant = ?1 ORDER BY id";
        let rows = self.database.read(SQL, vec![tenant.0.into()]).await?;
        rows.iter().map(|row| row.document(0)).collect()
    }

    /// A principal by object id.
    pub async fn principal(&self, tenant: TenantId, id: Uuid) -> Result<Option<ServicePrincipal>, Error> {
        const SQL: &str = "SELECT document FROM service_principal WHERE tenant = ?1 AND id = ?2";
        let row = self.database.read_one(SQL, vec![tenant.0.into(), id.into()]).await?;
        row.map(|row| row.document(0)).transpose()
    }

    /// A principal by application id.
    pub async fn principal_by_app(&self, tenant: TenantId, app_id: Uuid) -> Result<Option<ServicePrincipal>, Error> {
        const SQL: &str = "SELECT document FROM service_principal WHERE tenant = ?1 AND app_id = ?2";
        let row = self.database.read_one(SQL, vec![tenant.0.into(), app_id.into()]).await?;
        row.map(|row| row.document(0)).transpose()
    }

    /// A principal by one of its names, without regard to case or trailing slash.
    pub async fn principal_by_name(&self, tenant: TenantId, name: &str) -> Result<Option<ServicePrincipal>, Error> {
        const SQL: &str =
            "SELECT p.document FROM service_principal_name n JOIN service_principal p ON p.id = n.principal
            WHERE n.tenant = ?1 AND n.name = ?2";
        let row = self.database.read_one(SQL, vec![tenant.0.into(), stored_name(name).into()]).await?;
        row.map(|row| row.document(0)).transpose()
    }

    /// Records what happened, on its own.
    pub async fn record(&self, audit: Audit) -> Result<(), Error> {
        self.database.write(audit_too(Unit::new(), &audit)?).await.map(drop)
    }

    /// The newest audit records, newest first.
    pub async fn audits(&self, count: i64) -> Result<Vec<AuditEntry>, Error> {
        const SQL: &str = "SELECT time, tenant, kind, document FROM audit ORDER BY number DESC LIMIT ?1";
        let rows = self.database.read(SQL, vec![count.into()]).await?;
        rows.iter()
            .map(|row| {
                Ok(AuditEntry {
                    time: row.time(0)?,
                    tenant: row.text(1)?.to_owned(),
                    kind: row.text(2)?.to_owned(),
                    details: row.document(3)?,
                })
            })
            .collect()
    }
}

fn with_names(mut unit: Unit, principal: &ServicePrincipal) -> Unit {
    let mut names: Vec<String> = principal.names.iter().map(|name| stored_name(name)).collect();
    names.push(principal.app_id.to_string());
    names.sort();
    names.dedup();
    for name in names {
        unit = unit.then_one(ADD_NAME, vec![principal.tenant.0.into(), name.into(), principal.id.into()]);
    }
    unit
}

fn audit_too(unit: Unit, audit: &Audit) -> Result<Unit, Error> {
    let values = vec![audit.time.into(), audit.tenant.0.into(), audit.kind.into(), to_document(&audit.details)?];
    Ok(unit.then_one(ADD_AUDIT, values))
}

fn stored_name(name: &str) -> String {
    name.strip_suffix('/').unwrap_or(name).to_ascii_lowercase()
}

fn stored_key(key: &UserKey) -> (&'static str, &str) {
    match key {
        UserKey::Puid(value) => ("puid", value),
        UserKey::Sid(value) => ("sid", value),
        UserKey::Sip(value) => ("sip", value),
        UserKey::Smtp(value) => ("smtp", value),
        UserKey::Upn(value) => ("upn", value),
    }
}
