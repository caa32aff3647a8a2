//! Are rows the same in every bit that can be seen? Results that do not change are found by it.

use flow_data::{Column, ColumnData};
use flow_plan::order::identical;

/// Leaves a mark only where both rows of a pair are the same in this column.
pub(crate) fn same_rows(column: &Column, pairs: &[(u32, u32)], marks: &mut [bool]) {
    fn each(pairs: &[(u32, u32)], marks: &mut [bool], same: impl Fn(usize, usize) -> bool) {
        for (mark, &(a, b)) in marks.iter_mut().zip(pairs) {
            *mark &= same(a as usize, b as usize);
        }
    }
    if let Some(valid) = &column.validity {
        each(pairs, marks, |a, b| valid[a] == valid[b]);
    }
    let null = |row: usize| !column.is_valid(row);
    match &column.data {
        ColumnData::Bool(v) => each(pairs, marks, |a, b| v[a] == v[b] || null(a)),
        ColumnData::I64(v) => each(pairs, marks, |a, b| v[a] == v[b] || null(a)),
        ColumnData::F64(v) => each(pairs, marks, |a, b| {
            v[a].to_bits() == v[b].to_bits() || (v[a].is_nan() && v[b].is_nan()) || null(a)
        }),
        ColumnData::Decimal(v) => each(pairs, marks, |a, b| v[a].serialize() == v[b].serialize() || null(a)),
        ColumnData::Str(v) => each(pairs, marks, |a, b| v.get(a) == v.get(b) || null(a)),
        ColumnData::Bytes(v) => each(pairs, marks, |a, b| v.get(a) == v.get(b) || null(a)),
        ColumnData::Any(v) => each(pairs, marks, |a, b| identical(&v[a], &v[b]) || null(a)),
    }
}
