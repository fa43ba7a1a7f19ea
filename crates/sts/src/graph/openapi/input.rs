//! What may be sent, as the document tells it: less than is answered, since ids and times are the
//! directory's own.

use actas_directory::app_role::{APP_ROLES_MAX, ROLE_VALUE_BYTES_MAX};
use actas_directory::application::{IDENTIFIER_URI_BYTES_MAX, IDENTIFIER_URIS_MAX};
use actas_directory::{Application, ServicePrincipal, User};
use serde_json::{Map, Value, json};

use super::{id, kept_schema};
use crate::graph::application::{DISPLAY_NAME_CHARS_MAX, ROLE_DESCRIPTION_CHARS_MAX};
use crate::graph::batch::REQUESTS_MAX;
use crate::graph::entity::Entity;
use crate::graph::service_principal::{NAME_BYTES_MAX, NAMES_MAX};
use crate::graph::user::UPN_BYTES_MAX;

/// Every schema of a body.
pub(super) fn schemas() -> Map<String, Value> {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let text = json!({ "type": "string" });
    let all = [
        ("newApplication", body::<Application>(application(), &["displayName"])),
        ("applicationChange", body::<Application>(application(), &[])),
        ("newServicePrincipal", body::<ServicePrincipal>(with_app_id(service_principal()), &["appId"])),
        ("servicePrincipalChange", body::<ServicePrincipal>(service_principal(), &[])),
        ("newUser", new_user()),
        ("userChange", body::<User>(user(), &[])),
        ("newAppRole", app_role()),
        (
            "newAppRoleAssignment",
            object(
                json!({ "principalId": id(), "resourceId": id(), "appRoleId": id() }),
                &["principalId", "resourceId", "appRoleId"],
            ),
        ),
        ("newKeyCredential", key_credential()),
        ("newPasswordCredential", password_credential()),
        (
            "addKey",
            object(
                json!({ "keyCredential": reference("newKeyCredential"), "proof": text }),
                &["keyCredential", "proof"],
            ),
        ),
        ("removeKey", object(json!({ "keyId": id(), "proof": text }), &["keyId", "proof"])),
        ("addPassword", object(json!({ "passwordCredential": reference("newPasswordCredential") }), &[])),
        ("removePassword", object(json!({ "keyId": id() }), &["keyId"])),
        ("batch", batch()),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn object(properties: Value, required: &[&str]) -> Value {
    let mut schema = json!({ "type": "object" });
    schema["properties"] = properties;
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// The body of an object that is made or changed: its own properties and those that are kept.
/// Whatever else it names is refused, so that nothing is taken and then forgotten.
fn body<E: Entity>(own: Value, required: &[&str]) -> Value {
    let mut schema = object(own, required);
    for property in E::KEPT {
        schema["properties"][property.name] = kept_schema(property);
    }
    // Some SDKs write the type into every object.
    schema["properties"]["@odata.type"] = json!({});
    schema["additionalProperties"] = false.into();
    schema
}

fn listed(max: usize, items: &Value) -> Value {
    json!({ "type": "array", "maxItems": max, "items": items })
}

fn named(schema: &str) -> Value {
    json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{schema}") } })
}

/// Some characters that are not all space.
fn display_name() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": DISPLAY_NAME_CHARS_MAX, "pattern": "\\S" })
}

fn application() -> Value {
    let uri = json!({ "type": "string", "format": "uri", "maxLength": IDENTIFIER_URI_BYTES_MAX });
    let mut roles = named("newAppRole");
    roles["maxItems"] = APP_ROLES_MAX.into();
    json!({
        "displayName": display_name(),
        "identifierUris": listed(IDENTIFIER_URIS_MAX, &uri),
        "appRoles": roles,
        "keyCredentials": named("newKeyCredential"),
    })
}

fn service_principal() -> Value {
    let name = json!({ "type": "string", "pattern": format!("^[!-~]{{1,{NAME_BYTES_MAX}}}$") });
    json!({
        "accountEnabled": { "type": "boolean" },
        "appRoleAssignmentRequired": { "type": "boolean" },
        "displayName": display_name(),
        "keyCredentials": named("newKeyCredential"),
        "servicePrincipalNames": listed(NAMES_MAX, &name),
    })
}

fn with_app_id(mut properties: Value) -> Value {
    properties["appId"] = id();
    properties
}

fn user() -> Value {
    json!({
        "accountEnabled": { "type": "boolean" },
        "displayName": display_name(),
        "userPrincipalName": {
            "type": "string", "maxLength": UPN_BYTES_MAX, "pattern": "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$",
            "description": "In a verified domain of the organization.",
        },
    })
}

fn new_user() -> Value {
    let required = ["accountEnabled", "displayName", "mailNickname", "userPrincipalName"];
    let mut schema = body::<User>(user(), &required);
    if let Some(Value::Object(nickname)) = schema["properties"].get_mut("mailNickname") {
        nickname.remove("nullable");
    }
    schema["properties"]["passwordProfile"] =
        json!({ "type": "object", "nullable": true, "description": "Not kept: nobody signs in as a user here." });
    schema
}

fn app_role() -> Value {
    let member = json!({ "type": "string", "enum": ["Application", "User"] });
    let properties = json!({
        "id": id(),
        "allowedMemberTypes": { "type": "array", "minItems": 1, "items": member },
        "description": { "type": "string", "nullable": true, "maxLength": ROLE_DESCRIPTION_CHARS_MAX },
        "displayName": { "type": "string", "maxLength": DISPLAY_NAME_CHARS_MAX },
        "isEnabled": { "type": "boolean" },
        "value": {
            "type": "string", "nullable": true, "pattern": format!("^[!--/-~][!-~]{{0,{}}}$", ROLE_VALUE_BYTES_MAX - 1),
        },
    });
    object(properties, &["id", "allowedMemberTypes", "displayName"])
}

fn key_credential() -> Value {
    let perhaps = json!({ "type": "string", "nullable": true });
    let time = json!({ "type": "string", "format": "date-time", "nullable": true });
    let properties = json!({
        "customKeyIdentifier": perhaps,
        "displayName": perhaps,
        "endDateTime": time,
        "key": {
            "type": "string", "format": "byte", "nullable": true,
            "description": "A certificate, DER in Base64; absent for a key that stays as it is.",
        },
        "keyId": { "type": "string", "format": "uuid", "nullable": true },
        "startDateTime": time,
        "type": { "type": "string", "nullable": true, "enum": ["AsymmetricX509Cert", "Symmetric", null] },
        "usage": { "type": "string", "nullable": true, "enum": ["Sign", "Verify", null] },
    });
    object(properties, &[])
}

fn password_credential() -> Value {
    let time = json!({ "type": "string", "format": "date-time", "nullable": true });
    let properties = json!({
        "displayName": { "type": "string", "nullable": true },
        "endDateTime": time,
        "startDateTime": time,
    });
    let mut schema = object(properties, &[]);
    schema["nullable"] = true.into();
    schema
}

/// Each request of a batch is judged when its turn comes, and answered in the batch.
fn batch() -> Value {
    let text = json!({ "type": "string" });
    let one = json!({ "type": "object", "required": ["id", "method", "url"], "properties": {
        "id": text,
        "method": text,
        "url": text,
        "headers": { "type": "object" },
        "body": {},
        "dependsOn": { "type": "array", "items": text },
    } });
    object(
        json!({ "requests": { "type": "array", "minItems": 1, "maxItems": REQUESTS_MAX, "items": one } }),
        &["requests"],
    )
}
