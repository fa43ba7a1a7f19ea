//! Query options and headers.

use serde_json::{Value, json};

use super::schema::{boolean, text};
use crate::query::FILTER_BYTES_MAX;

/// An option behind the `?`.
pub fn query(name: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "schema": schema })
}

/// A header.
pub fn header(name: &str, schema: &Value, description: &str) -> Value {
    json!({ "name": name, "in": "header", "schema": schema, "description": description })
}

/// A list with commas between.
pub fn listed(name: &str, items: &Value) -> Value {
    let schema = json!({ "type": "array", "minItems": 1, "items": items });
    json!({ "name": name, "in": "query", "style": "form", "explode": false, "schema": schema })
}

/// `$select` of these properties; of any, where there are none.
pub fn select(names: &[&str]) -> Value {
    let items = match names {
        [] => json!({ "type": "string", "minLength": 1 }),
        names => json!({ "type": "string", "enum": names }),
    };
    listed("$select", &items)
}

/// `$orderby` up to so many of these properties, upwards or downwards.
pub fn order(names: &[&str], max: usize) -> Value {
    let choices = names.iter().flat_map(|name| [(*name).to_owned(), format!("{name} asc"), format!("{name} desc")]);
    let mut order = listed("$orderby", &json!({ "type": "string", "enum": choices.collect::<Vec<_>>() }));
    order["schema"]["maxItems"] = max.into();
    order
}

/// `$filter`, with what it can say.
pub fn filter(description: &str) -> Value {
    let mut filter = query("$filter", &json!({ "type": "string", "minLength": 1, "maxLength": FILTER_BYTES_MAX }));
    filter["description"] = description.into();
    filter
}

/// `$top`, up to so many.
pub fn top(max: usize) -> Value {
    query("$top", &json!({ "type": "integer", "minimum": 1, "maximum": max }))
}

/// `$skip`, up to so many.
pub fn skip(max: usize) -> Value {
    query("$skip", &json!({ "type": "integer", "minimum": 0, "maximum": max }))
}

/// `$count`
pub fn count() -> Value {
    query("$count", &boolean())
}

/// `$skiptoken`, up to so many bytes.
pub fn skip_token(max: usize) -> Value {
    let mut token = query("$skiptoken", &json!({ "type": "string", "minLength": 1, "maxLength": max }));
    token["description"] = "Opaque; stands in `@odata.nextLink`.".into();
    token
}

/// `If-Match`
pub fn if_match() -> Value {
    header("If-Match", &text(), "The ETag of the object that is meant; another version is left as it is.")
}
