//! `/servicePrincipals`: list, read, add, change, delete.

use actas_directory::app_role::AppRole;
use actas_directory::kept::{Kept, KeptProperty};
use actas_directory::query::{Filter, Property};
use actas_directory::service_principal::{KEPT, ServicePrincipal};
use actas_directory::{DeletedObject, KeyCredential, PasswordCredential};
use axum::response::Response;
use http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Request;
use super::answer::{GraphError, no_content};
use super::application::{display_name, same_id};
use super::credential_action::{self, Holder, Id};
use super::entity::{Entity, keep};
use super::permission::Operation;
use super::{app_role_assignment, change, collection, key_credential};
use actas_directory::odata::{Key, ResourcePath};

/// The most names of one principal.
pub(super) const NAMES_MAX: usize = 500;
/// The longest name, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 512;
/// The tenant that owns the services' own applications.
const FIRST_PARTY_OWNER: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";

pub(super) async fn handle(request: &Request<'_>, path: &ResourcePath) -> Result<Response, GraphError> {
    match (&path.key, path.rest().as_slice()) {
        (None, []) if request.method == Method::GET => {
            collection::list::<ServicePrincipal>(request, ServicePrincipal::COLLECTION).await
        }
        (None, []) if request.method == Method::POST => add(request).await,
        (None, ["$count"]) if request.method == Method::GET => collection::count::<ServicePrincipal>(request).await,
        (Some(key), []) => {
            let principal = find(request, key).await?;
            match request.method {
                Method::GET => collection::read(request, &principal),
                Method::PATCH => change(request, principal).await,
                Method::DELETE => remove(request, principal).await,
                _ => Err(GraphError::method()),
            }
        }
        (Some(key), [side @ ("appRoleAssignments" | "appRoleAssignedTo"), rest @ ..]) if rest.len() < 2 => {
            let principal = find(request, key).await?;
            app_role_assignment::handle(request, principal, side, rest.first().copied()).await
        }
        (Some(key), [action]) => credential_action::handle(request, find(request, key).await?, action).await,
        (_, [.., segment]) if *segment != "$count" => Err(GraphError::no_segment(segment)),
        _ => Err(GraphError::method()),
    }
}

async fn find(request: &Request<'_>, key: &Key) -> Result<ServicePrincipal, GraphError> {
    let found = ServicePrincipal::named(request, key).await?;
    // Who assigns roles sees the principals that they are on, too.
    let seen = found.may_be_read(request) || request.caller.may(Operation::WriteAssignments, found.relation(request));
    if seen { Ok(found) } else { Err(GraphError::denied()) }
}

/// From an application of the tenant, or from the id of one that lives elsewhere.
async fn add(request: &Request<'_>) -> Result<Response, GraphError> {
    request.caller.check_any(Operation::AddApplication)?;
    request.check_options(&[])?;
    let body = request.json()?;
    let app_id = body
        .get("appId")
        .and_then(Value::as_str)
        .and_then(|text| Uuid::try_parse(text).ok())
        .filter(|app_id| !app_id.is_nil())
        .ok_or_else(|| GraphError::bad_request("The property 'appId' is required and must be a GUID."))?;
    let (tenant, now, directory) = (request.caller.tenant, request.now(), &request.sts.0.directory);
    let mut new = ServicePrincipal::new(Uuid::new_v4(), tenant, app_id, &app_id.to_string(), now);
    match directory.application_by_app(tenant, app_id).await? {
        Some(application) => {
            request.caller.check(Operation::ChangeApplication, application.relation(request))?;
            new.display_name = application.display_name;
            new.names.extend(application.identifier_uris);
            new.app_roles = application.app_roles;
        }
        None => request.caller.check_any(Operation::ChangeApplication)?,
    }
    new.owners = vec![request.caller.id()];
    let new = apply(request, new, &body)?;
    let audit = change::record(request, "principal added", None, Some(&new));
    match directory.add_principal(&new, audit).await {
        Ok(()) => Ok(request.created(&collection::whole(request, &new), ServicePrincipal::COLLECTION, new.id)),
        Err(error) if error.is_exists() => Err(GraphError::exists("appId or servicePrincipalNames")),
        Err(error) => Err(error.into()),
    }
}

async fn change(request: &Request<'_>, principal: ServicePrincipal) -> Result<Response, GraphError> {
    request.check_options(&[])?;
    let after = apply(request, principal.clone(), &request.json()?)?;
    request.check_unchanged(principal.version)?;
    principal.store(request, &after).await?;
    Ok(no_content())
}

async fn remove(request: &Request<'_>, principal: ServicePrincipal) -> Result<Response, GraphError> {
    request.caller.check(Operation::ChangeApplication, principal.relation(request))?;
    request.check_options(&[])?;
    if principal.is_first_party() {
        return Err(GraphError::bad_request(format!(
            "'{}' is a service's own identity and cannot be deleted. To renew a certificate, remove its key credential.",
            principal.display_name
        )));
    }
    request.check_unchanged(principal.version)?;
    let audit = change::record(request, "principal removed", Some(&principal), None);
    let all = [DeletedObject::ServicePrincipal(principal.into())];
    request.sts.0.directory.delete(&all, request.now(), audit).await?;
    Ok(no_content())
}

/// Applies the members of a POST or PATCH: all of them, or none.
fn apply(
    request: &Request<'_>,
    mut principal: ServicePrincipal,
    body: &Map<String, Value>,
) -> Result<ServicePrincipal, GraphError> {
    let relation = principal.relation(request);
    let boolean =
        |name: &str, value: &Value| value.as_bool().ok_or_else(|| GraphError::invalid(name, "it is true or false"));
    for (name, value) in body {
        match name.as_str() {
            "keyCredentials" => principal.replace_keys(request, value)?,
            // Annotations, such as the type that some SDKs write into every object.
            name if name.starts_with("@odata.") => {}
            // The rest takes more than being the principal.
            _ if !request.caller.may(Operation::ChangeApplication, relation) => return Err(GraphError::denied()),
            "accountEnabled" => principal.enabled = boolean(name, value)?,
            "appRoleAssignmentRequired" => principal.assignment_required = boolean(name, value)?,
            "displayName" => principal.display_name = display_name(value)?,
            "servicePrincipalNames" => {
                request.caller.check(Operation::NamePrincipal, relation)?;
                principal.names = read_names(value, principal.app_id)
                    .ok_or_else(|| GraphError::invalid(name, format!("up to {NAMES_MAX} names without spaces")))?;
            }
            "appId" if same_id(value, principal.app_id) => {}
            name if keep(&KEPT, &mut principal.kept, name, value)? => {}
            other => return Err(GraphError::bad_request(format!("The property '{other}' cannot be set."))),
        }
    }
    Ok(principal)
}

/// The whole list; the application id stays a name whatever is sent.
fn read_names(value: &Value, app_id: Uuid) -> Option<Vec<String>> {
    let mut names = vec![app_id.to_string()];
    for name in value.as_array()? {
        let fits =
            |name: &&str| (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
        let name = name.as_str().filter(fits)?;
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    (names.len() <= NAMES_MAX).then_some(names)
}

/// Roles as they are shown.
pub(super) fn roles_to_json(roles: &[AppRole]) -> Value {
    let one = |role: &AppRole| {
        json!({
            "id": role.id.to_string(),
            "allowedMemberTypes": role.allowed_member_types,
            "description": role.description,
            "displayName": role.display_name,
            "isEnabled": role.is_enabled,
            "origin": "Application",
            "value": role.value,
        })
    };
    roles.iter().map(one).collect()
}

impl Holder for ServicePrincipal {
    fn app_id(&self) -> Uuid {
        self.app_id
    }

    fn owners(&self) -> &[Uuid] {
        &self.owners
    }

    fn keys(&self) -> &Vec<KeyCredential> {
        &self.key_credentials
    }

    fn keys_mut(&mut self) -> &mut Vec<KeyCredential> {
        &mut self.key_credentials
    }

    fn passwords(&self) -> &Vec<PasswordCredential> {
        &self.password_credentials
    }

    fn passwords_mut(&mut self) -> &mut Vec<PasswordCredential> {
        &mut self.password_credentials
    }

    async fn with_id(request: &Request<'_>, id: Id) -> Result<Option<Self>, GraphError> {
        let (directory, tenant) = (&request.sts.0.directory, request.caller.tenant);
        Ok(match id {
            Id::Object(id) => directory.principal(tenant, id).await?,
            Id::Application(app_id) => directory.principal_by_app(tenant, app_id).await?,
        })
    }

    async fn store(&self, request: &Request<'_>, after: &Self) -> Result<(), GraphError> {
        let audit = change::record(request, "principal changed", Some(self), Some(after));
        match request.sts.0.directory.update_principal(after, audit).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_exists() => Err(GraphError::exists("servicePrincipalNames")),
            Err(error) => Err(error.into()),
        }
    }
}

impl Entity for ServicePrincipal {
    const COLLECTION: &'static str = "servicePrincipals";
    const KIND: &'static str = "servicePrincipal";
    const NAMES: &'static [&'static str] = &[
        "id",
        "deletedDateTime",
        "accountEnabled",
        "appDisplayName",
        "appId",
        "appOwnerOrganizationId",
        "appRoleAssignmentRequired",
        "appRoles",
        "createdDateTime",
        "displayName",
        "keyCredentials",
        "oauth2PermissionScopes",
        "passwordCredentials",
        "servicePrincipalNames",
        "servicePrincipalType",
        "signInAudience",
    ];
    const KEPT: &'static [KeptProperty] = &KEPT;
    const DEFAULT: &'static [&'static str] = &[];

    fn id(&self) -> Uuid {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn kept(&self) -> &Kept {
        &self.kept
    }

    fn display_name(&self) -> &str {
        &self.display_name
    }

    fn value(&self, name: &str, with_keys: bool) -> Option<Value> {
        Some(match name {
            "id" => self.id.to_string().into(),
            "deletedDateTime" => Value::Null,
            "accountEnabled" => self.enabled.into(),
            "appId" => self.app_id.to_string().into(),
            "appOwnerOrganizationId" if self.is_first_party() => FIRST_PARTY_OWNER.into(),
            "appOwnerOrganizationId" => self.tenant.to_string().into(),
            "appRoleAssignmentRequired" => self.assignment_required.into(),
            "appRoles" => roles_to_json(&self.exposed_roles()),
            "createdDateTime" => key_credential::wire_time(self.created).into(),
            "appDisplayName" | "displayName" => self.display_name.clone().into(),
            "keyCredentials" => {
                self.key_credentials.iter().map(|key| key_credential::to_json(key, with_keys)).collect()
            }
            // No user signs in here, so no delegated permission is exposed.
            "oauth2PermissionScopes" => json!([]),
            "passwordCredentials" => self.password_credentials.iter().map(key_credential::password_to_json).collect(),
            "servicePrincipalNames" => self.names.clone().into(),
            "servicePrincipalType" => "Application".into(),
            "signInAudience" => "AzureADMyOrg".into(),
            _ => return None,
        })
    }

    fn filtered<'o>(&'o self, name: &str) -> Option<Property<'o>> {
        Some(match name {
            "id" => Property::Text(self.id.to_string()),
            "appId" => Property::Text(self.app_id.to_string()),
            "displayName" => Property::Text(self.display_name.clone()),
            "accountEnabled" => Property::Boolean(self.enabled),
            "servicePrincipalNames" => Property::List(&self.names),
            "servicePrincipalType" => Property::Text("Application".to_owned()),
            _ => return None,
        })
    }

    fn may_be_read(&self, request: &Request<'_>) -> bool {
        request.caller.may(Operation::ReadApplication, self.relation(request))
    }

    async fn page(request: &Request<'_>, after: Uuid, count: i64) -> Result<Vec<Self>, GraphError> {
        Ok(request.sts.0.directory.principals_after(request.caller.tenant, after, count).await?)
    }

    async fn indexed(request: &Request<'_>, filter: &Filter) -> Result<Option<Vec<Self>>, GraphError> {
        let found = if let Some(found) = Self::indexed_by_id(request, filter).await? {
            found
        } else if let Some(name) = filter.required_item("servicePrincipalNames") {
            request.sts.0.directory.principal_by_name(request.caller.tenant, name).await?
        } else {
            return Ok(None);
        };
        Ok(Some(found.into_iter().collect()))
    }

    fn from_deleted(object: DeletedObject) -> Option<Self> {
        match object {
            DeletedObject::ServicePrincipal(principal) => Some(*principal),
            _ => None,
        }
    }
}
