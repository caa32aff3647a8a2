//! Lines of JSON into columns: only the fields that are read, each straight into its column. There is
//! one parser, complete in itself; what is usual (a guessed key, a plain string, a short number, a
//! timestamp in the common form) takes a short way inside of it, so short and long way cannot differ.
//!
//! A line first goes the way that another one went: the same bytes between the values, so the same keys. Where
//! it leaves that way, it goes on key by key.
//!
//! Rules (docs/formats.md): of equal keys the first counts; once all fields are found the rest of the
//! line is not looked at, except that it must end with the closing brace.

use super::keys::{BLANK, END, Guess, Keys, SKIP, START, end_of_line};
use super::value::{Values, missing, scalar, skip, skip_blanks, unexpected};
use crate::block::{Block, Decoder, RowLength};
use crate::fault::Fault;
use crate::number::{fast_float, fast_int};
use crate::rows::{Cells, Field, Kind, Rows, Slot};
use crate::scan::{Literal, Text};
use crate::time::{LastDay, fast_iso};
use flow_engine::source::{Emit, Stop};
use flow_plan::Value;
use flow_plan::connector::TimeUnit;

/// A decoder made for the fields that are read.
pub(crate) struct JsonDecoder {
    fields: Vec<Field>,
    keys: Keys,
    cells: CellReader,
    /// Per slot, the number of the row in which it was found last.
    seen: Vec<u64>,
    row_number: u64,
    /// The way that a line went until all fields were found: slots are those to read, all other steps skips.
    way: Vec<Guess>,
    /// Lines that left it.
    left: usize,
    length: RowLength,
}

/// So many lines leave the way before it becomes that of the last of them.
const STUBBORN: usize = 16;

/// What came of a line.
enum Line {
    /// A row; the next line starts here.
    Row(usize),
    /// Only blanks.
    Blank(usize),
}

impl JsonDecoder {
    /// For these fields.
    pub(crate) fn new(fields: Vec<Field>, time_unit: TimeUnit) -> JsonDecoder {
        JsonDecoder {
            keys: Keys::new(fields.iter().map(|f| &*f.name)),
            seen: vec![0; fields.len()],
            row_number: 0,
            cells: CellReader { values: Values { time_unit }, last_day: LastDay::default() },
            fields,
            way: Vec::new(),
            left: 0,
            length: RowLength::default(),
        }
    }

    /// One line into the current row.
    #[inline(always)]
    fn line(&mut self, text: Text<'_>, start: usize, rows: &mut Rows) -> Result<Line, Fault> {
        let mut at = start;
        for (taken, guess) in self.way.iter().enumerate() {
            if !guess.literal.matches(text, at) {
                return self.leave(taken, text, at, rows);
            }
            at += guess.literal.len();
            at = match guess.step {
                SKIP => skip(text, at)?,
                END => {
                    self.begin(taken);
                    self.fill(rows)?;
                    return Ok(Line::Row(at));
                }
                slot => self.cells.read(&self.fields[slot], &mut rows.slots[slot], rows.row, text, at)?,
            };
        }
        if self.way.is_empty() {
            self.leave(0, text, at, rows)
        } else {
            rest_of_line(text, at).map(Line::Row)
        }
    }

    /// The line went so many steps of the way. Which fields are found, how many are not, and its place.
    fn begin(&mut self, taken: usize) -> (usize, usize) {
        self.row_number += 1;
        let way = &self.way[..taken];
        let mut wanted = self.fields.len();
        for guess in way.iter().filter(|guess| guess.step != SKIP) {
            self.seen[guess.step] = self.row_number;
            wanted -= 1;
        }
        (wanted, way.last().map_or(START, |guess| guess.next))
    }

    /// The line goes on another way than the one that is known.
    #[inline(never)]
    fn leave(&mut self, taken: usize, text: Text<'_>, at: usize, rows: &mut Rows) -> Result<Line, Fault> {
        let (wanted, place) = self.begin(taken);
        self.left += 1;
        let learn = !self.fields.is_empty() && (self.way.is_empty() || self.left.is_multiple_of(STUBBORN));
        if learn {
            self.way.truncate(taken);
        }
        let line = self.key_by_key(text, at, (wanted, place), rows, learn);
        if learn && !matches!(line, Ok(Line::Row(_))) {
            self.way.clear();
        }
        line
    }

    /// The rest of a line from a place on where so many fields are wanted; as a way, if it is to be learnt.
    fn key_by_key(
        &mut self,
        text: Text<'_>,
        mut at: usize,
        (mut wanted, mut place): (usize, usize),
        rows: &mut Rows,
        learn: bool,
    ) -> Result<Line, Fault> {
        loop {
            let next = self.keys.next(text, at, place)?;
            let reads = next.step < self.fields.len() && self.seen[next.step] != self.row_number;
            if learn {
                let step = if reads || next.step == END { next.step } else { SKIP };
                self.way.push(Guess {
                    literal: Literal::new(text.slice(at, next.at)),
                    step,
                    next: next.place,
                });
            }
            place = next.place;
            at = match next.step {
                END => {
                    self.fill(rows)?;
                    return Ok(Line::Row(next.at));
                }
                BLANK => return Ok(Line::Blank(next.at)),
                _ if wanted == 0 => return rest_of_line(text, next.at).map(Line::Row),
                slot if reads => {
                    self.seen[slot] = self.row_number;
                    let field = &self.fields[slot];
                    let at = self.cells.read(field, &mut rows.slots[slot], rows.row, text, next.at)?;
                    wanted -= 1;
                    if wanted == 0 {
                        return rest_of_line(text, at).map(Line::Row);
                    }
                    at
                }
                _ => skip(text, next.at)?,
            };
        }
    }

    /// Fields that the line does not have become null, if they may.
    #[inline]
    fn fill(&mut self, rows: &mut Rows) -> Result<(), Fault> {
        for (slot, field) in self.fields.iter().enumerate() {
            if self.seen[slot] != self.row_number {
                if !field.optional {
                    return Err(missing(&field.name, &field.ty));
                }
                rows.slots[slot].null(rows.row);
            }
        }
        Ok(())
    }
}

/// All fields are found: the line must still end with a brace, and if the object ends right here,
/// nothing may follow it. Gives the start of the next line.
#[inline(always)]
fn rest_of_line(text: Text<'_>, at: usize) -> Result<usize, Fault> {
    if text.byte(at) == b'}' && text.byte(at + 1) == b'\n' {
        return Ok(at + 2);
    }
    let end = text.line_end(at);
    if text.byte(at) == b',' && text.byte(end - 1) == b'}' {
        return Ok(end + 1);
    }
    unusual_rest(text, at, end)
}

#[cold]
fn unusual_rest(text: Text<'_>, at: usize, end: usize) -> Result<usize, Fault> {
    let next = skip_blanks(text, at);
    if text.byte(next) == b'}' {
        return end_of_line(text, next + 1);
    }
    let trimmed = text.slice(at, end).trim_ascii_end();
    if !trimmed.ends_with(b"}") {
        return Err(unexpected(text, end, "`}`"));
    }
    Ok(end + 1)
}

/// Reads values into cells.
struct CellReader {
    values: Values,
    last_day: LastDay,
}

impl CellReader {
    /// The value at `at` becomes the cell of this row; gives the position behind it.
    #[inline(always)]
    fn read(
        &mut self,
        field: &Field,
        slot: &mut Slot,
        row: usize,
        text: Text<'_>,
        at: usize,
    ) -> Result<usize, Fault> {
        let end = match (field.kind, &mut slot.cells) {
            (Kind::Int, Cells::I64(cells)) => {
                fast_int(text, at).filter(|&(_, end)| ends_here(text, end)).map(|(value, end)| {
                    cells[row] = value;
                    end
                })
            }
            (Kind::String, Cells::Str(cells)) if text.byte(at) == b'"' => {
                text.plain_string(at + 1, cells, row).map(|end| end + 1)
            }
            (Kind::Timestamp, Cells::I64(cells)) if text.byte(at) == b'"' => {
                fast_iso(text, at + 1, &mut self.last_day).map(|(value, end)| {
                    cells[row] = value;
                    end + 1
                })
            }
            (Kind::Float, Cells::F64(cells)) => {
                fast_float(text, at).filter(|&(_, end)| ends_here(text, end)).map(|(value, end)| {
                    cells[row] = value;
                    end
                })
            }
            _ => None,
        };
        match end {
            Some(end) => {
                slot.valid(row);
                Ok(end)
            }
            None => self.any(field, slot, row, text, at),
        }
    }

    /// The same for every value, of every type.
    #[cold]
    fn any(
        &self,
        field: &Field,
        slot: &mut Slot,
        row: usize,
        text: Text<'_>,
        at: usize,
    ) -> Result<usize, Fault> {
        // Behind a guessed key there may be more blanks than last time.
        let at = skip_blanks(text, at);
        if field.optional && scalar(text, at) == b"null" {
            slot.null(row);
            return Ok(at + 4);
        }
        let (value, end) =
            self.values.read(text, at, field.ty.unwrapped(), 1).map_err(|f| f.in_field(&field.name))?;
        slot.valid(row);
        match (&mut slot.cells, value) {
            (Cells::Bool(cells), Value::Bool(value)) => cells[row] = u8::from(value),
            (Cells::I64(cells), Value::Int(value) | Value::Timestamp(value) | Value::Duration(value)) => {
                cells[row] = value;
            }
            (Cells::F64(cells), Value::Float(value)) => cells[row] = value,
            (Cells::Decimal(cells), Value::Decimal(value)) => cells[row] = value,
            (Cells::Str(cells), Value::String(value)) => cells.set_copy(row, &value),
            (Cells::Bytes(cells), Value::Bytes(value)) => cells[row] = value.to_vec(),
            (Cells::Any(cells), value) => cells[row] = value,
            (_, value) => unreachable!("{value:?} for a field of type {}", field.ty),
        }
        Ok(end)
    }
}

/// Is the number over, or does it go on in a way that the long way must look at?
#[inline(always)]
fn ends_here(text: Text<'_>, at: usize) -> bool {
    matches!(text.byte(at), b',' | b'}' | b' ' | b'\t' | b'\r' | b'\n')
}

impl Decoder for JsonDecoder {
    fn decode(&mut self, block: &Block, out: &mut dyn Emit) -> Result<(), Stop> {
        let text = block.text();
        let mut at = block.start;
        while at < block.end {
            let from = at;
            let mut rows = Rows::new(&self.fields, &block.buffer, self.length.rows_in(block.end - at));
            while at < block.end {
                match self.line(text, at, &mut rows) {
                    Ok(Line::Row(next)) => {
                        let full = rows.finish_row(at);
                        at = next;
                        if full {
                            break;
                        }
                    }
                    Ok(Line::Blank(next)) => at = next,
                    Err(fault) => {
                        let end = text.line_end(at);
                        let offset = block.base + at as u64;
                        out.bad_record(fault.record(&block.name, offset, text.slice(at, end)))?;
                        at = end + 1;
                    }
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
