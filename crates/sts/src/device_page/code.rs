//! Codes: long ones that a program carries, and short ones that a person types.

use std::fmt;

use actas_directory::TenantId;
use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::secret::SecretError;

/// Letters that are hard to mistake and spell no words (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// With twenty letters some 34 bits, for a quarter of an hour and behind a password.
const LENGTH: usize = 8;

/// A code that nobody guesses: 256 bits.
pub(crate) fn random() -> Result<String, SecretError> {
    let mut bytes = [0; 32];
    fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of a code.
pub(crate) fn hash(code: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, code.as_bytes()))
}

/// A code that a person types.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct UserCode(String);

// === impl UserCode ===

impl UserCode {
    pub(crate) fn random() -> Result<Self, SecretError> {
        let mut code = String::with_capacity(LENGTH);
        while code.len() < LENGTH {
            let mut bytes = [0; LENGTH];
            fill(&mut bytes)?;
            // 240 is the last multiple of twenty: above it, some letters would come more often.
            let letters =
                bytes.iter().filter(|byte| **byte < 240).map(|byte| char::from(LETTERS[usize::from(*byte) % 20]));
            code.extend(letters.take(LENGTH - code.len()));
        }
        Ok(Self(code))
    }

    /// Reads what a person typed: case, spaces and dashes count for nothing.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let code: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .take(LENGTH + 1)
            .map(|c| c.to_ascii_uppercase())
            .collect();
        (code.len() == LENGTH && code.bytes().all(|letter| LETTERS.contains(&letter))).then_some(Self(code))
    }

    /// What is kept of it, in a tenant.
    pub(crate) fn hash(&self, tenant: TenantId) -> String {
        hash(&format!("{tenant} {}", self.0))
    }
}

/// As it is easiest to type: in two halves.
impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, other) = self.0.split_at(LENGTH / 2);
        write!(f, "{one}-{other}")
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), SecretError> {
    SystemRandom::new().fill(bytes).map_err(|_| SecretError::no_randomness())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_told_and_typed() {
        let made: BTreeSet<String> = (0..200).map(|_| UserCode::random().unwrap().to_string()).collect();
        assert_eq!(made.len(), 200);
        for code in made {
            assert_eq!(code.len(), 9);
            let typed = code.to_lowercase().replace('-', " ");
            assert!(UserCode::read(&typed).is_some_and(|read| read.to_string() == code));
        }
        for wrong in ["", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "BCDF-GHJ1", "ÄCDF-GHJK"] {
            assert!(UserCode::read(wrong).is_none(), "{wrong}");
        }
        let (one, other) = (TenantId(uuid::Uuid::from_u128(1)), TenantId(uuid::Uuid::from_u128(2)));
        let code = UserCode::random().unwrap();
        assert_ne!(code.hash(one), code.hash(other));
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
