//! Tenants, users, service principals and their credentials; OAuth servers, partner
//! applications and the OAuth configuration: types and rules.
//!
//! **Invariant:** no I/O and no clock. What is stored is stored by `actas-store`;
//! what is asked over the wire is answered by `actas-sts`.

pub mod app_role;
pub mod application;
pub mod credential;
pub mod deleted;
pub mod device_sign_in;
pub mod domain;
pub mod exchange_side;
pub mod kept;
pub mod odata;
pub mod onprem;
pub mod password;
pub mod proof;
pub mod query;
pub mod refusal;
pub mod service_principal;
pub mod tenant;
pub mod user;

pub use actas_token::{TenantId, UserKey, well_known};
pub use app_role::{AppRole, Assignment};
pub use application::Application;
pub use credential::{CredentialRefused, CredentialWarning, Credentials, KeyCredential, KeyKind, KeyUsage};
pub use deleted::{Deleted, DeletedObject};
pub use domain::DomainName;
pub use password::PasswordCredential;
pub use service_principal::ServicePrincipal;
pub use tenant::{Domain, Tenant};
pub use user::User;
