//! Access tokens of an OpenID-style token service, whose `iss` is a URL: an application
//! as itself (typ `JWT`), and an application acting as a user (typ `at+jwt`, RFC 9068,
//! with `act`, RFC 8693 §4.1). The two are told apart by `typ` and by `act`, and neither
//! is taken for the other (RFC 8725 §3.11, §3.12).

use serde_json::{Map, Value};
use uuid::Uuid;

use super::actor::confirmation;
use super::trace::Observer;
use super::{Accepted, Believed, Check, How, Proof, Times, check_app_only, required, text};
use crate::claims::{ClaimError, Claims};
use crate::json::Flat;
use crate::jws::Header;
use crate::key::VerifyingKey;
use crate::principal::{Parts, TenantId};
use crate::refusal::{Layer, Refusal, Rule};
use crate::trust::{Issuer, IssuerKeys, KeySource, Partner, TrustLevel};
use crate::user::UserClaims;

/// Whether the header is that of an access token with explicit type (RFC 9068 §4).
pub(super) fn is_typed(header: &Header) -> bool {
    let named = |typ: &str| ["at+jwt", "application/at+jwt"].iter().any(|own| typ.eq_ignore_ascii_case(own));
    header.typ.as_deref().is_some_and(named)
}

/// A signed token after V7 to V13.
pub(super) struct Issued<'a> {
    pub(super) tenant: TenantId,
    pub(super) times: Times,
    known: &'a IssuerKeys,
    pub(super) key: Option<&'a VerifyingKey>,
}

// === impl Check ===

impl<'a, O: Observer> Check<'a, O> {
    /// `iss` is a URL, `tid` the tenant, `appid` or `azp` the application, which calls as
    /// itself.
    pub(super) fn access_token(&self, claims: &Claims, proof: &Proof<'_, 'a>) -> Result<Believed<'a>, Refusal> {
        let caller = caller_of(claims)?;
        let issued = self.issued(claims, proof, Layer::Actor)?;
        let partner = self.partner_of(&issued, caller, Layer::Actor)?;
        if claims.has("scp") {
            return Err(Refusal::AppOnly("the token is a user's, not the application's own"));
        }
        if !self.holds_role(claims) {
            return Err(Refusal::AppOnly("the token lacks the application permission"));
        }
        check_app_only(partner)?;
        self.passed(&[Rule::V16], Layer::Actor);
        let accepted = Accepted {
            tenant: issued.tenant,
            app_id: partner.app_id,
            how: How::AppOnly,
            linked_account: partner.linked_account.clone(),
            expires: issued.times.exp,
        };
        Ok(Believed { accepted, key: issued.key })
    }

    /// One signed token of a user and, in `act`, the application that acts as the user.
    /// The token service has judged who may act as whom; here it is whether this
    /// resource lets it.
    pub(super) fn issued_act_as(&self, claims: &Claims, proof: &Proof<'_, 'a>) -> Result<Believed<'a>, Refusal> {
        let (issued, actor) = self.acting(claims, proof)?;
        let partner = self.partner_of(&issued, actor, Layer::ActAs)?;
        if claims.has("scp") {
            return Err(Refusal::ActAs("the token is confined to permissions of another resource"));
        }
        check_issued_act_as(partner)?;
        self.passed(&[Rule::V17], Layer::ActAs);
        let user = UserClaims::read(claims, partner.accept_sids)?.of(user_of(claims)?);
        self.passed(&[Rule::V18], Layer::ActAs);
        let accepted = Accepted {
            tenant: issued.tenant,
            app_id: partner.app_id,
            how: How::ActAs(user),
            linked_account: None,
            expires: issued.times.exp,
        };
        Ok(Believed { accepted, key: issued.key })
    }

    /// A token of a user and an application after V7 to V14, and the application's name.
    pub(super) fn acting<'t>(
        &self,
        claims: &'t Claims,
        proof: &Proof<'_, 'a>,
    ) -> Result<(Issued<'a>, &'t str), Refusal> {
        let actor = actor_of(claims)?;
        let client = required(claims, "client_id", Layer::ActAs)?;
        for name in ["sub", "oid", "jti"] {
            required(claims, name, Layer::ActAs)?;
        }
        claims.time("iat").map_err(|error| Refusal::Claim(error, Layer::ActAs))?;
        self.passed(&[Rule::V6], Layer::ActAs);
        let issued = self.issued(claims, proof, Layer::ActAs)?;
        if actor != client {
            return Err(Refusal::NotBound(client.to_owned(), actor.to_owned()));
        }
        self.passed(&[Rule::V14], Layer::ActAs);
        Ok((issued, actor))
    }

    /// V7 to V13 on a token whose `iss` is a URL.
    pub(super) fn issued(&self, claims: &Claims, proof: &Proof<'_, 'a>, layer: Layer) -> Result<Issued<'a>, Refusal> {
        let times = Times::read(claims, layer)?;
        let issuer = required(claims, "iss", layer)?;
        let audience = required(claims, "aud", layer)?;
        let tid = required(claims, "tid", layer)?;
        self.passed(&[Rule::V7], layer);
        let Some((known, tenant)) = self.issuer_at(issuer) else {
            return Err(Refusal::UnknownIssuer(issuer.to_owned()));
        };
        let key = self.verified(known, proof, layer)?;
        if tid != tenant.0.hyphenated().encode_lower(&mut [0; 36]) {
            return Err(Refusal::RealmsDiffer(tid.to_owned(), tenant.to_string()));
        }
        self.check_audience_of(audience, tenant, layer)?;
        self.check_times(&times, self.judge.limits.actor_lifetime_max, layer)?;
        self.check_possession(confirmation(claims).as_deref(), layer)?;
        Ok(Issued { tenant, times, known, key })
    }

    /// V8, by URL.
    pub(super) fn issuer_at(&self, url: &str) -> Option<(&'a IssuerKeys, TenantId)> {
        let is_it = |known: &'a IssuerKeys| match &known.issuer {
            Issuer::Url(own, tenant) if own == url => Some((known, *tenant)),
            _ => None,
        };
        let issuers = &self.judge.trust.issuers;
        match self.judge.index {
            Some(index) => index.issuer_at(url).and_then(|at| issuers.get(at)).and_then(is_it),
            None => issuers.iter().find_map(is_it),
        }
    }

    /// V12. A URI or our application id; of an act-as token also `appid/host@realm`,
    /// which names one host among those that share a wildcard name.
    fn check_audience_of(&self, audience: &str, tenant: TenantId, layer: Layer) -> Result<(), Refusal> {
        if let (Layer::ActAs, Some(name @ Parts { host: Some(_), realm: Some(_), .. })) = (layer, Parts::read(audience))
        {
            return match self.realm(&name)? {
                realm if realm == tenant => {
                    self.passed(&[Rule::V11], layer);
                    self.check_audience(&name, layer)
                }
                other => Err(Refusal::RealmsDiffer(other.to_string(), tenant.to_string())),
            };
        }
        self.passed(&[Rule::V11], layer);
        if !self.is_our_resource(audience) {
            return Err(Refusal::Audience(audience.chars().take(120).collect(), "another resource"));
        }
        self.passed(&[Rule::V12], layer);
        Ok(())
    }

    /// V15.
    fn partner_of(&self, issued: &Issued<'a>, caller: &str, layer: Layer) -> Result<&'a Partner, Refusal> {
        let partner = Uuid::try_parse(caller)
            .ok()
            .and_then(|app_id| self.partner(issued.tenant, app_id))
            .ok_or_else(|| Refusal::UnknownCaller(caller.chars().take(120).collect()))?;
        let by_token_service = issued.known.voice == crate::trust::Voice::TokenService;
        if partner.key_source != KeySource::TokenService || !by_token_service {
            let Issuer::Url(url, _) = &issued.known.issuer else {
                return Err(Refusal::UnknownCaller(caller.to_owned()));
            };
            return Err(Refusal::WrongVoucher(url.clone(), caller.to_owned()));
        }
        self.passed(&[Rule::V15], layer);
        Ok(partner)
    }

    fn holds_role(&self, claims: &Claims) -> bool {
        let role = self.judge.resource.app_role.as_deref();
        role.is_none_or(|wanted| roles(claims).any(|role| role == wanted))
    }

    /// `https://host[:port][/]` of one of our hosts, or our application id.
    fn is_our_resource(&self, audience: &str) -> bool {
        if audience == self.judge.resource.app_id.hyphenated().encode_lower(&mut [0; 36]) {
            return true;
        }
        audience
            .strip_prefix("https://")
            .map(|rest| rest.strip_suffix('/').unwrap_or(rest))
            .is_some_and(|authority| !authority.contains(['/', '@', '?', '#']) && self.is_our_host(authority))
    }
}

/// The application that calls as itself: `appid`, or `azp` in newer tokens.
pub(super) fn caller_of(claims: &Claims) -> Result<&str, Refusal> {
    match text(claims, "appid", Layer::Actor)? {
        Some(caller) => Ok(caller),
        None => required(claims, "azp", Layer::Actor),
    }
}

/// The application permissions that the token names.
pub(super) fn roles(claims: &Claims) -> impl Iterator<Item = &str> {
    let roles = match claims.flat("roles") {
        Some(Flat::Other(Value::Array(roles))) => roles.as_slice(),
        _ => &[],
    };
    roles.iter().filter_map(Value::as_str)
}

/// `act.sub`. An actor inside the actor is history (RFC 8693 §4.1), which our token
/// service never writes.
fn actor_of(claims: &Claims) -> Result<&str, Refusal> {
    let actor: &Map<String, Value> = match claims.flat("act") {
        Some(Flat::Other(Value::Object(actor))) => actor,
        Some(_) => return Err(Refusal::Claim(ClaimError::WrongType("act"), Layer::ActAs)),
        None => return Err(Refusal::Claim(ClaimError::Missing("act"), Layer::ActAs)),
    };
    if actor.contains_key("act") {
        return Err(Refusal::Nesting("an actor inside the actor"));
    }
    match actor.get("sub") {
        Some(Value::String(name)) => Ok(name),
        Some(_) => Err(Refusal::Claim(ClaimError::WrongType("act.sub"), Layer::ActAs)),
        None => Err(Refusal::Claim(ClaimError::Missing("act.sub"), Layer::ActAs)),
    }
}

/// The user's object id: `sub` and `oid`, which are one.
pub(super) fn user_of(claims: &Claims) -> Result<Uuid, Refusal> {
    let object = required(claims, "oid", Layer::ActAs)?;
    let subject = required(claims, "sub", Layer::ActAs)?;
    Uuid::try_parse(object)
        .ok()
        .filter(|_| object == subject)
        .ok_or(Refusal::User("its object id and subject are not one id"))
}

/// V17.
fn check_issued_act_as(partner: &Partner) -> Result<(), Refusal> {
    if !partner.sts_issued_act_as {
        return Err(Refusal::ActAs("act-as tokens of the token service are switched off for it"));
    }
    if partner.trust_level != TrustLevel::Full {
        return Err(Refusal::ActAs("its trust level is not Full"));
    }
    Ok(())
}
