//! Hands rows to one worker's writer of a sink.

use super::Operator;
use crate::context::Context;
use crate::error::{ErrorKind, Halt};
use crate::sink::{Sealing, SinkError, Writer};
use crate::snapshot::{Loading, Saving};
use flow_data::Batch;

pub(crate) struct SinkOperator {
    writer: Option<Box<dyn Writer>>,
    /// Rows were written since the last flush.
    dirty: bool,
}

impl SinkOperator {
    pub(crate) fn new(writer: Option<Box<dyn Writer>>) -> SinkOperator {
        SinkOperator { writer, dirty: false }
    }

    /// Does something with the writer; `None` if nobody reads what it writes.
    fn with<T>(
        &mut self,
        cx: &mut Context<'_>,
        act: impl FnOnce(&mut dyn Writer) -> Result<T, SinkError>,
    ) -> Result<Option<T>, Halt> {
        let Some(writer) = &mut self.writer else { return Ok(None) };
        match act(writer.as_mut()) {
            Ok(done) => Ok(Some(done)),
            Err(SinkError::Closed) => {
                // Nobody reads this any more: the rest of the job goes on without it.
                self.writer = None;
                cx.shared.satisfy(cx.node);
                Ok(None)
            }
            // It waited for space until the job was over.
            Err(SinkError::Full(_)) if cx.shared.aborted() => Err(Halt),
            Err(error) => {
                let failed = cx.shared.node_error(cx.node, cx.number, ErrorKind::Sink, error.to_string());
                cx.shared.fail(failed.again(error.again()));
                Err(Halt)
            }
        }
    }
}

impl Operator for SinkOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        self.dirty = true;
        let declared = cx.declared(&batch);
        self.with(cx, |writer| writer.write(&declared))?;
        // What comes after its reader went away is not written.
        if self.writer.is_some() {
            cx.count_out(batch.len);
        }
        Ok(())
    }

    fn idle(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        if std::mem::take(&mut self.dirty) {
            self.with(cx, |writer| writer.flush())?;
        }
        Ok(())
    }

    fn seal(&mut self, cx: &mut Context<'_>) -> Result<Option<Box<dyn Sealing>>, Halt> {
        self.with(cx, |writer| writer.seal())
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        if let Some(sealing) = self.seal(cx)? {
            let sealed = self.with(cx, |_| sealing.finish())?;
            cx.shared.sealed(cx.node, sealed.unwrap_or_default());
        }
        Ok(())
    }

    fn save(&mut self, _out: &mut Saving) {
        // What was written is sealed by the sink itself.
    }

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }
}
