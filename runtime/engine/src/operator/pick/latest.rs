//! `latest` and `earliest`, and `top(1)` without rank, given at each row to readers that need no
//! withdrawals: only the place of each key's best row is kept.

use super::frame::Frame;
use super::sort::{By, Place};
use crate::context::Context;
use crate::error::Halt;
use crate::operator::Operator;
use crate::snapshot::{Columns, Loading, Saving};
use crate::state::{Held, KeyTable, room};
use flow_data::{Batch, Column};

pub(super) struct LatestOperator<P> {
    frame: Frame,
    by: By,
    last_wins: bool,
    table: KeyTable,
    best: Vec<P>,
    places: Vec<P>,
    hashes: Vec<u64>,
    slots: Vec<u32>,
}

impl<P: Place> LatestOperator<P> {
    pub(super) fn new(frame: Frame, by: By, last_wins: bool) -> LatestOperator<P> {
        LatestOperator {
            table: frame.key_table(),
            frame,
            by,
            last_wins,
            best: Vec::new(),
            places: Vec::new(),
            hashes: Vec::new(),
            slots: Vec::new(),
        }
    }
}

impl<P: Place> Operator for LatestOperator<P> {
    fn held(&self) -> Held {
        Held { keys: self.table.len(), bytes: self.table.bytes() + room(&self.best) }
    }

    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        let columns: Vec<&Column> = self.frame.key_columns(&batch);
        flow_data::hash::hash_columns(&columns, batch.len, &mut self.hashes);
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        P::read(&self.by, &batch, &mut self.places);
        let mut given = Vec::with_capacity(batch.len);
        for (row, (&slot, place)) in self.slots.iter().zip(&self.places).enumerate() {
            // New slots come in the order of their rows.
            let better = match self.best.get_mut(slot as usize) {
                None => {
                    self.best.push(place.clone());
                    true
                }
                Some(best) => {
                    let better = place < best || (self.last_wins && place == best);
                    if better {
                        best.clone_from(place);
                    }
                    better
                }
            };
            if better {
                given.push(row as u32);
            }
        }
        self.frame.give_rows(cx, &batch, &given);
        Ok(())
    }

    fn save(&mut self, out: &mut Saving) {
        let slots: Vec<u32> = (0..self.table.len() as u32).collect();
        let written = self.frame.written(false, false, &self.by);
        let keys = self.table.gather(&slots);
        let compared = P::write(&self.by, &self.best);
        let of = |column: usize| self.by.columns().position(|by| by == column).map(|at| compared[at].clone());
        let more = written[keys.len()..].iter().filter_map(|&column| of(column));
        let mut columns = Columns::default();
        columns.rows(&self.frame.fields(&written), keys.iter().cloned().chain(more));
        out.table("best", self.frame.home(), keys.len(), columns);
    }

    fn load(&mut self, _cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        let saved = from.table("best");
        let batch = self.frame.loaded(&self.frame.written(false, false, &self.by), &saved)?;
        let keys = self.frame.key_columns(&batch);
        flow_data::hash::hash_columns(&keys, batch.len, &mut self.hashes);
        self.table.slots(&keys, &self.hashes, &mut self.slots);
        P::read(&self.by, &batch, &mut self.best);
        Ok(())
    }
}
