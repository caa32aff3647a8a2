//! Windows of rows: of each key the last `n` rows, given after every `m` of them, and at the end of the input
//! if rows came since.

use super::pane::places;
use super::windows::error;
use crate::context::{Context, describe};
use crate::error::Halt;
use crate::number::{Number, at_end};
use crate::operator::{Flush, Operator};
use crate::ranks::{Phase, Ranks, of_row};
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use crate::state::{Calls, Held, KeyTable, Made, RowStore, Shape, room};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column, ColumnData};
use flow_plan::physical::{Pick, WindowAggregate, Windowing};
use flow_plan::{Place, RecordType};
use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) struct RowsOperator {
    shape: Shape,
    n: usize,
    every: u64,
    /// Time and watermark of the row that causes a result.
    hidden: Vec<usize>,
    changes: bool,
    /// Of lists of rows: is the place of each given?
    listed: Option<bool>,
    rank: usize,
    keys: KeyTable,
    groups: Vec<Group>,
    /// The rows of all groups.
    rows: RowStore,
    /// Some aggregate may refuse a row.
    fallible: bool,
    /// The next group that the end of the input gives.
    flushed: usize,
    hashes: Vec<u64>,
    slots: Vec<u32>,
}

/// Columns of the engine's own: the number in which a group was first seen; rows since a result was given; the place
/// of a row among those of its group.
const NUMBER: &str = "·number";
const PENDING: &str = "·pending";
const PLACE: &str = "·place";

struct Group {
    /// Its rows, the last one last.
    rows: VecDeque<u32>,
    /// Rows since a result was given.
    pending: u64,
    born: Number,
    own: Vec<i64>,
}

impl RowsOperator {
    pub(crate) fn new(
        aggregate: &WindowAggregate,
        (n, every): (u64, u64),
        input: &Arc<RecordType>,
        rank: usize,
    ) -> RowsOperator {
        let shape = Shape::new(&aggregate.keys, &aggregate.calls, input, None);
        RowsOperator::with(shape, &aggregate.windowing, (n, every), (aggregate.changes, None), rank)
    }

    /// The best of each `n` rows.
    pub(crate) fn of_rows(
        pick: &Pick,
        windowing: &Windowing,
        size: (u64, u64),
        input: &Arc<RecordType>,
        rank: usize,
    ) -> RowsOperator {
        let shape = super::shape_of_rows(pick, input, Place::default());
        RowsOperator::with(shape, windowing, size, (pick.changes, Some(pick.rank)), rank)
    }

    fn with(
        shape: Shape,
        windowing: &Windowing,
        (n, every): (u64, u64),
        (changes, listed): (bool, Option<bool>),
        rank: usize,
    ) -> RowsOperator {
        let fields = &shape.input.fields;
        RowsOperator {
            keys: KeyTable::new(shape.keys.iter().map(|&key| &fields[key].ty)),
            rows: RowStore::new(fields.iter().map(|field| &field.ty)),
            fallible: Calls::new(&shape).is_fallible(),
            shape,
            n: usize::try_from(n).unwrap_or(usize::MAX),
            every,
            hidden: windowing.time.into_iter().chain(windowing.watermark).collect(),
            changes,
            listed,
            rank,
            groups: Vec::new(),
            flushed: 0,
            hashes: Vec::new(),
            slots: Vec::new(),
        }
    }

    /// Makes groups for keys that are new.
    fn find_groups(&mut self, number: Number, batch: &Batch) {
        let columns: Vec<&Column> = self.shape.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        hash_columns(&columns, batch.len, &mut self.hashes);
        self.keys.slots(&columns, &self.hashes, &mut self.slots);
        for (row, &slot) in self.slots.iter().enumerate() {
            if slot as usize == self.groups.len() {
                let own = self.own(batch, row);
                self.groups.push(Group { rows: VecDeque::new(), pending: 0, born: number, own });
            }
        }
    }

    /// The group of every entry that was written down.
    fn find_saved(&mut self, saved: &Loaded) -> Result<(), String> {
        let keys = saved.rows(&self.shape.key_fields())?;
        let columns: Vec<&Column> = keys.iter().map(AsRef::as_ref).collect();
        hash_columns(&columns, saved.len(), &mut self.hashes);
        self.keys.slots(&columns, &self.hashes, &mut self.slots);
        Ok(())
    }

    fn own(&self, batch: &Batch, row: usize) -> Vec<i64> {
        match self.rank {
            0 => Vec::new(),
            _ => of_row(batch, self.shape.input.fields.len(), row),
        }
    }

    /// The aggregates over a group's rows; or why the last one is refused.
    fn aggregate(&self, slot: u32) -> Result<Calls, (flow_plan::error::Fault, flow_plan::Place)> {
        let rows: Vec<u32> = self.groups[slot as usize].rows.iter().copied().collect();
        let columns = self.rows.gather(&rows).into_iter().map(Arc::new).collect();
        let batch = Batch::new(rows.len(), columns);
        let mut calls = Calls::new(&self.shape);
        calls.grow(1);
        let slots = vec![0; rows.len()];
        match calls.apply(&self.shape, &slots, &batch) {
            true => Ok(calls),
            false => {
                let (_, mut refused) = calls.divide(&self.shape, &slots, &batch);
                let (_, fault, place) = refused.swap_remove(0);
                Err((fault, place))
            }
        }
    }

    /// The result of a group, for its last row; the ranks begin with these.
    fn result(&self, slot: u32, calls: &Calls, phase: Phase, number: Number, own: &[i64]) -> Batch {
        let ints = |values: Vec<i64>| Column::new(ColumnData::I64(values));
        let Made { columns, of } = calls.results(&[0]);
        let len = of.as_ref().map_or(1, Vec::len);
        let mut all = if of.is_some() { Vec::new() } else { self.keys.gather(&[slot]) };
        all.extend(columns);
        all.extend(of.filter(|_| self.listed == Some(true)).map(|of| ints(places(&of))));
        let last = self.groups[slot as usize].rows.back().copied().unwrap_or_default();
        let row = self.rows.gather(&[last]);
        all.extend(self.hidden.iter().map(|&column| row[column].gather(&vec![0; len])));
        all.extend(self.changes.then(|| ints(vec![1; len])));
        let mut batch = Batch::new(len, all.into_iter().map(Arc::new).collect());
        let mut ranks = Ranks::new(self.rank);
        (0..len).for_each(|_| ranks.push(phase, 0, number, own));
        ranks.append_to(&mut batch);
        batch
    }

    /// Adds a row to its group; gives the result if it is due.
    fn take(&mut self, cx: &mut Context<'_>, batch: &Batch, row: usize) -> Result<Option<Batch>, Halt> {
        let slot = self.slots[row];
        let place = self.rows.reserve();
        let columns = batch.columns[..self.shape.input.fields.len()].iter().map(Arc::as_ref);
        self.rows.put(columns, &[(row as u32, place)]);
        let group = &mut self.groups[slot as usize];
        group.rows.push_back(place);
        let first = if group.rows.len() > self.n { group.rows.pop_front() } else { None };
        let due = group.pending + 1 == self.every;
        let calls = if due || self.fallible { Some(self.aggregate(slot)) } else { None };
        let group = &mut self.groups[slot as usize];
        if let Some(Err((fault, at))) = calls {
            group.rows.pop_back();
            first.into_iter().for_each(|first| group.rows.push_front(first));
            self.rows.free(place);
            let record = describe(batch, row, &self.shape.input);
            return error(cx, fault, at, record).map(|()| None);
        }
        first.into_iter().for_each(|first| self.rows.free(first));
        group.pending = if due { 0 } else { group.pending + 1 };
        let Some(Ok(calls)) = calls.filter(|_| due) else { return Ok(None) };
        let given = self.result(slot, &calls, Phase::Row, cx.number, &self.own(batch, row));
        if self.listed.is_some() && self.every == self.n as u64 {
            // Each window has rows of its own.
            let rows = std::mem::take(&mut self.groups[slot as usize].rows);
            rows.into_iter().for_each(|row| self.rows.free(row));
        }
        Ok(Some(given))
    }
}

impl Operator for RowsOperator {
    fn held(&self) -> Held {
        let rows = self.groups.len() * (size_of::<Group>() + self.n.min(64) * 4);
        Held {
            keys: self.groups.len(),
            bytes: self.keys.bytes() + self.rows.bytes() + rows + room(&self.slots),
        }
    }

    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        self.find_groups(cx.number, &batch);
        let mut given = Vec::new();
        for row in 0..batch.len {
            given.extend(self.take(cx, &batch, row)?);
        }
        if !given.is_empty() {
            cx.emit(Batch::concat(given));
        }
        Ok(())
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let level = cx.shared.layout.nodes[cx.node].level;
        let pending = |group: &Group| group.pending > 0;
        while let Some(at) = self.groups[self.flushed..].iter().position(pending) {
            let slot = self.flushed + at;
            self.flushed = slot + 1;
            cx.number = at_end(level, self.groups[slot].born);
            // A row that is refused is not kept.
            if let Ok(calls) = self.aggregate(slot as u32) {
                let Group { born, own, .. } = &self.groups[slot];
                cx.emit(self.result(slot as u32, &calls, Phase::Due, *born, own));
            }
            if let Some(next) = self.groups[self.flushed..].iter().find(|group| pending(group)) {
                return Ok(Flush::More(at_end(level, next.born)));
            }
        }
        Ok(Flush::Done)
    }

    fn save(&mut self, out: &mut Saving) {
        let keys = self.shape.key_fields();
        let all: Vec<u32> = (0..self.groups.len() as u32).collect();
        let own = |group: &Group, at: usize| group.own.get(at).copied().unwrap_or_default();
        let rank = |at: usize| self.groups.iter().map(|group| own(group, at)).collect::<Vec<i64>>();
        let ranks: Vec<Vec<i64>> = (0..self.rank.saturating_sub(Ranks::LEADING)).map(rank).collect();
        let mut columns = Columns::default();
        columns.rows(&keys, self.keys.gather(&all));
        columns.ints(NUMBER, self.groups.iter().map(|group| group.born as i64));
        columns.ranks(ranks.iter().map(Vec::as_slice));
        columns.ints(PENDING, self.groups.iter().map(|group| group.pending as i64));
        out.table("groups", self.shape.home(), keys.len(), columns);
        let (mut slots, mut places, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (slot, group) in self.groups.iter().enumerate() {
            for (place, row) in group.rows.iter().enumerate() {
                slots.push(slot as u32);
                places.push(place as i64);
                rows.push(*row);
            }
        }
        let mut columns = Columns::default();
        columns.rows(&keys, self.keys.gather(&slots));
        columns.ints(PLACE, places.into_iter());
        columns.rows(&self.shape.input.fields, self.rows.gather(&rows));
        out.table("rows", self.shape.home(), keys.len() + 1, columns);
    }

    fn load(&mut self, _cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        let saved = from.table("groups");
        let saved = saved.in_order(&saved.by_rank(NUMBER));
        self.find_saved(&saved)?;
        let ranks = saved.ranks(self.rank.saturating_sub(Ranks::LEADING));
        for (row, (born, pending)) in saved.ints(NUMBER).into_iter().zip(saved.ints(PENDING)).enumerate() {
            let own = ranks.iter().map(|ranks| ranks[row]).collect();
            let (born, pending) = (born as Number, pending as u64);
            self.groups.push(Group { rows: VecDeque::new(), pending, born, own });
        }
        let saved = from.table("rows");
        self.find_saved(&saved)?;
        let mut fields = self.shape.key_fields();
        let keys = fields.len();
        fields.extend(self.shape.input.fields.iter().cloned());
        let columns = saved.rows(&fields)?;
        let mut places = Vec::with_capacity(saved.len());
        for (row, &slot) in self.slots.iter().enumerate() {
            let place = self.rows.reserve();
            self.groups[slot as usize].rows.push_back(place);
            places.push((row as u32, place));
        }
        self.rows.put(columns[keys..].iter().map(AsRef::as_ref), &places);
        Ok(())
    }
}
