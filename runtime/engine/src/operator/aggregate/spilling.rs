//! Running aggregation of more groups than memory has room for: those that no row came for lately are on disk, as the
//! rows that a checkpoint would hold of them, and come back with the next row of their key.

use super::{AggregateOperator, NUMBER, PENDING, TIME};
use crate::context::Context;
use crate::error::Halt;
use crate::number::{Number, at_end};
use crate::operator::origins::Origins;
use crate::operator::{Flush, on_disk};
use crate::snapshot::{Columns, Loaded};
use crate::state::{ColdError, Entries, KeyTable, Ledger, Ledgered, Sorted, room};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column};
use flow_plan::operator::RunningTrigger;
use flow_plan::physical::hidden::NO_WATERMARK;

/// Bytes of a number in front of a place.
const NUMBER_BYTES: usize = 8;

impl Entries for AggregateOperator {
    fn table(&self) -> &KeyTable {
        &self.core.table
    }

    fn entries(&mut self, slots: &[u32]) -> Columns {
        self.stored(slots)
    }

    fn take_in(&mut self, saved: &Loaded) -> Result<Vec<u32>, String> {
        let known = self.core.table.len();
        let slots = self.core.load(saved)?;
        // Of a group that several workers had a part of, the first entry is the oldest.
        let mut firsts: Vec<u32> = Vec::new();
        for (row, &slot) in slots.iter().enumerate() {
            if slot as usize == known + firsts.len() {
                firsts.push(row as u32);
            }
        }
        let pick = |values: &[i64]| -> Vec<i64> { firsts.iter().map(|&row| values[row as usize]).collect() };
        let numbers: Vec<Number> =
            pick(&saved.ints(NUMBER)).into_iter().map(|number| number as Number).collect();
        let width = self.core.origins.as_ref().map_or(self.core.births.width(), Origins::width);
        let ranks: Vec<Vec<i64>> = saved.ranks(width).iter().map(|ranks| pick(ranks)).collect();
        match &mut self.core.origins {
            Some(origins) => origins.extend(&numbers, &ranks),
            None => self.core.births.extend(known, &numbers, &ranks),
        }
        if let RunningTrigger::Count(_) = self.trigger {
            self.pending.resize(known, 0);
            self.pending.extend(pick(&saved.ints(PENDING)).into_iter().map(|rows| rows as u64));
        }
        if let RunningTrigger::Every(_) = self.trigger {
            self.is_changed.resize(known, false);
            for (slot, waits) in (known..).zip(pick(&saved.ints(PENDING))) {
                self.is_changed.push(waits != 0);
                if waits != 0 {
                    let came = self.changed.came(slot as u32, &self.core.table, waits);
                    came.map_err(|error| error.to_string())?;
                }
            }
        }
        if self.hidden.time.is_some() {
            self.times.resize(known, NO_WATERMARK);
            match saved.has(TIME) {
                true => self.times.extend(pick(&saved.ints(TIME))),
                false => self.times.resize(known + firsts.len(), NO_WATERMARK),
            }
        }
        Ok(slots)
    }

    fn leave(&mut self, slots: &[u32]) -> Result<(), ColdError> {
        self.changed.leave(slots, &self.core.table)
    }

    fn keep(&mut self, slots: &[u32]) {
        self.core.retain(slots);
        self.changed.keep(slots);
        if !self.is_changed.is_empty() {
            let changed = |slot: &u32| self.is_changed.get(*slot as usize).copied().unwrap_or_default();
            self.is_changed = slots.iter().map(changed).collect();
        }
        if !self.pending.is_empty() {
            self.pending = slots.iter().map(|&slot| self.pending[slot as usize]).collect();
        }
        if !self.times.is_empty() {
            self.times = slots.iter().map(|&slot| self.times[slot as usize]).collect();
        }
    }

    fn bytes(&self) -> usize {
        let beside = room(&self.pending) + self.changed.bytes() + room(&self.is_changed) + room(&self.times);
        self.core.held().bytes + beside
    }
}

impl Ledgered for AggregateOperator {
    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}

impl AggregateOperator {
    /// Brings back the groups of a batch's rows.
    pub(super) fn bring(&mut self, cx: &mut Context<'_>, batch: &Batch) -> Result<(), Halt> {
        if !self.ledger.spills() {
            return Ok(());
        }
        let columns: Vec<&Column> = self.core.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, batch.len, &mut hashes);
        let brought = self.with_ledger(|ledger, own| ledger.bring(own, &columns, &hashes));
        brought.map_err(|error| on_disk(cx, &error))
    }

    /// Rows came for the groups that were looked up last: others may have to go.
    pub(super) fn relieve(&mut self) -> Result<(), ColdError> {
        let slots = std::mem::take(&mut self.core.slots);
        let relieved = self.with_ledger(|ledger, own| ledger.relieve(own, &slots));
        self.core.slots = slots;
        relieved
    }

    /// The end of the input: gives what is held, in the order of the groups' births.
    pub(super) fn flush_sorted(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let layout = &cx.shared.layout.nodes[cx.node];
        let (level, divided) = (layout.level, layout.divided);
        let place = |born: Number| match divided {
            true => at_end(level + 1, at_end(level, born)),
            false => at_end(level, born),
        };
        let mut sorted = match self.last.take() {
            Some(sorted) => sorted,
            None => self.sort().map_err(|error| on_disk(cx, &error))?,
        };
        let next = self.only_next(&mut sorted, NUMBER_BYTES, BATCH_ROWS);
        let Some((slots, next)) = next.map_err(|error| on_disk(cx, &error))? else {
            return Ok(Flush::Done);
        };
        let born = self.core.origins.as_ref().and_then(|origins| origins.numbers().first().copied());
        cx.number = place(born.unwrap_or_default());
        cx.emit(self.rows(&slots));
        self.last = Some(sorted);
        let number = |bytes: Vec<u8>| bytes.try_into().map(u64::from_be_bytes).unwrap_or_default();
        Ok(next.map_or(Flush::Done, |next| Flush::More(place(number(next)))))
    }

    /// All groups that the end gives, by birth.
    fn sort(&mut self) -> Result<Sorted, ColdError> {
        let waits = matches!(self.trigger, RunningTrigger::Count(_) | RunningTrigger::Every(_));
        let width = self.core.origins.as_ref().map_or(0, |origins| origins.width());
        let place = move |entry: &Loaded| {
            if waits && entry.ints(PENDING).first() == Some(&0) {
                return None;
            }
            Origins::place(entry, NUMBER, width)
        };
        self.with_ledger(|ledger, own| ledger.sort(own, place))
    }
}
