//! Columns of copied strings, built row by row.

use super::{Buffer, StrColumn, View, ViewColumn, copy_of};
use std::sync::Arc;

/// Builds a column of copied strings or bytes: short ones inline, long ones in chunks of its own.
#[derive(Default)]
pub struct ViewBuilder {
    views: Vec<View>,
    full: Vec<Buffer>,
    /// Never grows beyond its capacity, so that views into it stay valid until it is sealed.
    open: Vec<u8>,
    /// Bytes in the buffers that no view needs any more.
    waste: usize,
    /// Bytes in the buffers.
    kept: usize,
}

/// A chunk is twice as large as the one before it, up to here: millions of rows stand in huge pages.
const LARGEST: usize = 32 << 20;
/// Below so many bytes, waste is not collected.
const LITTLE: usize = 1 << 16;

impl ViewBuilder {
    /// Makes a row that was pushed a copy of these bytes; what it held is freed in time.
    #[inline]
    pub fn set(&mut self, row: usize, bytes: &[u8]) {
        let old = self.views[row];
        self.views[row] = self.keep(bytes);
        if !old.is_inline() {
            self.waste += old.len();
            if self.waste > LITTLE && self.waste * 2 > self.kept {
                self.collect();
            }
        }
    }

    /// Copies what is still needed into buffers of its own.
    fn collect(&mut self) {
        let mut fresh = ViewBuilder { views: Vec::with_capacity(self.views.len()), ..ViewBuilder::default() };
        (0..self.views.len()).for_each(|row| fresh.push_view(self.views[row], || self.get(row)));
        *self = fresh;
    }

    /// Appends a copy.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        let view = self.keep(bytes);
        self.views.push(view);
    }

    /// Appends a copy of a row of a column.
    #[inline]
    pub fn push_row(&mut self, from: &ViewColumn, row: usize) {
        self.push_view(from.views[row], || from.get(row));
    }

    /// Appends a copy of what a view shows, whose bytes are these: a short one is its view.
    #[inline]
    fn push_view<'a>(&mut self, view: View, bytes: impl FnOnce() -> &'a [u8]) {
        let copy = if view.is_inline() { view } else { View { hi: self.store(bytes()), ..view } };
        self.views.push(copy);
    }

    /// Copies of these rows, as [`ViewColumn::copy_of`].
    pub fn copy_of(&self, rows: &[u32]) -> ViewColumn {
        copy_of(&self.views, rows, |row| self.get(row))
    }

    /// Takes back the rows from `rows` on; their bytes stay.
    pub fn truncate(&mut self, rows: usize) {
        self.views.truncate(rows);
    }

    /// The bytes of a row that was pushed.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        // SAFETY: a builder's views are inline or lie in its buffers, of which the open one never moves.
        unsafe { self.views[row].bytes() }
    }

    /// The views of the rows so far.
    #[inline]
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Copies the bytes without a row for them.
    #[inline]
    pub(super) fn keep(&mut self, bytes: &[u8]) -> View {
        match View::inline(bytes) {
            Some(view) => view,
            None => View { hi: self.store(bytes), ..View::of(bytes) },
        }
    }

    /// Copies bytes that are too many for a view; gives their address.
    #[inline]
    fn store(&mut self, bytes: &[u8]) -> u64 {
        if self.open.capacity() - self.open.len() < bytes.len() {
            let size = bytes.len().max((self.open.capacity() * 2).clamp(4096, LARGEST));
            let sealed = std::mem::replace(&mut self.open, Vec::with_capacity(size));
            if !sealed.is_empty() {
                self.full.push(Arc::new(sealed));
            }
        }
        let start = self.open.len();
        self.open.extend_from_slice(bytes);
        self.kept += bytes.len();
        self.open[start..].as_ptr() as u64
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.views.len()
    }

    /// The bytes it has taken.
    pub fn memory(&self) -> usize {
        let full = self.full.iter().map(|buffer| buffer.capacity()).sum::<usize>();
        self.views.capacity() * size_of::<View>() + full + self.open.capacity()
    }

    /// No rows so far?
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
    }

    /// The column of bytes.
    pub fn finish(mut self) -> ViewColumn {
        if !self.open.is_empty() {
            // Moving the Vec into the Arc moves its header, not the bytes the views point at.
            self.full.push(Arc::new(self.open));
        }
        ViewColumn { views: self.views, buffers: self.full }
    }
}

/// [`ViewBuilder`] for text.
#[derive(Default)]
pub struct StrBuilder(ViewBuilder);

impl StrBuilder {
    /// Appends a copy.
    #[inline]
    pub fn push(&mut self, text: &str) {
        self.0.push(text.as_bytes());
    }

    /// Appends a copy of a row of a column.
    #[inline]
    pub fn push_row(&mut self, from: &StrColumn, row: usize) {
        self.0.push_row(&from.0, row);
    }

    /// Copies of these rows, as [`ViewColumn::copy_of`].
    pub fn copy_of(&self, rows: &[u32]) -> StrColumn {
        StrColumn(self.0.copy_of(rows))
    }

    /// Makes a row that was pushed a copy of this text.
    #[inline]
    pub fn set(&mut self, row: usize, text: &str) {
        self.0.set(row, text.as_bytes());
    }

    /// Takes back the rows from `rows` on.
    pub fn truncate(&mut self, rows: usize) {
        self.0.truncate(rows);
    }

    /// The bytes, for comparing and hashing.
    #[inline]
    pub fn bytes(&self) -> &ViewBuilder {
        &self.0
    }

    /// The text of a row that was pushed.
    #[inline]
    pub fn get(&self, row: usize) -> &str {
        // SAFETY: only text is pushed.
        unsafe { std::str::from_utf8_unchecked(self.0.get(row)) }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// No rows so far?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The column.
    pub fn finish(self) -> StrColumn {
        StrColumn(self.0.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_set_anew_free_what_they_held() {
        let text = |n: usize| format!("a text that is not inline {n:06}");
        let mut rows = StrBuilder::default();
        (0..100).for_each(|row| rows.push(&text(row)));
        for n in 100..100_000 {
            rows.set(n % 100, &text(n));
        }
        assert!(rows.0.kept < 4 * LITTLE, "{} bytes are kept", rows.0.kept);
        let column = rows.finish();
        assert!((0..100).all(|row| column.get(row) == text(99_900 + row)));
    }
}
