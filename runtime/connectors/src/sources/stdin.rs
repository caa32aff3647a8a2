//! The source `stdin`: a thread of its own reads and cuts, so that waiting for a person or a pipe
//! keeps nobody from working or stopping.

use super::cut::{Cut, Cutter, Ends};
use super::lines::{LineReader, Piece};
use crate::csv::header;
use crate::format::Reading;
use flow_engine::source::{ChunkReader, Next, Source, SourceError};
use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

/// Blocks that wait to be taken.
const WAITING: usize = 4;

/// Standard input.
pub(crate) struct StdinSource {
    reading: Reading,
    pieces: Receiver<Result<Piece, SourceError>>,
}

impl StdinSource {
    /// Starts to read.
    pub(crate) fn new(reading: Reading, input: Box<dyn Read + Send>) -> Result<StdinSource, SourceError> {
        let (send, pieces) = sync_channel(WAITING);
        let ends = reading.delimiter().map_or(Ends::Line, Ends::Csv);
        let cutter = Cutter::new("<stdin>".into(), input, ends, true);
        let own = reading.clone();
        flow_env::spawn("flow-stdin", move || read_all(cutter, &own, &send))
            .map_err(|error| SourceError::Open(format!("cannot start a thread: {error}")))?;
        Ok(StdinSource { reading, pieces })
    }
}

/// Hands out pieces until the input ends, breaks, or nobody wants more.
fn read_all(mut cutter: Cutter, reading: &Reading, send: &SyncSender<Result<Piece, SourceError>>) {
    let mut columns = reading.columns_in_order();
    let mut header = reading.has_header();
    loop {
        let piece = match cutter.next() {
            Ok(Cut::End) => return,
            Ok(Cut::TooLong(at, beginning)) => Ok(Piece::TooLong("<stdin>".into(), at, beginning)),
            Ok(Cut::Block(mut block)) => {
                let found = if std::mem::take(&mut header) {
                    header::read(&mut block, reading).map(|found| columns = Some(found))
                } else {
                    Ok(())
                };
                block.columns = columns.clone();
                found.map(|()| Piece::Block(block))
            }
            Err(error) => Err(error),
        };
        let over = piece.is_err();
        if send.send(piece).is_err() || over {
            return;
        }
    }
}

impl Source for StdinSource {
    fn next(&mut self) -> Result<Next, SourceError> {
        match self.pieces.try_recv() {
            Ok(piece) => Ok(Next::Chunk(Box::new(piece?))),
            Err(TryRecvError::Empty) => Ok(Next::Pending),
            Err(TryRecvError::Disconnected) => Ok(Next::End),
        }
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(LineReader::new(self.reading.decoder()))
    }
}
