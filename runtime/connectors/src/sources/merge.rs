//! Files merged by event time: the piece whose first record is earliest comes first. Files that follow each
//! other in time are read one after the other, files that overlap side by side. There may be many
//! thousands of files: only some are open at a time.

use super::file::LOOK;
use super::lines::{Piece, Work};
use super::opened::{Opened, Opening};
use super::peek::Peeker;
use super::position::{Known, Place};
use flow_engine::source::{Emit, SourceError, SplitStart, Step};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Files in the middle of which reading stands and that stay open. Others are opened again when it is their turn.
const OPEN: usize = 64;
/// Files that can only be read in order, and so must stay open with a block that was read ahead. If more
/// than these overlap in time, the rest comes later than it should, and its watermark is waited for.
const AHEAD: usize = 64;

/// All files of one source.
pub(crate) struct Merge {
    peeker: Peeker,
    files: Vec<File>,
    /// Files with more to come, by the time of the next record.
    next: BinaryHeap<Reverse<(i64, usize)>>,
    /// Files that must be read in order, while too many of these are open.
    put_off: Vec<(i64, usize)>,
    ahead: usize,
    /// Files read in ranges that are open, the one used last behind.
    open: VecDeque<usize>,
}

struct File {
    known: Known,
    /// How far it was read when the source began.
    begun: Place,
    /// The time of its first record.
    first: i64,
    in_order: bool,
    state: State,
}

enum State {
    /// Closed for the moment (or never opened); goes on here.
    Closed(u64),
    Ranges(Opened),
    /// With the piece that comes next, and where reading stands behind it.
    Ordered(Opened, Option<(Piece, u64)>),
    Done,
}

impl Merge {
    pub(crate) fn new(peeker: Peeker) -> Merge {
        Merge {
            peeker,
            files: Vec::new(),
            next: BinaryHeap::new(),
            put_off: Vec::new(),
            ahead: 0,
            open: VecDeque::new(),
        }
    }

    /// One more file, unless there is nothing in it.
    pub(crate) fn add(&mut self, known: &Known, opening: &Opening, look: usize) -> Result<(), SourceError> {
        let Some((first, in_order)) = self.look(known, opening, look)? else { return Ok(()) };
        self.next.push(Reverse((first, self.files.len())));
        let (known, begun) = (known.clone(), Place::default());
        self.files.push(File { known, begun, first, in_order, state: State::Closed(0) });
        Ok(())
    }

    /// A file of which some was read before.
    pub(crate) fn go_on(
        &mut self,
        known: &Known,
        begun: Place,
        opening: &Opening,
        look: usize,
    ) -> Result<(), SourceError> {
        let (first, in_order) = match begun {
            Place { done: true, .. } => (i64::MIN, false),
            // What it was when it was last read decides, also where its next record is no good.
            Place { next: Some(next), .. } => (next, opening.in_order(&opening.open(&known.path)?)),
            Place { at: 0, .. } => self.look(known, opening, look)?.unwrap_or((i64::MIN, false)),
            Place { .. } => (i64::MIN, opening.in_order(&opening.open(&known.path)?)),
        };
        let state = match begun.done {
            true => State::Done,
            false => {
                self.next.push(Reverse((first, self.files.len())));
                self.ahead += usize::from(in_order && begun.at > 0);
                State::Closed(begun.at)
            }
        };
        self.files.push(File { known: known.clone(), begun, first, in_order, state });
        Ok(())
    }

    /// The time of the first record of a file, and whether it is read in order; `None`: there is nothing in it.
    fn look(
        &mut self,
        known: &Known,
        opening: &Opening,
        look: usize,
    ) -> Result<Option<(i64, bool)>, SourceError> {
        let file = opening.open(&known.path)?;
        let mut opened = opening.ordered(&file, look)?;
        let nothing = |piece: &Piece| matches!(piece, Piece::Block(block) if block.start == block.end);
        // A file that cannot be read now, and could later, must not come at another time than it would have: its rows, or all
        // others, would be late.
        let first = match opening.next_piece(&mut opened)? {
            None => return Ok(None),
            Some(piece) if nothing(&piece) && opening.next_piece(&mut opened)?.is_none() => return Ok(None),
            Some(piece) => self.peeker.piece(&piece)?.unwrap_or(i64::MIN),
        };
        Ok(Some((first, opening.in_order(&file))))
    }

    /// The files as they were, and how far each was read when the source began.
    pub(crate) fn begun(&self) -> Vec<(Known, Place)> {
        self.files.iter().map(|file| (file.known.clone(), file.begun)).collect()
    }

    /// The time of each file's first record; that of a file without a good record in front is before all.
    pub(crate) fn splits(&self) -> Vec<SplitStart> {
        let start = |file: &File| SplitStart { first: Some(file.first), begun: file.begun.is_begun() };
        self.files.iter().map(start).collect()
    }

    /// The first rows of a file from where it goes on, in so many of its bytes.
    pub(crate) fn first_rows(
        &self,
        index: usize,
        opening: &Opening,
        bytes: u64,
        out: &mut dyn Emit,
    ) -> Result<(), SourceError> {
        let File { known, begun, .. } = &self.files[index];
        if begun.done {
            return Ok(());
        }
        let file = opening.open(&known.path)?;
        let mut opened = opening.ordered_from(&file, begun.at, LOOK)?;
        let mut decoder = opening.reading.decoder();
        while opened.at() < begun.at.saturating_add(bytes)
            && let Some(piece) = opening.next_piece(&mut opened)?
        {
            if let Piece::Block(block) = &piece
                && decoder.decode(block, out).is_err()
            {
                break;
            }
        }
        Ok(())
    }

    /// The piece that begins earliest.
    pub(crate) fn next(&mut self, opening: &Opening) -> Result<Option<Work>, SourceError> {
        while let Some(Reverse((time, index))) = self.next.pop() {
            let file = &mut self.files[index];
            let in_order = file.in_order;
            let (piece, to, then) = match std::mem::replace(&mut file.state, State::Done) {
                State::Closed(0) if in_order && self.ahead >= AHEAD => {
                    file.state = State::Closed(0);
                    self.put_off.push((time, index));
                    continue;
                }
                State::Closed(at) if in_order => {
                    self.ahead += usize::from(at == 0);
                    let mut opened = opening.go_on(opening.open_again(&file.known.path)?, at)?;
                    let piece = opening.next_piece(&mut opened)?.map(|piece| (piece, opened.at()));
                    self.ordered(opening, index, time, opened, piece)?
                }
                State::Ordered(opened, piece) => self.ordered(opening, index, time, opened, piece)?,
                State::Closed(at) => {
                    let opened = Opened::Ranges(opening.open_again(&file.known.path)?, at);
                    self.range(opening, index, time, opened)?
                }
                State::Ranges(opened) => self.range(opening, index, time, opened)?,
                State::Done => continue,
            };
            match then {
                Some(time) => self.next.push(Reverse((time, index))),
                None if in_order => {
                    self.ahead -= 1;
                    self.next.extend(self.put_off.drain(..).map(Reverse));
                }
                None => self.open.retain(|open| *open != index),
            }
            let (part, last) = (index as u32, then.is_none());
            let step = Step { part, to, done: last, next: then };
            return Ok(Some(Work { piece, split: part, time: Some(time), last, step }));
        }
        Ok(None)
    }

    /// The next range of a file, and when the one behind it begins, if there is one.
    fn range(
        &mut self,
        opening: &Opening,
        index: usize,
        time: i64,
        mut opened: Opened,
    ) -> Result<(Piece, u64, Option<i64>), SourceError> {
        let piece = opening.next_piece(&mut opened)?.unwrap_or(Piece::Nothing);
        let to = opened.at();
        let then = match &opened {
            Opened::Ranges(file, at) if *at < file.len => Some(self.peeker.range(file, *at)?.unwrap_or(time)),
            _ => None,
        };
        if then.is_some() {
            self.files[index].state = State::Ranges(opened);
            self.used(index);
        }
        Ok((piece, to, then))
    }

    /// The piece of a file that was read ahead, and when the one behind it begins, if there is one.
    fn ordered(
        &mut self,
        opening: &Opening,
        index: usize,
        time: i64,
        mut opened: Opened,
        piece: Option<(Piece, u64)>,
    ) -> Result<(Piece, u64, Option<i64>), SourceError> {
        let (piece, to) = piece.unwrap_or((Piece::Nothing, opened.at()));
        let ahead = match &piece {
            Piece::Nothing => None,
            _ => opening.next_piece(&mut opened)?.map(|piece| (piece, opened.at())),
        };
        let then = match &ahead {
            Some((ahead, _)) => Some(self.peeker.piece(ahead)?.unwrap_or(time)),
            None => None,
        };
        if ahead.is_some() {
            self.files[index].state = State::Ordered(opened, ahead);
        }
        Ok((piece, to, then))
    }

    /// Keeps a file open, and closes the one that was not used for longest.
    fn used(&mut self, index: usize) {
        if self.open.back() != Some(&index) {
            self.open.retain(|open| *open != index);
            self.open.push_back(index);
        }
        if self.open.len() > OPEN
            && let Some(oldest) = self.open.pop_front()
            && let State::Ranges(Opened::Ranges(_, at)) = &self.files[oldest].state
        {
            self.files[oldest].state = State::Closed(*at);
        }
    }
}
