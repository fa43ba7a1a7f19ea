//! Who wants to be told of changes, until when.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Mailboxes, Owner};
use crate::database::Unit;
use crate::error::Error;

/// A subscription; what it is to is a document of the mailbox server's making.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// Its id.
    pub id: Uuid,
    /// When it ends, unless somebody asks before.
    pub expires: Timestamp,
    /// To what.
    pub document: String,
}

// === impl Mailboxes ===

impl Mailboxes {
    /// Adds a subscription; fails as stale if the mailbox has `max` of them already.
    pub async fn subscribe(
        &self,
        owner: Owner,
        subscription: &Subscription,
        max: i64,
        now: Timestamp,
    ) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO subscription (id, tenant, owner, expires, document)
            SELECT ?1, ?2, ?3, ?4, ?5
            WHERE (SELECT COUNT(*) FROM subscription WHERE owner = ?3) < ?6";
        let unit = Unit::new()
            .then("DELETE FROM subscription WHERE owner = ?1 AND expires <= ?2", vec![owner.user.into(), now.into()])
            .then_one(
                SQL,
                vec![
                    subscription.id.into(),
                    owner.tenant.0.into(),
                    owner.user.into(),
                    subscription.expires.into(),
                    subscription.document.clone().into(),
                    max.into(),
                ],
            );
        self.database.write(unit).await.map(drop)
    }

    /// A subscription that has not ended.
    pub async fn subscription(&self, owner: Owner, id: Uuid, now: Timestamp) -> Result<Option<Subscription>, Error> {
        const SQL: &str = "SELECT id, expires, document FROM subscription
            WHERE id = ?1 AND owner = ?2 AND tenant = ?3 AND expires > ?4";
        let values = vec![id.into(), owner.user.into(), owner.tenant.0.into(), now.into()];
        let row = self.database.read_one(SQL, values).await?;
        row.map(|row| Ok(Subscription { id: row.uuid(0)?, expires: row.time(1)?, document: row.text(2)?.to_owned() }))
            .transpose()
    }

    /// Lets a subscription last longer; fails as stale when there is none.
    pub async fn prolong(&self, owner: Owner, id: Uuid, expires: Timestamp) -> Result<(), Error> {
        const SQL: &str = "UPDATE subscription SET expires = ?1 WHERE id = ?2 AND owner = ?3 AND tenant = ?4";
        let values = vec![expires.into(), id.into(), owner.user.into(), owner.tenant.0.into()];
        self.database.write(Unit::new().then_one(SQL, values)).await.map(drop)
    }

    /// Ends a subscription; fails as stale when there is none.
    pub async fn unsubscribe(&self, owner: Owner, id: Uuid) -> Result<(), Error> {
        const SQL: &str = "DELETE FROM subscription WHERE id = ?1 AND owner = ?2 AND tenant = ?3";
        let values = vec![id.into(), owner.user.into(), owner.tenant.0.into()];
        self.database.write(Unit::new().then_one(SQL, values)).await.map(drop)
    }
}
