//! Records of CSV into columns: only the fields that are read are turned into values. An empty field
//! without quotes is null where that may be, and the empty string for a string that may not.

use super::record::{After, Raw, field, recover};
use crate::base64;
use crate::block::{Block, Columns, Decoder, RowLength};
use crate::fault::{Fault, code, shown};
use crate::json::value::Values;
use crate::number::{self, fast_float, fast_int};
use crate::rows::{Cells, Field, Kind, Rows, Slot};
use crate::scan::{PADDING, Text};
use crate::time::{self, LastDay, fast_iso};
use flow_engine::source::{Emit, Stop};
use flow_plan::Value;
use flow_plan::connector::TimeUnit;

/// A decoder made for the fields that are read.
pub(crate) struct CsvDecoder {
    fields: Vec<Field>,
    delimiter: u8,
    last_day: LastDay,
    length: RowLength,
}

/// What came of a record.
enum Record {
    /// A row; the next record starts here.
    Row(usize),
    /// An empty line.
    Blank(usize),
}

impl CsvDecoder {
    /// For these fields.
    pub(crate) fn new(fields: Vec<Field>, delimiter: u8) -> CsvDecoder {
        CsvDecoder { fields, delimiter, last_day: LastDay::default(), length: RowLength::default() }
    }

    /// One record into the current row.
    #[inline]
    fn record(
        &mut self,
        text: Text<'_>,
        start: usize,
        columns: &Columns,
        rows: &mut Rows,
    ) -> Result<Record, Fault> {
        let mut at = start;
        for (i, slot) in columns.slots.iter().enumerate() {
            let (raw, after) = field(text, at, self.delimiter)?;
            let last = i + 1 == columns.slots.len();
            let next = match after {
                After::Record(next) if i == 0 && raw.is_null() && !self.only_nulls(columns) => {
                    return Ok(Record::Blank(next));
                }
                After::Record(_) if !last => return Err(ragged(i + 1, columns.slots.len())),
                After::Field(next) if last => return Err(self.too_many(text, next, i + 1)),
                After::Field(next) | After::Record(next) => next,
            };
            if let Some(slot) = *slot {
                let field = &self.fields[slot];
                read(field, &mut rows.slots[slot], rows.row, text, raw, &mut self.last_day)
                    .map_err(|fault| fault.in_field(&field.name))?;
            }
            at = next;
        }
        for &slot in &columns.absent {
            rows.slots[slot].null(rows.row);
        }
        Ok(Record::Row(at))
    }

    /// Is there one column, which may be null? Then a line without anything is a row, as it is where such a row is written.
    #[cold]
    fn only_nulls(&self, columns: &Columns) -> bool {
        matches!(*columns.slots, [Some(slot)] if self.fields[slot].optional)
    }

    /// Counts on, for the message.
    #[cold]
    fn too_many(&self, text: Text<'_>, mut at: usize, width: usize) -> Fault {
        let mut found = width;
        loop {
            found += 1;
            match field(text, at, self.delimiter) {
                Ok((_, After::Field(next))) => at = next,
                _ => return ragged(found, width),
            }
        }
    }
}

fn ragged(found: usize, expected: usize) -> Fault {
    let s = if found == 1 { "" } else { "s" };
    Fault::new(code::BAD_CSV, format!("expected {expected} fields, found {found} field{s}"))
}

/// A field becomes the cell of a row.
#[inline(always)]
fn read(
    field: &Field,
    slot: &mut Slot,
    row: usize,
    text: Text<'_>,
    raw: Raw,
    last_day: &mut LastDay,
) -> Result<(), Fault> {
    if raw.is_null() && field.optional {
        slot.null(row);
        return Ok(());
    }
    let (at, end) = (raw.start, raw.end);
    let done = match (field.kind, &mut slot.cells) {
        (Kind::String, Cells::Str(cells)) => !raw.doubled && text.string(at, end, cells, row),
        (Kind::Int, Cells::I64(cells)) => {
            let found = fast_int(text, at).filter(|f| f.1 == end);
            found.inspect(|f| cells[row] = f.0).is_some()
        }
        (Kind::Float, Cells::F64(cells)) => {
            let found = fast_float(text, at).filter(|f| f.1 == end);
            found.inspect(|f| cells[row] = f.0).is_some()
        }
        (Kind::Timestamp, Cells::I64(cells)) if raw.quoted => {
            let found = fast_iso(text, at, last_day).filter(|f| f.1 == end);
            found.inspect(|f| cells[row] = f.0).is_some()
        }
        _ => false,
    };
    if done {
        slot.valid(row);
        return Ok(());
    }
    any(field, slot, row, &raw.bytes(text))
}

/// The same for every value, of every type.
#[cold]
fn any(field: &Field, slot: &mut Slot, row: usize, bytes: &[u8]) -> Result<(), Fault> {
    slot.valid(row);
    let trimmed = bytes.trim_ascii();
    if trimmed.is_empty() && field.kind != Kind::String && field.kind != Kind::Bytes {
        if field.optional {
            // Quoted, or blanks: no text, and nothing of another type either.
            slot.null(row);
            return Ok(());
        }
        let error =
            format!("expected {}, found nothing (if it may be empty, its type is `{}?`)", field.ty, field.ty);
        return Err(Fault::new(code::MISSING_FIELD, error));
    }
    match (&mut slot.cells, field.kind) {
        (Cells::Bool(cells), _) => cells[row] = boolean(trimmed)?,
        (Cells::I64(cells), Kind::Int) => {
            cells[row] = number::int(trimmed.strip_prefix(b"+").unwrap_or(trimmed))?
        }
        (Cells::I64(cells), Kind::Timestamp) => cells[row] = timestamp(trimmed)?,
        (Cells::I64(cells), _) => cells[row] = time::duration(trimmed)?,
        (Cells::F64(cells), _) => cells[row] = float(trimmed)?,
        (Cells::Decimal(cells), _) => cells[row] = number::decimal(trimmed)?,
        (Cells::Str(cells), _) => match std::str::from_utf8(bytes) {
            Ok(text) => cells.set_copy(row, text),
            Err(_) => return Err(Fault::new(code::BAD_UTF8, "the text is not UTF-8")),
        },
        (Cells::Bytes(cells), _) => cells[row] = base64::decode(trimmed)?,
        (Cells::Any(cells), _) => cells[row] = nested(trimmed, field)?,
    }
    Ok(())
}

fn boolean(bytes: &[u8]) -> Result<u8, Fault> {
    match bytes {
        _ if bytes.eq_ignore_ascii_case(b"true") => Ok(1),
        _ if bytes.eq_ignore_ascii_case(b"false") => Ok(0),
        _ => Err(Fault::new(code::WRONG_TYPE, format!("expected true or false, found {}", shown(bytes)))),
    }
}

/// Also `NaN` and `inf`, as they are written.
fn float(bytes: &[u8]) -> Result<f64, Fault> {
    match bytes.strip_prefix(b"-").unwrap_or(bytes) {
        b"NaN" => Ok(f64::NAN),
        b"inf" if bytes.starts_with(b"-") => Ok(f64::NEG_INFINITY),
        b"inf" => Ok(f64::INFINITY),
        _ => number::float(bytes),
    }
}

/// ISO-8601, or a number of milliseconds of more than four digits (which would be a year).
fn timestamp(bytes: &[u8]) -> Result<i64, Fault> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if digits.len() > 4 && number::is_json_number(bytes) {
        return time::from_number(bytes, TimeUnit::Millis);
    }
    time::timestamp(bytes)
}

/// Lists, maps, records and json stand in a field as JSON.
fn nested(bytes: &[u8], field: &Field) -> Result<Value, Fault> {
    let mut line = bytes.to_vec();
    line.retain(|&b| b != b'\n');
    line.push(b'\n');
    let len = line.len();
    line.resize(len + PADDING, 0);
    let text = Text::new(&line, len);
    let values = Values { time_unit: TimeUnit::Millis };
    let (value, end) = values.read(text, 0, &field.ty, 1)?;
    crate::json::keys::end_of_line(text, end)?;
    Ok(value)
}

impl Decoder for CsvDecoder {
    fn decode(&mut self, block: &Block, out: &mut dyn Emit) -> Result<(), Stop> {
        let text = block.text();
        let Some(columns) = &block.columns else { return Ok(()) };
        let mut at = block.start;
        while at < block.end {
            let from = at;
            let mut rows = Rows::new(&self.fields, &block.buffer, self.length.rows_in(block.end - at));
            while at < block.end {
                match self.record(text, at, columns, &mut rows) {
                    Ok(Record::Row(next)) => {
                        let full = rows.finish_row(at);
                        at = next;
                        if full {
                            break;
                        }
                    }
                    Ok(Record::Blank(next)) => at = next,
                    Err(fault) => {
                        let next = recover(text, at, self.delimiter);
                        let offset = block.base + at as u64;
                        out.bad_record(fault.record(&block.name, offset, text.slice(at, next)))?;
                        at = next;
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
