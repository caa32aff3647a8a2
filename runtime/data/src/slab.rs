//! Rows that come and go, as columns: a row has a number for as long as it is kept, numbers are given out
//! in blocks, and a block whose rows are all gone is freed and used again.

use crate::column::{Column, ColumnData, NO_ROW};
use crate::view::ViewSlab;
use flow_plan::order::compare_floats;
use flow_plan::{DataType, Value};
use rust_decimal::Decimal;
use std::ops::Range;

/// Rows of a block.
pub const SLAB_BLOCK: usize = 4096;

/// Rows of a column, ascending.
#[derive(Clone)]
pub enum Picked<'a> {
    /// All of these, which are copied at once.
    Run(Range<usize>),
    /// These.
    Rows(&'a [u32]),
}

impl Picked<'_> {
    /// These rows.
    pub fn of(rows: &[u32]) -> Picked<'_> {
        let first = rows.first().copied().unwrap_or_default();
        match (first..).zip(rows).all(|(expected, &row)| expected == row) {
            true => Picked::Run(first as usize..first as usize + rows.len()),
            false => Picked::Rows(rows),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Picked::Run(run) => run.len(),
            Picked::Rows(rows) => rows.len(),
        }
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One column of such rows. Strings are copied in: what they came in is not kept by them.
pub struct ColumnSlab {
    data: Data,
    /// 1 where the row is not null; empty while none was.
    valid: Vec<u8>,
}

enum Data {
    Bool(Vec<u8>),
    I64(Vec<i64>),
    F64(Vec<f64>),
    Decimal(Vec<Decimal>),
    Str(ViewSlab),
    Bytes(ViewSlab),
    Any(Vec<Value>),
}

fn put<T: Clone>(values: &mut Vec<T>, none: T, start: usize, from: &[T], rows: &Picked<'_>) {
    let end = start + rows.len();
    if values.len() < end {
        values.resize(end, none);
    }
    let to = &mut values[start..end];
    match rows {
        Picked::Run(run) => to.clone_from_slice(&from[run.clone()]),
        Picked::Rows(rows) => {
            to.iter_mut().zip(*rows).for_each(|(to, &row)| to.clone_from(&from[row as usize]))
        }
    }
}

fn pick<T: Clone + Default>(values: &[T], rows: &[u32]) -> Vec<T> {
    // `NO_ROW` is behind every column.
    rows.iter().map(|&row| values.get(row as usize).cloned().unwrap_or_default()).collect()
}

impl ColumnSlab {
    /// Without rows.
    pub fn new(ty: &DataType) -> ColumnSlab {
        let data = match ty.unwrapped() {
            DataType::Bool => Data::Bool(Vec::new()),
            DataType::Int | DataType::Timestamp | DataType::Duration => Data::I64(Vec::new()),
            DataType::Float => Data::F64(Vec::new()),
            DataType::Decimal => Data::Decimal(Vec::new()),
            DataType::String => Data::Str(ViewSlab::default()),
            DataType::Bytes => Data::Bytes(ViewSlab::default()),
            _ => Data::Any(Vec::new()),
        };
        ColumnSlab { data, valid: Vec::new() }
    }

    /// Copies rows of a column to the numbers from `start` on, which lie in one block.
    ///
    /// # Panics
    /// If the column is of another type.
    pub fn put(&mut self, start: usize, column: &Column, rows: &Picked<'_>) {
        match (&mut self.data, &column.data) {
            (Data::Bool(a), ColumnData::Bool(b)) => put(a, 0, start, b, rows),
            (Data::I64(a), ColumnData::I64(b)) => put(a, 0, start, b, rows),
            (Data::F64(a), ColumnData::F64(b)) => put(a, 0.0, start, b, rows),
            (Data::Decimal(a), ColumnData::Decimal(b)) => put(a, Decimal::ZERO, start, b, rows),
            (Data::Str(a), ColumnData::Str(b)) => a.put(start, b.column(), rows),
            (Data::Bytes(a), ColumnData::Bytes(b)) => a.put(start, b, rows),
            (Data::Any(a), ColumnData::Any(b)) => put(a, Value::Null, start, b, rows),
            (_, other) => unreachable!("rows of another type are put: {other:?}"),
        }
        let end = start + rows.len();
        match &column.validity {
            None if self.valid.is_empty() => {}
            validity => {
                let known = self.valid.len().max(end);
                self.valid.resize(known, 1);
                match validity {
                    Some(valid) => put(&mut self.valid, 1, start, valid, rows),
                    None => self.valid[start..end].fill(1),
                }
            }
        }
    }

    /// No row of the block is kept any more.
    pub fn free(&mut self, block: usize) {
        let rows = block * SLAB_BLOCK..(block + 1) * SLAB_BLOCK;
        match &mut self.data {
            Data::Str(views) | Data::Bytes(views) => views.free(block),
            Data::Any(values) => {
                values.iter_mut().take(rows.end).skip(rows.start).for_each(|v| *v = Value::Null)
            }
            _ => {}
        }
    }

    /// The rows of these numbers, in this order; null where it is [`NO_ROW`].
    pub fn gather(&self, rows: &[u32]) -> Column {
        let data = match &self.data {
            Data::Bool(v) => ColumnData::Bool(pick(v, rows)),
            Data::I64(v) => ColumnData::I64(pick(v, rows)),
            Data::F64(v) => ColumnData::F64(pick(v, rows)),
            Data::Decimal(v) => ColumnData::Decimal(pick(v, rows)),
            Data::Str(v) => ColumnData::Str(v.gather_text(rows)),
            Data::Bytes(v) => ColumnData::Bytes(v.gather(rows)),
            Data::Any(v) => ColumnData::Any(
                rows.iter().map(|&row| v.get(row as usize).cloned().unwrap_or(Value::Null)).collect(),
            ),
        };
        let nulls = !self.valid.is_empty() || rows.contains(&NO_ROW);
        let valid = |&row: &u32| u8::from(row != NO_ROW && self.is_valid(row as usize));
        Column { data, validity: nulls.then(|| rows.iter().map(valid).collect()) }
    }

    /// What it takes, about: values of lists and records are counted as they lie in the column.
    pub fn bytes(&self) -> usize {
        let values = match &self.data {
            Data::Bool(v) => v.capacity(),
            Data::I64(v) => v.capacity() * size_of::<i64>(),
            Data::F64(v) => v.capacity() * size_of::<f64>(),
            Data::Decimal(v) => v.capacity() * size_of::<Decimal>(),
            Data::Str(v) | Data::Bytes(v) => v.bytes(),
            Data::Any(v) => v.capacity() * size_of::<Value>(),
        };
        values + self.valid.capacity()
    }

    fn is_valid(&self, row: usize) -> bool {
        self.valid.get(row).is_none_or(|valid| *valid != 0)
    }

    /// Is a kept row's value that of a row of a column?
    pub fn equals(&self, kept: usize, column: &Column, row: usize) -> bool {
        match (self.is_valid(kept), column.is_valid(row)) {
            (true, true) => {}
            (a, b) => return a == b,
        }
        match (&self.data, &column.data) {
            (Data::Bool(a), ColumnData::Bool(b)) => a[kept] == b[row],
            (Data::I64(a), ColumnData::I64(b)) => a[kept] == b[row],
            (Data::F64(a), ColumnData::F64(b)) => compare_floats(a[kept], b[row]).is_eq(),
            (Data::Decimal(a), ColumnData::Decimal(b)) => a[kept] == b[row],
            (Data::Str(a), ColumnData::Str(b)) => a.get(kept) == b.column().get(row),
            (Data::Bytes(a), ColumnData::Bytes(b)) => a.get(kept) == b.get(row),
            (Data::Any(a), ColumnData::Any(b)) => a[kept] == b[row],
            (_, other) => unreachable!("rows of another type are compared: {other:?}"),
        }
    }
}

impl ColumnSlab {
    /// The values of a column of ints or times, by number.
    ///
    /// # Panics
    /// If it is no such column.
    pub fn ints(&self) -> &[i64] {
        match &self.data {
            Data::I64(values) => values,
            _ => unreachable!("a column of ints"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Batch;
    use flow_plan::{Field, RecordType};

    const LONG: &str = "a text that is too long to be inline";

    fn texts(values: &[Option<&str>]) -> Column {
        let schema = RecordType::new(vec![Field::new("s", DataType::String.optional())]);
        let row = |value: &Option<&str>| vec![value.map_or(Value::Null, Value::string)];
        let batch = Batch::from_rows(&values.iter().map(row).collect::<Vec<_>>(), &schema);
        Column::clone(&batch.columns[0])
    }

    #[test]
    fn rows_are_given_as_they_were_put_and_blocks_are_used_again() {
        let mut slab = ColumnSlab::new(&DataType::String.optional());
        slab.put(0, &texts(&[Some("x"), Some(LONG)]), &Picked::Rows(&[1, 0]));
        slab.put(SLAB_BLOCK, &texts(&[None, Some("y")]), &Picked::of(&[0, 1]));
        let text = |column: &Column| {
            (0..column.len()).map(|row| column.value(row, &DataType::String)).collect::<Vec<_>>()
        };
        let block = SLAB_BLOCK as u32;
        let all = slab.gather(&[block + 1, NO_ROW, 0, block, 1]);
        let expected =
            [Value::string("y"), Value::Null, Value::string(LONG), Value::Null, Value::string("x")];
        assert_eq!(text(&all), expected);
        assert!(slab.equals(0, &texts(&[Some(LONG)]), 0) && !slab.equals(1, &texts(&[None]), 0));
        slab.free(0);
        slab.put(0, &texts(&[Some("another text that is too long")]), &Picked::of(&[0]));
        assert_eq!(text(&slab.gather(&[0])), [Value::string("another text that is too long")]);
        // What was given stays.
        assert_eq!(text(&all), expected);
    }

    #[test]
    fn strings_of_every_length_are_copied_whole() {
        let all: Vec<String> =
            (0..600).map(|n| (0..n).map(|at| (b'a' + (at % 23) as u8) as char).collect()).collect();
        let values: Vec<Option<&str>> = all.iter().map(|text| Some(&**text)).collect();
        let column = texts(&values);
        let odd: Vec<u32> = (1..600).step_by(2).collect();
        let mut slab = ColumnSlab::new(&DataType::String);
        slab.put(7, &column, &Picked::Run(0..600));
        slab.put(607, &column, &Picked::of(&odd));
        drop(column);
        let ColumnData::Str(run) = slab.gather(&(7..607).collect::<Vec<_>>()).data else { unreachable!() };
        let ColumnData::Str(rows) = slab.gather(&(607..907).collect::<Vec<_>>()).data else { unreachable!() };
        assert!((0..600).all(|row| run.get(row) == all[row]));
        assert!((0..300).all(|row| rows.get(row) == all[2 * row + 1]));
    }

    #[test]
    fn many_small_puts_into_a_block_keep_few_buffers() {
        let mut slab = ColumnSlab::new(&DataType::String);
        for row in 0..1000 {
            slab.put(row, &texts(&[Some(&format!("{LONG} {row}"))]), &Picked::of(&[0]));
        }
        let ColumnData::Str(all) = slab.gather(&(0..1000).collect::<Vec<_>>()).data else { unreachable!() };
        assert!(all.column().buffers().len() < 100);
        assert!((0..1000).all(|row| all.get(row) == format!("{LONG} {row}")));
    }
}
