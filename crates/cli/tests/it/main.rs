//! The binary as its user sees it: exit code, standard output, standard error.

mod completions;
mod help;
mod streams;
mod usage;

use std::process::{Command, Output, Stdio};

/// Returns the binary, cut off from the terminal and variables of the test.
fn actas() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_actas"));
    command
        .env_remove("COLUMNS")
        .env_remove("NO_COLOR")
        .env_remove("ACTAS_DATA")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null());
    command
}

#[expect(clippy::expect_used, reason = "a test that cannot start the binary has failed")]
/// Runs the binary with the words and shows all that came back.
fn run(words: &[&str]) -> String {
    shown(&actas().args(words).output().expect("the binary starts"))
}

fn shown(output: &Output) -> String {
    let code = output.status.code().map_or_else(|| "killed".to_owned(), |code| code.to_string());
    format!(
        "exit code: {code}\n----- stdout -----\n{}----- stderr -----\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    )
}
