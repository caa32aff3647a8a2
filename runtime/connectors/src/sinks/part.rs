//! One part file while it is written.

use super::folder::Names;
use super::pack::Packer;
use super::staging::Staging;
use crate::encode::Encoder;
use crate::out::Out;
use crate::sources::open::Packing;
use flow_data::Batch;
use flow_engine::sink::SinkError;
use flow_env::{Clock, Disk, WriteFile};
use std::time::Duration;

/// So many bytes are sent to the disk at once: a job's end and its checkpoints wait for what is left, and a job that
/// writes as fast as the disk should not find that out in its last second.
const WRITE_OUT: u64 = 4 << 20;

/// Rows on their way into a file.
pub(crate) struct Part {
    names: Names,
    file: Box<dyn WriteFile>,
    packer: Packer,
    out: Out,
    /// Bytes in the file.
    size: u64,
    /// As many of them are done or on their way to the disk.
    on_its_way: u64,
    started: Duration,
}

/// When a part is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roll {
    pub(crate) size: u64,
    pub(crate) every: Option<Duration>,
}

impl Part {
    /// Creates the file; `full` of the buffer comes from the part before, so that memory is reused.
    pub(crate) fn create(
        names: Names,
        staging: &Staging,
        packing: Packing,
        encoder: &mut dyn Encoder,
        mut out: Out,
        (disk, clock): (&dyn Disk, &dyn Clock),
    ) -> Result<Part, SinkError> {
        // The folder is never made here: if it is not there, a newer run has taken it.
        let file = disk.create(&names.staged);
        let file = file.map_err(|error| staging.error("create", &names.staged, &error))?;
        let packer = Packer::new(packing);
        let packer = packer.map_err(|error| staging.error("pack", &names.staged, &error))?;
        out.clear();
        encoder.header(&mut out);
        Ok(Part { names, file, packer, out, size: 0, on_its_way: 0, started: clock.elapsed() })
    }

    /// Adds rows; writes when `full` bytes have come together.
    pub(crate) fn rows(
        &mut self,
        batch: &Batch,
        encoder: &mut dyn Encoder,
        full: usize,
    ) -> Result<(), SinkError> {
        encoder.rows(batch, &mut self.out)?;
        if self.out.len() >= full { self.drain() } else { Ok(()) }
    }

    fn drain(&mut self) -> Result<(), SinkError> {
        let (file, size) = (&mut self.file, &mut self.size);
        let mut written = self.packer.put(self.out.bytes(), |bytes| {
            *size += bytes.len() as u64;
            file.write_all(bytes)
        });
        self.out.clear();
        if written.is_ok() && self.size >= self.on_its_way + WRITE_OUT {
            self.on_its_way = self.size;
            written = self.file.write_out();
        }
        written.map_err(|error| write_error(&self.names, &error))
    }

    /// Is it time for the next part?
    pub(crate) fn is_full(&self, roll: Roll, clock: &dyn Clock) -> bool {
        self.size + self.out.len() as u64 >= roll.size
            || roll.every.is_some_and(|every| clock.elapsed() >= self.started + every)
    }

    /// No more rows come: writes what is left and gives the buffer back, so that a part that waits holds none.
    pub(crate) fn close(&mut self) -> Result<Out, SinkError> {
        self.drain()?;
        Ok(std::mem::take(&mut self.out))
    }

    /// Writes the rest and makes it last; gives how the sealed part is known.
    pub(crate) fn finish(mut self) -> Result<String, SinkError> {
        self.drain()?;
        let packer = std::mem::replace(&mut self.packer, Packer::None);
        let end = packer.end().and_then(|end| {
            self.size += end.len() as u64;
            self.file.write_all(&end)?;
            self.file.sync()
        });
        end.map_err(|error| write_error(&self.names, &error))?;
        Ok(self.names.sealed(self.size))
    }
}

fn write_error(names: &Names, error: &std::io::Error) -> SinkError {
    let limit = match error.kind() {
        std::io::ErrorKind::FileTooLarge => {
            "; no file may become so large here (`ulimit -f` shows the limit): raise it, or begin new part files sooner \
             with `rollSize:`"
        }
        _ => "",
    };
    SinkError::Write(format!("cannot write {}: {error}{limit}", names.visible.display()))
}
