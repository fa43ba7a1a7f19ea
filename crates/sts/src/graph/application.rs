//! `/applications`: list, read, register, change, delete.

use actas_directory::app_role::{AppRole, check_app_roles};
use actas_directory::application::{Application, KEPT};
use actas_directory::kept::{Kept, KeptProperty};
use actas_directory::query::{Filter, Property};
use actas_directory::{DeletedObject, KeyCredential, PasswordCredential, ServicePrincipal, Tenant};
use axum::response::Response;
use http::Method;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Request;
use super::answer::{GraphError, no_content};
use super::credential_action::{self, Holder, Id};
use super::entity::{Entity, keep};
use super::permission::Operation;
use super::{change, collection, key_credential, service_principal};
use actas_directory::odata::{Key, ResourcePath};

/// The longest display name (Graph: 256 characters).
pub(super) const DISPLAY_NAME_CHARS_MAX: usize = 256;
/// The longest description of a role, in characters.
pub(super) const ROLE_DESCRIPTION_CHARS_MAX: usize = 1024;

pub(super) async fn handle(request: &Request<'_>, path: &ResourcePath) -> Result<Response, GraphError> {
    match (&path.key, path.rest().as_slice()) {
        (None, []) if request.method == Method::GET => {
            collection::list::<Application>(request, Application::COLLECTION).await
        }
        (None, []) if request.method == Method::POST => add(request).await,
        (None, ["$count"]) if request.method == Method::GET => collection::count::<Application>(request).await,
        (Some(key), []) => {
            let application = find(request, key).await?;
            match request.method {
                Method::GET => collection::read(request, &application),
                Method::PATCH => change(request, application).await,
                Method::DELETE => remove(request, application).await,
                _ => Err(GraphError::method()),
            }
        }
        (Some(key), [action]) => credential_action::handle(request, find(request, key).await?, action).await,
        (_, [.., segment]) if *segment != "$count" => Err(GraphError::no_segment(segment)),
        _ => Err(GraphError::method()),
    }
}

async fn find(request: &Request<'_>, key: &Key) -> Result<Application, GraphError> {
    let found = Application::named(request, key).await?;
    if found.may_be_read(request) { Ok(found) } else { Err(GraphError::denied()) }
}

async fn add(request: &Request<'_>) -> Result<Response, GraphError> {
    request.caller.check_any(Operation::AddApplication)?;
    request.check_options(&[])?;
    let body = request.json()?;
    if !body.contains_key("displayName") {
        return Err(GraphError::bad_request("The property 'displayName' is required."));
    }
    let keys = body.get("keyCredentials").and_then(Value::as_array).into_iter().flatten();
    if keys.into_iter().any(|key| key.get("keyId").is_some_and(|id| !id.is_null())) {
        return Err(GraphError::bad_request("The property KeyId is not supported for Create Application flow."));
    }
    let (tenant, now) = (request.caller.tenant, request.now());
    let mut new = Application::new(Uuid::new_v4(), tenant, Uuid::new_v4(), "", now);
    // Whoever registers it may manage it.
    new.owners = vec![request.caller.id()];
    let new = apply(request, new, &body).await?;
    let audit = change::record(request, "application added", None, Some(&new));
    match request.sts.0.directory.add_application(&new, audit).await {
        Ok(()) => Ok(request.created(&collection::whole(request, &new), Application::COLLECTION, new.id)),
        Err(error) if error.is_exists() => Err(GraphError::exists("identifierUris")),
        Err(error) => Err(error.into()),
    }
}

async fn change(request: &Request<'_>, application: Application) -> Result<Response, GraphError> {
    request.check_options(&[])?;
    let after = apply(request, application.clone(), &request.json()?).await?;
    request.check_unchanged(application.version)?;
    application.store(request, &after).await?;
    Ok(no_content())
}

/// The application's principal here goes with it.
async fn remove(request: &Request<'_>, application: Application) -> Result<Response, GraphError> {
    request.caller.check(Operation::ChangeApplication, application.relation(request))?;
    request.check_options(&[])?;
    request.check_unchanged(application.version)?;
    let directory = &request.sts.0.directory;
    let principal = directory.principal_by_app(application.tenant, application.app_id).await?;
    let audit = change::record(request, "application removed", Some(&application), None);
    let mut all = vec![DeletedObject::Application(application.into())];
    all.extend(principal.map(|principal| DeletedObject::ServicePrincipal(principal.into())));
    directory.delete(&all, request.now(), audit).await?;
    Ok(no_content())
}

/// Applies the members of a POST or PATCH: all of them, or none.
async fn apply(
    request: &Request<'_>,
    mut application: Application,
    body: &Map<String, Value>,
) -> Result<Application, GraphError> {
    let relation = application.relation(request);
    for (name, value) in body {
        match name.as_str() {
            "keyCredentials" => application.replace_keys(request, value)?,
            // Annotations, such as the type that some SDKs write into every object.
            name if name.starts_with("@odata.") => {}
            // The rest takes more than being the application.
            _ if !request.caller.may(Operation::ChangeApplication, relation) => return Err(GraphError::denied()),
            "displayName" => application.display_name = display_name(value)?,
            "identifierUris" => {
                let uris: Vec<String> =
                    serde_json::from_value(value.clone()).map_err(|error| GraphError::invalid(name, error))?;
                application.identifier_uris = Application::read_identifier_uris(&uris, &own_tenant(request).await?)?;
            }
            "appRoles" => application.app_roles = app_roles(value)?,
            "appId" if same_id(value, application.app_id) => {}
            name if keep(&KEPT, &mut application.kept, name, value)? => {}
            other => return Err(GraphError::bad_request(format!("The property '{other}' cannot be set."))),
        }
    }
    Ok(application)
}

/// A name for people: some characters, not too many.
pub(super) fn display_name(value: &Value) -> Result<String, GraphError> {
    let fits = |text: &&str| !text.trim().is_empty() && text.chars().count() <= DISPLAY_NAME_CHARS_MAX;
    let text = value.as_str().filter(fits);
    text.map(str::to_owned)
        .ok_or_else(|| GraphError::invalid("displayName", format!("1 to {DISPLAY_NAME_CHARS_MAX} characters")))
}

/// Whether a value names this id: repeating what is so changes nothing.
pub(super) fn same_id(value: &Value, id: Uuid) -> bool {
    value.as_str().and_then(|text| Uuid::try_parse(text).ok()) == Some(id)
}

/// The caller's tenant.
pub(super) async fn own_tenant(request: &Request<'_>) -> Result<Tenant, GraphError> {
    let id = request.caller.tenant.to_string();
    request.sts.tenant(&id).await?.ok_or_else(|| GraphError::not_found(&id))
}

fn app_roles(value: &Value) -> Result<Vec<AppRole>, GraphError> {
    let roles: Vec<AppRole> =
        serde_json::from_value(value.clone()).map_err(|error| GraphError::invalid("appRoles", error))?;
    check_app_roles(&roles).map_err(|error| GraphError::invalid("appRoles", error))?;
    let long = |text: &str, max| text.chars().count() > max;
    let fits = |role: &AppRole| {
        !long(&role.display_name, DISPLAY_NAME_CHARS_MAX)
            && !role.description.as_ref().is_some_and(|d| long(d, ROLE_DESCRIPTION_CHARS_MAX))
    };
    if roles.iter().all(fits) { Ok(roles) } else { Err(GraphError::invalid("appRoles", "a text is too long")) }
}

/// The application's principal, changed as the application was.
fn follow(principal: &ServicePrincipal, before: &Application, after: &Application) -> ServicePrincipal {
    let mut follower = principal.clone();
    if before.display_name != after.display_name {
        follower.display_name.clone_from(&after.display_name);
    }
    let among = |uris: &[String], name: &str| uris.iter().any(|uri| uri.eq_ignore_ascii_case(name));
    follower.names.retain(|name| !among(&before.identifier_uris, name) || among(&after.identifier_uris, name));
    let missing = after.identifier_uris.iter().filter(|uri| !among(&principal.names, uri));
    follower.names.extend(missing.cloned());
    follower.app_roles.clone_from(&after.app_roles);
    follower
}

impl Holder for Application {
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
            Id::Object(id) => directory.application(tenant, id).await?,
            Id::Application(app_id) => directory.application_by_app(tenant, app_id).await?,
        })
    }

    async fn store(&self, request: &Request<'_>, after: &Self) -> Result<(), GraphError> {
        let directory = &request.sts.0.directory;
        let principal = directory.principal_by_app(self.tenant, self.app_id).await?;
        let follower = principal.map(|own| (follow(&own, self, after), own)).filter(|(follower, own)| follower != own);
        let audit = change::record(request, "application changed", Some(self), Some(after));
        match directory.update_application(after, follower.as_ref().map(|(follower, _)| follower), audit).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_exists() => Err(GraphError::exists("identifierUris")),
            Err(error) => Err(error.into()),
        }
    }
}

impl Entity for Application {
    const COLLECTION: &'static str = "applications";
    const KIND: &'static str = "application";
    const NAMES: &'static [&'static str] = &[
        "id",
        "deletedDateTime",
        "appId",
        "appRoles",
        "createdDateTime",
        "displayName",
        "identifierUris",
        "keyCredentials",
        "passwordCredentials",
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
            "appId" => self.app_id.to_string().into(),
            "appRoles" => service_principal::roles_to_json(&self.app_roles),
            "createdDateTime" => key_credential::wire_time(self.created).into(),
            "displayName" => self.display_name.clone().into(),
            "identifierUris" => self.identifier_uris.clone().into(),
            "keyCredentials" => {
                self.key_credentials.iter().map(|key| key_credential::to_json(key, with_keys)).collect()
            }
            "passwordCredentials" => self.password_credentials.iter().map(key_credential::password_to_json).collect(),
            _ => return None,
        })
    }

    fn filtered<'o>(&'o self, name: &str) -> Option<Property<'o>> {
        Some(match name {
            "id" => Property::Text(self.id.to_string()),
            "appId" => Property::Text(self.app_id.to_string()),
            "displayName" => Property::Text(self.display_name.clone()),
            "identifierUris" => Property::List(&self.identifier_uris),
            _ => return None,
        })
    }

    fn may_be_read(&self, request: &Request<'_>) -> bool {
        request.caller.may(Operation::ReadApplication, self.relation(request))
    }

    async fn page(request: &Request<'_>, after: Uuid, count: i64) -> Result<Vec<Self>, GraphError> {
        Ok(request.sts.0.directory.applications_after(request.caller.tenant, after, count).await?)
    }

    async fn indexed(request: &Request<'_>, filter: &Filter) -> Result<Option<Vec<Self>>, GraphError> {
        let found = if let Some(found) = Self::indexed_by_id(request, filter).await? {
            found
        } else if let Some(uri) = filter.required_item("identifierUris") {
            request.sts.0.directory.application_by_uri(request.caller.tenant, uri).await?
        } else {
            return Ok(None);
        };
        Ok(Some(found.into_iter().collect()))
    }

    fn from_deleted(object: DeletedObject) -> Option<Self> {
        match object {
            DeletedObject::Application(application) => Some(*application),
            _ => None,
        }
    }
}
