//! A token whose signature is made elsewhere is the token that a key in memory makes.

use actas_token::jws::{Algorithm, Compact, Reading, SignedBy};
use actas_token::{KeyName, Signer, SigningKey, VerifyingKey, issue};
use serde_json::json;

#[test]
fn what_is_signed_elsewhere_is_the_same_token() {
    for algorithm in [&rcgen::PKCS_RSA_SHA256, &rcgen::PKCS_ECDSA_P256_SHA256] {
        let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
        let key = SigningKey::new(&pair.serialize_der(), certificate.der()).unwrap();
        let public = VerifyingKey::from_certificate(certificate.der()).unwrap();
        let name = KeyName::of(&public);
        assert_eq!(&name, key.name());

        let claims = json!({"sub": "lync"});
        let here = issue::access_token(&key, &claims).unwrap();
        let unsigned = issue::access_token(&name, &claims);
        let (input, signature) = here.rsplit_once('.').unwrap();
        assert_eq!(unsigned.signing_input(), input.as_bytes());
        assert_eq!(unsigned.algorithm(), name.algorithm());
        let parsed = Compact::parse(&here, Reading::Strict).unwrap();
        let elsewhere = unsigned.with_signature(&parsed.signature);
        assert_eq!(elsewhere.rsplit_once('.').unwrap().1, signature);

        let read = Compact::parse(&elsewhere, Reading::Strict).unwrap();
        let SignedBy::Algorithm(signed_by) = read.header.signed_by else { panic!("{:?}", read.header) };
        assert!([Algorithm::Es256, Algorithm::Rs256].contains(&signed_by));
        assert!(public.verifies(signed_by, read.signing_input.as_bytes(), &read.signature));
        assert!(!public.verifies(signed_by, b"another text", &read.signature));
    }
}
