//! Applications: what a tenant's own developers register. A service principal is what
//! a tenant lets in; one application may have both here, and they are two objects with
//! two ids and two lists of keys.

use actas_token::TenantId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app_role::AppRole;
use crate::credential::KeyCredential;
use crate::kept::{Kept, KeptProperty, Shape};
use crate::password::PasswordCredential;
use crate::tenant::Tenant;

/// The most identifier URIs of one application.
pub const IDENTIFIER_URIS_MAX: usize = 50;
/// The longest identifier URI, in bytes.
pub const IDENTIFIER_URI_BYTES_MAX: usize = 255;

/// What says that an application cannot keep a secret.
const PUBLIC_CLIENT: &str = "isFallbackPublicClient";

/// What an application keeps and gives back.
pub const KEPT: [KeptProperty; 19] = [
    KeptProperty::new("addIns", Shape::Objects),
    KeptProperty::new("api", Shape::Object),
    KeptProperty::new("description", Shape::Text(1024)),
    KeptProperty::new("groupMembershipClaims", Shape::Text(64)),
    KeptProperty::new("info", Shape::Object),
    KeptProperty::new("isDeviceOnlyAuthSupported", Shape::Boolean),
    KeptProperty::new(PUBLIC_CLIENT, Shape::Boolean),
    KeptProperty::new("notes", Shape::Text(1024)),
    KeptProperty::new("optionalClaims", Shape::Object),
    KeptProperty::new("parentalControlSettings", Shape::Object),
    KeptProperty::new("publicClient", Shape::Object),
    KeptProperty::new("requiredResourceAccess", Shape::Objects),
    KeptProperty::new("serviceManagementReference", Shape::Text(256)),
    KeptProperty::new("servicePrincipalLockConfiguration", Shape::Object),
    KeptProperty::new("signInAudience", Shape::Text(64)),
    KeptProperty::new("spa", Shape::Object),
    KeptProperty::new("tags", Shape::Texts(256)),
    KeptProperty::new("tokenEncryptionKeyId", Shape::Text(36)),
    KeptProperty::new("web", Shape::Object),
];

/// An application of a tenant.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Application {
    /// Object id.
    pub id: Uuid,
    /// Whose application.
    pub tenant: TenantId,
    /// Application id.
    pub app_id: Uuid,
    /// For people.
    pub display_name: String,
    /// Names under which tokens are asked for; its principal bears them too.
    pub identifier_uris: Vec<String>,
    /// Roles that it exposes; its principal exposes them too.
    pub app_roles: Vec<AppRole>,
    /// Certificates.
    pub key_credentials: Vec<KeyCredential>,
    /// Secrets, hashed.
    pub password_credentials: Vec<PasswordCredential>,
    /// Object ids of the principals that may manage it.
    pub owners: Vec<Uuid>,
    /// What is kept and decides nothing.
    pub kept: Kept,
    /// When it was made.
    pub created: Timestamp,
    /// Grows with every change: the ETag.
    pub version: i64,
}

/// Why an identifier URI is not taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UriRefused {
    /// Not a URI of a scheme that names applications.
    #[error(
        "'{0}' is not an identifier URI: api://, urn: or https:// on a verified domain, at most {IDENTIFIER_URI_BYTES_MAX} characters"
    )]
    Form(String),
    /// A host of somebody else.
    #[error("the host of '{0}' is not on a verified domain of this organization")]
    Host(String),
    /// More than [`IDENTIFIER_URIS_MAX`].
    #[error("an application has at most {IDENTIFIER_URIS_MAX} identifier URIs")]
    TooMany,
}

impl Application {
    /// An application without credentials.
    pub fn new(id: Uuid, tenant: TenantId, app_id: Uuid, display_name: &str, created: Timestamp) -> Self {
        Self {
            id,
            tenant,
            app_id,
            display_name: display_name.to_owned(),
            identifier_uris: Vec::new(),
            app_roles: Vec::new(),
            key_credentials: Vec::new(),
            password_credentials: Vec::new(),
            owners: Vec::new(),
            kept: Kept::new(),
            created,
            version: 1,
        }
    }

    /// Whether it may ask for a user's sign-in without proving what it is
    /// (`isFallbackPublicClient`).
    pub fn is_public_client(&self) -> bool {
        self.kept.get(PUBLIC_CLIENT).and_then(serde_json::Value::as_bool) == Some(true)
    }

    /// Makes it a public client, or no more one.
    pub fn set_public_client(&mut self, is_public: bool) {
        self.kept.insert(PUBLIC_CLIENT.to_owned(), is_public.into());
    }

    /// Checks the URIs that an application is to have, and leaves out repetitions.
    ///
    /// A host has to be on a domain of the tenant: whoever registers a name receives the
    /// tokens that clients ask for under it.
    pub fn read_identifier_uris(uris: &[String], tenant: &Tenant) -> Result<Vec<String>, UriRefused> {
        if uris.len() > IDENTIFIER_URIS_MAX {
            return Err(UriRefused::TooMany);
        }
        let mut all: Vec<String> = Vec::with_capacity(uris.len());
        for uri in uris {
            check_uri(uri, tenant)?;
            if !all.iter().any(|known| known.eq_ignore_ascii_case(uri)) {
                all.push(uri.clone());
            }
        }
        Ok(all)
    }
}

fn check_uri(uri: &str, tenant: &Tenant) -> Result<(), UriRefused> {
    let form = || UriRefused::Form(uri.chars().take(80).collect());
    if uri.len() > IDENTIFIER_URI_BYTES_MAX || !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(form());
    }
    let (scheme, rest) = uri.split_once(':').ok_or_else(form)?;
    match scheme.to_ascii_lowercase().as_str() {
        "api" => rest.strip_prefix("//").filter(|rest| !rest.is_empty()).map(drop).ok_or_else(form),
        "urn" if !rest.is_empty() => Ok(()),
        "https" => {
            let rest = rest.strip_prefix("//").ok_or_else(form)?;
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            if authority.is_empty() || authority.contains('@') {
                return Err(form());
            }
            let host = authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
            let below =
                |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            if tenant.domains.iter().any(|domain| below(domain.name.as_str())) {
                Ok(())
            } else {
                Err(UriRefused::Host(uri.chars().take(80).collect()))
            }
        }
        _ => Err(form()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifier_uris() {
        let tenant =
            Tenant::new(TenantId(Uuid::nil()), "Fabrikam", "fabrikam.example".parse().unwrap(), Timestamp::UNIX_EPOCH);
        let read = |uri: &str| Application::read_identifier_uris(&[uri.to_owned()], &tenant);
        for uri in ["api://a", "urn:x:y", "https://fabrikam.example", "HTTPS://A.fabrikam.example:444/x", "API://b"] {
            assert_eq!(read(uri), Ok(vec![uri.to_owned()]));
        }
        for uri in ["", "a", "api://", "api:x", "urn:", "http://fabrikam.example", "https://", "https:fabrikam.example"]
        {
            assert!(matches!(read(uri), Err(UriRefused::Form(_))), "{uri}");
        }
        assert!(matches!(read("https://x@fabrikam.example"), Err(UriRefused::Form(_))));
        assert!(matches!(read(&format!("api://{}", "a".repeat(256))), Err(UriRefused::Form(_))));
        for uri in ["https://evil.example", "https://xfabrikam.example", "https://fabrikam.example.evil.example/"] {
            assert!(matches!(read(uri), Err(UriRefused::Host(_))), "{uri}");
        }
        let twice = ["api://a".to_owned(), "API://A".to_owned()];
        assert_eq!(Application::read_identifier_uris(&twice, &tenant).unwrap().len(), 1);
        let many: Vec<String> = (0..51).map(|n| format!("api://{n}")).collect();
        assert_eq!(Application::read_identifier_uris(&many, &tenant), Err(UriRefused::TooMany));
    }
}
