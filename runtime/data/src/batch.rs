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
    /// Where the rows stood outside; lost when rows are made, or dropped by a chain.
    pub origin: Option<Origin>,
}

/// Where the rows of a batch stood, for error messages.
#[derive(Clone, Debug)]
pub struct Origin {
    text: Arc<Text>,
    /// Which rows of the text these are; without it, all of them in order.
    rows: Option<Arc<[u32]>>,
}

/// What a batch was decoded from.
#[derive(Debug)]
pub struct Text {
    /// File path, or `<stdin>`.
    pub name: Arc<str>,
    /// The decoded bytes.
    pub buffer: Buffer,
    /// Position of the buffer's first byte in the (decompressed) input.
    pub base: u64,
    /// Start of each row's raw text in the buffer.
    pub starts: Vec<u32>,
    /// The line of each row, from 1; empty where nobody counted.
    pub lines: Vec<u32>,
}

impl Origin {
    /// Of all rows of a text.
    pub fn new(text: Text) -> Origin {
        Origin { text: Arc::new(text), rows: None }
    }

    /// File path, or `<stdin>`.
    pub fn name(&self) -> &str {
        &self.text.name
    }

    /// Position of a row in the (decompressed) input, in bytes.
    pub fn offset(&self, row: usize) -> u64 {
        self.text.base + u64::from(self.text.starts[self.of(row)])
    }

    /// The line of a row, where that is known.
    pub fn line(&self, row: usize) -> Option<u32> {
        self.text.lines.get(self.of(row)).copied()
    }

    /// The raw text of a row: from its start to the end of the line.
    pub fn raw(&self, row: usize) -> &[u8] {
        let (text, row) = (&self.text, self.of(row));
        let rest = &text.buffer[text.starts[row] as usize..];
        let end = match text.starts.get(row + 1) {
            Some(&next) => (next - text.starts[row]) as usize,
            None => rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
        };
        rest[..end].trim_ascii_end()
    }

    fn of(&self, row: usize) -> usize {
        self.rows.as_ref().map_or(row, |rows| rows[row] as usize)
    }

    /// Of these rows only.
    fn gather(&self, rows: &[u32]) -> Origin {
        let rows = match &self.rows {
            None => rows.into(),
            Some(before) => rows.iter().map(|&row| before[row as usize]).collect(),
        };
        Origin { text: self.text.clone(), rows: Some(rows) }
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
        let columns = self.columns.iter().map(|c| Arc::new(c.gather(rows))).collect();
        Batch {
            origin: self.origin.as_ref().map(|origin| origin.gather(rows)),
            ..Batch::new(rows.len(), columns)
        }
    }
}
