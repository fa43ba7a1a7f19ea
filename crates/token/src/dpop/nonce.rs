//! Nonces that need no memory: a time, under a key that lives as long as its server.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

/// How long a nonce is good for.
pub(super) const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

pub(super) struct Nonces(Option<hmac::Key>);

// === impl Nonces ===

impl Nonces {
    pub(super) fn new() -> Self {
        Self(hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok())
    }

    pub(super) fn make(&self, now: Timestamp) -> String {
        let time = now.as_second().to_be_bytes();
        let tag = self.0.as_ref().map(|key| hmac::sign(key, &time));
        let bytes = [&time[..], tag.as_ref().map_or(&[][..], AsRef::as_ref)].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The comparison takes the same time whatever differs. Without a key nothing is good.
    pub(super) fn is_good(&self, nonce: &str, now: Timestamp) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Some((time, tag)) = bytes.split_first_chunk::<8>() else { return false };
        let genuine = self.0.as_ref().is_some_and(|key| hmac::verify(key, time, tag).is_ok());
        let age = now.as_second().saturating_sub(i64::from_be_bytes(*time));
        genuine && (0..=LIFETIME.as_secs()).contains(&age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces() {
        let (nonces, others) = (Nonces::new(), Nonces::new());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let nonce = nonces.make(now);
        assert!(nonces.is_good(&nonce, now) && nonces.is_good(&nonce, now + LIFETIME));
        assert!(!nonces.is_good(&nonce, now + LIFETIME + SignedDuration::from_secs(1)));
        assert!(!nonces.is_good(&nonce, now - SignedDuration::from_secs(1)));
        assert!(!others.is_good(&nonce, now));
        for wrong in ["", "AAAA", "!", &nonce[1..]] {
            assert!(!nonces.is_good(wrong, now), "{wrong}");
        }
        assert!(!Nonces(None).is_good(&Nonces(None).make(now), now), "without a key nothing is good");
    }
}
