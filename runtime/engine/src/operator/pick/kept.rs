//! The best rows of each slot as accumulators, so that windows keep lists of rows as they keep aggregates, and
//! merge those of slices and sessions alike.

use super::lists::{Entry, Lists, Rule};
use super::sort::{By, Place, Values};
use super::{Pick, rule};
use crate::state::{Accumulators, RowStore, StoredPart, same_aggregate};
use flow_data::{Batch, Column, ColumnBuilder, ColumnData};
use flow_plan::error::Fault;
use flow_plan::{DataType, Field, RecordType, Value};
use std::any::Any;
use std::sync::Arc;

/// Which rows are kept, and what of them.
#[derive(Clone)]
pub(crate) struct Keeps {
    by: By,
    rule: Rule,
    row: Vec<usize>,
    types: Vec<DataType>,
    /// What is written down of a row: the columns that are given, and those that rows are compared by.
    fields: Vec<Field>,
    /// Those that are compared and not given: which of them, and the column of the input.
    more: Vec<(usize, usize)>,
    /// Columns of the input.
    width: usize,
}

impl Keeps {
    pub(crate) fn new(pick: &Pick, input: &RecordType) -> Keeps {
        let types = pick.row.iter().map(|&column| input.fields[column].ty.clone()).collect();
        let by = By::new(&pick.by, input);
        let mut more: Vec<(usize, usize)> = Vec::new();
        for (at, column) in by.columns().enumerate() {
            if !pick.row.contains(&column) && more.iter().all(|(_, known)| *known != column) {
                more.push((at, column));
            }
        }
        let written = pick.row.iter().chain(more.iter().map(|(_, column)| column));
        let fields = written.map(|&column| input.fields[column].clone()).collect();
        let (row, width) = (pick.row.clone(), input.fields.len());
        Keeps { by, rule: rule(pick), row, types, fields, more, width }
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
        let row = DataType::Record(Arc::new(RecordType::new(self.keeps.fields.clone())));
        vec![(String::new(), DataType::list(row))]
    }

    fn store(&self, slots: &[u32]) -> Vec<Column> {
        let (of, places, stored) = self.listed(slots);
        let mut columns = self.store.gather(&stored);
        let compared = P::write(&self.keeps.by, &places);
        columns.extend(self.keeps.more.iter().map(|(at, _)| compared[*at].clone()));
        let types: Vec<&DataType> = self.keeps.fields.iter().map(|field| &field.ty).collect();
        let mut lists = vec![Vec::new(); slots.len()];
        for (row, of) in of.into_iter().enumerate() {
            let values = columns.iter().zip(&types).map(|(column, ty)| column.value(row, ty));
            lists[of as usize].push(Value::Record(values.collect()));
        }
        vec![Column::new(ColumnData::Any(lists.into_iter().map(|list| Value::List(list.into())).collect()))]
    }

    fn load(&mut self, slots: &[u32], parts: &[Column]) {
        let ColumnData::Any(lists) = &parts[0].data else { return };
        let fields = &self.keeps.fields;
        let mut columns: Vec<ColumnBuilder> =
            fields.iter().map(|field| ColumnBuilder::new(&field.ty)).collect();
        let mut of = Vec::new();
        for (&slot, list) in slots.iter().zip(lists) {
            let Value::List(rows) = list else { continue };
            for row in rows.iter() {
                let Value::Record(values) = row else { continue };
                columns.iter_mut().zip(values.iter()).for_each(|(column, value)| column.push(value));
                of.push(slot);
            }
        }
        let columns: Vec<Arc<Column>> = columns.into_iter().map(|column| Arc::new(column.finish())).collect();
        // The columns of the input that are known; nobody looks at the others.
        let known = self.keeps.row.iter().copied().chain(self.keeps.more.iter().map(|(_, column)| *column));
        let nothing = Arc::new(Column::new(ColumnData::I64(vec![0; of.len()])));
        let mut all = vec![nothing; self.keeps.width];
        known.zip(columns).for_each(|(at, column)| all[at] = column);
        self.update(&of, &Batch::new(of.len(), all));
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
