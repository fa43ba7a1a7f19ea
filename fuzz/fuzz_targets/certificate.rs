//! Certificates and keys, in PEM, DER and Base64. The keys of its corpus were made for it and open
//! nothing.

#![no_main]

use actas_certificate::{CERTIFICATE_BYTES_MAX, Certificate, KeyPair, PrivateKey};
use actas_fuzz::NOW;
use actas_token::VerifyingKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificates) = Certificate::several_from_pem_or_der(bytes) {
        assert!(!certificates.is_empty());
        certificates.iter().for_each(check);
    }
    let text = String::from_utf8_lossy(bytes);
    let alone = [Certificate::from_pem_or_der(bytes), Certificate::from_base64(&text)];
    alone.iter().flatten().for_each(check);
    if let Ok(key) = PrivateKey::from_pem(&text) {
        let again = PrivateKey::from_pem(&key.to_pem()).expect("our own PEM is read");
        assert_eq!((again.spki_der(), again.pkcs8_der()), (key.spki_der(), key.pkcs8_der()));
        if let [Ok(certificate), _] = alone {
            let fits = key.matches(&certificate);
            assert_eq!(KeyPair::new(certificate, key).is_ok(), fits);
        }
    }
    // A token's key is read by a reader of its own.
    let _ = VerifyingKey::from_certificate(bytes);
});

fn check(certificate: &Certificate) {
    assert!(certificate.der().len() <= CERTIFICATE_BYTES_MAX);
    let again = Certificate::from_pem_or_der(certificate.to_pem().as_bytes()).expect("our own PEM is read");
    assert_eq!(&again, certificate);
    assert_eq!(Certificate::from_base64(&certificate.to_base64()).as_ref(), Ok(certificate));
    assert_eq!(certificate.thumbprint().len(), 40);
    if certificate.check_usable_for_tokens(NOW).is_ok() {
        let key = VerifyingKey::from_certificate(certificate.der()).expect("what is usable is read as a key");
        assert_eq!((key.x5t(), key.x5t_s256()), (certificate.x5t().as_str(), certificate.x5t_s256().as_str()));
    }
}
