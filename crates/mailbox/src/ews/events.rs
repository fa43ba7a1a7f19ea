//! `Subscribe`, `GetEvents`, `Unsubscribe`: events for those who come and ask.
//!
//! Nothing is kept for a subscription but what it is to: what happened is in the log, and a client
//! says by its watermark how far it has read.

use actas_exchange::ews::{
    DistinguishedFolder, EVENTS_MAX, Event, EventObject, EventType, Failure, FolderKey, GetEvents, GetEventsResponse,
    ItemId, Notification, ResponseCode, Subscribe, SubscribeResponse, Subscribed, Unsubscribe, UnsubscribeResponse,
};
use actas_store::mailbox::{Change, ChangeKind, Subscription};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::OpenMailbox;
use super::failures::{malformed, storage};
use crate::ids::{self, NoId, Of};

/// Subscriptions of one mailbox ("EWSMaxSubscriptions").
const SUBSCRIPTIONS_MAX: i64 = 20;
/// How long a subscription can last when nobody asks: a day.
const TIMEOUT_MINUTES_MAX: u32 = 1440;
/// Entries of the log that one answer is made of.
const READ_ENTRIES: usize = 1000;

/// What a subscription is to.
#[derive(Debug, Deserialize, Serialize)]
struct Interest {
    /// Absent: all folders.
    folders: Option<Vec<Uuid>>,
    events: Vec<String>,
    timeout_minutes: u32,
}

impl OpenMailbox<'_> {
    // === subscriptions ===

    pub(super) async fn subscribe(&self, request: &Subscribe) -> SubscribeResponse {
        SubscribeResponse { messages: vec![self.subscribed(request).await.into()] }
    }

    async fn subscribed(&self, request: &Subscribe) -> Result<Subscribed, Failure> {
        if !(1..=TIMEOUT_MINUTES_MAX).contains(&request.timeout_minutes) || request.events.is_empty() {
            return Err(Failure::new(
                ResponseCode::ErrorInvalidSubscriptionRequest,
                "A subscription has event types, and a timeout of 1 to 1440 minutes.",
            ));
        }
        let folders = request.folders.as_ref().map(|folders| {
            folders.iter().map(|folder| self.folder(folder).map(|folder| folder.id)).collect::<Result<Vec<_>, _>>()
        });
        let newest = self.server.mailboxes.newest_change(self.owner).await.map_err(|error| storage(&error))?;
        let watermark = match &request.watermark {
            Some(watermark) => read_watermark(watermark, newest)?,
            None => newest,
        };
        let interest = Interest {
            folders: folders.transpose()?,
            events: request.events.iter().map(|event| event.as_str().to_owned()).collect(),
            timeout_minutes: request.timeout_minutes,
        };
        let id = Uuid::new_v4();
        let document = serde_json::to_string(&interest).map_err(|error| super::create::not_saved(&error))?;
        let subscription = Subscription { id, expires: self.end(&interest), document };
        let mailboxes = &self.server.mailboxes;
        let added = mailboxes.subscribe(self.owner, &subscription, SUBSCRIPTIONS_MAX, self.now).await;
        added.map_err(|error| if error.is_stale() { too_many() } else { storage(&error) })?;
        Ok(Subscribed {
            subscription: ids::write(Of::Subscription, self.owner, id),
            watermark: ids::change_key(watermark),
        })
    }

    fn end(&self, interest: &Interest) -> Timestamp {
        let minutes = i64::from(interest.timeout_minutes);
        self.now.saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(Timestamp::MAX)
    }

    pub(super) async fn unsubscribe(&self, request: &Unsubscribe) -> UnsubscribeResponse {
        UnsubscribeResponse { messages: vec![self.unsubscribed(&request.subscription).await.into()] }
    }

    async fn unsubscribed(&self, id: &str) -> Result<(), Failure> {
        let id = self.subscription_id(id)?;
        let done = self.server.mailboxes.unsubscribe(self.owner, id).await;
        done.map_err(|error| if error.is_stale() { no_subscription() } else { storage(&error) })
    }

    fn subscription_id(&self, id: &str) -> Result<Uuid, Failure> {
        ids::read(Of::Subscription, self.owner, id).map_err(|why| match why {
            NoId::Foreign => no_subscription(),
            NoId::Malformed => malformed(),
        })
    }

    // === events ===

    pub(super) async fn get_events(&self, request: &GetEvents) -> GetEventsResponse {
        GetEventsResponse { messages: vec![self.notification(request).await.into()] }
    }

    async fn notification(&self, request: &GetEvents) -> Result<Notification, Failure> {
        let mailboxes = &self.server.mailboxes;
        let id = self.subscription_id(&request.subscription)?;
        let found = mailboxes.subscription(self.owner, id, self.now).await.map_err(|error| storage(&error))?;
        let found = found.ok_or_else(no_subscription)?;
        let interest: Interest = serde_json::from_str(&found.document).map_err(|_| no_subscription())?;
        let newest = mailboxes.newest_change(self.owner).await.map_err(|error| storage(&error))?;
        let since = read_watermark(&request.watermark, newest)?;
        let prolonged = mailboxes.prolong(self.owner, id, self.end(&interest)).await;
        prolonged.map_err(|error| if error.is_stale() { no_subscription() } else { storage(&error) })?;
        let count = i64::try_from(READ_ENTRIES).unwrap_or(i64::MAX);
        let log = mailboxes.all_changes(self.owner, since, count).await.map_err(|error| storage(&error))?;
        let all_read = log.len() < READ_ENTRIES;
        let (mut events, mut last, mut left) = (Vec::new(), since, 0);
        for change in &log {
            if events.len() == EVENTS_MAX {
                left += 1;
                continue;
            }
            last = change.number;
            events.extend(self.event(&interest, change));
        }
        Ok(Notification {
            subscription: request.subscription.clone(),
            previous_watermark: request.watermark.clone(),
            more_events: left > 0 || !all_read,
            events,
            watermark: ids::change_key(last),
        })
    }

    /// The event that a change is, if anybody wants to know.
    fn event(&self, interest: &Interest, change: &Change) -> Option<Event> {
        let kind = match change.kind {
            ChangeKind::Create => EventType::Created,
            ChangeKind::Update | ChangeKind::Read => EventType::Modified,
            ChangeKind::Delete => EventType::Deleted,
        };
        let is_folder = change.scope == self.owner.user;
        let parent = if is_folder {
            // Where a folder was that is gone is not known any more.
            let parent = self.tree.by_id(change.object).and_then(|folder| folder.parent);
            parent.or_else(|| self.tree.by_role(DistinguishedFolder::Root).map(|root| root.id))?
        } else {
            change.scope
        };
        let wanted = |folders: &Vec<Uuid>| folders.contains(&parent) || (is_folder && folders.contains(&change.object));
        if !interest.events.iter().any(|event| event == kind.as_str()) || !interest.folders.as_ref().is_none_or(wanted)
        {
            return None;
        }
        let object = if is_folder {
            EventObject::Folder(FolderKey::new(ids::write(Of::Folder, self.owner, change.object)))
        } else {
            EventObject::Item(ItemId::new(ids::write(Of::Item, self.owner, change.object)))
        };
        Some(Event {
            kind,
            watermark: ids::change_key(change.number),
            time: change.time,
            object,
            parent: FolderKey::new(ids::write(Of::Folder, self.owner, parent)),
        })
    }
}

fn read_watermark(text: &str, newest: i64) -> Result<i64, Failure> {
    ids::read_change_key(text)
        .filter(|number| *number <= newest)
        .ok_or_else(|| Failure::new(ResponseCode::ErrorInvalidWatermark, "The watermark is invalid."))
}

fn no_subscription() -> Failure {
    Failure::new(ResponseCode::ErrorSubscriptionNotFound, "Subscription was not found. It may have timed out.")
}

fn too_many() -> Failure {
    Failure::new(
        ResponseCode::ErrorExceededSubscriptionCount,
        "The mailbox has too many subscriptions. End some, or wait until they time out.",
    )
}
