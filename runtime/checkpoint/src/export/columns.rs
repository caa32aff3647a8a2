//! Columns as parquet stores them: a physical type, what it means, and plain bytes.

use super::thrift::varint;
use flow_data::{Column, ColumnData};
use flow_plan::DataType;
use flow_plan::functions::json::write as write_json;

/// How a column is stored, in parquet's numbers.
pub(super) struct Storage {
    /// The physical type.
    pub(super) physical: i32,
    /// What it means (`ConvertedType`).
    pub(super) meaning: Option<i32>,
}

const BOOLEAN: i32 = 0;
const INT64: i32 = 2;
const DOUBLE: i32 = 5;
const BYTE_ARRAY: i32 = 6;

const UTF8: i32 = 0;
const TIMESTAMP_MICROS: i32 = 10;
const JSON: i32 = 19;

/// Durations are microseconds. Decimals are texts: each has a scale of its own, and a column of parquet has one. What is
/// nested is json.
pub(super) fn storage(ty: &DataType) -> Storage {
    let (physical, meaning) = match ty.unwrapped() {
        DataType::Bool => (BOOLEAN, None),
        DataType::Int | DataType::Duration => (INT64, None),
        DataType::Timestamp => (INT64, Some(TIMESTAMP_MICROS)),
        DataType::Float => (DOUBLE, None),
        DataType::String | DataType::Decimal => (BYTE_ARRAY, Some(UTF8)),
        DataType::Bytes => (BYTE_ARRAY, None),
        _ => (BYTE_ARRAY, Some(JSON)),
    };
    Storage { physical, meaning }
}

/// The body of a data page: which rows are there (if the column may have nulls), then the values of those.
pub(super) fn page(column: &Column, ty: &DataType, optional: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    if optional {
        levels(column, &mut bytes);
    }
    let rows: Vec<usize> = (0..column.len()).filter(|row| column.is_valid(*row)).collect();
    match &column.data {
        ColumnData::Bool(v) => bytes.extend(bits(rows.iter().map(|row| v[*row] != 0))),
        ColumnData::I64(v) => rows.iter().for_each(|row| bytes.extend_from_slice(&v[*row].to_le_bytes())),
        ColumnData::F64(v) => rows.iter().for_each(|row| bytes.extend_from_slice(&v[*row].to_le_bytes())),
        ColumnData::Decimal(v) => {
            rows.iter().for_each(|row| text(v[*row].to_string().as_bytes(), &mut bytes))
        }
        ColumnData::Str(v) => rows.iter().for_each(|row| text(v.get(*row).as_bytes(), &mut bytes)),
        ColumnData::Bytes(v) => rows.iter().for_each(|row| text(v.get(*row), &mut bytes)),
        ColumnData::Any(v) => {
            let mut json = String::new();
            for row in rows {
                json.clear();
                write_json(&mut json, &v[row], ty);
                text(json.as_bytes(), &mut bytes);
            }
        }
    }
    bytes
}

fn text(value: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    bytes.extend_from_slice(value);
}

/// Definition levels of one bit, all of them bit-packed, behind their length.
fn levels(column: &Column, bytes: &mut Vec<u8>) {
    let mut packed = Vec::new();
    varint(&mut packed, (column.len().div_ceil(8) as u64) << 1 | 1);
    packed.extend(bits((0..column.len()).map(|row| column.is_valid(row))));
    bytes.extend_from_slice(&(packed.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&packed);
}

/// Eight a byte, the first one lowest.
fn bits(flags: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, flag) in flags.enumerate() {
        if at % 8 == 0 {
            bytes.push(0);
        }
        if let Some(last) = bytes.last_mut() {
            *last |= u8::from(flag) << (at % 8);
        }
    }
    bytes
}
