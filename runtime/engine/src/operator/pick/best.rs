//! The best rows of each key, where rows are only added: given at each row to readers that need no
//! withdrawals, or at the end.

use super::frame::{Frame, NUMBER, PLACE};
use super::lists::{Entry, Lists, Rule};
use super::sort::{By, Place};
use crate::context::Context;
use crate::error::Halt;
use crate::number::{Number, at_end};
use crate::operator::births::Births;
use crate::operator::{Flush, Operator};
use crate::ranks::{Phase, Ranks};
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use crate::state::{Entries, Held, KeyTable, Ledger, Ledgered, RowStore};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData};
use flow_plan::physical::hidden::NO_WATERMARK;
use std::sync::Arc;

pub(super) struct BestOperator<P> {
    frame: Frame,
    by: By,
    /// Given at the end, else at each row.
    at_end: bool,
    rank: bool,
    table: KeyTable,
    lists: Lists<P>,
    /// The rows, if they are given later than they come.
    store: Option<RowStore>,
    births: Births,
    flushed: usize,
    places: Vec<P>,
    hashes: Vec<u64>,
    slots: Vec<u32>,
    /// Which lists have changed, and what a checkpoint still has to copy.
    ledger: Ledger,
}

/// What is given of a batch: stored rows, their ranks, and the rows of the batch that cause it.
#[derive(Default)]
struct Given {
    stored: Vec<u32>,
    ranks: Vec<i64>,
    causes: Vec<u32>,
}

impl<P: Place> BestOperator<P> {
    pub(super) fn new(
        frame: Frame,
        by: By,
        rule: Rule,
        rank: bool,
        at_end: bool,
        ledger: Ledger,
    ) -> BestOperator<P> {
        let births = Births::new(frame.rank.saturating_sub(Ranks::LEADING));
        BestOperator {
            table: frame.key_table(),
            store: (rank || at_end).then(|| frame.store(at_end)),
            by,
            at_end,
            rank,
            lists: Lists::new(rule),
            births,
            flushed: 0,
            places: Vec::new(),
            hashes: Vec::new(),
            slots: Vec::new(),
            frame,
            ledger,
        }
    }

    fn find_slots(&mut self, number: Number, batch: &Batch) {
        let columns: Vec<&Column> = self.frame.key_columns(batch);
        hash_columns(&columns, batch.len, &mut self.hashes);
        let known = self.table.len();
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        if self.table.len() > known {
            self.lists.grow(self.table.len());
            if self.at_end {
                self.births.note(number, known, &self.slots, batch, self.frame.input.fields.len());
            }
        }
    }

    /// Takes over the keys of these entries, which are in the order of their groups, and when those were first seen.
    fn load_groups(&mut self, number: Number, saved: &Loaded) -> Result<(), String> {
        let groups = self.frame.loaded(&self.frame.keys, saved)?;
        self.table.reserve(groups.len);
        self.find_slots(number, &groups);
        let mut firsts: Vec<usize> = Vec::with_capacity(self.table.len());
        for (row, &slot) in self.slots.iter().enumerate() {
            if slot as usize == firsts.len() {
                firsts.push(row);
            }
        }
        let numbers = saved.ints(NUMBER);
        let numbers: Vec<Number> = firsts.iter().map(|&row| numbers[row] as Number).collect();
        let ranks = saved.ranks(self.births.width()).into_iter();
        let ranks = ranks.map(|ranks| firsts.iter().map(|&row| ranks[row]).collect()).collect();
        self.births.load(&numbers, ranks);
        Ok(())
    }

    /// The columns of the input that are written down.
    fn written(&self) -> Vec<usize> {
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

    /// Stored rows with rank and whatever stands behind.
    fn rows(&self, stored: &[u32], ranks: Vec<i64>, behind: impl Iterator<Item = Column>) -> Option<Batch> {
        let mut columns = self.store.as_ref()?.gather(stored);
        let time = (columns.len() > self.frame.row.len()).then(|| columns.pop()).flatten();
        columns.extend(self.rank.then(|| Column::new(ColumnData::I64(ranks))));
        columns.extend(time.into_iter().chain(behind));
        Some(Batch::new(stored.len(), columns.into_iter().map(Arc::new).collect()))
    }

    /// Gives what the rows of a batch changed, in pieces.
    fn give(&self, cx: &mut Context<'_>, batch: &Batch, given: &Given) {
        for start in (0..given.stored.len()).step_by(BATCH_ROWS) {
            let part = start..(start + BATCH_ROWS).min(given.stored.len());
            let causes = &given.causes[part.clone()];
            let ranks = self.frame.ranks(cx.number, batch, causes);
            let behind = self.frame.times(batch, causes).chain(ranks);
            let rows = self.rows(&given.stored[part.clone()], given.ranks[part].to_vec(), behind);
            rows.into_iter().for_each(|rows| cx.emit(rows));
        }
    }

    /// The lists of some slots, at the end.
    fn list_rows(&self, slots: std::ops::Range<usize>, born: Number) -> Option<Batch> {
        let (mut stored, mut places, mut ranks) = (Vec::new(), Vec::new(), Ranks::new(self.frame.rank));
        for slot in slots {
            let own: Vec<i64> = self.births.ranks().iter().map(|ranks| ranks[slot]).collect();
            for (at, entry) in self.lists.of(slot).iter().enumerate() {
                stored.push(entry.row);
                places.push(at as i64 + 1);
                ranks.push(Phase::Due, 0, born, &own);
            }
        }
        let watermark = self.frame.hidden.watermark.map(|_| vec![NO_WATERMARK; stored.len()]);
        let mut rows =
            self.rows(&stored, places, watermark.into_iter().map(|w| Column::new(ColumnData::I64(w))))?;
        ranks.append_to(&mut rows);
        Some(rows)
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
            columns.ints(NUMBER, self.births.numbers_of(&of));
            let picked = |ranks: &Vec<i64>| of.iter().map(|&slot| ranks[slot as usize]).collect();
            let mut ranks: Vec<Vec<i64>> = self.births.ranks().iter().map(picked).collect();
            if ranks.is_empty() {
                // On one worker, slots are in the order of the sequence.
                ranks.push(of.iter().map(|&slot| i64::from(slot)).collect());
            }
            columns.ranks(ranks.iter().map(Vec::as_slice));
        }
        columns
    }

    fn take_in(&mut self, _saved: &Loaded) -> Result<Vec<u32>, String> {
        unreachable!("lists are never on disk")
    }

    fn keep(&mut self, _slots: &[u32]) {
        unreachable!("lists are never on disk")
    }

    fn bytes(&self) -> usize {
        let rows = self.store.as_ref().map_or(0, |store| store.bytes());
        self.table.bytes() + self.lists.bytes() + rows + self.births.bytes()
    }
}

impl<P: Place> Operator for BestOperator<P> {
    fn held(&self) -> Held {
        Held { keys: self.table.len(), bytes: self.bytes() + self.ledger.bytes() }
    }

    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        self.find_slots(cx.number, &batch);
        let slots = std::mem::take(&mut self.slots);
        self.with_ledger(|ledger, own| ledger.ahead(own, &slots));
        self.slots = slots;
        P::read(&self.by, &batch, &mut self.places);
        let (mut entered, mut left, mut given) = (Vec::new(), Vec::new(), Given::default());
        let mut changed = Vec::new();
        for (row, (&slot, place)) in self.slots.iter().zip(&self.places).enumerate() {
            let slot = slot as usize;
            let Some(at) = self.lists.position(slot, place) else { continue };
            let stored = self.store.as_mut().map_or(0, RowStore::reserve);
            self.lists.insert(slot, at, Entry { place: place.clone(), row: stored }, |row| left.push(row));
            entered.push((row as u32, stored));
            changed.push(slot as u32);
            if self.rank && !self.at_end {
                // Every place from the new one on holds another row now.
                for (at, entry) in self.lists.of(slot).iter().enumerate().skip(at) {
                    given.stored.push(entry.row);
                    given.ranks.push(at as i64 + 1);
                    given.causes.push(row as u32);
                }
            }
        }
        self.ledger.changed(&changed, self.table.len());
        if let Some(store) = &mut self.store {
            store.put(self.frame.stored(&batch, self.at_end), &entered);
        }
        match (self.at_end, self.rank) {
            (true, _) => {}
            (false, true) => self.give(cx, &batch, &given),
            (false, false) => {
                let rows: Vec<u32> = entered.iter().map(|(row, _)| *row).collect();
                self.frame.give_rows(cx, &batch, &rows);
            }
        }
        if let Some(store) = &mut self.store {
            left.into_iter().for_each(|row| store.free(row));
        }
        Ok(())
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let slots = self.table.len();
        if !self.at_end || self.flushed >= slots {
            return Ok(Flush::Done);
        }
        let level = cx.shared.layout.nodes[cx.node].level;
        let (born, next) = self.births.of(self.flushed);
        let mut end = self.flushed;
        let mut rows = 0;
        while end < next.min(slots) && rows < BATCH_ROWS {
            rows += self.lists.of(end).len();
            end += 1;
        }
        cx.number = at_end(level, born);
        self.list_rows(self.flushed..end, born).into_iter().for_each(|rows| cx.emit(rows));
        self.flushed = end;
        if end == slots {
            return Ok(Flush::Done);
        }
        Ok(Flush::More(at_end(level, self.births.of(end).0)))
    }

    fn save(&mut self, out: &mut Saving) {
        let (home, keys) = (self.frame.home(), self.frame.keys.len());
        self.with_ledger(|ledger, own| ledger.save(own, out, "rows", home, keys));
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.with_ledger(|ledger, own| ledger.save_more(own, out, entries))
    }

    fn load(&mut self, cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        // Where one was kept of each key, the only one.
        let rows = if from.has("best") { "best" } else { "rows" };
        let (mut saved, groups) = (from.table(rows), from.table("groups"));
        // The first versions wrote groups down beside their rows.
        let apart = groups.len() > 0 && !saved.has(NUMBER);
        if self.at_end {
            let of = if apart { &groups } else { &saved };
            let in_order = of.in_order(&of.by_rank(NUMBER));
            self.load_groups(cx.number, &in_order)?;
            if !apart {
                saved = in_order;
            }
        }
        let batch = self.frame.loaded(&self.written(), &saved)?;
        // Each list's rows, best first, as if they had come so.
        if apart || !self.at_end {
            self.find_slots(cx.number, &batch);
        }
        P::read(&self.by, &batch, &mut self.places);
        let mut entered = Vec::with_capacity(batch.len);
        for row in 0..batch.len {
            let (slot, place) = (self.slots[row] as usize, &self.places[row]);
            let Some(at) = self.lists.position(slot, place) else { continue };
            let stored = self.store.as_mut().map_or(0, RowStore::reserve);
            self.lists.insert(slot, at, Entry { place: place.clone(), row: stored }, |_| {});
            entered.push((row as u32, stored));
        }
        if let Some(store) = &mut self.store {
            store.put(self.frame.stored(&batch, self.at_end), &entered);
        }
        Ok(())
    }
}
