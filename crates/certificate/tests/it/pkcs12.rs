//! PKCS#12 as OpenSSL writes it, in the ways that Windows does, and what is not read.
//!
//! `Q="openssl pkcs12 -export -inkey leaf.key -in leaf.pem"` wrote the files, `-passout
//! pass:secret` where nothing else is said.

use actas_certificate::file::{FileError, read_pkcs12};
use actas_certificate::{KeyError, KeyPair, PKCS12_BYTES_MAX, Pkcs12Error};
use proptest::prelude::*;

/// `$Q`: PBES2 with AES-256, as today.
const AES: &[u8] = include_bytes!("fixtures/pkcs12/aes.pfx");
/// `$Q -legacy`: 40-bit RC2 for the certificate and 3DES for the key.
const RC2: &[u8] = include_bytes!("fixtures/pkcs12/rc2.pfx");
/// `$Q -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1 -iter 2000 -certfile ca.pem
/// -name te-WebServer -CSP "Microsoft Enhanced Cryptographic Provider v1.0" -LMK -keysig`:
/// "TripleDES-SHA1" of Windows, with its attributes of the bag and of the key.
const WINDOWS_3DES: &[u8] = include_bytes!("fixtures/pkcs12/windows-3des.pfx");
/// As above with `-keypbe AES-256-CBC -certpbe AES-256-CBC -macalg sha256 -keyex` and a password
/// that is not ASCII: "AES256-SHA256" of Windows.
const WINDOWS_AES: &[u8] = include_bytes!("fixtures/pkcs12/windows-aes.pfx");
/// `$Q` with an empty password.
const EMPTY: &[u8] = include_bytes!("fixtures/pkcs12/empty.pfx");
/// `$Q -certpbe NONE -keypbe AES-128-CBC -macalg sha512`.
const PLAIN_CERTIFICATE: &[u8] = include_bytes!("fixtures/pkcs12/plain-cert.pfx");
/// `$Q -nomac`.
const NO_MAC: &[u8] = include_bytes!("fixtures/pkcs12/nomac.pfx");
/// `openssl pkcs12 -export -nokeys -in leaf.pem`
const NO_KEY: &[u8] = include_bytes!("fixtures/pkcs12/nokey.pfx");
/// `$Q -nocerts`
const NO_CERTIFICATE: &[u8] = include_bytes!("fixtures/pkcs12/nocert.pfx");
/// `$Q -keypbe PBE-SHA1-RC4-128 -legacy`
const RC4: &[u8] = include_bytes!("fixtures/pkcs12/rc4.pfx");

const WINDOWS_PASSWORD: &str = "Pässwörd €";
const GOOD: [(&str, &[u8], &str); 7] = [
    ("AES", AES, "secret"),
    ("RC2", RC2, "secret"),
    ("Windows, 3DES", WINDOWS_3DES, "secret"),
    ("Windows, AES", WINDOWS_AES, WINDOWS_PASSWORD),
    ("no password", EMPTY, ""),
    ("plain certificate", PLAIN_CERTIFICATE, "secret"),
    ("no MAC", NO_MAC, "secret"),
];

#[test]
fn what_openssl_and_windows_write_is_read() {
    for (name, file, password) in GOOD {
        let pair = KeyPair::from_pkcs12(file, password).unwrap_or_else(|error| panic!("{name}: {error}"));
        let certificate = pair.certificate();
        assert_eq!(certificate.subject(), "CN=contoso.example", "{name}");
        assert_eq!(certificate.dns_names(), ["contoso.example", "fabrikam.example"], "{name}");
        assert!(pair.key().matches(certificate), "{name}");
        assert_eq!(certificate.check_usable_for_tokens(crate::at("2030-01-01T00:00:00Z")), Ok(()), "{name}");
    }
}

#[test]
fn what_is_read_is_written_and_read_again() {
    use actas_certificate::PrivateKey;

    for (name, file, password) in GOOD {
        let pair = KeyPair::from_pkcs12(file, password).unwrap();
        let again = PrivateKey::from_pem(&pair.key().to_pem()).unwrap();
        assert!(again.matches(pair.certificate()), "{name}");
    }
}

#[test]
fn another_password_is_told_apart_from_a_damaged_file() {
    for (name, file, password) in GOOD {
        for wrong in ["wrong", "Secret", "secret "] {
            assert_eq!(KeyPair::from_pkcs12(file, wrong), Err(Pkcs12Error::Password), "{name}, {wrong}");
        }
        let cut = &file[..file.len() - 1];
        assert!(matches!(KeyPair::from_pkcs12(cut, password), Err(Pkcs12Error::Unreadable { .. })), "{name}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let refused = |file: &[u8]| {
        let error = KeyPair::from_pkcs12(file, "secret").unwrap_err();
        assert!(!error.hint().is_empty());
        error
    };
    assert_eq!(refused(NO_KEY), Pkcs12Error::NoKey);
    assert_eq!(refused(NO_CERTIFICATE), Pkcs12Error::NoCertificate);
    assert_eq!(refused(RC4), Pkcs12Error::Unsupported);
    assert!(matches!(refused(b""), Pkcs12Error::Unreadable { .. }));
    assert!(matches!(refused(include_bytes!("fixtures/rsa.pem")), Pkcs12Error::Unreadable { .. }));
    let large = vec![0x30; PKCS12_BYTES_MAX + 1];
    assert_eq!(refused(&large), Pkcs12Error::TooLarge { bytes: PKCS12_BYTES_MAX + 1 });
    assert!(Pkcs12Error::from(KeyError::Several).hint().contains("export the one"));
}

#[test]
fn a_file_is_read_whoever_else_can() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oauth.pfx");
    fs_err::write(&path, AES).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(read_pkcs12(&path, "secret").unwrap(), KeyPair::from_pkcs12(AES, "secret").unwrap());
    let error = read_pkcs12(&path, "wrong").unwrap_err();
    assert!(matches!(error, FileError::Pkcs12 { .. }) && error.to_string().contains("oauth.pfx"), "{error}");
    assert!(!format!("{error:?} {error}").contains("wrong"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// One byte that differs is found, or was of no account.
    #[test]
    fn a_damaged_file_gives_no_other_key(place in 0..PLAIN_CERTIFICATE.len(), with in 1..=u8::MAX) {
        let mut file = PLAIN_CERTIFICATE.to_vec();
        file[place] ^= with;
        if let Ok(pair) = KeyPair::from_pkcs12(&file, "secret") {
            prop_assert_eq!(pair, KeyPair::from_pkcs12(PLAIN_CERTIFICATE, "secret").unwrap());
        }
    }
}
