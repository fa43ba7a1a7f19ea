//! Mailboxes.

use actas_directory::TenantId;
use actas_store::mailbox::{
    Attachment, ChangeKind, Content, Folder, Item, ItemProperty, ItemUpdate, Mailboxes, Moved, Owner, Place,
    Subscription, Upload,
};
use actas_store::{Database, Schema};
use jiff::Timestamp;
use uuid::Uuid;

#[tokio::test]
async fn a_folder_is_read_in_parts_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let mailboxes = Mailboxes::new(Database::open(&folder.path().join("cloud.db"), Schema::Cloud).unwrap());
    let owner = Owner { tenant: TenantId(Uuid::from_u128(1)), user: Uuid::from_u128(2) };
    let inbox = Folder {
        id: Uuid::from_u128(3),
        parent: None,
        distinguished: None,
        name: "Inbox".into(),
        class: None,
        version: 1,
    };
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    mailboxes.ensure_folders(owner, std::slice::from_ref(&inbox), now).await.unwrap();
    for n in 0..5 {
        let item = Item {
            id: Uuid::from_u128(10 + n),
            folder: inbox.id,
            received: now,
            version: 1,
            is_read: false,
            size: 2,
            document: "{}".into(),
        };
        mailboxes.add_item(owner, &item, &[], &[], i64::MAX, now).await.unwrap();
    }
    let all = mailboxes.items(owner, inbox.id).await.unwrap();
    assert_eq!(all[0].id, Uuid::from_u128(14));
    for (offset, count, expected) in
        [(0, 2, &all[..2]), (2, 2, &all[2..4]), (4, 2, &all[4..]), (9, 2, &[]), (0, 0, &[])]
    {
        let part = mailboxes.items_page(owner, inbox.id, offset, count).await.unwrap();
        assert_eq!(part, expected, "{offset} {count}");
    }
    let read_from = async |place, since| {
        let found = mailboxes.items_after(owner, inbox.id, place, since, 2).await.unwrap();
        (found.last().map(|(place, _)| *place), found.into_iter().map(|(_, item)| item).collect::<Vec<_>>())
    };
    // All were received at once: the places are told apart by more than their time.
    let mut place = Place::at(now);
    for expected in [&all[..2], &all[2..4], &all[4..]] {
        let (last, part) = read_from(place, now).await;
        assert_eq!(part, expected);
        place = last.unwrap();
    }
    assert_eq!(read_from(place, now).await.1, []);
    let second = jiff::SignedDuration::from_secs(1);
    assert_eq!(read_from(Place::at(now - second), Timestamp::MIN).await.1, []);
    assert_eq!(read_from(Place::at(Timestamp::MAX), now + second).await.1, []);
    let stranger = Owner { user: Uuid::from_u128(9), ..owner };
    assert_eq!(mailboxes.items_page(stranger, inbox.id, 0, 9).await.unwrap(), []);
}

const OWNER: Owner = Owner { tenant: TenantId(Uuid::from_u128(1)), user: Uuid::from_u128(2) };

fn now() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn folder(id: u128, name: &str) -> Folder {
    let id = Uuid::from_u128(id);
    Folder { id, parent: None, distinguished: None, name: name.into(), class: None, version: 1 }
}

fn item(id: u128, folder: &Folder, size: i64) -> Item {
    Item {
        id: Uuid::from_u128(id),
        folder: folder.id,
        received: now(),
        version: 1,
        is_read: false,
        size,
        document: "{}".into(),
    }
}

async fn opened(folders: &[Folder]) -> (tempfile::TempDir, Mailboxes) {
    let place = tempfile::tempdir().unwrap();
    let mailboxes = Mailboxes::new(Database::open(&place.path().join("cloud.db"), Schema::Cloud).unwrap());
    mailboxes.ensure_folders(OWNER, folders, now()).await.unwrap();
    (place, mailboxes)
}

async fn log(mailboxes: &Mailboxes, folder: &Folder, after: i64) -> Vec<(i64, u128, ChangeKind)> {
    let changes = mailboxes.changes(OWNER, folder.id, after, 100).await.unwrap();
    changes.into_iter().map(|change| (change.number, change.object.as_u128(), change.kind)).collect()
}

#[tokio::test]
async fn every_write_is_in_the_log() {
    use ChangeKind::{Create, Delete, Read, Update};
    let (inbox, drafts) = (folder(3, "Inbox"), folder(4, "Drafts"));
    let (_place, mailboxes) = opened(&[inbox.clone(), drafts.clone()]).await;
    mailboxes.ensure_folders(OWNER, std::slice::from_ref(&inbox), now()).await.unwrap();
    let first = item(10, &inbox, 100);
    mailboxes.add_item(OWNER, &first, &[], &[], i64::MAX, now()).await.unwrap();
    let folders = mailboxes.folder_changes(OWNER, 0, 100).await.unwrap();
    assert_eq!(folders.len(), 2, "a folder that was there is not made again");
    assert_eq!(log(&mailboxes, &inbox, 0).await, [(3, 10, Create)]);

    let second = Item { size: 70, ..first.clone() };
    let change =
        ItemUpdate { before: &first, after: &second, properties: &[], added: &[], removed: &[], read_only: false };
    mailboxes.update_item(OWNER, &change, i64::MAX, now()).await.unwrap();
    assert!(mailboxes.update_item(OWNER, &change, i64::MAX, now()).await.unwrap_err().is_stale());
    assert_eq!(mailboxes.size(OWNER).await.unwrap(), 70);
    let second = mailboxes.item(OWNER, first.id).await.unwrap().unwrap();
    let read = Item { is_read: true, ..second.clone() };
    let flag = ItemUpdate { before: &second, after: &read, read_only: true, ..change };
    mailboxes.update_item(OWNER, &flag, i64::MAX, now()).await.unwrap();
    assert_eq!(log(&mailboxes, &inbox, 0).await, [(3, 10, Create), (4, 10, Update), (5, 10, Read)]);
    assert_eq!(log(&mailboxes, &inbox, 4).await, [(5, 10, Read)]);

    mailboxes.move_item(OWNER, Moved { item: &second, to: drafts.id }, now()).await.unwrap();
    assert!(mailboxes.move_item(OWNER, Moved { item: &second, to: drafts.id }, now()).await.unwrap_err().is_stale());
    assert_eq!(log(&mailboxes, &inbox, 0).await, [(6, 10, Delete)]);
    assert_eq!(log(&mailboxes, &drafts, 0).await, [(7, 10, Create)]);
    assert!(mailboxes.delete_item(OWNER, &second, now()).await.unwrap_err().is_stale(), "it is not there any more");
    let moved = mailboxes.item(OWNER, first.id).await.unwrap().unwrap();
    mailboxes.delete_item(OWNER, &moved, now()).await.unwrap();
    assert_eq!(mailboxes.size(OWNER).await.unwrap(), 0);
    assert_eq!(mailboxes.newest_change(OWNER).await.unwrap(), 8);
    let stranger = Owner { user: Uuid::from_u128(9), ..OWNER };
    assert_eq!(mailboxes.all_changes(stranger, 0, 100).await.unwrap(), []);
    assert_eq!(mailboxes.newest_change(stranger).await.unwrap(), 0);
    let other_tenant = Owner { tenant: TenantId(Uuid::from_u128(9)), ..OWNER };
    assert_eq!(mailboxes.all_changes(other_tenant, 0, 100).await.unwrap(), []);
}

#[tokio::test]
async fn numbers_only_grow_when_a_folder_goes() {
    let (outer, inner) = (folder(3, "Outer"), Folder { parent: Some(Uuid::from_u128(3)), ..folder(4, "Inner") });
    let (_place, mailboxes) = opened(&[outer.clone(), inner.clone()]).await;
    let file = Attachment {
        id: Uuid::from_u128(20),
        name: "a".into(),
        content_type: String::new(),
        content: vec![0; 9].into(),
    };
    mailboxes.add_item(OWNER, &item(10, &inner, 50), &[], &[file], i64::MAX, now()).await.unwrap();
    let before = mailboxes.newest_change(OWNER).await.unwrap();
    mailboxes.delete_folders(OWNER, &[inner.id, outer.id], now()).await.unwrap();
    assert_eq!(mailboxes.folders(OWNER).await.unwrap(), []);
    assert_eq!(mailboxes.size(OWNER).await.unwrap(), 0);
    assert_eq!(mailboxes.attachment(OWNER, Uuid::from_u128(20)).await.unwrap(), None);
    let gone = mailboxes.folder_changes(OWNER, before, 100).await.unwrap();
    assert!(gone.iter().all(|change| change.kind == ChangeKind::Delete && change.number > before));
    assert_eq!(gone.len(), 2);
    assert_eq!(log(&mailboxes, &inner, 0).await, []);
    assert!(mailboxes.delete_folders(OWNER, &[outer.id], now()).await.unwrap_err().is_stale());
}

#[tokio::test]
async fn a_quota_holds_for_writers_at_once() {
    let inbox = folder(3, "Inbox");
    let (_place, mailboxes) = opened(std::slice::from_ref(&inbox)).await;
    let (mailboxes, inbox) = (&mailboxes, &inbox);
    let writes = (0..10).map(|n| async move {
        mailboxes.add_item(OWNER, &item(100 + n, inbox, 30), &[], &[], 100, now()).await.is_ok()
    });
    let written = futures_util::future::join_all(writes).await;
    assert_eq!(written.into_iter().filter(|written| *written).count(), 3);
    assert_eq!(mailboxes.size(OWNER).await.unwrap(), 90);
}

#[tokio::test]
async fn subscriptions_end_and_make_room() {
    let (_place, mailboxes) = opened(&[]).await;
    let later = |seconds: i64| now() + jiff::SignedDuration::from_secs(seconds);
    let new = |id: u128| Subscription { id: Uuid::from_u128(id), expires: later(60), document: "{}".into() };
    mailboxes.subscribe(OWNER, &new(1), 1, now()).await.unwrap();
    assert!(mailboxes.subscribe(OWNER, &new(2), 1, now()).await.unwrap_err().is_stale());
    let id = Uuid::from_u128(1);
    assert_eq!(mailboxes.subscription(OWNER, id, later(59)).await.unwrap(), Some(new(1)));
    assert_eq!(mailboxes.subscription(OWNER, id, later(60)).await.unwrap(), None);
    let stranger = Owner { user: Uuid::from_u128(9), ..OWNER };
    assert_eq!(mailboxes.subscription(stranger, id, now()).await.unwrap(), None);
    assert!(mailboxes.unsubscribe(stranger, id).await.unwrap_err().is_stale());
    mailboxes.subscribe(OWNER, &new(3), 1, later(60)).await.unwrap();
    mailboxes.unsubscribe(OWNER, Uuid::from_u128(3)).await.unwrap();
}

/// What the first version wrote is opened by this one, and is in the log as if it had been made by it.
#[tokio::test]
async fn an_old_database() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("cloud.db");
    let first = include_str!("../../src/schema/cloud-1.sql");
    let spelled = [
        ("{sequence}", "INTEGER PRIMARY KEY"),
        ("{text}", "TEXT"),
        ("{i64}", "INTEGER"),
        ("{bytes}", "BLOB"),
        ("{strict}", "STRICT"),
    ];
    let first = spelled.iter().fold(first.to_owned(), |text, (placeholder, word)| text.replace(placeholder, word));
    let (tenant, lena, omar) = (Uuid::from_u128(1), OWNER.user, Uuid::from_u128(5));
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(&first).unwrap();
    for (id, owner) in [(3, lena), (4, omar)] {
        let id = Uuid::from_u128(id);
        connection
            .execute_batch(&format!(
                "INSERT INTO folder VALUES ('{id}', '{tenant}', '{owner}', NULL, 'inbox', 'Inbox', NULL, 1, 7)"
            ))
            .unwrap();
    }
    for (number, folder, owner) in [(1, 3, lena), (2, 4, omar), (3, 3, lena)] {
        let (id, folder) = (Uuid::from_u128(10 + number), Uuid::from_u128(folder));
        connection
            .execute_batch(&format!(
                "INSERT INTO item VALUES ('{id}', {number}, '{tenant}', '{owner}', '{folder}', 9, 1, 0, 40, '{{\"subject\":\"s{number}\"}}')"
            ))
            .unwrap();
    }
    connection.execute_batch("PRAGMA application_id = 1094931523; PRAGMA user_version = 1").unwrap();
    drop(connection);

    let mailboxes = Mailboxes::new(Database::open(&path, Schema::Cloud).unwrap());
    let inbox = folder(3, "Inbox");
    assert_eq!(mailboxes.size(OWNER).await.unwrap(), 80);
    assert_eq!(log(&mailboxes, &inbox, 0).await, [(2, 11, ChangeKind::Create), (3, 13, ChangeKind::Create)]);
    assert_eq!(mailboxes.folder_changes(OWNER, 0, 9).await.unwrap().len(), 1);
    let subject = ItemProperty { property: "item:Subject".into(), value: "s3".into() };
    let found = mailboxes.items_by_property(OWNER, inbox.id, &subject).await.unwrap();
    assert_eq!(found.into_iter().map(|item| item.id).collect::<Vec<_>>(), [Uuid::from_u128(13)]);
    assert_eq!(mailboxes.count_by_property(OWNER, &subject, 9).await.unwrap(), 1);
    assert_eq!(mailboxes.count_by_property(OWNER, &subject, 0).await.unwrap(), 0);
    mailboxes.add_item(OWNER, &item(20, &inbox, 5), &[], &[], i64::MAX, now()).await.unwrap();
    assert_eq!(log(&mailboxes, &inbox, 3).await, [(4, 20, ChangeKind::Create)]);
    let old = mailboxes.item(OWNER, Uuid::from_u128(11)).await.unwrap().unwrap();
    mailboxes.delete_item(OWNER, &old, now()).await.unwrap();
    assert_eq!(mailboxes.size(OWNER).await.unwrap(), 45);
}

#[tokio::test]
async fn a_folder_of_many_items_is_emptied_in_parts() {
    let (inbox, deleted) = (folder(3, "Inbox"), folder(4, "Deleted"));
    let (_place, mailboxes) = opened(&[inbox.clone(), deleted.clone()]).await;
    for n in 0..1_001 {
        mailboxes.add_item(OWNER, &item(100 + n, &inbox, 10), &[], &[], i64::MAX, now()).await.unwrap();
    }
    mailboxes.empty_folder(OWNER, inbox.id, Some(deleted.id), now()).await.unwrap();
    let totals = async || {
        let count = async |of: &Folder| mailboxes.counts(OWNER, of.id).await.unwrap().total;
        (count(&inbox).await, count(&deleted).await, mailboxes.size(OWNER).await.unwrap())
    };
    assert_eq!(totals().await, (0, 1_001, 10_010));
    let mut changes = mailboxes.changes(OWNER, inbox.id, 0, 5_000).await.unwrap();
    changes.retain(|change| change.kind == ChangeKind::Delete);
    assert_eq!(changes.len(), 1_001);
    assert_eq!(mailboxes.changes(OWNER, deleted.id, 0, 5_000).await.unwrap().len(), 1_001);

    let stranger = Owner { user: Uuid::from_u128(9), ..OWNER };
    mailboxes.empty_folder(stranger, deleted.id, None, now()).await.unwrap();
    assert_eq!(totals().await, (0, 1_001, 10_010), "of somebody else");
    mailboxes.empty_folder(OWNER, deleted.id, None, now()).await.unwrap();
    assert_eq!(totals().await, (0, 0, 0));
}

#[tokio::test]
async fn an_upload_that_nobody_names_is_swept_after_a_crash() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("cloud.db");
    let later = |minutes: i64| now() + jiff::SignedDuration::from_mins(minutes);
    let upload = |id: u128| Upload { id: Uuid::from_u128(id), size: 5 };
    let named = Attachment {
        id: Uuid::from_u128(20),
        name: "a".into(),
        content_type: String::new(),
        content: Content::Upload(upload(31)),
    };
    let inbox = folder(3, "Inbox");
    {
        let mailboxes = Mailboxes::new(Database::open(&path, Schema::Cloud).unwrap());
        mailboxes.ensure_folders(OWNER, std::slice::from_ref(&inbox), now()).await.unwrap();
        for id in [31, 32] {
            for (part, content) in [(0, "abc"), (1, "de")] {
                let id = upload(id).id;
                mailboxes.add_upload_part(id, part, content.into(), now()).await.unwrap();
            }
        }
        mailboxes.add_item(OWNER, &item(10, &inbox, 5), &[], std::slice::from_ref(&named), 5, later(1)).await.unwrap();
    }
    let mailboxes = Mailboxes::new(Database::open(&path, Schema::Cloud).unwrap());
    let part = async |id, part| mailboxes.upload_part(upload(id).id, part).await.unwrap();
    assert_eq!(mailboxes.sweep_uploads(now()).await.unwrap(), 0, "too young");
    assert_eq!(part(32, 1).await, Some(b"de".to_vec()));
    assert_eq!(mailboxes.sweep_uploads(later(60)).await.unwrap(), 1);
    assert_eq!(part(32, 0).await, None);
    let (_, read) = mailboxes.attachment(OWNER, named.id).await.unwrap().unwrap();
    assert_eq!(read, named);
    assert_eq!(
        (part(31, 0).await, part(31, 1).await, part(31, 2).await),
        (Some(b"abc".into()), Some(b"de".into()), None)
    );
    assert_eq!(mailboxes.attachment_size(OWNER, named.id).await.unwrap(), 5);
    // It went in between: an item that names it is not made.
    let lost = Attachment { id: Uuid::from_u128(21), content: Content::Upload(upload(32)), ..named.clone() };
    let added = mailboxes.add_item(OWNER, &item(11, &inbox, 5), &[], &[lost], i64::MAX, now()).await;
    assert!(added.unwrap_err().is_stale());
    mailboxes.drop_upload(upload(31).id).await.unwrap();
    assert_eq!(part(31, 0).await, Some(b"abc".to_vec()), "an attachment names it");
    let item = mailboxes.item(OWNER, Uuid::from_u128(10)).await.unwrap().unwrap();
    mailboxes.delete_item(OWNER, &item, now()).await.unwrap();
    assert_eq!(mailboxes.sweep_uploads(later(60)).await.unwrap(), 1);
    assert_eq!(part(31, 0).await, None);
}
