//! Three dialects, one reading.

use actas_token::metadata::{Metadata, NotMetadata};

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
    assert!(matches!(Metadata::parse(&vec![b' '; 1024 * 1024 + 1]), Err(NotMetadata::TooLarge(_))));
}
