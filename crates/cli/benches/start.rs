//! From the start of the process to the first token, and what it holds when it is idle:
//! `cargo bench -p actas --bench start`.
//!
//! The lab is the embedded form: both sides of a cloud, seeded, on one port. Once it starts in
//! an empty folder, where it makes its authority, keys and directory, and then in one that an
//! earlier start left, as a developer's second run does. The client polls from another process,
//! builds its TLS for each start and asks for a token over HTTPS with a client's certificate;
//! the clock runs from the spawn to the token. Figures are of the machine and of who shares it.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use actas_certificate::file;
use actas_runtime::{ClientOptions, Clock as _, HttpClient, HttpRequest, SystemClock};
use actas_token::{SigningKey, issue};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::Value;

/// Starts of each kind.
const STARTS: usize = 25;
/// How often the client looks whether the lab is ready.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How long it is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(3);
const DEADLINE: Duration = Duration::from_secs(30);
const TARGET_MS: f64 = 150.0;
const TARGET_MIB: f64 = 50.0;

/// Milliseconds since the spawn, and MiB once idle.
struct Measured {
    ready: f64,
    token: f64,
    idle: f64,
}

/// A lab that is killed when it goes.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::Builder::new().prefix("actas-bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let fresh: Vec<Measured> = (0..STARTS)
        .map(|round| {
            let own = folder.path().join(format!("fresh-{round}"));
            // One is enough for the memory: it is the same each time.
            measure(&runtime, &own, round == 0)
        })
        .collect();
    tell("in an empty folder", &fresh);
    let own = folder.path().join("again");
    measure(&runtime, &own, false);
    let again: Vec<Measured> = (0..STARTS).map(|round| measure(&runtime, &own, round == 0)).collect();
    tell("in a folder of before", &again);
}

fn tell(kind: &str, all: &[Measured]) {
    let sorted = |value: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = all.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let (ready, token) = (sorted(|one| one.ready), sorted(|one| one.token));
    let idle = all.iter().map(|one| one.idle).fold(0.0, f64::max);
    let middle = all.len() / 2;
    println!(
        "start {kind:<22} first token {:>6.1} ms (median of {}; {:.1} to {:.1}; ready after {:.1})   target {TARGET_MS:.0}",
        token[middle],
        all.len(),
        token[0],
        token[all.len() - 1],
        ready[middle]
    );
    println!("      {:<22} idle memory {idle:>6.1} MiB resident   target {TARGET_MIB:.0}", "");
}

fn measure(runtime: &tokio::runtime::Runtime, folder: &Path, with_memory: bool) -> Measured {
    fs::create_dir_all(folder).unwrap();
    let ready_file = folder.join("ready.json");
    let _ = fs::remove_file(&ready_file);
    let start = Instant::now();
    let lab = Command::new(env!("CARGO_BIN_EXE_actas"))
        .args(["lab", "--listen", "127.0.0.1:0", "--ready-file"])
        .arg(&ready_file)
        .arg("--data")
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the lab starts");
    let lab = Started(lab);
    // The file is moved into place, so what can be read is whole.
    let values: BTreeMap<String, String> = loop {
        if let Ok(bytes) = fs::read(&ready_file) {
            break serde_json::from_slice(&bytes).expect("the ready file is an object of strings");
        }
        assert!(start.elapsed() < DEADLINE, "the lab is not ready after {DEADLINE:?}");
        wait(runtime, LOOK_EVERY);
    };
    let ready = milliseconds(start);
    runtime.block_on(first_token(&values));
    let token = milliseconds(start);
    let idle = if with_memory {
        wait(runtime, IDLE);
        resident(&lab.0)
    } else {
        0.0
    };
    Measured { ready, token, idle }
}

fn wait(runtime: &tokio::runtime::Runtime, time: Duration) {
    runtime.block_on(async { tokio::time::sleep(time).await });
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// Gets a token with the certificate of the lab's application.
async fn first_token(values: &BTreeMap<String, String>) {
    let value = |key: &str| values.get(key).unwrap_or_else(|| panic!("the ready file has no {key}")).as_str();
    let roots = file::read_certificates(Path::new(value("CA_PEM"))).unwrap();
    let extra_roots = roots.iter().map(actas_certificate::Certificate::to_tls).collect();
    let options = ClientOptions { extra_roots, only_extra_roots: true, ..ClientOptions::default() };
    let http = HttpClient::new(&options).unwrap();
    let pair = file::read_key_pair(Path::new(value("CERT_PEM")), Path::new(value("KEY_PEM"))).unwrap();
    let key = SigningKey::new(pair.key().pkcs8_der(), pair.certificate().der()).unwrap();
    let (endpoint, client) = (value("TOKEN_URL"), value("CLIENT_ID"));
    let lifetime = SignedDuration::from_mins(5);
    let assertion = issue::client_assertion(&key, client, endpoint, "first", lifetime, SystemClock.now()).unwrap();
    let form = format!(
        "grant_type=client_credentials&client_id={client}\
         &client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer\
         &client_assertion={assertion}&scope={}",
        value("SCOPE")
    );
    let answer =
        http.send(HttpRequest::post(endpoint, "application/x-www-form-urlencoded", form)).await.expect("it answers");
    let body: Value = serde_json::from_slice(&answer.body).expect("it answers JSON");
    assert!(answer.status == StatusCode::OK && body["access_token"].is_string(), "{body}");
}

/// Resident memory of a process in MiB, from Linux; not a number elsewhere.
fn resident(process: &Child) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}
