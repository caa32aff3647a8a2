//! One part file while it is written.

use super::folder::Names;
use super::handles::{Handle, Handles};
use super::pack::Packer;
use super::staging::{Staging, disk_error};
use crate::encode::Encoder;
use crate::out::Out;
use crate::sources::open::Packing;
use flow_data::Batch;
use flow_engine::sink::{Hash128, Hashing, SinkError};
use flow_engine::space::Space;
use flow_env::{Clock, WriteFile};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// So many bytes are sent to the disk at once: a job's end and its checkpoints wait for what is left, and a job that
/// writes as fast as the disk should not find that out in its last second.
const WRITE_OUT: u64 = 4 << 20;

/// Rows on their way into a file. The file is there from the first write on, and open while there is much to write.
pub(crate) struct Part {
    names: Names,
    staging: Arc<Staging>,
    packing: Packing,
    /// The open file, and what packs its bytes.
    open: Option<(Handle, Packer)>,
    /// Is there a file?
    begun: bool,
    out: Out,
    /// The bytes in the file.
    written: Written,
    /// As many of them are done or on their way to the disk.
    on_its_way: u64,
    started: Duration,
}

/// What is known of the bytes in a file.
#[derive(Default)]
struct Written {
    size: u64,
    /// Of all of them, if there are some: what hashes them takes half a kilobyte, and of parts that wait there are thousands.
    hash: Option<Box<Hashing>>,
}

impl Written {
    fn take(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.hash.get_or_insert_default().take(bytes);
    }

    fn hash(&self) -> Hash128 {
        self.hash.as_ref().map_or_else(|| Hash128::of(&[]), |hash| hash.finish())
    }
}

/// When a part is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roll {
    pub(crate) size: u64,
    pub(crate) every: Option<Duration>,
}

impl Part {
    /// A part without a file; the buffer comes from the part before, so that memory is reused.
    pub(crate) fn new(
        names: Names,
        staging: &Arc<Staging>,
        packing: Packing,
        encoder: &mut dyn Encoder,
        mut out: Out,
        started: Duration,
    ) -> Part {
        out.clear();
        encoder.header(&mut out);
        let staging = staging.clone();
        Part {
            names,
            staging,
            packing,
            open: None,
            begun: false,
            out,
            written: Written::default(),
            on_its_way: 0,
            started,
        }
    }

    /// Adds rows; they are not written yet. Gives how many bytes wait.
    pub(crate) fn rows(&mut self, batch: &Batch, encoder: &mut dyn Encoder) -> Result<usize, SinkError> {
        encoder.rows(batch, &mut self.out)?;
        Ok(self.out.len())
    }

    /// Is its file open?
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Opens its file.
    pub(crate) fn open(&mut self, handles: &Arc<Handles>) -> Result<(), SinkError> {
        if self.open.is_none() {
            let path = &self.names.staged;
            // The folder is never made here: if it is not there, a newer run has taken it.
            let open = |_| {
                handles.open(path, self.begun).map_err(|error| self.staging.error("create", path, &error))
            };
            let handle = handles.space.take(open)?;
            let packer = Packer::new(self.packing);
            let packer = packer.map_err(|error| self.staging.error("pack", path, &error))?;
            self.open = Some((handle, packer));
            self.begun = true;
        }
        Ok(())
    }

    /// Writes what waits.
    pub(crate) fn drain(&mut self, handles: &Arc<Handles>) -> Result<(), SinkError> {
        self.open(handles)?;
        let Part { open, names, staging, written, out, .. } = self;
        let Some((Handle { file, .. }, packer)) = open else { return Ok(()) };
        let bytes = packer.pack(out.bytes()).map_err(|error| write_error(names, &error))?;
        write((names, staging), &mut **file, written, &bytes, &handles.space)?;
        drop(bytes);
        out.clear();
        if written.size >= self.on_its_way + WRITE_OUT {
            self.on_its_way = written.size;
            file.write_out().map_err(|error| write_error(names, &error))?;
        }
        Ok(())
    }

    /// Can its file be closed before its end? What packs bytes takes too much memory to be kept for many.
    pub(crate) fn may_sleep(&self) -> bool {
        self.packing == Packing::None
    }

    /// Closes the file until there is more to write. What it holds is made to last by whoever wrote it: an error that the
    /// disk has for it may not be told to who opens it again.
    pub(crate) fn sleep(&mut self) -> Result<(), SinkError> {
        let Some((mut handle, _)) = self.open.take() else { return Ok(()) };
        handle.file.sync().map_err(|error| write_error(&self.names, &error))
    }

    /// Is it time for the next part?
    pub(crate) fn is_full(&self, roll: Roll, clock: &dyn Clock) -> bool {
        self.written.size + self.out.len() as u64 >= roll.size
            || roll.every.is_some_and(|every| clock.elapsed() >= self.started + every)
    }

    /// No more rows come: writes what is left to a file that is open, and gives the buffer back, so that a part that waits
    /// holds little.
    pub(crate) fn close(&mut self, handles: &Arc<Handles>) -> Result<Out, SinkError> {
        if !self.is_open() {
            return Ok(Out::default());
        }
        self.drain(handles)?;
        Ok(std::mem::take(&mut self.out))
    }

    /// Writes the rest and makes it last; gives how the sealed part is known.
    pub(crate) fn finish(mut self, handles: &Arc<Handles>) -> Result<String, SinkError> {
        self.drain(handles)?;
        if let Some((mut handle, packer)) = self.open.take() {
            let broken = |error: &io::Error| write_error(&self.names, error);
            let end = packer.end().map_err(|error| broken(&error))?;
            let to = (&self.names, &*self.staging);
            write(to, &mut *handle.file, &mut self.written, &end, &handles.space)?;
            // What a disk took and then had no room for is lost, and nobody may try that again.
            handle.file.sync().map_err(|error| broken(&error))?;
        }
        Ok(self.names.sealed(self.written.size, self.written.hash()))
    }
}

/// Writes behind the bytes that a file has, and counts what comes. If there is no space, it waits.
fn write(
    (names, staging): (&Names, &Staging),
    file: &mut dyn WriteFile,
    written: &mut Written,
    bytes: &[u8],
    space: &Space,
) -> Result<(), SinkError> {
    let error = |error: &io::Error| disk_error("write", &names.visible, error);
    space.take(|again| {
        if again {
            // Who is overtaken would never hear of it: its next checkpoint waits, too.
            staging.still_mine()?;
            file.cut(written.size).map_err(|cut| error(&cut))?;
        }
        // What found no room for all of it takes up none while it waits.
        file.write_all(bytes).inspect_err(|_| drop(file.cut(written.size))).map_err(|full| error(&full))
    })?;
    written.take(bytes);
    Ok(())
}

fn write_error(names: &Names, error: &std::io::Error) -> SinkError {
    disk_error("write", &names.visible, error)
}
