//! The source `stdin`: blocks of what has arrived, so that a person who types sees each line answered.

use super::cut::{Cut, Cutter, Ends};
use super::lines::{LineReader, Piece, Work};
use super::peek::Peeker;
use crate::block::Columns;
use crate::csv::header;
use crate::format::Reading;
use flow_engine::source::{ChunkReader, Next, Source, SourceError};
use std::io::Read;
use std::sync::Arc;

/// Standard input.
pub(crate) struct StdinSource {
    reading: Reading,
    cutter: Cutter,
    columns: Option<Arc<Columns>>,
    /// Is the header still to come?
    header: bool,
    /// Looks at the time of each block, if it decides which source is read next.
    peeker: Option<Peeker>,
}

impl StdinSource {
    /// Reads nothing yet.
    pub(crate) fn new(reading: Reading, input: Box<dyn Read + Send>) -> StdinSource {
        let ends = reading.delimiter().map_or(Ends::Line, Ends::Csv);
        StdinSource {
            cutter: Cutter::new("<stdin>".into(), input, ends, true),
            columns: reading.columns_in_order(),
            header: reading.has_header(),
            peeker: None,
            reading,
        }
    }
}

impl Source for StdinSource {
    fn next(&mut self) -> Result<Next, SourceError> {
        let piece = match self.cutter.next()? {
            Cut::End => return Ok(Next::End),
            Cut::TooLong(at, beginning) => Piece::TooLong("<stdin>".into(), at, beginning),
            Cut::Block(mut block) => {
                if std::mem::take(&mut self.header) {
                    self.columns = Some(header::read(&mut block, &self.reading)?);
                }
                block.columns = self.columns.clone();
                Piece::Block(block)
            }
        };
        let time = match &mut self.peeker {
            Some(peeker) => peeker.piece(&piece)?,
            None => None,
        };
        Ok(Next::Chunk(Box::new(Work { time, ..Work::of(piece) })))
    }

    fn blocks(&self) -> bool {
        true
    }

    fn live(&self) -> bool {
        true
    }

    fn order_by(&mut self, column: usize, others: bool) -> Result<bool, SourceError> {
        self.peeker = others.then(|| Peeker::new(&self.reading, column));
        Ok(true)
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(LineReader::new(self.reading.decoder()))
    }
}
