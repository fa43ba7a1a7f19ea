//! `storage`: items on their way to mailboxes.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::{
    date::{self, Date},
    value::{self, Address},
};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Storage {
    Put(Put),
    List(List),
    Show(Show),
    Status(Status),
    Retry(Retry),
    Export(Export),
    Import(Import),
    /// Makes, shows and removes the tokens that open the intake over HTTP
    #[command(subcommand)]
    Token(Token),
}

/// Commands on tokens of the intake.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Token {
    New(NewToken),
    List(ListTokens),
    Remove(RemoveToken),
}

/// Hands an item to the Storage Service
///
/// The item is on disk before the answer.
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("text").multiple(false).args(["body", "body_file"]),
    after_help = PUT_EXAMPLES,
)]
pub(crate) struct Put {
    /// Owner of the mailbox, such as `sip:adam@contoso.example` or `smtp:adam@contoso.example`
    #[arg(long, value_name = "ADDRESS", value_parser = value::address)]
    pub(crate) owner: Address,

    /// Kind of item
    #[arg(long, value_name = "COMPONENT", value_enum, default_value_t)]
    pub(crate) component: Component,

    /// Class of the item [default: that of its component]
    #[arg(long, value_name = "CLASS")]
    pub(crate) item_class: Option<String>,

    /// Subject of the item
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) subject: String,

    /// Text of the item
    #[arg(long, value_name = "TEXT")]
    pub(crate) body: Option<String>,

    /// File that holds the text; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) body_file: Option<PathBuf>,

    /// Who it is from [default: the owner]
    #[arg(long, value_name = "ADDRESS", value_parser = value::address)]
    pub(crate) from: Option<Address>,

    /// When it happened [default: now]
    #[arg(long, value_name = "DATE", value_parser = date::date)]
    pub(crate) time: Option<Date>,

    /// File to attach, up to 25 MiB; may be named several times
    #[arg(long, value_name = "FILE")]
    pub(crate) attachment: Vec<PathBuf>,

    /// Key that makes the item one and the same when it is handed in twice [default: a new one]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

/// Shows the items that wait, fail or were set aside
#[derive(Args, Clone, Debug)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct List {
    /// Only items in this state [default: the newest items, whatever their state]
    #[arg(long, value_name = "STATE", value_enum)]
    pub(crate) state: Option<State>,

    /// Only items of this mailbox
    #[arg(long, value_name = "ADDRESS", value_parser = value::address)]
    pub(crate) owner: Option<Address>,

    /// Only items that wait and have failed at least once
    #[arg(long, conflicts_with = "state")]
    pub(crate) failing: bool,

    /// Most items to show
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub(crate) count: u32,
}

/// Shows how much waits, how full the queue is, and what is failing
#[derive(Args, Clone, Debug)]
#[command(after_help = STATUS_EXAMPLES)]
pub(crate) struct Status {}

/// Has items that were set aside delivered after all
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("which").required(true).multiple(false).args(["ids", "all"]),
    after_help = RETRY_EXAMPLES,
)]
pub(crate) struct Retry {
    /// Keys of the items
    pub(crate) ids: Vec<String>,

    /// Every item that was set aside
    #[arg(long)]
    pub(crate) all: bool,

    /// Only items of this mailbox
    #[arg(long, value_name = "ADDRESS", value_parser = value::address, requires = "all")]
    pub(crate) owner: Option<Address>,
}

/// Writes items to files and takes them from the queue
///
/// The files can be imported here or on another server. An item leaves the queue once the file
/// that holds it is on disk.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct Export {
    /// Folder to write to
    pub(crate) folder: PathBuf,

    /// Only items of this mailbox [default: all that wait or were set aside]
    #[arg(long, value_name = "ADDRESS", value_parser = value::address)]
    pub(crate) owner: Option<Address>,

    /// How long to wait for mailboxes that are being delivered to
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::duration)]
    pub(crate) wait: Duration,
}

/// Brings items back from files
///
/// An item that is here already, waiting or delivered, stays as it is: importing a file twice
/// delivers nothing twice.
#[derive(Args, Clone, Debug)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(crate) struct Import {
    /// Files that an export or a flush wrote
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Keep the files; otherwise each is removed once all of its items are here
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Makes a token for the intake over HTTP
///
/// The token is shown this once; what is kept is a hash of it.
#[derive(Args, Clone, Debug)]
#[command(after_help = TOKEN_EXAMPLES)]
pub(crate) struct NewToken {
    /// Name to know it by: letters, digits and `-`
    pub(crate) name: String,

    /// How long it is good for [default: until it is removed]
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) lifetime: Option<Duration>,
}

/// Shows the tokens of the intake, without their secrets
#[derive(Args, Clone, Debug)]
#[command(after_help = TOKEN_EXAMPLES)]
pub(crate) struct ListTokens {}

/// Removes a token of the intake, which then opens nothing
#[derive(Args, Clone, Debug)]
#[command(after_help = TOKEN_EXAMPLES)]
pub(crate) struct RemoveToken {
    /// Its name
    pub(crate) name: String,
}

/// State of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum State {
    /// Waiting for its delivery
    Queued,
    /// In its mailbox
    Delivered,
    /// Set aside with a reason
    GivenUp,
    /// In a file
    Flushed,
}

/// Shows one item with its attempts
#[derive(Args, Clone, Debug)]
#[command(after_help = SHOW_EXAMPLES)]
pub(crate) struct Show {
    /// The item
    pub(crate) id: String,

    /// Read the item back from its mailbox over EWS instead
    #[arg(long)]
    pub(crate) in_mailbox: bool,
}

/// Kind of item, which decides where it goes in a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum Component {
    /// A conversation
    #[default]
    ConversationHistory,
    /// An item to be kept for compliance
    ExchangeArchiving,
    /// A voice message
    Voicemail,
    /// A call that was not answered
    MissedCall,
    /// Something else
    Other,
}

const PUT_EXAMPLES: &str = "\
Examples:
  Hand in a conversation:
    actas storage put --owner sip:adam@contoso.example --subject 'Conversation with Eve' --body 'Hello'
  Hand in one from a file, and make a second attempt harmless:
    actas storage put --owner smtp:adam@contoso.example --component ConversationHistory --body-file talk.txt --key talk-4711";

const LIST_EXAMPLES: &str = "\
Examples:
  Show what is on its way:
    actas storage list --output table
  Show what was set aside, and what keeps failing:
    actas storage list --state GivenUp
    actas storage list --failing";

const STATUS_EXAMPLES: &str = "\
Examples:
  Show how the queue is:
    actas storage status";

const RETRY_EXAMPLES: &str = "\
Examples:
  Deliver one item after all:
    actas storage retry talk-4711
  All that was set aside for one mailbox:
    actas storage retry --all --owner smtp:adam@contoso.example";

const EXPORT_EXAMPLES: &str = "\
Examples:
  Empty the queue into a folder:
    actas storage export /srv/handover
  One mailbox alone:
    actas storage export /srv/handover --owner smtp:adam@contoso.example";

const IMPORT_EXAMPLES: &str = "\
Examples:
  Bring back what an export wrote:
    actas storage import /srv/handover/*.jsonl";

const TOKEN_EXAMPLES: &str = "\
Examples:
  Let a telephone system hand items in for a year:
    actas storage token new telephones --lifetime 365d
  Show the tokens, and shut one out:
    actas storage token list
    actas storage token remove telephones";

const SHOW_EXAMPLES: &str = "\
Examples:
  Show one item; `actas storage list` shows the ids:
    actas storage show 0193f0c2-7d54-7c3e-9c5a-3f4b1f0e8a11";
