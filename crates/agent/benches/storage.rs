//! The Storage Service beside its limits: `cargo build --release && cargo bench -p actas-agent`.
//!
//! - Intake over HTTP, with a token, beside SQLite itself writing the same rows in its best
//!   batches on the same disk.
//! - Delivery beside the EWS server alone, driven by a client that has nothing to remember.
//! - Memory with a thousand, a hundred thousand and a million items waiting.
//!
//! Each is a ratio in one run; absolute figures belong to the machine.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actas_agent::{
    Agent, Component, ConfigurationChange, Deliverer, NewOAuthServer, NewPartner, PartnerProof, StorageItem, Use,
    intake,
};
use actas_certificate::file;
use actas_directory::onprem::ApplicationTrustLevel;
use actas_directory::well_known;
use actas_exchange::ews::Body;
use actas_exchange::ews::{
    Call, CreateItem, DistinguishedFolder, ExtendedProperty, FolderId, Message, MessageDisposition, Request,
    RequestHeader, ServerVersion,
};
use actas_runtime::{ClientOptions, HttpClient, HttpRequest, Limits, SystemClock, listener};
use actas_testkit::Lab;
use actas_token::Principal;
use actas_token::issue::{self, ActAsUser};
use http::Method;
use jiff::SignedDuration;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::sync::watch;

/// Items of a run of intake, and of one request.
const TAKEN: usize = 60_000;
const REQUEST_ITEMS: usize = 200;
const SUBMITTERS: usize = 8;
/// Items of a run of delivery, and mailboxes they are for.
const DELIVERED: usize = 12_000;
const BATCH: usize = 50;
const ROUNDS: usize = 3;
const TEXT: &str =
    "Adele: hello. Lena: hello, have you seen the figures of last month? Adele: I have, and we should talk.";

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::Builder::new().prefix("actas-bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let only = std::env::args().nth(1).filter(|word| !word.starts_with('-'));
    let wanted = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    if wanted("intake") {
        intake_beside_sqlite(&runtime, folder.path());
    }
    if wanted("delivery") {
        delivery_beside_a_bare_client(&runtime, folder.path());
    }
    if wanted("memory") {
        memory(&runtime, folder.path());
    }
}

fn median(mut rounds: Vec<(f64, f64)>) -> (f64, f64) {
    rounds.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    rounds[rounds.len() / 2]
}

fn open(folder: &Path, http: HttpClient) -> Agent {
    std::fs::create_dir_all(folder).unwrap();
    Agent::open(folder, http, SystemClock::shared()).unwrap()
}

fn item(owner: usize, number: usize) -> StorageItem {
    let now = SystemClock::shared().now();
    let owner = format!("user{owner}@fabrikam.example");
    StorageItem::new(&owner, Component::ConversationHistory, "Talk", TEXT, Some(format!("item-{number}")), now).unwrap()
}

// === Intake ===

fn intake_beside_sqlite(runtime: &tokio::runtime::Runtime, folder: &Path) {
    let rounds = (0..ROUNDS).map(|round| {
        let folder = folder.join(format!("intake{round}"));
        let bare = sqlite(&folder);
        (bare, runtime.block_on(taken(&folder)))
    });
    let (bare, whole) = median(rounds.collect());
    println!("SQLite alone, the same rows in its best batches   {bare:>9.0} items a second");
    println!(
        "intake over HTTP, {REQUEST_ITEMS} items a request               {whole:>9.0} items a second   ratio {:.2}, target 0.5",
        whole / bare
    );
}

/// The queue's own table and indexes, written by SQLite in batches of the best of three sizes.
fn sqlite(folder: &Path) -> f64 {
    let documents: Vec<(String, String, String)> = (0..TAKEN)
        .map(|number| {
            let item = item(number % 500, number);
            (item.key().to_owned(), item.owner().to_owned(), serde_json::to_string(&item).unwrap())
        })
        .collect();
    let best = [256, 1_000, 4_000].map(|batch| {
        let folder = folder.join(format!("sqlite{batch}"));
        // The agent makes the schema; nothing but SQLite writes to it.
        drop(open(&folder, HttpClient::new(&ClientOptions::default()).unwrap()));
        let mut connection = Connection::open(folder.join(actas_agent::DATABASE_FILE)).unwrap();
        connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;").unwrap();
        let begun = Instant::now();
        for rows in documents.chunks(batch) {
            let transaction = connection.transaction().unwrap();
            {
                let mut insert = transaction
                    .prepare_cached(
                        "INSERT INTO queue_item (id, owner, component, state, created, due, attempts, uncertain, document, digest)
                         VALUES (?1, ?2, 'ConversationHistory', 'queued', 1, 1, 0, 0, ?3, ?4)",
                    )
                    .unwrap();
                for (key, owner, document) in rows {
                    insert.execute((key, owner, document, &document[..64])).unwrap();
                }
            }
            transaction.commit().unwrap();
        }
        per_second(TAKEN, begun)
    });
    best.into_iter().fold(0.0, f64::max)
}

async fn taken(folder: &Path) -> f64 {
    let http = HttpClient::new(&ClientOptions::default()).unwrap();
    let agent = open(&folder.join("agent"), http.clone());
    let token = agent.new_intake_token("bench", None).await.unwrap().reveal().to_owned();
    let bound = listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let server = listener::serve_plain(bound, intake::router(agent.clone()), &Limits::default()).unwrap();
    let url = format!("http://{}/storage/v1/items", server.local_addr());
    let bodies: Vec<String> = (0..TAKEN)
        .collect::<Vec<_>>()
        .chunks(REQUEST_ITEMS)
        .map(|numbers| {
            let items = numbers.iter().map(|number| {
                json!({
                    "key": format!("item-{number}"), "owner": format!("user{}@fabrikam.example", number % 500),
                    "component": "ConversationHistory", "subject": "Talk", "body": TEXT,
                })
            });
            Value::Array(items.collect()).to_string()
        })
        .collect();
    let (bodies, next) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    let submitters: Vec<_> = (0..SUBMITTERS)
        .map(|_| {
            let (bodies, next, http, url, token) =
                (Arc::clone(&bodies), Arc::clone(&next), http.clone(), url.clone(), token.clone());
            tokio::spawn(async move {
                while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let request = HttpRequest::post(&*url, "application/json", body.clone()).bearer(&token).unwrap();
                    let answer = http.send(request).await.unwrap();
                    assert_eq!(answer.status, 200, "{}", answer.body.escape_ascii());
                }
            })
        })
        .collect();
    for submitter in submitters {
        submitter.await.unwrap();
    }
    let speed = per_second(TAKEN, begun);
    assert_eq!(usize::try_from(agent.queue().counts().await.unwrap().queued).unwrap(), TAKEN);
    speed
}

fn per_second(count: usize, begun: Instant) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    let count = count as f64;
    count / begun.elapsed().as_secs_f64()
}

// === Delivery ===

fn delivery_beside_a_bare_client(runtime: &tokio::runtime::Runtime, folder: &Path) {
    let binary = actas_testkit::binary();
    let rounds = (0..ROUNDS).map(|round| {
        // A cloud of its own for each, so that both begin with empty mailboxes.
        let (one, other) = (Lab::start(&binary), Lab::start(&binary));
        let folder = folder.join(format!("delivery{round}"));
        let bare = runtime.block_on(bare(&one, &folder.join("bare")));
        (bare, runtime.block_on(delivered(&other, &folder.join("agent"))))
    });
    let (bare, whole) = median(rounds.collect());
    println!("EWS alone, a bare client, {BATCH} items a request      {bare:>9.0} items a second");
    println!(
        "delivery from the queue                           {whole:>9.0} items a second   ratio {:.2}, target 0.8",
        whole / bare
    );
}

/// An agent that the lab's cloud trusts.
async fn trusted(lab: &Lab, folder: &Path) -> (Agent, HttpClient) {
    let roots = file::read_certificates(lab.value("CA_PEM").as_ref()).unwrap();
    let options = ClientOptions {
        extra_roots: roots.iter().map(actas_certificate::Certificate::to_tls).collect(),
        only_extra_roots: true,
        ..ClientOptions::default()
    };
    let http = HttpClient::new(&options).unwrap();
    let agent = open(folder, http.clone());
    let now = agent.clock().now();
    // The application's own certificate, which the cloud knows.
    let pair = file::read_key_pair(lab.value("CERT_PEM").as_ref(), lab.value("KEY_PEM").as_ref()).unwrap();
    agent.certificates().import(&pair, now).unwrap();
    agent.certificates().set(Use::OAuthTokenIssuer, pair.certificate().thumbprint(), now).await.unwrap();
    let server = NewOAuthServer {
        name: "microsoft.sts".into(),
        metadata_url: lab.value("METADATA_URL").into(),
        ..NewOAuthServer::default()
    };
    agent.new_oauth_server(&server, &[]).await.unwrap();
    let partner = NewPartner {
        name: "microsoft.exchange".into(),
        application_identifier: Some(well_known::EXCHANGE),
        application_trust_level: ApplicationTrustLevel::Full,
        proof: PartnerProof::OAuthServer,
        realm: None,
        accept_security_identifier_information: false,
        enabled: true,
    };
    agent.new_partner(&partner).await.unwrap();
    let change = ConfigurationChange {
        exchange_autodiscover_url: Some(lab.value("AUTODISCOVER_URL").into()),
        service_name: Some(lab.value("CLIENT_ID").into()),
        ..ConfigurationChange::default()
    };
    agent.set_oauth_configuration(&change).await.unwrap();
    (agent, http)
}

fn mailboxes(lab: &Lab) -> [String; 2] {
    ["MAILBOX", "MAILBOX2"].map(|key| lab.value(key).to_owned())
}

/// One connection for each mailbox, requests written beforehand, nothing remembered.
async fn bare(lab: &Lab, folder: &Path) -> f64 {
    let (agent, http) = trusted(lab, folder).await;
    let actor = agent.actor_token(lab.value("EXCHANGE_AUDIENCE_HOST")).await.unwrap();
    let caller = Principal::in_realm(lab.value("CLIENT_ID").parse().unwrap(), lab.value("TENANT"));
    let tasks: Vec<_> = mailboxes(lab)
        .into_iter()
        .map(|mailbox| {
            let user = ActAsUser { upn: None, smtp: Some(mailbox.clone()), sip: None };
            let lifetime = SignedDuration::from_mins(5);
            let token =
                issue::act_as_token(&caller, &actor.resource, &user, actor.reveal(), lifetime, agent.clock().now());
            let bodies: Vec<String> = (0..DELIVERED / 2 / BATCH).map(|number| create(&mailbox, number)).collect();
            let (http, url) = (http.clone(), lab.value("EWS_URL").to_owned());
            async move {
                for body in bodies {
                    let mut request =
                        HttpRequest::new(Method::POST, &*url).bearer(&token).unwrap().timeout(Duration::from_mins(1));
                    let kind = http::HeaderValue::from_static("text/xml; charset=utf-8");
                    request.headers.insert(http::header::CONTENT_TYPE, kind);
                    request.body = body.into();
                    let answer = http.send(request).await.unwrap();
                    let text = String::from_utf8_lossy(&answer.body);
                    assert!(answer.status == 200 && text.matches("NoError").count() == BATCH, "{text}");
                }
            }
        })
        .collect();
    let begun = Instant::now();
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    for task in tasks {
        task.await.unwrap();
    }
    per_second(DELIVERED, begun)
}

fn create(mailbox: &str, number: usize) -> String {
    let item = |place: usize| Message {
        item_class: Some("IPM.Note.Microsoft.Conversation".into()),
        subject: Some("Talk".into()),
        body: Some(Body::text(TEXT)),
        extended: vec![ExtendedProperty::public_string("ActasDeliveryKey", format!("item-{number}-{place}"))],
        is_read: Some(true),
        ..Message::default()
    };
    let create = CreateItem {
        disposition: MessageDisposition::SaveOnly,
        folder: Some(FolderId::of(mailbox.parse().unwrap(), DistinguishedFolder::ConversationHistory)),
        items: (0..BATCH).map(item).collect(),
    };
    let header = RequestHeader { version: Some(ServerVersion::EXCHANGE2013_SP1), impersonation: None };
    Call { header, request: Request::CreateItem(create) }.write()
}

async fn delivered(lab: &Lab, folder: &Path) -> f64 {
    let (agent, _) = trusted(lab, folder).await;
    let now = agent.clock().now();
    let mailboxes = mailboxes(lab);
    let items: Vec<_> = (0..DELIVERED)
        .map(|number| {
            let owner = &mailboxes[number % 2];
            let key = Some(format!("item-{number}"));
            StorageItem::new(owner, Component::ConversationHistory, "Talk", TEXT, key, now).unwrap()
        })
        .collect();
    let (first, rest) = items.split_at(mailboxes.len());
    let (stop, stopped) = watch::channel(false);
    let deliverer = Deliverer::new(agent.clone());
    // Mailboxes are found and tokens got before, as they were for the bare client.
    agent.put(first).await.unwrap();
    let running = tokio::spawn(deliverer.run(stopped));
    all_delivered(&agent).await;
    stop.send(true).unwrap();
    running.await.unwrap();
    for items in rest.chunks(1_000) {
        agent.put(items).await.unwrap();
    }
    let (stop, stopped) = watch::channel(false);
    let begun = Instant::now();
    let running = tokio::spawn(Deliverer::new(agent.clone()).run(stopped));
    all_delivered(&agent).await;
    let speed = per_second(rest.len(), begun);
    stop.send(true).unwrap();
    running.await.unwrap();
    assert_eq!(usize::try_from(agent.queue().counts().await.unwrap().delivered).unwrap(), DELIVERED);
    speed
}

async fn all_delivered(agent: &Agent) {
    while agent.queue().owners().await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

// === Memory ===

fn memory(runtime: &tokio::runtime::Runtime, folder: &Path) {
    let agent = open(&folder.join("memory"), HttpClient::new(&ClientOptions::default()).unwrap());
    let mut waiting = 0;
    let mut first = None;
    for count in [1_000, 100_000, 1_000_000] {
        runtime.block_on(async {
            while waiting < count {
                let items: Vec<_> = (waiting..(waiting + 1_000)).map(|number| item(number % 5_000, number)).collect();
                agent.put(&items).await.unwrap();
                waiting += items.len();
            }
            // A deliverer that finds no trust looks at all of it.
            let (stop, stopped) = watch::channel(false);
            let running = tokio::spawn(Deliverer::new(agent.clone()).run(stopped));
            tokio::time::sleep(Duration::from_secs(3)).await;
            stop.send(true).unwrap();
            running.await.unwrap();
        });
        let resident = resident_megabytes();
        let ratio = resident / *first.get_or_insert(resident);
        println!("{count:>9} items waiting: {resident:>6.1} MB resident   ratio {ratio:.2}, target 1 or little more");
    }
}

fn resident_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
