//! `cargo xtask test`: everything, with one line at the end.

use anyhow::{Result, bail};

use crate::report::Report;
use crate::step;
use crate::workspace::{cargo, command};
use crate::{check, debian, fuzz, interop, summary};

/// What to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    checks: bool,
    rust: bool,
    interop: bool,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let (mut quick, mut no_interop, mut only_interop) = (false, false, false);
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "--quick" => quick = true,
                "--no-interop" => no_interop = true,
                "--only=interop" => only_interop = true,
                "--only" => match words.next() {
                    Some(&"interop") => only_interop = true,
                    Some(other) => return Err(format!("`--only` takes `interop`, not `{other}`")),
                    None => return Err("`--only` needs a suite: `interop`".to_owned()),
                },
                other => return Err(format!("`test` has no option `{other}`")),
            }
        }
        if no_interop && only_interop {
            return Err("`--no-interop` and `--only interop` leave nothing to run".to_owned());
        }
        Ok(Self { checks: !quick && !only_interop, rust: !only_interop, interop: !no_interop })
    }
}

/// Runs what `options` names; returns whether all of it passed.
pub(crate) fn run(options: Options) -> bool {
    let mut report = Report::default();
    if let Err(error) = suites(options, &mut report) {
        report.problem(format!("{error:#}"));
    }
    println!("\n{report}");
    report.passed()
}

fn suites(options: Options, report: &mut Report) -> Result<()> {
    if options.checks {
        check::steps(report)?;
    }
    // With all targets, dependencies are built with the features that the tests need, and once.
    let build: &[&str] =
        if options.rust { &["build", "--workspace", "--all-targets"] } else { &["build", "--bin", "actas"] };
    if !step::run("Build", &mut cargo(build))?.success {
        bail!("it does not build, so no test ran");
    }
    if options.rust {
        rust(report)?;
        fuzz::suite(report)?;
    }
    if options.interop {
        interop::run(report)?;
    }
    Ok(())
}

fn rust(report: &mut Report) -> Result<()> {
    // Without it its tests fail, and the others run.
    if let Err(error) = soft_hsm() {
        report.problem(format!("{error:#}"));
    }
    let title = "Tests";
    if has_nextest()? {
        let finished = step::run(title, &mut cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]))?;
        report.suite(title, &finished, summary::nextest(&finished.lines));
    } else {
        println!("    cargo-nextest cannot be installed; `cargo test` runs the tests, without their limits of time");
        let finished = step::run(title, &mut cargo(&["test", "--workspace", "--all-targets", "--no-fail-fast"]))?;
        report.suite(title, &finished, summary::libtest(&finished.lines));
    }
    let title = "Examples in the documentation";
    let finished = step::run(title, &mut cargo(&["test", "--workspace", "--doc", "--no-fail-fast"]))?;
    report.suite(title, &finished, summary::libtest(&finished.lines));
    Ok(())
}

/// Sees to a PKCS#11 token in software, in which signing keys are tested.
fn soft_hsm() -> Result<()> {
    if step::succeeds(command("softhsm2-util").arg("--version")) {
        return Ok(());
    }
    debian::install(&["softhsm2"], "SoftHSM 2, which the tests of signing keys need")
}

fn has_nextest() -> Result<bool> {
    if step::succeeds(&mut cargo(&["nextest", "--version"])) {
        return Ok(true);
    }
    Ok(step::run("Install cargo-nextest", &mut cargo(&["install", "cargo-nextest", "--locked"]))?.success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_choose_the_suites() {
        let check = |words: &[&str], [checks, rust, interop]: [bool; 3]| {
            assert_eq!(Options::parse(words), Ok(Options { checks, rust, interop }), "{words:?}");
        };
        check(&[], [true, true, true]);
        check(&["--quick"], [false, true, true]);
        check(&["--no-interop"], [true, true, false]);
        check(&["--quick", "--no-interop"], [false, true, false]);
        check(&["--only", "interop"], [false, false, true]);
        check(&["--only=interop"], [false, false, true]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [&["--fast"][..], &["--only"], &["--only", "rust"], &["--no-interop", "--only", "interop"]] {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
    }
}
