//! The reader for every object, over serde.

use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{Member, Slot, Text};

/// How deep a token's JSON may nest; the top object is level one.
const DEPTH_MAX: u8 = 4;

pub(super) fn read(text: &str) -> Result<Vec<Member>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = Top.deserialize(&mut reader)?;
    reader.end()?;
    Ok(members)
}

/// The top object.
struct Top;

/// A member's value on the top level.
struct TopValue;

/// Levels that may still be opened.
#[derive(Clone, Copy)]
struct Level(u8);

impl<'de> DeserializeSeed<'de> for Top {
    type Value = Vec<Member>;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Vec<Member>, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top {
    type Value = Vec<Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Vec<Member>, A::Error> {
        let mut all: Vec<Member> = Vec::with_capacity(16);
        let mut names = std::collections::HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(de::Error::custom("duplicate member"));
            }
            let value = members.next_value_seed(TopValue)?;
            all.push(Member::new(Text::Own(name.into()), value, ""));
        }
        Ok(all)
    }
}

impl<'de> DeserializeSeed<'de> for TopValue {
    type Value = Slot;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Slot, D::Error> {
        Ok(match Level(DEPTH_MAX - 1).deserialize(reader)? {
            Value::String(text) => Slot::Text(Text::Own(text.into())),
            Value::Number(number) => Slot::Number(number),
            Value::Bool(flag) => Slot::Bool(flag),
            Value::Null => Slot::Null,
            nested @ (Value::Array(_) | Value::Object(_)) => Slot::Nested(Box::new(nested)),
        })
    }
}

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
