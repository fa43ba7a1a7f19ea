//! Whom the server trusts, with keys kept fresh.

use std::collections::HashMap;
use std::sync::Arc;

use actas_token::accept::Vouched;
use actas_token::authorization::Scheme;
use actas_token::dpop::Proofs;
use actas_token::possession::{Presented, ResourceRequest};
use actas_token::{
    Accepted, IssuerKeys, Judge, Limits, Memory, Partner, Possession, Refusal, Resource, TenantId, Trace, Trust,
    TrustIndex,
};
use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::challenge::{self, Denial, Details, Wording};
use crate::issuer::{self, ConfiguredIssuer, MetadataSource};

/// Keys older than this are fetched again when next needed.
const REFRESH_AFTER: SignedDuration = SignedDuration::from_hours(8);
/// Keys are used without a successful refresh for at most this long after it was due.
const LAST_GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);
/// An unknown key may cause one fetch an issuer in this time.
const UNKNOWN_KEY_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// A failed fetch is repeated no sooner than this.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Verified tokens that are remembered, so that their signature is checked once: some
/// megabytes, and some tens if all were as long as they may be.
const REMEMBERED_MAX: usize = 8192;

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
type Rules<A> = fn(Judge<'_>, &str, Possession<'_>, Timestamp) -> Result<A, Refusal>;

const ACCEPT: Rules<Accepted> = |judge, token, possession, now| judge.accept(token, possession, now);
const VOUCHED: Rules<Vouched> = |judge, token, possession, now| judge.accept_vouched(token, possession, now);

/// Admits tokens. Cheap to clone.
#[derive(Clone)]
pub struct Validator(Arc<Inner>);

struct Inner {
    resource: Resource,
    limits: Limits,
    source: Arc<dyn MetadataSource>,
    state: ArcSwap<State>,
    memory: Memory,
    /// One fetch at a time: callers that need the same keys wait for the one.
    fetching: Mutex<()>,
}

#[derive(Default)]
struct State {
    configuration: Configuration,
    /// What was fetched, in the order of the configuration's issuers.
    fetched: Vec<Fetched>,
    trust: Trust,
    index: TrustIndex,
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
        Self(Arc::new(Inner {
            resource,
            limits,
            source,
            state: ArcSwap::default(),
            memory: Memory::new(REMEMBERED_MAX),
            fetching: Mutex::new(()),
        }))
    }

    /// Whom this one trusts, with the keys that it has, for a resource or limits that changed.
    #[must_use]
    pub fn for_resource(&self, resource: Resource, limits: Limits) -> Self {
        Self(Arc::new(Inner {
            resource,
            limits,
            source: Arc::clone(&self.0.source),
            state: ArcSwap::new(self.0.state.load_full()),
            memory: Memory::new(REMEMBERED_MAX),
            fetching: Mutex::new(()),
        }))
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
        self.validated(ACCEPT, token, possession, now).await
    }

    /// Validates a token for a resource that looks up its callers in the directory by
    /// itself, see [`actas_token::accept::accept_vouched`].
    pub async fn validate_vouched(
        &self,
        token: &str,
        possession: Possession<'_>,
        now: Timestamp,
    ) -> Result<Vouched, Refusal> {
        self.validated(VOUCHED, token, possession, now).await
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
        self.admitted(ACCEPT, request, proofs, now).await
    }

    /// As [`Self::admit`], for a resource that looks up its callers in the directory by
    /// itself: [`Self::validate_vouched`].
    pub async fn admit_vouched(
        &self,
        request: &ResourceRequest<'_>,
        proofs: &Proofs,
        now: Timestamp,
    ) -> Result<Vouched, Refusal> {
        self.admitted(VOUCHED, request, proofs, now).await
    }

    /// Validates a token by the same rules and keys, and tells what became of each rule.
    /// For a person who asks why; it checks every signature anew.
    pub async fn trace(&self, token: &str, possession: Possession<'_>, now: Timestamp) -> Trace {
        let trace = |judge: Judge<'_>| judge.trace(token, possession, now);
        self.judged(token, now, trace, |trace| trace.verdict.as_ref().err()).await
    }

    /// Fetches, and says where nothing could be fetched: for a server that wants to know
    /// at its start, and for its readiness.
    pub async fn without_keys(&self, now: Timestamp) -> Vec<String> {
        self.refresh(|_, fetched| fetched.is_due(now), now).await;
        let state = self.0.state.load();
        let issuers = state.configuration.issuers.iter().zip(&state.fetched);
        issuers.filter(|(_, fetched)| fetched.keys.is_none()).map(|(issuer, _)| issuer.metadata_url.clone()).collect()
    }

    /// The value of `WWW-Authenticate` for a caller without a good token.
    pub fn challenge(&self, authorization_uri: Option<&str>, error: Option<&'static str>) -> String {
        self.challenge_in(None, authorization_uri, error)
    }

    /// As [`Validator::challenge`], naming a realm. A caller that knows no issuer of the
    /// challenge has nowhere else to learn it from.
    fn challenge_in(
        &self,
        realm: Option<&str>,
        authorization_uri: Option<&str>,
        error: Option<&'static str>,
    ) -> String {
        let state = self.0.state.load();
        challenge::challenge(
            &self.0.resource.app_id.to_string(),
            realm,
            &state.configuration.issuers,
            authorization_uri,
            error,
        )
    }

    /// What to answer a caller whose request was refused. It came under `scheme`, if it
    /// could be read.
    pub fn denial(&self, scheme: Option<Scheme>, refusal: &Refusal, wording: Wording<'_>, details: Details) -> Denial {
        Denial::new(scheme, refusal, wording, details, |error| {
            self.challenge_in(wording.realm, wording.authorization_uri, error)
        })
    }

    async fn admitted<A>(
        &self,
        rules: Rules<A>,
        request: &ResourceRequest<'_>,
        proofs: &Proofs,
        now: Timestamp,
    ) -> Result<A, Refusal> {
        let presented = Presented::read(request, proofs, now)?;
        let accepted = self.validated(rules, presented.authorization.token, presented.possession(), now).await?;
        presented.spend(proofs, now)?;
        Ok(accepted)
    }

    async fn validated<A>(
        &self,
        rules: Rules<A>,
        token: &str,
        possession: Possession<'_>,
        now: Timestamp,
    ) -> Result<A, Refusal> {
        self.judged(token, now, |judge| rules(judge, token, possession, now), |verdict| verdict.as_ref().err()).await
    }

    /// Judges a token with keys that are fresh: once more when it names a key that is new.
    async fn judged<V>(
        &self,
        token: &str,
        now: Timestamp,
        verdict: impl Fn(Judge<'_>) -> V,
        refusal: fn(&V) -> Option<&Refusal>,
    ) -> V {
        self.refresh_for(token, now).await;
        let first = self.judge(&verdict);
        if self.looks_for_unknown(token, refusal(&first), now).await {
            return self.judge(&verdict);
        }
        first
    }

    fn judge<V>(&self, verdict: impl FnOnce(Judge<'_>) -> V) -> V {
        let (inner, state) = (&*self.0, self.0.state.load());
        verdict(
            Judge::new(&inner.resource, &state.trust, &inner.limits)
                .with_index(&state.index)
                .with_memory(&inner.memory),
        )
    }

    /// Fetches the keys of the issuer that a token names, if they are due. Nobody waits
    /// for an issuer that is not its own.
    async fn refresh_for(&self, token: &str, now: Timestamp) {
        let any = self.0.state.load().fetched.iter().any(|fetched| fetched.is_due(now));
        if let Some(named) = any.then(|| issuer::named_by(token)).flatten() {
            self.refresh(|issuer, fetched| fetched.is_due(now) && issuer.answers_to(&named), now).await;
        }
    }

    /// Whether keys were looked for anew, since a token names an issuer that is trusted
    /// and a key of it that is not known: it may have rolled since. Only that issuer is
    /// asked, so a stranger's token costs one fetch in a while at most.
    async fn looks_for_unknown(&self, token: &str, refusal: Option<&Refusal>, now: Timestamp) -> bool {
        if !matches!(refusal, Some(Refusal::UnknownKey(_) | Refusal::UnknownIssuer(_))) {
            return false;
        }
        let Some(named) = issuer::named_by(token) else { return false };
        let wanted = |issuer: &ConfiguredIssuer, fetched: &Fetched| {
            fetched.may_look_for_unknown_key(now) && issuer.answers_to(&named)
        };
        self.refresh(wanted, now).await
    }

    /// Fetches the keys of every issuer for which `wanted` holds; whether there was any.
    async fn refresh(&self, wanted: impl Fn(&ConfiguredIssuer, &Fetched) -> bool, now: Timestamp) -> bool {
        let is_wanted = |state: &State| -> Vec<ConfiguredIssuer> {
            let all = state.configuration.issuers.iter().zip(&state.fetched);
            all.filter(|(issuer, fetched)| wanted(issuer, fetched)).map(|(issuer, _)| issuer.clone()).collect()
        };
        if is_wanted(&self.0.state.load()).is_empty() {
            return false;
        }
        let _one = self.0.fetching.lock().await;
        // Whoever had the lock may have fetched what we want.
        let issuers = is_wanted(&self.0.state.load());
        for issuer in issuers {
            let outcome = issuer.fetch(&*self.0.source).await;
            if let Err(why) = &outcome {
                tracing::warn!(url = issuer.metadata_url, why, "the keys of a trusted issuer could not be fetched");
            }
            self.0.state.rcu(|old| old.with_outcome(&issuer, &outcome, now));
        }
        true
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
        let index = TrustIndex::of(&trust);
        Self { configuration, fetched, trust, index }
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
