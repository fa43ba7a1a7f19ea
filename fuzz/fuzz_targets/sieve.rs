//! Long contents that are taken out of a request while it arrives: a request whose first bytes say
//! how much may be kept and how it is cut, and in which `@long@` and `@part@` are Base64 of a
//! length that no input has.

#![no_main]

use std::collections::BTreeMap;

use actas_exchange::ews::Call;
use actas_exchange::ews::sieve::{Marks, PART_BYTES, Sieve, Taken};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::{Corpus, fuzz_target};
use uuid::Uuid;

/// Longer than what stays in its request; and longer than one part.
const LONG_DIGITS: usize = 66_000;
const PART_DIGITS: usize = PART_BYTES / 3 * 4 + 8;
const LONG_MAX: usize = 2;
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// What may be kept: little, something, and all.
const KEPT_MAX: [usize; 3] = [600, 70_000, BYTES_MAX];
const MARKS: Uuid = Uuid::from_u128(0x5ec2_e700_0000_4000_8000_0000_0000_0001);

/// What came of a request.
#[derive(Debug, Eq, PartialEq)]
struct Outcome {
    kept: Vec<u8>,
    /// Those that are complete, by number.
    contents: BTreeMap<usize, Vec<u8>>,
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let [how, cuts, rest @ ..] = bytes else { return Corpus::Reject };
    let kept_max = KEPT_MAX[usize::from(*how) % KEPT_MAX.len()];
    // Parts take long: a few requests have one.
    let parts = usize::from(*how >= 0xF0);
    let Some((cuts, request)) = rest.split_at_checked(usize::from(*cuts) % 16) else { return Corpus::Reject };
    let request = fill(request, parts);
    let whole = sift(std::iter::once(request.as_slice()), kept_max);
    assert!(whole == sift(pieces(&request, cuts).into_iter(), kept_max), "cut by {cuts:?}");
    if let Some(outcome) = whole {
        check(&request, &outcome, kept_max);
    }
    Corpus::Keep
});

/// Stands Base64 in for the words that mean it.
fn fill(text: &[u8], parts: usize) -> Vec<u8> {
    let mut words = [(b"@long@", LONG_DIGITS, LONG_MAX), (b"@part@", PART_DIGITS, parts)];
    let mut filled = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'@') {
        filled.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        match words.iter_mut().find(|(word, _, left)| rest.starts_with(*word) && *left > 0) {
            Some((word, digits, left)) => {
                filled.extend(b"Mjk0".repeat(*digits / 4));
                rest = &rest[word.len()..];
                *left -= 1;
            }
            None => {
                filled.push(b'@');
                rest = &rest[1..];
            }
        }
    }
    filled.extend_from_slice(rest);
    filled
}

/// The pieces of a request: each cut a length, over and over.
fn pieces<'a>(mut request: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts.iter().cycle() {
        let length = if *cut < 128 { usize::from(*cut) } else { usize::from(*cut - 127) * 1024 };
        // Small pieces of a large request take long and tell no more.
        let length = if pieces.len() < 4096 { length } else { request.len() };
        let (piece, rest) = request.split_at(length.clamp(1, request.len().max(1)).min(request.len()));
        pieces.push(piece);
        request = rest;
        if request.is_empty() {
            return pieces;
        }
    }
    vec![request]
}

/// Nothing if more would have to be kept than may be.
fn sift<'a>(pieces: impl Iterator<Item = &'a [u8]>, kept_max: usize) -> Option<Outcome> {
    let mut sieve = Sieve::new(Marks::new(MARKS), kept_max);
    let mut contents: BTreeMap<usize, (Vec<u8>, bool)> = BTreeMap::new();
    for piece in pieces {
        if let Err(error) = sieve.push(piece) {
            assert!(error.is_too_large(), "{error}");
            return None;
        }
        for taken in sieve.taken() {
            match taken {
                Taken::Part { number, bytes } => {
                    let last = contents.last_key_value().map(|(last, _)| *last);
                    let (content, ended) = contents.entry(number).or_default();
                    assert!(last <= Some(number) && !*ended, "{number} after {last:?}");
                    assert!(content.len().is_multiple_of(PART_BYTES) && bytes.len() <= PART_BYTES, "{number}");
                    content.extend(bytes);
                }
                Taken::End { number, size } => {
                    let (content, ended) = contents.get_mut(&number).expect("its parts came before");
                    assert!(content.len() as u64 == size && !*ended, "{number}: {size}");
                    *ended = true;
                }
            }
        }
    }
    // Of one that turns out to be no Base64, what came before depends on the pieces.
    let complete =
        contents.into_iter().filter(|(_, (_, ended))| *ended).map(|(number, (content, _))| (number, content));
    Some(Outcome { kept: sieve.finish(), contents: complete.collect() })
}

fn check(request: &[u8], outcome: &Outcome, kept_max: usize) {
    assert!(outcome.kept.len() <= kept_max);
    let taken: usize = outcome.contents.values().map(Vec::len).sum();
    assert!(taken <= request.len() / 4 * 3, "{taken} of {}", request.len());
    let mut restored = outcome.kept.clone();
    for (number, content) in &outcome.contents {
        let mark = STANDARD.encode(Marks::new(MARKS).mark(*number)).into_bytes();
        let at = restored.windows(mark.len()).position(|found| found == mark).expect("its mark stands in its place");
        restored.splice(at..at + mark.len(), STANDARD.encode(content).into_bytes());
    }
    let (read, again) = (Call::parse(request, BYTES_MAX), Call::parse(&restored, BYTES_MAX));
    match (&read, &again) {
        (Ok(read), Ok(again)) => assert!(read == again, "another request"),
        (Ok(_), Err(error)) => panic!("refused in parts: {error}"),
        // What is wrong with a comment in a content is not seen any more.
        (Err(error), Ok(_)) => assert!(has_comment(request), "accepted in parts: {error}"),
        (Err(_), Err(_)) => {}
    }
}

fn has_comment(request: &[u8]) -> bool {
    request.windows(2).skip(1).any(|start| start == b"<!" || start == b"<?")
}
