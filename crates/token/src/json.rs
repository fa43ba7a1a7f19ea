//! JSON objects as tokens may carry them: no duplicate member at any level, bounded
//! depth, nothing after the end. A parser that lets the last of two `iss` win is how
//! two readers come to believe different things (RFC 8725 §2.4).
//!
//! An object is kept flat, as a text and where its members stand in it. There are two readers. [`plain`] knows the objects that nearly every token is made
//! of, and leaves everything else, every error included, to [`general`].

mod general;
mod plain;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) type Object = BTreeMap<String, Value>;

/// An object: its members in the order of the text, and the text that they stand in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    /// As it was read; where there were escapes, names and texts as they are meant.
    text: String,
    list: Vec<Member>,
    /// Values that are not kept in the list.
    others: Vec<Value>,
}

/// Small and without a destructor: a token is read, asked a dozen times, and dropped.
#[derive(Clone, Copy, Debug)]
struct Member {
    tag: Tag,
    name: Span,
    value: Slot,
}

/// The first and the last four bytes of a name: with its length, all of a short one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Tag(u64);

/// Where a text stands, in bytes.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Text(Span),
    Number(u64),
    Bool(bool),
    Null,
    /// Among the others, at this place.
    Other(u32),
}

/// A member's value, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Flat<'m> {
    /// A string.
    Text(&'m str),
    /// A natural number.
    Number(u64),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// An array, an object, or another number.
    Other(&'m Value),
}

// === impl Members ===

impl Members {
    /// Reads an object of a token.
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, serde_json::Error> {
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(serde::de::Error::custom("not UTF-8"));
        };
        match plain::read(&text) {
            Some(list) => Ok(Self { text, list, others: Vec::new() }),
            None => general::read(&text),
        }
    }

    /// The value of a member, by its exact name.
    pub(crate) fn get(&self, name: &str) -> Option<Flat<'_>> {
        self.member(name).map(|member| self.flat(member.value))
    }

    /// Whether there is a member of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    #[inline]
    fn member(&self, name: &str) -> Option<&Member> {
        let tag = Tag::of(name.as_bytes());
        self.list.iter().find(|member| member.is(tag, name, &self.text))
    }

    /// The same as a tree, for those who look at a token at leisure.
    pub(crate) fn to_object(&self) -> Object {
        let value = |slot| match self.flat(slot) {
            Flat::Text(text) => Value::from(text),
            Flat::Number(number) => Value::from(number),
            Flat::Bool(flag) => Value::from(flag),
            Flat::Null => Value::Null,
            Flat::Other(value) => value.clone(),
        };
        self.list.iter().map(|member| (member.name.within(&self.text).to_owned(), value(member.value))).collect()
    }

    #[inline]
    fn flat(&self, slot: Slot) -> Flat<'_> {
        match slot {
            Slot::Text(text) => Flat::Text(text.within(&self.text)),
            Slot::Number(number) => Flat::Number(number),
            Slot::Bool(flag) => Flat::Bool(flag),
            Slot::Null => Flat::Null,
            Slot::Other(at) => self.others.get(at as usize).map_or(Flat::Null, Flat::Other),
        }
    }
}

// === impl Member ===

impl Member {
    /// Whether it has this name, whose tag is given.
    #[inline]
    fn is(&self, tag: Tag, name: &str, text: &str) -> bool {
        self.tag == tag && self.name.len() == name.len() && (name.len() <= Tag::WHOLE || self.name.within(text) == name)
    }
}

// === impl Tag ===

impl Tag {
    /// The longest name that it holds all of.
    const WHOLE: usize = 8;

    #[inline]
    fn of(name: &[u8]) -> Self {
        let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) else {
            return Self(name.iter().fold(0, |so_far, byte| so_far * 256 + u64::from(*byte)));
        };
        let mut bytes = [0; Self::WHOLE];
        let (start, end) = bytes.split_at_mut(first.len());
        start.copy_from_slice(first);
        end.copy_from_slice(last);
        Self(u64::from_le_bytes(bytes))
    }

    /// One bit of 64, by all of the tag.
    fn mark(self) -> u64 {
        1 << (self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
    }
}

// === impl Span ===

impl Span {
    /// From `start` to `end`. Tokens are shorter than 4 GiB by far.
    fn new(start: usize, end: usize) -> Option<Self> {
        Some(Self { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
    }

    #[inline]
    fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    #[inline]
    fn within(self, whole: &str) -> &str {
        // Both ends stand between two characters of this very text.
        whole.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(bytes: &[u8]) -> Result<Object, serde_json::Error> {
        Members::read(bytes.to_vec()).map(|members| members.to_object())
    }

    #[test]
    fn what_is_refused() {
        for text in [
            &b"[]"[..],
            b"1",
            b"",
            b"{",
            b"{\"a\"",
            b"{\"a\":",
            b"{\"a\":1",
            b"{\"a\":1,",
            b"{\"a\":1,}",
            b"{,}",
            b"{\"a\" 1}",
            b"{a:1}",
            b"{\"a\":01}",
            b"{\"a\":1 2}",
            b"{\"a\":tru}",
            b"{\"a\":truefalse}",
            b"{\"a\":\"x}",
            b"{\"a\":\"\n\"}",
            b"{\"a\":1,\"a\":2}",
            b"{\"a\":1,\"\\u0061\":2}",
            b"{\"a\":{\"b\":1,\"b\":1}}",
            b"{\"a\":[{\"b\":1,\"b\":1}]}",
            b"{\"a\":1} x",
            b"{\"a\":1}{}",
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}",
            b"{\"a\":[[[[1]]]]}",
        ] {
            assert!(parse(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_is_read() {
        let object = parse(b"{\"a\":{\"b\":{\"c\":[1]}},\"d\":1.5,\"e\":null}").unwrap();
        assert_eq!(object.len(), 3);
        let object = parse(b" { \"a\" : \"x\" , \"b\":7,\"c\":true,\"\":false,\"n\":null } ").unwrap();
        let expected = [("", false.into()), ("a", "x".into()), ("b", 7.into()), ("c", true.into()), ("n", Value::Null)];
        assert_eq!(object, expected.map(|(name, value)| (name.to_owned(), value)).into());
        assert!(parse(b"{}").unwrap().is_empty());
        assert_eq!(parse("{\"ä\\n\":\"\\u00e4\"}".as_bytes()).unwrap()["ä\n"], "ä");
    }

    #[test]
    fn names_of_any_length_are_told_apart_by_each_of_their_bytes() {
        let name = "abcdefghijkl";
        for length in 0..=name.len() {
            let own = &name[..length];
            let others = (0..length).map(|at| format!("{}X{}", &own[..at], &own[at + 1..]));
            for other in others.chain([format!("{own}X"), format!("X{own}")]) {
                for text in [format!("{{\"{own}\":1,\"{other}\":2}}"), format!("{{\"{other}\":2,\n\"{own}\":1}}")] {
                    let members = Members::read(text.clone().into()).unwrap();
                    let read = (members.get(own), members.get(&other), members.get("abXX"));
                    assert_eq!(read, (Some(Flat::Number(1)), Some(Flat::Number(2)), None), "{text}");
                }
            }
        }
    }

    #[test]
    fn many_members_are_read_and_a_duplicate_among_them_is_not() {
        let many: Vec<String> = (0..2000).map(|n| format!("\"m{n}\":{n}")).collect();
        assert_eq!(parse(format!("{{{}}}", many.join(",")).as_bytes()).unwrap().len(), 2000);
        assert!(parse(format!("{{{},\"m77\":1}}", many.join(",")).as_bytes()).is_err());
    }

    /// The two readers agree wherever the plain one has an answer.
    fn agree(text: &str) {
        let Some(plain) = plain::read(text) else { return };
        let plain = Members { text: text.to_owned(), list: plain, others: Vec::new() };
        let general = general::read(text).expect(text);
        assert_eq!(plain.to_object(), general.to_object(), "{text}");
    }

    proptest! {
        #[test]
        fn the_readers_agree_on_what_looks_like_json(text in r#"\{("[a-c\\ é]{0,2}" ?: ?("[x-z\\ é]{0,3}"|[0-9]{1,17}|-1|1\.0|true|false|null|nul|\[\]|\{\}),? ?){0,4}\}?[ x]?"#) {
            agree(&text);
        }

        #[test]
        fn the_readers_agree_on_any_text(text in ".{0,40}") {
            agree(&text);
        }

        #[test]
        fn a_plain_object_is_read_by_the_plain_reader(
            members in proptest::collection::btree_map("[a-z]{1,8}", "[ -!#-\\[\\]-~]{0,20}", 1..16)
        ) {
            let text: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
            let text = format!("{{{}}}", text.join(","));
            prop_assert!(plain::read(&text).is_some(), "{}", text);
            agree(&text);
        }
    }
}
