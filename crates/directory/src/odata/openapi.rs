//! What is served, told to programs: the parts of an OpenAPI 3.0 document, made from one table
//! of routes.

use serde_json::{Map, Value, json};

/// What a route answers when all is well.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// 200 with bytes of any kind.
    Bytes,
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
pub type Route = (&'static str, &'static str, &'static str, Option<&'static str>, Answer);

/// A whole document of what is served below `/v1.0`.
pub fn document(title: &str, description: &str, paths: &Map<String, Value>, schemas: &Value) -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": title, "version": "1.0", "description": description },
        "servers": [{ "url": "/v1.0" }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "responses": { "error": error_response() },
            "schemas": schemas,
        },
    })
}

/// The parameters that a path holds.
pub fn parameters(path: &str) -> Value {
    let names = path.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name));
    names.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })).collect()
}

/// An operation, with the query options and headers that it reads.
pub fn operation(&(_, _, summary, takes, answer): &Route, options: &Value) -> Value {
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
    let bytes = json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } });
    let (status, description, body) = match answer {
        Answer::Bytes => ("200", "The bytes.", Some(bytes)),
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
        "parameters": options,
        "responses": { status: success, "default": { "$ref": "#/components/responses/error" } },
    });
    if let Some(name) = takes {
        shown["requestBody"] = json!({ "required": true, "content": content(reference(name)) });
    }
    shown
}

/// Query options (`query`) and headers (`header`) by their names.
pub fn options(names: &[(&str, &str)]) -> Value {
    let text = |(name, place): &(&str, &str)| json!({ "name": name, "in": place, "schema": { "type": "string" } });
    names.iter().map(text).collect()
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
