//! Gives what it gets: the head of a source or of a side output.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use crate::snapshot::{Loading, Saving};
use flow_data::Batch;

pub(crate) struct PassOperator;

impl Operator for PassOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        cx.emit(batch);
        Ok(())
    }

    fn save(&mut self, _out: &mut Saving) {}

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }
}
