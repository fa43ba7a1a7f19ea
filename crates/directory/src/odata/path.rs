//! Resource paths: `/v1.0/collection`, `/v1.0/collection/{id}`,
//! `/v1.0/collection(appId='…')`, with an action or a further collection behind.

use percent_encoding::percent_decode_str;

use super::answer::GraphError;

/// The most segments that a path has.
const SEGMENTS_MAX: usize = 8;

/// What a path addresses.
pub(super) struct ResourcePath {
    pub(super) collection: String,
    pub(super) key: Option<Key>,
    /// What follows the object, without the namespace that actions may bear.
    rest: Vec<String>,
}

/// How an object is addressed.
#[derive(Debug, PartialEq)]
pub(super) enum Key {
    Id(String),
    /// `name='value'` in parentheses.
    Alternate(String, String),
}

// === impl ResourcePath ===

impl ResourcePath {
    pub(super) fn parse(path: &str) -> Result<Self, GraphError> {
        let segments: Vec<String> = path
            .strip_prefix("/v1.0")
            .unwrap_or(path)
            .split('/')
            .filter(|segment| !segment.is_empty())
            .take(SEGMENTS_MAX + 1)
            .map(|segment| percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned))
            .collect::<Result<_, _>>()
            .map_err(|_| GraphError::bad_request("The path is not UTF-8."))?;
        if segments.len() > SEGMENTS_MAX {
            return Err(GraphError::no_segment(&segments[SEGMENTS_MAX]));
        }
        let mut segments = segments.into_iter().peekable();
        let first = segments.next().ok_or_else(|| GraphError::no_segment(""))?;
        let (collection, key) = match first.split_once('(') {
            Some((collection, rest)) => {
                (collection.to_owned(), Some(parse_key(rest).ok_or_else(|| GraphError::no_segment(&first))?))
            }
            None => (first, segments.next_if(|segment| !segment.starts_with('$')).map(Key::Id)),
        };
        let rest = segments.map(|segment| segment.strip_prefix("microsoft.graph.").unwrap_or(&segment).to_owned());
        Ok(Self { collection, key, rest: rest.collect() })
    }

    /// What follows the object, segment by segment.
    pub(super) fn rest(&self) -> Vec<&str> {
        self.rest.iter().map(String::as_str).collect()
    }
}

fn parse_key(text: &str) -> Option<Key> {
    let inside = text.strip_suffix(')')?;
    match inside.split_once('=') {
        Some((name, value)) if !inside.starts_with('\'') => {
            Some(Key::Alternate(name.trim().to_owned(), unquoted(value.trim())?))
        }
        _ => Some(Key::Id(unquoted(inside)?)),
    }
}

fn unquoted(text: &str) -> Option<String> {
    Some(text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let id = |text: &str| Some(Key::Id(text.to_owned()));
        let app = |text: &str| Some(Key::Alternate("appId".to_owned(), text.to_owned()));
        for (path, collection, key, rest) in [
            ("users", "users", None, &[][..]),
            ("users/$count", "users", None, &["$count"]),
            ("users/a%23b@c", "users", id("a#b@c"), &[]),
            ("users('o''neil=x@c')", "users", id("o'neil=x@c"), &[]),
            ("users/a%2Fb/c", "users", id("a/b"), &["c"]),
            ("applications(appId='1')/addKey", "applications", app("1"), &["addKey"]),
            ("applications%28appId%3D%271%27%29", "applications", app("1"), &[]),
            ("applications/1/microsoft.graph.addKey", "applications", id("1"), &["addKey"]),
            ("directory/deletedItems/1/restore", "directory", id("deletedItems"), &["1", "restore"]),
        ] {
            let parsed = ResourcePath::parse(&format!("/v1.0/{path}")).unwrap();
            assert_eq!((parsed.collection.as_str(), &parsed.key), (collection, &key), "{path}");
            assert_eq!(parsed.rest(), rest, "{path}");
        }
        for path in ["", "users('a'", "users(appId=1)", "a/b/c/d/e/f/g/h/i", "users/%FF"] {
            assert!(ResourcePath::parse(&format!("/v1.0/{path}")).is_err(), "{path}");
        }
    }
}
