//! The head of a source whose rows carry their place in the chunk, so that they can be put in its order where they meet again.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use crate::number::Number;
use crate::snapshot::{Loading, Saving};
use flow_data::{Batch, Column, ColumnData};
use std::sync::Arc;

/// Puts its place behind the columns of each row.
#[derive(Default)]
pub(crate) struct PlaceOperator {
    number: Number,
    /// Rows of the number that came before.
    before: i64,
}

impl Operator for PlaceOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, mut batch: Batch) -> Result<(), Halt> {
        if self.number != cx.number {
            (self.number, self.before) = (cx.number, 0);
        }
        let behind = self.before + batch.len as i64;
        let places = (self.before..behind).collect();
        self.before = behind;
        batch.columns.push(Arc::new(Column::new(ColumnData::I64(places))));
        cx.emit(batch);
        Ok(())
    }

    fn save(&mut self, _out: &mut Saving) {
        // It counts within a number.
    }

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }
}
