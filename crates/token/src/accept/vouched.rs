//! Tokens of an OpenID-style token service at a resource which knows every application of
//! the directory, and no partners: Graph.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::access::{self, caller_of, roles, user_of};
use super::memory::Remembered;
use super::trace::{Observer, Unobserved};
use super::{Believed, Check, Ending, How, Judge, Proof, check_type, required, text};
use crate::claims::{ClaimError, Claims};
use crate::json::Flat;
use crate::jws::{Compact, Reading, SignedBy};
use crate::possession::Possession;
use crate::principal::TenantId;
use crate::refusal::{Layer, Refusal};
use crate::trust::{Limits, Resource, Trust};
use crate::user::UserClaims;

/// A token that the token service vouches for, at a resource which knows every application
/// of the directory, and no partners: Graph.
///
/// The application is still only named: look it up by both of its ids in the tenant. So is
/// the user of an act-as token, as in [`super::Accepted`].
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
    Judge::new(resource, trust, limits).accept_vouched(token, possession, now)
}

// === impl Judge ===

impl Judge<'_> {
    /// Validates a token for a resource that looks up its callers by itself; see
    /// [`accept_vouched`].
    pub fn accept_vouched(&self, token: &str, possession: Possession<'_>, now: Timestamp) -> Result<Vouched, Refusal> {
        Check { possession, judge: *self, now, observer: &Unobserved }.vouched(token)
    }
}

// === impl Check ===

impl<'a, O: Observer> Check<'a, O> {
    fn vouched(&self, text: &str) -> Result<Vouched, Refusal> {
        if let Some((known, issuer)) = self.remembered(text) {
            let proof = Proof::Remembered(issuer);
            match &*known {
                Remembered::AccessToken(claims) => return self.vouched_alone(claims, &proof).map(|b| b.accepted),
                Remembered::ActAs(claims) => return self.vouched_act_as(claims, &proof).map(|b| b.accepted),
                // Of a partner's world: refused below.
                Remembered::Actor(_) => {}
            }
        }
        let token = Compact::parse(text, Reading::Strict).map_err(Refusal::Malformed)?;
        if access::is_typed(&token.header) {
            let algorithm = self.typed_by(&token)?;
            let believed = self.vouched_act_as(&token.claims, &Proof::Signature(&token, algorithm))?;
            return Ok(self.remember(text, believed, |own| Ending(own.expires, Remembered::ActAs(token.claims))));
        }
        check_type(&token.header)?;
        if ["act", "actor", "actortoken"].iter().any(|name| token.claims.has(name)) {
            return Err(Refusal::Shape("a token of an acting application that is not of the type for it"));
        }
        let algorithm = match &token.header.signed_by {
            SignedBy::Algorithm(algorithm) => *algorithm,
            SignedBy::Nothing => return Err(Refusal::Shape("it is unsigned")),
            SignedBy::Unknown(name) => return Err(Refusal::Algorithm(name.clone())),
        };
        let believed = self.vouched_alone(&token.claims, &Proof::Signature(&token, algorithm))?;
        Ok(self.remember(text, believed, |own| Ending(own.expires, Remembered::AccessToken(token.claims))))
    }

    /// As [`Check::access_token`], but for V15 and V16, which are left to the resource.
    fn vouched_alone(&self, claims: &Claims, proof: &Proof<'_, 'a>) -> Result<Believed<'a, Vouched>, Refusal> {
        let caller = caller_of(claims)?;
        let object = required(claims, "oid", Layer::Actor)?;
        let issued = self.issued(claims, proof, Layer::Actor)?;
        if claims.has("scp") {
            return Err(Refusal::AppOnly("the token is a user's, not the application's own"));
        }
        let vouched = Vouched {
            tenant: issued.tenant,
            app_id: id_of(caller)?,
            object_id: id_of(object)?,
            how: How::AppOnly,
            permissions: roles(claims).map(str::to_owned).collect(),
            expires: issued.times.exp,
        };
        Ok(Believed { accepted: vouched, key: issued.key })
    }

    /// As [`Check::issued_act_as`], but for V15 and V17, which are left to the resource. The
    /// token says in `scp` what the application may do.
    fn vouched_act_as(&self, claims: &Claims, proof: &Proof<'_, 'a>) -> Result<Believed<'a, Vouched>, Refusal> {
        let (issued, actor) = self.acting(claims, proof)?;
        let object = match claims.flat("act") {
            Some(Flat::Other(act)) => act.get("oid").and_then(Value::as_str),
            _ => None,
        };
        let object = object.ok_or(Refusal::Claim(ClaimError::Missing("act.oid"), Layer::ActAs))?;
        let scopes = text(claims, "scp", Layer::ActAs)?.unwrap_or_default();
        let user = user_of(claims)?;
        let vouched = Vouched {
            tenant: issued.tenant,
            app_id: id_of(actor)?,
            object_id: id_of(object)?,
            how: How::ActAs(UserClaims::read(claims, false)?.of(user)),
            permissions: scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            expires: issued.times.exp,
        };
        Ok(Believed { accepted: vouched, key: issued.key })
    }
}

/// An application's or a principal's id.
fn id_of(text: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(text).map_err(|_| Refusal::UnknownCaller(text.chars().take(120).collect()))
}
