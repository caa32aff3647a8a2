//! The sink `file`: a folder of part files, each writer its own. Exactly once: what is written between two
//! checkpoints becomes visible when the second one counts (without checkpoints, when the job is done).

use super::folder::{Folder, Mode, Names};
use super::pack::suffix;
use super::part::{Part, Roll};
use super::partition::Partition;
use super::staging::Staging;
use crate::args;
use crate::encode::Encoder;
use crate::format::encoder;
use crate::out::Out;
use crate::sources::open::Packing;
use flow_data::Batch;
use flow_engine::sink::{Epoch, Mark, Run, Sealing, Sink, SinkError, Writer};
use flow_env::{Env, planted};
use flow_plan::RecordType;
use flow_plan::connector::ConnectorCall;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Bytes that are collected before they are written: one part, or many at once.
const FULL: usize = 512 << 10;
const FULL_OF_MANY: usize = 32 << 10;
/// Partitions that one writer holds open.
const MOST_OPEN: usize = 128;
/// Parts that are complete and wait for the sealing to make them last: that takes long.
const MOST_WAITING: usize = 16;

/// What the call says.
struct Spec {
    path: PathBuf,
    env: Env,
    call: ConnectorCall,
    schema: Arc<RecordType>,
    packing: Packing,
    roll: Roll,
}

/// A folder of part files.
pub(crate) struct FileSink {
    folder: Folder,
    spec: Arc<Spec>,
    /// Where this run stages its parts, and the number of the first one.
    begun: Option<(Arc<Staging>, u64)>,
}

impl FileSink {
    /// Refuses what cannot work before anything runs.
    pub(crate) fn new(
        call: &ConnectorCall,
        schema: &Arc<RecordType>,
        path: PathBuf,
        env: &Env,
    ) -> Result<FileSink, SinkError> {
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
        let (env, call, schema) = (env.clone(), call.clone(), schema.clone());
        let spec = Arc::new(Spec { path, env, call, schema, packing, roll });
        Ok(FileSink { folder, spec, begun: None })
    }

    /// The folder that a call means.
    pub(crate) fn path(call: &ConnectorCall, base: &Path) -> Result<PathBuf, SinkError> {
        let path = args::string(call, "path").ok_or_else(|| SinkError::Open("file() needs a path".into()))?;
        Ok(base.join(path))
    }
}

impl Sink for FileSink {
    fn begin(&mut self, run: &Run) -> Result<Option<Mark>, SinkError> {
        let token = self.spec.env.clock.wall_micros() as u64;
        let (staging, first, mark) = self.folder.begin(run, token)?;
        self.begun = Some((staging, first));
        Ok(mark)
    }

    fn may_begin(&self, fresh: bool) -> Result<(), SinkError> {
        self.folder.would_begin(fresh)
    }

    fn clean(&mut self, keep: &[String]) -> Result<(), SinkError> {
        self.folder.clean(keep)
    }

    fn writer(&mut self, worker: usize) -> Result<Box<dyn Writer>, SinkError> {
        let Some((staging, number)) = &self.begun else {
            return Err(SinkError::Open("internal error: a writer before the run has begun".into()));
        };
        let spec = self.spec.clone();
        Ok(Box::new(FileWriter {
            encoder: encoder(&spec.call, &spec.schema)?,
            partition: Partition::new(&args::names(&spec.call, "partitionBy"), &spec.schema)?,
            worker,
            number: *number,
            open: BTreeMap::new(),
            waiting: VecDeque::new(),
            finished: Vec::new(),
            spare: Out::default(),
            staging: staging.clone(),
            spec,
        }))
    }

    fn commit(&mut self, epoch: Epoch, sealed: &[String]) -> Result<(), SinkError> {
        self.folder.commit(epoch, sealed)
    }

    fn end(&mut self) -> Result<(), SinkError> {
        self.folder.end()
    }

    fn abort(&mut self) {
        self.folder.clear();
    }
}

/// One worker's parts.
struct FileWriter {
    spec: Arc<Spec>,
    staging: Arc<Staging>,
    encoder: Box<dyn Encoder>,
    partition: Partition,
    worker: usize,
    /// Of the next part.
    number: u64,
    /// By subfolder, in an order that is the same in every run.
    open: BTreeMap<String, Part>,
    /// Complete, but not made to last.
    waiting: VecDeque<Part>,
    /// Made to last: how they are known.
    finished: Vec<String>,
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
        if part.is_full(self.spec.roll, &*self.spec.env.clock) {
            self.close(below)?;
        }
        Ok(())
    }

    fn create(&mut self, below: &str) -> Result<Part, SinkError> {
        let extension = self.encoder.extension();
        let name = format!("part-{}-{}.{extension}{}", self.worker, self.number, suffix(self.spec.packing));
        let names = Names::new(&self.spec.path, &self.staging.path, below, &name);
        self.number += 1;
        let out = std::mem::take(&mut self.spare);
        let Env { disk, clock } = &self.spec.env;
        let (packing, encoder) = (self.spec.packing, &mut *self.encoder);
        Part::create(names, &self.staging, packing, encoder, out, (&**disk, &**clock))
    }

    fn close(&mut self, below: &str) -> Result<(), SinkError> {
        if let Some(mut part) = self.open.remove(below) {
            self.spare = part.close()?;
            self.waiting.push_back(part);
        }
        while self.waiting.len() > MOST_WAITING
            && let Some(part) = self.waiting.pop_front()
        {
            self.finished.push(part.finish()?);
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
        let (roll, clock) = (self.spec.roll, self.spec.env.clock.clone());
        let over = self.open.iter().filter(|(_, part)| part.is_full(roll, &*clock));
        let over: Vec<String> = over.map(|(below, _)| below.clone()).collect();
        over.iter().try_for_each(|below| self.close(below))
    }

    fn seal(&mut self) -> Result<Box<dyn Sealing>, SinkError> {
        let mut parts = Vec::from(std::mem::take(&mut self.waiting));
        if planted("forget-a-rolled-part") {
            parts.pop();
        }
        parts.extend(std::mem::take(&mut self.open).into_values());
        let finished = std::mem::take(&mut self.finished);
        Ok(Box::new(FileSealing { parts, finished, staging: self.staging.clone() }))
    }
}

/// One worker's share of an epoch.
struct FileSealing {
    parts: Vec<Part>,
    /// How those are known that last already.
    finished: Vec<String>,
    staging: Arc<Staging>,
}

impl Sealing for FileSealing {
    fn finish(self: Box<Self>) -> Result<Vec<String>, SinkError> {
        let mut sealed = self.finished;
        for part in self.parts {
            sealed.push(part.finish()?);
        }
        if !sealed.is_empty() {
            self.staging.sync()?;
        }
        Ok(sealed)
    }
}
