//! Running keyed aggregation.

mod changing;
mod core;
mod lives;
mod shares;
mod spilling;

use self::changing::ChangingOperator;
use self::core::Core;
pub(crate) use self::lives::Lives;
use super::origins::Origins;
use super::waiting::{Beaten, Waiting};
use super::{Flush, Operator, on_disk};
use crate::beat::{Beat, Beats};
use crate::context::Context;
use crate::error::Halt;
use crate::number::{Number, at_end};
use crate::snapshot::{Columns, Loading, Saving};
use crate::state::{Cold, ColdError, Entries, Held, Ledger, Ledgered, Sorted};
use flow_checkpoint::state::Home;
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData};
use flow_env::Deadline;
use flow_plan::RecordType;
use flow_plan::operator::RunningTrigger;
use flow_plan::physical::hidden::NO_WATERMARK;
use flow_plan::physical::{Hidden, RunningAggregate};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The operator of a running aggregation. Is it the first of two steps? Does it note what changes between
/// checkpoints? Where does it put groups that memory has no room for? (Without a key, there is one group.)
pub(crate) fn running(
    aggregate: &RunningAggregate,
    input: &Arc<RecordType>,
    ranks: usize,
    beat: &Beat,
    first_step: bool,
    tracks: bool,
    cold: Option<Cold>,
) -> Result<Box<dyn Operator>, ColdError> {
    Ok(match aggregate.changes || aggregate.hidden.change.is_some() {
        true => Box::new(ChangingOperator::new(aggregate, input, ranks, beat, tracks, cold)?),
        false => {
            let mut operator = AggregateOperator::new(aggregate, input, ranks, beat, first_step);
            operator.core.origins = cold.is_some().then(|| Origins::new(ranks));
            operator.changed = Waiting::new(cold.as_ref().filter(|_| operator.beats.is_some()));
            operator.ledger = Ledger::new(tracks, cold);
            Box::new(operator)
        }
    })
}

/// Both steps of an aggregation that several workers divide, over one table; for what is asked see [`running`].
pub(crate) fn two_steps(
    aggregate: &RunningAggregate,
    input: &Arc<RecordType>,
    ranks: usize,
    beat: &Beat,
    tracks: bool,
) -> (Box<dyn Operator>, Box<dyn Operator>) {
    let mut groups = AggregateOperator::new(aggregate, input, ranks, beat, true);
    groups.ledger = Ledger::new(tracks, None);
    let (first, second) = shares::steps(groups);
    (Box::new(first), Box::new(second))
}

/// Rows are only added, and nobody needs withdrawals.
struct AggregateOperator {
    core: Core,
    trigger: RunningTrigger,
    discarding: bool,
    /// Rows of each slot since it was last given (of `count:`).
    pending: Vec<u64>,
    /// Slots that changed since they were last given (of `every:`).
    changed: Waiting,
    is_changed: Vec<bool>,
    hidden: Hidden,
    /// The event time of the last row of each slot, where results carry one and are given later.
    times: Vec<i64>,
    beats: Option<Beats>,
    /// The next slot that a flush looks at.
    flushed: usize,
    /// Is it the first of two steps, whose groups are this worker's share of all keys?
    first_step: bool,
    /// What has changed, what a checkpoint still has to copy, and what is on disk.
    ledger: Ledger,
    /// What the end of the input gives, if groups may be on disk.
    last: Option<Sorted>,
}

impl AggregateOperator {
    fn new(
        aggregate: &RunningAggregate,
        input: &Arc<RecordType>,
        ranks: usize,
        beat: &Beat,
        first_step: bool,
    ) -> AggregateOperator {
        let beats = match aggregate.trigger {
            RunningTrigger::Every(micros) => Some(Beats::new(beat, interval(micros))),
            _ => None,
        };
        AggregateOperator {
            core: Core::new(aggregate, input, ranks),
            trigger: aggregate.trigger.clone(),
            discarding: aggregate.discarding,
            pending: Vec::new(),
            changed: Waiting::default(),
            is_changed: Vec::new(),
            hidden: aggregate.hidden.clone(),
            times: Vec::new(),
            beats,
            flushed: 0,
            first_step,
            ledger: Ledger::default(),
            last: None,
        }
    }

    /// Rows of keys and results, with ranks.
    fn rows(&self, slots: &[u32]) -> Batch {
        let keys = self.core.table.gather(slots);
        let results = self.core.calls.iter().map(|call| call.results(slots));
        let of_slots = |values: &Vec<i64>| ints(slots.iter().map(|&slot| values[slot as usize]));
        let time = self.hidden.time.map(|_| of_slots(&self.times));
        let watermark = self.hidden.watermark.map(|_| ints(slots.iter().map(|_| NO_WATERMARK)));
        let ranks = self.core.origins.as_ref().map_or(self.core.births.ranks(), Origins::own_ranks);
        let ranks = ranks.iter().map(of_slots);
        let columns = keys.into_iter().chain(results).chain(time).chain(watermark).chain(ranks);
        Batch::new(slots.len(), columns.map(Arc::new).collect())
    }

    /// The results behind each of these rows, with their keys and ranks.
    fn row_results(&self, batch: &Batch, results: Vec<Column>) -> Batch {
        let keys = self.core.keys.iter().map(|&key| batch.columns[key].clone());
        let hidden = [self.hidden.time, self.hidden.watermark].into_iter().flatten();
        let hidden = hidden.map(|column| batch.columns[column].clone());
        let ranks = batch.columns[self.core.input.fields.len()..].iter().cloned();
        let results = results.into_iter().map(Arc::new);
        Batch::new(batch.len, keys.chain(results).chain(hidden).chain(ranks).collect())
    }

    /// Whose its groups are.
    fn home(&self) -> Home {
        // The first of two steps holds groups of all keys.
        if self.first_step { Home::Any } else { self.core.home() }
    }

    /// Notes the event times of the rows of a batch, as those of their slots.
    fn note_times(&mut self, batch: &Batch) {
        let Some(column) = self.hidden.time else { return };
        self.times.resize(self.core.table.len(), NO_WATERMARK);
        let ColumnData::I64(times) = &batch.columns[column].data else {
            unreachable!("event time is a timestamp")
        };
        self.core.slots.iter().zip(times).for_each(|(&slot, &time)| self.times[slot as usize] = time);
    }

    /// Adds rows to their groups, as [`Core::apply`]; a checkpoint on its way has what they were before.
    fn apply(&mut self, cx: &mut Context<'_>, batch: &mut Batch, running: bool) -> Result<Vec<Column>, Halt> {
        let known = self.core.find_slots(cx.number, batch);
        let slots = std::mem::take(&mut self.core.slots);
        self.with_ledger(|ledger, own| ledger.ahead(own, &slots));
        self.core.slots = slots;
        let results = self.core.apply_found(cx, batch, known, running)?;
        self.ledger.changed(&self.core.slots, self.core.table.len());
        Ok(results)
    }

    /// Adds groups that another worker made of its rows: their keys and results. A checkpoint on its way has what
    /// there was before.
    fn add_groups(&mut self, batch: &Batch) {
        self.core.find_groups(batch);
        let slots = std::mem::take(&mut self.core.slots);
        self.with_ledger(|ledger, own| ledger.ahead(own, &slots));
        self.core.slots = slots;
        self.core.merge(&batch.columns[self.core.keys.len()..]);
    }

    /// The entries of slots in the table of groups.
    fn stored(&mut self, slots: &[u32]) -> Columns {
        let all = self.core.table.len();
        let mut columns = self.core.save(slots);
        let picked = |ranks: &Vec<i64>| slots.iter().map(|&slot| ranks[slot as usize]).collect();
        let mut ranks: Vec<Vec<i64>> = match &self.core.origins {
            Some(origins) => {
                columns.ints(NUMBER, slots.iter().map(|&slot| origins.numbers()[slot as usize] as i64));
                origins.ranks().iter().map(picked).collect()
            }
            None => {
                columns.ints(NUMBER, self.core.births.numbers_of(slots));
                self.core.births.ranks().iter().map(picked).collect()
            }
        };
        if ranks.is_empty() {
            // On one worker, slots are in the order of the sequence.
            ranks.push(slots.iter().map(|&slot| i64::from(slot)).collect());
        }
        columns.ranks(ranks.iter().map(Vec::as_slice));
        if let RunningTrigger::Count(_) = self.trigger {
            self.pending.resize(all, 0);
            columns.ints(PENDING, slots.iter().map(|&slot| self.pending[slot as usize] as i64));
        }
        if let RunningTrigger::Every(_) = self.trigger {
            self.is_changed.resize(all, false);
            let waits = |slot: u32| u64::from(self.is_changed[slot as usize]);
            columns.ints(PENDING, slots.iter().map(|&slot| self.changed.written(slot, waits(slot))));
        }
        if self.hidden.time.is_some() {
            self.times.resize(all, NO_WATERMARK);
            columns.ints(TIME, slots.iter().map(|&slot| self.times[slot as usize]));
        }
        columns
    }

    fn each_row(&mut self, cx: &mut Context<'_>, mut batch: Batch) -> Result<(), Halt> {
        if !self.discarding {
            let results = self.apply(cx, &mut batch, true)?;
            cx.emit(self.row_results(&batch, results));
            return Ok(());
        }
        // Every row is a group of its own.
        self.every_nth(cx, batch, 1)
    }

    /// Gives a key's results at every `n`th of its rows.
    fn every_nth(&mut self, cx: &mut Context<'_>, mut batch: Batch, n: u64) -> Result<(), Halt> {
        if !self.discarding {
            let results = self.apply(cx, &mut batch, true)?;
            self.note_times(&batch);
            let due = self.nth_rows(n);
            cx.emit(self.row_results(&batch, results).gather(&due));
            return Ok(());
        }
        // A key begins anew behind each of its results: pieces in which each key gives one at most.
        let mut made = Vec::new();
        let mut rest = Some(batch);
        while let Some(batch) = rest.take() {
            let known = self.core.table.len();
            self.core.find_slots(cx.number, &batch);
            let pieces = pieces(&self.pending, &self.core.slots, n);
            self.core.forget(known);
            for (start, end) in pieces {
                let rows: Vec<u32> = (start..end).collect();
                let mut piece = if rows.len() == batch.len { batch.clone() } else { batch.gather(&rows) };
                self.apply(cx, &mut piece, false)?;
                self.note_times(&piece);
                let due = self.nth_rows(n);
                let slots: Vec<u32> = due.iter().map(|&row| self.core.slots[row as usize]).collect();
                let results = self.core.calls.iter().map(|call| call.results(&slots)).collect();
                made.push(self.row_results(&piece.gather(&due), results));
                for &slot in &slots {
                    self.core.calls.iter_mut().for_each(|call| call.reset(slot as usize));
                }
                if piece.len < rows.len() && (end as usize) < batch.len {
                    // Rows that were refused do not count: the others are divided anew.
                    rest = Some(batch.gather(&(end..batch.len as u32).collect::<Vec<_>>()));
                    break;
                }
            }
        }
        cx.emit(Batch::concat(made));
        Ok(())
    }

    /// The rows that are the `n`th of their slot since it was last given.
    fn nth_rows(&mut self, n: u64) -> Vec<u32> {
        self.pending.resize(self.core.table.len(), 0);
        let mut due = Vec::new();
        for (row, &slot) in self.core.slots.iter().enumerate() {
            let pending = &mut self.pending[slot as usize];
            *pending += 1;
            if *pending == n {
                *pending = 0;
                due.push(row as u32);
            }
        }
        due
    }
}

/// Divides rows so that in no piece a slot has rows behind its `n`th; `waiting` are the rows of slots since
/// they were given.
fn pieces(waiting: &[u64], slots: &[u32], n: u64) -> Vec<(u32, u32)> {
    // By slot: rows since its result, and the piece in which it was last due.
    let mut counts: HashMap<u32, (u64, usize)> = HashMap::new();
    let (mut pieces, mut start) = (Vec::new(), 0);
    for (row, &slot) in slots.iter().enumerate() {
        let pending = waiting.get(slot as usize).copied().unwrap_or(0);
        let (rows, due) = counts.entry(slot).or_insert((pending, usize::MAX));
        if *due == pieces.len() {
            pieces.push((start, row as u32));
            start = row as u32;
        }
        *rows += 1;
        if *rows == n {
            (*rows, *due) = (0, pieces.len());
        }
    }
    pieces.push((start, slots.len() as u32));
    pieces
}

/// Columns of the engine's own in the table of groups: the number in which a group was first seen; rows since its
/// result was given, or whether it changed since; the event time of its last row.
const NUMBER: &str = "·number";
const PENDING: &str = "·pending";
const TIME: &str = "·time";

fn ints(values: impl Iterator<Item = i64>) -> Column {
    Column::new(ColumnData::I64(values.collect()))
}

pub(crate) fn interval(micros: i64) -> Duration {
    Duration::from_micros(micros.max(1) as u64)
}

impl Beaten for AggregateOperator {
    fn waiting(&mut self) -> &mut Waiting {
        &mut self.changed
    }

    fn wake(&mut self, hashes: &[u64]) -> Result<(), ColdError> {
        self.with_ledger(|ledger, own| ledger.bring_back(own, hashes))
    }

    fn give_due(&mut self, cx: &mut Context<'_>, changed: &[u32]) -> Result<(), Halt> {
        self.with_ledger(|ledger, own| ledger.ahead(own, changed));
        self.ledger.changed(changed, self.core.table.len());
        for slots in changed.chunks(BATCH_ROWS) {
            cx.emit(self.rows(slots));
        }
        for &slot in changed {
            self.is_changed[slot as usize] = false;
            if self.discarding {
                self.core.calls.iter_mut().for_each(|call| call.reset(slot as usize));
            }
        }
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), ColdError> {
        self.with_ledger(|ledger, own| ledger.relieve(own, &[]))
    }
}

impl Operator for AggregateOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, mut batch: Batch) -> Result<(), Halt> {
        if let (Some(beats), true) = (&mut self.beats, self.changed.is_empty()) {
            beats.skip(cx.shared.env.clock.as_ref());
        }
        self.bring(cx, &batch)?;
        match self.trigger {
            RunningTrigger::EachRow => self.each_row(cx, batch)?,
            RunningTrigger::Count(n) => self.every_nth(cx, batch, n.max(1))?,
            RunningTrigger::AtEnd => {
                self.apply(cx, &mut batch, false)?;
                self.note_times(&batch);
            }
            RunningTrigger::Every(_) => {
                self.apply(cx, &mut batch, false)?;
                self.note_times(&batch);
                self.is_changed.resize(self.core.table.len(), false);
                for &slot in &self.core.slots {
                    if !std::mem::replace(&mut self.is_changed[slot as usize], true) {
                        self.changed.push(slot);
                    }
                }
            }
        }
        self.relieve().map_err(|error| on_disk(cx, &error))
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

    fn follow(&mut self) {
        let home = self.home();
        self.ledger.follow(home);
    }

    fn save(&mut self, out: &mut Saving) {
        let (home, keys) = (self.home(), self.core.keys.len());
        self.with_ledger(|ledger, own| ledger.save(own, out, "groups", home, keys));
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.with_ledger(|ledger, own| ledger.save_more(own, out, entries))
    }

    fn load(&mut self, _cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        let ranks = from.rank_columns("groups");
        // Where groups go to disk, slots are in no order anyway; but those that wait for a beat wait in that of theirs.
        let mut saved = match self.ledger.spills() && !matches!(self.trigger, RunningTrigger::Every(_)) {
            true => from.as_saved("groups", NUMBER),
            false => from.in_order("groups", NUMBER),
        };
        if let Some(origins) = &mut self.core.origins {
            origins.widen(ranks);
        }
        self.core.table.reserve(saved.len());
        while let Some(piece) = saved.next() {
            self.take_in(&piece)?;
        }
        match self.ledger.spills() {
            true => self.relieve().map_err(|error| error.to_string()),
            false => Ok(()),
        }
    }

    fn held(&self) -> Held {
        let keys = self.core.table.len() + self.ledger.on_disk();
        Held { keys, bytes: self.bytes() + self.ledger.bytes() }
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        if matches!(self.trigger, RunningTrigger::EachRow) {
            return Ok(Flush::Done);
        }
        if self.ledger.spills() {
            return self.flush_sorted(cx);
        }
        self.core.table.close();
        let slots = self.core.table.len();
        let layout = &cx.shared.layout.nodes[cx.node];
        // As if the first of two steps had given the groups before.
        let place = |born: Number| match layout.divided {
            true => at_end(layout.level + 1, at_end(layout.level, born)),
            false => at_end(layout.level, born),
        };
        if self.flushed >= slots {
            return Ok(Flush::Done);
        }
        let (born, next) = self.core.births.of(self.flushed);
        let end = next.min(slots).min(self.flushed + BATCH_ROWS);
        let held = |slot: &u32| match self.trigger {
            RunningTrigger::Count(_) => self.pending[*slot as usize] > 0,
            RunningTrigger::Every(_) => self.is_changed[*slot as usize],
            _ => true,
        };
        let given: Vec<u32> = (self.flushed as u32..end as u32).filter(held).collect();
        cx.number = place(born);
        cx.emit(self.rows(&given));
        self.flushed = end;
        if end == slots {
            return Ok(Flush::Done);
        }
        Ok(Flush::More(place(self.core.births.of(end).0)))
    }
}
