//! Tokens that are worth nothing without a key: bound to the key of a DPoP proof
//! (RFC 9449), or to the TLS certificate that the client authenticated with (RFC 8705).

use std::convert::Infallible;
use std::sync::Arc;

use actas_runtime::ClientCertificate;
use actas_token::dpop::{Expected, ProofRefused};
use axum::extract::FromRequestParts;
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::json;

use crate::Sts;
use crate::token::answer::Refused;

pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

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

// === impl Sts ===

impl Sts {
    /// Adds a fresh nonce to the answer to whoever sent a proof, so that nobody need be
    /// refused to get the next one (RFC 9449 §8.2, §9).
    pub(crate) fn add_fresh_nonce(&self, request: &HeaderMap, answer: &mut HeaderMap, now: Timestamp) {
        if request.contains_key(DPOP)
            && let Some(Ok(nonce)) = self.0.proofs.nonce(now).as_deref().map(HeaderValue::from_str)
        {
            answer.insert(DPOP_NONCE, nonce);
            answer.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

// === impl Bound ===

impl Bound {
    /// Reads the proof that came with a request for a token, if one did, and uses it up.
    pub(crate) fn of(sts: &Sts, headers: &HeaderMap, path: &str, now: Timestamp) -> Result<Self, Refused> {
        if !headers.contains_key(DPOP) {
            return Ok(Self::default());
        }
        let proofs = &sts.0.proofs;
        let refused = |why| match why {
            ProofRefused::Nonce => Refused::wants_nonce(proofs.nonce(now)),
            ProofRefused::Full => Refused::unavailable(&why),
            _ => Refused::proof(&why.to_string()),
        };
        let expected = Expected { method: "POST", token: None };
        let proof = proofs.check(headers.get_all(DPOP).iter().map(HeaderValue::as_bytes), expected, path, now);
        let proof = proof.map_err(refused)?;
        proofs.spend(&proof, path, now).map_err(refused)?;
        Ok(Self { jkt: Some(proof.jkt), certificate: None })
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
