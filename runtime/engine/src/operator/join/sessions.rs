//! Joins in sessions: rows of one key, of both sides, that follow each other closely. Sessions grow and are
//! merged by rows that come between them, so each has its own lists of rows.

mod spilling;

use super::due::Due;
use super::fire::Firing;
use super::kept::Notes;
use super::lined::Lined;
use super::moment::{Moment, met};
use super::spilled::or_halt;
use super::stream::{Bound, Core, ints};
use crate::context::Context;
use crate::counters::add;
use crate::error::Halt;
use crate::number::at_end_of_time;
use crate::operator::Flush;
use crate::snapshot::{Columns, Loading, Saving};
use crate::state::ColdError;
use flow_checkpoint::state::Home;
use flow_data::{Batch, NO_ROW};
use flow_plan::operator::JoinKind;
use std::collections::{BTreeMap, HashMap};

/// In a checkpoint: times of the first and the last row of a session.
const FIRST: &str = "·first";
const LAST: &str = "·last";

#[derive(Default)]
struct Session {
    slot: u32,
    /// Times of its first and its last row.
    first: i64,
    last: i64,
    /// The ids of rows, in whose order they came, and their numbers.
    rows: [Vec<(u64, u32)>; 2],
    /// The times under which the last checkpoint knows it, if it has these still.
    saved: Option<(i64, i64)>,
    /// Does it stand among those that came or grew since?
    noted: bool,
}

/// What became of sessions since the last checkpoint. A run's first one holds all there is: nothing is noted before.
#[derive(Default)]
struct Changes {
    /// Will somebody want to know, and is it noted?
    tracks: bool,
    notes: bool,
    /// Those that came or grew; some may be no more.
    grown: Vec<u32>,
    /// The keys and times of those that are no more; then, as a checkpoint says it.
    gone: Vec<(u32, i64, i64)>,
    written: Vec<Batch>,
}

impl Changes {
    /// A session came or has grown, one of so many.
    fn grew(&mut self, id: u32, session: &mut Session, all: usize) {
        if !self.notes {
            return;
        }
        self.went(session, all);
        session.saved = None;
        if !std::mem::replace(&mut session.noted, true) {
            self.grown.push(id);
        }
    }

    /// A session is no more, of so many, or no more under the times that the last checkpoint knows.
    fn went(&mut self, session: &Session, all: usize) {
        if let Some((first, last)) = session.saved.filter(|_| self.notes) {
            self.gone.push((session.slot, first, last));
            if self.gone.len() + self.written.iter().map(|keys| keys.len).sum::<usize>() > all.max(FEW) {
                // All there is becomes less than what is to be said.
                *self = Changes { tracks: self.tracks, ..Changes::default() };
            }
        }
    }

    /// Writes down what went, before keys are called otherwise.
    fn settle(&mut self, core: &Core) {
        if !self.gone.is_empty() {
            let gone = std::mem::take(&mut self.gone);
            self.written.push(table(core, gone.into_iter()).into_rows().1);
        }
    }
}

/// What a session takes in memory, about, with its place among those of its key.
const SESSION: usize = size_of::<Option<Session>>() + 8 * size_of::<(u64, u32)>() + 48;

/// Where so few sessions are, it does not matter how many of them went.
const FEW: usize = 1 << 12;

/// Sessions by their keys and times, as a checkpoint has them.
fn table(core: &Core, sessions: impl Iterator<Item = (u32, i64, i64)> + Clone) -> Columns {
    let slots: Vec<u32> = sessions.clone().map(|(slot, ..)| slot).collect();
    let mut columns = core.save_keys(&slots);
    columns.ints(FIRST, sessions.clone().map(|(_, first, _)| first));
    columns.ints(LAST, sessions.map(|(.., last)| last));
    columns
}

/// The sessions that are being given.
struct Ended {
    firing: Firing,
    /// Of each left row its session, or [`NO_ROW`]: rows without a key meet nobody.
    of: Vec<u32>,
    /// All of them, if they are in memory; else the left rows behind these.
    rest: Result<Vec<u32>, Lined>,
}

pub(crate) struct Sessions {
    kind: JoinKind,
    gap: i64,
    by_clock: bool,
    all: Vec<Option<Session>>,
    free: Vec<u32>,
    /// When those end that are being given.
    end: i64,
    /// The sessions of each key.
    of_key: HashMap<u32, Vec<u32>>,
    /// By last watermark; a session that has grown since stands there again.
    due: Due,
    firing: Option<Ended>,
    waiting: Option<(usize, Batch, Vec<u32>, Moment)>,
    changes: Changes,
}

impl Sessions {
    /// `tracks`: will somebody want to know what has changed since it was last saved?
    pub(crate) fn new(kind: JoinKind, gap: i64, by_clock: bool, tracks: bool) -> Sessions {
        Sessions {
            kind,
            gap,
            by_clock,
            all: Vec::new(),
            free: Vec::new(),
            end: i64::MIN,
            of_key: HashMap::new(),
            due: Due::default(),
            firing: None,
            waiting: None,
            changes: Changes { tracks, ..Changes::default() },
        }
    }

    /// The end of a session whose last row has this time.
    fn end(&self, last: i64) -> i64 {
        last.saturating_add(self.gap)
    }

    /// Is a session over whose last row has this time? It takes rows at its end, too; at the end of time all are over.
    fn is_over(&self, last: i64, watermark: i64) -> bool {
        self.end(last).saturating_add(1) <= watermark
    }

    /// The session a row extends or makes; `None` if the row is late. A row without a key is a session of
    /// its own.
    fn place(&mut self, slot: u32, time: i64, met: i64) -> Option<u32> {
        if slot == NO_ROW {
            return (!self.is_over(time, met)).then(|| self.open(slot, time, time));
        }
        let near = |id: &u32| {
            self.all[*id as usize].as_ref().is_some_and(|session| {
                time >= session.first.saturating_sub(self.gap)
                    && time <= self.end(session.last)
                    && !self.is_over(session.last, met)
            })
        };
        let joined: Vec<u32> =
            self.of_key.get(&slot).into_iter().flatten().copied().filter(|id| near(id)).collect();
        let Some((&id, others)) = joined.split_first() else {
            return if self.is_over(time, met) { None } else { Some(self.open(slot, time, time)) };
        };
        let mut merged = self.all[id as usize].take().unwrap_or_default();
        let before = (merged.first, merged.last);
        for &other in others {
            let Some(session) = self.all[other as usize].take() else { continue };
            self.free.push(other);
            self.changes.went(&session, self.all.len());
            merged.first = merged.first.min(session.first);
            merged.last = merged.last.max(session.last);
            for (rows, more) in merged.rows.iter_mut().zip(session.rows) {
                rows.extend(more);
                rows.sort_unstable();
            }
        }
        if !others.is_empty()
            && let Some(of_key) = self.of_key.get_mut(&slot)
        {
            of_key.retain(|id| !others.contains(id));
        }
        merged.first = merged.first.min(time);
        merged.last = merged.last.max(time);
        if merged.last != before.1 {
            self.due.push(self.end(merged.last), id);
        }
        if (merged.first, merged.last) != before {
            self.changes.grew(id, &mut merged, self.all.len());
        }
        self.all[id as usize] = Some(merged);
        Some(id)
    }

    fn open(&mut self, slot: u32, first: i64, last: i64) -> u32 {
        let mut session = Session { slot, first, last, ..Session::default() };
        let id = self.next_id();
        self.changes.grew(id, &mut session, self.all.len());
        self.put_in(id, session);
        id
    }

    fn next_id(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            self.all.len() as u32 - 1
        })
    }

    fn put_in(&mut self, id: u32, session: Session) {
        if session.slot != NO_ROW {
            self.of_key.entry(session.slot).or_default().push(id);
        }
        self.due.push(self.end(session.last), id);
        self.all[id as usize] = Some(session);
    }

    /// Takes out the first row of a session that is as this one, which is withdrawn.
    fn withdraw(&mut self, core: &mut Core, side: usize, session: u32, (batch, row): (&Batch, usize)) {
        let Some(session) = &mut self.all[session as usize] else { return };
        let rows = &mut session.rows[side];
        let alike = |kept: u32| core.kept[side].equals(kept, core.alike(side), batch, row);
        if let Some(at) = rows.iter().position(|&(_, kept)| alike(kept)) {
            let (_, gone) = rows.remove(at);
            core.remove(side, gone);
        }
    }

    /// Withdraws a row without a key: its session has nothing to give then.
    fn withdraw_keyless(core: &mut Core, time: i64, (batch, row): (&Batch, usize)) {
        let kept = &core.kept[0];
        let is = |number: u32| kept.time(number) == time && kept.equals(number, core.alike(0), batch, row);
        let mut next = kept.first(NO_ROW);
        while next != NO_ROW && !is(next) {
            next = kept.following(next);
        }
        if next != NO_ROW {
            core.unlink(0, next);
        }
    }

    /// The first time at which sessions end, if it is before this one.
    fn next_end(&mut self) -> Option<i64> {
        while let Some(end) = self.due.first() {
            let (_, id) = self.due.peek()?;
            let is = |session: &Session| session.last.saturating_add(self.gap) == end;
            if self.all[id as usize].as_ref().is_some_and(is) {
                return Some(end);
            }
            // It has grown, or is no more.
            self.due.pop();
        }
        None
    }

    /// The same, wherever they are; on disk, those that end before `now`.
    fn next_end_of_all(&mut self, core: &Core, now: i64) -> Result<Option<i64>, ColdError> {
        let on_disk = core.next_turn(now)?;
        Ok(self.next_end().into_iter().chain(on_disk).min())
    }

    /// Begins to give the sessions that end there.
    fn fire(&mut self, core: &mut Core, end: i64) -> Result<(), ColdError> {
        self.end = end;
        if let Some(lined) = core.line_up_over(self, end)? {
            let firing = Firing::new(end, Vec::new());
            self.firing = Some(Ended { firing, of: Vec::new(), rest: Err(lined) });
            return Ok(());
        }
        let mut ids = Vec::new();
        while self.next_end() == Some(end) {
            ids.extend(self.due.pop().map(|(_, id)| id));
        }
        ids.sort_unstable();
        ids.dedup();
        let mut left: Vec<(u64, u32, u32)> = Vec::new();
        for &id in &ids {
            let Some(session) = &self.all[id as usize] else { continue };
            let there = session.rows[0].iter().filter(|(_, row)| core.kept[0].is_there(*row));
            let of = if session.slot == NO_ROW { NO_ROW } else { id };
            left.extend(there.map(|&(came, row)| (came, row, of)));
        }
        left.sort_unstable();
        let mut rows: Vec<u32> = left.iter().map(|&(_, row, _)| row).collect();
        let mut of: Vec<u32> = left.into_iter().map(|(.., of)| of).collect();
        if core.spilled.is_some() {
            core.sort_left(&mut rows);
            of = self.of_rows(core, &rows);
        }
        self.firing = Some(Ended { firing: Firing::new(end, rows), of, rest: Ok(ids) });
        Ok(())
    }

    /// A piece of the sessions that are being given.
    fn piece(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<(), Halt> {
        let Some(mut ended) = self.firing.take() else { return Ok(()) };
        let left = std::mem::take(&mut ended.firing.left);
        let (of, all) = (&ended.of, &self.all);
        let partner = |_: &Core, at: usize, from: Option<u32>| {
            let session = all.get(of[at] as usize)?.as_ref()?;
            let next = from.unwrap_or(0);
            session.rows[1].get(next as usize).map(|&(_, row)| (row, next + 1))
        };
        if !ended.firing.piece(core, cx, self.kind, &left, &partner)? {
            ended.firing.left = left;
            self.firing = Some(ended);
            return Ok(());
        }
        match ended.rest {
            Ok(ids) => self.close(core, ids),
            Err(rest) => or_halt(cx, self.go_on_with(core, rest))?,
        }
        Ok(())
    }

    /// These sessions are given, and are no more.
    fn close(&mut self, core: &mut Core, ids: Vec<u32>) {
        for id in ids {
            let Some(session) = self.all[id as usize].take() else { continue };
            self.free.push(id);
            self.changes.went(&session, self.all.len());
            if let Some(of_key) = self.of_key.get_mut(&session.slot) {
                of_key.retain(|of| *of != id);
                if of_key.is_empty() {
                    self.of_key.remove(&session.slot);
                }
            }
            for (side, rows) in session.rows.into_iter().enumerate() {
                rows.into_iter().for_each(|(_, row)| core.remove(side, row));
            }
        }
    }
}

impl Bound for Sessions {
    fn take(&mut self, core: &mut Core, side: usize, batch: Batch, at: Moment) {
        let slots = core.slots(side, &batch);
        self.waiting = Some((side, batch, slots, at));
    }

    fn go_on(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let Some((side, batch, slots, at)) = self.waiting.take() else { return Ok(false) };
        let (times, met) = match core.sides[side].hidden.time {
            Some(column) if !self.by_clock => {
                (ints(&batch, column).to_vec(), met(&core.sides[side], &batch, at))
            }
            _ => (vec![at.before; batch.len], vec![at.before; batch.len]),
        };
        let lonely = side == 0 && matches!(self.kind, JoinKind::Left | JoinKind::Anti);
        let change = core.sides[side].hidden.change.map(|column| ints(&batch, column).to_vec());
        let withdrawn = |row: usize| change.as_ref().is_some_and(|change| change[row] < 0);
        let keeps = |row: &u32| slots[*row as usize] != NO_ROW || lonely;
        let rows: Vec<u32> = (0..batch.len as u32).filter(keeps).collect();
        let added: Vec<u32> = rows.iter().copied().filter(|row| !withdrawn(*row as usize)).collect();
        let of_rows: Vec<u32> = added.iter().map(|&row| slots[row as usize]).collect();
        let kept_times: Vec<i64> = added.iter().map(|&row| times[row as usize]).collect();
        let partners = vec![0; added.len()];
        let notes = Notes { slots: &of_rows, partners: &partners, times: &kept_times, number: at.number };
        let mut numbers = core.kept[side].insert(&batch, &added, &notes).into_iter();
        let mut late = 0;
        for row in rows.into_iter().map(|row| row as usize) {
            let (slot, time) = (slots[row], times[row]);
            if withdrawn(row) {
                if slot == NO_ROW {
                    if !self.is_over(time, met[row]) {
                        Sessions::withdraw_keyless(core, time, (&batch, row));
                    }
                } else if let Some(session) = self.place(slot, time, met[row]) {
                    self.withdraw(core, side, session, (&batch, row));
                }
                continue;
            }
            let Some(number) = numbers.next() else { break };
            match self.place(slot, time, met[row]) {
                Some(session) => {
                    if let Some(session) = &mut self.all[session as usize] {
                        session.rows[side].push((core.kept[side].id(number), number));
                    }
                }
                None => {
                    late += 1;
                    core.remove(side, number);
                }
            }
        }
        add(&cx.shared.counters.node(cx.worker, cx.node).late, late);
        Ok(false)
    }

    fn pass(&mut self, core: &mut Core, cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt> {
        if self.firing.is_none() {
            match or_halt(cx, self.next_end_of_all(core, at.behind))? {
                Some(end) if end.saturating_add(1) <= at.behind => or_halt(cx, self.fire(core, end))?,
                _ => return Ok(false),
            }
        }
        self.piece(core, cx)?;
        Ok(true)
    }

    fn has_key(&self, slot: u32) -> bool {
        self.of_key.contains_key(&slot)
    }

    fn keys_move(&mut self, core: &Core, slots: &[u32]) {
        self.changes.settle(core);
        self.compact();
        let mut of_key = HashMap::with_capacity(self.of_key.len());
        for (slot, ids) in std::mem::take(&mut self.of_key) {
            let moved = match slots.binary_search(&slot) {
                Ok(at) => at as u32,
                Err(_) => slot,
            };
            for &id in &ids {
                if let Some(session) = &mut self.all[id as usize] {
                    session.slot = moved;
                }
            }
            of_key.insert(moved, ids);
        }
        self.of_key = of_key;
    }

    fn due(&self, core: &Core) -> Result<Option<i64>, ColdError> {
        if !self.by_clock {
            return Ok(None);
        }
        let ends = self.due.first().into_iter().chain(core.next_turn(i64::MAX)?);
        Ok(ends.min().map(|end| end.saturating_add(1)))
    }

    fn lines_up(&self) -> bool {
        true
    }

    fn first_over(&self, _core: &Core, slot: u32) -> Option<i64> {
        let sessions = self.of_key.get(&slot).into_iter().flatten();
        let ends = sessions.filter_map(|&id| self.all[id as usize].as_ref());
        ends.map(|session| self.end(session.last)).min()
    }

    fn came(&mut self, core: &Core, side: usize, rows: &[u32]) {
        for (&row, id) in rows.iter().zip(self.of_rows_of(core, side, rows)) {
            if let Some(session) = self.all.get_mut(id as usize).and_then(Option::as_mut) {
                session.rows[side].push((core.kept[side].id(row), row));
            }
        }
    }

    fn rows_move(&mut self, side: usize, moved: &[u32]) {
        for session in self.all.iter_mut().flatten() {
            let rows = &mut session.rows[side];
            rows.iter_mut().for_each(|(_, row)| *row = moved[*row as usize]);
            // What was withdrawn did not move.
            rows.retain(|(_, row)| *row != NO_ROW);
        }
    }

    fn bytes(&self) -> usize {
        (self.all.len() - self.free.len()) * SESSION + self.due.bytes()
    }

    fn put_beside(&mut self, core: &mut Core, slots: &[u32]) -> Result<(), ColdError> {
        self.put_away(core, slots)
    }

    fn bring_beside(&mut self, core: &mut Core, hashes: &[u64]) -> Result<(), ColdError> {
        self.bring_back(core, hashes)
    }

    fn save(&mut self, core: &mut Core, out: &mut Saving) {
        [0, 1].into_iter().for_each(|side| core.save_side(side, None, out));
        self.changes.settle(core);
        let gone = self.changes.written.iter().map(|keys| keys.len).sum::<usize>();
        let changed = self.changes.grown.len() + gone;
        let all = self.all.len() + core.on_disk();
        let whole = out.whole() || !self.changes.notes || 2 * changed > all.max(FEW);
        let ids = match whole {
            true => (0..self.all.len() as u32).collect(),
            false => std::mem::take(&mut self.changes.grown),
        };
        let mut sessions = Vec::new();
        for id in ids {
            // A row without a key is a session of its own, which goes with it.
            let Some(session) = &mut self.all[id as usize] else { continue };
            if session.slot == NO_ROW || !(whole || std::mem::take(&mut session.noted)) {
                continue;
            }
            sessions.push((session.slot, session.first, session.last));
            session.saved = Some((session.first, session.last));
            session.noted = false;
        }
        let (home, keys) = (Home::Key(core.sides[0].keys.len()), core.sides[0].keys.len() + 2);
        let columns = table(core, sessions.into_iter());
        let gone = std::mem::take(&mut self.changes.written);
        core.save_beside("sessions", (home, keys), columns, (!whole).then_some(gone), out);
        let tracks = self.changes.tracks;
        self.changes = Changes { tracks, notes: tracks, ..Changes::default() };
    }

    fn load(&mut self, core: &mut Core, from: &mut Loading) -> Result<(), String> {
        let saved = from.table("sessions");
        let slots = core.load_keys(&saved)?;
        let mut known = BTreeMap::new();
        for ((slot, first), last) in slots.into_iter().zip(saved.ints(FIRST)).zip(saved.ints(LAST)) {
            let id = self.open(slot, first, last);
            known.insert((slot, first), (last, id));
        }
        for side in [0, 1] {
            for row in core.load_side(side, from)?.1 {
                let time = core.kept[side].time(row);
                // Sessions of a key that are still there at a barrier lie apart.
                let id = match core.kept[side].key(row) {
                    Some(slot) => {
                        let before = known.range(..=(slot, time)).next_back();
                        before.filter(|((of, _), (last, _))| *of == slot && time <= *last).map(|(_, of)| of.1)
                    }
                    None => Some(self.open(NO_ROW, time, time)),
                };
                let session = id.and_then(|id| self.all[id as usize].as_mut());
                let session = session.ok_or("a row of its state has no session")?;
                session.rows[side].push((core.kept[side].id(row), row));
            }
        }
        Ok(())
    }

    fn flush(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let level = cx.shared.layout.nodes[cx.node].level;
        if self.firing.is_none() {
            let Some(end) = or_halt(cx, self.next_end_of_all(core, i64::MAX))? else {
                return Ok(Flush::Done);
            };
            or_halt(cx, self.fire(core, end))?;
        }
        cx.number = at_end_of_time(level, self.end);
        self.piece(core, cx)?;
        let next = match &self.firing {
            Some(_) => Some(self.end),
            None => or_halt(cx, self.next_end_of_all(core, i64::MAX))?,
        };
        Ok(match next {
            Some(next) => Flush::More(at_end_of_time(level, next)),
            None => Flush::Done,
        })
    }
}
