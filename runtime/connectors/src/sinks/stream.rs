//! The sink `stdout`: rows as they come, whole rows at a time whoever writes them, shown when the job
//! has nothing better to do, at the latest when an epoch is sealed. What was shown cannot be taken back, and
//! nobody remembers it: at least once.

use crate::advice;
use crate::encode::Encoder;
use crate::out::Out;
use flow_data::Batch;
use flow_engine::sink::{Epoch, Mark, Run, Sealed, Sealing, Sink, SinkError, Writer};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are collected before they are written.
const FULL: usize = 64 << 10;

/// Where the bytes go.
pub(crate) type Stream = Arc<Mutex<Box<dyn Write + Send>>>;

type MakeEncoder = Box<dyn Fn() -> Result<Box<dyn Encoder>, SinkError> + Send>;

/// One stream for all writers.
pub(crate) struct StreamSink {
    stream: Stream,
    encoder: MakeEncoder,
}

impl StreamSink {
    /// Writes the header at once, so that it is there also when no rows come.
    pub(crate) fn new(stream: Stream, encoder: MakeEncoder) -> Result<StreamSink, SinkError> {
        // A format that cannot write these rows is refused before the start.
        encoder()?;
        Ok(StreamSink { stream, encoder })
    }
}

impl Sink for StreamSink {
    fn begin(&mut self, _run: &Run) -> Result<Option<Mark>, SinkError> {
        Ok(None)
    }

    fn clean(&mut self, _keep: &[String]) -> Result<(), SinkError> {
        Ok(())
    }

    fn remembers(&self) -> bool {
        false
    }

    fn writer(&mut self, worker: usize) -> Result<Box<dyn Writer>, SinkError> {
        let mut writer =
            StreamWriter { stream: self.stream.clone(), encoder: (self.encoder)()?, out: Out::default() };
        if worker == 0 {
            writer.encoder.header(&mut writer.out);
        }
        Ok(Box::new(writer))
    }

    fn commit(&mut self, _epoch: Epoch, _sealed: &[String]) -> Result<(), SinkError> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn abort(&mut self) {}
}

struct StreamWriter {
    stream: Stream,
    encoder: Box<dyn Encoder>,
    out: Out,
}

impl StreamWriter {
    fn show(&mut self) -> Result<(), SinkError> {
        if self.out.len() == 0 {
            return Ok(());
        }
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let written = stream.write_all(self.out.bytes()).and_then(|()| stream.flush());
        self.out.clear();
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => SinkError::Closed,
            _ => SinkError::Write(format!("cannot write to standard output: {}", advice::said(&error))),
        })
    }
}

impl Writer for StreamWriter {
    fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.encoder.rows(batch, &mut self.out)?;
        if self.out.len() >= FULL { self.show() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.show()
    }

    fn seal(&mut self) -> Result<Box<dyn Sealing>, SinkError> {
        self.show()?;
        Ok(Box::new(Sealed))
    }
}
