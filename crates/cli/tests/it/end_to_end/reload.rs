//! An on-premises side that is told to read its configuration again.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use actas_testkit::wait_for;
use serde_json::json;

use super::servers::{DEADLINE, Started};
use crate::{actas, installation::Installation};

const READ: &str = "the configuration was read again";
const MAPPED: &str = "call_records = [\"freeswitch\"]\ndomains = { \"pbx.example\" = \"fabrikam.example\" }\n";

/// A server with its commands.
struct Side {
    installation: Installation,
    started: Started,
    token: String,
}

impl Side {
    fn serving(sections: &str) -> Self {
        let installation = Installation::new();
        fs::create_dir(installation.data()).unwrap();
        configure(&installation, sections);
        let token = installation.property(&["storage", "token", "new", "telephones"], "Token");
        let ready = installation.path("ready.json");
        let mut command = actas();
        command.args(["serve", "--data"]).arg(installation.data()).args(["--ready-file", &ready]);
        let output = installation.path("output");
        fs::create_dir(&output).unwrap();
        let started = Started::start(command, output.as_ref(), ready.into());
        Self { installation, started, token }
    }

    fn output(&self) -> String {
        fs::read_to_string(self.installation.path("output/output")).unwrap()
    }

    /// Has other sections read, and waits until this was told once more.
    fn reads(&self, sections: &str, told: &str) {
        let before = self.output().matches(told).count();
        configure(&self.installation, sections);
        self.started.signal("HUP");
        wait_for(DEADLINE, || (self.output().matches(told).count() > before).then_some(()))
            .unwrap_or_else(|| panic!("{told} was not told: {}", self.output()));
    }

    /// The status and the body of an answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let url = self.started.value("ONPREM_URL");
        let address = url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("{answer}")), answer)
    }

    /// Posts the record of a call as FreeSWITCH does.
    fn calls(&self, id: &str) -> u16 {
        let record = json!({
            "channel_data": {"direction": "inbound"},
            "variables": {
                "uuid": id, "direction": "inbound", "sip_from_uri": "1001%40elsewhere.example",
                "sip_to_uri": "omar%40pbx.example", "dialed_user": "omar", "dialed_domain": "pbx.example",
                "start_epoch": "1515666344", "answer_epoch": "1515666347", "end_epoch": "1515666415",
                "billsec": "68", "last_app": "bridge", "hangup_cause": "NORMAL_CLEARING",
            },
            "callflow": [{"caller_profile": {"caller_id_number": "1001", "destination_number": "omar"}}],
        });
        self.ask("POST", "/sources/freeswitch", &record.to_string()).0
    }

    fn spools(&self, folder: &str, key: &str) {
        let folder = self.installation.data().join(folder);
        let item = json!({"key": key, "owner": "omar@fabrikam.example", "component": "Voicemail", "subject": key, "body": "."});
        fs::write(folder.join(format!(".{key}")), item.to_string()).unwrap();
        fs::rename(folder.join(format!(".{key}")), folder.join(format!("{key}.json"))).unwrap();
    }

    fn keys(&self) -> Vec<String> {
        let items = self.installation.objects(&["storage", "list", "--count", "10000"]);
        items.iter().map(|item| item["Key"].as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    fn holds(&self, key: &str) {
        wait_for(DEADLINE, || self.keys().iter().any(|own| own == key).then_some(()))
            .unwrap_or_else(|| panic!("{key} is not in {:?}: {}", self.keys(), self.output()));
    }
}

fn configure(installation: &Installation, sections: &str) {
    let text = format!("[onprem]\nlisten = \"127.0.0.1:0\"\ndata = \"onprem\"\n{sections}");
    // Whole or not at all, since the server may read it at any moment.
    let file = installation.data().join("actas.toml");
    fs::write(file.with_extension("new"), text).unwrap();
    fs::rename(file.with_extension("new"), file).unwrap();
}

fn sources(lines: &str) -> String {
    format!("[onprem.sources]\n{lines}")
}

#[test]
fn other_sources_are_taken_up_while_it_runs() {
    let mut side = Side::serving(&sources("spool = \"first\"\n"));
    assert_eq!(side.calls("early"), 404, "nothing says that they are taken");
    side.spools("first", "one");
    side.holds("one");
    side.reads(&sources(&format!("spool = \"second\"\n{MAPPED}")), READ);
    assert_eq!(side.calls("mapped"), 200);
    side.holds("freeswitch/mapped/callee");
    side.spools("second", "two");
    side.holds("two");

    // What is wrong changes nothing, and is told.
    side.reads(&sources("spool = \"second\"\ncall_record = []\n"), "unknown field `call_record`");
    side.reads(&sources("spool = \"third\"\npatterns = [{ match = \"(\", mailbox = \"a@b.example\" }]\n"), "error: ");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let unbound = sources(&format!("spool = \"third\"\nsmtp_listen = \"{address}\"\n"));
    side.reads(&unbound, &format!("mail cannot be taken at {address}"));
    assert_eq!(side.calls("still"), 200, "{}", side.output());
    side.holds("freeswitch/still/callee");
    side.spools("second", "three");
    side.holds("three");

    // With the port free, the same is taken up.
    drop(taken);
    side.reads(&unbound, READ);
    assert_eq!(side.calls("late"), 404);
    let mut greeting = [0; 4];
    TcpStream::connect(address).unwrap().read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"220 ");
    side.spools("third", "four");
    side.holds("four");
    side.started.stops();
}

/// Records come while the configuration changes, again and again.
#[test]
fn nothing_is_lost_or_refused_while_sources_change() {
    let mut side = Side::serving(&sources(&format!("spool = \"first\"\n{MAPPED}")));
    let over = AtomicBool::new(false);
    let (posted, spooled) = std::thread::scope(|scope| {
        let posts = scope.spawn(|| {
            let mut posted = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let id = format!("call-{}", posted.len());
                assert_eq!(side.calls(&id), 200);
                posted.push(format!("freeswitch/{id}/callee"));
            }
            posted
        });
        let mut spooled = Vec::new();
        for round in 0..6 {
            let (old, new) = if round % 2 == 0 { ("first", "second") } else { ("second", "first") };
            let key = format!("entry-{round}");
            side.spools(old, &key);
            spooled.push(key);
            side.reads(&sources(&format!("spool = \"{new}\"\n{MAPPED}")), READ);
        }
        over.store(true, Ordering::Relaxed);
        (posts.join().unwrap(), spooled)
    });
    assert!(!posted.is_empty());
    // What was in a folder when another was named waits there until it is named again.
    for folder in ["first", "second"] {
        side.reads(&sources(&format!("spool = \"{folder}\"\n{MAPPED}")), READ);
        let folder = side.installation.data().join(folder);
        let left = || fs::read_dir(&folder).unwrap().any(|entry| entry.unwrap().path().extension().is_some());
        wait_for(DEADLINE, || (!left()).then_some(())).unwrap_or_else(|| panic!("{}", side.output()));
    }
    let mut expected: Vec<String> = posted.into_iter().chain(spooled).collect();
    expected.sort();
    let keys = || {
        let mut keys = side.keys();
        keys.sort();
        keys
    };
    wait_for(DEADLINE, || (keys() == expected).then_some(()))
        .unwrap_or_else(|| panic!("each once: {:?} are there, not {expected:?}", keys()));
    side.started.stops();
}

#[test]
fn another_id_profile_is_taken_up_while_it_runs() {
    let mut side = Side::serving("");
    let nowhere = "https://127.0.0.1:1/autodiscover/autodiscover.svc";
    side.installation.run(&["Set-CsOAuthConfiguration", "-ExchangeAutodiscoverUrl", nowhere]);
    let put = |key: &str| {
        let owner = format!("smtp:{key}@fabrikam.example");
        side.installation.objects(&["storage", "put", "--owner", &owner, "--body", ".", "--key", key]);
    };
    let told = |id: &str| side.installation.objects(&["events", "-Id", id]).len();
    let tells = |id: &str| {
        wait_for(DEADLINE, || (told(id) > 0).then_some(())).unwrap_or_else(|| panic!("{id}: {}", side.output()));
    };
    put("before");
    tells("32053");
    assert_eq!(told("32054"), 0);
    // What is wrong changes nothing.
    side.reads("[onprem.events]\nid_profile = \"other\"\n", "id_profile");
    let failed = || {
        let (_, text) = side.ask("GET", "/metrics", "");
        let line =
            text.lines().find(|line| line.starts_with("actas_storage_failed_attempts_total")).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let before = failed();
    side.reads("[onprem.events]\nid_profile = \"article\"\n", READ);
    put("after");
    tells("32054");
    // The intake is that of before, and knows of the deliveries of now.
    wait_for(DEADLINE, || (failed() > before).then_some(())).unwrap_or_else(|| panic!("{}", side.output()));
    side.started.stops();
}
