//! What rows are compared by, as one value that orders them: less is better.

use flow_data::{Batch, Column, ColumnBuilder, ColumnData};
use flow_plan::physical::SortColumn;
use flow_plan::weight::{self, BLOCK};
use flow_plan::{DataType, RecordType, Value};
use std::cmp::Ordering;

/// The place of a row among others.
pub(crate) trait Place: Ord + Clone + Default + Send {
    /// The places of all rows of a batch.
    fn read(by: &By, batch: &Batch, out: &mut Vec<Self>);

    /// What was read: the columns that rows are compared by.
    fn write(by: &By, places: &[Self]) -> Vec<Column>;

    /// What it keeps on the heap, about: nothing, if words say it.
    fn heap(&self) -> usize {
        0
    }
}

/// The columns that rows are compared by.
#[derive(Clone)]
pub(crate) struct By {
    columns: Vec<SortColumn>,
    types: Vec<DataType>,
}

impl By {
    pub(crate) fn new(columns: &[SortColumn], input: &RecordType) -> By {
        let types = columns.iter().map(|by| input.fields[by.column].ty.clone()).collect();
        By { columns: columns.to_vec(), types }
    }

    /// The columns.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|by| by.column)
    }

    /// A column as it was before it was made words.
    fn unword(&self, at: usize, words: impl Iterator<Item = u64>) -> Column {
        let flip = if self.columns[at].descending { u64::MAX } else { 0 };
        Column::new(match self.types[at].unwrapped() {
            DataType::Float => ColumnData::F64(words.map(|word| word_float(word ^ flip)).collect()),
            _ => ColumnData::I64(words.map(|word| (word ^ flip ^ SIGN) as i64).collect()),
        })
    }

    /// How many words say a row's place, if words can.
    pub(crate) fn words(&self) -> Option<usize> {
        let word = |ty: &DataType| {
            matches!(ty, DataType::Int | DataType::Timestamp | DataType::Duration | DataType::Float)
        };
        self.types.iter().all(word).then_some(self.columns.len())
    }

    /// One column as words.
    fn word(&self, at: usize, batch: &Batch, mut each: impl FnMut(usize, u64)) {
        let SortColumn { column, descending } = self.columns[at];
        let flip = if descending { u64::MAX } else { 0 };
        match &batch.columns[column].data {
            ColumnData::I64(values) => {
                values.iter().enumerate().for_each(|(row, x)| each(row, (*x as u64 ^ SIGN) ^ flip));
            }
            ColumnData::F64(values) => {
                values.iter().enumerate().for_each(|(row, x)| each(row, float_word(*x) ^ flip));
            }
            other => unreachable!("no word is made of {other:?}"),
        }
    }
}

const SIGN: u64 = 1 << 63;

/// In the order of floats: NaN is greatest, both zeros are equal.
fn float_word(x: f64) -> u64 {
    let bits = match x {
        _ if x.is_nan() => f64::NAN.to_bits() & !SIGN,
        0.0 => 0,
        _ => x.to_bits(),
    };
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The float of a word: of equal ones, one.
fn word_float(word: u64) -> f64 {
    f64::from_bits(if word & SIGN == 0 { !word } else { word & !SIGN })
}

/// All rows are equal.
impl Place for () {
    fn read(_by: &By, batch: &Batch, out: &mut Vec<()>) {
        out.clear();
        out.resize(batch.len, ());
    }

    fn write(_by: &By, _places: &[()]) -> Vec<Column> {
        Vec::new()
    }
}

impl Place for u64 {
    fn read(by: &By, batch: &Batch, out: &mut Vec<u64>) {
        out.clear();
        by.word(0, batch, |_, word| out.push(word));
    }

    fn write(by: &By, places: &[u64]) -> Vec<Column> {
        vec![by.unword(0, places.iter().copied())]
    }
}

impl Place for [u64; 2] {
    fn read(by: &By, batch: &Batch, out: &mut Vec<[u64; 2]>) {
        out.clear();
        by.word(0, batch, |_, word| out.push([word, 0]));
        by.word(1, batch, |row, word| out[row][1] = word);
    }

    fn write(by: &By, places: &[[u64; 2]]) -> Vec<Column> {
        [0, 1].map(|at| by.unword(at, places.iter().map(|words| words[at]))).into()
    }
}

/// Places of values that no word says.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Values(Box<[Directed]>);

#[derive(Clone, PartialEq, Eq)]
struct Directed {
    value: Value,
    descending: bool,
}

impl Ord for Directed {
    fn cmp(&self, other: &Directed) -> Ordering {
        let ordering = self.value.cmp(&other.value);
        if self.descending { ordering.reverse() } else { ordering }
    }
}

impl PartialOrd for Directed {
    fn partial_cmp(&self, other: &Directed) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Place for Values {
    fn read(by: &By, batch: &Batch, out: &mut Vec<Values>) {
        out.clear();
        out.extend((0..batch.len).map(|row| {
            let directed = |(sort, ty): (&SortColumn, &DataType)| Directed {
                value: batch.columns[sort.column].value(row, ty),
                descending: sort.descending,
            };
            Values(by.columns.iter().zip(&by.types).map(directed).collect())
        }));
    }

    fn write(by: &By, places: &[Values]) -> Vec<Column> {
        let column = |(at, ty): (usize, &DataType)| {
            let mut column = ColumnBuilder::new(ty);
            places.iter().for_each(|place| column.push(&place.0[at].value));
            column.finish()
        };
        by.types.iter().enumerate().map(column).collect()
    }

    fn heap(&self) -> usize {
        let values = self.0.iter().map(|directed| weight::heap(&directed.value)).sum::<usize>();
        BLOCK + size_of_val(&*self.0) + values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_floats_are_in_the_order_of_floats() {
        let floats = [f64::NEG_INFINITY, -2.5, -0.0, 0.0, 1e-300, 3.0, f64::INFINITY, f64::NAN];
        for pair in floats.windows(2) {
            let order = flow_plan::order::compare_floats(pair[0], pair[1]);
            assert_eq!(float_word(pair[0]).cmp(&float_word(pair[1])), order, "{pair:?}");
        }
        assert_eq!(float_word(-f64::NAN), float_word(f64::NAN));
        for float in floats {
            assert_eq!(float_word(word_float(float_word(float))), float_word(float), "{float}");
        }
    }
}
