//! Proof of possession (RFC 9449): a JWT that the caller signs for one request, with the
//! key that the token is bound to.
//!
//! What is pure is here: shape, signature, method, address, age, and the hash of the
//! token. That a `jti` is used once needs a memory, and nonces a key: a server keeps both
//! in [`Proofs`].

mod nonce;
mod proofs;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::claims::ClaimError;
use crate::jws::{Compact, Malformed, Reading, SignedBy};
use crate::key::{KeyError, PublicKey, SigningKey};

pub use proofs::Proofs;

/// How old a proof may be, and how far in the future (clocks disagree).
pub const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// The longest `jti`, `nonce` or `htu` that is read, in bytes.
const TEXT_BYTES_MAX: usize = 2048;
const TYPE: &str = "dpop+jwt";

/// Names of the algorithms that proofs may be signed with.
pub const ALGORITHMS: [&str; 3] = ["ES256", "PS256", "RS256"];

/// The request that a proof has to be for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    /// Its method.
    pub method: &'e str,
    /// The token that it carries; none at a token endpoint.
    pub token: Option<&'e str>,
}

/// A proof that holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// The key's thumbprint.
    pub jkt: String,
    /// To be used once, until [`Proof::until`].
    pub jti: String,
    /// The server's nonce, if it has one.
    pub nonce: Option<String>,
    /// When it will be too old.
    pub until: Timestamp,
}

/// Why a proof does not hold.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofRefused {
    /// The scheme wants a proof, and none came.
    #[error("there is none")]
    Absent,
    /// One header is allowed.
    #[error("there is more than one")]
    Several,
    /// The header has bytes that no text has.
    #[error("it is not text")]
    NotText,
    /// No JWT.
    #[error("{0}")]
    Malformed(Malformed),
    /// `typ`.
    #[error("the type is not `{TYPE}`")]
    Type,
    /// `alg`: none, symmetric or unknown.
    #[error("the algorithm is not one of ES256, PS256 and RS256")]
    Algorithm,
    /// `jwk`.
    #[error("the key: {0}")]
    Key(KeyError),
    /// The signature.
    #[error("the signature does not verify with the key in the header")]
    Signature,
    /// A claim is missing, too long, or of the wrong type.
    #[error("{0}")]
    Claim(ClaimError),
    /// `htm`.
    #[error("it is for another method")]
    Method,
    /// `htu`.
    #[error("it is for another address")]
    Address,
    /// `iat`.
    #[error("it is too old or from the future")]
    Time,
    /// `ath`.
    #[error("it is for another token")]
    Token,
    /// `nonce`: none, another's, or too old.
    #[error("it has no nonce that this server gave out of late")]
    Nonce,
    /// `jti`.
    #[error("it was used before")]
    Used,
    /// The server's memory is full: nobody's fault.
    #[error("too many proofs are remembered")]
    Full,
}

impl ProofRefused {
    /// The `error` of the answer (RFC 9449 §5, §7.1, §8).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Nonce => "use_dpop_nonce",
            _ => "invalid_dpop_proof",
        }
    }

    /// What is wrong, in words of ours alone: nothing in it comes from the proof.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Absent => "there is no proof",
            Self::Several => "there is more than one proof",
            Self::NotText | Self::Malformed(_) => "the proof is no JWT",
            Self::Type => "the proof's type",
            Self::Algorithm => "the proof's algorithm",
            Self::Key(_) => "the proof's key",
            Self::Signature => "the proof's signature",
            Self::Claim(_) => "a claim of the proof",
            Self::Method => "the proof is for another method",
            Self::Address => "the proof is for another address",
            Self::Time => "the proof is too old or from the future",
            Self::Token => "the proof is for another token",
            Self::Nonce => "the proof's nonce",
            Self::Used => "the proof was used before",
            Self::Full => "too many proofs are remembered",
        }
    }
}

/// The `DPoP` challenge of a resource, a value of `WWW-Authenticate` (RFC 9449 §7.1).
///
/// ```
/// assert_eq!(
///     actas_token::dpop::challenge(Some("invalid_token")),
///     r#"DPoP error="invalid_token", algs="ES256 PS256 RS256""#
/// );
/// ```
pub fn challenge(error: Option<&str>) -> String {
    let error = error.map_or_else(String::new, |error| format!("error=\"{error}\", "));
    format!("DPoP {error}algs=\"{}\"", ALGORITHMS.join(" "))
}

/// Checks a proof, in the order of RFC 9449 §4.3. `is_here` says whether an `htu` is the
/// address of this request, by configured names and without query and fragment.
pub fn check(
    text: &str,
    expected: Expected<'_>,
    is_here: impl Fn(&str) -> bool,
    now: Timestamp,
) -> Result<Proof, ProofRefused> {
    let proof = Compact::parse(text, Reading::Proof).map_err(ProofRefused::Malformed)?;
    if proof.header.typ.as_deref() != Some(TYPE) {
        return Err(ProofRefused::Type);
    }
    let SignedBy::Algorithm(algorithm) = proof.header.signed_by else { return Err(ProofRefused::Algorithm) };
    let jwk = proof.header.jwk.as_ref().ok_or(ProofRefused::Key(KeyError::NotAJwk("there is none")))?;
    let key = PublicKey::from_jwk(jwk).map_err(ProofRefused::Key)?;
    if !key.verifies(algorithm, proof.signing_input.as_bytes(), &proof.signature) {
        return Err(ProofRefused::Signature);
    }
    let text = |name| {
        let text = proof.claims.text(name).map_err(ProofRefused::Claim)?;
        let fits = !text.is_empty() && text.len() <= TEXT_BYTES_MAX;
        if fits { Ok(text) } else { Err(ProofRefused::Claim(ClaimError::WrongType(name))) }
    };
    let jti = text("jti")?;
    if text("htm")? != expected.method {
        return Err(ProofRefused::Method);
    }
    if !is_here(text("htu")?) {
        return Err(ProofRefused::Address);
    }
    let made = proof.claims.time("iat").map_err(ProofRefused::Claim)?;
    if now.duration_since(made).abs() > WINDOW {
        return Err(ProofRefused::Time);
    }
    if let Some(token) = expected.token
        && verify_slices_are_equal(text("ath")?.as_bytes(), ath(token).as_bytes()).is_err()
    {
        return Err(ProofRefused::Token);
    }
    let nonce = if proof.claims.has("nonce") { Some(text("nonce")?.to_owned()) } else { None };
    Ok(Proof { jkt: key.thumbprint(), jti: jti.to_owned(), nonce, until: made + WINDOW })
}

/// Makes a proof for a request; `public` is the key that `key` signs for.
pub fn proof(
    key: &SigningKey,
    public: &PublicKey,
    expected: Expected<'_>,
    url: &str,
    nonce: Option<&str>,
    now: Timestamp,
) -> Result<String, KeyError> {
    let algorithm = key.algorithm();
    let header = json!({ "typ": TYPE, "alg": algorithm.name(), "jwk": public.to_jwk() });
    let mut claims = json!({
        "jti": Uuid::new_v4().to_string(),
        "htm": expected.method,
        "htu": url,
        "iat": now.as_second(),
    });
    if let Some(nonce) = nonce {
        claims["nonce"] = nonce.into();
    }
    if let Some(token) = expected.token {
        claims["ath"] = ath(token).into();
    }
    let encoded = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    key.sign_with(algorithm, format!("{}.{}", encoded(&header), encoded(&claims)))
}

/// `ath`: the token's hash (RFC 9449 §4.2).
fn ath(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, token.as_bytes()))
}
