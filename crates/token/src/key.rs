//! Keys, parsed once.

mod public;

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::jws::{Algorithm, Header};
use crate::sign::{KeyName, Signer, Unsigned};

pub use public::PublicKey;

/// The smallest RSA modulus that signs or verifies (RFC 7518 §3.3), in bits.
pub const RSA_BITS_MIN: usize = 2048;
/// The largest, in bits.
pub const RSA_BITS_MAX: usize = 8192;

/// Why bytes are no key of ours.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// Not a DER X.509 certificate.
    #[error("not an X.509 certificate")]
    NotACertificate,
    /// Not a JWK.
    #[error("not a JSON Web Key: {0}")]
    NotAJwk(&'static str),
    /// A key of another kind.
    #[error("the key is neither RSA nor EC on P-256")]
    NotSupported,
    /// A modulus below [`RSA_BITS_MIN`].
    #[error("the RSA key has {0} bits, fewer than {RSA_BITS_MIN}")]
    TooShort(usize),
    /// A modulus above [`RSA_BITS_MAX`]: no signature of it would verify.
    #[error("the RSA key has {0} bits, more than {RSA_BITS_MAX}")]
    TooLong(usize),
    /// The library refused it.
    #[error("the key is not usable: {0}")]
    Unusable(String),
    /// An algorithm that does not go with the key.
    #[error("the key does not sign with {0}")]
    WrongAlgorithm(&'static str),
}

/// `x5t`: base64url of the certificate's SHA-1 (RFC 7515 §4.1.7).
pub fn x5t(certificate_der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate_der))
}

/// `x5t#S256`: base64url of the certificate's SHA-256 (RFC 7515 §4.1.8).
pub fn x5t_s256(certificate_der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, certificate_der))
}

/// A public key and the names that its certificate gives it.
#[derive(Clone)]
pub struct VerifyingKey {
    public: PublicKey,
    x5t: String,
    x5t_s256: String,
    kid: String,
}

impl VerifyingKey {
    /// The key of a DER certificate. The certificate's own dates are not looked at:
    /// trust comes from who published the key, not from a chain.
    pub fn from_certificate(der: &[u8]) -> Result<Self, KeyError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| KeyError::NotACertificate)?;
        Ok(Self {
            public: PublicKey::from_spki(certificate.public_key())?,
            x5t: x5t(der),
            x5t_s256: x5t_s256(der),
            kid: x5t(der),
        })
    }

    /// The key itself.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Whether the signature over `input` was made by this key.
    pub fn verifies(&self, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> bool {
        self.public.verifies(algorithm, input, signature)
    }

    /// Whether a header's hints, as far as it gives any, name this key.
    pub fn named_by(&self, header: &Header) -> bool {
        let agrees = |hint: &Option<String>, own: &str| hint.as_deref().is_none_or(|hint| hint == own);
        agrees(&header.x5t_s256, &self.x5t_s256)
            && agrees(&header.x5t, &self.x5t)
            && (header.x5t.is_some() || header.x5t_s256.is_some() || agrees(&header.kid, &self.kid))
    }

    /// The certificate's SHA-1 as base64url.
    pub fn x5t(&self) -> &str {
        &self.x5t
    }

    /// The certificate's SHA-256 as base64url.
    pub fn x5t_s256(&self) -> &str {
        &self.x5t_s256
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.x5t)
    }
}

/// A private key that signs, with the certificate it goes by.
pub struct SigningKey {
    pair: Pair,
    random: SystemRandom,
    name: KeyName,
}

enum Pair {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// Parses a PKCS#8 key, RSA or EC on P-256, and takes its names from the certificate.
    pub fn new(pkcs8_der: &[u8], certificate_der: &[u8]) -> Result<Self, KeyError> {
        let pair = match EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8_der) {
            Ok(pair) => Pair::P256(pair),
            Err(_) => {
                Pair::Rsa(RsaKeyPair::from_pkcs8(pkcs8_der).map_err(|error| KeyError::Unusable(error.to_string()))?)
            }
        };
        if let Pair::Rsa(pair) = &pair {
            let bits = pair.public_modulus_len() * 8;
            if bits < RSA_BITS_MIN {
                return Err(KeyError::TooShort(bits));
            }
        }
        let algorithm = match pair {
            Pair::P256(_) => Algorithm::Es256,
            Pair::Rsa(_) => Algorithm::Rs256,
        };
        let name = KeyName::new(algorithm, x5t(certificate_der), x5t_s256(certificate_der));
        Ok(Self { pair, random: SystemRandom::new(), name })
    }

    /// The algorithm of tokens: RS256, which every reader knows, or ES256.
    pub fn algorithm(&self) -> Algorithm {
        self.name.algorithm()
    }

    /// The algorithm of client assertions: PS256, as the newest client libraries have it,
    /// or ES256.
    pub fn assertion_algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::P256(_) => Algorithm::Es256,
            Pair::Rsa(_) => Algorithm::Ps256,
        }
    }

    /// Signs, and gives back the whole compact token.
    pub(crate) fn sign_with(&self, algorithm: Algorithm, signing_input: String) -> Result<String, KeyError> {
        let input = signing_input.as_bytes();
        let failed = |_| KeyError::Unusable("signing failed".to_owned());
        let signature = match (&self.pair, algorithm) {
            (Pair::P256(pair), Algorithm::Es256) => pair.sign(&self.random, input).map_err(failed)?.as_ref().to_vec(),
            (Pair::Rsa(pair), Algorithm::Ps256 | Algorithm::Rs256) => {
                let padding: &dyn RsaEncoding =
                    if algorithm == Algorithm::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &self.random, input, &mut signature).map_err(failed)?;
                signature
            }
            _ => return Err(KeyError::WrongAlgorithm(algorithm.name())),
        };
        Ok(Unsigned::new(algorithm, signing_input).with_signature(&signature))
    }

    /// The certificate's SHA-1 as base64url.
    pub fn x5t(&self) -> &str {
        self.name.x5t()
    }

    /// The certificate's SHA-256 as base64url.
    pub fn x5t_s256(&self) -> &str {
        self.name.x5t_s256()
    }
}

impl Signer for SigningKey {
    type Signed = Result<String, KeyError>;

    fn name(&self) -> &KeyName {
        &self.name
    }

    fn sign(&self, unsigned: Unsigned) -> Self::Signed {
        let (algorithm, signing_input) = unsigned.into_parts();
        self.sign_with(algorithm, signing_input)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.name.x5t())
    }
}
