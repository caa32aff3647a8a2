//! Sessions: rows of a key that are never further apart than the gap. A row may extend a session, begin
//! one, or join two to one; so rows take their turns, and sessions are known by key.
//!
//! A session has a slot of its own among the accumulators; slots of sessions that are over are used again,
//! and keys without sessions are forgotten, so that memory follows the sessions that are open.

use super::births::{Birth, Births};
use super::bounds::Bounds;
use super::divide::Moment;
use super::given::{Given, Rank, Replaced, Results};
use super::kept::State;
use super::windows::{Common, Windows, rest};
use crate::context::Context;
use crate::error::Halt;
use crate::number::{Number, at_end_of_time};
use crate::operator::{Flush, on_disk};
use crate::ranks::{Phase, of_row};
use crate::snapshot::{Loading, Saving};
use crate::state::{Calls, ColdError, Held, KeyTable, Refused, room};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column};
use flow_plan::operator::LateTrigger;
use flow_plan::physical::hidden::{END_OF_TIME, NO_WATERMARK};
use noted::Noted;
use spilling::{Disk, Why};
use std::collections::BTreeMap;

mod keep;
mod noted;
mod save;
mod spilling;

/// No session.
const NONE: u32 = u32::MAX;
/// Keys that may be without sessions before they are forgotten.
const IDLE_KEYS: usize = 1024;

#[derive(Clone, Copy)]
struct Session {
    start: i64,
    /// The last row's time and the gap.
    end: i64,
    /// [`NONE`]: the slot is free.
    key: u32,
    /// The key's next session.
    next: u32,
    /// The bucket that holds it; `i64::MIN`: none.
    bucket: i64,
    state: State,
}

/// How long sessions are kept, and what is given of them beside their result.
pub(crate) struct Keeping {
    pub(crate) lateness: i64,
    pub(crate) late: Option<LateTrigger>,
    pub(crate) discarding: bool,
}

pub(crate) struct Sessions {
    gap: i64,
    keeping: Keeping,
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
    given: Given,
    /// Results of sessions that were due before a row extended them, and those that are given for rows behind.
    made: Vec<Replaced>,
    /// Sessions that were given for a row behind in this number, and for which: what follows of them comes later.
    again: BTreeMap<u32, Again>,
    /// Time passes up to here: what is due is being given.
    giving: Option<i64>,
    /// What the end of the input gives piece by piece.
    flushing: Option<Flushing>,
    /// Keys that memory has no room for, if they may be on disk.
    disk: Option<Disk>,
    /// What checkpoints know.
    noted: Noted,
}

/// Sessions in the order of their results; and the end behind which more of them may be on disk.
type Flushing = (std::vec::IntoIter<u32>, Option<i64>);

/// For which row behind a session was given.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Again {
    met: i64,
    place: u64,
    own: Vec<i64>,
}

impl Again {
    fn rank(&self, number: Number) -> Rank {
        Rank::Row { met: self.met, place: self.place, number, own: self.own.clone() }
    }
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

/// When a session that ends there is to be given: it takes rows at its end, too. At the end of time all are due.
fn due(end: i64) -> i64 {
    end.saturating_add(1)
}

/// Is a row that meets this watermark in time for every session of its time?
fn is_in_time(time: i64, met: i64) -> bool {
    time >= met && met < END_OF_TIME
}

impl Sessions {
    pub(crate) fn new(gap: i64, keeping: Keeping, common: &Common) -> Sessions {
        let fields = &common.shape.input.fields;
        Sessions {
            gap,
            keeping,
            step: (gap / 32).max(1),
            keys: KeyTable::new(common.shape.keys.iter().map(|&key| &fields[key].ty)),
            first: Vec::new(),
            sessions: Vec::new(),
            free: Vec::new(),
            calls: Calls::new(&common.shape),
            births: Births::new(common.output.origin),
            buckets: BTreeMap::new(),
            waiting: Waiting::default(),
            hashes: Vec::new(),
            key_slots: Vec::new(),
            given: Given::default(),
            made: Vec::new(),
            again: BTreeMap::new(),
            giving: None,
            flushing: None,
            disk: None,
            noted: Noted::default(),
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
            if self.over(session.end) > met && alone.start <= session.end && session.start <= alone.end {
                out.push(slot);
            }
            slot = session.next;
        }
        out.sort_by_key(|&slot| self.sessions[slot as usize].start);
    }

    /// Is a row in one of these sessions that could be withdrawn, as far as is known?
    fn holds(&self, slots: &[u32], batch: &Batch, row: usize) -> bool {
        slots.iter().any(|of| self.calls.holds(*of, batch, row))
    }

    /// When no row can reach a session any more that ends there.
    fn over(&self, end: i64) -> i64 {
        due(end).saturating_add(self.keeping.lateness)
    }

    /// A new session in a slot that is free.
    fn open(&mut self, key: u32, alone: Bounds, birth: &Birth) -> u32 {
        let slot = self.free.pop().unwrap_or(self.sessions.len() as u32);
        let next = self.first[key as usize];
        let session =
            Session { start: alone.start, end: alone.end, key, next, bucket: i64::MIN, state: State::NEW };
        if slot as usize == self.sessions.len() {
            self.sessions.push(session);
            self.calls.grow(self.sessions.len());
            self.births.push(birth);
        } else {
            self.sessions[slot as usize] = session;
            self.births.set(slot as usize, birth);
        }
        self.first[key as usize] = slot;
        self.noted.open(slot);
        self.changes(slot);
        self.watch(slot);
        slot
    }

    /// A session changes.
    fn changes(&mut self, slot: u32) {
        self.noted.change(&[slot], self.sessions.len());
    }

    /// A session gets these bounds.
    fn set_bounds(&mut self, slot: u32, bounds: Bounds) {
        self.changes(slot);
        let open = self.may_be_gone();
        let session = &mut self.sessions[slot as usize];
        if (session.start, session.end) != (bounds.start, bounds.end) {
            (session.start, session.end) = (bounds.start, bounds.end);
            self.noted.leave(slot, session.key, open);
        }
    }

    /// Puts a session into the bucket of the time when something becomes of it.
    fn watch(&mut self, slot: u32) {
        let at = self.at(slot).div_euclid(self.step);
        let session = &mut self.sessions[slot as usize];
        if session.bucket != at {
            session.bucket = at;
            self.buckets.entry(at).or_default().push(slot);
        }
    }

    /// When a session is to be given, or, if it is, when no row can reach it any more.
    fn at(&self, slot: u32) -> i64 {
        let session = &self.sessions[slot as usize];
        match session.state.done {
            true => self.over(session.end),
            false => due(session.end),
        }
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
        self.noted.leave(slot, key, self.may_be_gone());
        let session = &mut self.sessions[slot as usize];
        (session.key, session.bucket) = (NONE, i64::MIN);
        self.calls.reset(slot as usize);
        self.given.forget(slot);
        self.again.remove(&slot);
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
            let late = self.take_alone(common, cx, batch, row as usize, met)?;
            debug_assert!(!late, "rows that wait are in time");
        }
        Ok(())
    }

    /// Takes one row by itself: it may join sessions, change what was given, or be refused. Gives whether it
    /// is late.
    fn take_alone(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        batch: &Batch,
        row: usize,
        met: i64,
    ) -> Result<bool, Halt> {
        let time = common.times(batch)[row];
        let alone = Bounds { start: time, end: time.saturating_add(self.gap) };
        let key = self.key_slots[row];
        let mut touched = Vec::new();
        self.touched(key, alone, met, &mut touched);
        let bounds = self.union(alone, &touched);
        if self.over(bounds.end) <= met {
            return Ok(true);
        }
        for &of in &touched {
            // What is due for this row is given as it was before it.
            let Session { end, state, .. } = self.sessions[of as usize];
            if !state.done && due(end) <= met {
                let rank = self.later(of, cx.number).unwrap_or(Rank::Session { before: true });
                let given = self.result(common, cx, &[of], (NO_WATERMARK, &rank))?;
                self.made.push(given);
            }
        }
        let was_given = touched.iter().any(|of| self.sessions[*of as usize].state.done);
        let one = batch.gather(&[row as u32]);
        let mut change = common.change(batch, row);
        if change.is_some_and(|change| change < 0) && !self.holds(&touched, &one, 0) {
            // What is not there cannot be withdrawn.
            change = Some(0);
        }
        let rows = touched.iter().map(|of| self.sessions[*of as usize].state.rows).sum();
        let slot = match touched.first() {
            Some(&slot) => slot,
            None => self.open(key, alone, &common.birth(cx.number, batch, row)),
        };
        let later = touched.get(1..).unwrap_or_default();
        if let Err((fault, place)) = self.calls.join(&common.shape, slot, later, &one) {
            if touched.is_empty() {
                self.close(slot);
            }
            let refused = Refused { batch: batch.clone(), rows: vec![(row, fault, place)] };
            return common.refuse(cx, refused).map(|()| false);
        }
        for &of in later {
            if self.births.follows(slot as usize, &self.births, of as usize) {
                self.births.set(slot as usize, &self.births.get(of as usize));
            }
            self.given.join(slot, of);
            if let Some(again) = self.again.remove(&of) {
                let known = self.again.entry(slot).or_insert_with(|| again.clone());
                *known = again.max(known.clone());
            }
            self.close(of);
        }
        let behind = due(bounds.end) <= met;
        self.set_bounds(slot, bounds);
        self.sessions[slot as usize].state =
            State { done: behind && was_given, ..State::behind(rows, change) };
        if behind && (!was_given || self.keeping.late == Some(LateTrigger::EachRow)) {
            let own = match common.output.origin.rank {
                0 => Vec::new(),
                _ => of_row(batch, common.shape.input.fields.len(), row),
            };
            let again = Again { met, place: common.rows + row as u64, own };
            let known = self.again.entry(slot).or_insert_with(|| again.clone());
            *known = again.max(known.clone());
            let rank = known.rank(cx.number);
            let given = self.result(common, cx, &[slot], (met, &rank))?;
            self.made.push(given);
        }
        self.watch(slot);
        Ok(false)
    }

    /// The rank of a session's result that has to follow one which was given for a row behind.
    fn later(&self, slot: u32, number: Number) -> Option<Rank> {
        let again = self.again.get(&slot)?;
        let is_later = again.met >= due(self.sessions[slot as usize].end);
        is_later.then(|| again.rank(number))
    }

    /// The session that a row makes with those that it touches.
    fn union(&self, alone: Bounds, touched: &[u32]) -> Bounds {
        let sessions = touched.iter().map(|of| self.sessions[*of as usize]);
        sessions.fold(alone, |all, session| Bounds {
            start: all.start.min(session.start),
            end: all.end.max(session.end),
        })
    }

    /// Gives the results of sessions: they are done, unless it is early.
    fn result(
        &mut self,
        common: &Common,
        cx: &mut Context<'_>,
        slots: &[u32],
        (watermark, rank): (i64, &Rank),
    ) -> Result<Replaced, Halt> {
        let early = matches!(rank, Rank::Due(Phase::Early));
        let given = slots.to_vec();
        let is_empty = |row: &u32| !self.sessions[slots[*row as usize] as usize].state.filled;
        let mut refused: Vec<u32> = (0..slots.len() as u32).filter(is_empty).collect();
        let sessions: Vec<Session> = given.iter().map(|slot| self.sessions[*slot as usize]).collect();
        let keys: Vec<u32> = sessions.iter().map(|session| session.key).collect();
        let keys = self.keys.gather(&keys);
        let mut faults = self.calls.faults(&common.shape, &given);
        faults.iter_mut().for_each(|(slot, ..)| {
            *slot = given.iter().position(|of| of == slot).unwrap_or_default() as u32;
        });
        faults.retain(|(row, ..)| !refused.contains(row));
        let bounds: Vec<Bounds> =
            sessions.iter().map(|session| Bounds { start: session.start, end: session.end }).collect();
        refused.extend(common.refuse_groups(cx, &keys, &bounds, faults)?);
        let made = Results {
            keys,
            starts: sessions.iter().map(|session| session.start).collect(),
            ends: sessions.iter().map(|session| session.end).collect(),
            results: self.calls.results(&given),
            watermark,
            refused,
            births: given.iter().map(|slot| self.births.get(*slot as usize)).collect(),
            rank,
            slots: given,
        };
        for &slot in slots {
            self.changes(slot);
            let state = &mut self.sessions[slot as usize].state;
            let filled = state.filled && !self.keeping.discarding;
            let rows = if self.keeping.discarding { 0 } else { state.rows };
            *state = State { done: state.done || !early, changed: false, filled, rows, ..*state };
            if self.keeping.discarding {
                self.calls.reset(slot as usize);
            }
        }
        Ok(self.given.replace(common, made))
    }

    /// The sessions whose end has passed (`None`: all), in the order of their results; they are not watched
    /// any more.
    fn due(&mut self, now: Option<i64>) -> Vec<u32> {
        let mut due = Vec::new();
        let mut again = Vec::new();
        while let Some(first) = self.buckets.first_entry()
            && now.is_none_or(|now| first.key().saturating_mul(self.step) <= now)
        {
            let (bucket, slots) = first.remove_entry();
            for slot in slots {
                let session = &mut self.sessions[slot as usize];
                if session.bucket != bucket {
                    continue;
                }
                session.bucket = i64::MIN;
                match now.is_none_or(|now| self.at(slot) <= now) {
                    true => due.push(slot),
                    false => again.push(slot),
                }
            }
        }
        again.into_iter().for_each(|slot| self.watch(slot));
        self.sort(&mut due);
        due
    }

    /// Forgets keys that have no session.
    fn compact(&mut self) {
        let open = self.open_sessions();
        if self.keys.len() <= 2 * open + IDLE_KEYS {
            return;
        }
        let kept: Vec<u32> =
            (0..self.first.len() as u32).filter(|&key| self.first[key as usize] != NONE).collect();
        self.settle();
        self.keys.retain(&kept);
        self.disk.iter_mut().for_each(|disk| disk.keep(&kept));
        self.key_slots.clear();
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

impl Sessions {
    /// How many sessions there are in memory.
    fn open_sessions(&self) -> usize {
        self.sessions.len() - self.free.len()
    }

    /// Of so many sessions it may be said that they are no more.
    fn may_be_gone(&self) -> usize {
        self.open_sessions() + self.disk.as_ref().map_or(0, Disk::most_gone)
    }

    fn held_in_memory(&self) -> Held {
        let tables = room(&self.first) + room(&self.sessions) + room(&self.free);
        let calls = self.calls.bytes() + self.given.bytes();
        let bytes = tables + self.keys.bytes() + calls + self.births.bytes() + self.noted.bytes();
        Held { keys: self.open_sessions(), bytes }
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
        self.bring_keys(common, &batch).map_err(|error| on_disk(cx, &error))?;
        self.find_keys(common, &batch);
        self.copy_ahead_of_keys(common);
        let (times, own) = (common.times(&batch), common.watermarks(&batch));
        let (mut late, mut touched, mut left) = (Vec::new(), Vec::new(), None);
        for (row, (&time, &own)) in times.iter().zip(own.iter()).enumerate() {
            let met = moment.latest(own);
            let in_time = is_in_time(time, met);
            if moment.behind.is_none() && !in_time {
                // A session that it touches, or its own, may be over for it.
                left = Some(row);
                break;
            }
            let alone = Bounds { start: time, end: time.saturating_add(self.gap) };
            let key = self.key_slots[row];
            self.touched(key, alone, met, &mut touched);
            let withdrawn = common.is_processing_time() && common.change(&batch, row) == Some(-1);
            match *touched.as_slice() {
                // By the clock on the wall, its session may be over: then it is nothing to the others.
                _ if withdrawn => {
                    self.apply(common, cx, &batch)?;
                    if self.holds(&touched, &batch, row) {
                        self.take_alone(common, cx, &batch, row, met)?;
                    }
                }
                [] if in_time => {
                    let birth = common.birth(cx.number, &batch, row);
                    let slot = self.open(key, alone, &birth);
                    let change = common.change(&batch, row);
                    self.sessions[slot as usize].state = State::behind(0, change);
                    self.waiting.add(row, slot, met, None);
                }
                [slot] if in_time && !self.sessions[slot as usize].state.done => {
                    self.waiting.add(row, slot, met, Some(self.sessions[slot as usize]));
                    self.set_bounds(slot, self.union(alone, &[slot]));
                    let state = &mut self.sessions[slot as usize].state;
                    *state = State::behind(state.rows, common.change(&batch, row));
                }
                _ => {
                    self.apply(common, cx, &batch)?;
                    if self.take_alone(common, cx, &batch, row, met)? {
                        late.push(row as u32);
                    }
                }
            }
        }
        self.apply(common, cx, &batch)?;
        self.relieve(common).map_err(|error| on_disk(cx, &error))?;
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
        self.giving = Some(moment.latest(i64::MAX));
        match self.disk {
            Some(_) => Ok(()),
            None => self.give_more(common, cx).map(drop),
        }
    }

    /// Gives what is due and in memory, with what is brought back of what is due on disk.
    fn give_more(&mut self, common: &mut Common, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let Some(now) = self.giving else { return self.give_line(common, cx) };
        let until = self.bring_due(common, now).map_err(|error| on_disk(cx, &error))?;
        let due = self.due(Some(until.unwrap_or(now)));
        self.copy_ahead(common, &due);
        let (over, due): (Vec<u32>, Vec<u32>) =
            due.into_iter().partition(|slot| self.sessions[*slot as usize].state.done);
        self.give_due(common, cx, (&due, &over), until)?;
        self.free_over(over, due, until.unwrap_or(now));
        self.compact();
        if until.is_none() {
            self.giving = None;
            self.again.clear();
        }
        self.relieve(common).map_err(|error| on_disk(cx, &error))?;
        Ok(self.giving.is_some() || self.has_line())
    }

    fn tick(&mut self, common: &mut Common, cx: &mut Context<'_>, early: bool) -> Result<(), Halt> {
        if let Some(disk) = &mut self.disk {
            disk.tick(early);
            return Ok(());
        }
        self.give_changed(common, cx, early)
    }

    fn save(&mut self, common: &Common, out: &mut Saving) {
        self.mark(common, out);
    }

    fn save_more(&mut self, common: &Common, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.save_marked(common, out, entries)
    }

    fn load(&mut self, common: &mut Common, from: &mut Loading, _now: i64) -> Result<(), String> {
        self.load_all(common, from)
    }

    fn held(&self) -> Held {
        self.disk.iter().fold(self.held_in_memory(), |all, disk| all + disk.held())
    }

    fn next_end(&mut self) -> Result<Option<i64>, ColdError> {
        let on_disk = self.disk.as_ref().map_or(Ok(None), Disk::first)?;
        let on_disk = on_disk.map(|at| at.div_euclid(self.step));
        let first = self.buckets.keys().next().copied().into_iter().chain(on_disk).min();
        Ok(first.map(|first| first.saturating_add(1).saturating_mul(self.step)))
    }

    fn flush(&mut self, common: &mut Common, cx: &mut Context<'_>, level: u32) -> Result<Flush, Halt> {
        let (mut due, until) = match self.flushing.take() {
            Some(flushing) => flushing,
            None => self.rest(common).map_err(|error| on_disk(cx, &error))?,
        };
        let number =
            |sessions: &Sessions, slot: u32| at_end_of_time(level, sessions.sessions[slot as usize].end);
        let Some(&first) = due.as_slice().first() else { return Ok(Flush::Done) };
        cx.number = number(self, first);
        let same = due.as_slice().iter().take(BATCH_ROWS);
        let count = same.take_while(|&&slot| number(self, slot) == cx.number).count();
        let piece: Vec<u32> = due.by_ref().take(count).collect();
        // The last checkpoint may still be on its way.
        self.copy_ahead(common, &piece);
        self.give(common, cx, &piece, Why::Flush)?;
        if self.disk.is_some() {
            piece.into_iter().for_each(|slot| self.close(slot));
        }
        let next = due.as_slice().first().map(|&slot| number(self, slot));
        let behind = until.map(|until| at_end_of_time(level, until));
        self.flushing = Some((due, until)).filter(|_| next.is_some() || until.is_none());
        Ok(next.or(behind).map_or(Flush::Done, Flush::More))
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
