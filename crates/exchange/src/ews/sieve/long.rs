//! A content that may be long: kept as it is until it is, and decoded from then on

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{Marks, PART_BYTES, Taken};

/// Bytes of a content that stays in its request.
const SHORT_BYTES_MAX: usize = 64 * 1024;
/// Digits of a part.
const PART_DIGITS: usize = PART_BYTES / 3 * 4;
/// Characters of a reference such as `&#xD;`, which some writers put at the end of each line.
const REFERENCE_BYTES_MAX: usize = 8;
/// What is no Base64 to whoever reads it.
const INVALID: u8 = b'!';

/// The text of a content, as far as it is there.
#[derive(Debug)]
pub(super) struct Long {
    number: usize,
    /// As it was written, without comments, until it is too long.
    text: Option<Vec<u8>>,
    /// What was not decoded yet.
    digits: Vec<u8>,
    /// Between `&` and `;`.
    reference: Option<Vec<u8>>,
    size: u64,
    is_valid: bool,
}

impl Long {
    pub(super) fn new(number: usize) -> Self {
        Self { number, text: Some(Vec::new()), digits: Vec::new(), reference: None, size: 0, is_valid: true }
    }

    /// Text as it is written.
    pub(super) fn text(&mut self, bytes: &[u8], taken: &mut Vec<Taken>) {
        self.keep(bytes);
        let mut rest = bytes;
        while self.is_valid && !rest.is_empty() {
            rest = match self.reference.take() {
                Some(reference) => self.referenced(reference, rest),
                None => self.plain(rest),
            };
        }
        self.decode(taken);
    }

    /// Up to the next `&`.
    fn plain<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'&').unwrap_or(bytes.len());
        self.digits(&bytes[..end]);
        let rest = bytes.get(end + 1..);
        self.reference = rest.map(|_| Vec::new());
        rest.unwrap_or_default()
    }

    /// Up to the next `;`.
    fn referenced<'a>(&mut self, mut reference: Vec<u8>, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().take(REFERENCE_BYTES_MAX + 1).position(|byte| *byte == b';').unwrap_or(bytes.len());
        let (more, rest) = bytes.split_at(end);
        reference.extend_from_slice(&more[..more.len().min(REFERENCE_BYTES_MAX + 1)]);
        self.is_valid = reference.len() <= REFERENCE_BYTES_MAX;
        if rest.is_empty() {
            self.reference = Some(reference);
            return rest;
        }
        match character(&reference) {
            Some(character) => self.digits(&[character]),
            None => self.is_valid = false,
        }
        &rest[1..]
    }

    /// Text of a section, in which nothing stands for anything else.
    pub(super) fn section(&mut self, bytes: &[u8], taken: &mut Vec<Taken>) {
        let mut written = Vec::with_capacity(bytes.len());
        for byte in bytes {
            match byte {
                b'<' => written.extend_from_slice(b"&lt;"),
                b'&' => written.extend_from_slice(b"&amp;"),
                byte => written.push(*byte),
            }
        }
        self.keep(&written);
        self.digits(bytes);
        self.decode(taken);
    }

    /// The content is over: what stands in its place goes to `kept`.
    pub(super) fn end(mut self, marks: Marks, kept: &mut Vec<u8>, taken: &mut Vec<Taken>) {
        if let Some(text) = self.text {
            kept.extend_from_slice(&text);
            return;
        }
        if self.is_valid && self.reference.is_none() && self.last_part(taken) {
            taken.push(Taken::End { number: self.number, size: self.size });
            kept.extend_from_slice(BASE64_STANDARD.encode(marks.mark(self.number)).as_bytes());
        } else {
            kept.push(INVALID);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.text = self.text.take().filter(|text| text.len() + bytes.len() <= SHORT_BYTES_MAX);
        if let Some(text) = &mut self.text {
            text.extend_from_slice(bytes);
        }
    }

    fn digits(&mut self, bytes: &[u8]) {
        if self.is_valid {
            for run in bytes.split(u8::is_ascii_whitespace) {
                self.digits.extend_from_slice(run);
            }
        }
    }

    /// Decodes what makes whole parts. The last digits wait: they may be the end.
    fn decode(&mut self, taken: &mut Vec<Taken>) {
        if self.text.is_some() {
            return;
        }
        while self.is_valid && self.digits.len() > PART_DIGITS {
            let rest = self.digits.split_off(PART_DIGITS);
            let digits = std::mem::replace(&mut self.digits, rest);
            self.part(&digits, taken);
            // Padding before the end.
            self.is_valid = self.is_valid && self.size.is_multiple_of(PART_BYTES as u64);
        }
    }

    fn last_part(&mut self, taken: &mut Vec<Taken>) -> bool {
        let digits = std::mem::take(&mut self.digits);
        self.part(&digits, taken);
        self.is_valid
    }

    fn part(&mut self, digits: &[u8], taken: &mut Vec<Taken>) {
        match BASE64_STANDARD.decode(digits) {
            Ok(bytes) => {
                self.size += bytes.len() as u64;
                taken.push(Taken::Part { number: self.number, bytes });
            }
            Err(_) => self.is_valid = false,
        }
    }
}

/// The character that a reference stands for, where it can stand in Base64.
fn character(reference: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(reference).ok()?.strip_prefix('#')?;
    let number = match digits.strip_prefix('x') {
        Some(digits) => u8::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(number).filter(u8::is_ascii)
}
