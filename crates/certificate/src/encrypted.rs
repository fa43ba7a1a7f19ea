//! Private keys under a password: PKCS#8 `EncryptedPrivateKeyInfo` (RFC 5958 §3) with PBES2
//! (RFC 8018 §6.2), as `openssl pkcs8 -topk8` and `openssl genpkey -aes256` write it.
//!
//! Reading alone. PBES1, DES and derivation by SHA-1 are refused: a file says itself how little
//! its password is worth, and it is converted with one command.

use pkcs8::der::{ErrorKind, Tag};
use pkcs8::pkcs5::pbes2::{EncryptionScheme as Cipher, Kdf, Pbkdf2Prf};
use pkcs8::{EncryptedPrivateKeyInfoOwned, Error, SecretDocument};

use crate::key::KeyError;

/// The most rounds of PBKDF2 that a file may ask for: a few seconds.
const ROUNDS_MAX: u32 = 2_000_000;
/// The most of scrypt's memory, in blocks of 128 bytes (128 MiB), and of its lanes.
const BLOCKS_MAX: u64 = 1024 * 1024;
const LANES_MAX: u16 = 16;

/// The PKCS#8 DER in an encrypted key.
pub(crate) fn decrypt(der: &[u8], password: &str) -> Result<SecretDocument, KeyError> {
    let info = EncryptedPrivateKeyInfoOwned::try_from(der).map_err(|error| match error {
        // The library has no name for an algorithm that it does not know.
        Error::Asn1(error)
            if matches!(
                error.kind(),
                ErrorKind::OidUnknown { .. } | ErrorKind::Value { tag: Tag::ObjectIdentifier }
            ) =>
        {
            KeyError::Unsupported
        }
        error => KeyError::Unreadable { why: format!("it is no encrypted PKCS#8: {error}") },
    })?;
    let parameters = info.encryption_algorithm.pbes2().ok_or(KeyError::Unsupported)?;
    if !matches!(parameters.encryption, Cipher::Aes128Cbc { .. } | Cipher::Aes192Cbc { .. } | Cipher::Aes256Cbc { .. })
    {
        return Err(KeyError::Unsupported);
    }
    match &parameters.kdf {
        Kdf::Pbkdf2(by) if by.prf == Pbkdf2Prf::HmacWithSha1 => return Err(KeyError::Unsupported),
        Kdf::Pbkdf2(by) if by.iteration_count <= ROUNDS_MAX => {}
        Kdf::Scrypt(by)
            if by.cost_parameter.saturating_mul(by.block_size.into()) <= BLOCKS_MAX
                && by.parallelization <= LANES_MAX => {}
        Kdf::Pbkdf2(_) | Kdf::Scrypt(_) => return Err(KeyError::Excessive),
        _ => return Err(KeyError::Unsupported),
    }
    // Under a wrong password the padding is wrong, or what it hides is no key.
    info.decrypt(password).map_err(|_| KeyError::Password)
}
