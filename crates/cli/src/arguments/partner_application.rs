//! `CsPartnerApplication`: the other server products that are trusted.

use std::path::PathBuf;

use clap::{ArgGroup, ArgMatches, Args, FromArgMatches, Id, ValueEnum, error::ErrorKind};
use uuid::Uuid;

use super::{
    change::{Change, Tenant},
    value::{self, WebUrl},
};

/// Adds a server product that is trusted as a partner
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("proof").required(true).multiple(false).args(PROOFS),
    group = ArgGroup::new("certificate").multiple(true).args(CERTIFICATES).requires("realm"),
    after_help = NEW_EXAMPLES,
)]
pub(crate) struct New {
    /// Name of the partner application, such as `microsoft.exchange`
    #[arg(value_parser = value::new_name)]
    pub(crate) identity: String,

    /// Application id of the partner; Exchange is `00000002-0000-0ff1-ce00-000000000000`; not
    /// with `--metadata-url`, whose document names it
    #[arg(
        long,
        value_name = "GUID",
        value_parser = value::guid,
        required_unless_present = "metadata_url",
        conflicts_with = "metadata_url",
    )]
    pub(crate) application_identifier: Option<Uuid>,

    /// What the partner may do: `Full` acts as itself and as any user, `Application` as itself,
    /// `User` for a user who consented
    #[arg(long, value_name = "LEVEL")]
    pub(crate) application_trust_level: TrustLevel,

    #[command(flatten)]
    pub(crate) proof: Proof,

    /// Realm of the partner; must be given with a certificate
    #[arg(long, conflicts_with = "metadata_url")]
    pub(crate) realm: Option<String>,

    /// Whether security identifiers (SIDs) are accepted as the identity of a user [default: false]
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) accept_security_identifier_information: Option<bool>,

    /// Whether the partner is let in; `false` keeps the object and refuses it [default: true]
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) enabled: Option<bool>,

    /// Show the object that would be created, and keep nothing
    #[arg(long)]
    pub(crate) in_memory: bool,

    #[command(flatten)]
    pub(crate) tenant: Tenant,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Shows the partner applications
#[derive(Args, Clone, Debug)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    /// Name of the partner application [default: all]
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

/// Changes a partner application
///
/// For another application id or realm remove it and add it anew.
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("proof").multiple(false).args(PROOFS),
    after_help = SET_EXAMPLES,
)]
pub(crate) struct Set {
    /// Name of the partner application
    #[arg(value_parser = value::name, required_unless_present = "instance")]
    pub(crate) identity: Option<String>,

    /// Whole objects as `-Output json` prints them, perhaps changed, in place of single values: a
    /// file, or `-` for standard input; what is not there yet is made
    #[arg(long, value_name = "FILE|-", conflicts_with_all = [
        "identity", "application_trust_level", "enabled", "accept_security_identifier_information", "proof",
    ])]
    pub(crate) instance: Option<PathBuf>,

    /// What the partner may do: `Full` acts as itself and as any user, `Application` as itself,
    /// `User` for a user who consented
    #[arg(long, value_name = "LEVEL")]
    pub(crate) application_trust_level: Option<TrustLevel>,

    /// Whether the partner is let in; `false` keeps the object and refuses it
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) enabled: Option<bool>,

    /// Whether security identifiers (SIDs) are accepted as the identity of a user
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) accept_security_identifier_information: Option<bool>,

    #[command(flatten)]
    pub(crate) proof: Option<Proof>,

    #[command(flatten)]
    pub(crate) tenant: Tenant,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Removes a partner application
#[derive(Args, Clone, Debug)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(crate) struct Remove {
    /// Name of the partner application; `-` reads objects, as `-Output json` prints them, from
    /// standard input
    #[arg(value_parser = value::name)]
    pub(crate) identity: String,

    #[command(flatten)]
    pub(crate) tenant: Tenant,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// What a partner may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum TrustLevel {
    /// Act as itself, and as any user of the realm
    Full,
    /// Act as itself; for a user only with consent
    Application,
    /// Act for a user with consent, never as itself
    User,
}

/// By what a partner proves who it is: exactly one of four.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Tokens of the token server that is configured.
    OAuthServer,
    /// The partner's own metadata document.
    MetadataUrl(WebUrl),
    /// A file that holds its certificate.
    CertificateFile(PathBuf),
    /// Its certificate in Base64.
    CertificateRaw(String),
}

impl Args for Proof {
    fn group_id() -> Option<Id> {
        ProofArguments::group_id()
    }

    fn augment_args(command: clap::Command) -> clap::Command {
        ProofArguments::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        ProofArguments::augment_args_for_update(command)
    }
}

impl FromArgMatches for Proof {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let arguments = ProofArguments::from_arg_matches(matches)?;
        let given = arguments
            .use_oauth_server
            .then_some(Self::OAuthServer)
            .or(arguments.metadata_url.map(Self::MetadataUrl))
            .or(arguments.certificate_file_data.map(Self::CertificateFile))
            .or(arguments.certificate_raw_data.map(Self::CertificateRaw));
        given.ok_or_else(|| clap::Error::new(ErrorKind::MissingRequiredArgument))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Args, Clone, Debug)]
struct ProofArguments {
    /// The partner is a cloud service: its tokens come from the token server that is configured
    #[arg(long)]
    use_oauth_server: bool,

    /// Metadata document of a partner that issues its own tokens
    #[arg(long, value_name = "URL", value_parser = value::web_url)]
    metadata_url: Option<WebUrl>,

    /// File that holds the certificate of the partner
    #[arg(long, value_name = "FILE")]
    certificate_file_data: Option<PathBuf>,

    /// Certificate of the partner in Base64
    #[arg(long, value_name = "BASE64")]
    certificate_raw_data: Option<String>,
}

const PROOFS: [&str; 4] = ["use_oauth_server", "metadata_url", "certificate_file_data", "certificate_raw_data"];

const CERTIFICATES: [&str; 2] = ["certificate_file_data", "certificate_raw_data"];

const NEW_EXAMPLES: &str = "\
Examples:
  Trust Exchange in the cloud:
    actas New-CsPartnerApplication microsoft.exchange -ApplicationIdentifier 00000002-0000-0ff1-ce00-000000000000 -ApplicationTrustLevel Full -UseOAuthServer
  The same in kebab style:
    actas new-cs-partner-application microsoft.exchange --application-identifier 00000002-0000-0ff1-ce00-000000000000 --application-trust-level full --use-oauth-server
  Trust an Exchange server on premises, which issues its own tokens:
    actas New-CsPartnerApplication Exchange -MetadataUrl https://autodiscover.contoso.example/autodiscover/metadata/json/1 -ApplicationTrustLevel Full
  Trust a server by its certificate:
    actas New-CsPartnerApplication archive -ApplicationIdentifier 5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11 -ApplicationTrustLevel User -CertificateFileData archive.cer -Realm contoso.example";

const GET_EXAMPLES: &str = "\
Examples:
  Show all partner applications:
    actas Get-CsPartnerApplication
  Show one as JSON:
    actas Get-CsPartnerApplication microsoft.exchange -Output json
  The same in kebab style:
    actas get-cs-partner-application microsoft.exchange --output json";

const SET_EXAMPLES: &str = "\
Examples:
  Refuse a partner for a while and let it in again:
    actas Set-CsPartnerApplication microsoft.exchange -Enabled false
    actas Set-CsPartnerApplication microsoft.exchange -Enabled true
  Have it prove itself by the configured token server, in kebab style:
    actas set-cs-partner-application microsoft.exchange --use-oauth-server --application-trust-level full
  Change objects on their way through a pipe:
    actas Get-CsPartnerApplication -Output json | jq 'map(.Enabled = false)' | actas Set-CsPartnerApplication -Instance -";

const REMOVE_EXAMPLES: &str = "\
Examples:
  See what would be removed, then remove it:
    actas Remove-CsPartnerApplication microsoft.exchange -WhatIf
    actas Remove-CsPartnerApplication microsoft.exchange
  The same in kebab style:
    actas remove-cs-partner-application microsoft.exchange --what-if";
