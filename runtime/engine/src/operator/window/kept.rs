//! Windows that take rows behind their end, or give results before it: each keeps groups of its own, until
//! no row can reach it any more.
//!
//! Windows that overlap share nothing here, as a row may be late for one, behind for the next and in time
//! for others; but each of them still collects its rows by slice, so that results are those of
//! [`super::sliced`].

use super::births::{Birth, Births, Places};
use super::book::{Book, Noted, Passed};
use super::bounds::{Bounds, Overlapping, Tumbling};
use super::divide::Moment;
use super::given::{Given, Rank, Replaced, Results, in_order};
use super::windows::{Common, Windows, ints, rest};
use crate::context::Context;
use crate::error::Halt;
use crate::number::{Number, at_end_of_time};
use crate::operator::Flush;
use crate::ranks::{Phase, of_row};
use crate::snapshot::{Loading, Saving};
use crate::state::{Calls, Groups, Held, KeyTable, NO_SLOT, Refused, Scratch, Shape, room};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column};
use flow_plan::operator::LateTrigger;
use flow_plan::physical::hidden::NO_WATERMARK;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod noted;
mod save;

pub(super) use save::{GIVEN_TO, SLICE_START, shared};

/// Which windows a row goes to.
pub(crate) enum Spans {
    Tumbling(Tumbling),
    Overlapping(Overlapping, Tumbling),
    /// The one that these columns say.
    Same(usize, usize),
    /// Sessions of this gap.
    Sessions(i64),
}

pub(crate) struct Kept {
    spans: Spans,
    lateness: i64,
    late: Option<LateTrigger>,
    discarding: bool,
    /// Of a changelog, windows keep rows in the order in which they came, not by slice.
    changelog: bool,
    /// By end and start.
    open: BTreeMap<(i64, i64), Open>,
    book: Book<(i64, i64), Open>,
    /// What was due up to here is given, since the job began or went on.
    given_to: i64,
    /// Rows of the current batch that are refused: each is told of once.
    refused: BTreeSet<u32>,
    /// Of each batch of rows that are behind some of their windows: those that another window has refused already.
    told: VecDeque<BTreeSet<u32>>,
}

/// A window.
struct Open {
    /// Its groups, in the order in which they were first seen.
    index: KeyTable,
    births: Births,
    state: Vec<State>,
    given: Given,
    slices: BTreeMap<i64, Slice>,
    /// What checkpoints hold of its groups, and of what was given of them.
    noted: Noted,
    given_noted: Noted,
    passed: Passed,
    /// Are its slices written apart? (Else it has one, and its groups are written with what they hold.)
    apart: bool,
    /// Groups of which nothing is given any more, and the last checkpoint may say otherwise.
    emptied: BTreeSet<u32>,
}

/// A slice of a window: its groups, and what checkpoints hold of them if they are written apart from the window's.
struct Slice {
    groups: Groups,
    noted: Noted,
}

/// What a group is waiting for.
#[derive(Clone, Copy, Default)]
pub(crate) struct State {
    /// The end of its window has passed, and its result is given.
    pub(crate) done: bool,
    /// It has changed since it was given.
    pub(crate) changed: bool,
    /// It has rows that were not forgotten.
    pub(crate) filled: bool,
    /// Of a changelog: how many rows it has.
    pub(crate) rows: i64,
    /// All its rows were taken out and nothing is given of it: if its key comes again, it is a new group.
    pub(crate) dead: bool,
    /// A result of it is out there.
    pub(crate) given: bool,
}

impl State {
    /// Of a group whose result is to be given.
    pub(crate) const NEW: State =
        State { done: false, changed: true, filled: true, rows: 0, dead: false, given: false };

    /// Of one of so many rows, behind a row of a changelog.
    pub(crate) fn behind(rows: i64, change: Option<i64>) -> State {
        match change {
            Some(change) => State { rows: rows + change, filled: rows + change > 0, ..State::NEW },
            None => State::NEW,
        }
    }
}

/// A window and a slice of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    end: i64,
    start: i64,
    slice: i64,
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

/// Rows that make or change groups.
struct Rows<'a> {
    batch: &'a Batch,
    rows: Vec<u32>,
    number: Number,
    /// Are they behind the others of their number?
    behind: bool,
}

impl Kept {
    pub(crate) fn new(
        spans: Spans,
        lateness: i64,
        late: Option<LateTrigger>,
        discarding: bool,
        changelog: bool,
    ) -> Kept {
        let (open, refused, told) = (BTreeMap::new(), BTreeSet::new(), VecDeque::new());
        let book = Book::new(if matches!(spans, Spans::Overlapping(..)) { 3 } else { 2 });
        let given_to = NO_WATERMARK;
        Kept { spans, lateness, late, discarding, changelog, open, book, given_to, refused, told }
    }

    /// The windows of a row, least end first.
    fn targets(&self, batch: &Batch, times: &[i64], row: usize, out: &mut Vec<Target>) {
        out.clear();
        let time = times[row];
        match &self.spans {
            Spans::Tumbling(tumbling) => {
                let Bounds { start, end } = tumbling.of(time);
                out.push(Target { end, start, slice: start });
            }
            Spans::Same(start, end) => {
                let (start, end) = (ints(batch, *start)[row], ints(batch, *end)[row]);
                out.push(Target { end, start, slice: start });
            }
            Spans::Sessions(_) => unreachable!("sessions are known by key"),
            Spans::Overlapping(windows, slicing) => {
                let slice = if self.changelog { 0 } else { slicing.of(time).start };
                let mut after = i128::MIN;
                while let Some(next) = windows.next_end(time, after) {
                    let Bounds { start, end } = windows.window(next);
                    out.push(Target { end, start, slice });
                    after = next;
                }
            }
        }
    }

    /// When no row can reach a window any more.
    fn over(&self, end: i64) -> i64 {
        end.saturating_add(self.lateness)
    }

    /// Adds rows to a window; gives the groups of those that are not refused.
    fn add(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        target: Target,
        part: Rows<'_>,
    ) -> Result<Vec<u32>, Halt> {
        let Some(change) = common.shape.change else { return self.add_rows(common, cx, target, part) };
        // Rows that are withdrawn may take groups away: one after the other.
        let Rows { batch, rows, number, behind } = part;
        let mut slots = Vec::new();
        for row in rows {
            let change = ints(batch, change)[row as usize];
            let is_known = match self.open.get(&(target.end, target.start)) {
                Some(open) => open.knows(&common.shape, batch, row),
                None => false,
            };
            if change < 0 && !is_known {
                continue;
            }
            let one = Rows { batch, rows: vec![row], number, behind };
            let made = self.add_rows(common, cx, target, one)?;
            if let Some(open) = self.open.get_mut(&(target.end, target.start)) {
                made.iter().for_each(|slot| open.change(*slot, change));
                if !behind {
                    made.iter().for_each(|slot| open.forget_if_empty(*slot));
                }
            }
            slots.extend(made);
        }
        Ok(slots)
    }

    fn add_rows(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        target: Target,
        part: Rows<'_>,
    ) -> Result<Vec<u32>, Halt> {
        let Rows { batch, rows, number, behind } = part;
        let window = (target.end, target.start);
        let apart = !self.is_alone();
        let open = self.open.entry(window).or_insert_with(|| Open::begin(common, apart, self.book.begin()));
        let rows_of = rows.clone();
        let picked = if rows.len() == batch.len { batch.clone() } else { batch.gather(&rows) };
        self.book.touch(window, open);
        open.copy_ahead_of_rows(&mut self.book, common, window, &picked);
        let known = open.index.len();
        let places = Places::new(common.rows, Some(rows));
        let number = order_of(number, behind);
        let (shape, scratch) = (&common.shape, &mut common.scratch);
        let (refused, slots) = open.add(shape, scratch, target.slice, (number, places), picked);
        self.book.grow(open.index.len() - known);
        if let Some(mut refused) = refused {
            refused.rows.retain(|(row, ..)| self.refused.insert(rows_of[*row]));
            common.refuse(cx, refused)?;
        }
        Ok(slots)
    }

    /// Takes the rows of a number that are behind, in the order of the watermarks they meet: late ones go out, others
    /// change results that were given. Before a row, what is due for it is given, so that the order of results does
    /// not depend on where numbers end.
    fn take_behind(&mut self, common: &mut Common, cx: &mut Context<'_>, moment: Moment) -> Result<(), Halt> {
        let (mut parts, mut rows) = (Vec::new(), Vec::new());
        let mut targets = Vec::new();
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
                    false => rows.push((met, parts.len(), row)),
                }
            }
            common.emit_late(cx, &batch, &late);
            let len = batch.len as u64;
            parts.push(Part { batch, times, refused, first: common.rows });
            common.rows += len;
        }
        rows.sort_by_key(|(met, ..)| *met);
        let all = common.rows;
        for (met, part, row) in rows {
            self.give_due(common, cx, met)?;
            let part = &mut parts[part];
            common.rows = part.first;
            std::mem::swap(&mut self.refused, &mut part.refused);
            self.targets(&part.batch, &part.times, row, &mut targets);
            self.take_one(common, cx, &part.batch, (row, met), &targets)?;
            std::mem::swap(&mut self.refused, &mut part.refused);
        }
        common.rows = all;
        Ok(())
    }

    /// Takes a row that is behind the ends of some of its windows.
    fn take_one(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        batch: &Batch,
        (row, met): (usize, i64),
        targets: &[Target],
    ) -> Result<(), Halt> {
        for target in targets {
            if target.end > met || self.over(target.end) <= met {
                continue;
            }
            let rows = Rows { batch, rows: vec![row as u32], number: cx.number, behind: true };
            let slots = self.add(common, cx, *target, rows)?;
            self.behind(common, cx, (target.end, target.start), &slots, met, batch, row)?;
        }
        Ok(())
    }

    /// Gives, in the order of time, the windows that are due at a watermark, and what has changed of those that no row
    /// can reach any more.
    fn give_due(&mut self, common: &mut Common, cx: &mut Context<'_>, to: i64) -> Result<(), Halt> {
        if to <= self.given_to {
            return Ok(());
        }
        let from = std::mem::replace(&mut self.given_to, to);
        let due = self.open.range((from.saturating_add(1), i64::MIN)..=(to, i64::MAX));
        let due = due.map(|(&window, _)| (window.0, false, window));
        let mut turns: Vec<(i64, bool, (i64, i64))> = due.collect();
        if self.gives_later() {
            let reached = self.open.range((from.saturating_sub(self.lateness), i64::MIN)..);
            let over = reached.map(|(&window, _)| (self.over(window.0), true, window));
            turns.extend(over.skip_while(|(over, ..)| *over <= from).take_while(|(over, ..)| *over <= to));
            turns.sort_unstable();
        }
        let behind = self.lateness;
        for part in turns.chunk_by(|a, b| self.in_one_turn(*a, *b)).map(<[_]>::to_vec).collect::<Vec<_>>() {
            let windows: Vec<(i64, i64)> = part.iter().map(|(.., window)| *window).collect();
            match part[0].1 {
                false => self.give_end(common, cx, &Rank::Due(Phase::Due), &windows, &|group| !group.done)?,
                true => {
                    self.give_end(common, cx, &Rank::Over { behind }, &windows, &|group| group.changed)?
                }
            }
        }
        Ok(())
    }

    /// Are two windows given in one order, that of their groups? All that are over at one time are.
    fn in_one_turn(&self, a: (i64, bool, (i64, i64)), b: (i64, bool, (i64, i64))) -> bool {
        (a.0, a.1) == (b.0, b.1) && (a.1 || self.together(a.2, b.2))
    }

    /// A row that is behind the end of its window has changed a group.
    #[allow(clippy::too_many_arguments, reason = "which group, and for which row it is given")]
    fn behind(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        window: (i64, i64),
        slots: &[u32],
        met: i64,
        batch: &Batch,
        row: usize,
    ) -> Result<(), Halt> {
        let each = self.late == Some(LateTrigger::EachRow);
        let Some(open) = self.open.get_mut(&window) else { return Ok(()) };
        for &slot in slots {
            if !each && open.state[slot as usize].done {
                continue;
            }
            let own = match common.output.origin.rank {
                0 => Vec::new(),
                _ => of_row(batch, common.shape.input.fields.len(), row),
            };
            let rank = Rank::Row { met, place: common.rows + row as u64, number: cx.number, own };
            open.copy_ahead(&mut self.book, common, window, &[slot]);
            let given = open.give(common, cx, window, &[slot], (met, &rank), self.discarding)?;
            cx.emit(given.batch);
        }
        if common.shape.change.is_some() {
            slots.iter().for_each(|slot| open.forget_if_empty(*slot));
        }
        Ok(())
    }

    /// Gives the groups that are chosen of some windows, least end first, then in the order in which they were first
    /// seen.
    fn give_windows(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        phase: Phase,
        windows: &[(i64, i64)],
        groups: impl Fn(State) -> bool,
    ) -> Result<(), Halt> {
        let parts: Vec<&[(i64, i64)]> = windows.chunk_by(|a, b| self.together(*a, *b)).collect();
        for together in parts {
            self.give_end(common, cx, &Rank::Due(phase), together, &groups)?;
        }
        Ok(())
    }

    /// Are the groups of two windows given in one order? (Not of windows that end behind all times: there, the
    /// one that begins first comes first.)
    fn together(&self, a: (i64, i64), b: (i64, i64)) -> bool {
        a.0 == b.0 && (a.1 == b.1 || matches!(self.spans, Spans::Same(..)))
    }

    fn give_end(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        rank: &Rank,
        windows: &[(i64, i64)],
        groups: &impl Fn(State) -> bool,
    ) -> Result<(), Halt> {
        let mut all: Vec<Replaced> = Vec::new();
        for &window in windows {
            let Some(open) = self.open.get_mut(&window) else { continue };
            let chosen = |slot: &u32| groups(open.state[*slot as usize]);
            let slots: Vec<u32> = open.births.order().into_iter().filter(chosen).collect();
            if !slots.is_empty() {
                self.book.touch(window, open);
            }
            for slots in slots.chunks(BATCH_ROWS) {
                open.copy_ahead(&mut self.book, common, window, slots);
                all.push(open.give(common, cx, window, slots, (NO_WATERMARK, rank), self.discarding)?);
            }
        }
        if windows.len() == 1 {
            all.into_iter().for_each(|given| cx.emit(given.batch));
            return Ok(());
        }
        cx.emit(in_order(all));
        Ok(())
    }

    fn gives_later(&self) -> bool {
        matches!(self.late, Some(LateTrigger::Every(_)))
    }
}

impl Open {
    /// One that comes, and knows this of barriers. Are its slices written apart?
    fn begin(common: &Common, apart: bool, (passed, notes): (Passed, bool)) -> Open {
        let fields = &common.shape.input.fields;
        Open {
            index: KeyTable::new(common.shape.keys.iter().map(|&key| &fields[key].ty)),
            births: Births::new(common.output.origin),
            state: Vec::new(),
            given: Given::default(),
            slices: BTreeMap::new(),
            noted: Noted::new(notes),
            given_noted: Noted::new(notes),
            apart,
            passed,
            emptied: BTreeSet::new(),
        }
    }

    fn add(
        &mut self,
        shape: &Shape,
        scratch: &mut Scratch,
        slice: i64,
        (number, mut places): (Number, Places),
        mut batch: Batch,
    ) -> (Option<Refused>, Vec<u32>) {
        let notes = self.apart && self.noted.changes.notes();
        let new = || Slice { groups: Groups::new(shape), noted: Noted::new(notes) };
        let slice = self.slices.entry(slice).or_insert_with(new);
        let refused = slice.groups.add(shape, scratch, &mut batch);
        slice.noted.changes.change(&scratch.slots, slice.groups.len());
        if let Some(refused) = &refused {
            places.leave_out(refused);
        }
        let columns: Vec<&Column> = shape.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        let (mut hashes, mut slots) = (Vec::new(), Vec::new());
        hash_columns(&columns, batch.len, &mut hashes);
        self.index.slots(&columns, &hashes, &mut slots);
        self.noted.changes.change(&slots, self.index.len());
        self.births.note(number, &places, &slots, &batch, shape.input.fields.len());
        self.state.resize(self.index.len(), State::default());
        for (row, &slot) in slots.iter().enumerate() {
            let state = &mut self.state[slot as usize];
            (state.changed, state.filled) = (true, true);
            if std::mem::take(&mut state.dead) {
                (state.done, state.rows, state.given) = (false, 0, false);
                let declared = shape.input.fields.len();
                self.births.set(slot as usize, &places.birth(number, &batch, declared, row, &self.births));
            }
        }
        (refused, slots)
    }

    /// Is there a group with the key of a row, and as far as is known the row?
    fn knows(&self, shape: &Shape, batch: &Batch, row: u32) -> bool {
        let one = batch.gather(&[row]);
        let columns: Vec<&Column> = shape.keys.iter().map(|&key| one.columns[key].as_ref()).collect();
        let (mut hashes, mut slots) = (Vec::new(), Vec::new());
        hash_columns(&columns, 1, &mut hashes);
        self.index.known(&columns, &hashes, &mut slots);
        slots.first().is_some_and(|&slot| slot != NO_SLOT && !self.state[slot as usize].dead)
            && self.slices.values().any(|slice| slice.groups.holds((&columns, &hashes), &one))
    }

    /// A row was added to a group, or taken out of it.
    fn change(&mut self, slot: u32, change: i64) {
        let state = &mut self.state[slot as usize];
        state.rows += change;
        state.filled = state.rows > 0;
    }

    /// A group whose rows were all taken out, and of which nothing is given any more.
    fn forget_if_empty(&mut self, slot: u32) {
        if self.state[slot as usize].filled || self.state[slot as usize].given {
            return;
        }
        let keys = self.index.gather(&[slot]);
        let columns: Vec<&Column> = keys.iter().collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, 1, &mut hashes);
        self.slices.values_mut().for_each(|slice| slice.reset((&columns, &hashes)));
        self.noted.changes.change(&[slot], self.index.len());
        self.state[slot as usize] = State { dead: true, done: true, ..State::default() };
    }

    /// Gives the results of groups.
    fn give(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        (end, start): (i64, i64),
        slots: &[u32],
        (watermark, rank): (i64, &Rank),
        discarding: bool,
    ) -> Result<Replaced, Halt> {
        let bounds = Bounds { start, end };
        let early = matches!(rank, Rank::Due(Phase::Early));
        let slots = slots.to_vec();
        let keys = self.index.gather(&slots);
        let columns: Vec<&Column> = keys.iter().collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, slots.len(), &mut hashes);
        let is_empty = |row: &u32| !self.state[slots[*row as usize] as usize].filled;
        let empty: Vec<u32> = (0..slots.len() as u32).filter(is_empty).collect();
        let mut calls = Calls::new(&common.shape);
        calls.grow(slots.len());
        let mut faults = Vec::new();
        for slice in self.slices.values_mut() {
            slice.groups.merge_into(&common.shape, (&columns, &hashes), &mut calls, &mut faults);
            if discarding {
                slice.reset((&columns, &hashes));
            }
        }
        self.noted.changes.change(&slots, self.index.len());
        for &slot in &slots {
            let state = &mut self.state[slot as usize];
            let rows = if discarding { 0 } else { state.rows };
            let filled = state.filled && !discarding;
            let done = state.done || !early;
            *state = State { done, changed: false, filled, rows, dead: false, given: state.given };
        }
        let all: Vec<u32> = (0..slots.len() as u32).collect();
        faults.extend(calls.faults(&common.shape, &all));
        faults.retain(|(row, ..)| !empty.contains(row));
        let results = calls.results(&all);
        let mut refused =
            common.refuse_groups(cx, &keys, &all.iter().map(|_| bounds).collect::<Vec<_>>(), faults)?;
        refused.extend(empty);
        for (row, &slot) in slots.iter().enumerate() {
            self.state[slot as usize].given = !refused.contains(&(row as u32));
        }
        let births: Vec<Birth> = slots.iter().map(|slot| self.births.get(*slot as usize)).collect();
        let (starts, ends) = (vec![start; slots.len()], vec![end; slots.len()]);
        let had: Vec<u32> = slots.iter().copied().filter(|slot| self.given.has(*slot)).collect();
        if common.output.remembers() {
            self.given_noted.changes.change(&slots, self.index.len());
        }
        let made = Results { slots, keys, starts, ends, results, watermark, refused, births, rank };
        let given = self.given.replace(common, made);
        let notes = self.given_noted.changes.notes();
        self.emptied.extend(had.into_iter().filter(|slot| notes && !self.given.has(*slot)));
        Ok(given)
    }

    fn held(&self) -> Held {
        let groups = self.slices.values().fold(Held::default(), |all, slice| all + slice.groups.held());
        let bytes = self.index.bytes() + self.births.bytes() + room(&self.state) + self.given.bytes();
        let noted = self.noted.changes.bytes() + self.given_noted.changes.bytes();
        Held { keys: self.index.len(), bytes: groups.bytes + bytes + noted }
    }
}

impl Slice {
    /// Makes the groups of these keys empty.
    fn reset(&mut self, keys: (&[&Column], &[u64])) {
        let slots = self.groups.slots_of(keys);
        self.groups.reset(&slots);
        self.noted.changes.change(&slots, self.groups.len());
    }
}

/// The order of groups by their first rows: within a number, those of rows that are behind come last.
fn order_of(number: Number, behind: bool) -> Number {
    ((number << 1) | u64::from(behind)) ^ (1 << 63)
}

impl Windows for Kept {
    fn take(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        batch: Batch,
        moment: Moment,
    ) -> Result<Option<Batch>, Halt> {
        self.refused.clear();
        let times = common.times(&batch).into_owned();
        let own = common.watermarks(&batch).into_owned();
        let mut parts: BTreeMap<Target, Vec<u32>> = BTreeMap::new();
        let (mut behind, mut targets, mut left) = (Vec::new(), Vec::new(), None);
        for (row, own) in own.into_iter().enumerate() {
            self.targets(&batch, &times, row, &mut targets);
            let latest = moment.latest(own);
            if targets.iter().any(|target| target.end <= latest) {
                if moment.behind.is_none() {
                    left = Some(row);
                    break;
                }
                behind.push(row as u32);
            }
            for target in targets.iter().filter(|target| target.end > latest) {
                parts.entry(*target).or_default().push(row as u32);
            }
        }
        for (target, rows) in parts {
            let part = Rows { batch: &batch, rows, number: cx.number, behind: false };
            self.add(common, cx, target, part)?;
        }
        if !behind.is_empty() {
            let told = (0..behind.len() as u32).filter(|&at| self.refused.contains(&behind[at as usize]));
            self.told.push_back(told.collect());
        }
        common.set_behind(cx.number, &batch, &behind);
        common.rows += batch.len as u64;
        Ok(left.map(|from| rest(&batch, from)))
    }

    fn give(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        moment: Moment,
        _rest: Vec<Batch>,
    ) -> Result<(), Halt> {
        let now = moment.latest(i64::MAX);
        self.take_behind(common, cx, moment)?;
        self.give_due(common, cx, now)?;
        while let Some(first) = self.open.first_entry()
            && first.key().0.saturating_add(self.lateness) <= now
        {
            let (window, open) = first.remove_entry();
            self.forget(window, open);
        }
        Ok(())
    }

    /// Partial results of windows that are open, or results of rows behind, that wait for the clock.
    fn tick(&mut self, common: &mut Common, cx: &mut Context<'_>, early: bool) -> Result<(), Halt> {
        let phase = if early { Phase::Early } else { Phase::Due };
        let windows: Vec<(i64, i64)> = self.open.keys().copied().collect();
        self.give_windows(common, cx, phase, &windows, |group| group.changed && group.done != early)
    }

    fn save(&mut self, common: &Common, out: &mut Saving) {
        self.mark(common, out);
    }

    fn save_more(&mut self, common: &Common, out: &mut Saving, entries: usize) -> Result<bool, String> {
        Ok(self.save_marked(common, out, entries))
    }

    fn load(&mut self, common: &mut Common, from: &mut Loading, now: i64) -> Result<(), String> {
        self.load_all(common, from, now)
    }

    fn held(&self) -> Held {
        self.open.values().chain(self.book.set_aside()).fold(Held::default(), |all, open| all + open.held())
    }

    fn next_end(&mut self) -> Option<i64> {
        self.open.first_key_value().map(|(&(end, _), _)| end)
    }

    fn flush(&mut self, common: &mut Common, cx: &mut Context<'_>, level: u32) -> Result<Flush, Halt> {
        let Some(end) = self.next_end() else { return Ok(Flush::Done) };
        cx.number = at_end_of_time(level, end);
        let later = self.gives_later();
        let windows: Vec<(i64, i64)> =
            self.open.keys().copied().take_while(|(other, _)| *other == end).collect();
        self.give_windows(common, cx, Phase::Due, &windows, |group| !group.done || (later && group.changed))?;
        for window in windows {
            if let Some(open) = self.open.remove(&window) {
                self.forget(window, open);
            }
        }
        Ok(match self.next_end() {
            Some(end) => Flush::More(at_end_of_time(level, end)),
            None => Flush::Done,
        })
    }
}
