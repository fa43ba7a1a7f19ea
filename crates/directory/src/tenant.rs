//! Tenants and their verified domains.

use actas_token::TenantId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::DomainName;

/// An organisation of the cloud.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Tenant {
    /// Its GUID: the realm of every token.
    pub id: TenantId,
    /// For people. It names nothing on the wire.
    pub display_name: String,
    /// Verified domains; at least one, exactly one of them the default.
    pub domains: Vec<Domain>,
    /// When it was made.
    pub created: Timestamp,
}

/// A verified domain of a tenant.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Domain {
    /// The name.
    pub name: DomainName,
    /// The domain of new users.
    pub is_default: bool,
    /// The domain that the tenant was made with.
    pub is_initial: bool,
}

impl Tenant {
    /// A tenant with one domain, which is initial and default.
    pub fn new(id: TenantId, display_name: &str, domain: DomainName, created: Timestamp) -> Self {
        let domains = vec![Domain { name: domain, is_default: true, is_initial: true }];
        Self { id, display_name: display_name.to_owned(), domains, created }
    }

    /// Names under which the tenant may stand in a URL or a realm: GUID, then domains.
    pub fn realms(&self) -> impl Iterator<Item = String> {
        std::iter::once(self.id.to_string()).chain(self.domains.iter().map(|domain| domain.name.to_string()))
    }
}
