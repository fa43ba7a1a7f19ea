//! Tenants, users, service principals and their credentials; OAuth servers, partner
//! applications and the OAuth configuration: types and rules.
//!
//! **Invariant:** no I/O and no clock. What is stored is stored by `actas-store`;
//! what is asked over the wire is answered by `actas-sts`.

pub mod credential;
pub mod domain;
pub mod exchange_side;
pub mod onprem;
pub mod query;
pub mod service_principal;
pub mod tenant;
pub mod user;

pub use actas_token::{TenantId, UserKey, well_known};
pub use credential::{CredentialRefused, CredentialWarning, KeyCredential, KeyKind, KeyUsage, PasswordCredential};
pub use domain::DomainName;
pub use service_principal::ServicePrincipal;
pub use tenant::{Domain, Tenant};
pub use user::User;
