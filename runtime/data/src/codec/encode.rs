//! From batches to bytes.

use super::numbers::{append, encode_ints, encode_lengths};
use super::{Unencodable, kind, values};
use crate::batch::Batch;
use crate::column::{Column, ColumnData};
use crate::view::{INLINE, ViewColumn};

/// Appends a batch.
pub fn encode(batch: &Batch, out: &mut Vec<u8>) -> Result<(), Unencodable> {
    let rows = u32::try_from(batch.len).map_err(|_| Unencodable::TooManyRows)?;
    out.extend_from_slice(&rows.to_le_bytes());
    out.extend_from_slice(&(batch.columns.len() as u32).to_le_bytes());
    if batch.columns.is_empty() {
        // A row takes a byte, also where it says nothing: see the module.
        out.resize(out.len() + batch.len, 0);
    }
    batch.columns.iter().try_for_each(|column| encode_column(column, out))
}

fn encode_column(column: &Column, out: &mut Vec<u8>) -> Result<(), Unencodable> {
    out.push(match &column.data {
        ColumnData::Bool(_) => kind::BOOL,
        ColumnData::I64(_) => kind::INT,
        ColumnData::F64(_) => kind::FLOAT,
        ColumnData::Decimal(_) => kind::DECIMAL,
        ColumnData::Str(_) => kind::STRING,
        ColumnData::Bytes(_) => kind::BYTES,
        ColumnData::Any(_) => kind::VALUES,
    });
    out.push(u8::from(column.validity.is_some()));
    if let Some(validity) = &column.validity {
        out.extend(validity.iter().map(|valid| u8::from(*valid != 0)));
    }
    match &column.data {
        ColumnData::Bool(v) => out.extend(v.iter().map(|x| u8::from(*x != 0))),
        ColumnData::I64(v) => encode_ints(v, out),
        ColumnData::F64(v) => append(v, out, |x| x.to_le_bytes()),
        ColumnData::Decimal(v) => append(v, out, |x| x.serialize()),
        ColumnData::Str(v) => encode_views(v.column(), out),
        ColumnData::Bytes(v) => encode_views(v, out),
        ColumnData::Any(v) => values::encode(v, out)?,
    }
    Ok(())
}

/// Lengths, then the bytes one behind the other.
fn encode_views(column: &ViewColumn, out: &mut Vec<u8>) {
    encode_lengths(column.views().iter().map(|view| view.len() as u32), out);
    let mut at = out.len();
    let whole: usize = column.views().iter().map(|view| view.len()).sum();
    // Short strings are written with all the room they have in a view; the next one goes over what is too much.
    out.resize(at + whole + INLINE, 0);
    for (row, view) in column.views().iter().enumerate() {
        if view.is_inline() {
            let place = &mut out[at..at + INLINE];
            place[..4].copy_from_slice(&((view.lo >> 32) as u32).to_le_bytes());
            place[4..].copy_from_slice(&view.hi.to_le_bytes());
        } else {
            out[at..at + view.len()].copy_from_slice(column.get(row));
        }
        at += view.len();
    }
    out.truncate(at);
}
