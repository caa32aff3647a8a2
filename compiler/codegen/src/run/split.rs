//! `split` straight to views: no list, no string, no copy of long pieces.

use flow_data::{BATCH_ROWS, View, ViewColumn};

/// Splits the strings of a column, some thousand pieces at a time.
pub(crate) struct Splitter {
    separator: Separator,
    /// The row that is being split.
    row: usize,
    /// Where its next piece begins.
    start: usize,
}

enum Separator {
    Blanks,
    Byte(u8),
    Text(Box<memchr::memmem::Finder<'static>>),
}

impl Splitter {
    /// Splits at a separator, or between blanks.
    pub(crate) fn new(separator: Option<&str>) -> Splitter {
        let separator = match separator.map(str::as_bytes) {
            None => Separator::Blanks,
            Some(&[byte]) => Separator::Byte(byte),
            Some(bytes) => Separator::Text(Box::new(memchr::memmem::Finder::new(bytes).into_owned())),
        };
        Splitter { separator, row: 0, start: 0 }
    }

    /// The next pieces, and of which rows they are.
    pub(crate) fn next(&mut self, text: &ViewColumn, mut parents: Option<&mut Vec<u32>>) -> Vec<View> {
        let mut views = Vec::with_capacity(BATCH_ROWS + 64);
        while self.row < text.len() && views.len() < BATCH_ROWS {
            let before = views.len();
            let done = self.pieces(text.get(self.row), &mut views);
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
    fn pieces(&mut self, text: &[u8], views: &mut Vec<View>) -> bool {
        let rest = &text[self.start..];
        match &self.separator {
            Separator::Byte(byte) => {
                let mut from = 0;
                for at in memchr::memchr_iter(*byte, rest) {
                    views.push(View::of(&rest[from..at]));
                    from = at + 1;
                    if views.len() >= BATCH_ROWS {
                        self.start += from;
                        return false;
                    }
                }
                views.push(View::of(&rest[from..]));
            }
            Separator::Text(finder) => {
                let mut from = 0;
                for at in finder.find_iter(rest) {
                    views.push(View::of(&rest[from..at]));
                    from = at + finder.needle().len();
                    if views.len() >= BATCH_ROWS {
                        self.start += from;
                        return false;
                    }
                }
                views.push(View::of(&rest[from..]));
            }
            Separator::Blanks => {
                // SAFETY: text columns hold UTF-8, and `start` is behind a whole character.
                let rest = unsafe { std::str::from_utf8_unchecked(rest) };
                for piece in rest.split_whitespace() {
                    views.push(View::of(piece.as_bytes()));
                    if views.len() >= BATCH_ROWS {
                        self.start = piece.as_ptr() as usize + piece.len() - text.as_ptr() as usize;
                        return false;
                    }
                }
            }
        }
        true
    }
}
