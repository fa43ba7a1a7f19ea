//! Whether a resource believes a token: the rules, in their order.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::claims::{ClaimError, Claims};
use crate::jws::{Algorithm, Compact, Header, Reading, SignedBy};
use crate::key::VerifyingKey;
use crate::principal::{Principal, TenantId};
use crate::refusal::{Layer, Refusal};
use crate::user::UserClaims;

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

/// How the caller came.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// As a user, asserted by the application in an unsigned envelope.
    ActAs(UserClaims),
    /// As itself.
    AppOnly,
}

/// A token that is believed.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The tenant it is good for.
    pub tenant: TenantId,
    /// The calling application.
    pub app_id: Uuid,
    /// As whom.
    pub how: How,
    /// The account whose rights an app-only call has.
    pub linked_account: Option<String>,
    /// When it ends; a session must not outlive it.
    pub expires: Timestamp,
}

/// Validates a token that arrived as `Authorization: Bearer`.
///
/// The user of an act-as token is still only claimed: look up every one of
/// [`UserClaims::keys`] in the tenant and let [`UserClaims::agree`] decide.
pub fn accept(
    token: &str,
    resource: &Resource,
    trust: &Trust,
    limits: &Limits,
    now: Timestamp,
) -> Result<Accepted, Refusal> {
    let check = Check { resource, trust, limits, now };
    let outer = Compact::parse(token, Reading::Strict).map_err(Refusal::Malformed)?;
    check_type(&outer.header)?;
    match (&outer.header.signed_by, outer.claims.has("actortoken")) {
        (SignedBy::Nothing, true) if outer.signature.is_empty() => check.act_as(&outer.claims),
        (SignedBy::Nothing, true) => Err(Refusal::Shape("`none` with a signature")),
        (SignedBy::Nothing, false) => Err(Refusal::Shape("unsigned without an actor token")),
        (SignedBy::Unknown(name), _) => Err(Refusal::Algorithm(name.clone())),
        (SignedBy::Algorithm(_), true) => Err(Refusal::Shape("an actor token under a signature")),
        (SignedBy::Algorithm(algorithm), false) => {
            if outer.claims.has("actor") {
                return Err(Refusal::Shape("a token of a user and an application"));
            }
            check.alone(&outer, *algorithm)
        }
    }
}

fn check_type(header: &Header) -> Result<(), Refusal> {
    match &header.typ {
        Some(typ) if typ.eq_ignore_ascii_case("JWT") => Ok(()),
        other => Err(Refusal::Type(other.clone().unwrap_or_default())),
    }
}

struct Check<'a> {
    resource: &'a Resource,
    trust: &'a Trust,
    limits: &'a Limits,
    now: Timestamp,
}

/// The signed token of a pair, or one alone, after V7 to V13.
struct Actor<'a> {
    known: &'a IssuerKeys,
    issuer: Principal,
    name: Principal,
    audience: Principal,
    tenant: TenantId,
    not_after: Timestamp,
    delegation: bool,
}

// === impl Check ===

impl<'a> Check<'a> {
    fn alone(&self, token: &Compact<'_>, algorithm: Algorithm) -> Result<Accepted, Refusal> {
        if required(&token.claims, "iss", Layer::Actor)?.starts_with("https://") {
            return self.access_token(token, algorithm);
        }
        let actor = self.actor(token, algorithm)?;
        let partner = self.caller(&actor)?;
        check_app_only(partner)?;
        Ok(Accepted {
            tenant: partner.tenant,
            app_id: partner.app_id,
            how: How::AppOnly,
            linked_account: partner.linked_account.clone(),
            expires: actor.not_after,
        })
    }

    fn act_as(&self, outer: &Claims) -> Result<Accepted, Refusal> {
        let inner = outer.text("actortoken").map_err(|_| Refusal::Shape("the actor token is not a string"))?;
        let inner = Compact::parse(inner, Reading::Strict).map_err(Refusal::Malformed)?;
        check_type(&inner.header)?;
        let algorithm = match &inner.header.signed_by {
            SignedBy::Algorithm(algorithm) => *algorithm,
            SignedBy::Nothing => return Err(Refusal::Nesting("the actor token is unsigned")),
            SignedBy::Unknown(name) => return Err(Refusal::Algorithm(name.clone())),
        };
        if inner.claims.has("actortoken") || inner.claims.has("actor") {
            return Err(Refusal::Nesting("an actor inside the actor token"));
        }
        let times = Times::read(outer, Layer::ActAs)?;
        let issuer = principal(outer, "iss", Layer::ActAs)?;
        let audience = audience_of(outer, Layer::ActAs)?;

        let actor = self.actor(&inner, algorithm)?;
        // V11 to V14 of the envelope, against the actor that is now known.
        if issuer.realm != actor.name.realm {
            return Err(realms_differ(&issuer, &actor.name));
        }
        if audience.realm != actor.audience.realm {
            return Err(realms_differ(&audience, &actor.audience));
        }
        self.check_audience(&audience)?;
        if !audience.same_as(&actor.audience) {
            return Err(Refusal::Audience(audience.to_string(), "the actor token is for another"));
        }
        times.check(self, self.limits.act_as_lifetime_max, Layer::ActAs)?;
        if times.exp.duration_since(actor.not_after) > self.limits.skew {
            return Err(Refusal::Time(Layer::ActAs, "it outlives the actor token"));
        }
        if issuer != actor.name {
            return Err(Refusal::NotBound(issuer.to_string(), actor.name.to_string()));
        }
        let partner = self.caller(&actor)?;
        check_act_as(partner, actor.delegation)?;
        Ok(Accepted {
            tenant: partner.tenant,
            app_id: partner.app_id,
            how: How::ActAs(UserClaims::read(outer, partner.accept_sids)?),
            linked_account: None,
            expires: times.exp.min(actor.not_after),
        })
    }

    /// V7 to V13 on the signed token.
    fn actor(&self, token: &Compact<'_>, algorithm: Algorithm) -> Result<Actor<'a>, Refusal> {
        let claims = &token.claims;
        let times = Times::read(claims, Layer::Actor)?;
        let issuer = principal(claims, "iss", Layer::Actor)?;
        let name = principal(claims, "nameid", Layer::Actor)?;
        let audience = audience_of(claims, Layer::Actor)?;
        let known = self.issuer(&issuer)?;
        verify(known, token, algorithm)?;
        let tenant = self.tenant(known, &issuer, &name, &audience)?;
        self.check_audience(&audience)?;
        times.check(self, self.limits.actor_lifetime_max, Layer::Actor)?;
        let delegation = claims.flag("trustedfordelegation");
        Ok(Actor { known, issuer, name, audience, tenant, not_after: times.exp, delegation })
    }

    /// V8. By name first, never by key.
    fn issuer(&self, name: &Principal) -> Result<&'a IssuerKeys, Refusal> {
        let speaks = |known: &&IssuerKeys| match &known.issuer {
            Issuer::Principal(app_id, RealmRule::Any) => *app_id == name.app_id,
            Issuer::Principal(app_id, RealmRule::Exactly(realm)) => {
                *app_id == name.app_id && Some(realm) == name.realm.as_ref()
            }
            Issuer::Url(..) => false,
        };
        self.trust.issuers.iter().find(speaks).ok_or_else(|| Refusal::UnknownIssuer(name.to_string()))
    }

    /// V11. One tenant for issuer, caller and audience. A partner that issues its own
    /// tokens may have a realm of its own, which then names its registration's tenant.
    fn tenant(
        &self,
        known: &IssuerKeys,
        issuer: &Principal,
        name: &Principal,
        audience: &Principal,
    ) -> Result<TenantId, Refusal> {
        if issuer.realm != name.realm {
            return Err(realms_differ(issuer, name));
        }
        let (own, resolved) = match known.voice {
            Voice::Partner(tenant) => (issuer.realm.as_deref(), tenant),
            Voice::TokenService => (None, self.realm(issuer)?),
        };
        if own.is_some() && audience.realm.as_deref() == own {
            return Ok(resolved);
        }
        if self.realm(audience)? != resolved {
            return Err(realms_differ(issuer, audience));
        }
        Ok(resolved)
    }

    fn realm(&self, name: &Principal) -> Result<TenantId, Refusal> {
        let realm = name.realm.as_deref().unwrap_or_default();
        self.trust.realms.get(realm).copied().ok_or_else(|| Refusal::UnknownRealm(realm.to_owned()))
    }

    /// V12, but for the realm.
    fn check_audience(&self, audience: &Principal) -> Result<(), Refusal> {
        let refuse = |why| Err(Refusal::Audience(audience.to_string(), why));
        if audience.app_id != self.resource.app_id {
            return refuse("another application");
        }
        match audience.host.as_deref() {
            Some(host) if self.is_our_host(host) => Ok(()),
            Some(_) => refuse("another host"),
            None => refuse("it names no host"),
        }
    }

    pub(crate) fn is_our_host(&self, authority: &str) -> bool {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let port_fits = port.is_none_or(|port| self.resource.port.is_some_and(|own| port == own.to_string()));
        port_fits && self.resource.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// V15. The partner, vouched for by the key that its registration names.
    fn caller(&self, actor: &Actor<'_>) -> Result<&'a Partner, Refusal> {
        let partner = self
            .partner(actor.tenant, actor.name.app_id)
            .ok_or_else(|| Refusal::UnknownCaller(actor.name.to_string()))?;
        let vouched = match (&partner.key_source, actor.known.voice) {
            (KeySource::TokenService, Voice::TokenService) => true,
            (KeySource::Own { realm }, Voice::Partner(_)) => {
                actor.issuer == actor.name && actor.issuer.realm.as_ref() == Some(realm)
            }
            _ => false,
        };
        if !vouched {
            return Err(Refusal::WrongVoucher(actor.issuer.to_string(), actor.name.to_string()));
        }
        Ok(partner)
    }

    fn partner(&self, tenant: TenantId, app_id: Uuid) -> Option<&'a Partner> {
        self.trust
            .partners
            .iter()
            .find(|partner| partner.tenant == tenant && partner.app_id == app_id && partner.enabled)
    }

    /// An access token of an OpenID-style token service: `iss` is a URL, `tid` the
    /// tenant, `appid` or `azp` the application, which calls as itself.
    fn access_token(&self, token: &Compact<'_>, algorithm: Algorithm) -> Result<Accepted, Refusal> {
        let claims = &token.claims;
        let times = Times::read(claims, Layer::Actor)?;
        let issuer = required(claims, "iss", Layer::Actor)?;
        let audience = required(claims, "aud", Layer::Actor)?;
        let tid = required(claims, "tid", Layer::Actor)?;
        let caller = match text(claims, "appid", Layer::Actor)? {
            Some(caller) => caller,
            None => required(claims, "azp", Layer::Actor)?,
        };
        let known =
            self.trust.issuers.iter().find(|known| matches!(&known.issuer, Issuer::Url(url, _) if url == issuer));
        let Some((known, tenant)) = known.and_then(|known| match known.issuer {
            Issuer::Url(_, tenant) => Some((known, tenant)),
            Issuer::Principal(..) => None,
        }) else {
            return Err(Refusal::UnknownIssuer(issuer.to_owned()));
        };
        verify(known, token, algorithm)?;
        if tid != tenant.to_string() {
            return Err(Refusal::RealmsDiffer(tid.to_owned(), tenant.to_string()));
        }
        if !self.is_our_resource(audience) {
            return Err(Refusal::Audience(audience.to_owned(), "another resource"));
        }
        times.check(self, self.limits.actor_lifetime_max, Layer::Actor)?;
        let partner = caller
            .parse()
            .ok()
            .and_then(|app_id| self.partner(tenant, app_id))
            .ok_or_else(|| Refusal::UnknownCaller(caller.to_owned()))?;
        if partner.key_source != KeySource::TokenService {
            return Err(Refusal::WrongVoucher(issuer.to_owned(), caller.to_owned()));
        }
        if claims.has("scp") {
            return Err(Refusal::AppOnly("the token is a user's, not the application's own"));
        }
        if !self.holds_role(claims) {
            return Err(Refusal::AppOnly("the token lacks the application permission"));
        }
        check_app_only(partner)?;
        Ok(Accepted {
            tenant,
            app_id: partner.app_id,
            how: How::AppOnly,
            linked_account: partner.linked_account.clone(),
            expires: times.exp,
        })
    }

    fn holds_role(&self, claims: &Claims) -> bool {
        let roles = claims.get("roles").and_then(serde_json::Value::as_array);
        self.resource
            .app_role
            .as_ref()
            .is_none_or(|wanted| roles.is_some_and(|roles| roles.iter().any(|role| role.as_str() == Some(wanted))))
    }

    /// `https://host[:port][/]` of one of our hosts, or our application id.
    fn is_our_resource(&self, audience: &str) -> bool {
        if audience == self.resource.app_id.to_string() {
            return true;
        }
        audience
            .strip_prefix("https://")
            .map(|rest| rest.strip_suffix('/').unwrap_or(rest))
            .is_some_and(|authority| !authority.contains(['/', '@', '?', '#']) && self.is_our_host(authority))
    }
}

/// V16.
fn check_app_only(partner: &Partner) -> Result<(), Refusal> {
    if partner.trust_level == TrustLevel::User {
        return Err(Refusal::AppOnly("its trust level is User"));
    }
    if partner.linked_account.is_none() {
        return Err(Refusal::AppOnly("it has no linked account"));
    }
    Ok(())
}

/// V17. The flag is read from the signed token alone.
fn check_act_as(partner: &Partner, delegation: bool) -> Result<(), Refusal> {
    if !partner.act_as {
        return Err(Refusal::ActAs("app-asserted act-as tokens are switched off for it"));
    }
    if partner.trust_level != TrustLevel::Full {
        return Err(Refusal::ActAs("its trust level is not Full"));
    }
    if !delegation {
        return Err(Refusal::ActAs("the actor token is not trusted for delegation"));
    }
    Ok(())
}

/// V9 and V10.
fn verify(known: &IssuerKeys, token: &Compact<'_>, algorithm: Algorithm) -> Result<(), Refusal> {
    let mut named = known.keys.iter().take(ISSUER_KEYS_MAX).filter(|key| key.named_by(&token.header)).peekable();
    if named.peek().is_none() {
        let hint = token.header.x5t.as_ref().or(token.header.x5t_s256.as_ref()).or(token.header.kid.as_ref());
        return Err(Refusal::UnknownKey(hint.map_or_else(String::new, |hint| hint.chars().take(64).collect())));
    }
    let input = token.signing_input.as_bytes();
    if !token.signature.is_empty() && named.any(|key| key.verifies(algorithm, input, &token.signature)) {
        return Ok(());
    }
    Err(Refusal::Signature)
}

struct Times {
    nbf: Timestamp,
    exp: Timestamp,
}

impl Times {
    fn read(claims: &Claims, layer: Layer) -> Result<Self, Refusal> {
        let read = |name| claims.time(name).map_err(|error| Refusal::Claim(error, layer));
        Ok(Self { nbf: read("nbf")?, exp: read("exp")? })
    }

    /// V13. A lifetime may exceed the policy by the skew, since issuers date `nbf` back.
    fn check(&self, check: &Check<'_>, lifetime_max: SignedDuration, layer: Layer) -> Result<(), Refusal> {
        let skew = check.limits.skew;
        if self.nbf.duration_since(check.now) > skew {
            return Err(Refusal::Time(layer, "not yet valid"));
        }
        if check.now.duration_since(self.exp) >= skew {
            return Err(Refusal::Time(layer, "expired"));
        }
        let lifetime = self.exp.duration_since(self.nbf);
        if lifetime <= SignedDuration::ZERO {
            return Err(Refusal::Time(layer, "it ends before it begins"));
        }
        if lifetime > lifetime_max + skew {
            return Err(Refusal::Time(layer, "it lives longer than allowed here"));
        }
        Ok(())
    }
}

fn text<'c>(claims: &'c Claims, name: &'static str, layer: Layer) -> Result<Option<&'c str>, Refusal> {
    claims.optional_text(name).map_err(|error| Refusal::Claim(error, layer))
}

fn required<'c>(claims: &'c Claims, name: &'static str, layer: Layer) -> Result<&'c str, Refusal> {
    text(claims, name, layer)?.ok_or(Refusal::Claim(ClaimError::Missing(name), layer))
}

/// An application in a realm, without a host.
fn principal(claims: &Claims, name: &'static str, layer: Layer) -> Result<Principal, Refusal> {
    required(claims, name, layer)?
        .parse::<Principal>()
        .ok()
        .filter(|read| read.realm.is_some() && read.host.is_none())
        .ok_or(Refusal::NotAPrincipal(name, layer))
}

/// An audience: all three parts (MS-XOAUTH 3.2.5.6).
fn audience_of(claims: &Claims, layer: Layer) -> Result<Principal, Refusal> {
    let written = required(claims, "aud", layer)?;
    written
        .parse::<Principal>()
        .ok()
        .filter(|read| read.realm.is_some() && read.host.is_some())
        .ok_or_else(|| Refusal::Audience(written.chars().take(120).collect(), "it is not of the form name/host@realm"))
}

fn realms_differ(a: &Principal, b: &Principal) -> Refusal {
    let realm = |p: &Principal| p.realm.clone().unwrap_or_default();
    Refusal::RealmsDiffer(realm(a), realm(b))
}
