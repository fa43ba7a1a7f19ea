//! `/servicePrincipals`: list, read, add, change, remove.

use actas_directory::credential;
use actas_directory::query::{Filter, Property};
use actas_directory::{ServicePrincipal, well_known};
use actas_store::directory::Audit;
use axum::response::Response;
use http::header::{ETAG, HeaderValue, IF_MATCH, LOCATION};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Request;
use super::answer::{GraphError, json, no_content};
use super::key_credential;
use super::path::{Key, ResourcePath};

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 999;
/// The longest display name (Graph: 256 characters).
const DISPLAY_NAME_CHARS_MAX: usize = 256;
/// The most names of one principal.
const NAMES_MAX: usize = 500;

pub(super) async fn handle(request: &Request<'_>, path: &ResourcePath) -> Result<Response, GraphError> {
    match (&path.key, path.rest.as_deref()) {
        (None, None) if request.method == Method::GET => list(request).await,
        (None, None) if request.method == Method::POST => add(request).await,
        (Some(key), None) => {
            let principal = find(request, key).await?;
            match request.method {
                Method::GET => read(request, &principal),
                Method::PATCH => change(request, principal).await,
                Method::DELETE => remove(request, &principal).await,
                _ => Err(GraphError::method()),
            }
        }
        (_, Some(segment)) => Err(GraphError::no_segment(segment)),
        _ => Err(GraphError::method()),
    }
}

async fn find(request: &Request<'_>, key: &Key) -> Result<ServicePrincipal, GraphError> {
    let (directory, tenant) = (&request.sts.0.directory, request.caller.tenant);
    let (shown, found) = match key {
        Key::Id(id) => {
            let found = match Uuid::try_parse(id) {
                Ok(id) => directory.principal(tenant, id).await?,
                Err(_) => None,
            };
            (id, found)
        }
        Key::Alternate(name, app_id) if name == "appId" => {
            let found = match Uuid::try_parse(app_id) {
                Ok(app_id) => directory.principal_by_app(tenant, app_id).await?,
                Err(_) => None,
            };
            (app_id, found)
        }
        Key::Alternate(name, _) => {
            return Err(GraphError::bad_request(format!("'{name}' is not an alternate key of servicePrincipals.")));
        }
    };
    let found = found.ok_or_else(|| GraphError::not_found(shown))?;
    if request.caller.may_read(&found) { Ok(found) } else { Err(GraphError::denied()) }
}

fn read(request: &Request<'_>, principal: &ServicePrincipal) -> Result<Response, GraphError> {
    let select = Select::parse(request.option("$select"))?;
    let context = format!("{}/v1.0/$metadata#servicePrincipals{}/$entity", request.sts.origin(), select.context());
    let mut body = select.apply(principal, true);
    body.insert("@odata.context".to_owned(), context.into());
    let mut response = json(StatusCode::OK, &Value::Object(body));
    if let Ok(etag) = HeaderValue::from_str(&etag(principal)) {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}

async fn list(request: &Request<'_>) -> Result<Response, GraphError> {
    let select = Select::parse(request.option("$select"))?;
    let filter = request.option("$filter").map(Filter::parse).transpose()?;
    let number = |name, default: usize| match request.option(name).map(str::parse) {
        None => Ok(default),
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(GraphError::bad_request(format!("Invalid value for {name}."))),
    };
    let top = number("$top", PAGE_DEFAULT)?;
    if !(1..=PAGE_MAX).contains(&top) {
        return Err(GraphError::bad_request(format!(
            "Invalid page size specified: '{top}'. Must be between 1 and {PAGE_MAX} inclusive."
        )));
    }
    let skip = number("$skiptoken", 0)?;

    let mut found = Vec::new();
    for principal in candidates(request, filter.as_ref()).await? {
        let fits = filter.as_ref().map_or(Ok(true), |filter| filter.matches(&|name| property(&principal, name)))?;
        if fits && request.caller.may_read(&principal) {
            found.push(principal);
        }
    }
    let total = found.len();
    let page: Vec<Value> =
        found.iter().skip(skip).take(top).map(|principal| Value::Object(select.apply(principal, false))).collect();
    let origin = request.sts.origin();
    let mut body = json!({
        "@odata.context": format!("{origin}/v1.0/$metadata#servicePrincipals{}", select.context()),
        "value": page,
    });
    if request.option("$count") == Some("true") && skip == 0 {
        body["@odata.count"] = total.into();
    }
    if skip + top < total {
        let options = request.query.iter().filter(|(name, _)| name != "$skiptoken");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(options)
            .append_pair("$skiptoken", &(skip + top).to_string())
            .finish();
        body["@odata.nextLink"] = format!("{origin}/v1.0/servicePrincipals?{query}").into();
    }
    Ok(json(StatusCode::OK, &body))
}

/// What a filter has to be applied to: one object where it names one by an index.
async fn candidates(request: &Request<'_>, filter: Option<&Filter>) -> Result<Vec<ServicePrincipal>, GraphError> {
    let (directory, tenant) = (&request.sts.0.directory, request.caller.tenant);
    if let Some(app_id) = filter.and_then(|filter| filter.required_text("appId")) {
        let found = match Uuid::try_parse(app_id) {
            Ok(app_id) => directory.principal_by_app(tenant, app_id).await?,
            Err(_) => None,
        };
        return Ok(found.into_iter().collect());
    }
    Ok(directory.principals(tenant).await?)
}

fn property<'o>(principal: &'o ServicePrincipal, name: &str) -> Option<Property<'o>> {
    Some(match name {
        "id" => Property::Text(principal.id.to_string()),
        "appId" => Property::Text(principal.app_id.to_string()),
        "displayName" => Property::Text(principal.display_name.clone()),
        "accountEnabled" => Property::Boolean(principal.enabled),
        "servicePrincipalNames" => Property::List(&principal.names),
        _ => return None,
    })
}

async fn add(request: &Request<'_>) -> Result<Response, GraphError> {
    request.caller.check_writes_all()?;
    let body = request.json()?;
    let app_id = body
        .get("appId")
        .and_then(Value::as_str)
        .and_then(|text| Uuid::try_parse(text).ok())
        .ok_or_else(|| GraphError::bad_request("The property 'appId' is required and must be a GUID."))?;
    let now = request.sts.0.clock.now();
    let display_name =
        body.get("displayName").and_then(Value::as_str).map_or_else(|| app_id.to_string(), str::to_owned);
    let new = ServicePrincipal::new(Uuid::new_v4(), request.caller.tenant, app_id, &display_name, now);
    let (principal, _) = apply(request, new, &body)?;
    let details = json!({ "by": request.caller.principal.app_id.to_string(), "appId": app_id.to_string(), "displayName": principal.display_name });
    let audit = Audit { time: now, tenant: principal.tenant, kind: "principal added", details };
    match request.sts.0.directory.add_principal(&principal, audit).await {
        Ok(()) => {}
        Err(error) if error.is_exists() => return Err(GraphError::exists("appId or servicePrincipalNames")),
        Err(error) => return Err(error.into()),
    }
    let origin = request.sts.origin();
    let mut body = Select::default().apply(&principal, false);
    body.insert("@odata.context".to_owned(), format!("{origin}/v1.0/$metadata#servicePrincipals/$entity").into());
    let mut response = json(StatusCode::CREATED, &Value::Object(body));
    if let Ok(location) = HeaderValue::from_str(&format!("{origin}/v1.0/servicePrincipals/{}", principal.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

async fn change(request: &Request<'_>, principal: ServicePrincipal) -> Result<Response, GraphError> {
    request.caller.check_writes(&principal)?;
    if let Some(wanted) = request.headers.get(IF_MATCH)
        && wanted.as_bytes() != b"*"
        && wanted.as_bytes() != etag(&principal).as_bytes()
    {
        return Err(GraphError::changed());
    }
    let body = request.json()?;
    let before = key_ids(&principal);
    let (changed, warnings) = apply(request, principal.clone(), &body)?;
    let details = json!({
        "by": request.caller.principal.app_id.to_string(),
        "appId": principal.app_id.to_string(),
        "changed": body.keys().collect::<Vec<_>>(),
        "keysBefore": before,
        "keysAfter": key_ids(&changed),
        "warnings": warnings,
    });
    let audit = Audit { time: request.sts.0.clock.now(), tenant: principal.tenant, kind: "principal changed", details };
    match request.sts.0.directory.update_principal(&changed, audit).await {
        Ok(_) => Ok(no_content()),
        Err(error) if error.is_exists() => Err(GraphError::exists("servicePrincipalNames")),
        Err(error) => Err(error.into()),
    }
}

fn key_ids(principal: &ServicePrincipal) -> Vec<String> {
    principal.key_credentials.iter().map(|credential| credential.key_id.to_string()).collect()
}

async fn remove(request: &Request<'_>, principal: &ServicePrincipal) -> Result<Response, GraphError> {
    request.caller.check_writes_all()?;
    if principal.is_first_party() {
        return Err(GraphError::bad_request(format!(
            "'{}' is a service's own identity and cannot be deleted. To renew a certificate, remove its key credential.",
            principal.display_name
        )));
    }
    let details = json!({ "by": request.caller.principal.app_id.to_string(), "appId": principal.app_id.to_string(), "keysBefore": key_ids(principal) });
    let audit = Audit { time: request.sts.0.clock.now(), tenant: principal.tenant, kind: "principal removed", details };
    request.sts.0.directory.remove_principal(principal.tenant, principal.id, audit).await?;
    Ok(no_content())
}

/// Applies the members of a POST or PATCH: all of them, or none.
fn apply(
    request: &Request<'_>,
    mut principal: ServicePrincipal,
    body: &Map<String, Value>,
) -> Result<(ServicePrincipal, Vec<String>), GraphError> {
    let invalid = |name: &str| {
        GraphError::bad_request(format!(
            "Invalid value specified for property '{name}' of resource 'ServicePrincipal'."
        ))
    };
    let mut warnings = Vec::new();
    for (name, value) in body {
        match name.as_str() {
            "keyCredentials" => {
                let wanted = key_credential::read_all(value)?;
                let now = request.sts.0.clock.now();
                let (all, more) = credential::replace(&principal.key_credentials, &wanted, Uuid::new_v4, now)?;
                principal.key_credentials = all;
                warnings = more.iter().map(ToString::to_string).collect();
            }
            // Annotations, such as the type that some SDKs write into every object.
            name if name.starts_with("@odata.") => {}
            // The rest takes more than owning the object.
            _ if !request.caller.writes_all() => return Err(GraphError::denied()),
            "accountEnabled" => principal.enabled = value.as_bool().ok_or_else(|| invalid(name))?,
            "displayName" => {
                let text = value
                    .as_str()
                    .filter(|text| !text.trim().is_empty() && text.chars().count() <= DISPLAY_NAME_CHARS_MAX);
                text.ok_or_else(|| invalid(name))?.clone_into(&mut principal.display_name);
            }
            "servicePrincipalNames" => {
                principal.names = read_names(value, principal.app_id).ok_or_else(|| invalid(name))?;
            }
            "appId" if value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(&principal.app_id.to_string())) => {}
            other => return Err(GraphError::bad_request(format!("The property '{other}' cannot be set."))),
        }
    }
    Ok((principal, warnings))
}

/// The whole list; the application id stays a name whatever is sent.
fn read_names(value: &Value, app_id: Uuid) -> Option<Vec<String>> {
    let mut names = vec![app_id.to_string()];
    for name in value.as_array()? {
        let name = name
            .as_str()
            .filter(|name| !name.is_empty() && name.len() <= 512 && name.bytes().all(|b| b.is_ascii_graphic()))?;
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    (names.len() <= NAMES_MAX).then_some(names)
}

fn etag(principal: &ServicePrincipal) -> String {
    format!("W/\"{}\"", principal.version)
}

/// `$select`: which properties an answer has.
#[derive(Default)]
struct Select(Option<Vec<String>>);

// === impl Select ===

impl Select {
    fn parse(text: Option<&str>) -> Result<Self, GraphError> {
        let Some(text) = text else { return Ok(Self(None)) };
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        match names.iter().find(|name| !PROPERTIES.contains(&name.as_str())) {
            Some(unknown) => Err(GraphError::bad_request(format!(
                "Could not find a property named '{unknown}' on type 'microsoft.graph.servicePrincipal'."
            ))),
            None => Ok(Self(Some(names))),
        }
    }

    fn context(&self) -> String {
        self.0.as_ref().map_or_else(String::new, |names| format!("({})", names.join(",")))
    }

    fn apply(&self, principal: &ServicePrincipal, single: bool) -> Map<String, Value> {
        let with_keys =
            single && self.0.as_ref().is_some_and(|names| names.iter().any(|name| name == "keyCredentials"));
        let wanted = |name: &str| self.0.as_ref().is_none_or(|names| names.iter().any(|own| own == name));
        to_properties(principal, with_keys)
            .into_iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

const PROPERTIES: [&str; 20] = [
    "id",
    "deletedDateTime",
    "accountEnabled",
    "alternativeNames",
    "appDisplayName",
    "appId",
    "appOwnerOrganizationId",
    "appRoleAssignmentRequired",
    "createdDateTime",
    "description",
    "displayName",
    "homepage",
    "replyUrls",
    "servicePrincipalNames",
    "servicePrincipalType",
    "signInAudience",
    "tags",
    "appRoles",
    "keyCredentials",
    "passwordCredentials",
];

fn to_properties(principal: &ServicePrincipal, with_keys: bool) -> [(&'static str, Value); 20] {
    let keys = principal.key_credentials.iter().map(|credential| key_credential::to_json(credential, with_keys));
    let passwords = principal.password_credentials.iter().map(key_credential::password_to_json);
    let roles = match principal.app_id {
        well_known::EXCHANGE => json!([{
            "id": "dc890d15-9560-4a4c-9b7f-a736ec74ec40",
            "value": "full_access_as_app",
            "displayName": "Use Exchange Web Services with full access to all mailboxes",
            "description": "Allows the app to have full access via Exchange Web Services to all mailboxes without a signed-in user.",
            "allowedMemberTypes": ["Application"],
            "isEnabled": true,
        }]),
        _ => json!([]),
    };
    [
        ("id", principal.id.to_string().into()),
        ("deletedDateTime", Value::Null),
        ("accountEnabled", principal.enabled.into()),
        ("alternativeNames", json!([])),
        ("appDisplayName", principal.display_name.clone().into()),
        ("appId", principal.app_id.to_string().into()),
        ("appOwnerOrganizationId", Value::Null),
        ("appRoleAssignmentRequired", false.into()),
        ("createdDateTime", principal.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into()),
        ("description", Value::Null),
        ("displayName", principal.display_name.clone().into()),
        ("homepage", Value::Null),
        ("replyUrls", json!([])),
        ("servicePrincipalNames", principal.names.clone().into()),
        ("servicePrincipalType", "Application".into()),
        ("signInAudience", "AzureADMyOrg".into()),
        ("tags", json!([])),
        ("appRoles", roles),
        ("keyCredentials", keys.collect()),
        ("passwordCredentials", passwords.collect()),
    ]
}
