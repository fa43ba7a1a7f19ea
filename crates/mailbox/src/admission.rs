//! From a token to whoever calls, and from there to the user who acts.

use actas_directory::exchange_side::AccessRight;
use actas_directory::{TenantId, User, UserKey};
use actas_exchange::ews::{ConnectingSid, ResponseCode};
use actas_exchange::soap::Fault;
use actas_store::Error;
use actas_store::directory::Directory;
use actas_store::sts::ExchangeTrust;
use actas_token::{Accepted, How, Refusal, UserClaims};
use uuid::Uuid;

use crate::trust::Allowed;

/// Whoever calls, in the tenant that the token is good for.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) tenant: TenantId,
    pub(crate) app_id: Uuid,
    pub(crate) acting: Acting,
    /// What it may do as a user, of what the user may.
    pub(crate) allowed: Allowed,
}

/// As whom.
#[derive(Clone, Debug)]
pub(crate) enum Acting {
    /// As a user, named by the application or by the token service.
    User(Box<User>),
    /// As itself, and it may open every mailbox of its tenant: it has yet to say for whom.
    Application,
    /// As itself, with the rights of its linked account and no others.
    Account(Box<User>),
}

/// Why a request is not admitted.
#[derive(Debug)]
pub(crate) enum Denied {
    Refused(Refusal),
    /// The database did not answer.
    Unavailable(Error),
}

impl From<Error> for Denied {
    fn from(error: Error) -> Self {
        Self::Unavailable(error)
    }
}

/// Resolves the user of an accepted token (rule V18), or the account with whose rights an
/// application acts as itself (rule V16).
pub(crate) async fn caller(directory: &Directory, accepted: Accepted, allowed: Allowed) -> Result<Caller, Denied> {
    let (tenant, app_id) = (accepted.tenant, accepted.app_id);
    let acting = match &accepted.how {
        How::AppOnly if allowed.every_mailbox => Acting::Application,
        How::AppOnly => {
            let account = accepted.linked_account.as_deref().and_then(|id| Uuid::try_parse(id).ok());
            let account = match account {
                Some(id) => directory.user(tenant, id).await?,
                None => None,
            };
            // That it is disabled only keeps people from signing in with it.
            let account = account.ok_or(Denied::Refused(Refusal::AppOnly("its linked account does not exist")))?;
            Acting::Account(Box::new(account))
        }
        How::ActAs(_) if !allowed.act_as_reads => {
            return Err(Denied::Refused(Refusal::ActAs("it has no permission to act as a user")));
        }
        How::ActAs(claims) => Acting::User(Box::new(claimed_user(directory, tenant, claims).await?)),
    };
    Ok(Caller { tenant, app_id, acting, allowed })
}

pub(crate) async fn claimed_user(directory: &Directory, tenant: TenantId, claims: &UserClaims) -> Result<User, Denied> {
    let mut found = Vec::new();
    for key in claims.keys() {
        found.push(directory.users_by_key(tenant, &key).await?);
    }
    let user = claims.agree(&found).map_err(Denied::Refused)?;
    if claims.object_id().is_some_and(|id| id != user.id) {
        // Its names have gone over to somebody else since the token was issued.
        return Err(Denied::Refused(Refusal::User("its ids name different users")));
    }
    if !user.enabled {
        return Err(Denied::Refused(Refusal::User("it is disabled")));
    }
    if !user.mailbox {
        return Err(Denied::Refused(Refusal::User("it has no mailbox here")));
    }
    Ok(user)
}

// === who acts ===

impl Caller {
    /// The user in whose name an EWS request acts: the token's own, or the one that an
    /// application names in the impersonation header. Nobody, if an application names
    /// nobody.
    ///
    /// An application's choice is confined to its tenant; a user of another tenant is
    /// told apart from nobody by nothing. One that is confined to its linked account may
    /// name that account and whoever let it into their mailbox; all others are told apart
    /// by nothing, too. Security identifiers are not accepted.
    pub(crate) async fn user(
        &self,
        directory: &Directory,
        trust: &ExchangeTrust,
        named: Option<&ConnectingSid>,
    ) -> Result<Option<User>, Fault> {
        match (&self.acting, named) {
            (Acting::User(user), None) => Ok(Some((**user).clone())),
            (Acting::User(user), Some(named)) => {
                let same = key_of(named).is_some_and(|key| user.keys().contains(&key));
                if same { Ok(Some((**user).clone())) } else { Err(not_allowed()) }
            }
            (Acting::Application, None) => Ok(None),
            (Acting::Application, Some(named)) => self.impersonated(directory, named).await.map(Some),
            (Acting::Account(account), None) => Ok(Some((**account).clone())),
            (Acting::Account(account), Some(named)) => {
                let user = self.impersonated(directory, named).await;
                let user = match user {
                    Err(fault) if fault.code == ResponseCode::ErrorInternalServerTransientError => return Err(fault),
                    Err(_) => return Err(not_allowed()),
                    Ok(user) => user,
                };
                let entrusted = may_open(trust, account, &user).await.map_err(|error| storage_fault(&error))?;
                if entrusted { Ok(Some(user)) } else { Err(not_allowed()) }
            }
        }
    }

    /// Whether the caller may do an operation that changes something, or one that does not.
    pub(crate) fn may(&self, changes: bool) -> bool {
        match self.acting {
            Acting::User(_) if changes => self.allowed.act_as_writes,
            Acting::User(_) => self.allowed.act_as_reads,
            Acting::Application | Acting::Account(_) => true,
        }
    }

    async fn impersonated(&self, directory: &Directory, named: &ConnectingSid) -> Result<User, Fault> {
        let key = key_of(named).ok_or_else(not_allowed)?;
        let users = directory.users_by_key(self.tenant, &key).await.map_err(|error| storage_fault(&error))?;
        let user = match users.as_slice() {
            [user] if user.enabled && user.mailbox => user.clone(),
            _ => return Err(no_mailbox()),
        };
        match (named, user.primary_smtp()) {
            (ConnectingSid::PrimarySmtpAddress(address), Some(primary))
                if address.lower() != primary.to_lowercase() =>
            {
                Err(Fault::new(
                    ResponseCode::ErrorNonPrimarySmtpAddress,
                    format!("The primary SMTP address must be specified when referencing a mailbox: {primary}"),
                ))
            }
            _ => Ok(user),
        }
    }

    /// The user principal name of the token's user.
    pub(crate) fn asserted_user(&self) -> Option<&str> {
        match &self.acting {
            Acting::User(user) => Some(&user.upn),
            Acting::Application | Acting::Account(_) => None,
        }
    }
}

/// Whether a user may open the mailbox of a user of the same tenant: the own one, or one
/// that somebody let the user into.
pub(crate) async fn may_open(trust: &ExchangeTrust, user: &User, owner: &User) -> Result<bool, Error> {
    if user.tenant != owner.tenant {
        return Ok(false);
    }
    if user.id == owner.id {
        return Ok(true);
    }
    let permission = trust.permission(user.tenant, owner.id, user.id).await?;
    Ok(permission.is_some_and(|permission| permission.right == AccessRight::FullAccess))
}

fn key_of(named: &ConnectingSid) -> Option<UserKey> {
    match named {
        ConnectingSid::PrincipalName(name) => Some(UserKey::Upn(name.to_lowercase())),
        ConnectingSid::PrimarySmtpAddress(address) | ConnectingSid::SmtpAddress(address) => {
            Some(UserKey::Smtp(address.lower().to_owned()))
        }
        ConnectingSid::Sid(_) => None,
    }
}

/// A user's SMTP addresses, lower case.
pub(crate) fn smtp_addresses(user: &User) -> impl Iterator<Item = String> {
    user.keys().into_iter().filter_map(|key| match key {
        UserKey::Smtp(address) => Some(address),
        _ => None,
    })
}

/// An application that calls as itself has to say in whose name.
pub(crate) fn impersonation_required() -> Fault {
    Fault::new(
        ResponseCode::ErrorImpersonateUserDenied,
        "The ExchangeImpersonation SOAP header must be present for this type of token.",
    )
}

fn not_allowed() -> Fault {
    Fault::new(
        ResponseCode::ErrorImpersonateUserDenied,
        "The account does not have permission to impersonate the requested user.",
    )
}

/// Of what a partner may do as a user, this is not part.
pub(crate) fn access_denied() -> Fault {
    Fault::new(ResponseCode::ErrorAccessDenied, "Access is denied. Check credentials and try again.")
}

fn no_mailbox() -> Fault {
    Fault::new(ResponseCode::ErrorNonExistentMailbox, "The SMTP address has no mailbox associated with it.")
}

/// What is answered when the database fails.
pub(crate) fn storage_fault(error: &Error) -> Fault {
    tracing::error!(%error, "the mailbox database failed");
    Fault::new(ResponseCode::ErrorInternalServerTransientError, "An internal server error occurred. Try again later.")
}
