//! `help`: parameters, defaults and examples of a command.

use clap::Args;

/// Shows parameters, defaults and examples of a command
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Help {
    /// The command, in either style [default: an overview]
    pub(crate) topic: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  Show the parameters of a command:
    actas help New-CsOAuthServer
  The same in kebab style:
    actas help new-cs-oauth-server
  Show those of a command that has commands below it:
    actas help storage put";
