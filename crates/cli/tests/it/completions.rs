//! Scripts for shells.

use crate::actas;

#[test]
fn scripts_are_printed() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = actas().args(["completions", shell]).output().expect("the binary starts");
        assert!(output.status.success(), "{shell}");
        assert!(output.stderr.is_empty(), "{shell}");
        let script = String::from_utf8(output.stdout).expect("a script is text");
        assert!(script.contains("New-CsOAuthServer"), "{shell}");
    }
}
