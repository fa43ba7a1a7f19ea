//! From a token to whoever calls, and from there to the user who acts.

use actas_directory::{TenantId, User, UserKey};
use actas_exchange::ews::{ConnectingSid, ResponseCode};
use actas_exchange::soap::Fault;
use actas_store::Error;
use actas_store::directory::Directory;
use actas_token::{Accepted, How, Refusal, UserClaims};
use uuid::Uuid;

/// Whoever calls, in the tenant that the token is good for.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) tenant: TenantId,
    pub(crate) app_id: Uuid,
    pub(crate) acting: Acting,
}

/// As whom.
#[derive(Clone, Debug)]
pub(crate) enum Acting {
    /// As a user, named by the application or by the token service.
    User(Box<User>),
    /// As itself: it has yet to say for whom.
    Application,
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

/// Resolves the user of an accepted token (rule V18).
pub(crate) async fn caller(directory: &Directory, accepted: Accepted) -> Result<Caller, Denied> {
    let acting = match &accepted.how {
        How::AppOnly => Acting::Application,
        How::ActAs(claims) => Acting::User(Box::new(claimed_user(directory, accepted.tenant, claims).await?)),
    };
    Ok(Caller { tenant: accepted.tenant, app_id: accepted.app_id, acting })
}

pub(crate) async fn claimed_user(directory: &Directory, tenant: TenantId, claims: &UserClaims) -> Result<User, Denied> {
    let mut found = Vec::with_capacity(claims.keys().len());
    for key in claims.keys() {
        found.push(directory.users_by_key(tenant, key).await?);
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
    /// told apart from nobody by nothing. Security identifiers are not accepted.
    pub(crate) async fn user(
        &self,
        directory: &Directory,
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
            Acting::Application => None,
        }
    }
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

fn no_mailbox() -> Fault {
    Fault::new(ResponseCode::ErrorNonExistentMailbox, "The SMTP address has no mailbox associated with it.")
}

/// What is answered when the database fails.
pub(crate) fn storage_fault(error: &Error) -> Fault {
    tracing::error!(%error, "the mailbox database failed");
    Fault::new(ResponseCode::ErrorInternalServerTransientError, "An internal server error occurred. Try again later.")
}
