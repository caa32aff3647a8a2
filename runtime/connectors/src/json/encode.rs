//! Rows as lines of JSON: exactly what the language's `toJson` writes for the record, made straight
//! from the columns.

use crate::base64;
use crate::encode::Encoder;
use crate::out::{Out, Short};
use crate::time::IsoWriter;
use flow_data::{Batch, Column, ColumnData, StrColumn};
use flow_engine::sink::SinkError;
use flow_plan::functions::json;
use flow_plan::{DataType, RecordType};
use std::sync::Arc;

/// Writes rows of one type.
pub(crate) struct JsonEncoder {
    schema: Arc<RecordType>,
    /// What stands before each value: brace or comma, key, colon.
    keys: Vec<Short>,
    iso: IsoWriter,
}

impl JsonEncoder {
    /// For rows of this type.
    pub(crate) fn new(schema: Arc<RecordType>) -> JsonEncoder {
        let key = |(i, field): (usize, &flow_plan::Field)| {
            let mut key = String::from(if i == 0 { "{" } else { "," });
            json::write_string(&mut key, &field.name);
            key.push(':');
            Short::new(key.as_bytes())
        };
        JsonEncoder {
            keys: schema.fields.iter().enumerate().map(key).collect(),
            schema,
            iso: IsoWriter::default(),
        }
    }
}

/// A column as this encoder tells columns apart.
enum Cells<'b> {
    Bool(&'b [u8]),
    Int(&'b [i64]),
    Float(&'b [f64]),
    Timestamp(&'b [i64]),
    Str(&'b StrColumn),
    /// Written by way of a value: rare or large types.
    Other(&'b Column, &'b DataType),
}

struct Field<'b> {
    key: &'b Short,
    cells: Cells<'b>,
    validity: Option<&'b [u8]>,
}

impl<'b> Field<'b> {
    fn new(key: &'b Short, column: &'b Column, ty: &'b DataType) -> Field<'b> {
        let cells = match (&column.data, ty.unwrapped()) {
            (ColumnData::Bool(cells), _) => Cells::Bool(cells),
            (ColumnData::I64(cells), DataType::Int) => Cells::Int(cells),
            (ColumnData::I64(cells), DataType::Timestamp) => Cells::Timestamp(cells),
            (ColumnData::F64(cells), _) => Cells::Float(cells),
            (ColumnData::Str(cells), _) => Cells::Str(cells),
            _ => Cells::Other(column, ty),
        };
        Field { key, cells, validity: column.validity.as_deref() }
    }

    #[inline(always)]
    fn write(&self, row: usize, iso: &mut IsoWriter, out: &mut Out) {
        out.short(self.key);
        if self.validity.is_some_and(|v| v[row] == 0) {
            return out.block(b"null", 4);
        }
        match &self.cells {
            Cells::Bool(cells) => out.text(if cells[row] != 0 { b"true" } else { b"false" }),
            Cells::Int(cells) => out.int(cells[row]),
            Cells::Float(cells) if cells[row].is_finite() => out.float(cells[row]),
            // JSON has no number for NaN and the infinities.
            Cells::Float(_) => out.block(b"null", 4),
            Cells::Timestamp(cells) => {
                out.byte(b'"');
                iso.write(cells[row], out);
                out.byte(b'"');
            }
            Cells::Str(cells) => out.json_string(cells.column().views()[row], cells.get(row)),
            Cells::Other(column, ty) => out.text(&other(column, ty, row)),
        }
    }
}

#[inline(never)]
fn other(column: &Column, ty: &DataType, row: usize) -> Vec<u8> {
    if let ColumnData::Bytes(cells) = &column.data {
        let mut text = vec![b'"'];
        base64::encode(cells.get(row), &mut text);
        text.push(b'"');
        return text;
    }
    let mut text = String::new();
    json::write(&mut text, &column.value(row, ty), ty);
    text.into_bytes()
}

impl Encoder for JsonEncoder {
    fn rows(&mut self, batch: &Batch, out: &mut Out) -> Result<(), SinkError> {
        let fields: Vec<Field<'_>> = self
            .keys
            .iter()
            .zip(&batch.columns)
            .zip(&self.schema.fields)
            .map(|((key, column), field)| Field::new(key, column, &field.ty))
            .collect();
        if fields.is_empty() {
            (0..batch.len).for_each(|_| out.text(b"{}\n"));
            return Ok(());
        }
        // A local of its own: see `out`.
        let mut to = std::mem::take(out);
        for row in 0..batch.len {
            for field in &fields {
                field.write(row, &mut self.iso, &mut to);
            }
            to.block(b"}\n", 2);
        }
        *out = to;
        Ok(())
    }

    fn extension(&self) -> &'static str {
        "ndjson"
    }
}
