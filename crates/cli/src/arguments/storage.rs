//! `storage`: items on their way to mailboxes.

use std::path::PathBuf;

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

    /// Key that makes the item one and the same when it is handed in twice [default: a new one]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

/// Shows the items that wait, fail or were set aside
#[derive(Args, Clone, Debug)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct List {}

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
    actas storage list --output table";

const SHOW_EXAMPLES: &str = "\
Examples:
  Show one item; `actas storage list` shows the ids:
    actas storage show 0193f0c2-7d54-7c3e-9c5a-3f4b1f0e8a11";
