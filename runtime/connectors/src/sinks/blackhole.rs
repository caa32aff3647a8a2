//! The sink `blackhole`: takes rows and drops them, for measuring.

use flow_data::Batch;
use flow_engine::sink::{Epoch, Mark, Run, Sealed, Sealing, Sink, SinkError, Writer};

/// Any number of writers that do nothing.
pub(crate) struct Blackhole;

impl Sink for Blackhole {
    fn begin(&mut self, _run: &Run) -> Result<Option<Mark>, SinkError> {
        Ok(None)
    }

    fn clean(&mut self, _keep: &[String]) -> Result<(), SinkError> {
        Ok(())
    }

    fn remembers(&self) -> bool {
        false
    }

    fn writer(&mut self, _worker: usize) -> Result<Box<dyn Writer>, SinkError> {
        Ok(Box::new(Blackhole))
    }

    fn commit(&mut self, _epoch: Epoch, _sealed: &[String]) -> Result<(), SinkError> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn abort(&mut self) {}
}

impl Writer for Blackhole {
    fn write(&mut self, _batch: &Batch) -> Result<(), SinkError> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn seal(&mut self) -> Result<Box<dyn Sealing>, SinkError> {
        Ok(Box::new(Sealed))
    }
}
