//! Files (`fileAttachment`)

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{flag, invalid, object, optional, to_rest_id, unknown};
use crate::error::Result;
use crate::ews::FileAttachment;
use crate::xml;

const TYPE: &str = "#microsoft.graph.fileAttachment";
const ITEM_TYPE: &str = "#microsoft.graph.itemAttachment";

const PROPERTIES: [&str; 8] =
    ["contentBytes", "contentId", "contentType", "id", "isInline", "lastModifiedDateTime", "name", "size"];

/// Reads the body of a request that adds a file
pub fn read_attachment(body: &[u8]) -> Result<FileAttachment> {
    read(&object(body)?)
}

pub(super) fn read(map: &Map<String, Value>) -> Result<FileAttachment> {
    let kind = map.get("@odata.type").and_then(Value::as_str);
    if kind.is_none_or(|kind| kind.trim_start_matches('#') != TYPE.trim_start_matches('#')) {
        return Err(invalid("@odata.type", "of an attachment has to be `#microsoft.graph.fileAttachment`"));
    }
    let mut file = FileAttachment { content: Some(Vec::new()), ..FileAttachment::default() };
    for (name, value) in map.iter().filter(|(name, _)| !name.starts_with('@')) {
        match name.as_str() {
            known if value.is_null() && PROPERTIES.contains(&known) => {}
            "name" => file.name = optional(map, name)?,
            "contentType" => file.content_type = optional(map, name)?,
            "contentId" => file.content_id = optional(map, name)?,
            "isInline" => file.is_inline = Some(flag(name, value)?),
            "contentBytes" => {
                let bytes = value.as_str().and_then(xml::base64);
                file.content = Some(bytes.ok_or_else(|| invalid(name, "is not Base64"))?);
            }
            "id" | "size" | "lastModifiedDateTime" => {}
            other => return Err(unknown(other, "fileAttachment")),
        }
    }
    if file.name.is_none() {
        return Err(invalid("name", "of an attachment is required"));
    }
    Ok(file)
}

/// A file as answers tell it, with its bytes if it has them; or an item, without what it says
pub fn write_attachment(file: &FileAttachment, modified: Option<Timestamp>) -> Value {
    let mut written = json!({
        "@odata.type": if file.item.is_some() { ITEM_TYPE } else { TYPE },
        "@odata.mediaContentType": file.content_type,
        "id": file.id.as_deref().map(to_rest_id),
        "name": file.name,
        "contentType": file.content_type,
        "contentId": file.content_id,
        "size": file.size,
        "isInline": file.is_inline.unwrap_or(false),
        "lastModifiedDateTime": modified.map(xml::timestamp),
    });
    if let Some(content) = &file.content {
        written["contentBytes"] = BASE64_STANDARD.encode(content).into();
    }
    written
}
