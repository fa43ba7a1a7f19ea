//! Keys, parsed once.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::jws::{Algorithm, Header};

/// The smallest RSA modulus that signs or verifies (RFC 7518 §3.3), in bits.
pub const RSA_BITS_MIN: usize = 2048;

/// Why bytes are no key of ours.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// Not a DER X.509 certificate.
    #[error("not an X.509 certificate")]
    NotACertificate,
    /// A key of another kind.
    #[error("the key is not RSA")]
    NotRsa,
    /// A modulus below [`RSA_BITS_MIN`].
    #[error("the RSA key has {0} bits, fewer than {RSA_BITS_MIN}")]
    TooShort(usize),
    /// The library refused it.
    #[error("the key is not usable: {0}")]
    Unusable(String),
}

/// `x5t`: base64url of the certificate's SHA-1 (RFC 7515 §4.1.7).
pub fn x5t(certificate_der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate_der))
}

/// `x5t#S256`: base64url of the certificate's SHA-256 (RFC 7515 §4.1.8).
pub fn x5t_s256(certificate_der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, certificate_der))
}

/// A public key that signatures are checked with, and the names it goes by.
#[derive(Clone)]
pub struct VerifyingKey {
    rs256: ParsedPublicKey,
    ps256: ParsedPublicKey,
    x5t: String,
    x5t_s256: String,
    kid: String,
    modulus: Box<[u8]>,
    exponent: Box<[u8]>,
}

impl VerifyingKey {
    /// The key of a DER certificate. The certificate's own dates are not looked at:
    /// trust comes from who published the key, not from a chain.
    pub fn from_certificate(der: &[u8]) -> Result<Self, KeyError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| KeyError::NotACertificate)?;
        let spki = certificate.public_key();
        let Ok(PublicKey::RSA(rsa)) = spki.parsed() else {
            return Err(KeyError::NotRsa);
        };
        let bits = rsa.key_size();
        if bits < RSA_BITS_MIN {
            return Err(KeyError::TooShort(bits));
        }
        let pkcs1 = spki.subject_public_key.data.as_ref();
        let unusable = |error: aws_lc_rs::error::KeyRejected| KeyError::Unusable(error.to_string());
        Ok(Self {
            rs256: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pkcs1).map_err(unusable)?,
            ps256: ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, pkcs1).map_err(unusable)?,
            x5t: x5t(der),
            x5t_s256: x5t_s256(der),
            kid: x5t(der),
            modulus: without_leading_zeros(rsa.modulus),
            exponent: without_leading_zeros(rsa.exponent),
        })
    }

    /// Whether the signature over `input` was made by this key.
    pub fn verifies(&self, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> bool {
        let key = match algorithm {
            Algorithm::Ps256 => &self.ps256,
            Algorithm::Rs256 => &self.rs256,
        };
        key.verify_sig(input, signature).is_ok()
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

    /// The modulus, big-endian without leading zeros: `n` of a JWK (RFC 7518 §6.3.1.1).
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The public exponent, likewise: `e` of a JWK.
    pub fn exponent(&self) -> &[u8] {
        &self.exponent
    }
}

fn without_leading_zeros(number: &[u8]) -> Box<[u8]> {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    number[start..].into()
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.x5t)
    }
}

/// A private key that signs, with the certificate it goes by.
pub struct SigningKey {
    pair: RsaKeyPair,
    random: SystemRandom,
    x5t: String,
    x5t_s256: String,
}

impl SigningKey {
    /// Parses a PKCS#8 key and takes its names from the certificate.
    pub fn new(pkcs8_der: &[u8], certificate_der: &[u8]) -> Result<Self, KeyError> {
        let pair = RsaKeyPair::from_pkcs8(pkcs8_der).map_err(|error| KeyError::Unusable(error.to_string()))?;
        let bits = pair.public_modulus_len() * 8;
        if bits < RSA_BITS_MIN {
            return Err(KeyError::TooShort(bits));
        }
        Ok(Self { pair, random: SystemRandom::new(), x5t: x5t(certificate_der), x5t_s256: x5t_s256(certificate_der) })
    }

    /// Signs, and gives back the whole compact token.
    pub(crate) fn sign(&self, algorithm: Algorithm, signing_input: String) -> Result<String, KeyError> {
        let padding: &dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
            Algorithm::Ps256 => &RSA_PSS_SHA256,
            Algorithm::Rs256 => &RSA_PKCS1_SHA256,
        };
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(padding, &self.random, signing_input.as_bytes(), &mut signature)
            .map_err(|_| KeyError::Unusable("signing failed".to_owned()))?;
        let mut token = signing_input;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
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

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.x5t)
    }
}
