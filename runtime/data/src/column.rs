//! One column of a batch.

use crate::view::{StrBuilder, StrColumn, ViewBuilder, ViewColumn};
use flow_plan::order::compare_floats;
use flow_plan::{DataType, Value};
use rust_decimal::Decimal;

/// The values of a column. Rows that are null hold a placeholder (zero, empty).
#[derive(Clone, Debug)]
pub enum ColumnData {
    /// `bool`: 0 or 1.
    Bool(Vec<u8>),
    /// `int`, `timestamp`, `duration`.
    I64(Vec<i64>),
    /// `float`.
    F64(Vec<f64>),
    /// `decimal`.
    Decimal(Vec<Decimal>),
    /// `string`.
    Str(StrColumn),
    /// `bytes`.
    Bytes(ViewColumn),
    /// `list`, `map`, record, `json`: values as the evaluator holds them.
    Any(Vec<Value>),
}

/// A column with its nulls.
#[derive(Clone, Debug)]
pub struct Column {
    /// The values.
    pub data: ColumnData,
    /// 1 where the row is not null, one byte a row; `None`: no row is null. (A byte, not a bit:
    /// kernels load it without shifting, and a batch of 4,096 rows costs 4 KiB.)
    pub validity: Option<Vec<u8>>,
}

impl Column {
    /// A column without nulls.
    pub fn new(data: ColumnData) -> Column {
        Column { data, validity: None }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match &self.data {
            ColumnData::Bool(v) => v.len(),
            ColumnData::I64(v) => v.len(),
            ColumnData::F64(v) => v.len(),
            ColumnData::Decimal(v) => v.len(),
            ColumnData::Str(v) => v.len(),
            ColumnData::Bytes(v) => v.len(),
            ColumnData::Any(v) => v.len(),
        }
    }

    /// Has it no rows?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Is the row not null?
    #[inline]
    pub fn is_valid(&self, row: usize) -> bool {
        self.validity.as_ref().is_none_or(|v| v[row] != 0)
    }

    /// Have two rows equal values?
    pub fn same(&self, a: usize, b: usize) -> bool {
        self.same_as(a, self, b)
    }

    /// Has a row the same value as a row of another column of the same type?
    pub fn same_as(&self, row: usize, other: &Column, other_row: usize) -> bool {
        match (self.is_valid(row), other.is_valid(other_row)) {
            (true, true) => {}
            (a, b) => return a == b,
        }
        match (&self.data, &other.data) {
            (ColumnData::Bool(a), ColumnData::Bool(b)) => a[row] == b[other_row],
            (ColumnData::I64(a), ColumnData::I64(b)) => a[row] == b[other_row],
            (ColumnData::F64(a), ColumnData::F64(b)) => compare_floats(a[row], b[other_row]).is_eq(),
            (ColumnData::Decimal(a), ColumnData::Decimal(b)) => a[row] == b[other_row],
            (ColumnData::Str(a), ColumnData::Str(b)) => a.get(row) == b.get(other_row),
            (ColumnData::Bytes(a), ColumnData::Bytes(b)) => a.get(row) == b.get(other_row),
            (ColumnData::Any(a), ColumnData::Any(b)) => a[row] == b[other_row],
            _ => false,
        }
    }

    /// The value of a row, as the evaluator holds it. `ty` is the column's type.
    pub fn value(&self, row: usize, ty: &DataType) -> Value {
        if !self.is_valid(row) {
            return Value::Null;
        }
        match (&self.data, ty.unwrapped()) {
            (ColumnData::Bool(v), _) => Value::Bool(v[row] != 0),
            (ColumnData::I64(v), DataType::Timestamp) => Value::Timestamp(v[row]),
            (ColumnData::I64(v), DataType::Duration) => Value::Duration(v[row]),
            (ColumnData::I64(v), _) => Value::Int(v[row]),
            (ColumnData::F64(v), _) => Value::Float(v[row]),
            (ColumnData::Decimal(v), _) => Value::Decimal(v[row]),
            (ColumnData::Str(v), _) => Value::string(v.get(row)),
            (ColumnData::Bytes(v), _) => Value::Bytes(v.get(row).into()),
            (ColumnData::Any(v), _) => v[row].clone(),
        }
    }

    /// The rows at these positions, in this order.
    pub fn gather(&self, rows: &[u32]) -> Column {
        fn pick<T: Clone>(values: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|&row| values[row as usize].clone()).collect()
        }
        let data = match &self.data {
            ColumnData::Bool(v) => ColumnData::Bool(pick(v, rows)),
            ColumnData::I64(v) => ColumnData::I64(pick(v, rows)),
            ColumnData::F64(v) => ColumnData::F64(pick(v, rows)),
            ColumnData::Decimal(v) => ColumnData::Decimal(pick(v, rows)),
            ColumnData::Str(v) => ColumnData::Str(v.gather(rows)),
            ColumnData::Bytes(v) => ColumnData::Bytes(v.gather(rows)),
            ColumnData::Any(v) => ColumnData::Any(pick(v, rows)),
        };
        Column { data, validity: self.validity.as_ref().map(|v| pick(v, rows)) }
    }
}

/// Stands for no row in [`Column::gather_or_null`].
pub const NO_ROW: u32 = u32::MAX;

impl Column {
    /// The rows at these positions, in this order; null where it is [`NO_ROW`].
    pub fn gather_or_null(&self, rows: &[u32]) -> Column {
        fn pick<T: Clone>(values: &[T], rows: &[u32], none: &T) -> Vec<T> {
            // `NO_ROW` is behind every column.
            rows.iter().map(|&row| values.get(row as usize).unwrap_or(none).clone()).collect()
        }
        let data = match &self.data {
            ColumnData::Bool(v) => ColumnData::Bool(pick(v, rows, &0)),
            ColumnData::I64(v) => ColumnData::I64(pick(v, rows, &0)),
            ColumnData::F64(v) => ColumnData::F64(pick(v, rows, &0.0)),
            ColumnData::Decimal(v) => ColumnData::Decimal(pick(v, rows, &Decimal::ZERO)),
            ColumnData::Str(v) => ColumnData::Str(v.gather_or_empty(rows)),
            ColumnData::Bytes(v) => ColumnData::Bytes(v.gather_or_empty(rows)),
            ColumnData::Any(v) => ColumnData::Any(pick(v, rows, &Value::Null)),
        };
        let nulls = self.validity.is_some() || rows.contains(&NO_ROW);
        let valid = |&row: &u32| u8::from(row != NO_ROW && self.is_valid(row as usize));
        Column { data, validity: nulls.then(|| rows.iter().map(valid).collect()) }
    }

    /// As [`Column::gather`], but with the bytes of long strings copied: what the rows came in is not
    /// kept by them.
    pub fn copy_of(&self, rows: &[u32]) -> Column {
        let data = match &self.data {
            ColumnData::Str(v) => ColumnData::Str(v.copy_of(rows)),
            ColumnData::Bytes(v) => ColumnData::Bytes(v.copy_of(rows)),
            _ => return self.gather(rows),
        };
        let valid = |v: &Vec<u8>| rows.iter().map(|&row| v[row as usize]).collect();
        Column { data, validity: self.validity.as_ref().map(valid) }
    }
}

/// Builds a column from values of the evaluator.
pub struct ColumnBuilder {
    data: Building,
    validity: Vec<u8>,
    nulls: bool,
}

enum Building {
    Bool(Vec<u8>),
    I64(Vec<i64>),
    F64(Vec<f64>),
    Decimal(Vec<Decimal>),
    Str(StrBuilder),
    Bytes(ViewBuilder),
    Any(Vec<Value>),
}

impl ColumnBuilder {
    /// A builder for a column of this type.
    pub fn new(ty: &DataType) -> ColumnBuilder {
        let data = match ty.unwrapped() {
            DataType::Bool => Building::Bool(Vec::new()),
            DataType::Int | DataType::Timestamp | DataType::Duration => Building::I64(Vec::new()),
            DataType::Float => Building::F64(Vec::new()),
            DataType::Decimal => Building::Decimal(Vec::new()),
            DataType::String => Building::Str(StrBuilder::default()),
            DataType::Bytes => Building::Bytes(ViewBuilder::default()),
            _ => Building::Any(Vec::new()),
        };
        ColumnBuilder { data, validity: Vec::new(), nulls: false }
    }

    /// Appends a value of the column's type, or null.
    ///
    /// # Panics
    /// If the value is of another type: the checker proved that it cannot be.
    pub fn push(&mut self, value: &Value) {
        self.nulls |= value.is_null();
        self.validity.push(!value.is_null() as u8);
        match (&mut self.data, value) {
            (Building::Bool(v), Value::Bool(x)) => v.push(*x as u8),
            (Building::Bool(v), Value::Null) => v.push(0),
            (Building::I64(v), Value::Int(x) | Value::Timestamp(x) | Value::Duration(x)) => v.push(*x),
            (Building::I64(v), Value::Null) => v.push(0),
            (Building::F64(v), Value::Float(x)) => v.push(*x),
            (Building::F64(v), Value::Null) => v.push(0.0),
            (Building::Decimal(v), Value::Decimal(x)) => v.push(*x),
            (Building::Decimal(v), Value::Null) => v.push(Decimal::ZERO),
            (Building::Str(v), Value::String(x)) => v.push(x),
            (Building::Str(v), Value::Null) => v.push(""),
            (Building::Bytes(v), Value::Bytes(x)) => v.push(x),
            (Building::Bytes(v), Value::Null) => v.push(b""),
            (Building::Any(v), x) => v.push(x.clone()),
            (_, x) => unreachable!("a {x:?} in a column of another type"),
        }
    }

    /// The column.
    pub fn finish(self) -> Column {
        let data = match self.data {
            Building::Bool(v) => ColumnData::Bool(v),
            Building::I64(v) => ColumnData::I64(v),
            Building::F64(v) => ColumnData::F64(v),
            Building::Decimal(v) => ColumnData::Decimal(v),
            Building::Str(v) => ColumnData::Str(v.finish()),
            Building::Bytes(v) => ColumnData::Bytes(v.finish()),
            Building::Any(v) => ColumnData::Any(v),
        };
        Column { data, validity: self.nulls.then_some(self.validity) }
    }
}
