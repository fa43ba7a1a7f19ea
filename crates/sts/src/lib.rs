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
use actas_token::dpop::Proofs;
use actas_token::replay::Memory;
use actas_token::well_known;
use arc_swap::ArcSwap;
use axum::{Router, middleware};
use jiff::Timestamp;
use serde_json::json;

use graph::Graph;
use keys::{Emergency, Times};
use limit::Limits;

pub use actas_runtime::rate::Rate;
pub use graph::Workload;
pub use keys::{
    HardwareToken, HardwareTokenError, HardwareTokenSettings, KeyPlace, KeyRing, KeyRingError, RollError, Rolled,
};
pub use limit::Rates;
pub use policy::{Policy, SKEW_MAX, SigningKeyKind, Tenants};
pub use secret::{SecretError, hash_password, new_secret};

/// The token service.
#[derive(Clone)]
pub struct Sts(Arc<Inner>);

struct Inner {
    directory: Directory,
    keys: KeyRing,
    origins: Vec<Origin>,
    policy: ArcSwap<Policy>,
    clock: SharedClock,
    limits: Limits,
    /// Refusals that were recorded a moment ago.
    refusals: RefusalLimiter,
    /// Assertions that were used.
    assertions: Memory,
    /// Proofs of possession, at the token endpoints and at Graph, and those that were used.
    proofs: Proofs,
}

// === impl Sts ===

impl Sts {
    /// A token service under its public origins, the first of which stands in every URL
    /// that it publishes. URLs are never made from a request's `Host`.
    pub fn new(directory: Directory, keys: KeyRing, origins: Vec<Origin>, policy: Policy, clock: SharedClock) -> Self {
        let limits = Limits::new(&policy.rates);
        let proofs = Proofs::new(origins.iter().map(Origin::as_str), policy.require_dpop_nonce);
        Self(Arc::new(Inner {
            directory,
            keys,
            origins,
            policy: ArcSwap::from_pointee(policy),
            clock,
            limits,
            refusals: RefusalLimiter::default(),
            assertions: Memory::default(),
            proofs,
        }))
    }

    /// Goes by another policy from the next request on. Whether clients may authenticate in
    /// the TLS handshake and whether proofs must carry a nonce stay as they are: the listener
    /// and the resources were started with them.
    pub fn set_policy(&self, policy: Policy) {
        self.0.limits.set_rates(&policy.rates);
        let Policy { tls_client_auth, require_dpop_nonce, .. } = *self.policy();
        self.0.policy.store(Arc::new(Policy { tls_client_auth, require_dpop_nonce, ..policy }));
    }

    /// The policy at this moment.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.0.policy.load_full()
    }

    /// Everything it serves.
    pub fn router(&self) -> Router {
        self.with_graph(Graph::new(self.clone(), None))
    }

    /// Everything it serves, with further resources of Graph beside the directory: under the
    /// same limit of requests, in batches, and in the document that tells what is served.
    pub fn router_beside(&self, workload: Workload) -> Router {
        self.with_graph(Graph::new(self.clone(), Some(workload)))
    }

    fn with_graph(&self, graph: Graph) -> Router {
        let limited = middleware::from_fn_with_state(self.clone(), limit::graph);
        Router::new()
            .merge(metadata::routes())
            .merge(discovery::routes())
            .merge(token::routes())
            .merge(device_page::routes())
            .with_state(self.clone())
            .merge(graph::routes(&graph).layer(limited).with_state(graph))
    }

    // === signing keys ===

    /// Does what is due: rolls the signing key when it is old, withdraws keys whose last
    /// token has ended, and takes up what another process did. Whoever serves this calls
    /// it every hour or so.
    pub async fn maintain(&self, now: Timestamp) -> Result<Option<Rolled>, KeyRingError> {
        let policy = self.policy();
        let times = Times {
            age_max: policy.signing_key_age_max,
            token_lifetime: policy.token_lifetime.max(policy.act_as_lifetime),
        };
        let rolled = self.0.keys.maintain(times, policy.signing_key_kind, now).await?;
        self.tell("signing keys maintained", rolled, now).await
    }

    /// Takes up keys that another process rolled, and does nothing else: one look at the
    /// database. How often it is called is how soon a command on the keys takes effect.
    pub async fn follow_signing_keys(&self) -> Result<bool, KeyRingError> {
        self.0.keys.follow().await
    }

    /// Makes the next signing key current. Refused while there may be verifiers that do
    /// not know it.
    pub async fn rotate_signing_key(&self, now: Timestamp) -> Result<Option<Rolled>, KeyRingError> {
        let rolled = self.0.keys.rotate(self.policy().signing_key_kind, now).await?;
        self.tell("signing key rotated", rolled, now).await
    }

    /// Withdraws the signing key and all before it at once, since a stranger may have
    /// them. Tokens that they signed are refused from a verifier's next look on.
    pub async fn replace_stolen_signing_key(&self, now: Timestamp) -> Result<Option<Rolled>, KeyRingError> {
        let rolled = self.0.keys.emergency(Emergency::Current, self.policy().signing_key_kind, now).await?;
        self.tell("signing key replaced", rolled, now).await
    }

    /// As [`Self::replace_stolen_signing_key`], and withdraws the next key too. What signs
    /// then was never published: verifiers refuse it until they look again.
    pub async fn replace_all_signing_keys(&self, now: Timestamp) -> Result<Option<Rolled>, KeyRingError> {
        let rolled = self.0.keys.emergency(Emergency::All, self.policy().signing_key_kind, now).await?;
        self.tell("signing keys replaced", rolled, now).await
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
