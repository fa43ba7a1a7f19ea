//! A database that is not what it should be is refused, and left as it is.

use std::{fs, path::Path, time::Duration};

use actas_store::{Database, Schema};
use actas_testkit::wait_for;

use crate::installation::{Installation, bytes};

/// Refuses a database that `spoil` made out of a good one.
#[track_caller]
fn refused(name: &str, spoil: impl Fn(&mut Vec<u8>)) {
    let installation = Installation::new();
    installation.run(&["Set-CsOAuthConfiguration", "-Realm", "contoso.example"]);
    let database = installation.database();
    gather(&database);
    let mut spoilt = bytes(&database);
    spoil(&mut spoilt);
    fs::write(&database, &spoilt).unwrap();
    assert_told!(name, &installation.run(&["Get-CsOAuthConfiguration"]));
    for words in [&["Set-CsOAuthConfiguration", "-Realm", "a.example"][..], &["storage", "list"], &["events"]] {
        let told = installation.run(words);
        assert!(told.starts_with("exit code: 1\n"), "{words:?}\n{told}");
    }
    assert!(bytes(&database) == spoilt, "the file was changed");
}

#[test]
fn of_a_newer_version() {
    // The schema's number stands in the file's header.
    refused("database_of_a_newer_version", |file| file[60..64].copy_from_slice(&99_u32.to_be_bytes()));
}

#[test]
fn damaged() {
    refused("database_that_is_damaged", |file| {
        let page = 4096;
        file[page..3 * page].fill(0xa5);
    });
}

#[test]
fn of_another_program() {
    refused("database_of_another_program", |file| file[68..72].copy_from_slice(&7_u32.to_be_bytes()));
}

#[test]
fn no_database_at_all() {
    refused("no_database_at_all", |file| *file = b"a text that somebody put here\n".repeat(10));
}

/// Has all that was written stand in the one file.
fn gather(database: &Path) {
    drop(Database::open(database, Schema::OnPremises).expect("a good database"));
    let journal = database.with_extension("db-wal");
    wait_for(Duration::from_secs(30), || (!journal.exists()).then_some(())).expect("the journal is gone");
}
