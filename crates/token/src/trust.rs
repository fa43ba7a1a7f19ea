//! Whom a resource trusts: issuers with their keys, partner applications, realms.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use uuid::Uuid;

use crate::key::VerifyingKey;
use crate::principal::{Parts, TenantId};

/// The most keys of one issuer that are tried.
pub const ISSUER_KEYS_MAX: usize = 64;

/// The resource that validates.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its own application id.
    pub app_id: Uuid,
    /// Host names that an audience may name. Configured, never taken from a request:
    /// a caller chooses `Host`.
    pub hosts: Vec<String>,
    /// The application permission that an access token of an OpenID-style token
    /// service must hold, for instance `full_access_as_app`.
    pub app_role: Option<String>,
    /// The port that an audience may add to the host. It may always leave it out.
    pub port: Option<u16>,
}

/// Policy on time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How far clocks may disagree.
    pub skew: SignedDuration,
    /// The longest life of an actor token.
    pub actor_lifetime_max: SignedDuration,
    /// The longest life of an act-as token.
    pub act_as_lifetime_max: SignedDuration,
}

impl Default for Limits {
    /// Five minutes of skew; actor tokens an hour, act-as tokens ten minutes.
    fn default() -> Self {
        Self {
            skew: SignedDuration::from_mins(5),
            actor_lifetime_max: SignedDuration::from_hours(1),
            act_as_lifetime_max: SignedDuration::from_mins(10),
        }
    }
}

/// Which realms an issuer may speak for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RealmRule {
    /// Every realm that is a tenant here (`@*` in a challenge).
    Any,
    /// One realm, compared exactly.
    Exactly(String),
}

/// How an issuer names itself in `iss`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Issuer {
    /// `appid@realm`: a security token service or a partner that is its own issuer.
    Principal(Uuid, RealmRule),
    /// A URL, compared exactly: an OpenID-style token service, for one tenant.
    Url(String, TenantId),
}

/// For whom an issuer may speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Voice {
    /// A partner that issues its own tokens, registered in this tenant: for itself.
    Partner(TenantId),
    /// A security token service: for every application that its directory knows.
    TokenService,
}

/// A configured, enabled issuer and its keys.
#[derive(Clone, Debug)]
pub struct IssuerKeys {
    /// Its name.
    pub issuer: Issuer,
    /// For whom it may speak.
    pub voice: Voice,
    /// Its keys, at most [`ISSUER_KEYS_MAX`].
    pub keys: Arc<[VerifyingKey]>,
}

/// What a partner application may do (`ApplicationTrustLevel`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TrustLevel {
    /// As itself; as a user only with the token service's consent.
    Application,
    /// As itself and as any user of the tenant.
    Full,
    /// As a user only with the token service's consent; never as itself.
    User,
}

/// Whose key vouches for a partner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// Its own, in the realm it is registered with.
    Own {
        /// The registered realm.
        realm: String,
    },
    /// The token service's (`UseOAuthServer`, `UseAuthServer`).
    TokenService,
}

/// A partner application of one tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Partner {
    /// The tenant that trusts it.
    pub tenant: TenantId,
    /// Its application id.
    pub app_id: Uuid,
    /// Disabled partners are refused like unknown ones.
    pub enabled: bool,
    /// What it may do.
    pub trust_level: TrustLevel,
    /// Whose key vouches for it.
    pub key_source: KeySource,
    /// Whether the app-asserted act-as token (the unsigned envelope) is accepted.
    pub act_as: bool,
    /// Whether act-as tokens that the token service signed are accepted for it.
    pub sts_issued_act_as: bool,
    /// Whether security identifiers are accepted as user ids.
    pub accept_sids: bool,
    /// The account with whose rights it acts as itself.
    pub linked_account: Option<String>,
}

/// Whom a resource trusts: one immutable value per configuration.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Enabled issuers.
    pub issuers: Vec<IssuerKeys>,
    /// Partner applications.
    pub partners: Vec<Partner>,
    /// Tenant GUIDs and verified domains, lower case, to tenants hosted here.
    pub realms: HashMap<String, TenantId>,
}

/// Where issuers and partners stand in a [`Trust`], for those who trust many.
///
/// It names places and decides nothing: what is found is compared anew.
#[derive(Clone, Debug, Default)]
pub struct TrustIndex {
    partners: HashMap<(TenantId, Uuid), usize>,
    any_realm: HashMap<Uuid, usize>,
    by_realm: HashMap<Uuid, HashMap<String, usize>>,
    by_url: HashMap<String, usize>,
}

impl TrustIndex {
    /// The index of a trust. Of two entries that answer to one name, the first counts.
    pub fn of(trust: &Trust) -> Self {
        let mut index = Self::default();
        for (at, known) in trust.issuers.iter().enumerate() {
            match &known.issuer {
                Issuer::Principal(app_id, RealmRule::Any) => index.any_realm.entry(*app_id).or_insert(at),
                Issuer::Principal(app_id, RealmRule::Exactly(realm)) => {
                    index.by_realm.entry(*app_id).or_default().entry(realm.clone()).or_insert(at)
                }
                Issuer::Url(url, _) => index.by_url.entry(url.clone()).or_insert(at),
            };
        }
        for (at, partner) in trust.partners.iter().enumerate().filter(|(_, partner)| partner.enabled) {
            index.partners.entry((partner.tenant, partner.app_id)).or_insert(at);
        }
        index
    }

    pub(crate) fn issuer(&self, name: &Parts<'_>) -> Option<usize> {
        let exactly = self.by_realm.get(&name.app_id).and_then(|realms| realms.get(name.realm?));
        exactly.into_iter().chain(self.any_realm.get(&name.app_id)).min().copied()
    }

    pub(crate) fn issuer_at(&self, url: &str) -> Option<usize> {
        self.by_url.get(url).copied()
    }

    pub(crate) fn partner(&self, tenant: TenantId, app_id: Uuid) -> Option<usize> {
        self.partners.get(&(tenant, app_id)).copied()
    }
}
