//! What may stand in a file.

use std::ops::Not as _;

use crate::sources::{Source, root, sources};

const LINES_OF_CODE_MAX: usize = 800;
/// The only file that asks what time it is.
const CLOCK: &str = "crates/runtime/src/clock.rs";
/// These tests name what they forbid.
const OWN: &str = "crates/testkit/tests/house/";

#[test]
fn a_file_is_one_idea() {
    let long = |source: &Source| {
        let lines = source.code().count();
        (lines > LINES_OF_CODE_MAX).then(|| format!("{}: {lines} lines of code", source.path))
    };
    let broken: Vec<String> = rust().iter().filter_map(long).collect();
    assert!(broken.is_empty(), "files of more than {LINES_OF_CODE_MAX} lines of code:\n{}", broken.join("\n"));
}

#[test]
fn nothing_is_left_unfinished() {
    forbid("finish it, or say why it waits", &rust(), |line| {
        ["todo!", "unimplemented!"].iter().any(|word| calls(line, word)) || line.contains("#[ignore]")
    });
}

#[test]
fn nothing_trails_behind_a_line() {
    let mut broken = Vec::new();
    // A snapshot holds what a program printed, spaces and all; a corpus, what a client sent.
    let written = |source: &&Source| !source.has_extension("snap") && !source.is_in(&["fuzz/corpus/"]);
    for source in sources().iter().filter(written) {
        let trailing = source.lines().filter(|(_, line)| line.ends_with([' ', '\t', '\r']));
        broken.extend(trailing.map(|(number, _)| format!("{}:{number}", source.path)));
    }
    assert!(broken.is_empty(), "white space at the end of lines:\n{}", broken.join("\n"));
}

#[test]
fn only_the_store_knows_its_engine() {
    let others = sources_but(&["crates/store/", OWN]);
    let manifests_and_code = |source: &Source| {
        source.is_in(&["crates/", "xtask/"]) && (source.is_rust() || source.path.ends_with("Cargo.toml"))
    };
    let mut others: Vec<Source> = others.into_iter().filter(manifests_and_code).collect();
    // A benchmark measures against the engine itself, and nothing of it is shipped.
    others.retain(|source| !source.path.contains("/benches/"));
    for manifest in others.iter_mut().filter(|source| source.path.ends_with("Cargo.toml")) {
        if let Some((shipped, _)) = manifest.text.split_once("[dev-dependencies]") {
            manifest.text = shipped.to_owned();
        }
    }
    forbid("SQL stays in crates/store", &others, |line| line.contains("rusqlite"));
}

#[test]
fn only_the_binary_prints() {
    // A benchmark is run to be read, and so is an example.
    let mut others = rust_but(&["crates/cli/", "xtask/", OWN]);
    others.retain(|source| !source.path.contains("/benches/") && !source.path.contains("/examples/"));
    let printing = ["println!", "eprintln!", "print!", "eprint!", "dbg!"];
    forbid("print in crates/cli or write to an argument", &others, |line| {
        printing.iter().any(|word| calls(line, word))
    });
}

#[test]
fn only_the_clock_asks_the_time() {
    let asking = ["Timestamp::now", "Zoned::now", "SystemTime::now", "OffsetDateTime::now", "Utc::now"];
    let mut others = rust_but(&[CLOCK, OWN]);
    // An example stands for a program of somebody else, which has a clock of its own.
    others.retain(|source| !source.path.contains("/examples/"));
    forbid("take the time as an argument", &others, |line| asking.iter().any(|question| calls(line, question)));
}

#[test]
fn only_the_certificate_crate_writes_private_keys() {
    let mut broken = Vec::new();
    for source in rust_but(&["crates/certificate/", OWN]) {
        let code: String = source.code().flat_map(|(_, line)| [line, "\n"]).collect();
        let exports = |statement: &&str| {
            let key = [".to_pem()", ".pkcs8_der()", ".serialize_pem()", ".serialize_der()"];
            statement.contains("write(") && key.iter().any(|call| statement.contains(call))
        };
        broken.extend(
            code.split([';', '{', '}']).filter(exports).map(|found| format!("{}: {}", source.path, found.trim())),
        );
    }
    assert!(broken.is_empty(), "use actas_certificate's functions for files:\n{}", broken.join("\n"));
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let text = sources_but(&["Cargo.lock", OWN]);
    let checkout = root().canonicalize().expect("the sources are somewhere");
    let home = std::env::home_dir().filter(|home| home.parent().is_some());
    let machine: Vec<String> =
        [Some(checkout), home].into_iter().flatten().map(|path| format!("{}/", path.display())).collect();
    let is_path = |line: &str, start: &str| {
        // `https://host/folder/` and `tests/folder/` are no paths from the root of a disk.
        line.match_indices(start).any(|(at, _)| line[..at].ends_with(|before: char| before.is_alphanumeric()).not())
    };
    let mut broken = Vec::new();
    for source in &text {
        let found = source.lines().filter(|(_, line)| machine.iter().any(|start| is_path(line, start)));
        broken.extend(found.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())));
    }
    assert!(broken.is_empty(), "paths of one machine:\n{}", broken.join("\n"));
}

/// Fails with every line of code that `breaks` the rule.
#[track_caller]
fn forbid(rule: &str, sources: &[Source], breaks: impl Fn(&str) -> bool) {
    let mut broken = Vec::new();
    for source in sources {
        let found = source.code().filter(|(_, line)| breaks(line));
        broken.extend(found.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())));
    }
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

/// Returns whether `name` stands in the line as a word of its own: `eprintln!` does not hold `println!`.
fn calls(line: &str, name: &str) -> bool {
    let is_part = |before: char| before.is_alphanumeric() || before == '_';
    line.match_indices(name).any(|(at, _)| !line[..at].ends_with(is_part))
}

fn rust() -> Vec<Source> {
    rust_but(&[OWN])
}

fn rust_but(folders: &[&str]) -> Vec<Source> {
    sources_but(folders).into_iter().filter(Source::is_rust).collect()
}

fn sources_but(folders: &[&str]) -> Vec<Source> {
    sources().into_iter().filter(|source| !source.is_in(folders)).collect()
}
