//! Service principals: applications as a tenant knows them.

use actas_token::{TenantId, well_known};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::credential::{KeyCredential, PasswordCredential};

/// An application in a tenant.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ServicePrincipal {
    /// Object id.
    pub id: Uuid,
    /// Whose principal.
    pub tenant: TenantId,
    /// Application id.
    pub app_id: Uuid,
    /// For people; several names for one application are in use, so select by
    /// application id.
    pub display_name: String,
    /// Disabled principals get no token, and none is issued for them.
    pub enabled: bool,
    /// Whether its actor tokens may be wrapped for a user.
    pub trusted_for_delegation: bool,
    /// Names: `appid`, `appid/host`, `appid/*.domain`, `https://host/`.
    pub names: Vec<String>,
    /// Certificates.
    pub key_credentials: Vec<KeyCredential>,
    /// Secrets, hashed.
    pub password_credentials: Vec<PasswordCredential>,
    /// Application permissions it holds: role values such as
    /// `Application.ReadWrite.All`.
    pub roles: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Grows with every change: the ETag.
    pub version: i64,
}

impl ServicePrincipal {
    /// A principal without credentials.
    pub fn new(id: Uuid, tenant: TenantId, app_id: Uuid, display_name: &str, created: Timestamp) -> Self {
        Self {
            id,
            tenant,
            app_id,
            display_name: display_name.to_owned(),
            enabled: true,
            trusted_for_delegation: false,
            names: vec![app_id.to_string()],
            key_credentials: Vec::new(),
            password_credentials: Vec::new(),
            roles: Vec::new(),
            created,
            version: 1,
        }
    }

    /// Certificates that prove the application's identity at this moment.
    pub fn live_keys(&self, now: Timestamp) -> impl Iterator<Item = &KeyCredential> {
        self.key_credentials.iter().filter(move |credential| credential.is_live(now))
    }

    /// Whether tokens may be issued for this principal at `host`, as its names say:
    /// `appid/host` exactly, `appid/*.domain` for names below it, or `https://host[/]`.
    pub fn serves_host(&self, host: &str) -> bool {
        let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
        let prefix = format!("{}/", self.app_id);
        self.names.iter().any(|name| {
            if let Some(pattern) = strip_prefix_ignoring_case(name, &prefix) {
                matches(pattern, host) || matches(pattern, bare)
            } else if let Some(url) = strip_prefix_ignoring_case(name, "https://") {
                let authority = url.strip_suffix('/').unwrap_or(url);
                authority.eq_ignore_ascii_case(host) || authority.eq_ignore_ascii_case(bare)
            } else {
                false
            }
        })
    }

    /// Whether `identifier` is one of its names: host without regard to case, trailing
    /// slash tolerated either way.
    pub fn is_named(&self, identifier: &str) -> bool {
        let bare = |name: &str| name.strip_suffix('/').unwrap_or(name).to_ascii_lowercase();
        let wanted = bare(identifier);
        wanted == self.app_id.to_string() || self.names.iter().any(|name| bare(name) == wanted)
    }

    /// Whether deleting it would take a service's own identity out of the tenant.
    pub fn is_first_party(&self) -> bool {
        [well_known::STS, well_known::EXCHANGE, well_known::SHAREPOINT, well_known::LYNC, well_known::GRAPH]
            .contains(&self.app_id)
    }
}

fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => {
            let below = host.len().checked_sub(domain.len() + 1).filter(|_| host.is_ascii());
            below.is_some_and(|at| at > 0 && host.as_bytes()[at] == b'.' && host[at + 1..].eq_ignore_ascii_case(domain))
        }
        None => pattern.eq_ignore_ascii_case(host),
    }
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_hosts() {
        let mut principal = ServicePrincipal::new(
            Uuid::nil(),
            TenantId(Uuid::nil()),
            well_known::EXCHANGE,
            "Exchange",
            Timestamp::UNIX_EPOCH,
        );
        assert!(!principal.serves_host("mail.a.example"));
        let app = well_known::EXCHANGE;
        principal.names =
            vec![format!("{app}/mail.a.example"), format!("{app}/*.b.example"), "https://c.example/".into()];
        for host in
            ["mail.a.example", "MAIL.A.example", "mail.a.example:444", "x.b.example", "y.x.b.example", "c.example"]
        {
            assert!(principal.serves_host(host), "{host}");
        }
        for host in ["a.example", "b.example", "xb.example", "x.mail.a.example", "x.c.example", ""] {
            assert!(!principal.serves_host(host), "{host}");
        }
        assert!(principal.is_named("https://C.example") && principal.is_named("https://c.example/"));
        assert!(principal.is_named(&app.to_string()) && !principal.is_named("https://d.example"));
    }
}
