//! Changing aggregates as tables: groups; what was given of them, where accumulators do not say it. A barrier marks what
//! changed, and it is copied behind it, or before it changes again.

use super::super::{NUMBER, PENDING, TIME};
use super::{ChangingOperator, EMPTY, Group, NOWHERE, RunningTrigger};
use crate::number::Number;
use crate::snapshot::{Columns, Loaded, Saving};
use flow_data::Batch;
use flow_plan::Field;
use std::sync::Arc;

/// Columns of the engine's own in the table of groups: rows behind a group; is a result out there, and its event
/// time.
const ROWS: &str = "·rows";
const GIVEN: &str = "·given";
const GIVEN_TIME: &str = "·givenTime";

fn picked(values: &[i64], slots: &[u32]) -> Vec<i64> {
    slots.iter().map(|&slot| values[slot as usize]).collect()
}

impl ChangingOperator {
    /// Slots from here on are new.
    pub(super) fn came(&mut self, known: usize) {
        let slots = self.core.table.len();
        if self.noted.changes.notes() && slots > known {
            self.noted.changes.change(&(known as u32..slots as u32).collect::<Vec<_>>(), slots);
        }
    }

    fn groups_of(&mut self, slots: &[u32]) -> Columns {
        let all = self.core.table.len();
        self.groups.resize(all, EMPTY);
        self.lives.resize(all);
        self.pending.resize(all, 0);
        let mut columns = self.core.save(slots);
        let mut ranks: Vec<Vec<i64>> = self.lives.ranks().iter().map(|ranks| picked(ranks, slots)).collect();
        if ranks.is_empty() {
            // On one worker, births are in the order of the sequence.
            ranks.push(slots.iter().map(|&slot| self.lives.order(slot) as i64).collect());
        }
        let groups = || slots.iter().map(|&slot| &self.groups[slot as usize]);
        columns.ints(NUMBER, slots.iter().map(|&slot| self.lives.born(slot) as i64));
        columns.ranks(ranks.iter().map(Vec::as_slice));
        columns.ints(ROWS, groups().map(|group| group.rows));
        columns.ints(GIVEN, groups().map(|group| i64::from(group.given)));
        columns.ints(GIVEN_TIME, groups().map(|group| group.time));
        columns.ints(TIME, groups().map(|group| group.last_time));
        columns.ints(PENDING, slots.iter().map(|&slot| self.pending[slot as usize] as i64));
        columns
    }

    /// What was given of these slots, of those of which something was.
    fn given_of(&self, slots: &[u32]) -> Columns {
        let place = |slot: &u32| self.groups.get(*slot as usize).map_or(NOWHERE, |group| group.kept);
        let slots: Vec<u32> = slots.iter().copied().filter(|slot| place(slot) != NOWHERE).collect();
        let mut columns = Columns::default();
        columns.rows(&self.core.key_fields(), self.core.table.gather(&slots));
        if let Some(store) = &self.kept {
            let kept: Vec<u32> = slots.iter().map(place).collect();
            columns.rows(&self.result_fields(), store.gather(&kept));
        }
        columns
    }

    /// Copies what a checkpoint still needs of slots, which are about to change.
    pub(super) fn copy_ahead(&mut self, slots: &[u32]) {
        if self.noted.changes.is_marked() {
            let ahead = self.noted.changes.ahead(slots);
            let copy = self.groups_of(&ahead);
            self.noted.copied(copy);
        }
        if self.given_noted.changes.is_marked() {
            let ahead = self.given_noted.changes.ahead(slots);
            let copy = self.given_of(&ahead);
            self.given_noted.copied(copy);
        }
    }

    /// The keys of slots.
    fn keys_of(&self, slots: &[u32]) -> Batch {
        Batch::new(slots.len(), self.core.table.gather(slots).into_iter().map(Arc::new).collect())
    }

    /// Slots other than these, which ascend, go.
    pub(super) fn leave(&mut self, live: &[u32]) {
        let slots = 0..self.core.table.len() as u32;
        let dead: Vec<u32> = slots.filter(|slot| live.binary_search(slot).is_err()).collect();
        self.copy_ahead(&dead);
        self.say_emptied();
        let known = dead.partition_point(|slot| (*slot as usize) < self.known_slots);
        let gone = self.keys_of(&dead[..known]);
        self.noted.gone(gone);
        self.known_slots = live.partition_point(|slot| (*slot as usize) < self.known_slots);
        self.noted.changes.retain(live);
        self.given_noted.changes.retain(live);
    }

    /// Says of which groups nothing is given any more.
    fn say_emptied(&mut self) {
        let has = |slot: &u32| self.groups[*slot as usize].kept != NOWHERE;
        let slots: Vec<u32> =
            self.given_noted.changes.slots().into_iter().filter(|slot| !has(slot)).collect();
        let gone = self.keys_of(&slots);
        self.given_noted.gone(gone);
    }

    /// A barrier: everything is to be written down, or what changed.
    pub(super) fn mark(&mut self, out: &mut Saving) {
        self.say_emptied();
        let slots = self.core.table.len();
        let whole = out.whole() || !self.noted.changes.notes();
        (self.known_slots, self.writes_given) = (slots, false);
        let (home, keys) = (self.core.home(), self.core.keys.len());
        let gone = self.noted.mark(whole, slots, self.tracks);
        let none = self.groups_of(&[]);
        out.begin_changes("groups", home, keys, none, (!whole).then_some(gone));
        if self.kept.is_some() {
            let gone = self.given_noted.mark(whole, slots, self.tracks);
            out.begin_changes("given", home, keys, self.given_of(&[]), (!whole).then_some(gone));
        }
    }

    /// Writes down about so many of the entries that were marked; gives whether there are more of a table.
    pub(super) fn save_marked(&mut self, out: &mut Saving, entries: usize) -> bool {
        let of = if self.writes_given { &mut self.given_noted } else { &mut self.noted };
        of.take_copied().into_iter().for_each(|copy| out.more(copy));
        let next = of.changes.next(entries);
        if next.is_empty() {
            self.writes_given = true;
            return false;
        }
        let copy = if self.writes_given { self.given_of(&next) } else { self.groups_of(&next) };
        out.more(copy);
        true
    }

    pub(super) fn load_groups(&mut self, saved: &Loaded) -> Result<(), String> {
        let ranks = self.lives.ranks().len();
        let saved = saved.in_order(&saved.by_rank(NUMBER));
        self.core.load(&saved)?;
        let numbers: Vec<Number> = saved.ints(NUMBER).into_iter().map(|number| number as Number).collect();
        self.lives.load(&numbers, saved.ranks(ranks));
        let [rows, given, times, last] = [ROWS, GIVEN, GIVEN_TIME, TIME].map(|name| saved.ints(name));
        let group = |slot: usize| Group {
            rows: rows[slot],
            given: given[slot] != 0,
            time: times[slot],
            last_time: last[slot],
            kept: NOWHERE,
        };
        self.groups = (0..saved.len()).map(group).collect();
        self.pending = saved.ints(PENDING).into_iter().map(|rows| rows as u64).collect();
        if let RunningTrigger::Every(_) = self.trigger {
            let waits = |slot: &u32| self.pending[*slot as usize] > 0;
            self.changed = (0..saved.len() as u32).filter(waits).collect();
        }
        Ok(())
    }

    fn result_fields(&self) -> Vec<Field> {
        let named = self.core.names.iter().zip(&self.core.aggregates);
        named.map(|(name, call)| Field::new(name.clone(), call.ty.clone())).collect()
    }

    /// Takes over results that were given. One of an aggregate that was not there then cannot be taken back: its
    /// group counts as not given.
    pub(super) fn load_given(&mut self, saved: &Loaded) -> Result<(), String> {
        let fields = self.result_fields();
        if self.kept.is_none() || fields.iter().any(|field| !saved.has(&field.name)) {
            return Ok(());
        }
        let columns = saved.columns(&fields)?;
        let slots = self.core.slots_of(saved)?;
        let Some(store) = &mut self.kept else { return Ok(()) };
        let mut places = Vec::with_capacity(slots.len());
        for (row, &slot) in slots.iter().enumerate() {
            let kept = store.reserve();
            self.groups[slot as usize].kept = kept;
            places.push((row as u32, kept));
        }
        store.put(columns.iter().map(AsRef::as_ref), &places);
        Ok(())
    }
}
