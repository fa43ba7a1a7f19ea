//! Sign-ins on other devices that are under way.

use actas_directory::TenantId;
use actas_directory::device_sign_in::DeviceSignIn;
use jiff::{SignedDuration, Timestamp};

use super::{Audit, Directory, audit_too};
use crate::database::Unit;
use crate::error::Error;
use crate::value::to_document;

/// How long one that has ended is still known: its device is told so.
const KEPT_AFTERWARDS: SignedDuration = SignedDuration::from_mins(15);

// === impl Directory ===

impl Directory {
    /// Adds a sign-in, unless `most` are under way: then it fails as stale.
    pub async fn add_device_sign_in(
        &self,
        sign_in: &DeviceSignIn,
        most: i64,
        now: Timestamp,
        audit: Audit,
    ) -> Result<(), Error> {
        const ADD: &str = "INSERT INTO device_sign_in (device, tenant, code, ticket, expires, version, document)
            SELECT ?1, ?2, ?3, NULL, ?4, ?5, ?6 WHERE (SELECT COUNT(*) FROM device_sign_in) < ?7";
        let unit = Unit::new()
            .then("DELETE FROM device_sign_in WHERE expires < ?1", vec![(now - KEPT_AFTERWARDS).into()])
            .then_one(
                ADD,
                vec![
                    sign_in.device_hash.clone().into(),
                    sign_in.tenant.0.into(),
                    sign_in.code_hash.clone().into(),
                    sign_in.expires.into(),
                    sign_in.version.into(),
                    to_document(sign_in)?,
                    most.into(),
                ],
            );
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }

    /// The sign-in of a device, by the hash of its code.
    pub async fn device_sign_in(&self, device_hash: &str) -> Result<Option<DeviceSignIn>, Error> {
        const SQL: &str = "SELECT document FROM device_sign_in WHERE device = ?1";
        let row = self.database.read_one(SQL, vec![device_hash.into()]).await?;
        row.map(|row| row.document(0)).transpose()
    }

    /// The sign-in that a user means, by the hash of the code that was typed.
    pub async fn device_sign_in_by_code(
        &self,
        tenant: TenantId,
        code_hash: &str,
    ) -> Result<Option<DeviceSignIn>, Error> {
        const SQL: &str = "SELECT document FROM device_sign_in WHERE tenant = ?1 AND code = ?2";
        let row = self.database.read_one(SQL, vec![tenant.0.into(), code_hash.into()]).await?;
        row.map(|row| row.document(0)).transpose()
    }

    /// The sign-in that a page answers for, by the hash of its ticket.
    pub async fn device_sign_in_by_ticket(
        &self,
        tenant: TenantId,
        ticket_hash: &str,
    ) -> Result<Option<DeviceSignIn>, Error> {
        const SQL: &str = "SELECT document FROM device_sign_in WHERE tenant = ?1 AND ticket = ?2";
        let row = self.database.read_one(SQL, vec![tenant.0.into(), ticket_hash.into()]).await?;
        row.map(|row| row.document(0)).transpose()
    }

    /// Stores a changed sign-in, if nobody else changed it since it was read; otherwise it
    /// fails as stale.
    pub async fn update_device_sign_in(&self, sign_in: &DeviceSignIn, audit: Option<Audit>) -> Result<(), Error> {
        let mut stored = sign_in.clone();
        stored.version += 1;
        let unit = Unit::new().then_one(
            "UPDATE device_sign_in SET ticket = ?1, version = ?2, document = ?3 WHERE device = ?4 AND version = ?5",
            vec![
                stored.ticket_hash().map(str::to_owned).into(),
                stored.version.into(),
                to_document(&stored)?,
                stored.device_hash.clone().into(),
                sign_in.version.into(),
            ],
        );
        let unit = audit.map_or_else(|| Ok(unit.clone()), |audit| audit_too(unit.clone(), &audit))?;
        self.database.write(unit).await.map(drop)
    }

    /// Removes a sign-in for good, since its token is about to be issued. Of several who
    /// try, one succeeds; the others fail as stale.
    pub async fn take_device_sign_in(&self, sign_in: &DeviceSignIn, audit: Audit) -> Result<(), Error> {
        let unit = Unit::new().then_one(
            "DELETE FROM device_sign_in WHERE device = ?1 AND version = ?2",
            vec![sign_in.device_hash.clone().into(), sign_in.version.into()],
        );
        self.database.write(audit_too(unit, &audit)?).await.map(drop)
    }
}
