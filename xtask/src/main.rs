//! The tasks of development, run as `cargo xtask TASK`.
//!
//! Everything that continuous integration does is a task here, so that it can be
//! repeated on any machine with one command.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its reader is a developer at a terminal")]

mod check;
mod debian;
mod fuzz;
mod interop;
mod mutants;
mod report;
mod step;
mod summary;
mod test;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        [] | ["help" | "--help" | "-h", ..] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        ["test", options @ ..] => match test::Options::parse(options) {
            Ok(options) => Ok(test::run(options)),
            Err(problem) => return misused(&problem),
        },
        ["fuzz", options @ ..] => match fuzz::Options::parse(options) {
            Ok(options) => fuzz::run(&options),
            Err(problem) => return misused(&problem),
        },
        ["mutants", options @ ..] => match mutants::Options::parse(options) {
            Ok(options) => mutants::run(&options),
            Err(problem) => return misused(&problem),
        },
        ["check"] => check::run(),
        ["tidy"] => check::tidy(),
        [task @ ("check" | "tidy"), ..] => return misused(&format!("`{task}` takes no options")),
        [other, ..] => return misused(&format!("there is no task `{other}`")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn misused(problem: &str) -> ExitCode {
    eprintln!("error: {problem}\n\n{USAGE}");
    ExitCode::from(2)
}

const USAGE: &str = "\
Usage: cargo xtask TASK

Tasks:
  test     Run the checks and every test; install what they need
             --quick          leave out formatting, lints and documentation
             --no-interop     leave out the suites of other people's clients
             --only interop   run nothing but those
  fuzz     Look for inputs that a parser gets wrong: all targets, or TARGET
             --seconds N      how long each target looks; 60 unless told
             TARGET FILE      run one input again
  mutants  Change the rules by which a token is believed, a line at a time, and run their
             tests: all changes, an hour or two of work, or those whose name matches NAME
             --jobs N         how many are tested at once; one unless told
  check    Check formatting, lints and documentation
  tidy     Check the rules of the house: who may use whom, and what may stand in a file
";
