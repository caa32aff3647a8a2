//! Sessions of more keys than memory has room for: a key that no row came for lately is on disk with all of its sessions, as a
//! checkpoint holds them, and comes back with its next row, or when the first of them has to be looked at because time passes.

use super::super::births::Reborn;
use super::{BTreeMap, Batch, Column, Common, NONE, Sessions};
use crate::snapshot::{Columns, Loaded};
use crate::state::{COLDER, Cold, ColdError, Held, KeyTable, Rows, Spill, Spilled, Spills, Turns};
use flow_data::hash::hash_columns;
use std::sync::Arc;

/// About so many keys come back at once because time passes.
const PIECE: usize = 1 << 12;

/// Of so many bytes of budget, one session that is no more is remembered until the next checkpoint.
const GONE: usize = 1 << 9;

/// The keys that are on disk.
pub(super) struct Disk {
    keys: Spilled,
    /// In front of which time the first session of a key is looked at.
    turns: Turns,
}

impl Disk {
    /// How many keys.
    pub(super) fn held(&self) -> Held {
        Held { keys: self.keys.len(), bytes: self.keys.bytes() }
    }

    /// When the first session is looked at.
    pub(super) fn first(&self) -> Option<i64> {
        self.turns.first().map(|time| time.saturating_add(1))
    }

    /// Of so many sessions that are no more it is remembered, at most.
    pub(super) fn most_gone(&self) -> usize {
        self.keys.budget() / GONE
    }

    /// A barrier: all is to be written down, or what changed.
    pub(super) fn mark(&mut self, whole: bool) {
        self.keys.table(0).mark(whole);
    }

    /// The next sessions that a checkpoint still has to get, which take as long as so many from memory.
    pub(super) fn next_marked(&mut self, entries: usize) -> Result<Option<Columns>, String> {
        self.keys.table(0).next_marked(entries.div_ceil(COLDER)).map_err(|error| error.to_string())
    }

    /// Only these keys stay in memory, which ascend: they become `0..`.
    pub(super) fn keep(&mut self, keys: &[u32]) {
        self.keys.touched().keep(keys);
    }
}

/// When a key has its turn, by its hash.
enum Turn {
    Comes(i64, u64),
    Goes(i64, u64),
}

/// Sessions, with what they have in common with other windows.
struct Keyed<'a> {
    of: &'a mut Sessions,
    common: &'a Common,
    /// What is to be noted of keys that went to disk, or came back.
    turns: Vec<Turn>,
}

impl Sessions {
    /// Keys may be on disk from now on.
    pub(crate) fn spill(mut self, spill: &Arc<Spill>) -> Result<Sessions, ColdError> {
        let keys = Spilled::new(Cold::new(spill)?, 1)?;
        self.disk = Some(Disk { keys, turns: Turns::new(spill) });
        Ok(self)
    }

    fn keyed<T>(
        &mut self,
        common: &Common,
        act: impl FnOnce(&mut Keyed<'_>) -> Result<T, ColdError>,
    ) -> Result<T, ColdError> {
        let mut keyed = Keyed { of: self, common, turns: Vec::new() };
        let done = act(&mut keyed)?;
        let turns = keyed.turns;
        for turn in turns {
            match (&mut self.disk, turn) {
                (Some(disk), Turn::Comes(time, hash)) => disk.turns.put(time, hash)?,
                (Some(disk), Turn::Goes(time, hash)) => drop(disk.turns.remove(time, hash)?),
                (None, _) => {}
            }
        }
        Ok(done)
    }

    /// Brings back the keys of a batch's rows.
    pub(super) fn bring_keys(&mut self, common: &Common, batch: &Batch) -> Result<(), ColdError> {
        if self.disk.is_none() {
            return Ok(());
        }
        let columns: Vec<&Column> =
            common.shape.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, batch.len, &mut hashes);
        self.keyed(common, |keyed| keyed.bring(&columns, &hashes))
    }

    /// Brings back keys whose first session is to be looked at when time is `now`, the first ones. Gives how far time may pass
    /// before others have to come back, if it is not as far as that.
    pub(super) fn bring_due(&mut self, common: &Common, now: i64) -> Result<Option<i64>, ColdError> {
        let Some(disk) = &mut self.disk else { return Ok(None) };
        let (hashes, next) = disk.turns.take_whole(now, PIECE)?;
        self.keyed(common, |keyed| keyed.bring_back(&hashes))?;
        Ok(next)
    }

    /// Puts keys on disk if memory has no room for all of them; those of the last batch are used. No session is known by its
    /// slot to anybody else.
    pub(super) fn relieve(&mut self, common: &Common) -> Result<(), ColdError> {
        if self.disk.is_none() || !self.again.is_empty() {
            return Ok(());
        }
        let used = std::mem::take(&mut self.key_slots);
        self.keyed(common, |keyed| keyed.relieve(&used))
    }

    /// The sessions of a key.
    fn of_key(&self, key: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.first[key as usize];
        std::iter::successors((first != NONE).then_some(first), |slot| {
            let next = self.sessions[*slot as usize].next;
            (next != NONE).then_some(next)
        })
    }

    /// In front of which time a key has to be in memory.
    fn turn(&self, key: u32) -> Option<(i64, u64)> {
        let at = self.of_key(key).map(|slot| self.at(slot)).min()?;
        Some((at.saturating_sub(1), self.keys.hashes()[key as usize]))
    }

    /// Keeps these keys, which ascend; they become `0..`, and so do their sessions.
    fn keep(&mut self, keys: &[u32]) {
        self.settle();
        let mut slots: Vec<u32> = keys.iter().flat_map(|&key| self.of_key(key)).collect();
        slots.sort_unstable();
        let keys_now: BTreeMap<u32, u32> = keys.iter().copied().zip(0..).collect();
        self.sessions = slots.iter().map(|&slot| self.sessions[slot as usize]).collect();
        self.calls.retain(&slots);
        self.births.retain(&slots);
        self.given.retain(&slots);
        self.noted.retain(&slots);
        self.keys.retain(keys);
        self.free.clear();
        self.buckets.clear();
        self.first = vec![NONE; keys.len()];
        for slot in 0..slots.len() as u32 {
            let session = &mut self.sessions[slot as usize];
            session.key = keys_now[&session.key];
            session.next = std::mem::replace(&mut self.first[session.key as usize], slot);
            session.bucket = i64::MIN;
            self.watch(slot);
        }
    }
}

impl Spills for Keyed<'_> {
    fn keys(&self) -> &KeyTable {
        &self.of.keys
    }

    fn spilled(&mut self) -> Option<&mut Spilled> {
        self.of.disk.as_mut().map(|disk| &mut disk.keys)
    }

    fn rows(&self, key: u32) -> usize {
        self.of.of_key(key).count()
    }

    fn copy_ahead(&mut self, keys: &[u32]) {
        let slots: Vec<u32> = keys.iter().flat_map(|&key| self.of.of_key(key)).collect();
        self.of.copy_ahead(self.common, &slots);
    }

    fn rows_of(&mut self, _table: usize, keys: &[u32]) -> Rows {
        let of = &self.of;
        self.turns
            .extend(keys.iter().filter_map(|&key| of.turn(key)).map(|(at, hash)| Turn::Comes(at, hash)));
        let slots: Vec<u32> = keys.iter().flat_map(|&key| of.of_key(key)).collect();
        Rows {
            slots: slots.iter().map(|&slot| of.sessions[slot as usize].key).collect(),
            changed: slots.iter().map(|&slot| of.noted.has_changed(slot)).collect(),
            rows: of.entries(self.common, &slots),
        }
    }

    fn take_in(&mut self, _table: usize, rows: &Loaded, changed: &[bool]) -> Result<(), String> {
        let known = self.of.keys.len() as u32;
        let slots = self.of.add_saved(self.common, &Reborn::from_disk(rows, self.common.output.origin))?;
        self.of.came_back(&slots, changed);
        let keys = known..self.of.keys.len() as u32;
        let of = &self.of;
        self.turns.extend(keys.filter_map(|key| of.turn(key)).map(|(at, hash)| Turn::Goes(at, hash)));
        Ok(())
    }

    fn copied(&mut self, _table: usize, rows: Columns) {
        self.of.noted.copied(rows);
    }

    fn keep(&mut self, keys: &[u32], _empty: &[u32]) {
        self.of.keep(keys);
    }

    fn bytes_in_memory(&self) -> usize {
        self.of.held_in_memory().bytes + self.of.disk.as_ref().map_or(0, |disk| disk.held().bytes)
    }
}
