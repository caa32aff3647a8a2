//! The best rows of each key, where rows are only added: given at each row to readers that need no
//! withdrawals, or at the end.

mod stored;

use super::frame::Frame;
use super::lists::{Entry, Lists, Rule};
use super::sort::{By, Place};
use crate::context::Context;
use crate::error::Halt;
use crate::number::{Number, at_end};
use crate::operator::births::Births;
use crate::operator::origins::Origins;
use crate::operator::{Flush, Operator, on_disk};
use crate::ranks::{Phase, Ranks};
use crate::snapshot::{Loading, Saving};
use crate::state::{Entries, Held, KeyTable, Ledger, Ledgered, RowStore, Sorted};
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
    /// In the place of births where lists may be on disk.
    origins: Option<Origins>,
    flushed: usize,
    /// What the end gives, if lists may be on disk.
    last: Option<Sorted>,
    places: Vec<P>,
    hashes: Vec<u64>,
    slots: Vec<u32>,
    /// Which lists have changed, what a checkpoint still has to copy, and what is on disk.
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
        let ranks = frame.rank.saturating_sub(Ranks::LEADING);
        BestOperator {
            births: Births::new(ranks),
            origins: (at_end && ledger.spills()).then(|| Origins::new(ranks)),
            last: None,
            table: frame.key_table(),
            store: (rank || at_end).then(|| frame.store(at_end)),
            by,
            at_end,
            rank,
            lists: Lists::new(rule),
            flushed: 0,
            places: Vec::new(),
            hashes: Vec::new(),
            slots: Vec::new(),
            frame,
            ledger,
        }
    }

    /// Finds the lists of rows, making new ones; gives how many there were before.
    fn lists_of(&mut self, batch: &Batch) -> usize {
        let columns: Vec<&Column> = self.frame.key_columns(batch);
        hash_columns(&columns, batch.len, &mut self.hashes);
        let known = self.table.len();
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        self.lists.grow(self.table.len());
        known
    }

    fn find_slots(&mut self, number: Number, batch: &Batch) {
        let known = self.lists_of(batch);
        if self.at_end && self.table.len() > known {
            let declared = self.frame.input.fields.len();
            match &mut self.origins {
                Some(origins) => origins.note(number, &self.slots, batch, declared),
                None => self.births.note(number, known, &self.slots, batch, declared),
            }
        }
    }

    /// Puts rows into the lists that were found for them, where they are among the best.
    fn enter(&mut self, batch: &Batch) {
        P::read(&self.by, batch, &mut self.places);
        let mut entered = Vec::with_capacity(batch.len);
        for row in 0..batch.len {
            let (slot, place) = (self.slots[row] as usize, &self.places[row]);
            let Some(at) = self.lists.position(slot, place) else { continue };
            let stored = self.store.as_mut().map_or(0, RowStore::reserve);
            self.lists.insert(slot, at, Entry { place: place.clone(), row: stored }, |_| {});
            entered.push((row as u32, stored));
        }
        if let Some(store) = &mut self.store {
            store.put(self.frame.stored(batch, self.at_end), &entered);
        }
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
        let own_ranks = self.origins.as_ref().map_or(self.births.ranks(), Origins::own_ranks);
        for slot in slots {
            let own: Vec<i64> = own_ranks.iter().map(|ranks| ranks[slot]).collect();
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

impl<P: Place> Operator for BestOperator<P> {
    fn held(&self) -> Held {
        let keys = self.table.len() + self.ledger.on_disk();
        Held { keys, bytes: self.bytes() + self.ledger.bytes() }
    }

    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        self.bring(cx, &batch)?;
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
        self.relieve().map_err(|error| on_disk(cx, &error))
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let slots = self.table.len();
        if self.origins.is_some() {
            return self.flush_sorted(cx);
        }
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

    fn follow(&mut self) {
        self.ledger.follow(self.frame.home());
    }

    fn save(&mut self, out: &mut Saving) {
        let (home, keys) = (self.frame.home(), self.frame.keys.len());
        self.with_ledger(|ledger, own| ledger.save(own, out, "rows", home, keys));
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.with_ledger(|ledger, own| ledger.save_more(own, out, entries))
    }

    fn load(&mut self, _cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        self.load_all(from)
    }
}
