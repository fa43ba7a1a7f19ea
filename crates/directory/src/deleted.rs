//! Objects that were deleted and can be brought back for a while.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Application, ServicePrincipal, TenantId, User};

/// How long a deleted object can be restored.
pub const RESTORABLE: SignedDuration = SignedDuration::from_hours(24 * 30);

/// A deleted object as it was.
///
/// Its names are free at once: another object may take them, and then this one cannot be
/// restored before that other is renamed or deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Deleted {
    /// What it was.
    pub object: DeletedObject,
    /// When it was deleted.
    pub deleted: Timestamp,
}

/// What was deleted.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum DeletedObject {
    /// An application.
    Application(Box<Application>),
    /// A service principal.
    ServicePrincipal(Box<ServicePrincipal>),
    /// A user.
    User(Box<User>),
}

impl DeletedObject {
    /// Object id.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Application(object) => object.id,
            Self::ServicePrincipal(object) => object.id,
            Self::User(object) => object.id,
        }
    }

    /// Whose object.
    pub fn tenant(&self) -> TenantId {
        match self {
            Self::Application(object) => object.tenant,
            Self::ServicePrincipal(object) => object.tenant,
            Self::User(object) => object.tenant,
        }
    }

    /// The last part of its type's name: `application`, `servicePrincipal`, `user`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Application(_) => "application",
            Self::ServicePrincipal(_) => "servicePrincipal",
            Self::User(_) => "user",
        }
    }
}
