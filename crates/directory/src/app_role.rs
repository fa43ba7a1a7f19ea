//! Application permissions: the roles that a resource exposes, and who holds them.

use actas_token::well_known;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

/// The permission that lets an application into every mailbox.
pub const FULL_ACCESS: &str = "full_access_as_app";
/// The permissions on mailboxes at Graph, each with what it allows in its name.
pub const MAIL: [&str; 4] = ["Mail.Read", "Mail.ReadBasic", "Mail.ReadBasic.All", "Mail.ReadWrite"];
/// The most roles that one application exposes.
pub const APP_ROLES_MAX: usize = 100;
/// The most roles that one principal holds.
pub const ASSIGNMENTS_MAX: usize = 250;
/// The longest value of a role, in bytes.
pub const ROLE_VALUE_BYTES_MAX: usize = 120;

/// A role that a resource exposes (Graph `appRole`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRole {
    /// Its id, unique within the resource.
    pub id: Uuid,
    /// What stands in `roles`. A role without value is assigned and stands nowhere.
    pub value: Option<String>,
    /// For people.
    pub display_name: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// `Application`, `User`.
    pub allowed_member_types: Vec<String>,
    /// A role that is switched off is assigned no more.
    #[serde(default = "yes")]
    pub is_enabled: bool,
}

/// A role that a principal holds (Graph `appRoleAssignment`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Assignment {
    /// Its own id.
    pub id: Uuid,
    /// Object id of the resource's service principal.
    pub resource: Uuid,
    /// The role's id; nil for "may have tokens", where the resource exposes no role.
    pub role: Uuid,
    /// When it was made.
    pub created: Timestamp,
}

/// Why roles are not taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AppRolesRefused {
    /// More than [`APP_ROLES_MAX`].
    #[error("an application exposes at most {APP_ROLES_MAX} roles")]
    TooMany,
    /// Two roles of one id or one value.
    #[error("the role '{0}' appears twice")]
    Duplicate(String),
    /// A value that cannot stand in a token.
    #[error("'{0}' is no value of a role: up to {ROLE_VALUE_BYTES_MAX} letters, digits and punctuation, no dot first")]
    Value(String),
    /// Nobody could hold it.
    #[error("the role '{0}' allows neither applications nor users")]
    Members(String),
}

/// Checks the roles that an application is to expose.
pub fn check_app_roles(roles: &[AppRole]) -> Result<(), AppRolesRefused> {
    if roles.len() > APP_ROLES_MAX {
        return Err(AppRolesRefused::TooMany);
    }
    for (index, role) in roles.iter().enumerate() {
        if let Some(value) = &role.value {
            let fits = (1..=ROLE_VALUE_BYTES_MAX).contains(&value.len())
                && value.bytes().all(|byte| byte.is_ascii_graphic())
                && !value.starts_with('.');
            if !fits {
                return Err(AppRolesRefused::Value(value.chars().take(40).collect()));
            }
        }
        let same = |other: &AppRole| other.id == role.id || (role.value.is_some() && other.value == role.value);
        if role.id.is_nil() || roles[..index].iter().any(same) {
            return Err(AppRolesRefused::Duplicate(role.id.to_string()));
        }
        let known = |kind: &String| kind == "Application" || kind == "User";
        if role.allowed_member_types.is_empty() || !role.allowed_member_types.iter().all(known) {
            return Err(AppRolesRefused::Members(role.id.to_string()));
        }
    }
    Ok(())
}

/// The roles that a service of the cloud exposes itself.
pub fn of_service(app_id: Uuid) -> Vec<AppRole> {
    let exposed = SERVICE_ROLES.iter().filter(|(app, ..)| *app == app_id);
    exposed
        .map(|(_, id, value, display_name)| AppRole {
            id: *id,
            value: Some((*value).to_owned()),
            display_name: (*display_name).to_owned(),
            description: Some(format!("{display_name}, without a signed-in user.")),
            allowed_member_types: vec!["Application".to_owned()],
            is_enabled: true,
        })
        .collect()
}

/// The value of a role that a service exposes itself.
pub(crate) fn service_value(app_id: Uuid, role: Uuid) -> Option<&'static str> {
    SERVICE_ROLES.iter().find(|(app, id, ..)| *app == app_id && *id == role).map(|(_, _, value, _)| *value)
}

/// The service that exposes a role of this value.
pub fn service_of(value: &str) -> Option<Uuid> {
    SERVICE_ROLES.iter().find(|(_, _, known, _)| *known == value).map(|(app_id, ..)| *app_id)
}

fn yes() -> bool {
    true
}

/// Who exposes it, its id, its value, its name. The ids are those of the original
/// directory, the same in every tenant; scripts have them written down.
const SERVICE_ROLES: [(Uuid, Uuid, &str, &str); 18] = [
    (
        well_known::EXCHANGE,
        uuid!("dc890d15-9560-4a4c-9b7f-a736ec74ec40"),
        FULL_ACCESS,
        "Use Exchange Web Services with full access to all mailboxes",
    ),
    graph(uuid!("9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30"), "Application.Read.All", "Read all applications"),
    graph(
        uuid!("1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9"),
        "Application.ReadWrite.All",
        "Read and write all applications",
    ),
    graph(
        uuid!("18a4783c-866b-4cc7-a460-3d5e5662c884"),
        "Application.ReadWrite.OwnedBy",
        "Manage apps that this app creates or owns",
    ),
    graph(
        uuid!("06b708a9-e830-4db3-a914-8e69da51d44f"),
        "AppRoleAssignment.ReadWrite.All",
        "Manage app permission grants and app role assignments",
    ),
    graph(uuid!("7ab1d382-f21e-4acd-a863-ba3e13f7da61"), "Directory.Read.All", "Read directory data"),
    graph(uuid!("19dbc75e-c2e2-444c-a770-ec69d8559fc7"), "Directory.ReadWrite.All", "Read and write directory data"),
    graph(uuid!("dbb9058a-0e50-45d7-ae91-66909b5d4664"), "Domain.Read.All", "Read domains"),
    graph(uuid!("498476ce-e0fe-48b0-b801-37ba7e2685c6"), "Organization.Read.All", "Read organization information"),
    graph(uuid!("df021288-bdef-4463-88db-98f22de89214"), "User.Read.All", "Read all users' full profiles"),
    graph(uuid!("741f803b-c850-494e-b5df-cde7c675a1ca"), "User.ReadWrite.All", "Read and write all users' profiles"),
    graph(
        uuid!("3011c876-62b7-4ada-afa2-506cbbecc68c"),
        "User.EnableDisableAccount.All",
        "Enable and disable user accounts",
    ),
    graph(uuid!("eccc023d-eccf-4e7b-9683-8813ab36cecc"), "User.DeleteRestore.All", "Delete and restore all users"),
    graph(uuid!("810c84a8-4a9e-49e6-bf7d-12d183f40d01"), "Mail.Read", "Read mail in all mailboxes"),
    graph(uuid!("6be147d2-ea4f-4b5a-a3fa-3eab6f3c140a"), "Mail.ReadBasic", "Read basic mail in all mailboxes"),
    graph(uuid!("693c5e45-0940-467d-9b8a-1022fb9d42ef"), "Mail.ReadBasic.All", "Read basic mail in all mailboxes"),
    graph(uuid!("e2a3a72e-5f79-4c64-b1b1-878b674786c9"), "Mail.ReadWrite", "Read and write mail in all mailboxes"),
    graph(uuid!("b633e1c5-b582-4048-a93e-9f11b44c7e96"), "Mail.Send", "Send mail as any user"),
];

const fn graph(id: Uuid, value: &'static str, display_name: &'static str) -> (Uuid, Uuid, &'static str, &'static str) {
    (well_known::GRAPH, id, value, display_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(id: u128, value: &str) -> AppRole {
        AppRole {
            id: Uuid::from_u128(id),
            value: Some(value.to_owned()),
            display_name: value.to_owned(),
            description: None,
            allowed_member_types: vec!["Application".to_owned()],
            is_enabled: true,
        }
    }

    #[test]
    fn the_services_roles_are_unambiguous() {
        let all = [of_service(well_known::EXCHANGE), of_service(well_known::GRAPH)].concat();
        assert_eq!(all.len(), SERVICE_ROLES.len());
        assert_eq!(check_app_roles(&all), Ok(()));
        assert_eq!(service_of(FULL_ACCESS), Some(well_known::EXCHANGE));
        assert_eq!(service_of("Nothing.At.All"), None);
        assert!(of_service(well_known::LYNC).is_empty());
        assert!(MAIL.iter().all(|value| service_of(value) == Some(well_known::GRAPH)));
    }

    #[test]
    fn roles_of_applications() {
        assert_eq!(check_app_roles(&[role(1, "a"), role(2, "b")]), Ok(()));
        assert!(matches!(check_app_roles(&[role(1, "a"), role(1, "b")]), Err(AppRolesRefused::Duplicate(_))));
        assert!(matches!(check_app_roles(&[role(1, "a"), role(2, "a")]), Err(AppRolesRefused::Duplicate(_))));
        assert!(matches!(check_app_roles(&[role(0, "a")]), Err(AppRolesRefused::Duplicate(_))));
        for value in ["", "with space", ".a", "ä", &"a".repeat(121)] {
            assert!(matches!(check_app_roles(&[role(1, value)]), Err(AppRolesRefused::Value(_))), "{value}");
        }
        let nobody = AppRole { allowed_member_types: Vec::new(), ..role(1, "a") };
        assert!(matches!(check_app_roles(&[nobody]), Err(AppRolesRefused::Members(_))));
        let many: Vec<AppRole> = (1..=101).map(|n| role(n, &n.to_string())).collect();
        assert_eq!(check_app_roles(&many), Err(AppRolesRefused::TooMany));
    }
}
