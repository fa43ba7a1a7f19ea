//! Files that are not ours, newer or damaged are refused and left as they were.

use std::path::Path;

use actas_store::{Database, ErrorKind, Schema};

fn refused(path: &Path, schema: Schema) -> ErrorKind {
    let before = std::fs::read(path).unwrap();
    let error = Database::open(path, schema).unwrap_err();
    assert!(error.hint().is_some(), "{error}");
    assert_eq!(std::fs::read(path).unwrap(), before, "the file was touched");
    match error.kind() {
        ErrorKind::Newer { path, found, known } => {
            ErrorKind::Newer { path: path.clone(), found: *found, known: *known }
        }
        ErrorKind::NotOurs { path, sqlite } => ErrorKind::NotOurs { path: path.clone(), sqlite: *sqlite },
        ErrorKind::Corrupt { path, why } => ErrorKind::Corrupt { path: path.clone(), why: why.clone() },
        ErrorKind::OtherSide { path, found, wanted } => ErrorKind::OtherSide { path: path.clone(), found, wanted },
        other => panic!("{other}"),
    }
}

fn made(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("cloud.db");
    drop(Database::open(&path, Schema::Cloud).unwrap());
    wait_for_writer(&path);
    path
}

/// The writer's thread closes its connection after the last handle is dropped.
fn wait_for_writer(path: &Path) {
    let wal = path.with_extension("db-wal");
    for _ in 0..500 {
        if !wal.exists() {
            return;
        }
        std::thread::yield_now();
        let _ = std::fs::metadata(&wal);
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        });
    }
    panic!("the writer did not close");
}

#[test]
fn made_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path());
    Database::open(&path, Schema::Cloud).unwrap();
}

#[test]
fn the_other_side() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(refused(&made(folder.path()), Schema::OnPremises), ErrorKind::OtherSide { .. }));
}

#[test]
fn newer() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    wait_for_writer(&path);
    assert!(matches!(refused(&path, Schema::Cloud), ErrorKind::Newer { found: 99, .. }));
}

#[test]
fn not_a_database_and_somebody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "hello ".repeat(100)).unwrap();
    assert!(matches!(refused(&text, Schema::Cloud), ErrorKind::NotOurs { sqlite: false, .. }));
    std::fs::write(&text, "short").unwrap();
    assert!(matches!(refused(&text, Schema::Cloud), ErrorKind::NotOurs { sqlite: false, .. }));
    let other = folder.path().join("other.db");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection.execute_batch("PRAGMA application_id = 7; CREATE TABLE t (x)").unwrap();
    drop(connection);
    assert!(matches!(refused(&other, Schema::Cloud), ErrorKind::NotOurs { sqlite: true, .. }));
}

#[test]
fn damaged_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[4096..half].fill(0x5a);
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(refused(&path, Schema::Cloud), ErrorKind::Corrupt { .. }));
}
