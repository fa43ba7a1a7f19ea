//! What is served, told to programs: OpenAPI 3.0, made from one table of routes and from
//! the properties that objects have. `openapi/graph-v1.0.json` is the same document,
//! committed, so that a change of the interface is a change that reviewers see.

use actas_directory::kept::{KeptProperty, LIST_ENTRIES_MAX, Shape};
use actas_directory::{Application, ServicePrincipal, User};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer;
use super::entity::Entity;
use super::path::{Key, ResourcePath};

mod input;
mod option;

/// What a route answers when all is well.
#[derive(Clone, Copy)]
enum Answer {
    /// 201 with an object of this schema.
    Created(&'static str),
    /// 200 with a bare number.
    Count,
    /// 200 with a page of objects.
    List(&'static str),
    /// 204.
    Nothing,
    /// 200 with an object.
    Object(&'static str),
}

/// Method, path, what it does, what it takes, what it answers.
type Route = (&'static str, &'static str, &'static str, Option<&'static str>, Answer);

pub(super) async fn serve() -> Response {
    answer::json(StatusCode::OK, &document())
}

fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let (method, path, ..) = route;
        for path in spellings(path) {
            let item = paths.entry(path.clone()).or_insert_with(|| json!({ "parameters": parameters(&path) }));
            item[method] = operation(route);
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Directory",
            "version": "1.0",
            "description": "The directory of a tenant: applications, service principals, users, domains. Shapes of Microsoft Graph v1.0.",
        },
        "servers": [{ "url": "/v1.0" }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "responses": { "error": error_response() },
            "schemas": schemas(),
        },
    })
}

/// Applications and principals are addressed by object id and by application id.
fn spellings(path: &str) -> Vec<String> {
    let by_app = path.replace("/{id}", "(appId='{appId}')");
    let both = ["/applications/{id}", "/servicePrincipals/{id}"].iter().any(|start| path.starts_with(start));
    if both { vec![path.to_owned(), by_app] } else { vec![path.to_owned()] }
}

fn parameters(path: &str) -> Value {
    let names = path.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name));
    let by_name = ["/domains/", "/users/"].iter().any(|start| path.starts_with(start));
    let schema = if by_name { json!({ "type": "string", "minLength": 1 }) } else { id() };
    names.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": schema })).collect()
}

/// The methods of a path, as `Allow` names them.
pub(super) fn methods(path: &ResourcePath) -> String {
    let mut segments = vec![path.collection.as_str()];
    segments.extend(path.key.as_ref().map(|key| match key {
        Key::Id(id) | Key::Alternate(_, id) => id.as_str(),
    }));
    segments.extend(path.rest());
    let leads_there = |route: &str| {
        let parts: Vec<&str> = route.split('/').skip(1).collect();
        let fits = |(part, segment): (&&str, &&str)| {
            part.starts_with('{') || part.trim_start_matches("microsoft.graph.") == *segment
        };
        parts.len() == segments.len() && parts.iter().zip(&segments).all(fits)
    };
    // A path that is written out is not the object of that id.
    let exact = |route: &&Route| leads_there(route.1) && !route.1.ends_with('}');
    let mut found: Vec<&Route> = ROUTES.iter().filter(exact).collect();
    if found.is_empty() {
        found = ROUTES.iter().filter(|route| leads_there(route.1)).collect();
    }
    let names: Vec<String> = found.iter().map(|(method, ..)| method.to_uppercase()).collect();
    names.join(", ")
}

fn id() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn operation(&(method, path, summary, takes, answer): &Route) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let page = |name: &str| {
        json!({ "type": "object", "required": ["value"], "properties": {
            "@odata.context": { "type": "string" },
            "@odata.count": { "type": "integer" },
            "@odata.nextLink": { "type": "string" },
            "value": { "type": "array", "items": reference(name) },
        } })
    };
    let (status, description, body) = match answer {
        Answer::Created(name) => ("201", "Made.", Some(content(reference(name)))),
        Answer::Count => ("200", "How many.", Some(json!({ "text/plain": { "schema": { "type": "string" } } }))),
        Answer::List(name) => ("200", "A page.", Some(content(page(name)))),
        Answer::Nothing => ("204", "Done.", None),
        Answer::Object(name) => ("200", "The object.", Some(content(reference(name)))),
    };
    let mut success = json!({ "description": description });
    if let Some(body) = body {
        success["content"] = body;
    }
    let mut shown = json!({
        "summary": summary,
        "parameters": option::of(method, path, answer),
        "responses": { status: success, "default": { "$ref": "#/components/responses/error" } },
    });
    if method == "get" {
        shown["responses"]["414"] = json!({ "description": "An address that is longer than any that is served." });
    }
    if let Some(name) = takes {
        shown["requestBody"] = json!({ "required": true, "content": content(reference(name)) });
    }
    shown
}

fn error_response() -> Value {
    let text = json!({ "type": "string" });
    let inner =
        json!({ "type": "object", "properties": { "date": text, "request-id": text, "client-request-id": text } });
    let error = json!({ "type": "object", "required": ["code", "message"], "properties": {
        "code": text, "message": text, "innerError": inner,
    } });
    let schema = json!({ "type": "object", "required": ["error"], "properties": { "error": error } });
    json!({ "description": "Refused.", "content": { "application/json": { "schema": schema } } })
}

fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let perhaps = || json!({ "type": "string", "nullable": true });
    let time = || json!({ "type": "string", "format": "date-time" });
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let mut all = json!({
        "application": entity::<Application>(),
        "servicePrincipal": entity::<ServicePrincipal>(),
        "user": entity::<User>(),
        "directoryObject": { "type": "object", "additionalProperties": true },
        "batchResponses": json!({ "type": "object", "required": ["responses"], "properties": {
            "responses": { "type": "array", "items": { "type": "object", "required": ["id", "status"], "properties": {
                "id": text(), "status": { "type": "integer" }, "headers": { "type": "object" },
            } } },
        } }),
        "organization": object(json!({
            "id": id(), "displayName": text(), "verifiedDomains": { "type": "array", "items": { "type": "object" } },
        })),
        "domain": object(json!({ "id": text(), "isDefault": { "type": "boolean" }, "isInitial": { "type": "boolean" } })),
        "appRoleAssignment": object(json!({
            "id": id(), "principalId": id(), "resourceId": id(), "appRoleId": id(),
        })),
        "keyCredential": object(json!({
            "customKeyIdentifier": perhaps(), "displayName": perhaps(), "endDateTime": time(), "key": perhaps(),
            "keyId": id(), "startDateTime": time(), "type": text(), "usage": text(),
        })),
        "passwordCredential": object(json!({
            "customKeyIdentifier": perhaps(), "displayName": perhaps(), "endDateTime": time(), "hint": perhaps(),
            "keyId": id(), "secretText": perhaps(), "startDateTime": time(),
        })),
    });
    if let Value::Object(all) = &mut all {
        all.extend(input::schemas());
    }
    all
}

fn entity<E: Entity>() -> Value {
    let own = E::NAMES.iter().map(|name| ((*name).to_owned(), own_schema(name)));
    let kept = E::KEPT.iter().map(|property| (property.name.to_owned(), kept_schema(property)));
    json!({ "type": "object", "properties": own.chain(kept).collect::<Map<_, _>>() })
}

fn own_schema(name: &str) -> Value {
    let reference =
        |name: &str| json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{name}") } });
    match name {
        "keyCredentials" => reference("keyCredential"),
        "passwordCredentials" => reference("passwordCredential"),
        "appRoles" | "oauth2PermissionScopes" => json!({ "type": "array", "items": { "type": "object" } }),
        "identifierUris" | "proxyAddresses" | "servicePrincipalNames" => {
            json!({ "type": "array", "items": { "type": "string" } })
        }
        "accountEnabled" | "appRoleAssignmentRequired" => json!({ "type": "boolean" }),
        "onPremisesSyncEnabled" => json!({ "type": "boolean", "nullable": true }),
        "id" | "appId" => id(),
        "createdDateTime" => json!({ "type": "string", "format": "date-time" }),
        "deletedDateTime" => json!({ "type": "string", "format": "date-time", "nullable": true }),
        _ => json!({ "type": "string", "nullable": true }),
    }
}

fn kept_schema(property: &KeptProperty) -> Value {
    match property.shape {
        Shape::Boolean => json!({ "type": "boolean", "nullable": true }),
        Shape::Object => json!({ "type": "object", "nullable": true }),
        Shape::Objects => json!({ "type": "array", "maxItems": LIST_ENTRIES_MAX, "items": { "type": "object" } }),
        Shape::Text(max) => json!({ "type": "string", "nullable": true, "maxLength": max }),
        Shape::Texts(max) => json!({
            "type": "array", "maxItems": LIST_ENTRIES_MAX, "items": { "type": "string", "maxLength": max },
        }),
    }
}

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    ("post", "/$batch", "Up to 20 requests in one.", Some("batch"), Answer::Object("batchResponses")),
    ("get", "/organization", "The caller's organization.", None, Answer::List("organization")),
    ("get", "/organization/{id}", "The caller's organization by its id.", None, Answer::Object("organization")),
    ("get", "/domains", "The organization's verified domains.", None, Answer::List("domain")),
    ("get", "/domains/{id}", "A verified domain.", None, Answer::Object("domain")),
    ("get", "/applications", "Applications.", None, Answer::List("application")),
    ("post", "/applications", "Register an application.", Some("newApplication"), Answer::Created("application")),
    ("get", "/applications/$count", "How many applications.", None, Answer::Count),
    ("get", "/applications/{id}", "An application.", None, Answer::Object("application")),
    ("patch", "/applications/{id}", "Change an application.", Some("applicationChange"), Answer::Nothing),
    ("delete", "/applications/{id}", "Delete an application, restorable for 30 days.", None, Answer::Nothing),
    ("post", "/applications/{id}/addKey", "Add a key, by proof of possession.", Some("addKey"), Answer::Object("keyCredential")),
    ("post", "/applications/{id}/removeKey", "Remove a key, by proof of possession.", Some("removeKey"), Answer::Nothing),
    ("post", "/applications/{id}/addPassword", "Have a secret made.", Some("addPassword"), Answer::Object("passwordCredential")),
    ("post", "/applications/{id}/removePassword", "Remove a secret.", Some("removePassword"), Answer::Nothing),
    ("get", "/servicePrincipals", "Service principals.", None, Answer::List("servicePrincipal")),
    ("post", "/servicePrincipals", "Let an application in.", Some("newServicePrincipal"), Answer::Created("servicePrincipal")),
    ("get", "/servicePrincipals/$count", "How many service principals.", None, Answer::Count),
    ("get", "/servicePrincipals/{id}", "A service principal.", None, Answer::Object("servicePrincipal")),
    ("patch", "/servicePrincipals/{id}", "Change a service principal.", Some("servicePrincipalChange"), Answer::Nothing),
    ("delete", "/servicePrincipals/{id}", "Delete a service principal, restorable for 30 days.", None, Answer::Nothing),
    ("post", "/servicePrincipals/{id}/addKey", "Add a key, by proof of possession.", Some("addKey"), Answer::Object("keyCredential")),
    ("post", "/servicePrincipals/{id}/removeKey", "Remove a key, by proof of possession.", Some("removeKey"), Answer::Nothing),
    ("post", "/servicePrincipals/{id}/addPassword", "Have a secret made.", Some("addPassword"), Answer::Object("passwordCredential")),
    ("post", "/servicePrincipals/{id}/removePassword", "Remove a secret.", Some("removePassword"), Answer::Nothing),
    ("get", "/servicePrincipals/{id}/appRoleAssignments", "Roles that it holds.", None, Answer::List("appRoleAssignment")),
    ("post", "/servicePrincipals/{id}/appRoleAssignments", "Give it a role.", Some("newAppRoleAssignment"), Answer::Created("appRoleAssignment")),
    ("get", "/servicePrincipals/{id}/appRoleAssignments/{assignmentId}", "A role that it holds.", None, Answer::Object("appRoleAssignment")),
    ("delete", "/servicePrincipals/{id}/appRoleAssignments/{assignmentId}", "Take a role from it.", None, Answer::Nothing),
    ("get", "/servicePrincipals/{id}/appRoleAssignedTo", "Who holds its roles.", None, Answer::List("appRoleAssignment")),
    ("post", "/servicePrincipals/{id}/appRoleAssignedTo", "Give a role of it.", Some("newAppRoleAssignment"), Answer::Created("appRoleAssignment")),
    ("get", "/servicePrincipals/{id}/appRoleAssignedTo/{assignmentId}", "One who holds its role.", None, Answer::Object("appRoleAssignment")),
    ("delete", "/servicePrincipals/{id}/appRoleAssignedTo/{assignmentId}", "Take a role of it away.", None, Answer::Nothing),
    ("get", "/users", "Users.", None, Answer::List("user")),
    ("post", "/users", "Add a user.", Some("newUser"), Answer::Created("user")),
    ("get", "/users/$count", "How many users.", None, Answer::Count),
    ("get", "/users/{id}", "A user, by object id or user principal name.", None, Answer::Object("user")),
    ("patch", "/users/{id}", "Change a user.", Some("userChange"), Answer::Nothing),
    ("delete", "/users/{id}", "Delete a user, restorable for 30 days.", None, Answer::Nothing),
    ("get", "/directory/deletedItems/microsoft.graph.application", "Deleted applications.", None, Answer::List("application")),
    ("get", "/directory/deletedItems/microsoft.graph.servicePrincipal", "Deleted service principals.", None, Answer::List("servicePrincipal")),
    ("get", "/directory/deletedItems/microsoft.graph.user", "Deleted users.", None, Answer::List("user")),
    ("get", "/directory/deletedItems/{id}", "A deleted object.", None, Answer::Object("directoryObject")),
    ("post", "/directory/deletedItems/{id}/restore", "Restore a deleted object.", None, Answer::Object("directoryObject")),
    ("delete", "/directory/deletedItems/{id}", "Delete an object for good.", None, Answer::Nothing),
];
