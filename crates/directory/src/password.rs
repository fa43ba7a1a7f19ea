//! Secrets of applications and service principals, as hashes, and the rules about them.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::credential::CREDENTIALS_MAX;

/// The longest display name of a secret, in characters; longer ones are cut.
const DISPLAY_NAME_CHARS_MAX: usize = 90;
/// How much of a secret tells it apart.
const HINT_CHARS: usize = 3;

/// A secret, as a hash.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
pub struct PasswordCredential {
    /// Its id.
    pub key_id: Uuid,
    /// Argon2id, in PHC form.
    pub hash: String,
    /// The first three characters, so that a person can tell secrets apart.
    pub hint: String,
    /// From when it counts.
    pub start: Timestamp,
    /// Until when it counts.
    pub end: Timestamp,
    /// For people.
    pub display_name: String,
}

/// A secret as a client asks for it. The secret itself is made here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PasswordRequest {
    /// Defaults to now.
    pub start: Option<Timestamp>,
    /// Defaults to two years after start.
    pub end: Option<Timestamp>,
    /// For people.
    pub display_name: Option<String>,
}

/// Why a secret is not made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordRefused {
    /// Start on or after end.
    #[error("the start date {0} is not before the end date {1}")]
    Inverted(Timestamp, Timestamp),
    /// It would never count.
    #[error("the end date {0} has passed")]
    Ended(Timestamp),
    /// Too many.
    #[error("an object holds at most {CREDENTIALS_MAX} secrets")]
    TooMany,
}

impl std::fmt::Debug for PasswordCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PasswordCredential({})", self.key_id)
    }
}

impl PasswordCredential {
    /// A credential for a secret whose hash was made; `secret` only lends its first
    /// characters. `beside` is how many secrets the object has already.
    pub fn new(
        request: &PasswordRequest,
        key_id: Uuid,
        (secret, hash): (&str, String),
        beside: usize,
        now: Timestamp,
    ) -> Result<Self, PasswordRefused> {
        if beside >= CREDENTIALS_MAX {
            return Err(PasswordRefused::TooMany);
        }
        let start = request.start.unwrap_or(now);
        let end = request.end.unwrap_or_else(|| two_years_after(start));
        if start >= end {
            return Err(PasswordRefused::Inverted(start, end));
        }
        if end <= now {
            return Err(PasswordRefused::Ended(end));
        }
        let display_name = request.display_name.as_deref().unwrap_or_default();
        Ok(Self {
            key_id,
            hash,
            hint: secret.chars().take(HINT_CHARS).collect(),
            start,
            end,
            display_name: display_name.chars().take(DISPLAY_NAME_CHARS_MAX).collect(),
        })
    }

    /// Whether it counts at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.start <= now && now < self.end
    }
}

/// The same instant two years on.
fn two_years_after(start: Timestamp) -> Timestamp {
    let later = start.to_zoned_datetime(TimeZone::UTC).checked_add(2.years());
    later.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(request: &PasswordRequest, beside: usize, now: Timestamp) -> Result<PasswordCredential, PasswordRefused> {
        PasswordCredential::new(request, Uuid::nil(), ("abcdef", "hash".to_owned()), beside, now)
    }

    #[test]
    fn two_years_unless_said_otherwise() {
        let now: Timestamp = "2026-02-28T12:00:00Z".parse().unwrap();
        let made = make(&PasswordRequest::default(), 0, now).unwrap();
        assert_eq!((made.start, made.end.to_string().as_str()), (now, "2028-02-28T12:00:00Z"));
        assert_eq!(made.hint, "abc");
        assert!(made.is_live(now) && !made.is_live(made.end));
        assert!(!format!("{made:?}").contains("hash"));
    }

    #[test]
    fn dates_and_bounds() {
        let now: Timestamp = "2026-02-28T12:00:00Z".parse().unwrap();
        let dated = |start: &str, end: &str| PasswordRequest {
            start: Some(start.parse().unwrap()),
            end: Some(end.parse().unwrap()),
            display_name: Some("x".repeat(200)),
        };
        let made = make(&dated("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"), 0, now).unwrap();
        assert!(!made.is_live(now), "not yet");
        assert_eq!(made.display_name.len(), 90);
        let inverted = make(&dated("2027-02-01T00:00:00Z", "2027-01-01T00:00:00Z"), 0, now);
        assert!(matches!(inverted, Err(PasswordRefused::Inverted(..))));
        let ended = make(&dated("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"), 0, now);
        assert!(matches!(ended, Err(PasswordRefused::Ended(_))));
        assert_eq!(make(&PasswordRequest::default(), CREDENTIALS_MAX, now), Err(PasswordRefused::TooMany));
    }
}
