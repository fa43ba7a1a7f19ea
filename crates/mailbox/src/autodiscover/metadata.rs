//! Who this server is when it signs: the metadata document in Exchange's dialect.

use actas_directory::well_known;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::config::MailboxConfig;

/// The document, if the server has an identity.
///
/// It holds the public half only, and nothing of a tenant: it is told to everybody.
pub(crate) fn document(config: &MailboxConfig) -> Option<Value> {
    let identity = config.identity.as_ref()?;
    let realm = &identity.realm;
    let exchange = well_known::EXCHANGE;
    let audiences: Vec<String> = std::iter::once(format!("{exchange}@{realm}"))
        .chain(config.hosts.iter().map(|host| format!("{exchange}/{host}@{realm}")))
        .collect();
    let location = config.autodiscover_url.trim_end_matches("autodiscover.svc");
    Some(json!({
        "id": format!("_{exchange}"),
        "version": "1.0",
        "name": "Exchange",
        "realm": realm,
        "serviceName": exchange.to_string(),
        "issuer": format!("{exchange}@{realm}"),
        "allowedAudiences": audiences,
        "keys": [{
            "usage": "signing",
            "keyinfo": { "x5t": actas_token::key::x5t(&identity.certificate) },
            "keyvalue": { "type": "x509Certificate", "value": STANDARD.encode(&identity.certificate) },
        }],
        "endpoints": [{
            "location": format!("{location}metadata/json/1"),
            "protocol": "OAuth2",
            "usage": "metadata",
        }],
    }))
}
