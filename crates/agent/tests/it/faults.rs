//! A world that is against it: names that are gone, certificates that are swapped, answers
//! that never end. Nothing is lost, no token leaks, and memory stays bounded.

use std::time::Duration;

use actas_agent::{Agent, Component, Deliverer, DeliveryOptions, StorageItem};
use actas_certificate::Authority;
use actas_runtime::{ClientOptions, HttpClient, SystemClock, TlsIdentity};
use actas_store::queue::ItemState;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::StatusCode;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::peer::{AUTODISCOVER, EWS, STRANGER, STS, Scene, UNNAMED, USER, redirect, settings};

struct Running(watch::Sender<bool>, JoinHandle<()>);

impl Running {
    fn start(agent: &Agent) -> Self {
        let (stop, stopped) = watch::channel(false);
        let options = DeliveryOptions {
            retry_first: Duration::from_millis(100),
            lease: Duration::from_millis(500),
            ..DeliveryOptions::default()
        };
        Self(stop, tokio::spawn(Deliverer::with(agent.clone(), options).run(stopped)))
    }

    async fn stop(self) {
        self.0.send(true).unwrap();
        self.1.await.unwrap();
    }
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_mins(1), wait).await.is_ok(), "not in time: {what}");
}

async fn put(agent: &Agent, key: &str) {
    let now = SystemClock::shared().now();
    let item = StorageItem::new(USER, Component::Other, key, "text", Some(key.to_owned()), now).unwrap();
    agent.put(&[item]).await.unwrap();
}

async fn fails(agent: &Agent, key: &str) -> String {
    until("a failure", async || agent.queue().get(key).await.unwrap().unwrap().reason.is_some()).await;
    let item = agent.queue().get(key).await.unwrap().unwrap();
    assert_eq!(item.state, ItemState::Queued);
    item.reason.unwrap()
}

async fn arrives(agent: &Agent, key: &str) {
    until(key, async || agent.queue().get(key).await.unwrap().unwrap().state == ItemState::Delivered).await;
}

#[tokio::test]
async fn names_that_do_not_resolve_cost_nothing() {
    let scene = Scene::set().await;
    // The same settings and queue, with a client that no host table helps.
    let lost = HttpClient::new(&ClientOptions::default()).unwrap();
    let agent = Agent::open(scene.folder(), lost, SystemClock::shared()).unwrap();
    put(&agent, "a").await;
    let running = Running::start(&agent);
    let reason = fails(&agent, "a").await;
    assert!(reason.contains(STS) && reason.contains("does not resolve"), "{reason}");
    running.stop().await;
    let running = Running::start(&scene.agent);
    arrives(&scene.agent, "a").await;
    running.stop().await;
    assert_eq!(scene.event_ids().await, [32054, 32048]);
}

#[tokio::test]
async fn a_certificate_for_another_name_gets_no_token() {
    let scene = Scene::set().await;
    scene.configure(&format!("https://{UNNAMED}/autodiscover/autodiscover.svc"), "*.cloud.example").await;
    put(&scene.agent, "a").await;
    let running = Running::start(&scene.agent);
    let reason = fails(&scene.agent, "a").await;
    assert!(reason.contains("not for that name"), "{reason}");
    assert!(scene.peer.seen().iter().all(|seen| seen.host == STS), "nothing was said to it");
    scene.configure(&format!("https://{AUTODISCOVER}/autodiscover/autodiscover.svc"), "*.cloud.example").await;
    arrives(&scene.agent, "a").await;
    running.stop().await;
    assert_eq!(scene.event_ids().await, [32053, 32048]);
}

#[tokio::test]
async fn a_certificate_that_is_swapped_under_way_is_noticed_and_recovered_from() {
    let scene = Scene::set().await;
    let now = SystemClock::shared().now();
    put(&scene.agent, "a").await;
    let running = Running::start(&scene.agent);
    arrives(&scene.agent, "a").await;
    running.stop().await;

    let stranger = Authority::create("stranger", now - Duration::from_hours(1), Duration::from_hours(9)).unwrap();
    let names: Vec<_> = [STS, AUTODISCOVER, EWS].iter().map(|name| name.parse().unwrap()).collect();
    let false_one = stranger.issue_server(&names, now, Duration::from_hours(5)).unwrap();
    let identity = |pair: &actas_certificate::KeyPair| {
        TlsIdentity::new(vec![pair.certificate().der().to_vec()], pair.key().pkcs8_der().to_vec())
    };
    scene.servers[0].replace_identity(identity(&false_one)).unwrap();
    let seen = scene.peer.seen().len();
    // Connections that stand are still good; a process that starts now has none.
    let agent = scene.fresh();
    put(&agent, "b").await;
    let running = Running::start(&agent);
    let reason = fails(&agent, "b").await;
    assert!(reason.contains("not trusted"), "{reason}");
    assert_eq!(scene.peer.seen().len(), seen, "nothing was said to whoever that is");
    let renewed = scene.authority.issue_server(&names, now, Duration::from_hours(5)).unwrap();
    scene.servers[0].replace_identity(identity(&renewed)).unwrap();
    arrives(&agent, "b").await;
    running.stop().await;
    assert_eq!(scene.peer.kept(), ["a", "b"]);
    assert!(scene.event_ids().await.contains(&32054));
}

/// A body that never ends.
fn endless() -> Response {
    let chunk = || Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 64 * 1024]));
    let body = Body::from_stream(stream::repeat_with(chunk));
    (StatusCode::OK, [("content-type", "text/xml; charset=utf-8")], body).into_response()
}

/// One that says to have 1 GB, and has.
fn gigabyte() -> Response {
    let chunk = |_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 64 * 1024]));
    let body = Body::from_stream(stream::iter((0..16 * 1024).map(chunk)));
    (StatusCode::OK, [("content-length", "1073741824"), ("content-type", "text/xml")], body).into_response()
}

/// The most memory that this process ever had, in kilobytes.
fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// What a hostile Autodiscover may answer. Tokens go to hosts of the allow-list alone, over
/// TLS, and what never ends is ended.
#[tokio::test]
async fn hostile_answers_of_autodiscover_get_nothing() {
    type Answer = fn(&str) -> Response;
    let hostile: [(&str, Answer); 8] = [
        ("not https", |_| redirect(format!("http://{EWS}/autodiscover/autodiscover.svc"))),
        ("allowed domains", |_| redirect(format!("https://{STRANGER}/autodiscover/autodiscover.svc"))),
        ("IP address", |_| redirect("https://127.0.0.1/autodiscover/autodiscover.svc")),
        ("IP address", |_| settings("https://127.0.0.1/EWS/Exchange.asmx")),
        ("not https", |_| settings(&format!("http://{EWS}/EWS/Exchange.asmx"))),
        ("redirect", |path| {
            // Always on to another address: ten thousand of them, if anybody followed.
            let step: u32 = path.trim_start_matches("/autodiscover/").parse().unwrap_or(0);
            redirect(format!("https://{AUTODISCOVER}/autodiscover/{}", step + 1))
        }),
        ("larger than", |_| gigabyte()),
        ("larger than", |_| endless()),
    ];
    for (expected, answer) in hostile {
        let scene = Scene::set().await;
        let before = peak_kilobytes();
        scene.peer.autodiscover(move |seen| answer(&seen.path));
        put(&scene.agent, "a").await;
        let running = Running::start(&scene.agent);
        let reason = fails(&scene.agent, "a").await;
        assert!(reason.contains(expected), "{expected}: {reason}");
        scene.peer.autodiscover(|_| settings(&format!("https://{EWS}/EWS/Exchange.asmx")));
        arrives(&scene.agent, "a").await;
        running.stop().await;
        let seen = scene.peer.seen();
        assert!(seen.len() < 60, "{}", seen.len());
        for seen in seen.iter().filter(|seen| seen.token) {
            assert!([AUTODISCOVER, EWS].contains(&seen.host.as_str()), "a token for {}", seen.host);
        }
        let grown = peak_kilobytes() - before;
        assert!(grown < 64 * 1024, "{expected}: {grown} kB");
        assert_eq!(scene.event_ids().await, [32053, 32048], "{expected}");
    }
}

#[tokio::test]
async fn hostile_answers_of_ews_get_nothing_more() {
    type Answer = fn() -> Response;
    let hostile: [(&str, Answer); 3] = [
        ("(302)", || redirect(format!("https://{STRANGER}/EWS/Exchange.asmx"))),
        ("larger than", gigabyte),
        ("larger than", endless),
    ];
    for (expected, answer) in hostile {
        let scene = Scene::set().await;
        let before = peak_kilobytes();
        scene.peer.hostile(Some(answer));
        put(&scene.agent, "a").await;
        let running = Running::start(&scene.agent);
        let reason = fails(&scene.agent, "a").await;
        assert!(reason.contains(expected), "{expected}: {reason}");
        scene.peer.hostile(None);
        arrives(&scene.agent, "a").await;
        running.stop().await;
        assert!(scene.peer.seen().iter().all(|seen| seen.host != STRANGER), "a redirect was followed");
        assert_eq!(scene.peer.kept(), ["a"]);
        let grown = peak_kilobytes() - before;
        assert!(grown < 96 * 1024, "{expected}: {grown} kB");
    }
}
