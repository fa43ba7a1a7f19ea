//! `CsOAuthConfiguration`: the one object `global` with what this
//! organisation is called and where its mailboxes are found.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{
    change::{Change, Tenant},
    value::{self, ClearableUrl},
};

/// Shows how this organisation takes part in the trust
#[derive(Args, Clone, Debug)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    /// Only `global` exists [default: global]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    /// Show it if its name matches, with `*` and `?`
    #[arg(long, value_name = "PATTERN", conflicts_with = "identity")]
    pub(crate) filter: Option<String>,

    /// Read this node's own copy of the settings
    #[arg(long)]
    pub(crate) local_store: bool,

    #[command(flatten)]
    pub(crate) tenant: Tenant,
}

/// Changes how this organisation takes part in the trust
///
/// What is not named stays as it is.
#[derive(Args, Clone, Debug)]
#[command(after_help = SET_EXAMPLES)]
pub(crate) struct Set {
    /// Only `global` exists [default: global]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    /// The whole object as `-Output json` prints it, perhaps changed, in place of single values: a
    /// file, or `-` for standard input
    #[arg(long, value_name = "FILE|-", conflicts_with_all = [
        "identity", "exchange_autodiscover_url", "exchange_autodiscover_allowed_domains", "service_name", "realm",
        "client_authorization_oauth_server_identity", "client_adal_auth_override", "alternate_audience_url",
        "additional_audience_urls",
    ])]
    pub(crate) instance: Option<PathBuf>,

    /// Address of the Autodiscover service, the one that ends in `autodiscover.svc`; an empty text
    /// takes it away
    #[arg(long, value_name = "URL", value_parser = value::clearable_url)]
    pub(crate) exchange_autodiscover_url: Option<ClearableUrl>,

    /// Hosts to which Autodiscover may redirect, with `*`, separated by `;`, such as
    /// `*.contoso.example;*.outlook.com`
    #[arg(long, value_name = "DOMAINS")]
    pub(crate) exchange_autodiscover_allowed_domains: Option<String>,

    /// This organisation's own application id; with the cloud it is
    /// `00000004-0000-0ff1-ce00-000000000000`
    #[arg(long, value_name = "GUID")]
    pub(crate) service_name: Option<String>,

    /// Realm of this organisation [default: the first SIP domain]
    #[arg(long)]
    pub(crate) realm: Option<String>,

    /// Token server at which clients sign in; takes no part in the trust between servers; an empty
    /// text takes it away
    #[arg(long, value_name = "NAME")]
    pub(crate) client_authorization_oauth_server_identity: Option<String>,

    /// Whether clients may sign in with modern authentication
    #[arg(long, value_name = "OVERRIDE")]
    pub(crate) client_adal_auth_override: Option<AdalOverride>,

    /// Reserved for the vendor
    #[arg(long, value_name = "URL")]
    pub(crate) alternate_audience_url: Option<String>,

    /// Reserved for the vendor
    #[arg(long, value_name = "URLS")]
    pub(crate) additional_audience_urls: Option<String>,

    #[command(flatten)]
    pub(crate) tenant: Tenant,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Whether clients may sign in with modern authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum AdalOverride {
    /// As everywhere
    NoOverride,
    /// They may
    Allowed,
    /// They may not
    Disallowed,
}

const GET_EXAMPLES: &str = "\
Examples:
  Show the configuration:
    actas Get-CsOAuthConfiguration
  The same as JSON, in kebab style:
    actas get-cs-oauth-configuration --output json";

const SET_EXAMPLES: &str = "\
Examples:
  Look for mailboxes in the cloud, and present this organisation as its own application:
    actas Set-CsOAuthConfiguration -ExchangeAutodiscoverUrl https://autodiscover-s.outlook.com/autodiscover/autodiscover.svc -ServiceName 00000004-0000-0ff1-ce00-000000000000
  The same in kebab style:
    actas set-cs-oauth-configuration --exchange-autodiscover-url https://autodiscover-s.outlook.com/autodiscover/autodiscover.svc --service-name 00000004-0000-0ff1-ce00-000000000000
  Follow redirects to the cloud (quoted, since a shell reads `*` and `;` itself):
    actas Set-CsOAuthConfiguration -ExchangeAutodiscoverAllowedDomains '*.contoso.example;*.outlook.com'
  Keep the configuration in a file, and bring it back:
    actas Get-CsOAuthConfiguration -Output json > oauth.json
    actas Set-CsOAuthConfiguration -Instance oauth.json";
