//! Lists of messages: filtered, sorted, in pages.

use std::cmp::Reverse;

use actas_directory::odata::Select;
use actas_directory::query::{Expand, Filter, OrderBy};
use actas_exchange::ews::{DistinguishedFolder, Failure};
use actas_exchange::graph::{Extended, MESSAGE_PROPERTIES};
use actas_store::mailbox::Item;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{self, GraphError};
use super::filter::{Condition, Single, Sorting};
use super::{Call, folders};
use crate::ews::failures::storage;

/// Messages of a page, unless `$top` says how many.
const PAGE_DEFAULT: usize = 10;
pub(super) const PAGE_MAX: usize = 1000;
/// Bytes of the messages of a page, files included: a page ends early where they are large.
const PAGE_BYTES_MAX: i64 = 32 * 1024 * 1024;
/// The most messages or folders that `$skip` passes over.
pub(super) const SKIP_MAX: usize = 10_000_000;

/// What is told of each message; by default everything that is told without asking.
#[derive(Default)]
pub(super) struct Shape {
    pub(super) select: Select,
    pub(super) single: Vec<Extended>,
    pub(super) multi: Vec<Extended>,
    pub(super) files: bool,
}

/// A page of messages, and how many there are in all.
struct Found {
    items: Vec<Item>,
    total: usize,
}

impl Call<'_> {
    pub(super) async fn list_messages(&self, folder: Option<&str>) -> Result<Response, GraphError> {
        self.check_options(&["$select", "$expand", "$filter", "$orderby", "$top", "$skip", "$count"])?;
        let shape = self.shape()?;
        let condition = self.condition()?;
        let order = self.options.get("$orderby").map(OrderBy::parse).transpose()?.unwrap_or_default();
        let sorting = Sorting::of(&order)?;
        let (top, skip) = (self.options.top(PAGE_MAX)?.unwrap_or(PAGE_DEFAULT), self.skip()?);
        let (count, folders) = (self.options.count()?, self.searched(folder)?);
        let found = match condition {
            None if sorting.is_newest_first() => self.newest(&folders, skip, top).await?,
            condition => self.matching(&folders, condition.as_ref(), &sorting, skip, top).await?,
        };
        let mut value = Vec::with_capacity(found.items.len());
        let mut bytes = 0_i64;
        for item in &found.items {
            bytes = bytes.saturating_add(item.size);
            if bytes > PAGE_BYTES_MAX && !value.is_empty() {
                break;
            }
            value.push(Value::Object(self.told(item, &shape).await?));
        }
        let next = skip + value.len();
        let mut body = json!({
            "@odata.context": self.context(&format!("/messages{}", shape.select.context())),
            "value": value,
        });
        if count {
            body["@odata.count"] = found.total.into();
        }
        if next < found.total && next > skip {
            body["@odata.nextLink"] = self.next_link(next).into();
        }
        Ok(answer::json(StatusCode::OK, &body))
    }

    pub(super) fn skip(&self) -> Result<usize, GraphError> {
        match self.options.skip()? {
            skip if skip > SKIP_MAX => {
                Err(GraphError::unsupported_query(format!("$skip passes over at most {SKIP_MAX} objects.")))
            }
            skip => Ok(skip),
        }
    }

    pub(super) async fn count_messages(&self, folder: Option<&str>) -> Result<Response, GraphError> {
        self.check_options(&["$filter"])?;
        let (condition, folders) = (self.condition()?, self.searched(folder)?);
        let found = match condition {
            None => self.newest(&folders, 0, 0).await?,
            condition => self.matching(&folders, condition.as_ref(), &Sorting::of(&[])?, 0, 0).await?,
        };
        Ok(answer::text(found.total.to_string()))
    }

    /// What is told of a message: `$select` and `$expand`, as far as the caller may read it.
    pub(super) fn shape(&self) -> Result<Shape, GraphError> {
        let known = |name: &str| MESSAGE_PROPERTIES.contains(&name);
        let select = Select::parse(self.options.get("$select"), "message", known)?;
        let contents = ["body", "bodyPreview", "internetMessageHeaders"];
        if contents.iter().any(|name| select.selects(name) == Some(true)) {
            self.check_contents()?;
        }
        let mut shape = Shape { select, ..Shape::default() };
        let Some(expand) = self.options.get("$expand") else { return Ok(shape) };
        self.check_contents()?;
        for one in Expand::parse(expand)? {
            match (one.property.as_str(), &one.filter) {
                ("attachments", None) if one.select.is_none() => shape.files = true,
                ("singleValueExtendedProperties", Some(filter)) => shape.single.extend(extended(filter, false)?),
                ("multiValueExtendedProperties", Some(filter)) => shape.multi.extend(extended(filter, true)?),
                _ => {
                    return Err(GraphError::unsupported_query(
                        "$expand takes attachments, and singleValueExtendedProperties or multiValueExtendedProperties with ($filter=id eq '…').",
                    ));
                }
            }
        }
        Ok(shape)
    }

    fn condition(&self) -> Result<Option<Condition>, GraphError> {
        let Some(filter) = self.options.get("$filter") else { return Ok(None) };
        let condition = Condition::of(&Filter::parse(filter)?)?;
        if condition.is_about_contents() {
            self.check_contents()?;
        }
        Ok(Some(condition))
    }

    /// The folder, or all of mail that their owner sees.
    fn searched(&self, folder: Option<&str>) -> Result<Vec<Uuid>, GraphError> {
        if let Some(folder) = folder {
            return Ok(vec![self.mail_folder(folder)?.id]);
        }
        let tree = &self.mailbox.tree;
        let top = tree.by_role(DistinguishedFolder::MsgFolderRoot).map(|top| tree.below(top.id)).unwrap_or_default();
        Ok(top.into_iter().filter(|folder| folders::is_of_mail(folder)).map(|folder| folder.id).collect())
    }

    /// A page in the order of the store, of which no more is read than leads to it.
    async fn newest(&self, folders: &[Uuid], skip: usize, top: usize) -> Result<Found, GraphError> {
        let (mailboxes, owner) = (&self.mailbox.server.mailboxes, self.mailbox.owner);
        let mut total = 0;
        for folder in folders {
            let counts = mailboxes.counts(owner, *folder).await.map_err(|error| storage(&error))?;
            total += usize::try_from(counts.total).unwrap_or(0);
        }
        let page = |offset: usize, count: usize| {
            (i64::try_from(offset).unwrap_or(i64::MAX), i64::try_from(count).unwrap_or(i64::MAX))
        };
        if let [folder] = folders {
            let (offset, count) = page(skip, top);
            let items = mailboxes.items_page(owner, *folder, offset, count).await.map_err(|error| storage(&error))?;
            return Ok(Found { items, total });
        }
        // Of no folder more can be on the page, or before it.
        let mut newest: Vec<(Reverse<Timestamp>, Uuid)> = Vec::new();
        let (offset, count) = page(0, if skip < total { skip + top } else { 0 });
        for folder in folders {
            let items = mailboxes.items_page(owner, *folder, offset, count).await.map_err(|error| storage(&error))?;
            newest.extend(items.iter().map(|item| (Reverse(item.received), item.id)));
        }
        newest.sort();
        self.page_of(newest.into_iter().map(|(_, id)| id), skip, top, total).await
    }

    /// A page of what fulfils a condition. Of each message its place is kept in memory, and
    /// nothing else.
    async fn matching(
        &self,
        folders: &[Uuid],
        condition: Option<&Condition>,
        sorting: &Sorting,
        skip: usize,
        top: usize,
    ) -> Result<Found, GraphError> {
        let key = condition.and_then(Condition::key);
        let mut found: Vec<(Vec<Option<Single>>, Reverse<Timestamp>, Uuid)> = Vec::new();
        for folder in folders {
            let taken = self.mailbox.each(*folder, key.as_ref(), |item, message| {
                if condition.is_none_or(|condition| condition.matches(&message)) {
                    found.push((sorting.key(&message), Reverse(item.received), item.id));
                }
                Ok::<(), Failure>(())
            });
            taken.await?;
        }
        found.sort_by(|a, b| sorting.compare(&a.0, &b.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
        let total = found.len();
        self.page_of(found.into_iter().map(|(.., id)| id), skip, top, total).await
    }

    /// What was removed in between is left out.
    async fn page_of(
        &self,
        ids: impl Iterator<Item = Uuid>,
        skip: usize,
        top: usize,
        total: usize,
    ) -> Result<Found, GraphError> {
        let ids: Vec<Uuid> = ids.skip(skip).take(top).collect();
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            let item = self.mailbox.server.mailboxes.item(self.mailbox.owner, id).await;
            items.extend(item.map_err(|error| storage(&error))?);
        }
        Ok(Found { items, total })
    }
}

/// The properties that an expansion names by their ids.
fn extended(filter: &Filter, lists: bool) -> Result<Vec<Extended>, GraphError> {
    let ids = filter.alternatives("id").ok_or_else(|| {
        GraphError::unsupported_query("Extended properties are expanded with ($filter=id eq '…' or id eq '…').")
    })?;
    let all = ids.into_iter().map(Extended::parse).collect::<actas_exchange::Result<Vec<_>>>()?;
    match all.iter().find(|one| one.is_list() != lists) {
        Some(other) => Err(GraphError::unsupported_query(format!(
            "'{}' belongs to {}ValueExtendedProperties.",
            other.uri(),
            if lists { "single" } else { "multi" }
        ))),
        None => Ok(all),
    }
}
