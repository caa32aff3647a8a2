//! Running aggregation of more groups than memory has room for: those that no row came for lately are on disk, as the
//! rows that a checkpoint would hold of them, and come back with the next row of their key.

use super::{AggregateOperator, NUMBER, PENDING, TIME};
use crate::context::Context;
use crate::error::{ErrorKind, Halt};
use crate::number::{Number, at_end};
use crate::operator::Flush;
use crate::snapshot::{Columns, Loaded};
use crate::state::{Cold, ColdError, InOrder, NO_SLOT, Sorted, unknown};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column};
use flow_plan::operator::RunningTrigger;
use flow_plan::physical::hidden::NO_WATERMARK;
use std::cmp::Reverse;

/// What an operator has on disk, and what it knows of the groups in memory.
pub(super) struct Spilled {
    pub(super) cold: Cold,
    /// By slot: has a row come since groups were last put on disk?
    touched: Vec<bool>,
    /// What the end of the input gives.
    last: Option<Sorted>,
}

/// Groups are put on disk so many at once.
const PIECE: usize = 1 << 12;

/// An entry from disk takes as long as so many from memory.
const COLDER: usize = 8;

/// Bytes of a number in front of a place.
const NUMBER_BYTES: usize = 8;

impl Spilled {
    pub(super) fn new(cold: Cold) -> Spilled {
        Spilled { cold, touched: Vec::new(), last: None }
    }
}

fn failed(cx: &Context<'_>, error: &ColdError) -> Halt {
    cx.shared.fail(cx.shared.node_error(cx.node, cx.number, ErrorKind::State, error.to_string()));
    Halt
}

impl AggregateOperator {
    /// Brings back the groups of a batch's rows.
    pub(super) fn bring(&mut self, cx: &mut Context<'_>, batch: &Batch) -> Result<(), Halt> {
        let Some(spilled) = &mut self.spilled else { return Ok(()) };
        let columns: Vec<&Column> = self.core.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        let (mut hashes, mut found) = (Vec::new(), Vec::new());
        hash_columns(&columns, batch.len, &mut hashes);
        self.core.table.known(&columns, &hashes, &mut found);
        let wanted = unknown(&hashes, &found, NO_SLOT);
        let taken = spilled.cold.take(&wanted).map_err(|error| failed(cx, &error))?;
        self.ahead.extend(taken.marked);
        let Some(entries) = taken.entries else { return Ok(()) };
        let slots = self.take_in(&entries).map_err(|why| failed(cx, &ColdError::new(why)))?;
        if let Some(marks) = &mut self.core.changed {
            let changed = slots.iter().zip(&taken.changed).filter(|(_, changed)| **changed);
            let changed: Vec<u32> = changed.map(|(slot, _)| *slot).collect();
            marks.mark(&changed, self.core.table.len());
        }
        Ok(())
    }

    /// Groups that are not in memory become groups in memory: gives the slot of each entry.
    pub(super) fn take_in(&mut self, saved: &Loaded) -> Result<Vec<u32>, String> {
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
        if let Some(origins) = &mut self.core.origins {
            let numbers: Vec<Number> =
                pick(&saved.ints(NUMBER)).into_iter().map(|number| number as Number).collect();
            let ranks: Vec<Vec<i64>> = saved.ranks(origins.width()).iter().map(|ranks| pick(ranks)).collect();
            origins.extend(&numbers, &ranks);
        }
        if let RunningTrigger::Count(_) = self.trigger {
            self.pending.resize(known, 0);
            self.pending.extend(pick(&saved.ints(PENDING)).into_iter().map(|rows| rows as u64));
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

    /// Rows came for these groups; if groups take too much memory, those go to disk for which none did.
    pub(super) fn relieve(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        let all = self.core.table.len();
        let Some(spilled) = &mut self.spilled else { return Ok(()) };
        spilled.touched.resize(all, false);
        self.core.slots.iter().for_each(|&slot| spilled.touched[slot as usize] = true);
        self.cool().map_err(|error| failed(cx, &error))
    }

    /// Puts groups on disk if all of them take too much memory.
    pub(super) fn cool(&mut self) -> Result<(), ColdError> {
        let all = self.core.table.len() as u32;
        let tables = self.tables();
        let Some(spilled) = &mut self.spilled else { return Ok(()) };
        if tables <= spilled.cold.budget() {
            return Ok(());
        }
        spilled.touched.resize(all as usize, false);
        let touched = (0..all).filter(|slot| spilled.touched[*slot as usize]);
        // Of those that are used, too, at most half stays: the ones that came last.
        let mut kept: Vec<u32> = touched.collect();
        kept.sort_unstable_by_key(|slot| Reverse(*slot));
        kept.truncate(all as usize / 2);
        kept.reverse();
        self.keep(&kept)
    }

    /// All other groups go to disk; these, which ascend, become slots `0..`.
    fn keep(&mut self, kept: &[u32]) -> Result<(), ColdError> {
        let mut stays = kept.iter().copied().peekable();
        let goes = (0..self.core.table.len() as u32).filter(|slot| stays.next_if_eq(slot).is_none());
        let goes: Vec<u32> = goes.collect();
        let mut hashes = Vec::new();
        for slots in goes.chunks(PIECE) {
            self.copy_ahead(slots);
            let keys = self.core.table.gather(slots);
            hash_columns(&keys.iter().collect::<Vec<_>>(), slots.len(), &mut hashes);
            let changed: Vec<bool> = match &self.core.changed {
                Some(marks) => slots.iter().map(|slot| marks.has(*slot)).collect(),
                None => vec![false; slots.len()],
            };
            let entries = self.entries(slots);
            if let Some(spilled) = &mut self.spilled {
                spilled.cold.put(&hashes, entries, &changed)?;
            }
        }
        self.core.retain(kept);
        if let Some(marks) = &mut self.core.changed {
            marks.retain(kept);
        }
        if let Some(marked) = &mut self.marked {
            marked.retain(kept);
        }
        if !self.pending.is_empty() {
            self.pending = kept.iter().map(|&slot| self.pending[slot as usize]).collect();
        }
        if !self.times.is_empty() {
            self.times = kept.iter().map(|&slot| self.times[slot as usize]).collect();
        }
        if let Some(spilled) = &mut self.spilled {
            spilled.touched = vec![false; kept.len()];
        }
        Ok(())
    }

    /// What a checkpoint still has to copy from disk.
    pub(super) fn next_cold(&mut self, most: usize) -> Result<Option<Columns>, String> {
        match &mut self.spilled {
            Some(spilled) => {
                spilled.cold.next_marked(most.div_ceil(COLDER)).map_err(|error| error.to_string())
            }
            None => Ok(None),
        }
    }

    /// The end of the input: gives what is held, in the order of the groups' births.
    pub(super) fn flush_spilled(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let layout = &cx.shared.layout.nodes[cx.node];
        let (level, divided) = (layout.level, layout.divided);
        let place = |born: Number| match divided {
            true => at_end(level + 1, at_end(level, born)),
            false => at_end(level, born),
        };
        let mut sorted = match self.spilled.as_mut().and_then(|spilled| spilled.last.take()) {
            Some(sorted) => sorted,
            None => self.sort().map_err(|error| failed(cx, &error))?,
        };
        let Some(spilled) = &mut self.spilled else { return Ok(Flush::Done) };
        let next = spilled.cold.next_of(&mut sorted, NUMBER_BYTES, BATCH_ROWS);
        let Some(InOrder { entries, next }) = next.map_err(|error| failed(cx, &error))? else {
            return Ok(Flush::Done);
        };
        self.clear();
        let slots = self.take_in(&entries).map_err(|why| failed(cx, &ColdError::new(why)))?;
        let born = self.core.origins.as_ref().and_then(|origins| origins.numbers().first().copied());
        cx.number = place(born.unwrap_or_default());
        cx.emit(self.rows(&slots));
        if let Some(spilled) = &mut self.spilled {
            spilled.last = Some(sorted);
        }
        let number = |bytes: Vec<u8>| bytes.try_into().map(u64::from_be_bytes).unwrap_or_default();
        Ok(next.map_or(Flush::Done, |next| Flush::More(place(number(next)))))
    }

    /// All groups that the end gives, by birth.
    fn sort(&mut self) -> Result<Sorted, ColdError> {
        self.keep(&[])?;
        let counts = matches!(self.trigger, RunningTrigger::Count(_));
        let width = self.core.origins.as_ref().map_or(0, |origins| origins.width());
        let place = |entry: &Loaded| {
            if counts && entry.ints(PENDING).first() == Some(&0) {
                return None;
            }
            let mut place = entry.ints(NUMBER).first()?.to_be_bytes().to_vec();
            for rank in entry.ranks(width) {
                // Bytes are compared as if they had no sign.
                place.extend_from_slice(&(rank.first()? ^ i64::MIN).to_be_bytes());
            }
            Some(place)
        };
        match &self.spilled {
            Some(spilled) => spilled.cold.sorted(place),
            None => Err(ColdError::new("nothing is on disk".into())),
        }
    }

    fn clear(&mut self) {
        self.core.retain(&[]);
        self.pending.clear();
        self.times.clear();
    }
}
