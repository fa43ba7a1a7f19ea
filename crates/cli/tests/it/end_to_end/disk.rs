//! A disk that is full, or takes nothing: what was acknowledged is there, what was not is
//! told so, and all goes on by itself when there is room.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use actas_testkit::{Background, run, wait_for};
use serde_json::Value;
use tempfile::TempDir;

use crate::actas;

const DEADLINE: Duration = Duration::from_mins(1);

/// Files grow up to that many blocks of 512 bytes, as on a disk of that size. What does not
/// fit is an error of the write, as on a disk, and no signal.
fn limited(blocks: Option<u32>, data: &Path, ready: &Path) -> Command {
    let binary = env!("CARGO_BIN_EXE_actas");
    let limit = blocks.map_or_else(String::new, |blocks| format!("ulimit -f {blocks}; "));
    let mut command = Command::new("sh");
    command.args([
        "-c",
        &format!("trap '' XFSZ; {limit}exec \"$0\" serve onprem --data \"$1\" --ready-file \"$2\""),
        binary,
    ]);
    command.arg(data).arg(ready);
    command
}

fn start(blocks: Option<u32>, folder: &Path) -> (Background, String) {
    let (data, ready) = (folder.join("data"), folder.join("ready.json"));
    let _ = fs::remove_file(&ready);
    let mut process = Background::start(&mut limited(blocks, &data, &ready), &folder.join("output.txt"));
    process.wait_for("a ready file", DEADLINE, || ready.exists().then_some(()));
    let values: Value = serde_json::from_slice(&fs::read(&ready).expect("it can be read")).expect("JSON");
    let url = values["ONPREM_URL"].as_str().expect("an address");
    (process, url.trim_start_matches("http://").to_owned())
}

/// What a command tells, as JSON.
fn told(folder: &Path, words: &[&str]) -> Value {
    let mut command = actas();
    let data = folder.join("data");
    let finished = run(command.arg("--data").arg(data).args(words).args(["-Output", "json"]), DEADLINE);
    assert_eq!(finished.code, Some(0), "{finished}");
    serde_json::from_str(&finished.stdout).expect("JSON")
}

/// A folder with a configuration, and a token for the intake.
fn prepared() -> (TempDir, String) {
    let folder = TempDir::with_prefix("actas-disk-").expect("a temporary folder can be made");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder can be made");
    fs::write(data.join("actas.toml"), "[onprem]\nlisten = \"127.0.0.1:0\"\ndata = \"onprem\"\n")
        .expect("it can be written");
    let made = told(folder.path(), &["storage", "token", "new", "test"]);
    let token = made[0]["Token"].as_str().expect("a token").to_owned();
    (folder, token)
}

/// From now on a running process can write nothing, or again whatever it wants.
fn let_write(process: &Background, is_allowed: bool) {
    // The soft limit alone, for the hard one could not be raised again.
    let limit = if is_allowed { "unlimited:" } else { "0:" };
    let mut command = Command::new("prlimit");
    let finished = run(command.args(["--pid", &process.id().to_string(), &format!("--fsize={limit}")]), DEADLINE);
    assert_eq!(finished.code, Some(0), "{finished}");
}

/// Hands an item in; gives the status and the rest of the answer.
fn post(address: &str, token: &str, key: &str) -> (u16, String) {
    let body = format!(
        "{{\"key\": \"{key}\", \"owner\": \"adele@fabrikam.example\", \"component\": \"Other\", \"body\": \"{}\"}}",
        "x".repeat(100_000)
    );
    let mut stream = TcpStream::connect(address).expect("it answers");
    write!(
        stream,
        "POST /storage/v1/items HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it writes");
    let status = answer.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, answer)
}

#[test]
fn a_full_disk_loses_nothing_and_is_recovered_from() {
    let (folder, token) = prepared();
    let (token, told) = (token.as_str(), |words: &[&str]| told(folder.path(), words));

    let (mut process, address) = start(Some(4_000), folder.path());
    let mut acknowledged = Vec::new();
    let refused = loop {
        let key = format!("item-{}", acknowledged.len());
        let (status, answer) = post(&address, token, &key);
        if status != 201 {
            break (status, answer);
        }
        acknowledged.push(key);
        assert!(acknowledged.len() < 200, "the disk is never full");
    };
    assert!(acknowledged.len() > 3, "{refused:?}");
    assert!(matches!(refused.0, 503 | 507) && refused.1.contains("NotStored"), "{refused:?}");
    assert!(refused.1.to_ascii_lowercase().contains("retry-after:"), "{refused:?}");
    let (status, _) = post(&address, token, "still-full");
    assert!(matches!(status, 503 | 507), "it goes on answering");
    process.kill();

    let (process, address) = start(None, folder.path());
    for key in &acknowledged {
        let shown = told(&["storage", "show", key]);
        assert_eq!(shown[0]["State"], "queued", "{key}");
    }
    let key = format!("item-{}", acknowledged.len());
    assert_eq!(post(&address, token, &key).0, 201, "what was refused is accepted now");
    assert_eq!(post(&address, token, &acknowledged[0]).0, 200, "and what was accepted is known");
    let counted = wait_for(DEADLINE, || {
        let status = told(&["storage", "status"]);
        (status[0]["Queued"] == acknowledged.len() as u64 + 1).then_some(())
    });
    assert!(counted.is_some(), "nothing half accepted is there");
    drop(process);
}

#[test]
fn a_disk_that_becomes_read_only_loses_nothing_and_needs_no_restart() {
    let (folder, token) = prepared();
    let (process, address) = start(None, folder.path());
    let keys = ["a", "b", "c"];
    for key in keys {
        assert_eq!(post(&address, &token, key).0, 201);
    }
    let_write(&process, false);
    let (status, answer) = post(&address, &token, "d");
    assert!(matches!(status, 503 | 507) && answer.contains("NotStored"), "{answer}");
    assert_ne!(post(&address, &token, "d").0, 200, "it was not accepted");
    assert_eq!(told(folder.path(), &["storage", "show", "a"])[0]["State"], "queued", "it can be read");
    let_write(&process, true);
    let accepted = wait_for(DEADLINE, || (post(&address, &token, "d").0 == 201).then_some(()));
    assert!(accepted.is_some(), "the same process accepts again");
    for key in keys {
        assert_eq!(post(&address, &token, key).0, 200, "what was accepted is known");
    }
    let status = told(folder.path(), &["storage", "status"]);
    assert_eq!(status[0]["Queued"], 4, "{status}");
}

#[test]
fn a_disk_that_takes_nothing_is_told_at_the_start() {
    let folder = TempDir::with_prefix("actas-disk-").expect("a temporary folder can be made");
    let (data, ready) = (folder.path().join("data"), folder.path().join("ready.json"));
    fs::create_dir(&data).expect("a folder can be made");
    let finished = run(&mut limited(Some(16), &data, &ready), DEADLINE);
    assert_eq!(finished.code, Some(1), "{finished}");
    assert!(finished.stderr.contains("hint: ") && !ready.exists(), "{finished}");
}
