//! The `.errors` of a declaration: rows come from several operators, each with its own progress,
//! and leave in the order of the sequence.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use crate::number::Number;
use crate::snapshot::{Loading, Saving};
use flow_data::{BATCH_ROWS, Batch};
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct ErrorsOperator {
    waiting: BTreeMap<Number, Vec<Batch>>,
}

impl Operator for ErrorsOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        let waiting = self.waiting.entry(cx.number).or_default();
        // Errors come one by one.
        waiting.push(batch);
        if waiting.len() >= BATCH_ROWS {
            let all = Batch::concat(std::mem::take(waiting));
            waiting.push(all);
        }
        Ok(())
    }

    fn advance(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() >= to {
                break;
            }
            cx.number = *entry.key();
            cx.emit(Batch::concat(entry.remove()));
        }
        Ok(())
    }

    fn save(&mut self, _out: &mut Saving) {
        // Errors below the barrier have gone out.
    }

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }
}
