//! Private keys, which can be used and written to a file but never printed.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, RsaKeyPair};
use rcgen::PublicKeyData as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::certificate::{Certificate, pem};
use crate::decode::{self, Section};
use crate::encrypted;

/// A private key: RSA, ECDSA on P-256 or P-384, or Ed25519.
///
/// Its bytes are wiped when it is dropped, and `Debug` shows none of them.
#[derive(Clone)]
pub struct PrivateKey {
    pkcs8: Zeroizing<Vec<u8>>,
    spki: Vec<u8>,
}

impl PrivateKey {
    /// Makes an RSA key of 2048, 3072 or 4096 bits.
    pub fn generate_rsa(bits: usize) -> Result<Self, KeyError> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            _ => return Err(KeyError::Size { bits }),
        };
        let key = RsaKeyPair::generate(size).map_err(|_| KeyError::Generation)?;
        Self::from_rsa(&key)
    }

    /// Makes an ECDSA key on P-256, as servers use for TLS.
    pub fn generate_p256() -> Result<Self, KeyError> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| KeyError::Generation)?;
        Self::from_ecdsa(&key)
    }

    /// Reads a key from PEM: PKCS#8 (`PRIVATE KEY`), PKCS#1 (`RSA PRIVATE KEY`) or SEC1
    /// (`EC PRIVATE KEY`). Certificates beside it are passed over.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::from_pem_with(text, None)
    }

    /// Reads a key from PEM as [`PrivateKey::from_pem`] does, or from an encrypted one
    /// (`ENCRYPTED PRIVATE KEY`): PBES2 with AES in CBC, its key by PBKDF2 with SHA-2 or by
    /// scrypt. A file may ask for at most two million rounds of the one, or 128 MiB and 16 lanes
    /// of the other. A key that is not encrypted needs no password, and takes any.
    pub fn from_encrypted_pem(text: &str, password: &str) -> Result<Self, KeyError> {
        Self::from_pem_with(text, Some(password))
    }

    fn from_pem_with(text: &str, password: Option<&str>) -> Result<Self, KeyError> {
        let sections = decode::sections(text).map_err(|why| KeyError::Unreadable { why })?;
        let mut keys = sections.iter().filter(|section| section.label.ends_with("PRIVATE KEY"));
        match (keys.next(), keys.next()) {
            (None, _) => Err(KeyError::Missing),
            (Some(only), None) => Self::from_section(only, password),
            (Some(_), Some(_)) => Err(KeyError::Several),
        }
    }

    /// Reads a key from PKCS#8 DER.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let signer = Signer(rcgen::KeyPair::try_from(der).map_err(|_| unreadable())?);
        let spki = signer.subject_public_key_info();
        Ok(Self { pkcs8: Zeroizing::new(der.to_vec()), spki })
    }

    /// The key as PKCS#8 DER.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The key as PKCS#8 PEM, for a file that only its owner can read.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem("PRIVATE KEY", &self.pkcs8))
    }

    /// The public half as a `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Whether `certificate` is about this key.
    pub fn matches(&self, certificate: &Certificate) -> bool {
        self.spki == certificate.spki_der()
    }

    /// The key in the form that signs certificates.
    pub(crate) fn signer(&self) -> Result<Signer, KeyError> {
        rcgen::KeyPair::try_from(self.pkcs8.as_slice()).map(Signer).map_err(|_| unreadable())
    }

    fn from_section(section: &Section<'_>, password: Option<&str>) -> Result<Self, KeyError> {
        match section.label {
            "PRIVATE KEY" => Self::from_pkcs8_der(&section.der),
            "RSA PRIVATE KEY" => Self::from_rsa(&RsaKeyPair::from_der(&section.der).map_err(|_| unreadable())?),
            "EC PRIVATE KEY" => {
                let key = [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING]
                    .into_iter()
                    .find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, &section.der).ok())
                    .ok_or_else(unreadable)?;
                Self::from_ecdsa(&key)
            }
            // The older way, whose body alone is encrypted, has no bytes here.
            "ENCRYPTED PRIVATE KEY" => match password {
                None => Err(KeyError::Encrypted),
                Some(_) if section.der.is_empty() => Err(KeyError::Unsupported),
                Some(password) => Self::from_pkcs8_der(encrypted::decrypt(&section.der, password)?.as_bytes()),
            },
            other => Err(KeyError::Unreadable { why: format!("`{other}` is not a kind it can be") }),
        }
    }

    fn from_rsa(key: &RsaKeyPair) -> Result<Self, KeyError> {
        let der: Pkcs8V1Der<'static> = key.as_der().map_err(|_| KeyError::Generation)?;
        Self::from_pkcs8_der(der.as_ref())
    }

    fn from_ecdsa(key: &EcdsaKeyPair) -> Result<Self, KeyError> {
        let der = key.to_pkcs8v1().map_err(|_| KeyError::Generation)?;
        Self::from_pkcs8_der(der.as_ref())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// The library's own form of a key, wiped when it is dropped.
pub(crate) struct Signer(rcgen::KeyPair);

impl Drop for Signer {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl rcgen::PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl rcgen::SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message)
    }
}

/// A certificate and the key that it is about.
#[derive(Clone, Debug)]
pub struct KeyPair {
    certificate: Certificate,
    key: PrivateKey,
}

impl KeyPair {
    /// Puts the two together if they belong together.
    pub fn new(certificate: Certificate, key: PrivateKey) -> Result<Self, KeyError> {
        if key.matches(&certificate) {
            Ok(Self { certificate, key })
        } else {
            Err(KeyError::Mismatch { thumbprint: certificate.thumbprint().to_owned() })
        }
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }
}

/// Equal when the certificates are: the key follows from its certificate.
impl PartialEq for KeyPair {
    fn eq(&self, other: &Self) -> bool {
        self.certificate == other.certificate
    }
}

impl Eq for KeyPair {}

/// What is wrong with a private key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is encrypted.
    #[error("the private key is encrypted")]
    Encrypted,
    /// Its password costs more to try than any key needs.
    #[error("the private key asks for too much work to derive a key from its password")]
    Excessive,
    /// The library made none.
    #[error("no private key could be made")]
    Generation,
    /// It belongs to another certificate.
    #[error("the private key does not belong to the certificate {thumbprint}")]
    Mismatch {
        /// The certificate's thumbprint.
        thumbprint: String,
    },
    /// There is none.
    #[error("there is no private key in it")]
    Missing,
    /// It was encrypted under another password.
    #[error("the password is not that of the private key")]
    Password,
    /// There is more than one.
    #[error("there is more than one private key in it")]
    Several,
    /// A size that is not made here.
    #[error("an RSA key of {bits} bits is not offered; 2048, 3072 and 4096 are")]
    Size {
        /// The size asked for.
        bits: usize,
    },
    /// It cannot be read.
    #[error("the private key cannot be read: {why}")]
    Unreadable {
        /// What was wrong with it, without any of its bytes.
        why: String,
    },
    /// It is encrypted in a way that is not read here.
    #[error("the private key is encrypted in a way that is not read here")]
    Unsupported,
}

impl KeyError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Encrypted | Self::Excessive | Self::Unsupported => {
                "decrypt it into a file that only you can read: `(umask 077; openssl pkcs8 -in FILE -out key.pem)`"
            }
            Self::Generation => "try again; the system's source of randomness may be failing",
            Self::Mismatch { .. } => "give the key that the certificate was requested with",
            Self::Missing => "give a PEM file with a section `PRIVATE KEY`",
            Self::Password => "give the password that the key was encrypted with; capitals and spaces count",
            Self::Several => "keep only the key that belongs to the certificate",
            Self::Size { .. } => "use `-KeySize 2048`",
            Self::Unreadable { .. } => {
                "give an RSA or ECDSA key as PKCS#8 PEM; `openssl pkey -in FILE -out key.pem` converts"
            }
        }
    }
}

fn unreadable() -> KeyError {
    KeyError::Unreadable {
        why: "it is not an RSA key of 2048 to 8192 bits, a P-256 or P-384 key, or an Ed25519 key".to_owned(),
    }
}
