//! JSON objects as tokens may carry them: no duplicate member at any level, bounded
//! depth, nothing after the end. A parser that lets the last of two `iss` win is how
//! two readers come to believe different things (RFC 8725 §2.4).

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// How deep a token's JSON may nest; the top object is level one.
const DEPTH_MAX: u8 = 4;

pub(crate) type Object = BTreeMap<String, Value>;

pub(crate) fn parse_object(bytes: &[u8]) -> Result<Object, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Level(DEPTH_MAX).deserialize(&mut reader)?;
    reader.end()?;
    match value {
        Value::Object(members) => Ok(members.into_iter().collect()),
        _ => Err(de::Error::custom("not a JSON object")),
    }
}

/// Levels that may still be opened.
#[derive(Clone, Copy)]
struct Level(u8);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused() {
        for text in [
            &b"[]"[..],
            b"1",
            b"{\"a\":1,\"a\":2}",
            b"{\"a\":{\"b\":1,\"b\":1}}",
            b"{\"a\":1} x",
            b"{\"a\":1}{}",
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}",
            b"{\"a\":[[[[1]]]]}",
        ] {
            assert!(parse_object(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_is_read() {
        let object = parse_object(b"{\"a\":{\"b\":{\"c\":[1]}},\"d\":1.5,\"e\":null}").unwrap();
        assert_eq!(object.len(), 3);
    }
}
