//! The seam between what a token says and who signs it: a key in memory signs at once, one
//! that lives elsewhere is handed the text and gives back a signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::jws::Algorithm;
use crate::key::VerifyingKey;

/// Who signs the tokens of [`crate::issue`].
///
/// A [`SigningKey`](crate::SigningKey) gives the whole token. A bare [`KeyName`] gives an
/// [`Unsigned`] one, which whoever reaches the private key completes:
///
/// ```
/// use actas_token::{KeyName, VerifyingKey, issue};
/// # let pair = rcgen::KeyPair::generate().unwrap();
/// # let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
/// # let sign_elsewhere = |_: &[u8]| vec![0; 64];
/// let name = KeyName::of(&VerifyingKey::from_certificate(certificate.der())?);
/// let unsigned = issue::access_token(&name, &serde_json::json!({"sub": "lync"}));
/// let signature = sign_elsewhere(unsigned.signing_input());
/// assert_eq!(unsigned.with_signature(&signature).split('.').count(), 3);
/// # Ok::<(), actas_token::KeyError>(())
/// ```
pub trait Signer {
    /// What comes of signing.
    type Signed;

    /// How a token's header names the key.
    fn name(&self) -> &KeyName;

    /// Signs, or hands on what is to be signed.
    fn sign(&self, unsigned: Unsigned) -> Self::Signed;
}

/// How a token's header names the key that signs it, and with which algorithm.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyName {
    algorithm: Algorithm,
    x5t: String,
    x5t_s256: String,
}

/// A token that waits for its signature: header and claims as they will be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "it is no token until it is signed"]
pub struct Unsigned {
    algorithm: Algorithm,
    text: String,
}

// === impl KeyName ===

impl KeyName {
    /// The name of the private key that belongs to this public one.
    pub fn of(key: &VerifyingKey) -> Self {
        Self::new(key.public().algorithm(), key.x5t().to_owned(), key.x5t_s256().to_owned())
    }

    pub(crate) fn new(algorithm: Algorithm, x5t: String, x5t_s256: String) -> Self {
        Self { algorithm, x5t, x5t_s256 }
    }

    /// The algorithm of its signatures: RS256 or ES256.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
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

impl Signer for KeyName {
    type Signed = Unsigned;

    fn name(&self) -> &KeyName {
        self
    }

    fn sign(&self, unsigned: Unsigned) -> Unsigned {
        unsigned
    }
}

// === impl Unsigned ===

impl Unsigned {
    pub(crate) fn new(algorithm: Algorithm, text: String) -> Self {
        Self { algorithm, text }
    }

    /// The algorithm that its header names.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes that the signature is over (RFC 7515 §5.1).
    pub fn signing_input(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The whole compact token. The signature has the form of RFC 7518: for ES256 `r` and
    /// `s`, 32 bytes each (§3.4). It is not checked.
    pub fn with_signature(self, signature: &[u8]) -> String {
        let mut token = self.text;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    pub(crate) fn into_parts(self) -> (Algorithm, String) {
        (self.algorithm, self.text)
    }
}
