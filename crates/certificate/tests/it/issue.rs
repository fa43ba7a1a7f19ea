use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use actas_certificate::issue::{Subject, certificate_request, self_signed};
use actas_certificate::{Authority, IssueError, KeyAlgorithm, KeyPair, Name, PrivateKey};
use jiff::Timestamp;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

use crate::at;

const NOW: &str = "2026-12-01T00:00:00.25Z";
const YEAR: Duration = Duration::from_hours(365 * 24);

fn names(texts: &[&str]) -> Vec<Name> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn authority() -> Authority {
    Authority::create("Fabrikam lab CA", at(NOW), YEAR).unwrap()
}

/// The extensions in words: `critical` ones with an exclamation mark.
fn extensions(pair: &KeyPair) -> Vec<String> {
    let (_, x509) = x509_parser::parse_x509_certificate(pair.certificate().der()).unwrap();
    let mut found: Vec<String> = x509
        .extensions()
        .iter()
        .map(|extension| {
            let text = match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(_) => "authority key".to_owned(),
                ParsedExtension::SubjectKeyIdentifier(_) => "subject key".to_owned(),
                ParsedExtension::BasicConstraints(constraints) => {
                    format!("ca {} {:?}", constraints.ca, constraints.path_len_constraint)
                }
                ParsedExtension::KeyUsage(usage) => format!("usage {usage}"),
                ParsedExtension::ExtendedKeyUsage(usage) => {
                    format!("server {} client {}", usage.server_auth, usage.client_auth)
                }
                ParsedExtension::SubjectAlternativeName(names) => {
                    format!("{} names", names.general_names.len())
                }
                other => format!("{other:?}"),
            };
            format!("{text}{}", if extension.critical { "!" } else { "" })
        })
        .collect();
    found.sort();
    found
}

#[test]
fn the_authority_holds_what_strict_verifiers_ask_for() {
    let authority = authority();
    assert_eq!(extensions(authority.key_pair()), ["ca true Some(0)!", "subject key", "usage Key Cert Sign, CRL Sign!"]);
    assert!(authority.certificate().is_ca());
    assert_eq!(authority.certificate().subject(), "CN=Fabrikam lab CA");
    assert_eq!(authority.certificate().not_before(), at("2026-11-30T23:55:00Z"));
    assert_eq!(authority.certificate().not_after(), at("2027-12-01T00:00:00Z"));
}

#[test]
fn a_leaf_holds_what_strict_verifiers_ask_for() {
    let authority = authority();
    let leaf = authority.issue_server(&names(&["localhost", "127.0.0.1", "::1"]), at(NOW), YEAR).unwrap();
    assert_eq!(
        extensions(&leaf),
        [
            "3 names",
            "authority key",
            "ca false None!",
            "server true client false",
            "subject key",
            "usage Digital Signature!",
        ]
    );
    let certificate = leaf.certificate();
    assert_eq!(certificate.issuer(), "CN=Fabrikam lab CA");
    assert_eq!(certificate.dns_names(), ["localhost"]);
    assert_eq!(certificate.key_algorithm(), &KeyAlgorithm::Ecdsa("P-256".to_owned()));
    assert_eq!(certificate.serial_hex().len(), 32);

    let other = authority.issue_server(&names(&["localhost"]), at(NOW), YEAR).unwrap();
    assert_ne!(certificate.serial_hex(), other.certificate().serial_hex());
}

#[test]
fn a_leaf_names_the_authoritys_key() {
    let authority = authority();
    let leaf = authority.issue_server(&names(&["localhost"]), at(NOW), YEAR).unwrap();
    let identifier = |pair: &KeyPair, of_issuer: bool| {
        let (_, x509) = x509_parser::parse_x509_certificate(pair.certificate().der()).unwrap();
        x509.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) if !of_issuer => Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) if of_issuer => {
                id.key_identifier.as_ref().map(|id| id.0.to_vec())
            }
            _ => None,
        })
    };
    assert!(identifier(&leaf, true).is_some());
    assert_eq!(identifier(&leaf, true), identifier(authority.key_pair(), false));
}

#[test]
fn a_leaf_does_not_outlive_its_authority() {
    let authority = authority();
    let leaf = authority.issue_server(&names(&["localhost"]), at(NOW), YEAR * 5).unwrap();
    assert_eq!(leaf.certificate().not_after(), authority.certificate().not_after());

    let late = at("2028-01-01T00:00:00Z");
    let error = authority.issue_server(&names(&["localhost"]), late, YEAR).unwrap_err();
    assert!(matches!(error, IssueError::AuthorityEnded { .. }), "{error}");
}

#[test]
fn an_authority_is_taken_up_again() {
    let authority = authority();
    let kept = authority.key_pair().clone();
    let again = Authority::from_key_pair(kept).unwrap();
    let leaf = again.issue_server(&names(&["localhost"]), at(NOW), YEAR).unwrap();
    handshake(&authority, &leaf, "localhost", at(NOW)).unwrap();
    let error = Authority::from_key_pair(leaf).unwrap_err();
    assert_eq!(error.to_string(), "`CN=localhost` is not a certificate authority");
}

#[test]
fn names_are_wanted_and_have_a_form() {
    assert_eq!(authority().issue_server(&[], at(NOW), YEAR).unwrap_err(), IssueError::NoNames);
    let long = "a".repeat(65);
    for subject in ["", long.as_str(), "a\nb"] {
        let error = self_signed(subject, &[], at(NOW), YEAR, 2048).unwrap_err();
        assert!(matches!(error, IssueError::Subject { .. }), "{error}");
    }
    for name in ["", "a b", "-a.example", "a..b", "*", "a.*.b", &"a.".repeat(127)] {
        assert!(name.parse::<Name>().is_err(), "{name}");
    }
    assert_eq!("*.Fabrikam.Example".parse::<Name>().unwrap().dns(), Some("*.fabrikam.example"));
    let error = self_signed("a", &[], at(NOW), Duration::ZERO, 2048).unwrap_err();
    assert!(matches!(error, IssueError::Lifetime { .. }), "{error}");
    let error = self_signed("a", &[], at(NOW), YEAR * 10_000, 2048).unwrap_err();
    assert!(matches!(error, IssueError::Lifetime { .. }), "{error}");
}

#[test]
fn tls_accepts_a_leaf_for_its_names_and_time_alone() {
    let authority = authority();
    let leaf = authority.issue_server(&names(&["localhost", "127.0.0.1"]), at(NOW), YEAR).unwrap();
    handshake(&authority, &leaf, "localhost", at(NOW)).unwrap();
    handshake(&authority, &leaf, "127.0.0.1", at(NOW)).unwrap();
    let refused = |name, now| handshake(&authority, &leaf, name, now).unwrap_err();
    assert!(refused("fabrikam.example", at(NOW)).contains("not valid for name"));
    assert!(refused("localhost", at("2027-12-02T00:00:00Z")).contains("expired"));

    let stranger = Authority::create("Fabrikam lab CA", at(NOW), YEAR).unwrap();
    assert!(handshake(&stranger, &leaf, "localhost", at(NOW)).is_err());
}

#[test]
fn a_self_signed_certificate_signs_tokens() {
    let pair = self_signed("fabrikam.example", &names(&["contoso.example"]), at(NOW), YEAR, 2048).unwrap();
    let certificate = pair.certificate();
    assert_eq!(certificate.subject(), "CN=fabrikam.example");
    assert_eq!(certificate.issuer(), "CN=fabrikam.example");
    assert_eq!(certificate.dns_names(), ["contoso.example"]);
    assert_eq!(certificate.not_before(), at("2026-12-01T00:00:00Z"));
    assert_eq!(certificate.check_usable_for_tokens(at(NOW)), Ok(()));
    assert_eq!(extensions(&pair), ["1 names", "ca false None!", "subject key", "usage Digital Signature!"]);
}

#[test]
fn a_request_names_subject_and_key() {
    let key = PrivateKey::generate_p256().unwrap();
    let pem = certificate_request(&"fabrikam.example".into(), &names(&["contoso.example"]), false, &key).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"));
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    let (_, request) = x509_parser::certification_request::X509CertificationRequest::from_der(&pem.contents).unwrap();
    let info = &request.certification_request_info;
    assert_eq!(info.subject.to_string(), "CN=fabrikam.example");
    assert_eq!(info.subject_pki.raw, key.spki_der());
    request.verify_signature().unwrap();
}

#[test]
fn a_subject_is_more_than_its_common_name() {
    let subject = Subject {
        organization: Some("Fabrikam, Inc.".to_owned()),
        organizational_unit: Some("Voice".to_owned()),
        locality: Some("Galway".to_owned()),
        state: Some("Connacht".to_owned()),
        country: Some("ie".to_owned()),
        ..Subject::from("fabrikam.example")
    };
    let whole = "CN=fabrikam.example, OU=Voice, O=Fabrikam\\, Inc., L=Galway, ST=Connacht, C=IE";
    let pair = self_signed(subject.clone(), &[], at(NOW), YEAR, 2048).unwrap();
    assert_eq!(pair.certificate().subject(), whole);
    let pem = certificate_request(&subject, &[], true, pair.key()).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    let (_, request) = x509_parser::certification_request::X509CertificationRequest::from_der(&pem.contents).unwrap();
    let client = |extension: &ParsedExtension<'_>| matches!(extension, ParsedExtension::ExtendedKeyUsage(usage) if usage.client_auth);
    assert!(request.requested_extensions().unwrap().any(client));

    let refused = |subject: Subject| certificate_request(&subject, &[], false, pair.key()).unwrap_err();
    for country in ["", "I", "IRL", "1E", "É"] {
        let error = refused(Subject { country: Some(country.to_owned()), ..subject.clone() });
        assert!(matches!(error, IssueError::Country { .. }) && !error.hint().is_empty(), "{error}");
    }
    for state in [String::new(), "x".repeat(65), "a\nb".to_owned()] {
        let error = refused(Subject { state: Some(state), ..subject.clone() });
        assert!(matches!(error, IssueError::Subject { .. }), "{error}");
    }
}

/// A TLS handshake in memory, at a time of our choosing.
fn handshake(trusted: &Authority, server: &KeyPair, name: &str, now: Timestamp) -> Result<(), String> {
    #[derive(Debug)]
    struct Fixed(UnixTime);
    impl rustls::time_provider::TimeProvider for Fixed {
        fn current_time(&self) -> Option<UnixTime> {
            Some(self.0)
        }
    }

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let seconds = u64::try_from(now.as_second()).unwrap();
    let time = Arc::new(Fixed(UnixTime::since_unix_epoch(Duration::from_secs(seconds))));
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certificate().to_tls()).unwrap();
    let client = ClientConfig::builder_with_details(provider.clone(), time.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let key = PrivatePkcs8KeyDer::from(server.key().pkcs8_der().to_vec());
    let config = ServerConfig::builder_with_details(provider, time)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.certificate().to_tls()], PrivateKeyDer::Pkcs8(key))
        .unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    client.writer().write_all(b"hello").unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        carry(&mut client, &mut server);
        server.process_new_packets().map_err(|error| error.to_string())?;
        carry_back(&mut server, &mut client);
        client.process_new_packets().map_err(|error| error.to_string())?;
    }
    carry(&mut client, &mut server);
    server.process_new_packets().map_err(|error| error.to_string())?;
    let mut heard = [0; 5];
    server.reader().read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
    Ok(())
}

fn carry(from: &mut ClientConnection, to: &mut ServerConnection) {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).unwrap();
    }
    let mut wire = wire.as_slice();
    while !wire.is_empty() {
        to.read_tls(&mut wire).unwrap();
    }
}

fn carry_back(from: &mut ServerConnection, to: &mut ClientConnection) {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).unwrap();
    }
    let mut wire = wire.as_slice();
    while !wire.is_empty() {
        to.read_tls(&mut wire).unwrap();
    }
}
