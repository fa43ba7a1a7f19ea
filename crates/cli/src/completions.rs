//! Scripts with which shells complete commands.

use clap_complete::Shell;

use crate::{arguments, powershell};

/// Returns the script for a shell.
///
/// Commands are completed in both styles, parameters in kebab style.
pub(crate) fn script(shell: Shell) -> String {
    let mut tree = arguments::matcher().mut_subcommands(|command| {
        let kebab = powershell::kebab(command.get_name());
        if kebab == command.get_name() { command } else { command.visible_alias(kebab) }
    });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut tree, "actas", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_both_styles() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            let script = script(shell);
            for name in ["New-CsOAuthServer", "metadata-url"] {
                assert!(script.contains(name), "{shell}: {name}");
            }
        }
        assert!(script(Shell::Bash).contains("new-cs-oauth-server"));
    }
}
