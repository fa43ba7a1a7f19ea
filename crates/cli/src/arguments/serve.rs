//! `serve`: the servers that the configuration names.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Runs the servers that the configuration names
///
/// They are the cloud's side, the on-premises side, or both.
/// SIGTERM ends it once open work is done; SIGHUP reads certificates and configuration again.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// Side to run [default: what the configuration names]
    pub(crate) role: Option<Role>,

    /// Ids under which events are written [default: `id_profile` of `[onprem.events]`, or seed]
    #[arg(long, value_name = "PROFILE")]
    pub(crate) id_profile: Option<Profile>,

    /// Write a JSON file once everything answers
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

/// Which build's ids events have: those of one text differ by one between builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Failures of Autodiscover under 32053
    Seed,
    /// Failures of Autodiscover under 32054, as the vendor's article has them
    Article,
}

/// A side of the trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Directory, token service and mailboxes
    Cloud,
    /// Settings, certificates and the Storage Service
    Onprem,
}

const EXAMPLES: &str = "\
Examples:
  Run what the configuration names:
    actas serve --config /etc/actas/actas.toml
  Run one side of it:
    actas serve onprem --config /etc/actas/actas.toml --ready-file /run/actas/ready.json
  For alerting rules of another build:
    actas serve onprem --id-profile article";
