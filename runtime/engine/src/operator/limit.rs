//! The first rows of the whole stream; behind a gather, so one worker sees all of it.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use flow_data::Batch;

pub(crate) struct LimitOperator {
    pub(crate) left: u64,
}

impl Operator for LimitOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        if self.left == 0 {
            return Ok(());
        }
        if batch.len as u64 <= self.left {
            self.left -= batch.len as u64;
            cx.emit(batch);
        } else {
            let rows: Vec<u32> = (0..self.left as u32).collect();
            self.left = 0;
            cx.emit(batch.gather(&rows));
        }
        if self.left == 0 {
            cx.shared.satisfy(cx.node);
        }
        Ok(())
    }
}
