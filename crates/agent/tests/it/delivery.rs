//! Delivery: once, in order, whatever becomes of an answer.

use std::time::Duration;

use actas_agent::{Component, Deliverer, StorageItem};
use actas_store::queue::ItemState;
use axum::response::IntoResponse;
use http::StatusCode;
use tokio::sync::watch;

use crate::peer::{Creating, Scene, USER};

fn item(key: &str) -> StorageItem {
    let now = actas_runtime::SystemClock::shared().now();
    StorageItem::new(USER, Component::ConversationHistory, key, "text", Some(key.to_owned()), now).unwrap()
}

/// Runs a deliverer until these items are settled.
async fn deliver(agent: &actas_agent::Agent, keys: &[&str]) {
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Deliverer::new(agent.clone()).run(stopped));
    let settled = async {
        for key in keys {
            while agent.queue().get(key).await.unwrap().unwrap().state == ItemState::Queued {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(40), settled).await.expect("not settled in time");
    stop.send(true).unwrap();
    running.await.unwrap();
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
    scene.agent.queue().mark_uncertain(&["reached".to_owned(), "lost".to_owned()]).await.unwrap();
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
