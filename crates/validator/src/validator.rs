//! Whom the server trusts, with keys kept fresh.

use std::collections::HashMap;
use std::sync::Arc;

use actas_token::accept::{Vouched, accept_from, accept_vouched};
use actas_token::authorization::Scheme;
use actas_token::dpop::Proofs;
use actas_token::possession::{Presented, ResourceRequest};
use actas_token::{Accepted, IssuerKeys, Limits, Partner, Possession, Refusal, Resource, TenantId, Trust};
use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::challenge;
use crate::issuer::{ConfiguredIssuer, MetadataSource};

/// Keys older than this are fetched again when next needed.
const REFRESH_AFTER: SignedDuration = SignedDuration::from_hours(8);
/// Keys are used without a successful refresh for at most this long after it was due.
const LAST_GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);
/// An unknown key may cause one fetch an issuer in this time.
const UNKNOWN_KEY_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// A failed fetch is repeated no sooner than this.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Whom a server trusts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// Enabled issuers.
    pub issuers: Vec<ConfiguredIssuer>,
    /// Partner applications.
    pub partners: Vec<Partner>,
    /// Tenant GUIDs and verified domains, lower case, to tenants hosted here.
    pub realms: HashMap<String, TenantId>,
}

/// What decides on a token.
type Rules<A> = fn(&str, Possession<'_>, &Resource, &Trust, &Limits, Timestamp) -> Result<A, Refusal>;

/// Admits tokens. Cheap to clone.
#[derive(Clone)]
pub struct Validator(Arc<Inner>);

struct Inner {
    resource: Resource,
    limits: Limits,
    source: Arc<dyn MetadataSource>,
    state: ArcSwap<State>,
    /// One fetch at a time: callers that need the same keys wait for the one.
    fetching: Mutex<()>,
}

#[derive(Default)]
struct State {
    configuration: Configuration,
    /// What was fetched, in the order of the configuration's issuers.
    fetched: Vec<Fetched>,
    trust: Trust,
}

#[derive(Clone, Default)]
struct Fetched {
    keys: Option<IssuerKeys>,
    succeeded: Option<Timestamp>,
    tried: Option<Timestamp>,
}

// === impl Validator ===

impl Validator {
    /// A validator that trusts nobody yet.
    pub fn new(resource: Resource, limits: Limits, source: Arc<dyn MetadataSource>) -> Self {
        Self(Arc::new(Inner { resource, limits, source, state: ArcSwap::default(), fetching: Mutex::new(()) }))
    }

    /// Replaces whom the server trusts. Keys of issuers that stay are kept.
    pub fn configure(&self, configuration: &Configuration) {
        self.0.state.rcu(|old| {
            let fetched = configuration.issuers.iter().map(|issuer| {
                let known = old.configuration.issuers.iter().position(|other| other == issuer);
                known.and_then(|index| old.fetched.get(index)).cloned().unwrap_or_default()
            });
            State::new(configuration.clone(), fetched.collect())
        });
    }

    /// Forgets the keys of the issuers that publish at this address: they are fetched anew
    /// before the next token is judged, and nothing of theirs is believed until then.
    pub fn look_again(&self, metadata_url: &str) {
        self.0.state.rcu(|old| {
            let issuers = old.configuration.issuers.iter().zip(&old.fetched);
            let fetched =
                issuers.map(
                    |(issuer, fetched)| {
                        if issuer.metadata_url == metadata_url { Fetched::default() } else { fetched.clone() }
                    },
                );
            State::new(old.configuration.clone(), fetched.collect())
        });
    }

    /// Validates a token; its user is still to be resolved, see
    /// [`actas_token::UserClaims::agree`].
    pub async fn validate(&self, token: &str, now: Timestamp) -> Result<Accepted, Refusal> {
        self.validate_from(token, Possession::default(), now).await
    }

    /// As [`Validator::validate`], for a caller that proved to hold a key: by a DPoP proof
    /// that was checked with [`actas_token::dpop::check`] and not seen before, or by its
    /// TLS certificate.
    pub async fn validate_from(
        &self,
        token: &str,
        possession: Possession<'_>,
        now: Timestamp,
    ) -> Result<Accepted, Refusal> {
        self.judged(accept_from, token, possession, now).await
    }

    /// Validates a token for a resource that looks up its callers in the directory by
    /// itself, see [`actas_token::accept::accept_vouched`].
    pub async fn validate_vouched(
        &self,
        token: &str,
        possession: Possession<'_>,
        now: Timestamp,
    ) -> Result<Vouched, Refusal> {
        self.judged(accept_vouched, token, possession, now).await
    }

    /// Admits a request: its token, under either scheme, with the proof or the certificate
    /// that the token is bound to. What is checked, in this order: the header (V1, V2);
    /// under the scheme `DPoP` the proof by itself and its nonce (V21); the token (V3 to
    /// V17, and V21 that it is bound to what the caller holds); that the proof is used once.
    pub async fn admit(
        &self,
        request: &ResourceRequest<'_>,
        proofs: &Proofs,
        now: Timestamp,
    ) -> Result<Accepted, Refusal> {
        self.admitted(accept_from, request, proofs, now).await
    }

    /// As [`Self::admit`], for a resource that looks up its callers in the directory by
    /// itself: [`Self::validate_vouched`].
    pub async fn admit_vouched(
        &self,
        request: &ResourceRequest<'_>,
        proofs: &Proofs,
        now: Timestamp,
    ) -> Result<Vouched, Refusal> {
        self.admitted(accept_vouched, request, proofs, now).await
    }

    /// The values of `WWW-Authenticate` for a refused request that came under `scheme`.
    pub fn challenges(
        &self,
        scheme: Option<Scheme>,
        refusal: &Refusal,
        authorization_uri: Option<&str>,
        error: Option<&'static str>,
    ) -> Vec<String> {
        let dpop = challenge::dpop_challenge(scheme, refusal, error);
        let bearer = scheme != Some(Scheme::Dpop);
        let bearer = bearer.then(|| self.challenge(authorization_uri, error));
        bearer.into_iter().chain(dpop).collect()
    }

    /// The value of `WWW-Authenticate` for a caller without a good token.
    pub fn challenge(&self, authorization_uri: Option<&str>, error: Option<&'static str>) -> String {
        let state = self.0.state.load();
        challenge::challenge(
            &self.0.resource.app_id.to_string(),
            &state.configuration.issuers,
            authorization_uri,
            error,
        )
    }

    async fn admitted<A>(
        &self,
        rules: Rules<A>,
        request: &ResourceRequest<'_>,
        proofs: &Proofs,
        now: Timestamp,
    ) -> Result<A, Refusal> {
        let presented = Presented::read(request, proofs, now)?;
        let accepted = self.judged(rules, presented.authorization.token, presented.possession(), now).await?;
        presented.spend(proofs, now)?;
        Ok(accepted)
    }

    /// Judges a token with keys that are fresh: once more when it names a key that is new.
    async fn judged<A>(
        &self,
        rules: Rules<A>,
        token: &str,
        possession: Possession<'_>,
        now: Timestamp,
    ) -> Result<A, Refusal> {
        let judge = || rules(token, possession, &self.0.resource, &self.0.state.load().trust, &self.0.limits, now);
        self.refresh(now, Fetched::is_due).await;
        let verdict = judge();
        if matches!(verdict, Err(Refusal::UnknownKey(_) | Refusal::UnknownIssuer(_))) {
            // The issuer may have rolled its key since we looked.
            self.refresh(now, Fetched::may_look_for_unknown_key).await;
            return judge();
        }
        verdict
    }

    /// Fetches the keys of every issuer for which `wanted` holds.
    async fn refresh(&self, now: Timestamp, wanted: fn(&Fetched, Timestamp) -> bool) {
        if !self.0.state.load().fetched.iter().any(|fetched| wanted(fetched, now)) {
            return;
        }
        let _one = self.0.fetching.lock().await;
        let issuers: Vec<ConfiguredIssuer> = {
            let state = self.0.state.load();
            let due =
                state.configuration.issuers.iter().zip(&state.fetched).filter(|(_, fetched)| wanted(fetched, now));
            due.map(|(issuer, _)| issuer.clone()).collect()
        };
        for issuer in issuers {
            let outcome = issuer.fetch(&*self.0.source).await;
            if let Err(why) = &outcome {
                tracing::warn!(url = issuer.metadata_url, why, "the keys of a trusted issuer could not be fetched");
            }
            self.0.state.rcu(|old| old.with_outcome(&issuer, &outcome, now));
        }
    }
}

impl std::fmt::Debug for Validator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Validator({})", self.0.resource.app_id)
    }
}

// === impl State ===

impl State {
    fn new(configuration: Configuration, fetched: Vec<Fetched>) -> Self {
        let issuers = fetched.iter().filter_map(|fetched| fetched.keys.clone()).collect();
        let trust = Trust { issuers, partners: configuration.partners.clone(), realms: configuration.realms.clone() };
        Self { configuration, fetched, trust }
    }

    fn with_outcome(&self, issuer: &ConfiguredIssuer, outcome: &Result<IssuerKeys, String>, now: Timestamp) -> Self {
        let mut fetched = self.fetched.clone();
        if let Some(own) =
            self.configuration.issuers.iter().position(|other| other == issuer).and_then(|index| fetched.get_mut(index))
        {
            own.tried = Some(now);
            match outcome {
                Ok(keys) => {
                    own.keys = Some(keys.clone());
                    own.succeeded = Some(now);
                }
                Err(_) if own.is_stale(now) => own.keys = None,
                Err(_) => {}
            }
        }
        Self::new(self.configuration.clone(), fetched)
    }
}

// === impl Fetched ===

impl Fetched {
    fn is_due(&self, now: Timestamp) -> bool {
        let fresh = self.succeeded.is_some_and(|at| now.duration_since(at) < REFRESH_AFTER);
        let tried_just_now = self.tried.is_some_and(|at| now.duration_since(at) < RETRY_AFTER);
        !fresh && !tried_just_now
    }

    fn may_look_for_unknown_key(&self, now: Timestamp) -> bool {
        self.tried.is_none_or(|at| now.duration_since(at) >= UNKNOWN_KEY_EVERY)
    }

    fn is_stale(&self, now: Timestamp) -> bool {
        self.succeeded.is_none_or(|at| now.duration_since(at) >= REFRESH_AFTER + LAST_GOOD_FOR)
    }
}
