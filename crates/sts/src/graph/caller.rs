//! Who calls: an application with a token of ours for Graph, still enabled, as itself or as
//! a user who signed in to it, and what it may do.

use actas_directory::{ServicePrincipal, TenantId, User, well_known};
use actas_token::claims::Claims;
use actas_token::jws::{Compact, Reading, SignedBy};
use actas_token::possession::{Presented, ResourceRequest};
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
    /// What the token says.
    granted: Granted,
    /// What of that is so.
    permissions: Vec<String>,
}

/// What a token allows.
#[derive(Clone)]
enum Granted {
    /// The application, as itself.
    Roles(Vec<String>),
    /// The application, as a user.
    Scopes(Vec<String>),
}

/// What a user who is no administrator may do through an application.
const OF_EVERY_USER: [&str; 1] = ["User.Read"];

// === impl Caller ===

impl Caller {
    /// Who sent a request. Its token comes first with what it is bound to, in the order of
    /// `actas_validator`: the header, the proof by itself, the token, that the token is bound
    /// to what the caller holds; at last the proof is used up.
    pub(super) async fn authenticate(sts: &Sts, request: &ResourceRequest<'_>) -> Result<Self, GraphError> {
        let now = sts.0.clock.now();
        let presented = Presented::read(request, &sts.0.proofs, now).map_err(|refusal| GraphError::token(&refusal))?;
        let caller = Self::of(sts, &presented, now).await;
        let caller = caller.map_err(|error| error.under(presented.authorization.scheme))?;
        presented.spend(&sts.0.proofs, now).map_err(|refusal| GraphError::token(&refusal))?;
        Ok(caller)
    }

    async fn of(sts: &Sts, presented: &Presented<'_>, now: Timestamp) -> Result<Self, GraphError> {
        let claims = verified_claims(sts, presented)?;
        let tenant = check_claims(sts, &claims, now)?;
        let app_id = text(&claims, "appid")?.parse().map_err(|_| refuse("Access token names no application."))?;
        let object = Uuid::try_parse(text(&claims, "oid")?).map_err(|_| refuse("Access token names no object."))?;
        // A token is of a user where it has `scp`, whatever else is in it.
        let granted = if claims.has("scp") {
            Granted::Scopes(text(&claims, "scp")?.split_ascii_whitespace().map(str::to_owned).collect())
        } else {
            let roles = claims.get("roles").and_then(serde_json::Value::as_array).into_iter().flatten();
            Granted::Roles(roles.filter_map(|role| role.as_str().map(str::to_owned)).collect())
        };
        Self::looked_up(sts, tenant, app_id, object, granted).await
    }

    /// The same caller as it is now: for the next request of a batch, of which the last may
    /// have changed what it is.
    pub(super) async fn again(&self, sts: &Sts) -> Result<Self, GraphError> {
        Self::looked_up(sts, self.tenant, self.principal.app_id, self.id(), self.granted.clone()).await
    }

    async fn looked_up(
        sts: &Sts,
        tenant: TenantId,
        app_id: Uuid,
        object: Uuid,
        granted: Granted,
    ) -> Result<Self, GraphError> {
        let gone = || refuse("The application was disabled or removed.");
        let principal = sts.0.directory.principal_by_app(tenant, app_id).await?;
        // A token outlives a change of heart; its principal does not.
        let principal = principal.filter(|principal| principal.enabled).ok_or_else(gone)?;
        let (user, permissions) = match &granted {
            Granted::Scopes(scopes) => {
                let user = sts.0.directory.user(tenant, object).await?;
                let user =
                    user.filter(|user| user.enabled).ok_or_else(|| refuse("The user was disabled or removed."))?;
                let permissions = as_user(&principal, &user, scopes);
                (Some(user), permissions)
            }
            Granted::Roles(_) if principal.id != object => return Err(gone()),
            Granted::Roles(roles) => {
                // A permission must be in the token and still be assigned.
                let graph = sts.0.directory.principal_by_app(tenant, well_known::GRAPH).await?;
                let assigned = graph.map(|graph| principal.roles_on(&graph)).unwrap_or_default();
                (None, roles.iter().filter(|role| assigned.contains(role)).cloned().collect())
            }
        };
        Ok(Self { tenant, principal, user, granted, permissions })
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

/// An application may do as a user what is in its token, is still consented to, and the
/// user may do at all: a user is no administrator unless the directory says so.
fn as_user(principal: &ServicePrincipal, user: &User, scopes: &[String]) -> Vec<String> {
    let may = |scope: &&String| user.administrator || OF_EVERY_USER.contains(&scope.as_str());
    scopes.iter().filter(|scope| principal.delegated.contains(scope)).filter(may).cloned().collect()
}

fn refuse(why: &str) -> GraphError {
    GraphError::unauthenticated(why)
}

fn text<'c>(claims: &'c Claims, name: &'static str) -> Result<&'c str, GraphError> {
    claims.text(name).map_err(|error| refuse(&format!("Access token validation failure: {error}.")))
}

fn verified_claims(sts: &Sts, presented: &Presented<'_>) -> Result<Claims, GraphError> {
    let token = Compact::parse(presented.authorization.token, Reading::Strict)
        .map_err(|_| refuse("CompactToken parsing failed."))?;
    let SignedBy::Algorithm(algorithm) = token.header.signed_by else {
        return Err(refuse("Access token is not signed."));
    };
    let input = token.signing_input.as_bytes();
    let ring = sts.0.keys.load();
    let mut named = ring.published().iter().filter(|(_, key)| key.named_by(&token.header));
    if named.any(|(_, key)| key.verifies(algorithm, input, &token.signature)) {
        check_kind(&token)?;
        presented.possession().check(token.claims.get("cnf")).map_err(|refusal| GraphError::token(&refusal))?;
        Ok(token.claims)
    } else {
        Err(refuse("Access token validation failure. Invalid signature."))
    }
}

/// An application acts as itself here, or as a user who signed in to it; as a user whom it
/// names it acts elsewhere.
fn check_kind(token: &Compact<'_>) -> Result<(), GraphError> {
    let plain = token.header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case("JWT"));
    if plain && !token.claims.has("act") { Ok(()) } else { Err(refuse("Access token is not an application's own.")) }
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
