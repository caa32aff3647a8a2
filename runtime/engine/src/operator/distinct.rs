//! Drops rows whose columns were seen before (in the last so many microseconds).
//!
//! With `within`, a value is known until a row comes whose time, or whose watermark, is that far behind
//! the latest row that had it. Whether the watermark is may be open until the number is complete: rows
//! from the first such one on wait for it.

use super::{Operator, on_disk};
use crate::context::Context;
use crate::error::Halt;
use crate::number::Number;
use crate::shared::Shared;
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use crate::state::{Cold, ColdError, Entries, Held, KeyTable, Ledger, Ledgered, Turns, room};
use crate::time::{Clock, met};
use flow_checkpoint::state::Home;
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData};
use flow_plan::physical::Distinct;
use flow_plan::physical::hidden::NO_WATERMARK;
use flow_plan::{Field, RecordType};

/// In a checkpoint: the latest time of a value.
const SEEN: &str = "·seen";

/// So many values are forgotten at once on disk.
const PIECE: usize = 1 << 12;

pub(crate) struct DistinctOperator {
    columns: Vec<usize>,
    fields: Vec<Field>,
    within: Option<i64>,
    time: Option<usize>,
    watermark: Option<usize>,
    table: KeyTable,
    /// The latest time of each slot; only with `within`.
    seen: Vec<i64>,
    clock: Clock,
    /// Rows of the current number that wait for the watermark behind it.
    held: Vec<Batch>,
    number: Number,
    /// From so many slots on, those that are over are looked for.
    crowded: usize,
    hashes: Vec<u64>,
    slots: Vec<u32>,
    /// Which values have changed, what a checkpoint still has to copy, and what is on disk; when values there are forgotten.
    ledger: Ledger,
    turns: Option<Turns>,
}

/// What is known of the watermark behind the current number.
#[derive(Clone, Copy)]
enum Behind {
    Known(i64),
    Open,
}

impl DistinctOperator {
    pub(crate) fn new(
        distinct: &Distinct,
        input: &RecordType,
        shared: &Shared,
        node: usize,
        cold: Option<Cold>,
    ) -> DistinctOperator {
        let forgets = cold.as_ref().filter(|_| distinct.within.is_some());
        DistinctOperator {
            turns: forgets.map(Cold::turns),
            ledger: Ledger::new(shared.tracks, cold),
            columns: distinct.columns.clone(),
            fields: distinct.columns.iter().map(|&column| input.fields[column].clone()).collect(),
            within: distinct.within,
            time: distinct.hidden.time,
            watermark: distinct.hidden.watermark,
            table: KeyTable::new(distinct.columns.iter().map(|&column| &input.fields[column].ty)),
            seen: Vec::new(),
            clock: Clock::new(shared, node),
            held: Vec::new(),
            number: 0,
            crowded: BATCH_ROWS,
            hashes: Vec::new(),
            slots: Vec::new(),
        }
    }

    /// Finds the slots of all rows; gives how many there were before.
    fn find_slots(&mut self, batch: &Batch) -> usize {
        let columns: Vec<&Column> =
            self.columns.iter().map(|&column| batch.columns[column].as_ref()).collect();
        hash_columns(&columns, batch.len, &mut self.hashes);
        let known = self.table.len();
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        known
    }

    /// Brings back the values of a batch that are on disk.
    fn bring(&mut self, cx: &mut Context<'_>, batch: &Batch) -> Result<(), Halt> {
        if !self.ledger.spills() {
            return Ok(());
        }
        let columns: Vec<&Column> =
            self.columns.iter().map(|&column| batch.columns[column].as_ref()).collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, batch.len, &mut hashes);
        let brought = self.with_ledger(|ledger, own| ledger.bring(own, &columns, &hashes));
        brought.map_err(|error| on_disk(cx, &error))
    }

    /// Gives the first rows of values that are never forgotten.
    fn first_of_all(&mut self, cx: &mut Context<'_>, batch: Batch) -> Result<(), Halt> {
        self.bring(cx, &batch)?;
        let known = self.table.len() as u32;
        let first = self.first_rows(&batch);
        let new: Vec<u32> = (known..self.table.len() as u32).collect();
        self.ledger.changed(&new, self.table.len());
        cx.emit(if first.len() == batch.len { batch } else { batch.gather(&first) });
        self.relieve(cx)
    }

    /// Rows came for the values that were looked up last: others may have to go.
    fn relieve(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        let slots = std::mem::take(&mut self.slots);
        let relieved = self.with_ledger(|ledger, own| ledger.relieve(own, &slots));
        self.slots = slots;
        relieved.map_err(|error| on_disk(cx, &error))
    }

    /// The rows that made slots: new ones are counted in the order of their rows.
    fn first_rows(&mut self, batch: &Batch) -> Vec<u32> {
        let mut next = self.find_slots(batch) as u32;
        let mut first = Vec::new();
        for (row, &slot) in self.slots.iter().enumerate() {
            if slot == next {
                next += 1;
                first.push(row as u32);
            }
        }
        first
    }

    /// Gives the rows of a batch that are news; keeps those from the first one on for which that is open.
    fn take(&mut self, cx: &mut Context<'_>, batch: Batch, within: i64, behind: Behind) -> Result<(), Halt> {
        self.bring(cx, &batch)?;
        let known = self.find_slots(&batch);
        let slots = std::mem::take(&mut self.slots);
        self.with_ledger(|ledger, own| ledger.ahead(own, &slots));
        self.slots = slots;
        self.seen.resize(self.table.len(), NO_WATERMARK);
        let mut is_known: Vec<bool> = vec![false; self.table.len() - known];
        let now = cx.shared.env.clock.wall_micros();
        let times = self.time.map(|column| ints(&batch, column));
        let own = self.watermark.map(|column| ints(&batch, column));
        let before = self.clock.now();
        let (mut given, mut open) = (Vec::new(), None);
        for (row, &slot) in self.slots.iter().enumerate() {
            let slot = slot as usize;
            let time = times.map_or(now, |times| times[row]);
            let over = self.seen[slot].saturating_add(within);
            let old = slot < known || std::mem::replace(&mut is_known[slot - known], true);
            let news = if !old || time >= over {
                true
            } else {
                let own = own.map_or(NO_WATERMARK, |own| own[row]);
                match behind {
                    _ if times.is_none() => false,
                    Behind::Known(behind) => met(own, before, behind) >= over,
                    Behind::Open if before >= over => true,
                    Behind::Open if own < over => false,
                    Behind::Open => {
                        open = Some(row as u32);
                        break;
                    }
                }
            };
            if news {
                given.push(row as u32);
                self.seen[slot] = time;
            } else {
                self.seen[slot] = self.seen[slot].max(time);
            }
        }
        if let Some(open) = open {
            // New values from here on are not known yet.
            let first_new =
                self.slots[..open as usize].iter().map(|slot| *slot as usize + 1).max().unwrap_or(0);
            let known = known.max(first_new);
            self.table.forget(known);
            self.seen.truncate(known);
            self.slots.truncate(open as usize);
            let rest: Vec<u32> = (open..batch.len as u32).collect();
            self.held.push(batch.gather(&rest));
        }
        self.ledger.changed(&self.slots, self.table.len());
        cx.emit(if given.len() == batch.len { batch } else { batch.gather(&given) });
        self.relieve(cx)
    }

    /// Takes the rows that waited for the watermark behind their number, which is complete.
    fn take_held(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        let Some(within) = self.within else { return Ok(()) };
        let number = std::mem::replace(&mut cx.number, self.number);
        for batch in std::mem::take(&mut self.held) {
            let behind = self.clock.behind(cx.shared, self.number);
            self.take(cx, batch, within, Behind::Known(behind))?;
        }
        cx.number = number;
        Ok(())
    }

    /// Frees values that no row can find any more, in memory once there may be as many of them as of others.
    fn free(&mut self, now: i64) -> Result<(), ColdError> {
        let Some(within) = self.within else { return Ok(()) };
        if let Some(turns) = &mut self.turns {
            let over = turns.take_before(now.saturating_add(1), PIECE)?;
            if !over.is_empty() {
                self.with_ledger(|ledger, own| ledger.free_on_disk(own, &over))?;
            }
        }
        if self.table.len() < self.crowded {
            return Ok(());
        }
        let is_live = |slot: &u32| self.seen[*slot as usize].saturating_add(within) > now;
        let (live, over): (Vec<u32>, Vec<u32>) = (0..self.table.len() as u32).partition(is_live);
        self.crowded = (live.len() * 2).max(BATCH_ROWS);
        if live.len() <= over.len() {
            self.with_ledger(|ledger, own| ledger.free(own, &live, &over));
        }
        Ok(())
    }

    /// When a value is forgotten, if it is.
    fn over(&self, slot: u32) -> Option<i64> {
        self.within.map(|within| self.seen[slot as usize].saturating_add(within))
    }
}

fn ints(batch: &Batch, column: usize) -> &[i64] {
    match &batch.columns[column].data {
        ColumnData::I64(values) => values,
        other => unreachable!("times are timestamps, not {other:?}"),
    }
}

impl Ledgered for DistinctOperator {
    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}

impl Entries for DistinctOperator {
    fn table(&self) -> &KeyTable {
        &self.table
    }

    fn entries(&mut self, slots: &[u32]) -> Columns {
        let mut columns = Columns::default();
        columns.rows(&self.fields, self.table.gather(slots));
        if self.within.is_some() {
            columns.ints(SEEN, slots.iter().map(|&slot| self.seen[slot as usize]));
        }
        columns
    }

    fn take_in(&mut self, saved: &Loaded) -> Result<Vec<u32>, String> {
        let keys = saved.columns(&self.fields)?;
        let columns: Vec<&Column> = keys.iter().map(AsRef::as_ref).collect();
        hash_columns(&columns, saved.len(), &mut self.hashes);
        let mut slots = Vec::new();
        self.table.reserve(saved.len());
        self.table.slots(&columns, &self.hashes, &mut slots);
        if self.within.is_some() {
            self.seen.resize(self.table.len(), NO_WATERMARK);
            // What was never forgotten was never timed.
            if saved.has(SEEN) {
                slots.iter().zip(saved.ints(SEEN)).for_each(|(&slot, seen)| self.seen[slot as usize] = seen);
            }
        }
        for &slot in &slots {
            if let (Some(over), Some(turns)) = (self.over(slot), &mut self.turns) {
                let hash = self.table.hashes()[slot as usize];
                turns.remove(over, hash).map_err(|error| error.to_string())?;
            }
        }
        Ok(slots)
    }

    fn leave(&mut self, slots: &[u32]) -> Result<(), ColdError> {
        for &slot in slots {
            if let (Some(over), Some(turns)) = (self.over(slot), &mut self.turns) {
                turns.put(over, self.table.hashes()[slot as usize])?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, slots: &[u32]) {
        self.table.retain(slots);
        if self.within.is_some() {
            self.seen = slots.iter().map(|&slot| self.seen[slot as usize]).collect();
        }
    }

    fn bytes(&self) -> usize {
        self.table.bytes() + room(&self.seen)
    }
}

impl Operator for DistinctOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        let Some(within) = self.within else {
            return self.first_of_all(cx, batch);
        };
        if cx.number > self.number {
            self.take_held(cx)?;
            self.clock.steps(cx.shared, cx.number);
            self.number = cx.number;
        }
        match self.held.is_empty() {
            true => self.take(cx, batch, within, Behind::Open)?,
            false => self.held.push(batch),
        }
        Ok(())
    }

    fn held(&self) -> Held {
        let keys = self.table.len() + self.ledger.on_disk();
        Held { keys, bytes: self.bytes() + self.ledger.bytes() }
    }

    fn advance(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        self.take_held(cx)?;
        if self.within.is_some() {
            self.clock.steps(cx.shared, to);
            let by_time = self.time.is_some();
            let now = if by_time { self.clock.now() } else { cx.shared.env.clock.wall_micros() };
            self.free(now).map_err(|error| on_disk(cx, &error))?;
        }
        Ok(())
    }

    fn follow(&mut self) {
        self.ledger.follow(Home::Key(self.columns.len()));
    }

    fn save(&mut self, out: &mut Saving) {
        let (home, keys) = (Home::Key(self.columns.len()), self.columns.len());
        // No row waits for a watermark: all numbers below the barrier are complete.
        self.with_ledger(|ledger, own| ledger.save(own, out, "values", home, keys));
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.with_ledger(|ledger, own| ledger.save_more(own, out, entries))
    }

    fn load(&mut self, _cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        let saved = from.table("values");
        self.take_in(&saved)?;
        self.with_ledger(|ledger, own| ledger.relieve(own, &[])).map_err(|error| error.to_string())
    }
}
