//! The signed token that names the application, and the envelope around it.

use std::borrow::Cow;

use memchr::memrchr;
use serde_json::Value;

use super::{Check, Proof, Times, required};
use crate::claims::Claims;
use crate::json::Flat;
use crate::jws::{Algorithm, Compact};
use crate::key::VerifyingKey;
use crate::principal::{Parts, Principal, TenantId};
use crate::refusal::{Layer, Refusal, Rule};
use crate::trust::{ISSUER_KEYS_MAX, Issuer, IssuerKeys, KeySource, Partner, RealmRule, Voice};

use super::trace::Observer;

/// What an actor token says: all that the rules ask of it but its signature.
#[derive(Clone, Debug)]
pub(super) struct Actor<'t> {
    pub(super) issuer: Parts<'t>,
    pub(super) times: Times,
    pub(super) delegation: bool,
    name: Parts<'t>,
    audience: Parts<'t>,
    confirmation: Option<Cow<'t, Value>>,
    /// `nameid` and `aud` as written: an envelope that repeats them is not read again.
    written: (&'t str, &'t str),
}

/// The same, kept.
#[derive(Debug)]
pub(super) struct ActorClaims {
    issuer: Principal,
    times: Times,
    delegation: bool,
    name: Principal,
    audience: Principal,
    confirmation: Option<Value>,
    written: (Box<str>, Box<str>),
}

/// What an envelope says of itself.
#[derive(Debug)]
pub(super) struct Envelope<'c> {
    pub(super) times: Times,
    issuer: Parts<'c>,
    audience: Parts<'c>,
}

/// Who vouched for an actor, after V8 to V13.
pub(super) struct Vouched<'a> {
    pub(super) issuer: &'a IssuerKeys,
    pub(super) tenant: TenantId,
    pub(super) key: Option<&'a VerifyingKey>,
}

// === impl Actor ===

impl<'t> Actor<'t> {
    /// V7.
    pub(super) fn read<O: Observer>(check: &Check<'_, O>, claims: &'t Claims) -> Result<Self, Refusal> {
        let times = Times::read(claims, Layer::Actor)?;
        let issuer = principal(claims, "iss", Layer::Actor)?;
        let name = principal(claims, "nameid", Layer::Actor)?;
        let written = (required(claims, "nameid", Layer::Actor)?, required(claims, "aud", Layer::Actor)?);
        check.passed(&[Rule::V7], Layer::Actor);
        Ok(Self {
            issuer,
            times,
            delegation: claims.flag("trustedfordelegation"),
            name,
            audience: audience_of(written.1)?,
            confirmation: confirmation(claims),
            written,
        })
    }

    pub(super) fn keep(&self) -> ActorClaims {
        ActorClaims {
            issuer: self.issuer.to_principal(),
            times: self.times,
            delegation: self.delegation,
            name: self.name.to_principal(),
            audience: self.audience.to_principal(),
            confirmation: self.confirmation.clone().map(Cow::into_owned),
            written: (self.written.0.into(), self.written.1.into()),
        }
    }
}

// === impl ActorClaims ===

impl ActorClaims {
    pub(super) fn actor(&self) -> Actor<'_> {
        Actor {
            issuer: self.issuer.parts(),
            times: self.times,
            delegation: self.delegation,
            name: self.name.parts(),
            audience: self.audience.parts(),
            confirmation: self.confirmation.as_ref().map(Cow::Borrowed),
            written: (&self.written.0, &self.written.1),
        }
    }
}

// === impl Envelope ===

impl<'c> Envelope<'c> {
    /// V7.
    pub(super) fn read<O: Observer>(check: &Check<'_, O>, claims: &'c Claims) -> Result<Self, Refusal> {
        let times = Times::read(claims, Layer::ActAs)?;
        let issuer = principal(claims, "iss", Layer::ActAs)?;
        let audience = required(claims, "aud", Layer::ActAs)?;
        check.passed(&[Rule::V7], Layer::ActAs);
        Ok(Self { times, issuer, audience: audience_of(audience)? })
    }

    /// The same, of an envelope that says the same as an actor that was read before.
    pub(super) fn read_beside<O: Observer>(
        check: &Check<'_, O>,
        claims: &'c Claims,
        actor: &Actor<'c>,
    ) -> Result<Self, Refusal> {
        let repeats = |name, other| required(claims, name, Layer::ActAs).map(|written| written == other);
        if !(repeats("iss", actor.written.0)? && repeats("aud", actor.written.1)?) {
            return Self::read(check, claims);
        }
        let times = Times::read(claims, Layer::ActAs)?;
        Ok(Self { times, issuer: actor.name, audience: actor.audience })
    }
}

// === impl Check ===

impl<'a, O: Observer> Check<'a, O> {
    /// V8 to V13 and V21 on the actor token.
    pub(super) fn actor(&self, actor: &Actor<'_>, proof: &Proof<'_, 'a>) -> Result<Vouched<'a>, Refusal> {
        let issuer = match proof {
            Proof::Remembered(issuer) => issuer,
            Proof::Signature(..) => self.issuer(&actor.issuer)?,
        };
        let key = self.verified(issuer, proof, Layer::Actor)?;
        let tenant = self.tenant(issuer, actor)?;
        self.passed(&[Rule::V11], Layer::Actor);
        self.check_audience(&actor.audience, Layer::Actor)?;
        self.check_times(&actor.times, self.judge.limits.actor_lifetime_max, Layer::Actor)?;
        self.check_possession(actor.confirmation.as_deref(), Layer::Actor)?;
        Ok(Vouched { issuer, tenant, key })
    }

    /// V11 to V14 of the envelope, against the actor that is now known.
    pub(super) fn envelope(&self, envelope: &Envelope<'_>, actor: &Actor<'_>) -> Result<(), Refusal> {
        let Envelope { times, issuer, audience } = envelope;
        let (name, actor_audience) = (actor.name, actor.audience);
        if issuer.realm != name.realm {
            return Err(realms_differ(issuer, &name));
        }
        if audience.realm != actor_audience.realm {
            return Err(realms_differ(audience, &actor_audience));
        }
        self.passed(&[Rule::V11], Layer::ActAs);
        // The actor's has just been found to be ours.
        if !audience.same_as(&actor_audience) {
            return Err(Refusal::Audience(audience.to_string(), "the actor token is for another"));
        }
        self.passed(&[Rule::V12], Layer::ActAs);
        let limits = self.judge.limits;
        times.check(limits.skew, limits.act_as_lifetime_max, self.now, Layer::ActAs)?;
        if times.exp.duration_since(actor.times.exp) > limits.skew {
            return Err(Refusal::Time(Layer::ActAs, "it outlives the actor token"));
        }
        self.passed(&[Rule::V13], Layer::ActAs);
        if *issuer != name {
            return Err(Refusal::NotBound(issuer.to_string(), name.to_string()));
        }
        self.passed(&[Rule::V14], Layer::ActAs);
        Ok(())
    }

    /// V9 and V10.
    pub(super) fn verified(
        &self,
        issuer: &'a IssuerKeys,
        proof: &Proof<'_, 'a>,
        layer: Layer,
    ) -> Result<Option<&'a VerifyingKey>, Refusal> {
        self.passed(&[Rule::V8], layer);
        let Proof::Signature(token, algorithm) = proof else { return Ok(None) };
        let named = named_keys(issuer, token)?;
        self.passed(&[Rule::V9], layer);
        let key = verify(named, token, *algorithm)?;
        self.passed(&[Rule::V10], layer);
        Ok(Some(key))
    }

    /// V13.
    pub(super) fn check_times(
        &self,
        times: &Times,
        lifetime_max: jiff::SignedDuration,
        layer: Layer,
    ) -> Result<(), Refusal> {
        times.check(self.judge.limits.skew, lifetime_max, self.now, layer)?;
        self.passed(&[Rule::V13], layer);
        Ok(())
    }

    /// V21.
    pub(super) fn check_possession(&self, confirmation: Option<&Value>, layer: Layer) -> Result<(), Refusal> {
        self.possession.check(confirmation)?;
        self.passed(&[Rule::V21], layer);
        Ok(())
    }

    /// V8. By name first, never by key.
    pub(super) fn issuer(&self, name: &Parts<'_>) -> Result<&'a IssuerKeys, Refusal> {
        let speaks = |known: &&IssuerKeys| match &known.issuer {
            Issuer::Principal(app_id, RealmRule::Any) => *app_id == name.app_id,
            Issuer::Principal(app_id, RealmRule::Exactly(realm)) => {
                *app_id == name.app_id && Some(realm.as_str()) == name.realm
            }
            Issuer::Url(..) => false,
        };
        let issuers = &self.judge.trust.issuers;
        let found = match self.judge.index {
            Some(index) => index.issuer(name).and_then(|at| issuers.get(at)).filter(speaks),
            None => issuers.iter().find(speaks),
        };
        found.ok_or_else(|| Refusal::UnknownIssuer(name.to_string()))
    }

    /// V11. One tenant for issuer, caller and audience. A partner that issues its own
    /// tokens may have a realm of its own, which then names its registration's tenant.
    fn tenant(&self, known: &IssuerKeys, actor: &Actor<'_>) -> Result<TenantId, Refusal> {
        let (issuer, name, audience) = (actor.issuer, actor.name, actor.audience);
        if issuer.realm != name.realm {
            return Err(realms_differ(&issuer, &name));
        }
        let (own, resolved) = match known.voice {
            Voice::Partner(tenant) => (issuer.realm, tenant),
            Voice::TokenService => (None, self.realm(&issuer)?),
        };
        if own.is_some() && audience.realm == own {
            return Ok(resolved);
        }
        // The same text is the same tenant.
        let same = own.is_none() && audience.realm == issuer.realm;
        if !same && self.realm(&audience)? != resolved {
            return Err(realms_differ(&issuer, &audience));
        }
        Ok(resolved)
    }

    pub(super) fn realm(&self, name: &Parts<'_>) -> Result<TenantId, Refusal> {
        let realm = name.realm.unwrap_or_default();
        self.judge.trust.realms.get(realm).copied().ok_or_else(|| Refusal::UnknownRealm(realm.to_owned()))
    }

    /// V12, but for the realm.
    pub(super) fn check_audience(&self, audience: &Parts<'_>, layer: Layer) -> Result<(), Refusal> {
        self.check_audience_host(audience)?;
        self.passed(&[Rule::V12], layer);
        Ok(())
    }

    fn check_audience_host(&self, audience: &Parts<'_>) -> Result<(), Refusal> {
        let refuse = |why| Err(Refusal::Audience(audience.to_string(), why));
        if audience.app_id != self.judge.resource.app_id {
            return refuse("another application");
        }
        match audience.host {
            Some(host) if self.is_our_host(host) => Ok(()),
            Some(_) => refuse("another host"),
            None => refuse("it names no host"),
        }
    }

    pub(super) fn is_our_host(&self, authority: &str) -> bool {
        let resource = self.judge.resource;
        let (host, port) = match memrchr(b':', authority.as_bytes()) {
            Some(at) => (&authority[..at], Some(&authority[at + 1..])),
            None => (authority, None),
        };
        let port_fits = port.is_none_or(|port| resource.port.is_some_and(|own| port == own.to_string()));
        port_fits && resource.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// V15. The partner, vouched for by the key that its registration names.
    pub(super) fn caller(&self, actor: &Actor<'_>, vouched: &Vouched<'_>) -> Result<&'a Partner, Refusal> {
        let partner = self
            .partner(vouched.tenant, actor.name.app_id)
            .ok_or_else(|| Refusal::UnknownCaller(actor.name.to_string()))?;
        let right_voice = match (&partner.key_source, vouched.issuer.voice) {
            (KeySource::TokenService, Voice::TokenService) => true,
            (KeySource::Own { realm }, Voice::Partner(_)) => {
                actor.issuer == actor.name && actor.issuer.realm == Some(realm.as_str())
            }
            _ => false,
        };
        if !right_voice {
            return Err(Refusal::WrongVoucher(actor.issuer.to_string(), actor.name.to_string()));
        }
        self.passed(&[Rule::V15], Layer::Actor);
        Ok(partner)
    }
}

/// V9.
fn named_keys<'a>(
    issuer: &'a IssuerKeys,
    token: &Compact<'_>,
) -> Result<impl Iterator<Item = &'a VerifyingKey>, Refusal> {
    let named = |key: &&VerifyingKey| key.named_by(&token.header);
    let mut keys = issuer.keys.iter().take(ISSUER_KEYS_MAX).filter(named).peekable();
    if keys.peek().is_none() {
        let hint = token.header.x5t.as_ref().or(token.header.x5t_s256.as_ref()).or(token.header.kid.as_ref());
        return Err(Refusal::UnknownKey(hint.map_or_else(String::new, |hint| hint.chars().take(64).collect())));
    }
    Ok(keys)
}

/// V10.
fn verify<'a>(
    mut named: impl Iterator<Item = &'a VerifyingKey>,
    token: &Compact<'_>,
    algorithm: Algorithm,
) -> Result<&'a VerifyingKey, Refusal> {
    if token.signature.is_empty() {
        return Err(Refusal::Signature);
    }
    let input = token.signing_input.as_bytes();
    named.find(|key| key.verifies(algorithm, input, &token.signature)).ok_or(Refusal::Signature)
}

/// `cnf`, whatever it is.
pub(super) fn confirmation(claims: &Claims) -> Option<Cow<'_, Value>> {
    match claims.flat("cnf")? {
        Flat::Other(value) => Some(Cow::Borrowed(value)),
        // No object, so it names no key.
        _ => Some(Cow::Owned(Value::Null)),
    }
}

/// An application in a realm, without a host.
fn principal<'c>(claims: &'c Claims, name: &'static str, layer: Layer) -> Result<Parts<'c>, Refusal> {
    Parts::read(required(claims, name, layer)?)
        .filter(|read| read.realm.is_some() && read.host.is_none())
        .ok_or(Refusal::NotAPrincipal(name, layer))
}

/// An audience: all three parts (MS-XOAUTH 3.2.5.6).
fn audience_of(written: &str) -> Result<Parts<'_>, Refusal> {
    Parts::read(written)
        .filter(|read| read.realm.is_some() && read.host.is_some())
        .ok_or_else(|| Refusal::Audience(written.chars().take(120).collect(), "it is not of the form name/host@realm"))
}

fn realms_differ(a: &Parts<'_>, b: &Parts<'_>) -> Refusal {
    let realm = |p: &Parts<'_>| p.realm.unwrap_or_default().to_owned();
    Refusal::RealmsDiffer(realm(a), realm(b))
}
