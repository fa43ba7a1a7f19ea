//! The tables of conformance and of attacks name tests, and the tests are there.

use crate::sources::sources;

#[test]
fn every_named_test_is_there() {
    check("docs/conformance.md", 80);
}

#[test]
fn every_test_of_an_attack_is_there() {
    let table = check("docs/attacks.md", 50);
    for number in 1..=27 {
        assert!(table.contains(&format!("\n| A{number} |")), "A{number} has a row");
    }
}

/// Checks the names in a table, which are more than `least`, and returns its text.
fn check(path: &str, least: usize) -> String {
    let all = sources();
    let table = all.iter().find(|source| source.path == path).expect("the table is there");
    let (mut found, mut missing) = (0, Vec::new());
    for name in names(&table.text) {
        let parts: Vec<&str> = name.split("::").collect();
        let (crate_name, test) = (parts[0], parts[parts.len() - 1]);
        // The module that is a file: of unit tests the one before `tests`.
        let modules = &parts[1..parts.len() - 1];
        let file = modules.iter().rev().find(|module| **module != "tests").expect("a module");
        let is_there = all.iter().filter(|source| source.is_rust()).any(|source| {
            source.path.starts_with(&format!("crates/{crate_name}/"))
                && source.path.ends_with(&format!("/{file}.rs"))
                && source.text.contains(&format!("fn {test}("))
        });
        if is_there { found += 1 } else { missing.push(name) }
    }
    assert!(missing.is_empty(), "{path} names tests that are not there: {missing:#?}");
    assert!(found > least, "{path} names {found} tests; was it read?");
    table.text.clone()
}

/// Everything between backticks that looks like a test's path.
fn names(text: &str) -> impl Iterator<Item = String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |name: &&str| {
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == ':';
        name.matches("::").count() >= 2 && name.chars().all(lower) && !name.starts_with("actas_")
    };
    quoted.filter(is_path).map(str::to_owned)
}
