//! The reader for every object, over serde.

use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{Member, Members, Slot, Span, Tag};

/// How deep a token's JSON may nest; the top object is level one.
const DEPTH_MAX: u8 = 4;

pub(super) fn read(text: &str) -> Result<Members, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = Top.deserialize(&mut reader)?;
    reader.end()?;
    Ok(members)
}

/// The top object.
struct Top;

/// Levels that may still be opened.
#[derive(Clone, Copy)]
struct Level(u8);

impl<'de> DeserializeSeed<'de> for Top {
    type Value = Members;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Members, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members, A::Error> {
        let mut all = Members::default();
        let mut names = std::collections::HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Level(DEPTH_MAX - 1))?;
            all.push(&name, value).ok_or_else(|| de::Error::custom("too long"))?;
            if !names.insert(name) {
                return Err(de::Error::custom("duplicate member"));
            }
        }
        Ok(all)
    }
}

// === impl Members ===

impl Members {
    /// `None` only beyond 4 GiB.
    fn push(&mut self, name: &str, value: Value) -> Option<()> {
        let tag = Tag::of(name.as_bytes());
        let name = self.write(name)?;
        let value = match value {
            Value::String(text) => Slot::Text(self.write(&text)?),
            Value::Bool(flag) => Slot::Bool(flag),
            Value::Null => Slot::Null,
            other => {
                if let Some(number) = other.as_u64() {
                    Slot::Number(number)
                } else {
                    self.others.push(other);
                    Slot::Other(u32::try_from(self.others.len() - 1).ok()?)
                }
            }
        };
        self.list.push(Member { tag, name, value });
        Some(())
    }

    fn write(&mut self, text: &str) -> Option<Span> {
        let start = self.text.len();
        self.text.push_str(text);
        Span::new(start, self.text.len())
    }
}

// === impl Level ===

impl Level {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Self).ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(deeper)? {
            all.push(item);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut all = serde_json::Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if all.contains_key(&name) {
                return Err(de::Error::custom("duplicate member"));
            }
            let value = members.next_value_seed(deeper)?;
            all.insert(name, value);
        }
        Ok(all.into())
    }
}
