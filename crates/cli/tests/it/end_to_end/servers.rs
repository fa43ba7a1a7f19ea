//! The demonstration, the lab and the servers as processes: started, killed, told to
//! stop, and started again.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use actas_testkit::{Background, Finished, run};
use serde_json::Value;
use tempfile::TempDir;

use crate::actas;

pub(super) const DEADLINE: Duration = Duration::from_mins(1);

pub(super) fn folder() -> TempDir {
    TempDir::with_prefix("actas-it-").expect("a temporary folder can be made")
}

fn demo(data: &Path) -> Command {
    let mut command = actas();
    command.args(["demo", "--json", "--data"]).arg(data);
    command
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[track_caller]
fn ends_well(finished: &Finished) {
    let all = lines(&finished.stdout);
    assert_eq!(finished.code, Some(0), "{finished}");
    for line in &all {
        assert_eq!(line["ok"], true, "{line}");
        assert!(line["step"].is_string() && line["command"].is_string() && line["observed"].is_string(), "{line}");
    }
    assert_eq!(all.last().expect("a last line")["step"], "summary");
    let steps: Vec<&str> = all.iter().filter_map(|line| line["step"].as_str()).collect();
    for step in ["event-32053", "event-32054", "event-32048", "connectivity-test", "read-back", "renewal"] {
        assert!(steps.contains(&step), "{steps:?}");
    }
}

#[test]
fn the_demonstration_from_nothing() {
    let mut command = actas();
    ends_well(&run(command.args(["demo", "--json"]), DEADLINE));
}

/// Killed after the first, the third, … step, and started again on the same folder.
#[test]
fn a_demonstration_that_was_killed_goes_on() {
    for steps in [0, 2, 4, 6, 9, 12, 15] {
        let folder = folder();
        let data = folder.path().join("data");
        let mut cut_off = Background::start(&mut demo(&data), &folder.path().join("output"));
        let output = folder.path().join("output");
        cut_off.wait_for("a step", DEADLINE, || {
            let text = fs::read_to_string(&output).unwrap_or_default();
            let begun = data.join("cloud/cloud.db").exists();
            (begun && text.matches("\"ok\":true").count() >= steps).then_some(())
        });
        cut_off.kill();
        drop(cut_off);
        ends_well(&run(&mut demo(&data), DEADLINE));
    }
}

#[test]
fn a_demonstration_may_be_repeated() {
    let folder = folder();
    let data = folder.path().join("data");
    ends_well(&run(&mut demo(&data), DEADLINE));
    ends_well(&run(&mut demo(&data), DEADLINE));
}

pub(super) struct Started {
    pub(super) process: Background,
    ready: PathBuf,
}

impl Started {
    fn lab(folder: &Path, more: &[&str]) -> Self {
        let ready = folder.join("ready.json");
        let mut command = actas();
        command.args(["lab", "--ready-file"]).arg(&ready).args(more);
        Self::start(command, folder, ready)
    }

    pub(super) fn start(mut command: Command, folder: &Path, ready: PathBuf) -> Self {
        // A file of an earlier start would be taken for this one's.
        let _ = fs::remove_file(&ready);
        let mut process = Background::start(&mut command, &folder.join("output"));
        process.wait_for("a ready file", DEADLINE, || ready.exists().then_some(()));
        Self { process, ready }
    }

    pub(super) fn value(&self, key: &str) -> String {
        let text = fs::read_to_string(&self.ready).expect("the ready file can be read");
        let all: Value = serde_json::from_str(&text).expect("the ready file is JSON");
        all[key].as_str().unwrap_or_else(|| panic!("{key} in {all}")).to_owned()
    }

    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.process.id().to_string()]).status();
        assert!(status.expect("kill can be run").success());
    }

    pub(super) fn stops(&mut self) {
        self.signal("TERM");
        assert_eq!(self.process.wait(DEADLINE), Some(0), "{}", self.process.output());
    }
}

#[test]
fn a_lab_stops_when_told_and_leaves_nothing() {
    let folder = folder();
    let mut lab = Started::lab(folder.path(), &[]);
    let data = PathBuf::from(lab.value("DATA_DIR"));
    assert!(data.join("cloud/cloud.db").exists());
    lab.stops();
    assert!(!data.exists(), "the temporary folder is gone");
}

#[test]
fn a_lab_on_a_folder_is_the_same_lab_again() {
    let folder = folder();
    let data = folder.path().join("data").display().to_string();
    let mut first = Started::lab(folder.path(), &["--data", &data]);
    let keys = ["TENANT", "CLIENT_ID", "TENANT2", "CLIENT2_ID", "KEY_PEM", "CA_PEM"];
    let before = keys.map(|key| first.value(key));
    first.stops();
    let mut second = Started::lab(folder.path(), &["--data", &data]);
    assert_eq!(keys.map(|key| second.value(key)), before);
    second.process.kill();
    drop(second);
    let mut third = Started::lab(folder.path(), &["--data", &data]);
    assert_eq!(keys.map(|key| third.value(key)), before, "after a power cut too");
    third.stops();
}

#[test]
fn a_port_in_use_is_named() {
    let folder = folder();
    let mut lab = Started::lab(folder.path(), &[]);
    let base = lab.value("BASE_URL");
    let port = base.rsplit_once(':').expect("a port").1;
    let address = format!("127.0.0.1:{port}");
    let second = run(actas().args(["lab", "--listen", &address]), DEADLINE);
    assert_eq!(second.code, Some(1), "{second}");
    assert!(second.stderr.contains(&format!("address {address} is already in use")), "{second}");
    assert!(second.stderr.contains("hint: "), "{second}");
    lab.stops();
}

#[test]
fn what_a_lab_does_not_do() {
    let unknown = run(actas().args(["lab", "--fault", "gremlins"]), DEADLINE);
    assert_eq!(unknown.code, Some(2), "{unknown}");
    assert!(unknown.stderr.contains("cred-expired"), "the faults that there are: {unknown}");
    let public = run(actas().args(["lab", "--listen", "0.0.0.0:0"]), DEADLINE);
    assert_eq!(public.code, Some(2), "{public}");
    let folder = folder();
    let seed = folder.path().join("seed.toml");
    fs::write(
        &seed,
        "[[tenant]]\ndisplay_name = \"A\"\ndomains = [\"a.example\"]\n[[tenant.user]]\naddress = \"x@b.example\"\n",
    )
    .expect("a file can be written");
    let wrong = run(actas().args(["lab", "--seed-file"]).arg(&seed), DEADLINE);
    assert_eq!(wrong.code, Some(1), "{wrong}");
    assert!(wrong.stderr.contains("x@b.example"), "{wrong}");
}

#[test]
fn a_lab_starts_from_a_seed_file() {
    let folder = folder();
    let seed = folder.path().join("seed.toml");
    let text = "[[tenant]]\ndisplay_name = \"Tailspin\"\ndomains = [\"tailspin.example\"]\n\
        [[tenant.user]]\naddress = \"mona@tailspin.example\"\n\
        [[tenant.application]]\nid = \"5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11\"\nname = \"Voice\"\nexchange_partner = true\n";
    fs::write(&seed, text).expect("a file can be written");
    let mut lab = Started::lab(folder.path(), &["--seed-file", &seed.display().to_string()]);
    assert_eq!(lab.value("MAILBOX"), "mona@tailspin.example");
    assert_eq!(lab.value("CLIENT_ID"), "5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11");
    lab.stops();
}

/// Asks a plain HTTP server.
fn get(url: &str, path: &str) -> String {
    let address = url.strip_prefix("http://").expect("a plain address");
    let mut stream = TcpStream::connect(address).expect("the server answers");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it writes");
    answer
}

#[test]
fn both_sides_are_served_reloaded_and_drained() {
    let folder = folder();
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder can be made");
    fs::write(
        data.join("actas.toml"),
        "[cloud]\nlisten = \"127.0.0.1:0\"\nhttp_listen = \"127.0.0.1:0\"\npublic_origin = \"https://cloud.contoso.example:443\"\n\
         data = \"cloud\"\nseed_file = \"seed.toml\"\nmailbox_quota_bytes = 1_000_000\nelsewhere = { \"old.example\" = \"contoso.example\" }\n\n[onprem]\nlisten = \"127.0.0.1:0\"\ndata = \"onprem\"\n",
    )
    .expect("a file can be written");
    let seed = "[[tenant]]\ndisplay_name = \"Contoso\"\ndomains = [\"contoso.example\"]\n\
        [[tenant.application]]\nname = \"Administrator\"\nroles = [\"Application.ReadWrite.All\"]\n";
    fs::write(data.join("seed.toml"), seed).expect("a file can be written");
    let ready = folder.path().join("ready.json");
    let mut command = actas();
    command.args(["serve", "--data"]).arg(&data).arg("--ready-file").arg(&ready);
    let mut served = Started::start(command, folder.path(), ready);
    assert_eq!(served.value("CLOUD_URL"), "https://cloud.contoso.example");
    TcpStream::connect(served.value("CLOUD_LISTEN")).expect("the address that was picked answers");
    assert!(served.process.output().contains("Connect-MsolService"), "{}", served.process.output());
    let onprem = served.value("ONPREM_URL");
    assert!(get(&onprem, "/readyz").starts_with("HTTP/1.1 200"));
    let redirect = get(&served.value("HTTP_URL"), "/autodiscover/autodiscover.xml");
    assert!(
        redirect.starts_with("HTTP/1.1 302")
            && redirect.contains("https://cloud.contoso.example/autodiscover/autodiscover.xml"),
        "{redirect}"
    );
    assert!(get(&served.value("HTTP_URL"), "/anything").starts_with("HTTP/1.1 404"));

    served.signal("HUP");
    let output = folder.path().join("output");
    let told = |text: &str| fs::read_to_string(&output).unwrap_or_default().contains(text).then_some(());
    served.process.wait_for("a reload", DEADLINE, || told("the configuration was read again"));
    fs::write(data.join("actas.toml"), "[cloud]\nlistn = 1\n").expect("a file can be written");
    served.signal("HUP");
    served.process.wait_for("a refusal", DEADLINE, || told("listn"));
    assert!(get(&onprem, "/healthz").starts_with("HTTP/1.1 200"), "what runs goes on");
    served.stops();
}

#[test]
fn nothing_to_serve() {
    let folder = folder();
    let nothing = run(actas().args(["serve", "--data"]).arg(folder.path()), DEADLINE);
    assert_eq!(nothing.code, Some(1), "{nothing}");
    assert!(nothing.stderr.contains("actas serve cloud"), "{nothing}");
    let no_file = run(actas().args(["serve", "--config"]).arg(folder.path().join("none.toml")), DEADLINE);
    assert_eq!(no_file.code, Some(1), "{no_file}");
    assert!(no_file.stderr.contains("none.toml"), "{no_file}");
    let text = "[cloud]\nlisten = \"127.0.0.1:0\"\npublic_origin = \"https://cloud.contoso.example\"\ndata = \"cloud\"\n\
        elsewhere = { \"old.example\" = \"http://new.example/\" }\n";
    fs::write(folder.path().join("actas.toml"), text).expect("a file can be written");
    let not_safe = run(actas().args(["serve", "--data"]).arg(folder.path()), DEADLINE);
    assert_eq!(not_safe.code, Some(1), "{not_safe}");
    assert!(not_safe.stderr.contains("http://new.example/"), "{not_safe}");
}
