//! What can be typed after `actas`: one file per noun, one type per command.
//!
//! Parameters are declared once, with kebab names; the cmdlet style
//! (`-MetadataUrl`) is translated to them by [`crate::powershell`]. A
//! positional parameter can be named as well, by its field's name. Defaults
//! that depend on the clock or the configuration are left to the commands.

pub(crate) mod auth_server;
pub(crate) mod certificate;
pub(crate) mod change;
pub(crate) mod completions;
pub(crate) mod connect;
pub(crate) mod date;
pub(crate) mod demo;
pub(crate) mod events;
pub(crate) mod exchange_partner;
pub(crate) mod gate;
pub(crate) mod global;
pub(crate) mod help;
pub(crate) mod lab;
pub(crate) mod mailbox;
pub(crate) mod mailbox_permission;
pub(crate) mod oauth_configuration;
pub(crate) mod oauth_server;
pub(crate) mod oauth_test;
pub(crate) mod partner_application;
pub(crate) mod principal;
pub(crate) mod renew;
pub(crate) mod serve;
pub(crate) mod service_principal;
pub(crate) mod service_principal_credential;
pub(crate) mod signing_keys;
pub(crate) mod storage;
pub(crate) mod storage_service;
pub(crate) mod storage_test;
pub(crate) mod tenant;
pub(crate) mod token;
pub(crate) mod value;

use clap::{Args, CommandFactory, Parser, Subcommand};

use global::Global;

/// Server-to-server trust between your own servers and a cloud
#[derive(Debug, Parser)]
#[command(name = "actas", version, disable_help_subcommand = true)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Every command, in the groups of the help page.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    OnPremises(OnPremises),
    #[command(flatten)]
    Directory(Directory),
    #[command(flatten)]
    Exchange(Exchange),
    #[command(flatten)]
    Ours(Ours),
}

/// Commands on the settings of the organisation's own servers.
#[derive(Debug, Subcommand)]
pub(crate) enum OnPremises {
    #[command(name = "New-CsOAuthServer")]
    NewOAuthServer(oauth_server::New),
    #[command(name = "Get-CsOAuthServer")]
    GetOAuthServer(oauth_server::Get),
    #[command(name = "Set-CsOAuthServer")]
    SetOAuthServer(oauth_server::Set),
    #[command(name = "Remove-CsOAuthServer")]
    RemoveOAuthServer(oauth_server::Remove),
    #[command(name = "New-CsPartnerApplication")]
    NewPartnerApplication(partner_application::New),
    #[command(name = "Get-CsPartnerApplication")]
    GetPartnerApplication(partner_application::Get),
    #[command(name = "Set-CsPartnerApplication")]
    SetPartnerApplication(partner_application::Set),
    #[command(name = "Remove-CsPartnerApplication")]
    RemovePartnerApplication(partner_application::Remove),
    #[command(name = "Get-CsOAuthConfiguration")]
    GetOAuthConfiguration(oauth_configuration::Get),
    #[command(name = "Set-CsOAuthConfiguration")]
    SetOAuthConfiguration(oauth_configuration::Set),
    #[command(name = "Get-CsCertificate")]
    GetCertificate(certificate::Get),
    #[command(name = "Set-CsCertificate")]
    SetCertificate(certificate::Set),
    #[command(name = "Import-CsCertificate")]
    ImportCertificate(certificate::Import),
    #[command(name = "Remove-CsCertificate")]
    RemoveCertificate(certificate::Remove),
    #[command(name = "Request-CsCertificate")]
    RequestCertificate(certificate::Request),
    #[command(name = "Export-CsCertificate")]
    ExportCertificate(certificate::Export),
    #[command(name = "Get-CsStorageServiceConfiguration")]
    GetStorageConfiguration(storage_service::Get),
    #[command(name = "Set-CsStorageServiceConfiguration")]
    SetStorageConfiguration(storage_service::Set),
    #[command(name = "Invoke-CsStorageServiceFlush")]
    InvokeStorageFlush(storage_service::Flush),
    #[command(name = "Debug-CsStorageServiceFailures")]
    DebugStorageFailures(storage_service::Debug),
    #[command(name = "Test-CsExStorageConnectivity")]
    TestStorageConnectivity(storage_test::Test),
    #[command(name = "Test-CsExStorageNotification")]
    TestStorageNotification(storage_test::TestNotification),
}

/// Commands on the directory of the cloud.
#[derive(Debug, Subcommand)]
pub(crate) enum Directory {
    #[command(name = "Connect-MsolService")]
    Connect(Box<connect::Connect>),
    #[command(name = "Get-CsTenant")]
    GetTenant(tenant::Get),
    #[command(name = "Get-MsolServicePrincipal")]
    GetServicePrincipal(service_principal::Get),
    #[command(name = "New-MsolServicePrincipal")]
    NewServicePrincipal(service_principal::New),
    #[command(name = "Set-MsolServicePrincipal")]
    SetServicePrincipal(service_principal::Set),
    #[command(name = "Remove-MsolServicePrincipal")]
    RemoveServicePrincipal(service_principal::Remove),
    #[command(name = "Get-MsolServicePrincipalCredential")]
    GetCredential(service_principal_credential::Get),
    #[command(name = "New-MsolServicePrincipalCredential")]
    NewCredential(service_principal_credential::New),
    #[command(name = "Remove-MsolServicePrincipalCredential")]
    RemoveCredential(service_principal_credential::Remove),
}

/// Commands on what the Exchange-like server trusts.
#[derive(Debug, Subcommand)]
pub(crate) enum Exchange {
    #[command(name = "New-AuthServer")]
    NewAuthServer(auth_server::New),
    #[command(name = "Get-AuthServer")]
    GetAuthServer(auth_server::Get),
    #[command(name = "Set-AuthServer")]
    SetAuthServer(auth_server::Set),
    #[command(name = "Remove-AuthServer")]
    RemoveAuthServer(auth_server::Remove),
    #[command(name = "New-PartnerApplication")]
    NewPartner(Box<exchange_partner::New>),
    #[command(name = "Get-PartnerApplication")]
    GetPartner(exchange_partner::Get),
    #[command(name = "Set-PartnerApplication")]
    SetPartner(Box<exchange_partner::Set>),
    #[command(name = "Remove-PartnerApplication")]
    RemovePartner(exchange_partner::Remove),
    #[command(name = "Add-MailboxPermission")]
    AddMailboxPermission(mailbox_permission::Add),
    #[command(name = "Get-MailboxPermission")]
    GetMailboxPermission(mailbox_permission::Get),
    #[command(name = "Remove-MailboxPermission")]
    RemoveMailboxPermission(mailbox_permission::Remove),
    #[command(name = "Test-OAuthConnectivity")]
    TestOAuthConnectivity(oauth_test::Test),
}

/// Commands that only this product has.
#[derive(Debug, Subcommand)]
pub(crate) enum Ours {
    Demo(demo::Demo),
    Lab(lab::Lab),
    Serve(serve::Serve),
    Gate(gate::Gate),
    Renew(renew::Renew),
    Events(events::Events),
    /// Hands items to the Storage Service, and shows them
    #[command(subcommand)]
    Storage(storage::Storage),
    /// Copies mailboxes of the cloud to files
    #[command(subcommand)]
    Mailbox(mailbox::Mailbox),
    /// Asks for a token, or shows what one says
    #[command(subcommand)]
    Token(token::Token),
    /// Shows the token service's signing keys, and rolls them
    #[command(subcommand)]
    SigningKeys(signing_keys::SigningKeys),
    Completions(completions::Completions),
    Help(help::Help),
}

/// Returns the tree of commands, completed so that its names can be read.
pub(crate) fn tree() -> clap::Command {
    let mut tree = tidied(Cli::command());
    tree.build();
    tree
}

/// Returns the tree of commands for clap to match against.
pub(crate) fn matcher() -> clap::Command {
    tidied(Cli::command())
}

/// Returns the commands group by group, each group with its title.
pub(crate) fn groups() -> Vec<(&'static str, clap::Command)> {
    let empty = || clap::Command::new("group");
    vec![
        ("On-premises settings", OnPremises::augment_subcommands(empty())),
        ("Cloud directory", Directory::augment_subcommands(empty())),
        ("Exchange", Exchange::augment_subcommands(empty())),
        ("Commands of actas", Ours::augment_subcommands(empty())),
    ]
}

/// Returns a command that has the global options and nothing else.
pub(crate) fn global_options() -> clap::Command {
    Global::augment_args(clap::Command::new("actas").version(env!("CARGO_PKG_VERSION")))
}

/// Applies what holds for every command: names of values in any case, one
/// heading for the command's own parameters, each with its description under
/// it, and the one that can stand without its name first.
fn tidied(command: clap::Command) -> clap::Command {
    let mut order = 0;
    let tidy = |arg: clap::Arg| {
        order += 1;
        let place = if arg.is_positional() { 0 } else { order };
        let takes_values = arg.get_action().takes_values();
        let arg = arg.ignore_case(takes_values).display_order(place);
        if arg.get_help_heading().is_none() { arg.help_heading("Parameters") } else { arg }
    };
    command.next_line_help(true).mut_args(tidy).mut_subcommands(tidied)
}

#[cfg(test)]
mod tests;
