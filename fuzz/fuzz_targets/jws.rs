//! The compact form and its claims, in each of the three readings.

#![no_main]

use actas_token::jws::{Compact, Reading, TOKEN_BYTES_MAX};
use libfuzzer_sys::fuzz_target;

const TIMES: [&str; 3] = ["exp", "iat", "nbf"];

fuzz_target!(|text: &str| {
    let read = |reading| Compact::parse(text, reading).ok();
    let (strict, lenient, proof) = (read(Reading::Strict), read(Reading::Lenient), read(Reading::Proof));
    for token in [&strict, &lenient, &proof].into_iter().flatten() {
        assert!(text.len() <= TOKEN_BYTES_MAX && text.starts_with(token.signing_input));
        assert_eq!(token.signing_input.matches('.').count(), 1);
        for name in TIMES {
            let exact = token.claims.time(name).ok();
            let lenient = token.claims.optional_time_lenient(name).ok().flatten();
            assert!(exact.is_none() || exact == lenient, "{name} has two values");
        }
    }
    if let Some(strict) = strict {
        let lenient = lenient.expect("what is read strictly is read leniently");
        assert_eq!(format!("{:?}", strict.claims), format!("{:?}", lenient.claims));
        assert_eq!((strict.signature, strict.signing_input), (lenient.signature, lenient.signing_input));
        assert_eq!(strict.header.signed_by, lenient.header.signed_by);
    }
});
