//! String views and the buffers they point into: the only module of this crate with `unsafe` (and its part, `builder`).
//!
//! A [`View`] is 16 bytes: length, then either up to 12 bytes inline or a 4-byte prefix and an
//! address (the layout of Umbra and Arrow, with an address where Arrow has buffer index and
//! offset). A [`ViewColumn`] owns the buffers its views point into; that is the invariant all
//! `SAFETY` comments here rest on: **every view of a column is inline or lies inside one of the
//! column's buffers, and buffers never change once they are shared.** Text columns
//! ([`StrColumn`]) hold, besides, that every view is UTF-8.
#![allow(unsafe_code)]

mod builder;

pub use builder::{StrBuilder, ViewBuilder};

use crate::slab::{Picked, SLAB_BLOCK};
use std::fmt;
use std::sync::Arc;

/// Longest string that is stored inside the view.
pub const INLINE: usize = 12;

/// 16 bytes that stand for a string or byte string.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct View {
    /// Low half: length (u32), first 4 bytes. Zero padded.
    pub lo: u64,
    /// High half: bytes 4..12 of an inline string (zero padded), or the address of the first byte.
    pub hi: u64,
}

impl View {
    /// Length in bytes.
    #[inline]
    pub fn len(self) -> usize {
        (self.lo & 0xffff_ffff) as usize
    }

    /// Is the string empty?
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Does the view hold its bytes itself?
    #[inline]
    pub fn is_inline(self) -> bool {
        self.len() <= INLINE
    }

    /// How many bytes it points to.
    #[inline]
    pub fn outside(self) -> usize {
        if self.is_inline() { 0 } else { self.len() }
    }

    /// A view that holds its bytes itself; `None` if they are too many.
    #[inline]
    pub fn inline(bytes: &[u8]) -> Option<View> {
        if bytes.len() > INLINE {
            return None;
        }
        let mut raw = [0u8; 16];
        raw[..4].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        raw[4..4 + bytes.len()].copy_from_slice(bytes);
        Some(View::from_raw(raw))
    }

    /// A view of bytes that stay where they are for as long as the view is used: reading it is
    /// only possible through a column that owns the buffer, or through [`View::bytes`].
    #[inline]
    pub fn of(bytes: &[u8]) -> View {
        match View::inline(bytes) {
            Some(view) => view,
            None => {
                let prefix = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                View { lo: bytes.len() as u64 | (prefix as u64) << 32, hi: bytes.as_ptr() as u64 }
            }
        }
    }

    fn from_raw(raw: [u8; 16]) -> View {
        let (lo, hi) = raw.split_at(8);
        let word = |half: &[u8]| {
            u64::from_le_bytes([half[0], half[1], half[2], half[3], half[4], half[5], half[6], half[7]])
        };
        View { lo: word(lo), hi: word(hi) }
    }

    /// The bytes.
    ///
    /// # Safety
    /// A view that is not inline must point into memory that is alive and unchanged while it is borrowed.
    #[inline]
    pub unsafe fn bytes(&self) -> &[u8] {
        let len = self.len();
        let start = if len <= INLINE {
            // Inline bytes stand behind the length, inside this very value.
            (self as *const View as *const u8).wrapping_add(4)
        } else {
            self.hi as *const u8
        };
        // SAFETY: inline views hold `len <= 12` bytes behind the length; others by the caller's word.
        unsafe { std::slice::from_raw_parts(start, len) }
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({} bytes)", self.len())
    }
}

/// Asks the processor to bring an element near, because it will be read soon. A hint, without any
/// effect but on time. (It stands here because this module may hold `unsafe`.)
#[inline(always)]
pub fn ask_for<T>(values: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let place = values.as_ptr().wrapping_add(at);
        // SAFETY: a prefetch of any address does nothing that a program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, at);
}

/// Immutable bytes that views point into.
pub type Buffer = Arc<Vec<u8>>;

/// A buffer that is known to be UTF-8 as a whole.
#[derive(Clone, Debug)]
pub struct TextBuffer(Buffer);

impl TextBuffer {
    /// Checks the buffer; gives it back if it is not UTF-8.
    pub fn new(buffer: Buffer) -> Result<TextBuffer, Buffer> {
        match std::str::from_utf8(&buffer) {
            Ok(_) => Ok(TextBuffer(buffer)),
            Err(_) => Err(buffer),
        }
    }

    /// Takes the word of a validator outside of this module (SIMD) for it.
    ///
    /// # Safety
    /// The buffer must be UTF-8.
    pub unsafe fn new_unchecked(buffer: Buffer) -> TextBuffer {
        TextBuffer(buffer)
    }

    /// The text.
    pub fn text(&self) -> &str {
        // SAFETY: checked when it was made.
        unsafe { std::str::from_utf8_unchecked(&self.0) }
    }

    /// The buffer.
    pub fn buffer(&self) -> &Buffer {
        &self.0
    }
}

/// Views and the buffers that keep them alive.
#[derive(Clone, Default)]
pub struct ViewColumn {
    views: Vec<View>,
    buffers: Vec<Buffer>,
}

impl ViewColumn {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.views.len()
    }

    /// Has it no rows?
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
    }

    /// The bytes of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        // SAFETY: the column owns the buffers its views point into.
        unsafe { self.views[row].bytes() }
    }

    /// The views, for kernels.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// The buffers, for columns that are made from this one's views.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// A column of views made elsewhere.
    ///
    /// # Safety
    /// Every view must be inline or lie inside one of the buffers.
    pub unsafe fn from_parts(views: Vec<View>, buffers: Vec<Buffer>) -> ViewColumn {
        ViewColumn { views, buffers }
    }

    /// The rows at these positions, in this order; buffers are shared, not copied.
    pub fn gather(&self, rows: &[u32]) -> ViewColumn {
        ViewColumn {
            views: rows.iter().map(|&row| self.views[row as usize]).collect(),
            buffers: self.buffers.clone(),
        }
    }

    /// As [`ViewColumn::gather`]; empty where a position is behind the end.
    pub fn gather_or_empty(&self, rows: &[u32]) -> ViewColumn {
        let view = |&row: &u32| self.views.get(row as usize).copied().unwrap_or_default();
        ViewColumn { views: rows.iter().map(view).collect(), buffers: self.buffers.clone() }
    }

    /// As [`ViewColumn::gather`], with the bytes in one buffer of its own.
    pub fn copy_of(&self, rows: &[u32]) -> ViewColumn {
        copy_of(&self.views, rows, |row| self.get(row))
    }

    /// Appends the rows of another column; its buffers are shared.
    pub fn append(&mut self, other: &ViewColumn) {
        /// A buffer that several columns share mostly came with one of the last.
        const LATELY: usize = 8;
        self.views.extend_from_slice(&other.views);
        for buffer in &other.buffers {
            if self.buffers.iter().rev().take(LATELY).any(|mine| Arc::ptr_eq(mine, buffer)) {
                continue;
            }
            if self.buffers.len() >= LATELY && self.buffers.len() == self.buffers.capacity() {
                // Each once, now and then: a search for each would take the square of their number.
                self.buffers.sort_unstable_by_key(Arc::as_ptr);
                self.buffers.dedup_by(|a, b| Arc::ptr_eq(a, b));
            }
            self.buffers.push(buffer.clone());
        }
    }

    /// Parts, to reuse the allocation.
    pub fn into_parts(self) -> (Vec<View>, Vec<Buffer>) {
        (self.views, self.buffers)
    }
}

impl fmt::Debug for ViewColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.len()).map(|row| String::from_utf8_lossy(self.get(row)))).finish()
    }
}

/// Rows of views whose bytes are these, with the bytes in one buffer of their own.
fn copy_of<'a>(views: &[View], rows: &[u32], bytes: impl Fn(usize) -> &'a [u8]) -> ViewColumn {
    let long = |&row: &u32| Some(views[row as usize].len()).filter(|&len| len > INLINE);
    // It has room for all, so that it never moves.
    let mut buffer: Vec<u8> = Vec::with_capacity(rows.iter().filter_map(long).sum());
    let mut copied = Vec::with_capacity(rows.len());
    for &row in rows {
        let view = views[row as usize];
        if view.is_inline() {
            copied.push(view);
        } else {
            let start = buffer.len();
            buffer.extend_from_slice(bytes(row as usize));
            copied.push(View { hi: buffer[start..].as_ptr() as u64, ..view });
        }
    }
    // Moving the Vec into the Arc moves its header, not the bytes the views point at.
    let buffer = (!buffer.is_empty()).then(|| Arc::new(buffer));
    ViewColumn { views: copied, buffers: buffer.into_iter().collect() }
}

/// Lets views point to a copy of their bytes.
///
/// # Safety
/// Views that are not inline must point into memory that is alive and unchanged.
unsafe fn move_to_copy(views: &mut [View]) -> Option<Buffer> {
    let len = views.iter().map(|view| view.outside()).sum();
    if len == 0 {
        return None;
    }
    // It has room for all, so that it never moves.
    let mut buffer: Vec<u8> = Vec::with_capacity(len);
    let mut to = buffer.as_mut_ptr();
    for view in views.iter_mut().filter(|view| !view.is_inline()) {
        // SAFETY: the view's bytes are alive by the caller's word; the lengths of all such views are the buffer's room.
        unsafe {
            copy_outside(view.hi as *const u8, to, view.len());
            view.hi = to as u64;
            to = to.add(view.len());
        }
    }
    // SAFETY: so many bytes were written.
    unsafe { buffer.set_len(len) };
    // Moving the Vec into the Arc moves its header, not the bytes the views point at.
    Some(Arc::new(buffer))
}

/// Copies more than [`INLINE`] bytes, which are mostly a few dozen: in whole words, of which the last one may begin in
/// the one before it.
///
/// # Safety
/// As of [`std::ptr::copy_nonoverlapping`].
#[inline(always)]
unsafe fn copy_outside(from: *const u8, to: *mut u8, len: usize) {
    const WORD: usize = size_of::<[u64; 2]>();
    const MANY: usize = 256;
    // SAFETY: every word lies within the `len` bytes, which are at least as many as it has.
    unsafe {
        let word = |at: usize| {
            let word = from.add(at).cast::<[u64; 2]>().read_unaligned();
            to.add(at).cast::<[u64; 2]>().write_unaligned(word);
        };
        if len < WORD {
            for at in [0, len - size_of::<u64>()] {
                let half = from.add(at).cast::<u64>().read_unaligned();
                to.add(at).cast::<u64>().write_unaligned(half);
            }
        } else if len <= MANY {
            (0..len - WORD).step_by(WORD).for_each(word);
            word(len - WORD);
        } else {
            std::ptr::copy_nonoverlapping(from, to, len);
        }
    }
}

/// A [`ViewColumn`] whose rows are all UTF-8.
#[derive(Clone, Default)]
pub struct StrColumn(ViewColumn);

impl StrColumn {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Has it no rows?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &str {
        // SAFETY: rows of a text column are UTF-8.
        unsafe { std::str::from_utf8_unchecked(self.0.get(row)) }
    }

    /// The views and buffers.
    pub fn column(&self) -> &ViewColumn {
        &self.0
    }

    /// The rows at these positions, in this order.
    pub fn gather(&self, rows: &[u32]) -> StrColumn {
        StrColumn(self.0.gather(rows))
    }

    /// As [`StrColumn::gather`]; empty where a position is behind the end.
    pub fn gather_or_empty(&self, rows: &[u32]) -> StrColumn {
        StrColumn(self.0.gather_or_empty(rows))
    }

    /// As [`StrColumn::gather`], with the bytes in one buffer of its own.
    pub fn copy_of(&self, rows: &[u32]) -> StrColumn {
        StrColumn(self.0.copy_of(rows))
    }

    /// Appends the rows of another column.
    pub fn append(&mut self, other: &StrColumn) {
        self.0.append(&other.0);
    }

    /// A column of views made elsewhere.
    ///
    /// # Safety
    /// As [`ViewColumn::from_parts`], and every view must be UTF-8.
    pub unsafe fn from_views(column: ViewColumn) -> StrColumn {
        StrColumn(column)
    }
}

impl fmt::Debug for StrColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Views by the numbers of a slab's rows, and per block the buffers they point into.
#[derive(Default)]
pub struct ViewSlab {
    /// Those of rows that are gone are empty.
    views: Vec<View>,
    buffers: Vec<Vec<Buffer>>,
}

impl ViewSlab {
    /// Buffers of a block that are many enough to be made one.
    const MANY: usize = 64;

    /// Copies rows of a column to the numbers from `start` on, which lie in one block.
    pub fn put(&mut self, start: usize, column: &ViewColumn, rows: &Picked<'_>) {
        let end = start + rows.len();
        if self.views.len() < end {
            self.views.resize(end, View::default());
        }
        let to = &mut self.views[start..end];
        match rows {
            Picked::Run(run) => to.copy_from_slice(&column.views[run.clone()]),
            Picked::Rows(rows) => {
                to.iter_mut().zip(*rows).for_each(|(to, &row)| *to = column.views[row as usize]);
            }
        }
        let block = start / SLAB_BLOCK;
        if self.buffers.len() <= block {
            self.buffers.resize_with(block + 1, Vec::new);
        }
        let buffers = &mut self.buffers[block];
        // SAFETY: views of a column are inline or point into its buffers.
        buffers.extend(unsafe { move_to_copy(to) });
        if buffers.len() > Self::MANY {
            let end = self.views.len().min((block + 1) * SLAB_BLOCK);
            let views = &mut self.views[block * SLAB_BLOCK..end];
            // SAFETY: views of a block are inline or point into its buffers, which go only behind that.
            let whole = unsafe { move_to_copy(views) };
            self.buffers[block] = whole.into_iter().collect();
        }
    }

    /// What it takes.
    pub fn bytes(&self) -> usize {
        let buffers: usize = self.buffers.iter().flatten().map(|buffer| buffer.capacity()).sum();
        self.views.capacity() * size_of::<View>() + buffers
    }

    /// No row of the block is kept any more.
    pub fn free(&mut self, block: usize) {
        let rows = block * SLAB_BLOCK..(block + 1) * SLAB_BLOCK;
        self.views.iter_mut().take(rows.end).skip(rows.start).for_each(|view| *view = View::default());
        if let Some(buffers) = self.buffers.get_mut(block) {
            buffers.clear();
        }
    }

    /// The bytes of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        // SAFETY: a view is inline, or points into a buffer of its block.
        unsafe { self.views[row].bytes() }
    }

    /// The rows of these numbers, in this order; empty where there is none.
    pub fn gather(&self, rows: &[u32]) -> ViewColumn {
        let mut blocks: Vec<usize> = Vec::new();
        let view = |&row: &u32| {
            let view = self.views.get(row as usize).copied().unwrap_or_default();
            let block = row as usize / SLAB_BLOCK;
            if !view.is_inline() && blocks.last() != Some(&block) {
                blocks.push(block);
            }
            view
        };
        let views = rows.iter().map(view).collect();
        blocks.sort_unstable();
        blocks.dedup();
        ViewColumn {
            views,
            buffers: blocks.iter().flat_map(|&block| self.buffers[block].iter().cloned()).collect(),
        }
    }

    /// [`ViewSlab::gather`] of a slab that only text was put into.
    pub(crate) fn gather_text(&self, rows: &[u32]) -> StrColumn {
        StrColumn(self.gather(rows))
    }
}

/// Builds a column of strings that are parts of one buffer, without copying them.
pub struct SliceBuilder {
    views: Vec<View>,
    text: TextBuffer,
}

impl SliceBuilder {
    /// Views into this text.
    pub fn new(text: TextBuffer, capacity: usize) -> SliceBuilder {
        SliceBuilder { views: Vec::with_capacity(capacity), text }
    }

    /// Appends `text[start..end]`.
    ///
    /// # Panics
    /// If the range is out of bounds or cuts a character in two.
    #[inline]
    #[allow(clippy::sliced_string_as_bytes, reason = "slicing the text checks the borders of characters")]
    pub fn push(&mut self, start: usize, end: usize) {
        // As text, not as bytes: that checks the borders of characters.
        let part = &self.text.text()[start..end];
        self.views.push(View::of(part.as_bytes()));
    }

    /// Appends an empty string (the placeholder of a null).
    #[inline]
    pub fn push_empty(&mut self) {
        self.views.push(View::default());
    }

    /// The column.
    pub fn finish(self) -> StrColumn {
        // Every view was taken from the text on character borders.
        StrColumn(ViewColumn { views: self.views, buffers: vec![self.text.0] })
    }
}

/// How many readable bytes a buffer that [`StrSlots`] points into has behind its text, so that a
/// view's first bytes are loaded without looking at the length.
pub const SLACK: usize = 16;

/// The bits of a view that belong to an inline string of each length: low half, high half.
const INLINE_BITS: [(u64, u64); INLINE + 1] = {
    let mut bits = [(0xffff_ffff, 0); INLINE + 1];
    let mut len = 1;
    while len <= INLINE {
        let (in_low, in_high) = if len < 4 { (len, 0) } else { (4, len - 4) };
        bits[len].0 |= (u64::MAX >> (64 - 8 * in_low)) << 32;
        if in_high > 0 {
            bits[len].1 = u64::MAX >> (64 - 8 * in_high);
        }
        len += 1;
    }
    bits
};

/// Builds a column of strings row by row at any row number (a decoder takes back the row that turned
/// out to be bad): parts of one buffer without copying, or copies of what had to be unescaped.
pub struct StrSlots {
    views: Vec<View>,
    buffer: Buffer,
    copies: ViewBuilder,
}

impl StrSlots {
    /// `rows` empty strings; slices will be of this buffer.
    pub fn new(buffer: Buffer, rows: usize) -> StrSlots {
        StrSlots { views: vec![View::default(); rows], buffer, copies: ViewBuilder::default() }
    }

    /// Are slices taken from these very bytes?
    #[inline(always)]
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        std::ptr::eq(self.buffer.as_ptr(), bytes.as_ptr())
    }

    /// Makes a row `buffer[start..start + len]`.
    ///
    /// # Safety
    /// The range must lie in the buffer with [`SLACK`] bytes behind its start, and be UTF-8.
    #[inline(always)]
    pub unsafe fn set_unchecked(&mut self, row: usize, start: usize, len: usize) {
        let at = self.buffer.as_ptr().wrapping_add(start);
        // SAFETY: the caller says that 16 bytes are readable from `start`.
        let (first, next) =
            unsafe { (at.cast::<u32>().read_unaligned(), at.add(4).cast::<u64>().read_unaligned()) };
        let (low, high) = INLINE_BITS[len.min(INLINE)];
        let lo = (len as u64 | u64::from(u32::from_le(first)) << 32) & low;
        let inline = u64::from_le(next) & high;
        self.views[row] = View { lo, hi: if len <= INLINE { inline } else { at as u64 } };
    }

    /// Makes a row `buffer[start..end]`; `false` if that is no UTF-8 or out of bounds.
    pub fn set(&mut self, row: usize, start: usize, end: usize) -> bool {
        match self.buffer.get(start..end) {
            Some(bytes) if std::str::from_utf8(bytes).is_ok() => {
                self.views[row] = View::of(bytes);
                true
            }
            _ => false,
        }
    }

    /// Makes a row a copy of this text.
    pub fn set_copy(&mut self, row: usize, text: &str) {
        self.views[row] = self.copies.keep(text.as_bytes());
    }

    /// Makes a row empty (the placeholder of a null).
    #[inline]
    pub fn clear(&mut self, row: usize) {
        self.views[row] = View::default();
    }

    /// The column of the first `rows` rows.
    pub fn finish(mut self, rows: usize) -> StrColumn {
        self.views.truncate(rows);
        let mut buffers = self.copies.finish().buffers;
        buffers.push(self.buffer);
        StrColumn(ViewColumn { views: self.views, buffers })
    }
}
