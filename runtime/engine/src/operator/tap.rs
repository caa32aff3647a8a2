//! Shows rows to people and passes them on.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use flow_data::Batch;
use flow_plan::RecordType;
use flow_plan::physical::hidden;
use std::sync::Arc;

pub(crate) struct TapOperator {
    label: String,
    /// What people see: without hidden columns.
    shown: Arc<RecordType>,
}

impl TapOperator {
    pub(crate) fn new(label: &str, output: &RecordType) -> TapOperator {
        let fields = output.fields[..hidden::visible(output)].to_vec();
        TapOperator { label: label.into(), shown: Arc::new(RecordType::new(fields)) }
    }
}

impl Operator for TapOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        if let Some(show) = &cx.shared.taps {
            let mut shown = batch.clone();
            shown.columns.truncate(self.shown.fields.len());
            show(&self.label, &shown, &self.shown);
        }
        cx.emit(batch);
        Ok(())
    }
}
