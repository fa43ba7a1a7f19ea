use actas_certificate::{Certificate, KeyError, KeyPair, PrivateKey};

const RSA_KEY: &str = include_str!("fixtures/pkcs1.key.pem");

fn certificate(pem: &str) -> Certificate {
    Certificate::from_pem_or_der(pem.as_bytes()).unwrap()
}

#[test]
fn keys_of_every_usual_form_are_read_and_kept_as_pkcs8() {
    let rsa = PrivateKey::from_pem(RSA_KEY).unwrap();
    assert_eq!(rsa.pkcs8_der(), include_bytes!("fixtures/plain.der"));
    assert!(rsa.matches(&certificate(include_str!("fixtures/rsa.pem"))));
    assert!(!rsa.matches(&certificate(include_str!("fixtures/p256.pem"))));

    let curve = PrivateKey::from_pem(include_str!("fixtures/sec1.key.pem")).unwrap();
    assert!(curve.matches(&certificate(include_str!("fixtures/p256.pem"))));
    assert!(PrivateKey::from_pem(include_str!("fixtures/sec1-with-params.key.pem")).is_ok());

    for key in [rsa, curve] {
        let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again.pkcs8_der(), key.pkcs8_der());
        assert_eq!(again.spki_der(), key.spki_der());
        assert_eq!(format!("{key:?}"), "PrivateKey(..)");
    }
}

#[test]
fn a_certificate_beside_the_key_is_passed_over() {
    let both = concat!(include_str!("fixtures/rsa.pem"), include_str!("fixtures/pkcs1.key.pem"));
    assert!(PrivateKey::from_pem(both).is_ok());
}

#[test]
fn what_is_no_usable_key_is_refused_by_its_name() {
    let refused = |pem: &str| PrivateKey::from_pem(pem).unwrap_err();
    assert_eq!(refused(include_str!("fixtures/encrypted.key.pem")), KeyError::Encrypted);
    assert_eq!(refused(include_str!("fixtures/encrypted-pkcs1.key.pem")), KeyError::Encrypted);
    assert_eq!(refused(include_str!("fixtures/rsa.pem")), KeyError::Missing);
    assert_eq!(refused(""), KeyError::Missing);
    assert_eq!(refused(&format!("{RSA_KEY}{RSA_KEY}")), KeyError::Several);
    assert!(matches!(
        refused("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"),
        KeyError::Unreadable { .. }
    ));
}

#[test]
fn sizes_are_those_offered() {
    assert_eq!(PrivateKey::generate_rsa(1024).unwrap_err(), KeyError::Size { bits: 1024 });
    let key = PrivateKey::generate_rsa(3072).unwrap();
    let now = crate::at("2026-12-01T00:00:00Z");
    let pair = actas_certificate::issue::self_signed_with(
        key,
        "fabrikam.example",
        &[],
        now,
        std::time::Duration::from_hours(1),
    )
    .unwrap();
    assert_eq!(pair.certificate().key_bits(), 3072);
}

#[test]
fn strangers_do_not_make_a_pair() {
    let key = PrivateKey::from_pem(RSA_KEY).unwrap();
    let error = KeyPair::new(certificate(include_str!("fixtures/p256.pem")), key).unwrap_err();
    assert!(matches!(error, KeyError::Mismatch { .. }), "{error}");
}
