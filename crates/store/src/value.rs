//! What goes into a statement and what comes out: the four types that both engines
//! agree on. Times are microseconds since 1970, Booleans are 0 and 1.

use jiff::Timestamp;
use uuid::Uuid;

use crate::error::Error;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Bytes.
    Bytes(Vec<u8>),
    /// A number, a time or a Boolean.
    Integer(i64),
    /// Nothing.
    Null,
    /// Text.
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
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

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<Uuid> for Value {
    fn from(value: Uuid) -> Self {
        Self::Text(value.hyphenated().to_string())
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Integer(value.as_microsecond())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer, read by position.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// A text.
    pub fn text(&self, index: usize) -> Result<&str, Error> {
        match self.0.get(index) {
            Some(Value::Text(text)) => Ok(text),
            other => Err(unexpected(index, "text", other)),
        }
    }

    /// A text or nothing.
    pub fn optional_text(&self, index: usize) -> Result<Option<&str>, Error> {
        match self.0.get(index) {
            Some(Value::Null) => Ok(None),
            _ => self.text(index).map(Some),
        }
    }

    /// A number.
    pub fn integer(&self, index: usize) -> Result<i64, Error> {
        match self.0.get(index) {
            Some(Value::Integer(number)) => Ok(*number),
            other => Err(unexpected(index, "integer", other)),
        }
    }

    /// A Boolean.
    pub fn boolean(&self, index: usize) -> Result<bool, Error> {
        self.integer(index).map(|number| number != 0)
    }

    /// Bytes.
    pub fn bytes(&self, index: usize) -> Result<&[u8], Error> {
        match self.0.get(index) {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            other => Err(unexpected(index, "bytes", other)),
        }
    }

    /// A GUID.
    pub fn uuid(&self, index: usize) -> Result<Uuid, Error> {
        let text = self.text(index)?;
        Uuid::try_parse(text).map_err(|_| Error::unreadable(format!("column {index} is not a GUID")))
    }

    /// A time.
    pub fn time(&self, index: usize) -> Result<Timestamp, Error> {
        Timestamp::from_microsecond(self.integer(index)?)
            .map_err(|_| Error::unreadable(format!("column {index} is not a time")))
    }

    /// A time or nothing.
    pub fn optional_time(&self, index: usize) -> Result<Option<Timestamp>, Error> {
        match self.0.get(index) {
            Some(Value::Null) => Ok(None),
            _ => self.time(index).map(Some),
        }
    }

    /// A JSON document.
    pub fn document<T: serde::de::DeserializeOwned>(&self, index: usize) -> Result<T, Error> {
        serde_json::from_str(self.text(index)?).map_err(|error| Error::unreadable(format!("column {index}: {error}")))
    }
}

/// A document as it is stored.
pub(crate) fn to_document<T: serde::Serialize>(value: &T) -> Result<Value, Error> {
    serde_json::to_string(value).map(Value::Text).map_err(|error| Error::unreadable(error.to_string()))
}

fn unexpected(index: usize, wanted: &str, found: Option<&Value>) -> Error {
    let found = match found {
        None => "nothing",
        Some(Value::Bytes(_)) => "bytes",
        Some(Value::Integer(_)) => "an integer",
        Some(Value::Null) => "null",
        Some(Value::Text(_)) => "text",
    };
    Error::unreadable(format!("column {index} holds {found}, not {wanted}"))
}
