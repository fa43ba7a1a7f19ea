//! Proofs of possession (RFC 9449), and tokens that are bound to a key.

use actas_token::accept::accept_from;
use actas_token::claims::ClaimError;
use actas_token::dpop::{self, Expected, ProofRefused, Proofs, WINDOW};
use actas_token::jws::Malformed;
use actas_token::possession::{Presented, ResourceRequest};
use actas_token::{Accepted, KeyError, Possession, PublicKey, Refusal, Rule, issue, well_known};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::signing::Signer;
use crate::vector;

const URL: &str = "https://mail.fabrikam.example/EWS/Exchange.asmx";
const POST: Expected<'_> = Expected { method: "POST", token: None };

fn proof(signer: &Signer, expected: Expected<'_>, now: Timestamp) -> String {
    let verifying = signer.verifying();
    dpop::proof(&signer.key, verifying.public(), expected, URL, None, now).unwrap()
}

fn check(text: &str, expected: Expected<'_>) -> Result<dpop::Proof, ProofRefused> {
    dpop::check(text, expected, |url| url == URL, vector::now())
}

/// A proof with its header or claims bent, signed anew.
fn bent(signer: &Signer, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let text = proof(signer, POST, vector::now());
    let mut parts = text.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap_or_default()
    });
    let (mut header, mut claims) = (parts.next().unwrap(), parts.next().unwrap());
    change(&mut header, &mut claims);
    signer.sign(&header, &claims)
}

#[test]
fn a_proof_of_either_kind_of_key() {
    for signer in [Signer::p256("holder"), Signer::new("holder")] {
        let read = check(&proof(&signer, POST, vector::now()), POST).unwrap();
        assert_eq!(read.jkt, signer.verifying().public().thumbprint());
        assert_eq!((read.nonce, read.until), (None, vector::now() + WINDOW));
        let again = check(&proof(&signer, POST, vector::now()), POST).unwrap();
        assert_ne!(read.jti, again.jti);
    }
}

#[test]
fn every_member_counts() {
    let signer = Signer::p256("holder");
    let other = Signer::p256("other").verifying().public().to_jwk();
    let refused = |change: &dyn Fn(&mut Value, &mut Value)| check(&bent(&signer, change), POST).unwrap_err();
    assert_eq!(check(&bent(&signer, |_, _| ()), POST).map(drop), Ok(()));
    assert_eq!(refused(&|header, _| header["typ"] = "JWT".into()), ProofRefused::Type);
    assert_eq!(refused(&|header, _| drop(header.as_object_mut().unwrap().remove("typ"))), ProofRefused::Type);
    assert_eq!(refused(&|header, _| header["alg"] = "none".into()), ProofRefused::Algorithm);
    assert_eq!(refused(&|header, _| header["alg"] = "HS256".into()), ProofRefused::Algorithm);
    assert_eq!(refused(&|header, _| header["alg"] = "RS256".into()), ProofRefused::Signature);
    assert_eq!(refused(&|header, _| header["jwk"] = Value::Object(other.clone())), ProofRefused::Signature);
    assert!(matches!(refused(&|header, _| header["jwk"]["d"] = "AAAA".into()), ProofRefused::Key(_)));
    assert!(matches!(refused(&|header, _| header["jwk"] = "AAAA".into()), ProofRefused::Malformed(_)));
    assert!(matches!(refused(&|header, _| header["jku"] = URL.into()), ProofRefused::Malformed(_)));
    assert!(matches!(refused(&|header, _| header["crit"] = json!(["x"])), ProofRefused::Malformed(_)));
    assert!(matches!(refused(&|header, _| drop(header.as_object_mut().unwrap().remove("jwk"))), ProofRefused::Key(_)));
    assert_eq!(refused(&|_, claims| claims["htm"] = "post".into()), ProofRefused::Method);
    assert_eq!(refused(&|_, claims| claims["htu"] = "https://elsewhere.example".into()), ProofRefused::Address);
    let second = SignedDuration::from_secs(1);
    for (last, beyond) in [(WINDOW, WINDOW + second), (-WINDOW, -WINDOW - second)] {
        let made = |distance: SignedDuration| (vector::now() + distance).as_second();
        let read = check(&bent(&signer, |_, claims| claims["iat"] = made(last).into()), POST);
        assert_eq!(read.map(|proof| proof.until), Ok(vector::now() + last + WINDOW), "{last}");
        assert_eq!(refused(&|_, claims| claims["iat"] = made(beyond).into()), ProofRefused::Time, "{beyond}");
    }
    for name in ["jti", "htm", "htu", "iat"] {
        let without = refused(&|_, claims| drop(claims.as_object_mut().unwrap().remove(name)));
        assert!(matches!(without, ProofRefused::Claim(_)), "{name}");
    }
    for (name, value) in
        [("jti", json!("")), ("jti", json!("j".repeat(3000))), ("nonce", json!(1)), ("iat", json!(1.5))]
    {
        assert!(matches!(refused(&|_, claims| claims[name] = value.clone()), ProofRefused::Claim(_)), "{name}");
    }
}

#[test]
fn a_proof_for_a_token_is_for_that_token() {
    let signer = Signer::p256("holder");
    let with = |token| Expected { method: "POST", token };
    let text = proof(&signer, with(Some("a.b.c")), vector::now());
    assert!(check(&text, with(Some("a.b.c"))).is_ok());
    assert_eq!(check(&text, with(Some("a.b.d"))).unwrap_err(), ProofRefused::Token);
    let without = proof(&signer, POST, vector::now());
    assert!(matches!(check(&without, with(Some("a.b.c"))), Err(ProofRefused::Claim(_))));
}

#[test]
fn a_proof_is_for_an_address_of_the_server_however_it_is_spelt() {
    let signer = Signer::p256("holder");
    let proofs = Proofs::new(["https://mail.fabrikam.example", "https://mail.fabrikam.example:8443", "no URL"], true);
    let nonce = proofs.nonce(vector::now()).unwrap();
    let check = |address: &str| {
        let text = bent(&signer, |_, claims| {
            claims["htu"] = address.into();
            claims["nonce"] = nonce.clone().into();
        });
        proofs.check([text.as_bytes()], POST, "/EWS/Exchange.asmx", vector::now()).map(drop)
    };
    for here in [
        URL,
        "HTTPS://Mail.Fabrikam.example:443/EWS/Exchange.asmx",
        "https://mail.fabrikam.example:8443/EWS/Exchange.asmx?x=1#there",
        "https://mail.fabrikam.example/x/../EWS/Exchange.asmx",
    ] {
        assert_eq!(check(here), Ok(()), "{here}");
    }
    for elsewhere in [
        "https://mail.fabrikam.example/EWS",
        "https://mail.fabrikam.example/ews/exchange.asmx",
        "https://mail.fabrikam.example:444/EWS/Exchange.asmx",
        "https://mail.contoso.example/EWS/Exchange.asmx",
        "http://mail.fabrikam.example/EWS/Exchange.asmx",
        "https://user@mail.fabrikam.example/EWS/Exchange.asmx",
        "/EWS/Exchange.asmx",
        "no URL",
    ] {
        assert_eq!(check(elsewhere), Err(ProofRefused::Address), "{elsewhere}");
    }
    assert_eq!(format!("{proofs:?}"), "Proofs { requires_nonce: true, .. }", "of the key for nonces nothing is shown");
}

#[test]
fn a_caller_is_told_what_is_wrong_in_words_of_ours() {
    let theirs = || "\"; evil".to_owned();
    for (refused, what) in [
        (ProofRefused::Absent, "there is no proof"),
        (ProofRefused::Several, "there is more than one proof"),
        (ProofRefused::NotText, "the proof is no JWT"),
        (ProofRefused::Malformed(Malformed::Header(theirs())), "the proof is no JWT"),
        (ProofRefused::Type, "the proof's type"),
        (ProofRefused::Algorithm, "the proof's algorithm"),
        (ProofRefused::Key(KeyError::Unusable(theirs())), "the proof's key"),
        (ProofRefused::Signature, "the proof's signature"),
        (ProofRefused::Claim(ClaimError::WrongType("jti")), "a claim of the proof"),
        (ProofRefused::Method, "the proof is for another method"),
        (ProofRefused::Address, "the proof is for another address"),
        (ProofRefused::Time, "the proof is too old or from the future"),
        (ProofRefused::Token, "the proof is for another token"),
        (ProofRefused::Nonce, "the proof's nonce"),
        (ProofRefused::Used, "the proof was used before"),
        (ProofRefused::Full, "too many proofs are remembered"),
    ] {
        assert_eq!(refused.what(), what);
        let code = if refused == ProofRefused::Nonce { "use_dpop_nonce" } else { "invalid_dpop_proof" };
        assert_eq!(refused.code(), code, "{what}");
    }
}

// === bound tokens at a resource ===

fn verdict(token: &str, possession: Possession<'_>, sts: &Signer) -> Result<Accepted, Refusal> {
    let mut trust = vector::trust();
    trust.issuers[0].keys = vec![sts.verifying()].into();
    accept_from(token, possession, &vector::resource(), &trust, &vector::generous(), vector::now())
}

#[test]
fn a_bound_token_wants_its_key() {
    let (sts, holder) = (Signer::new("sts"), Signer::p256("holder"));
    let jkt = holder.verifying().public().thumbprint();
    let other = PublicKey::thumbprint(Signer::p256("other").verifying().public());
    let bound = |confirmation: Option<Value>| {
        sts.actor(well_known::STS, vector::TENANT, well_known::LYNC, |token| token.confirmation = confirmation)
    };
    let by_key = bound(Some(json!({ "jkt": jkt })));
    let by_certificate = bound(Some(json!({ "x5t#S256": "AAAA" })));
    let by_both = bound(Some(json!({ "jkt": jkt, "x5t#S256": "AAAA" })));
    let plain = bound(None);
    let rule = |token: &str, jkt: Option<&str>, certificate: Option<&str>| {
        verdict(token, Possession { jkt, certificate }, &sts).map(drop).map_err(|refusal| refusal.rule())
    };
    assert_eq!(rule(&by_key, Some(&jkt), None), Ok(()));
    assert_eq!(rule(&by_key, None, None), Err(Rule::V21), "as Bearer");
    assert_eq!(rule(&by_key, Some(&other), None), Err(Rule::V21));
    assert_eq!(rule(&by_key, None, Some("AAAA")), Err(Rule::V21));
    assert_eq!(rule(&by_certificate, None, Some("AAAA")), Ok(()));
    assert_eq!(rule(&by_certificate, None, Some("AAAB")), Err(Rule::V21));
    assert_eq!(rule(&by_certificate, None, None), Err(Rule::V21));
    assert_eq!(rule(&by_both, Some(&jkt), Some("AAAA")), Ok(()));
    assert_eq!(rule(&by_both, Some(&jkt), None), Err(Rule::V21));
    assert_eq!(rule(&plain, None, None), Ok(()));
    assert_eq!(rule(&plain, None, Some("AAAA")), Ok(()), "a certificate that nobody asked for");
    assert_eq!(rule(&plain, Some(&jkt), None), Err(Rule::V21), "a proof for a token that is not bound");
}

#[test]
fn the_envelope_does_not_loosen_it() {
    let (sts, holder) = (Signer::new("sts"), Signer::p256("holder"));
    let jkt = holder.verifying().public().thumbprint();
    let actor = sts.actor(well_known::STS, vector::TENANT, well_known::LYNC, |token| {
        token.confirmation = Some(json!({ "jkt": jkt }));
    });
    let caller = actas_token::Principal::in_realm(well_known::LYNC, vector::TENANT);
    let audience = format!("{}/mail.fabrikam.example@{}", well_known::EXCHANGE, vector::TENANT);
    let user = issue::ActAsUser { upn: Some(vector::USER.into()), smtp: None, sip: None };
    let life = SignedDuration::from_mins(5);
    let envelope = issue::act_as_token(&caller, &audience, &user, &actor, life, vector::now());
    let rule = |jkt: Option<&str>| {
        verdict(&envelope, Possession { jkt, certificate: None }, &sts).map(drop).map_err(|refusal| refusal.rule())
    };
    assert_eq!(rule(Some(&jkt)), Ok(()));
    assert_eq!(rule(None), Err(Rule::V21), "whoever stole the actor token wraps it in vain");
}

#[test]
fn what_a_request_shows_is_checked_and_its_proof_used_once() {
    let (sts, holder) = (Signer::p256("sts"), Signer::p256("holder"));
    let jkt = holder.verifying().public().thumbprint();
    let token = sts.actor(well_known::STS, vector::TENANT, well_known::LYNC, |token| {
        token.confirmation = Some(json!({ "jkt": jkt }));
    });
    let expected = Expected { method: "POST", token: Some(&token) };
    let proof = proof(&holder, expected, vector::now());
    let proofs = Proofs::new(["https://mail.fabrikam.example"], false);
    let (header, bare) = (format!("DPoP {token}"), format!("Bearer {token}"));
    let request = |authorization: &'static str, method| {
        let authorization = if authorization == "DPoP" { header.as_bytes() } else { bare.as_bytes() };
        ResourceRequest {
            method,
            path: "/EWS/Exchange.asmx",
            authorization: vec![authorization],
            proofs: vec![proof.as_bytes()],
            certificate: Some(b"certificate"),
        }
    };
    let thumbprint = URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"certificate"));

    let presented = Presented::read(&request("Bearer", "POST"), &proofs, vector::now()).unwrap();
    let shown = Possession { jkt: None, certificate: Some(&thumbprint) };
    assert_eq!(presented.possession(), shown, "under Bearer a proof is not looked at");
    assert_eq!(presented.spend(&proofs, vector::now()), Ok(()));

    let presented = Presented::read(&request("DPoP", "POST"), &proofs, vector::now()).unwrap();
    assert_eq!(presented.possession(), Possession { jkt: Some(&jkt), ..shown });
    assert_eq!(presented.spend(&proofs, vector::now()), Ok(()));
    let again = presented.spend(&proofs, vector::now()).unwrap_err();
    assert_eq!(again.rule(), Rule::V21, "{again}");
    assert_eq!(Presented::read(&request("DPoP", "GET"), &proofs, vector::now()).unwrap_err().rule(), Rule::V21);
}
