//! Service principals: applications as a tenant knows them.

use actas_token::{TenantId, well_known};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app_role::{self, AppRole, Assignment};
use crate::credential::KeyCredential;
use crate::kept::{Kept, KeptProperty, Shape};
use crate::password::PasswordCredential;

/// What a principal keeps and gives back.
pub const KEPT: [KeptProperty; 14] = [
    KeptProperty::new("addIns", Shape::Objects),
    KeptProperty::new("alternativeNames", Shape::Texts(256)),
    KeptProperty::new("customSecurityAttributes", Shape::Object),
    KeptProperty::new("description", Shape::Text(1024)),
    KeptProperty::new("homepage", Shape::Text(256)),
    KeptProperty::new("loginUrl", Shape::Text(256)),
    KeptProperty::new("logoutUrl", Shape::Text(256)),
    KeptProperty::new("notes", Shape::Text(1024)),
    KeptProperty::new("notificationEmailAddresses", Shape::Texts(256)),
    KeptProperty::new("preferredSingleSignOnMode", Shape::Text(64)),
    KeptProperty::new("preferredTokenSigningKeyThumbprint", Shape::Text(64)),
    KeptProperty::new("replyUrls", Shape::Texts(256)),
    KeptProperty::new("samlSingleSignOnSettings", Shape::Object),
    KeptProperty::new("tags", Shape::Texts(256)),
];

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
    /// Application permissions that it holds on other principals.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
    /// What it may do on Graph as a user who signed in: delegated permissions to which the
    /// tenant consented for all of its users.
    #[serde(default)]
    pub delegated: Vec<String>,
    /// Roles that it exposes as a resource. Services of the cloud have theirs from
    /// [`app_role::of_service`].
    #[serde(default)]
    pub app_roles: Vec<AppRole>,
    /// Whether only clients with a role here get a token for it.
    #[serde(default)]
    pub assignment_required: bool,
    /// Object ids of the principals that may manage it.
    #[serde(default)]
    pub owners: Vec<Uuid>,
    /// What is kept and decides nothing.
    #[serde(default)]
    pub kept: Kept,
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
            assignments: Vec::new(),
            delegated: Vec::new(),
            app_roles: Vec::new(),
            assignment_required: false,
            owners: Vec::new(),
            kept: Kept::new(),
            created,
            version: 1,
        }
    }

    /// Its own certificates that prove the application's identity at this moment.
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

    /// The roles that it exposes as a resource.
    pub fn exposed_roles(&self) -> Vec<AppRole> {
        let own = app_role::of_service(self.app_id);
        if own.is_empty() { self.app_roles.clone() } else { own }
    }

    /// The values of the roles that it holds on a resource: what stands in `roles`.
    pub fn roles_on(&self, resource: &Self) -> Vec<String> {
        let here = self.assignments.iter().filter(|held| held.resource == resource.id);
        here.filter_map(|held| resource.role_value(held.role)).map(str::to_owned).collect()
    }

    /// The value of a role that it exposes, as it is today.
    fn role_value(&self, role: Uuid) -> Option<&str> {
        app_role::service_value(self.app_id, role)
            .or_else(|| self.app_roles.iter().find(|own| own.id == role).and_then(|own| own.value.as_deref()))
    }

    /// Whether it holds any role on a resource.
    pub fn is_assigned_to(&self, resource: &Self) -> bool {
        self.assignments.iter().any(|held| held.resource == resource.id)
    }

    /// Gives it a role that the resource exposes, unless it holds it. False where the
    /// resource exposes no such role.
    pub fn grant(&mut self, resource: &Self, value: &str, id: Uuid, now: Timestamp) -> bool {
        let exposed = resource.exposed_roles();
        let Some(role) = exposed.iter().find(|role| role.value.as_deref() == Some(value)) else { return false };
        if !self.assignments.iter().any(|held| held.resource == resource.id && held.role == role.id) {
            self.assignments.push(Assignment { id, resource: resource.id, role: role.id, created: now });
        }
        true
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
    fn roles_belong_to_their_resource() {
        let make = |id: u128, app_id| {
            ServicePrincipal::new(Uuid::from_u128(id), TenantId(Uuid::nil()), app_id, "p", Timestamp::UNIX_EPOCH)
        };
        let (graph, exchange) = (make(1, well_known::GRAPH), make(2, well_known::EXCHANGE));
        let (mut own, mut client) = (make(3, Uuid::from_u128(30)), make(4, Uuid::from_u128(40)));
        own.app_roles.push(AppRole { value: Some("full_access_as_app".into()), ..graph.exposed_roles()[0].clone() });
        let mut grant = |resource: &ServicePrincipal, value: &str| {
            client.grant(resource, value, Uuid::nil(), Timestamp::UNIX_EPOCH)
        };
        assert!(grant(&graph, "User.Read.All") && grant(&graph, "User.Read.All"));
        assert!(!grant(&graph, "full_access_as_app"), "not Graph's role");
        assert!(grant(&own, "full_access_as_app"));
        assert_eq!(client.roles_on(&graph), ["User.Read.All"]);
        assert!(client.roles_on(&exchange).is_empty(), "another resource's role of the same value");
        assert!(client.is_assigned_to(&own) && !client.is_assigned_to(&exchange));
    }

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
