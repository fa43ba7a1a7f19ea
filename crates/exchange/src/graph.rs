//! Mail as Graph's REST API (v1.0) tells it in JSON: messages, files and folders to types and back
//!
//! The types are those of [`ews`](crate::ews), so that one store serves both. What a message has
//! and Graph's resource does not (its class, its sensitivity) goes by extended properties, as in
//! the original.

mod attachment;
mod folder;
mod message;
mod read;
mod recipient;

use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result, shown};

pub use attachment::{read_attachment, write_attachment};
pub use folder::{FOLDER_PROPERTIES, read_folder, write_folder};
pub use message::{Extended, MESSAGE_PROPERTIES, single_value, write_extended, write_message};
pub use read::{read_changes, read_message};

/// Recipients of one kind, categories, headers, files or extended properties of one message
pub const LIST_MAX: usize = 1000;

/// The id of an item, folder or attachment as Graph writes it, fit for an address
///
/// ```
/// use actas_exchange::graph::{from_rest_id, to_rest_id};
///
/// assert_eq!(to_rest_id("AUk+/w=="), "AUk_-w==");
/// assert_eq!(from_rest_id("AUk_-w=="), "AUk+/w==");
/// ```
pub fn to_rest_id(id: &str) -> String {
    id.replace('/', "-").replace('+', "_")
}

/// The id as EWS writes it
pub fn from_rest_id(id: &str) -> String {
    id.replace('-', "/").replace('_', "+")
}

/// Reads a body that has to be a JSON object.
fn object(body: &[u8]) -> Result<Map<String, Value>> {
    serde_json::from_slice(body).map_err(|error| refuse(format!("the body is not a JSON object: {error}")))
}

fn refuse(what: String) -> Error {
    Error::new(Kind::Json(what))
}

fn unknown(name: &str, of: &str) -> Error {
    refuse(format!("the property `{}` does not exist on the type `microsoft.graph.{of}`", shown(name)))
}

fn invalid(name: &str, why: &str) -> Error {
    refuse(format!("the property `{}` {why}", shown(name)))
}

fn text(name: &str, value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| invalid(name, "is not a string"))
}

fn flag(name: &str, value: &Value) -> Result<bool> {
    value.as_bool().ok_or_else(|| invalid(name, "is neither true nor false"))
}

/// A text that may be absent or null.
fn optional(map: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    map.get(name).filter(|value| !value.is_null()).map(|value| text(name, value)).transpose()
}

fn each<T>(name: &str, value: &Value, read: impl Fn(&Map<String, Value>) -> Result<T>) -> Result<Vec<T>> {
    let entries = list(name, value)?;
    entries
        .iter()
        .map(|entry| read(entry.as_object().ok_or_else(|| invalid(name, "holds something else than objects"))?))
        .collect()
}

fn list<'v>(name: &str, value: &'v Value) -> Result<&'v [Value]> {
    let entries = value.as_array().ok_or_else(|| invalid(name, "is not a list"))?;
    if entries.len() > LIST_MAX {
        return Err(Error::too_large("entries in a list", LIST_MAX));
    }
    Ok(entries)
}
