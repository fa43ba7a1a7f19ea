//! The token service's signing keys: made on first start, kept over restarts. One signs,
//! the next is published already.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actas_certificate::file::{self, FileError};
use actas_certificate::{Certificate, issue};
use actas_store::sts::{KeyState, SigningKeyRecord, SigningKeys};
use actas_token::{KeyError, SigningKey, VerifyingKey};
use jiff::Timestamp;

/// How long a signing certificate is good for on paper; trust comes from publication.
const CERTIFICATE_LIFETIME: Duration = Duration::from_hours(24 * 365 * 5);
const KEY_BITS: usize = 2048;

/// The key that signs, and the certificates that are published, the signing one first.
#[derive(Clone, Debug)]
pub struct KeyRing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    signer: SigningKey,
    published: Vec<(Certificate, VerifyingKey)>,
}

/// Why the signing keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The database.
    #[error(transparent)]
    Store(#[from] actas_store::Error),
    /// A key file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Making a key.
    #[error("cannot make a signing key: {0}")]
    Issue(#[from] issue::IssueError),
    /// Using a key.
    #[error("a signing key is not usable: {0}")]
    Key(#[from] KeyError),
    /// The database knows a key whose certificate cannot be read.
    #[error("a stored signing certificate cannot be read: {0}")]
    Certificate(String),
    /// No key signs.
    #[error("none of the stored signing keys is current")]
    NoneCurrent,
}

// === impl KeyRing ===

impl KeyRing {
    /// Loads the keys, and makes current and next when there are none. Private keys
    /// are files of mode 0600 in `folder`.
    pub async fn load_or_make(keys: &SigningKeys, folder: &Path, now: Timestamp) -> Result<Self, KeyRingError> {
        let mut records = keys.all().await?;
        if records.is_empty() {
            // Files first: a crash in between leaves files without a record, never the
            // other way round.
            records = vec![make(folder, KeyState::Current, now)?, make(folder, KeyState::Next, now)?];
            keys.add(&records).await?;
        }
        let current =
            records.iter().find(|record| record.state == KeyState::Current).ok_or(KeyRingError::NoneCurrent)?;
        let private = file::read_private_key(&key_file(folder, &current.thumbprint))?;
        let signer = SigningKey::new(private.pkcs8_der(), &current.certificate)?;
        let read = |record: &SigningKeyRecord| -> Result<_, KeyRingError> {
            let key = VerifyingKey::from_certificate(&record.certificate)?;
            let certificate = Certificate::from_der(&record.certificate);
            Ok((certificate.map_err(|error| KeyRingError::Certificate(error.to_string()))?, key))
        };
        let mut published = vec![read(current)?];
        for record in records.iter().filter(|record| record.state != KeyState::Current) {
            published.push(read(record)?);
        }
        Ok(Self(Arc::new(Inner { signer, published })))
    }

    pub(crate) fn signer(&self) -> &SigningKey {
        &self.0.signer
    }

    /// Certificates that verifiers should know, the signing one first.
    pub(crate) fn published(&self) -> &[(Certificate, VerifyingKey)] {
        &self.0.published
    }
}

fn make(folder: &Path, state: KeyState, now: Timestamp) -> Result<SigningKeyRecord, KeyRingError> {
    let pair = issue::self_signed("actas token service", &[], now, CERTIFICATE_LIFETIME, KEY_BITS)?;
    let thumbprint = pair.certificate().thumbprint().to_owned();
    file::write_private_key(&key_file(folder, &thumbprint), pair.key())?;
    Ok(SigningKeyRecord { thumbprint, state, since: now, certificate: pair.certificate().der().to_vec() })
}

fn key_file(folder: &Path, thumbprint: &str) -> PathBuf {
    folder.join(format!("{thumbprint}.key"))
}
