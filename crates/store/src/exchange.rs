//! Changes of what the Exchange-like server trusts, each with its audit record, and who may
//! open whose mailbox.

use actas_directory::TenantId;
use actas_directory::exchange_side::{AuthServer, MailboxPermission, PartnerApplication};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::database::Unit;
use crate::directory::{Audit, audit_too};
use crate::error::{Error, ErrorKind};
use crate::settings::Versioned;
use crate::sts::ExchangeTrust;
use crate::value::{Value, to_document};

// === impl ExchangeTrust ===

impl ExchangeTrust {
    /// Adds an auth server; fails if the name is taken in its tenant.
    pub async fn add_auth_server(&self, server: &AuthServer, audit: Audit) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO auth_server (tenant, name, document) VALUES (?1, ?2, ?3)";
        self.add(SQL, server.tenant, &server.name, to_document(server)?, &audit).await
    }

    /// Adds a partner application; fails if the name is taken in its tenant.
    pub async fn add_partner(&self, partner: &PartnerApplication, audit: Audit) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO exchange_partner (tenant, name, document) VALUES (?1, ?2, ?3)";
        self.add(SQL, partner.tenant, &partner.name, to_document(partner)?, &audit).await
    }

    async fn add(
        &self,
        sql: &'static str,
        tenant: TenantId,
        name: &str,
        document: Value,
        audit: &Audit,
    ) -> Result<(), Error> {
        let unit = Unit::new().then_one(sql, vec![tenant.0.into(), name.to_lowercase().into(), document]);
        named(self.database.write(audit_too(unit, audit)?).await.map(drop), name)
    }

    /// An auth server of a tenant, by name without regard to case.
    pub async fn auth_server(&self, tenant: TenantId, name: &str) -> Result<Option<Versioned<AuthServer>>, Error> {
        self.one("SELECT document, version FROM auth_server WHERE tenant = ?1 AND name = ?2", tenant, name).await
    }

    /// A partner application of a tenant, by name without regard to case.
    pub async fn partner(&self, tenant: TenantId, name: &str) -> Result<Option<Versioned<PartnerApplication>>, Error> {
        self.one("SELECT document, version FROM exchange_partner WHERE tenant = ?1 AND name = ?2", tenant, name).await
    }

    async fn one<T: DeserializeOwned>(
        &self,
        sql: &'static str,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<Versioned<T>>, Error> {
        let row = self.database.read_one(sql, vec![tenant.0.into(), name.to_lowercase().into()]).await?;
        row.map(|row| Ok(Versioned { value: row.document(0)?, version: row.integer(1)? })).transpose()
    }

    /// Replaces the auth server `name`, which the new one may rename, if nobody changed it
    /// since `version` was read; otherwise it fails as stale.
    pub async fn update_auth_server(
        &self,
        name: &str,
        version: i64,
        server: &AuthServer,
        audit: Audit,
    ) -> Result<(), Error> {
        const SQL: &str = "UPDATE auth_server SET name = ?1, document = ?2, version = version + 1
            WHERE tenant = ?3 AND name = ?4 AND version = ?5";
        self.update(SQL, (server.tenant, name, version), &server.name, to_document(server)?, &audit).await
    }

    /// Replaces the partner application `name`, which the new one may rename, if nobody
    /// changed it since `version` was read; otherwise it fails as stale.
    pub async fn update_partner(
        &self,
        name: &str,
        version: i64,
        partner: &PartnerApplication,
        audit: Audit,
    ) -> Result<(), Error> {
        const SQL: &str = "UPDATE exchange_partner SET name = ?1, document = ?2, version = version + 1
            WHERE tenant = ?3 AND name = ?4 AND version = ?5";
        self.update(SQL, (partner.tenant, name, version), &partner.name, to_document(partner)?, &audit).await
    }

    async fn update(
        &self,
        sql: &'static str,
        (tenant, was_named, version): (TenantId, &str, i64),
        name: &str,
        document: Value,
        audit: &Audit,
    ) -> Result<(), Error> {
        let values = vec![
            name.to_lowercase().into(),
            document,
            tenant.0.into(),
            was_named.to_lowercase().into(),
            version.into(),
        ];
        named(self.database.write(audit_too(Unit::new().then_one(sql, values), audit)?).await.map(drop), name)
    }

    /// Removes an auth server; fails as stale when there is none.
    pub async fn remove_auth_server(&self, tenant: TenantId, name: &str, audit: Audit) -> Result<(), Error> {
        const SQL: &str = "DELETE FROM auth_server WHERE tenant = ?1 AND name = ?2";
        let unit = Unit::new().then_one(SQL, vec![tenant.0.into(), name.to_lowercase().into()]);
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }

    /// Removes a partner application; fails as stale when there is none.
    pub async fn remove_partner(&self, tenant: TenantId, name: &str, audit: Audit) -> Result<(), Error> {
        const SQL: &str = "DELETE FROM exchange_partner WHERE tenant = ?1 AND name = ?2";
        let unit = Unit::new().then_one(SQL, vec![tenant.0.into(), name.to_lowercase().into()]);
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }

    // === who may open whose mailbox ===

    /// Lets a user open another one's mailbox. Whether that is new.
    pub async fn grant(&self, permission: &MailboxPermission, audit: Audit) -> Result<bool, Error> {
        const SQL: &str = "INSERT INTO mailbox_permission (tenant, mailbox, trustee, document) VALUES (?1, ?2, ?3, ?4)";
        let values = vec![
            permission.tenant.0.into(),
            permission.mailbox.into(),
            permission.trustee.into(),
            to_document(permission)?,
        ];
        match self.database.write(audit_too(Unit::new().then_one(SQL, values), &audit)?).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_exists() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes it back; fails as stale when there was nothing.
    pub async fn revoke(&self, tenant: TenantId, mailbox: Uuid, trustee: Uuid, audit: Audit) -> Result<(), Error> {
        const SQL: &str = "DELETE FROM mailbox_permission WHERE tenant = ?1 AND mailbox = ?2 AND trustee = ?3";
        let unit = Unit::new().then_one(SQL, vec![tenant.0.into(), mailbox.into(), trustee.into()]);
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }

    /// All permissions of a tenant, mailbox by mailbox.
    pub async fn permissions(&self, tenant: TenantId) -> Result<Vec<MailboxPermission>, Error> {
        const SQL: &str = "SELECT document FROM mailbox_permission WHERE tenant = ?1 ORDER BY mailbox, trustee";
        self.database.read(SQL, vec![tenant.0.into()]).await?.iter().map(|row| row.document(0)).collect()
    }

    /// What a user may do in a mailbox of another one of the same tenant, if anything.
    pub async fn permission(
        &self,
        tenant: TenantId,
        mailbox: Uuid,
        trustee: Uuid,
    ) -> Result<Option<MailboxPermission>, Error> {
        const SQL: &str = "SELECT document FROM mailbox_permission WHERE tenant = ?1 AND mailbox = ?2 AND trustee = ?3";
        let row = self.database.read_one(SQL, vec![tenant.0.into(), mailbox.into(), trustee.into()]).await?;
        row.map(|row| row.document(0)).transpose()
    }
}

fn named(outcome: Result<(), Error>, name: &str) -> Result<(), Error> {
    outcome.map_err(|error| if error.is_exists() { Error::new(ErrorKind::Exists(format!("`{name}`"))) } else { error })
}
