//! The format `text`: each line is a row of one string.

use crate::block::{Block, Decoder, RowLength};
use crate::fault::{Fault, code};
use crate::rows::{Cells, Field, Rows};
use crate::scan::{Checked, Text};
use flow_engine::source::{Emit, Stop};

/// Lines as views into the block.
pub(crate) struct TextDecoder {
    fields: Vec<Field>,
    length: RowLength,
}

impl TextDecoder {
    /// For no field (only counting) or the one string there is.
    pub(crate) fn new(fields: Vec<Field>) -> TextDecoder {
        TextDecoder { fields, length: RowLength::default() }
    }
}

/// A row that starts at `at` with its line end: where its text ends, and where the next one starts.
#[inline(always)]
fn line(text: Text<'_>, at: usize) -> (usize, usize) {
    let end = text.line_end(at);
    let carriage = end > at && text.byte(end - 1) == b'\r';
    (end - usize::from(carriage), end + 1)
}

impl Decoder for TextDecoder {
    fn decode(&mut self, block: &Block, out: &mut dyn Emit) -> Result<(), Stop> {
        let text = block.text();
        // One look at the whole block; only where it fails, each line is looked at by itself.
        let checked = Checked::new(text);
        let mut at = block.start;
        while at < block.end {
            let from = at;
            let expected = self.length.rows_in(block.end - at);
            let mut rows = Rows::new(&self.fields, &block.buffer, expected);
            while at < block.end {
                let (end, next) = line(text, at);
                let start = std::mem::replace(&mut at, next);
                let row = rows.row;
                let fine = match (rows.slots.first_mut().map(|slot| &mut slot.cells), &checked) {
                    (Some(Cells::Str(slots)), Some(checked)) => {
                        checked.string(start, end, slots, row);
                        true
                    }
                    (Some(Cells::Str(slots)), None) => text.string(start, end, slots, row),
                    _ => true,
                };
                if !fine {
                    let fault = Fault::new(code::BAD_UTF8, "the line is not UTF-8");
                    let offset = block.base + start as u64;
                    out.bad_record(fault.record(&block.name, offset, text.slice(start, end)))?;
                    continue;
                }
                if rows.finish_row(start) {
                    break;
                }
            }
            self.length.saw(rows.row, at - from);
            if rows.row > 0 {
                out.batch(rows.finish(&block.name, block.base))?;
            }
        }
        Ok(())
    }
}
