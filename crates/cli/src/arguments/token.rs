//! `token`: asking for one, and reading one.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use secrecy::SecretString;
use uuid::Uuid;

use super::date::{self, Date};
use super::value;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Token {
    Request(Request),
    Inspect(Inspect),
    Validate(Validate),
}

/// Asks the token server for a token, as a delivery would
#[derive(Args, Clone, Debug)]
#[command(after_help = REQUEST_EXAMPLES)]
pub(crate) struct Request {
    /// Resource that the token is for, such as
    /// `00000002-0000-0ff1-ce00-000000000000/outlook.example@tenant` [default: Exchange]
    #[arg(long)]
    pub(crate) resource: Option<String>,
}

/// Shows what a token says, without believing it
///
/// It may be an actor token, an act-as token, an access token, an assertion or a DPoP
/// proof; what stands before it in a header field is left out.
#[derive(Args, Clone, Debug)]
#[command(after_help = INSPECT_EXAMPLES)]
pub(crate) struct Inspect {
    #[command(flatten)]
    pub(crate) source: Source,

    /// Print JSON, as with `--output json`
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a token is read from.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Source {
    /// The token; `-` reads it from standard input
    #[arg(value_parser = value::secret)]
    pub(crate) token: Option<SecretString>,

    /// File that holds the token
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// Validates a token as a resource would, and shows what became of every rule
///
/// Whom to trust says the file of a gate, or `--metadata` with `--audience` and
/// `--partner`. Fails if the token is refused.
///
/// The verdict comes first, with the rule that failed, its code, why, and what to do; then
/// each rule on a line. `--output json` has the rules alone, as objects with `Rule`, `Asks`,
/// `Token`, `Result` and `Why`, and tells the verdict on standard error.
#[derive(Args, Clone, Debug)]
#[command(after_help = VALIDATE_EXAMPLES)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) source: Source,

    /// File of `actas gate` that says whom to trust
    #[arg(long, value_name = "FILE", conflicts_with_all = ["metadata", "audience", "realm", "partner", "trust_level", "no_act_as", "accept_sids"])]
    pub(crate) trust: Option<PathBuf>,

    /// Metadata document of the issuer: its https URL, or a file
    #[arg(long, value_name = "URL|FILE")]
    pub(crate) metadata: Option<String>,

    /// Resource that validates, such as
    /// `00000002-0000-0ff1-ce00-000000000000/mail.contoso.example`
    #[arg(long)]
    pub(crate) audience: Option<String>,

    /// Tenant's GUID [default: the realm of the metadata document]
    #[arg(long, value_parser = value::guid)]
    pub(crate) tenant: Option<Uuid>,

    /// Further realm that is this tenant, such as its domain
    #[arg(long)]
    pub(crate) realm: Vec<String>,

    /// Application id of the partner [default: Lync, 00000004-0000-0ff1-ce00-000000000000]
    #[arg(long, value_parser = value::guid)]
    pub(crate) partner: Option<Uuid>,

    /// What the partner may do
    #[arg(long, value_enum, default_value_t)]
    pub(crate) trust_level: Level,

    /// Take no act-as tokens that the partner asserts by itself
    #[arg(long)]
    pub(crate) no_act_as: bool,

    /// Take security identifiers as user ids
    #[arg(long)]
    pub(crate) accept_sids: bool,

    /// Longest life of an actor token, in seconds [default: 3600]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) actor_lifetime_max: Option<u32>,

    /// Longest life of an act-as token, in seconds [default: 600]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) act_as_lifetime_max: Option<u32>,

    /// Time of the verdict [default: now]
    #[arg(long, value_name = "TIME", value_parser = date::date)]
    pub(crate) at: Option<Date>,
}

/// What a partner may do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum Level {
    /// As itself
    Application,
    /// As itself and as any user
    #[default]
    Full,
    /// As a user with the token service's consent
    User,
}

const REQUEST_EXAMPLES: &str = "\
Examples:
  Ask for a token for Exchange:
    actas token request
  Ask for one for another resource:
    actas token request --resource 00000002-0000-0ff1-ce00-000000000000/ews.outlook.example@5588b4fd-9c4a-4a52-9a86-1d3b4d1f4a0e";

const INSPECT_EXAMPLES: &str = "\
Examples:
  Read a token from a pipe:
    actas token request --output json | jq -r '.[0].AccessToken' | actas token inspect -
  Read one from a file, as JSON:
    actas token inspect --file token.txt --json";

const VALIDATE_EXAMPLES: &str = "\
Examples:
  Ask why a gate refuses a token:
    actas token validate --trust /etc/actas/gate.toml --file token.txt
  Validate as Exchange would, by the keys of a metadata document, at a moment of the past:
    actas token validate - --metadata https://sts.contoso.example/metadata/json/1 --audience 00000002-0000-0ff1-ce00-000000000000/mail.contoso.example --at 2026-12-02T10:00:00Z < token.txt
  Have a script read which rule failed:
    actas token validate --trust gate.toml --file token.txt --output json | jq -r '.[] | select(.Result == \"fail\") | .Rule'";
