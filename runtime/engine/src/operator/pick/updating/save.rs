//! Updating picks as tables: keys; rows; lists that were given.

use super::super::frame::{NUMBER, PLACE};
use super::{Group, Listed, Place, RunningTrigger, TABLES, Table, UpdatingOperator};
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use crate::state::{COLDER, ColdError, Spills};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column, ColumnData};
use std::sync::Arc;

/// Columns of the engine's own in tables of updating picks: rows of a key since its list was given; the number of a
/// row, turned round if the last wins; the event time a row was given with.
pub(super) const PENDING: &str = "·pending";
pub(super) const ORDER: &str = "·order";
const GIVEN_TIME: &str = "·givenTime";

/// Rows as they are written down.
#[derive(Default)]
pub(super) struct Written {
    pub(super) contents: Vec<u32>,
    pub(super) numbers: Vec<i64>,
    times: Vec<i64>,
    /// Of lists that were given.
    places: Vec<i64>,
}

impl<P: Place> UpdatingOperator<P> {
    /// The number of a row, as it stands in its order.
    fn turned(&self, number: i64) -> i64 {
        if self.rule.last_wins { -number } else { number }
    }

    /// The columns of the input that are written down: the key first.
    fn written(&self) -> Vec<usize> {
        let keys = &self.frame.keys;
        let rest = self.contents.columns().iter().filter(|column| !keys.contains(column));
        keys.iter().chain(rest).copied().collect()
    }

    pub(super) fn groups_of(&self, slots: &[u32]) -> Columns {
        let keys = &self.frame.keys;
        let mut columns = Columns::default();
        columns.rows(&self.frame.fields(keys), self.table.gather(slots));
        self.lives.write(slots, NUMBER, &mut columns);
        let pending = |slot: u32| self.pending[slot as usize];
        columns.ints(PENDING, slots.iter().map(|&slot| self.changed.written(slot, pending(slot))));
        columns
    }

    /// Rows, or those of lists that were `given`.
    pub(super) fn write(&self, rows: &Written, given: bool) -> Columns {
        let written = self.written();
        let (key, row) = written.split_at(self.frame.keys.len());
        let mut columns = Columns::default();
        columns.rows(&self.frame.fields(key), self.contents.gather(key, &rows.contents));
        if given {
            columns.ints(PLACE, rows.places.iter().copied());
        }
        columns.ints(ORDER, rows.numbers.iter().copied());
        columns.rows(&self.frame.fields(row), self.contents.gather(row, &rows.contents));
        if given {
            columns.ints(GIVEN_TIME, rows.times.iter().copied());
        }
        columns
    }

    /// The lists that were given of keys.
    pub(super) fn given_of(&self, slots: &[u32]) -> Columns {
        let mut given = Written::default();
        for &slot in slots {
            for (place, listed) in self.groups[slot as usize].given.iter().enumerate() {
                given.contents.push(listed.content);
                given.numbers.push(listed.order.1);
                given.times.push(listed.time);
                given.places.push(place as i64);
            }
        }
        self.write(&given, true)
    }

    /// Rows, by content and number.
    pub(super) fn numbered(&self, rows: &[(u32, i64)]) -> Columns {
        let (contents, numbers) =
            rows.iter().map(|&(content, number)| (content, self.turned(number))).unzip();
        self.write(&Written { contents, numbers, ..Written::default() }, false)
    }

    /// Copies what a checkpoint still needs of keys, which are about to change.
    pub(super) fn copy_changing(&mut self, slots: &[u32]) {
        if self.noted.groups.changes.is_marked() {
            let ahead = self.noted.groups.changes.ahead(slots);
            let copy = self.groups_of(&ahead);
            self.noted.groups.copied(copy);
        }
        if self.noted.given.changes.is_marked() {
            let ahead = self.noted.given.changes.ahead(slots);
            let copy = self.given_of(&ahead);
            self.noted.given.copied(copy);
        }
    }

    /// Says which places of lists that were given are no more.
    pub(super) fn say_shrunk(&mut self) {
        let (mut slots, mut places) = (Vec::new(), Vec::new());
        for (slot, longest) in self.noted.shrunk() {
            let gone = self.groups[slot as usize].given.len()..longest;
            slots.extend(gone.clone().map(|_| slot));
            places.extend(gone.map(|place| place as i64));
        }
        let keys = with(self.table.gather(&slots), Column::new(ColumnData::I64(places)));
        self.noted.gone(Table::Given, Batch::new(slots.len(), keys));
    }

    /// Only these keys stay, which ascend; of the others, these were empty.
    pub(super) fn leave(&mut self, stay: &[u32], empty: &[u32]) {
        self.say_shrunk();
        self.copy_changing(empty);
        // What came back from disk was known before, wherever it stands.
        let known = |slot: &u32| self.spilled.is_some() || self.noted.knows(*slot);
        let known: Vec<u32> = empty.iter().copied().filter(known).collect();
        let keys = self.table.gather(&known).into_iter().map(Arc::new).collect();
        self.noted.gone(Table::Groups, Batch::new(known.len(), keys));
        self.noted.retain_slots(stay);
    }

    /// Copies what is noted of rows that went, while their contents are there.
    pub(super) fn settle(&mut self) {
        let (before, went) = self.noted.unsettled();
        if !before.is_empty() {
            let copy = self.numbered(&before);
            self.noted.rows.copied(copy);
        }
        if !went.is_empty() {
            let contents: Vec<u32> = went.iter().map(|(content, _)| *content).collect();
            let numbers = went.iter().map(|(_, number)| self.turned(*number)).collect();
            let keys = self.contents.gather(&self.frame.keys, &contents);
            let keys = Batch::new(went.len(), with(keys, Column::new(ColumnData::I64(numbers))));
            self.noted.gone(Table::Rows, keys);
        }
    }

    /// A barrier: everything is to be written down, or what changed.
    pub(super) fn mark(&mut self, out: &mut Saving) {
        self.settle();
        self.say_shrunk();
        let sizes = [self.table.len(), self.contents.len()];
        let gone = self.noted.mark(out.whole(), self.rows, sizes, self.next);
        if let Some(spilled) = &mut self.spilled {
            (0..TABLES).for_each(|table| spilled.table(table).mark(gone.is_none()));
        }
        let [groups, rows, given] = gone.map_or([None, None, None], |gone| gone.map(Some));
        let (home, keys) = (self.frame.home(), self.frame.keys.len());
        out.begin_changes("groups", home, keys, self.groups_of(&[]), groups);
        // Of a key's rows, the number tells them apart; of a list that was given, the place.
        out.begin_changes("rows", home, keys + 1, self.numbered(&[]), rows);
        out.begin_changes("given", home, keys + 1, self.given_of(&[]), given);
    }

    /// Writes down about so many of the entries that were marked; gives whether there are more of a table.
    pub(super) fn save_marked(&mut self, out: &mut Saving, entries: usize) -> Result<bool, ColdError> {
        let table = self.noted.table();
        if table == Table::Rows {
            self.settle();
        }
        let of = self.noted.of(table);
        of.take_copied().into_iter().for_each(|copy| out.more(copy));
        let next = of.changes.next(entries);
        if next.is_empty() {
            if let Some(spilled) = &mut self.spilled
                && let Some(rows) = spilled.table(table as usize).next_marked(entries.div_ceil(COLDER))?
            {
                out.more(rows);
                return Ok(true);
            }
            self.noted.next_table();
            return Ok(false);
        }
        out.more(match table {
            Table::Groups => self.groups_of(&next),
            Table::Given => self.given_of(&next),
            Table::Rows => {
                let numbers = self.noted.numbers();
                let rows = |content: u32| {
                    self.contents.copies(content, numbers.clone()).map(move |number| (content, number))
                };
                self.numbered(&next.into_iter().flat_map(rows).collect::<Vec<_>>())
            }
        });
        Ok(true)
    }

    /// Takes in keys that were written down, in the order of their births.
    pub(super) fn take_groups(&mut self, saved: &Loaded) -> Result<(), String> {
        let known = self.table.len();
        let batch = self.frame.loaded(&self.frame.keys, saved)?;
        let columns: Vec<&Column> = self.frame.key_columns(&batch);
        hash_columns(&columns, batch.len, &mut self.hashes);
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        self.groups.resize_with(self.table.len(), Group::default);
        self.lives.extend(known, saved, NUMBER);
        self.pending.resize(known, 0);
        self.pending.extend(saved.ints(PENDING).into_iter().map(|rows| rows as u64));
        if let RunningTrigger::Every(_) = self.gives.trigger {
            self.changed.all_came(known, &self.table, &self.pending).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Takes in rows that were written down; gives the content of each.
    pub(super) fn take_rows(&mut self, saved: &Loaded) -> Result<Vec<u32>, String> {
        let batch = self.frame.loaded(&self.written(), saved)?;
        self.find(&batch);
        // Of lists that were given at the end, the place says it.
        let numbers = saved.ints(if saved.has(ORDER) { ORDER } else { PLACE });
        let mut coming: Vec<usize> = (0..numbers.len()).collect();
        coming.sort_by_key(|&row| numbers[row].abs());
        for row in coming {
            let (slot, content, number) = (self.slots[row] as usize, self.found[row], numbers[row]);
            self.contents.add(content, number.abs());
            self.beside += self.places[row].heap();
            self.groups[slot].rows.insert((self.places[row].clone(), number), content);
            self.next = self.next.max(number.abs() + 1);
        }
        Ok(self.found.clone())
    }

    /// Takes in lists that were given; gives the key of each row.
    pub(super) fn take_given(&mut self, saved: &Loaded) -> Result<Vec<u32>, String> {
        let batch = self.frame.loaded(&self.written(), saved)?;
        self.find(&batch);
        let (times, numbers, places) = (saved.ints(GIVEN_TIME), saved.ints(ORDER), saved.ints(PLACE));
        let mut coming: Vec<usize> = (0..numbers.len()).collect();
        coming.sort_by_key(|&row| places[row]);
        for row in coming {
            let order = (self.places[row].clone(), numbers[row]);
            let listed = Listed { order, content: self.found[row], time: times[row] };
            self.beside += super::listed(std::slice::from_ref(&listed));
            self.groups[self.slots[row] as usize].given.push(listed);
            self.next = self.next.max(numbers[row].abs() + 1);
        }
        Ok(self.slots.clone())
    }

    pub(super) fn load_all(&mut self, from: &mut Loading) -> Result<(), String> {
        if self.spilled.is_some() {
            self.lives.widen(from.rank_columns("groups"));
        }
        let (known, groups) = (self.table.len(), from.table("groups"));
        self.take_groups(&groups.in_order(&groups.by_rank(NUMBER)))?;
        // Where one was kept of each key, the only one.
        let rows = from.table(if from.has("best") { "best" } else { "rows" });
        self.rows += self.take_rows(&rows)?.len();
        if groups.len() == 0 {
            // Where it did not matter when keys came, nobody kept it.
            self.lives.begin_from(known);
        }
        if !self.gives.discarding {
            self.take_given(&from.table("given"))?;
        }
        self.relieve(&[]).map_err(|error| error.to_string())
    }
}

/// Keys, and a column behind them.
fn with(keys: Vec<Column>, column: Column) -> Vec<Arc<Column>> {
    keys.into_iter().chain([column]).map(Arc::new).collect()
}
