//! `CsExStorageConnectivity` and `CsExStorageNotification`: one item, all the way into a mailbox,
//! and the news of it back.

use clap::{Args, ValueEnum};

use super::value::{self, Address};

/// Delivers a test item to a mailbox over the whole trust
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Test {
    /// User to test with, such as `sip:adam@contoso.example`; also `-s`
    #[arg(value_parser = value::sip_uri)]
    pub(crate) sip_uri: Address,

    /// Folder of the mailbox that receives the item
    #[arg(long, value_name = "FOLDER", value_enum, default_value_t)]
    pub(crate) folder: Folder,

    /// Delete the item afterwards
    #[arg(long)]
    pub(crate) delete_item: bool,

    /// Use the answer of Autodiscover that is remembered
    #[arg(long)]
    pub(crate) use_cache: bool,

    #[command(flatten)]
    pub(crate) place: Place,
}

/// Tests whether Exchange tells of what happens in a mailbox
#[derive(Args, Clone, Debug)]
#[command(after_help = NOTIFICATION_EXAMPLES)]
pub(crate) struct TestNotification {
    /// User to test with, such as `sip:adam@contoso.example`; also `-s`
    #[arg(value_parser = value::sip_uri)]
    pub(crate) sip_uri: Address,

    /// Delete the item afterwards that Exchange tells of
    #[arg(long)]
    pub(crate) delete_item: bool,

    #[command(flatten)]
    pub(crate) place: Place,
}

/// Where the Storage Service is that is tested.
#[derive(Args, Clone, Debug)]
pub(crate) struct Place {
    /// How the storage service is reached: `NetNamedPipe` on this machine, `NetTCP` on another
    #[arg(long, short, value_name = "BINDING", value_enum, default_value_t)]
    pub(crate) binding: Binding,

    /// Machine of the storage service; needed with `NetTCP`; also `-h HOST`
    #[arg(long, value_name = "HOST", required_if_eq("binding", "NetTCP"))]
    pub(crate) host_name_storage_service: Option<String>,

    /// Do not stop at warnings
    #[arg(long)]
    pub(crate) force: bool,
}

/// Folder of a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum Folder {
    /// Conversations
    #[default]
    ConversationHistory,
    /// Mail
    Inbox,
    /// What is kept although deleted; only of a user whose items are archived
    Dumpster,
}

/// How the storage service is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Binding {
    #[default]
    #[value(name = "NetNamedPipe")]
    NetNamedPipe,
    #[value(name = "NetTCP")]
    NetTcp,
}

const EXAMPLES: &str = "\
Examples:
  Test with one user, and tell every step:
    actas Test-CsExStorageConnectivity sip:adam@contoso.example -Verbose
  Test and leave nothing behind:
    actas Test-CsExStorageConnectivity -SipUri sip:adam@contoso.example -DeleteItem
  The same in kebab style:
    actas test-cs-ex-storage-connectivity sip:adam@contoso.example --delete-item";

const NOTIFICATION_EXAMPLES: &str = "\
Examples:
  Test with one user, and tell every step:
    actas Test-CsExStorageNotification sip:adam@contoso.example -Verbose
  Test and leave nothing behind:
    actas Test-CsExStorageNotification -SipUri sip:adam@contoso.example -DeleteItem
  The same in kebab style:
    actas test-cs-ex-storage-notification sip:adam@contoso.example --delete-item";
