//! What windows that are kept give when time passes, and the rows that are taken in between: step by step, since of groups
//! that are on disk there may be more than memory has room for at once.

use super::super::given::{Rank, Replaced, in_order};
use super::{Batch, Common, Context, Halt, Kept, LateTrigger, Moment, Spans, State};
use crate::operator::on_disk;
use crate::ranks::Phase;
use crate::state::{Row, Shelf};
use flow_data::BATCH_ROWS;
use flow_plan::physical::hidden::NO_WATERMARK;
use std::collections::{BTreeSet, VecDeque};

/// Why groups are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// Their window ends.
    End,
    /// No row can reach their window any more, and they have changed since they were given.
    Over,
    /// The clock on the wall says so: of windows that are open, or of those that rows behind have changed.
    Tick { early: bool },
    /// The input has ended.
    Flush,
}

/// Windows whose groups are given in one order, and why.
pub(super) struct Turn {
    why: Why,
    windows: Vec<Shelf>,
}

/// Rows that are behind some of their windows.
struct Part {
    batch: Batch,
    times: Vec<i64>,
    /// Those that a window has refused already.
    refused: BTreeSet<u32>,
    /// The place of the first row among all rows of this worker.
    first: u64,
}

/// What is to be done before anything else happens, the first first.
#[derive(Default)]
pub(super) struct Agenda {
    /// Groups that are being given from disk.
    pub(super) line: Option<(Why, Row)>,
    turns: VecDeque<Turn>,
    parts: Vec<Part>,
    /// Rows of the parts in the order of the watermarks they meet: these, their part, and which row of it they are.
    rows: VecDeque<(i64, usize, usize)>,
    /// The watermark that is passed then.
    now: Option<i64>,
    /// The end of the windows that the end of the input gives.
    flushing: Option<i64>,
}

impl Agenda {
    /// This watermark is passed behind all the rest.
    pub(super) fn pass(&mut self, now: i64) {
        self.now = Some(now);
    }

    /// The windows that end there are to be flushed: are they already being?
    pub(super) fn flushes(&mut self, end: i64) -> bool {
        self.flushing.replace(end) == Some(end)
    }
}

impl Kept {
    /// Puts the rows of a number that are behind on the agenda, in the order of the watermarks they meet: they change results
    /// that were given. Late ones go out. Before a row, what is due for it is given, so that the order of results does not
    /// depend on where numbers end.
    pub(super) fn note_behind(&mut self, common: &mut Common, cx: &mut Context<'_>, moment: Moment) {
        let (mut rows, mut targets) = (Vec::new(), Vec::new());
        while let Some(batch) = common.next_behind(cx.number) {
            let refused = self.told.pop_front().unwrap_or_default();
            let times = common.times(&batch).into_owned();
            let own = common.watermarks(&batch).into_owned();
            let mut late = Vec::new();
            for (row, own) in own.into_iter().enumerate() {
                let met = moment.latest(own);
                self.targets(&batch, &times, row, &mut targets);
                match targets.iter().all(|target| self.over(target.end) <= met) {
                    true => late.push(row as u32),
                    false => rows.push((met, self.agenda.parts.len(), row)),
                }
            }
            common.emit_late(cx, &batch, &late);
            let len = batch.len as u64;
            self.agenda.parts.push(Part { batch, times, refused, first: common.rows });
            common.rows += len;
        }
        rows.sort_by_key(|(met, ..)| *met);
        self.agenda.rows = rows.into();
    }

    /// Does all that is on the agenda, unless groups may be on disk: then it is done step by step.
    pub(super) fn give_at_once(&mut self, common: &mut Common, cx: &mut Context<'_>) -> Result<(), Halt> {
        if self.disk.is_none() {
            while self.give_next(common, cx)? {}
        }
        Ok(())
    }

    /// Does the next step; whether there may be more.
    pub(super) fn give_next(&mut self, common: &mut Common, cx: &mut Context<'_>) -> Result<bool, Halt> {
        if self.agenda.line.is_some() {
            self.give_piece(common, cx)?;
        } else if let Some(turn) = self.agenda.turns.pop_front() {
            self.give_turn(common, cx, &turn)?;
        } else if let Some(&(met, part, row)) = self.agenda.rows.front() {
            if !self.pass(met) {
                self.agenda.rows.pop_front();
                self.take_behind(common, cx, (part, row), met)?;
            }
        } else if let Some(now) = self.agenda.now {
            if !self.pass(now) {
                self.agenda = Agenda::default();
                while let Some(window) = self.first().filter(|(end, _)| self.over(*end) <= now) {
                    self.leave(common, window).map_err(|error| on_disk(cx, &error))?;
                }
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes a row that is behind.
    fn take_behind(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        (part, row): (usize, usize),
        met: i64,
    ) -> Result<(), Halt> {
        let mut parts = std::mem::take(&mut self.agenda.parts);
        let of = &mut parts[part];
        let mut targets = Vec::new();
        self.targets(&of.batch, &of.times, row, &mut targets);
        let all = std::mem::replace(&mut common.rows, of.first);
        std::mem::swap(&mut self.refused, &mut of.refused);
        self.take_one(common, cx, &of.batch, (row, met), &targets)?;
        std::mem::swap(&mut self.refused, &mut of.refused);
        common.rows = all;
        self.agenda.parts = parts;
        self.relieve(common).map_err(|error| on_disk(cx, &error))
    }

    /// Puts on the agenda, in the order of time, the windows that are due at a watermark, and what has changed of those that
    /// no row can reach any more; whether time passes.
    fn pass(&mut self, to: i64) -> bool {
        if to <= self.given_to {
            return false;
        }
        let from = std::mem::replace(&mut self.given_to, to);
        let due = self.range((from.saturating_add(1), i64::MIN)..=(to, i64::MAX));
        let mut turns: Vec<(i64, Why, Shelf)> =
            due.into_iter().map(|window| (window.0, Why::End, window)).collect();
        if self.gives_later() {
            let reached = self.range((from.saturating_sub(self.lateness), i64::MIN)..=(to, i64::MAX));
            let over = reached.into_iter().map(|window| (self.over(window.0), Why::Over, window));
            turns.extend(over.skip_while(|(over, ..)| *over <= from).take_while(|(over, ..)| *over <= to));
            turns.sort_unstable();
        }
        let turn = |part: &[(i64, Why, Shelf)]| Turn {
            why: part[0].1,
            windows: part.iter().map(|(.., window)| *window).collect(),
        };
        let turns: Vec<Turn> = turns.chunk_by(|a, b| self.in_one_turn(*a, *b)).map(turn).collect();
        self.agenda.turns.extend(turns);
        true
    }

    /// Are two windows given in one order, that of their groups? All that are over at one time are.
    fn in_one_turn(&self, a: (i64, Why, Shelf), b: (i64, Why, Shelf)) -> bool {
        (a.0, a.1) == (b.0, b.1) && (a.1 == Why::Over || self.together(a.2, b.2))
    }

    /// Puts windows on the agenda, least end first.
    pub(super) fn give_windows(&mut self, why: Why, windows: &[Shelf]) {
        let turn = |together: &[Shelf]| Turn { why, windows: together.to_vec() };
        let turns: Vec<Turn> = windows.chunk_by(|a, b| self.together(*a, *b)).map(turn).collect();
        self.agenda.turns.extend(turns);
    }

    /// Are the groups of two windows given in one order? (Not of windows that end behind all times: there, the
    /// one that begins first comes first.)
    fn together(&self, a: Shelf, b: Shelf) -> bool {
        a.0 == b.0 && (a.1 == b.1 || matches!(self.spans, Spans::Same(..)))
    }

    /// Gives the groups of windows that it is the turn of, in the order in which they were first seen.
    fn give_turn(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        Turn { why, windows }: &Turn,
    ) -> Result<(), Halt> {
        if self.has_on_disk(windows) {
            return self.line_up(common, *why, windows).map_err(|error| on_disk(cx, &error));
        }
        let rank = self.rank(*why);
        let mut all: Vec<Replaced> = Vec::new();
        for &window in windows {
            let Some(open) = self.open.get(&window) else { continue };
            let chosen = |slot: &u32| self.chooses(*why, open.state[*slot as usize]);
            let slots: Vec<u32> = open.births.order().into_iter().filter(chosen).collect();
            let Some(open) = self.open.get_mut(&window).filter(|_| !slots.is_empty()) else { continue };
            self.book.touch(window, open);
            for slots in slots.chunks(BATCH_ROWS) {
                open.copy_ahead(&mut self.book, common, window, slots);
                all.push(open.give(common, cx, window, slots, (NO_WATERMARK, &rank), self.discarding)?);
            }
        }
        if windows.len() == 1 {
            all.into_iter().for_each(|given| cx.emit(given.batch));
        } else {
            cx.emit(in_order(all));
        }
        Ok(())
    }

    /// Is a group given?
    pub(super) fn chooses(&self, why: Why, group: State) -> bool {
        match why {
            Why::End => !group.done,
            Why::Over => group.changed,
            Why::Tick { early } => group.changed && group.done != early,
            Why::Flush => !group.done || (self.gives_later() && group.changed),
        }
    }

    /// What the ranks of results say.
    pub(super) fn rank(&self, why: Why) -> Rank {
        match why {
            Why::End | Why::Flush | Why::Tick { early: false } => Rank::Due(Phase::Due),
            Why::Tick { early: true } => Rank::Due(Phase::Early),
            Why::Over => Rank::Over { behind: self.lateness },
        }
    }

    fn gives_later(&self) -> bool {
        matches!(self.late, Some(LateTrigger::Every(_)))
    }
}
