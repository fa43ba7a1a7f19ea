//! `AuthServer`: the token services that the Exchange-like server trusts.

use clap::{ArgGroup, Args, ValueEnum};
use uuid::Uuid;

use super::{
    change::{Change, Organization},
    value::{self, WebUrl},
};

/// Adds a token service to those that the Exchange-like server trusts
#[derive(Args, Clone, Debug)]
#[command(after_help = NEW_EXAMPLES)]
pub(crate) struct New {
    /// Name of the token service, such as `MicrosoftACS`
    #[arg(value_parser = value::short_name)]
    pub(crate) name: String,

    /// Metadata document of the token service; it is fetched at once, and if it cannot be read
    /// nothing is created
    #[arg(long, value_name = "URL", value_parser = value::web_url)]
    pub(crate) auth_metadata_url: WebUrl,

    /// Kind of token service
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value_t)]
    pub(crate) kind: ServerType,

    #[command(flatten)]
    pub(crate) notes: Notes,
    #[command(flatten)]
    pub(crate) organization: Organization,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// What is noted of a token service, whoever adds or changes it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Notes {
    /// Application as which Exchange is known there; it is noted, and decides nothing here
    #[arg(long, value_name = "GUID", value_parser = value::guid)]
    pub(crate) application_identifier: Option<Uuid>,

    /// Domains to note with it; an empty text takes them away
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    pub(crate) domain_name: Option<Vec<String>>,

    /// Whether its tokens are believed; `false` keeps the object and refuses them [default: true]
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) enabled: Option<bool>,

    /// Taken, and without effect: the server calls no Graph by a trust of this kind
    #[arg(long, value_name = "URL", value_parser = value::web_url)]
    pub(crate) graph_base_url: Option<WebUrl>,

    /// Refused: a metadata document says whose tokens open mailboxes
    #[arg(long)]
    pub(crate) trust_any_ssl_certificate: bool,
}

/// Shows the token services that the Exchange-like server trusts
#[derive(Args, Clone, Debug)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    /// Name of the token service [default: all]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    #[command(flatten)]
    pub(crate) organization: Organization,
}

/// Changes a token service that the Exchange-like server trusts
///
/// Its application id and realm stay: for others remove it and add it anew.
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("metadata").multiple(false).args(["auth_metadata_url", "refresh_auth_metadata"]),
    after_help = SET_EXAMPLES,
)]
pub(crate) struct Set {
    /// Name of the token service; `-` reads objects with names, as `-Output json` prints them,
    /// from standard input
    #[arg(value_parser = value::name)]
    pub(crate) identity: String,

    /// New metadata document; it is fetched at once, and if it cannot be read nothing changes
    #[arg(long, value_name = "URL", value_parser = value::web_url)]
    pub(crate) auth_metadata_url: Option<WebUrl>,

    /// Fetch the metadata document now; a server that runs then fetches the keys anew as well
    #[arg(long, conflicts_with_all = ["application_identifier", "graph_base_url", "trust_any_ssl_certificate"])]
    pub(crate) refresh_auth_metadata: bool,

    /// New name
    #[arg(long, value_parser = value::short_name)]
    pub(crate) name: Option<String>,

    /// Whether people are to sign in there; it is noted, and decides nothing here
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) is_default_authorization_endpoint: Option<bool>,

    #[command(flatten)]
    pub(crate) notes: Notes,
    #[command(flatten)]
    pub(crate) organization: Organization,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Removes a token service from those that the Exchange-like server trusts
#[derive(Args, Clone, Debug)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(crate) struct Remove {
    /// Name of the token service; `-` reads objects with names from standard input
    #[arg(value_parser = value::name)]
    pub(crate) identity: String,

    #[command(flatten)]
    pub(crate) organization: Organization,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Kind of token service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServerType {
    /// Its metadata is the document `…/metadata/json/1`
    #[default]
    #[value(name = "MicrosoftACS")]
    MicrosoftAcs,
    /// Its metadata is the document `…/.well-known/openid-configuration`
    #[value(name = "AzureAD")]
    AzureAd,
}

const NEW_EXAMPLES: &str = "\
Examples:
  Trust the cloud's token service, in both of its dialects:
    actas New-AuthServer MicrosoftACS -AuthMetadataUrl https://accounts.accesscontrol.windows.net/5588b4fd-9c4a-4a52-9a86-1d3b4d1f4a0e/metadata/json/1
    actas New-AuthServer evoSTS -Type AzureAD -AuthMetadataUrl https://login.cloud.example/5588b4fd-9c4a-4a52-9a86-1d3b4d1f4a0e/.well-known/openid-configuration
  The same in kebab style:
    actas new-auth-server MicrosoftACS --auth-metadata-url https://accounts.accesscontrol.windows.net/5588b4fd-9c4a-4a52-9a86-1d3b4d1f4a0e/metadata/json/1";

const GET_EXAMPLES: &str = "\
Examples:
  Show all token services that are trusted:
    actas Get-AuthServer
  Show one as JSON:
    actas Get-AuthServer MicrosoftACS -Output json
  The same in kebab style:
    actas get-auth-server MicrosoftACS --output json";

const SET_EXAMPLES: &str = "\
Examples:
  Have the keys fetched anew, now:
    actas Set-AuthServer MicrosoftACS -RefreshAuthMetadata
  Believe none of them for a while:
    actas Get-AuthServer -Output json | actas Set-AuthServer - -Enabled false
  In kebab style:
    actas set-auth-server MicrosoftACS --refresh-auth-metadata";

const REMOVE_EXAMPLES: &str = "\
Examples:
  See what would be removed, then remove it:
    actas Remove-AuthServer MicrosoftACS -WhatIf
    actas Remove-AuthServer MicrosoftACS
  The same in kebab style:
    actas remove-auth-server MicrosoftACS --what-if";
