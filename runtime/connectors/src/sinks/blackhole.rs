//! The sink `blackhole`: takes rows and drops them, for measuring.

use flow_data::Batch;
use flow_engine::sink::{Sink, SinkError, Writer};

/// Any number of writers that do nothing.
pub(crate) struct Blackhole;

impl Sink for Blackhole {
    fn writer(&mut self, _worker: usize) -> Result<Box<dyn Writer>, SinkError> {
        Ok(Box::new(Blackhole))
    }

    fn commit(&mut self) -> Result<(), SinkError> {
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

    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}
