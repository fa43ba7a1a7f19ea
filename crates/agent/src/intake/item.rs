//! An item as it is handed in: JSON, read into a checked item and its files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::answer::Refusal;
use crate::error::Error;
use crate::item::{Component, Property, StorageItem, TargetFolder};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    key: Option<String>,
    owner: String,
    component: Component,
    folder: Option<TargetFolder>,
    item_class: Option<String>,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    body: String,
    from: Option<String>,
    time: Option<Timestamp>,
    #[serde(default)]
    properties: Vec<Property>,
    #[serde(default)]
    attachments: Vec<WireFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireFile {
    name: String,
    #[serde(default = "octets")]
    content_type: String,
    content: Option<String>,
    part: Option<String>,
}

fn octets() -> String {
    "application/octet-stream".to_owned()
}

/// A file as it is announced: here in Base64, or in a part of the request.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) content: Option<Vec<u8>>,
    pub(crate) part: Option<String>,
}

/// An item of a request, not yet with its files, or why it is none.
pub(crate) struct Submitted {
    pub(crate) item: Result<StorageItem, Refusal>,
    pub(crate) files: Vec<File>,
}

impl Submitted {
    /// Reads an item. Its own key comes before that of the request; one without a time
    /// happened now.
    pub(crate) fn read(value: Value, key: Option<String>, now: Timestamp) -> Self {
        match read(value, key, now) {
            Ok((item, files)) => Self { item: Ok(item), files },
            Err(refusal) => Self { item: Err(refusal), files: Vec::new() },
        }
    }
}

fn read(value: Value, key: Option<String>, now: Timestamp) -> Result<(StorageItem, Vec<File>), Refusal> {
    let wire: Wire =
        serde_json::from_value(value).map_err(|error| Refusal::invalid(format!("the item cannot be read: {error}")))?;
    let key = wire.key.or(key).ok_or_else(|| {
        Refusal::invalid("the item has no key")
            .hint("send an `Idempotency-Key`, or a `key` in the item: it is what makes sending it again harmless")
    })?;
    let refused = |error: Error| Refusal::invalid(error.to_string());
    // `sip:` and `smtp:` are how directories write addresses.
    let owner = wire.owner.split_once(':').map_or(wire.owner.as_str(), |(_, bare)| bare);
    let time = wire.time.unwrap_or(now);
    let item = StorageItem::new(owner, wire.component, &wire.subject, &wire.body, Some(key), time)
        .and_then(|item| item.with_item_class(wire.item_class))
        .and_then(|item| item.with_from(wire.from.as_deref()))
        .and_then(|item| item.with_properties(wire.properties))
        .map_err(refused)?;
    let item = if wire.time.is_none() { item.with_assumed_time() } else { item };
    let item = match wire.folder {
        Some(folder) => item.with_folder(folder),
        None => item,
    };
    let files = wire.attachments.into_iter().map(file).collect::<Result<_, _>>()?;
    Ok((item, files))
}

fn file(wire: WireFile) -> Result<File, Refusal> {
    let content = match (&wire.content, &wire.part) {
        (Some(text), None) => Some(STANDARD.decode(text).map_err(|error| {
            Refusal::invalid(format!("the `content` of the file `{}` is not Base64: {error}", wire.name))
        })?),
        (None, Some(_)) => None,
        _ => {
            return Err(Refusal::invalid(format!(
                "the file `{}` has to have either `content` in Base64 or the name of a `part`",
                wire.name
            )));
        }
    };
    Ok(File { name: wire.name, content_type: wire.content_type, content, part: wire.part })
}
