//! Quotes and dashes as web pages set them, made plain again.

use std::ffi::OsString;

/// Makes words plain that were copied from a web page, up to a lone `--`.
///
/// A shell does not know curly quotes, so that a quoted text with spaces comes
/// in many words; these are joined again.
pub(super) fn plain(words: Vec<OsString>) -> Vec<OsString> {
    let mut out = Vec::with_capacity(words.len());
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let Some(text) = word.to_str() else {
            out.push(word);
            continue;
        };
        if text == "--" {
            out.push(word);
            out.extend(words);
            break;
        }
        let text = plain_dash(text);
        let Some(opened) = opened(&text) else {
            out.push(unquoted(&text).into());
            continue;
        };
        // Words are only joined when a closing quote follows.
        let following: Vec<_> = words.clone().map_while(|word| word.into_string().ok()).collect();
        match following.iter().position(|word| closes(word)) {
            Some(last) => {
                let mut joined = text.clone();
                for word in &following[..=last] {
                    joined.push(' ');
                    joined.push_str(word);
                }
                words.by_ref().take(last + 1).for_each(drop);
                let (before, quoted) = joined.split_at(opened);
                out.push(format!("{before}{}", unquoted(quoted)).into());
            }
            None => out.push(text.into()),
        }
    }
    out
}

/// Takes a pair of curly quotes from around a value.
pub(super) fn unquoted(value: &str) -> &str {
    value.strip_prefix(QUOTES).and_then(|rest| rest.strip_suffix(QUOTES)).unwrap_or(value)
}

/// Puts a plain dash where a long one stands before a parameter's name.
fn plain_dash(text: &str) -> String {
    let rest = text.trim_start_matches(DASHES);
    let dashes = text.len() - rest.len();
    let long = text[..dashes].contains(|c| c != '-');
    if long && rest.starts_with(|c: char| c.is_ascii_alphabetic()) { format!("-{rest}") } else { text.to_owned() }
}

/// Returns where a quote opens that is not closed in the same word.
fn opened(text: &str) -> Option<usize> {
    let start = if text.starts_with('-') { text.find([':', '=']).map(|at| at + 1)? } else { 0 };
    let value = text.get(start..)?;
    let open = value.starts_with(QUOTES) && unquoted(value) == value;
    open.then_some(start)
}

fn closes(word: &str) -> bool {
    word.ends_with(QUOTES)
}

const QUOTES: [char; 5] = ['“', '”', '„', '‘', '’'];
/// Hyphen-minus, hyphens, en, em and horizontal dashes, minus.
const DASHES: [char; 7] = ['-', '\u{2010}', '\u{2011}', '–', '—', '\u{2015}', '\u{2212}'];
