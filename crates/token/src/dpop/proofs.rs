//! What a server keeps to check proofs: its own names, its nonces, and a bounded memory of
//! what was used.

use jiff::Timestamp;
use url::Url;

use super::nonce::Nonces;
use super::{Expected, Proof, ProofRefused, check};
use crate::replay::{Memory, Seen};

/// Checks the proofs of the requests to one server, at its token endpoints and at its
/// resources alike.
pub struct Proofs {
    origins: Vec<Url>,
    requires_nonce: bool,
    nonces: Nonces,
    used: Memory,
}

// === impl Proofs ===

impl Proofs {
    /// For a server with these origins, such as `https://mail.fabrikam.example:8443`; what
    /// is no URL is no origin. With `requires_nonce`, a proof has to carry a nonce that the
    /// server gave out in the last five minutes (RFC 9449 §8, §9).
    pub fn new<'o>(origins: impl IntoIterator<Item = &'o str>, requires_nonce: bool) -> Self {
        let origins = origins.into_iter().filter_map(|origin| Url::parse(origin).ok());
        Self { origins: origins.collect(), requires_nonce, nonces: Nonces::new(), used: Memory::default() }
    }

    /// Checks the one `DPoP` header of a request to `path`. A good proof is still to be
    /// used up, see [`Proofs::spend`].
    pub fn check<'h>(
        &self,
        headers: impl IntoIterator<Item = &'h [u8]>,
        expected: Expected<'_>,
        path: &str,
        now: Timestamp,
    ) -> Result<Proof, ProofRefused> {
        let mut all = headers.into_iter();
        let header = all.next().ok_or(ProofRefused::Absent)?;
        if all.next().is_some() {
            return Err(ProofRefused::Several);
        }
        let text = std::str::from_utf8(header).map_err(|_| ProofRefused::NotText)?;
        let proof = check(text, expected, |address| self.is_address(address, path), now)?;
        let good = |nonce: &str| self.nonces.is_good(nonce, now);
        if self.requires_nonce && !proof.nonce.as_deref().is_some_and(good) {
            return Err(ProofRefused::Nonce);
        }
        Ok(proof)
    }

    /// Uses a proof up; a second use is refused for as long as the proof would be good
    /// (RFC 9449 §11.1). When nothing more can be remembered, no proof is taken.
    pub fn spend(&self, proof: &Proof, path: &str, now: Timestamp) -> Result<(), ProofRefused> {
        match self.used.note(&[&proof.jkt, &proof.jti, path], proof.until, None, now) {
            Seen::First => Ok(()),
            Seen::Before(_) => Err(ProofRefused::Used),
            Seen::Full => Err(ProofRefused::Full),
        }
    }

    /// A fresh nonce for an answer's `DPoP-Nonce`, if this server wants nonces. It needs
    /// no memory, so it may be given to anybody.
    pub fn nonce(&self, now: Timestamp) -> Option<String> {
        self.requires_nonce.then(|| self.nonces.make(now))
    }

    /// Whether an address is this path at one of the server's origins. Query and fragment
    /// do not count, nor does how a URL is spelt (RFC 9449 §4.3).
    fn is_address(&self, address: &str, path: &str) -> bool {
        let Ok(mut asked) = Url::parse(address) else { return false };
        asked.set_query(None);
        asked.set_fragment(None);
        self.origins.iter().any(|origin| {
            let mut own = origin.clone();
            own.set_path(path);
            own == asked
        })
    }
}

impl std::fmt::Debug for Proofs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proofs").field("requires_nonce", &self.requires_nonce).finish_non_exhaustive()
    }
}
