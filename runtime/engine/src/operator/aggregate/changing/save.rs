//! Changing aggregates as tables: groups; what was given of them, where accumulators do not say it. A barrier marks what
//! changed, and it is copied behind it, or before it changes again.

use super::super::{NUMBER, PENDING, TIME};
use super::{ChangingOperator, EMPTY, Group, NOWHERE, RunningTrigger};
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use crate::state::{COLDER, ColdError, Spills};
use flow_data::Batch;
use flow_plan::Field;
use std::sync::Arc;

/// Columns of the engine's own in the table of groups: rows behind a group; is a result out there, and its event
/// time.
pub(super) const ROWS: &str = "·rows";
const GIVEN: &str = "·given";
const GIVEN_TIME: &str = "·givenTime";

impl ChangingOperator {
    /// Slots from here on are new.
    pub(super) fn came(&mut self, known: usize) {
        let slots = self.core.table.len();
        if self.noted.changes.notes() && slots > known {
            self.noted.changes.change(&(known as u32..slots as u32).collect::<Vec<_>>(), slots);
        }
    }

    pub(super) fn groups_of(&mut self, slots: &[u32]) -> Columns {
        let all = self.core.table.len();
        self.groups.resize(all, EMPTY);
        self.lives.resize(all);
        self.pending.resize(all, 0);
        let mut columns = self.core.save(slots);
        let groups = || slots.iter().map(|&slot| &self.groups[slot as usize]);
        self.lives.write(slots, NUMBER, &mut columns);
        columns.ints(ROWS, groups().map(|group| group.rows));
        columns.ints(GIVEN, groups().map(|group| i64::from(group.given)));
        columns.ints(GIVEN_TIME, groups().map(|group| group.time));
        columns.ints(TIME, groups().map(|group| group.last_time));
        let pending = |slot: u32| self.pending[slot as usize];
        columns.ints(PENDING, slots.iter().map(|&slot| self.changed.written(slot, pending(slot))));
        columns
    }

    /// Those of these slots of which something was given.
    pub(super) fn with_given(&self, slots: &[u32]) -> Vec<u32> {
        slots.iter().copied().filter(|slot| self.place(*slot) != NOWHERE).collect()
    }

    /// Where it is kept what was given of a slot.
    fn place(&self, slot: u32) -> u32 {
        self.groups.get(slot as usize).map_or(NOWHERE, |group| group.kept)
    }

    /// What was given of these slots, of those of which something was.
    pub(super) fn given_of(&self, slots: &[u32]) -> Columns {
        let slots = self.with_given(slots);
        let mut columns = Columns::default();
        columns.rows(&self.core.key_fields(), self.core.table.gather(&slots));
        if let Some(store) = &self.kept {
            let kept: Vec<u32> = slots.iter().map(|&slot| self.place(slot)).collect();
            columns.rows(&self.result_fields(), store.gather(&kept));
        }
        columns
    }

    /// Copies what a checkpoint still needs of slots, which are about to change.
    pub(super) fn copy_changing(&mut self, slots: &[u32]) {
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

    /// Only these slots stay, which ascend; of the others, these were empty.
    pub(super) fn leave(&mut self, stay: &[u32], empty: &[u32]) {
        self.copy_changing(empty);
        self.say_emptied(empty.iter().copied().filter(|slot| self.given_noted.changes.has(*slot)).collect());
        // What came back from disk was known before, wherever it stands.
        let known = match &self.spilled {
            Some(_) => empty.len(),
            None => empty.partition_point(|slot| (*slot as usize) < self.known_slots),
        };
        let gone = self.keys_of(&empty[..known]);
        self.noted.gone(gone);
        self.known_slots = stay.partition_point(|slot| (*slot as usize) < self.known_slots);
        self.noted.changes.retain(stay);
        self.given_noted.changes.retain(stay);
    }

    /// Says of which of these groups nothing is given any more.
    pub(super) fn say_emptied(&mut self, mut slots: Vec<u32>) {
        slots.retain(|slot| self.place(*slot) == NOWHERE);
        let gone = self.keys_of(&slots);
        self.given_noted.gone(gone);
    }

    /// A barrier: everything is to be written down, or what changed.
    pub(super) fn mark(&mut self, out: &mut Saving) {
        self.say_emptied(self.given_noted.changes.slots());
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
        if let Some(spilled) = &mut self.spilled {
            (0..=usize::from(self.kept.is_some())).for_each(|table| spilled.table(table).mark(whole));
        }
    }

    /// Writes down about so many of the entries that were marked; gives whether there are more of a table.
    pub(super) fn save_marked(&mut self, out: &mut Saving, entries: usize) -> Result<bool, ColdError> {
        let of = if self.writes_given { &mut self.given_noted } else { &mut self.noted };
        of.take_copied().into_iter().for_each(|copy| out.more(copy));
        let next = of.changes.next(entries);
        if !next.is_empty() {
            out.more(if self.writes_given { self.given_of(&next) } else { self.groups_of(&next) });
            return Ok(true);
        }
        let table = usize::from(self.writes_given);
        if let Some(spilled) = &mut self.spilled
            && let Some(rows) = spilled.table(table).next_marked(entries.div_ceil(COLDER))?
        {
            out.more(rows);
            return Ok(true);
        }
        self.writes_given = true;
        Ok(false)
    }

    /// Takes over what was saved.
    pub(super) fn load_all(&mut self, from: &mut Loading) -> Result<(), String> {
        if self.spilled.is_some() {
            self.lives.widen(from.rank_columns("groups"));
        }
        let groups = from.table("groups");
        self.take_groups(&groups.in_order(&groups.by_rank(NUMBER)))?;
        self.take_given(&from.table("given"))?;
        self.relieve(&[]).map_err(|error| error.to_string())
    }

    /// Takes in groups that were written down, in the order of their births; gives their slots, from `known` on.
    pub(super) fn take_groups(&mut self, saved: &Loaded) -> Result<(), String> {
        let known = self.core.table.len();
        self.core.load(saved)?;
        self.lives.extend(known, saved, NUMBER);
        let [mut rows, given, times, last] = [ROWS, GIVEN, GIVEN_TIME, TIME].map(|name| saved.ints(name));
        if !saved.has(ROWS) {
            // Where rows are only added nobody counts them: each group has some.
            rows.fill(1);
        }
        let group = |row: usize| Group {
            rows: rows[row],
            given: given[row] != 0,
            time: times[row],
            last_time: last[row],
            kept: NOWHERE,
        };
        self.groups.truncate(known);
        self.groups.resize(known, EMPTY);
        self.groups.extend((0..saved.len()).map(group));
        self.pending.resize(known, 0);
        self.pending.extend(saved.ints(PENDING).into_iter().map(|rows| rows as u64));
        if let RunningTrigger::Every(_) = self.trigger {
            self.changed.all_came(known, &self.core.table, &self.pending).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    fn result_fields(&self) -> Vec<Field> {
        let named = self.core.names.iter().zip(&self.core.aggregates);
        named.map(|(name, call)| Field::new(name.clone(), call.ty.clone())).collect()
    }

    /// Takes over results that were given; gives their slots. One of an aggregate that was not there then cannot be taken
    /// back: its group counts as not given.
    pub(super) fn take_given(&mut self, saved: &Loaded) -> Result<Vec<u32>, String> {
        let fields = self.result_fields();
        if self.kept.is_none() || fields.iter().any(|field| !saved.has(&field.name)) {
            return Ok(Vec::new());
        }
        let columns = saved.columns(&fields)?;
        let slots = self.core.slots_of(saved)?;
        let Some(store) = &mut self.kept else { return Ok(Vec::new()) };
        let mut places = Vec::with_capacity(slots.len());
        for (row, &slot) in slots.iter().enumerate() {
            let kept = store.reserve();
            self.groups[slot as usize].kept = kept;
            places.push((row as u32, kept));
        }
        store.put(columns.iter().map(AsRef::as_ref), &places);
        Ok(slots)
    }
}
