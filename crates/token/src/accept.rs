//! Whether a resource believes a token: the rules, in their order.

mod access;
mod actor;
mod memory;
mod trace;
mod vouched;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use self::actor::Actor;
use self::memory::Remembered;
use self::trace::{Kind, Observer, Unobserved};
use crate::claims::{ClaimError, Claims};
use crate::jws::{Algorithm, Compact, Header, Malformed, Reading, SignedBy, TOKEN_BYTES_MAX, unsigned_claims};
use crate::key::VerifyingKey;
use crate::possession::Possession;
use crate::principal::TenantId;
use crate::refusal::{Layer, Refusal, Rule};
use crate::trust::{ISSUER_KEYS_MAX, IssuerKeys, Limits, Partner, Resource, Trust, TrustIndex, TrustLevel};
use crate::user::UserClaims;

pub use self::memory::Memory;
pub use self::trace::{Outcome, Step, Trace};
pub use self::vouched::{Vouched, accept_vouched};

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

impl Accepted {
    /// How the caller came, as a stable name: `app-only`, `act-as` (asserted by the
    /// application), `sts-act-as` (signed by the token service).
    pub fn way(&self) -> &'static str {
        match &self.how {
            How::AppOnly => "app-only",
            How::ActAs(user) if user.object_id().is_some() => "sts-act-as",
            How::ActAs(_) => "act-as",
        }
    }
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
    Judge::new(resource, trust, limits).accept(token, possession, now)
}

/// All that a verdict rests on but the token and the time.
///
/// [`accept`] is this without index and memory, for those who validate now and then.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'a> {
    resource: &'a Resource,
    trust: &'a Trust,
    limits: &'a Limits,
    index: Option<&'a TrustIndex>,
    memory: Option<&'a Memory>,
}

struct Check<'a, O> {
    possession: Possession<'a>,
    judge: Judge<'a>,
    now: Timestamp,
    observer: &'a O,
}

/// What stands for a token's signature.
enum Proof<'p, 'a> {
    /// Itself, yet to be checked.
    Signature(&'p Compact<'p>, Algorithm),
    /// The same text was verified before, by a key that this issuer still has.
    Remembered(&'a IssuerKeys),
}

/// A token that is believed, and the key that verified it just now.
struct Believed<'a, A = Accepted> {
    accepted: A,
    key: Option<&'a VerifyingKey>,
}

/// What to remember, and when the token ends.
struct Ending(Timestamp, Remembered);

// === impl Judge ===

impl<'a> Judge<'a> {
    /// A judge who remembers nothing.
    pub fn new(resource: &'a Resource, trust: &'a Trust, limits: &'a Limits) -> Self {
        Self { resource, trust, limits, index: None, memory: None }
    }

    /// The same, finding issuers and partners by `index`, which was made of this trust.
    #[must_use]
    pub fn with_index(self, index: &'a TrustIndex) -> Self {
        Self { index: Some(index), ..self }
    }

    /// The same, checking the signature of no token twice.
    #[must_use]
    pub fn with_memory(self, memory: &'a Memory) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// Validates a token; see [`accept_from`].
    pub fn accept(&self, token: &str, possession: Possession<'_>, now: Timestamp) -> Result<Accepted, Refusal> {
        Check { possession, judge: *self, now, observer: &Unobserved }.token(token)
    }

    /// Validates a token by the same rules, and keeps what became of each. The memory is
    /// neither asked nor filled.
    pub fn trace(&self, token: &str, possession: Possession<'_>, now: Timestamp) -> Trace {
        let judge = Self { memory: None, ..*self };
        Trace::of(|observer| Check { possession, judge, now, observer }.token(token))
    }
}

fn check_type(header: &Header) -> Result<(), Refusal> {
    match &header.typ {
        Some(typ) if typ.eq_ignore_ascii_case("JWT") => Ok(()),
        other => Err(Refusal::Type(other.clone().unwrap_or_default())),
    }
}

// === impl Check ===

impl<'a, O: Observer> Check<'a, O> {
    fn token(&self, token: &str) -> Result<Accepted, Refusal> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::Malformed(Malformed::TooLong(token.len())));
        }
        // An envelope ends in a dot: it has no signature, and is never remembered itself.
        if token.ends_with('.') {
            if let Some(claims) = unsigned_claims(token).filter(|claims| claims.has("actortoken") && !claims.has("act"))
            {
                return self.act_as(&claims);
            }
        } else if let Some((known, issuer)) = self.remembered(token) {
            return match &*known {
                Remembered::AccessToken(claims) => self.access_token(claims, &Proof::Remembered(issuer)),
                Remembered::ActAs(claims) => self.issued_act_as(claims, &Proof::Remembered(issuer)),
                Remembered::Actor(claims) => self.app_only(&claims.actor(), &Proof::Remembered(issuer)),
            }
            .map(|believed| believed.accepted);
        }
        let outer = Compact::parse(token, Reading::Strict).map_err(Refusal::Malformed)?;
        if access::is_typed(&outer.header) {
            return self.typed(token, outer);
        }
        check_type(&outer.header)?;
        if outer.claims.has("act") {
            return Err(Refusal::Shape("an acting application in a token that is not of the type for it"));
        }
        match (&outer.header.signed_by, outer.claims.has("actortoken")) {
            (SignedBy::Nothing, true) if outer.signature.is_empty() => self.act_as(&outer.claims),
            (SignedBy::Nothing, true) => Err(Refusal::Shape("`none` with a signature")),
            (SignedBy::Nothing, false) => Err(Refusal::Shape("unsigned without an actor token")),
            (SignedBy::Unknown(name), _) => Err(Refusal::Algorithm(name.clone())),
            (SignedBy::Algorithm(_), true) => Err(Refusal::Shape("an actor token under a signature")),
            (SignedBy::Algorithm(algorithm), false) => {
                if outer.claims.has("actor") {
                    return Err(Refusal::Shape("a token of a user and an application"));
                }
                let algorithm = *algorithm;
                self.alone(token, outer, algorithm)
            }
        }
    }

    /// A signed token by itself, of either kind of token service.
    fn alone(&self, text: &str, token: Compact<'_>, algorithm: Algorithm) -> Result<Accepted, Refusal> {
        self.observer.kind(Kind::AppOnly);
        self.passed(&[Rule::V1, Rule::V3, Rule::V4, Rule::V5], Layer::Actor);
        let proof = Proof::Signature(&token, algorithm);
        if required(&token.claims, "iss", Layer::Actor)?.starts_with("https://") {
            let believed = self.access_token(&token.claims, &proof)?;
            return Ok(self
                .remember(text, believed, |accepted| Ending(accepted.expires, Remembered::AccessToken(token.claims))));
        }
        let actor = Actor::read(self, &token.claims)?;
        let believed = self.app_only(&actor, &proof)?;
        Ok(self.remember(text, believed, |_| Ending(actor.times.exp, Remembered::Actor(Box::new(actor.keep())))))
    }

    /// An act-as token that the token service signed.
    fn typed(&self, text: &str, token: Compact<'_>) -> Result<Accepted, Refusal> {
        self.observer.kind(Kind::IssuedActAs);
        let algorithm = self.typed_by(&token)?;
        let believed = self.issued_act_as(&token.claims, &Proof::Signature(&token, algorithm))?;
        Ok(self.remember(text, believed, |accepted| Ending(accepted.expires, Remembered::ActAs(token.claims))))
    }

    /// V5 of a token with explicit type: what signed it.
    fn typed_by(&self, token: &Compact<'_>) -> Result<Algorithm, Refusal> {
        self.passed(&[Rule::V1, Rule::V3, Rule::V4], Layer::ActAs);
        let algorithm = match &token.header.signed_by {
            SignedBy::Algorithm(algorithm) => *algorithm,
            SignedBy::Nothing => return Err(Refusal::Shape("an act-as token without signature and actor token")),
            SignedBy::Unknown(name) => return Err(Refusal::Algorithm(name.clone())),
        };
        if token.claims.has("actortoken") || token.claims.has("actor") {
            return Err(Refusal::Shape("an actor token under a signature"));
        }
        self.passed(&[Rule::V5], Layer::ActAs);
        Ok(algorithm)
    }

    fn app_only(&self, actor: &Actor<'_>, proof: &Proof<'_, 'a>) -> Result<Believed<'a>, Refusal> {
        let vouched = self.actor(actor, proof)?;
        let partner = self.caller(actor, &vouched)?;
        check_app_only(partner)?;
        self.passed(&[Rule::V16], Layer::Actor);
        let accepted = Accepted {
            tenant: partner.tenant,
            app_id: partner.app_id,
            how: How::AppOnly,
            linked_account: partner.linked_account.clone(),
            expires: actor.times.exp,
        };
        Ok(Believed { accepted, key: vouched.key })
    }

    fn act_as(&self, outer: &Claims) -> Result<Accepted, Refusal> {
        self.observer.kind(Kind::ActAs);
        self.passed(&[Rule::V1, Rule::V3, Rule::V4], Layer::ActAs);
        let text = outer.text("actortoken").map_err(|_| Refusal::Shape("the actor token is not a string"))?;
        self.passed(&[Rule::V5], Layer::ActAs);
        if let Some((known, issuer)) = self.remembered(text)
            && let Remembered::Actor(claims) = &*known
        {
            let actor = claims.actor();
            let envelope = actor::Envelope::read_beside(self, outer, &actor)?;
            return self
                .wrapped(outer, &envelope, &actor, &Proof::Remembered(issuer))
                .map(|believed| believed.accepted);
        }
        let inner = Compact::parse(text, Reading::Strict).map_err(Refusal::Malformed)?;
        self.passed(&[Rule::V3], Layer::Actor);
        check_type(&inner.header)?;
        self.passed(&[Rule::V4], Layer::Actor);
        let algorithm = match &inner.header.signed_by {
            SignedBy::Algorithm(algorithm) => *algorithm,
            SignedBy::Nothing => return Err(Refusal::Nesting("the actor token is unsigned")),
            SignedBy::Unknown(name) => return Err(Refusal::Algorithm(name.clone())),
        };
        self.passed(&[Rule::V5], Layer::Actor);
        if ["actortoken", "actor", "act"].iter().any(|name| inner.claims.has(name)) {
            return Err(Refusal::Nesting("an actor inside the actor token"));
        }
        self.passed(&[Rule::V6], Layer::Actor);
        let envelope = actor::Envelope::read(self, outer)?;
        let actor = Actor::read(self, &inner.claims)?;
        let believed = self.wrapped(outer, &envelope, &actor, &Proof::Signature(&inner, algorithm))?;
        Ok(self.remember(text, believed, |_| Ending(actor.times.exp, Remembered::Actor(Box::new(actor.keep())))))
    }

    /// An envelope and its actor: V8 to V13 of the actor, V11 to V14 of the envelope
    /// against it, and what the partner may.
    fn wrapped(
        &self,
        outer: &Claims,
        envelope: &actor::Envelope<'_>,
        actor: &Actor<'_>,
        proof: &Proof<'_, 'a>,
    ) -> Result<Believed<'a>, Refusal> {
        let vouched = self.actor(actor, proof)?;
        self.envelope(envelope, actor)?;
        let partner = self.caller(actor, &vouched)?;
        check_act_as(partner, actor.delegation)?;
        self.passed(&[Rule::V17], Layer::Actor);
        let user = UserClaims::read(outer, partner.accept_sids)?;
        self.passed(&[Rule::V18], Layer::ActAs);
        let accepted = Accepted {
            tenant: partner.tenant,
            app_id: partner.app_id,
            how: How::ActAs(user),
            linked_account: None,
            expires: envelope.times.exp.min(actor.times.exp),
        };
        Ok(Believed { accepted, key: vouched.key })
    }

    /// The same text, verified before by a key that its issuer still has. Everything but
    /// reading it and checking its signature is still to be done.
    fn remembered(&self, text: &str) -> Option<(memory::Known, &'a IssuerKeys)> {
        let known = self.judge.memory?.get(text)?;
        let issuer = match &*known {
            Remembered::Actor(claims) => self.issuer(&claims.actor().issuer).ok()?,
            Remembered::AccessToken(claims) | Remembered::ActAs(claims) => self.issuer_at(claims.text("iss").ok()?)?.0,
        };
        let still = |key: &VerifyingKey| key.x5t_s256() == known.verified_by();
        issuer.keys.iter().take(ISSUER_KEYS_MAX).any(still).then_some((known, issuer))
    }

    fn remember<A>(&self, text: &str, believed: Believed<'_, A>, what: impl FnOnce(&A) -> Ending) -> A {
        let Believed { accepted, key } = believed;
        if let (Some(memory), Some(key)) = (self.judge.memory, key) {
            let Ending(ends, what) = what(&accepted);
            memory.put(text, what, key.x5t_s256(), ends, self.now);
        }
        accepted
    }

    fn partner(&self, tenant: TenantId, app_id: Uuid) -> Option<&'a Partner> {
        let trust = self.judge.trust;
        let fits = |partner: &&Partner| partner.tenant == tenant && partner.app_id == app_id && partner.enabled;
        match self.judge.index {
            Some(index) => trust.partners.get(index.partner(tenant, app_id)?).filter(fits),
            None => trust.partners.iter().find(fits),
        }
    }

    fn passed(&self, rules: &[Rule], layer: Layer) {
        self.observer.passed(rules, layer);
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

#[derive(Clone, Copy, Debug)]
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
    fn check(
        &self,
        skew: SignedDuration,
        lifetime_max: SignedDuration,
        now: Timestamp,
        layer: Layer,
    ) -> Result<(), Refusal> {
        if self.nbf.duration_since(now) > skew {
            return Err(Refusal::Time(layer, "not yet valid"));
        }
        if now.duration_since(self.exp) >= skew {
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
