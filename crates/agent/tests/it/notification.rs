//! Notifications: whether the peer tells of an item, and that no subscription is left behind.

use std::sync::Arc;
use std::time::Duration;

use actas_agent::{ConnectivityReport, NotificationTest, Phase};
use actas_runtime::{ManualClock, SystemClock};
use axum::response::IntoResponse;
use http::StatusCode;

use crate::peer::{Creating, Notifying, Scene, USER};

async fn test(scene: &Scene, delete_item: bool) -> ConnectivityReport {
    let test = NotificationTest { sip: USER.into(), delete_item, patience: Duration::ZERO };
    scene.agent.test_notification(&test).await.unwrap()
}

/// The first stage that failed and why, after which nothing is left at the peer but the
/// items of a number.
async fn failed(scene: &Scene, phase: Phase, text: &str, kept: usize) {
    let report = test(scene, true).await;
    let (at, why) = report.failed.as_ref().unwrap();
    assert!(*at == phase && why.contains(text), "{at:?}: {why}");
    assert_eq!((scene.peer.subscriptions(), scene.peer.kept().len()), (0, kept), "{:#?}", report.trace);
}

#[tokio::test]
async fn the_peer_tells_of_the_item() {
    let scene = Scene::set().await;
    let report = test(&scene, false).await;
    assert_eq!(report.failed, None);
    assert_eq!(scene.peer.kept(), ["Test-CsExStorageNotification"]);
    assert_eq!(scene.peer.messages()[0].item_id.as_ref().map(|id| &id.id), report.item_id.as_ref());
    assert_eq!(scene.peer.subscriptions(), 0);
    assert_eq!(scene.event_ids().await, [32048]);
    let stages: Vec<_> = report.trace.iter().filter_map(|line| line.strip_prefix("EWS: ")).collect();
    assert!(stages[0].starts_with("Subscribe to contacts and conversationhistory at https://"), "{stages:?}");
    assert!(stages[1].starts_with("CreateItem at https://"), "{stages:?}");
    assert_eq!(stages[2..], ["GetEvents -> CreatedEvent of the item, question 2", "Unsubscribe -> NoError"]);
}

#[tokio::test]
async fn the_item_goes_if_asked_to() {
    let scene = Scene::set().await;
    let report = test(&scene, true).await;
    assert_eq!(report.failed, None);
    assert!(report.item_id.is_some() && scene.peer.kept().is_empty(), "{report:?}");
    assert_eq!(report.trace.last().unwrap(), "EWS: Unsubscribe -> NoError");
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_asked_again_and_not_for_ever() {
    let clock = Arc::new(ManualClock::new(SystemClock::shared().now()));
    let scene = Scene::set_at(clock).await;
    scene.peer.notifying(Notifying::StaysSilent);
    failed(&scene, Phase::GetEvents, "did not tell of the item; it was asked once", 0).await;
    // The clock stands still: the one pause is longer than that.
    let test = NotificationTest { sip: USER.into(), delete_item: true, patience: Duration::from_millis(1) };
    let report = scene.agent.test_notification(&test).await.unwrap();
    let (phase, why) = report.failed.unwrap();
    assert!(phase == Phase::GetEvents && why.contains("it was asked 2 times"), "{why}");
    assert_eq!(scene.peer.subscriptions(), 0);
}

#[tokio::test]
async fn a_subscription_that_is_refused_leads_to_no_item() {
    let scene = Scene::set().await;
    scene.peer.notifying(Notifying::RefusesToSubscribe);
    failed(&scene, Phase::Subscribe, "ErrorExceededSubscriptionCount: Too many subscriptions.", 0).await;
    assert!(!scene.peer.seen().iter().any(|seen| seen.body.contains("CreateItem")));
}

#[tokio::test]
async fn whatever_fails_ends_the_subscription() {
    let scene = Scene::set().await;
    scene.peer.creating(&[Creating::Refuses(StatusCode::FORBIDDEN)]);
    failed(&scene, Phase::CreateItem, "(403)", 0).await;
    for status in [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED] {
        scene.peer.notifying(Notifying::RefusesToTell(status));
        failed(&scene, Phase::GetEvents, &format!("({})", status.as_u16()), 0).await;
    }
    assert_eq!(scene.event_ids().await, [32054], "the trust is at fault in the last");
}

#[tokio::test]
async fn a_subscription_that_is_forgotten_fails_where_that_showed() {
    let scene = Scene::set().await;
    scene.peer.notifying(Notifying::Forgets);
    failed(&scene, Phase::GetEvents, "ErrorSubscriptionNotFound: Subscription was not found.", 0).await;
}

#[tokio::test]
async fn nothing_is_subscribed_without_a_mailbox_or_a_token() {
    let scene = Scene::set().await;
    scene.peer.autodiscover(|_| StatusCode::UNAUTHORIZED.into_response());
    failed(&scene, Phase::Autodiscover, "(401)", 0).await;
    let scene = Scene::set().await;
    scene.peer.token_status(StatusCode::UNAUTHORIZED);
    failed(&scene, Phase::OAuth, "AADSTS50012", 0).await;
    assert!(scene.peer.seen().iter().all(|seen| !seen.path.starts_with("/EWS")));
}
