//! Whether a resource believes a token: the rules, in their order.

mod access;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::claims::{ClaimError, Claims};
use crate::jws::{Algorithm, Compact, Header, Reading, SignedBy};
use crate::possession::Possession;
use crate::principal::{Principal, TenantId};
use crate::refusal::{Layer, Refusal};
use crate::trust::{
    ISSUER_KEYS_MAX, Issuer, IssuerKeys, KeySource, Limits, Partner, RealmRule, Resource, Trust, TrustLevel, Voice,
};
use crate::user::UserClaims;

/// How the caller came.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// As a user: asserted by the application in an unsigned envelope, or named in one
    /// token that the token service signed.
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

/// A token that the token service vouches for, at a resource which knows every application
/// of the directory, and no partners: Graph.
///
/// The application is still only named: look it up by both of its ids in the tenant. So is
/// the user of an act-as token, as in [`Accepted`].
#[derive(Clone, Debug)]
pub struct Vouched {
    /// The tenant it is good for.
    pub tenant: TenantId,
    /// The calling application.
    pub app_id: Uuid,
    /// The object id of its principal in the tenant.
    pub object_id: Uuid,
    /// As whom.
    pub how: How,
    /// What the token allows: `roles` of an application, `scp` of one that acts as a user.
    pub permissions: Vec<String>,
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
    accept_from(token, Possession::default(), resource, trust, limits, now)
}

/// As [`accept`], for a caller that proved to hold a key.
pub fn accept_from(
    token: &str,
    possession: Possession<'_>,
    resource: &Resource,
    trust: &Trust,
    limits: &Limits,
    now: Timestamp,
) -> Result<Accepted, Refusal> {
    let check = Check { possession, resource, trust, limits, now };
    let outer = Compact::parse(token, Reading::Strict).map_err(Refusal::Malformed)?;
    if access::is_typed(&outer.header) {
        return check.issued_act_as(&outer);
    }
    check_type(&outer.header)?;
    if outer.claims.has("act") {
        return Err(Refusal::Shape("an acting application in a token that is not of the type for it"));
    }
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

/// Validates a token of an OpenID-style token service for a resource that looks up its
/// callers in the directory by itself: every rule but V15 to V17, which are about partners.
/// Unsigned envelopes and tokens of partners' own making are refused.
pub fn accept_vouched(
    token: &str,
    possession: Possession<'_>,
    resource: &Resource,
    trust: &Trust,
    limits: &Limits,
    now: Timestamp,
) -> Result<Vouched, Refusal> {
    let check = Check { possession, resource, trust, limits, now };
    let token = Compact::parse(token, Reading::Strict).map_err(Refusal::Malformed)?;
    if access::is_typed(&token.header) {
        return check.vouched_act_as(&token);
    }
    check_type(&token.header)?;
    if ["act", "actor", "actortoken"].iter().any(|name| token.claims.has(name)) {
        return Err(Refusal::Shape("a token of an acting application that is not of the type for it"));
    }
    match &token.header.signed_by {
        SignedBy::Algorithm(algorithm) => check.vouched_alone(&token, *algorithm),
        SignedBy::Nothing => Err(Refusal::Shape("it is unsigned")),
        SignedBy::Unknown(name) => Err(Refusal::Algorithm(name.clone())),
    }
}

fn check_type(header: &Header) -> Result<(), Refusal> {
    match &header.typ {
        Some(typ) if typ.eq_ignore_ascii_case("JWT") => Ok(()),
        other => Err(Refusal::Type(other.clone().unwrap_or_default())),
    }
}

struct Check<'a> {
    possession: Possession<'a>,
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
        if ["actortoken", "actor", "act"].iter().any(|name| inner.claims.has(name)) {
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
        self.possession.check(claims)?;
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
