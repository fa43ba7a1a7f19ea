//! Client secrets, made here and shown once, and users' passwords: kept as Argon2id.

use actas_directory::user::PasswordHash as Kept;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Random bytes in a secret: 40 characters, more than anybody guesses.
const SECRET_BYTES: usize = 30;
/// The longest secret that is hashed, in bytes.
pub(crate) const SECRET_BYTES_MAX: usize = 256;

/// The system has no randomness to give, or hashing failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("a secret could not be made: {0}")]
pub struct SecretError(String);

impl SecretError {
    pub(crate) fn no_randomness() -> Self {
        Self("no randomness".to_owned())
    }
}

/// A new secret and its hash in PHC form. The secret is nowhere else.
pub fn new_secret() -> Result<(String, String), SecretError> {
    let mut bytes = [0; SECRET_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SecretError::no_randomness())?;
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    let hash = hash(&secret)?;
    Ok((secret, hash))
}

/// The hash of a password that a user or an administrator chose, in PHC form. Takes its
/// time on purpose.
pub fn hash_password(password: &str) -> Result<Kept, SecretError> {
    hash(password).map(Kept)
}

fn hash(text: &str) -> Result<String, SecretError> {
    let mut salt = [0; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| SecretError::no_randomness())?;
    let salt = SaltString::from_b64(&STANDARD_NO_PAD.encode(salt)).map_err(|error| SecretError(error.to_string()))?;
    let hash = hasher().hash_password(text.as_bytes(), &salt).map_err(|error| SecretError(error.to_string()))?;
    Ok(hash.to_string())
}

/// Whether a secret is the one that was hashed. Takes its time on purpose.
pub(crate) fn verifies(secret: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| hasher().verify_password(secret.as_bytes(), &hash).is_ok())
}

/// Takes as long as [`verifies`] where there is no hash to verify against.
pub(crate) fn verify_in_vain(secret: &str) {
    let mut nothing = [0; 32];
    // The outcome is of no interest, a failure included.
    let _ = hasher().hash_password_into(secret.as_bytes(), &[0; 16], &mut nothing);
}

/// OWASP's second recommendation: 19 MiB, two passes, one lane.
fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}
