//! One property a line, as `Format-List` shows it.

use super::{Canvas, Record, text};

pub(super) fn render(records: &[Record], canvas: Canvas) -> String {
    let objects: Vec<_> = records.iter().map(|record| object(record, canvas)).filter(|text| !text.is_empty()).collect();
    objects.join("\n")
}

fn object(record: &Record, canvas: Canvas) -> String {
    let names = record.iter().map(|(name, _)| name.chars().count());
    let name_width = names.max().unwrap_or_default();
    let indent = name_width + SEPARATOR.len();
    let value_width = canvas.width.map(|width| width.saturating_sub(indent)).filter(|width| *width >= VALUE_WIDTH_MIN);

    let mut out = String::new();
    for (name, value) in record.iter() {
        let value = text::of_value(value);
        let mut lines = value.lines().flat_map(|line| wrapped(line, value_width));
        let padding = " ".repeat(name_width - name.chars().count());
        let label = if canvas.color {
            let style = super::console::NAME_STYLE;
            format!("{style}{name}{style:#}{padding}{SEPARATOR}")
        } else {
            format!("{name}{padding}{SEPARATOR}")
        };
        let first = lines.next().unwrap_or_default();
        out.push_str(format!("{label}{first}").trim_end());
        out.push('\n');
        for line in lines {
            out.push_str(&" ".repeat(indent));
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

/// Cuts a line into pieces of at most so many characters.
fn wrapped(line: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else {
        return vec![line.to_owned()];
    };
    let chars: Vec<char> = line.chars().collect();
    if chars.is_empty() {
        return vec![String::new()];
    }
    chars.chunks(width).map(|piece| piece.iter().collect()).collect()
}

const SEPARATOR: &str = " : ";
/// On a terminal with less room for values, the terminal itself wraps.
const VALUE_WIDTH_MIN: usize = 20;
