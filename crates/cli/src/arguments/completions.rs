//! `completions`: what a shell needs to complete commands.

use clap::Args;
use clap_complete::Shell;

/// Prints a script for a shell to complete commands
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  In Bash:
    actas completions bash > ~/.local/share/bash-completion/completions/actas
  In Zsh, with the folder in its `fpath`:
    actas completions zsh > ~/.zfunc/_actas
  In fish:
    actas completions fish > ~/.config/fish/completions/actas.fish
  In PowerShell:
    actas completions powershell >> $PROFILE";
