//! What the Storage Service does for itself when it fills up, and when there is room again.

use actas_agent::{Agent, Component, Maintenance, StorageConfigurationChange, StorageItem};
use actas_runtime::Event;
use actas_store::events::EventQuery;
use actas_store::queue::{ItemState, Settled};
use jiff::SignedDuration;

use crate::peer::{Scene, USER};

async fn events(agent: &Agent) -> Vec<u32> {
    let rows = agent.events().read(&EventQuery::default()).await.unwrap();
    let ids = rows.iter().map(|row| serde_json::from_str::<Event>(&row.document).unwrap().id);
    // The settings of the scene were changed; that is not what this is about.
    ids.filter(|id| *id != 45001).collect()
}

/// Gives the queue room so that it is filled to that many hundredths.
async fn fill(agent: &Agent, percent: u64) {
    let used = u64::try_from(agent.queue().used_bytes().await.unwrap()).unwrap();
    let change = StorageConfigurationChange {
        capacity_bytes: Some(used * 100 / percent),
        ..StorageConfigurationChange::default()
    };
    agent.set_storage_configuration(&change).await.unwrap();
}

#[tokio::test]
async fn filling_up_is_told_and_what_is_stuck_leaves_until_there_is_room() {
    let scene = Scene::set().await;
    let agent = &scene.agent;
    let now = agent.clock().now();
    let item = |key: &str, owner: &str| {
        let body = "x".repeat(1_000_000);
        StorageItem::new(owner, Component::Other, key, &body, Some(key.to_owned()), now).unwrap()
    };
    let others = "lena@fabrikam.example";
    agent
        .put(&[item("aside", USER), item("waiting", USER), item("failing", others), item("behind", others)])
        .await
        .unwrap();
    let lasting = SignedDuration::from_secs(10);
    let (queue, due) = (agent.queue(), now + SignedDuration::from_mins(10));
    assert!(
        queue.lease(USER, "h", lasting, now).await.unwrap() && queue.lease(others, "h", lasting, now).await.unwrap()
    );
    let aside = Settled::GivenUp { id: "aside".into(), reason: "poison".into() };
    queue.settle(USER, "h", &[aside], now, now).await.unwrap();
    let failing = Settled::Retry { id: "failing".into(), due, reason: "busy".into(), uncertain: true, counts: true };
    queue.settle(others, "h", &[failing], due, now).await.unwrap();
    let state = async |key: &str| queue.get(key).await.unwrap().unwrap().state;

    let mut maintenance = Maintenance::new(agent.clone());
    maintenance.look().await.unwrap();
    assert_eq!(events(agent).await, [0; 0], "there is room enough");
    fill(agent, 70).await;
    maintenance.look().await.unwrap();
    assert_eq!(events(agent).await, [32089, 32082, 32083]);
    for key in ["aside", "failing", "behind"] {
        assert_eq!(state(key).await, ItemState::Flushed, "{key}");
    }
    assert_eq!(state("waiting").await, ItemState::Queued, "it is no more late than any");
    fill(agent, 95).await;
    maintenance.look().await.unwrap();
    assert_eq!(events(agent).await[3..5], [32058, 32059]);
    let told = events(agent).await.len();
    maintenance.look().await.unwrap();
    assert_eq!(events(agent).await.len(), told, "each once");

    fill(agent, 10).await;
    maintenance.look().await.unwrap();
    assert_eq!(events(agent).await.last(), Some(&45008));
    for key in ["aside", "failing", "behind", "waiting"] {
        assert_eq!(state(key).await, ItemState::Queued, "{key}");
    }
    let order: Vec<_> = queue.waiting(others, 9, i64::MAX).await.unwrap().into_iter().map(|item| item.id).collect();
    assert_eq!(order, ["failing", "behind"]);
    assert!(queue.get("failing").await.unwrap().unwrap().uncertain, "it is looked for before it is sent");
}
