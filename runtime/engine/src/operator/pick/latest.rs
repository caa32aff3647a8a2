//! `latest` and `earliest`, and `top(1)` without rank, given at each row to readers that need no
//! withdrawals: only the place of each key's best row is kept.

use super::frame::Frame;
use super::sort::{By, Place};
use crate::context::Context;
use crate::error::Halt;
use crate::operator::{Operator, on_disk};
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use crate::state::{Entries, Held, KeyTable, Ledger, Ledgered, room};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column};

pub(super) struct LatestOperator<P> {
    frame: Frame,
    by: By,
    last_wins: bool,
    table: KeyTable,
    best: Vec<P>,
    /// What these keep on the heap, about.
    heap: usize,
    places: Vec<P>,
    hashes: Vec<u64>,
    slots: Vec<u32>,
    ledger: Ledger,
}

impl<P: Place> LatestOperator<P> {
    pub(super) fn new(frame: Frame, by: By, last_wins: bool, ledger: Ledger) -> LatestOperator<P> {
        LatestOperator {
            table: frame.key_table(),
            frame,
            by,
            last_wins,
            best: Vec::new(),
            heap: 0,
            places: Vec::new(),
            hashes: Vec::new(),
            slots: Vec::new(),
            ledger,
        }
    }

    /// Where lists were kept, best row first: the best of each.
    fn firsts(&self, lists: &Loaded) -> Result<Loaded, String> {
        let batch = self.frame.loaded(&self.frame.written(false, false, &self.by), lists)?;
        let keys = self.frame.key_columns(&batch);
        let (mut hashes, mut slots) = (Vec::new(), Vec::new());
        hash_columns(&keys, batch.len, &mut hashes);
        let mut table = self.frame.key_table();
        table.slots(&keys, &hashes, &mut slots);
        let mut known = 0;
        let is_first = |slot: u32| {
            let first = slot == known;
            known += u32::from(first);
            first
        };
        let firsts = slots.iter().copied().map(is_first);
        let firsts: Vec<u32> = (0..).zip(firsts).filter(|(_, first)| *first).map(|(row, _)| row).collect();
        Ok(lists.in_order(&firsts))
    }
}

impl<P: Place> Ledgered for LatestOperator<P> {
    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}

impl<P: Place> Entries for LatestOperator<P> {
    fn table(&self) -> &KeyTable {
        &self.table
    }

    fn entries(&mut self, slots: &[u32]) -> Columns {
        let written = self.frame.written(false, false, &self.by);
        let keys = self.table.gather(slots);
        let best: Vec<P> = slots.iter().map(|&slot| self.best[slot as usize].clone()).collect();
        let compared = P::write(&self.by, &best);
        let of = |column: usize| self.by.columns().position(|by| by == column).map(|at| compared[at].clone());
        let more = written[keys.len()..].iter().filter_map(|&column| of(column));
        let mut columns = Columns::default();
        columns.rows(&self.frame.fields(&written), keys.iter().cloned().chain(more));
        columns
    }

    fn take_in(&mut self, saved: &Loaded) -> Result<Vec<u32>, String> {
        let batch = self.frame.loaded(&self.frame.written(false, false, &self.by), saved)?;
        let keys = self.frame.key_columns(&batch);
        hash_columns(&keys, batch.len, &mut self.hashes);
        let mut slots = Vec::new();
        self.table.reserve(batch.len);
        self.table.slots(&keys, &self.hashes, &mut slots);
        // Each key comes once, and none of them was known: their slots are the next ones.
        P::read(&self.by, &batch, &mut self.places);
        self.heap += self.places.iter().map(P::heap).sum::<usize>();
        self.best.append(&mut self.places);
        Ok(slots)
    }

    fn keep(&mut self, slots: &[u32]) {
        self.table.retain(slots);
        self.best = slots.iter().map(|&slot| self.best[slot as usize].clone()).collect();
        self.heap = self.best.iter().map(P::heap).sum();
    }

    fn bytes(&self) -> usize {
        self.table.bytes() + room(&self.best) + self.heap
    }
}

impl<P: Place> Operator for LatestOperator<P> {
    fn held(&self) -> Held {
        let keys = self.table.len() + self.ledger.on_disk();
        Held { keys, bytes: self.bytes() + self.ledger.bytes() }
    }

    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        let columns: Vec<&Column> = self.frame.key_columns(&batch);
        hash_columns(&columns, batch.len, &mut self.hashes);
        if self.ledger.spills() {
            let hashes = std::mem::take(&mut self.hashes);
            let brought = self.with_ledger(|ledger, own| ledger.bring(own, &columns, &hashes));
            brought.map_err(|error| on_disk(cx, &error))?;
            self.hashes = hashes;
        }
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        let slots = std::mem::take(&mut self.slots);
        self.with_ledger(|ledger, own| ledger.ahead(own, &slots));
        self.slots = slots;
        P::read(&self.by, &batch, &mut self.places);
        let mut changed = Vec::new();
        let mut given = Vec::with_capacity(batch.len);
        for (row, (&slot, place)) in self.slots.iter().zip(&self.places).enumerate() {
            // New slots come in the order of their rows.
            let better = match self.best.get_mut(slot as usize) {
                None => {
                    self.heap += place.heap();
                    self.best.push(place.clone());
                    true
                }
                Some(best) => {
                    let better = place < best || (self.last_wins && place == best);
                    if better {
                        self.heap = self.heap + place.heap() - best.heap();
                        best.clone_from(place);
                    }
                    better
                }
            };
            if better {
                given.push(row as u32);
                changed.push(slot);
            }
        }
        self.ledger.changed(&changed, self.table.len());
        self.frame.give_rows(cx, &batch, &given);
        let slots = std::mem::take(&mut self.slots);
        let relieved = self.with_ledger(|ledger, own| ledger.relieve(own, &slots));
        self.slots = slots;
        relieved.map_err(|error| on_disk(cx, &error))
    }

    fn follow(&mut self) {
        self.ledger.follow(self.frame.home());
    }

    fn save(&mut self, out: &mut Saving) {
        let (home, keys) = (self.frame.home(), self.frame.keys.len());
        self.with_ledger(|ledger, own| ledger.save(own, out, "best", home, keys));
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.with_ledger(|ledger, own| ledger.save_more(own, out, entries))
    }

    fn load(&mut self, _cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        let saved = match from.has("best") {
            true => from.table("best"),
            false => self.firsts(&from.table("rows"))?,
        };
        // When the keys of lists came does not matter any more.
        from.table("groups");
        self.take_in(&saved)?;
        self.with_ledger(|ledger, own| ledger.relieve(own, &[])).map_err(|error| error.to_string())
    }
}
