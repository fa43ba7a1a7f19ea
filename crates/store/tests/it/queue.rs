//! The queue: idempotent, ordered, leased, and its files.

use actas_store::queue::{Filter, ItemState, NewItem, Part, Put, Queue, Settled};
use actas_store::{Database, Schema};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const LASTING: SignedDuration = SignedDuration::from_secs(30);
const HORIZON: SignedDuration = SignedDuration::from_mins(20);

fn item(id: &str, owner: &str) -> NewItem {
    NewItem {
        id: id.into(),
        owner: owner.into(),
        component: "ConversationHistory".into(),
        document: "{}".into(),
        digest: "d".into(),
        upload: None,
    }
}

fn open(folder: &tempfile::TempDir) -> Queue {
    Queue::new(Database::open(&folder.path().join("o.db"), Schema::OnPremises).unwrap())
}

fn delivered(id: &str) -> Settled {
    Settled::Delivered {
        id: id.into(),
        delivered_as: format!("item-{id}"),
        document: "{}".into(),
        digest: "d".into(),
        upload: None,
    }
}

fn retry(id: &str, due: Timestamp) -> Settled {
    Settled::Retry { id: id.into(), due, reason: "busy".into(), uncertain: false, counts: true }
}

async fn take(queue: &Queue, now: Timestamp) -> Vec<String> {
    let mut owners = queue.take("taker", 10, LASTING, HORIZON, now).await.unwrap();
    owners.sort();
    for owner in &owners {
        queue.release(owner, "taker").await.unwrap();
    }
    owners
}

#[tokio::test]
async fn the_same_key_is_the_same_item() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    assert_eq!(queue.put(&[item("a", "x"), item("b", "x")], NOW).await.unwrap(), [Put::New, Put::New]);
    let other = NewItem { digest: "other".into(), ..item("b", "x") };
    let elsewhere = item("a", "y");
    let put = queue.put(&[item("a", "x"), other.clone(), elsewhere, item("c", "x")], NOW).await.unwrap();
    assert_eq!(put, [Put::Same, Put::Other, Put::Other, Put::New]);
    assert_eq!(queue.counts().await.unwrap().queued, 3);
    queue.lease("x", "h", LASTING, NOW).await.unwrap();
    queue.settle("x", "h", &[delivered("b")], NOW, NOW).await.unwrap();
    assert_eq!(queue.put(&[item("b", "x"), other], NOW).await.unwrap(), [Put::Same, Put::Other], "after delivery too");
}

#[tokio::test]
async fn two_who_put_one_key_at_once_get_one_item() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    let put = |digest: &str| {
        let (queue, item) = (queue.clone(), NewItem { digest: digest.into(), ..item("a", "x") });
        tokio::spawn(async move { queue.put(&[item], NOW).await.unwrap()[0] })
    };
    let all: Vec<_> = (0..20).map(|number| put(&format!("digest {number}"))).collect();
    let mut new = 0;
    for one in all {
        match one.await.unwrap() {
            Put::New => new += 1,
            Put::Other => {}
            Put::Same => panic!("no two of them are the same"),
        }
    }
    assert_eq!(new, 1);
}

#[tokio::test]
async fn the_head_decides_when_an_owner_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    queue.put(&[item("a", "x"), item("b", "x"), item("c", "y")], NOW).await.unwrap();
    let later = NOW + SignedDuration::from_secs(60);
    queue.lease("x", "h", LASTING, NOW).await.unwrap();
    queue.settle("x", "h", &[retry("a", later)], later, NOW).await.unwrap();
    assert_eq!(take(&queue, NOW).await, ["y"], "b waits behind a");
    queue.put(&[item("d", "x")], NOW).await.unwrap();
    assert_eq!(take(&queue, NOW).await, ["y"], "and so does what comes now");
    assert_eq!(take(&queue, later).await, ["x", "y"]);
    queue.lease("x", "h", LASTING, later).await.unwrap();
    queue.settle("x", "h", &[delivered("a")], later, later).await.unwrap();
    let ids: Vec<_> = queue.waiting("x", 10, i64::MAX).await.unwrap().into_iter().map(|item| item.id).collect();
    assert_eq!(ids, ["b", "d"]);
    assert_eq!(queue.get("a").await.unwrap().unwrap().state, ItemState::Delivered);
}

#[tokio::test]
async fn an_owner_without_items_is_nobodys_work() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    queue.put(&[item("a", "x")], NOW).await.unwrap();
    queue.lease("x", "h", LASTING, NOW).await.unwrap();
    queue.settle("x", "h", &[delivered("a")], NOW, NOW).await.unwrap();
    assert_eq!(queue.owners().await.unwrap(), 0);
    queue.put(&[item("b", "x")], NOW).await.unwrap();
    assert_eq!(take(&queue, NOW).await, ["x"], "and is again when there are some");
}

#[tokio::test]
async fn one_holder_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    queue.put(&[item("a", "x")], NOW).await.unwrap();
    assert_eq!(queue.take("one", 10, LASTING, HORIZON, NOW).await.unwrap(), ["x"]);
    assert!(queue.take("two", 10, LASTING, HORIZON, NOW).await.unwrap().is_empty());
    let marked = |holder: &'static str, now| {
        let queue = &queue;
        async move { queue.mark_uncertain("x", holder, &["a".to_owned()], LASTING, now).await.unwrap() }
    };
    assert!(!marked("two", NOW).await, "who has not the lease notes nothing");
    assert!(!queue.get("a").await.unwrap().unwrap().uncertain);
    assert!(marked("one", NOW + SignedDuration::from_secs(20)).await, "and who has it extends it");
    assert!(queue.take("two", 10, LASTING, HORIZON, NOW + LASTING).await.unwrap().is_empty());
    assert_eq!(queue.take("two", 10, LASTING, HORIZON, NOW + LASTING * 2).await.unwrap(), ["x"], "a lease ends");
    assert!(!queue.extend("x", "one", LASTING, NOW).await.unwrap());
}

#[tokio::test]
async fn a_clock_set_back_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    queue.put(&[item("a", "x")], NOW).await.unwrap();
    assert_eq!(queue.take("one", 10, LASTING, HORIZON, NOW).await.unwrap(), ["x"]);
    let due = NOW + SignedDuration::from_secs(60);
    queue.settle("x", "one", &[retry("a", due)], due, NOW).await.unwrap();
    let a_day_back = NOW - SignedDuration::from_hours(24);
    assert_eq!(queue.take("two", 10, LASTING, HORIZON, a_day_back).await.unwrap(), ["x"], "neither by its time");
    let two_days_back = NOW - SignedDuration::from_hours(48);
    assert_eq!(queue.take("one", 10, LASTING, HORIZON, two_days_back).await.unwrap(), ["x"], "nor by its lease");
}

#[tokio::test]
async fn a_turn_is_bounded_in_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    let large = |id: &str| NewItem { document: "x".repeat(1000), ..item(id, "x") };
    queue.put(&[large("a"), large("b"), large("c")], NOW).await.unwrap();
    let ids = async |bytes| queue.waiting("x", 10, bytes).await.unwrap().len();
    assert_eq!([ids(10).await, ids(1999).await, ids(2000).await, ids(9999).await], [1, 1, 2, 3]);
}

#[tokio::test]
async fn what_was_set_aside_comes_back_in_its_old_place() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    queue.put(&[item("a", "x"), item("b", "x")], NOW).await.unwrap();
    queue.lease("x", "h", LASTING, NOW).await.unwrap();
    assert!(queue.mark_uncertain("x", "h", &["a".to_owned()], LASTING, NOW).await.unwrap());
    let aside = Settled::GivenUp { id: "a".into(), reason: "poison".into() };
    queue.settle("x", "h", &[aside], NOW, NOW).await.unwrap();
    let set_aside = queue.page(ItemState::GivenUp, &Filter::default(), 0, 10).await.unwrap();
    assert_eq!((set_aside.len(), set_aside[0].reason.as_deref()), (1, Some("poison")));
    assert_eq!(queue.revive(&["a".to_owned(), "b".to_owned()], NOW).await.unwrap(), 1);
    let waiting = queue.waiting("x", 10, i64::MAX).await.unwrap();
    assert_eq!(waiting.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(waiting[0].uncertain, "it may have arrived, and is looked for");
}

#[tokio::test]
async fn an_upload_lives_as_long_as_its_item() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    let part = |part, content: &[u8]| Part { file: 0, part, content: content.to_vec() };
    for upload in ["used", "abandoned"] {
        queue.add_part(upload, part(0, b"ab"), NOW).await.unwrap();
        queue.add_part(upload, part(1, b"c"), NOW).await.unwrap();
    }
    let with_file = NewItem { upload: Some("used".into()), ..item("a", "x") };
    queue.put(&[with_file], NOW).await.unwrap();
    assert_eq!(queue.sweep_uploads(NOW + SignedDuration::from_hours(1)).await.unwrap(), 1);
    assert_eq!(queue.part("used", 0, 1).await.unwrap(), Some(b"c".to_vec()));
    assert_eq!(queue.part("used", 0, 2).await.unwrap(), None);
    assert_eq!(queue.part("abandoned", 0, 0).await.unwrap(), None);
    let of_nothing = NewItem { upload: Some("abandoned".into()), ..item("b", "x") };
    assert!(queue.put(&[of_nothing], NOW).await.unwrap_err().is_stale(), "its files are gone");
    assert!(queue.get("b").await.unwrap().is_none());
    queue.lease("x", "h", LASTING, NOW).await.unwrap();
    let Settled::Delivered { id, delivered_as, document, digest, .. } = delivered("a") else { unreachable!() };
    let done = Settled::Delivered { id, delivered_as, document, digest, upload: Some("used".into()) };
    queue.settle("x", "h", &[done], NOW, NOW).await.unwrap();
    assert_eq!(queue.part("used", 0, 0).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_flushed_keeps_its_place_and_comes_back_once() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    queue.put(&[item("a", "x"), item("b", "x"), item("c", "x")], NOW).await.unwrap();
    let all = queue.waiting("x", 10, i64::MAX).await.unwrap();
    let pair = |index: usize| (all[index].clone(), "kept".to_owned());
    assert_eq!(queue.flushed(&[pair(0), pair(2)], "file", NOW).await.unwrap(), 2);
    assert_eq!(queue.get("a").await.unwrap().unwrap().document, "kept");
    assert_eq!(queue.put(&[item("a", "x")], NOW).await.unwrap(), [Put::Same], "its key is taken");
    assert_eq!(queue.restore(&all, NOW).await.unwrap(), 2, "b never left");
    assert_eq!(queue.restore(&all, NOW).await.unwrap(), 0);
    let ids: Vec<_> = queue.waiting("x", 10, i64::MAX).await.unwrap().into_iter().map(|item| item.id).collect();
    assert_eq!(ids, ["a", "b", "c"]);
}

#[tokio::test]
async fn delivered_items_are_forgotten_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder);
    queue.put(&[item("a", "x"), item("b", "x")], NOW).await.unwrap();
    queue.lease("x", "h", LASTING, NOW).await.unwrap();
    queue.settle("x", "h", &[delivered("a")], NOW, NOW).await.unwrap();
    assert_eq!(queue.forget_delivered(NOW).await.unwrap(), 0);
    assert_eq!(queue.forget_delivered(NOW + SignedDuration::from_secs(1)).await.unwrap(), 1);
    assert_eq!(queue.counts().await.unwrap().queued, 1, "what waits stays");
}

#[tokio::test]
async fn the_first_schema_opens_with_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("o.db");
    let connection = Connection::open(&path).unwrap();
    let sql = include_str!("../../src/schema/onprem-1.sql")
        .replace("{sequence}", "INTEGER PRIMARY KEY")
        .replace("{text}", "TEXT")
        .replace("{i64}", "INTEGER")
        .replace("{strict}", "STRICT");
    connection.execute_batch(&sql).unwrap();
    connection
        .execute_batch(
            "PRAGMA application_id = 1094931536; PRAGMA user_version = 1;
             INSERT INTO queue_item VALUES
               (1, 'a', 'x', 'Other', 'delivered', 0, 0, 0, 0, NULL, 'i', '{}'),
               (2, 'b', 'x', 'Other', 'queued', 0, 60000000, 1, 1, 'busy', NULL, '{}'),
               (3, 'c', 'x', 'Other', 'queued', 0, 0, 0, 0, NULL, NULL, '{}'),
               (4, 'd', 'y', 'Other', 'queued', 0, 0, 0, 0, NULL, NULL, '{}');",
        )
        .unwrap();
    drop(connection);
    let queue = open(&folder);
    assert_eq!(take(&queue, NOW).await, ["y"], "x waits for its head");
    assert_eq!(take(&queue, NOW + SignedDuration::from_secs(60)).await, ["x", "y"]);
    assert_eq!(queue.put(&[item("b", "x")], NOW).await.unwrap(), [Put::Same], "compared by its document");
}
