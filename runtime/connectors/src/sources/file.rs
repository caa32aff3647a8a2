//! The source `file`: one file, a glob or a folder. Without event time, file by file in the order of
//! their paths; with it, each file is a split, and the piece that begins earliest comes first.

use super::lines::{LineReader, Work};
use super::merge::Merge;
use super::open::Packing;
use super::opened::{Opened, Opening};
use super::paths;
use super::peek::Peeker;
use crate::args;
use crate::format::Reading;
use flow_engine::source::{ChunkReader, Next, Source, SourceError};
use flow_env::Env;
use flow_plan::connector::ConnectorCall;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Bytes of a first look at a file.
const LOOK: usize = 8 << 10;

/// All files of one call.
pub(crate) struct FileSource {
    opening: Opening,
    files: Files,
    size: Option<u64>,
    /// Is something read in order, and so on a thread of its own?
    ordered: bool,
}

enum Files {
    /// In the order of their paths.
    Paths { waiting: VecDeque<PathBuf>, opened: Option<Opened> },
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
        let paths = paths::files(&path, base, &*env.disk)?;
        let ordered = !reading.splits();
        let opening = Opening { reading, packing, disk: env.disk.clone() };
        let files = Files::Paths { waiting: paths.clone().into(), opened: None };
        let mut source = FileSource { opening, files, size: Some(0), ordered };
        paths.iter().try_for_each(|path| source.look(path))?;
        Ok(source)
    }

    /// A look at a file before the start.
    fn look(&mut self, path: &Path) -> Result<(), SourceError> {
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
        Ok(())
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
            if let Some(mut current) = opened.take()
                && let Some(piece) = self.opening.next_piece(&mut current)?
            {
                *opened = Some(current);
                return Ok(Next::Chunk(Box::new(Work::of(piece))));
            }
            let Some(path) = waiting.pop_front() else { return Ok(Next::End) };
            *opened = Some(self.opening.start(self.opening.open_again(&path)?)?);
        }
    }

    fn blocks(&self) -> bool {
        self.ordered
    }

    fn order_by(&mut self, column: usize, others: bool) -> Result<bool, SourceError> {
        let Files::Paths { waiting, .. } = &mut self.files else { return Ok(true) };
        if waiting.len() > 1 || others {
            let mut merge = Merge::new(Peeker::new(&self.opening.reading, column));
            for path in waiting.iter() {
                merge.add(path, &self.opening, LOOK)?;
            }
            self.files = Files::Times(merge);
        }
        Ok(true)
    }

    fn splits(&self) -> Vec<Option<i64>> {
        match &self.files {
            Files::Paths { .. } => vec![None],
            Files::Times(merge) => merge.firsts(),
        }
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(LineReader::new(self.opening.reading.decoder()))
    }

    fn size(&self) -> Option<u64> {
        self.size
    }
}
