//! What the commands do.
//!
//! One file for each noun. A command that changes something asks
//! [`change::may`] first, which answers `-WhatIf` and `-Confirm` before any
//! file is opened.

mod change;
mod demo;
mod directory;
mod events;
mod exchange;
mod gate;
mod lab;
mod mailbox;
mod onprem;
mod piped;
mod renew;
mod serve;
mod shown;
mod signing_keys;
mod storage;
mod terminal;
mod token;

use storage::files as storage_files;

use crate::{
    app::Context,
    arguments::{Command, Ours},
    problem::Problem,
};

/// Runs a command.
pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Problem> {
    match command {
        Command::OnPremises(command) => onprem::run(command, context).await,
        Command::Directory(command) => directory::run(command, context).await,
        Command::Exchange(command) => exchange::run(command, context).await,
        Command::Ours(command) => ours(command, context).await,
    }
}

async fn ours(command: Ours, context: &Context) -> Result<(), Problem> {
    match command {
        Ours::Demo(asked) => demo::run(asked, context).await,
        Ours::Lab(asked) => lab::run(asked, context).await,
        Ours::Serve(asked) => serve::run(asked, context).await,
        Ours::Gate(asked) => gate::run(asked, context).await,
        Ours::Renew(asked) => renew::run(asked, context).await,
        Ours::Events(asked) => events::run(asked, context).await,
        Ours::Storage(asked) => storage::run(asked, context).await,
        Ours::Mailbox(asked) => mailbox::run(asked, context).await,
        Ours::Token(asked) => token::run(asked, context).await,
        Ours::SigningKeys(asked) => signing_keys::run(asked, context).await,
        // Answered before there is a runtime.
        Ours::Completions(_) | Ours::Help(_) => Ok(()),
    }
}
