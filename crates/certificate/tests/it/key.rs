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

/// A P-256 key in `pkcs8/`, as `openssl pkcs8 -topk8 -passout pass:secret` wrote it, with no more
/// said or with what stands beside it.
const ENCRYPTED: [(&str, &str, &str); 4] = [
    ("no more", include_str!("fixtures/pkcs8/aes.key.pem"), "secret"),
    (
        "-v2 aes-128-cbc -v2prf hmacWithSHA512 -iter 40000",
        include_str!("fixtures/pkcs8/aes128-sha512.key.pem"),
        "secret",
    ),
    ("-scrypt", include_str!("fixtures/pkcs8/scrypt.key.pem"), "secret"),
    ("a password that is not ASCII", include_str!("fixtures/pkcs8/not-ascii.key.pem"), "Pässwörd €"),
];

#[test]
fn what_openssl_encrypts_is_read_under_its_password() {
    let plain = PrivateKey::from_pem(include_str!("fixtures/pkcs8/plain.key.pem")).unwrap();
    for (name, pem, password) in ENCRYPTED {
        let key = PrivateKey::from_encrypted_pem(pem, password).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(key.spki_der(), plain.spki_der(), "{name}");
        let beside = format!("{}{pem}", include_str!("fixtures/p256.pem"));
        let wrong = PrivateKey::from_encrypted_pem(&beside, "Secret").unwrap_err();
        assert_eq!(wrong, KeyError::Password, "{name}, beside a certificate");
        assert_eq!(PrivateKey::from_pem(pem).unwrap_err(), KeyError::Encrypted, "{name}");
    }
    assert!(PrivateKey::from_encrypted_pem(RSA_KEY, "any").is_ok(), "what is not encrypted needs none");
}

#[test]
fn what_hardly_guards_a_key_is_not_read() {
    for (name, pem) in [
        ("-v1 PBE-SHA1-3DES", include_str!("fixtures/pkcs8/pbes1.key.pem")),
        ("-v2 des3", include_str!("fixtures/pkcs8/des3.key.pem")),
        ("-v2prf hmacWithSHA1", include_str!("fixtures/pkcs8/sha1.key.pem")),
        ("Proc-Type", include_str!("fixtures/encrypted-pkcs1.key.pem")),
    ] {
        let error = PrivateKey::from_encrypted_pem(pem, "secret").unwrap_err();
        assert_eq!(error, KeyError::Unsupported, "{name}");
        assert!(error.hint().contains("openssl pkcs8 -in FILE"), "{name}");
    }
}

#[test]
fn the_work_that_a_file_asks_for_is_bounded() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let changed = |pem: &str, from: &[u8], to: &[u8]| {
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let mut der = STANDARD.decode(body).unwrap();
        let places: Vec<usize> = (0..der.len()).filter(|at| der[*at..].starts_with(from)).collect();
        let [place] = places.as_slice() else { panic!("{places:?}") };
        der[*place..*place + to.len()].copy_from_slice(to);
        let pem = format!(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{}\n-----END ENCRYPTED PRIVATE KEY-----\n",
            STANDARD.encode(der)
        );
        PrivateKey::from_encrypted_pem(&pem, "secret").unwrap_err()
    };
    let [_, (_, rounds, _), (_, scrypt, _), _] = ENCRYPTED;
    // 40 000 rounds.
    assert_eq!(changed(rounds, &[2, 3, 0x00, 0x9C, 0x40], &[2, 3, 0x00, 0x9C, 0x41]), KeyError::Password);
    assert_eq!(changed(rounds, &[2, 3, 0x00, 0x9C, 0x40], &[2, 3, 0x7F, 0xFF, 0xFF]), KeyError::Excessive);
    // N = 16384, r = 8, p = 1.
    let usual = [2, 2, 0x40, 0x00, 2, 1, 8, 2, 1, 1];
    assert_eq!(changed(scrypt, &usual, &[2, 2, 0x40, 0x00, 2, 1, 8, 2, 1, 2]), KeyError::Password);
    assert_eq!(changed(scrypt, &usual, &[2, 2, 0x40, 0x00, 2, 1, 8, 2, 1, 17]), KeyError::Excessive);
    assert_eq!(changed(scrypt, &usual, &[2, 2, 0x40, 0x00, 2, 1, 65, 2, 1, 1]), KeyError::Excessive);
}
