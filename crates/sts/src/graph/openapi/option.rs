//! Query options and headers, as the document tells them.

use actas_directory::odata::openapi::schema::text;
use actas_directory::odata::openapi::{Answer, option};
use actas_directory::{Application, ServicePrincipal, User};
use serde_json::{Value, json};

use crate::graph::collection::{PAGE_MAX, TOKEN_BYTES_MAX};
use crate::graph::entity::Entity;
use crate::graph::{app_role_assignment, domain, organization};

/// What a route reads beside its path and body.
pub(super) fn of(method: &str, path: &str, answer: Answer) -> Vec<Value> {
    let fixed = ["/organization", "/domains", "/servicePrincipals/{id}/appRole"];
    let short = fixed.iter().any(|start| path.starts_with(start));
    match answer {
        _ if method == "patch" || method == "delete" || (method == "post" && path.contains("{id}/")) => {
            vec![option::if_match()]
        }
        _ if method != "get" || path.starts_with("/directory/deletedItems/{id}") => Vec::new(),
        Answer::Count => vec![filter(), eventual()],
        Answer::List(kind) => {
            let mut all = vec![select(kind), filter(), option::top(PAGE_MAX), option::count()];
            all.extend((!short).then(|| option::order(&["displayName"], 1)));
            all.extend([option::skip_token(TOKEN_BYTES_MAX), consistency()]);
            all
        }
        Answer::Object(kind) => vec![select(kind)],
        _ => Vec::new(),
    }
}

/// The properties of a type by its name; none where the type is not told property by property.
fn names(kind: &str) -> Vec<&'static str> {
    match kind {
        Application::KIND => entity::<Application>(),
        ServicePrincipal::KIND => entity::<ServicePrincipal>(),
        User::KIND => entity::<User>(),
        "appRoleAssignment" => app_role_assignment::NAMES.to_vec(),
        "domain" => domain::VALUES.names.to_vec(),
        "organization" => organization::VALUES.names.to_vec(),
        _ => Vec::new(),
    }
}

fn entity<E: Entity>() -> Vec<&'static str> {
    E::NAMES.iter().copied().chain(E::KEPT.iter().map(|property| property.name)).collect()
}

fn select(kind: &str) -> Value {
    option::select(&names(kind))
}

fn filter() -> Value {
    option::filter(
        "Comparisons of properties by `eq`, `ne`, `in`, `startswith`, `endswith` and `any`, with `and`, `or`, `not`.",
    )
}

fn consistency() -> Value {
    let why = "`eventual` for queries that count, that sort and filter, or that use `ne`, `not`, `endswith`.";
    option::header("ConsistencyLevel", &text(), why)
}

/// A bare count asks for it always.
fn eventual() -> Value {
    let schema = json!({ "type": "string", "enum": ["eventual"] });
    json!({ "name": "ConsistencyLevel", "in": "header", "required": true, "schema": schema })
}
