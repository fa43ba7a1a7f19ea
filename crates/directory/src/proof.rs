//! Proofs of possession: an object that has a live certificate shows that it can sign
//! with it, and may then change its own keys without an administrator.
//!
//! Read strictly. Client assertions come from many libraries and are read leniently;
//! a proof is made for this one call, and a padded one is refused, as the original does.

use actas_token::jws::{Compact, Reading, SignedBy};
use actas_token::well_known;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::credential::KeyCredential;

/// The longest a proof may live.
pub const PROOF_LIFETIME_MAX: SignedDuration = SignedDuration::from_mins(10);
/// How far clocks may disagree.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Why a proof proves nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofRefused {
    /// Not a JWT signed with RS256 or PS256.
    #[error("the proof is not a JWT signed with RS256 or PS256: {0}")]
    Malformed(String),
    /// A claim is missing or of the wrong type.
    #[error("{0}")]
    Claim(String),
    /// No live certificate of the object signed it.
    #[error("no valid certificate of the object verifies the proof")]
    Signature,
    /// For somebody else.
    #[error("the proof's audience must be '{}'", well_known::DIRECTORY)]
    Audience,
    /// Of another object.
    #[error("the proof's issuer must be the id of the object that is changed, '{0}'")]
    Issuer(Uuid),
    /// Too early, too late, or for too long.
    #[error("the proof is outside its time: {0}")]
    Time(&'static str),
}

/// Checks a proof for one object, against the keys of that very object.
///
/// The signature comes first: who has no key learns nothing about the rest.
pub fn verify(proof: &str, object: Uuid, keys: &[KeyCredential], now: Timestamp) -> Result<(), ProofRefused> {
    let token = Compact::parse(proof, Reading::Strict).map_err(|error| ProofRefused::Malformed(error.to_string()))?;
    let SignedBy::Algorithm(algorithm) = token.header.signed_by else {
        return Err(ProofRefused::Malformed("the algorithm is not accepted".to_owned()));
    };
    let live = keys.iter().filter(|key| key.is_live(now)).filter_map(KeyCredential::verifying_key);
    let input = token.signing_input.as_bytes();
    if !live.filter(|key| key.named_by(&token.header)).any(|key| key.verifies(algorithm, input, &token.signature)) {
        return Err(ProofRefused::Signature);
    }
    let text = |name| token.claims.text(name).map_err(|error| ProofRefused::Claim(error.to_string()));
    let time = |name| token.claims.time(name).map_err(|error| ProofRefused::Claim(error.to_string()));
    if !text("aud")?.eq_ignore_ascii_case(&well_known::DIRECTORY.to_string()) {
        return Err(ProofRefused::Audience);
    }
    if !text("iss")?.eq_ignore_ascii_case(&object.to_string()) {
        return Err(ProofRefused::Issuer(object));
    }
    let (nbf, exp) = (time("nbf")?, time("exp")?);
    if nbf.duration_since(now) > SKEW {
        return Err(ProofRefused::Time("it is not valid yet"));
    }
    if now.duration_since(exp) >= SKEW {
        return Err(ProofRefused::Time("it has expired"));
    }
    if exp.duration_since(nbf) > PROOF_LIFETIME_MAX {
        return Err(ProofRefused::Time("it lives longer than ten minutes"));
    }
    Ok(())
}
