//! Folders (`mailFolder`)

use serde_json::{Map, Value};

use super::{flag, object, optional, to_rest_id, unknown};
use crate::error::Result;
use crate::ews::{Folder, FolderKind, NewFolder};

/// What `$select` can name
pub const FOLDER_PROPERTIES: &[&str] =
    &["id", "displayName", "parentFolderId", "childFolderCount", "unreadItemCount", "totalItemCount", "isHidden"];

/// Reads the body of a request that makes or renames a folder
pub fn read_folder(body: &[u8]) -> Result<NewFolder> {
    let map = object(body)?;
    for name in map.keys().filter(|name| !name.starts_with('@')) {
        // What only the server says may come back as it was told.
        if !FOLDER_PROPERTIES.contains(&name.as_str()) {
            return Err(unknown(name, "mailFolder"));
        }
    }
    let hidden = map.get("isHidden").filter(|hidden| !hidden.is_null());
    if hidden.map(|hidden| flag("isHidden", hidden)).transpose()?.unwrap_or(false) {
        return Err(super::invalid("isHidden", "cannot be true: this server hides no folders"));
    }
    Ok(NewFolder { kind: FolderKind::Folder, class: None, display_name: optional(&map, "displayName")? })
}

/// A folder as answers tell it
pub fn write_folder(folder: &Folder, selects: impl Fn(&str) -> bool) -> Map<String, Value> {
    let values: [(&str, Value); 7] = [
        ("id", to_rest_id(&folder.id.id).into()),
        ("displayName", folder.display_name.clone().into()),
        ("parentFolderId", folder.parent_id.as_ref().map(|parent| to_rest_id(&parent.id)).into()),
        ("childFolderCount", folder.child_folder_count.into()),
        ("unreadItemCount", folder.unread_count.into()),
        ("totalItemCount", folder.total_count.into()),
        ("isHidden", false.into()),
    ];
    values.into_iter().filter(|(name, _)| selects(name)).map(|(name, value)| (name.to_owned(), value)).collect()
}
