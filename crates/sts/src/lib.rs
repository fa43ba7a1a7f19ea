//! The cloud's security token service and the Graph API over its directory.
//!
//! **Invariant:** knows nothing of the mailbox server or of the on-premises side; both
//! talk to it over HTTPS only.

mod audience;
mod device_page;
mod discovery;
mod graph;
mod keys;
mod limit;
mod memory;
mod metadata;
mod policy;
mod possession;
mod secret;
pub mod seed;
mod token;

use std::sync::Arc;

use actas_directory::refusal::RefusalLimiter;
use actas_directory::{Tenant, TenantId};
use actas_runtime::SharedClock;
use actas_runtime::config::Origin;
use actas_store::directory::{Audit, Directory};
use actas_token::Principal;
use actas_token::well_known;
use axum::{Router, middleware};
use jiff::Timestamp;
use serde_json::json;

use keys::Times;
use limit::Limits;
use memory::Memory;
use possession::Nonces;

pub use keys::{KeyRing, KeyRingError, RollError, Rolled};
pub use limit::{Rate, Rates};
pub use policy::{Policy, SKEW_MAX, SigningKeyKind, Tenants};
pub use secret::{SecretError, hash_password, new_secret};

/// The token service.
#[derive(Clone)]
pub struct Sts(Arc<Inner>);

struct Inner {
    directory: Directory,
    keys: KeyRing,
    origins: Vec<Origin>,
    policy: Policy,
    clock: SharedClock,
    limits: Limits,
    /// Refusals that were recorded a moment ago.
    refusals: RefusalLimiter,
    /// Assertions that were used.
    assertions: Memory,
    /// Proofs of possession that were used.
    proofs: Memory,
    nonces: Nonces,
}

// === impl Sts ===

impl Sts {
    /// A token service under its public origins, the first of which stands in every URL
    /// that it publishes. URLs are never made from a request's `Host`.
    pub fn new(directory: Directory, keys: KeyRing, origins: Vec<Origin>, policy: Policy, clock: SharedClock) -> Self {
        let limits = Limits::new(&policy.rates);
        Self(Arc::new(Inner {
            directory,
            keys,
            origins,
            policy,
            clock,
            limits,
            refusals: RefusalLimiter::default(),
            assertions: Memory::default(),
            proofs: Memory::default(),
            nonces: Nonces::default(),
        }))
    }

    /// Everything it serves.
    pub fn router(&self) -> Router {
        Router::new()
            .merge(metadata::routes())
            .merge(discovery::routes())
            .merge(token::routes())
            .merge(device_page::routes())
            .merge(graph::routes().layer(middleware::from_fn_with_state(self.clone(), limit::graph)))
            .with_state(self.clone())
    }

    // === signing keys ===

    /// Does what is due: rolls the signing key when it is old, withdraws keys whose last
    /// token has ended, and takes up what another process did. Whoever serves this calls
    /// it every hour or so.
    pub async fn maintain(&self, now: Timestamp) -> Result<Option<Rolled>, KeyRingError> {
        let policy = &self.0.policy;
        let times = Times {
            age_max: policy.signing_key_age_max,
            token_lifetime: policy.token_lifetime.max(policy.act_as_lifetime),
        };
        let rolled = self.0.keys.maintain(times, policy.signing_key_kind, now).await?;
        self.tell("signing keys maintained", rolled, now).await
    }

    /// Makes the next signing key current. Refused while there may be verifiers that do
    /// not know it.
    pub async fn rotate_signing_key(&self, now: Timestamp) -> Result<Option<Rolled>, KeyRingError> {
        let rolled = self.0.keys.rotate(self.0.policy.signing_key_kind, now).await?;
        self.tell("signing key rotated", rolled, now).await
    }

    /// Withdraws the signing key and all before it at once, since a stranger may have
    /// them. Tokens that they signed are refused from a verifier's next look on.
    pub async fn replace_stolen_signing_key(&self, now: Timestamp) -> Result<Option<Rolled>, KeyRingError> {
        let rolled = self.0.keys.emergency(self.0.policy.signing_key_kind, now).await?;
        self.tell("signing key replaced", rolled, now).await
    }

    /// Keys are nobody's in particular: the record's tenant is nil.
    async fn tell(
        &self,
        kind: &'static str,
        rolled: Option<Rolled>,
        now: Timestamp,
    ) -> Result<Option<Rolled>, KeyRingError> {
        if let Some(rolled) = &rolled {
            tracing::info!(current = rolled.current, retired = ?rolled.retired, kind, "the signing keys changed");
            let details = json!({ "current": rolled.current, "retired": rolled.retired });
            self.0.directory.record(Audit { time: now, tenant: TenantId(uuid::Uuid::nil()), kind, details }).await?;
        }
        Ok(rolled)
    }

    // === names ===

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
