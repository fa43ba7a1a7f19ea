//! Who calls: an application with a token of ours for Graph, still enabled, and what it
//! may do.

use actas_directory::{ServicePrincipal, TenantId, well_known};
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

/// An authenticated application of one tenant.
pub(super) struct Caller {
    pub(super) tenant: TenantId,
    pub(super) principal: ServicePrincipal,
    permissions: Vec<String>,
}

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
        let (tenant, roles) = check_claims(sts, &claims, sts.0.clock.now())?;
        let app_id = text(&claims, "appid")?.parse().map_err(|_| refuse("Access token names no application."))?;
        let principal = sts.0.directory.principal_by_app(tenant, app_id).await?;
        // A token outlives a change of heart; its principal does not.
        let principal = principal
            .filter(|principal| {
                principal.enabled && Some(principal.id.to_string().as_str()) == text(&claims, "oid").ok()
            })
            .ok_or_else(|| refuse("The application was disabled or removed."))?;
        // A permission must be in the token and still be assigned.
        let graph = sts.0.directory.principal_by_app(tenant, well_known::GRAPH).await?;
        let assigned = graph.map(|graph| principal.roles_on(&graph)).unwrap_or_default();
        let permissions = roles.into_iter().filter(|role| assigned.contains(role)).collect();
        Ok(Self { tenant, principal, permissions })
    }

    /// Whether the caller holds one of these permissions: in the token, and still.
    pub(super) fn holds(&self, any_of: &[&str]) -> bool {
        self.permissions.iter().any(|role| any_of.contains(&role.as_str()))
    }

    /// What an object is to the caller.
    pub(super) fn relation(&self, app_id: Uuid, owners: &[Uuid]) -> Relation {
        Relation { own: app_id == self.principal.app_id, owned: owners.contains(&self.principal.id) }
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

fn check_claims(sts: &Sts, claims: &Claims, now: Timestamp) -> Result<(TenantId, Vec<String>), GraphError> {
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
    let roles = claims.get("roles").and_then(serde_json::Value::as_array).into_iter().flatten();
    Ok((tenant, roles.filter_map(|role| role.as_str().map(str::to_owned)).collect()))
}
