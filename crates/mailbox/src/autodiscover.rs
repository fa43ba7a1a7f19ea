//! Autodiscover: what is told about the users of one tenant.
//!
//! | module | holds |
//! |---|---|
//! | here | where a user's mailbox is, and `GetUserSettings` |
//! | `json` | the form without credentials, which tells of domains only |
//! | `metadata` | who this server is when it signs |
//! | `pox` | the older form without SOAP |

pub(crate) mod json;
pub(crate) mod metadata;
pub(crate) mod pox;

use actas_directory::{TenantId, User, UserKey};
use actas_exchange::SmtpAddress;
use actas_exchange::autodiscover::{
    ErrorCode, GetUserSettingsRequest, GetUserSettingsResponse, SettingError, UserResponse, UserSetting, setting,
};
use actas_store::Error;
use actas_store::directory::Directory;

use crate::config::{Elsewhere, MailboxConfig};
use crate::redirect::without_default_port;

/// Where a user's mailbox is.
enum Whereabouts {
    Here(Box<User>),
    /// At the address or URL that is to be asked next.
    Address(String),
    Url(String),
    /// There is none.
    Nowhere,
}

/// Every user in turn. Whoever is not a user with a mailbox in this tenant is the same
/// invalid user, whether somebody else's or nobody's.
pub(crate) async fn answer(
    directory: &Directory,
    config: &MailboxConfig,
    tenant: TenantId,
    request: &GetUserSettingsRequest,
) -> Result<GetUserSettingsResponse, Error> {
    let mut users = Vec::with_capacity(request.users.len());
    for address in &request.users {
        users.push(match find(directory, config, tenant, address).await? {
            Whereabouts::Here(user) => tell(config, &user, &request.settings),
            Whereabouts::Address(address) => UserResponse::redirected(ErrorCode::RedirectAddress, address),
            Whereabouts::Url(url) => UserResponse::redirected(ErrorCode::RedirectUrl, url),
            Whereabouts::Nowhere => UserResponse::refused(ErrorCode::InvalidUser, "Invalid user."),
        });
    }
    Ok(GetUserSettingsResponse::new(users))
}

/// A mailbox here comes first: a domain can be in both places while its mailboxes move.
async fn find(
    directory: &Directory,
    config: &MailboxConfig,
    tenant: TenantId,
    address: &str,
) -> Result<Whereabouts, Error> {
    let Ok(address) = address.parse::<SmtpAddress>() else {
        return Ok(Whereabouts::Nowhere);
    };
    let found = directory.users_by_key(tenant, &UserKey::Smtp(address.lower().to_owned())).await?;
    if let Ok([user]) = <[User; 1]>::try_from(found)
        && user.enabled
        && user.mailbox
    {
        return Ok(Whereabouts::Here(Box::new(user)));
    }
    Ok(match config.elsewhere.get(address.domain()) {
        Some(Elsewhere::Domain(domain)) => Whereabouts::Address(format!("{}@{domain}", address.local_part())),
        Some(Elsewhere::Url(url)) => Whereabouts::Url(without_default_port(url)),
        None => Whereabouts::Nowhere,
    })
}

/// Only what was asked for: exchangelib fails on a name that it does not know.
fn tell(config: &MailboxConfig, user: &User, asked: &[String]) -> UserResponse {
    let (mut settings, mut errors) = (Vec::new(), Vec::new());
    for name in asked {
        match value(config, user, name) {
            Some(value) => settings.push(UserSetting::new(name, value)),
            None => errors.push(SettingError::not_available(name)),
        }
    }
    UserResponse::new(settings, errors)
}

fn value(config: &MailboxConfig, user: &User, name: &str) -> Option<String> {
    match name {
        setting::EXTERNAL_EWS_URL | setting::INTERNAL_EWS_URL | setting::EWS_PARTNER_URL => {
            Some(config.ews_url.clone())
        }
        setting::EWS_SUPPORTED_SCHEMAS => Some(SCHEMAS.to_owned()),
        setting::CAS_VERSION | setting::EXTERNAL_EWS_VERSION => Some(VERSION.to_owned()),
        setting::USER_DISPLAY_NAME => Some(user.display_name.clone()),
        setting::USER_DN => Some(legacy_dn(user)),
        setting::MAILBOX_DN => Some(format!("{}/cn=Mailbox", legacy_dn(user))),
        setting::USER_DEPLOYMENT_ID => Some(user.tenant.to_string()),
        setting::AUTODISCOVER_SMTP_ADDRESS => user.primary_smtp().map(str::to_owned),
        _ => None,
    }
}

/// The lexicographically greatest entry has to be a version that exchangelib knows.
const SCHEMAS: &str = "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, Exchange2010_SP2, \
                       Exchange2013, Exchange2013_SP1, Exchange2015, Exchange2016";
/// The version that EWS tells in its headers, in the form of `CasVersion`.
const VERSION: &str = "15.02.1544.004";

fn legacy_dn(user: &User) -> String {
    format!("/o={}/ou=Exchange Administrative Group/cn=Recipients/cn={}", user.tenant, user.id.simple())
}
