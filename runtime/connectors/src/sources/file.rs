//! The source `file`: one file, a glob or a folder, file by file in the order of their paths. Plain
//! lines are handed out as ranges that workers read side by side; compressed files and CSV (whose
//! quotes may hide line ends) are read in order.

use super::cut::{Cut, Cutter, Ends};
use super::lines::{LineReader, Piece};
use super::open::{OpenFile, Packing, open};
use super::paths;
use super::range::{RANGE, Range};
use crate::args;
use crate::block::{Columns, read_error};
use crate::csv::header;
use crate::format::Reading;
use flow_engine::source::{ChunkReader, Next, Source, SourceError};
use flow_env::{Disk, Env};
use flow_plan::connector::ConnectorCall;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All files of one call.
pub(crate) struct FileSource {
    reading: Reading,
    packing: Option<Packing>,
    disk: Arc<dyn Disk>,
    waiting: VecDeque<PathBuf>,
    current: Option<Current>,
    size: Option<u64>,
    /// Is something read in order, and so on a thread of its own?
    ordered: bool,
}

/// The file that is being handed out.
enum Current {
    /// In ranges; the next one starts here.
    Ranges(Arc<OpenFile>, u64),
    /// In order.
    Ordered { cutter: Cutter, name: Arc<str>, columns: Option<Arc<Columns>>, header: bool },
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
        let waiting: VecDeque<PathBuf> = paths::files(&path, base, &*env.disk)?.into();
        let ordered = !reading.splits();
        let disk = env.disk.clone();
        let mut source =
            FileSource { reading, packing, disk, waiting, current: None, size: Some(0), ordered };
        source.look()?;
        Ok(source)
    }

    /// A look at every file before the start.
    fn look(&mut self) -> Result<(), SourceError> {
        for path in &self.waiting {
            let file = open(path, self.packing, &*self.disk)?;
            if file.packing != Packing::None {
                self.size = None;
                self.ordered = true;
            }
            self.size = self.size.map(|size| size + file.len);
            if self.reading.has_header() {
                let first = self.start(Arc::new(file)).and_then(|mut file| self.next_piece(&mut file));
                first.map_err(|error| match error {
                    SourceError::Read(text) => SourceError::Open(text),
                    other => other,
                })?;
            }
        }
        Ok(())
    }

    /// Begins with a file.
    fn start(&self, file: Arc<OpenFile>) -> Result<Current, SourceError> {
        if file.packing == Packing::None && self.reading.splits() {
            return Ok(Current::Ranges(file, 0));
        }
        let ends = self.reading.delimiter().map_or(Ends::Line, Ends::Csv);
        let name = file.name.clone();
        let input = file.reader().map_err(|error| read_error(&name, 0, error))?;
        Ok(Current::Ordered {
            cutter: Cutter::new(name.clone(), input, ends, false),
            name,
            columns: self.reading.columns_in_order(),
            header: self.reading.has_header(),
        })
    }

    /// The next piece of a file, `None` at its end.
    fn next_piece(&self, current: &mut Current) -> Result<Option<Piece>, SourceError> {
        match current {
            Current::Ranges(file, at) => {
                if *at >= file.len {
                    return Ok(None);
                }
                let start = *at;
                *at = (start + RANGE).min(file.len);
                Ok(Some(Piece::Range(Range { file: file.clone(), start, end: *at })))
            }
            Current::Ordered { cutter, name, columns, header } => match cutter.next()? {
                Cut::End => Ok(None),
                Cut::TooLong(at, beginning) => Ok(Some(Piece::TooLong(name.clone(), at, beginning))),
                Cut::Block(mut block) => {
                    if std::mem::take(header) {
                        *columns = Some(header::read(&mut block, &self.reading)?);
                    }
                    block.columns = columns.clone();
                    Ok(Some(Piece::Block(block)))
                }
            },
        }
    }
}

impl Source for FileSource {
    fn next(&mut self) -> Result<Next, SourceError> {
        loop {
            if let Some(mut current) = self.current.take()
                && let Some(piece) = self.next_piece(&mut current)?
            {
                self.current = Some(current);
                return Ok(Next::Chunk(Box::new(piece)));
            }
            let Some(path) = self.waiting.pop_front() else { return Ok(Next::End) };
            let file = open(&path, self.packing, &*self.disk).map_err(|error| match error {
                SourceError::Open(text) => SourceError::Read(text),
                other => other,
            })?;
            self.current = Some(self.start(Arc::new(file))?);
        }
    }

    fn blocks(&self) -> bool {
        self.ordered
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(LineReader::new(self.reading.decoder()))
    }

    fn size(&self) -> Option<u64> {
        self.size
    }
}
