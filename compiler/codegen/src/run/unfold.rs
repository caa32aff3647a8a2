//! `flatMap`: one row per element, some thousand rows at a time.

use super::Rows;
use super::columns::{self, gather};
use super::segment::Failed;
use super::split::Splitter;
use crate::lower::End;
use flow_data::{BATCH_ROWS, Column, ColumnBuilder, ColumnData};
use flow_plan::{DataType, Value};
use std::sync::Arc;

/// A `flatMap` at work on one batch.
pub(crate) struct Unfolding {
    rows: Rows,
    column: Arc<Column>,
    kind: Kind,
    /// Does anything but the element go on?
    parents: bool,
}

enum Kind {
    Split(Splitter),
    Elements { of: DataType, row: usize, element: usize },
}

impl Unfolding {
    /// Begins; `column` is the text or the list of each row. A text of too many pieces is a record error.
    pub(crate) fn new(end: &End, rows: Rows, column: Option<Arc<Column>>) -> Result<Unfolding, Failed> {
        let column = column.expect("a segment in front of a flatMap gives the column to unfold");
        let parents = rows.columns.iter().any(Option::is_some);
        let kind = match end {
            End::Split { separator, .. } => {
                let splitter = Splitter::new(separator.as_deref());
                match &column.data {
                    ColumnData::Str(text) if !splitter.within_limits(text.column()) => return Err(Failed(1)),
                    _ => Kind::Split(splitter),
                }
            }
            End::Elements { of, .. } => Kind::Elements { of: of.clone(), row: 0, element: 0 },
            End::Done => unreachable!("nothing is unfolded at the end of a chain"),
        };
        Ok(Unfolding { rows, column, kind, parents })
    }

    /// The next rows.
    pub(crate) fn next(&mut self) -> Option<Rows> {
        let mut parents: Vec<u32> = Vec::new();
        let element = match &mut self.kind {
            Kind::Split(splitter) => {
                let ColumnData::Str(text) = &self.column.data else { return None };
                let views = splitter.next(text.column(), self.parents.then_some(&mut parents));
                // SAFETY: pieces of the text lie in its buffers; cut at separators they are UTF-8.
                let data = unsafe {
                    columns::views(views, &DataType::String, columns::buffers(&self.column).to_vec())
                };
                Column::new(data)
            }
            Kind::Elements { of, row, element } => elements(&self.column, of, row, element, &mut parents),
        };
        if element.is_empty() {
            return None;
        }
        let pick = |column: &Arc<Column>| {
            // SAFETY: parents are rows of the column.
            Arc::new(unsafe { gather(column, &parents) })
        };
        let mut result: Vec<_> = self.rows.columns.iter().map(|c| c.as_ref().map(pick)).collect();
        let len = element.len();
        result.push(Some(Arc::new(element)));
        Some(Rows { len, columns: result })
    }
}

/// The next elements of a column of lists.
fn elements(
    column: &Column,
    of: &DataType,
    row: &mut usize,
    element: &mut usize,
    parents: &mut Vec<u32>,
) -> Column {
    let mut builder = ColumnBuilder::new(of);
    let ColumnData::Any(lists) = &column.data else { return builder.finish() };
    while *row < lists.len() && parents.len() < BATCH_ROWS {
        let items: &[Value] = match &lists[*row] {
            Value::List(items) => items,
            _ => &[],
        };
        let room = BATCH_ROWS - parents.len();
        let taken = &items[*element..items.len().min(*element + room)];
        taken.iter().for_each(|item| builder.push(item));
        parents.extend(std::iter::repeat_n(*row as u32, taken.len()));
        *element += taken.len();
        if *element == items.len() {
            *row += 1;
            *element = 0;
        }
    }
    builder.finish()
}
