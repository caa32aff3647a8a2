//! The best rows of each slot as accumulators, so that windows keep lists of rows as they keep aggregates, and
//! merge those of slices and sessions alike.
//!
//! Over a changelog, all rows are kept: any of them may be withdrawn, and then another one is among the best.

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
    /// Of a changelog: whether a row is added or withdrawn.
    change: Option<usize>,
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
        Keeps { by, rule: rule(pick), change: pick.hidden.change, row, types, fields, more, width }
    }

    /// Is this column of the input written down with rows?
    pub(crate) fn writes(&self, column: usize) -> bool {
        self.row.contains(&column) || self.more.iter().any(|(_, compared)| *compared == column)
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
        let rule = match keeps.change {
            Some(_) => Rule { n: usize::MAX, ties: false, ..keeps.rule },
            None => keeps.rule,
        };
        Kept {
            lists: Lists::new(rule),
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

    /// Adds rows of a changelog, and takes out the first copy of those that are withdrawn.
    fn change(&mut self, slots: &[u32], places: &[P], batch: &Batch, column: usize) {
        let ColumnData::I64(changes) = &batch.columns[column].data else {
            unreachable!("changes are ints");
        };
        for (row, &slot) in slots.iter().enumerate() {
            if changes[row] >= 0 {
                let columns =
                    self.keeps.row.iter().map(|&column| batch.columns[column].gather(&[row as u32]));
                let columns: Vec<Column> = columns.collect();
                self.enter(std::iter::once((slot, places[row].clone())), columns.iter());
            } else if let Some(at) = self.copy(slot, &places[row], batch, row) {
                let stored = self.lists.remove(slot as usize, at);
                self.store.free(stored);
            }
        }
    }

    /// Where the first copy of a row stands.
    fn copy(&self, slot: u32, place: &P, batch: &Batch, row: usize) -> Option<usize> {
        let columns = || self.keeps.row.iter().map(|&column| batch.columns[column].as_ref());
        self.lists.find(slot as usize, place, |stored| self.store.is(stored, columns(), row))
    }

    /// The rows of a slot that are given, best first.
    fn best(&self, slot: u32) -> &[Entry<P>] {
        let Rule { n, ties, .. } = self.keeps.rule;
        let list = self.lists.of(slot as usize);
        match list.get(n - 1) {
            Some(last) if ties => &list[..list.partition_point(|entry| entry.place <= last.place)],
            Some(_) => &list[..n],
            None => list,
        }
    }

    /// The rows of some slots, such that equal ones stand in the order in which they came: which of the slots each
    /// is of, its place, and where it is stored.
    fn listed(&self, slots: &[u32]) -> (Vec<u32>, Vec<P>, Vec<u32>) {
        let (mut of, mut places, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        for (at, &slot) in slots.iter().enumerate() {
            let list = self.lists.of(slot as usize);
            let mut take = |entry: &Entry<P>| {
                of.push(at as u32);
                places.push(entry.place.clone());
                stored.push(entry.row);
            };
            match self.keeps.rule.last_wins {
                true => list.iter().rev().for_each(&mut take),
                false => list.iter().for_each(&mut take),
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
        if let Some(column) = self.keeps.change {
            self.change(slots, &places, batch, column);
        } else {
            let row = self.keeps.row.clone();
            let columns = row.iter().map(|&column| batch.columns[column].as_ref());
            self.enter(slots.iter().copied().zip(places.iter().cloned()), columns);
        }
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
        let (mut of, mut stored) = (Vec::new(), Vec::new());
        for (at, &slot) in slots.iter().enumerate() {
            let best = self.best(slot);
            of.resize(of.len() + best.len(), at as u32);
            stored.extend(best.iter().map(|entry| entry.row));
        }
        Some((of, self.store.gather(&stored)))
    }

    fn holds(&self, slot: usize, batch: &Batch, row: usize) -> bool {
        let mut places = Vec::new();
        P::read(&self.keeps.by, batch, &mut places);
        self.copy(slot as u32, &places[row], batch, row).is_some()
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
