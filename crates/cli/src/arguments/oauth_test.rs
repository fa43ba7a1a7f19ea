//! `OAuthConnectivity`: a token, and a call with it.

use clap::{Args, ValueEnum};

use super::value::{self, Address, WebUrl};

/// Gets a token as this side is configured, and calls a service with it
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Test {
    /// What is called
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Service,

    /// Address of the service; `https`, since a token is sent there
    #[arg(long, value_name = "URL", value_parser = value::web_url)]
    pub(crate) target_uri: WebUrl,

    /// Mailbox to act for, such as `adele@contoso.example`
    #[arg(long, value_name = "ADDRESS", value_parser = value::address)]
    pub(crate) mailbox: Option<Address>,

    /// Call as the application itself; the mailbox is then named in the request
    #[arg(long)]
    pub(crate) app_only: bool,

    /// Read the configuration anew, which every command does
    #[arg(long)]
    pub(crate) reload_config: bool,

    /// Use a token that is still good; a command of its own has none
    #[arg(long)]
    pub(crate) use_cached_token: bool,
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// Exchange Web Services: the inbox is looked at
    #[value(name = "EWS")]
    Ews,
    /// Autodiscover: the mailbox is asked for
    #[value(name = "AutoD")]
    AutoD,
    /// Any service: it is asked by GET, and may say anything but that the token is refused
    #[value(name = "Generic")]
    Generic,
}

const EXAMPLES: &str = "\
Examples:
  Act as a user at Exchange Web Services, and tell every step:
    actas Test-OAuthConnectivity -Service EWS -TargetUri https://mail.contoso.example/EWS/Exchange.asmx -Mailbox adele@contoso.example -Verbose
  Ask Autodiscover, in kebab style:
    actas test-oauth-connectivity --service AutoD --target-uri https://autodiscover.contoso.example/autodiscover/autodiscover.svc --mailbox adele@contoso.example";
