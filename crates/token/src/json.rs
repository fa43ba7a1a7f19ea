//! JSON objects as tokens may carry them: no duplicate member at any level, bounded
//! depth, nothing after the end. A parser that lets the last of two `iss` win is how
//! two readers come to believe different things (RFC 8725 §2.4).
//!
//! An object is kept flat, as the text that was read and where its members stand in it.
//! There are two readers. [`plain`] knows the objects that nearly every token is made
//! of, and leaves everything else, every error included, to [`general`].

mod general;
mod plain;

use std::collections::BTreeMap;

use serde_json::{Number, Value};

pub(crate) type Object = BTreeMap<String, Value>;

/// An object: its text, and its members in the order of the text.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    text: String,
    list: Vec<Member>,
}

#[derive(Clone, Debug)]
struct Member {
    tag: Tag,
    name: Text,
    value: Slot,
}

/// Length and three bytes of a name: what tells nearly all names apart at a glance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Tag(u32);

/// A text without escapes stands in the object's text; one with escapes, beside it.
#[derive(Clone, Debug)]
enum Text {
    At(u32, u32),
    Own(Box<str>),
}

#[derive(Clone, Debug)]
enum Slot {
    Text(Text),
    Number(Number),
    Bool(bool),
    Null,
    Nested(Box<Value>),
}

/// A member's value, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Flat<'m> {
    /// A string.
    Text(&'m str),
    /// A number.
    Number(&'m Number),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// An array or an object.
    Nested(&'m Value),
}

// === impl Members ===

impl Members {
    /// Reads an object of a token.
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, serde_json::Error> {
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(serde::de::Error::custom("not UTF-8"));
        };
        let list = match plain::read(&text) {
            Some(list) => list,
            None => general::read(&text)?,
        };
        Ok(Self { text, list })
    }

    /// The value of a member, by its exact name.
    pub(crate) fn get(&self, name: &str) -> Option<Flat<'_>> {
        self.member(name).map(|member| self.flat(&member.value))
    }

    /// Whether there is a member of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    fn member(&self, name: &str) -> Option<&Member> {
        let tag = Tag::of(name);
        self.list.iter().find(|member| member.tag == tag && self.resolve(&member.name) == name)
    }

    /// The same as a tree, for those who look at a token at leisure.
    pub(crate) fn to_object(&self) -> Object {
        let value = |slot: &Slot| match slot {
            Slot::Text(text) => Value::from(self.resolve(text)),
            Slot::Number(number) => Value::from(number.clone()),
            Slot::Bool(flag) => Value::from(*flag),
            Slot::Null => Value::Null,
            Slot::Nested(value) => (**value).clone(),
        };
        self.list.iter().map(|member| (self.resolve(&member.name).to_owned(), value(&member.value))).collect()
    }

    fn flat<'m>(&'m self, slot: &'m Slot) -> Flat<'m> {
        match slot {
            Slot::Text(text) => Flat::Text(self.resolve(text)),
            Slot::Number(number) => Flat::Number(number),
            Slot::Bool(flag) => Flat::Bool(*flag),
            Slot::Null => Flat::Null,
            Slot::Nested(value) => Flat::Nested(value),
        }
    }

    fn resolve<'m>(&'m self, text: &'m Text) -> &'m str {
        text.within(&self.text)
    }
}

// === impl Member ===

impl Member {
    fn new(name: Text, value: Slot, whole: &str) -> Self {
        Self { tag: Tag::of(name.within(whole)), name, value }
    }
}

// === impl Tag ===

impl Tag {
    #[inline]
    fn of(name: &str) -> Self {
        let [first, .., last] = name.as_bytes() else {
            return Self(u32::from_le_bytes([0xff, name.as_bytes().first().copied().unwrap_or_default(), 0, 0]));
        };
        let middle = name.as_bytes()[name.len() / 2];
        // The length only tells names apart, so its low byte will do.
        Self(u32::from_le_bytes([name.len().to_le_bytes()[0], *first, middle, *last]))
    }

    /// One bit of 64, by all of the tag.
    fn mark(self) -> u64 {
        1 << (self.0.wrapping_mul(0x9e37_79b1) >> 26)
    }
}

// === impl Text ===

impl Text {
    /// A text from `start` to `end`, in bytes. Tokens are shorter than 4 GiB by far.
    fn at(start: usize, end: usize) -> Option<Self> {
        Some(Self::At(u32::try_from(start).ok()?, u32::try_from(end).ok()?))
    }

    fn within<'t>(&'t self, whole: &'t str) -> &'t str {
        match self {
            // Both ends stand beside a quotation mark of this very text.
            Self::At(start, end) => whole.get(*start as usize..*end as usize).unwrap_or_default(),
            Self::Own(own) => own,
        }
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
    fn many_members_are_read_and_a_duplicate_among_them_is_not() {
        let many: Vec<String> = (0..2000).map(|n| format!("\"m{n}\":{n}")).collect();
        assert_eq!(parse(format!("{{{}}}", many.join(",")).as_bytes()).unwrap().len(), 2000);
        assert!(parse(format!("{{{},\"m77\":1}}", many.join(",")).as_bytes()).is_err());
    }

    /// The two readers agree wherever the plain one has an answer.
    fn agree(text: &str) {
        let Some(plain) = plain::read(text) else { return };
        let plain = Members { text: text.to_owned(), list: plain };
        let general = Members { text: text.to_owned(), list: general::read(text).expect(text) };
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
