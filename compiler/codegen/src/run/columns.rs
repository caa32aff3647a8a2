//! Columns from the memory that kernels wrote.

use crate::frame::Shape;
use flow_data::{Buffer, Column, ColumnData, StrColumn, View, ViewColumn};
use flow_plan::{DataType, Value};
use rust_decimal::Decimal;

/// Memory for a column that a kernel writes.
pub(crate) enum Room {
    /// `bool`.
    Bool(Vec<u8>),
    /// `int`, `timestamp`, `duration`.
    I64(Vec<i64>),
    /// `float`.
    F64(Vec<f64>),
    /// `decimal`.
    Decimal(Vec<Decimal>),
    /// `string`, `bytes`.
    View(Vec<View>),
    /// Kernels write nothing: the helper keeps them.
    Any,
}

impl Room {
    /// Room for so many values.
    pub(crate) fn new(shape: Shape, rows: usize) -> Room {
        match shape {
            Shape::Bool => Room::Bool(Vec::with_capacity(rows)),
            Shape::I64 => Room::I64(Vec::with_capacity(rows)),
            Shape::F64 => Room::F64(Vec::with_capacity(rows)),
            Shape::Decimal => Room::Decimal(Vec::with_capacity(rows)),
            Shape::View => Room::View(Vec::with_capacity(rows)),
            Shape::Any => Room::Any,
        }
    }

    /// Makes room for at least so many values; what was there is forgotten.
    pub(crate) fn renew(&mut self, rows: usize) {
        match self {
            Room::Bool(v) => renew(v, rows),
            Room::I64(v) => renew(v, rows),
            Room::F64(v) => renew(v, rows),
            Room::Decimal(v) => renew(v, rows),
            Room::View(v) => renew(v, rows),
            Room::Any => {}
        }
    }

    /// Where the first value goes.
    pub(crate) fn address(&mut self) -> u64 {
        match self {
            Room::Bool(v) => v.as_mut_ptr() as u64,
            Room::I64(v) => v.as_mut_ptr() as u64,
            Room::F64(v) => v.as_mut_ptr() as u64,
            Room::Decimal(v) => v.as_mut_ptr() as u64,
            Room::View(v) => v.as_mut_ptr() as u64,
            Room::Any => 0,
        }
    }

    /// The column of the first `rows` values.
    ///
    /// # Safety
    /// A kernel has written all of them, and views point into the buffers.
    pub(crate) unsafe fn column(
        self,
        rows: usize,
        ty: &DataType,
        buffers: impl FnOnce() -> Vec<Buffer>,
    ) -> ColumnData {
        // SAFETY: by the caller's word; the capacity was asked for when the room was made.
        unsafe {
            match self {
                Room::Bool(v) => ColumnData::Bool(filled(v, rows)),
                Room::I64(v) => ColumnData::I64(filled(v, rows)),
                Room::F64(v) => ColumnData::F64(filled(v, rows)),
                Room::Decimal(v) => ColumnData::Decimal(filled(v, rows)),
                Room::View(v) => views(filled(v, rows), ty, buffers()),
                Room::Any => ColumnData::Any(Vec::new()),
            }
        }
    }

    /// The column of the values at these places.
    ///
    /// # Safety
    /// A kernel has written the values at these places, and views point into the buffers.
    pub(crate) unsafe fn gather(
        &self,
        rows: &[u32],
        ty: &DataType,
        buffers: impl FnOnce() -> Vec<Buffer>,
    ) -> ColumnData {
        // SAFETY: by the caller's word.
        unsafe {
            match self {
                Room::Bool(v) => ColumnData::Bool(pick(v.as_ptr(), rows)),
                Room::I64(v) => ColumnData::I64(pick(v.as_ptr(), rows)),
                Room::F64(v) => ColumnData::F64(pick(v.as_ptr(), rows)),
                Room::Decimal(v) => ColumnData::Decimal(pick(v.as_ptr(), rows)),
                Room::View(v) => views(pick(v.as_ptr(), rows), ty, buffers()),
                Room::Any => ColumnData::Any(Vec::new()),
            }
        }
    }
}

fn renew<T>(v: &mut Vec<T>, rows: usize) {
    v.clear();
    v.reserve(rows);
}

/// # Safety
/// The first `rows` values are written, within the capacity.
pub(crate) unsafe fn filled<T>(mut v: Vec<T>, rows: usize) -> Vec<T> {
    debug_assert!(rows <= v.capacity());
    // SAFETY: by the caller's word.
    unsafe { v.set_len(rows) };
    v
}

/// # Safety
/// The values at these places are written.
pub(crate) unsafe fn pick<T: Copy>(values: *const T, rows: &[u32]) -> Vec<T> {
    // SAFETY: by the caller's word.
    rows.iter().map(|&row| unsafe { *values.add(row as usize) }).collect()
}

/// # Safety
/// Views point into the buffers, and are UTF-8 if the type is `string`.
pub(crate) unsafe fn views(views: Vec<View>, ty: &DataType, buffers: Vec<Buffer>) -> ColumnData {
    // SAFETY: by the caller's word.
    unsafe {
        let column = ViewColumn::from_parts(views, buffers);
        match ty.unwrapped() {
            DataType::Bytes => ColumnData::Bytes(column),
            _ => ColumnData::Str(StrColumn::from_views(column)),
        }
    }
}

/// The rows at these positions, in this order. Positions come from kernels, so they are in range.
///
/// # Safety
/// Every position is below the column's length.
pub(crate) unsafe fn gather(column: &Column, rows: &[u32]) -> Column {
    // SAFETY: by the caller's word; views keep their buffers.
    unsafe {
        let data = match &column.data {
            ColumnData::Bool(v) => ColumnData::Bool(pick(v.as_ptr(), rows)),
            ColumnData::I64(v) => ColumnData::I64(pick(v.as_ptr(), rows)),
            ColumnData::F64(v) => ColumnData::F64(pick(v.as_ptr(), rows)),
            ColumnData::Decimal(v) => ColumnData::Decimal(pick(v.as_ptr(), rows)),
            ColumnData::Str(v) => {
                let picked = pick(v.column().views().as_ptr(), rows);
                views(picked, &DataType::String, v.column().buffers().to_vec())
            }
            ColumnData::Bytes(v) => {
                views(pick(v.views().as_ptr(), rows), &DataType::Bytes, v.buffers().to_vec())
            }
            ColumnData::Any(v) => ColumnData::Any(rows.iter().map(|&row| v[row as usize].clone()).collect()),
        };
        Column { data, validity: column.validity.as_ref().map(|v| pick(v.as_ptr(), rows)) }
    }
}

/// Address of a column's values, if they lie as the shape says; 0 for composites.
pub(crate) fn address(column: &Column, shape: Shape) -> Option<u64> {
    Some(match (&column.data, shape) {
        (ColumnData::Bool(v), Shape::Bool) => v.as_ptr() as u64,
        (ColumnData::I64(v), Shape::I64) => v.as_ptr() as u64,
        (ColumnData::F64(v), Shape::F64) => v.as_ptr() as u64,
        (ColumnData::Decimal(v), Shape::Decimal) => v.as_ptr() as u64,
        (ColumnData::Str(v), Shape::View) => v.column().views().as_ptr() as u64,
        (ColumnData::Bytes(v), Shape::View) => v.views().as_ptr() as u64,
        (ColumnData::Any(_), Shape::Any) => 0,
        _ => return None,
    })
}

/// The buffers of a column of views.
pub(crate) fn buffers(column: &Column) -> &[Buffer] {
    match &column.data {
        ColumnData::Str(v) => v.column().buffers(),
        ColumnData::Bytes(v) => v.buffers(),
        _ => &[],
    }
}

/// A column of composites.
pub(crate) fn composites(values: Vec<Value>, optional: bool) -> Column {
    let validity = optional.then(|| values.iter().map(|v| u8::from(!v.is_null())).collect::<Vec<u8>>());
    let validity = validity.filter(|v| v.contains(&0));
    Column { data: ColumnData::Any(values), validity }
}
