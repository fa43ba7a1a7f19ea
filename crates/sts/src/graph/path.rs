//! Resource paths: `/v1.0/collection`, `/v1.0/collection/{id}`,
//! `/v1.0/collection(appId='…')`, with an action behind.

use percent_encoding::percent_decode_str;

use super::answer::GraphError;

/// What a path addresses.
pub(super) struct ResourcePath {
    pub(super) collection: String,
    pub(super) key: Option<Key>,
    /// What follows the object.
    pub(super) rest: Option<String>,
}

/// How an object is addressed.
pub(super) enum Key {
    Id(String),
    /// `name='value'` in parentheses.
    Alternate(String, String),
}

// === impl ResourcePath ===

impl ResourcePath {
    pub(super) fn parse(path: &str) -> Result<Self, GraphError> {
        let decoded =
            percent_decode_str(path).decode_utf8().map_err(|_| GraphError::bad_request("The path is not UTF-8."))?;
        let mut segments = decoded.trim_start_matches("/v1.0/").split('/').filter(|segment| !segment.is_empty());
        let first = segments.next().ok_or_else(|| GraphError::no_segment(""))?;
        let (collection, key) = match first.split_once('(') {
            Some((collection, rest)) => {
                (collection, Some(parse_key(rest).ok_or_else(|| GraphError::no_segment(first))?))
            }
            None => (first, segments.next().map(|id| Key::Id(id.to_owned()))),
        };
        let rest = segments.next().map(str::to_owned);
        if segments.next().is_some() {
            return Err(GraphError::no_segment(&decoded));
        }
        Ok(Self { collection: collection.to_owned(), key, rest })
    }
}

fn parse_key(text: &str) -> Option<Key> {
    let inside = text.strip_suffix(')')?;
    match inside.split_once('=') {
        Some((name, value)) => Some(Key::Alternate(name.trim().to_owned(), unquoted(value.trim())?)),
        None => Some(Key::Id(unquoted(inside)?)),
    }
}

fn unquoted(text: &str) -> Option<String> {
    Some(text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
}
