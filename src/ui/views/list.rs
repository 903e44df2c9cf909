//! Lists in pages of bounded length: the work and the size of an answer do not grow with the number of objects that it leaves out.

use serde::Serialize;

/// The number of rows on a page.
pub(crate) const ROWS: usize = 50;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListPage<T> {
    /// How many there are on all pages.
    pub(crate) total: usize,
    /// The number of this page, from 1 on.
    pub(crate) page: usize,
    /// How many pages there are, at least 1.
    pub(crate) pages: usize,
    pub(crate) rows: Vec<T>,
    /// The number of rows on a full page.
    #[serde(skip)]
    size: usize,
}

impl<T> ListPage<T> {
    /// Takes a page of all items, and draws only those on it. A page after the last is the last.
    pub(crate) fn of<S>(all: &[S], page: usize, row: impl FnMut(&S) -> T) -> Self {
        Self::of_size(ROWS, all, page, row)
    }

    /// As [`Self::of`], with this number of rows on a page.
    pub(crate) fn of_size<S>(size: usize, all: &[S], page: usize, row: impl FnMut(&S) -> T) -> Self {
        let pages = all.len().div_ceil(size).max(1);
        let page = page.clamp(1, pages);
        let rows = all.iter().skip((page - 1) * size).take(size).map(row).collect();
        Self { total: all.len(), page, pages, rows, size }
    }

    /// The numbers of the first and the last row of this page, from 1 on; zeros if there is none.
    pub(crate) fn range(&self) -> (usize, usize) {
        let first = (self.page - 1) * self.size;
        (first + usize::from(!self.rows.is_empty()), first + self.rows.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_rows_of_the_page_are_drawn() {
        let all: Vec<usize> = (0..10_000).collect();
        let mut drawn = 0;
        let rows = ListPage::of(&all, 3, |one| {
            drawn += 1;
            *one
        });
        assert_eq!((rows.total, rows.page, rows.pages, rows.range()), (10_000, 3, 200, (101, 150)));
        assert_eq!((rows.rows[0], drawn), (100, ROWS));
        let last = ListPage::of(&all[..101], 99, |one| *one);
        assert_eq!((last.page, last.range(), last.rows.as_slice()), (3, (101, 101), &[100][..]));
        let none = ListPage::of(&all[..0], 0, |one| *one);
        assert_eq!((none.page, none.pages, none.range()), (1, 1, (0, 0)));
    }
}
