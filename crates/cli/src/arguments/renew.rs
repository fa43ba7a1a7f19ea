//! `renew`: a new certificate without a failed delivery.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{certificate::FilePassword, value};

/// Replaces the certificate that signs tokens, with overlap
///
/// Makes or takes the next certificate, adds its credential beside the old one, proves it with a
/// real token, rolls, waits until the last token of the old one has ended, and retires the old.
/// A renewal that was interrupted goes on where it stopped.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Renew {
    /// Time to keep the old certificate after the roll: longer than a token and a cache last
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "25h",
        value_parser = value::duration,
    )]
    pub(crate) retire_after: Duration,

    /// Certificate to use as the next, in PEM [default: a new one is made]
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,

    /// Key of that certificate, in PEM, which may be encrypted
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) password: FilePassword,

    /// Show how far the renewal is, and do nothing
    #[arg(long, conflicts_with_all = ["certificate", "key"])]
    pub(crate) status: bool,
}

const EXAMPLES: &str = "\
Examples:
  Renew with a certificate that is made now:
    actas renew
  Renew with one from an authority:
    actas renew --certificate oauth-2027.cer --key oauth-2027.key
  The same with a key that is encrypted, its password in a file:
    actas renew --certificate oauth-2027.cer --key oauth-2027.key --password-file password.txt
  See how far it is:
    actas renew --status";
