//! The binary as its user sees it: exit code, standard output, standard error.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

/// Compares what a person reads with the snapshot of that name, leaving out what
/// changes from run to run.
macro_rules! assert_told {
    ($name:expr, $told:expr) => {
        crate::installation::filters().bind(|| insta::assert_snapshot!($name, $told))
    };
}

mod certificates;
mod completions;
mod databases;
mod directory;
mod end_to_end;
mod events;
mod exchange;
mod help;
mod installation;
mod pipelines;
mod settings;
mod storage;
mod streams;
mod tokens;
mod usage;
mod verdicts;

use std::process::{Command, Output, Stdio};

/// Returns the binary, cut off from the terminal and variables of the test.
fn actas() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_actas"));
    command
        .env_remove("COLUMNS")
        .env_remove("NO_COLOR")
        .env_remove("ACTAS_DATA")
        .env_remove("ACTAS_CERTIFICATE_PASSWORD")
        .env_remove("ACTAS_CLIENT_SECRET")
        .env_remove("ACTAS_GRAPH_TOKEN")
        .env_remove("ACTAS_GRAPH_URL")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null());
    command
}

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
