//! Who calls: an application with a token of ours for Graph, still enabled, as itself or as
//! a user who signed in to it, and what it may do.

use actas_directory::{ServicePrincipal, TenantId, User, well_known};
use actas_token::claims::Claims;
use actas_token::jws::{Compact, Reading, SignedBy};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::answer::GraphError;
use super::permission::Relation;
use crate::Sts;

const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// An authenticated application of one tenant, as itself or as a user who signed in.
pub(super) struct Caller {
    pub(super) tenant: TenantId,
    pub(super) principal: ServicePrincipal,
    /// As whom it calls, if not as itself.
    pub(super) user: Option<User>,
    permissions: Vec<String>,
}

/// What a user who is no administrator may do through an application.
const OF_EVERY_USER: [&str; 1] = ["User.Read"];

// === impl Caller ===

impl Caller {
    pub(super) async fn authenticate(sts: &Sts, headers: &HeaderMap) -> Result<Self, GraphError> {
        let mut all = headers.get_all(AUTHORIZATION).iter();
        let (Some(header), None) = (all.next(), all.next()) else {
            return Err(GraphError::unauthenticated("Access token is empty."));
        };
        let token = header
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
            .map(|(_, token)| token)
            .ok_or_else(|| GraphError::unauthenticated("Access token is empty."))?;
        let claims = verified_claims(sts, token)?;
        let tenant = check_claims(sts, &claims, sts.0.clock.now())?;
        let app_id = text(&claims, "appid")?.parse().map_err(|_| refuse("Access token names no application."))?;
        let principal = sts.0.directory.principal_by_app(tenant, app_id).await?;
        // A token outlives a change of heart; its principal does not.
        let principal = principal
            .filter(|principal| principal.enabled)
            .ok_or_else(|| refuse("The application was disabled or removed."))?;
        let oid = Uuid::try_parse(text(&claims, "oid")?).map_err(|_| refuse("Access token names no object."))?;
        // A token is of a user where it has `scp`, whatever else is in it.
        if claims.get("scp").is_some() {
            return Self::as_user(sts, tenant, principal, oid, text(&claims, "scp")?).await;
        }
        if principal.id != oid {
            return Err(refuse("The application was disabled or removed."));
        }
        // A permission must be in the token and still be assigned.
        let graph = sts.0.directory.principal_by_app(tenant, well_known::GRAPH).await?;
        let assigned = graph.map(|graph| principal.roles_on(&graph)).unwrap_or_default();
        let roles = claims.get("roles").and_then(serde_json::Value::as_array).into_iter().flatten();
        let roles = roles.filter_map(|role| role.as_str().map(str::to_owned));
        let permissions = roles.filter(|role| assigned.contains(role)).collect();
        Ok(Self { tenant, principal, user: None, permissions })
    }

    /// An application may do as a user what is in its token, is still consented to, and
    /// the user may do at all: a user is no administrator unless the directory says so.
    async fn as_user(
        sts: &Sts,
        tenant: TenantId,
        principal: ServicePrincipal,
        oid: Uuid,
        scopes: &str,
    ) -> Result<Self, GraphError> {
        let user = sts.0.directory.user(tenant, oid).await?;
        let user = user.filter(|user| user.enabled).ok_or_else(|| refuse("The user was disabled or removed."))?;
        let may = |scope: &&str| user.administrator || OF_EVERY_USER.contains(scope);
        let consented = |scope: &&str| principal.delegated.iter().any(|own| own == scope);
        let permissions = scopes.split_ascii_whitespace().filter(consented).filter(may).map(str::to_owned).collect();
        Ok(Self { tenant, principal, user: Some(user), permissions })
    }

    /// Whether the caller holds one of these permissions: in the token, and still.
    pub(super) fn holds(&self, any_of: &[&str]) -> bool {
        self.permissions.iter().any(|role| any_of.contains(&role.as_str()))
    }

    /// What an object is to the caller.
    pub(super) fn relation(&self, app_id: Uuid, owners: &[Uuid]) -> Relation {
        // A user is not the application that the user signed in to.
        let own = self.user.is_none() && app_id == self.principal.app_id;
        Relation { own, owned: owners.contains(&self.id()) }
    }

    /// Object id of whoever acts: what the caller adds is owned by it.
    pub(super) fn id(&self) -> Uuid {
        self.user.as_ref().map_or(self.principal.id, |user| user.id)
    }
}

fn refuse(why: &str) -> GraphError {
    GraphError::unauthenticated(why)
}

fn text<'c>(claims: &'c Claims, name: &'static str) -> Result<&'c str, GraphError> {
    claims.text(name).map_err(|error| refuse(&format!("Access token validation failure: {error}.")))
}

fn verified_claims(sts: &Sts, token: &str) -> Result<Claims, GraphError> {
    let token = Compact::parse(token, Reading::Strict).map_err(|_| refuse("CompactToken parsing failed."))?;
    let SignedBy::Algorithm(algorithm) = token.header.signed_by else {
        return Err(refuse("Access token is not signed."));
    };
    let input = token.signing_input.as_bytes();
    let ring = sts.0.keys.load();
    let mut named = ring.published().iter().filter(|(_, key)| key.named_by(&token.header));
    if named.any(|(_, key)| key.verifies(algorithm, input, &token.signature)) {
        crate::possession::check_unbound(&token).map_err(refuse)?;
        Ok(token.claims)
    } else {
        Err(refuse("Access token validation failure. Invalid signature."))
    }
}

fn check_claims(sts: &Sts, claims: &Claims, now: Timestamp) -> Result<TenantId, GraphError> {
    let time = |name| claims.time(name).map_err(|error| refuse(&format!("Access token validation failure: {error}.")));
    if now.duration_since(time("exp")?) >= SKEW || time("nbf")?.duration_since(now) > SKEW {
        return Err(refuse("Lifetime validation failed, the token is expired."));
    }
    let tenant: TenantId = text(claims, "tid")?.parse().map_err(|_| refuse("Access token names no tenant."))?;
    if text(claims, "iss")? != sts.issuer_v1(tenant) {
        return Err(refuse("Access token validation failure. Invalid issuer."));
    }
    let audience = text(claims, "aud")?.trim_end_matches('/');
    let own = sts.0.origins.iter().any(|origin| origin.as_str() == audience);
    if !(own || audience == "https://graph.microsoft.com" || audience == well_known::GRAPH.to_string()) {
        return Err(refuse("Access token validation failure. Invalid audience."));
    }
    Ok(tenant)
}
