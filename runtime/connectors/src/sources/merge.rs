//! Files merged by event time: the piece whose first record is earliest comes first. Files that follow each
//! other in time are read one after the other, files that overlap side by side. There may be many
//! thousands of files: only some are open at a time.

use super::lines::{Piece, Work};
use super::opened::{Opened, Opening};
use super::peek::Peeker;
use flow_engine::source::SourceError;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::path::{Path, PathBuf};

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
    path: PathBuf,
    /// The time of its first record.
    first: i64,
    in_order: bool,
    state: State,
}

enum State {
    Unread,
    Ranges(Opened),
    /// Closed for the moment; goes on here.
    Closed(u64),
    /// With the piece that comes next.
    Ordered(Opened, Option<Piece>),
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
    pub(crate) fn add(&mut self, path: &Path, opening: &Opening, look: usize) -> Result<(), SourceError> {
        let file = opening.open(path)?;
        let mut opened = opening.ordered(&file, look)?;
        let nothing = |piece: &Piece| matches!(piece, Piece::Block(block) if block.start == block.end);
        let first = match opening.next_piece(&mut opened) {
            Ok(None) => return Ok(()),
            Ok(Some(piece)) if nothing(&piece) && matches!(opening.next_piece(&mut opened), Ok(None)) => {
                return Ok(());
            }
            Ok(Some(piece)) => self.peeker.piece(&piece).unwrap_or(i64::MIN),
            // What is wrong with it is said when it is read, which is soon.
            Err(_) => i64::MIN,
        };
        self.next.push(Reverse((first, self.files.len())));
        let in_order = opening.in_order(&file);
        self.files.push(File { path: path.into(), first, in_order, state: State::Unread });
        Ok(())
    }

    /// The time of each file's first record; that of a file without a good record in front is before all.
    pub(crate) fn firsts(&self) -> Vec<Option<i64>> {
        self.files.iter().map(|file| Some(file.first)).collect()
    }

    /// The piece that begins earliest.
    pub(crate) fn next(&mut self, opening: &Opening) -> Result<Option<Work>, SourceError> {
        while let Some(Reverse((time, index))) = self.next.pop() {
            let file = &mut self.files[index];
            let in_order = file.in_order;
            let (piece, then) = match std::mem::replace(&mut file.state, State::Done) {
                State::Unread if in_order && self.ahead >= AHEAD => {
                    file.state = State::Unread;
                    self.put_off.push((time, index));
                    continue;
                }
                State::Unread if in_order => {
                    self.ahead += 1;
                    let mut opened = opening.start(opening.open_again(&file.path)?)?;
                    let piece = opening.next_piece(&mut opened)?;
                    self.ordered(opening, index, time, opened, piece)?
                }
                State::Ordered(opened, piece) => self.ordered(opening, index, time, opened, piece)?,
                State::Unread => {
                    let opened = Opened::Ranges(opening.open_again(&file.path)?, 0);
                    self.range(opening, index, time, opened)?
                }
                State::Closed(at) => {
                    let opened = Opened::Ranges(opening.open_again(&file.path)?, at);
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
            return Ok(Some(Work { piece, split: index as u32, time: Some(time), last: then.is_none() }));
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
    ) -> Result<(Piece, Option<i64>), SourceError> {
        let piece = opening.next_piece(&mut opened)?.unwrap_or(Piece::Nothing);
        let then = match &opened {
            Opened::Ranges(file, at) if *at < file.len => Some(self.peeker.range(file, *at).unwrap_or(time)),
            _ => None,
        };
        if then.is_some() {
            self.files[index].state = State::Ranges(opened);
            self.used(index);
        }
        Ok((piece, then))
    }

    /// The piece of a file that was read ahead, and when the one behind it begins, if there is one.
    fn ordered(
        &mut self,
        opening: &Opening,
        index: usize,
        time: i64,
        mut opened: Opened,
        piece: Option<Piece>,
    ) -> Result<(Piece, Option<i64>), SourceError> {
        let ahead = match &piece {
            None => None,
            Some(_) => opening.next_piece(&mut opened)?,
        };
        let then = ahead.as_ref().map(|ahead| self.peeker.piece(ahead).unwrap_or(time));
        if ahead.is_some() {
            self.files[index].state = State::Ordered(opened, ahead);
        }
        Ok((piece.unwrap_or(Piece::Nothing), then))
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
