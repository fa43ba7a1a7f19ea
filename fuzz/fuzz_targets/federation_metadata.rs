//! Documents of servers that people sign in at, in XML and in JSON: what is read of one can be shown.

#![no_main]

use actas_agent::SignInServer;
use actas_certificate::Certificate;
use libfuzzer_sys::fuzz_target;
use url::Url;

const CERTIFICATES_MAX: usize = 64;
const REASON_BYTES_MAX: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    let outcome = SignInServer::parse(bytes);
    assert_eq!(outcome, SignInServer::parse(bytes), "the same document");
    match outcome {
        Ok(server) => check(bytes, &server),
        Err(why) => assert!(why.len() <= REASON_BYTES_MAX, "{} bytes: {why}", why.len()),
    }
});

fn check(bytes: &[u8], server: &SignInServer) {
    let certificates = &server.certificates;
    assert!(certificates.len() <= CERTIFICATES_MAX);
    for (at, certificate) in certificates.iter().enumerate() {
        assert!(!certificates[..at].contains(certificate), "a certificate twice");
        assert_eq!(Certificate::from_base64(&certificate.to_base64()).as_ref(), Ok(certificate));
    }
    let text = String::from_utf8_lossy(bytes);
    let is_xml = text.trim_start_matches('\u{feff}').trim_start().starts_with('<');
    assert_eq!(!certificates.is_empty(), is_xml, "federation metadata says what it signs with");
    let issuer = server.issuer(server.kind);
    assert!(!issuer.is_empty() && !issuer.chars().any(char::is_control), "{issuer:?}");
    // Of the cloud's directory the host is shown alone.
    let address = if issuer.contains("://") { issuer } else { format!("https://{issuer}/") };
    assert!(Url::parse(&address).is_ok_and(|url| url.host_str().is_some()), "{address}");
    if let Some(realm) = server.realm() {
        assert!(uuid::Uuid::try_parse(&realm).is_ok_and(|id| id.to_string() == realm), "{realm}");
    }
}
