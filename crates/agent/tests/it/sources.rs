//! Sources: call records over HTTP and the spool folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use actas_agent::source::{self, Sources};
use actas_agent::{Agent, StorageItem};
use actas_runtime::config::{CallRecords, SourcesConfig};
use actas_runtime::{HttpRequest, Limits, Server, listener};
use actas_store::events::EventQuery;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::peer::Scene;

const JSON: &str = "application/json";

struct House {
    scene: Scene,
    sources: Sources,
    server: Server,
    token: String,
}

impl House {
    async fn open(config: &SourcesConfig) -> Self {
        let scene = Scene::set().await;
        let sources = Sources::new(scene.agent.clone(), config).unwrap();
        let bound = listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let server = listener::serve_plain(bound, source::router(sources.clone()), &Limits::default()).unwrap();
        let token = scene.agent.new_intake_token("telephones", None).await.unwrap().reveal().to_owned();
        Self { scene, sources, server, token }
    }

    fn agent(&self) -> &Agent {
        &self.scene.agent
    }

    async fn send(&self, system: &str, authorization: Option<&str>, kind: &str, body: Vec<u8>) -> (u16, Value) {
        let url = format!("http://{}/sources/{system}?uuid=a_1", self.server.local_addr());
        let mut request = HttpRequest::new(Method::POST, url).header(CONTENT_TYPE, kind).unwrap();
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value).unwrap();
        }
        request.body = body.into();
        let response = self.scene.http().send(request).await.unwrap();
        (response.status.as_u16(), serde_json::from_slice(&response.body).unwrap_or_default())
    }

    async fn post(&self, system: &str, record: &Value) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token);
        self.send(system, Some(&bearer), JSON, record.to_string().into()).await
    }

    /// The items by key, each with its state's document.
    async fn items(&self) -> Vec<StorageItem> {
        let queued = self.agent().queue().newest(100).await.unwrap();
        let mut items: Vec<StorageItem> =
            queued.iter().map(|item| serde_json::from_str(&item.document).unwrap()).collect();
        items.sort_by(|one, other| one.key().cmp(other.key()));
        items
    }

    async fn subjects(&self) -> Vec<(String, String)> {
        self.items().await.iter().map(|item| (item.owner().to_owned(), item.subject().to_owned())).collect()
    }

    /// Lets the spool folder be looked at until `done`.
    async fn watch(&self, done: impl AsyncFn() -> bool) {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = self.sources.start(&stopped).unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while !done().await && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.send(true).unwrap();
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        assert!(done().await);
    }
}

fn mapped(spool: Option<&Path>) -> SourcesConfig {
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    SourcesConfig {
        call_records: CallRecords::ALL.to_vec(),
        spool: spool.map(Path::to_owned),
        mailboxes: pairs(&[("1001", "adele@fabrikam.example")]),
        domains: pairs(&[("pbx.example", "fabrikam.example")]),
        ..SourcesConfig::default()
    }
}

/// As mod_json_cdr writes it, cut to what matters.
fn freeswitch(answered: bool) -> Value {
    json!({
        "core-uuid": "eb8bcdd2-d9eb-4f8f-80c3-1a4042aabe31",
        "channel_data": {"state": "CS_REPORTING", "direction": "inbound"},
        "variables": {
            "uuid": "3da8bf84-c133-4959-9e24-e72875cb33a1",
            "direction": "inbound",
            "sip_from_uri": "1001%4010.10.10.204",
            "sip_to_uri": "omar%4010.10.10.204",
            "dialed_user": "omar",
            "dialed_domain": "pbx.example",
            "start_epoch": "1515666344",
            "answer_epoch": if answered { "1515666347" } else { "0" },
            "end_epoch": "1515666415",
            "billsec": if answered { "3668" } else { "0" },
            "last_app": "bridge",
            "hangup_cause": if answered { "NORMAL_CLEARING" } else { "NO_ANSWER" },
        },
        "callflow": [{
            "profile_index": "1",
            "caller_profile": {"caller_id_name": "Ad%C3%A8le", "caller_id_number": "1001", "destination_number": "omar"},
        }],
    })
}

#[tokio::test]
async fn a_record_of_freeswitch_is_a_call_of_both() {
    let house = House::open(&mapped(None)).await;
    let (status, body) = house.post("freeswitch", &freeswitch(true)).await;
    assert_eq!((status, &body["accepted"]), (200, &json!(true)), "{body}");
    let items = house.items().await;
    let [called, calling] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!((called.owner(), called.subject()), ("omar@fabrikam.example", "Call from Adèle <1001@10.10.10.204>"));
    assert_eq!((calling.owner(), calling.subject()), ("adele@fabrikam.example", "Call to omar@pbx.example"));
    assert_eq!(called.item_class(), "IPM.Note.Microsoft.Conversation.Voice");
    assert_eq!(called.from(), Some("adele@fabrikam.example"));
    assert_eq!(called.time().as_second(), 1_515_666_344);
    assert!(called.body().contains("Duration: 1:01:08\r\n"), "{}", called.body());
    assert_eq!(called.key(), "freeswitch/3da8bf84-c133-4959-9e24-e72875cb33a1/callee");
}

#[tokio::test]
async fn a_record_is_one_item_in_whatever_way_and_however_often_it_comes() {
    let house = House::open(&mapped(None)).await;
    let text = freeswitch(true).to_string();
    let percent: String = text.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
    let basic = format!("Basic {}", STANDARD.encode(format!("freeswitch:{}", house.token)));
    for (kind, body) in [
        (JSON, text.clone()),
        (JSON, text.clone()),
        ("application/x-www-form-urlencoded", format!("cdr={percent}")),
        ("application/x-www-form-base64-encoded", format!("cdr={}", STANDARD.encode(&text))),
    ] {
        let (status, answer) = house.send("freeswitch", Some(&basic), kind, body.into()).await;
        assert_eq!(status, 200, "{kind}: {answer}");
    }
    let mut changed = freeswitch(true);
    changed["variables"]["billsec"] = "1".into();
    assert_eq!(house.post("freeswitch", &changed).await.0, 200, "the first stands");
    assert_eq!(house.items().await.len(), 2);
    assert!(house.items().await[0].body().contains("1:01:08"));
}

#[tokio::test]
async fn a_call_that_nobody_answered_is_missed() {
    let house = House::open(&mapped(None)).await;
    assert_eq!(house.post("freeswitch", &freeswitch(false)).await.0, 200);
    let items = house.items().await;
    assert_eq!(items[0].item_class(), "IPM.Note.Microsoft.Missed.Voice");
    assert_eq!(items[0].subject(), "Missed call from Adèle <1001@10.10.10.204>");
    assert_eq!(items[1].subject(), "Call to omar@pbx.example, not answered");

    let mut to_voice_mail = freeswitch(true);
    to_voice_mail["variables"]["uuid"] = "another".into();
    to_voice_mail["variables"]["last_app"] = "voicemail".into();
    assert_eq!(house.post("freeswitch", &to_voice_mail).await.0, 200);
    assert_eq!(house.items().await[2].subject(), "Missed call from Adèle <1001@10.10.10.204>");
}

#[tokio::test]
async fn the_called_leg_is_no_second_call() {
    let house = House::open(&mapped(None)).await;
    let mut leg = freeswitch(true);
    leg["callflow"][0]["caller_profile"]["originator"] = json!({"originator_caller_profiles": []});
    let (status, body) = house.post("freeswitch", &leg).await;
    assert_eq!((status, &body["accepted"]), (200, &json!(false)), "{body}");
    assert!(house.items().await.is_empty());
}

#[tokio::test]
async fn records_of_asterisk_are_calls() {
    let house = House::open(&mapped(None)).await;
    let record = |id: &str, disposition: &str, app: &str| {
        json!({"uniqueid": id, "src": "1001", "dst": "omar@pbx.example", "clid": "\"Adele\" <1001>",
               "start": "2026-11-25 03:00:00", "answer": "", "end": "1732503660.5", "billsec": 61,
               "disposition": disposition, "lastapp": app})
    };
    for (id, disposition, app) in
        [("1.1", "ANSWERED", "Dial"), ("1.2", "NO ANSWER", "Dial"), ("1.3", "ANSWERED", "VoiceMail")]
    {
        let (status, body) = house.post("asterisk", &record(id, disposition, app)).await;
        assert_eq!(status, 200, "{body}");
    }
    let subjects: Vec<String> = house.subjects().await.into_iter().map(|(_, subject)| subject).collect();
    assert_eq!(
        subjects,
        [
            "Call from Adele <1001>",
            "Call to omar@pbx.example",
            "Missed call from Adele <1001>",
            "Call to omar@pbx.example, not answered",
            "Missed call from Adele <1001>",
            "Call to omar@pbx.example, not answered",
        ]
    );
    assert_eq!(house.items().await[0].time().to_string(), "2026-11-25T03:00:00Z");
    let (status, body) = house.post("asterisk", &record("1.4", "SINGING", "Dial")).await;
    assert_eq!(status, 422);
    assert!(body["error"]["message"].as_str().unwrap().contains("`SINGING`"), "{body}");
}

#[tokio::test]
async fn of_kamailio_a_bye_and_a_refused_invite_are_calls() {
    let house = House::open(&mapped(None)).await;
    let record = |method: &str, code: &str| {
        json!({"time": 1_515_666_415, "method": method, "from_tag": "a", "to_tag": "b", "call_id": format!("{method}-{code}"),
               "sip_code": code, "sip_reason": "whatever", "from_uri": "sip:omar@pbx.example", "to_uri": "sip:1001@pbx.example",
               "caller": "sip:1001@pbx.example", "callee": "sip:omar@pbx.example:5060", "start": "1515666344", "duration": "71"})
    };
    for (method, code, accepted) in [
        ("INVITE", "200", false),
        ("INVITE", "407", false),
        ("ACK", "200", false),
        ("BYE", "200", true),
        ("INVITE", "486", true),
    ] {
        let (status, body) = house.post("kamailio", &record(method, code)).await;
        assert_eq!((status, &body["accepted"]), (200, &json!(accepted)), "{method} {code}: {body}");
    }
    let subjects: Vec<String> = house.subjects().await.into_iter().map(|(_, subject)| subject).collect();
    assert_eq!(
        subjects,
        [
            "Call from 1001@pbx.example",
            "Call to omar@pbx.example",
            "Missed call from 1001@pbx.example",
            "Call to omar@pbx.example, not answered",
        ]
    );
    let mut without = record("BYE", "200");
    without.as_object_mut().unwrap().remove("duration");
    let (status, body) = house.post("kamailio", &without).await;
    assert_eq!(status, 422);
    assert!(body["error"]["message"].as_str().unwrap().contains("duration=$DLG_lifetime"), "{body}");
}

#[tokio::test]
async fn nothing_is_taken_without_a_token_or_of_a_system_that_is_not_configured() {
    let house = House::open(&SourcesConfig { call_records: vec![CallRecords::Freeswitch], ..mapped(None) }).await;
    let body = || freeswitch(true).to_string().into_bytes();
    let wrong = format!("Basic {}", STANDARD.encode("freeswitch:secret"));
    for authorization in [None, Some("Bearer nonsense"), Some(wrong.as_str()), Some("Basic !")] {
        assert_eq!(house.send("freeswitch", authorization, JSON, body()).await.0, 401, "{authorization:?}");
    }
    assert_eq!(house.post("asterisk", &freeswitch(true)).await.0, 404);
    assert_eq!(house.post("pigeons", &freeswitch(true)).await.0, 404);
    assert!(house.items().await.is_empty());
    assert_eq!(house.post("freeswitch", &freeswitch(true)).await.0, 200);
}

#[tokio::test]
async fn what_is_no_record_is_refused_with_the_reason() {
    let house = House::open(&mapped(None)).await;
    let bearer = format!("Bearer {}", house.token);
    for (kind, body, status) in [
        (JSON, b"{".to_vec(), 422),
        (JSON, b"[]".to_vec(), 422),
        (JSON, b"{}".to_vec(), 422),
        ("text/plain", b"{}".to_vec(), 415),
        ("application/x-www-form-urlencoded", b"record=1".to_vec(), 422),
        (JSON, vec![b' '; 4 * 1024 * 1024 + 1], 413),
    ] {
        let (told, answer) = house.send("freeswitch", Some(&bearer), kind, body).await;
        assert_eq!(told, status, "{kind}: {answer}");
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn a_record_can_be_read_without_handing_it_in() {
    let house = House::open(&mapped(None)).await;
    let record = freeswitch(true).to_string();
    let read = house.sources.items_of("freeswitch", "application/json; charset=utf-8", record.as_bytes()).unwrap();
    assert!(house.items().await.is_empty());
    assert_eq!(house.post("freeswitch", &freeswitch(true)).await.0, 200);
    assert_eq!(house.items().await, read);
    for (system, body, why) in [("pigeons", record.as_str(), "`pigeons`"), ("freeswitch", "{}", "variables")] {
        let error = house.sources.items_of(system, JSON, body.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn the_reason_of_a_refusal_is_short_whatever_was_sent() {
    let house = House::open(&SourcesConfig { conversations: true, ..mapped(None) }).await;
    let long = "\u{e9}".repeat(100_000);
    let call = json!({"uniqueid": "1", "disposition": long, "start": "2026-11-25 03:00:00", "dst": "1001"});
    let mut talk = conversation();
    talk[&long] = "x".into();
    for (system, record) in [("asterisk", call), ("xmpp", talk)] {
        let (status, answer) = house.post(system, &record).await;
        let message = answer["error"]["message"].as_str().unwrap();
        assert_eq!(status, 422);
        assert!(message.contains("`\u{e9}\u{e9}") && message.chars().count() < 1_100, "{system}: {message}");
    }
}

#[tokio::test]
async fn a_call_of_strangers_is_put_aside_and_comes_back_when_the_mapping_was_mended() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let mut config = mapped(Some(&spool));
    let house = House::open(&config).await;
    let mut record = freeswitch(true);
    record["variables"]["sip_from_uri"] = "+4930123%40carrier.example".into();
    record["variables"]["dialed_domain"] = "other.example".into();
    for _ in 0..2 {
        let (status, body) = house.post("freeswitch", &record).await;
        assert_eq!((status, &body["accepted"]), (202, &json!(false)), "{body}");
    }
    let unclaimed = house.scene.folder().join("unclaimed");
    let files: Vec<_> = fs::read_dir(&unclaimed).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let told = EventQuery { ids: vec![45020], ..EventQuery::default() };
    assert_eq!(house.agent().events().read(&told).await.unwrap().len(), 1, "told once");

    config.domains.insert("other.example".to_owned(), "fabrikam.example".to_owned());
    house.sources.replace(&config).unwrap();
    fs::create_dir(&spool).unwrap();
    fs::rename(file, spool.join("again.json")).unwrap();
    house.watch(async || !house.items().await.is_empty()).await;
    assert_eq!(
        house.subjects().await,
        [("omar@fabrikam.example".to_owned(), "Call from Adèle <+4930123@carrier.example>".to_owned())]
    );
}

fn conversation() -> Value {
    json!({"id": "c-1", "owner": "omar@pbx.example", "with": "lena@other.example", "thread": "t-1", "messages": [
        {"time": "2026-11-25T03:00:05Z", "from": "omar@pbx.example", "body": "Hi <3"},
        {"time": "2026-11-25T03:00:00Z", "from": "lena@other.example/phone", "body": "Hello\u{0}\nyou"},
    ]})
}

#[tokio::test]
async fn a_conversation_is_an_item_of_its_owner() {
    let house = House::open(&SourcesConfig { conversations: true, ..mapped(None) }).await;
    for _ in 0..2 {
        let (status, body) = house.post("xmpp", &conversation()).await;
        assert_eq!((status, &body["accepted"]), (200, &json!(true)), "{body}");
    }
    let items = house.items().await;
    let [item] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!((item.owner(), item.subject()), ("omar@fabrikam.example", "Conversation with lena@other.example"));
    assert_eq!(item.item_class(), "IPM.Note.Microsoft.Conversation");
    assert_eq!(item.time().to_string(), "2026-11-25T03:00:00Z");
    let told = "2026-11-25 03:00:00 UTC lena@other.example\r\nHello\nyou\r\n\r\n\
                2026-11-25 03:00:05 UTC omar@pbx.example\r\nHi <3\r\n\r\n";
    assert_eq!(item.body(), told);

    let mut other = conversation();
    other["owner"] = "lena@other.example".into();
    assert_eq!(house.post("xmpp", &other).await.0, 202, "the other has no mailbox here");
    let mut empty = conversation();
    empty["messages"] = json!([]);
    assert_eq!(house.post("xmpp", &empty).await.0, 422);
}

#[tokio::test]
async fn conversations_are_taken_where_that_was_said() {
    let house = House::open(&mapped(None)).await;
    assert_eq!(house.post("xmpp", &conversation()).await.0, 404);
}

fn note(subject: &str) -> String {
    json!({"owner": "adele@fabrikam.example", "component": "Other", "subject": subject, "body": "Hello"}).to_string()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().all(|entry| [".work", "bad"].contains(&entry.unwrap().file_name().to_str().unwrap()))
        && fs::read_dir(folder.join(".work")).unwrap().next().is_none()
}

#[tokio::test]
async fn what_is_renamed_into_the_spool_folder_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let house = House::open(&mapped(Some(&spool))).await;
    fs::create_dir_all(spool.join("voice")).unwrap();
    fs::write(spool.join("one.json"), note("One")).unwrap();
    let with_files = json!({"owner": "adele@fabrikam.example", "component": "Voicemail", "subject": "Voice", "key": "v-1",
        "attachments": [{"name": "message.wav", "contentType": "audio/wav", "part": "sound"},
                        {"name": "note.txt", "contentType": "text/plain", "content": STANDARD.encode("note")}]});
    fs::write(spool.join("voice/item.json"), with_files.to_string()).unwrap();
    fs::write(spool.join("voice/sound"), vec![7; 300_000]).unwrap();
    fs::write(spool.join("half.json.tmp"), "{").unwrap();
    fs::write(spool.join(".hidden"), "{").unwrap();
    // As a crash leaves it: accepted, and not yet removed.
    fs::create_dir(spool.join(".work")).unwrap();
    fs::write(spool.join(".work/two.json"), note("Two")).unwrap();
    house.watch(async || house.items().await.len() == 3 && !spool.join("one.json").exists()).await;
    let items = house.items().await;
    let voice = items.iter().find(|item| item.key() == "v-1").unwrap();
    let files: Vec<_> = voice.attachments().iter().map(|file| (file.name.as_str(), file.size)).collect();
    assert_eq!(files, [("message.wav", 300_000), ("note.txt", 4)]);

    // The same name with the same contents is the same item; other contents are another.
    fs::write(spool.join("two.json"), note("Two")).unwrap();
    fs::write(spool.join("one.json"), note("Another")).unwrap();
    house.watch(async || !spool.join("two.json").exists() && house.items().await.len() == 4).await;
    assert!(spool.join("half.json.tmp").exists() && spool.join(".hidden").exists());
    assert!(fs::read_dir(spool.join("bad")).unwrap().next().is_none());
}

#[tokio::test]
async fn what_is_wrong_in_the_spool_folder_is_moved_aside_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let house = House::open(&mapped(Some(&spool))).await;
    fs::create_dir(&spool).unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, note("Secret")).unwrap();
    std::os::unix::fs::symlink(&secret, spool.join("a-link.json")).unwrap();
    fs::write(spool.join("b-text.json"), "{").unwrap();
    fs::write(spool.join("c-nobody.json"), r#"{"owner": "nobody", "component": "Other"}"#).unwrap();
    fs::write(spool.join("f-source.json"), r#"{"source": "pigeons", "record": {}}"#).unwrap();
    for (name, part, beside) in [("d-escape", "../secret", "x"), ("e-more", "x", "y"), ("g-link", "link", "")] {
        let item = json!({"owner": "adele@fabrikam.example", "component": "Other", "subject": name,
                          "attachments": [{"name": "file", "part": part}]});
        fs::create_dir(spool.join(name)).unwrap();
        fs::write(spool.join(name).join("item.json"), item.to_string()).unwrap();
        fs::write(spool.join(name).join("x"), "x").unwrap();
        if !beside.is_empty() {
            fs::write(spool.join(name).join(beside), "y").unwrap();
        }
    }
    fs::remove_file(spool.join("g-link/x")).unwrap();
    std::os::unix::fs::symlink(&secret, spool.join("g-link/link")).unwrap();
    fs::write(spool.join("z-good.json"), note("Good")).unwrap();
    house.watch(async || house.items().await.len() == 1 && is_empty(&spool)).await;
    for (name, reason) in [
        ("a-link.json", "is not a plain file"),
        ("b-text.json", "is not JSON"),
        ("c-nobody.json", "`nobody` is not a mailbox address"),
        ("d-escape", "which is not beside"),
        ("e-more", "`y` is beside"),
        ("f-source.json", "\"pigeons\" is not known"),
        ("g-link", "is not a plain file"),
    ] {
        let told = fs::read_to_string(spool.join(format!("bad/{name}.reason.txt"))).unwrap();
        assert!(told.contains(reason), "{name}: {told}");
        assert!(fs::symlink_metadata(spool.join("bad").join(name)).is_ok(), "{name}");
    }
    assert_eq!(house.subjects().await, [("adele@fabrikam.example".to_owned(), "Good".to_owned())]);
}

#[tokio::test]
async fn a_spool_folder_that_everybody_may_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let house = House::open(&mapped(Some(&spool))).await;
    fs::create_dir(&spool).unwrap();
    let (_stop, stopped) = watch::channel(false);
    fs::set_permissions(&spool, fs::Permissions::from_mode(0o777)).unwrap();
    let error = house.sources.start(&stopped).unwrap_err();
    assert!(error.to_string().contains("everybody may write"), "{error}");
    fs::set_permissions(&spool, fs::Permissions::from_mode(0o770)).unwrap();
    assert!(house.sources.start(&stopped).is_ok());
}
