//! `token`: asking for one, and reading one.

use clap::{Args, Subcommand};
use secrecy::SecretString;

use super::value;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Token {
    Request(Request),
    Inspect(Inspect),
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
#[derive(Args, Clone, Debug)]
#[command(after_help = INSPECT_EXAMPLES)]
pub(crate) struct Inspect {
    /// The token; `-` reads it from standard input
    #[arg(value_parser = value::secret)]
    pub(crate) token: SecretString,
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
    actas token request --output json | jq -r '.[0].AccessToken' | actas token inspect -";
