//! Rows as records of CSV. Null is an empty field, the empty string is `""`; what holds a delimiter, a
//! quote or a line end is quoted; lists, maps, records and json are written as JSON.

use crate::base64;
use crate::encode::Encoder;
use crate::out::Out;
use crate::time::IsoWriter;
use flow_data::{Batch, Column, ColumnData};
use flow_engine::sink::SinkError;
use flow_plan::functions::json;
use flow_plan::{DataType, RecordType, text};
use std::sync::Arc;

/// Writes rows of one type.
pub(crate) struct CsvEncoder {
    schema: Arc<RecordType>,
    header: bool,
    delimiter: u8,
    iso: IsoWriter,
}

impl CsvEncoder {
    /// For rows of this type.
    pub(crate) fn new(schema: Arc<RecordType>, header: bool, delimiter: u8) -> CsvEncoder {
        CsvEncoder { schema, header, delimiter, iso: IsoWriter::default() }
    }

    fn value(&mut self, column: &Column, ty: &DataType, row: usize, out: &mut Out) {
        if !column.is_valid(row) {
            return;
        }
        match (&column.data, ty.unwrapped()) {
            (ColumnData::Bool(v), _) => out.text(if v[row] != 0 { b"true" } else { b"false" }),
            (ColumnData::I64(v), DataType::Timestamp) => self.iso.write(v[row], out),
            (ColumnData::I64(v), DataType::Duration) => {
                let mut shown = String::new();
                text::write_duration(&mut shown, v[row]);
                out.text(shown.as_bytes());
            }
            (ColumnData::I64(v), _) => out.int(v[row]),
            (ColumnData::F64(v), _) if v[row].is_finite() => out.float(v[row]),
            (ColumnData::F64(v), _) => {
                let mut shown = String::new();
                text::write_float(&mut shown, v[row]);
                out.text(shown.as_bytes());
            }
            (ColumnData::Decimal(v), _) => out.text(v[row].to_string().as_bytes()),
            (ColumnData::Str(v), _) => field(v.get(row).as_bytes(), self.delimiter, out),
            (ColumnData::Bytes(v), _) => {
                let mut shown = Vec::new();
                base64::encode(v.get(row), &mut shown);
                field(&shown, self.delimiter, out);
            }
            (ColumnData::Any(v), _) => {
                let mut shown = String::new();
                json::write(&mut shown, &v[row], ty);
                field(shown.as_bytes(), self.delimiter, out);
            }
        }
    }
}

/// A text, quoted where it must be.
fn field(bytes: &[u8], delimiter: u8, out: &mut Out) {
    let special = |&b: &u8| b == delimiter || matches!(b, b'"' | b'\n' | b'\r');
    if !bytes.is_empty() && !bytes.iter().any(special) {
        return out.text(bytes);
    }
    out.byte(b'"');
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.text(&rest[..=at]);
        out.byte(b'"');
        rest = &rest[at + 1..];
    }
    out.text(rest);
    out.byte(b'"');
}

impl Encoder for CsvEncoder {
    fn header(&mut self, out: &mut Out) {
        if !self.header {
            return;
        }
        for (i, column) in self.schema.fields.iter().enumerate() {
            if i > 0 {
                out.byte(self.delimiter);
            }
            field(column.name.as_bytes(), self.delimiter, out);
        }
        out.byte(b'\n');
    }

    fn rows(&mut self, batch: &Batch, out: &mut Out) -> Result<(), SinkError> {
        let schema = self.schema.clone();
        for row in 0..batch.len {
            for (i, (column, described)) in batch.columns.iter().zip(&schema.fields).enumerate() {
                if i > 0 {
                    out.byte(self.delimiter);
                }
                self.value(column, &described.ty, row, out);
            }
            out.byte(b'\n');
        }
        Ok(())
    }

    fn extension(&self) -> &'static str {
        "csv"
    }
}
