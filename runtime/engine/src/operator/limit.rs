//! The first rows of the whole stream; behind a gather, so one worker sees all of it.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use crate::snapshot::{Columns, Loading, Saving};
use flow_checkpoint::state::Home;
use flow_data::Batch;

pub(crate) struct LimitOperator {
    limit: u64,
    left: u64,
}

impl LimitOperator {
    pub(crate) fn new(limit: u64) -> LimitOperator {
        LimitOperator { limit, left: limit }
    }
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
            cx.shared.fill(cx.node, cx.number);
            cx.shared.satisfy(cx.node);
        }
        Ok(())
    }

    fn save(&mut self, out: &mut Saving) {
        let mut columns = Columns::default();
        columns.ints("given", std::iter::once((self.limit - self.left) as i64));
        out.table("limit", Home::Key(0), 0, columns);
    }

    fn load(&mut self, cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        // What has gone through counts, whatever the limit is now. The other workers have no rows, and no entry.
        let given = from.table("limit").ints("given").into_iter().max().unwrap_or(0);
        self.left = self.limit.saturating_sub(given.max(0) as u64);
        if self.left == 0 {
            cx.shared.fill(cx.node, cx.number.saturating_sub(1));
            cx.shared.satisfy(cx.node);
        }
        Ok(())
    }
}
