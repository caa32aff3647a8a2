//! Sessions of more keys than memory has room for: a key that no row came for lately is on disk with all of its sessions, as a
//! checkpoint holds them, and comes back with its next row, or when the first of them has to be looked at because time passes.

use super::super::births::Reborn;
use super::super::written::{WINDOW_END, WINDOW_START, states};
use super::{BTreeMap, Batch, Column, Common, Context, Flushing, Halt, NONE, Sessions};
use crate::operator::on_disk;
use crate::snapshot::{Columns, Loaded};
use crate::state::{COLDER, Cold, ColdError, Held, KeyTable, Row, Rows, Spill, Spilled, Spills, Turns};
use flow_data::BATCH_ROWS;
use flow_data::hash::hash_columns;
use std::collections::VecDeque;
use std::sync::Arc;

/// About so many keys come back at once because time passes.
const PIECE: usize = 1 << 12;

/// Of so many bytes of budget, one session that is no more is remembered until the next checkpoint.
const GONE: usize = 1 << 9;

/// Why sessions are given that time does not pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The clock on the wall says so: of sessions that are open, or of those that rows behind have changed.
    Tick { early: bool },
    /// The input has ended.
    Flush,
}

/// The keys that are on disk, with a table of sessions, and one of what was given of them, if that is to be known.
pub(super) struct Disk {
    keys: Spilled,
    tables: usize,
    /// In front of which time the first session of a key is looked at.
    turns: Turns,
    /// What the clock on the wall asks for, and sessions that are lined up to be given, by their keys and bounds.
    asked: VecDeque<Why>,
    line: Option<(Why, Row)>,
    /// Has the end of the input begun to give?
    flushes: bool,
}

impl Disk {
    /// How many keys, and what they take in memory all the same.
    pub(super) fn held(&self) -> Held {
        let line = self.line.as_ref().map_or(0, |(_, row)| row.bytes());
        Held { keys: self.keys.len(), bytes: self.keys.bytes() + self.turns.bytes() + line }
    }

    /// When the first session is looked at.
    pub(super) fn first(&self) -> Result<Option<i64>, ColdError> {
        Ok(self.turns.first()?.map(|time| time.saturating_add(1)))
    }

    /// Of so many sessions that are no more it is remembered, at most.
    pub(super) fn most_gone(&self) -> usize {
        self.keys.budget() / GONE
    }

    /// A barrier: all is to be written down, or what changed.
    pub(super) fn mark(&mut self, whole: bool) {
        (0..self.tables).for_each(|table| self.keys.table(table).mark(whole));
    }

    /// The next rows of a table that a checkpoint still has to get, which take as long as so many from memory.
    pub(super) fn next_marked(&mut self, table: usize, entries: usize) -> Result<Option<Columns>, String> {
        if table >= self.tables {
            return Ok(None);
        }
        self.keys.table(table).next_marked(entries.div_ceil(COLDER)).map_err(|error| error.to_string())
    }

    /// Is it known what was given?
    pub(super) fn has_given(&self) -> bool {
        self.tables > 1
    }

    /// The clock on the wall says that results are to be given.
    pub(super) fn tick(&mut self, early: bool) {
        self.asked.push_back(Why::Tick { early });
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
    pub(crate) fn spill(mut self, common: &Common, spill: &Arc<Spill>) -> Result<Sessions, ColdError> {
        let tables = if common.output.remembers() { 2 } else { 1 };
        let (keys, turns) = (Spilled::new(Cold::new(spill)?, tables)?, Turns::new(spill));
        let (asked, line, flushes) = (VecDeque::new(), None, false);
        self.disk = Some(Disk { keys, tables, turns, asked, line, flushes });
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

    /// Does something wait to be given from disk?
    pub(super) fn has_line(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.line.is_some() || !disk.asked.is_empty())
    }

    /// Gives the next of the sessions that the clock on the wall asks for; whether there may be more.
    pub(super) fn give_line(&mut self, common: &mut Common, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let Some(disk) = &mut self.disk else { return Ok(false) };
        if disk.line.is_none() {
            let Some(why) = disk.asked.pop_front() else { return Ok(false) };
            self.line_up(common, why).map_err(|error| on_disk(cx, &error))?;
        }
        if let Some((why, slots)) = self.next_in_line(common).map_err(|error| on_disk(cx, &error))? {
            self.copy_ahead(common, &slots);
            self.give(common, cx, &slots, why)?;
            self.relieve(common).map_err(|error| on_disk(cx, &error))?;
        }
        Ok(self.has_line())
    }

    /// The next sessions that the end of the input gives.
    pub(super) fn rest_on_disk(&mut self, common: &Common) -> Result<Flushing, ColdError> {
        self.relieve(common)?;
        if let Some(disk) = &mut self.disk
            && !std::mem::replace(&mut disk.flushes, true)
        {
            self.line_up(common, Why::Flush)?;
        }
        let slots = self.next_in_line(common)?.map(|(_, slots)| slots).unwrap_or_default();
        let last = slots.last().map(|slot| self.sessions[*slot as usize].end);
        Ok((slots.into_iter(), last))
    }

    /// Lines up the sessions that are to be given, wherever they are, in the order of their results.
    fn line_up(&mut self, common: &Common, why: Why) -> Result<(), ColdError> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        let mut row = disk.keys.table(0).row();
        let mut add = |entries: &Loaded| {
            let end = |end: &i64| (end ^ i64::MIN).to_be_bytes();
            let born = Reborn::places(entries, common.output.origin);
            let ends = entries.ints(WINDOW_END);
            let order = ends.iter().zip(born).map(|(at, born)| [&end(at)[..], &born].concat()).collect();
            row.add(order, entries.first_columns(common.shape.keys.len() + 2))
        };
        let mut next = Some(0);
        while let (Some(from), Some(disk)) = (next, &mut self.disk) {
            let (entries, behind) = disk.keys.table(0).read(from, PIECE)?;
            if let Some(entries) = entries {
                let states = states(&entries);
                let chosen = |row: &u32| self.chooses(why, states[*row as usize]);
                let rows: Vec<u32> = (0..entries.len() as u32).filter(chosen).collect();
                if !rows.is_empty() {
                    add(&entries.in_order(&rows))?;
                }
            }
            next = behind;
        }
        let open = (0..self.sessions.len() as u32).filter(|slot| self.is_open(*slot));
        let chosen: Vec<u32> =
            open.filter(|slot| self.chooses(why, self.sessions[*slot as usize].state)).collect();
        for slots in chosen.chunks(PIECE) {
            let (schema, rows) = self.entries(common, slots).into_rows();
            add(&Loaded::of(schema, rows))?;
        }
        if let Some(disk) = &mut self.disk {
            disk.line = Some((why, row));
        }
        Ok(())
    }

    /// The next of the sessions that are lined up; all of them are in memory.
    fn next_in_line(&mut self, common: &Common) -> Result<Option<(Why, Vec<u32>)>, ColdError> {
        let Some((why, mut row)) = self.disk.as_mut().and_then(|disk| disk.line.take()) else {
            return Ok(None);
        };
        let Some(next) = row.next(BATCH_ROWS)? else { return Ok(None) };
        let keys = next.rows(&common.shape.key_fields()).map_err(ColdError::new)?;
        let columns: Vec<&Column> = keys.iter().map(AsRef::as_ref).collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, next.len(), &mut hashes);
        self.keyed(common, |keyed| keyed.bring(&columns, &hashes))?;
        let bounds: Vec<(i64, i64)> =
            next.ints(WINDOW_START).into_iter().zip(next.ints(WINDOW_END)).collect();
        let slots = self.find_sessions(common, &next, &bounds).map_err(ColdError::new)?;
        if let Some(disk) = &mut self.disk {
            disk.line = Some((why, row));
        }
        Ok(Some((why, slots.into_iter().flatten().collect())))
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

impl Keyed<'_> {
    /// What was given of the sessions of keys, which go to disk with them.
    fn given_of(&mut self, keys: &[u32]) -> Rows {
        let of = &mut *self.of;
        let slots: Vec<u32> = keys.iter().flat_map(|&key| of.of_key(key)).collect();
        let emptied = slots.iter().filter(|slot| of.noted.has_changed(**slot) && !of.given.has(**slot));
        let emptied: Vec<(u32, i64, i64)> = emptied
            .map(|&slot| (of.sessions[slot as usize].key, of.bounds_of(slot).0, of.bounds_of(slot).1))
            .collect();
        let (emptied, most) = (of.identities(&emptied), of.may_be_gone());
        of.noted.emptied(emptied, most);
        let given = of.given.rows_of(Some(&slots));
        let given: Vec<u32> =
            given.iter().flat_map(|(slot, rows)| std::iter::repeat_n(*slot, rows.len())).collect();
        Rows {
            slots: given.iter().map(|&slot| of.sessions[slot as usize].key).collect(),
            changed: given.iter().map(|&slot| of.noted.has_changed(slot)).collect(),
            rows: of.given_of(Some(&slots)).columns(self.common),
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

    fn rows_of(&mut self, table: usize, keys: &[u32]) -> Rows {
        if table > 0 {
            return self.given_of(keys);
        }
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

    fn take_in(&mut self, table: usize, rows: &Loaded, changed: &[bool]) -> Result<(), String> {
        if table > 0 {
            return self.of.load_given(self.common, rows);
        }
        let known = self.of.keys.len() as u32;
        let slots = self.of.add_saved(self.common, &Reborn::from_disk(rows, self.common.output.origin))?;
        self.of.came_back(&slots, changed);
        let keys = known..self.of.keys.len() as u32;
        let of = &self.of;
        self.turns.extend(keys.filter_map(|key| of.turn(key)).map(|(at, hash)| Turn::Goes(at, hash)));
        Ok(())
    }

    fn copied(&mut self, table: usize, rows: Columns) {
        self.of.noted.copied(table, rows);
    }

    fn keep(&mut self, keys: &[u32], _empty: &[u32]) {
        self.of.keep(keys);
    }

    fn bytes_in_memory(&self) -> usize {
        self.of.held_in_memory().bytes + self.of.disk.as_ref().map_or(0, |disk| disk.keys.bytes())
    }
}
