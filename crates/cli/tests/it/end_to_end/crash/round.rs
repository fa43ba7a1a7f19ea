//! One round: an on-premises side takes items under load, is killed and started again
//! while its target misbehaves, and is then left in peace until everything is delivered.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actas_store::queue::{ItemState, Queue};
use actas_store::{Database, Schema};
use actas_testkit::{Background, wait_for};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::cloud::{Cloud, address};
use super::proxy::Proxy;
use crate::actas;

const DEADLINE: Duration = Duration::from_mins(1);

/// A small generator of numbers that a seed repeats (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Mailboxes, and a way to them, for one round after another.
pub(super) struct Lane<'a> {
    cloud: &'a Cloud,
    proxy: &'a Proxy,
    mailboxes: Range<usize>,
}

/// What a submitter handed in, in order, with whether it was acknowledged.
struct Submitted {
    mailbox: usize,
    before: i64,
    items: Vec<(String, bool)>,
}

// === impl Lane ===

impl<'a> Lane<'a> {
    pub(super) fn new(cloud: &'a Cloud, proxy: &'a Proxy, mailboxes: Range<usize>) -> Self {
        Self { cloud, proxy, mailboxes }
    }

    pub(super) fn round(&mut self, seed: u64, random: &mut Random) {
        let folder = TempDir::with_prefix("actas-round-").expect("a temporary folder can be made");
        self.cloud.copy_onprem(&folder.path().join("onprem"));
        let config = format!(
            "[onprem]\nlisten = \"127.0.0.1:0\"\ndata = \"onprem\"\n\n\
             [onprem.delivery]\nretry_first_ms = 20\nlease_ms = 400\n\n\
             [client]\nhosts = [{:?}]\nca_files = [\"{}\"]\n",
            self.proxy.host(),
            self.proxy.ca_file.display()
        );
        fs::write(folder.path().join("actas.toml"), config).expect("a file can be written");
        self.proxy.storm(seed);
        let at = Mutex::new(String::new());
        let storm = AtomicBool::new(true);
        let mut served = Served::start(folder.path(), &at);
        let mut kills = 1 + random.below(2);
        let submitted: Vec<Submitted> = std::thread::scope(|scope| {
            let handles: Vec<_> = self
                .mailboxes
                .clone()
                .map(|mailbox| {
                    let mut random = Random::new(random.below(u64::MAX));
                    let (at, storm, cloud) = (&at, &storm, self.cloud);
                    let before = cloud.place(mailbox);
                    scope.spawn(move || Submitted {
                        mailbox,
                        before,
                        items: submit(cloud, seed, mailbox, at, storm, &mut random),
                    })
                })
                .collect();
            while kills > 0 {
                pause(30 + random.below(250));
                served.process.kill();
                self.cloud.tell(|told| told.kills += 1);
                // What is on its way arrives within the lease of the dead.
                assert!(wait_for(DEADLINE, || self.proxy.is_idle().then_some(())).is_some(), "the proxy stands still");
                if random.below(24) == 0 {
                    self.cloud.kill();
                }
                served = Served::start(folder.path(), &at);
                kills -= 1;
            }
            pause(random.below(100));
            storm.store(false, Ordering::SeqCst);
            handles.into_iter().map(|handle| handle.join().expect("a submitter does not fail")).collect()
        });
        pause(100 + random.below(400));
        self.proxy.calm();
        self.drained(folder.path(), &mut served);
        served.process.kill();
        self.verify(folder.path(), &submitted);
    }

    /// Waits until nothing is queued any more.
    fn drained(&self, folder: &Path, served: &mut Served) {
        let queue = queue_in(folder);
        let counts = || self.cloud.runtime.block_on(queue.counts()).expect("the queue can be read");
        let text = served.output.clone();
        let empty = wait_for(DEADLINE, || (counts().queued == 0).then_some(()));
        assert!(empty.is_some(), "it does not empty: {:?}\n{}", counts(), fs::read_to_string(text).unwrap_or_default());
        assert_eq!(counts().given_up, 0, "nothing is set aside");
    }

    fn verify(&self, folder: &Path, submitted: &[Submitted]) {
        let queue = queue_in(folder);
        for Submitted { mailbox, before, items } in submitted {
            let arrived = self.cloud.arrived(*mailbox, *before);
            let mut keys = Vec::with_capacity(arrived.len());
            for (document, files) in &arrived {
                let key = between(document, "key<", ">").unwrap_or_else(|| panic!("no key in {document}"));
                assert!(document.contains(&format!("end of {key}")), "cut short: {document}");
                let whole = files.iter().all(|file| *file == content(&key));
                assert!(whole && files.len() == usize::from(has_file(&key)), "the files of {key}");
                keys.push(key);
            }
            let once: BTreeSet<_> = keys.iter().collect();
            assert_eq!(once.len(), keys.len(), "twice in mailbox {mailbox}: {keys:?}");
            for (key, acknowledged) in items {
                let there = once.contains(key);
                assert!(there || !acknowledged, "lost in mailbox {mailbox}: {key}, of {keys:?}");
                let state = self.cloud.runtime.block_on(queue.get(key)).expect("the queue can be read");
                let state = state.map(|item| item.state);
                assert_eq!(there, state == Some(ItemState::Delivered), "{key} is {state:?}");
            }
            let expected: Vec<_> = items.iter().map(|(key, _)| key).filter(|key| once.contains(key)).collect();
            assert_eq!(keys.iter().collect::<Vec<_>>(), expected, "the order in mailbox {mailbox}");
            self.cloud.tell(|told| told.items += keys.len() as u64);
        }
        let (faults, lost) = self.proxy.counts();
        self.cloud.tell(|told| {
            told.faults += faults;
            told.lost_answers += lost;
        });
    }
}

fn queue_in(folder: &Path) -> Queue {
    let path = folder.join("onprem/onprem.db");
    Queue::new(Database::open(&path, Schema::OnPremises).expect("the database opens after a crash"))
}

/// An on-premises side that runs.
struct Served {
    process: Background,
    output: PathBuf,
}

impl Served {
    fn start(folder: &Path, at: &Mutex<String>) -> Self {
        let (ready, output) = (folder.join("ready.json"), folder.join("output.txt"));
        let _ = fs::remove_file(&ready);
        let mut command = actas();
        command.args(["serve", "onprem", "--data"]).arg(folder).arg("--ready-file").arg(&ready);
        let mut process = Background::start(&mut command, &output);
        process.wait_for("a ready file", DEADLINE, || ready.exists().then_some(()));
        let text = fs::read_to_string(&ready).expect("the ready file can be read");
        let values: Value = serde_json::from_str(&text).expect("the ready file is JSON");
        let url = values["ONPREM_URL"].as_str().expect("an address");
        url.trim_start_matches("http://").clone_into(&mut at.lock().unwrap_or_else(PoisonError::into_inner));
        Self { process, output }
    }
}

/// Hands items in for one mailbox while the storm lasts, each batch again until it is
/// acknowledged; the last one only once.
fn submit(
    cloud: &Cloud,
    seed: u64,
    mailbox: usize,
    at: &Mutex<String>,
    storm: &AtomicBool,
    random: &mut Random,
) -> Vec<(String, bool)> {
    let mut items = Vec::new();
    let mut number = 0;
    loop {
        let last = !storm.load(Ordering::SeqCst) || number > 60;
        let batch: Vec<String> =
            (0..=random.below(4)).map(|place| format!("{seed}-{mailbox}-{}", number + place)).collect();
        number += batch.len() as u64;
        let body = Value::Array(batch.iter().map(|key| item(key, mailbox)).collect()).to_string();
        let try_once = || {
            let address = at.lock().unwrap_or_else(PoisonError::into_inner).clone();
            post(&address, &cloud.token, &body).ok().filter(|answer| {
                assert!(!answer.contains("\"status\":4"), "refused: {answer}");
                answer.starts_with("HTTP/1.1 200")
            })
        };
        let acknowledged = if last { try_once() } else { wait_for(DEADLINE, try_once) };
        assert!(last || acknowledged.is_some(), "nothing is accepted any more");
        items.extend(batch.into_iter().map(|key| (key, acknowledged.is_some())));
        if last {
            return items;
        }
        pause(random.below(20));
    }
}

fn item(key: &str, mailbox: usize) -> Value {
    let mut item = json!({
        "key": key,
        "owner": address(mailbox),
        "component": "ConversationHistory",
        "subject": format!("key<{key}>"),
        "body": format!("{} end of {key}", "words ".repeat(20)),
    });
    if has_file(key) {
        use base64::Engine;
        let content = base64::engine::general_purpose::STANDARD.encode(content(key));
        item["attachments"] = json!([{"name": "voice.wav", "contentType": "audio/wav", "content": content}]);
    }
    item
}

fn has_file(key: &str) -> bool {
    key.ends_with('7')
}

/// What the file of an item holds, more than one part of it.
fn content(key: &str) -> Vec<u8> {
    key.bytes().cycle().take(300_000).collect()
}

fn post(address: &str, token: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(
        stream,
        "POST /storage/v1/items HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inner, _)| inner.to_owned())
}

/// Lets a moment of the round pass: when a process is killed is what the seed decides.
fn pause(milliseconds: u64) {
    wait_for(Duration::from_millis(milliseconds), || None::<()>);
}
