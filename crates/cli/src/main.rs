//! `actas`: a server-to-server trust between an organisation's own servers
//! and a cloud.
//!
//! This crate is the binary: what can be typed ([`arguments`], [`powershell`]),
//! what is said back ([`output`], [`problem`], [`help`]) and the commands
//! between the two ([`commands`]). It is the only crate that prints.

mod app;
mod arguments;
mod cloud;
mod commands;
mod completions;
mod gatekeeping;
mod help;
mod logging;
mod metadata;
mod output;
mod powershell;
mod problem;
mod signals;
mod usage;
mod workplace;

use std::process::ExitCode;

fn main() -> ExitCode {
    app::run(std::env::args_os().skip(1).collect())
}
