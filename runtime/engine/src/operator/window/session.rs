//! Sessions: rows of a key that are never further apart than the gap. A row may extend a session, begin
//! one, or join two to one; so rows take their turns, and sessions are known by key.
//!
//! A session has a slot of its own among the accumulators; slots of sessions that are over are used again,
//! and keys without sessions are forgotten, so that memory follows the sessions that are open.

use super::births::{Birth, Births};
use super::bounds::Bounds;
use super::divide::Moment;
use super::pane::results_with_bounds;
use super::windows::{Common, Windows, rest};
use crate::context::Context;
use crate::error::Halt;
use crate::number::at_end_of_time;
use crate::operator::Flush;
use crate::state::{Calls, Held, KeyTable, Refused, room};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column};
use std::collections::BTreeMap;

/// No session.
const NONE: u32 = u32::MAX;
/// Keys that may be without sessions before they are forgotten.
const IDLE_KEYS: usize = 1024;

#[derive(Clone, Copy)]
struct Session {
    start: i64,
    /// The last row's time and the gap.
    end: i64,
    key: u32,
    /// The key's next session.
    next: u32,
    /// The bucket that holds it; `i64::MIN`: none, the slot is free.
    bucket: i64,
}

pub(crate) struct Sessions {
    gap: i64,
    /// How long the time of a bucket is.
    step: i64,
    keys: KeyTable,
    /// Of every key, its first session.
    first: Vec<u32>,
    /// Of every slot.
    sessions: Vec<Session>,
    free: Vec<u32>,
    calls: Calls,
    births: Births,
    /// When to look at sessions, by time: a session is in the bucket of an end that it had.
    buckets: BTreeMap<i64, Vec<u32>>,
    /// Rows whose slots are known and which are not added yet.
    waiting: Waiting,
    hashes: Vec<u64>,
    key_slots: Vec<u32>,
    /// What the end of the input gives piece by piece.
    flushing: Option<std::vec::IntoIter<u32>>,
}

#[derive(Default)]
struct Waiting {
    rows: Vec<u32>,
    slots: Vec<u32>,
    /// The watermarks that the rows meet.
    met: Vec<i64>,
    /// What sessions were before: to undo it.
    before: Vec<(u32, Option<Session>)>,
}

impl Sessions {
    pub(crate) fn new(gap: i64, common: &Common) -> Sessions {
        let fields = &common.shape.input.fields;
        Sessions {
            gap,
            step: (gap / 32).max(1),
            keys: KeyTable::new(common.shape.keys.iter().map(|&key| &fields[key].ty)),
            first: Vec::new(),
            sessions: Vec::new(),
            free: Vec::new(),
            calls: Calls::new(&common.shape),
            births: Births::new(common.output.rank),
            buckets: BTreeMap::new(),
            waiting: Waiting::default(),
            hashes: Vec::new(),
            key_slots: Vec::new(),
            flushing: None,
        }
    }

    /// Looks up the keys of all rows.
    fn find_keys(&mut self, common: &Common, batch: &Batch) {
        let columns: Vec<&Column> =
            common.shape.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        hash_columns(&columns, batch.len, &mut self.hashes);
        self.keys.slots(&columns, &self.hashes, &mut self.key_slots);
        self.first.resize(self.keys.len(), NONE);
    }

    /// The key's sessions that a row alone would touch and that are not over for it, least start first.
    fn touched(&self, key: u32, alone: Bounds, met: i64, out: &mut Vec<u32>) {
        out.clear();
        let mut slot = self.first[key as usize];
        while slot != NONE {
            let session = &self.sessions[slot as usize];
            if session.end >= met && alone.start <= session.end && session.start <= alone.end {
                out.push(slot);
            }
            slot = session.next;
        }
        out.sort_by_key(|&slot| self.sessions[slot as usize].start);
    }

    /// A new session in a slot that is free.
    fn open(&mut self, key: u32, alone: Bounds, birth: &Birth) -> u32 {
        let slot = self.free.pop().unwrap_or(self.sessions.len() as u32);
        let next = self.first[key as usize];
        let session = Session { start: alone.start, end: alone.end, key, next, bucket: i64::MIN };
        if slot as usize == self.sessions.len() {
            self.sessions.push(session);
            self.calls.grow(self.sessions.len());
            self.births.push(birth);
        } else {
            self.sessions[slot as usize] = session;
            self.births.set(slot as usize, birth);
        }
        self.first[key as usize] = slot;
        self.watch(slot);
        slot
    }

    /// Puts a session into the bucket of its end.
    fn watch(&mut self, slot: u32) {
        let session = &mut self.sessions[slot as usize];
        session.bucket = session.end.div_euclid(self.step);
        self.buckets.entry(session.bucket).or_default().push(slot);
    }

    /// Takes a session from its key, and frees its slot.
    fn close(&mut self, slot: u32) {
        let Session { key, next, .. } = self.sessions[slot as usize];
        let mut at = self.first[key as usize];
        if at == slot {
            self.first[key as usize] = next;
        } else {
            while self.sessions[at as usize].next != slot {
                at = self.sessions[at as usize].next;
            }
            self.sessions[at as usize].next = next;
        }
        self.sessions[slot as usize].bucket = i64::MIN;
        self.calls.reset(slot as usize);
        self.free.push(slot);
    }

    /// Adds the rows that wait; those that are refused change nothing.
    fn apply(&mut self, common: &mut Common, cx: &mut Context<'_>, batch: &Batch) -> Result<(), Halt> {
        if self.waiting.rows.is_empty() {
            return Ok(());
        }
        let Waiting { rows, slots, before, met } = std::mem::take(&mut self.waiting);
        let part = if rows.len() == batch.len { batch.clone() } else { batch.gather(&rows) };
        if self.calls.apply(&common.shape, &slots, &part) {
            return Ok(());
        }
        for (slot, session) in before.into_iter().rev() {
            match session {
                Some(session) => {
                    let Session { next, bucket, .. } = self.sessions[slot as usize];
                    self.sessions[slot as usize] = Session { next, bucket, ..session };
                }
                None => self.close(slot),
            }
        }
        for (row, met) in rows.into_iter().zip(met) {
            self.take_alone(common, cx, batch, row as usize, met)?;
        }
        Ok(())
    }

    /// Takes one row by itself: it may join sessions, and aggregates may refuse it.
    fn take_alone(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        batch: &Batch,
        row: usize,
        met: i64,
    ) -> Result<(), Halt> {
        let time = common.times(batch)[row];
        let alone = Bounds { start: time, end: time.saturating_add(self.gap) };
        let key = self.key_slots[row];
        let mut touched = Vec::new();
        self.touched(key, alone, met, &mut touched);
        let one = batch.gather(&[row as u32]);
        let birth = common.birth(cx.number, batch, row);
        let made = touched.is_empty();
        let slot = match touched.first() {
            Some(&slot) => slot,
            None => self.open(key, alone, &birth),
        };
        let later = touched.get(1..).unwrap_or_default();
        if let Err((fault, place)) = self.calls.join(&common.shape, slot, later, &one) {
            if made {
                self.close(slot);
            }
            let refused = Refused { batch: batch.clone(), rows: vec![(row, fault, place)] };
            return common.refuse(cx, refused);
        }
        let mut bounds = alone;
        for &of in &touched {
            let session = self.sessions[of as usize];
            bounds.start = bounds.start.min(session.start);
            bounds.end = bounds.end.max(session.end);
            if self.births.place(of as usize) < self.births.place(slot as usize) {
                self.births.set(slot as usize, &self.births.get(of as usize));
            }
        }
        let session = &mut self.sessions[slot as usize];
        (session.start, session.end) = (bounds.start, bounds.end);
        later.iter().for_each(|&of| self.close(of));
        Ok(())
    }

    /// The sessions whose end has passed (`None`: all), in the order of their results; they are not watched
    /// any more.
    fn due(&mut self, now: Option<i64>) -> Vec<u32> {
        let mut due = Vec::new();
        let mut again = Vec::new();
        while let Some(first) = self.buckets.first_entry()
            && now.is_none_or(|now| first.key().saturating_mul(self.step) < now)
        {
            let (bucket, slots) = first.remove_entry();
            for slot in slots {
                let session = &mut self.sessions[slot as usize];
                if session.bucket != bucket {
                    continue;
                }
                if now.is_none_or(|now| session.end < now) {
                    session.bucket = i64::MIN;
                    due.push(slot);
                } else {
                    session.bucket = i64::MIN;
                    again.push(slot);
                }
            }
        }
        again.into_iter().for_each(|slot| self.watch(slot));
        due.sort_unstable_by_key(|&slot| {
            (self.sessions[slot as usize].end, self.births.place(slot as usize))
        });
        due
    }

    /// The results of these sessions.
    fn results(&self, common: &Common, slots: &[u32]) -> Batch {
        let session = |slot: &u32| self.sessions[*slot as usize];
        let keys: Vec<u32> = slots.iter().map(|slot| session(slot).key).collect();
        let starts = slots.iter().map(|slot| session(slot).start).collect();
        let ends: Vec<i64> = slots.iter().map(|slot| session(slot).end).collect();
        let results = self.calls.results(slots).collect();
        let mut batch =
            results_with_bounds(self.keys.gather(&keys), starts, ends.clone(), results, &common.output);
        self.births.rank_each(slots, &ends, &mut batch);
        batch
    }

    /// Gives sessions and frees them.
    fn give_all(&mut self, common: &Common, cx: &mut Context<'_>, slots: &[u32]) {
        for slots in slots.chunks(BATCH_ROWS) {
            cx.emit(self.results(common, slots));
            slots.iter().for_each(|&slot| self.close(slot));
        }
    }

    /// Forgets keys that have no session.
    fn compact(&mut self) {
        let open = self.sessions.len() - self.free.len();
        if self.keys.len() <= 2 * open + IDLE_KEYS {
            return;
        }
        let kept: Vec<u32> =
            (0..self.first.len() as u32).filter(|&key| self.first[key as usize] != NONE).collect();
        self.keys.retain(&kept);
        self.first = kept.iter().map(|&key| self.first[key as usize]).collect();
        for (key, &first) in self.first.iter().enumerate() {
            let mut slot = first;
            while slot != NONE {
                let session = &mut self.sessions[slot as usize];
                session.key = key as u32;
                slot = session.next;
            }
        }
    }
}

impl Windows for Sessions {
    fn take(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        batch: Batch,
        moment: Moment,
    ) -> Result<Option<Batch>, Halt> {
        self.find_keys(common, &batch);
        let (times, own) = (common.times(&batch), common.watermarks(&batch));
        let (mut late, mut touched, mut left) = (Vec::new(), Vec::new(), None);
        for (row, (&time, &own)) in times.iter().zip(own.iter()).enumerate() {
            if moment.behind.is_none() && time < moment.latest(own) {
                // A session that it touches, or its own, may be over for it.
                left = Some(row);
                break;
            }
            let met = moment.latest(own);
            let alone = Bounds { start: time, end: time.saturating_add(self.gap) };
            let key = self.key_slots[row];
            self.touched(key, alone, met, &mut touched);
            match *touched.as_slice() {
                [] if alone.end < met => late.push(row as u32),
                [] => {
                    let birth = common.birth(cx.number, &batch, row);
                    let slot = self.open(key, alone, &birth);
                    self.waiting.add(row, slot, met, None);
                }
                [slot] => {
                    let session = &mut self.sessions[slot as usize];
                    self.waiting.add(row, slot, met, Some(*session));
                    session.start = session.start.min(alone.start);
                    session.end = session.end.max(alone.end);
                }
                _ => {
                    self.apply(common, cx, &batch)?;
                    self.take_alone(common, cx, &batch, row, met)?;
                }
            }
        }
        self.apply(common, cx, &batch)?;
        common.set_behind(cx.number, &batch, &late);
        common.rows += batch.len as u64;
        Ok(left.map(|from| rest(&batch, from)))
    }

    fn give(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        moment: Moment,
        _rest: Vec<Batch>,
    ) -> Result<(), Halt> {
        let due = self.due(Some(moment.latest(i64::MAX)));
        if !due.is_empty() {
            self.give_all(common, cx, &due);
            self.compact();
        }
        Ok(())
    }

    fn held(&self) -> Held {
        let tables = room(&self.first) + room(&self.sessions) + room(&self.free);
        let bytes = tables + self.keys.bytes() + self.calls.bytes() + self.births.bytes();
        Held { keys: self.sessions.len() - self.free.len(), bytes }
    }

    fn next_end(&mut self) -> Option<i64> {
        let (first, _) = self.buckets.first_key_value()?;
        Some(first.saturating_add(1).saturating_mul(self.step))
    }

    fn flush(&mut self, common: &mut Common, cx: &mut Context<'_>, level: u32) -> Result<Flush, Halt> {
        let mut due = match self.flushing.take() {
            Some(due) => due,
            None => self.due(None).into_iter(),
        };
        let number =
            |sessions: &Sessions, slot: u32| at_end_of_time(level, sessions.sessions[slot as usize].end);
        let Some(&first) = due.as_slice().first() else { return Ok(Flush::Done) };
        cx.number = number(self, first);
        let same = due.as_slice().iter().take(BATCH_ROWS);
        let count = same.take_while(|&&slot| number(self, slot) == cx.number).count();
        let piece: Vec<u32> = due.by_ref().take(count).collect();
        cx.emit(self.results(common, &piece));
        let next = due.as_slice().first().map(|&slot| number(self, slot));
        self.flushing = Some(due);
        Ok(next.map_or(Flush::Done, Flush::More))
    }
}

impl Waiting {
    fn add(&mut self, row: usize, slot: u32, met: i64, before: Option<Session>) {
        self.rows.push(row as u32);
        self.met.push(met);
        self.slots.push(slot);
        self.before.push((slot, before));
    }
}
