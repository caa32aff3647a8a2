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
use super::given::{Given, Rank, Replaced, Results};
use super::windows::{Common, Windows, ints, rest};
use crate::context::Context;
use crate::error::Halt;
use crate::number::{Number, at_end_of_time};
use crate::operator::{Flush, on_disk};
use crate::ranks::{Phase, of_row};
use crate::snapshot::{Loading, Saving};
use crate::state::{
    Calls, ColdError, Groups, Held, KeyTable, NO_SLOT, Refused, Scratch, Shape, Touched, room,
};
use agenda::{Agenda, Why};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column};
use flow_plan::operator::LateTrigger;
use flow_plan::physical::hidden::NO_WATERMARK;
use noted::tables;
use save::is_alone;
use spilling::Disk;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod agenda;
mod noted;
mod save;
mod spilling;

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
    agenda: Agenda,
    /// Groups that memory has no room for, if they may be on disk.
    disk: Option<Disk>,
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
    /// If groups may be on disk.
    used: Touched,
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
        Kept {
            book: Book::new(tables(!is_alone(&spans))),
            spans,
            lateness,
            late,
            discarding,
            changelog,
            open: BTreeMap::new(),
            given_to: NO_WATERMARK,
            refused: BTreeSet::new(),
            told: VecDeque::new(),
            agenda: Agenda::default(),
            disk: None,
        }
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
        self.bring_groups(common, (target.end, target.start), part.batch, &part.rows)
            .map_err(|error| on_disk(cx, &error))?;
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
        if self.disk.is_some() {
            open.used.touch(slots.iter().copied(), open.index.len());
        }
        if let Some(mut refused) = refused {
            refused.rows.retain(|(row, ..)| self.refused.insert(rows_of[*row]));
            common.refuse(cx, refused)?;
        }
        Ok(slots)
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
            used: Touched::default(),
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
        let slice = self.slices.entry(slice).or_insert_with(|| Slice::new(shape, notes));
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
    /// One that comes: is it noted what changes in it?
    fn new(shape: &Shape, notes: bool) -> Slice {
        Slice { groups: Groups::new(shape), noted: Noted::new(notes) }
    }

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
        self.relieve(common).map_err(|error| on_disk(cx, &error))?;
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
        self.note_behind(common, cx, moment);
        self.agenda.pass(moment.latest(i64::MAX));
        self.give_at_once(common, cx)
    }

    fn give_more(&mut self, common: &mut Common, cx: &mut Context<'_>) -> Result<bool, Halt> {
        self.give_next(common, cx)
    }

    /// Partial results of windows that are open, or results of rows behind, that wait for the clock.
    fn tick(&mut self, common: &mut Common, cx: &mut Context<'_>, early: bool) -> Result<(), Halt> {
        self.give_windows(Why::Tick { early }, &self.all());
        self.give_at_once(common, cx)
    }

    fn save(&mut self, common: &Common, out: &mut Saving) {
        self.mark(common, out);
    }

    fn save_more(&mut self, common: &Common, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.save_marked(common, out, entries)
    }

    fn load(&mut self, common: &mut Common, from: &mut Loading, now: i64) -> Result<(), String> {
        self.load_all(common, from, now)
    }

    fn held(&self) -> Held {
        let in_memory = self.open.values().chain(self.book.set_aside());
        in_memory.fold(self.held_on_disk(), |all, open| all + open.held())
    }

    fn next_end(&mut self) -> Result<Option<i64>, ColdError> {
        Ok(self.first().map(|(end, _)| end))
    }

    fn flush(&mut self, common: &mut Common, cx: &mut Context<'_>, level: u32) -> Result<Flush, Halt> {
        let Some(end) = self.first().map(|(end, _)| end) else { return Ok(Flush::Done) };
        cx.number = at_end_of_time(level, end);
        if !self.agenda.flushes(end) {
            self.give_windows(Why::Flush, &self.ending(end));
            self.give_at_once(common, cx)?;
        }
        if self.give_next(common, cx)? {
            return Ok(Flush::More(cx.number));
        }
        for window in self.ending(end) {
            self.leave(common, window).map_err(|error| on_disk(cx, &error))?;
        }
        Ok(match self.first().map(|(end, _)| end) {
            Some(end) => Flush::More(at_end_of_time(level, end)),
            None => Flush::Done,
        })
    }
}
