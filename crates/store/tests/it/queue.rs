//! The queue: idempotent, ordered, leased.

use actas_store::queue::{ItemState, NewItem, Queue};
use actas_store::{Database, Schema};
use jiff::{SignedDuration, Timestamp};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn item(id: &str, owner: &str) -> NewItem {
    NewItem { id: id.into(), owner: owner.into(), component: "ConversationHistory".into(), document: "{}".into() }
}

fn open(folder: &tempfile::TempDir) -> Queue {
    Queue::new(Database::open(&folder.path().join("o.db"), Schema::OnPremises).unwrap())
}

#[tokio::test]
async fn the_same_key_is_the_same_item() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    assert_eq!(queue.put(&[item("a", "x"), item("b", "x")], NOW).await.unwrap(), [true, true]);
    assert_eq!(queue.put(&[item("a", "x"), item("c", "x")], NOW).await.unwrap(), [false, true]);
    let mut other = item("b", "x");
    other.document = "{\"subject\":\"other\"}".into();
    assert!(queue.put(&[item("d", "x"), other], NOW).await.unwrap_err().is_exists());
    assert!(queue.get("d").await.unwrap().is_none(), "nothing of a refused batch is accepted");
    assert_eq!(queue.counts().await.unwrap().queued, 3);
}

#[tokio::test]
async fn the_head_decides_when_an_owner_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    queue.put(&[item("a", "x"), item("b", "x"), item("c", "y")], NOW).await.unwrap();
    let later = NOW + SignedDuration::from_secs(60);
    queue.retry("a", later, "busy", false).await.unwrap();
    assert_eq!(queue.owners_due(NOW, 10).await.unwrap(), ["y"], "b waits behind a");
    assert_eq!(queue.owners_due(later, 10).await.unwrap(), ["x", "y"]);
    queue.delivered("a", "item-a").await.unwrap();
    assert_eq!(queue.owners_due(NOW, 10).await.unwrap(), ["x", "y"]);
    let ids: Vec<_> = queue.waiting("x", 10).await.unwrap().into_iter().map(|item| item.id).collect();
    assert_eq!(ids, ["b"]);
    assert!(queue.delivered("a", "again").await.unwrap_err().is_stale());
    assert_eq!(queue.get("a").await.unwrap().unwrap().state, ItemState::Delivered);
}

#[tokio::test]
async fn one_holder_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    let lasting = SignedDuration::from_secs(30);
    assert!(queue.lease("x", "one", lasting, NOW).await.unwrap());
    assert!(!queue.lease("x", "two", lasting, NOW).await.unwrap());
    assert!(queue.lease("x", "one", lasting, NOW).await.unwrap(), "a holder may extend");
    assert!(queue.lease("x", "two", lasting, NOW + lasting).await.unwrap(), "a lease ends");
    assert!(!queue.lease("x", "one", lasting, NOW + lasting).await.unwrap());
    let a_day_back = NOW - SignedDuration::from_hours(24);
    assert!(queue.lease("x", "one", lasting, a_day_back).await.unwrap(), "the clock was set back");
    queue.release("x", "two").await.unwrap();
    assert!(!queue.lease("x", "two", lasting, a_day_back).await.unwrap(), "only the holder releases");
    queue.release("x", "one").await.unwrap();
    assert!(queue.lease("x", "two", lasting, a_day_back).await.unwrap());
}
