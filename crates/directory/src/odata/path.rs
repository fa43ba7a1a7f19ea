//! Resource paths: `/v1.0/collection`, `/v1.0/collection/{id}`,
//! `/v1.0/collection(appId='…')`, with an action or further collections behind; and `/v1.0/me`.

use percent_encoding::percent_decode_str;

/// The most segments that a path has.
const SEGMENTS_MAX: usize = 12;
/// Whoever calls: a single object, without a key.
const ME: &str = "me";

/// What a path addresses.
#[derive(Clone, Debug)]
pub struct ResourcePath {
    /// The first collection, or `me`.
    pub collection: String,
    /// Which of its objects.
    pub key: Option<Key>,
    /// What follows the object, without the namespace that actions may bear.
    rest: Vec<String>,
}

/// How an object is addressed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Key {
    /// By the one key that it has, or by another name without one.
    Id(String),
    /// `name='value'` in parentheses.
    Alternate(String, String),
}

/// Why a path addresses nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PathRefused {
    /// Bytes that are no text.
    #[error("The path is not UTF-8.")]
    NotUtf8,
    /// A segment that cannot be.
    #[error("Resource not found for the segment '{0}'.")]
    Segment(String),
}

// === impl ResourcePath ===

impl ResourcePath {
    /// Reads the path of an address. A key in parentheses is the same as one behind a slash.
    pub fn parse(path: &str) -> Result<Self, PathRefused> {
        let segments: Vec<String> = path
            .strip_prefix("/v1.0")
            .unwrap_or(path)
            .split('/')
            .filter(|segment| !segment.is_empty())
            .take(SEGMENTS_MAX + 1)
            .map(|segment| percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned))
            .collect::<Result<_, _>>()
            .map_err(|_| PathRefused::NotUtf8)?;
        if segments.len() > SEGMENTS_MAX {
            return Err(PathRefused::Segment(segments[SEGMENTS_MAX].clone()));
        }
        let mut segments = segments.into_iter().peekable();
        let first = segments.next().ok_or_else(|| PathRefused::Segment(String::new()))?;
        let (collection, key) = match first.split_once('(') {
            Some((collection, rest)) => {
                let key = parse_key(rest).ok_or_else(|| PathRefused::Segment(first.clone()))?;
                (collection.to_owned(), Some(key))
            }
            None if first == ME => (first, None),
            None => (first, segments.next_if(|segment| !segment.starts_with('$')).map(Key::Id)),
        };
        let rest = segments.flat_map(|segment| split(segment.strip_prefix("microsoft.graph.").unwrap_or(&segment)));
        Ok(Self { collection, key, rest: rest.collect() })
    }

    /// What follows the object, segment by segment.
    pub fn rest(&self) -> Vec<&str> {
        self.rest.iter().map(String::as_str).collect()
    }
}

/// A segment, or two where a key stands in parentheses.
fn split(segment: &str) -> Vec<String> {
    let key = segment.split_once('(').and_then(|(name, rest)| Some((name, parse_key(rest)?)));
    match key {
        Some((name, Key::Id(key))) if !name.is_empty() => vec![name.to_owned(), key],
        _ => vec![segment.to_owned()],
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
            ("me/messages/1", "me", None, &["messages", "1"]),
            ("users('1')/mailFolders('in''box')/messages", "users", id("1"), &["mailFolders", "in'box", "messages"]),
            ("users/1/x(2)", "users", id("1"), &["x(2)"]),
        ] {
            let parsed = ResourcePath::parse(&format!("/v1.0/{path}")).unwrap();
            assert_eq!((parsed.collection.as_str(), &parsed.key), (collection, &key), "{path}");
            assert_eq!(parsed.rest(), rest, "{path}");
        }
        for path in ["", "users('a'", "users(appId=1)", "a/b/c/d/e/f/g/h/i/j/k/l/m", "users/%FF"] {
            assert!(ResourcePath::parse(&format!("/v1.0/{path}")).is_err(), "{path}");
        }
    }
}
