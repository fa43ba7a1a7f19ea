//! `cargo xtask mutants`: one line of the rules is changed at a time, and some test has to notice.
//!
//! What is changed, and which changes make no difference, is in `.cargo/mutants.toml`. It takes
//! an hour or two, so it is no part of `cargo xtask test`.

use std::process::Command;

use anyhow::{Result, bail};

use crate::step;
use crate::workspace::{cargo, target};

/// Another version makes other changes, and so has another list of those without a difference.
const VERSION: &str = "27.1.0";
/// The least time, in seconds, that the tests of a change may take: neighbours slow them down.
const TEST_SECONDS_MIN: &str = "40";

/// What to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Only changes whose name matches, as `cargo mutants --list` shows them.
    name: Option<String>,
    /// How many changes are tested at once.
    jobs: Option<String>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "--jobs" => {
                    let number = words.next().ok_or("`--jobs` needs a number")?;
                    if !number.parse::<u8>().is_ok_and(|number| number > 0) {
                        return Err(format!("`--jobs` takes a number from 1, not `{number}`"));
                    }
                    options.jobs = Some((*number).to_owned());
                }
                _ if word.starts_with('-') => return Err(format!("`mutants` has no option `{word}`")),
                _ if options.name.is_some() => return Err(format!("`{word}` is one word too many")),
                _ => options.name = Some(word.to_owned()),
            }
        }
        Ok(options)
    }
}

/// Makes the changes that `options` choose; returns whether each of them was noticed.
pub(crate) fn run(options: &Options) -> Result<bool> {
    install()?;
    let output = target()?.join("mutants");
    std::fs::create_dir_all(&output)?;
    let mut mutants = mutants(&["--package=actas-token", "--package=actas-validator"]);
    mutants.args(["--minimum-test-timeout", TEST_SECONDS_MIN, "--colors=never", "--output"]).arg(&output);
    mutants.args(options.name.iter().map(|name| format!("--re={name}")));
    mutants.args(options.jobs.iter().map(|jobs| format!("--jobs={jobs}")));
    // Each copy of the sources has a folder of its own for what is built.
    mutants.env_remove("CARGO_TARGET_DIR");
    let finished = step::run("Mutants", &mut mutants)?;
    if !finished.success {
        println!("    each line of {} was noticed by no test", output.join("mutants.out/missed.txt").display());
    }
    Ok(finished.success)
}

fn mutants(words: &[&str]) -> Command {
    let mut command = cargo(&["mutants"]);
    command.args(words);
    command
}

/// Installs the version that the list of exceptions was made with.
fn install() -> Result<()> {
    let answer = mutants(&["--version"]).output();
    let own = answer.is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).trim().ends_with(VERSION));
    if own {
        return Ok(());
    }
    let mut install = cargo(&["install", "cargo-mutants", "--version", VERSION, "--locked", "--force"]);
    if !step::run("Install cargo-mutants", &mut install)?.success {
        bail!("cargo-mutants {VERSION} cannot be installed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_number_of_jobs() {
        let check = |words: &[&str], name: Option<&str>, jobs: Option<&str>| {
            let expected = Options { name: name.map(str::to_owned), jobs: jobs.map(str::to_owned) };
            assert_eq!(Options::parse(words), Ok(expected), "{words:?}");
        };
        check(&[], None, None);
        check(&["memory.rs"], Some("memory.rs"), None);
        check(&["--jobs", "2", "memory.rs"], Some("memory.rs"), Some("2"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [&["--jobs"][..], &["--jobs", "0"], &["--jobs", "x"], &["--all"], &["a", "b"]] {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
    }
}
