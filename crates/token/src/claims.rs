//! Reading claims by type.

use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::Value;

use crate::json::{Flat, Members, Object};

/// A payload: members by exact name.
#[derive(Clone, Debug)]
pub struct Claims {
    members: Members,
    /// Made when somebody asks for a value as such, which validation does not.
    tree: OnceLock<Object>,
}

/// Why a claim could not be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClaimError {
    /// It is not there.
    #[error("the claim `{0}` is missing")]
    Missing(&'static str),
    /// It is there, with the wrong type or an impossible value.
    #[error("the claim `{0}` has the wrong type")]
    WrongType(&'static str),
}

impl Claims {
    pub(crate) fn new(members: Members) -> Self {
        Self { members, tree: OnceLock::new() }
    }

    /// Whether the claim is present, with whatever value.
    pub fn has(&self, name: &str) -> bool {
        self.members.has(name)
    }

    /// The raw value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.tree().get(name)
    }

    /// All members, for showing a token to a person.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.tree().iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The raw value, borrowed.
    pub(crate) fn flat(&self, name: &str) -> Option<Flat<'_>> {
        self.members.get(name)
    }

    fn tree(&self) -> &Object {
        self.tree.get_or_init(|| self.members.to_object())
    }

    /// A text claim, if present.
    pub fn optional_text(&self, name: &'static str) -> Result<Option<&str>, ClaimError> {
        match self.flat(name) {
            None => Ok(None),
            Some(Flat::Text(text)) => Ok(Some(text)),
            Some(_) => Err(ClaimError::WrongType(name)),
        }
    }

    /// A text claim that must be present.
    pub fn text(&self, name: &'static str) -> Result<&str, ClaimError> {
        self.optional_text(name)?.ok_or(ClaimError::Missing(name))
    }

    /// A NumericDate (RFC 7519 §2): whole seconds as a number, or, as this family of
    /// servers writes it, as a string of digits. Floats and negatives are refused.
    pub fn time(&self, name: &'static str) -> Result<Timestamp, ClaimError> {
        let seconds = match self.flat(name) {
            None => return Err(ClaimError::Missing(name)),
            Some(Flat::Number(number)) => Some(number),
            // What else than digits may come first is a plus.
            Some(Flat::Text(digits)) if digits.len() <= 16 && !digits.starts_with('+') => digits.parse().ok(),
            Some(_) => None,
        };
        to_timestamp(name, seconds)
    }

    /// As [`Claims::time`], and a number may have a fraction: MSAL for Python writes
    /// `time.time()` as it is. For client assertions only.
    pub fn optional_time_lenient(&self, name: &'static str) -> Result<Option<Timestamp>, ClaimError> {
        match self.flat(name) {
            None => Ok(None),
            Some(Flat::Other(Value::Number(number))) => {
                // The range check comes first, so the cast loses a fraction alone.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let whole = number.as_f64().filter(|n| (0.0..1e12).contains(n)).map(|n| n as u64);
                to_timestamp(name, whole).map(Some)
            }
            Some(_) => self.time(name).map(Some),
        }
    }

    /// Whether a flag is set: the string or the Boolean `true`.
    pub fn flag(&self, name: &str) -> bool {
        match self.flat(name) {
            Some(Flat::Bool(flag)) => flag,
            Some(Flat::Text(text)) => text == "true",
            _ => false,
        }
    }
}

fn to_timestamp(name: &'static str, seconds: Option<u64>) -> Result<Timestamp, ClaimError> {
    seconds
        .and_then(|seconds| i64::try_from(seconds).ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or(ClaimError::WrongType(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(text: &str) -> Claims {
        Claims::new(Members::read(text.as_bytes().to_vec()).unwrap())
    }

    #[track_caller]
    fn check(value: &str, strict: Option<i64>, lenient: Option<i64>) {
        let claims = claims(&format!("{{\"exp\":{value}}}"));
        assert_eq!(claims.time("exp").ok().map(Timestamp::as_second), strict, "{value}");
        let read = claims.optional_time_lenient("exp").ok().flatten();
        assert_eq!(read.map(Timestamp::as_second), lenient, "{value}");
    }

    #[test]
    fn times() {
        check("1700000000", Some(1_700_000_000), Some(1_700_000_000));
        check("\"1700000000\"", Some(1_700_000_000), Some(1_700_000_000));
        check("1700000000.75", None, Some(1_700_000_000));
        for wrong in [
            "-1",
            "\"-1\"",
            "\"+1\"",
            "\"\"",
            "\"12345678901234567\"",
            "\"1e9\"",
            "\" 1\"",
            "null",
            "true",
            "[1]",
            "1e300",
            "99999999999999999999",
        ] {
            check(wrong, None, None);
        }
    }

    #[test]
    fn every_member_is_shown() {
        let claims = claims(r#"{"b":"x","a":[1]}"#);
        let shown: Vec<_> = claims.iter().map(|(name, value)| (name, value.to_string())).collect();
        assert_eq!(shown, [("a", "[1]".to_owned()), ("b", "\"x\"".to_owned())]);
    }

    #[test]
    fn flags() {
        for (value, expected) in
            [("true", true), ("\"true\"", true), ("\"True\"", false), ("1", false), ("\"false\"", false)]
        {
            assert_eq!(claims(&format!("{{\"f\":{value}}}")).flag("f"), expected, "{value}");
        }
    }
}
