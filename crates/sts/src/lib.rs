//! The cloud's security token service and the Graph API over its directory.
//!
//! **Invariant:** knows nothing of the mailbox server or of the on-premises side; both
//! talk to it over HTTPS only.

mod audience;
mod discovery;
mod graph;
mod keys;
mod metadata;
mod secret;
pub mod seed;
mod token;

use std::sync::Arc;

use actas_directory::{Tenant, TenantId};
use actas_runtime::SharedClock;
use actas_runtime::config::Origin;
use actas_store::directory::{Audit, Directory};
use actas_token::Principal;
use actas_token::well_known;
use axum::Router;
use jiff::SignedDuration;

pub use keys::{KeyRing, KeyRingError};
pub use secret::new_secret;

/// Policy of the token service.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long actor and access tokens live.
    pub token_lifetime: SignedDuration,
    /// Whether clients may authenticate with a secret.
    pub allow_secrets: bool,
}

impl Default for Policy {
    /// An hour; certificates only.
    fn default() -> Self {
        Self { token_lifetime: SignedDuration::from_hours(1), allow_secrets: false }
    }
}

/// The token service.
#[derive(Clone)]
pub struct Sts(Arc<Inner>);

struct Inner {
    directory: Directory,
    keys: KeyRing,
    origins: Vec<Origin>,
    policy: Policy,
    clock: SharedClock,
}

// === impl Sts ===

impl Sts {
    /// A token service under its public origins, the first of which stands in every URL
    /// that it publishes. URLs are never made from a request's `Host`.
    pub fn new(directory: Directory, keys: KeyRing, origins: Vec<Origin>, policy: Policy, clock: SharedClock) -> Self {
        Self(Arc::new(Inner { directory, keys, origins, policy, clock }))
    }

    /// Everything it serves.
    pub fn router(&self) -> Router {
        Router::new()
            .merge(metadata::routes())
            .merge(discovery::routes())
            .merge(token::routes())
            .merge(graph::routes())
            .with_state(self.clone())
    }

    /// The canonical origin, without trailing slash.
    fn origin(&self) -> &str {
        self.0.origins.first().map_or("https://localhost", Origin::as_str)
    }

    /// The tenant that a path segment names.
    async fn tenant(&self, segment: &str) -> Result<Option<Tenant>, actas_store::Error> {
        self.0.directory.tenant_by_realm(segment).await
    }

    /// `iss` of actor tokens.
    fn s2s_issuer(tenant: TenantId) -> Principal {
        Principal::in_realm(well_known::STS, tenant.to_string())
    }

    /// `iss` of access tokens (version 1.0).
    fn issuer_v1(&self, tenant: TenantId) -> String {
        format!("{}/{tenant}/", self.origin())
    }

    /// `issuer` of the version 2.0 discovery document.
    fn issuer_v2(&self, tenant: TenantId) -> String {
        format!("{}/{tenant}/v2.0", self.origin())
    }

    /// Records what happened; a failure to record is a failure to act.
    async fn record(
        &self,
        tenant: TenantId,
        kind: &'static str,
        details: serde_json::Value,
    ) -> Result<(), actas_store::Error> {
        self.0.directory.record(Audit { time: self.0.clock.now(), tenant, kind, details }).await
    }
}
