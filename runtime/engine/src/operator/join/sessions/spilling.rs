//! Sessions of joins of more keys than memory has room for: they go to disk with the rows of their key, in a table beside, and
//! come back in front of these.

use super::super::fire::Firing;
use super::super::lined::{Ends, Lined};
use super::super::stream::Core;
use super::{Ended, FIRST, LAST, Session, Sessions, table};
use crate::state::ColdError;
use flow_data::NO_ROW;

impl Sessions {
    /// Goes on with the left rows behind those that were given, if there are more.
    pub(super) fn go_on_with(&mut self, core: &mut Core, mut rest: Lined) -> Result<(), ColdError> {
        core.relieve(self)?;
        let Some(left) = core.next_lined(self, &mut rest)? else {
            return core.leave_ended(self);
        };
        let of = self.of_rows(core, &left);
        let firing = Firing::new(self.end, left);
        self.firing = Some(Ended { firing, of, rest: Err(rest) });
        Ok(())
    }

    /// The session of each left row; [`NO_ROW`] of those without a key.
    pub(super) fn of_rows(&self, core: &Core, rows: &[u32]) -> Vec<u32> {
        self.of_rows_of(core, 0, rows)
    }

    /// The same, of a side.
    pub(super) fn of_rows_of(&self, core: &Core, side: usize, rows: &[u32]) -> Vec<u32> {
        let kept = &core.kept[side];
        let holds = |id: &&u32, time: i64| {
            let session = self.all[**id as usize].as_ref();
            session.is_some_and(|session| session.first <= time && time <= session.last)
        };
        let of = |&row: &u32| {
            let sessions = kept.key(row).and_then(|slot| self.of_key.get(&slot)).into_iter().flatten();
            let time = kept.time(row);
            // Those of a key lie apart.
            sessions.clone().find(|id| holds(id, time)).copied().unwrap_or(NO_ROW)
        };
        rows.iter().map(of).collect()
    }

    /// The sessions in memory that are being given.
    fn ending(&self) -> impl Iterator<Item = (u32, &Session)> {
        let all = (0..).zip(&self.all).filter_map(|(id, session)| Some((id, session.as_ref()?)));
        all.filter(|(_, session)| self.end(session.last) == self.end)
    }

    /// Sessions that are in memory stand side by side.
    pub(super) fn compact(&mut self) {
        let mut moved = vec![NO_ROW; self.all.len()];
        let there = self.all.iter().enumerate().filter(|(_, session)| session.is_some());
        there.zip(0..).for_each(|((from, _), to)| moved[from] = to);
        self.all = std::mem::take(&mut self.all).into_iter().filter(Option::is_some).collect();
        self.free = Vec::new();
        self.of_key.values_mut().flatten().for_each(|id| *id = moved[*id as usize]);
        self.due.rows_move(&moved);
        self.changes.grown.iter_mut().for_each(|id| *id = moved[*id as usize]);
        self.changes.grown.retain(|id| *id != NO_ROW);
    }

    /// The sessions of keys go to disk.
    pub(super) fn put_away(&mut self, core: &mut Core, slots: &[u32]) -> Result<(), ColdError> {
        let (mut sessions, mut changed) = (Vec::new(), Vec::new());
        for slot in slots {
            for id in self.of_key.remove(slot).into_iter().flatten() {
                let Some(session) = self.all[id as usize].take() else { continue };
                self.free.push(id);
                sessions.push((session.slot, session.first, session.last));
                changed.push(session.noted);
            }
        }
        let hashes = core.table.hashes();
        let hashes: Vec<u64> = sessions.iter().map(|(slot, ..)| hashes[*slot as usize]).collect();
        let rows = table(core, sessions.into_iter());
        core.put_beside(&hashes, rows, &changed)
    }

    /// The sessions of keys with these hashes are back from disk.
    pub(super) fn bring_back(&mut self, core: &mut Core, hashes: &[u64]) -> Result<(), ColdError> {
        let Some((sessions, changed)) = core.take_beside(hashes)? else { return Ok(()) };
        let slots = core.load_keys(&sessions).map_err(ColdError::new)?;
        let bounds = sessions.ints(FIRST).into_iter().zip(sessions.ints(LAST));
        for ((slot, (first, last)), changed) in slots.into_iter().zip(bounds).zip(changed) {
            let mut session = Session { slot, first, last, ..Session::default() };
            let id = self.next_id();
            match changed {
                true => self.changes.grew(id, &mut session, self.all.len()),
                // If checkpoints know it, it is so.
                false => session.saved = Some((first, last)),
            }
            self.put_in(id, session);
        }
        Ok(())
    }
}

impl Ends for Sessions {
    fn turn(&self) -> i64 {
        self.end
    }

    fn has(&self, core: &Core, row: u32) -> bool {
        let of = self.of_rows(core, &[row])[0];
        let session = self.all.get(of as usize).and_then(Option::as_ref);
        session.is_some_and(|session| self.end(session.last) == self.end)
    }

    fn left(&self, core: &Core) -> Vec<u32> {
        let rows = self.ending().flat_map(|(_, session)| &session.rows[0]);
        rows.map(|(_, row)| *row).filter(|row| core.kept[0].is_there(*row)).collect()
    }

    fn leave(&mut self, core: &mut Core) {
        let ids = self.ending().map(|(id, _)| id).collect();
        self.close(core, ids);
    }
}
