//! Formats by what the plan says: decoders and encoders made for a schema.

use crate::block::{Columns, Decoder};
use crate::csv::decode::CsvDecoder;
use crate::encode::Encoder;
use crate::json::decode::JsonDecoder;
use crate::rows::{Field, Kind, fields};
use crate::text::TextDecoder;
use crate::{csv, json};
use flow_engine::sink::SinkError;
use flow_engine::source::SourceError;
use flow_plan::RecordType;
use flow_plan::connector::{ConnectorCall, Format};
use std::sync::Arc;

/// What is read, and how it is written outside.
#[derive(Clone)]
pub(crate) struct Reading {
    format: Format,
    /// All fields outside.
    pub(crate) schema: Arc<RecordType>,
    /// Those that are read.
    pub(crate) read: Arc<[usize]>,
}

impl Reading {
    /// Of a source's call.
    pub(crate) fn new(call: &ConnectorCall, read: &[usize]) -> Result<Reading, SourceError> {
        let format =
            call.format.clone().ok_or_else(|| SourceError::Open(format!("{} needs a format", call.name)))?;
        let reading = Reading { format, schema: call.schema.clone(), read: read.into() };
        let strings = |f: &Field| f.kind == Kind::String && !f.optional;
        match reading.format {
            Format::Text if call.schema.fields.len() != 1 || !reading.fields().iter().all(strings) => {
                Err(SourceError::Open(format!(
                    "the format text gives {{ line: string }}, not {}: declare one string field",
                    call.schema
                )))
            }
            Format::Text | Format::Json { .. } | Format::Csv { .. } => Ok(reading),
            Format::Parquet | Format::Avro => {
                Err(SourceError::Open(format!("the format {} cannot be read yet", reading.format.name())))
            }
        }
    }

    fn fields(&self) -> Vec<Field> {
        fields(&self.schema, &self.read)
    }

    /// Does every line end end a record, so that a file can be split anywhere?
    pub(crate) fn splits(&self) -> bool {
        !matches!(self.format, Format::Csv { .. })
    }

    /// Does each file begin with a line of names?
    pub(crate) fn has_header(&self) -> bool {
        matches!(self.format, Format::Csv { header: true, .. })
    }

    /// What separates the values of CSV.
    pub(crate) fn delimiter(&self) -> Option<u8> {
        match self.format {
            Format::Csv { delimiter, .. } => Some(delimiter),
            _ => None,
        }
    }

    /// The columns of a CSV file without header: the fields of the schema.
    pub(crate) fn columns_in_order(&self) -> Option<Arc<Columns>> {
        match self.format {
            Format::Csv { header: false, .. } => {
                let slot = |i| self.read.iter().position(|&read| read == i);
                let slots = (0..self.schema.fields.len()).map(slot).collect();
                Some(Arc::new(Columns { slots, absent: Vec::new() }))
            }
            _ => None,
        }
    }

    /// A decoder for one worker.
    pub(crate) fn decoder(&self) -> Box<dyn Decoder> {
        match self.format {
            Format::Json { time_unit } => Box::new(JsonDecoder::new(self.fields(), time_unit)),
            Format::Csv { delimiter, .. } => Box::new(CsvDecoder::new(self.fields(), delimiter)),
            // `new` refused all others.
            _ => Box::new(TextDecoder::new(self.fields())),
        }
    }
}

/// An encoder of rows of this type.
pub(crate) fn encoder(call: &ConnectorCall, schema: &Arc<RecordType>) -> Result<Box<dyn Encoder>, SinkError> {
    match call.format.clone().unwrap_or(Format::Json { time_unit: flow_plan::connector::TimeUnit::Millis }) {
        Format::Json { .. } => Ok(Box::new(json::encode::JsonEncoder::new(schema.clone()))),
        Format::Csv { header, delimiter } => {
            Ok(Box::new(csv::encode::CsvEncoder::new(schema.clone(), header, delimiter)))
        }
        Format::Text => crate::encode::TextEncoder::new(schema).map(|encoder| Box::new(encoder) as _),
        other => Err(SinkError::Open(format!("the format {} cannot be written yet", other.name()))),
    }
}
