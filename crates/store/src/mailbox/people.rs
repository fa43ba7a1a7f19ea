//! Who has a mailbox.

use actas_directory::{TenantId, User};
use uuid::Uuid;

use super::Mailboxes;
use crate::error::Error;

impl Mailboxes {
    /// A part of a tenant's users, by id: at most `count` of those after an id.
    pub async fn people(&self, tenant: TenantId, after: Option<Uuid>, count: i64) -> Result<Vec<User>, Error> {
        const SQL: &str = "SELECT document FROM directory_user WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let after = after.map_or_else(String::new, |id| id.hyphenated().to_string());
        let rows = self.database.read(SQL, vec![tenant.0.into(), after.into(), count.into()]).await?;
        rows.iter().map(|row| row.document(0)).collect()
    }
}
