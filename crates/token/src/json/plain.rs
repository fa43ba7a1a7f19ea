//! The quick reader, for objects without nesting, escapes and fractions.
//!
//! It answers only where it understood everything. `None` says nothing about the text:
//! it may be good, and it may be no JSON at all.

use memchr::memchr2;
use serde_json::Number;

use super::{Member, Slot, Text};

/// The most members. Each name is compared with those before it.
const MEMBERS_MAX: usize = 16;
/// The longest number, in digits: exact in a `u64` and in an `f64`.
const DIGITS_MAX: usize = 15;

pub(super) fn read(text: &str) -> Option<Vec<Member>> {
    // Neither a control character in a string, nor a line break between members.
    if text.bytes().fold(false, |any, byte| any | byte.is_ascii_control()) {
        return None;
    }
    let mut reader = Reader { text, at: 0 };
    let mut members: Vec<Member> = Vec::with_capacity(MEMBERS_MAX);
    let mut marks = 0;
    reader.expect(b'{')?;
    if reader.next_is(b'}') {
        return reader.ended(members);
    }
    loop {
        let name = reader.name()?;
        reader.expect(b':')?;
        let member = Member::new(name, reader.value()?, text);
        let duplicate = |other: &Member| other.tag == member.tag && other.name.within(text) == member.name.within(text);
        // Two equal names have one mark; different ones seldom do.
        let mark = member.tag.mark();
        if members.len() == MEMBERS_MAX || (marks & mark != 0 && members.iter().any(duplicate)) {
            return None;
        }
        marks |= mark;
        members.push(member);
        if reader.next_is(b',') {
            continue;
        }
        reader.expect(b'}')?;
        return reader.ended(members);
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        while self.rest().first() == Some(&b' ') {
            self.at += 1;
        }
    }

    /// Whether the next sign is `wanted`, which is then behind us.
    fn next_is(&mut self, wanted: u8) -> bool {
        self.skip_spaces();
        let found = self.rest().first() == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        self.next_is(wanted).then_some(())
    }

    fn string(&mut self) -> Option<Text> {
        self.expect(b'"')?;
        let length = memchr2(b'"', b'\\', self.rest())?;
        if self.rest().get(length) != Some(&b'"') {
            return None;
        }
        let start = self.at;
        self.at += length + 1;
        Text::at(start, start + length)
    }

    /// As [`Self::string`], for texts of a few bytes.
    fn name(&mut self) -> Option<Text> {
        self.expect(b'"')?;
        let length = self.rest().iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if self.rest().get(length) != Some(&b'"') {
            return None;
        }
        let start = self.at;
        self.at += length + 1;
        Text::at(start, start + length)
    }

    fn value(&mut self) -> Option<Slot> {
        self.skip_spaces();
        match self.rest().first()? {
            b'"' => self.string().map(Slot::Text),
            b'0'..=b'9' => self.number().map(Slot::Number),
            b't' => self.word("true", Slot::Bool(true)),
            b'f' => self.word("false", Slot::Bool(false)),
            b'n' => self.word("null", Slot::Null),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Number> {
        let length = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = self.text.get(self.at..self.at + length)?;
        if length > DIGITS_MAX || (length > 1 && digits.starts_with('0')) {
            return None;
        }
        // What follows decides whether the number ends here: a fraction would not be
        // the comma or bracket that is expected next.
        self.at += length;
        digits.parse::<u64>().ok().map(Number::from)
    }

    fn word(&mut self, word: &str, meaning: Slot) -> Option<Slot> {
        let found = self.rest().starts_with(word.as_bytes());
        self.at += word.len();
        found.then_some(meaning)
    }

    fn ended(mut self, members: Vec<Member>) -> Option<Vec<Member>> {
        self.skip_spaces();
        self.rest().is_empty().then_some(members)
    }
}
