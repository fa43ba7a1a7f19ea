//! `signing-keys`: the keys that the token service signs with.

use clap::{Args, Subcommand};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum SigningKeys {
    List(List),
    Rotate(Rotate),
    Replace(Replace),
}

/// Shows the signing keys, the one that signs first
#[derive(Args, Clone, Debug)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct List {
    /// Show those too that are retired, whose private keys are gone
    #[arg(long)]
    pub(crate) all: bool,
}

/// Has the next signing key sign from now on
///
/// The key that signed so far stays published until its last token has ended, so nothing is
/// interrupted. A next key that was published for less than 24 hours is refused, since there may be
/// verifiers that do not know it. A server that runs takes it up within 5 seconds.
#[derive(Args, Clone, Debug)]
#[command(after_help = ROTATE_EXAMPLES)]
pub(crate) struct Rotate {}

/// Withdraws the signing key at once, since a stranger may have it
///
/// Withdraws the keys before it too, destroys them all, and has the next one sign however fresh it
/// is. Tokens that the withdrawn keys signed are refused by whoever looks at the published keys
/// again, so clients have to ask for new ones. A server that runs takes it up within 5 seconds;
/// verifiers that keep a key set believe the stranger until they look again.
#[derive(Args, Clone, Debug)]
#[command(after_help = REPLACE_EXAMPLES)]
pub(crate) struct Replace {
    /// Withdraw the next key too, as when all lay in one folder: new tokens are then refused
    /// by verifiers that have not looked again
    #[arg(long)]
    pub(crate) with_next: bool,

    /// Go on, knowing what it breaks
    #[arg(long)]
    pub(crate) yes: bool,
}

const LIST_EXAMPLES: &str = "\
Examples:
  Show which key signs, and which is next:
    actas signing-keys list --output table";

const ROTATE_EXAMPLES: &str = "\
Examples:
  Rotate before the age at which it happens by itself:
    actas signing-keys rotate --config /etc/actas/actas.toml";

const REPLACE_EXAMPLES: &str = "\
Examples:
  See what it breaks:
    actas signing-keys replace
  Replace a key that was stolen:
    actas signing-keys replace --yes
  Replace all of them, as when the folder of keys was copied or its disk was lost:
    actas signing-keys replace --with-next --yes";
