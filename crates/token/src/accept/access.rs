//! Access tokens of an OpenID-style token service, whose `iss` is a URL: an application
//! as itself (typ `JWT`), and an application acting as a user (typ `at+jwt`, RFC 9068,
//! with `act`, RFC 8693 §4.1). The two are told apart by `typ` and by `act`, and neither
//! is taken for the other (RFC 8725 §3.11, §3.12).

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Accepted, Check, How, Times, Vouched, check_app_only, required, text, verify};
use crate::claims::{ClaimError, Claims};
use crate::jws::{Algorithm, Compact, Header, SignedBy};
use crate::principal::{Principal, TenantId};
use crate::refusal::{Layer, Refusal};
use crate::trust::{Issuer, IssuerKeys, KeySource, Partner, TrustLevel};
use crate::user::UserClaims;

/// Whether the header is that of an access token with explicit type (RFC 9068 §4).
pub(super) fn is_typed(header: &Header) -> bool {
    let named = |typ: &str| ["at+jwt", "application/at+jwt"].iter().any(|own| typ.eq_ignore_ascii_case(own));
    header.typ.as_deref().is_some_and(named)
}

/// A signed token after V7 to V13.
struct Issued<'a> {
    tenant: TenantId,
    issuer: String,
    times: Times,
    known: &'a IssuerKeys,
}

// === impl Check ===

impl<'a> Check<'a> {
    /// `iss` is a URL, `tid` the tenant, `appid` or `azp` the application, which calls as
    /// itself.
    pub(super) fn access_token(&self, token: &Compact<'_>, algorithm: Algorithm) -> Result<Accepted, Refusal> {
        let claims = &token.claims;
        let caller = match text(claims, "appid", Layer::Actor)? {
            Some(caller) => caller,
            None => required(claims, "azp", Layer::Actor)?,
        };
        let issued = self.issued(token, algorithm, Layer::Actor)?;
        let partner = self.partner_of(&issued, caller)?;
        if claims.has("scp") {
            return Err(Refusal::AppOnly("the token is a user's, not the application's own"));
        }
        if !self.holds_role(claims) {
            return Err(Refusal::AppOnly("the token lacks the application permission"));
        }
        check_app_only(partner)?;
        Ok(Accepted {
            tenant: issued.tenant,
            app_id: partner.app_id,
            how: How::AppOnly,
            linked_account: partner.linked_account.clone(),
            expires: issued.times.exp,
        })
    }

    /// As [`Check::access_token`], for a resource that looks up its callers by itself: V15
    /// and V16 are left to it.
    pub(super) fn vouched_alone(&self, token: &Compact<'_>, algorithm: Algorithm) -> Result<Vouched, Refusal> {
        let claims = &token.claims;
        let caller = match text(claims, "appid", Layer::Actor)? {
            Some(caller) => caller,
            None => required(claims, "azp", Layer::Actor)?,
        };
        let object = required(claims, "oid", Layer::Actor)?;
        let issued = self.issued(token, algorithm, Layer::Actor)?;
        if claims.has("scp") {
            return Err(Refusal::AppOnly("the token is a user's, not the application's own"));
        }
        let roles = claims.get("roles").and_then(Value::as_array).into_iter().flatten();
        Ok(Vouched {
            tenant: issued.tenant,
            app_id: id_of(caller)?,
            object_id: id_of(object)?,
            how: How::AppOnly,
            permissions: roles.filter_map(Value::as_str).map(str::to_owned).collect(),
            expires: issued.times.exp,
        })
    }

    /// One signed token of a user and, in `act`, the application that acts as the user.
    /// The token service has judged who may act as whom; here it is whether this
    /// resource lets it.
    pub(super) fn issued_act_as(&self, token: &Compact<'_>) -> Result<Accepted, Refusal> {
        let (issued, actor) = self.acting(token)?;
        if token.claims.has("scp") {
            return Err(Refusal::ActAs("the token is confined to permissions of another resource"));
        }
        let partner = self.partner_of(&issued, actor)?;
        check_issued_act_as(partner)?;
        let object_id = user_of(&token.claims)?;
        Ok(Accepted {
            tenant: issued.tenant,
            app_id: partner.app_id,
            how: How::ActAs(UserClaims::read(&token.claims, partner.accept_sids)?.of(object_id)),
            linked_account: None,
            expires: issued.times.exp,
        })
    }

    /// As [`Check::issued_act_as`], for a resource that looks up its callers by itself: V15
    /// and V17 are left to it. The token says in `scp` what the application may do.
    pub(super) fn vouched_act_as(&self, token: &Compact<'_>) -> Result<Vouched, Refusal> {
        let claims = &token.claims;
        let (issued, actor) = self.acting(token)?;
        let object = claims.get("act").and_then(|act| act.get("oid")).and_then(Value::as_str);
        let object = object.ok_or(Refusal::Claim(ClaimError::Missing("act.oid"), Layer::ActAs))?;
        let scopes = text(claims, "scp", Layer::ActAs)?.unwrap_or_default();
        let user = user_of(claims)?;
        Ok(Vouched {
            tenant: issued.tenant,
            app_id: id_of(actor)?,
            object_id: id_of(object)?,
            how: How::ActAs(UserClaims::read(claims, false)?.of(user)),
            permissions: scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            expires: issued.times.exp,
        })
    }

    /// A token of a user and an application after V7 to V14, and the application's name.
    fn acting<'t>(&self, token: &'t Compact<'_>) -> Result<(Issued<'a>, &'t str), Refusal> {
        let algorithm = match &token.header.signed_by {
            SignedBy::Algorithm(algorithm) => *algorithm,
            SignedBy::Nothing => return Err(Refusal::Shape("an act-as token without signature and actor token")),
            SignedBy::Unknown(name) => return Err(Refusal::Algorithm(name.clone())),
        };
        let claims = &token.claims;
        if claims.has("actortoken") || claims.has("actor") {
            return Err(Refusal::Shape("an actor token under a signature"));
        }
        let actor = actor_of(claims)?;
        let client = required(claims, "client_id", Layer::ActAs)?;
        for name in ["sub", "oid", "jti"] {
            required(claims, name, Layer::ActAs)?;
        }
        claims.time("iat").map_err(|error| Refusal::Claim(error, Layer::ActAs))?;
        let issued = self.issued(token, algorithm, Layer::ActAs)?;
        if actor != client {
            return Err(Refusal::NotBound(client.to_owned(), actor.to_owned()));
        }
        Ok((issued, actor))
    }

    /// V7 to V13 on a token whose `iss` is a URL.
    fn issued(&self, token: &Compact<'_>, algorithm: Algorithm, layer: Layer) -> Result<Issued<'a>, Refusal> {
        let claims = &token.claims;
        let times = Times::read(claims, layer)?;
        let issuer = required(claims, "iss", layer)?;
        let audience = required(claims, "aud", layer)?;
        let tid = required(claims, "tid", layer)?;
        let known = self.trust.issuers.iter().find_map(|known| match &known.issuer {
            Issuer::Url(url, tenant) if url == issuer => Some((known, *tenant)),
            _ => None,
        });
        let Some((known, tenant)) = known else { return Err(Refusal::UnknownIssuer(issuer.to_owned())) };
        verify(known, token, algorithm)?;
        if tid != tenant.to_string() {
            return Err(Refusal::RealmsDiffer(tid.to_owned(), tenant.to_string()));
        }
        self.check_audience_of(audience, tenant, layer)?;
        times.check(self, self.limits.actor_lifetime_max, layer)?;
        self.possession.check(claims)?;
        Ok(Issued { tenant, issuer: issuer.to_owned(), times, known })
    }

    /// V12. A URI or our application id; of an act-as token also `appid/host@realm`,
    /// which names one host among those that share a wildcard name.
    fn check_audience_of(&self, audience: &str, tenant: TenantId, layer: Layer) -> Result<(), Refusal> {
        if let (Layer::ActAs, Ok(name @ Principal { host: Some(_), realm: Some(_), .. })) = (layer, audience.parse()) {
            return match self.realm(&name)? {
                realm if realm == tenant => self.check_audience(&name),
                other => Err(Refusal::RealmsDiffer(other.to_string(), tenant.to_string())),
            };
        }
        if self.is_our_resource(audience) {
            Ok(())
        } else {
            Err(Refusal::Audience(audience.chars().take(120).collect(), "another resource"))
        }
    }

    /// V15.
    fn partner_of(&self, issued: &Issued<'a>, caller: &str) -> Result<&'a Partner, Refusal> {
        let partner = Uuid::try_parse(caller)
            .ok()
            .and_then(|app_id| self.partner(issued.tenant, app_id))
            .ok_or_else(|| Refusal::UnknownCaller(caller.chars().take(120).collect()))?;
        let by_token_service = issued.known.voice == crate::trust::Voice::TokenService;
        if partner.key_source != KeySource::TokenService || !by_token_service {
            return Err(Refusal::WrongVoucher(issued.issuer.clone(), caller.to_owned()));
        }
        Ok(partner)
    }

    fn holds_role(&self, claims: &Claims) -> bool {
        let roles = claims.get("roles").and_then(Value::as_array);
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

/// `act.sub`. An actor inside the actor is history (RFC 8693 §4.1), which our token
/// service never writes.
fn actor_of(claims: &Claims) -> Result<&str, Refusal> {
    let actor: &Map<String, Value> = match claims.get("act") {
        Some(Value::Object(actor)) => actor,
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
fn user_of(claims: &Claims) -> Result<Uuid, Refusal> {
    let object = required(claims, "oid", Layer::ActAs)?;
    let subject = required(claims, "sub", Layer::ActAs)?;
    Uuid::try_parse(object)
        .ok()
        .filter(|_| object == subject)
        .ok_or(Refusal::User("its object id and subject are not one id"))
}

/// An application's or a principal's id.
fn id_of(text: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(text).map_err(|_| Refusal::UnknownCaller(text.chars().take(120).collect()))
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
