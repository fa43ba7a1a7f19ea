//! Who this server is when it signs: the metadata document in Exchange's dialect.

use actas_directory::well_known;
use actas_store::Error;
use actas_store::directory::Directory;
use actas_token::metadata::Publisher;
use axum::extract::Query;
use http::Uri;
use serde_json::Value;

use crate::config::MailboxConfig;

/// The longest name of a realm that is looked for.
const REALM_BYTES_MAX: usize = 255;

/// The document, if the server has an identity and speaks for the realm that is asked for.
///
/// It is told to everybody, so it holds the public half only. Of a server of several tenants
/// one asks with `?realm=`, as token services have it; without, the document is for any realm.
pub(crate) async fn document(directory: &Directory, config: &MailboxConfig, uri: &Uri) -> Result<Option<Value>, Error> {
    let Some(identity) = &config.identity else { return Ok(None) };
    let mut location = format!("{}metadata/json/1", config.autodiscover_url.trim_end_matches("autodiscover.svc"));
    let Ok(Query(asked)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else { return Ok(None) };
    let asked = asked.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("realm")).map(|(_, realm)| realm);
    let realm = if let Some(asked) = asked {
        let asked = asked.to_lowercase();
        if asked.len() > REALM_BYTES_MAX || directory.tenant_by_realm(&asked).await?.is_none() {
            return Ok(None);
        }
        // A GUID or a domain: nothing in it has to be encoded.
        location = format!("{location}?realm={asked}");
        asked
    } else {
        identity.realm.clone().unwrap_or_else(|| "*".to_owned())
    };
    let publisher = Publisher {
        app_id: well_known::EXCHANGE,
        realm: &realm,
        name: "Exchange",
        hosts: &config.hosts,
        certificates: &[&identity.certificate],
        location: Some(&location),
    };
    Ok(Some(publisher.document()))
}
