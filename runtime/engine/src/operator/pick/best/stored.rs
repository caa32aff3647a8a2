//! Lists of best rows as the rows of a table, in checkpoints and, where memory has no room for them, on disk.

use super::super::frame::{NUMBER, PLACE};
use super::super::sort::Place;
use super::BestOperator;
use crate::context::Context;
use crate::error::Halt;
use crate::number::{Number, at_end};
use crate::operator::origins::Origins;
use crate::operator::{Flush, on_disk};
use crate::snapshot::{Columns, Loaded, Loading};
use crate::state::{ColdError, Entries, KeyTable, Ledger, Ledgered, Sorted};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column};

/// Bytes of a number in front of a place.
const NUMBER_BYTES: usize = 8;

impl<P: Place> BestOperator<P> {
    /// The columns of the input that are written down.
    pub(super) fn written(&self) -> Vec<usize> {
        self.frame.written(self.store.is_some(), self.at_end, &self.by)
    }

    /// Columns of the input, none of them a key, of the lists of some slots, whose rows are stored here.
    fn beside_keys(&self, columns: &[usize], slots: &[u32], stored: &[u32]) -> Vec<Column> {
        let time = self.frame.hidden.time.filter(|_| self.at_end);
        let held: Vec<usize> = self.frame.row.iter().copied().chain(time).collect();
        let mut compared: Option<Vec<Column>> = None;
        let column = |column: &usize| {
            if let (Some(store), Some(at)) = (&self.store, held.iter().position(|held| held == column)) {
                return Some(store.gather_of(at, stored));
            }
            let compared = compared.get_or_insert_with(|| {
                let lists = slots.iter().map(|&slot| self.lists.of(slot as usize));
                let places: Vec<P> = lists.flatten().map(|entry| entry.place.clone()).collect();
                P::write(&self.by, &places)
            });
            self.by.columns().position(|by| by == *column).map(|at| compared[at].clone())
        };
        columns.iter().filter_map(column).collect()
    }

    /// Takes over when the lists were begun that were found last, of which so many are known.
    fn take_births(&mut self, known: usize, saved: &Loaded) {
        let mut firsts: Vec<usize> = Vec::with_capacity(self.table.len() - known);
        for (row, &slot) in self.slots.iter().enumerate() {
            if slot as usize == known + firsts.len() {
                firsts.push(row);
            }
        }
        let numbers = saved.ints(NUMBER);
        let numbers: Vec<Number> = firsts.iter().map(|&row| numbers[row] as Number).collect();
        let width = self.origins.as_ref().map_or(self.births.width(), Origins::width);
        let ranks = saved.ranks(width).into_iter();
        let ranks: Vec<Vec<i64>> =
            ranks.map(|ranks| firsts.iter().map(|&row| ranks[row]).collect()).collect();
        match &mut self.origins {
            Some(origins) => origins.extend(&numbers, &ranks),
            None => self.births.extend(known, &numbers, &ranks),
        }
    }

    /// Takes over what was saved.
    pub(super) fn load_all(&mut self, from: &mut Loading) -> Result<(), String> {
        // Where one was kept of each key, the only one.
        let rows = if from.has("best") { "best" } else { "rows" };
        let ranks = from.rank_columns(rows).max(from.rank_columns("groups"));
        self.origins.iter_mut().for_each(|origins| origins.widen(ranks));
        let (saved, groups) = (from.table(rows), from.table("groups"));
        // The first versions wrote groups down beside their rows.
        let apart = groups.len() > 0 && !saved.has(NUMBER);
        if self.at_end && apart {
            let in_order = groups.in_order(&groups.by_rank(NUMBER));
            let keys = self.frame.loaded(&self.frame.keys, &in_order)?;
            let known = self.lists_of(&keys);
            self.take_births(known, &in_order);
            let batch = self.frame.loaded(&self.written(), &saved)?;
            self.lists_of(&batch);
            self.enter(&batch);
        } else if self.at_end {
            let in_order = saved.in_order(&saved.by_rank(NUMBER));
            self.table.reserve(in_order.len());
            self.take_in(&in_order)?;
        } else {
            self.take_in(&saved)?;
        }
        self.relieve().map_err(|error| error.to_string())
    }

    /// Brings back the lists of a batch's rows.
    pub(super) fn bring(&mut self, cx: &mut Context<'_>, batch: &Batch) -> Result<(), Halt> {
        if !self.ledger.spills() {
            return Ok(());
        }
        let columns: Vec<&Column> = self.frame.key_columns(batch);
        let mut hashes = Vec::new();
        hash_columns(&columns, batch.len, &mut hashes);
        let brought = self.with_ledger(|ledger, own| ledger.bring(own, &columns, &hashes));
        brought.map_err(|error| on_disk(cx, &error))
    }

    /// Rows came for the lists that were looked up last: others may have to go.
    pub(super) fn relieve(&mut self) -> Result<(), ColdError> {
        if !self.ledger.spills() {
            return Ok(());
        }
        let slots = std::mem::take(&mut self.slots);
        let relieved = self.with_ledger(|ledger, own| ledger.relieve(own, &slots));
        self.slots = slots;
        relieved
    }

    /// The end of the input: gives the lists in the order in which they were begun.
    pub(super) fn flush_sorted(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let level = cx.shared.layout.nodes[cx.node].level;
        let mut sorted = match self.last.take() {
            Some(sorted) => sorted,
            None => self.sort().map_err(|error| on_disk(cx, &error))?,
        };
        let next = self.only_next(&mut sorted, NUMBER_BYTES, BATCH_ROWS);
        let Some((_, next)) = next.map_err(|error| on_disk(cx, &error))? else {
            return Ok(Flush::Done);
        };
        let born = self.origins.as_ref().and_then(|origins| origins.numbers().first().copied());
        let born = born.unwrap_or_default();
        cx.number = at_end(level, born);
        self.list_rows(0..self.table.len(), born).into_iter().for_each(|rows| cx.emit(rows));
        self.last = Some(sorted);
        let number = |bytes: Vec<u8>| bytes.try_into().map(u64::from_be_bytes).unwrap_or_default();
        Ok(next.map_or(Flush::Done, |next| Flush::More(at_end(level, number(next)))))
    }

    /// All lists, by birth.
    fn sort(&mut self) -> Result<Sorted, ColdError> {
        let width = self.origins.as_ref().map_or(0, Origins::width);
        let place = move |entry: &Loaded| Origins::place(entry, NUMBER, width);
        self.with_ledger(|ledger, own| ledger.sort(own, place))
    }
}

impl<P: Place> Ledgered for BestOperator<P> {
    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}

/// An entry is a list: all rows of a key, best first.
impl<P: Place> Entries for BestOperator<P> {
    fn table(&self) -> &KeyTable {
        &self.table
    }

    fn rows(&self, slot: u32) -> usize {
        self.lists.of(slot as usize).len()
    }

    fn entries(&mut self, slots: &[u32]) -> Columns {
        let (mut of, mut order, mut stored) = (vec![], vec![], vec![]);
        for &slot in slots {
            for (at, entry) in self.lists.of(slot as usize).iter().enumerate() {
                of.push(slot);
                order.push(at as i64);
                stored.push(entry.row);
            }
        }
        let written = self.written();
        let (key, row) = written.split_at(self.frame.keys.len());
        let mut columns = Columns::default();
        columns.rows(&self.frame.fields(key), self.table.gather(&of));
        columns.ints(PLACE, order.into_iter());
        columns.rows(&self.frame.fields(row), self.beside_keys(row, slots, &stored));
        if self.at_end {
            let picked = |ranks: &Vec<i64>| of.iter().map(|&slot| ranks[slot as usize]).collect();
            let mut ranks: Vec<Vec<i64>> = match &self.origins {
                Some(origins) => {
                    columns.ints(NUMBER, of.iter().map(|&slot| origins.numbers()[slot as usize] as i64));
                    origins.ranks().iter().map(picked).collect()
                }
                None => {
                    columns.ints(NUMBER, self.births.numbers_of(&of));
                    self.births.ranks().iter().map(picked).collect()
                }
            };
            if ranks.is_empty() {
                // On one worker, slots are in the order of the sequence.
                ranks.push(of.iter().map(|&slot| i64::from(slot)).collect());
            }
            columns.ranks(ranks.iter().map(Vec::as_slice));
        }
        columns
    }

    fn take_in(&mut self, saved: &Loaded) -> Result<Vec<u32>, String> {
        let batch = self.frame.loaded(&self.written(), saved)?;
        let known = self.lists_of(&batch);
        if self.at_end {
            self.take_births(known, saved);
        }
        // Each list's rows, best first, as if they had come so.
        self.enter(&batch);
        Ok(self.slots.clone())
    }

    fn keep(&mut self, slots: &[u32]) {
        self.table.retain(slots);
        let store = &mut self.store;
        self.lists.retain(slots, |_| {});
        if let Some(store) = store {
            let rows = self.lists.number_rows();
            store.retain(&rows);
        }
        self.origins.iter_mut().for_each(|origins| origins.retain(slots));
    }

    fn bytes(&self) -> usize {
        let rows = self.store.as_ref().map_or(0, |store| store.bytes());
        let born = self.births.bytes() + self.origins.as_ref().map_or(0, Origins::bytes);
        self.table.bytes() + self.lists.bytes() + rows + born
    }
}
