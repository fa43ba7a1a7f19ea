//! What is printed, and where: results on standard output, all else on
//! standard error.

mod console;
pub(crate) mod html;
mod list;
mod record;
mod table;
mod text;

pub(crate) use console::Console;
pub(crate) use record::{Record, Value};

use crate::arguments::global::Format;

/// What the place that is printed to can show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Canvas {
    /// Columns of the terminal; none if it is not one, so that nothing is cut.
    pub(crate) width: Option<usize>,
    pub(crate) color: bool,
}

/// Returns objects as text that ends with a line break, or nothing at all for
/// no objects as a list or table.
pub(crate) fn render(records: &[Record], format: Format, canvas: Canvas) -> String {
    match format {
        Format::Json => {
            let mut text = record::to_json(records);
            text.push('\n');
            text
        }
        Format::List => list::render(records, canvas),
        Format::Table => table::render(records, canvas),
    }
}

#[cfg(test)]
mod tests;
