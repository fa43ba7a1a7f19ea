//! What everything has in common that is served in the shapes of Graph, whichever server
//! serves it: paths, query options, errors, versions (OData 4.01 URL Conventions; Graph's
//! "Error responses and resource types"). Filters are in [`crate::query`].

mod error;
pub mod openapi;
mod options;
mod path;

pub use error::{JSON, error_body};
pub use options::{OptionRefused, Options, SELECT_NAMES_MAX, Select, SelectRefused};
pub use path::{Key, PathRefused, ResourcePath};

/// Whether the value of `If-Match` names a version, given as its ETag (`W/"…"`): itself, or
/// any. A change compares weakly, since the versions here are of the object and not of bytes.
pub fn matches_etag(header: &str, own: &str) -> bool {
    let strong = own.trim_start_matches("W/");
    header.split(',').map(str::trim).any(|tag| tag == "*" || tag == own || tag == strong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for header in ["*", "W/\"7\"", "\"7\"", "\"6\", W/\"7\""] {
            assert!(matches_etag(header, "W/\"7\""), "{header}");
        }
        for header in ["", "7", "W/\"6\"", "W/\"77\""] {
            assert!(!matches_etag(header, "W/\"7\""), "{header}");
        }
    }
}
