//! From batches to bytes.

use super::numbers::{append, encode_ints, encode_lengths};
use super::{Unencodable, kind, values};
use crate::batch::Batch;
use crate::column::{Column, ColumnData};
use crate::view::{INLINE, ViewColumn};
use std::ops::Range;

/// Appends a batch.
pub fn encode(batch: &Batch, out: &mut Vec<u8>) -> Result<(), Unencodable> {
    encode_rows(batch, 0..batch.len, out)
}

/// Appends these rows of a batch, as a batch of their own.
pub fn encode_rows(batch: &Batch, rows: Range<usize>, out: &mut Vec<u8>) -> Result<(), Unencodable> {
    let len = u32::try_from(rows.len()).map_err(|_| Unencodable::TooManyRows)?;
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&(batch.columns.len() as u32).to_le_bytes());
    if batch.columns.is_empty() {
        // A row takes a byte, also where it says nothing: see the module.
        out.resize(out.len() + rows.len(), 0);
    }
    batch.columns.iter().try_for_each(|column| encode_column(column, rows.clone(), out))
}

fn encode_column(column: &Column, rows: Range<usize>, out: &mut Vec<u8>) -> Result<(), Unencodable> {
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
        out.extend(validity[rows.clone()].iter().map(|valid| u8::from(*valid != 0)));
    }
    match &column.data {
        ColumnData::Bool(v) => out.extend(v[rows].iter().map(|x| u8::from(*x != 0))),
        ColumnData::I64(v) => encode_ints(&v[rows], out),
        ColumnData::F64(v) => append(&v[rows], out, |x| x.to_le_bytes()),
        ColumnData::Decimal(v) => append(&v[rows], out, |x| x.serialize()),
        ColumnData::Str(v) => encode_views(v.column(), rows, out),
        ColumnData::Bytes(v) => encode_views(v, rows, out),
        ColumnData::Any(v) => values::encode(&v[rows], out)?,
    }
    Ok(())
}

/// Lengths, then the bytes one behind the other.
fn encode_views(column: &ViewColumn, rows: Range<usize>, out: &mut Vec<u8>) {
    let views = &column.views()[rows.clone()];
    encode_lengths(views.iter().map(|view| view.len() as u32), out);
    let mut at = out.len();
    let whole: usize = views.iter().map(|view| view.len()).sum();
    // Short strings are written with all the room they have in a view; the next one goes over what is too much.
    out.resize(at + whole + INLINE, 0);
    for (row, view) in rows.zip(views) {
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
