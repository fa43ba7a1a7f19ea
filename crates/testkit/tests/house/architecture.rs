//! Who may use whom.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::process::Command;

use serde_json::Value;

use crate::sources::root;

/// Which crates of ours each crate may use. A crate that is not here does not belong here yet.
const ARROWS: &[(&str, &[&str])] = &[
    ("actas-token", &[]),
    ("actas-certificate", &[]),
    ("actas-exchange", &[]),
    ("actas-runtime", &[]),
    ("actas-directory", &["actas-token", "actas-certificate"]),
    ("actas-store", &["actas-directory"]),
    ("actas-validator", &["actas-token"]),
    ("actas-sts", &["actas-directory", "actas-token", "actas-certificate", "actas-store", "actas-runtime"]),
    (
        "actas-mailbox",
        &["actas-exchange", "actas-validator", "actas-token", "actas-directory", "actas-store", "actas-runtime"],
    ),
    (
        "actas-agent",
        &["actas-exchange", "actas-directory", "actas-token", "actas-certificate", "actas-store", "actas-runtime"],
    ),
    ("actas-doctor", &["actas-exchange", "actas-validator", "actas-certificate", "actas-token", "actas-runtime"]),
    (
        "actas",
        &[
            "actas-agent",
            "actas-certificate",
            "actas-directory",
            "actas-doctor",
            "actas-exchange",
            "actas-mailbox",
            "actas-runtime",
            "actas-store",
            "actas-sts",
            "actas-token",
            "actas-validator",
        ],
    ),
    ("actas-testkit", &[]),
    ("xtask", &[]),
];

/// The crates that do no I/O, and what would let them.
const PURE: &[&str] = &["actas-token", "actas-certificate", "actas-directory", "actas-exchange"];
const MEANS_OF_IO: &[&str] = &["axum", "axum-server", "hyper", "reqwest", "rusqlite", "tokio", "tokio-postgres"];

#[test]
fn every_crate_has_its_row() {
    let crates: Vec<String> = dependencies().into_keys().collect();
    let strangers: Vec<&String> = crates.iter().filter(|name| allowed(name).is_none()).collect();
    assert!(strangers.is_empty(), "crates without a row in the table of who may use whom: {strangers:?}");
}

#[test]
fn the_arrows_point_down() {
    let crates = dependencies();
    let mut broken = Vec::new();
    for (name, dependencies) in &crates {
        let allowed = allowed(name).unwrap_or_default();
        for used in dependencies.shipped.iter().filter(|used| crates.contains_key(*used)) {
            if !allowed.contains(&used.as_str()) {
                broken.push(format!("{name} uses {used}; it may use {allowed:?}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn nobody_tests_through_the_binary_crate() {
    let crates = dependencies();
    let broken: Vec<_> = crates.iter().filter(|(_, used)| used.tests.contains("actas")).map(|(name, _)| name).collect();
    assert!(broken.is_empty(), "the binary is started, not linked; these link it: {broken:?}");
}

#[test]
fn formats_and_rules_do_no_io() {
    let crates = dependencies();
    let mut broken = Vec::new();
    for name in PURE {
        let used = &crates[*name].shipped;
        broken
            .extend(MEANS_OF_IO.iter().filter(|means| used.contains(**means)).map(|means| format!("{name}: {means}")));
    }
    assert!(broken.is_empty(), "crates that do no I/O, with the means for it: {broken:?}");
}

#[derive(Debug, Default)]
struct Dependencies {
    /// What becomes part of the product, or of building it.
    shipped: BTreeSet<String>,
    tests: BTreeSet<String>,
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    ARROWS.iter().find(|(known, _)| *known == name).map(|(_, allowed)| *allowed)
}

/// Returns the workspace's crates with the names of what they depend on.
fn dependencies() -> BTreeMap<String, Dependencies> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let answer = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(answer.status.success(), "{}", answer.stderr.escape_ascii());
    let metadata: Value = serde_json::from_slice(&answer.stdout).expect("cargo writes JSON");
    list(&metadata, "packages").iter().map(|package| (text(package, "name"), read(package))).collect()
}

fn read(package: &Value) -> Dependencies {
    let mut dependencies = Dependencies::default();
    for used in list(package, "dependencies") {
        let kind = if used["kind"] == "dev" { &mut dependencies.tests } else { &mut dependencies.shipped };
        kind.insert(text(used, "name"));
    }
    dependencies
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().expect("cargo writes a list")
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().expect("cargo writes a name").to_owned()
}
