//! Tenants, and what is in them: applications, service principals, users, and what of
//! these was deleted.

mod application;
mod deleted;
mod device_sign_in;
mod principal;
mod user;

use actas_directory::{DomainName, Tenant, TenantId};
use jiff::Timestamp;
use serde_json::Value as Json;

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

pub(crate) fn audit_too(unit: Unit, audit: &Audit) -> Result<Unit, Error> {
    let values = vec![audit.time.into(), audit.tenant.0.into(), audit.kind.into(), to_document(&audit.details)?];
    Ok(unit.then_one(ADD_AUDIT, values))
}

fn stored_name(name: &str) -> String {
    name.strip_suffix('/').unwrap_or(name).to_ascii_lowercase()
}
