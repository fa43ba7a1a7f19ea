//! What an extended property holds

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use uuid::Uuid;

use super::ExtendedFieldUri;
use crate::error::{Error, Kind, Result, shown};
use crate::xml::{self, Node, Writer};

/// Values of one property.
const VALUES_MAX: usize = 1000;

/// An extended property and its value, which is one that its type can hold
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedProperty {
    uri: ExtendedFieldUri,
    value: Value,
}

/// One text, or several for the `…Array` types
///
/// Each in the one spelling that its type has here: `true` and `false`, whole seconds in `Z` form,
/// dense Base64, GUIDs in lower case without braces. So equal values are equal texts.
///
/// Exhaustive: the schema fixes the kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    One(String),
    Many(Vec<String>),
}

/// The type of an extended property
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyType {
    pub base: BaseType,
    pub array: bool,
}

names! {
    /// The type of one value ("ExtendedFieldURI", `PropertyType`)
    pub enum BaseType {
        ApplicationTime = "ApplicationTime",
        Binary = "Binary",
        Boolean = "Boolean",
        Clsid = "CLSID",
        Currency = "Currency",
        Double = "Double",
        Float = "Float",
        Integer = "Integer",
        Long = "Long",
        Short = "Short",
        String = "String",
        SystemTime = "SystemTime",
    }
}

// === impl PropertyType ===

impl From<BaseType> for PropertyType {
    fn from(base: BaseType) -> Self {
        Self { base, array: false }
    }
}

impl PropertyType {
    pub const STRING: Self = Self { base: BaseType::String, array: false };
    pub const INTEGER: Self = Self { base: BaseType::Integer, array: false };
    pub const SYSTEM_TIME: Self = Self { base: BaseType::SystemTime, array: false };

    /// Reads `String`, `StringArray` and so on
    pub fn from_name(name: &str) -> Option<Self> {
        let (base, array) = match name.strip_suffix("Array") {
            Some(base) => (base, true),
            None => (name, false),
        };
        Some(Self { base: BaseType::from_name(base)?, array })
    }
}

impl fmt::Display for PropertyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let array = if self.array { "Array" } else { "" };
        write!(f, "{}{array}", self.base)
    }
}

impl BaseType {
    /// The one spelling of a value here, or nothing if the type cannot hold it
    pub fn canonical(self, text: &str) -> Option<String> {
        let trimmed = text.trim();
        match self {
            Self::String => Some(text.to_owned()),
            Self::Boolean => xml::boolean(trimmed).map(|value| value.to_string()),
            Self::Short => trimmed.parse::<i16>().ok().map(|n| n.to_string()),
            Self::Integer => trimmed.parse::<i32>().ok().map(|n| n.to_string()),
            Self::Long | Self::Currency => trimmed.parse::<i64>().ok().map(|n| n.to_string()),
            Self::Float => trimmed.parse::<f32>().ok().map(|n| real(n.to_string())),
            Self::Double | Self::ApplicationTime => trimmed.parse::<f64>().ok().map(|n| real(n.to_string())),
            Self::SystemTime => xml::time(trimmed).map(xml::timestamp),
            Self::Binary => xml::base64(trimmed).map(|bytes| BASE64_STANDARD.encode(bytes)),
            Self::Clsid => Uuid::try_parse(trimmed).ok().map(|guid| guid.to_string()),
        }
    }
}

/// The schema spells infinity its own way.
fn real(text: String) -> String {
    match text.as_str() {
        "inf" => "INF".to_owned(),
        "-inf" => "-INF".to_owned(),
        _ => text,
    }
}

// === impl ExtendedProperty ===

impl ExtendedProperty {
    /// A property and its value, if its type can hold it
    pub fn new(uri: ExtendedFieldUri, value: Value) -> Result<Self> {
        let kind = uri.kind;
        let canonical = |text: String| {
            kind.base.canonical(&text).ok_or_else(|| {
                let what = format!("`{}` is no {}", shown(&text), kind.base);
                Error::new(Kind::ExtendedPropertyValue(what))
            })
        };
        let value = match (kind.array, value) {
            (false, Value::One(text)) => Value::One(canonical(text)?),
            (true, Value::Many(texts)) => Value::Many(texts.into_iter().map(canonical).collect::<Result<_>>()?),
            (false, Value::Many(_)) => return Err(wrong("several values of a single type")),
            (true, Value::One(_)) => return Err(wrong("a single value of an array")),
        };
        Ok(Self { uri, value })
    }

    /// A property with one value
    pub fn one(uri: ExtendedFieldUri, text: impl Into<String>) -> Result<Self> {
        Self::new(uri, Value::One(text.into()))
    }

    /// A text among the public strings
    pub fn public_string(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { uri: ExtendedFieldUri::public_string(name, PropertyType::STRING), value: Value::One(text.into()) }
    }

    pub fn uri(&self) -> &ExtendedFieldUri {
        &self.uri
    }

    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The value, if it is a single one
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::One(text) => Some(text),
            Value::Many(_) => None,
        }
    }

    /// The property under the same name in another spelling.
    pub(crate) fn spelled(mut self, uri: &ExtendedFieldUri) -> Self {
        debug_assert_eq!(self.uri, *uri, "only the spelling differs");
        self.uri = uri.clone();
        self
    }

    /// Cut to what a search tells of a text.
    pub(crate) fn cut(mut self, cut: impl Fn(&str) -> &str) -> Self {
        if self.uri.kind.base == BaseType::String {
            match &mut self.value {
                Value::One(text) => *text = cut(text).to_owned(),
                Value::Many(texts) => {
                    for text in texts {
                        *text = cut(text).to_owned();
                    }
                }
            }
        }
        self
    }

    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        let uri = ExtendedFieldUri::read(node.required(xml::TYPES, "ExtendedFieldURI")?)?;
        let value = match (node.child(xml::TYPES, "Value"), node.child(xml::TYPES, "Values")) {
            (Some(value), None) => Value::One(value.text()?),
            (None, Some(values)) => Value::Many(values.each("values of a property", VALUES_MAX, Node::text)?),
            _ => return Err(node.unexpected("`ExtendedProperty` holds neither or both forms of value")),
        };
        Self::new(uri, value).map_err(|error| error.at(node.position()))
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.element("t:ExtendedProperty", &[], |w| {
            self.uri.write(w);
            match &self.value {
                Value::One(text) => w.text("t:Value", text),
                Value::Many(texts) => w.element("t:Values", &[], |w| {
                    for text in texts {
                        w.text("t:Value", text);
                    }
                }),
            }
        });
    }
}

fn wrong(what: &str) -> Error {
    Error::new(Kind::ExtendedPropertyValue(what.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_one_spelling() {
        let cases = [
            ("Boolean", "1", Some("true")),
            ("Boolean", "no", None),
            ("Short", "32768", None),
            ("Integer", " 0001 ", Some("1")),
            ("Integer", "2147483648", None),
            ("Long", "2147483648", Some("2147483648")),
            ("Double", "1e3", Some("1000")),
            ("Double", "INF", Some("INF")),
            ("Double", "x", None),
            ("SystemTime", "2026-11-20T11:02:00.5+01:00", Some("2026-11-20T10:02:00Z")),
            ("SystemTime", "2026-11-20T10:02:00", Some("2026-11-20T10:02:00Z")),
            ("SystemTime", "yesterday", None),
            ("Binary", "AAEC\n AwQ=", Some("AAECAwQ=")),
            ("Binary", "A", None),
            ("CLSID", "{00020329-0000-0000-C000-000000000046}", Some("00020329-0000-0000-c000-000000000046")),
            ("String", " as is ", Some(" as is ")),
        ];
        for (kind, text, expected) in cases {
            let kind = BaseType::from_name(kind).unwrap();
            assert_eq!(kind.canonical(text).as_deref(), expected, "{kind} {text:?}");
        }
    }
}
