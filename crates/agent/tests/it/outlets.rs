//! Events on their way out of the event log.

use std::sync::Arc;
use std::time::Duration;

use actas_agent::Outlet;
use actas_runtime::event::MemorySink;
use tokio::sync::watch;

use crate::peer::Scene;

#[tokio::test]
async fn an_outlet_is_told_what_happened_since_by_whomever() {
    let scene = Scene::set().await;
    let behind = scene.agent.end_of_events().await.unwrap();
    assert!(behind > 0, "something happened before");
    let sink = Arc::new(MemorySink::default());
    let (stop, stopped) = watch::channel(false);
    let telling = tokio::spawn(scene.agent.clone().tell_events(Outlet::Sink(sink.clone()), behind, stopped));
    // Another process, as a command is one.
    let other = scene.reopened();
    other.remove_partner("microsoft.exchange").await.unwrap();
    let told = async {
        while sink.events().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    stop.send(true).unwrap();
    telling.await.unwrap();
    let ids: Vec<u32> = sink.events().iter().map(|event| event.id).collect();
    assert_eq!(ids, [45001]);
}
