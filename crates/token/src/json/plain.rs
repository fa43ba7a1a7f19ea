//! The quick reader, for objects without nesting, escapes and fractions.
//!
//! It answers only where it understood everything. `None` says nothing about the text:
//! it may be good, and it may be no JSON at all.

use memchr::memchr2;

use super::{Member, Slot, Span, Tag};

/// The most members.
const MEMBERS_MAX: usize = 16;
/// The longest number, in digits: exact in a `u64` and in an `f64`.
const DIGITS_MAX: usize = 15;

pub(super) fn read(text: &str) -> Option<Vec<Member>> {
    // Neither a control character in a string, nor a line break between members.
    if text.bytes().fold(u8::MAX, u8::min) < b' ' {
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
        let name = reader.string()?;
        reader.expect(b':')?;
        let value = reader.value()?;
        let written = name.within(text);
        let tag = Tag::of(written.as_bytes());
        // Two equal names have one mark; different ones seldom do.
        let duplicate = marks & tag.mark() != 0 && members.iter().any(|other| other.is(tag, written, text));
        if duplicate || members.len() == MEMBERS_MAX {
            return None;
        }
        marks |= tag.mark();
        members.push(Member { tag, name, value });
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
        loop {
            match self.rest().first() {
                Some(next) if *next == wanted => {
                    self.at += 1;
                    return true;
                }
                Some(b' ') => self.at += 1,
                _ => return false,
            }
        }
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        self.next_is(wanted).then_some(())
    }

    fn string(&mut self) -> Option<Span> {
        self.expect(b'"')?;
        let rest = self.rest();
        // Names are short, and a search through many bytes at once takes longer to begin.
        let length = match rest.first_chunk().and_then(|next| quote_in(*next)) {
            Some(length) => length,
            None => memchr2(b'"', b'\\', rest)?,
        };
        if rest.get(length) != Some(&b'"') {
            return None;
        }
        let start = self.at;
        self.at += length + 1;
        Span::new(start, start + length)
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

    fn number(&mut self) -> Option<u64> {
        let length = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = self.text.get(self.at..self.at + length)?;
        if length > DIGITS_MAX || (length > 1 && digits.starts_with('0')) {
            return None;
        }
        // What follows decides whether the number ends here: a fraction would not be
        // the comma or bracket that is expected next.
        self.at += length;
        digits.parse().ok()
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

/// Where the first quotation mark or backslash is among eight bytes.
fn quote_in(bytes: [u8; 8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
    let next = u64::from_le_bytes(bytes);
    // The high bit of every byte that is zero, and maybe of some after the first of them.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let found = zeros(next ^ QUOTES) | zeros(next ^ BACKSLASHES);
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_quote_or_backslash_is_found_wherever_it_is() {
        for (filler, at) in (0..=u8::MAX).flat_map(|filler| (0..8).map(move |at| (filler, at))) {
            for sign in [b'"', b'\\'] {
                let mut bytes = [filler; 8];
                bytes[at] = sign;
                let expected = if matches!(filler, b'"' | b'\\') { 0 } else { at };
                assert_eq!(quote_in(bytes), Some(expected), "{bytes:?}");
                bytes[at] = sign ^ 0x80;
                assert_eq!(quote_in(bytes).is_some(), matches!(filler, b'"' | b'\\'), "{bytes:?}");
            }
        }
    }
}
