//! Batches: some thousand rows as columns, the unit in which everything moves.

use crate::column::{Column, ColumnBuilder, ColumnData};
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
    /// Where the rows stood outside; lost when several rows are made of one, or one of several.
    pub origin: Option<Origin>,
}

/// Where the rows of a batch stood, for error messages.
#[derive(Clone, Debug)]
pub struct Origin {
    texts: Texts,
    /// Which rows of the text these are (of several texts: which of the places); without it, all of them in order.
    rows: Option<Arc<[u32]>>,
}

/// What the rows of a batch were decoded from.
#[derive(Clone, Debug)]
enum Texts {
    One(Arc<Text>),
    /// Rows of several batches: the texts, and of each row which of them and which row of that.
    Several(Arc<[Arc<Text>]>, Arc<[(u32, u32)]>),
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
        Origin { texts: Texts::One(Arc::new(text)), rows: None }
    }

    /// Of the rows of batches that stand one behind the other; each batch has so many.
    pub(crate) fn concat(batches: &[(Origin, usize)]) -> Origin {
        let (mut texts, mut places): (Vec<Arc<Text>>, Vec<(u32, u32)>) = (Vec::new(), Vec::new());
        for (origin, len) in batches {
            let first = texts.len() as u32;
            match &origin.texts {
                Texts::One(text) => texts.push(text.clone()),
                Texts::Several(more, _) => texts.extend(more.iter().cloned()),
            }
            places.extend((0..*len).map(|row| {
                let (text, row) = origin.place(row);
                (first + text as u32, row as u32)
            }));
        }
        Origin { texts: Texts::Several(texts.into(), places.into()), rows: None }
    }

    /// File path, or `<stdin>`.
    pub fn name(&self, row: usize) -> &str {
        &self.text(row).0.name
    }

    /// Position of a row in the (decompressed) input, in bytes.
    pub fn offset(&self, row: usize) -> u64 {
        let (text, row) = self.text(row);
        text.base + u64::from(text.starts[row])
    }

    /// The line of a row, where that is known.
    pub fn line(&self, row: usize) -> Option<u32> {
        let (text, row) = self.text(row);
        text.lines.get(row).copied()
    }

    /// The raw text of a row: from its start to the end of the line.
    pub fn raw(&self, row: usize) -> &[u8] {
        let (text, row) = self.text(row);
        let rest = &text.buffer[text.starts[row] as usize..];
        let end = match text.starts.get(row + 1) {
            Some(&next) => (next - text.starts[row]) as usize,
            None => rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
        };
        rest[..end].trim_ascii_end()
    }

    /// Which text a row is of, and which row of it that is.
    fn place(&self, row: usize) -> (usize, usize) {
        let row = self.rows.as_ref().map_or(row, |rows| rows[row] as usize);
        match &self.texts {
            Texts::One(_) => (0, row),
            Texts::Several(_, places) => (places[row].0 as usize, places[row].1 as usize),
        }
    }

    fn text(&self, row: usize) -> (&Text, usize) {
        let (text, row) = self.place(row);
        match &self.texts {
            Texts::One(text) => (text, row),
            Texts::Several(texts, _) => (&texts[text], row),
        }
    }

    /// Of these rows only.
    pub fn gather(&self, rows: &[u32]) -> Origin {
        let rows = match &self.rows {
            None => rows.into(),
            Some(before) => rows.iter().map(|&row| before[row as usize]).collect(),
        };
        Origin { texts: self.texts.clone(), rows: Some(rows) }
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

    /// The first value that is there in a column of ints or times.
    pub fn first_int(&self, column: usize) -> Option<i64> {
        let column = &self.columns[column];
        let ColumnData::I64(values) = &column.data else { return None };
        let there = |row: &usize| column.validity.as_ref().is_none_or(|validity| validity[*row] != 0);
        (0..self.len).find(there).map(|row| values[row])
    }

    /// These rows.
    pub fn range(&self, rows: std::ops::Range<usize>) -> Batch {
        self.gather(&rows.map(|row| row as u32).collect::<Vec<u32>>())
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
