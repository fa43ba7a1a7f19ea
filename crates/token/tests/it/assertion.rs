//! Assertions as real clients write them, and as attackers do.

use actas_token::assertion::{Assertion, AssertionLimits, AssertionRefused};
use actas_token::{Principal, issue, well_known};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use crate::signing::Signer;
use crate::vector;

const LIMITS: AssertionLimits = AssertionLimits::lifetime_max(SignedDuration::from_hours(1));
const AUDIENCE: &str = "00000001-0000-0000-c000-000000000000/sts.cloud.example@t";

fn verify(text: &str, signers: &[&Signer], now: Timestamp) -> Result<String, AssertionRefused> {
    let keys: Vec<_> = signers.iter().map(|signer| signer.verifying()).collect();
    let assertion = Assertion::parse(text)?;
    assertion.verify(keys.iter(), |audience| audience == AUDIENCE, LIMITS, now).map(|key| key.x5t().to_owned())
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

#[test]
fn any_of_several_live_keys() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let caller = Principal::in_realm(well_known::LYNC, "t");
    for signer in [&old, &new] {
        let text = issue::assertion(&signer.key, &caller, AUDIENCE, minutes(5), vector::now()).unwrap();
        assert_eq!(verify(&text, &[&old, &new], vector::now()).unwrap(), signer.key.x5t());
        assert!(matches!(verify(&text, &[], vector::now()), Err(AssertionRefused::UnknownKey(_))));
    }
    let text = issue::assertion(&old.key, &caller, AUDIENCE, minutes(5), vector::now()).unwrap();
    let Err(AssertionRefused::UnknownKey(hint)) = verify(&text, &[&new], vector::now()) else { panic!() };
    assert_eq!(hint.len(), 40, "a thumbprint as an operator reads it: {hint}");
}

#[test]
fn times_and_audience() {
    let signer = Signer::new("client");
    let caller = Principal::in_realm(well_known::LYNC, "t");
    let make = |audience, lifetime| issue::assertion(&signer.key, &caller, audience, lifetime, vector::now()).unwrap();
    let at = |text: &str, offset: i64| verify(text, &[&signer], vector::now() + minutes(offset)).err();
    let text = make(AUDIENCE, minutes(5));
    assert_eq!(at(&text, 9), None);
    assert!(matches!(at(&text, 10), Some(AssertionRefused::Time(_))));
    assert_eq!(at(&text, -5), None);
    assert!(matches!(at(&text, -6), Some(AssertionRefused::Time(_))));
    assert!(matches!(at(&make(AUDIENCE, minutes(61)), 0), Some(AssertionRefused::Time(_))));
    assert!(matches!(at(&make("https://elsewhere", minutes(5)), 0), Some(AssertionRefused::Audience(_))));
}

#[test]
fn a_wrong_signature_is_told_before_anything_else() {
    let (client, other) = (Signer::new("client"), Signer::new("other"));
    let caller = Principal::in_realm(well_known::LYNC, "t");
    let text = issue::assertion(&other.key, &caller, "https://elsewhere", minutes(900), vector::now()).unwrap();
    // Same name, another key: the header is the client's, the signature the other's.
    let own = issue::assertion(&client.key, &caller, AUDIENCE, minutes(5), vector::now()).unwrap();
    let (header, _) = own.split_once('.').unwrap();
    let (_, rest) = text.split_once('.').unwrap();
    assert_eq!(verify(&format!("{header}.{rest}"), &[&client], vector::now()), Err(AssertionRefused::Signature));
}

#[test]
fn unsigned_and_symmetric_are_refused() {
    for alg in ["none", "None", "HS256", "RS512"] {
        let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"{alg}\"}}"));
        assert!(matches!(Assertion::parse(&format!("{header}.e30.")), Err(AssertionRefused::Algorithm(_))), "{alg}");
    }
}
