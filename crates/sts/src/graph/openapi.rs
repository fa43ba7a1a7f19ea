//! What is served, told to programs: OpenAPI 3.0, made from one table of routes and from
//! the properties that objects have. `openapi/graph-v1.0.json` is the same document,
//! committed, so that a change of the interface is a change that reviewers see.

use actas_directory::kept::{KeptProperty, Shape};
use actas_directory::odata::openapi::{self, Answer, Route};
use actas_directory::{Application, ServicePrincipal, User};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::entity::Entity;
use super::{Graph, answer};

pub(super) async fn serve(State(graph): State<Graph>) -> Response {
    answer::json(StatusCode::OK, &graph.document(document()))
}

fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let (method, path, ..) = route;
        for path in spellings(path) {
            let item = paths.entry(path.clone()).or_insert_with(|| json!({ "parameters": openapi::parameters(&path) }));
            item[method] = openapi::operation(route, &options(method, route.1, route.4));
        }
    }
    openapi::document("Directory", DESCRIPTION, &paths, &schemas())
}

const DESCRIPTION: &str =
    "The directory of a tenant: applications, service principals, users, domains. Shapes of Microsoft Graph v1.0.";

/// Applications and principals are addressed by object id and by application id.
fn spellings(path: &str) -> Vec<String> {
    let by_app = path.replace("/{id}", "(appId='{appId}')");
    let both = ["/applications/{id}", "/servicePrincipals/{id}"].iter().any(|start| path.starts_with(start));
    if both { vec![path.to_owned(), by_app] } else { vec![path.to_owned()] }
}

/// Query options and headers that a route reads.
fn options(method: &str, path: &str, answer: Answer) -> Value {
    let fixed = ["/organization", "/domains", "/servicePrincipals/{id}/appRole"];
    let short = fixed.iter().any(|start| path.starts_with(start));
    let names: &[(&str, &str)] = match answer {
        _ if method == "patch" || method == "delete" || (method == "post" && path.contains("{id}/")) => {
            &[("If-Match", "header")]
        }
        _ if method != "get" || path.starts_with("/directory/deletedItems/{id}") => &[],
        Answer::Count => &[("$filter", "query"), ("ConsistencyLevel", "header")],
        Answer::List(_) if short => &[
            ("$select", "query"),
            ("$filter", "query"),
            ("$top", "query"),
            ("$count", "query"),
            ("$skiptoken", "query"),
            ("ConsistencyLevel", "header"),
        ],
        Answer::List(_) => &[
            ("$select", "query"),
            ("$filter", "query"),
            ("$top", "query"),
            ("$count", "query"),
            ("$orderby", "query"),
            ("$skiptoken", "query"),
            ("ConsistencyLevel", "header"),
        ],
        _ => &[("$select", "query")],
    };
    openapi::options(names)
}

fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    json!({
        "application": entity::<Application>(),
        "servicePrincipal": entity::<ServicePrincipal>(),
        "user": entity::<User>(),
        "directoryObject": { "type": "object", "additionalProperties": true },
        "batch": object(json!({ "requests": { "type": "array", "maxItems": 20, "items": { "type": "object" } } })),
        "batchResponses": object(json!({ "responses": { "type": "array", "items": { "type": "object" } } })),
        "organization": object(json!({
            "id": text(), "displayName": text(), "verifiedDomains": { "type": "array", "items": { "type": "object" } },
        })),
        "domain": object(json!({ "id": text(), "isDefault": { "type": "boolean" }, "isInitial": { "type": "boolean" } })),
        "appRoleAssignment": object(json!({
            "id": text(), "principalId": text(), "resourceId": text(), "appRoleId": text(),
        })),
        "keyCredential": object(json!({
            "customKeyIdentifier": text(), "displayName": text(), "endDateTime": text(), "key": text(),
            "keyId": text(), "startDateTime": text(), "type": text(), "usage": text(),
        })),
        "passwordCredential": object(json!({
            "displayName": text(), "endDateTime": text(), "hint": text(), "keyId": text(), "secretText": text(),
            "startDateTime": text(),
        })),
        "addKey": object(json!({ "keyCredential": reference("keyCredential"), "proof": text() })),
        "removeKey": object(json!({ "keyId": text(), "proof": text() })),
        "addPassword": object(json!({ "passwordCredential": reference("passwordCredential") })),
        "removePassword": object(json!({ "keyId": text() })),
    })
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
        _ => json!({ "type": "string", "nullable": true }),
    }
}

fn kept_schema(property: &KeptProperty) -> Value {
    match property.shape {
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Object => json!({ "type": "object", "nullable": true }),
        Shape::Objects => json!({ "type": "array", "items": { "type": "object" } }),
        Shape::Text(max) => json!({ "type": "string", "nullable": true, "maxLength": max }),
        Shape::Texts(max) => json!({ "type": "array", "items": { "type": "string", "maxLength": max } }),
    }
}

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    ("post", "/$batch", "Up to 20 requests in one.", Some("batch"), Answer::Object("batchResponses")),
    ("get", "/me", "The user who signed in.", None, Answer::Object("user")),
    ("get", "/organization", "The caller's organization.", None, Answer::List("organization")),
    ("get", "/organization/{id}", "The caller's organization by its id.", None, Answer::Object("organization")),
    ("get", "/domains", "The organization's verified domains.", None, Answer::List("domain")),
    ("get", "/domains/{id}", "A verified domain.", None, Answer::Object("domain")),
    ("get", "/applications", "Applications.", None, Answer::List("application")),
    ("post", "/applications", "Register an application.", Some("application"), Answer::Created("application")),
    ("get", "/applications/$count", "How many applications.", None, Answer::Count),
    ("get", "/applications/{id}", "An application.", None, Answer::Object("application")),
    ("patch", "/applications/{id}", "Change an application.", Some("application"), Answer::Nothing),
    ("delete", "/applications/{id}", "Delete an application, restorable for 30 days.", None, Answer::Nothing),
    ("post", "/applications/{id}/addKey", "Add a key, by proof of possession.", Some("addKey"), Answer::Object("keyCredential")),
    ("post", "/applications/{id}/removeKey", "Remove a key, by proof of possession.", Some("removeKey"), Answer::Nothing),
    ("post", "/applications/{id}/addPassword", "Have a secret made.", Some("addPassword"), Answer::Object("passwordCredential")),
    ("post", "/applications/{id}/removePassword", "Remove a secret.", Some("removePassword"), Answer::Nothing),
    ("get", "/servicePrincipals", "Service principals.", None, Answer::List("servicePrincipal")),
    ("post", "/servicePrincipals", "Let an application in.", Some("servicePrincipal"), Answer::Created("servicePrincipal")),
    ("get", "/servicePrincipals/$count", "How many service principals.", None, Answer::Count),
    ("get", "/servicePrincipals/{id}", "A service principal.", None, Answer::Object("servicePrincipal")),
    ("patch", "/servicePrincipals/{id}", "Change a service principal.", Some("servicePrincipal"), Answer::Nothing),
    ("delete", "/servicePrincipals/{id}", "Delete a service principal, restorable for 30 days.", None, Answer::Nothing),
    ("post", "/servicePrincipals/{id}/addKey", "Add a key, by proof of possession.", Some("addKey"), Answer::Object("keyCredential")),
    ("post", "/servicePrincipals/{id}/removeKey", "Remove a key, by proof of possession.", Some("removeKey"), Answer::Nothing),
    ("post", "/servicePrincipals/{id}/addPassword", "Have a secret made.", Some("addPassword"), Answer::Object("passwordCredential")),
    ("post", "/servicePrincipals/{id}/removePassword", "Remove a secret.", Some("removePassword"), Answer::Nothing),
    ("get", "/servicePrincipals/{id}/appRoleAssignments", "Roles that it holds.", None, Answer::List("appRoleAssignment")),
    ("post", "/servicePrincipals/{id}/appRoleAssignments", "Give it a role.", Some("appRoleAssignment"), Answer::Created("appRoleAssignment")),
    ("get", "/servicePrincipals/{id}/appRoleAssignments/{assignmentId}", "A role that it holds.", None, Answer::Object("appRoleAssignment")),
    ("delete", "/servicePrincipals/{id}/appRoleAssignments/{assignmentId}", "Take a role from it.", None, Answer::Nothing),
    ("get", "/servicePrincipals/{id}/appRoleAssignedTo", "Who holds its roles.", None, Answer::List("appRoleAssignment")),
    ("post", "/servicePrincipals/{id}/appRoleAssignedTo", "Give a role of it.", Some("appRoleAssignment"), Answer::Created("appRoleAssignment")),
    ("get", "/servicePrincipals/{id}/appRoleAssignedTo/{assignmentId}", "One who holds its role.", None, Answer::Object("appRoleAssignment")),
    ("delete", "/servicePrincipals/{id}/appRoleAssignedTo/{assignmentId}", "Take a role of it away.", None, Answer::Nothing),
    ("get", "/users", "Users.", None, Answer::List("user")),
    ("post", "/users", "Add a user.", Some("user"), Answer::Created("user")),
    ("get", "/users/$count", "How many users.", None, Answer::Count),
    ("get", "/users/{id}", "A user, by object id or user principal name.", None, Answer::Object("user")),
    ("patch", "/users/{id}", "Change a user.", Some("user"), Answer::Nothing),
    ("delete", "/users/{id}", "Delete a user, restorable for 30 days.", None, Answer::Nothing),
    ("get", "/directory/deletedItems/microsoft.graph.application", "Deleted applications.", None, Answer::List("application")),
    ("get", "/directory/deletedItems/microsoft.graph.servicePrincipal", "Deleted service principals.", None, Answer::List("servicePrincipal")),
    ("get", "/directory/deletedItems/microsoft.graph.user", "Deleted users.", None, Answer::List("user")),
    ("get", "/directory/deletedItems/{id}", "A deleted object.", None, Answer::Object("directoryObject")),
    ("post", "/directory/deletedItems/{id}/restore", "Restore a deleted object.", None, Answer::Object("directoryObject")),
    ("delete", "/directory/deletedItems/{id}", "Delete an object for good.", None, Answer::Nothing),
];
