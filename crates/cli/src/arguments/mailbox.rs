//! `mailbox`: the mailboxes of the cloud, as files.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::value::{self, Address};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Mailbox {
    Export(Export),
}

/// Copies a mailbox, or one of its folders, to files that any mail program reads
///
/// Reads the database of a cloud that may be running. What is written appears under its name
/// once it is whole, and nothing that is there is overwritten.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct Export {
    /// Address of the mailbox, such as `adam@contoso.example`
    #[arg(long, value_name = "ADDRESS", value_parser = value::address)]
    pub(crate) mailbox: Address,

    /// Folder, by its path such as `Inbox/Projects` or its distinguished name such as
    /// `conversationhistory`, without the folders in it [default: all that the owner sees]
    #[arg(long, value_name = "NAME")]
    pub(crate) folder: Option<String>,

    /// Form of the files
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Format,

    /// What to make: a file for a folder as `mbox`, otherwise a folder of files
    #[arg(long, value_name = "PATH")]
    pub(crate) to: PathBuf,
}

/// Form of exported files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One file a folder; a line that begins with `From ` gets a `>`, which a reader takes off
    Mbox,
    /// One file an item, byte for byte as it came
    Eml,
}

const EXPORT_EXAMPLES: &str = "\
Examples:
  Copy a mailbox, one file a folder:
    actas mailbox export --mailbox adam@contoso.example --format mbox --to adam
  Copy the conversations of one person:
    actas mailbox export --mailbox adam@contoso.example --folder conversationhistory --format mbox --to adam.mbox
  Copy one folder, one file an item:
    actas mailbox export --mailbox adam@contoso.example --folder Inbox/Projects --format eml --to projects";
