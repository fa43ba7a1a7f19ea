//! Keys that are not here: their public halves, and certificates for them.

use std::cell::RefCell;
use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::PublicKeyComponents;
use rcgen::PublicKeyData as _;

use crate::key::KeyError;

/// The public half of a key that lives elsewhere, such as in a PKCS#11 token.
///
/// ```
/// use actas_certificate::PublicHalf;
///
/// assert!(PublicHalf::p256(&[4; 65]).is_ok());
/// assert!(PublicHalf::p256(&[4; 64]).is_err());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicHalf {
    spki: Vec<u8>,
}

// === impl PublicHalf ===

impl PublicHalf {
    /// An RSA key, its numbers as big-endian bytes.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let parts = PublicKeyComponents { n: without_leading_zeros(modulus), e: without_leading_zeros(exponent) };
        let der: PublicKeyX509Der<'static> = parts.as_der().map_err(|_| unreadable("an RSA public key"))?;
        Ok(Self { spki: der.as_ref().to_vec() })
    }

    /// A key on P-256: its point in the uncompressed form (SEC 1 §2.3.3).
    pub fn p256(point: &[u8]) -> Result<Self, KeyError> {
        if point.len() != P256_POINT_BYTES || point.first() != Some(&UNCOMPRESSED) {
            return Err(unreadable("an uncompressed point on P-256"));
        }
        Ok(Self { spki: [P256_SPKI_PREFIX, point].concat() })
    }

    /// The key as a DER `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }
}

/// A key elsewhere in the form that signs certificates.
pub(crate) struct RemoteSigner<S> {
    public: rcgen::SubjectPublicKeyInfo,
    sign: S,
    /// Why it did not sign, which the library's error cannot say.
    refusal: RefCell<Option<String>>,
}

// === impl RemoteSigner ===

impl<S> RemoteSigner<S> {
    pub(crate) fn new(public: &PublicHalf, sign: S) -> Result<Self, rcgen::Error> {
        let public = rcgen::SubjectPublicKeyInfo::from_der(&public.spki)?;
        Ok(Self { public, sign, refusal: RefCell::default() })
    }

    pub(crate) fn refusal(&self) -> Option<String> {
        self.refusal.borrow().clone()
    }
}

impl<S> rcgen::PublicKeyData for RemoteSigner<S> {
    fn der_bytes(&self) -> &[u8] {
        self.public.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.public.algorithm()
    }
}

impl<S: Fn(&[u8]) -> Result<Vec<u8>, E>, E: fmt::Display> rcgen::SigningKey for RemoteSigner<S> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = (self.sign)(message).map_err(|error| {
            self.refusal.replace(Some(error.to_string()));
            rcgen::Error::RemoteKeyError
        })?;
        Ok(if self.algorithm() == &rcgen::PKCS_ECDSA_P256_SHA256 { ecdsa_der(&signature) } else { signature })
    }
}

/// `r` and `s` one after the other as the DER of RFC 3279 §2.2.3.
fn ecdsa_der(fixed: &[u8]) -> Vec<u8> {
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let body = [integer(r), integer(s)].concat();
    [&[SEQUENCE, short_length(&body)][..], &body].concat()
}

/// A number of at most 32 bytes as a DER INTEGER, which begins with a zero where it would
/// be read as negative.
fn integer(number: &[u8]) -> Vec<u8> {
    let number = without_leading_zeros(number);
    let sign = if number.first().is_none_or(|first| *first >= 0x80) { &[0][..] } else { &[] };
    let body = [sign, number].concat();
    [&[INTEGER, short_length(&body)][..], &body].concat()
}

/// The length byte of what is shorter than 128 bytes, as all that is written here is.
fn short_length(body: &[u8]) -> u8 {
    u8::try_from(body.len()).unwrap_or(u8::MAX)
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn unreadable(what: &str) -> KeyError {
    KeyError::Unreadable { why: format!("it is not {what}") }
}

const P256_POINT_BYTES: usize = 65;
const UNCOMPRESSED: u8 = 4;
/// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of 65 bytes } up to the
/// point (RFC 5480 §2).
const P256_SPKI_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_positive_and_short() {
        assert_eq!(integer(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(integer(&[0x80, 0]), [2, 3, 0, 0x80, 0]);
        assert_eq!(integer(&[0, 0]), [2, 1, 0]);
        let signature = [[0xff; 32], [0x7f; 32]].concat();
        let der = ecdsa_der(&signature);
        assert_eq!((der[0], usize::from(der[1]), &der[2..5]), (0x30, der.len() - 2, &[2, 33, 0][..]));
    }
}
