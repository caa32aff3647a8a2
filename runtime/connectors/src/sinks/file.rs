//! The sink `file`: a folder of part files, each writer its own. Exactly once: nothing is visible
//! before the job is done, and then all of it.

use super::folder::{Folder, Mode, Staged};
use super::pack::suffix;
use super::part::{Part, Roll};
use super::partition::Partition;
use crate::args;
use crate::encode::Encoder;
use crate::format::encoder;
use crate::out::Out;
use crate::sources::open::Packing;
use flow_data::Batch;
use flow_engine::sink::{Sink, SinkError, Writer};
use flow_env::Env;
use flow_plan::RecordType;
use flow_plan::connector::ConnectorCall;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes that are collected before they are written: one part, or many at once.
const FULL: usize = 256 << 10;
const FULL_OF_MANY: usize = 32 << 10;
/// Partitions that one writer holds open.
const MOST_OPEN: usize = 128;

/// What all writers share.
struct Shared {
    path: PathBuf,
    env: Env,
    call: ConnectorCall,
    schema: Arc<RecordType>,
    packing: Packing,
    roll: Roll,
    first_number: u64,
    staged: Mutex<Vec<Staged>>,
}

/// A folder of part files.
pub(crate) struct FileSink {
    folder: Folder,
    shared: Arc<Shared>,
}

impl FileSink {
    /// Refuses what cannot work before anything runs.
    pub(crate) fn new(
        call: &ConnectorCall,
        schema: &Arc<RecordType>,
        base: &Path,
        env: &Env,
    ) -> Result<FileSink, SinkError> {
        let path = args::string(call, "path").ok_or_else(|| SinkError::Open("file() needs a path".into()))?;
        let path = base.join(path);
        encoder(call, schema)?;
        Partition::new(&args::names(call, "partitionBy"), schema)?;
        let mode = match args::word(call, "mode") {
            None => Mode::Refuse,
            Some("overwrite") => Mode::Overwrite,
            Some(_) => Mode::Append,
        };
        let packing = match args::word(call, "compression") {
            Some("gzip") => Packing::Gzip,
            Some("zstd") => Packing::Zstd,
            _ => Packing::None,
        };
        let roll = Roll {
            size: args::int(call, "rollSize").map_or(128 << 20, |n| n.max(1) as u64),
            every: args::int(call, "rollEvery").map(|micros| Duration::from_micros(micros.max(1) as u64)),
        };
        let folder = Folder::open(path.clone(), mode, env.disk.clone())?;
        let first_number = folder.first_number();
        let shared = Shared {
            path,
            env: env.clone(),
            call: call.clone(),
            schema: schema.clone(),
            packing,
            roll,
            first_number,
            staged: Mutex::default(),
        };
        Ok(FileSink { folder, shared: Arc::new(shared) })
    }
}

impl Sink for FileSink {
    fn writer(&mut self, worker: usize) -> Result<Box<dyn Writer>, SinkError> {
        let shared = self.shared.clone();
        Ok(Box::new(FileWriter {
            encoder: encoder(&shared.call, &shared.schema)?,
            partition: Partition::new(&args::names(&shared.call, "partitionBy"), &shared.schema)?,
            worker,
            number: shared.first_number,
            open: HashMap::new(),
            spare: Out::default(),
            shared,
        }))
    }

    fn commit(&mut self) -> Result<(), SinkError> {
        let staged = std::mem::take(&mut *self.shared.staged.lock().unwrap_or_else(PoisonError::into_inner));
        self.folder.commit(&staged)
    }

    fn abort(&mut self) {
        self.folder.clear();
    }
}

/// One worker's parts.
struct FileWriter {
    shared: Arc<Shared>,
    encoder: Box<dyn Encoder>,
    partition: Partition,
    worker: usize,
    /// Of the next part.
    number: u64,
    /// By subfolder.
    open: HashMap<String, Part>,
    spare: Out,
}

impl FileWriter {
    /// Adds rows to the open part of a subfolder.
    fn rows(&mut self, below: &str, batch: &Batch, full: usize) -> Result<(), SinkError> {
        if !self.open.contains_key(below) {
            if self.open.len() >= MOST_OPEN {
                self.close_all()?;
            }
            let part = self.create(below)?;
            self.open.insert(below.to_string(), part);
        }
        let Some(part) = self.open.get_mut(below) else { return Ok(()) };
        part.rows(batch, &mut *self.encoder, full)?;
        if part.is_full(self.shared.roll, &*self.shared.env.clock) {
            self.close(below)?;
        }
        Ok(())
    }

    fn create(&mut self, below: &str) -> Result<Part, SinkError> {
        let extension = format!("{}{}", self.encoder.extension(), suffix(self.shared.packing));
        let names = Folder::names(&self.shared.path, below, self.worker, self.number, &extension);
        self.number += 1;
        let out = std::mem::take(&mut self.spare);
        let env = &self.shared.env;
        Part::create(names, self.shared.packing, &mut *self.encoder, out, &*env.disk, &*env.clock)
    }

    fn close(&mut self, below: &str) -> Result<(), SinkError> {
        if let Some(part) = self.open.remove(below) {
            let (staged, out) = part.finish()?;
            self.spare = out;
            self.shared.staged.lock().unwrap_or_else(PoisonError::into_inner).push(staged);
        }
        Ok(())
    }

    fn close_all(&mut self) -> Result<(), SinkError> {
        let open: Vec<String> = self.open.keys().cloned().collect();
        open.iter().try_for_each(|below| self.close(below))
    }
}

impl Writer for FileWriter {
    fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        if batch.len == 0 {
            return Ok(());
        }
        if self.partition.is_none() {
            return self.rows("", batch, FULL);
        }
        for (below, rows) in self.partition.split(batch) {
            self.rows(&below, &batch.gather(&rows), FULL_OF_MANY)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        // Nothing is visible before the commit; only time may close a part here.
        let (roll, clock) = (self.shared.roll, self.shared.env.clock.clone());
        let over = self.open.iter().filter(|(_, part)| part.is_full(roll, &*clock));
        let over: Vec<String> = over.map(|(below, _)| below.clone()).collect();
        over.iter().try_for_each(|below| self.close(below))
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.close_all()
    }
}
