//! Assertions of clients: who signs on the first line, then header and payload.

#![no_main]

use actas_fuzz::NOW;
use actas_fuzz::signer::{By, PARTNER};
use actas_token::AssertionLimits;
use actas_token::assertion::Assertion;
use jiff::SignedDuration;
use libfuzzer_sys::fuzz_target;

const AUDIENCE: &str = "https://sts.cloud.example/token";

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let by = lines.next().and_then(By::named);
    let token = match (by, lines.next(), lines.next()) {
        (Some(by), Some(header), Some(payload)) => by.token(header, payload),
        _ => text.to_owned(),
    };
    let Ok(assertion) = Assertion::parse(&token) else { return };
    assert!(assertion.thumbprint().len() <= 64);
    let limits = AssertionLimits::lifetime_max(SignedDuration::from_mins(10));
    let keys = [PARTNER.verifying()];
    let audience = |audience: &str| audience == AUDIENCE;
    let own = assertion.verify(keys.iter(), audience, limits, NOW);
    let other = assertion.verify_about_another(keys.iter(), audience, limits, NOW);
    assert!(own.is_err() || other.is_err(), "it is about the client and about somebody else");
    if own.is_ok() || other.is_ok() {
        assert_eq!(by, Some(By::Partner), "the key of another");
        let expires = assertion.expires().expect("it was read before");
        assert!(NOW.duration_since(expires) < limits.skew && assertion.issuer().is_ok());
    }
    for refused in [own.err(), other.err()].into_iter().flatten() {
        assert!(refused.to_string().len() < 4096, "{refused}");
    }
});
