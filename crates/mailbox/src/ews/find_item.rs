//! `FindItem`

use actas_exchange::ews::{
    Comparison, Failure, Field, FindItem, FindItemResponse, FolderId, ItemTraversal, Message, Operand, Page,
    PropertyPath, Restriction, SortDirection, SortOrder,
};
use actas_store::mailbox::{Item, ItemProperty, Place};
use jiff::Timestamp;
use uuid::Uuid;

use super::OpenMailbox;
use super::failures::{invalid_operation, storage};
use super::find_folder::unsupported;
use super::page::Window;
use crate::document;

/// Items that are read at once when a folder has to be gone through.
const SCANNED_ITEMS: i64 = 256;
/// Items that are read at once because an index knows them; of more it is no help.
const INDEXED_ITEMS_MAX: i64 = 256;

impl OpenMailbox<'_> {
    pub(super) async fn find_items(&self, request: &FindItem) -> FindItemResponse {
        let mut messages = Vec::with_capacity(request.folders.len());
        for folder in &request.folders {
            messages.push(self.find_in(folder, request).await.into());
        }
        FindItemResponse { messages }
    }

    async fn find_in(&self, folder: &FolderId, request: &FindItem) -> Result<Page<Message>, Failure> {
        let folder = self.folder(folder)?.id;
        if request.query.is_some() {
            return Err(invalid_operation("This server does not search by QueryString. Use Restriction."));
        }
        if request.traversal != ItemTraversal::Shallow {
            // Soft-deleted items are in a folder of their own, and nothing is associated.
            return Ok(Window::of(request.view, 0)?.page(Vec::new()));
        }
        // An unsupported path is told, whatever is in the folder.
        let nothing = Message::default();
        if let Some(restriction) = &request.restriction {
            restriction.matches(&nothing).map_err(|error| unsupported(&error))?;
        }
        request.sort.compare(&nothing, &nothing).map_err(|error| unsupported(&error))?;
        match &request.restriction {
            None if is_store_order(&request.sort) => self.page_of_all(folder, request).await,
            restriction => {
                let mut found = self.matching(folder, restriction.as_ref(), &request.sort).await?;
                request.sort.sort(&mut found).map_err(|error| unsupported(&error))?;
                Ok(Window::of(request.view, found.len())?.cut(found))
            }
        }
    }

    /// A page of the whole folder, of which no more is read than is shown.
    async fn page_of_all(&self, folder: Uuid, request: &FindItem) -> Result<Page<Message>, Failure> {
        let mailboxes = &self.server.mailboxes;
        let counts = mailboxes.counts(self.owner, folder).await.map_err(|error| storage(&error))?;
        let window = Window::of(request.view, usize::try_from(counts.total).unwrap_or(0))?;
        let length = window.range.len();
        let (offset, count) = (i64::try_from(window.range.start), i64::try_from(length));
        let (offset, count) = (offset.unwrap_or(i64::MAX), count.unwrap_or(i64::MAX));
        let items = mailboxes.items_page(self.owner, folder, offset, count).await.map_err(|error| storage(&error))?;
        let messages = items.iter().map(|item| Ok(self.message(item)?.0)).collect::<Result<_, Failure>>()?;
        Ok(window.page(messages))
    }

    /// Everything in the folder that fulfils a restriction, newest first.
    async fn matching(
        &self,
        folder: Uuid,
        restriction: Option<&Restriction>,
        sort: &SortOrder,
    ) -> Result<Vec<Message>, Failure> {
        let mut search = Search { restriction, sort, found: Vec::new() };
        let (key, received) = (restriction.and_then(required_key), restriction.map_or(Received::ANY, required_times));
        self.each_between(folder, key.as_ref(), received, |_, message| search.take(message)).await?;
        Ok(search.found)
    }

    /// Goes through a folder, newest first, or through what an index knows in it.
    pub(crate) async fn each(
        &self,
        folder: Uuid,
        key: Option<&ItemProperty>,
        take: impl FnMut(&Item, Message) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.each_between(folder, key, Received::ANY, take).await
    }

    /// As [`each`](Self::each); without a key only what was received between two times.
    async fn each_between(
        &self,
        folder: Uuid,
        key: Option<&ItemProperty>,
        received: Received,
        mut take: impl FnMut(&Item, Message) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mailboxes = &self.server.mailboxes;
        if let Some(key) = key
            && self.is_selective(key).await?
        {
            let items = mailboxes.items_by_property(self.owner, folder, key).await.map_err(|error| storage(&error))?;
            return items.iter().try_for_each(|item| take(item, self.message(item)?.0));
        }
        let mut place = Place::at(received.until);
        loop {
            let items = mailboxes.items_after(self.owner, folder, place, received.since, SCANNED_ITEMS).await;
            let items = items.map_err(|error| storage(&error))?;
            for (_, item) in &items {
                take(item, self.message(item)?.0)?;
            }
            match items.last() {
                Some((last, _)) if i64::try_from(items.len()).unwrap_or(SCANNED_ITEMS) == SCANNED_ITEMS => {
                    place = *last;
                }
                _ => return Ok(()),
            }
            // Reads do not wait for anything: give way to other requests.
            tokio::task::yield_now().await;
        }
    }

    /// Whether an index finds few enough items to be read at once.
    async fn is_selective(&self, key: &ItemProperty) -> Result<bool, Failure> {
        let found = self.server.mailboxes.count_by_property(self.owner, key, INDEXED_ITEMS_MAX + 1).await;
        Ok(found.map_err(|error| storage(&error))? <= INDEXED_ITEMS_MAX)
    }
}

/// When items must have been received to fulfil a restriction, both times included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Received {
    since: Timestamp,
    until: Timestamp,
}

impl Received {
    const ANY: Self = Self { since: Timestamp::MIN, until: Timestamp::MAX };
}

struct Search<'a> {
    restriction: Option<&'a Restriction>,
    sort: &'a SortOrder,
    found: Vec<Message>,
}

impl Search<'_> {
    fn take(&mut self, mut message: Message) -> Result<(), Failure> {
        let fits = match self.restriction {
            Some(restriction) => restriction.matches(&message).map_err(|error| unsupported(&error))?,
            None => true,
        };
        if fits {
            // A search tells no bodies; they are kept only to sort by.
            if !self.sort.0.iter().any(|field| field.path == PropertyPath::Field(Field::Body)) {
                message.body = None;
            }
            self.found.push(message);
        }
        Ok(())
    }
}

/// A property that every item must have which fulfils the restriction, and by which items
/// are found without reading the folder.
fn required_key(restriction: &Restriction) -> Option<ItemProperty> {
    match restriction {
        Restriction::Compare {
            operation: Comparison::IsEqualTo,
            path: PropertyPath::Extended(uri),
            operand: Operand::Constant(value),
        } => document::index_key(uri, value),
        Restriction::Compare {
            operation: Comparison::IsEqualTo,
            path: PropertyPath::Field(Field::Subject),
            operand: Operand::Constant(value),
        } => document::subject_key(value),
        Restriction::And(conditions) => conditions.iter().find_map(required_key),
        _ => None,
    }
}

/// The times between which every item was received that fulfils the restriction.
fn required_times(restriction: &Restriction) -> Received {
    match restriction {
        Restriction::Compare {
            operation,
            path: PropertyPath::Field(Field::DateTimeReceived),
            operand: Operand::Constant(constant),
        } => {
            // What is no such time is left to the restriction itself.
            let Ok(time) = constant.parse::<Timestamp>() else { return Received::ANY };
            match operation {
                Comparison::IsEqualTo => Received { since: time, until: time },
                Comparison::IsGreaterThan | Comparison::IsGreaterThanOrEqualTo => {
                    Received { since: time, ..Received::ANY }
                }
                Comparison::IsLessThan | Comparison::IsLessThanOrEqualTo => Received { until: time, ..Received::ANY },
                Comparison::IsNotEqualTo => Received::ANY,
            }
        }
        Restriction::And(conditions) => conditions.iter().map(required_times).fold(Received::ANY, |all, one| {
            Received { since: all.since.max(one.since), until: all.until.min(one.until) }
        }),
        _ => Received::ANY,
    }
}

/// Whether an order is the one in which the store tells items: newest first.
fn is_store_order(sort: &SortOrder) -> bool {
    match sort.0.as_slice() {
        [] => true,
        [field] => {
            field.direction == SortDirection::Descending && field.path == PropertyPath::Field(Field::DateTimeReceived)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use actas_exchange::ews::{BaseType, ExtendedFieldUri};

    use super::*;

    fn equals(kind: BaseType, value: &str) -> Restriction {
        Restriction::equals(ExtendedFieldUri::public_string("DeliveryKey", kind.into()), value)
    }

    #[test]
    fn only_what_is_required_is_looked_up() {
        let key = equals(BaseType::String, "6f1c");
        let other = Restriction::equals(Field::ConversationTopic, "x");
        let cases = [
            (key.clone(), true),
            (Restriction::And(vec![other.clone(), key.clone()]), true),
            (Restriction::And(vec![Restriction::And(vec![key.clone()])]), true),
            (Restriction::Or(vec![key.clone(), key.clone()]), false),
            (Restriction::Not(Box::new(key)), false),
            (other, false),
            (Restriction::equals(Field::Subject, "x"), true),
            (equals(BaseType::Integer, "6"), false),
            (equals(BaseType::String, &"x".repeat(600)), false),
        ];
        for (restriction, indexed) in cases {
            assert_eq!(required_key(&restriction).is_some(), indexed, "{restriction:?}");
        }
    }

    #[test]
    fn times_narrow_only_where_all_must_hold() {
        let (early, late) = ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z");
        let at = |operation, time: &str| Restriction::Compare {
            operation,
            path: Field::DateTimeReceived.into(),
            operand: Operand::Constant(time.to_owned()),
        };
        let from = || at(Comparison::IsGreaterThanOrEqualTo, early);
        let to = || at(Comparison::IsLessThan, late);
        let (since, until) = (early.parse().unwrap(), late.parse().unwrap());
        let only_since = Received { since, ..Received::ANY };
        for (restriction, expected) in [
            (from(), only_since),
            (to(), Received { until, ..Received::ANY }),
            (Restriction::And(vec![from(), to()]), Received { since, until }),
            (Restriction::And(vec![from(), Restriction::equals(Field::Subject, "x")]), only_since),
            (Restriction::Or(vec![from(), to()]), Received::ANY),
            (Restriction::Not(Box::new(from())), Received::ANY),
            (at(Comparison::IsNotEqualTo, early), Received::ANY),
            (at(Comparison::IsGreaterThan, "tomorrow"), Received::ANY),
            (at(Comparison::IsEqualTo, early), Received { since, until: since }),
        ] {
            assert_eq!(required_times(&restriction), expected, "{restriction:?}");
        }
    }
}
