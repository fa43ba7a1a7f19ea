//! Which part of a result a view shows

use std::ops::Range;

use actas_exchange::ews::{BasePoint, Failure, IndexedPageView, PAGE_ENTRIES_MAX, Page, ResponseCode};

/// Where a page begins and ends in a result, and which end its offset is counted from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Window {
    pub(super) range: Range<usize>,
    total: usize,
    offset: u32,
}

impl Window {
    /// The part of `total` entries that a view shows: never more than a page may hold.
    pub(super) fn of(view: Option<IndexedPageView>, total: usize) -> Result<Self, Failure> {
        let (max, offset, base) = match view {
            Some(view) => (view.max_entries, view.offset, view.base_point),
            None => (None, 0, BasePoint::Beginning),
        };
        if max == Some(0) {
            return Err(Failure::new(
                ResponseCode::from_name("ErrorInvalidPagingMaxRows"),
                "MaxEntriesReturned must be greater than zero.",
            ));
        }
        let max = max.map_or(PAGE_ENTRIES_MAX, to_usize).min(PAGE_ENTRIES_MAX);
        let passed = to_usize(offset).min(total);
        let range = match base {
            BasePoint::Beginning => passed..(passed + max).min(total),
            BasePoint::End => (total - passed).saturating_sub(max)..total - passed,
        };
        Ok(Self { range, total, offset })
    }

    /// The page, made of exactly the entries of the range.
    pub(super) fn page<T>(&self, entries: Vec<T>) -> Page<T> {
        Page::new(entries, self.offset, u32::try_from(self.total).unwrap_or(u32::MAX))
    }

    /// The page of a result that is at hand.
    pub(super) fn cut<T>(&self, mut all: Vec<T>) -> Page<T> {
        all.truncate(self.range.end);
        self.page(all.split_off(self.range.start.min(all.len())))
    }
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(max_entries: Option<u32>, offset: u32, base_point: BasePoint) -> IndexedPageView {
        IndexedPageView { max_entries, offset, base_point }
    }

    #[test]
    fn parts() {
        let cases = [
            (None, vec![0, 1, 2, 3, 4], None),
            (Some(view(Some(2), 0, BasePoint::Beginning)), vec![0, 1], Some(2)),
            (Some(view(Some(2), 4, BasePoint::Beginning)), vec![4], None),
            (Some(view(Some(2), 9, BasePoint::Beginning)), vec![], None),
            (Some(view(None, 3, BasePoint::Beginning)), vec![3, 4], None),
            (Some(view(Some(2), 0, BasePoint::End)), vec![3, 4], Some(2)),
            (Some(view(Some(2), 2, BasePoint::End)), vec![1, 2], Some(4)),
            (Some(view(Some(2), 4, BasePoint::End)), vec![0], None),
            (Some(view(Some(u32::MAX), u32::MAX, BasePoint::End)), vec![], None),
        ];
        for (view, entries, next) in cases {
            let page = Window::of(view, 5).unwrap().cut((0..5).collect());
            assert_eq!((page.entries, page.next_offset, page.total_in_view), (entries, next, 5), "{view:?}");
            assert_eq!(page.includes_last, next.is_none(), "{view:?}");
        }
        assert!(Window::of(Some(view(Some(0), 0, BasePoint::Beginning)), 5).is_err());
        let huge = Window::of(None, 5000).unwrap();
        assert_eq!(huge.range, 0..PAGE_ENTRIES_MAX);
    }
}
