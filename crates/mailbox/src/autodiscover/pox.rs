//! The older form without SOAP.

use actas_directory::TenantId;
use actas_exchange::autodiscover::{POX_RESPONSE_SCHEMA, PoxError, PoxRequest, PoxResponse, PoxSettings};
use actas_store::Error;
use actas_store::directory::Directory;
use jiff::Timestamp;

use super::{Whereabouts, find, legacy_dn};
use crate::config::MailboxConfig;

/// The answer about one user. Whoever is not a user of this tenant is not told apart from nobody.
pub(crate) async fn answer(
    directory: &Directory,
    config: &MailboxConfig,
    tenant: TenantId,
    request: &PoxRequest,
    now: Timestamp,
) -> Result<PoxResponse, Error> {
    if request.acceptable_schema != POX_RESPONSE_SCHEMA {
        return Ok(error(601, "Provider is not available.", now));
    }
    // Our older names hold ids, not addresses: who has one has been told the address, too.
    let (None, Some(address)) = (&request.legacy_dn, &request.address) else {
        return Ok(error(500, "The e-mail address cannot be found.", now));
    };
    Ok(match find(directory, config, tenant, address).await? {
        Whereabouts::Here(user) => PoxResponse::Settings(PoxSettings {
            display_name: user.display_name.clone(),
            legacy_dn: legacy_dn(&user),
            address: user.primary_smtp().unwrap_or(address).to_owned(),
            deployment_id: user.tenant.to_string(),
            ews_url: config.ews_url.clone(),
        }),
        Whereabouts::Address(address) => PoxResponse::RedirectAddress(address),
        Whereabouts::Url(url) => PoxResponse::RedirectUrl(match url.strip_suffix(".svc") {
            Some(stem) => format!("{stem}.xml"),
            None => url,
        }),
        Whereabouts::Nowhere => error(500, "The e-mail address cannot be found.", now),
    })
}

/// The answer to what is no request.
pub(crate) fn invalid(now: Timestamp) -> PoxResponse {
    error(600, "Invalid Request", now)
}

fn error(code: u16, message: &str, now: Timestamp) -> PoxResponse {
    let time = now.strftime("%H:%M:%S.%6f").to_string();
    PoxResponse::Error(PoxError { code, message: message.to_owned(), time })
}
