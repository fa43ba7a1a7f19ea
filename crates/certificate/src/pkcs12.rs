//! PKCS#12 files (`.pfx`, `.p12`): a certificate with its key, under a password (RFC 7292).
//!
//! Reading alone: what OpenSSL and Windows write, in the old way (PBE with SHA-1 and 3DES or
//! 40-bit RC2) and in today's (PBES2 with AES). The library bounds the rounds of key derivation
//! that a file may ask for.

use p12_keystore::error::Error as Refusal;
use p12_keystore::{CertificateBag, Pkcs12Archive};

use crate::certificate::Certificate;
use crate::decode::{CERTIFICATE_BYTES_MAX, CertificateError};
use crate::key::{KeyError, KeyPair, PrivateKey};

/// The most bytes of a PKCS#12 file.
pub const PKCS12_BYTES_MAX: usize = CERTIFICATE_BYTES_MAX;

impl KeyPair {
    /// Reads the one private key in a PKCS#12 file and the certificate that is about it.
    ///
    /// Certificates of authorities beside it are passed over, whatever their order; what
    /// belongs together follows from the keys, not from attributes that a program may have
    /// left out. A file without a password has the empty one.
    ///
    /// ```
    /// use actas_certificate::{KeyPair, Pkcs12Error};
    ///
    /// let file = include_bytes!("../tests/it/fixtures/pkcs12/windows-3des.pfx");
    /// let pair = KeyPair::from_pkcs12(file, "secret")?;
    /// assert_eq!(pair.certificate().subject(), "CN=contoso.example");
    /// assert_eq!(KeyPair::from_pkcs12(file, "wrong"), Err(Pkcs12Error::Password));
    /// # Ok::<(), Pkcs12Error>(())
    /// ```
    pub fn from_pkcs12(bytes: &[u8], password: &str) -> Result<Self, Pkcs12Error> {
        if bytes.len() > PKCS12_BYTES_MAX {
            return Err(Pkcs12Error::TooLarge { bytes: bytes.len() });
        }
        let archive = Pkcs12Archive::from_pkcs12(bytes, password).map_err(|refusal| Pkcs12Error::from(&refusal))?;
        let key = match archive.keys.as_slice() {
            [only] => PrivateKey::from_pkcs8_der(only.key.as_der())?,
            [] => return Err(Pkcs12Error::NoKey),
            _ => return Err(KeyError::Several.into()),
        };
        let certificates = archive.certs.iter().map(certificate).collect::<Result<Vec<_>, _>>()?;
        let own = certificates.into_iter().find(|certificate| key.matches(certificate));
        Ok(Self::new(own.ok_or(Pkcs12Error::NoCertificate)?, key)?)
    }
}

fn certificate(bag: &CertificateBag) -> Result<Certificate, CertificateError> {
    Certificate::from_der(bag.cert.as_der())
}

/// Why a PKCS#12 file gives no key pair.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Pkcs12Error {
    /// One of its certificates cannot be read.
    #[error("a certificate in it cannot be read: {0}")]
    Certificate(#[from] CertificateError),
    /// Its key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// None of its certificates is about its key.
    #[error("it holds a private key, and no certificate that belongs to it")]
    NoCertificate,
    /// It holds certificates alone.
    #[error("it holds no private key")]
    NoKey,
    /// It was written under another password.
    #[error("the password is not that of the file")]
    Password,
    /// More bytes than such a file needs.
    #[error("{bytes} bytes are too many for a PKCS#12 file; the limit is {PKCS12_BYTES_MAX}")]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// It is not what it seems, or damaged, or not in DER.
    #[error("it cannot be read as PKCS#12: {why}")]
    Unreadable {
        /// The parser's reason, without any of its bytes.
        why: String,
    },
    /// It is encrypted in a way that is not read here.
    #[error("it is encrypted in a way that is not read here")]
    Unsupported,
}

impl Pkcs12Error {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Certificate(source) => source.hint(),
            Self::Key(KeyError::Several) => "export the one certificate that is meant, with its key, on its own",
            Self::Key(source) => source.hint(),
            Self::NoCertificate => "export the certificate together with its key",
            Self::NoKey => {
                "export it anew with its key (in Windows: `Yes, export the private key`); a key can only be exported \
                 where it was marked as exportable"
            }
            Self::Password => "give the password that the file was exported with; capitals and spaces count",
            Self::TooLarge { .. } => "check that the file is a PKCS#12 file",
            Self::Unreadable { .. } | Self::Unsupported => {
                "convert it into a file that only you can read: \
                 `(umask 077; openssl pkcs12 -in FILE -nodes -out oauth.pem)`, with `-legacy` for an old one"
            }
        }
    }
}

impl From<&Refusal> for Pkcs12Error {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            // Without a code for its integrity, a wrong password shows in what comes out.
            Refusal::MacError(_) | Refusal::UnpadError | Refusal::Pkcs5Error(_) => Self::Password,
            Refusal::UnsupportedEncryptionScheme | Refusal::UnsupportedMacAlgorithm => Self::Unsupported,
            other => Self::Unreadable { why: other.to_string() },
        }
    }
}
