//! A token service for tests: keys that can be rolled, documents that can be withheld.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use actas_token::issue::{self, ActorToken};
use actas_token::{KeySource, Partner, Principal, Resource, SigningKey, TenantId, TrustLevel, well_known};
use actas_validator::{Configuration, ConfiguredIssuer, IssuerKind, MetadataSource};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub const METADATA: &str = "https://sts.cloud.example/t/metadata/json/1";
pub const OPENID: &str = "https://sts.cloud.example/t/.well-known/openid-configuration";

pub struct Key {
    pub signer: SigningKey,
    pub certificate: Vec<u8>,
}

pub fn key() -> Key {
    let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap().der().to_vec();
    Key { signer: SigningKey::new(&pair.serialize_der(), &certificate).unwrap(), certificate }
}

#[derive(Clone, Default)]
pub struct Published(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    documents: Vec<(String, String)>,
    fetched: Vec<String>,
}

impl Published {
    pub fn set(&self, url: &str, document: Option<String>) {
        let mut state = self.0.lock().unwrap();
        state.documents.retain(|(known, _)| known != url);
        state.documents.extend(document.map(|document| (url.to_owned(), document)));
    }

    pub fn fetches(&self) -> usize {
        self.0.lock().unwrap().fetched.len()
    }

    /// Where somebody asked, in order.
    pub fn addresses(&self) -> Vec<String> {
        self.0.lock().unwrap().fetched.clone()
    }
}

impl MetadataSource for Published {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>> {
        let mut state = self.0.lock().unwrap();
        state.fetched.push(url.to_owned());
        let found = state.documents.iter().find(|(known, _)| known == url).map(|(_, text)| text.clone().into_bytes());
        Box::pin(async move { found.ok_or_else(|| "not there".to_owned()) })
    }
}

pub fn tenant() -> TenantId {
    TenantId(Uuid::from_u128(7))
}

pub fn metadata(issuer: Uuid, realm: &str, keys: &[&Key]) -> String {
    let key = |key: &&Key| {
        format!(
            r#"{{"usage":"signing","keyValue":{{"type":"x509Certificate","value":"{}"}}}}"#,
            STANDARD.encode(&key.certificate)
        )
    };
    let keys: Vec<String> = keys.iter().map(key).collect();
    format!(r#"{{"issuer":"{issuer}@{realm}","realm":"{realm}","keys":[{}]}}"#, keys.join(","))
}

pub fn resource() -> Resource {
    Resource {
        app_id: well_known::EXCHANGE,
        hosts: vec!["mail.cloud.example".into()],
        app_role: Some("full_access_as_app".into()),
        port: None,
    }
}

pub fn configuration() -> Configuration {
    let realm = tenant().to_string();
    Configuration {
        issuers: vec![
            ConfiguredIssuer {
                kind: IssuerKind::TokenService { app_id: well_known::STS, realm: realm.clone() },
                metadata_url: METADATA.into(),
            },
            ConfiguredIssuer { kind: IssuerKind::OpenId { tenant: tenant() }, metadata_url: OPENID.into() },
        ],
        partners: vec![Partner {
            tenant: tenant(),
            app_id: well_known::LYNC,
            enabled: true,
            trust_level: TrustLevel::Full,
            key_source: KeySource::TokenService,
            act_as: true,
            sts_issued_act_as: true,
            accept_sids: false,
            linked_account: Some("account".into()),
        }],
        realms: [(realm, tenant())].into(),
    }
}

pub fn actor(key: &Key, now: Timestamp) -> String {
    bound_actor(key, None, now)
}

/// An actor token that is bound to the key that `confirmation` names.
pub fn bound_actor(key: &Key, confirmation: Option<serde_json::Value>, now: Timestamp) -> String {
    let realm = tenant().to_string();
    let token = ActorToken {
        audience: &format!("{}/mail.cloud.example@{realm}", well_known::EXCHANGE),
        issuer: &Principal::in_realm(well_known::STS, realm.as_str()),
        caller: &Principal::in_realm(well_known::LYNC, realm.as_str()),
        object_id: None,
        trusted_for_delegation: true,
        lifetime: SignedDuration::from_hours(1),
        confirmation,
    };
    issue::actor_token(&key.signer, &token, now).unwrap()
}

/// A version 1.0 access token, with members changed.
pub fn access_token(
    key: &Key,
    now: Timestamp,
    change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>),
) -> String {
    let serde_json::Value::Object(mut claims) = serde_json::json!({
        "aud": "https://mail.cloud.example",
        "iss": "https://sts.cloud.example/t/",
        "nbf": now.as_second() - 300,
        "exp": now.as_second() + 3600,
        "appid": well_known::LYNC.to_string(),
        "tid": tenant().to_string(),
        "roles": ["full_access_as_app"],
    }) else {
        unreachable!()
    };
    change(&mut claims);
    issue::access_token(&key.signer, &claims).unwrap()
}

pub fn openid(issuer: &str, jwks: &str) -> String {
    format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks}"}}"#)
}

pub fn jwks(keys: &[&Key]) -> String {
    let key = |key: &&Key| format!(r#"{{"kty":"RSA","use":"sig","x5c":["{}"]}}"#, STANDARD.encode(&key.certificate));
    format!(r#"{{"keys":[{}]}}"#, keys.iter().map(key).collect::<Vec<_>>().join(","))
}
