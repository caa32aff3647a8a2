//! The source `file`: one file, a glob or a folder. Without event time, file by file in the order of
//! their paths; with it, each file is a split, and the piece that begins earliest comes first.

use super::lines::{LineReader, Work};
use super::merge::Merge;
use super::open::Packing;
use super::opened::{Opened, Opening};
use super::paths;
use super::peek::Peeker;
use super::position::{FileTracker, Known, Place, Position};
use crate::args;
use crate::format::Reading;
use flow_engine::source::{ChunkReader, Emit, Next, Source, SourceError, SplitStart, Step, Tracker};
use flow_env::Env;
use flow_plan::connector::ConnectorCall;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a first look at a file.
pub(crate) const LOOK: usize = 8 << 10;
/// Bytes in which a row is looked for that comes through the filters behind a file.
const FAR_LOOK: u64 = 64 << 10;

/// All files of one call.
pub(crate) struct FileSource {
    opening: Opening,
    base: Arc<Path>,
    /// What the path means now.
    covered: Vec<PathBuf>,
    /// The files that are read, and how far they were when the source began.
    position: Position,
    files: Files,
    size: Option<u64>,
    /// Is something read in order, and so on a thread of its own?
    ordered: bool,
}

enum Files {
    /// In the order of their paths: the next ones, and the one that is being read, by their numbers.
    Paths { waiting: VecDeque<u32>, opened: Option<(u32, Opened)> },
    /// By event time.
    Times(Merge),
}

impl FileSource {
    /// Opens every file once, to say now what cannot be read.
    pub(crate) fn new(
        call: &ConnectorCall,
        reading: Reading,
        base: &Path,
        env: &Env,
    ) -> Result<FileSource, SourceError> {
        let path =
            args::string(call, "path").ok_or_else(|| SourceError::Open("file() needs a path".into()))?;
        if args::boolean(call, "follow") == Some(true) {
            return Err(SourceError::Open("file(…, follow: true) is not supported yet".into()));
        }
        let packing = match args::word(call, "compression").unwrap_or("auto") {
            "none" => Some(Packing::None),
            "gzip" => Some(Packing::Gzip),
            "zstd" => Some(Packing::Zstd),
            _ => None,
        };
        let covered = paths::files(&path, base, &*env.disk)?;
        let ordered = !reading.splits();
        let mut source = FileSource {
            opening: Opening { reading, packing, disk: env.disk.clone() },
            base: base.into(),
            position: Position { files: Vec::new(), by_time: false },
            files: Files::Paths { waiting: (0..covered.len() as u32).collect(), opened: None },
            covered,
            size: Some(0),
            ordered,
        };
        for path in source.covered.clone() {
            let known = source.look(&path)?;
            source.position.files.push((known, Place::default()));
        }
        Ok(source)
    }

    /// A look at a file before the start.
    fn look(&mut self, path: &Path) -> Result<Known, SourceError> {
        let file = self.opening.open(path)?;
        if file.packing != Packing::None {
            self.size = None;
            self.ordered = true;
        }
        self.size = self.size.map(|size| size + file.len);
        if self.opening.reading.has_header() {
            let first = self.opening.ordered(&file, LOOK);
            let first = first.and_then(|mut file| self.opening.next_piece(&mut file));
            first.map_err(|error| match error {
                SourceError::Read(text) => SourceError::Open(text),
                other => other,
            })?;
        }
        Known::of(path, &file)
            .map_err(|error| SourceError::Open(format!("cannot read {}: {error}", file.name)))
    }
}

impl Source for FileSource {
    fn next(&mut self) -> Result<Next, SourceError> {
        let (waiting, opened) = match &mut self.files {
            Files::Paths { waiting, opened } => (waiting, opened),
            Files::Times(merge) => {
                let work = merge.next(&self.opening)?;
                return Ok(work.map_or(Next::End, |work| Next::Chunk(Box::new(work))));
            }
        };
        loop {
            if let Some((part, mut current)) = opened.take()
                && let Some(piece) = self.opening.next_piece(&mut current)?
            {
                let step = Step { part, to: current.at(), ..Step::default() };
                *opened = Some((part, current));
                return Ok(Next::Chunk(Box::new(Work { step, ..Work::of(piece) })));
            }
            let Some(part) = waiting.pop_front() else { return Ok(Next::End) };
            let (known, place) = &self.position.files[part as usize];
            let file = self.opening.open_again(&known.path)?;
            *opened = Some((part, self.opening.go_on(file, place.at)?));
        }
    }

    fn blocks(&self) -> bool {
        self.ordered
    }

    fn order_by(&mut self, column: usize, others: bool) -> Result<bool, SourceError> {
        if self.position.files.len() > 1 || others || self.position.by_time {
            let mut merge = Merge::new(Peeker::new(&self.opening.reading, column));
            for (known, place) in &self.position.files {
                match place {
                    Place { at: 0, done: false, .. } if !self.position.by_time => {
                        merge.add(known, &self.opening, LOOK)?;
                    }
                    _ => merge.go_on(known, *place, &self.opening, LOOK)?,
                }
            }
            self.position = Position { files: merge.begun(), by_time: true };
            self.files = Files::Times(merge);
        }
        Ok(true)
    }

    fn splits(&self) -> Vec<SplitStart> {
        match &self.files {
            Files::Paths { .. } => vec![SplitStart::default()],
            Files::Times(merge) => merge.splits(),
        }
    }

    fn first_rows(&self, split: usize, out: &mut dyn Emit) -> Result<(), SourceError> {
        match &self.files {
            Files::Paths { .. } => Ok(()),
            Files::Times(merge) => merge.first_rows(split, &self.opening, FAR_LOOK, out),
        }
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(LineReader::new(self.opening.reading.decoder()))
    }

    fn size(&self) -> Option<u64> {
        self.size
    }

    fn tracker(&self) -> Option<Box<dyn Tracker>> {
        let by_time = matches!(self.files, Files::Times(_));
        let position = Position { by_time, ..self.position.clone() };
        Some(Box::new(FileTracker::new(position, self.base.clone())))
    }

    /// Files that came since then are left out, as if the source had been read without a stop.
    fn seek(&mut self, position: &str) -> Result<(), SourceError> {
        let position = Position::read(position, &self.base)?;
        position.check(&self.covered, &*self.opening.disk)?;
        let unread = position.files.iter().enumerate().filter(|(_, (_, place))| !place.done);
        let waiting = unread.map(|(part, _)| part as u32).collect();
        self.size = self.size.map(|_| position.left());
        self.files = Files::Paths { waiting, opened: None };
        self.position = position;
        Ok(())
    }
}
