//! The keys of a table as dense columns: slot `n` holds the `n`th key that was seen.

use super::held::room;
use flow_data::{Column, ColumnData, StrBuilder, ViewBuilder};
use flow_plan::order::{compare_floats, identical};
use flow_plan::weight::heap;
use flow_plan::{DataType, Value};
use rust_decimal::Decimal;

/// One key column.
pub(crate) struct KeyColumn {
    pub(crate) values: KeyValues,
    /// 1 where the key is not null; empty while no key was null.
    valid: Vec<u8>,
}

/// Its values; strings are copied in when they are first seen.
pub(crate) enum KeyValues {
    Bool(Vec<u8>),
    I64(Vec<i64>),
    F64(Vec<f64>),
    Decimal(Vec<Decimal>),
    Str(StrBuilder),
    Bytes(ViewBuilder),
    Any(Vec<Value>),
}

impl KeyColumn {
    pub(crate) fn new(ty: &DataType) -> KeyColumn {
        let values = match ty.unwrapped() {
            DataType::Bool => KeyValues::Bool(Vec::new()),
            DataType::Int | DataType::Timestamp | DataType::Duration => KeyValues::I64(Vec::new()),
            DataType::Float => KeyValues::F64(Vec::new()),
            DataType::Decimal => KeyValues::Decimal(Vec::new()),
            DataType::String => KeyValues::Str(StrBuilder::default()),
            DataType::Bytes => KeyValues::Bytes(ViewBuilder::default()),
            _ => KeyValues::Any(Vec::new()),
        };
        KeyColumn { values, valid: Vec::new() }
    }

    fn len(&self) -> usize {
        match &self.values {
            KeyValues::Bool(v) => v.len(),
            KeyValues::I64(v) => v.len(),
            KeyValues::F64(v) => v.len(),
            KeyValues::Decimal(v) => v.len(),
            KeyValues::Str(v) => v.len(),
            KeyValues::Bytes(v) => v.len(),
            KeyValues::Any(v) => v.len(),
        }
    }

    /// The bytes it has taken, about: of other values than scalars, all count like the last one.
    pub(crate) fn bytes(&self) -> usize {
        let values = match &self.values {
            KeyValues::Bool(v) => room(v),
            KeyValues::I64(v) => room(v),
            KeyValues::F64(v) => room(v),
            KeyValues::Decimal(v) => room(v),
            KeyValues::Str(v) => v.bytes().memory(),
            KeyValues::Bytes(v) => v.memory(),
            KeyValues::Any(v) => room(v) + v.len() * v.last().map_or(0, heap),
        };
        values + room(&self.valid)
    }

    fn is_valid(&self, slot: usize) -> bool {
        self.valid.is_empty() || self.valid[slot] != 0
    }

    /// Is the key of a slot that of a row?
    pub(crate) fn equals(&self, slot: usize, column: &Column, row: usize) -> bool {
        match (self.is_valid(slot), column.is_valid(row)) {
            (true, true) => {}
            (a, b) => return a == b,
        }
        match (&self.values, &column.data) {
            (KeyValues::Bool(a), ColumnData::Bool(b)) => a[slot] == b[row],
            (KeyValues::I64(a), ColumnData::I64(b)) => a[slot] == b[row],
            (KeyValues::F64(a), ColumnData::F64(b)) => compare_floats(a[slot], b[row]).is_eq(),
            (KeyValues::Decimal(a), ColumnData::Decimal(b)) => a[slot] == b[row],
            (KeyValues::Str(a), ColumnData::Str(b)) => a.get(slot) == b.get(row),
            (KeyValues::Bytes(a), ColumnData::Bytes(b)) => a.get(slot) == b.get(row),
            (KeyValues::Any(a), ColumnData::Any(b)) => a[slot] == b[row],
            _ => unreachable!("a key column of another type"),
        }
    }

    /// Equal values: are they the same in every bit that can be seen?
    pub(crate) fn looks_like(&self, slot: usize, column: &Column, row: usize) -> bool {
        match (&self.values, &column.data) {
            (KeyValues::F64(a), ColumnData::F64(b)) => {
                a[slot].is_nan() || a[slot].to_bits() == b[row].to_bits() || !self.is_valid(slot)
            }
            (KeyValues::Decimal(a), ColumnData::Decimal(b)) => {
                a[slot].serialize() == b[row].serialize() || !self.is_valid(slot)
            }
            (KeyValues::Any(a), ColumnData::Any(b)) => identical(&a[slot], &b[row]),
            _ => true,
        }
    }

    /// Appends the key of a row.
    pub(crate) fn push(&mut self, column: &Column, row: usize) {
        let valid = column.is_valid(row);
        if !valid && self.valid.is_empty() {
            self.valid.resize(self.len(), 1);
        }
        if !valid || !self.valid.is_empty() {
            self.valid.push(u8::from(valid));
        }
        match (&mut self.values, &column.data) {
            (KeyValues::Bool(a), ColumnData::Bool(b)) => a.push(b[row]),
            (KeyValues::I64(a), ColumnData::I64(b)) => a.push(b[row]),
            (KeyValues::F64(a), ColumnData::F64(b)) => a.push(b[row]),
            (KeyValues::Decimal(a), ColumnData::Decimal(b)) => a.push(b[row]),
            (KeyValues::Str(a), ColumnData::Str(b)) => a.push_row(b, row),
            (KeyValues::Bytes(a), ColumnData::Bytes(b)) => a.push_row(b, row),
            (KeyValues::Any(a), ColumnData::Any(b)) => a.push(b[row].clone()),
            _ => unreachable!("a key column of another type"),
        }
    }

    /// Puts values of rows of a column into slots: `(row, slot)`. Slots are known, or the next ones in order.
    pub(crate) fn put(&mut self, column: &Column, places: &[(u32, u32)]) {
        fn put<T: Clone>(to: &mut Vec<T>, from: &[T], places: &[(u32, u32)]) {
            for &(row, slot) in places {
                let value = from[row as usize].clone();
                match to.get_mut(slot as usize) {
                    Some(known) => *known = value,
                    None => to.push(value),
                }
            }
        }
        // Of an empty column, the first values may be null.
        let has_nulls = !self.valid.is_empty() || column.validity.is_some();
        if has_nulls {
            self.valid.resize(self.len(), 1);
            match &column.validity {
                Some(valid) => put(&mut self.valid, valid, places),
                None => {
                    for &(_, slot) in places {
                        match self.valid.get_mut(slot as usize) {
                            Some(known) => *known = 1,
                            None => self.valid.push(1),
                        }
                    }
                }
            }
        }
        match (&mut self.values, &column.data) {
            (KeyValues::Bool(a), ColumnData::Bool(b)) => put(a, b, places),
            (KeyValues::I64(a), ColumnData::I64(b)) => put(a, b, places),
            (KeyValues::F64(a), ColumnData::F64(b)) => put(a, b, places),
            (KeyValues::Decimal(a), ColumnData::Decimal(b)) => put(a, b, places),
            (KeyValues::Str(a), ColumnData::Str(b)) => {
                for &(row, slot) in places {
                    let (text, slot) = (b.get(row as usize), slot as usize);
                    if slot < a.len() { a.set(slot, text) } else { a.push(text) }
                }
            }
            (KeyValues::Bytes(a), ColumnData::Bytes(b)) => {
                for &(row, slot) in places {
                    let (bytes, slot) = (b.get(row as usize), slot as usize);
                    if slot < a.len() { a.set(slot, bytes) } else { a.push(bytes) }
                }
            }
            (KeyValues::Any(a), ColumnData::Any(b)) => put(a, b, places),
            _ => unreachable!("a column of another type"),
        }
    }

    /// Frees what a slot holds beside its place in the column.
    pub(crate) fn clear(&mut self, slot: usize) {
        match &mut self.values {
            KeyValues::Str(v) => v.set(slot, ""),
            KeyValues::Bytes(v) => v.set(slot, b""),
            KeyValues::Any(v) => v[slot] = Value::Null,
            KeyValues::Bool(_) | KeyValues::I64(_) | KeyValues::F64(_) | KeyValues::Decimal(_) => {}
        }
    }

    /// Takes back the keys from `slots` on.
    pub(crate) fn truncate(&mut self, slots: usize) {
        self.valid.truncate(slots);
        match &mut self.values {
            KeyValues::Bool(v) => v.truncate(slots),
            KeyValues::I64(v) => v.truncate(slots),
            KeyValues::F64(v) => v.truncate(slots),
            KeyValues::Decimal(v) => v.truncate(slots),
            KeyValues::Str(v) => v.truncate(slots),
            KeyValues::Bytes(v) => v.truncate(slots),
            KeyValues::Any(v) => v.truncate(slots),
        }
    }

    /// Keeps these slots, in this order; what the others held is freed.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        fn pick<T: Clone>(values: &mut Vec<T>, slots: &[u32]) {
            *values = slots.iter().map(|&slot| values[slot as usize].clone()).collect();
        }
        if !self.valid.is_empty() {
            pick(&mut self.valid, slots);
        }
        match &mut self.values {
            KeyValues::Bool(v) => pick(v, slots),
            KeyValues::I64(v) => pick(v, slots),
            KeyValues::F64(v) => pick(v, slots),
            KeyValues::Decimal(v) => pick(v, slots),
            KeyValues::Str(v) => {
                let mut kept = StrBuilder::default();
                slots.iter().for_each(|&slot| kept.push(v.get(slot as usize)));
                *v = kept;
            }
            KeyValues::Bytes(v) => {
                let mut kept = ViewBuilder::default();
                slots.iter().for_each(|&slot| kept.push(v.get(slot as usize)));
                *v = kept;
            }
            KeyValues::Any(v) => pick(v, slots),
        }
    }

    /// The keys of these slots as a column.
    pub(crate) fn gather(&self, slots: &[u32]) -> Column {
        fn pick<T: Clone>(values: &[T], slots: &[u32]) -> Vec<T> {
            slots.iter().map(|&slot| values[slot as usize].clone()).collect()
        }
        let data = match &self.values {
            KeyValues::Bool(v) => ColumnData::Bool(pick(v, slots)),
            KeyValues::I64(v) => ColumnData::I64(pick(v, slots)),
            KeyValues::F64(v) => ColumnData::F64(pick(v, slots)),
            KeyValues::Decimal(v) => ColumnData::Decimal(pick(v, slots)),
            KeyValues::Str(v) => ColumnData::Str(v.copy_of(slots)),
            KeyValues::Bytes(v) => ColumnData::Bytes(v.copy_of(slots)),
            KeyValues::Any(v) => ColumnData::Any(pick(v, slots)),
        };
        let validity = (!self.valid.is_empty()).then(|| pick(&self.valid, slots));
        Column { data, validity }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_data::Batch;
    use flow_plan::{Field, RecordType};

    #[test]
    fn the_first_rows_of_a_column_may_be_null() {
        let ty = DataType::Int.optional();
        let schema = RecordType::new(vec![Field::new("x", ty.clone())]);
        let batch = Batch::from_rows(&[vec![Value::Null], vec![Value::Int(7)]], &schema);
        let mut column = KeyColumn::new(&ty);
        column.put(&batch.columns[0], &[(0, 0), (1, 1)]);
        let out = column.gather(&[0, 1]);
        assert_eq!([out.value(0, &ty), out.value(1, &ty)], [Value::Null, Value::Int(7)]);
    }
}
