//! Tokens that are worth nothing without a key (RFC 7800): what a caller shows to hold
//! beside its token, and whether that is what the token is bound to (rule V21).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::Timestamp;
use serde_json::Value;

use crate::authorization::{Authorization, Scheme};
use crate::dpop::{Expected, Proof, Proofs};
use crate::key::x5t_s256;
use crate::refusal::Refusal;

/// What a caller proved to hold besides the token: nothing, when it came as `Bearer` over
/// plain TLS.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Possession<'p> {
    /// Thumbprint of the key whose proof was checked (RFC 9449 §6.1), see
    /// [`crate::dpop`].
    pub jkt: Option<&'p str>,
    /// SHA-256 of the TLS client certificate, base64url (RFC 8705 §3.1).
    pub certificate: Option<&'p str>,
}

/// A request to a resource, as far as its token goes.
#[derive(Clone, Debug)]
pub struct ResourceRequest<'r> {
    /// Its method.
    pub method: &'r str,
    /// Its path, as it was asked, without the query.
    pub path: &'r str,
    /// The values of its `Authorization` headers.
    pub authorization: Vec<&'r [u8]>,
    /// The values of its `DPoP` headers.
    pub proofs: Vec<&'r [u8]>,
    /// The certificate of the TLS connection's client (DER), whose key it proved to hold.
    pub certificate: Option<&'r [u8]>,
}

/// A token with what came along to prove whose it is. The token is yet to be judged.
#[derive(Debug)]
pub struct Presented<'r> {
    /// The token, and its scheme.
    pub authorization: Authorization<'r>,
    proof: Option<Proof>,
    certificate: Option<String>,
    path: &'r str,
}

// === impl Presented ===

impl<'r> Presented<'r> {
    /// Reads a request's token (V1, V2), and under the scheme `DPoP` checks its proof.
    ///
    /// Under `Bearer` a proof is not looked at: it can make no token better, and a bound
    /// one is refused under that scheme (RFC 9449 §7.2).
    pub fn read(request: &ResourceRequest<'r>, proofs: &Proofs, now: Timestamp) -> Result<Self, Refusal> {
        let authorization = Authorization::read(request.authorization.iter().copied())?;
        let proof = match authorization.scheme {
            Scheme::Bearer => None,
            Scheme::Dpop => {
                let expected = Expected { method: request.method, token: Some(authorization.token) };
                let proof = proofs.check(request.proofs.iter().copied(), expected, request.path, now);
                Some(proof.map_err(Refusal::Proof)?)
            }
        };
        let certificate = request.certificate.map(x5t_s256);
        Ok(Self { authorization, proof, certificate, path: request.path })
    }

    /// What the caller proved to hold.
    pub fn possession(&self) -> Possession<'_> {
        Possession {
            jkt: self.proof.as_ref().map(|proof| proof.jkt.as_str()),
            certificate: self.certificate.as_deref(),
        }
    }

    /// Uses the proof up, if there is one. To be called once the token is believed: only
    /// then is it worth remembering that its proof was used.
    pub fn spend(&self, proofs: &Proofs, now: Timestamp) -> Result<(), Refusal> {
        self.proof.as_ref().map_or(Ok(()), |proof| proofs.spend(proof, self.path, now)).map_err(Refusal::Proof)
    }
}

// === impl Possession ===

impl Possession<'_> {
    /// Whether this is what a token is bound to, whose claim `cnf` is `confirmation`
    /// (RFC 7800 §3.1).
    ///
    /// A bound token needs its key, and every key that it names; a proof for a token that
    /// is not bound proves nothing (RFC 9449 §7.1). A certificate that nothing asked for
    /// does no harm: clients show one to whoever asks.
    pub fn check(&self, confirmation: Option<&Value>) -> Result<(), Refusal> {
        let bound = match confirmation {
            None => None,
            Some(Value::Object(bound)) if !bound.is_empty() => Some(bound),
            Some(_) => return Err(Refusal::Possession("`cnf` names no key")),
        };
        if self.jkt.is_some() && bound.is_none_or(|bound| !bound.contains_key("jkt")) {
            return Err(Refusal::Possession("a proof came with a token that is not bound to a key"));
        }
        for (name, value) in bound.into_iter().flatten() {
            let held = match name.as_str() {
                "jkt" => self.jkt,
                "x5t#S256" => self.certificate,
                _ => return Err(Refusal::Possession("it is bound in a way that is not known here")),
            };
            let held = held.ok_or(Refusal::Possession("it is bound to a key and came without proof of it"))?;
            let same =
                value.as_str().is_some_and(|value| verify_slices_are_equal(value.as_bytes(), held.as_bytes()).is_ok());
            if !same {
                return Err(Refusal::Possession("it is bound to another key"));
            }
        }
        Ok(())
    }
}
