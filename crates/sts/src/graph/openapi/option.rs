//! Query options and headers, as the document tells them.

use actas_directory::query::FILTER_BYTES_MAX;
use actas_directory::{Application, ServicePrincipal, User};
use serde_json::{Value, json};

use super::Answer;
use crate::graph::collection::{PAGE_MAX, TOKEN_BYTES_MAX};
use crate::graph::entity::Entity;
use crate::graph::{app_role_assignment, domain, organization};

/// What a route reads beside its path and body.
pub(super) fn of(method: &str, path: &str, answer: Answer) -> Value {
    let fixed = ["/organization", "/domains", "/servicePrincipals/{id}/appRole"];
    let short = fixed.iter().any(|start| path.starts_with(start));
    let all = match answer {
        _ if method == "patch" || method == "delete" || (method == "post" && path.contains("{id}/")) => {
            vec![if_match()]
        }
        _ if method != "get" || path.starts_with("/directory/deletedItems/{id}") => Vec::new(),
        Answer::Count => vec![filter(), eventual()],
        Answer::List(kind) => {
            let order = (!short).then(order);
            let mut all: Vec<Value> = [select(kind), filter(), top(), count()].into_iter().chain(order).collect();
            all.extend([skip_token(), consistency()]);
            all
        }
        Answer::Object(kind) => vec![select(kind)],
        _ => Vec::new(),
    };
    Value::Array(all)
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
    let items = match names(kind) {
        names if names.is_empty() => json!({ "type": "string", "minLength": 1 }),
        names => json!({ "type": "string", "enum": names }),
    };
    listed("$select", &items)
}

fn order() -> Value {
    let items = json!({ "type": "string", "enum": ["displayName", "displayName asc", "displayName desc"] });
    let mut order = listed("$orderby", &items);
    order["schema"]["maxItems"] = 1.into();
    order
}

/// A list with commas between.
fn listed(name: &str, items: &Value) -> Value {
    let schema = json!({ "type": "array", "minItems": 1, "items": items });
    json!({ "name": name, "in": "query", "style": "form", "explode": false, "schema": schema })
}

fn query(name: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "schema": schema })
}

fn filter() -> Value {
    let mut filter = query("$filter", &json!({ "type": "string", "minLength": 1, "maxLength": FILTER_BYTES_MAX }));
    filter["description"] =
        "Comparisons of properties by `eq`, `ne`, `in`, `startswith`, `endswith` and `any`, with `and`, `or`, `not`."
            .into();
    filter
}

fn top() -> Value {
    query("$top", &json!({ "type": "integer", "minimum": 1, "maximum": PAGE_MAX }))
}

fn count() -> Value {
    query("$count", &json!({ "type": "boolean" }))
}

fn skip_token() -> Value {
    let mut token = query("$skiptoken", &json!({ "type": "string", "minLength": 1, "maxLength": TOKEN_BYTES_MAX }));
    token["description"] = "Opaque; stands in `@odata.nextLink`.".into();
    token
}

fn consistency() -> Value {
    json!({
        "name": "ConsistencyLevel", "in": "header", "schema": { "type": "string" },
        "description": "`eventual` for queries that count, that sort and filter, or that use `ne`, `not`, `endswith`.",
    })
}

/// A bare count asks for it always.
fn eventual() -> Value {
    let schema = json!({ "type": "string", "enum": ["eventual"] });
    json!({ "name": "ConsistencyLevel", "in": "header", "required": true, "schema": schema })
}

fn if_match() -> Value {
    json!({
        "name": "If-Match", "in": "header", "schema": { "type": "string" },
        "description": "The ETag of the object that is meant; another version is left as it is.",
    })
}
