//! `CsOAuthServer`: the token servers that this organisation trusts.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{
    change::{Change, Tenant},
    value::{self, WebUrl},
};

/// Adds a token server to those that are trusted
#[derive(Args, Clone, Debug)]
#[command(after_help = NEW_EXAMPLES)]
pub(crate) struct New {
    /// Name of the token server, such as `microsoft.sts`
    #[arg(value_parser = value::new_name)]
    pub(crate) identity: String,

    /// Metadata document of the token server; it is fetched at once, and if it cannot be read
    /// nothing is created
    #[arg(long, value_name = "URL", value_parser = value::metadata_url)]
    pub(crate) metadata_url: WebUrl,

    /// Realm in which its tokens hold [default: the realm in the metadata]
    #[arg(long)]
    pub(crate) realm: Option<String>,

    /// Kind of token server [default: what the metadata shows]; one that people sign in at has
    /// federation metadata or an OpenID configuration, and takes no part in the trust between
    /// servers
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<ServerType>,

    /// Address to which clients are sent to sign in, in place of the one in the metadata
    #[arg(long, value_name = "URL")]
    pub(crate) authorization_uri_override: Option<String>,

    /// Whether security identifiers (SIDs) are accepted as the identity of a user [default: false]
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) accept_security_identifier_information: Option<bool>,

    /// Show the object that would be created, and keep nothing
    #[arg(long)]
    pub(crate) in_memory: bool,

    #[command(flatten)]
    pub(crate) tenant: Tenant,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Shows the token servers that are trusted
#[derive(Args, Clone, Debug)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    /// Name of the token server [default: all]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    /// Show those whose name matches, with `*` and `?`
    #[arg(long, value_name = "PATTERN", conflicts_with = "identity")]
    pub(crate) filter: Option<String>,

    /// Read this node's own copy of the settings
    #[arg(long)]
    pub(crate) local_store: bool,

    #[command(flatten)]
    pub(crate) tenant: Tenant,
}

/// Changes a token server
///
/// For another realm remove it and add it anew.
#[derive(Args, Clone, Debug)]
#[command(after_help = SET_EXAMPLES)]
pub(crate) struct Set {
    /// Name of the token server
    #[arg(value_parser = value::name, required_unless_present = "instance")]
    pub(crate) identity: Option<String>,

    /// Whole objects as `-Output json` prints them, perhaps changed, in place of single values: a
    /// file, or `-` for standard input; what is not there yet is made
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["identity", "metadata_url", "kind", "authorization_uri_override", "accept_security_identifier_information"])]
    pub(crate) instance: Option<PathBuf>,

    /// New metadata document; it is fetched at once, and if it cannot be read nothing changes
    #[arg(long, value_name = "URL", value_parser = value::metadata_url)]
    pub(crate) metadata_url: Option<WebUrl>,

    /// Kind of token server, of those that people sign in at
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<ServerType>,

    /// Address to which clients are sent to sign in; an empty text takes it away
    #[arg(long, value_name = "URL")]
    pub(crate) authorization_uri_override: Option<String>,

    /// Whether security identifiers (SIDs) are accepted as the identity of a user
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) accept_security_identifier_information: Option<bool>,

    #[command(flatten)]
    pub(crate) tenant: Tenant,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Removes a token server
///
/// Partner applications that use it are refused until it is back.
#[derive(Args, Clone, Debug)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(crate) struct Remove {
    /// Name of the token server; `-` reads objects, as `-Output json` prints them, from standard
    /// input
    #[arg(value_parser = value::name)]
    pub(crate) identity: String,

    #[command(flatten)]
    pub(crate) tenant: Tenant,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Kind of token server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServerType {
    /// The cloud's access control service
    #[value(name = "Acs")]
    Acs,
    /// Active Directory Federation Services, for clients that sign in
    #[value(name = "ADFS")]
    Adfs,
    /// The cloud's directory, for clients that sign in
    #[value(name = "AzureAD")]
    AzureAd,
}

const NEW_EXAMPLES: &str = "\
Examples:
  Trust the token service of the cloud; the GUID is the TenantId of `actas Get-CsTenant`:
    actas New-CsOAuthServer microsoft.sts -MetadataUrl https://accounts.accesscontrol.windows.net/5588b4fd-9c4a-4a52-9a86-1d3b4d1f4a0e/metadata/json/1
  The same in kebab style:
    actas new-cs-oauth-server microsoft.sts --metadata-url https://accounts.accesscontrol.windows.net/5588b4fd-9c4a-4a52-9a86-1d3b4d1f4a0e/metadata/json/1
  Let clients sign in at the cloud's directory:
    actas New-CsOAuthServer evoSTS -MetadataUrl https://login.windows.net/common/FederationMetadata/2007-06/FederationMetadata.xml -Type AzureAD -AcceptSecurityIdentifierInformation true
    actas Set-CsOAuthConfiguration -ClientAuthorizationOAuthServerIdentity evoSTS
  See what its metadata says, and store it afterwards:
    actas New-CsOAuthServer microsoft.sts -MetadataUrl https://sts.fabrikam.example/metadata/json/1 -InMemory -Output json > sts.json
    actas Set-CsOAuthServer -Instance sts.json";

const GET_EXAMPLES: &str = "\
Examples:
  Show all token servers:
    actas Get-CsOAuthServer
  Show one as JSON:
    actas Get-CsOAuthServer microsoft.sts -Output json
  The same in kebab style:
    actas get-cs-oauth-server microsoft.sts --output json";

const SET_EXAMPLES: &str = "\
Examples:
  Follow a token server to its new address:
    actas Set-CsOAuthServer microsoft.sts -MetadataUrl https://sts.fabrikam.example/metadata/json/1
  The same in kebab style:
    actas set-cs-oauth-server microsoft.sts --metadata-url https://sts.fabrikam.example/metadata/json/1
  Change an object on its way through a pipe:
    actas Get-CsOAuthServer microsoft.sts -Output json | jq '.[0].AcceptSecurityIdentifierInformation = true' | actas Set-CsOAuthServer -Instance -";

const REMOVE_EXAMPLES: &str = "\
Examples:
  See what would be removed, then remove it:
    actas Remove-CsOAuthServer microsoft.sts -WhatIf
    actas Remove-CsOAuthServer microsoft.sts
  The same in kebab style:
    actas remove-cs-oauth-server microsoft.sts --what-if";
