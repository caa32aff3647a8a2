//! The sink `file`: a folder of part files, each writer its own. Exactly once: what is written between two
//! checkpoints becomes visible when the second one counts (without checkpoints, when the job is done).

use super::folder::{Folder, Mode, Names};
use super::handles::Handles;
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
use flow_engine::SpaceFor;
use flow_engine::sink::{Epoch, Mark, Run, Sealing, Sink, SinkError, Writer};
use flow_engine::space::Space;
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
/// Bytes that one writer collects in all its parts, about: where there are many, each has less.
const MOST_COLLECTED: usize = 32 << 20;
/// Parts that one writer has begun at most.
const MOST_BEGUN: usize = 8192;
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
    handles: Arc<Handles>,
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
        // Nobody waits before it is said.
        let space = Arc::new(Space::new(SpaceFor::Sink(String::new()), None));
        let handles = Handles::new(env, space);
        let (env, call, schema) = (env.clone(), call.clone(), schema.clone());
        let spec = Arc::new(Spec { path, env, call, schema, packing, roll });
        Ok(FileSink { folder, spec, begun: None, handles })
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

    fn may_wait_for(&mut self, space: &Arc<Space>) {
        self.handles = Handles::new(&self.spec.env, space.clone());
    }

    fn may_begin(&self, fresh: bool) -> Result<(), SinkError> {
        self.folder.would_begin(fresh)
    }

    fn clean(&mut self, keep: &[String]) -> Result<(), SinkError> {
        self.folder.clean(keep)
    }

    fn filled(&self, mark: Mark) -> Epoch {
        self.folder.filled().unwrap_or(mark.epoch)
    }

    fn shows(&self, sealed: &[String]) -> Result<bool, SinkError> {
        self.folder.shows(sealed)
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
            parts: BTreeMap::new(),
            open: BTreeMap::new(),
            turn: 0,
            handles: self.handles.clone(),
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

    fn finish(&mut self, sealed: &[String]) -> Result<(), SinkError> {
        self.folder.finish(sealed)
    }

    fn end(&mut self) -> Result<(), SinkError> {
        self.folder.end()
    }

    fn abort(&mut self) {
        self.folder.clear();
    }
}

/// A part that rows are added to, and when its file was written to last.
struct Begun {
    part: Part,
    turn: u64,
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
    parts: BTreeMap<String, Begun>,
    /// Those whose files are open, by the turn at which they were written to last.
    open: BTreeMap<u64, String>,
    turn: u64,
    handles: Arc<Handles>,
    /// Complete, but not made to last.
    waiting: VecDeque<Part>,
    /// Made to last: how they are known.
    finished: Vec<String>,
    spare: Out,
}

impl FileWriter {
    /// Adds rows to the part of a subfolder.
    fn rows(&mut self, below: &str, batch: &Batch, full: usize) -> Result<(), SinkError> {
        if !self.parts.contains_key(below) {
            if self.parts.len() >= MOST_BEGUN {
                self.close_all()?;
            }
            self.begin(below)?;
        }
        let Some(Begun { part, .. }) = self.parts.get_mut(below) else { return Ok(()) };
        if part.rows(batch, &mut *self.encoder)? >= full {
            self.drain(below)?;
        }
        let over = |begun: &Begun| begun.part.is_full(self.spec.roll, &*self.spec.env.clock);
        if self.parts.get(below).is_some_and(over) { self.close(below) } else { Ok(()) }
    }

    fn begin(&mut self, below: &str) -> Result<(), SinkError> {
        let extension = self.encoder.extension();
        let name = format!("part-{}-{}.{extension}{}", self.worker, self.number, suffix(self.spec.packing));
        let names = Names::new(&self.spec.path, &self.staging.path, below, &name);
        self.number += 1;
        let out = std::mem::take(&mut self.spare);
        let (packing, started) = (self.spec.packing, self.spec.env.clock.elapsed());
        let mut part = Part::new(names, &self.staging, packing, &mut *self.encoder, out, started);
        if self.partition.is_none() {
            // There is one, and who cannot write it should hear of it now.
            part.open(&self.handles)?;
        }
        self.parts.insert(below.to_string(), Begun { part, turn: 0 });
        Ok(())
    }

    /// Writes what waits for a subfolder.
    fn drain(&mut self, below: &str) -> Result<(), SinkError> {
        if self.parts.get(below).is_some_and(|begun| !begun.part.is_open()) {
            self.make_room()?;
        }
        let Some(begun) = self.parts.get_mut(below) else { return Ok(()) };
        self.open.remove(&begun.turn);
        self.turn += 1;
        begun.turn = self.turn;
        self.open.insert(self.turn, below.to_string());
        begun.part.drain(&self.handles)
    }

    /// Closes files until one more may be open: those that are complete, then the one that was not written to for longest.
    fn make_room(&mut self) -> Result<(), SinkError> {
        while self.handles.is_full() {
            if let Some(part) = self.waiting.pop_front() {
                self.finished.push(part.finish(&self.handles)?);
                continue;
            }
            let Some((_, below)) = self.open.pop_first() else { break };
            match self.parts.get_mut(&below) {
                Some(begun) if begun.part.may_sleep() => begun.part.sleep()?,
                _ => self.close(&below)?,
            }
        }
        Ok(())
    }

    /// No more rows come to the part of a subfolder.
    fn close(&mut self, below: &str) -> Result<(), SinkError> {
        if let Some(Begun { mut part, turn }) = self.parts.remove(below) {
            self.open.remove(&turn);
            self.spare = part.close(&self.handles)?;
            self.waiting.push_back(part);
        }
        while self.waiting.len() > MOST_WAITING
            && let Some(part) = self.waiting.pop_front()
        {
            self.finished.push(part.finish(&self.handles)?);
        }
        Ok(())
    }

    fn close_all(&mut self) -> Result<(), SinkError> {
        let begun: Vec<String> = self.parts.keys().cloned().collect();
        begun.iter().try_for_each(|below| self.close(below))
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
            let full = (MOST_COLLECTED / (self.parts.len() + 1)).min(FULL_OF_MANY);
            self.rows(&below, &batch.gather(&rows), full)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        // Nothing is visible before the commit; only time may close a part here.
        let (roll, clock) = (self.spec.roll, self.spec.env.clock.clone());
        let over = self.parts.iter().filter(|(_, begun)| begun.part.is_full(roll, &*clock));
        let over: Vec<String> = over.map(|(below, _)| below.clone()).collect();
        over.iter().try_for_each(|below| self.close(below))
    }

    fn seal(&mut self) -> Result<Box<dyn Sealing>, SinkError> {
        let mut parts = Vec::from(std::mem::take(&mut self.waiting));
        if planted("forget-a-rolled-part") {
            parts.pop();
        }
        parts.extend(std::mem::take(&mut self.parts).into_values().map(|begun| begun.part));
        self.open.clear();
        // Those come first whose files are open already: others wait for room.
        parts.sort_by_key(|part| !part.is_open());
        let finished = std::mem::take(&mut self.finished);
        let (handles, staging) = (self.handles.clone(), self.staging.clone());
        Ok(Box::new(FileSealing { parts, finished, handles, staging }))
    }
}

/// One worker's share of an epoch.
struct FileSealing {
    parts: Vec<Part>,
    /// How those are known that last already.
    finished: Vec<String>,
    handles: Arc<Handles>,
    staging: Arc<Staging>,
}

impl Sealing for FileSealing {
    fn finish(self: Box<Self>) -> Result<Vec<String>, SinkError> {
        let mut sealed = self.finished;
        for part in self.parts {
            sealed.push(part.finish(&self.handles)?);
        }
        if !sealed.is_empty() {
            self.staging.sync()?;
        }
        Ok(sealed)
    }
}
