//! Shows rows to people and passes them on.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use flow_data::Batch;

pub(crate) struct TapOperator {
    pub(crate) label: String,
}

impl Operator for TapOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        if let Some(show) = &cx.shared.taps {
            let declared = cx.declared(&batch);
            show(&self.label, &declared, &cx.shared.graph.nodes[cx.node].output);
        }
        cx.emit(batch);
        Ok(())
    }
}
