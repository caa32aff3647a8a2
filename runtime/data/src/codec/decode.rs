//! From bytes to batches.

use super::numbers::{decode_ints, decode_lengths, words};
use super::{Bytes, Malformed, kind, values};
use crate::batch::Batch;
use crate::column::{Column, ColumnData};
use crate::view::{SliceBuilder, TextBuffer, ViewBuilder};
use flow_plan::{DataType, RecordType};
use rust_decimal::Decimal;
use std::sync::Arc;

/// Reads a batch whose columns have these types.
pub fn decode(from: &mut Bytes<'_>, schema: &RecordType) -> Result<Batch, Malformed> {
    let rows = from.u32()? as usize;
    if from.u32()? as usize != schema.fields.len() {
        return Err(from.wrong("another number of columns than the schema has"));
    }
    if schema.fields.is_empty() && from.take(rows)?.iter().any(|byte| *byte != 0) {
        return Err(from.wrong("a row without columns is not zero"));
    }
    let columns = schema.fields.iter().map(|field| Ok(Arc::new(decode_column(from, rows, &field.ty)?)));
    Ok(Batch::new(rows, columns.collect::<Result<_, Malformed>>()?))
}

fn decode_column(from: &mut Bytes<'_>, rows: usize, ty: &DataType) -> Result<Column, Malformed> {
    let ty = ty.unwrapped();
    if from.u8()? != kind_of(ty) {
        return Err(from.wrong("a column of another type than the schema has"));
    }
    let validity = match from.u8()? {
        0 => None,
        1 => Some(flags(from, rows)?),
        _ => return Err(from.wrong("nulls are neither there nor not there")),
    };
    let data = match kind_of(ty) {
        kind::BOOL => ColumnData::Bool(flags(from, rows)?),
        kind::INT => ColumnData::I64(decode_ints(from, rows)?),
        kind::FLOAT => ColumnData::F64(words(from.array(rows, 8)?, f64::from_le_bytes)),
        kind::DECIMAL => ColumnData::Decimal(decimals(from, rows)?),
        kind::STRING => strings(from, rows)?,
        kind::BYTES => byte_strings(from, rows)?,
        _ => ColumnData::Any(values::decode(from, rows, ty)?),
    };
    Ok(Column { data, validity })
}

fn kind_of(ty: &DataType) -> u8 {
    match ty {
        DataType::Bool => kind::BOOL,
        DataType::Int | DataType::Timestamp | DataType::Duration => kind::INT,
        DataType::Float => kind::FLOAT,
        DataType::Decimal => kind::DECIMAL,
        DataType::String => kind::STRING,
        DataType::Bytes => kind::BYTES,
        DataType::List(_)
        | DataType::Map(_)
        | DataType::Record(_)
        | DataType::Json
        | DataType::Optional(_) => kind::VALUES,
    }
}

fn flags(from: &mut Bytes<'_>, rows: usize) -> Result<Vec<u8>, Malformed> {
    let wrong = from.wrong("neither 0 nor 1");
    let flags = from.take(rows)?;
    // All of them, without a branch for each.
    if flags.iter().fold(0, |all, flag| all | flag) > 1 {
        return Err(wrong);
    }
    Ok(flags.to_vec())
}

fn decimals(from: &mut Bytes<'_>, rows: usize) -> Result<Vec<Decimal>, Malformed> {
    let wrong = from.wrong("a decimal with bits that mean nothing");
    let values: Vec<(Decimal, bool)> = words(from.array(rows, 16)?, |bytes| {
        let value = Decimal::deserialize(bytes);
        (value, value.serialize() == bytes)
    });
    if values.iter().any(|(_, exact)| !exact) {
        return Err(wrong);
    }
    Ok(values.into_iter().map(|(value, _)| value).collect())
}

/// The bytes of all rows, and where each row ends in them.
fn slices<'a>(from: &mut Bytes<'a>, rows: usize) -> Result<(&'a [u8], Vec<u32>), Malformed> {
    let lengths = decode_lengths(from, rows)?;
    let whole = lengths.iter().try_fold(0usize, |sum, len| sum.checked_add(*len as usize));
    let bytes = from.take(whole.unwrap_or(usize::MAX))?;
    Ok((bytes, lengths))
}

fn strings(from: &mut Bytes<'_>, rows: usize) -> Result<ColumnData, Malformed> {
    let wrong = from.wrong("text that is not UTF-8");
    let (bytes, lengths) = slices(from, rows)?;
    let text = TextBuffer::new(Arc::new(bytes.to_vec())).map_err(|_| wrong)?;
    let mut column = SliceBuilder::new(text.clone(), rows);
    let mut start = 0;
    for len in lengths {
        let end = start + len as usize;
        if !text.text().is_char_boundary(end) {
            return Err(wrong);
        }
        column.push(start, end);
        start = end;
    }
    Ok(ColumnData::Str(column.finish()))
}

fn byte_strings(from: &mut Bytes<'_>, rows: usize) -> Result<ColumnData, Malformed> {
    let (bytes, lengths) = slices(from, rows)?;
    let mut column = ViewBuilder::default();
    let mut start = 0;
    for len in lengths {
        let end = start + len as usize;
        column.push(&bytes[start..end]);
        start = end;
    }
    Ok(ColumnData::Bytes(column.finish()))
}
