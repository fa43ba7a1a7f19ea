//! PKCS#12 files: a byte that says which password is tried, and the file. The keys of its corpus
//! were made for it and open nothing.

#![no_main]

use actas_certificate::{Certificate, KeyPair, PKCS12_BYTES_MAX, Pkcs12Error, PrivateKey};
use libfuzzer_sys::{Corpus, fuzz_target};

const PASSWORDS: [&str; 3] = ["secret", "", "P\u{e4}ssw\u{f6}rd \u{20ac}"];
const REASON_BYTES_MAX: usize = 512;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let [which, file @ ..] = bytes else { return Corpus::Reject };
    let password = PASSWORDS[usize::from(*which) % PASSWORDS.len()];
    match KeyPair::from_pkcs12(file, password) {
        Ok(pair) => {
            assert!(file.len() <= PKCS12_BYTES_MAX);
            assert!(pair.key().matches(pair.certificate()));
            let again = PrivateKey::from_pem(&pair.key().to_pem()).expect("our own PEM is read");
            let certificate = Certificate::from_pem_or_der(pair.certificate().to_pem().as_bytes());
            let certificate = certificate.expect("our own PEM is read");
            assert!(KeyPair::new(certificate, again).is_ok());
        }
        Err(error) => {
            let (text, debug) = (error.to_string(), format!("{error:?}"));
            assert!(text.len() <= REASON_BYTES_MAX, "{text}");
            assert!(!error.hint().is_empty());
            let tells = |text: &str| !password.is_empty() && text.contains(password);
            assert!(!tells(&text) && !tells(&debug), "the password is told");
            assert_eq!(matches!(error, Pkcs12Error::TooLarge { .. }), file.len() > PKCS12_BYTES_MAX);
        }
    }
    Corpus::Keep
});
