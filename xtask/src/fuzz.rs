//! `cargo xtask fuzz`: the targets in `fuzz/`, on the pinned toolchain.
//!
//! They are libFuzzer's. Its usual driver asks for a nightly compiler, for the sake of sanitizers
//! that code without `unsafe` has little use for; all that a fuzzer cannot do without is to see
//! which code ran, and any compiler can instrument for that.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::debian;
use crate::report::Report;
use crate::step::{self, Finished};
use crate::summary::Counts;
use crate::workspace::{cargo, command, root, target};

/// What libFuzzer reads to see which code ran, and which comparisons nearly held.
const INSTRUMENTATION: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "--cfg",
    "fuzzing",
];
/// How long each target looks for more in `cargo xtask test`, after its corpus.
const TEST_SECONDS: u32 = 3;
/// How long each target looks when nothing else is asked for.
const SECONDS: u32 = 60;
/// An input that takes longer is a find.
const INPUT_SECONDS: u32 = 10;
/// A target that takes more memory is a find.
const MEMORY_MEGABYTES: u32 = 2048;
/// The longest input.
const INPUT_BYTES: u32 = 16 * 1024;

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    target: Option<String>,
    /// An input that is run again, and nothing else.
    input: Option<String>,
    seconds: u32,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self { target: None, input: None, seconds: SECONDS };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            let seconds = match word.strip_prefix("--seconds") {
                Some("") => Some(*words.next().ok_or("`--seconds` needs a number")?),
                Some(rest) => Some(rest.strip_prefix('=').ok_or_else(|| format!("`fuzz` has no option `{word}`"))?),
                None if word.starts_with('-') => return Err(format!("`fuzz` has no option `{word}`")),
                None => None,
            };
            match (seconds, &options.target, &options.input) {
                (Some(text), ..) => {
                    let number = text.parse().ok().filter(|number| *number > 0);
                    options.seconds = number.ok_or_else(|| format!("`--seconds` takes a number, not `{text}`"))?;
                }
                (None, None, _) => options.target = Some(word.to_owned()),
                (None, Some(_), None) => options.input = Some(word.to_owned()),
                (None, Some(_), Some(_)) => return Err(format!("`{word}` is one word too many")),
            }
        }
        Ok(options)
    }
}

/// Runs what `options` names; returns whether nothing was found.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let all = targets()?;
    let chosen: Vec<&String> =
        all.iter().filter(|name| options.target.as_ref().is_none_or(|target| target == *name)).collect();
    if chosen.is_empty() {
        let asked = options.target.as_deref().unwrap_or_default();
        bail!("there is no target `{asked}`; there are {}", all.join(", "));
    }
    let built = build()?;
    let mut found = Vec::new();
    for name in chosen {
        let finished = match &options.input {
            Some(input) => {
                // The target runs at the root.
                let input = fs::canonicalize(input).with_context(|| format!("there is no file {input}"))?;
                step::run(&format!("Fuzz: {name}"), command(built.join(name)).arg(input))?
            }
            None => look(&built, name, &corpus(&target()?.join("fuzz/corpus"), name)?, options.seconds, &[])?,
        };
        if !finished.success {
            found.push(name.as_str());
        }
    }
    println!(
        "\n{}",
        if found.is_empty() { "nothing found".to_owned() } else { format!("found: {}", found.join(", ")) }
    );
    Ok(found.is_empty())
}

/// Runs every target over its corpus and a little further; each counts as a test.
pub(crate) fn suite(report: &mut Report) -> Result<()> {
    if !cfg!(unix) {
        println!("\n    libFuzzer needs Linux or macOS; the fuzz targets are left out");
        return Ok(());
    }
    let built = build()?;
    let scratch = target()?.join("fuzz/scratch");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).with_context(|| format!("{} cannot be removed", scratch.display()))?;
    }
    for name in targets()? {
        let finished = look(&built, &name, &corpus(&scratch, &name)?, TEST_SECONDS, &["-seed=1", "-verbosity=0"])?;
        let (passed, failed) = if finished.success { (1, 0) } else { (0, 1) };
        report.suite(&format!("Fuzz: {name}"), &finished, Counts { passed, failed, skipped: 0 });
    }
    Ok(())
}

/// The names of the targets, which are those of their files.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Builds every target; returns the folder that they are in.
fn build() -> Result<PathBuf> {
    if !step::succeeds(command("c++").arg("--version")) {
        debian::install(&["g++"], "a C++ compiler, which libFuzzer is built with")?;
    }
    let (host, folder) = (host()?, target()?.join("fuzz"));
    let mut command = cargo(&["build", "--manifest-path", "fuzz/Cargo.toml", "--bins", "--target", &host]);
    // With a target named, what runs while building is not instrumented.
    command.env("CARGO_TARGET_DIR", &folder).env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\u{1f}"));
    if !step::run("Fuzz targets", &mut command)?.success {
        bail!("the fuzz targets do not build");
    }
    Ok(folder.join(host).join("debug"))
}

/// The machine that we build on and for, as the compiler calls it.
fn host() -> Result<String> {
    let answer = command("rustc").arg("-vV").output().context("`rustc` does not run")?;
    let text = String::from_utf8(answer.stdout).context("`rustc -vV` prints no text")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

/// The folder of a target's finds, made if need be.
fn corpus(folder: &Path, name: &str) -> Result<PathBuf> {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

/// Runs the corpus of a target, then looks further. What is new goes to `finds`; what is wrong is
/// kept beside it, and shown with the command that runs it again.
fn look(built: &Path, name: &str, finds: &Path, seconds: u32, further: &[&str]) -> Result<Finished> {
    let wrong = corpus(&target()?.join("fuzz/artifacts"), name)?;
    let mut fuzzer = command(built.join(name));
    fuzzer
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MEMORY_MEGABYTES}"))
        .arg(format!("-max_len={INPUT_BYTES}"))
        .arg(format!("-artifact_prefix={}/", wrong.display()))
        .args(["-print_final_stats=1", "-detect_leaks=0"])
        .args(further);
    let words = root().join("fuzz/dictionaries").join(name).with_extension("dict");
    if words.exists() {
        fuzzer.arg(format!("-dict={}", words.display()));
    }
    fuzzer.arg(finds).arg(root().join("fuzz/corpus").join(name));
    let finished = step::run(&format!("Fuzz: {name}"), &mut fuzzer)?;
    if !finished.success {
        let path = finished.lines.iter().rev().find_map(|line| line.split_once("Test unit written to "));
        let file = path.map_or("FILE", |(_, path)| path);
        println!("    run it again: cargo xtask fuzz {name} {file}");
    }
    Ok(finished)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], target: Option<&str>, input: Option<&str>, seconds: u32) {
        let expected = Options { target: target.map(str::to_owned), input: input.map(str::to_owned), seconds };
        assert_eq!(Options::parse(words), Ok(expected), "{words:?}");
    }

    #[test]
    fn a_target_a_time_or_an_input() {
        check(&[], None, None, SECONDS);
        check(&["jws"], Some("jws"), None, SECONDS);
        check(&["--seconds", "5"], None, None, 5);
        check(&["jws", "--seconds=1800"], Some("jws"), None, 1800);
        check(&["jws", "crash-1"], Some("jws"), Some("crash-1"), SECONDS);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in
            [&["--seconds"][..], &["--seconds", "0"], &["--seconds=x"], &["--secondly=1"], &["-x"], &["a", "b", "c"]]
        {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn every_target_is_built_and_has_a_corpus() {
        let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        for name in targets().unwrap() {
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not built");
            let corpus = fs::read_dir(root().join("fuzz/corpus").join(&name));
            assert!(corpus.is_ok_and(|mut corpus| corpus.next().is_some()), "{name} has no corpus");
        }
    }
}
