//! For tests: decoding bytes that stand in memory, and collecting what a reader gives.

use crate::block::{Block, Columns, Decoder, close};
use flow_data::Batch;
use flow_engine::source::{BadRecord, Emit, Stop};
use flow_plan::{RecordType, Value};
use std::sync::Arc;

/// What a reader gave.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) batches: Vec<Batch>,
    pub(crate) bad: Vec<BadRecord>,
    pub(crate) consumed: u64,
}

impl Emit for Collected {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop> {
        self.batches.push(batch);
        Ok(())
    }

    fn bad_record(&mut self, record: BadRecord) -> Result<(), Stop> {
        self.bad.push(record);
        Ok(())
    }

    fn consumed(&mut self, bytes: u64) {
        self.consumed += bytes;
    }
}

impl Collected {
    /// All rows.
    pub(crate) fn rows(&self, schema: &RecordType) -> Vec<Vec<Value>> {
        self.batches.iter().flat_map(|batch| (0..batch.len).map(|row| batch.row(row, schema))).collect()
    }

    /// All rows as the evaluator's text of JSON.
    pub(crate) fn json(&self, schema: &RecordType) -> Vec<String> {
        self.rows(schema).iter().map(|row| json(row, schema)).collect()
    }
}

/// A row as JSON.
pub(crate) fn json(row: &[Value], schema: &RecordType) -> String {
    let mut text = String::new();
    let record = flow_plan::DataType::Record(Arc::new(schema.clone()));
    flow_plan::functions::json::write(&mut text, &Value::Record(row.into()), &record);
    text
}

/// A block of these bytes.
pub(crate) fn block(bytes: &[u8], columns: Option<Columns>) -> Block {
    let mut buffer = bytes.to_vec();
    let end = close(&mut buffer, bytes.len());
    let buffer = Arc::new(buffer);
    Block { name: "test".into(), buffer, start: 0, end, base: 0, columns: columns.map(Arc::new) }
}

/// Decodes bytes as one block.
pub(crate) fn decode(decoder: &mut dyn Decoder, bytes: &[u8]) -> Collected {
    let mut collected = Collected::default();
    let _ = decoder.decode(&block(bytes, None), &mut collected);
    collected
}
