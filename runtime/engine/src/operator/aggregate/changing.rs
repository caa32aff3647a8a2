//! Running aggregation where withdrawals come or go: over a changelog, or giving one.
//!
//! A result that replaces another is given behind the withdrawal of exactly that; a group without rows is
//! withdrawn and forgotten. With a result at each row, what was given last is what the accumulators say
//! before the row; with other triggers, it is kept.

use super::core::Core;
use super::lives::Lives;
use super::{interval, pieces};
use crate::beat::{Beat, Beats};
use crate::context::{BadRow, Context};
use crate::error::Halt;
use crate::number::{Number, at_end};
use crate::operator::waiting::{Beaten, Waiting};
use crate::operator::{Flush, Operator, on_disk};
use crate::row_text;
use crate::snapshot::{Loading, Saving};
use crate::state::{
    CROWDED, Cold, ColdError, Copies, Held, RowStore, Sorted, Spilled, Spills, room, same_rows,
};
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData};
use flow_env::Deadline;
use flow_plan::RecordType;
use flow_plan::error::Fault;
use flow_plan::operator::RunningTrigger;
use flow_plan::physical::hidden::NO_WATERMARK;
use flow_plan::physical::{Hidden, RunningAggregate};
use std::sync::Arc;

mod save;
mod spilling;

pub(super) struct ChangingOperator {
    core: Core,
    /// What checkpoints hold of groups, and of what was given of them; whether one will ask for it.
    noted: Copies,
    given_noted: Copies,
    tracks: bool,
    /// So many slots were there at the last barrier; and is it the table of what was given that is being written?
    known_slots: usize,
    writes_given: bool,
    trigger: RunningTrigger,
    discarding: bool,
    /// Are withdrawals given?
    changes: bool,
    hidden: Hidden,
    groups: Vec<Group>,
    lives: Lives,
    /// What was given of each group, where accumulators do not say it.
    kept: Option<RowStore>,
    /// Rows of each slot since it was last given.
    pending: Vec<u64>,
    /// Slots that changed since they were last given (of `every:`).
    changed: Waiting,
    beats: Option<Beats>,
    /// What the end of the input gives, in order, and how much of it was given.
    last: Option<(Vec<u32>, usize)>,
    /// The same, where groups may be on disk.
    sorted: Option<Sorted>,
    /// Groups that are on disk, and what was given of them.
    spilled: Option<Spilled>,
    /// From so many slots on, those without groups are looked for.
    crowded: usize,
    /// By slot, of the current batch: where its result stands, [`NOWHERE`] if it has none.
    at: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Group {
    rows: i64,
    /// Is a result out there?
    given: bool,
    /// The event time of the result that is.
    time: i64,
    /// The event time of the last row.
    last_time: i64,
    /// Where its result is kept.
    kept: u32,
}

const EMPTY: Group =
    Group { rows: 0, given: false, time: NO_WATERMARK, last_time: NO_WATERMARK, kept: NOWHERE };

/// A change of a group's result: the row (or slot) that caused it, and where the results stand.
struct Step {
    cause: u32,
    slot: u32,
    time: i64,
    old: u32,
    new: u32,
}

/// Rows of results, and what stands beside them.
#[derive(Default)]
struct Given {
    causes: Vec<u32>,
    results: Vec<u32>,
    times: Vec<i64>,
    changes: Vec<i64>,
}

impl Given {
    fn push(&mut self, cause: u32, result: u32, time: i64, change: i64) {
        self.causes.push(cause);
        self.results.push(result);
        self.times.push(time);
        self.changes.push(change);
    }
}

/// Where keys, watermarks and ranks of what is given come from.
enum Causes<'a> {
    Rows(&'a Batch),
    Slots,
}

impl ChangingOperator {
    pub(super) fn new(
        aggregate: &RunningAggregate,
        input: &Arc<RecordType>,
        ranks: usize,
        beat: &Beat,
        tracks: bool,
        cold: Option<Cold>,
    ) -> Result<ChangingOperator, ColdError> {
        let beats = match aggregate.trigger {
            RunningTrigger::Every(micros) => Some(Beats::new(beat, interval(micros))),
            _ => None,
        };
        let keeps = aggregate.changes && aggregate.trigger != RunningTrigger::EachRow;
        let mut lives = Lives::new(ranks);
        if cold.is_some() {
            lives.widen(ranks);
        }
        Ok(ChangingOperator {
            core: Core::new(aggregate, input, 0),
            noted: Copies::default(),
            given_noted: Copies::default(),
            tracks,
            known_slots: 0,
            writes_given: false,
            trigger: aggregate.trigger.clone(),
            discarding: aggregate.discarding,
            changes: aggregate.changes,
            hidden: aggregate.hidden.clone(),
            groups: Vec::new(),
            lives,
            kept: keeps.then(|| RowStore::new(aggregate.calls.iter().map(|call| &call.ty))),
            pending: Vec::new(),
            changed: Waiting::new(cold.as_ref().filter(|_| beats.is_some())),
            beats,
            last: None,
            sorted: None,
            spilled: cold.map(|cold| Spilled::new(cold, 1 + usize::from(keeps))).transpose()?,
            crowded: CROWDED,
            at: Vec::new(),
        })
    }

    fn ints(batch: &Batch, column: Option<usize>) -> Option<&[i64]> {
        column.map(|column| match &batch.columns[column].data {
            ColumnData::I64(values) => values.as_slice(),
            other => unreachable!("hidden columns are ints, not {other:?}"),
        })
    }

    /// Finds the slots of a batch's rows; without those that withdraw what is not there.
    fn find(&mut self, number: Number, batch: &mut Batch) -> usize {
        let known = self.core.find_slots(number, batch);
        self.groups.resize(self.core.table.len(), EMPTY);
        let slots = std::mem::take(&mut self.core.slots);
        self.copy_changing(&slots);
        self.core.slots = slots;
        let Some(changes) = Self::ints(batch, self.hidden.change) else { return known };
        let mut good = Vec::with_capacity(batch.len);
        for (row, &slot) in self.core.slots.iter().enumerate() {
            let rows = &mut self.groups[slot as usize].rows;
            if *rows + changes[row] >= 0 {
                *rows += changes[row];
                good.push(row as u32);
            }
        }
        for &row in &good {
            self.groups[self.core.slots[row as usize] as usize].rows -= changes[row as usize];
        }
        if good.len() < batch.len {
            *batch = batch.gather(&good);
            self.core.find_slots(number, batch);
        }
        known
    }

    /// Notes that rows came or went; gives for each whether its group has rows behind it.
    fn count(&mut self, number: Number, batch: &Batch) -> Vec<bool> {
        let slots = self.core.table.len();
        self.groups.resize(slots, EMPTY);
        self.lives.resize(slots);
        self.noted.changes.change(&self.core.slots, slots);
        let changes = Self::ints(batch, self.hidden.change);
        let times = Self::ints(batch, self.hidden.time);
        let declared = self.core.input.fields.len();
        let each = self.core.slots.iter().enumerate().map(|(row, &slot)| {
            let group = &mut self.groups[slot as usize];
            if group.rows == 0 {
                self.lives.begin(slot as usize, number, batch, declared, row);
            }
            group.rows += changes.map_or(1, |changes| changes[row]);
            group.last_time = times.map_or(NO_WATERMARK, |times| times[row]);
            group.rows > 0
        });
        each.collect()
    }

    fn each_row(&mut self, cx: &mut Context<'_>, mut batch: Batch) -> Result<(), Halt> {
        let known = self.find(cx.number, &mut batch);
        // What is out there, of the slots that rows may change.
        self.at.resize(self.core.table.len(), NOWHERE);
        let mut before = Vec::new();
        for &slot in &self.core.slots {
            if self.groups[slot as usize].given && self.at[slot as usize] == NOWHERE {
                self.at[slot as usize] = before.len() as u32;
                before.push(slot);
            }
        }
        let old: Vec<Column> = self.core.calls.iter().map(|call| call.results(&before)).collect();
        let new = self.core.apply_found(cx, &mut batch, known, true)?;
        self.came(known);
        let alive = self.count(cx.number, &batch);
        let faulty = self.faulty_rows(cx, &alive)?;
        let results: Vec<Column> = old.into_iter().zip(&new).map(|(old, new)| joined(old, new)).collect();
        self.at.resize(self.core.table.len(), NOWHERE);
        let times = Self::ints(&batch, self.hidden.time);
        let mut steps = Vec::with_capacity(batch.len);
        for (row, &slot) in self.core.slots.iter().enumerate() {
            let has_result = alive[row] && !faulty.contains(&row);
            let new = if has_result { (before.len() + row) as u32 } else { NOWHERE };
            let old = std::mem::replace(&mut self.at[slot as usize], new);
            let time = times.map_or(NO_WATERMARK, |times| times[row]);
            steps.push(Step { cause: row as u32, slot, time, old, new });
        }
        for &slot in self.core.slots.iter().chain(&before) {
            if let Some(at) = self.at.get_mut(slot as usize) {
                *at = NOWHERE;
            }
        }
        let given = self.changes_of(&steps, &results);
        self.emit(cx, &Causes::Rows(&batch), &results, &given);
        Ok(())
    }

    /// The rows behind which a group has no result, although it has rows: reported at its key.
    fn faulty_rows(&mut self, cx: &mut Context<'_>, alive: &[bool]) -> Result<Vec<usize>, Halt> {
        let mut faulty = Vec::new();
        for call in 0..self.core.calls.len() {
            for (row, fault) in self.core.calls[call].take_faults() {
                if alive[row] {
                    self.report(cx, self.core.slots[row], call, fault)?;
                    faulty.push(row);
                }
            }
        }
        Ok(faulty)
    }

    fn report(&self, cx: &mut Context<'_>, slot: u32, call: usize, fault: Fault) -> Result<(), Halt> {
        let fields = self.core.keys.iter().map(|&key| self.core.input.fields[key].clone()).collect();
        let key = RecordType::new(fields);
        let columns = self.core.table.gather(&[slot]).into_iter().map(Arc::new).collect();
        let values = Batch::new(1, columns).row(0, &key);
        let node = &cx.shared.graph.nodes[cx.node];
        cx.record_error(BadRow {
            declaration: node.declaration,
            label: node.label.clone(),
            place: self.core.places[call],
            code: fault.code.as_str().into(),
            message: fault.message,
            record: row_text::json(&values, &key),
            position: None,
        })
    }

    /// What goes out for these steps; readers of withdrawals get no result that did not change.
    fn changes_of(&mut self, steps: &[Step], results: &[Column]) -> Given {
        let mut given = Given::default();
        let both = |step: &&Step| step.old != NOWHERE && step.new != NOWHERE;
        let mut same = Vec::new();
        if self.changes {
            let pairs: Vec<(u32, u32)> = steps.iter().filter(both).map(|step| (step.old, step.new)).collect();
            same.resize(pairs.len(), true);
            results.iter().for_each(|column| same_rows(column, &pairs, &mut same));
        }
        let mut same = same.into_iter();
        for step in steps {
            let group = &mut self.groups[step.slot as usize];
            group.given = step.new != NOWHERE;
            if self.changes && both(&step) && same.next() == Some(true) {
                continue;
            }
            if self.changes && step.old != NOWHERE {
                given.push(step.cause, step.old, group.time, -1);
            }
            if step.new != NOWHERE {
                given.push(step.cause, step.new, step.time, 1);
                group.time = step.time;
            }
        }
        given
    }

    /// Gives the results of slots, each once, caused by rows of a batch (`causes`) or by time.
    fn give(
        &mut self,
        cx: &mut Context<'_>,
        slots: &[u32],
        causes: Option<(&Batch, &[u32])>,
    ) -> Result<(), Halt> {
        self.copy_changing(slots);
        self.noted.changes.change(slots, self.core.table.len());
        if self.kept.is_some() {
            self.given_noted.changes.change(slots, self.core.table.len());
        }
        let mut freed = Vec::new();
        let old = slots.iter().map(|&slot| self.groups[slot as usize].kept).filter(|kept| *kept != NOWHERE);
        let kept: Vec<u32> = old.collect();
        let new = self.core.calls.iter().map(|call| call.results(slots));
        let results: Vec<Column> = match &self.kept {
            Some(store) => {
                store.gather(&kept).into_iter().zip(new).map(|(old, new)| joined(old, &new)).collect()
            }
            None => new.collect(),
        };
        let times = causes.and_then(|(batch, _)| Self::ints(batch, self.hidden.time));
        let (mut steps, mut next, mut put) = (Vec::new(), 0, Vec::new());
        for (at, &slot) in slots.iter().enumerate() {
            let mut has_result = self.groups[slot as usize].rows > 0;
            for call in 0..self.core.calls.len() {
                let fault = if has_result { self.core.calls[call].fault(slot as usize) } else { None };
                if let Some(fault) = fault {
                    self.report(cx, slot, call, fault)?;
                    has_result = false;
                }
            }
            let cause = causes.map_or(slot, |(_, rows)| rows[at]);
            let group = &mut self.groups[slot as usize];
            let time = times.map_or(group.last_time, |times| times[cause as usize]);
            let old = if group.kept == NOWHERE { NOWHERE } else { next };
            next += u32::from(old != NOWHERE);
            let new = if has_result { (kept.len() + at) as u32 } else { NOWHERE };
            if let Some(store) = &mut self.kept {
                if group.kept != NOWHERE {
                    freed.push(group.kept);
                }
                group.kept = if has_result { store.reserve() } else { NOWHERE };
                if has_result {
                    put.push((new, group.kept));
                }
            }
            steps.push(Step { cause, slot, time, old, new });
        }
        if let Some(store) = &mut self.kept {
            store.put(results.iter(), &put);
            freed.into_iter().for_each(|kept| store.free(kept));
        }
        let given = self.changes_of(&steps, &results);
        let causes = causes.map_or(Causes::Slots, |(batch, _)| Causes::Rows(batch));
        self.emit(cx, &causes, &results, &given);
        if self.discarding {
            let calls = &mut self.core.calls;
            slots.iter().for_each(|&slot| calls.iter_mut().for_each(|call| call.reset(slot as usize)));
        }
        Ok(())
    }

    /// Gives rows, in pieces.
    fn emit(&self, cx: &mut Context<'_>, causes: &Causes<'_>, results: &[Column], given: &Given) {
        for start in (0..given.causes.len()).step_by(BATCH_ROWS) {
            let part = start..(start + BATCH_ROWS).min(given.causes.len());
            let rows = &given.causes[part.clone()];
            let keys: Vec<Column> = match causes {
                Causes::Rows(batch) => {
                    self.core.keys.iter().map(|&key| batch.columns[key].gather(rows)).collect()
                }
                Causes::Slots => self.core.table.gather(rows),
            };
            let ints = |values: Vec<i64>| Column::new(ColumnData::I64(values));
            let time = self.hidden.time.map(|_| ints(given.times[part.clone()].to_vec()));
            let watermark = self.hidden.watermark.map(|column| match causes {
                Causes::Rows(batch) => batch.columns[column].gather(rows),
                Causes::Slots => ints(vec![NO_WATERMARK; rows.len()]),
            });
            let change = self.changes.then(|| ints(given.changes[part.clone()].to_vec()));
            let ranks: Vec<Column> = match causes {
                Causes::Rows(batch) => {
                    let ranks = &batch.columns[self.core.input.fields.len()..];
                    ranks.iter().map(|column| column.gather(rows)).collect()
                }
                Causes::Slots => {
                    let of = |ranks: &Vec<i64>| ints(rows.iter().map(|&slot| ranks[slot as usize]).collect());
                    self.lives.ranks().iter().map(of).collect()
                }
            };
            let results = results.iter().map(|column| column.gather(&given.results[part.clone()]));
            let columns =
                keys.into_iter().chain(results).chain(time).chain(watermark).chain(change).chain(ranks);
            cx.emit(Batch::new(rows.len(), columns.map(Arc::new).collect()));
        }
    }

    /// Gives a key's result at every `n`th of its rows.
    fn every_nth(&mut self, cx: &mut Context<'_>, batch: Batch, n: u64) -> Result<(), Halt> {
        let mut rest = Some(batch);
        while let Some(mut batch) = rest.take() {
            let known = self.find(cx.number, &mut batch);
            let pieces = pieces(&self.pending, &self.core.slots, n);
            self.core.forget(known);
            self.groups.truncate(known);
            for (start, end) in pieces {
                let rows: Vec<u32> = (start..end).collect();
                let mut piece = batch.gather(&rows);
                self.core.apply(cx, &mut piece, false)?;
                self.count(cx.number, &piece);
                let (due, slots) = self.nth_rows(n);
                self.give(cx, &slots, Some((&piece, &due)))?;
                if piece.len < rows.len() && (end as usize) < batch.len {
                    // Rows that were refused do not count: the others are divided anew.
                    rest = Some(batch.gather(&(end..batch.len as u32).collect::<Vec<_>>()));
                    break;
                }
            }
        }
        Ok(())
    }

    /// The rows that are the `n`th of their slot since it was last given, and their slots.
    fn nth_rows(&mut self, n: u64) -> (Vec<u32>, Vec<u32>) {
        self.pending.resize(self.core.table.len(), 0);
        let (mut due, mut slots) = (Vec::new(), Vec::new());
        for (row, &slot) in self.core.slots.iter().enumerate() {
            let pending = &mut self.pending[slot as usize];
            *pending += 1;
            if *pending == n {
                *pending = 0;
                due.push(row as u32);
                slots.push(slot);
            }
        }
        (due, slots)
    }

    /// Adds rows whose results are given later.
    fn add(&mut self, cx: &mut Context<'_>, mut batch: Batch) -> Result<(), Halt> {
        let known = self.find(cx.number, &mut batch);
        self.core.apply_found(cx, &mut batch, known, false)?;
        self.came(known);
        self.count(cx.number, &batch);
        self.pending.resize(self.core.table.len(), 0);
        if self.trigger == RunningTrigger::AtEnd {
            return Ok(());
        }
        for &slot in &self.core.slots {
            self.pending[slot as usize] += 1;
            if self.pending[slot as usize] == 1 {
                self.changed.push(slot);
            }
        }
        Ok(())
    }

    /// Frees slots without groups, once there may be as many of them as of others.
    fn free(&mut self) {
        let slots = self.core.table.len();
        if slots < self.crowded {
            return;
        }
        let (live, empty): (Vec<u32>, Vec<u32>) = (0..slots as u32).partition(|slot| self.is_live(*slot));
        self.crowded = (live.len() * 2).max(CROWDED);
        if live.len() * 2 <= slots {
            self.leave(&live, &empty);
            self.retain(&live);
        }
    }

    /// Is there more to a slot than its key?
    fn is_live(&self, slot: u32) -> bool {
        let at = slot as usize;
        let counted = matches!(self.trigger, RunningTrigger::Count(_));
        let waits = || self.pending.get(at).is_some_and(|rows| *rows > 0);
        self.groups.get(at).is_some_and(|group| group.rows != 0 || group.given) || (counted && waits())
    }

    /// Keeps these slots, which ascend; they become slots `0..`.
    fn retain(&mut self, slots: &[u32]) {
        let all = self.core.table.len();
        self.groups.resize(all, EMPTY);
        self.lives.resize(all);
        self.core.retain(slots);
        self.lives.retain(slots);
        self.groups = slots.iter().map(|&slot| self.groups[slot as usize]).collect();
        let pending = |slot: &u32| self.pending.get(*slot as usize).copied().unwrap_or(0);
        self.pending = slots.iter().map(pending).collect();
        self.changed.keep(slots);
        if let Some(store) = &mut self.kept {
            let kept: Vec<u32> =
                self.groups.iter().map(|group| group.kept).filter(|kept| *kept != NOWHERE).collect();
            store.retain(&kept);
            let is_kept = |group: &&mut Group| group.kept != NOWHERE;
            self.groups.iter_mut().filter(is_kept).zip(0..).for_each(|(group, at)| group.kept = at);
        }
        self.at.clear();
    }

    /// The groups that the end of the input gives, in the order of their births.
    fn rest(&self) -> Vec<u32> {
        let held = |slot: &u32| match self.trigger {
            RunningTrigger::EachRow => false,
            RunningTrigger::AtEnd => self.groups[*slot as usize].rows > 0,
            _ => self.pending.get(*slot as usize).is_some_and(|rows| *rows > 0),
        };
        let mut rest: Vec<u32> = (0..self.groups.len() as u32).filter(held).collect();
        self.lives.sort(&mut rest);
        rest
    }

    /// The bytes that all groups take in memory.
    fn bytes(&self) -> usize {
        let beside = room(&self.groups) + room(&self.pending) + self.changed.bytes() + room(&self.at);
        let kept = self.kept.as_ref().map_or(0, RowStore::bytes);
        let noted = self.noted.changes.bytes() + self.given_noted.changes.bytes();
        self.core.held().bytes + self.lives.bytes() + kept + beside + noted
    }
}

/// Rows of old results, and those of new ones behind them.
fn joined(mut old: Column, new: &Column) -> Column {
    old.append(new);
    old
}

impl Beaten for ChangingOperator {
    fn waiting(&mut self) -> &mut Waiting {
        &mut self.changed
    }

    fn wake(&mut self, hashes: &[u64]) -> Result<(), ColdError> {
        self.bring_back(hashes)
    }

    fn give_due(&mut self, cx: &mut Context<'_>, slots: &[u32]) -> Result<(), Halt> {
        self.copy_changing(slots);
        slots.iter().for_each(|&slot| self.pending[slot as usize] = 0);
        self.give(cx, slots, None)
    }

    fn make_room(&mut self) -> Result<(), ColdError> {
        self.relieve(&[])
    }
}

impl Operator for ChangingOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        if let (Some(beats), true) = (&mut self.beats, self.changed.is_empty()) {
            beats.skip(cx.shared.env.clock.as_ref());
        }
        self.bring_groups(cx, &batch)?;
        match self.trigger {
            RunningTrigger::EachRow if !self.discarding => self.each_row(cx, batch)?,
            RunningTrigger::EachRow => self.every_nth(cx, batch, 1)?,
            RunningTrigger::Count(n) => self.every_nth(cx, batch, n.max(1))?,
            RunningTrigger::AtEnd | RunningTrigger::Every(_) => self.add(cx, batch)?,
        }
        if self.spilled.is_some() {
            let used = std::mem::take(&mut self.core.slots);
            self.relieve(&used).map_err(|error| on_disk(cx, &error))?;
        }
        // Behind that: slots are others afterwards.
        self.free();
        Ok(())
    }

    fn save(&mut self, out: &mut Saving) {
        self.mark(out);
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.save_marked(out, entries).map_err(|error| error.to_string())
    }

    fn load(&mut self, _cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        self.load_all(from)
    }

    fn held(&self) -> Held {
        let (keys, bytes) = self.spilled.as_ref().map_or((0, 0), |on_disk| (on_disk.len(), on_disk.bytes()));
        Held { keys: self.core.table.len() + keys, bytes: self.bytes() + bytes }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.beats.as_ref().map(Beats::next)
    }

    fn waits(&self) -> Option<Deadline> {
        self.deadline().filter(|_| !self.changed.is_empty())
    }

    fn tick(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        if let Some(beats) = &mut self.beats {
            beats.heard(cx.shared.env.clock.as_ref());
        }
        self.beat(cx)
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        if self.spilled.is_some() {
            return self.flush_sorted(cx);
        }
        let level = cx.shared.layout.nodes[cx.node].level;
        let (rest, from) = match self.last.take() {
            Some(last) => last,
            None => (self.rest(), 0),
        };
        let Some(&first) = rest.get(from) else { return Ok(Flush::Done) };
        let born = self.lives.born(first);
        let same = rest[from..].iter().take(BATCH_ROWS).take_while(|&&slot| self.lives.born(slot) == born);
        let to = from + same.count();
        cx.number = at_end(level, born);
        self.give(cx, &rest[from..to], None)?;
        let next = rest.get(to).map(|&slot| at_end(level, self.lives.born(slot)));
        self.last = Some((rest, to));
        Ok(next.map_or(Flush::Done, Flush::More))
    }
}
