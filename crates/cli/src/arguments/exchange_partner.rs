//! `PartnerApplication`: the applications that may call the Exchange-like server.

use clap::{ArgGroup, Args, ValueEnum};
use uuid::Uuid;

use super::{
    change::{Change, Organization},
    value::{self, WebUrl},
};

/// Adds an application that may call the Exchange-like server
///
/// Either the token service vouches for it, and it is named by its application id; or it issues
/// its own tokens, and its metadata document says who it is. It may open no mailbox as itself before
/// a linked account or a permission is named, and send no act-as tokens of its own before
/// that is switched on.
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("proof").required(true).multiple(false).args(["application_identifier", "auth_metadata_url"]),
    after_help = NEW_EXAMPLES,
)]
pub(crate) struct New {
    /// Name of the partner application
    #[arg(value_parser = value::short_name)]
    pub(crate) name: String,

    /// Application id of a partner that the token service vouches for
    #[arg(long, value_name = "GUID", value_parser = value::guid, conflicts_with = "trust_any_ssl_certificate")]
    pub(crate) application_identifier: Option<Uuid>,

    /// Metadata document of a partner that issues its own tokens; it is fetched at once, and if it
    /// cannot be read nothing is created
    #[arg(long, value_name = "URL", value_parser = value::web_url)]
    pub(crate) auth_metadata_url: Option<WebUrl>,

    /// Realm of the token service's tokens: the tenant's, or empty for the same
    #[arg(long, conflicts_with = "auth_metadata_url")]
    pub(crate) realm: Option<String>,

    /// Whether the token service vouches for it, which follows from the parameters above
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) use_auth_server: Option<bool>,

    #[command(flatten)]
    pub(crate) rights: Rights,
    #[command(flatten)]
    pub(crate) organization: Organization,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// What an application may do.
#[derive(Args, Clone, Debug)]
pub(crate) struct Rights {
    /// User of the organisation whose rights the application has when it calls as itself, such as
    /// `account@contoso.example`; an empty text takes it away
    #[arg(long, value_name = "USER")]
    pub(crate) linked_account: Option<String>,

    /// What it may do as itself beside that: `full_access_as_app` opens every mailbox; an empty
    /// text takes it away
    #[arg(long, value_name = "PERMISSION", value_delimiter = ',')]
    pub(crate) app_only_permissions: Option<Vec<String>>,

    /// What it may do as a user, of what the user may: `EWS.AccessAsUser.All` or `Mail.Read`; an
    /// empty text takes all away
    #[arg(long, value_name = "PERMISSION", value_delimiter = ',')]
    pub(crate) act_as_permissions: Option<Vec<String>>,

    /// Whether act-as tokens that the application itself asserts are accepted; they are unsigned
    /// around a signed one, so only for whom needs it
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) app_asserted_act_as: Option<bool>,

    /// Whether act-as tokens that the token service signed are accepted
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) sts_issued_act_as: Option<bool>,

    /// Whether security identifiers (SIDs) are accepted as the identity of a user
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) accept_security_identifier_information: Option<bool>,

    /// As whom its issuer signs, `name@realm`: it is compared with what the trust says, and never set
    #[arg(long, value_name = "ISSUER")]
    pub(crate) issuer_identifier: Option<String>,

    /// Kind of accounts that it is for
    #[arg(long, value_name = "TYPE")]
    pub(crate) account_type: Option<AccountType>,

    /// Whether the partner is let in; `false` keeps the object and refuses it
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) enabled: Option<bool>,

    /// Refused: a metadata document says whose tokens open mailboxes
    #[arg(long)]
    pub(crate) trust_any_ssl_certificate: bool,
}

/// Shows the applications that may call the Exchange-like server
#[derive(Args, Clone, Debug)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    /// Name of the partner application [default: all]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    #[command(flatten)]
    pub(crate) organization: Organization,
}

/// Changes an application that may call the Exchange-like server
///
/// Its application id and realm stay: for others remove it and add it anew.
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("metadata").multiple(false).args(["auth_metadata_url", "refresh_auth_metadata"]),
    after_help = SET_EXAMPLES,
)]
pub(crate) struct Set {
    /// Name of the partner application; `-` reads objects with names, as `-Output json` prints
    /// them, from standard input
    #[arg(value_parser = value::name)]
    pub(crate) identity: String,

    /// New metadata document of a partner that issues its own tokens; it is fetched at once, and
    /// if it cannot be read nothing changes
    #[arg(long, value_name = "URL", value_parser = value::web_url)]
    pub(crate) auth_metadata_url: Option<WebUrl>,

    /// Fetch the metadata document now; a server that runs then fetches the keys anew as well
    #[arg(long, conflicts_with = "trust_any_ssl_certificate")]
    pub(crate) refresh_auth_metadata: bool,

    /// New name
    #[arg(long, value_parser = value::short_name)]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) rights: Rights,
    #[command(flatten)]
    pub(crate) organization: Organization,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Removes an application from those that may call the Exchange-like server
#[derive(Args, Clone, Debug)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(crate) struct Remove {
    /// Name of the partner application; `-` reads objects with names from standard input
    #[arg(value_parser = value::name)]
    pub(crate) identity: String,

    #[command(flatten)]
    pub(crate) organization: Organization,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Kind of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum AccountType {
    /// Accounts of an organisation
    OrganizationalAccount,
    /// Accounts of consumers, of which there are none here
    ConsumerAccount,
}

const NEW_EXAMPLES: &str = "\
Examples:
  Let in a server that issues its own tokens, and delivers into mailboxes as their users:
    actas New-PartnerApplication Lync -AuthMetadataUrl https://pool.contoso.example/metadata/json/1 -AppAssertedActAs $true
  Let in an application of the cloud, with the rights of an account:
    actas New-PartnerApplication archive -ApplicationIdentifier 5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11 -LinkedAccount archive@contoso.example
  The same in kebab style:
    actas new-partner-application archive --application-identifier 5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11 --linked-account archive@contoso.example";

const GET_EXAMPLES: &str = "\
Examples:
  Show all applications that may call:
    actas Get-PartnerApplication
  Show one as JSON:
    actas Get-PartnerApplication Lync -Output json
  The same in kebab style:
    actas get-partner-application Lync --output json";

const SET_EXAMPLES: &str = "\
Examples:
  Refuse a partner for a while and let it in again:
    actas Set-PartnerApplication Lync -Enabled false
    actas Set-PartnerApplication Lync -Enabled true
  Let it read as a user, and no more:
    actas Set-PartnerApplication Lync -ActAsPermissions Mail.Read
  Have its keys fetched anew, now, in kebab style:
    actas set-partner-application Lync --refresh-auth-metadata";

const REMOVE_EXAMPLES: &str = "\
Examples:
  See what would be removed, then remove it:
    actas Remove-PartnerApplication Lync -WhatIf
    actas Remove-PartnerApplication Lync
  The same in kebab style:
    actas remove-partner-application Lync --what-if";
