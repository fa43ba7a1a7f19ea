//! The event log.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use actas_testkit::wait_for;

use crate::{actas, installation::Installation};

#[test]
fn there_is_no_log_yet() {
    let installation = Installation::new();
    assert_eq!(installation.run(&["events"]), "exit code: 0\n----- stdout -----\n----- stderr -----\n");
    assert!(installation.objects(&["events", "-Id", "32053"]).is_empty());
    assert!(!installation.data().exists(), "looking makes nothing");
}

#[test]
fn events_are_told_in_the_order_in_which_they_happened() {
    let installation = Installation::new();
    for realm in ["a.example", "b.example"] {
        installation.run(&["Set-CsOAuthConfiguration", "-Realm", realm]);
    }
    installation.run(&["Test-CsExStorageConnectivity", "sip:adam@contoso.example"]);
    assert_told!("events", &installation.run(&["events"]));
    assert_told!("events_in_json", &installation.run(&["events", "-Id", "32053", "-Output", "json"]));

    let ids = |words: &[&str]| -> Vec<u64> {
        installation.objects(words).iter().map(|event| event["Id"].as_u64().unwrap()).collect()
    };
    assert_eq!(ids(&["events"]), [45001, 45001, 32053]);
    assert_eq!(ids(&["events", "-MaxEvents", "2"]), [45001, 32053]);
    assert_eq!(ids(&["events", "-MaxEvents", "0"]), [0; 0]);
    assert_eq!(ids(&["events", "-Id", "45001,45002"]), [45001, 45001]);
    assert_eq!(ids(&["events", "-Source", "ls storage service"]), [32053]);
    assert_eq!(ids(&["events", "-After", "2100-01-01"]), [0; 0]);
}

#[test]
fn the_log_is_followed_until_nobody_reads() {
    let installation = Installation::new();
    let mut command = actas();
    command.arg("--data").arg(installation.data()).args(["events", "--follow", "--output", "json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    // The log begins after the look at it did.
    for realm in ["a.example", "b.example"] {
        installation.run(&["Set-CsOAuthConfiguration", "-Realm", realm]);
        let line = lines.next().expect("a line").expect("text");
        let event: serde_json::Value = serde_json::from_str(&line).expect("an object");
        assert_eq!((&event["Id"], &event["Fields"]["object"]), (&45001.into(), &"OAuthConfiguration".into()));
    }
    drop(lines);
    installation.run(&["Set-CsOAuthConfiguration", "-Realm", "c.example"]);
    let status = wait_for(Duration::from_secs(30), || child.try_wait().expect("it can be waited for"));
    // Left alone it would outlive the test.
    let _ = child.kill();
    assert_eq!(status.and_then(|status| status.code()), Some(0));
}
