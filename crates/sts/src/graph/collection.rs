//! Reading: lists with their options, bare counts, single objects.

use actas_directory::odata::Select;
use actas_directory::query::Filter;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::{ETAG, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Request;
use super::answer::{self, GraphError};
use super::entity::{Entity, Properties};

pub(super) const PAGE_DEFAULT: usize = 100;
pub(super) const PAGE_MAX: usize = 999;
/// Objects that are read from the store at once.
const SCAN_ROWS: i64 = 1000;
/// The longest `$skiptoken`, in bytes: a display name and an id, encoded.
pub(super) const TOKEN_BYTES_MAX: usize = 4096;

/// How a list is sorted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Order {
    ById,
    ByName { descending: bool },
}

/// Where a page begins: behind the object of this name and id. Opaque to clients.
#[derive(Deserialize, Serialize)]
pub(super) struct Position {
    /// What the list is sorted by, before the id.
    pub(super) key: String,
    id: Uuid,
}

struct Options {
    select: Select,
    filter: Option<Filter>,
    order: Order,
    top: usize,
    after: Option<Position>,
    count: bool,
}

/// The answer to a GET of one object.
pub(super) fn read<E: Entity>(request: &Request<'_>, entity: &E) -> Result<Response, GraphError> {
    request.check_options(&["$select"])?;
    let select = Select::parse(request.option("$select"), E::KIND, E::is_property)?;
    let context = format!("{}#{}{}/$entity", request.metadata(), E::COLLECTION, select.context());
    let mut response = answer::json(StatusCode::OK, &with_context(selected(&select, entity, true), context));
    if let Ok(etag) = HeaderValue::from_str(&etag(entity.version())) {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}

/// An object as it is shown to who has just made it.
pub(super) fn whole<E: Entity>(request: &Request<'_>, entity: &E) -> Value {
    let context = format!("{}#{}/$entity", request.metadata(), E::COLLECTION);
    with_context(entity.properties(false), context)
}

fn with_context(properties: Properties, context: String) -> Value {
    let mut body = properties;
    body.insert("@odata.context".to_owned(), context.into());
    Value::Object(body)
}

/// The answer to a GET of a collection. `path` is the collection's own.
pub(super) async fn list<E: Entity>(request: &Request<'_>, path: &str) -> Result<Response, GraphError> {
    let options = Options::parse::<E>(request)?;
    // One more than a page tells whether there is another.
    let whole = options.count || options.order != Order::ById;
    let bound = if whole { usize::MAX } else { options.top + 1 };
    let mut found = matching::<E>(request, &options, bound).await?;
    let total = found.len();
    if let Order::ByName { descending } = options.order {
        found.sort_by_cached_key(|entity| sort_key(entity));
        if descending {
            found.reverse();
        }
    }
    let start = match &options.after {
        Some(position) if whole => {
            found.iter().take_while(|entity| !options.order.is_behind(*entity, position)).count()
        }
        _ => 0,
    };
    let page: Vec<&E> = found.iter().skip(start).take(options.top).collect();
    let value: Vec<Value> =
        page.iter().map(|entity| Value::Object(selected(&options.select, *entity, false))).collect();
    let mut body = json!({
        "@odata.context": format!("{}#{}{}", request.metadata(), E::COLLECTION, options.select.context()),
        "value": value,
    });
    if options.count && options.after.is_none() {
        body["@odata.count"] = total.into();
    }
    if let Some(last) = page.last().filter(|_| start + page.len() < total) {
        body["@odata.nextLink"] = request.next_link(path, &Position::of(*last)).into();
    }
    Ok(answer::json(StatusCode::OK, &body))
}

/// The answer to `…/$count`.
pub(super) async fn count<E: Entity>(request: &Request<'_>) -> Result<Response, GraphError> {
    request.check_options(&["$filter"])?;
    if !request.is_eventual() {
        return Err(GraphError::unsupported("$count needs the header 'ConsistencyLevel: eventual'."));
    }
    let filter = request.option("$filter").map(Filter::parse).transpose()?;
    let options = Options { select: Select::default(), filter, order: Order::ById, top: 1, after: None, count: true };
    Ok(answer::text(matching::<E>(request, &options, usize::MAX).await?.len().to_string()))
}

/// The objects that the caller may see and the filter lets through, by id, up to `bound`.
async fn matching<E: Entity>(request: &Request<'_>, options: &Options, bound: usize) -> Result<Vec<E>, GraphError> {
    let filter = options.filter.as_ref();
    let fits = |entity: &E| -> Result<bool, GraphError> {
        let fits = filter.map_or(Ok(true), |filter| filter.matches(&|name| entity.filtered(name)))?;
        Ok(fits && entity.may_be_read(request))
    };
    // Counting and sorting take the whole list; else a page begins behind the last one.
    let by_id = !options.count && options.order == Order::ById;
    let mut after = options.after.as_ref().filter(|_| by_id).map_or(Uuid::nil(), |position| position.id);
    let mut found = Vec::new();
    if let Some(filter) = filter
        && let Some(known) = E::indexed(request, filter).await?
    {
        for entity in known {
            if entity.id() > after && fits(&entity)? {
                found.push(entity);
            }
        }
        return Ok(found);
    }
    loop {
        let rows = E::page(request, after, SCAN_ROWS).await?;
        let Some(last) = rows.last().map(Entity::id) else { return Ok(found) };
        for entity in rows {
            if fits(&entity)? {
                found.push(entity);
            }
            if found.len() >= bound {
                return Ok(found);
            }
        }
        after = last;
    }
}

/// An object's ETag.
pub(super) fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

fn sort_key<E: Entity>(entity: &E) -> (String, Uuid) {
    (entity.display_name().to_lowercase(), entity.id())
}

// === impl Order ===

impl Order {
    fn parse(text: Option<&str>) -> Result<Self, GraphError> {
        let Some(text) = text else { return Ok(Self::ById) };
        let mut words = text.split_ascii_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("displayName"), None | Some("asc"), None) => Ok(Self::ByName { descending: false }),
            (Some("displayName"), Some("desc"), None) => Ok(Self::ByName { descending: true }),
            _ => Err(GraphError::unsupported("Only displayName, with asc or desc, is supported in $orderby.")),
        }
    }

    /// Whether an object comes after that position.
    fn is_behind<E: Entity>(self, entity: &E, position: &Position) -> bool {
        let place = (position.key.clone(), position.id);
        match self {
            Self::ById => entity.id() > position.id,
            Self::ByName { descending: false } => sort_key(entity) > place,
            Self::ByName { descending: true } => sort_key(entity) < place,
        }
    }
}

// === impl Position ===

impl Position {
    fn of<E: Entity>(entity: &E) -> Self {
        let (key, id) = sort_key(entity);
        Self { key, id }
    }

    /// The place of something that is sorted by this text alone.
    pub(super) fn at(key: &str) -> Self {
        Self { key: key.to_owned(), id: Uuid::nil() }
    }

    /// Where the page that a request asks for begins.
    pub(super) fn of_request(request: &Request<'_>) -> Result<Option<Self>, GraphError> {
        let read = |token| Self::parse(token).ok_or_else(|| GraphError::bad_request("Invalid value for $skiptoken."));
        request.option("$skiptoken").map(read).transpose()
    }

    pub(super) fn to_token(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!(self).to_string())
    }

    fn parse(token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(Some(token).filter(|token| token.len() <= TOKEN_BYTES_MAX)?).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// Refuses advanced queries that do not ask for the eventual view. Clients follow a next
/// link without the header that the first request had.
pub(super) fn check_advanced(
    request: &Request<'_>,
    advanced: bool,
    count: bool,
    first: bool,
) -> Result<(), GraphError> {
    if (count || advanced) && first && !request.is_eventual() {
        let message =
            "$count, 'ne', 'not', 'endswith' and $filter with $orderby need the header 'ConsistencyLevel: eventual'.";
        return Err(GraphError::unsupported(message));
    }
    if advanced && !count {
        let message = "'ne', 'not', 'endswith' and $filter with $orderby need $count=true.";
        return Err(GraphError::unsupported(message));
    }
    Ok(())
}

// === impl Options ===

impl Options {
    fn parse<E: Entity>(request: &Request<'_>) -> Result<Self, GraphError> {
        request.check_options(&["$select", "$filter", "$top", "$count", "$orderby", "$skiptoken"])?;
        let select = Select::parse(request.option("$select"), E::KIND, E::is_property)?;
        let filter = request.option("$filter").map(Filter::parse).transpose()?;
        let order = Order::parse(request.option("$orderby"))?;
        let (top, count) = (request.query.top(PAGE_MAX)?.unwrap_or(PAGE_DEFAULT), request.query.count()?);
        let after = Position::of_request(request)?;
        let advanced = filter.as_ref().is_some_and(Filter::is_advanced) || (filter.is_some() && order != Order::ById);
        check_advanced(request, advanced, count, after.is_none())?;
        Ok(Self { select, filter, order, top, after, count })
    }
}

/// Keys themselves come only where they are selected, on a single object.
fn selected<E: Entity>(select: &Select, entity: &E, single: bool) -> Properties {
    let default = |name: &str| E::DEFAULT.is_empty() || E::DEFAULT.contains(&name);
    let shown = |name: &str| select.selects(name).unwrap_or_else(|| default(name));
    let mut properties = entity.properties(single && select.selects("keyCredentials") == Some(true));
    properties.retain(|name, _| shown(name));
    properties
}
