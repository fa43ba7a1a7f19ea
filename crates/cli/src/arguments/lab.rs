//! `lab`: a cloud on loopback for developers and tests.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

/// Runs a whole cloud on this machine for development and tests
///
/// It has tenants, users with mailboxes, and an application with its credentials.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Lab {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// Write a JSON file with addresses and credentials once everything answers
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,

    /// Write the same as lines KEY=value for a shell
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,

    /// Begin with the tenants, domains, users and applications of this file
    #[arg(long, value_name = "FILE")]
    pub(crate) seed_file: Option<PathBuf>,

    /// Begin with a fault in place, named as the doctor's check; can be given many times
    #[arg(long, value_name = "CHECK_ID")]
    pub(crate) fault: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  Run a lab and read its summary:
    actas lab
  Run one for a test, which waits for the file:
    actas lab --listen 127.0.0.1:8443 --ready-file lab.json
  Load its addresses into a shell:
    actas lab --env-file lab.env &
    until [ -f lab.env ]; do sleep 0.1; done; . ./lab.env";
