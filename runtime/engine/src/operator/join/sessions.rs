//! Joins in sessions: rows of one key, of both sides, that follow each other closely. Sessions grow and are
//! merged by rows that come between them, so each has its own lists of rows.

use super::due::Due;
use super::fire::{Firing, clamp};
use super::kept::Notes;
use super::moment::{Moment, met};
use super::stream::{Bound, Core, ints};
use crate::context::Context;
use crate::counters::add;
use crate::error::Halt;
use crate::number::at_end_of_time;
use crate::operator::Flush;
use crate::snapshot::{Columns, Loading, Saving};
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
    /// When rows came, and their numbers.
    rows: [Vec<(u64, u32)>; 2],
    /// The times under which the last checkpoint knows it.
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
    /// A session came or has grown.
    fn grew(&mut self, id: u32, session: &mut Session) {
        if self.notes && !session.noted {
            session.noted = true;
            self.grown.push(id);
        }
    }

    /// A session is no more, of so many.
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

/// The sessions that end at one time.
struct Ended {
    firing: Firing,
    /// Of each left row, its session.
    of: Vec<usize>,
    sessions: Vec<Session>,
}

pub(crate) struct Sessions {
    kind: JoinKind,
    gap: i64,
    by_clock: bool,
    all: Vec<Option<Session>>,
    free: Vec<u32>,
    /// The sessions of each key.
    of_key: HashMap<u32, Vec<u32>>,
    /// By last watermark; a session that has grown since stands there again.
    due: Due,
    firing: Option<Ended>,
    came: u64,
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
            of_key: HashMap::new(),
            due: Due::default(),
            firing: None,
            came: 0,
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
            self.changes.grew(id, &mut merged);
        }
        self.all[id as usize] = Some(merged);
        Some(id)
    }

    fn open(&mut self, slot: u32, first: i64, last: i64) -> u32 {
        let id = self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            self.all.len() as u32 - 1
        });
        let mut session = Session { slot, first, last, ..Session::default() };
        self.changes.grew(id, &mut session);
        self.all[id as usize] = Some(session);
        if slot != NO_ROW {
            self.of_key.entry(slot).or_default().push(id);
        }
        self.due.push(self.end(last), id);
        id
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

    /// Takes out the sessions that end there.
    fn fire(&mut self, core: &Core, end: i64) {
        let mut sessions = Vec::new();
        while self.next_end() == Some(end) {
            let Some((_, id)) = self.due.pop() else { break };
            let Some(session) = self.all[id as usize].take() else { continue };
            self.free.push(id);
            self.changes.went(&session, self.all.len());
            if let Some(of_key) = self.of_key.get_mut(&session.slot) {
                of_key.retain(|of| *of != id);
                if of_key.is_empty() {
                    self.of_key.remove(&session.slot);
                }
            }
            sessions.push(session);
        }
        let mut left: Vec<(u64, u32, usize)> = Vec::new();
        for (at, session) in sessions.iter().enumerate() {
            let there = session.rows[0].iter().filter(|(_, row)| core.kept[0].is_there(*row));
            left.extend(there.map(|&(came, row)| (came, row, at)));
        }
        left.sort_unstable();
        let rows = left.iter().map(|&(_, row, _)| row).collect();
        let firing = Firing::new(end.into(), end, rows);
        self.firing = Some(Ended { firing, of: left.into_iter().map(|(.., at)| at).collect(), sessions });
    }

    /// A piece of the sessions that are being given.
    fn piece(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<(), Halt> {
        let Some(mut ended) = self.firing.take() else { return Ok(()) };
        let left = std::mem::take(&mut ended.firing.left);
        let (of, sessions) = (&ended.of, &ended.sessions);
        let partner = |_: &Core, at: usize, from: Option<u32>| {
            let session = &sessions[of[at]];
            let next = from.unwrap_or(0);
            // Rows without a key meet nobody.
            let there = (session.slot != NO_ROW).then(|| session.rows[1].get(next as usize)).flatten();
            there.map(|&(_, row)| (row, next + 1))
        };
        if ended.firing.piece(core, cx, self.kind, &left, &partner)? {
            for session in ended.sessions {
                for (side, rows) in session.rows.into_iter().enumerate() {
                    rows.into_iter().for_each(|(_, row)| core.remove(side, row));
                }
            }
        } else {
            ended.firing.left = left;
            self.firing = Some(ended);
        }
        Ok(())
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
                        session.rows[side].push((self.came, number));
                    }
                    self.came += 1;
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
            match self.next_end() {
                Some(end) if end.saturating_add(1) <= at.behind => self.fire(core, end),
                _ => return Ok(false),
            }
        }
        self.piece(core, cx)?;
        Ok(true)
    }

    fn keys_move(&mut self, core: &Core, slots: &[u32]) {
        self.changes.settle(core);
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

    fn due(&self) -> Option<i64> {
        self.due.first().filter(|_| self.by_clock).map(|end| end.saturating_add(1))
    }

    fn save(&mut self, core: &mut Core, out: &mut Saving) {
        [0, 1].into_iter().for_each(|side| core.save_side(side, None, out));
        self.changes.settle(core);
        let gone = self.changes.written.iter().map(|keys| keys.len).sum::<usize>();
        let changed = self.changes.grown.len() + gone;
        let whole = out.whole() || !self.changes.notes || 2 * changed > self.all.len().max(FEW);
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
            let bounds = (session.first, session.last);
            sessions.push((session.slot, bounds.0, bounds.1));
            if let Some((first, last)) = session.saved.replace(bounds).filter(|saved| *saved != bounds) {
                self.changes.gone.push((session.slot, first, last));
            }
            session.noted = false;
        }
        let (home, keys) = (Home::Key(core.sides[0].keys.len()), core.sides[0].keys.len() + 2);
        let columns = table(core, sessions.into_iter());
        if whole {
            out.table("sessions", home, keys, columns);
        } else {
            self.changes.settle(core);
            out.changes("sessions", home, keys, columns, std::mem::take(&mut self.changes.written));
        }
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
                session.rows[side].push((self.came, row));
                self.came += 1;
            }
        }
        Ok(())
    }

    fn flush(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let level = cx.shared.layout.nodes[cx.node].level;
        let firing = self.firing.as_ref().map(|ended| clamp(ended.firing.end));
        let Some(end) = firing.or_else(|| self.next_end()) else { return Ok(Flush::Done) };
        cx.number = at_end_of_time(level, end);
        if self.firing.is_none() {
            self.fire(core, end);
        }
        self.piece(core, cx)?;
        let firing = self.firing.as_ref().map(|ended| clamp(ended.firing.end));
        Ok(match firing.or_else(|| self.next_end()) {
            Some(next) => Flush::More(at_end_of_time(level, next)),
            None => Flush::Done,
        })
    }
}
