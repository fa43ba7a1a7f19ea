//! Tokens that are worth nothing without a key: bound to the key of a DPoP proof
//! (RFC 9449), or to the TLS certificate that the client authenticated with (RFC 8705).

use std::convert::Infallible;
use std::sync::Arc;

use actas_runtime::ClientCertificate;
use actas_token::dpop::{self, Expected, Proof};
use actas_token::jws::Compact;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use url::Url;

use crate::Sts;
use crate::limit::Peer;
use crate::memory::Seen;
use crate::token::answer::Refused;

const DPOP: HeaderName = HeaderName::from_static("dpop");
/// How long a nonce is good for.
const NONCE_LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// What a token is bound to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bound {
    jkt: Option<String>,
    certificate: Option<String>,
}

/// The TLS certificate that a client showed, if the listener asked.
pub(crate) struct Shown(pub(crate) Option<Arc<[u8]>>);

impl<S: Send + Sync> FromRequestParts<S> for Shown {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<ClientCertificate>().and_then(|shown| shown.0.clone())))
    }
}

// === impl Bound ===

impl Bound {
    /// Reads the proof that came with a request for a token, if one did.
    pub(crate) fn of(sts: &Sts, headers: &HeaderMap, path: &str, peer: Peer, now: Timestamp) -> Result<Self, Refused> {
        let mut all = headers.get_all(&DPOP).iter();
        let Some(header) = all.next() else { return Ok(Self::default()) };
        if all.next().is_some() {
            return Err(Refused::proof("there is more than one"));
        }
        let text = header.to_str().map_err(|_| Refused::proof("it is not text"))?;
        let is_here = |address: &str| sts.is_address(address, path);
        let proof = dpop::check(text, Expected { method: "POST", token: None }, is_here, now)
            .map_err(|refused| Refused::proof(&refused.to_string()))?;
        sts.check_nonce(&proof, now)?;
        match sts.0.proofs.note(&[&proof.jkt, &proof.jti, path], proof.until, peer.address(), now) {
            Seen::First => Ok(Self { jkt: Some(proof.jkt), certificate: None }),
            Seen::Before(_) => Err(Refused::proof("it was used before")),
            Seen::Full => Err(Refused::unavailable(&"too many proofs are remembered")),
        }
    }

    /// Bound to a certificate as well, if there is one.
    pub(crate) fn and_certificate(self, x5t_s256: Option<String>) -> Self {
        Self { certificate: x5t_s256, ..self }
    }

    /// `cnf` (RFC 7800 §3.1).
    pub(crate) fn confirmation(&self) -> Option<serde_json::Value> {
        let members = [("jkt", &self.jkt), ("x5t#S256", &self.certificate)];
        let bound = members.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let bound: serde_json::Map<_, _> = bound.map(|(name, value)| (name.to_owned(), json!(value))).collect();
        (!bound.is_empty()).then_some(bound.into())
    }

    /// `token_type`.
    pub(crate) fn token_type(&self) -> &'static str {
        if self.jkt.is_some() { "DPoP" } else { "Bearer" }
    }
}

// === impl Sts ===

impl Sts {
    /// Whether an address is this path at one of the configured origins. Query and
    /// fragment do not count (RFC 9449 §4.3), nor does how a URL is spelt.
    fn is_address(&self, address: &str, path: &str) -> bool {
        let Ok(mut asked) = Url::parse(address) else { return false };
        asked.set_query(None);
        asked.set_fragment(None);
        self.0.origins.iter().any(|origin| Url::parse(&format!("{origin}{path}")).is_ok_and(|own| own == asked))
    }

    fn check_nonce(&self, proof: &Proof, now: Timestamp) -> Result<(), Refused> {
        if !self.policy().require_dpop_nonce {
            return Ok(());
        }
        let good = proof.nonce.as_deref().is_some_and(|nonce| self.0.nonces.is_good(nonce, now));
        if good { Ok(()) } else { Err(Refused::wants_nonce(self.0.nonces.make(now))) }
    }
}

/// Whether a token of ours may come as `Bearer`: not if it is bound to a key, and not
/// if an application acts as a user in it, which is for other resources to judge.
pub(crate) fn check_unbound(token: &Compact<'_>) -> Result<(), &'static str> {
    let plain = token.header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case("JWT"));
    if !plain || token.claims.has("act") {
        return Err("Access token is not an application's own.");
    }
    if token.claims.has("cnf") {
        return Err("Access token is bound to a key and came without proof of it.");
    }
    Ok(())
}

/// Nonces that need no memory: a time, under a key that lives as long as the process.
pub(crate) struct Nonces(Option<hmac::Key>);

// === impl Nonces ===

impl Default for Nonces {
    fn default() -> Self {
        Self(hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok())
    }
}

impl Nonces {
    fn make(&self, now: Timestamp) -> String {
        let time = now.as_second().to_be_bytes();
        let tag = self.0.as_ref().map(|key| hmac::sign(key, &time));
        let bytes = [&time[..], tag.as_ref().map_or(&[][..], AsRef::as_ref)].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The comparison takes the same time whatever differs. Without a key nothing is good.
    fn is_good(&self, nonce: &str, now: Timestamp) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Some((time, tag)) = bytes.split_first_chunk::<8>() else { return false };
        let genuine = self.0.as_ref().is_some_and(|key| hmac::verify(key, time, tag).is_ok());
        let age = now.as_second().saturating_sub(i64::from_be_bytes(*time));
        genuine && (0..=NONCE_LIFETIME.as_secs()).contains(&age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces() {
        let (nonces, others) = (Nonces::default(), Nonces::default());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let nonce = nonces.make(now);
        assert!(nonces.is_good(&nonce, now) && nonces.is_good(&nonce, now + NONCE_LIFETIME));
        assert!(!nonces.is_good(&nonce, now + NONCE_LIFETIME + SignedDuration::from_secs(1)));
        assert!(!nonces.is_good(&nonce, now - SignedDuration::from_secs(1)));
        assert!(!others.is_good(&nonce, now));
        for wrong in ["", "AAAA", "!", &nonce[1..]] {
            assert!(!nonces.is_good(wrong, now), "{wrong}");
        }
        assert!(!Nonces(None).is_good(&Nonces(None).make(now), now), "without a key nothing is good");
    }
}
