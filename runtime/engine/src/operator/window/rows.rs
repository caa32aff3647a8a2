//! Windows of rows: of each key the last `n` rows, given after every `m` of them, and at the end of the input
//! if rows came since.

mod spilling;

use super::pane::places;
use super::windows::error;
use crate::context::{Context, describe};
use crate::error::Halt;
use crate::number::{Number, at_end};
use crate::operator::aggregate::Lives;
use crate::operator::{Flush, Operator, on_disk};
use crate::ranks::{Phase, Ranks, of_row};
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use crate::state::{Calls, Held, KeyTable, Made, RowStore, Shape, room};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column, ColumnData};
use flow_plan::physical::{Pick, WindowAggregate, Windowing};
use flow_plan::{Place, RecordType};
use spilling::Disk;
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
    lives: Lives,
    /// The rows of all groups.
    rows: RowStore,
    /// Some aggregate may refuse a row.
    fallible: bool,
    /// The next group that the end of the input gives.
    flushed: usize,
    hashes: Vec<u64>,
    slots: Vec<u32>,
    /// Groups that memory has no room for, if they may be on disk.
    disk: Option<Disk>,
}

/// Columns of the engine's own: the number in which a group was first seen; rows since a result was given; the place
/// of a row among those of its group.
const NUMBER: &str = "·number";
const PENDING: &str = "·pending";
const PLACE: &str = "·place";

#[derive(Default)]
struct Group {
    /// Its rows, the last one last.
    rows: VecDeque<u32>,
    /// Rows since a result was given.
    pending: u64,
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
            lives: Lives::new(rank.saturating_sub(Ranks::LEADING)),
            flushed: 0,
            hashes: Vec::new(),
            slots: Vec::new(),
            disk: None,
        }
    }

    /// Makes groups for keys that are new.
    fn find_groups(&mut self, number: Number, batch: &Batch) {
        let columns: Vec<&Column> = self.shape.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        hash_columns(&columns, batch.len, &mut self.hashes);
        self.keys.slots(&columns, &self.hashes, &mut self.slots);
        for (row, &slot) in self.slots.iter().enumerate() {
            if slot as usize == self.groups.len() {
                self.groups.push(Group::default());
                self.lives.resize(self.groups.len());
                self.lives.begin(slot as usize, number, batch, self.shape.input.fields.len(), row);
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
        self.disk.iter().fold(self.held_in_memory(), |all, disk| all + disk.held())
    }

    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        self.bring_groups(&batch).map_err(|error| on_disk(cx, &error))?;
        self.find_groups(cx.number, &batch);
        let mut given = Vec::new();
        for row in 0..batch.len {
            given.extend(self.take(cx, &batch, row)?);
        }
        if !given.is_empty() {
            cx.emit(Batch::concat(given));
        }
        self.relieve_groups().map_err(|error| on_disk(cx, &error))
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let level = cx.shared.layout.nodes[cx.node].level;
        if self.disk.is_some() {
            return self.flush_sorted(cx, level);
        }
        let pending = |group: &Group| group.pending > 0;
        while let Some(at) = self.groups[self.flushed..].iter().position(pending) {
            let slot = self.flushed + at;
            self.flushed = slot + 1;
            cx.number = at_end(level, self.lives.born(slot as u32));
            self.give_rest(slot as u32).into_iter().for_each(|given| cx.emit(given));
            if let Some(next) = self.groups[self.flushed..].iter().position(pending) {
                return Ok(Flush::More(at_end(level, self.lives.born((self.flushed + next) as u32))));
            }
        }
        Ok(Flush::Done)
    }

    fn save(&mut self, out: &mut Saving) {
        let (home, keys) = (self.shape.home(), self.shape.keys.len());
        let all: Vec<u32> = (0..self.groups.len() as u32).collect();
        let (groups, rows) = (self.groups_of(&all), self.all_rows(&all).1);
        match &mut self.disk {
            None => {
                out.table("groups", home, keys, groups);
                out.table("rows", home, keys + 1, rows);
            }
            Some(disk) => {
                disk.mark();
                out.begin_changes("groups", home, keys, groups, None);
                out.begin_changes("rows", home, keys + 1, rows, None);
            }
        }
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.disk.as_mut().map_or(Ok(false), |disk| disk.save_more(out, entries))
    }

    fn load(&mut self, _cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        if self.disk.is_some() {
            self.lives.widen(from.rank_columns("groups"));
        }
        let saved = from.table("groups");
        self.take_groups(&saved.in_order(&saved.by_rank(NUMBER)))?;
        self.take_rows(&from.table("rows"))?;
        self.relieve_groups().map_err(|error| error.to_string())
    }
}

impl RowsOperator {
    fn held_in_memory(&self) -> Held {
        let rows = self.groups.len() * (size_of::<Group>() + self.n.min(64) * 4);
        let keys = self.keys.bytes() + self.lives.bytes();
        Held { keys: self.groups.len(), bytes: keys + self.rows.bytes() + rows + room(&self.slots) }
    }

    /// What the end of the input gives of a group, unless its last row is refused: that is not kept.
    fn give_rest(&self, slot: u32) -> Option<Batch> {
        let calls = self.aggregate(slot).ok()?;
        let own: Vec<i64> = self.lives.ranks().iter().map(|ranks| ranks[slot as usize]).collect();
        Some(self.result(slot, &calls, Phase::Due, self.lives.born(slot), &own))
    }

    /// Groups, without their rows.
    fn groups_of(&self, slots: &[u32]) -> Columns {
        let mut columns = Columns::default();
        columns.rows(&self.shape.key_fields(), self.keys.gather(slots));
        self.lives.write(slots, NUMBER, &mut columns);
        columns.ints(PENDING, slots.iter().map(|&slot| self.groups[slot as usize].pending as i64));
        columns
    }

    /// The rows of groups, and the group of each.
    fn all_rows(&self, of: &[u32]) -> (Vec<u32>, Columns) {
        let (mut slots, mut places, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for &slot in of {
            for (place, row) in self.groups[slot as usize].rows.iter().enumerate() {
                slots.push(slot);
                places.push(place as i64);
                rows.push(*row);
            }
        }
        let mut columns = Columns::default();
        columns.rows(&self.shape.key_fields(), self.keys.gather(&slots));
        columns.ints(PLACE, places.into_iter());
        columns.rows(&self.shape.input.fields, self.rows.gather(&rows));
        (slots, columns)
    }

    /// Takes over groups that were written down.
    fn take_groups(&mut self, saved: &Loaded) -> Result<(), String> {
        self.find_saved(saved)?;
        let known = self.groups.len();
        for pending in saved.ints(PENDING) {
            self.groups.push(Group { rows: VecDeque::new(), pending: pending as u64 });
        }
        self.lives.extend(known, saved, NUMBER);
        Ok(())
    }

    /// Takes over the rows of groups.
    fn take_rows(&mut self, saved: &Loaded) -> Result<(), String> {
        self.find_saved(saved)?;
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
