//! Both steps of an aggregation over one table per worker.
//!
//! The first step adds up what its worker reads, of all keys. When the input has ended, it sends only the groups whose
//! keys belong to other workers; the second step adds what others send to those that stay, and gives them. So a group
//! that is at home never moves, its key is not hashed and stored a second time, and no second table takes memory.
//!
//! Results leave in the order of births over all workers: a group that another worker made earlier, or alone, has
//! its place there. That place is a number here, so it is done where the rows of a number lie on one worker and
//! nobody below needs ranks within it ([`crate::layout::Layout::shares_table`]); else, there are two tables.

use super::AggregateOperator;
use crate::context::Context;
use crate::error::Halt;
use crate::number::{Number, at_end};
use crate::operator::{Flush, Operator};
use crate::snapshot::{Loading, Saving};
use crate::state::{Held, room};
use flow_data::hash::range_of;
use flow_data::{BATCH_ROWS, Batch};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The groups of a worker, for both of its steps, which run one after the other on its thread.
struct Groups {
    table: AggregateOperator,
    /// How many its own rows made, once the input has ended.
    made_here: usize,
}

type Shared = Arc<Mutex<Groups>>;

fn of(groups: &Shared) -> MutexGuard<'_, Groups> {
    groups.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The two steps of a worker over the same groups.
pub(super) fn steps(table: AggregateOperator) -> (FirstStep, SecondStep) {
    let groups = Arc::new(Mutex::new(Groups { table, made_here: 0 }));
    let first = FirstStep { groups: groups.clone(), next: 0 };
    (first, SecondStep { groups, elsewhere: Elsewhere::default(), next: 0 })
}

impl Groups {
    /// The slots from `start` on that its own rows made in one number, and that number: at most as many as a batch has
    /// rows.
    fn run(&self, start: usize) -> Option<(Number, Range<usize>)> {
        if start >= self.made_here {
            return None;
        }
        let (born, next) = self.table.core.births.of(start);
        Some((born, start..next.min(self.made_here).min(start + BATCH_ROWS)))
    }

    /// Those of these slots that are wanted: `is_wanted` gets a slot, and whether its key belongs to this worker.
    fn select(
        &self,
        cx: &Context<'_>,
        slots: Range<usize>,
        is_wanted: impl Fn(usize, bool) -> bool,
    ) -> Vec<u32> {
        let (hashes, workers) = (self.table.core.table.hashes(), cx.shared.workers());
        let mut selected = vec![0; slots.len()];
        let mut count = 0;
        // Without a branch, which nobody could foresee.
        for slot in slots {
            let is_ours = range_of(hashes[slot], workers) == cx.worker;
            selected[count] = slot as u32;
            count += usize::from(is_wanted(slot, is_ours));
        }
        selected.truncate(count);
        selected
    }

    fn emit(&self, cx: &mut Context<'_>, number: Number, slots: &[u32]) {
        cx.number = number;
        if !slots.is_empty() {
            cx.emit(self.table.rows(slots));
        }
    }
}

/// Adds up what a worker reads, and sends the groups that others give.
pub(super) struct FirstStep {
    groups: Shared,
    /// The next slot that may be sent.
    next: usize,
}

impl Operator for FirstStep {
    fn push(&mut self, cx: &mut Context<'_>, input: usize, batch: Batch) -> Result<(), Halt> {
        of(&self.groups).table.push(cx, input, batch)
    }

    fn save(&mut self, out: &mut Saving) {
        of(&self.groups).table.save(out);
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        of(&self.groups).table.save_more(out, entries)
    }

    fn load(&mut self, cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        of(&self.groups).table.load(cx, from)
    }

    fn held(&self) -> Held {
        of(&self.groups).table.held()
    }

    /// Sends groups that were made in one number.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let groups = &mut *of(&self.groups);
        if self.next == 0 {
            groups.made_here = groups.table.core.table.len();
        }
        let level = cx.shared.layout.nodes[cx.node].level;
        let Some((born, run)) = groups.run(self.next) else { return Ok(Flush::Done) };
        self.next = run.end;
        let leaving = groups.select(cx, run, |_, is_ours| !is_ours);
        groups.emit(cx, at_end(level, born), &leaving);
        let next = groups.run(self.next);
        Ok(next.map_or(Flush::Done, |(born, _)| Flush::More(at_end(level, born))))
    }
}

/// Groups that another worker made earlier than this one, or alone.
#[derive(Default)]
struct Elsewhere {
    /// Their slots, in the order of their births.
    slots: Vec<u32>,
    /// The first of them of each number.
    numbers: Vec<(Number, usize)>,
    /// By slot: is it one of them? A bit each.
    known: Vec<u64>,
    /// How many were given, and of how many of the numbers.
    given: usize,
}

impl Elsewhere {
    fn has(&self, slot: usize) -> bool {
        self.known.get(slot / 64).is_some_and(|bits| bits >> (slot % 64) & 1 == 1)
    }

    /// These slots were made in a number; only those from `from` on matter, and of them those that are not known yet.
    fn note(&mut self, number: Number, slots: &[u32], from: usize, all: usize) {
        self.known.resize(all.div_ceil(64), 0);
        let first = self.slots.len();
        self.slots.resize(first + slots.len(), 0);
        let mut count = first;
        // Without a branch, which nobody could foresee.
        for &slot in slots {
            let (bits, bit) =
                (&mut self.known[slot as usize / 64], u64::from(slot as usize >= from) << (slot % 64));
            self.slots[count] = slot;
            count += usize::from(bit & !*bits != 0);
            *bits |= bit;
        }
        self.slots.truncate(count);
        if self.slots.len() > first {
            self.numbers.push((number, first));
        }
    }

    /// The next ones to be given, which were made in one number, and that number.
    fn run(&self) -> Option<(Number, Range<usize>)> {
        let behind = self.numbers.partition_point(|(_, first)| *first <= self.given);
        let number = self.numbers.get(behind.checked_sub(1)?)?.0;
        let end = self.numbers.get(behind).map_or(self.slots.len(), |(_, first)| *first);
        let end = end.min(self.given + BATCH_ROWS);
        (self.given < end).then_some((number, self.given..end))
    }
}

/// Adds what other workers made of this worker's groups, and gives them.
pub(super) struct SecondStep {
    groups: Shared,
    elsewhere: Elsewhere,
    /// The next slot that this worker's rows made, and that may be given.
    next: usize,
}

/// The level of the first step, which stands above the second one.
fn first_level(cx: &Context<'_>) -> u32 {
    cx.shared.layout.nodes[cx.node].level - 1
}

/// What comes next: groups that were made here, or elsewhere. The number is that of the first step.
enum Run {
    Here(Number, Range<usize>),
    Elsewhere(Number, Range<usize>),
}

impl SecondStep {
    fn run(&self, groups: &Groups, level: u32) -> Option<Run> {
        let here = groups.run(self.next).map(|(born, run)| (at_end(level, born), run));
        match (here, self.elsewhere.run()) {
            (Some((number, run)), None) => Some(Run::Here(number, run)),
            (Some((number, run)), Some((other, _))) if number <= other => Some(Run::Here(number, run)),
            (_, Some((number, run))) => Some(Run::Elsewhere(number, run)),
            (None, None) => None,
        }
    }
}

impl Operator for SecondStep {
    /// Groups that another worker made in one number. All that this worker reads has been added up before.
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        let groups = &mut *of(&self.groups);
        groups.table.add_groups(&batch);
        let (core, level) = (&groups.table.core, first_level(cx));
        let later = core.births.first_slot(|born| at_end(level, born) > cx.number);
        self.elsewhere.note(cx.number, &core.slots, later.min(groups.made_here), core.table.len());
        Ok(())
    }

    /// The first step saves them: there are no barriers behind the end of the input.
    fn save(&mut self, _out: &mut Saving) {}

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }

    fn held(&self) -> Held {
        let Elsewhere { slots, numbers, known, .. } = &self.elsewhere;
        Held { keys: 0, bytes: room(slots) + room(numbers) + room(known) }
    }

    /// Gives groups that were made in one number.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let groups = &*of(&self.groups);
        let (first, level) = (first_level(cx), cx.shared.layout.nodes[cx.node].level);
        match self.run(groups, first) {
            None => return Ok(Flush::Done),
            Some(Run::Here(number, run)) => {
                self.next = run.end;
                let stay = |slot, is_ours| is_ours & !self.elsewhere.has(slot);
                let staying = groups.select(cx, run, stay);
                groups.emit(cx, at_end(level, number), &staying);
            }
            Some(Run::Elsewhere(number, run)) => {
                self.elsewhere.given = run.end;
                groups.emit(cx, at_end(level, number), &self.elsewhere.slots[run]);
            }
        }
        Ok(match self.run(groups, first) {
            None => Flush::Done,
            Some(Run::Here(number, _) | Run::Elsewhere(number, _)) => Flush::More(at_end(level, number)),
        })
    }
}
