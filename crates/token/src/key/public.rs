//! Public keys as such: RSA and EC P-256, out of a certificate or a JWK.

use aws_lc_rs::digest;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::{KeyError, RSA_BITS_MAX, RSA_BITS_MIN};
use crate::jws::Algorithm;

/// Bytes of a coordinate on P-256.
const COORDINATE_BYTES: usize = 32;
/// The first byte of an uncompressed point (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;
/// The longest member of a JWK that is decoded, in characters.
const MEMBER_CHARS_MAX: usize = 2 * RSA_BITS_MAX / 8;

/// A public key that signatures are checked with. Each kind of key goes with its own
/// algorithms and no other (RFC 8725 §3.1).
#[derive(Clone)]
pub struct PublicKey(Kind);

#[derive(Clone)]
enum Kind {
    P256 { key: ParsedPublicKey, x: [u8; COORDINATE_BYTES], y: [u8; COORDINATE_BYTES] },
    Rsa { rs256: ParsedPublicKey, ps256: ParsedPublicKey, modulus: Box<[u8]>, exponent: Box<[u8]> },
}

// === impl PublicKey ===

impl PublicKey {
    pub(super) fn from_spki(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, KeyError> {
        match spki.parsed() {
            Ok(Parsed::RSA(rsa)) => Self::rsa(rsa.modulus, rsa.exponent),
            Ok(Parsed::EC(_)) => Self::p256(&spki.subject_public_key.data),
            _ => Err(KeyError::NotSupported),
        }
    }

    /// The key of a DER `SubjectPublicKeyInfo`.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        match SubjectPublicKeyInfo::from_der(der) {
            Ok(([], spki)) => Self::from_spki(&spki),
            _ => Err(KeyError::NotSupported),
        }
    }

    /// The key of a JWK (RFC 7517): `kty` RSA, or EC on P-256. One that holds a private
    /// part is refused: whoever sends it does not know what it does.
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyError> {
        if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|private| jwk.contains_key(*private)) {
            return Err(KeyError::NotAJwk("it holds a private key"));
        }
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let number = |name: &str| {
            let text = jwk.get(name).and_then(Value::as_str).filter(|text| text.len() <= MEMBER_CHARS_MAX);
            text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
        };
        match (text("kty"), text("crv")) {
            (Some("RSA"), _) => {
                let (Some(n), Some(e)) = (number("n"), number("e")) else {
                    return Err(KeyError::NotAJwk("`n` or `e` is missing"));
                };
                Self::rsa(&n, &e)
            }
            (Some("EC"), Some("P-256")) => {
                let coordinate = |name| number(name).filter(|number| number.len() == COORDINATE_BYTES);
                let (Some(x), Some(y)) = (coordinate("x"), coordinate("y")) else {
                    return Err(KeyError::NotAJwk("`x` or `y` is missing or has not 32 bytes"));
                };
                Self::p256(&[&[UNCOMPRESSED][..], &x, &y].concat())
            }
            _ => Err(KeyError::NotSupported),
        }
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let (modulus, exponent) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
        let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
        if bits < RSA_BITS_MIN {
            return Err(KeyError::TooShort(bits));
        }
        if bits > RSA_BITS_MAX {
            return Err(KeyError::TooLong(bits));
        }
        let parts = PublicKeyComponents { n: &modulus, e: &exponent };
        Ok(Self(Kind::Rsa {
            rs256: parts.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).map_err(unusable)?,
            ps256: parts.to_parsed_public_key(&RSA_PSS_2048_8192_SHA256).map_err(unusable)?,
            modulus,
            exponent,
        }))
    }

    /// A point in the uncompressed form.
    fn p256(point: &[u8]) -> Result<Self, KeyError> {
        let (&UNCOMPRESSED, rest) = point.split_first().ok_or(KeyError::NotSupported)? else {
            return Err(KeyError::NotSupported);
        };
        let (x, y) = rest.split_at_checked(COORDINATE_BYTES).ok_or(KeyError::NotSupported)?;
        let x = x.try_into().map_err(|_| KeyError::NotSupported)?;
        let y = y.try_into().map_err(|_| KeyError::NotSupported)?;
        Ok(Self(Kind::P256 { key: ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(unusable)?, x, y }))
    }

    /// Whether the signature over `input` was made by this key, by an algorithm that goes
    /// with it. ES256 signatures are the 64 bytes of RFC 7518 §3.4, not DER.
    pub fn verifies(&self, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> bool {
        let key = match (&self.0, algorithm) {
            (Kind::P256 { key, .. }, Algorithm::Es256) => key,
            (Kind::Rsa { ps256, .. }, Algorithm::Ps256) => ps256,
            (Kind::Rsa { rs256, .. }, Algorithm::Rs256) => rs256,
            _ => return false,
        };
        key.verify_sig(input, signature).is_ok()
    }

    /// The members of a JWK that make up the key, and nothing else.
    pub fn to_jwk(&self) -> Map<String, Value> {
        let encoded = |bytes: &[u8]| Value::from(URL_SAFE_NO_PAD.encode(bytes));
        let members = match &self.0 {
            Kind::P256 { x, y, .. } => {
                vec![("crv", "P-256".into()), ("kty", "EC".into()), ("x", encoded(x)), ("y", encoded(y))]
            }
            Kind::Rsa { modulus, exponent, .. } => {
                vec![("e", encoded(exponent)), ("kty", "RSA".into()), ("n", encoded(modulus))]
            }
        };
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The key's own name (RFC 7638): base64url of SHA-256 over its required members, in
    /// order and without white space. This is `jkt` of a bound token.
    pub fn thumbprint(&self) -> String {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        // Written out, since the order of the members is the point.
        let canonical = match &self.0 {
            Kind::P256 { x, y, .. } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, encoded(x), encoded(y))
            }
            Kind::Rsa { modulus, exponent, .. } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encoded(exponent), encoded(modulus))
            }
        };
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }

    /// The algorithm with which tokens of our own are signed with such a key.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Kind::P256 { .. } => Algorithm::Es256,
            Kind::Rsa { .. } => Algorithm::Rs256,
        }
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", json!(self.to_jwk()))
    }
}

fn unusable(error: aws_lc_rs::error::KeyRejected) -> KeyError {
    KeyError::Unusable(error.to_string())
}

fn without_leading_zeros(number: &[u8]) -> Box<[u8]> {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    number[start..].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwk(text: &str) -> Result<PublicKey, KeyError> {
        PublicKey::from_jwk(serde_json::from_str::<Value>(text).unwrap().as_object().unwrap())
    }

    #[test]
    fn the_thumbprint_of_the_standard() {
        // RFC 7638 §3.1.
        let key = jwk(concat!(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst"#,
            r#"n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbIS"#,
            r#"D08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#
        ))
        .unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    /// An RSA key by its modulus.
    fn rsa(modulus: &[u8]) -> Result<PublicKey, KeyError> {
        jwk(&json!({ "kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(modulus) }).to_string())
    }

    #[test]
    fn an_rsa_key_has_its_least_and_its_most_bits() {
        let of = |bits: usize| [&[0xff >> ((8 - bits % 8) % 8)][..], &vec![0xff; bits.div_ceil(8) - 1]].concat();
        assert!(rsa(&of(RSA_BITS_MIN)).is_ok());
        assert_eq!(rsa(&of(RSA_BITS_MIN - 1)).unwrap_err(), KeyError::TooShort(RSA_BITS_MIN - 1));
        let most = rsa(&of(RSA_BITS_MAX)).unwrap();
        assert_eq!(rsa(&of(RSA_BITS_MAX + 1)).unwrap_err(), KeyError::TooLong(RSA_BITS_MAX + 1));
        // Zeros in front change no number; what is longer than any key is not decoded.
        let padded = |bytes: usize| [vec![0; bytes - RSA_BITS_MAX / 8], of(RSA_BITS_MAX)].concat();
        let longest = 2048 / 4 * 3;
        assert_eq!(rsa(&padded(longest)).map(|key| key.thumbprint()), Ok(most.thumbprint()));
        assert!(matches!(rsa(&padded(longest + 1)), Err(KeyError::NotAJwk(_))));
    }

    #[test]
    fn a_key_is_shown_as_its_public_members() {
        let text = r#"{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        assert_eq!(format!("{:?}", jwk(text).unwrap()), format!("PublicKey({text})"));
    }

    #[test]
    fn what_is_no_key() {
        for text in [
            "{}",
            r#"{"kty":"oct","k":"AAAA"}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"RSA","e":"AQAB"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#,
            r#"{"kty":"EC","crv":"P-384","x":"AAAA","y":"AAAA"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#,
        ] {
            assert!(jwk(text).is_err(), "{text}");
        }
    }
}
