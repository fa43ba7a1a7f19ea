//! `SyncFolderItems` and `SyncFolderHierarchy`: what happened since a number of the log.

use std::collections::HashMap;

use actas_exchange::ews::{
    DistinguishedFolder, Failure, FolderKey, ItemId, PAGE_ENTRIES_MAX, ResponseCode, SYNC_CHANGES_MAX,
    SyncFolderHierarchy, SyncFolderHierarchyResponse, SyncFolderItems, SyncFolderItemsResponse, Synced, SyncedFolder,
    SyncedItem,
};
use actas_store::mailbox::{Change, ChangeKind};
use uuid::Uuid;

use super::OpenMailbox;
use super::failures::storage;
use super::get::wants_counts;
use crate::ids::{self, NoId, Of};

impl OpenMailbox<'_> {
    // === items ===

    pub(super) async fn sync_items(&self, request: &SyncFolderItems) -> SyncFolderItemsResponse {
        SyncFolderItemsResponse { messages: vec![self.synced_items(request).await.into()] }
    }

    async fn synced_items(&self, request: &SyncFolderItems) -> Result<Synced<SyncedItem>, Failure> {
        let folder = self.folder(&request.folder).map_err(|failure| match failure.code {
            ResponseCode::ErrorFolderNotFound => {
                Failure::new(ResponseCode::ErrorSyncFolderNotFound, "The folder to synchronise does not exist.")
            }
            _ => failure,
        })?;
        let folder = folder.id;
        let since = self.since(Of::Item, folder, request.state.as_deref())?;
        let max = usize::try_from(request.max_changes).unwrap_or(usize::MAX).clamp(1, SYNC_CHANGES_MAX);
        let log = self.server.mailboxes.changes(self.owner, folder, since, limit(max)).await;
        let part = Part::of(log.map_err(|error| storage(&error))?, max, since);
        let mut ignored = Vec::with_capacity(request.ignore.len());
        for id in &request.ignore {
            match ids::read(Of::Item, self.owner, &id.id) {
                Ok(id) => ignored.push(id),
                Err(NoId::Foreign) => {}
                Err(NoId::Malformed) => return Err(super::malformed()),
            }
        }
        let mut changes = Vec::with_capacity(part.changes.len());
        for (object, kind) in part.changes {
            if ignored.contains(&object) {
                continue;
            }
            changes.extend(self.synced_item(folder, object, kind).await?);
        }
        let state = ids::sync_state(Of::Item, self.owner, folder, part.last);
        Ok(Synced { state, includes_last: part.includes_last, changes })
    }

    /// What became of an item; nothing, if it went meanwhile: then a later entry says so.
    async fn synced_item(&self, folder: Uuid, object: Uuid, kind: ChangeKind) -> Result<Option<SyncedItem>, Failure> {
        if kind == ChangeKind::Delete {
            let id = ItemId::new(ids::write(Of::Item, self.owner, object));
            return Ok(Some(SyncedItem::Delete(id)));
        }
        let item = self.server.mailboxes.item(self.owner, object).await.map_err(|error| storage(&error))?;
        let Some(item) = item.filter(|item| item.folder == folder) else { return Ok(None) };
        if kind == ChangeKind::Read {
            let id = ids::item(self.owner, item.id, item.version);
            return Ok(Some(SyncedItem::ReadFlag { id, is_read: item.is_read }));
        }
        let (message, _) = self.message(&item)?;
        let message = Box::new(message);
        Ok(Some(match kind {
            ChangeKind::Create => SyncedItem::Create(message),
            _ => SyncedItem::Update(message),
        }))
    }

    // === folders ===

    pub(super) async fn sync_folders(&self, request: &SyncFolderHierarchy) -> SyncFolderHierarchyResponse {
        SyncFolderHierarchyResponse { messages: vec![self.synced_folders(request).await.into()] }
    }

    async fn synced_folders(&self, request: &SyncFolderHierarchy) -> Result<Synced<SyncedFolder>, Failure> {
        let top = match &request.folder {
            Some(folder) => self.folder(folder)?,
            None => self.role(DistinguishedFolder::Root)?,
        };
        let since = self.since(Of::Folder, top.id, request.state.as_deref())?;
        let log = self.server.mailboxes.folder_changes(self.owner, since, limit(PAGE_ENTRIES_MAX)).await;
        let part = Part::of(log.map_err(|error| storage(&error))?, PAGE_ENTRIES_MAX, since);
        let below: HashMap<Uuid, _> = self.tree.below(top.id).into_iter().map(|folder| (folder.id, folder)).collect();
        let mut changes = Vec::with_capacity(part.changes.len());
        for (object, kind) in part.changes {
            let Some(folder) = below.get(&object).filter(|_| kind != ChangeKind::Delete) else {
                // A folder that never was here is not missed.
                if kind != ChangeKind::Create {
                    let key = FolderKey::new(ids::write(Of::Folder, self.owner, object));
                    changes.push(SyncedFolder::Delete(key));
                }
                continue;
            };
            let told = self.tell_folder(folder, wants_counts(&request.shape)).await?;
            changes.push(match kind {
                ChangeKind::Create => SyncedFolder::Create(told),
                _ => SyncedFolder::Update(told),
            });
        }
        let state = ids::sync_state(Of::Folder, self.owner, top.id, part.last);
        Ok(Synced { state, includes_last: part.includes_last, changes })
    }

    /// The number that a client has seen.
    fn since(&self, of: Of, folder: Uuid, state: Option<&str>) -> Result<i64, Failure> {
        let Some(state) = state else { return Ok(0) };
        ids::read_sync_state(of, self.owner, folder, state).ok_or_else(|| {
            Failure::new(ResponseCode::ErrorInvalidSyncStateData, "The synchronization state data is invalid.")
        })
    }
}

/// A part of the log, with one entry for each object.
struct Part {
    changes: Vec<(Uuid, ChangeKind)>,
    last: i64,
    includes_last: bool,
}

impl Part {
    /// The first `max` entries of a log that was read with one more.
    fn of(mut log: Vec<Change>, max: usize, since: i64) -> Self {
        let includes_last = log.len() <= max;
        log.truncate(max);
        let last = log.last().map_or(since, |change| change.number);
        let mut changes: Vec<(Uuid, ChangeKind)> = Vec::with_capacity(log.len());
        let mut places: HashMap<Uuid, usize> = HashMap::with_capacity(log.len());
        for Change { object, kind, .. } in log {
            match places.get(&object) {
                None => {
                    places.insert(object, changes.len());
                    changes.push((object, kind));
                }
                Some(at) => changes[*at].1 = together(changes[*at].1, kind),
            }
        }
        Self { changes, last, includes_last }
    }
}

/// What two changes are to somebody who saw neither.
fn together(earlier: ChangeKind, later: ChangeKind) -> ChangeKind {
    match (earlier, later) {
        (_, ChangeKind::Delete) => ChangeKind::Delete,
        (_, ChangeKind::Create) | (ChangeKind::Create, _) => ChangeKind::Create,
        (ChangeKind::Read, ChangeKind::Read) => ChangeKind::Read,
        _ => ChangeKind::Update,
    }
}

/// One entry more tells whether something is left.
fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX).saturating_add(1)
}
