use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use actas_certificate::file::{
    FileError, read_certificate, read_certificates, read_first_certificate, read_key_pair, read_private_key,
    read_secret, write_certificate, write_certificate_der, write_private_key,
};
use actas_certificate::{Certificate, CertificateError, PrivateKey};

fn mode(path: &Path) -> u32 {
    fs_err::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn rsa() -> (Certificate, PrivateKey) {
    let certificate = Certificate::from_pem_or_der(include_bytes!("fixtures/rsa.pem")).unwrap();
    let key = PrivateKey::from_pem(include_str!("fixtures/pkcs1.key.pem")).unwrap();
    (certificate, key)
}

#[test]
fn a_pair_survives_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (cer, key) = (directory.path().join("sts.cer"), directory.path().join("sts.key"));
    let (certificate, secret) = rsa();
    write_certificate(&cer, &certificate).unwrap();
    write_private_key(&key, &secret).unwrap();
    assert_eq!(mode(&key), 0o600);
    assert_eq!(mode(&cer) & 0o600, 0o600);

    let pair = read_key_pair(&cer, &key).unwrap();
    assert_eq!(pair.certificate(), &certificate);
    assert_eq!(pair.key().pkcs8_der(), secret.pkcs8_der());

    write_certificate_der(&cer, &certificate).unwrap();
    assert_eq!(fs_err::read(&cer).unwrap(), certificate.der());
    assert_eq!(read_certificates(&cer).unwrap(), [certificate]);

    let left: Vec<_> = fs_err::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "nothing temporary is left: {left:?}");
}

#[test]
fn a_key_that_is_replaced_does_not_keep_a_loose_mode() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("sts.key");
    fs_err::write(&key, "old").unwrap();
    fs_err::set_permissions(&key, Permissions::from_mode(0o666)).unwrap();
    write_private_key(&key, &rsa().1).unwrap();
    assert_eq!(mode(&key), 0o600);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("sts.key");
    write_private_key(&key, &rsa().1).unwrap();
    for (bits, refused) in [(0o640, true), (0o604, true), (0o620, true), (0o400, false)] {
        fs_err::set_permissions(&key, Permissions::from_mode(bits)).unwrap();
        match read_private_key(&key) {
            Err(error @ FileError::Exposed { .. }) if refused => {
                let path = key.display();
                assert_eq!(
                    error.to_string(),
                    format!("others can read the private key in `{path}`: its mode is {bits:04o}")
                );
                assert_eq!(error.hint(), format!("run `chmod 600 {path}`"));
            }
            result => assert!(result.is_ok() && !refused, "{bits:o}: {result:?}"),
        }
    }
}

#[test]
fn a_secret_is_the_first_line_of_a_file_of_its_owner() {
    let directory = tempfile::tempdir().unwrap();
    let pin = directory.path().join("pin");
    let written = |text: &str, bits: u32| {
        fs_err::write(&pin, text).unwrap();
        fs_err::set_permissions(&pin, Permissions::from_mode(bits)).unwrap();
        read_secret(&pin)
    };
    assert_eq!(written("481516\n", 0o600).unwrap().as_str(), "481516");
    assert_eq!(written(" a b \nnot this", 0o400).unwrap().as_str(), "a b");
    for (text, bits) in [("481516", 0o640), ("481516", 0o604)] {
        let error = written(text, bits).unwrap_err();
        assert!(matches!(error, FileError::Exposed { what: "secret", .. }), "{error}");
        assert!(!error.to_string().contains(text), "{error}");
    }
    for text in ["", "\n481516", &"1".repeat(257)] {
        assert!(matches!(written(text, 0o600), Err(FileError::NoSecret { .. })), "{text:?}");
    }
}

#[test]
fn errors_name_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("absent.cer");
    let name = path.display().to_string();
    assert!(read_certificate(&path).unwrap_err().to_string().contains(&name));

    fs_err::write(&path, include_bytes!("fixtures/rsa.pfx")).unwrap();
    let error = read_certificate(&path).unwrap_err();
    assert!(error.to_string().contains(&name));
    assert!(error.to_string().contains("PKCS#12"), "{error}");

    fs_err::write(&path, vec![b'A'; 300_000]).unwrap();
    assert!(read_certificate(&path).unwrap_err().to_string().contains("300000 bytes"));

    let nowhere = directory.path().join("absent/sts.key");
    assert!(write_private_key(&nowhere, &rsa().1).is_err());
    assert!(write_private_key(Path::new("/"), &rsa().1).is_err());
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("sts.key");
    fs_err::create_dir(&target).unwrap();
    assert!(write_private_key(&target, &rsa().1).is_err());
    let left: Vec<_> = fs_err::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_certificate_beside_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = rsa();
    let path = folder.path().join("both.pem");
    for both in [
        format!("{}{}", key.to_pem().as_str(), certificate.to_pem()),
        format!("{}{}", certificate.to_pem(), key.to_pem().as_str()),
    ] {
        fs_err::write(&path, both).unwrap();
        assert_eq!(read_first_certificate(&path).unwrap(), certificate);
        assert!(read_certificate(&path).is_err(), "not where a certificate alone is wanted");
    }
    fs_err::write(&path, key.to_pem().as_str()).unwrap();
    let alone = read_first_certificate(&path).unwrap_err();
    assert!(matches!(alone, FileError::Certificate { source: CertificateError::HoldsPrivateKey, .. }), "{alone}");
}
