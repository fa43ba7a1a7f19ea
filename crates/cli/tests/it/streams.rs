//! Which stream says what, and what happens when nobody reads.

use std::process::Stdio;

use crate::{actas, run, shown};

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for words in [&["help"][..], &["completions", "bash"], &["help", "New-CsOAuthServer"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = actas().args(words).stdout(writer).stderr(Stdio::piped()).output().expect("the binary starts");
        assert_eq!(shown(&output), "exit code: 0\n----- stdout -----\n----- stderr -----\n", "{words:?}");
    }
}

#[test]
fn standard_error_may_be_gone() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = actas().arg("Get-CsTenat").stderr(writer).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_full_disk_is_a_failure() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    let output = actas().arg("help").stdout(full).stderr(Stdio::piped()).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("error: the result could not be written\n"), "{stderr}");
}

#[test]
fn errors_are_text_even_when_results_are_json() {
    let shown = run(&["Get-CsTenant", "-Output", "json", "-Identity", "x"]);
    assert!(
        shown.starts_with("exit code: 2\n----- stdout -----\n----- stderr -----\nerror: `-Identity` cannot be `x`"),
        "{shown}"
    );
}

#[test]
fn nothing_is_coloured_away_from_a_terminal() {
    for words in [&["help"][..], &["New-CsOAuthServer", "-h"], &["New-CsOAuthServr"]] {
        assert!(!run(words).contains('\u{1b}'), "{words:?}");
    }
}
