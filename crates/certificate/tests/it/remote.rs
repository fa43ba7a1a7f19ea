//! Certificates for keys that are not here.

use std::time::Duration;

use actas_certificate::{Certificate, IssueError, PublicHalf, issue};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use jiff::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};

const DAY: Duration = Duration::from_hours(24);

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn made(public: &PublicHalf, sign: impl Fn(&[u8]) -> Result<Vec<u8>, String>) -> Result<Certificate, IssueError> {
    issue::self_signed_elsewhere(public, sign, "actas token service", &[], now(), DAY)
}

#[track_caller]
fn signed_by_itself(certificate: &Certificate, public: &PublicHalf) {
    let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
    parsed.verify_signature(None).unwrap();
    assert_eq!(certificate.spki_der(), public.spki_der());
    assert_eq!(certificate.subject(), "CN=actas token service");
}

#[test]
fn an_rsa_key_elsewhere_gets_a_certificate() {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let components = aws_lc_rs::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public_key());
    let public = PublicHalf::rsa(&components.n, &components.e).unwrap();
    let padded = PublicHalf::rsa(&[&[0][..], &components.n].concat(), &components.e).unwrap();
    assert_eq!(public, padded, "some modules put a zero in front");
    let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    assert_eq!(public.spki_der(), der.as_ref());
    let sign = |message: &[u8]| {
        let mut signature = vec![0; 256];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        Ok(signature)
    };
    signed_by_itself(&made(&public, sign).unwrap(), &public);
}

#[test]
fn a_p256_key_elsewhere_gets_a_certificate() {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let public = PublicHalf::p256(key.public_key().as_ref()).unwrap();
    // Many, since the form of a signature depends on its bits.
    for _ in 0..64 {
        let sign = |message: &[u8]| Ok(key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec());
        signed_by_itself(&made(&public, sign).unwrap(), &public);
    }
}

#[test]
fn why_a_key_did_not_sign_is_told() {
    let public = PublicHalf::p256(&[4; 65]).unwrap();
    let error = made(&public, |_| Err("the token is gone".to_owned())).unwrap_err();
    assert!(error.to_string().contains("the token is gone"), "{error}");
    for point in [&[2; 65][..], &[4; 33], &[]] {
        assert!(PublicHalf::p256(point).is_err());
    }
    assert!(PublicHalf::rsa(&[], &[3]).is_err());
}
