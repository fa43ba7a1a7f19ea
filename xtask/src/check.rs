//! `cargo xtask check` and `cargo xtask tidy`: what needs no binary that runs.

use std::process::Command;

use anyhow::Result;

use crate::report::Report;
use crate::step::{self, Finished};
use crate::workspace::cargo;

/// Checks formatting, lints and documentation.
pub(crate) fn run() -> Result<bool> {
    let mut report = Report::default();
    steps(&mut report)?;
    let passed = report.passed();
    println!("\n{}", if passed { "checked".to_owned() } else { report.to_string() });
    Ok(passed)
}

/// Runs each check into `report`.
pub(crate) fn steps(report: &mut Report) -> Result<()> {
    let mut documentation = cargo(&["doc", "--workspace", "--no-deps"]);
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    let checks: [(&str, Command); 4] = [
        ("Formatting", cargo(&["fmt", "--all", "--check"])),
        ("Formatting of the fuzz targets", cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])),
        ("Lints", cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
        ("Documentation", documentation),
    ];
    for (title, mut command) in checks {
        let finished = step::run(title, &mut command)?;
        report.step(title, &finished);
    }
    Ok(())
}

/// Checks the rules of the house, which are tests of the testkit.
pub(crate) fn tidy() -> Result<bool> {
    let Finished { success, .. } =
        step::run("Rules of the house", &mut cargo(&["test", "--package", "actas-testkit", "--test", "house"]))?;
    Ok(success)
}
