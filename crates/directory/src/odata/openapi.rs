//! What is served, told to programs: the parts of an OpenAPI 3.0 document, made from one table
//! of routes.

pub mod option;
pub mod schema;

use serde_json::{Map, Value, json};

use self::schema::{integer, list, object, reference, text};

/// What a route answers when all is well.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// 200 with bytes of this media type.
    Bytes(&'static str),
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
pub fn document(title: &str, description: &str, paths: &Map<String, Value>, schemas: &Map<String, Value>) -> Value {
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

/// The parameters that a path holds, with the schema of each by its name.
pub fn parameters(path: &str, schema: impl Fn(&str) -> Value) -> Value {
    let names = path.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name));
    names.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": schema(name) })).collect()
}

/// An operation, with the query options and headers that it reads ([`option`]). What goes wrong is
/// told in one shape whatever it is, but for an address that is too long to be read.
pub fn operation(&(method, _, summary, takes, answer): &Route, options: &[Value]) -> Value {
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let page = |name: &str| {
        let properties = json!({
            "@odata.context": text(), "@odata.count": integer(), "@odata.nextLink": text(),
            "value": list(&reference(name)),
        });
        object(properties, &["value"])
    };
    let (status, description, body) = match answer {
        Answer::Bytes(kind) => {
            let bytes = json!({ kind: { "schema": { "type": "string", "format": "binary" } } });
            ("200", "The bytes.", Some(bytes))
        }
        Answer::Created(name) => ("201", "Made.", Some(content(reference(name)))),
        Answer::Count => ("200", "How many.", Some(json!({ "text/plain": { "schema": text() } }))),
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
    if method == "get" {
        shown["responses"]["414"] = json!({ "description": "An address that is longer than any that is served." });
    }
    if let Some(name) = takes {
        shown["requestBody"] = json!({ "required": true, "content": content(reference(name)) });
    }
    shown
}

fn error_response() -> Value {
    let inner = object(json!({ "date": text(), "request-id": text(), "client-request-id": text() }), &[]);
    let error = object(json!({ "code": text(), "message": text(), "innerError": inner }), &["code", "message"]);
    let schema = object(json!({ "error": error }), &["error"]);
    json!({ "description": "Refused.", "content": { "application/json": { "schema": schema } } })
}
