//! Where private signing keys are: in files of a folder, or in a PKCS#11 token. New ones
//! go to the token if there is one; a key is used where it was made.

use std::io;
use std::path::{Path, PathBuf};

use actas_certificate::file::{self, FileError};
use actas_certificate::{Certificate, PrivateKey, issue};
use actas_store::sts::{KeyState, SigningKeyRecord};
use actas_token::{KeyName, Signer as _, SigningKey, Unsigned, VerifyingKey};
use jiff::Timestamp;

use super::pkcs11::{HardwareToken, KeyId};
use super::{CERTIFICATE_LIFETIME, CERTIFICATE_NAME, KEY_BITS, KeyRingError, read};
use crate::policy::SigningKeyKind;

/// Where private signing keys are.
#[derive(Clone, Debug)]
pub struct KeyPlace {
    /// Files of mode 0600 are here.
    folder: PathBuf,
    token: Option<HardwareToken>,
}

/// The key that signs, wherever it is.
pub(super) struct Signer {
    name: KeyName,
    key: Key,
}

enum Key {
    Here(SigningKey),
    OnToken { token: HardwareToken, id: KeyId, public: VerifyingKey },
    NotOpened { thumbprint: String },
}

impl From<&Path> for KeyPlace {
    fn from(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), token: None }
    }
}

// === impl KeyPlace ===

impl KeyPlace {
    /// New keys are made in this token. Keys that are in files are used until they retire.
    #[must_use]
    pub fn with_token(self, token: HardwareToken) -> Self {
        Self { token: Some(token), ..self }
    }

    pub(super) async fn make(
        &self,
        kind: SigningKeyKind,
        state: KeyState,
        now: Timestamp,
    ) -> Result<SigningKeyRecord, KeyRingError> {
        let certificate = match &self.token {
            Some(token) => token.make(kind, now).await?,
            None => self.make_file(kind, now)?,
        };
        let thumbprint = certificate.thumbprint().to_owned();
        Ok(SigningKeyRecord { thumbprint, state, since: now, certificate: certificate.der().to_vec() })
    }

    fn make_file(&self, kind: SigningKeyKind, now: Timestamp) -> Result<Certificate, KeyRingError> {
        let key = match kind {
            SigningKeyKind::P256 => PrivateKey::generate_p256(),
            SigningKeyKind::Rsa => PrivateKey::generate_rsa(KEY_BITS),
        };
        let key = key.map_err(issue::IssueError::from)?;
        let pair = issue::self_signed_with(key, CERTIFICATE_NAME, &[], now, CERTIFICATE_LIFETIME)?;
        file::write_private_key(&self.file(pair.certificate().thumbprint()), pair.key())?;
        Ok(pair.certificate().clone())
    }

    /// The private key of a record, ready to sign.
    pub(super) async fn open(&self, record: &SigningKeyRecord) -> Result<Signer, KeyRingError> {
        let path = self.file(&record.thumbprint);
        let key = match (file::read_private_key(&path), &self.token) {
            (Ok(private), _) => Key::Here(SigningKey::new(private.pkcs8_der(), &record.certificate)?),
            (Err(FileError::Io(error)), Some(token)) if error.kind() == io::ErrorKind::NotFound => {
                let id = key_id(&record.thumbprint)?;
                token.holds(id).await?;
                Key::OnToken { token: token.clone(), id, public: read(record)?.1 }
            }
            (Err(FileError::Io(error)), None) if error.kind() == io::ErrorKind::NotFound => {
                return Err(KeyRingError::Nowhere { thumbprint: record.thumbprint.clone(), path });
            }
            (Err(error), _) => return Err(error.into()),
        };
        Ok(Signer { name: KeyName::of(&read(record)?.1), key })
    }

    /// Sees to it that nothing is left of these keys, which are of no use any more. What
    /// cannot be removed now is tried again with the next change, and told.
    pub(super) async fn remove(&self, thumbprints: &[&str]) {
        for thumbprint in thumbprints {
            match std::fs::remove_file(self.file(thumbprint)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(%error, thumbprint, "the file of a signing key stays behind"),
            }
        }
        if let Some(token) = &self.token {
            let ids = thumbprints.iter().filter_map(|thumbprint| KeyId::from_thumbprint(thumbprint)).collect();
            match token.destroy(ids).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "signing keys were destroyed on the PKCS#11 token"),
                Err(error) => tracing::warn!(%error, "signing keys may stay behind on the PKCS#11 token"),
            }
        }
    }

    fn file(&self, thumbprint: &str) -> PathBuf {
        self.folder.join(format!("{thumbprint}.key"))
    }
}

fn key_id(thumbprint: &str) -> Result<KeyId, KeyRingError> {
    KeyId::from_thumbprint(thumbprint)
        .ok_or_else(|| KeyRingError::Certificate(format!("`{thumbprint}` is not a thumbprint")))
}

// === impl Signer ===

impl Signer {
    /// Of a ring that only rolls.
    pub(super) fn unopened(record: &SigningKeyRecord) -> Result<Self, KeyRingError> {
        let key = Key::NotOpened { thumbprint: record.thumbprint.clone() };
        Ok(Self { name: KeyName::of(&read(record)?.1), key })
    }

    pub(super) fn name(&self) -> &KeyName {
        &self.name
    }

    /// Signs: at once with a key that is here, after a while with one on a token.
    pub(super) async fn sign(&self, unsigned: Unsigned) -> Result<String, KeyRingError> {
        match &self.key {
            Key::Here(key) => Ok(key.sign(unsigned)?),
            Key::NotOpened { thumbprint } => Err(KeyRingError::NotOpened { thumbprint: thumbprint.clone() }),
            Key::OnToken { token, id, public } => {
                let algorithm = unsigned.algorithm();
                let signature = token.sign(*id, algorithm, unsigned.signing_input()).await?;
                // A device that fails now and then must not send out what nobody believes.
                if public.verifies(algorithm, unsigned.signing_input(), &signature) {
                    Ok(unsigned.with_signature(&signature))
                } else {
                    Err(KeyRingError::BadSignature { thumbprint: id.to_string() })
                }
            }
        }
    }
}
