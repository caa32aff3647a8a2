//! What checkpoints hold of sessions: which changed since the last one, which it knows under bounds that are no more, and
//! what the one on its way has not copied yet.

use super::{Disk, Sessions};
use crate::operator::window::windows::Common;
use crate::snapshot::{Columns, Saving};
use crate::state::{Changes, room};
use flow_data::Batch;

#[derive(Default)]
pub(super) struct Noted {
    /// What has changed, and what the checkpoint on its way still has to copy.
    changes: Changes,
    /// What was copied of it of sessions that were about to change; and of what was given of those on disk.
    ahead: [Vec<Columns>; 2],
    /// The table that it is getting.
    table: usize,
    /// Sessions that changed and went to disk, and of which nothing is given any more.
    emptied: Vec<Batch>,
    /// By slot: the bounds under which checkpoints know the session.
    known: Vec<(i64, i64)>,
    /// The keys, and the bounds of sessions that are no more; then, as a checkpoint says it.
    gone: Vec<(u32, i64, i64)>,
    written: Vec<Batch>,
    gone_rows: usize,
    /// More went than is there: the next checkpoint holds everything.
    too_many: bool,
}

/// The bounds of a session that no checkpoint knows.
const UNKNOWN: (i64, i64) = (i64::MAX, i64::MIN);

/// Where so few sessions are, it does not matter how many of them went.
const FEW: usize = 1 << 12;

impl Noted {
    /// The bytes it has taken.
    pub(super) fn bytes(&self) -> usize {
        room(&self.known) + room(&self.gone) + self.changes.bytes()
    }

    /// A slot gets another session, of which the checkpoint on its way knows nothing.
    pub(super) fn open(&mut self, slot: u32) {
        self.changes.ahead(&[slot]);
    }

    /// Sessions change, of so many slots.
    pub(super) fn change(&mut self, slots: &[u32], all: usize) {
        self.changes.change(slots, all);
    }

    /// Has a session changed since the last barrier?
    pub(super) fn has_changed(&self, slot: u32) -> bool {
        self.changes.has(slot)
    }

    /// What a checkpoint still has to get of sessions that were on disk.
    pub(super) fn copied(&mut self, table: usize, sessions: Columns) {
        self.ahead[table].push(sessions);
    }

    /// Nothing is given any more of so many sessions, of which a checkpoint may say otherwise.
    pub(super) fn emptied(&mut self, sessions: Batch, most: usize) {
        if self.changes.notes() && sessions.len > 0 && !self.too_many {
            self.gone_rows += sessions.len;
            self.emptied.push(sessions);
            self.too_many = self.gone_rows > most.max(FEW);
        }
    }

    /// Keeps these slots, which ascend; they become slots `0..`. What is gone is written down.
    pub(super) fn retain(&mut self, slots: &[u32]) {
        self.changes.retain(slots);
        let known = |slot: &u32| self.known.get(*slot as usize).copied().unwrap_or(UNKNOWN);
        self.known = slots.iter().map(known).collect();
    }

    /// A session of this key gets other bounds, or goes; there are so many, or it may be said of so many.
    pub(super) fn leave(&mut self, slot: u32, key: u32, sessions: usize) {
        let Some(known) = self.known.get_mut(slot as usize).filter(|_| self.changes.notes()) else {
            return;
        };
        let (start, end) = std::mem::replace(known, UNKNOWN);
        if (start, end) == UNKNOWN || self.too_many {
            return;
        }
        self.gone.push((key, start, end));
        self.gone_rows += 1;
        if self.gone_rows > sessions.max(FEW) {
            self.too_many = true;
            (self.gone, self.written, self.gone_rows) = (Vec::new(), Vec::new(), 0);
        }
    }
}

impl Sessions {
    /// Is there a session in a slot?
    pub(super) fn is_open(&self, slot: u32) -> bool {
        self.sessions[slot as usize].key != super::NONE
    }

    /// Copies what a checkpoint still needs of the sessions of these keys, which are about to change.
    pub(super) fn copy_ahead_of_keys(&mut self, common: &Common) {
        if !self.noted.changes.is_marked() {
            return;
        }
        let mut slots = Vec::new();
        for &key in &self.key_slots {
            let mut slot = self.first[key as usize];
            while slot != super::NONE {
                slots.push(slot);
                slot = self.sessions[slot as usize].next;
            }
        }
        self.copy_ahead(common, &slots);
    }

    /// Copies what a checkpoint still needs of sessions, which are about to change.
    pub(super) fn copy_ahead(&mut self, common: &Common, slots: &[u32]) {
        let slots = self.noted.changes.ahead(slots);
        if !slots.is_empty() {
            let copy = self.copied(common, &slots);
            self.noted.ahead[0].push(copy);
        }
    }

    /// Sessions as a checkpoint has them, which knows them from now on.
    fn copied(&mut self, common: &Common, slots: &[u32]) -> Columns {
        self.noted.known.resize(self.sessions.len(), UNKNOWN);
        for &slot in slots {
            self.noted.known[slot as usize] = self.bounds_of(slot);
        }
        self.entries(common, slots)
    }

    /// Writes down which sessions are no more, before keys are called otherwise.
    pub(super) fn settle(&mut self) {
        if !self.noted.gone.is_empty() {
            let gone = std::mem::take(&mut self.noted.gone);
            self.noted.written.push(self.identities(&gone));
        }
    }

    /// A barrier: sessions are to be written down, or what changed.
    pub(super) fn mark(&mut self, common: &Common, out: &mut Saving) {
        self.settle();
        let (all, open) = (self.sessions.len(), self.open_sessions());
        let noted = &mut self.noted;
        let changed = noted.changes.count() + std::mem::take(&mut noted.gone_rows);
        let whole = out.whole() || std::mem::take(&mut noted.too_many) || 2 * changed > open.max(FEW);
        let whole = whole || !noted.changes.notes();
        let mut gone = std::mem::take(&mut noted.written);
        let emptied = std::mem::take(&mut noted.emptied);
        (noted.ahead, noted.table) = Default::default();
        // What is on disk may be given, too.
        let given = !self.given.is_empty() || self.disk.as_ref().is_some_and(Disk::has_given);
        let slots = if whole || !given { Vec::new() } else { noted.changes.slots() };
        noted.changes.mark(whole, all, common.tracks);
        self.disk.iter_mut().for_each(|disk| disk.mark(whole));
        let (home, keys, none) =
            (common.shape.home(), common.shape.keys.len() + 2, self.entries(common, &[]));
        out.begin_changes("sessions", home, keys, none, (!whole).then(|| gone.clone()));
        // What was given of a session goes with it, and is all of it written with each change.
        let slots: Vec<u32> = slots.into_iter().filter(|slot| self.is_open(*slot)).collect();
        let now: Vec<(u32, i64, i64)> = slots
            .iter()
            .map(|&slot| (self.sessions[slot as usize].key, self.bounds_of(slot).0, self.bounds_of(slot).1))
            .collect();
        if !now.is_empty() {
            gone.push(self.identities(&now));
        }
        gone.extend(emptied);
        self.save_given(common, out, (!whole).then_some((slots.as_slice(), gone)));
    }

    /// Writes down about so many of the sessions that were marked; gives whether there are more.
    pub(super) fn save_marked(
        &mut self,
        common: &Common,
        out: &mut Saving,
        entries: usize,
    ) -> Result<bool, String> {
        let table = self.noted.table;
        self.noted
            .ahead
            .get_mut(table)
            .into_iter()
            .flat_map(|ahead| ahead.drain(..))
            .for_each(|copy| out.more(copy));
        let mut next = if table == 0 { self.noted.changes.next(entries) } else { Vec::new() };
        if !next.is_empty() {
            next.retain(|slot| self.is_open(*slot));
            let copy = self.copied(common, &next);
            out.more(copy);
            return Ok(true);
        }
        let more = self.disk.as_mut().map(|disk| disk.next_marked(table, entries)).transpose()?.flatten();
        self.noted.table += usize::from(more.is_none());
        Ok(more.map(|copy| out.more(copy)).is_some())
    }

    /// Sessions are back from disk: some have changed since the last barrier.
    pub(super) fn came_back(&mut self, slots: &[u32], changed: &[bool]) {
        self.noted.known.resize(self.sessions.len(), UNKNOWN);
        for (&slot, changed) in slots.iter().zip(changed) {
            // Checkpoints may know it, under the bounds it has.
            self.noted.known[slot as usize] = self.bounds_of(slot);
            if *changed {
                self.changes(slot);
            }
        }
    }
}
