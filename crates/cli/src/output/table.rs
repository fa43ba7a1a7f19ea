//! One object a line, as `Format-Table` shows it.

use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};

use super::{Canvas, Record, Value, console, list, text};

/// Returns a table of the properties that any of the objects has.
///
/// On a terminal that has too few columns for it, objects are listed.
pub(super) fn render(records: &[Record], canvas: Canvas) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in records.iter().flat_map(Record::iter) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return String::new();
    }
    let too_narrow = canvas.width.is_some_and(|width| width < names.len() * COLUMN_WIDTH_MIN);
    if too_narrow {
        return list::render(records, canvas);
    }

    let mut table = Table::new();
    table.load_style(STYLE);
    match canvas.width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table.set_header(names.iter().map(|name| text::visible(name)));
    for record in records {
        table.add_row(names.iter().map(|name| cell(record.get(name))));
    }
    for (at, name) in names.iter().enumerate() {
        let numbers = records.iter().all(|record| matches!(record.get(name), Some(Value::Number(_)) | None));
        if let Some(column) = table.column_mut(at) {
            column.set_padding((0, 0));
            if numbers {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    drawn(&table, canvas.color)
}

fn cell(value: Option<&Value>) -> String {
    let value = value.map(text::of_value).unwrap_or_default();
    // A row is one line as far as the terminal allows.
    value.replace(['\n', '\t'], " ")
}

/// Draws the table; the names stand above the line of dashes.
fn drawn(table: &Table, color: bool) -> String {
    let style = console::NAME_STYLE;
    let mut out = String::new();
    let mut in_names = true;
    for line in table.lines() {
        let line = line.trim_end();
        in_names &= !line.chars().all(|c| matches!(c, '-' | ' '));
        // Writing to a string cannot fail.
        let _ = if color && in_names { writeln!(out, "{style}{line}{style:#}") } else { writeln!(out, "{line}") };
    }
    out
}

const COLUMN_WIDTH_MIN: usize = 10;

/// No borders; a line of dashes under each name.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .header_separator(LineStyle::none().fill('-').junction(' '))
    .content_lines(ContentLineStyle::none().junction(' '));
