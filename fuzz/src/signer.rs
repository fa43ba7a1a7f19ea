//! Keys, and tokens written as text: a header line and a payload line, signed by whom the first
//! line names. So the fuzzer gets behind the signature without having to make one.

use std::sync::LazyLock;
use std::time::Duration;

use actas_certificate::{KeyPair, PrivateKey, issue};
use actas_token::{PublicKey, SigningKey, VerifyingKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::NOW;

/// A key on P-256 and its certificate.
pub struct Signer {
    pair: KeyPair,
    ecdsa: EcdsaKeyPair,
}

/// Whom a resource trusts as its token service.
pub static STS: LazyLock<Signer> = LazyLock::new(|| Signer::new("sts"));
/// A partner that issues its own tokens, or a client of the token service.
pub static PARTNER: LazyLock<Signer> = LazyLock::new(|| Signer::new("partner"));
/// Whom nobody trusts.
pub static STRANGER: LazyLock<Signer> = LazyLock::new(|| Signer::new("stranger"));

impl Signer {
    fn new(name: &str) -> Self {
        let key = PrivateKey::generate_p256().expect("a key is made");
        let begun = NOW - Duration::from_hours(24);
        let pair = issue::self_signed_with(key, name, &[], begun, Duration::from_hours(24 * 730))
            .expect("a certificate is made");
        let ecdsa = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pair.key().pkcs8_der())
            .expect("the key is on P-256");
        Self { pair, ecdsa }
    }

    /// The key and its certificate.
    pub fn pair(&self) -> &KeyPair {
        &self.pair
    }

    /// As the product signs.
    pub fn signing(&self) -> SigningKey {
        SigningKey::new(self.pair.key().pkcs8_der(), self.pair.certificate().der()).expect("the key signs")
    }

    /// As a server knows it.
    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey::from_certificate(self.pair.certificate().der()).expect("the certificate has a key")
    }

    /// The bare public key.
    pub fn public(&self) -> PublicKey {
        PublicKey::from_spki_der(self.pair.key().spki_der()).expect("the key is on P-256")
    }

    /// Signs any text, as ES256 does.
    pub fn sign(&self, input: &str) -> String {
        let signature = self.ecdsa.sign(&SystemRandom::new(), input.as_bytes()).expect("the key signs");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What stands for this key in a text: `@x5t@`, `@jwk@`, `@jkt@`.
    fn fill(&self, text: &str) -> String {
        if !text.contains('@') {
            return text.to_owned();
        }
        let public = self.public();
        text.replace("@x5t@", &self.pair.certificate().x5t())
            .replace("@jkt@", &public.thumbprint())
            .replace("\"@jwk@\"", &serde_json::Value::Object(public.to_jwk()).to_string())
    }
}

/// How a token was signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// [`STS`].
    Sts,
    /// [`PARTNER`].
    Partner,
    /// [`STRANGER`].
    Stranger,
    /// [`STS`], and one bit of the signature is another.
    Damaged,
    /// Not at all.
    Nobody,
}

impl By {
    /// Whom the word at the start of a line names.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "sts" => Self::Sts,
            "partner" => Self::Partner,
            "stranger" => Self::Stranger,
            "damaged" => Self::Damaged,
            "nobody" => Self::Nobody,
            _ => return None,
        })
    }

    /// The token of a header and a payload.
    pub fn token(self, header: &str, payload: &str) -> String {
        let signer = match self {
            Self::Sts | Self::Damaged => &*STS,
            Self::Partner => &*PARTNER,
            Self::Stranger | Self::Nobody => &*STRANGER,
        };
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(signer.fill(text));
        let input = format!("{}.{}", encoded(header), encoded(payload));
        match self {
            Self::Sts | Self::Partner | Self::Stranger => signer.sign(&input),
            Self::Nobody => format!("{input}."),
            Self::Damaged => {
                let token = signer.sign(&input);
                let (before, signature) = token.rsplit_once('.').unwrap_or_default();
                let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
                if let Some(byte) = bytes.first_mut() {
                    *byte ^= 1;
                }
                format!("{before}.{}", URL_SAFE_NO_PAD.encode(bytes))
            }
        }
    }
}
