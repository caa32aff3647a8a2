//! The best rows of each slot as accumulators, so that windows keep lists of rows as they keep aggregates, and
//! merge those of slices and sessions alike.

use super::lists::{Entry, Lists, Rule};
use super::sort::{By, Place, Values};
use super::{Pick, rule};
use crate::state::{Accumulators, RowStore, StoredPart, same_aggregate};
use flow_data::{Batch, Column};
use flow_plan::error::Fault;
use flow_plan::{DataType, RecordType};
use std::any::Any;

/// Which rows are kept, and what of them.
#[derive(Clone)]
pub(crate) struct Keeps {
    by: By,
    rule: Rule,
    row: Vec<usize>,
    types: Vec<DataType>,
}

impl Keeps {
    pub(crate) fn new(pick: &Pick, input: &RecordType) -> Keeps {
        let types = pick.row.iter().map(|&column| input.fields[column].ty.clone()).collect();
        Keeps { by: By::new(&pick.by, input), rule: rule(pick), row: pick.row.clone(), types }
    }

    /// No rows yet.
    pub(crate) fn nothing(&self) -> Box<dyn Accumulators> {
        match self.by.words() {
            Some(1) => Box::new(Kept::<u64>::new(self)),
            Some(2) => Box::new(Kept::<[u64; 2]>::new(self)),
            _ => Box::new(Kept::<Values>::new(self)),
        }
    }
}

struct Kept<P> {
    keeps: Keeps,
    lists: Lists<P>,
    store: RowStore,
    places: Vec<P>,
}

impl<P: Place> Kept<P> {
    fn new(keeps: &Keeps) -> Kept<P> {
        Kept {
            lists: Lists::new(keeps.rule),
            store: RowStore::new(keeps.types.iter()),
            keeps: keeps.clone(),
            places: Vec::new(),
        }
    }

    /// Puts rows into lists: `(slot, place)` of each row of these columns, in order.
    fn enter<'a>(&mut self, rows: impl Iterator<Item = (u32, P)>, columns: impl Iterator<Item = &'a Column>) {
        let (mut entered, mut left) = (Vec::new(), Vec::new());
        for (row, (slot, place)) in rows.enumerate() {
            let Some(at) = self.lists.position(slot as usize, &place) else { continue };
            let stored = self.store.reserve();
            self.lists.insert(slot as usize, at, Entry { place, row: stored }, |row| left.push(row));
            entered.push((row as u32, stored));
        }
        self.store.put(columns, &entered);
        left.into_iter().for_each(|row| self.store.free(row));
    }

    /// The rows of some slots: which of them each is of, its place, and where it is stored.
    fn listed(&self, slots: &[u32]) -> (Vec<u32>, Vec<P>, Vec<u32>) {
        let (mut of, mut places, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        for (at, &slot) in slots.iter().enumerate() {
            for entry in self.lists.of(slot as usize) {
                of.push(at as u32);
                places.push(entry.place.clone());
                stored.push(entry.row);
            }
        }
        (of, places, stored)
    }
}

impl<P: Place + 'static> Accumulators for Kept<P> {
    fn grow(&mut self, slots: usize) {
        let store = &mut self.store;
        self.lists.truncate(slots, |row| store.free(row));
        self.lists.grow(slots);
    }

    fn update(&mut self, slots: &[u32], batch: &Batch) -> bool {
        let mut places = std::mem::take(&mut self.places);
        P::read(&self.keeps.by, batch, &mut places);
        let row = self.keeps.row.clone();
        let columns = row.iter().map(|&column| batch.columns[column].as_ref());
        self.enter(slots.iter().copied().zip(places.iter().cloned()), columns);
        self.places = places;
        false
    }

    fn running(&mut self, _slots: &[u32], _batch: &Batch, _refused: &mut bool) -> Column {
        unreachable!("lists are given when their windows are")
    }

    fn results(&self, _slots: &[u32]) -> Column {
        unreachable!("their results are rows")
    }

    fn rows(&self, slots: &[u32]) -> Option<(Vec<u32>, Vec<Column>)> {
        let (of, _, stored) = self.listed(slots);
        Some((of, self.store.gather(&stored)))
    }

    fn reset(&mut self, slot: usize) {
        let store = &mut self.store;
        self.lists.clear(slot, |row| store.free(row));
    }

    fn retain(&mut self, slots: &[u32]) {
        let store = &mut self.store;
        self.lists.retain(slots, |row| store.free(row));
    }

    fn bytes(&self) -> usize {
        self.lists.bytes() + self.store.bytes()
    }

    fn merge(
        &mut self,
        slots: &[u32],
        later: &dyn Accumulators,
        from: &[u32],
        _refused: &mut Vec<(u32, Fault)>,
    ) {
        let later = same_aggregate::<Kept<P>>(later);
        let (of, places, stored) = later.listed(from);
        let columns = later.store.gather(&stored);
        self.enter(of.into_iter().map(|of| slots[of as usize]).zip(places), columns.iter());
    }

    fn join(&mut self, slot: u32, later: u32) -> Result<(), Fault> {
        let (_, places, stored) = self.listed(&[later]);
        let columns = self.store.gather(&stored);
        self.enter(places.into_iter().map(|place| (slot, place)), columns.iter());
        Ok(())
    }

    fn parts(&self) -> Vec<StoredPart> {
        unreachable!("windows refuse to be saved")
    }

    fn store(&self, _slots: &[u32]) -> Vec<Column> {
        unreachable!("windows refuse to be saved")
    }

    fn load(&mut self, _slots: &[u32], _parts: &[Column]) {
        unreachable!("windows refuse to be saved")
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
