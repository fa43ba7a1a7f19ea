//! Proofs of possession (DPoP): who signs on the first line, then header and payload, in which
//! `"@jwk@"` is that key.

#![no_main]

use actas_fuzz::NOW;
use actas_fuzz::signer::{By, PARTNER, STRANGER, STS};
use actas_token::dpop::{Expected, WINDOW, check};
use libfuzzer_sys::fuzz_target;

const TOKEN: &str = "a.b.c";

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let by = lines.next().and_then(By::named);
    let proof = match (by, lines.next(), lines.next()) {
        (Some(by), Some(header), Some(payload)) => by.token(header, payload),
        _ => text.to_owned(),
    };
    for token in [None, Some(TOKEN)] {
        let expected = Expected { method: "POST", token };
        let Ok(proof) = check(&proof, expected, |url| url == "https://sts.cloud.example/token", NOW) else { continue };
        let signer = match by {
            Some(By::Sts) => &STS,
            Some(By::Partner) => &PARTNER,
            Some(By::Stranger) => &STRANGER,
            _ => panic!("{by:?} proved something"),
        };
        assert_eq!(proof.jkt, signer.public().thumbprint(), "the key of another");
        assert!(proof.until >= NOW && proof.until <= NOW + WINDOW + WINDOW);
        assert!(!proof.jti.is_empty() && proof.jti.len() <= 2048);
    }
});
