//! `split` straight to views: no list, no string, no copy of long pieces.

use super::scan::{BLOCK, Set, mask};
use flow_data::{BATCH_ROWS, View, ViewColumn};
use flow_plan::limits::Room;

/// Splits the strings of a column, some thousand pieces at a time.
pub(crate) struct Splitter {
    separator: Separator,
    /// The row that is being split.
    row: usize,
    /// Where its next piece begins.
    start: usize,
    /// The buffer that the last string lay in: first address, address behind its end.
    buffer: (usize, usize),
}

enum Separator {
    Blanks,
    Byte(u8),
    Text(Box<memchr::memmem::Finder<'static>>),
}

/// Bytes that a view is made of, at the most.
const HEAD: usize = 16;

impl Splitter {
    /// Splits at a separator, or between blanks.
    pub(crate) fn new(separator: Option<&str>) -> Splitter {
        let separator = match separator.map(str::as_bytes) {
            None => Separator::Blanks,
            Some(&[byte]) => Separator::Byte(byte),
            Some(bytes) => Separator::Text(Box::new(memchr::memmem::Finder::new(bytes).into_owned())),
        };
        Splitter { separator, row: 0, start: 0, buffer: (0, 0) }
    }

    /// Is the list of pieces that the evaluator would make of each string within the limits of
    /// values? Only of a long string need the pieces be counted.
    pub(crate) fn within_limits(&self, column: &ViewColumn) -> bool {
        let long = |row: &usize| column.views()[*row].len() > flow_plan::limits::MAX_ITEMS;
        (0..column.len()).filter(long).all(|row| {
            let text = column.get(row);
            let (pieces, bytes) = match &self.separator {
                Separator::Byte(byte) => {
                    let found = memchr::memchr_iter(*byte, text).count();
                    (found + 1, text.len() - found)
                }
                Separator::Text(finder) => {
                    let found = finder.find_iter(text).count();
                    (found + 1, text.len() - found * finder.needle().len())
                }
                Separator::Blanks => {
                    // SAFETY: text columns hold UTF-8.
                    let text = unsafe { std::str::from_utf8_unchecked(text) };
                    let words = text.split_whitespace();
                    words.fold((0, 0), |(pieces, bytes), word| (pieces + 1, bytes + word.len()))
                }
            };
            let mut room = Room::default();
            room.items(pieces).and_then(|()| room.text(bytes)).is_ok()
        })
    }

    /// The next pieces, and of which rows they are.
    pub(crate) fn next(&mut self, text: &ViewColumn, mut parents: Option<&mut Vec<u32>>) -> Vec<View> {
        // A step may go over the mark by a block's pieces and the last one.
        let mut views = Vec::with_capacity(BATCH_ROWS + 2 * BLOCK);
        while self.row < text.len() && views.len() < BATCH_ROWS {
            let before = views.len();
            let done = self.pieces(text, &mut views);
            if let Some(parents) = parents.as_deref_mut() {
                parents.extend(std::iter::repeat_n(self.row as u32, views.len() - before));
            }
            if done {
                self.row += 1;
                self.start = 0;
            }
        }
        views
    }

    /// Pieces of one string; is it done?
    fn pieces(&mut self, column: &ViewColumn, views: &mut Vec<View>) -> bool {
        let text = column.get(self.row);
        let resume = match &self.separator {
            Separator::Byte(byte) => {
                let set = Set::Byte(*byte);
                let end = self.readable(column, text);
                scan(text, self.start, end, set, views)
            }
            Separator::Blanks if text.is_ascii() => {
                let end = self.readable(column, text);
                scan(text, self.start, end, Set::Blanks, views)
            }
            Separator::Blanks => words(text, self.start, views),
            Separator::Text(finder) => parts(text, self.start, finder, views),
        };
        self.start = resume.unwrap_or(0);
        resume.is_none()
    }

    /// How far memory may be read behind the string's first byte: to the end of its buffer.
    fn readable(&mut self, column: &ViewColumn, text: &[u8]) -> usize {
        let (from, to) = (text.as_ptr() as usize, text.as_ptr() as usize + text.len());
        let holds = |(first, end): (usize, usize)| first <= from && to <= end;
        if !holds(self.buffer) {
            let range = |b: &flow_data::Buffer| (b.as_ptr() as usize, b.as_ptr() as usize + b.len());
            let found = column.buffers().iter().map(range).find(|&r| holds(r));
            match found {
                Some(found) => self.buffer = found,
                // An inline string, or a constant.
                None => return to,
            }
        }
        self.buffer.1
    }
}

/// Pieces between the bytes of a set, a block a step; where to go on if there are enough.
fn scan(text: &[u8], start: usize, readable: usize, set: Set, views: &mut Vec<View>) -> Option<usize> {
    let base = text.as_ptr() as usize;
    let (mut from, mut at) = (start, start);
    while at < text.len() {
        if views.len() >= BATCH_ROWS {
            return Some(from);
        }
        let mut hits = if base + at + BLOCK <= readable {
            // SAFETY: so many bytes of the string's buffer lie behind this place.
            unsafe { mask(text.as_ptr().add(at), set) }
        } else {
            let mut tail = [0; BLOCK];
            let rest = &text[at..text.len().min(at + BLOCK)];
            tail[..rest.len()].copy_from_slice(rest);
            // SAFETY: it is a whole block.
            unsafe { mask(tail.as_ptr(), set) }
        };
        let left = text.len() - at;
        if left < BLOCK {
            hits &= (1 << left) - 1;
        }
        views.reserve(BLOCK);
        let (room, mut made) = (views.spare_capacity_mut(), 0);
        while hits != 0 {
            let end = at + hits.trailing_zeros() as usize;
            hits &= hits - 1;
            room[made].write(view(base + from, end - from, readable));
            made += usize::from(end > from || set != Set::Blanks);
            from = end + 1;
        }
        // SAFETY: so many were written behind the others.
        unsafe { views.set_len(views.len() + made) };
        at += BLOCK;
    }
    if from < text.len() || set != Set::Blanks {
        views.push(view(base + from, text.len() - from, readable));
    }
    None
}

/// Masks of the first 0 to 12 bytes of a block.
const FIRST: [u128; 13] = {
    let mut masks = [0; 13];
    let mut n = 1;
    while n < 13 {
        masks[n] = u128::MAX >> (128 - 8 * n);
        n += 1;
    }
    masks
};

/// A view of `length` bytes at an address of the string that is being split.
#[inline(always)]
fn view(address: usize, length: usize, readable: usize) -> View {
    let bytes = address as *const u8;
    if address + HEAD > readable {
        // SAFETY: the piece is a part of the string.
        return View::of(unsafe { std::slice::from_raw_parts(bytes, length) });
    }
    // SAFETY: so many bytes of the string's buffer lie behind this place.
    let block = u128::from_le(unsafe { bytes.cast::<u128>().read_unaligned() });
    let kept = block & FIRST[length.min(12)];
    let lo = length as u64 | u64::from(kept as u32) << 32;
    let hi = if length <= flow_data::view::INLINE { (kept >> 32) as u64 } else { address as u64 };
    View { lo, hi }
}

/// Pieces between the blanks of a text that is not ASCII.
fn words(text: &[u8], start: usize, views: &mut Vec<View>) -> Option<usize> {
    // SAFETY: text columns hold UTF-8, and `start` is behind a whole character.
    let rest = unsafe { std::str::from_utf8_unchecked(&text[start..]) };
    for piece in rest.split_whitespace() {
        views.push(View::of(piece.as_bytes()));
        if views.len() >= BATCH_ROWS {
            return Some(piece.as_ptr() as usize + piece.len() - text.as_ptr() as usize);
        }
    }
    None
}

/// Pieces between the occurrences of a text.
fn parts(
    text: &[u8],
    start: usize,
    finder: &memchr::memmem::Finder<'_>,
    views: &mut Vec<View>,
) -> Option<usize> {
    let mut from = start;
    for at in finder.find_iter(&text[start..]) {
        views.push(View::of(&text[from..start + at]));
        from = start + at + finder.needle().len();
        if views.len() >= BATCH_ROWS {
            return Some(from);
        }
    }
    views.push(View::of(&text[from..]));
    None
}
