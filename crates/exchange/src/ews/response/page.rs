//! One page of what a search found

use crate::error::Result;
use crate::ews::PAGE_ENTRIES_MAX;
use crate::xml::{self, Node, Writer};

/// One page of what a search found ("RootFolder")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub entries: Vec<T>,
    /// Of all pages together
    pub total_in_view: u32,
    /// Whether nothing is left
    pub includes_last: bool,
    /// Where the next page begins, unless nothing is left
    pub next_offset: Option<u32>,
}

impl<T> Page<T> {
    /// The page of entries that begins at `offset` of `total`
    pub fn new(entries: Vec<T>, offset: u32, total: u32) -> Self {
        let length = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let next = offset.saturating_add(length);
        let includes_last = next >= total;
        Self { entries, total_in_view: total, includes_last, next_offset: (!includes_last).then_some(next) }
    }

    /// Reads `RootFolder` of a message; `name` is the container of the entries.
    pub(super) fn read(message: Node<'_>, name: &str, read: impl FnMut(Node<'_>) -> Result<T>) -> Result<Self> {
        let root = message.required(xml::MESSAGES, "RootFolder")?;
        let entries = match root.child(xml::TYPES, name) {
            Some(entries) => entries.each("entries of one page", PAGE_ENTRIES_MAX, read)?,
            None => Vec::new(),
        };
        let total = root.number_attribute("TotalItemsInView")?;
        let last = root.bool_attribute("IncludesLastItemInRange")?;
        Ok(Self {
            entries,
            total_in_view: total.ok_or_else(|| root.unexpected("no `TotalItemsInView`"))?,
            includes_last: last.ok_or_else(|| root.unexpected("no `IncludesLastItemInRange`"))?,
            next_offset: root.number_attribute("IndexedPagingOffset")?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer, name: &str, write: impl Fn(&mut Writer, &T)) {
        let next = self.next_offset.map(|offset| offset.to_string());
        let total = self.total_in_view.to_string();
        let last = if self.includes_last { "true" } else { "false" };
        let mut attributes = Vec::new();
        attributes.extend(next.as_deref().map(|next| ("IndexedPagingOffset", next)));
        attributes.push(("TotalItemsInView", &total));
        attributes.push(("IncludesLastItemInRange", last));
        w.element("m:RootFolder", &attributes, |w| {
            w.element(name, &[], |w| {
                for entry in &self.entries {
                    write(w, entry);
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_no_next() {
        // entries, offset, total; last, next
        let cases = [
            (0, 0, 0, true, None),
            (2, 0, 2, true, None),
            (2, 0, 3, false, Some(2)),
            (1, 2, 3, true, None),
            (0, 9, 3, true, None),
        ];
        for (entries, offset, total, last, next) in cases {
            let page = Page::new(vec![(); entries], offset, total);
            assert_eq!((page.includes_last, page.next_offset), (last, next));
        }
    }
}
