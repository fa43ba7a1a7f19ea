//! What issuers publish: the older metadata document, OpenID discovery and key sets, JWKs.

#![no_main]

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use actas_fuzz::{NOW, block_on};
use actas_token::metadata::{KEYS_MAX, Metadata};
use actas_token::{Limits, PublicKey, Resource, TenantId, well_known};
use actas_validator::{Configuration, ConfiguredIssuer, IssuerKind, MetadataSource, Validator};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use uuid::Uuid;

const BASE: &str = "https://sts.cloud.example/t/";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(metadata) = Metadata::parse(bytes) {
        assert!(!metadata.keys.is_empty() && metadata.keys.len() <= KEYS_MAX);
        assert_eq!(metadata.issuer.to_string().parse(), Ok(metadata.issuer));
    }
    if let Ok(Value::Object(jwk)) = serde_json::from_slice(bytes)
        && let Ok(key) = PublicKey::from_jwk(&jwk)
    {
        let again = PublicKey::from_jwk(&key.to_jwk()).expect("our own JWK is read");
        assert_eq!((again.to_jwk(), again.thumbprint()), (key.to_jwk(), key.thumbprint()));
        assert_eq!(again.algorithm(), key.algorithm());
    }
    fetched(bytes);
});

/// Through the validator: a discovery document, `\n---\n`, a key set.
fn fetched(bytes: &[u8]) {
    let cut = bytes.windows(5).position(|window| window == b"\n---\n");
    let (document, keys) = cut.map_or((bytes, bytes), |at| (&bytes[..at], &bytes[at + 5..]));
    let source = Arc::new(Fed { document: document.to_vec(), keys: keys.to_vec(), asked: Mutex::default() });
    let resource = Resource { app_id: well_known::EXCHANGE, hosts: Vec::new(), app_role: None, port: None };
    let validator = Validator::new(resource, Limits::default(), source.clone());
    let tenant = TenantId(Uuid::from_u128(1));
    let metadata_url = |end: &str| format!("{BASE}{end}");
    let issuers = vec![
        ConfiguredIssuer {
            kind: IssuerKind::OpenId { tenant },
            metadata_url: metadata_url(".well-known/openid-configuration"),
        },
        ConfiguredIssuer {
            kind: IssuerKind::TokenService { app_id: well_known::STS, realm: "t".into() },
            metadata_url: metadata_url("metadata/json/1"),
        },
    ];
    validator.configure(&Configuration { issuers, partners: Vec::new(), realms: HashMap::new() });
    assert!(block_on(validator.validate("a.b.c", NOW)).is_err());
    let asked = source.asked.lock().expect("nobody panicked");
    assert!(asked.len() <= 6, "it asks without end: {asked:?}");
    // Keys come from the issuer's own host, whatever the document says.
    assert!(asked.iter().all(|url| url::Url::parse(url).is_ok_and(|url| url.host_str() == Some("sts.cloud.example"))));
}

struct Fed {
    document: Vec<u8>,
    keys: Vec<u8>,
    asked: Mutex<Vec<String>>,
}

impl MetadataSource for Fed {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>> {
        self.asked.lock().expect("nobody panicked").push(url.to_owned());
        let first = url.ends_with(".well-known/openid-configuration") || url.ends_with("metadata/json/1");
        let body = if first { &self.document } else { &self.keys };
        Box::pin(async move { Ok(body.clone()) })
    }
}
