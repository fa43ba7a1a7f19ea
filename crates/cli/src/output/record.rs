//! Objects with named properties in a fixed order.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};

/// One object that a command shows.
///
/// Properties have the vendor's names and stand in the vendor's order.
///
/// ```ignore
/// Record::new()
///     .with("Identity", "microsoft.sts")
///     .with("AcceptSecurityIdentifierInformation", false)
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record(Vec<(Cow<'static, str>, Value)>);

impl Record {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a property behind the others.
    pub(crate) fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.push(name, value);
        self
    }

    /// Adds a property behind the others.
    pub(crate) fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        self.0.push((name.into(), value.into()));
    }

    /// Returns the value of a property.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Returns the properties in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The value of a property.
///
/// Like a value of JSON, but objects keep the order of their properties.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value {
    /// Nothing: `null`, or an empty place in a list.
    #[default]
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Self>),
    Object(Record),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => value.serialize(serializer),
            Self::Number(value) => value.serialize(serializer),
            Self::Text(value) => value.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
            Self::Object(record) => record.serialize(serializer),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Number(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Number(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Record> for Value {
    fn from(value: Record) -> Self {
        Self::Object(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(value),
            serde_json::Value::Number(value) => Self::Number(value),
            serde_json::Value::String(value) => Self::Text(value),
            serde_json::Value::Array(values) => values.into(),
            serde_json::Value::Object(map) => {
                Self::Object(Record(map.into_iter().map(|(name, value)| (name.into(), value.into())).collect()))
            }
        }
    }
}

/// Returns objects as an array of JSON.
pub(super) fn to_json(records: &[Record]) -> String {
    // Names are text and numbers are finite, so that nothing here can fail.
    serde_json::to_string_pretty(records).unwrap_or_default()
}
