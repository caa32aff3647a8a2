//! One file of a source, handed out piece by piece: plain lines as ranges that workers read side by side;
//! compressed files, and CSV, whose quotes may hide line ends, in order.

use super::cut::{Cut, Cutter, Ends};
use super::lines::Piece;
use super::open::{OpenFile, Packing, open};
use super::range::{RANGE, Range};
use crate::block::{Columns, read_error};
use crate::csv::header;
use crate::format::Reading;
use flow_engine::source::SourceError;
use flow_env::Disk;
use std::path::Path;
use std::sync::Arc;

/// How files are opened and cut.
pub(crate) struct Opening {
    pub(crate) reading: Reading,
    /// Overrides what a file looks like.
    pub(crate) packing: Option<Packing>,
    pub(crate) disk: Arc<dyn Disk>,
}

/// A file that is being handed out.
pub(crate) enum Opened {
    /// In ranges; the next one starts here.
    Ranges(Arc<OpenFile>, u64),
    /// In order.
    Ordered { cutter: Cutter, name: Arc<str>, columns: Option<Arc<Columns>>, header: bool },
}

impl Opened {
    /// Behind the piece that was given last, in the unpacked bytes.
    pub(crate) fn at(&self) -> u64 {
        match self {
            Opened::Ranges(_, at) => *at,
            Opened::Ordered { cutter, .. } => cutter.at(),
        }
    }
}

impl Opening {
    /// Opens a file to look at it.
    pub(crate) fn open(&self, path: &Path) -> Result<OpenFile, SourceError> {
        open(path, self.packing, &*self.disk)
    }

    /// Opens a file while the job runs.
    pub(crate) fn open_again(&self, path: &Path) -> Result<Arc<OpenFile>, SourceError> {
        let file = self.open(path).map_err(|error| match error {
            SourceError::Open(text) => SourceError::Read(text),
            other => other,
        })?;
        Ok(Arc::new(file))
    }

    /// Is a file read in order?
    pub(crate) fn in_order(&self, file: &OpenFile) -> bool {
        file.packing != Packing::None || !self.reading.splits()
    }

    /// Goes on with a file behind what was read of it, if anything was.
    pub(crate) fn go_on(&self, file: Arc<OpenFile>, at: u64) -> Result<Opened, SourceError> {
        match self.in_order(&file) {
            false => Ok(Opened::Ranges(file, at)),
            true => self.ordered_from(&file, at, super::cut::BLOCK),
        }
    }

    /// Reads a file in order from behind what was read of it, in blocks of about this size.
    pub(crate) fn ordered_from(&self, file: &OpenFile, at: u64, block: usize) -> Result<Opened, SourceError> {
        if at == 0 {
            return self.ordered(file, block);
        }
        // What the columns are stands at the beginning.
        let mut columns = self.reading.columns_in_order();
        if self.reading.has_header() {
            let mut beginning = self.ordered(file, super::file::LOOK)?;
            self.next_piece(&mut beginning)?;
            if let Opened::Ordered { columns: read, .. } = beginning {
                columns = read;
            }
        }
        let name = file.name.clone();
        let (input, before) = file.reader_from(at).map_err(|error| read_error(&name, at, error))?;
        let cutter = Cutter::new(name.clone(), input, self.ends(), false).in_blocks_of(block);
        let cutter = cutter.behind(at, before != b'\n');
        Ok(Opened::Ordered { cutter, name, columns, header: false })
    }

    fn ends(&self) -> Ends {
        self.reading.delimiter().map_or(Ends::Line, Ends::Csv)
    }

    /// Reads a file in order, in blocks of about this size.
    pub(crate) fn ordered(&self, file: &OpenFile, block: usize) -> Result<Opened, SourceError> {
        let name = file.name.clone();
        let input = file.reader().map_err(|error| read_error(&name, 0, error))?;
        Ok(Opened::Ordered {
            cutter: Cutter::new(name.clone(), input, self.ends(), false).in_blocks_of(block),
            name,
            columns: self.reading.columns_in_order(),
            header: self.reading.has_header(),
        })
    }

    /// The next piece of a file, `None` at its end.
    pub(crate) fn next_piece(&self, opened: &mut Opened) -> Result<Option<Piece>, SourceError> {
        match opened {
            Opened::Ranges(file, at) => {
                if *at >= file.len {
                    return Ok(None);
                }
                let start = *at;
                *at = (start + RANGE).min(file.len);
                Ok(Some(Piece::Range(Range { file: file.clone(), start, end: *at })))
            }
            Opened::Ordered { cutter, name, columns, header } => match cutter.next()? {
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
