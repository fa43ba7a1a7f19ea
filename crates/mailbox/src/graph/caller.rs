//! Who calls: an application with a token of the cloud's token service for Graph, still
//! enabled, and whose mailbox it may open.

use actas_directory::{TenantId, User, UserKey, well_known};
use actas_store::directory::Directory;
use actas_token::accept::Vouched;
use actas_token::dpop::ProofRefused;
use actas_token::possession::ResourceRequest;
use actas_token::{How, Refusal, Rule};
use uuid::Uuid;

use super::GraphSide;
use super::answer::GraphError;
use super::route::Target;
use crate::Inner;
use crate::admission::{Acting, Caller, Denied, claimed_user};
use crate::audit::Subject;
use crate::trust::Allowed;

/// An application of one tenant, as itself or as a user.
pub(super) struct GraphCaller {
    pub(super) caller: Caller,
    permissions: Vec<String>,
}

// === admission ===

impl Inner {
    pub(super) async fn graph_caller(
        &self,
        side: &GraphSide,
        request: &ResourceRequest<'_>,
        subject: Subject<'_>,
    ) -> Result<GraphCaller, GraphError> {
        side.trust.refresh(subject.now).await.map_err(|error| GraphError::storage(&error))?;
        let refused = |refusal| (refusal, None);
        let admitted = async {
            let vouched = side.validator.admit_vouched(request, &side.proofs, subject.now).await.map_err(refused)?;
            let tenant = vouched.tenant;
            match look_up(&self.directory, vouched).await {
                Ok(caller) => Ok(Ok(caller)),
                Err(Denied::Refused(refusal)) => Err((refusal, Some(tenant))),
                Err(Denied::Unavailable(error)) => Ok(Err(GraphError::storage(&error))),
            }
        };
        let (refusal, tenant): (Refusal, Option<TenantId>) = match admitted.await {
            Ok(outcome) => return outcome,
            Err(refused) => refused,
        };
        // A client that has yet to learn the nonce did nothing wrong.
        if !matches!(refusal, Refusal::NoToken | Refusal::Proof(ProofRefused::Nonce)) {
            tracing::debug!(rule = refusal.rule().name(), %refusal, "a token was refused");
            self.audit.refused(subject, &refusal, tenant).await;
        }
        if matches!(refusal.rule(), Rule::V20) {
            return Err(GraphError::unavailable());
        }
        Err(GraphError::unauthenticated(&refusal, side.challenges(request, &refusal)))
    }
}

/// The application and the user of a token, as the directory has them now.
async fn look_up(directory: &Directory, vouched: Vouched) -> Result<GraphCaller, Denied> {
    let tenant = vouched.tenant;
    let principal = directory.principal_by_app(tenant, vouched.app_id).await?;
    // A token outlives a change of heart; its principal does not.
    let principal = principal
        .filter(|principal| principal.enabled && principal.id == vouched.object_id)
        .ok_or_else(|| Denied::Refused(Refusal::UnknownCaller(vouched.app_id.to_string())))?;
    let acting = match &vouched.how {
        How::AppOnly => Acting::Application,
        // Who may act as users is the directory's to say, and it may have changed its mind.
        How::ActAs(_) if !principal.trusted_for_delegation => {
            return Err(Denied::Refused(Refusal::ActAs("it is not trusted for delegation any more")));
        }
        How::ActAs(claims) => Acting::User(Box::new(claimed_user(directory, tenant, claims).await?)),
    };
    let graph = directory.principal_by_app(tenant, well_known::GRAPH).await?;
    let assigned = graph.map(|graph| principal.roles_on(&graph)).unwrap_or_default();
    let permissions = vouched.permissions.into_iter().filter(|one| assigned.contains(one)).collect();
    Ok(GraphCaller {
        caller: Caller { tenant, app_id: vouched.app_id, acting, allowed: Allowed::default() },
        permissions,
    })
}

// === impl GraphCaller ===

impl GraphCaller {
    /// Whether the caller holds a permission: in the token, and still.
    pub(super) fn holds(&self, permission: &str) -> bool {
        self.permissions.iter().any(|own| own == permission)
    }

    /// The user whose mailbox is meant: any of the tenant for an application as itself, and
    /// for one that acts as a user that user alone. A user of another tenant is told apart
    /// from nobody by nothing.
    pub(super) async fn user(&self, directory: &Directory, target: &Target) -> Result<User, GraphError> {
        match (&self.caller.acting, target) {
            (Acting::Application, Target::Me) => Err(GraphError::no_user()),
            (Acting::Application, Target::User(name)) => {
                let found = find(directory, self.caller.tenant, name).await;
                let user = found.map_err(|error| GraphError::storage(&error))?;
                let user = user.ok_or_else(|| GraphError::invalid_user(name))?;
                if user.enabled && user.mailbox { Ok(user) } else { Err(GraphError::no_mailbox()) }
            }
            // At Graph there are no partners, and so no linked accounts.
            (Acting::Account(_), _) => Err(GraphError::denied()),
            (Acting::User(user), Target::Me) => Ok((**user).clone()),
            (Acting::User(user), Target::User(name)) => {
                let own = name.eq_ignore_ascii_case(&user.upn) || Uuid::try_parse(name).is_ok_and(|id| id == user.id);
                if own { Ok((**user).clone()) } else { Err(GraphError::denied()) }
            }
        }
    }
}

/// By object id or user principal name.
async fn find(directory: &Directory, tenant: TenantId, name: &str) -> Result<Option<User>, actas_store::Error> {
    if let Ok(id) = Uuid::try_parse(name) {
        return directory.user(tenant, id).await;
    }
    let found = directory.users_by_key(tenant, &UserKey::Upn(name.to_lowercase())).await?;
    Ok(found.into_iter().next())
}
