//! Operations that change items and folders, and those that tell of changes: written and read again,
//! each value is what it was

use actas_exchange::Result;
use actas_exchange::ews::*;
use actas_exchange::soap::Reply;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::ENVELOPE_BYTES_MAX;
use crate::strategies as any_of;
use crate::strategies::{named, text, token};

fn update() -> impl Strategy<Value = ItemUpdate> {
    let item = || any_of::message().prop_map(Box::new);
    prop_oneof![
        (any_of::path(), item()).prop_map(|(path, item)| ItemUpdate::Set { path, item }),
        (any_of::path(), item()).prop_map(|(path, item)| ItemUpdate::Append { path, item }),
        any_of::path().prop_map(|path| ItemUpdate::Delete { path }),
    ]
}

fn new_folder() -> impl Strategy<Value = NewFolder> {
    (named(FolderKind::ALL), option::of(text()), option::of(text())).prop_map(|(kind, class, display_name)| NewFolder {
        kind,
        class,
        display_name,
    })
}

fn folder_change() -> impl Strategy<Value = FolderChange> {
    let update = prop_oneof![
        (any_of::path(), new_folder()).prop_map(|(path, folder)| FolderUpdate::Set { path, folder }),
        any_of::path().prop_map(|path| FolderUpdate::Delete { path }),
    ];
    (any_of::folder_id(), vec(update, 0..3)).prop_map(|(id, updates)| FolderChange { id, updates })
}

fn items() -> BoxedStrategy<Request> {
    let change = (any_of::item_id(), vec(update(), 0..3)).prop_map(|(id, updates)| ItemChange { id, updates });
    let update =
        (named(ConflictResolution::ALL), option::of(named(MessageDisposition::ALL)), vec(change, 0..3)).prop_map(
            |(conflict_resolution, disposition, changes)| UpdateItem { conflict_resolution, disposition, changes },
        );
    let transfer =
        || (any_of::folder_id(), vec(any_of::item_id(), 0..3)).prop_map(|(to, items)| TransferItems { to, items });
    let attach = (any_of::item_id(), vec(any_of::attachment(), 0..3))
        .prop_map(|(parent, attachments)| CreateAttachment { parent, attachments });
    prop_oneof![
        update.prop_map(Request::UpdateItem),
        transfer().prop_map(Request::MoveItem),
        transfer().prop_map(Request::CopyItem),
        attach.prop_map(Request::CreateAttachment),
        vec(text(), 0..3).prop_map(|ids| Request::GetAttachment(GetAttachment { ids })),
        vec(text(), 0..3).prop_map(|ids| Request::DeleteAttachment(DeleteAttachment { ids })),
    ]
    .boxed()
}

fn folders() -> BoxedStrategy<Request> {
    let create =
        (any_of::folder_id(), vec(new_folder(), 0..3)).prop_map(|(parent, folders)| CreateFolder { parent, folders });
    let delete = (named(DeleteType::ALL), vec(any_of::folder_id(), 0..3))
        .prop_map(|(delete_type, folders)| DeleteFolder { delete_type, folders });
    let empty = (named(DeleteType::ALL), any::<bool>(), vec(any_of::folder_id(), 0..3)).prop_map(
        |(delete_type, delete_sub_folders, folders)| EmptyFolder { delete_type, delete_sub_folders, folders },
    );
    let transfer = (any_of::folder_id(), vec(any_of::folder_id(), 0..3))
        .prop_map(|(to, folders)| TransferFolders { to, folders })
        .boxed();
    prop_oneof![
        empty.prop_map(Request::EmptyFolder),
        transfer.clone().prop_map(Request::CopyFolder),
        transfer.prop_map(Request::MoveFolder),
        create.prop_map(Request::CreateFolder),
        delete.prop_map(Request::DeleteFolder),
        vec(folder_change(), 0..3).prop_map(|changes| Request::UpdateFolder(UpdateFolder { changes })),
    ]
    .boxed()
}

fn watches() -> BoxedStrategy<Request> {
    let sync =
        (any_of::item_shape(), any_of::folder_id(), option::of(token()), vec(any_of::item_id(), 0..3), any::<u32>())
            .prop_map(|(shape, folder, state, ignore, max_changes)| SyncFolderItems {
                shape,
                folder,
                state,
                ignore,
                max_changes,
            });
    let hierarchy = (any_of::folder_shape(), option::of(any_of::folder_id()), option::of(token()))
        .prop_map(|(shape, folder, state)| SyncFolderHierarchy { shape, folder, state });
    let subscribe = (
        option::of(vec(any_of::folder_id(), 0..3)),
        vec(named(EventType::ALL), 0..3),
        option::of(token()),
        any::<u32>(),
    )
        .prop_map(|(folders, events, watermark, timeout_minutes)| Subscribe {
            folders,
            events,
            watermark,
            timeout_minutes,
        });
    let get = (token(), token()).prop_map(|(subscription, watermark)| GetEvents { subscription, watermark });
    let resolve =
        (any::<bool>(), token()).prop_map(|(full_contact_data, entry)| ResolveNames { full_contact_data, entry });
    let zones = (any::<bool>(), vec(token(), 0..3)).prop_map(|(full, ids)| GetServerTimeZones { full, ids });
    prop_oneof![
        sync.prop_map(Request::SyncFolderItems),
        hierarchy.prop_map(Request::SyncFolderHierarchy),
        subscribe.prop_map(Request::Subscribe),
        get.prop_map(Request::GetEvents),
        token().prop_map(|subscription| Request::Unsubscribe(Unsubscribe { subscription })),
        resolve.prop_map(Request::ResolveNames),
        zones.prop_map(Request::GetServerTimeZones),
    ]
    .boxed()
}

/// A request of any of these operations.
pub(crate) fn request() -> impl Strategy<Value = Request> {
    prop_oneof![items(), folders(), watches()]
}

// === responses ===

fn synced<T: std::fmt::Debug + Clone + 'static>(
    change: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Synced<T>> {
    (token(), any::<bool>(), vec(change, 0..4)).prop_map(|(state, includes_last, changes)| Synced {
        state,
        includes_last,
        changes,
    })
}

/// An item as a search tells it, without what only shapes bring.
fn found() -> impl Strategy<Value = Box<Message>> {
    any_of::message().prop_map(|message| {
        Box::new(Message {
            mime_content: None,
            body: None,
            attachments: Vec::new(),
            extended: Vec::new(),
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: Vec::new(),
            ..message
        })
    })
}

fn synced_item() -> impl Strategy<Value = SyncedItem> {
    prop_oneof![
        found().prop_map(SyncedItem::Create),
        found().prop_map(SyncedItem::Update),
        any_of::item_id().prop_map(SyncedItem::Delete),
        (any_of::item_id(), any::<bool>()).prop_map(|(id, is_read)| SyncedItem::ReadFlag { id, is_read }),
    ]
}

fn synced_folder() -> impl Strategy<Value = SyncedFolder> {
    prop_oneof![
        any_of::folder().prop_map(SyncedFolder::Create),
        any_of::folder().prop_map(SyncedFolder::Update),
        any_of::folder_key().prop_map(SyncedFolder::Delete),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let object =
        prop_oneof![any_of::item_id().prop_map(EventObject::Item), any_of::folder_key().prop_map(EventObject::Folder),];
    (named(EventType::ALL), token(), any_of::time(), object, any_of::folder_key())
        .prop_map(|(kind, watermark, time, object, parent)| Event { kind, watermark, time, object, parent })
}

/// The watermark of an answer with events is that of the last.
fn notification() -> impl Strategy<Value = Notification> {
    (token(), token(), any::<bool>(), vec(event(), 0..4), token()).prop_map(
        |(subscription, previous_watermark, more_events, events, watermark)| Notification {
            subscription,
            previous_watermark,
            more_events,
            watermark: events.last().map_or(watermark, |event| event.watermark.clone()),
            events,
        },
    )
}

fn zone() -> impl Strategy<Value = TimeZone> {
    let changeover = || {
        (1_u8..=12, named(DayOfWeek::ALL), -1_i8..5, 0_u16..1440)
            .prop_map(|(month, day, occurrence, minute)| Changeover { month, day, occurrence, minute })
    };
    let daylight = (changeover(), changeover()).prop_map(|(starts, ends)| Daylight { starts, ends });
    (token(), text(), -900_i32..900, option::of(daylight)).prop_map(|(id, name, bias_minutes, daylight)| TimeZone {
        id,
        name,
        bias_minutes,
        daylight,
    })
}

fn read<T>(parse: impl Fn(&[u8], usize) -> Result<Reply<T>>, text: &str) -> T {
    parse(text.as_bytes(), ENVELOPE_BYTES_MAX).unwrap().answer().unwrap()
}

macro_rules! same {
    ($response:ident, $messages:expr $(, $argument:expr)?) => {{
        let response = $response { messages: $messages };
        prop_assert_eq!(read($response::parse, &response.write($($argument)?)), response);
    }};
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn requests(request in request()) {
        let header = RequestHeader { version: None, impersonation: None };
        let call = Call { header, request };
        let written = call.write();
        prop_assert_eq!(Call::parse(written.as_bytes(), ENVELOPE_BYTES_MAX), Ok(call));
    }

    #[test]
    fn changed_items(
        updated in any_of::messages((any_of::item_id(), any::<u32>())
            .prop_map(|(id, conflicts)| UpdatedItem { id, conflicts })),
        moved in any_of::messages(any_of::item_id()),
    ) {
        same!(UpdateItemResponse, updated);
        same!(MoveItemResponse, moved.clone());
        same!(CopyItemResponse, moved.clone());
        same!(DeleteAttachmentResponse, moved);
    }

    #[test]
    fn files(
        got in any_of::messages(any_of::attachment()),
        created in any_of::messages((any_of::attachment_key(), any_of::item_id()).prop_map(|(key, root)| CreatedAttachment { key, root })),
    ) {
        same!(GetAttachmentResponse, got);
        same!(CreateAttachmentResponse, created);
    }

    #[test]
    fn changed_folders(
        keys in any_of::messages(any_of::folder_key().prop_map(Folder::new)),
        deleted in any_of::messages(Just(())),
    ) {
        same!(CreateFolderResponse, keys.clone());
        same!(MoveFolderResponse, keys.clone());
        same!(UpdateFolderResponse, keys);
        same!(DeleteFolderResponse, deleted.clone());
        same!(EmptyFolderResponse, deleted.clone());
        same!(UnsubscribeResponse, deleted);
    }

    #[test]
    fn synchronised(
        items in any_of::messages(synced(synced_item())),
        folders in any_of::messages(synced(synced_folder())),
    ) {
        same!(SyncFolderItemsResponse, items, &ItemShape::new(BaseShape::AllProperties));
        same!(SyncFolderHierarchyResponse, folders, &FolderShape::new(BaseShape::AllProperties));
    }

    #[test]
    fn events(
        subscribed in any_of::messages((token(), token())
            .prop_map(|(subscription, watermark)| Subscribed { subscription, watermark })),
        told in any_of::messages(notification()),
    ) {
        same!(SubscribeResponse, subscribed);
        same!(GetEventsResponse, told);
    }

    #[test]
    fn people_and_zones(
        people in any_of::messages((vec((text(), text())
            .prop_map(|(name, address)| Resolution { name, address }), 0..4), any::<bool>())
            .prop_map(|(people, includes_last)| Resolutions { people, includes_last })),
        zones in any_of::messages(vec(zone(), 0..4)),
        full in any::<bool>(),
    ) {
        same!(ResolveNamesResponse, people, full);
        same!(GetServerTimeZonesResponse, zones, true);
    }
}

/// What each client sends in a way of its own.
#[test]
fn spellings_of_clients() {
    let read = |body: &str| Call::parse(crate::request(body).as_bytes(), ENVELOPE_BYTES_MAX).unwrap().request;
    let Request::Subscribe(all) = read(
        "<m:Subscribe><m:PullSubscriptionRequest SubscribeToAllFolders='True'><t:EventTypes>\
         <t:EventType>CreatedEvent</t:EventType></t:EventTypes><m:Watermark>AAAA</m:Watermark>\
         <t:Timeout>60</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>",
    ) else {
        panic!("no subscription")
    };
    assert_eq!((all.folders, all.watermark.as_deref()), (None, Some("AAAA")));
    let push = "<m:Subscribe><m:PushSubscriptionRequest><t:URL>http://x.example</t:URL></m:PushSubscriptionRequest></m:Subscribe>";
    assert_eq!(read(push).name(), "SubscribePush");
    let Request::SyncFolderItems(first) = read(
        "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>\
         <m:SyncFolderId><t:DistinguishedFolderId Id='inbox'/></m:SyncFolderId><m:SyncState></m:SyncState>\
         <m:MaxChangesReturned>512</m:MaxChangesReturned><m:SyncScope>NormalItems</m:SyncScope></m:SyncFolderItems>",
    ) else {
        panic!("no synchronisation")
    };
    assert_eq!(first.state, None);
    let Request::ResolveNames(python) = read(
        "<m:ResolveNames ReturnFullContactData='True'><m:UnresolvedEntry>lena</m:UnresolvedEntry></m:ResolveNames>",
    ) else {
        panic!("no name")
    };
    assert!(python.full_contact_data);
}

/// exchangelib reads the state of a failure, too.
#[test]
fn a_failed_synchronisation_has_a_state() {
    let failure = Failure::new(ResponseCode::ErrorInvalidSyncStateData, "No.");
    let messages = vec![ResponseMessage::Error(failure)];
    let written = SyncFolderItemsResponse { messages }.write(&ItemShape::new(BaseShape::IdOnly));
    assert!(written.contains("<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"), "{written}");
}

#[test]
fn a_state_is_bounded() {
    let body = format!(
        "<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>\
         <m:SyncState>{}</m:SyncState></m:SyncFolderHierarchy>",
        "A".repeat(SYNC_STATE_BYTES_MAX + 1)
    );
    let error = Call::parse(crate::request(&body).as_bytes(), ENVELOPE_BYTES_MAX).unwrap_err();
    assert!(error.is_too_large(), "{error}");
}
