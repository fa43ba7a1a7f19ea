//! Three dialects, one reading.

use actas_token::metadata::{DOCUMENT_BYTES_MAX, Metadata, NotMetadata, Publisher};
use actas_token::{Principal, well_known};
use serde_json::json;

use crate::signing::Signer;
use crate::vector;

fn check(document: &str) -> Result<Metadata, NotMetadata> {
    Metadata::parse(document.replace("CERT", vector::CERTIFICATE).as_bytes())
}

#[test]
fn acs() {
    let read = check(
        r#"{"version":"1.0","name":"sts","realm":"t","issuer":"00000001-0000-0000-c000-000000000000@t",
        "allowedAudiences":["00000001-0000-0000-c000-000000000000/sts.cloud.example@t"],
        "keys":[{"usage":"signing","keyValue":{"type":"x509Certificate","value":"CERT","keyInfo":{"x5t":"wrong="}}}],
        "endpoints":[{"location":"https://sts.cloud.example/t/tokens/OAuth/2","protocol":"OAuth2","usage":"issuance"},
        {"location":"https://sts.cloud.example/x","protocol":"DelegationIssuance1.0","usage":"issuance"}]}"#,
    )
    .unwrap();
    assert_eq!(read.token_endpoint.as_deref(), Some("https://sts.cloud.example/t/tokens/OAuth/2"));
    assert_eq!(read.keys[0].1.x5t(), "GqW8L6N76HpMN5FCSkH3DYqm8JM");
    assert_eq!(read.realm.as_deref(), Some("t"));
    assert_eq!(read.allowed_audiences.len(), 1);
}

#[test]
fn exchange() {
    let read = check(
        r#"{"id":"_0","version":"1.0","name":"Exchange","realm":"*","serviceName":"00000002-0000-0ff1-ce00-000000000000",
        "issuer":"00000002-0000-0ff1-ce00-000000000000@*",
        "keys":[{"usage":"signing","keyinfo":{"x5t":"x"},"keyvalue":{"type":"x509Certificate","value":"CERT"}}],
        "endpoints":[{"location":"https://m/autodiscover/metadata/json/1","protocol":"OAuth2","usage":"metadata"}]}"#,
    )
    .unwrap();
    assert_eq!((read.realm.as_deref(), read.token_endpoint), (Some("*"), None));
    assert_eq!(read.service_name.as_deref(), Some("00000002-0000-0ff1-ce00-000000000000"));
}

#[test]
fn what_we_publish_is_read_as_what_it_says() {
    let (current, next) = (Signer::new("current"), Signer::p256("next"));
    let publisher = Publisher {
        app_id: well_known::EXCHANGE,
        realm: "fabrikam.example",
        name: "Exchange",
        hosts: &["mail.fabrikam.example".to_owned()],
        certificates: &[&current.certificate, &next.certificate],
        location: Some("https://mail.fabrikam.example/autodiscover/metadata/json/1"),
    };
    let document = publisher.document();
    let read = Metadata::parse(document.to_string().as_bytes()).unwrap();
    assert_eq!(read.issuer, Principal::in_realm(well_known::EXCHANGE, "fabrikam.example"));
    assert_eq!(read.realm.as_deref(), Some("fabrikam.example"));
    assert_eq!(read.service_name, Some(well_known::EXCHANGE.to_string()));
    assert_eq!(read.name.as_deref(), Some("Exchange"));
    let own = well_known::EXCHANGE;
    assert_eq!(
        read.allowed_audiences,
        [format!("{own}@fabrikam.example"), format!("{own}/mail.fabrikam.example@fabrikam.example")]
    );
    let keys: Vec<&[u8]> = read.keys.iter().map(|(certificate, _)| certificate.as_slice()).collect();
    assert_eq!(keys, publisher.certificates, "the current one first");
    assert_eq!((read.keys_skipped, read.token_endpoint), (vec![], None));
    assert_eq!(
        document["endpoints"],
        json!([{ "location": publisher.location, "protocol": "OAuth2", "usage": "metadata" }])
    );
    assert_eq!(Publisher { location: None, ..publisher }.document()["endpoints"], json!([]));
}

#[test]
fn sharepoint() {
    let escaped = vector::CERTIFICATE.replace('/', "\\/");
    let document = r#"{"name":"00000003","issuer":"00000003-0000-0ff1-ce00-000000000000@farm",
        "keys":[{"usage":"Signing","keyValue":{"type":"x509certificate","value":"CERT"}}]}"#;
    let read = Metadata::parse(document.replace("CERT", &escaped).as_bytes()).unwrap();
    assert_eq!(read.realm.as_deref(), Some("farm"));
}

#[test]
fn what_is_no_document() {
    assert!(matches!(check("<html>"), Err(NotMetadata::NotJson(_))));
    assert!(matches!(check("[]"), Err(NotMetadata::NotJson(_))));
    assert!(matches!(check("{}"), Err(NotMetadata::NoIssuer)));
    let issuer = r#""issuer":"00000001-0000-0000-c000-000000000000@t""#;
    assert!(matches!(check(&format!("{{{issuer}}}")), Err(NotMetadata::NoKeys(_))));
    let weak = format!(
        r#"{{{issuer},"keys":[{{"usage":"signing","keyValue":{{"type":"x509Certificate","value":"AAAA"}}}}]}}"#
    );
    assert!(matches!(check(&weak), Err(NotMetadata::NoKeys(_))));
    let entry = r#"{"usage":"signing","keyValue":{"type":"x509Certificate","value":"CERT"}}"#;
    let flood = format!("{{{issuer},\"keys\":[{}]}}", vec![entry; 65].join(","));
    assert!(matches!(check(&flood), Err(NotMetadata::TooManyKeys)));
    let endpoint = r#"{"location":"https://a","protocol":"OAuth2","usage":"issuance"}"#;
    let two = format!("{{{issuer},\"keys\":[{entry}],\"endpoints\":[{endpoint},{endpoint}]}}");
    assert!(matches!(check(&two), Err(NotMetadata::TwoTokenEndpoints)));
    let most = format!("{{{issuer},\"keys\":[{entry}]}}").replace("CERT", vector::CERTIFICATE);
    let most = format!("{most}{}", " ".repeat(DOCUMENT_BYTES_MAX - most.len()));
    assert_eq!(Metadata::parse(most.as_bytes()).map(|read| read.keys.len()), Ok(1));
    let more = format!("{most} ");
    assert!(matches!(Metadata::parse(more.as_bytes()), Err(NotMetadata::TooLarge(bytes)) if bytes == more.len()));
}
