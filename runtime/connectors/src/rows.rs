//! The columns of a batch while a decoder fills them: cells by row number, so that a row that turns
//! out to be bad is simply written over. Knows types; never a format.

use flow_data::{BATCH_ROWS, Batch, Buffer, Column, ColumnData, Origin, StrSlots, Text, ViewBuilder};
use flow_plan::{DataType, RecordType, Value};
use rust_decimal::Decimal;
use std::sync::Arc;

/// One field that is read.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name outside.
    pub(crate) name: Arc<str>,
    /// Its type.
    pub(crate) ty: DataType,
    /// Its type, as far as decoders tell types apart.
    pub(crate) kind: Kind,
    /// May it be null or missing?
    pub(crate) optional: bool,
}

/// What a decoder tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Float,
    Decimal,
    String,
    Bytes,
    Timestamp,
    Duration,
    /// Lists, maps, records, json: values of the evaluator.
    Any,
}

impl Kind {
    /// Of a type.
    pub(crate) fn of(ty: &DataType) -> Kind {
        match ty.unwrapped() {
            DataType::Bool => Kind::Bool,
            DataType::Int => Kind::Int,
            DataType::Float => Kind::Float,
            DataType::Decimal => Kind::Decimal,
            DataType::String => Kind::String,
            DataType::Bytes => Kind::Bytes,
            DataType::Timestamp => Kind::Timestamp,
            DataType::Duration => Kind::Duration,
            _ => Kind::Any,
        }
    }
}

/// The fields `read` of a schema, in this order.
pub(crate) fn fields(schema: &RecordType, read: &[usize]) -> Vec<Field> {
    let field = |&i: &usize| {
        let field = &schema.fields[i];
        Field {
            name: field.name.clone(),
            ty: field.ty.clone(),
            kind: Kind::of(&field.ty),
            optional: field.ty.is_optional(),
        }
    };
    read.iter().map(field).collect()
}

/// The cells of one column.
pub(crate) enum Cells {
    Bool(Vec<u8>),
    I64(Vec<i64>),
    F64(Vec<f64>),
    Decimal(Vec<Decimal>),
    Str(StrSlots),
    Bytes(Vec<Vec<u8>>),
    Any(Vec<Value>),
}

impl Cells {
    fn new(kind: Kind, buffer: &Buffer, rows: usize) -> Cells {
        match kind {
            Kind::Bool => Cells::Bool(vec![0; rows]),
            Kind::Int | Kind::Timestamp | Kind::Duration => Cells::I64(vec![0; rows]),
            Kind::Float => Cells::F64(vec![0.0; rows]),
            Kind::Decimal => Cells::Decimal(vec![Decimal::ZERO; rows]),
            Kind::String => Cells::Str(StrSlots::new(buffer.clone(), rows)),
            Kind::Bytes => Cells::Bytes(vec![Vec::new(); rows]),
            Kind::Any => Cells::Any(vec![Value::Null; rows]),
        }
    }

    /// The placeholder of a null.
    fn clear(&mut self, row: usize) {
        match self {
            Cells::Bool(v) => v[row] = 0,
            Cells::I64(v) => v[row] = 0,
            Cells::F64(v) => v[row] = 0.0,
            Cells::Decimal(v) => v[row] = Decimal::ZERO,
            Cells::Str(v) => v.clear(row),
            Cells::Bytes(v) => v[row].clear(),
            Cells::Any(v) => v[row] = Value::Null,
        }
    }

    fn finish(self, rows: usize) -> ColumnData {
        fn cut<T>(mut cells: Vec<T>, rows: usize) -> Vec<T> {
            cells.truncate(rows);
            cells
        }
        match self {
            Cells::Bool(v) => ColumnData::Bool(cut(v, rows)),
            Cells::I64(v) => ColumnData::I64(cut(v, rows)),
            Cells::F64(v) => ColumnData::F64(cut(v, rows)),
            Cells::Decimal(v) => ColumnData::Decimal(cut(v, rows)),
            Cells::Str(v) => ColumnData::Str(v.finish(rows)),
            Cells::Bytes(v) => {
                let mut views = ViewBuilder::default();
                v[..rows].iter().for_each(|bytes| views.push(bytes));
                ColumnData::Bytes(views.finish())
            }
            Cells::Any(v) => ColumnData::Any(cut(v, rows)),
        }
    }
}

/// One column under construction.
pub(crate) struct Slot {
    /// The values.
    pub(crate) cells: Cells,
    /// 1 where not null; empty if the field is not optional.
    validity: Vec<u8>,
    nulls: bool,
}

impl Slot {
    /// Marks the row as not null.
    #[inline(always)]
    pub(crate) fn valid(&mut self, row: usize) {
        if let Some(cell) = self.validity.get_mut(row) {
            *cell = 1;
        }
    }

    /// Makes the row null.
    #[inline]
    pub(crate) fn null(&mut self, row: usize) {
        self.cells.clear(row);
        self.validity[row] = 0;
        self.nulls = true;
    }
}

/// A batch under construction.
pub(crate) struct Rows {
    /// Its columns.
    pub(crate) slots: Vec<Slot>,
    /// Where each row starts in the buffer.
    starts: Vec<u32>,
    /// The row that is being written; the ones before it are finished.
    pub(crate) row: usize,
    capacity: usize,
    buffer: Buffer,
}

impl Rows {
    /// Room for `expected` rows or some more, at most a batch.
    pub(crate) fn new(fields: &[Field], buffer: &Buffer, expected: usize) -> Rows {
        let capacity = (expected + expected / 8 + 8).min(BATCH_ROWS);
        let slot = |field: &Field| Slot {
            cells: Cells::new(field.kind, buffer, capacity),
            validity: if field.optional { vec![1; capacity] } else { Vec::new() },
            nulls: false,
        };
        Rows {
            slots: fields.iter().map(slot).collect(),
            starts: Vec::with_capacity(capacity),
            row: 0,
            capacity,
            buffer: buffer.clone(),
        }
    }

    /// The row that started at `start` is finished. Is the batch full?
    #[inline(always)]
    pub(crate) fn finish_row(&mut self, start: usize) -> bool {
        self.starts.push(start as u32);
        self.row += 1;
        self.row == self.capacity
    }

    /// The batch.
    pub(crate) fn finish(self, name: &Arc<str>, base: u64) -> Batch {
        let rows = self.row;
        let column = |slot: Slot| {
            let mut validity = slot.validity;
            validity.truncate(rows);
            let validity = slot.nulls.then_some(validity);
            Arc::new(Column { data: slot.cells.finish(rows), validity })
        };
        let mut batch = Batch::new(rows, self.slots.into_iter().map(column).collect());
        let text =
            Text { name: name.clone(), buffer: self.buffer, base, starts: self.starts, lines: Vec::new() };
        batch.origin = Some(Origin::new(text));
        batch
    }
}
