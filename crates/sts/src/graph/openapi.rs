//! What is served, told to programs: OpenAPI 3.0, made from one table of routes and from
//! the properties that objects have. `openapi/graph-v1.0.json` is the same document,
//! committed, so that a change of the interface is a change that reviewers see.

use actas_directory::kept::{KeptProperty, LIST_ENTRIES_MAX, Shape};
use actas_directory::odata::openapi::schema::{boolean, bounded, id, list, object, optional, reference, text, time};
use actas_directory::odata::openapi::{self, Answer, Route};
use actas_directory::odata::{Key, ResourcePath};
use actas_directory::{Application, ServicePrincipal, User};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::entity::Entity;
use super::{Graph, answer};

mod input;
mod option;

pub(super) async fn serve(State(graph): State<Graph>) -> Response {
    answer::json(StatusCode::OK, &graph.document(document()))
}

const DESCRIPTION: &str =
    "The directory of a tenant: applications, service principals, users, domains. Shapes of Microsoft Graph v1.0.";

fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let (method, path, _, _, answer) = route;
        for path in spellings(path) {
            let item = paths.entry(path.clone()).or_insert_with(|| json!({ "parameters": parameters(&path) }));
            item[method] = openapi::operation(route, &option::of(method, route.1, *answer));
        }
    }
    openapi::document("Directory", DESCRIPTION, &paths, &schemas())
}

/// Applications and principals are addressed by object id and by application id.
fn spellings(path: &str) -> Vec<String> {
    let by_app = path.replace("/{id}", "(appId='{appId}')");
    let both = ["/applications/{id}", "/servicePrincipals/{id}"].iter().any(|start| path.starts_with(start));
    if both { vec![path.to_owned(), by_app] } else { vec![path.to_owned()] }
}

fn parameters(path: &str) -> Value {
    let by_name = ["/domains/", "/users/"].iter().any(|start| path.starts_with(start));
    openapi::parameters(path, |_| if by_name { json!({ "type": "string", "minLength": 1 }) } else { id() })
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

fn schemas() -> Map<String, Value> {
    let perhaps = || optional(text());
    let object = |properties: Value| object(properties, &[]);
    let objects = || list(&json!({ "type": "object" }));
    let answered = openapi::schema::object(
        json!({ "id": text(), "status": openapi::schema::integer(), "headers": { "type": "object" } }),
        &["id", "status"],
    );
    let told = [
        ("application", entity::<Application>()),
        ("servicePrincipal", entity::<ServicePrincipal>()),
        ("user", entity::<User>()),
        ("directoryObject", json!({ "type": "object", "additionalProperties": true })),
        ("batchResponses", openapi::schema::object(json!({ "responses": list(&answered) }), &["responses"])),
        ("organization", object(json!({ "id": id(), "displayName": text(), "verifiedDomains": objects() }))),
        ("domain", object(json!({ "id": text(), "isDefault": boolean(), "isInitial": boolean() }))),
        (
            "appRoleAssignment",
            object(json!({ "id": id(), "principalId": id(), "resourceId": id(), "appRoleId": id() })),
        ),
        (
            "keyCredential",
            object(json!({
                "customKeyIdentifier": perhaps(), "displayName": perhaps(), "endDateTime": time(), "key": perhaps(),
                "keyId": id(), "startDateTime": time(), "type": text(), "usage": text(),
            })),
        ),
        (
            "passwordCredential",
            object(json!({
                "customKeyIdentifier": perhaps(), "displayName": perhaps(), "endDateTime": time(), "hint": perhaps(),
                "keyId": id(), "secretText": perhaps(), "startDateTime": time(),
            })),
        ),
    ];
    told.into_iter().map(|(name, schema)| (name.to_owned(), schema)).chain(input::schemas()).collect()
}

fn entity<E: Entity>() -> Value {
    let own = E::NAMES.iter().map(|name| ((*name).to_owned(), own_schema(name)));
    let kept = E::KEPT.iter().map(|property| (property.name.to_owned(), kept_schema(property)));
    object(Value::Object(own.chain(kept).collect()), &[])
}

fn own_schema(name: &str) -> Value {
    match name {
        "keyCredentials" => list(&reference("keyCredential")),
        "passwordCredentials" => list(&reference("passwordCredential")),
        "appRoles" | "oauth2PermissionScopes" => list(&json!({ "type": "object" })),
        "identifierUris" | "proxyAddresses" | "servicePrincipalNames" => list(&text()),
        "accountEnabled" | "appRoleAssignmentRequired" => boolean(),
        "onPremisesSyncEnabled" => optional(boolean()),
        "id" | "appId" => id(),
        "createdDateTime" => time(),
        "deletedDateTime" => optional(time()),
        _ => optional(text()),
    }
}

fn kept_schema(property: &KeptProperty) -> Value {
    match property.shape {
        Shape::Boolean => optional(boolean()),
        Shape::Object => json!({ "type": "object", "nullable": true }),
        Shape::Objects => bounded(LIST_ENTRIES_MAX, &json!({ "type": "object" })),
        Shape::Text(max) => json!({ "type": "string", "nullable": true, "maxLength": max }),
        Shape::Texts(max) => bounded(LIST_ENTRIES_MAX, &json!({ "type": "string", "maxLength": max })),
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
