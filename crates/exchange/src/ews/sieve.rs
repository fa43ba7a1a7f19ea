//! The long contents of a request, taken out of it while it arrives
//!
//! `t:Content` and `t:MimeContent` hold files in Base64. A [`Sieve`] is fed a request piece by piece
//! and keeps it without those that are long: their bytes are handed over in parts, and a mark stands
//! in their place. What is kept is read as any request; a file whose content is a mark of these is
//! the one that was taken out. So a file is never whole in memory, and what judges the request is the
//! one reader of requests: the sieve refuses nothing but what is too long, and leaves what it does
//! not understand where it is.

mod long;

use uuid::Uuid;

use self::long::Long;
use crate::error::{Error, Result};

/// Bytes of each part but the last: lines of Base64 in MIME hold 57 bytes, and with whole lines and
/// whole groups of three the parts can be encoded one after another.
pub const PART_BYTES: usize = 57 * 12_288;
/// What stands in for a content, in bytes.
const MARK_BYTES: usize = 24;

/// Stand-ins for contents: nobody else knows them, so that none in a request means another's file
#[derive(Clone, Copy, Debug)]
pub struct Marks(Uuid);

/// What was taken out of a request
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// The next bytes of a content, [`PART_BYTES`] of them unless they are the last
    Part { number: usize, bytes: Vec<u8> },
    /// A content is complete
    End { number: usize, size: u64 },
}

/// Takes a request apart as it arrives
#[derive(Debug)]
pub struct Sieve {
    marks: Marks,
    kept: Vec<u8>,
    kept_max: usize,
    state: State,
    /// What began with `<` and has not ended yet.
    markup: Vec<u8>,
    /// Attached items that are open: what is in them stays where it is.
    attached: usize,
    content: Option<Long>,
    contents: usize,
    taken: Vec<Taken>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// After `<`, until it is known what it begins.
    Markup,
    /// In a tag; in a value between these quotation marks.
    Tag(Option<u8>),
    /// In what began with so many bytes and ends with these.
    Until(usize, &'static [u8]),
    /// Behind a document type: the reader refuses it, whatever follows.
    Refused,
}

// === impl Marks ===

impl Marks {
    /// Marks that begin with a secret
    pub fn new(secret: Uuid) -> Self {
        Self(secret)
    }

    /// What stands in for the content of a number
    pub fn mark(self, number: usize) -> Vec<u8> {
        let mut mark = self.0.as_bytes().to_vec();
        mark.extend(u64::try_from(number).unwrap_or(u64::MAX).to_be_bytes());
        mark
    }

    /// The number of the content that a mark stands for
    pub fn number(self, content: &[u8]) -> Option<usize> {
        let number = content.strip_prefix(self.0.as_bytes()).filter(|_| content.len() == MARK_BYTES)?;
        usize::try_from(u64::from_be_bytes(number.try_into().ok()?)).ok()
    }
}

// === impl Sieve ===

impl Sieve {
    /// A sieve that keeps at most `kept_max` bytes
    pub fn new(marks: Marks, kept_max: usize) -> Self {
        Self {
            marks,
            kept: Vec::new(),
            kept_max,
            state: State::Text,
            markup: Vec::new(),
            attached: 0,
            content: None,
            contents: 0,
            taken: Vec::new(),
        }
    }

    /// Goes through the next piece of a request
    ///
    /// Ask for what was [`taken`](Self::taken) after each.
    ///
    /// # Errors
    ///
    /// When more would have to be kept than may be.
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = match self.state {
                State::Text => self.text(rest),
                State::Markup => self.markup(rest),
                State::Tag(quote) => self.tag(rest, quote),
                State::Until(opening, end) => self.until(rest, opening, end),
                State::Refused => &[],
            };
            if self.kept.len() + self.waiting() > self.kept_max {
                return Err(Error::too_large("bytes beside contents", self.kept_max));
            }
        }
        Ok(())
    }

    /// What was taken out since this was asked
    pub fn taken(&mut self) -> Vec<Taken> {
        std::mem::take(&mut self.taken)
    }

    /// The request without what was taken out
    pub fn finish(mut self) -> Vec<u8> {
        // A content that has no end is refused by the reader without the rest of it.
        if self.content.is_none() {
            self.kept.append(&mut self.markup);
        }
        self.kept
    }

    /// Bytes of markup that may have to be kept: not those of a comment or section in a content,
    /// of which a few wait at most.
    fn waiting(&self) -> usize {
        let passes = self.content.is_some() && matches!(self.state, State::Until(..));
        if passes { 0 } else { self.markup.len() }
    }

    // === the parts of a text ===

    fn text<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'<').unwrap_or(bytes.len());
        let (text, rest) = bytes.split_at(end);
        match &mut self.content {
            Some(content) => content.text(text, &mut self.taken),
            None => self.kept.extend_from_slice(text),
        }
        if !rest.is_empty() {
            self.state = State::Markup;
        }
        rest
    }

    fn markup<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (first, rest) = bytes.split_at(1);
        self.markup.extend_from_slice(first);
        let partly = |whole: &[u8]| whole.starts_with(&self.markup);
        self.state = match self.markup.as_slice() {
            b"<!--" => State::Until(4, b"-->"),
            SECTION => State::Until(SECTION.len(), SECTION_END),
            b"<?" => State::Until(2, b"?>"),
            b"<" => State::Markup,
            _ if partly(b"<!--") || partly(SECTION) => State::Markup,
            [b'<', b'!', ..] => State::Refused,
            [.., b'>'] => {
                self.tag_ends();
                State::Text
            }
            _ => State::Tag(None),
        };
        rest
    }

    fn tag<'a>(&mut self, bytes: &'a [u8], quote: Option<u8>) -> &'a [u8] {
        let ends = |byte: &u8| match quote {
            Some(quote) => *byte == quote,
            None => matches!(byte, b'>' | b'"' | b'\''),
        };
        let end = bytes.iter().position(ends).map_or(bytes.len(), |at| at + 1);
        let (part, rest) = bytes.split_at(end);
        self.markup.extend_from_slice(part);
        match (part.last().filter(|byte| ends(byte)), quote) {
            (None, _) => {}
            (Some(_), Some(_)) => self.state = State::Tag(None),
            (Some(b'>'), None) => {
                self.state = State::Text;
                self.tag_ends();
            }
            (Some(quote), None) => self.state = State::Tag(Some(*quote)),
        }
        rest
    }

    /// In a comment, an instruction or a section of characters.
    fn until<'a>(&mut self, bytes: &'a [u8], opening: usize, end: &[u8]) -> &'a [u8] {
        let mut rest = bytes;
        while let Some((byte, more)) = rest.split_first() {
            rest = more;
            self.markup.push(*byte);
            if *byte == b'>' && self.markup.len() >= opening + end.len() && self.markup.ends_with(end) {
                let markup = std::mem::take(&mut self.markup);
                self.state = State::Text;
                match &mut self.content {
                    Some(content) if end == SECTION_END => {
                        content.section(&markup[opening..markup.len() - end.len()], &mut self.taken);
                    }
                    // Comments say nothing.
                    Some(_) => {}
                    None => self.kept.extend_from_slice(&markup),
                }
                return rest;
            }
        }
        self.pass_on(opening, end);
        rest
    }

    /// A section of characters or a comment in a content does not wait for its end, but for the
    /// bytes that may be the beginning of it: what is refused does not hang on how a request is cut.
    fn pass_on(&mut self, opening: usize, end: &[u8]) {
        let held = end.len() - 1;
        if let Some(content) = &mut self.content
            && self.markup.len() > opening + held
        {
            let text: Vec<u8> = self.markup.drain(opening..self.markup.len() - held).collect();
            if end == SECTION_END {
                content.section(&text, &mut self.taken);
            }
        }
    }

    // === tags ===

    fn tag_ends(&mut self) {
        let markup = std::mem::take(&mut self.markup);
        // Whatever tag ends a content: if it is not its own, the reader says so.
        if let Some(content) = self.content.take() {
            content.end(self.marks, &mut self.kept, &mut self.taken);
        }
        self.kept.extend_from_slice(&markup);
        let inside = &markup[1..markup.len() - 1];
        if let Some(name) = inside.strip_prefix(b"/") {
            if local_name(name) == ATTACHED {
                self.attached = self.attached.saturating_sub(1);
            }
        } else if !inside.ends_with(b"/") {
            match local_name(inside) {
                ATTACHED => self.attached += 1,
                b"Content" | b"MimeContent" if self.attached == 0 => {
                    self.content = Some(Long::new(self.contents));
                    self.contents += 1;
                }
                _ => {}
            }
        }
    }
}

const SECTION: &[u8] = b"<![CDATA[";
const SECTION_END: &[u8] = b"]]>";
const ATTACHED: &[u8] = b"ItemAttachment";

/// The name of a tag without its prefix.
fn local_name(tag: &[u8]) -> &[u8] {
    let name = tag.split(|byte| byte.is_ascii_whitespace() || *byte == b'/').next().unwrap_or_default();
    name.rsplit(|byte| *byte == b':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    const SECRET: Uuid = Uuid::from_u128(0x5ec2_e700_0000_4000_8000_0000_0000_0001);

    /// What is kept, and the contents by number, however the text was cut.
    fn sifted(text: &[u8], piece: usize) -> (String, Vec<(usize, Vec<u8>)>) {
        let mut sieve = Sieve::new(Marks::new(SECRET), 1 << 20);
        let mut contents: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut ended = Vec::new();
        for piece in text.chunks(piece) {
            sieve.push(piece).unwrap();
            for taken in sieve.taken() {
                match taken {
                    Taken::Part { number, bytes } => match contents.iter_mut().find(|(known, _)| *known == number) {
                        Some((_, all)) => {
                            assert_eq!(all.len() % PART_BYTES, 0);
                            all.extend(bytes);
                        }
                        None => contents.push((number, bytes)),
                    },
                    Taken::End { number, size } => ended.push((number, size)),
                }
            }
        }
        let sizes = contents.iter().map(|(number, all)| (*number, all.len() as u64));
        assert_eq!(sizes.filter(|size| ended.contains(size)).count(), ended.len());
        contents.retain(|(number, _)| ended.iter().any(|(known, _)| known == number));
        (String::from_utf8(sieve.finish()).unwrap(), contents)
    }

    fn long(size: usize) -> (Vec<u8>, String) {
        let bytes: Vec<u8> = (0..size).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect();
        let text = BASE64_STANDARD.encode(&bytes);
        (bytes, text)
    }

    fn mark(number: usize) -> String {
        BASE64_STANDARD.encode(Marks::new(SECRET).mark(number))
    }

    #[test]
    fn long_contents_are_taken_out_and_short_ones_are_not() {
        let (bytes, text) = long(PART_BYTES + 100_001);
        let lines: Vec<&str> = text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let whole = format!(
            "<?xml version='1.0'?><!-- <t:Content> --><a b='>'><![CDATA[<t:Content>]]><t:Content>AAAA</t:Content>\
             <t:Content >{text}</t:Content><Content/><t:MimeContent CharacterSet=\"UTF-8\">{}</t:MimeContent></a>",
            lines.join("&#xD;\r\n")
        );
        let kept = format!(
            "<?xml version='1.0'?><!-- <t:Content> --><a b='>'><![CDATA[<t:Content>]]><t:Content>AAAA</t:Content>\
             <t:Content >{}</t:Content><Content/><t:MimeContent CharacterSet=\"UTF-8\">{}</t:MimeContent></a>",
            mark(1),
            mark(2)
        );
        for piece in [7, 4096, whole.len()] {
            let (found, contents) = sifted(whole.as_bytes(), piece);
            assert!(found == kept, "{piece}: {}", &found[..found.len().min(600)]);
            assert!(contents == [(1, bytes.clone()), (2, bytes.clone())], "{piece}");
        }
    }

    #[test]
    fn sections_and_comments_are_read_through() {
        let (bytes, text) = long(200_000);
        let (first, rest) = text.split_at(70_000);
        let whole = format!("<Content>{first}<!-- {rest} --><![CDATA[{rest}]]></Content>");
        for piece in [11, whole.len()] {
            let (found, contents) = sifted(whole.as_bytes(), piece);
            assert!(found == format!("<Content>{}</Content>", mark(0)), "{piece}: {}", found.len());
            assert!(contents == [(0, bytes.clone())]);
        }
        let short = "<Content>AA<!-- x --><![CDATA[A<&A]]></Content>";
        assert_eq!(sifted(short.as_bytes(), 5), ("<Content>AAA&lt;&amp;A</Content>".to_owned(), Vec::new()));
    }

    #[test]
    fn what_is_no_base64_stays_none() {
        let (_, text) = long(200_001);
        for bad in ["%", "=AAAA", "&amp;", "&#x3c;", "\u{e9}", "A", "&#xFFFFFFFFFFFFFFFFFFFF;"] {
            let whole = format!("<Content>{text}{bad}</Content>");
            let (found, contents) = sifted(whole.as_bytes(), 5000);
            assert!(found == "<Content>!</Content>" && contents.is_empty(), "{bad}: {}", found.len());
        }
        let inside = format!("<Content>{text}<b/></Content>");
        let (found, contents) = sifted(inside.as_bytes(), 5000);
        assert_eq!(found, format!("<Content>{}<b/></Content>", mark(0)));
        assert_eq!(contents.len(), 1);
    }

    #[test]
    fn attached_items_and_what_is_refused_stay_where_they_are() {
        let (_, text) = long(100_000);
        let attached =
            format!("<t:ItemAttachment><t:Message><t:Content>{text}</t:Content></t:Message></t:ItemAttachment>");
        assert!(sifted(attached.as_bytes(), 999) == (attached, Vec::new()));
        let refused = format!("<!DOCTYPE a [<!ENTITY x 'y'>]><Content>{text}</Content>");
        assert_eq!(sifted(refused.as_bytes(), 999), ("<!D".to_owned(), Vec::new()));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut sieve = Sieve::new(Marks::new(SECRET), 1000);
        assert!(sieve.push(&[b'x'; 1000]).is_ok());
        assert!(sieve.push(b"x").unwrap_err().is_too_large());
        let in_content = ["<Content>AA<![CDATA[", "<Content>AA<!--", "<Content>AA<?"];
        for hostile in ["<!--", "<a b='", "<![CDATA[", "<?"].into_iter().chain(in_content) {
            let mut sieve = Sieve::new(Marks::new(SECRET), 1000);
            sieve.push(hostile.as_bytes()).unwrap();
            let outcome = (0..100).try_for_each(|_| sieve.push(&[b'A'; 500]));
            assert_eq!(outcome.is_err(), !hostile.starts_with("<Con"), "{hostile}");
        }
    }

    #[test]
    fn a_comment_in_a_content_counts_for_nothing_however_it_is_cut() {
        for (open, close) in [("<!--", "-->"), ("<?a ", "?>"), ("<![CDATA[", "]]>")] {
            let whole = format!("<Content>AA{open}{}{close}AA</Content>", " ".repeat(5000));
            for piece in [1, 7, 999, whole.len()] {
                let mut sieve = Sieve::new(Marks::new(SECRET), 5050);
                assert!(whole.as_bytes().chunks(piece).all(|piece| sieve.push(piece).is_ok()), "{open} {piece}");
                assert!(sieve.finish().ends_with(b"AA</Content>"), "{open} {piece}");
            }
        }
    }

    #[test]
    fn marks_are_read_by_whoever_knows_the_secret() {
        let marks = Marks::new(SECRET);
        assert_eq!(marks.number(&marks.mark(7)), Some(7));
        assert_eq!(Marks::new(Uuid::from_u128(1)).number(&marks.mark(7)), None);
        assert_eq!(marks.number(&marks.mark(7)[..23]), None);
    }
}
