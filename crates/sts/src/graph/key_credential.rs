//! `keyCredential` over the wire, both ways.

use actas_directory::credential::KeyCredentialRequest;
use actas_directory::{KeyCredential, KeyKind, KeyUsage, PasswordCredential};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::GraphError;

/// As clients send it. Members that we make ourselves, such as `@odata.type`, are
/// ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    key_id: Option<Uuid>,
    key: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    usage: Option<String>,
    start_date_time: Option<Timestamp>,
    end_date_time: Option<Timestamp>,
    custom_key_identifier: Option<String>,
    display_name: Option<String>,
}

/// The collection that a PATCH replaces.
pub(super) fn read_all(value: &Value) -> Result<Vec<KeyCredentialRequest>, GraphError> {
    let wrong =
        |why: String| GraphError::bad_request(format!("Invalid value specified for property 'keyCredentials': {why}."));
    let Value::Array(items) = value else { return Err(wrong("it is not an array".to_owned())) };
    items.iter().map(|item| read(item).map_err(wrong)).collect()
}

/// One credential; the error says what is wrong with it.
pub(super) fn read(item: &Value) -> Result<KeyCredentialRequest, String> {
    let wire = Wire::deserialize(item).map_err(|error| error.to_string())?;
    let kind = match wire.kind.as_deref() {
        None => None,
        Some("AsymmetricX509Cert") => Some(KeyKind::AsymmetricX509Cert),
        Some("Symmetric") => Some(KeyKind::Symmetric),
        Some("X509CertAndPassword") => Some(KeyKind::X509CertAndPassword),
        Some(other) => return Err(format!("the type '{other}' is not supported")),
    };
    let usage = match wire.usage.as_deref() {
        None => None,
        Some("Verify") => Some(KeyUsage::Verify),
        Some("Sign") => Some(KeyUsage::Sign),
        Some(other) => return Err(format!("the usage '{other}' is not supported")),
    };
    let decode = |text: String| STANDARD.decode(text).map_err(|_| "the key is not standard base64".to_owned());
    Ok(KeyCredentialRequest {
        key_id: wire.key_id,
        key: wire.key.filter(|key| !key.is_empty()).map(decode).transpose()?,
        kind,
        usage,
        start: wire.start_date_time,
        end: wire.end_date_time,
        custom_key_identifier: wire.custom_key_identifier,
        display_name: wire.display_name,
    })
}

/// As we answer. The key itself only where Graph gives it: `$select=keyCredentials` on
/// a single object, and never a shared one.
pub(super) fn to_json(credential: &KeyCredential, with_key: bool) -> Value {
    let shown = with_key && credential.kind == KeyKind::AsymmetricX509Cert;
    json!({
        "customKeyIdentifier": credential.custom_key_identifier,
        "displayName": credential.display_name,
        "endDateTime": wire_time(credential.end),
        "key": shown.then(|| STANDARD.encode(&credential.key)),
        "keyId": credential.key_id.to_string(),
        "startDateTime": wire_time(credential.start),
        "type": credential.kind.as_str(),
        "usage": credential.usage.as_str(),
    })
}

/// A secret's entry; the secret was shown once, when it was made.
pub(super) fn password_to_json(credential: &PasswordCredential) -> Value {
    json!({
        "customKeyIdentifier": null,
        "displayName": credential.display_name,
        "endDateTime": wire_time(credential.end),
        "hint": credential.hint,
        "keyId": credential.key_id.to_string(),
        "secretText": null,
        "startDateTime": wire_time(credential.start),
    })
}

pub(super) fn wire_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
