//! What applications, principals and users have in common on the wire.

use actas_directory::kept::{Kept, KeptProperty};
use actas_directory::query::{Filter, Property};
use actas_directory::{Deleted, DeletedObject};
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Request;
use super::answer::GraphError;
use super::key_credential::wire_time;

/// The properties of an object, by name.
pub(super) type Properties = Map<String, Value>;

/// An object of a collection.
pub(super) trait Entity: Clone + Send + Sync + 'static {
    /// The collection's name in paths and contexts.
    const COLLECTION: &'static str;
    /// The last part of the type's name.
    const KIND: &'static str;
    /// Properties besides those that are only kept.
    const NAMES: &'static [&'static str];
    /// Properties that are only kept.
    const KEPT: &'static [KeptProperty];
    /// What is shown where nothing is selected; everything, where this is empty.
    const DEFAULT: &'static [&'static str];

    fn id(&self) -> Uuid;
    fn version(&self) -> i64;
    fn kept(&self) -> &Kept;
    fn display_name(&self) -> &str;
    /// A property's value; keys themselves only if wanted. `None` for names that are not
    /// among [`Entity::NAMES`].
    fn value(&self, name: &str, with_keys: bool) -> Option<Value>;
    /// A property as filters see it. `None` for those that cannot be filtered by.
    fn filtered<'o>(&'o self, name: &str) -> Option<Property<'o>>;
    fn may_be_read(&self, request: &Request<'_>) -> bool;
    /// The next so many objects of the caller's tenant, by id.
    async fn page(request: &Request<'_>, after: Uuid, count: i64) -> Result<Vec<Self>, GraphError>;
    /// The only objects that can match a filter, where an index knows them.
    async fn indexed(request: &Request<'_>, filter: &Filter) -> Result<Option<Vec<Self>>, GraphError>;
    /// The object that was deleted, if it was one of these.
    fn from_deleted(object: DeletedObject) -> Option<Self>;

    /// Every property, in a stable order; keys themselves only if wanted.
    fn properties(&self, with_keys: bool) -> Properties {
        let named = Self::NAMES.iter().filter_map(|name| Some(((*name).to_owned(), self.value(name, with_keys)?)));
        let kept = Self::KEPT.iter().map(|property| (property.name.to_owned(), property.of(self.kept())));
        named.chain(kept).collect()
    }

    fn is_property(name: &str) -> bool {
        Self::NAMES.contains(&name) || Self::KEPT.iter().any(|property| property.name == name)
    }
}

/// A property that is only kept. False where `name` is none of these.
pub(super) fn keep(
    properties: &[KeptProperty],
    kept: &mut Kept,
    name: &str,
    value: &Value,
) -> Result<bool, GraphError> {
    match properties.iter().find(|property| property.name == name) {
        None => Ok(false),
        Some(property) if property.keep(kept, value) => Ok(true),
        Some(_) => Err(GraphError::invalid(name, "it is of the wrong type or too long")),
    }
}

/// A deleted object, as it is listed.
#[derive(Clone)]
pub(super) struct Gone<E> {
    entity: E,
    deleted: Timestamp,
}

// === impl Gone ===

impl<E: Entity> Gone<E> {
    pub(super) fn new(deleted: Deleted) -> Option<Self> {
        Some(Self { entity: E::from_deleted(deleted.object)?, deleted: deleted.deleted })
    }
}

impl<E: Entity> Entity for Gone<E> {
    const COLLECTION: &'static str = E::COLLECTION;
    const KIND: &'static str = E::KIND;
    const NAMES: &'static [&'static str] = E::NAMES;
    const KEPT: &'static [KeptProperty] = E::KEPT;
    const DEFAULT: &'static [&'static str] = &[];

    fn id(&self) -> Uuid {
        self.entity.id()
    }

    fn version(&self) -> i64 {
        self.entity.version()
    }

    fn kept(&self) -> &Kept {
        self.entity.kept()
    }

    fn display_name(&self) -> &str {
        self.entity.display_name()
    }

    fn value(&self, name: &str, _: bool) -> Option<Value> {
        match name {
            "deletedDateTime" => Some(wire_time(self.deleted).into()),
            other => self.entity.value(other, false),
        }
    }

    fn filtered<'o>(&'o self, name: &str) -> Option<Property<'o>> {
        self.entity.filtered(name)
    }

    fn may_be_read(&self, request: &Request<'_>) -> bool {
        self.entity.may_be_read(request)
    }

    async fn page(request: &Request<'_>, after: Uuid, count: i64) -> Result<Vec<Self>, GraphError> {
        let (directory, now) = (&request.sts.0.directory, request.now());
        let found = directory.deleted_after(request.caller.tenant, E::KIND, after, count, now).await?;
        Ok(found.into_iter().filter_map(Self::new).collect())
    }

    async fn indexed(_: &Request<'_>, _: &Filter) -> Result<Option<Vec<Self>>, GraphError> {
        Ok(None)
    }

    fn from_deleted(_: DeletedObject) -> Option<Self> {
        None
    }
}
