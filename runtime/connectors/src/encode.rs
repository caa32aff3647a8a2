//! Rows as bytes: what an encoder is, and the format `text`.

use crate::out::Out;
use flow_data::{Batch, ColumnData};
use flow_engine::sink::SinkError;
use flow_plan::{DataType, RecordType};

/// Writes rows in a format. One per writer: it may keep what it learns.
pub(crate) trait Encoder: Send {
    /// What stands once at the beginning of each file.
    fn header(&mut self, _out: &mut Out) {}
    /// Writes all rows.
    fn rows(&mut self, batch: &Batch, out: &mut Out) -> Result<(), SinkError>;
    /// The extension of files, without a dot.
    fn extension(&self) -> &'static str;
}

/// The one string of a row as a line.
pub(crate) struct TextEncoder;

impl TextEncoder {
    /// For rows of one string.
    pub(crate) fn new(schema: &RecordType) -> Result<TextEncoder, SinkError> {
        match &schema.fields[..] {
            [field] if *field.ty.unwrapped() == DataType::String => Ok(TextEncoder),
            _ => Err(SinkError::Open(format!(
                "the format text writes rows of one string, not {schema}: map to one string field, or use json or csv"
            ))),
        }
    }
}

impl Encoder for TextEncoder {
    fn rows(&mut self, batch: &Batch, out: &mut Out) -> Result<(), SinkError> {
        let Some(ColumnData::Str(lines)) = batch.columns.first().map(|c| &c.data) else {
            return Err(SinkError::Write("the rows are not of one string".into()));
        };
        for row in 0..batch.len {
            out.text(lines.get(row).as_bytes());
            out.byte(b'\n');
        }
        Ok(())
    }

    fn extension(&self) -> &'static str {
        "txt"
    }
}
