//! Batches: some thousand rows as columns, the unit in which everything moves.

use crate::column::{Column, ColumnBuilder};
use crate::view::Buffer;
use flow_plan::{RecordType, Value};
use std::sync::Arc;

/// How many rows a batch holds at the most (about; a decoder's last line may push it over).
pub const BATCH_ROWS: usize = 4096;

/// Rows as columns. Columns are shared: passing one through costs a counter.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Number of rows (also when there are no columns).
    pub len: usize,
    /// The columns, in the order of the schema.
    pub columns: Vec<Arc<Column>>,
    /// Where the rows stood outside; lost when rows are dropped, made or moved.
    pub origin: Option<Arc<Origin>>,
}

/// Where the rows of a decoded batch stood, for error messages.
#[derive(Debug)]
pub struct Origin {
    /// File path, or `<stdin>`.
    pub name: Arc<str>,
    /// The decoded bytes.
    pub buffer: Buffer,
    /// Position of the buffer's first byte in the (decompressed) input.
    pub base: u64,
    /// Start of each row's raw text in the buffer.
    pub starts: Vec<u32>,
}

impl Origin {
    /// Position of a row in the (decompressed) input, in bytes.
    pub fn offset(&self, row: usize) -> u64 {
        self.base + u64::from(self.starts[row])
    }

    /// The raw text of a row: from its start to the end of the line.
    pub fn raw(&self, row: usize) -> &[u8] {
        let rest = &self.buffer[self.starts[row] as usize..];
        let end = match self.starts.get(row + 1) {
            Some(&next) => (next - self.starts[row]) as usize,
            None => rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
        };
        rest[..end].trim_ascii_end()
    }
}

impl Batch {
    /// A batch of these columns, which must be of equal length.
    pub fn new(len: usize, columns: Vec<Arc<Column>>) -> Batch {
        debug_assert!(columns.iter().all(|c| c.len() == len));
        Batch { len, columns, origin: None }
    }

    /// One row as the evaluator holds it.
    pub fn row(&self, row: usize, schema: &RecordType) -> Vec<Value> {
        self.columns.iter().zip(&schema.fields).map(|(c, f)| c.value(row, &f.ty)).collect()
    }

    /// A batch of rows of the evaluator.
    pub fn from_rows(rows: &[Vec<Value>], schema: &RecordType) -> Batch {
        let columns = schema
            .fields
            .iter()
            .enumerate()
            .map(|(i, field)| {
                let mut builder = ColumnBuilder::new(&field.ty);
                rows.iter().for_each(|row| builder.push(&row[i]));
                Arc::new(builder.finish())
            })
            .collect();
        Batch::new(rows.len(), columns)
    }

    /// The rows at these positions, in this order.
    pub fn gather(&self, rows: &[u32]) -> Batch {
        Batch::new(rows.len(), self.columns.iter().map(|c| Arc::new(c.gather(rows))).collect())
    }
}
