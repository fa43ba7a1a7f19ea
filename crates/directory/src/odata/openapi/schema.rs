//! Schemas that everything served has in common.

use serde_json::{Value, json};

/// A text.
pub fn text() -> Value {
    json!({ "type": "string" })
}

/// A number without a fraction.
pub fn integer() -> Value {
    json!({ "type": "integer" })
}

/// One of these texts.
pub fn one_of(values: &[&str]) -> Value {
    json!({ "type": "string", "enum": values })
}

/// True or false.
pub fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// An id of a directory.
pub fn id() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

/// A time (RFC 3339).
pub fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// The same, or null, also where the values are listed.
#[must_use]
pub fn optional(mut schema: Value) -> Value {
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
    schema["nullable"] = true.into();
    schema
}

/// An object with these properties, some of them required.
pub fn object(properties: Value, required: &[&str]) -> Value {
    let mut schema = json!({ "type": "object" });
    schema["properties"] = properties;
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// An object that has these properties and no other.
pub fn closed(properties: Value, required: &[&str]) -> Value {
    let mut schema = object(properties, required);
    schema["additionalProperties"] = false.into();
    schema
}

/// A list.
pub fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// A list of at most so many.
pub fn bounded(max: usize, items: &Value) -> Value {
    json!({ "type": "array", "maxItems": max, "items": items })
}

/// A schema of the document, by its name.
pub fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
