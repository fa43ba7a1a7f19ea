//! What may be sent, as the document tells it: less than is answered, since ids and times are the
//! directory's own.

use actas_directory::app_role::{APP_ROLES_MAX, ROLE_VALUE_BYTES_MAX};
use actas_directory::application::{IDENTIFIER_URI_BYTES_MAX, IDENTIFIER_URIS_MAX};
use actas_directory::odata::openapi::schema::{
    boolean, bounded, closed, id, list, object, one_of, optional, reference, text, time,
};
use actas_directory::{Application, ServicePrincipal, User};
use serde_json::{Map, Value, json};

use super::kept_schema;
use crate::graph::application::{DISPLAY_NAME_CHARS_MAX, ROLE_DESCRIPTION_CHARS_MAX};
use crate::graph::batch::REQUESTS_MAX;
use crate::graph::entity::Entity;
use crate::graph::service_principal::{NAME_BYTES_MAX, NAMES_MAX};
use crate::graph::user::UPN_BYTES_MAX;

/// Every schema of a body.
pub(super) fn schemas() -> Map<String, Value> {
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
        ("newKeyCredential", key_credential(&["AsymmetricX509Cert", "Symmetric", "X509CertAndPassword"], &[])),
        ("newPasswordCredential", password_credential()),
        ("addKey", add_key()),
        ("removeKey", object(json!({ "keyId": id(), "proof": text() }), &["keyId", "proof"])),
        ("addPassword", object(json!({ "passwordCredential": reference("newPasswordCredential") }), &[])),
        ("removePassword", object(json!({ "keyId": id() }), &["keyId"])),
        ("batch", batch()),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// The body of an object that is made or changed: its own properties and those that are kept.
/// Whatever else it names is refused, so that nothing is taken and then forgotten.
fn body<E: Entity>(own: Value, required: &[&str]) -> Value {
    let mut schema = closed(own, required);
    for property in E::KEPT {
        schema["properties"][property.name] = kept_schema(property);
    }
    // Some SDKs write the type into every object.
    schema["properties"]["@odata.type"] = json!({});
    schema
}

/// Some characters that are not all space.
fn display_name() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": DISPLAY_NAME_CHARS_MAX, "pattern": "\\S" })
}

fn application() -> Value {
    let uri = json!({ "type": "string", "format": "uri", "maxLength": IDENTIFIER_URI_BYTES_MAX });
    json!({
        "displayName": display_name(),
        "identifierUris": bounded(IDENTIFIER_URIS_MAX, &uri),
        "appRoles": bounded(APP_ROLES_MAX, &reference("newAppRole")),
        "keyCredentials": list(&reference("newKeyCredential")),
    })
}

fn service_principal() -> Value {
    let name = json!({ "type": "string", "pattern": format!("^[!-~]{{1,{NAME_BYTES_MAX}}}$") });
    json!({
        "accountEnabled": boolean(),
        "appRoleAssignmentRequired": boolean(),
        "displayName": display_name(),
        "keyCredentials": list(&reference("newKeyCredential")),
        "servicePrincipalNames": bounded(NAMES_MAX, &name),
    })
}

fn with_app_id(mut properties: Value) -> Value {
    properties["appId"] = id();
    properties
}

fn user() -> Value {
    json!({
        "accountEnabled": boolean(),
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
    let properties = json!({
        "id": id(),
        "allowedMemberTypes": { "type": "array", "minItems": 1, "items": one_of(&["Application", "User"]) },
        "description": { "type": "string", "nullable": true, "maxLength": ROLE_DESCRIPTION_CHARS_MAX },
        "displayName": { "type": "string", "maxLength": DISPLAY_NAME_CHARS_MAX },
        "isEnabled": boolean(),
        "value": {
            "type": "string", "nullable": true, "pattern": format!("^[!--/-~][!-~]{{0,{}}}$", ROLE_VALUE_BYTES_MAX - 1),
        },
    });
    object(properties, &["id", "allowedMemberTypes", "displayName"])
}

/// A key of a new type or usage says both; what is not required may be null.
fn key_credential(kinds: &[&str], required: &[&str]) -> Value {
    let perhaps = |name: &str, schema: Value| if required.contains(&name) { schema } else { optional(schema) };
    let key = json!({
        "type": "string", "format": "byte",
        "description": "A certificate, DER in Base64; absent for a key that stays as it is.",
    });
    let properties = json!({
        "customKeyIdentifier": optional(text()),
        "displayName": optional(text()),
        "endDateTime": optional(time()),
        "key": perhaps("key", key),
        "keyId": optional(id()),
        "startDateTime": optional(time()),
        "type": perhaps("type", one_of(kinds)),
        "usage": perhaps("usage", one_of(&["Sign", "Verify"])),
    });
    object(properties, required)
}

/// A password goes with a certificate's private key (`X509CertAndPassword`) and with nothing else.
fn add_key() -> Value {
    let kinds = ["AsymmetricX509Cert", "X509CertAndPassword"];
    let password = object(json!({ "secretText": { "type": "string", "minLength": 1 } }), &["secretText"]);
    let properties = json!({
        "keyCredential": key_credential(&kinds, &["type", "usage", "key"]),
        "passwordCredential": optional(password),
        "proof": text(),
    });
    object(properties, &["keyCredential", "proof"])
}

fn password_credential() -> Value {
    let time = optional(time());
    let properties = json!({
        "displayName": optional(text()),
        "endDateTime": time,
        "startDateTime": time,
    });
    optional(object(properties, &[]))
}

/// Each request of a batch is judged when its turn comes, and answered in the batch.
fn batch() -> Value {
    let properties = json!({
        "id": text(), "method": text(), "url": text(), "headers": { "type": "object" }, "body": {},
        "dependsOn": list(&text()),
    });
    let one = object(properties, &["id", "method", "url"]);
    let mut requests = bounded(REQUESTS_MAX, &one);
    requests["minItems"] = 1.into();
    object(json!({ "requests": requests }), &["requests"])
}
