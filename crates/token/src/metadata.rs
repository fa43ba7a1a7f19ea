//! The authentication metadata document (`…/metadata/json/1`), in the three dialects
//! that Azure ACS, Exchange and SharePoint publish.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::key::{KeyError, VerifyingKey, x5t};
use crate::principal::Principal;

/// The largest document that is read, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
/// The most keys that are read.
pub const KEYS_MAX: usize = 64;

/// What a document says, read without regard to which dialect it is in.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// `issuer`: what the publisher signs as. The realm may be `*`.
    pub issuer: Principal,
    /// `realm`, or the issuer's.
    pub realm: Option<String>,
    /// `serviceName`.
    pub service_name: Option<String>,
    /// `name`, for display.
    pub name: Option<String>,
    /// `allowedAudiences`.
    pub allowed_audiences: Vec<String>,
    /// Signing certificates, DER, with their keys; current first.
    pub keys: Vec<(Vec<u8>, VerifyingKey)>,
    /// Entries that could not be used, with the reason.
    pub keys_skipped: Vec<KeyError>,
    /// Where tokens are issued: the endpoint of protocol `OAuth2`, usage `issuance`.
    pub token_endpoint: Option<String>,
}

/// Who publishes a document, and what it says: the dialect of Exchange, which every consumer
/// of the protocol reads.
#[derive(Clone, Copy, Debug)]
pub struct Publisher<'a> {
    /// Its application id: `serviceName`.
    pub app_id: Uuid,
    /// The realm that it signs for; `*` is any.
    pub realm: &'a str,
    /// For display.
    pub name: &'a str,
    /// Hosts that an audience for it may name.
    pub hosts: &'a [String],
    /// Certificates of the keys that it signs with, DER; the current one first.
    pub certificates: &'a [&'a [u8]],
    /// Where the document is, if that is known.
    pub location: Option<&'a str>,
}

impl Publisher<'_> {
    /// The document: the public half of its keys, and nothing that is not for everybody.
    pub fn document(&self) -> Value {
        let (app_id, realm) = (self.app_id, self.realm);
        let audiences: Vec<String> = std::iter::once(format!("{app_id}@{realm}"))
            .chain(self.hosts.iter().map(|host| format!("{app_id}/{host}@{realm}")))
            .collect();
        let key = |certificate: &&[u8]| {
            json!({
                "usage": "signing",
                "keyinfo": { "x5t": x5t(certificate) },
                "keyvalue": { "type": "x509Certificate", "value": STANDARD.encode(certificate) },
            })
        };
        let endpoint = |location| json!({ "location": location, "protocol": "OAuth2", "usage": "metadata" });
        json!({
            "id": format!("_{app_id}"),
            "version": "1.0",
            "name": self.name,
            "realm": realm,
            "serviceName": app_id.to_string(),
            "issuer": format!("{app_id}@{realm}"),
            "allowedAudiences": audiences,
            "keys": self.certificates.iter().map(key).collect::<Vec<_>>(),
            "endpoints": self.location.map(endpoint).into_iter().collect::<Vec<_>>(),
        })
    }
}

/// Why a text is no metadata document.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotMetadata {
    /// Larger than [`DOCUMENT_BYTES_MAX`].
    #[error("it has {0} bytes, more than {DOCUMENT_BYTES_MAX}")]
    TooLarge(usize),
    /// Not JSON, or no object.
    #[error("it is not a JSON object{0}")]
    NotJson(String),
    /// `issuer` is missing or is not `appid[@realm]`.
    #[error("its `issuer` is missing or does not name an application")]
    NoIssuer,
    /// No certificate in it can be used.
    #[error("it has no signing key that can be used{0}")]
    NoKeys(String),
    /// More entries than [`KEYS_MAX`].
    #[error("it has more than {KEYS_MAX} keys")]
    TooManyKeys,
    /// Two token endpoints.
    #[error("it has two token endpoints")]
    TwoTokenEndpoints,
}

impl Metadata {
    /// Reads a document. A given `x5t` is ignored and computed anew: some publishers
    /// pad it, some leave it out.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotMetadata> {
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(NotMetadata::TooLarge(bytes.len()));
        }
        let Value::Object(document) =
            serde_json::from_slice(bytes).map_err(|error| NotMetadata::NotJson(format!(": {error}")))?
        else {
            return Err(NotMetadata::NotJson(String::new()));
        };
        let issuer: Principal =
            text(&document, "issuer").and_then(|issuer| issuer.parse().ok()).ok_or(NotMetadata::NoIssuer)?;
        let (keys, keys_skipped) = read_keys(&document)?;
        if keys.is_empty() {
            let why = keys_skipped.first().map_or_else(String::new, |error| format!(": {error}"));
            return Err(NotMetadata::NoKeys(why));
        }
        Ok(Self {
            realm: text(&document, "realm").map(str::to_owned).or_else(|| issuer.realm.clone()),
            service_name: text(&document, "serviceName").map(str::to_owned),
            name: text(&document, "name").map(str::to_owned),
            allowed_audiences: list(&document, "allowedAudiences")
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            token_endpoint: read_token_endpoint(&document)?,
            issuer,
            keys,
            keys_skipped,
        })
    }
}

type Keys = (Vec<(Vec<u8>, VerifyingKey)>, Vec<KeyError>);

fn read_keys(document: &Map<String, Value>) -> Result<Keys, NotMetadata> {
    let (mut keys, mut skipped) = (Vec::new(), Vec::new());
    for (index, entry) in list(document, "keys").enumerate() {
        if index == KEYS_MAX {
            return Err(NotMetadata::TooManyKeys);
        }
        let Value::Object(entry) = entry else { continue };
        // A usage other than signing is not for us.
        if text(entry, "usage").is_some_and(|usage| !usage.eq_ignore_ascii_case("signing")) {
            continue;
        }
        let Some(Value::Object(value)) = member(entry, "keyValue") else { continue };
        if text(value, "type").is_some_and(|kind| !kind.eq_ignore_ascii_case("x509Certificate")) {
            continue;
        }
        let der = text(value, "value").and_then(|value| STANDARD.decode(value).ok());
        match der.ok_or(KeyError::NotACertificate).and_then(|der| Ok((VerifyingKey::from_certificate(&der)?, der))) {
            Ok((key, der)) => keys.push((der, key)),
            Err(error) => skipped.push(error),
        }
    }
    Ok((keys, skipped))
}

fn read_token_endpoint(document: &Map<String, Value>) -> Result<Option<String>, NotMetadata> {
    let mut found = None;
    for endpoint in list(document, "endpoints") {
        let Value::Object(endpoint) = endpoint else { continue };
        let is = |name, value: &str| text(endpoint, name).is_some_and(|v| v.eq_ignore_ascii_case(value));
        if !(is("protocol", "OAuth2") && is("usage", "issuance")) {
            continue;
        }
        if found.is_some() {
            return Err(NotMetadata::TwoTokenEndpoints);
        }
        found = text(endpoint, "location").map(str::to_owned);
    }
    Ok(found)
}

/// A member by name without regard to case: Exchange writes `keyvalue`.
fn member<'d>(object: &'d Map<String, Value>, name: &str) -> Option<&'d Value> {
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn text<'d>(object: &'d Map<String, Value>, name: &str) -> Option<&'d str> {
    member(object, name).and_then(Value::as_str)
}

fn list<'d>(object: &'d Map<String, Value>, name: &str) -> impl Iterator<Item = &'d Value> {
    member(object, name).and_then(Value::as_array).into_iter().flatten()
}
