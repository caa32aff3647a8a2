//! Shows rows and watermarks to people; rows pass on.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use crate::number::Number;
use crate::shared::{Shared, Tapped};
use crate::snapshot::{Loading, Saving};
use crate::time::Clock;
use flow_data::Batch;
use flow_plan::RecordType;
use flow_plan::physical::hidden::{self, END_OF_TIME};
use std::sync::Arc;

pub(crate) struct TapOperator {
    label: String,
    /// What people see: without hidden columns.
    shown: Arc<RecordType>,
}

impl TapOperator {
    pub(crate) fn new(label: &str, shared: &Shared, node: usize) -> TapOperator {
        let output = &shared.graph.nodes[node].output;
        let fields = output.fields[..hidden::visible(output)].to_vec();
        shared.tap_clocks().entry(node).or_insert_with(|| Clock::new(shared, node));
        TapOperator { label: label.into(), shown: Arc::new(RecordType::new(fields)) }
    }
}

impl Operator for TapOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        if let Some(show) = &cx.shared.taps {
            let mut shown = batch.clone();
            shown.columns.truncate(self.shown.fields.len());
            show(&self.label, Tapped::Rows(&shown, &self.shown));
        }
        cx.emit(batch);
        Ok(())
    }

    fn advance(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        let Some(show) = &cx.shared.taps else { return Ok(()) };
        // Other workers may not be so far; whoever comes last to a number tells what stands behind it.
        if let Some(clock) = cx.shared.tap_clocks().get_mut(&cx.node) {
            let steps = clock.steps_of_all(cx.shared, to).into_iter();
            let moved = steps.filter(|(_, watermark)| *watermark < END_OF_TIME);
            moved.for_each(|(_, watermark)| show(&self.label, Tapped::Watermark(watermark)));
        }
        Ok(())
    }

    fn save(&mut self, _out: &mut Saving) {
        // What was shown was shown.
    }

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }
}
