//! Mailboxes.

use actas_directory::TenantId;
use actas_store::mailbox::{Folder, Item, Mailboxes, Owner};
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
    let stranger = Owner { user: Uuid::from_u128(9), ..owner };
    assert_eq!(mailboxes.items_page(stranger, inbox.id, 0, 9).await.unwrap(), []);
}
