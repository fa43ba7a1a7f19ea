//! Delivery: once, in order, whatever becomes of an answer.

use std::sync::Arc;
use std::time::Duration;

use actas_agent::{Agent, Component, Deliverer, DeliveryOptions, StorageItem};
use actas_runtime::{Clock, ManualClock};
use actas_store::queue::ItemState;
use axum::response::IntoResponse;
use http::StatusCode;
use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::peer::{AUTODISCOVER, Creating, Scene, USER};

pub(crate) fn item(key: &str) -> StorageItem {
    let now = actas_runtime::SystemClock::shared().now();
    StorageItem::new(USER, Component::ConversationHistory, key, "text", Some(key.to_owned()), now).unwrap()
}

/// As in production, with less patience.
const QUICK: DeliveryOptions =
    DeliveryOptions { mailboxes_at_once: 4, retry_first: Duration::from_millis(50), lease: Duration::from_millis(800) };

/// A deliverer that runs until it is stopped.
struct Running(watch::Sender<bool>, JoinHandle<()>);

impl Running {
    fn start(agent: &Agent) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self(stop, tokio::spawn(Deliverer::with(agent.clone(), QUICK).run(stopped)))
    }

    async fn stop(self) {
        self.0.send(true).unwrap();
        self.1.await.unwrap();
    }
}

/// Waits for what another task does.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(40), wait).await.is_ok(), "not in time: {what}");
}

async fn settled(agent: &Agent, keys: &[&str]) {
    for key in keys {
        until(key, async || agent.queue().get(key).await.unwrap().unwrap().state != ItemState::Queued).await;
    }
}

async fn state(agent: &Agent, key: &str) -> ItemState {
    agent.queue().get(key).await.unwrap().unwrap().state
}

/// Runs a deliverer until these items are settled.
async fn deliver(agent: &Agent, keys: &[&str]) {
    let running = Running::start(agent);
    settled(agent, keys).await;
    running.stop().await;
}

#[tokio::test]
async fn in_order_and_once() {
    let scene = Scene::set().await;
    let keys: Vec<String> = (0..45).map(|number| format!("item {number:02}")).collect();
    let items: Vec<_> = keys.iter().map(|key| item(key)).collect();
    assert!(scene.agent.put(&items).await.unwrap().into_iter().all(|new| new));
    assert!(scene.agent.put(&items).await.unwrap().into_iter().all(|new| !new), "the same keys again");
    deliver(&scene.agent, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(scene.peer.kept(), keys);
    assert_eq!(scene.event_ids().await, [32048]);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_looked_for() {
    let scene = Scene::set().await;
    scene.peer.creating(&[
        Creating::KeepsAndFails,
        Creating::Refuses(StatusCode::SERVICE_UNAVAILABLE),
        Creating::KeepsAndFails,
    ]);
    scene.agent.put(&[item("a"), item("b")]).await.unwrap();
    deliver(&scene.agent, &["a", "b"]).await;
    scene.agent.put(&[item("c"), item("d")]).await.unwrap();
    deliver(&scene.agent, &["c", "d"]).await;
    assert_eq!(scene.peer.kept(), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn a_crash_between_sending_and_noting() {
    let scene = Scene::set().await;
    scene.agent.put(&[item("reached"), item("lost")]).await.unwrap();
    // What a crash right after sending leaves behind: both may be there, one is.
    let (queue, now, lasting) = (scene.agent.queue(), scene.agent.clock().now(), SignedDuration::from_secs(1));
    assert!(queue.lease(USER, "dead", lasting, now).await.unwrap());
    let ids = ["reached".to_owned(), "lost".to_owned()];
    assert!(queue.mark_uncertain(USER, "dead", &ids, lasting, now).await.unwrap());
    scene.peer.keep("reached");
    let restarted = scene.reopened();
    deliver(&restarted, &["reached", "lost"]).await;
    assert_eq!(scene.peer.kept(), ["reached", "lost"]);
}

#[tokio::test]
async fn a_failing_mailbox_waits_and_recovers() {
    let scene = Scene::set().await;
    scene.peer.token_status(StatusCode::UNAUTHORIZED);
    scene.agent.put(&[item("a")]).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Deliverer::new(scene.agent.clone()).run(stopped));
    let failed = async {
        while scene.agent.queue().get("a").await.unwrap().unwrap().attempts == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), failed).await.unwrap();
    let waiting = scene.agent.queue().get("a").await.unwrap().unwrap();
    assert!(waiting.reason.unwrap().contains("AADSTS50012") && !waiting.uncertain);
    scene.peer.token_status(StatusCode::OK);
    stop.send(true).unwrap();
    running.await.unwrap();
    deliver(&scene.agent, &["a"]).await;
    assert_eq!(scene.event_ids().await, [32054, 32048]);
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_is_set_aside() {
    let scene = Scene::set().await;
    scene.peer.autodiscover(|_| {
        use actas_exchange::autodiscover::{ErrorCode, GetUserSettingsResponse, UserResponse};
        let user = UserResponse::refused(ErrorCode::InvalidUser, "no such user");
        GetUserSettingsResponse::new(vec![user]).write().into_response()
    });
    scene.agent.put(&[item("a"), item("b")]).await.unwrap();
    deliver(&scene.agent, &["a", "b"]).await;
    for key in ["a", "b"] {
        let item = scene.agent.queue().get(key).await.unwrap().unwrap();
        assert_eq!(item.state, ItemState::GivenUp);
        assert!(item.reason.unwrap().contains("InvalidUser"));
    }
}

#[tokio::test]
async fn one_poisonous_item_is_set_aside_and_the_others_arrive_in_order() {
    for status in [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE] {
        let scene = Scene::set().await;
        scene.peer.poison("c", status);
        let keys = ["a", "b", "c", "d", "e"];
        scene.agent.put(&keys.map(item)).await.unwrap();
        deliver(&scene.agent, &keys).await;
        assert_eq!(scene.peer.kept(), ["a", "b", "d", "e"]);
        let aside = scene.agent.queue().get("c").await.unwrap().unwrap();
        assert_eq!(aside.state, ItemState::GivenUp);
        assert!(aside.reason.unwrap().contains(status.as_str()));
        scene.peer.poison("nothing", status);
        assert_eq!(scene.agent.retry(&["c".to_owned()]).await.unwrap(), 1);
        deliver(&scene.agent, &["c"]).await;
        assert_eq!(scene.peer.kept().last().map(String::as_str), Some("c"), "once it is mended");
    }
}

#[tokio::test]
async fn an_item_that_always_fails_does_not_hold_up_its_mailbox_for_ever() {
    let scene = Scene::set().await;
    scene.peer.poison("a", StatusCode::INTERNAL_SERVER_ERROR);
    scene.agent.put(&["a", "b"].map(item)).await.unwrap();
    deliver(&scene.agent, &["a", "b"]).await;
    assert_eq!(state(&scene.agent, "a").await, ItemState::GivenUp);
    assert_eq!(scene.peer.kept(), ["b"]);
}

/// The clock stands still but for what a test says, so that what waits, waits.
async fn standing() -> (Scene, Arc<ManualClock>) {
    // TLS goes by the machine's clock, so this one starts there.
    let clock = Arc::new(ManualClock::new(actas_runtime::SystemClock::shared().now()));
    (Scene::set_at(clock.clone()).await, clock)
}

#[tokio::test]
async fn a_busy_server_is_left_alone_for_as_long_as_it_says() {
    for step in [Creating::Throttles("300"), Creating::Busy(300_000)] {
        let (scene, clock) = standing().await;
        scene.peer.creating(&[step]);
        scene.agent.put(&[item("a")]).await.unwrap();
        let running = Running::start(&scene.agent);
        until("a failure", async || scene.agent.queue().get("a").await.unwrap().unwrap().attempts == 1).await;
        let due = scene.agent.queue().get("a").await.unwrap().unwrap().due;
        let waits = due.duration_since(clock.now());
        assert!(waits >= SignedDuration::from_secs(300) && waits <= SignedDuration::from_secs(361), "{waits}");
        clock.advance(SignedDuration::from_secs(299));
        let mut control = item("control");
        control = StorageItem::new(
            "lena@fabrikam.example",
            Component::Other,
            "control",
            "",
            Some("control".into()),
            control.time(),
        )
        .unwrap();
        scene.agent.put(&[control]).await.unwrap();
        // Another mailbox's item comes through where the whole server is not away.
        if step == Creating::Busy(300_000) {
            settled(&scene.agent, &["control"]).await;
        }
        assert_eq!(state(&scene.agent, "a").await, ItemState::Queued);
        clock.advance(SignedDuration::from_secs(70));
        settled(&scene.agent, &["a", "control"]).await;
        running.stop().await;
    }
}

#[tokio::test]
async fn a_token_service_that_is_away_for_an_hour_costs_nothing() {
    let (scene, clock) = standing().await;
    scene.agent.put(&[item("a")]).await.unwrap();
    let running = Running::start(&scene.agent);
    settled(&scene.agent, &["a"]).await;
    scene.peer.token_status(StatusCode::SERVICE_UNAVAILABLE);
    // Four fifths of the token's life are over: it is renewed early, and does meanwhile.
    clock.advance(SignedDuration::from_mins(50));
    scene.agent.put(&[item("b")]).await.unwrap();
    settled(&scene.agent, &["b"]).await;
    clock.advance(SignedDuration::from_mins(10));
    scene.agent.put(&[item("c")]).await.unwrap();
    for _ in 0..60 {
        clock.advance(SignedDuration::from_mins(1));
        tokio::task::yield_now().await;
    }
    until("a failure", async || scene.agent.queue().get("c").await.unwrap().unwrap().attempts > 0).await;
    assert_eq!(state(&scene.agent, "c").await, ItemState::Queued);
    scene.peer.token_status(StatusCode::OK);
    until("c in its mailbox", async || {
        clock.advance(SignedDuration::from_secs(30));
        state(&scene.agent, "c").await == ItemState::Delivered
    })
    .await;
    running.stop().await;
    assert_eq!(scene.peer.kept(), ["a", "b", "c"]);
    assert_eq!(scene.event_ids().await, [32048, 32054]);
}

#[tokio::test]
async fn a_clock_that_jumps_a_day_either_way_loses_nothing() {
    for jump in [SignedDuration::from_hours(24), SignedDuration::from_hours(-24)] {
        let (scene, clock) = standing().await;
        let running = Running::start(&scene.agent);
        scene.agent.put(&[item("a")]).await.unwrap();
        settled(&scene.agent, &["a"]).await;
        scene.peer.creating(&[Creating::Refuses(StatusCode::SERVICE_UNAVAILABLE)]);
        scene.agent.put(&["b", "c"].map(item)).await.unwrap();
        until("a failure", async || scene.agent.queue().get("b").await.unwrap().unwrap().attempts > 0).await;
        clock.advance(jump);
        settled(&scene.agent, &["b", "c"]).await;
        scene.agent.put(&[item("d")]).await.unwrap();
        settled(&scene.agent, &["d"]).await;
        running.stop().await;
        assert_eq!(scene.peer.kept(), ["a", "b", "c", "d"], "{jump}");
    }
}

#[tokio::test]
async fn changed_settings_are_taken_up_by_a_running_server() {
    let (scene, _clock) = standing().await;
    scene.configure("https://nowhere.cloud.example/autodiscover/autodiscover.svc", "*.cloud.example").await;
    scene.agent.put(&[item("a")]).await.unwrap();
    let running = Running::start(&scene.agent);
    until("a failure", async || scene.agent.queue().get("a").await.unwrap().unwrap().attempts > 0).await;
    // Another process changes a setting; nobody tells this one, and no clock moves.
    let other = scene.reopened();
    let change = actas_agent::ConfigurationChange {
        exchange_autodiscover_url: Some(format!("https://{AUTODISCOVER}/autodiscover/autodiscover.svc")),
        ..Default::default()
    };
    other.set_oauth_configuration(&change).await.unwrap();
    settled(&scene.agent, &["a"]).await;
    running.stop().await;
    assert_eq!(scene.event_ids().await, [32053, 32048]);
}

#[tokio::test]
async fn items_are_flushed_to_files_and_come_back_once_and_in_order() {
    let scene = Scene::set().await;
    let keys: Vec<String> = (0..50).map(|number| format!("item {number:02}")).collect();
    let items: Vec<_> = keys.iter().map(|key| item(key)).collect();
    scene.agent.put(&items).await.unwrap();
    let folder = scene.folder().join("out");
    let flushed = scene.agent.flush(&actas_agent::FlushKind::Full, &folder, Duration::ZERO).await.unwrap();
    assert_eq!((flushed.items, flushed.files.len(), flushed.busy.len()), (50, 1, 0));
    let counts = scene.agent.queue().counts().await.unwrap();
    assert_eq!((counts.queued, counts.flushed), (0, 50));
    assert!(scene.agent.put(&items).await.unwrap().iter().all(|new| !new), "their keys are taken");
    let text = std::fs::read_to_string(&flushed.files[0]).unwrap();
    let import = |text: String| {
        let path = folder.join("copy.jsonl");
        std::fs::write(&path, text).unwrap();
        let agent = scene.agent.clone();
        async move { agent.import(&path, true).await }
    };
    let cut: String = text.split_inclusive('\n').take(30).collect();
    for (text, why) in [
        (cut, "cut short"),
        (text.replacen("\"text\"", "\"texd\"", 1).replacen("text", "texd", 1), "changed"),
        ("{}".to_owned(), "no file"),
    ] {
        let error = import(text).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!(scene.agent.queue().counts().await.unwrap().queued, 0, "nothing of a file that is not whole");
    let twice = [import(text.clone()).await.unwrap(), import(text).await.unwrap()];
    assert_eq!(twice.map(|imported| (imported.items, imported.restored)), [(50, 50), (50, 0)]);
    deliver(&scene.agent, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(scene.peer.kept(), keys);
    let again = scene.agent.import(&flushed.files[0], false).await.unwrap();
    assert_eq!((again.items, again.restored, flushed.files[0].exists()), (50, 0, false), "delivered ones stay so");
}

#[test]
fn items_are_bounded() {
    let now = jiff::Timestamp::UNIX_EPOCH;
    let new = |owner: &str, subject: &str, key: Option<&str>| {
        StorageItem::new(owner, Component::Other, subject, "", key.map(str::to_owned), now).map(drop)
    };
    assert!(new(USER, "s", None).is_ok());
    for (owner, subject, key) in [
        ("adele", "s", None),
        ("", "s", None),
        (USER, &*"s".repeat(1001), None),
        (USER, "s", Some("")),
        (USER, "s", Some("a\nb")),
        (USER, "s", Some(&*"k".repeat(201))),
    ] {
        assert!(new(owner, subject, key).is_err(), "{owner} {key:?}");
    }
}
