use actas_certificate::{CERTIFICATE_BYTES_MAX, Certificate, CertificateError, KeyAlgorithm, Unusable, issue};
use std::time::Duration;

use crate::at;

const RSA: &str = include_str!("fixtures/rsa.pem");

fn rsa() -> Certificate {
    Certificate::from_pem_or_der(RSA.as_bytes()).unwrap()
}

#[test]
fn a_certificate_reads_as_openssl_reads_it() {
    let certificate = rsa();
    assert_eq!(certificate.subject(), r"CN=sts #1, O=Fabrikam\, Inc., DC=fabrikam, DC=example");
    assert_eq!(certificate.issuer(), certificate.subject());
    assert_eq!(certificate.serial_hex(), "4972D9EE5AC9ABDC025786701A00EBEDA36C2771");
    assert_eq!(certificate.thumbprint(), "6591F8DB75D5E77DF7CFB1EB2E9F2AC26EED6FAC");
    assert_eq!(certificate.x5t(), "ZZH423XV5333z7HrLp8qwm7tb6w");
    assert_eq!(certificate.x5t_s256(), "kmbWqZu-BQ6SzWIC9ir6hBy4fbJqZjJLuv9ce2fXRIg");
    assert_eq!(certificate.not_before(), at("2026-11-24T20:40:22Z"));
    assert_eq!(certificate.not_after(), at("2036-11-21T20:40:22Z"));
    assert_eq!(certificate.dns_names(), ["fabrikam.example", "*.fabrikam.example"]);
    assert_eq!(certificate.ip_addresses().len(), 1);
    assert_eq!(certificate.key_algorithm(), &KeyAlgorithm::Rsa);
    assert_eq!(certificate.key_bits(), 2048);
    assert!(certificate.is_ca(), "openssl's default for `req -x509`");
    assert_eq!(certificate.to_pem(), RSA);
}

#[test]
fn every_wrapping_gives_the_same_certificate() {
    let certificate = rsa();
    let one_line = certificate.to_base64();
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(one_line.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for bytes in [
        certificate.der().to_vec(),
        RSA.replace('\n', "\r\n").into_bytes(),
        format!("\u{feff}{RSA}").into_bytes(),
        format!("Bag Attributes\n    friendlyName: sts\n{RSA}\n\n").into_bytes(),
        format!("  {one_line}\r\n").into_bytes(),
        RSA.lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().join("\n").into_bytes(),
        utf16,
    ] {
        assert_eq!(Certificate::from_pem_or_der(&bytes), Ok(certificate.clone()));
    }
    assert_eq!(Certificate::from_base64(&one_line), Ok(certificate.clone()));
    assert_eq!(Certificate::from_der(certificate.der()), Ok(certificate));
}

#[track_caller]
fn check_refusal(bytes: &[u8], expected: &str) {
    let error = Certificate::from_pem_or_der(bytes).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(!error.hint().is_empty());
}

#[test]
fn what_is_not_one_certificate_is_refused_by_its_name() {
    let der = rsa().der().to_vec();
    let twice = [der.clone(), der.clone()].concat();
    let cases: [(&[u8], &str); 20] = [
        (b"", "is empty"),
        (b" \r\n\t", "is empty"),
        (include_bytes!("fixtures/rsa.pfx"), "PKCS#12"),
        (include_bytes!("fixtures/rsa.p7b"), "PKCS#7 bundle"),
        (include_bytes!("fixtures/rsa-der.p7b"), "PKCS#7 bundle"),
        (include_bytes!("fixtures/rsa.csr"), "certificate request"),
        (include_bytes!("fixtures/pkcs1.key.pem"), "holds a private key"),
        (include_bytes!("fixtures/sec1.key.pem"), "holds a private key"),
        (include_bytes!("fixtures/encrypted.key.pem"), "holds a private key"),
        (include_bytes!("fixtures/encrypted-pkcs1.key.pem"), "holds a private key"),
        (include_bytes!("fixtures/enc.der"), "holds a private key"),
        (include_bytes!("fixtures/plain.der"), "holds a private key"),
        (
            concat!(include_str!("fixtures/rsa.pem"), include_str!("fixtures/pkcs1.key.pem")).as_bytes(),
            "holds a private key",
        ),
        (
            concat!(include_str!("fixtures/rsa.pem"), include_str!("fixtures/p256.pem")).as_bytes(),
            "holds 2 certificates",
        ),
        (&twice, "holds 2 certificates"),
        (&der[..der.len() - 1], "cut short"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB", "END CERTIFICATE"),
        (b"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", "it holds `PUBLIC KEY`"),
        (b"hello there", "not base64 either"),
        (&[0x80; 40], "neither DER nor text"),
    ];
    for (bytes, expected) in cases {
        check_refusal(bytes, expected);
    }
    check_refusal(&vec![b'A'; CERTIFICATE_BYTES_MAX + 1], "too many");
}

#[test]
fn no_prefix_and_no_flipped_byte_panics() {
    let der = rsa().der().to_vec();
    for length in 0..der.len() {
        assert!(Certificate::from_pem_or_der(&der[..length]).is_err());
        let mut flipped = der.clone();
        flipped[length] ^= 0xA5;
        let _ = Certificate::from_pem_or_der(&flipped);
        let _ = Certificate::from_pem_or_der(&RSA.as_bytes()[..length]);
    }
}

#[test]
fn a_bundle_is_read_whole() {
    let bundle = concat!(include_str!("fixtures/rsa.pem"), include_str!("fixtures/p256.pem"));
    let all = Certificate::several_from_pem_or_der(bundle.as_bytes()).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0], rsa());
}

#[test]
fn base64_is_not_taken_for_der_or_the_reverse() {
    assert!(Certificate::from_der(RSA.as_bytes()).is_err());
    assert_eq!(Certificate::from_der(b""), Err(CertificateError::Empty));
    assert!(Certificate::from_base64("0").is_err());
}

#[test]
fn tokens_need_a_live_rsa_key_of_2048_bits() {
    let read = |pem: &str| Certificate::from_pem_or_der(pem.as_bytes()).unwrap();
    let now = at("2027-01-01T00:00:00Z");
    assert_eq!(rsa().check_usable_for_tokens(now), Ok(()));

    let short = read(include_str!("fixtures/short.pem")).check_usable_for_tokens(now);
    assert_eq!(short, Err(Unusable::KeyTooShort { bits: 1024 }));

    let curve = read(include_str!("fixtures/p256.pem")).check_usable_for_tokens(now).unwrap_err();
    assert_eq!(curve.to_string(), "the certificate's key is ECDSA P-256; tokens are signed with RSA");

    let early = rsa().check_usable_for_tokens(at("2026-11-24T20:40:21Z")).unwrap_err();
    assert_eq!(
        early.to_string(),
        "the certificate is not valid before 2026-11-24T20:40:22Z; it is 2026-11-24T20:40:21Z"
    );
    let late = rsa().check_usable_for_tokens(at("2036-11-21T20:40:23Z")).unwrap_err();
    assert_eq!(late.to_string(), "the certificate expired at 2036-11-21T20:40:22Z; it is 2036-11-21T20:40:23Z");
}

#[test]
fn a_name_cannot_write_to_the_terminal() {
    let now = at("2026-12-01T00:00:00Z");
    assert!(issue::self_signed("a\u{1b}[2Jb", &[], now, Duration::from_hours(1), 2048).is_err());
    let pair = issue::self_signed(" <a;b>+\\ ", &[], now, Duration::from_hours(1), 2048).unwrap();
    assert_eq!(pair.certificate().subject(), r"CN=\ \<a\;b\>\+\\\ ");
}
