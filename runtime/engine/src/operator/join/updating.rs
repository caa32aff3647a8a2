//! Joins whose results change: regular ones, which keep all rows (or for a time), and interval joins of
//! changelogs. A row that comes later changes what was given: a regular left join's row without partner is
//! withdrawn when a partner comes and given again when the last one goes, and so are the rows of semi and
//! anti joins. A row that is withdrawn takes back what was given for it.

use super::due::Due;
use super::interval::Near;
use super::kept::Notes;
use super::moment::{Moment, met};
use super::probe::{Look, Pairs, Probe};
use super::stream::{Bound, Core, ints};
use super::waiting::{flush_waiting, give_lonely};
use super::withdrawn::{Withdrawn, find};
use crate::context::Context;
use crate::error::Halt;
use crate::operator::Flush;
use crate::snapshot::Loading;
use flow_data::{BATCH_ROWS, Batch, NO_ROW};
use flow_plan::operator::JoinKind;
use flow_plan::physical::hidden::last_watermark;

/// What rows are kept, and how long.
pub(crate) enum Keep {
    /// All.
    Ever,
    /// So long behind their last use.
    Used(i64),
    /// As long as they may be met.
    Near(Near),
}

impl Keep {
    /// The last watermark at which a row is there that was used then (or has this event time).
    #[inline]
    pub(crate) fn last(&self, side: usize, used: i64) -> i64 {
        match self {
            Keep::Ever => i64::MAX,
            Keep::Used(ttl) => last_watermark(used.saturating_add(*ttl)),
            Keep::Near(near) => near.last(side, used),
        }
    }
}

pub(crate) struct Updating {
    kind: JoinKind,
    /// Does the output have withdrawals?
    changes: bool,
    keep: Keep,
    /// When rows of each side are looked at, whether they are still kept.
    due: [Due; 2],
    probe: Option<Probe>,
    /// The rows of the batch behind those of the probe.
    rest: Option<(usize, Batch, Moment)>,
    work: Work,
    pairs: Pairs,
    /// What is given, the rows for which it is, and its signs.
    given: Pairs,
    causes: Vec<u32>,
    signs: Vec<i64>,
}

/// What is known about the rows of the probe.
#[derive(Default)]
struct Work {
    withdrawn: Withdrawn,
    /// How many partners each row has.
    partners: Vec<u32>,
    /// Event times, when a row was used last, and the watermark it meets.
    times: Vec<i64>,
    used: Vec<i64>,
    met: Vec<i64>,
    /// The first row whose partners are not all known.
    row: usize,
}

impl Updating {
    pub(crate) fn new(kind: JoinKind, keep: Keep, changes: bool) -> Updating {
        Updating {
            kind,
            changes,
            keep,
            due: [Due::default(), Due::default()],
            probe: None,
            rest: None,
            work: Work::default(),
            pairs: Pairs::default(),
            given: Pairs::default(),
            causes: Vec::new(),
            signs: Vec::new(),
        }
    }

    /// Is a left row without partner given at once, and not when its time is over?
    fn at_once(&self) -> bool {
        !matches!(self.keep, Keep::Near(_))
    }

    /// How near rows are, if left ones are given when their time is over.
    fn near_of_lonely(&self) -> Option<Near> {
        match self.keep {
            Keep::Near(near) if matches!(self.kind, JoinKind::Left | JoinKind::Anti) => Some(near),
            _ => None,
        }
    }

    /// When a row is looked at: those that are given then by their event time, whose order is that of their turns.
    fn turn(&self, side: usize, used: i64) -> i64 {
        if side == 0 && self.near_of_lonely().is_some() { used } else { self.keep.last(side, used) }
    }

    /// The next piece of pairs; gives whether all rows of the batch are through.
    fn piece(&mut self, core: &Core, probe: &mut Probe) -> bool {
        let side = probe.side;
        let other = &core.kept[1 - side];
        let work = &self.work;
        let known = |row: usize| work.withdrawn.signs[row] != 0;
        self.pairs.clear();
        match &self.keep {
            Keep::Ever => {
                let meets = |row: usize, _: u32, _: &Pairs| if known(row) { Look::Take } else { Look::Pass };
                probe.candidates(other, BATCH_ROWS, false, meets, &mut self.pairs)
            }
            Keep::Near(near) => {
                let meets = |row: usize, kept: u32, _: &Pairs| {
                    let (time, of_kept) = (work.times[row], other.time(kept));
                    let there = work.met[row] <= near.last(1 - side, of_kept);
                    let takes = known(row) && there && near.meet(side, time, of_kept);
                    if takes { Look::Take } else { Look::Pass }
                };
                probe.candidates(other, BATCH_ROWS, false, meets, &mut self.pairs)
            }
            Keep::Used(_) => {
                // A kept row that is used by a pair lives longer for the pairs behind it.
                let meets = |row: usize, kept: u32, pairs: &Pairs| {
                    let there = work.met[row] <= self.keep.last(1 - side, other.time(kept));
                    match known(row) {
                        true if there => Look::Take,
                        true if pairs.kept.contains(&kept) => Look::Wait,
                        _ => Look::Pass,
                    }
                };
                probe.candidates(other, BATCH_ROWS, false, meets, &mut self.pairs)
            }
        }
    }

    /// The rows of the pairs are used.
    fn note_use(&mut self, core: &mut Core, side: usize) {
        if !matches!(self.keep, Keep::Used(_)) {
            return;
        }
        let column = core.sides[1 - side].hidden.time.filter(|_| core.timed());
        for (&row, &kept) in self.pairs.rows.iter().zip(&self.pairs.kept) {
            let time = self.work.times[row as usize];
            // Without event time, those that are kept came before.
            let of_kept = column.map_or(time, |column| core.kept[1 - side].ints(column)[kept as usize]);
            let used = &mut self.work.used[row as usize];
            *used = of_kept.max(*used);
            let last = core.kept[1 - side].time(kept);
            core.kept[1 - side].set_time(kept, time.max(last));
        }
    }

    /// What is given for left rows that came: their pairs, or themselves where they have none.
    fn of_left(&mut self, core: &Core, probe: &Probe, through: bool) {
        let all = std::mem::take(&mut self.pairs);
        for (&row, &kept) in all.rows.iter().zip(&all.kept) {
            self.alone(core, row as usize);
            let at = row as usize;
            self.work.partners[at] += 1;
            // A row that was given without partner is withdrawn as such.
            let was_alone = self.work.withdrawn.signs[at] < 0 && self.partners(core, at) == 0;
            if matches!(self.kind, JoinKind::Inner | JoinKind::Left)
                && !(was_alone && self.kind == JoinKind::Left && self.at_once())
            {
                self.note(row, row, kept, self.work.withdrawn.signs[at]);
            }
        }
        let until = if through { probe.batch.len } else { probe.row };
        self.alone(core, until);
        self.pairs = all;
    }

    /// How many partners a row has; one that is withdrawn: how many it had.
    fn partners(&self, core: &Core, row: usize) -> u32 {
        match (self.work.withdrawn.victims[row], self.work.withdrawn.twins[row]) {
            (NO_ROW, NO_ROW) => self.work.partners[row],
            (NO_ROW, twin) => self.work.partners[twin as usize],
            (victim, _) => core.kept[0].partners(victim),
        }
    }

    /// The left rows up to here have all their partners: gives those that are given by themselves.
    fn alone(&mut self, core: &Core, until: usize) {
        while self.work.row < until {
            let row = self.work.row;
            self.work.row += 1;
            let sign = self.work.withdrawn.signs[row];
            let given = match self.kind {
                _ if sign == 0 => false,
                JoinKind::Inner => false,
                JoinKind::Left | JoinKind::Anti => self.at_once() && self.partners(core, row) == 0,
                JoinKind::Semi => self.partners(core, row) > 0,
            };
            if given {
                self.note(row as u32, row as u32, NO_ROW, sign);
            }
        }
    }

    /// What is given for right rows that came: pairs, and left rows whose first partner came or whose
    /// last one went.
    fn of_right(&mut self, core: &mut Core) {
        let all = std::mem::take(&mut self.pairs);
        let at_once = self.at_once();
        for (&row, &left) in all.rows.iter().zip(&all.kept) {
            let sign = self.work.withdrawn.signs[row as usize];
            let before = core.kept[0].partners(left);
            let after = if sign > 0 { before + 1 } else { before.saturating_sub(1) };
            core.kept[0].set_partners(left, after);
            let (came, went) = (before == 0 && after > 0, before > 0 && after == 0);
            match self.kind {
                JoinKind::Inner => self.note(row, row, left, sign),
                JoinKind::Left => {
                    if came && at_once {
                        self.note(row, NO_ROW, left, -1);
                    }
                    self.note(row, row, left, sign);
                    if went && at_once {
                        self.note(row, NO_ROW, left, 1);
                    }
                }
                JoinKind::Semi if came || went => self.note(row, row, left, if came { 1 } else { -1 }),
                JoinKind::Anti if (came || went) && at_once => {
                    self.note(row, row, left, if went { 1 } else { -1 });
                }
                _ => {}
            }
        }
        self.pairs = all;
    }

    fn note(&mut self, cause: u32, row: u32, kept: u32, sign: i64) {
        if sign > 0 || self.changes {
            self.given.push(row, kept);
            self.causes.push(cause);
            self.signs.push(sign);
        }
    }

    /// Keeps the rows that were added, and drops those that were withdrawn.
    fn keep(&mut self, core: &mut Core, probe: &Probe) {
        let (side, work) = (probe.side, &self.work);
        // Rows without a key are kept only to be given later.
        let lonely = side == 0 && self.near_of_lonely().is_some();
        let wanted = |row: &u32| {
            let at = *row as usize;
            let withdrawn = &work.withdrawn;
            withdrawn.signs[at] > 0 && !withdrawn.undone[at] && (probe.slots[at] != NO_ROW || lonely)
        };
        let rows: Vec<u32> = (0..probe.batch.len as u32).filter(wanted).collect();
        let times: Vec<i64> = rows.iter().map(|&row| work.used[row as usize]).collect();
        let slots: Vec<u32> = rows.iter().map(|&row| probe.slots[row as usize]).collect();
        let partners: Vec<u32> = rows.iter().map(|&row| work.partners[row as usize]).collect();
        if matches!(self.keep, Keep::Ever) {
            // Otherwise they go when their time is over: a queue knows them by number.
            let victims = work.withdrawn.victims.iter().filter(|victim| **victim != NO_ROW);
            victims.for_each(|&victim| core.remove(side, victim));
        }
        let notes = Notes { slots: &slots, partners: &partners, times: &times, number: probe.at.number };
        let numbers = core.kept[side].insert(&probe.batch, &rows, &notes);
        if !matches!(self.keep, Keep::Ever) {
            for (&time, row) in times.iter().zip(numbers) {
                let turn = self.turn(side, time);
                self.due[side].push(turn, row);
            }
        }
    }
}

impl Bound for Updating {
    fn take(&mut self, core: &mut Core, side: usize, mut batch: Batch, at: Moment) {
        let slots = core.slots(side, &batch);
        let work = &mut self.work;
        work.row = 0;
        work.met = met(&core.sides[side], &batch, at);
        work.times = match core.sides[side].hidden.time {
            Some(column) if core.timed() => ints(&batch, column).to_vec(),
            _ => vec![at.before; batch.len],
        };
        let keyless = !matches!(self.keep, Keep::Near(_));
        let there = |row: usize, used: i64| work.met[row] <= self.keep.last(side, used);
        let twin_there = |row: usize, twin: usize| there(row, work.times[twin]);
        work.withdrawn = find(core, side, &batch, (&slots, keyless), &there, &twin_there);
        let rows = work.withdrawn.signs.len();
        if rows < batch.len {
            // What happens to the row there depends on those before it.
            let rest: Vec<u32> = (rows as u32..batch.len as u32).collect();
            self.rest = Some((side, batch.gather(&rest), at));
            batch = batch.gather(&(0..rows as u32).collect::<Vec<u32>>());
            work.times.truncate(rows);
        }
        work.partners = vec![0; rows];
        work.used = work.times.clone();
        self.probe = Some(Probe::new(side, batch, slots, at));
    }

    fn go_on(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let Some(mut probe) = self.probe.take() else { return Ok(false) };
        let through = self.piece(core, &mut probe);
        core.meet(cx, probe.side, &probe.batch, &mut self.pairs)?;
        self.note_use(core, probe.side);
        self.given.clear();
        self.causes.clear();
        self.signs.clear();
        match probe.side {
            0 => self.of_left(core, &probe, through),
            _ => self.of_right(core),
        }
        core.give_changes(cx, probe.side, &probe.batch, &self.given, &self.causes, Some(&self.signs));
        if !through {
            self.probe = Some(probe);
            return Ok(true);
        }
        self.keep(core, &probe);
        let Some((side, batch, at)) = self.rest.take() else { return Ok(false) };
        self.take(core, side, batch, at);
        Ok(true)
    }

    fn pass(&mut self, core: &mut Core, cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt> {
        let lonely = self.near_of_lonely();
        if let Some(near) = lonely {
            let over = |time: i64| near.last(0, time) < at.behind;
            if give_lonely(core, cx, &mut self.due[0], over, BATCH_ROWS) {
                return Ok(true);
            }
        }
        // Left ones that are given have gone.
        for side in usize::from(lonely.is_some())..2 {
            while let Some((time, row)) = self.due[side].pop_before(at.behind) {
                let kept = &core.kept[side];
                let last = self.keep.last(side, kept.time(row));
                if last > time && kept.is_there(row) {
                    // It was used since.
                    self.due[side].push(last, row);
                } else {
                    core.remove(side, row);
                }
            }
        }
        Ok(false)
    }

    fn waiting(&mut self) -> Option<(&mut Due, Near)> {
        self.near_of_lonely().map(|near| (&mut self.due[0], near))
    }

    fn came(&mut self, core: &Core, side: usize, rows: &[u32]) {
        if matches!(self.keep, Keep::Ever) {
            return;
        }
        for &row in rows {
            let turn = self.turn(side, core.kept[side].time(row));
            self.due[side].push(turn, row);
        }
    }

    fn last(&self, side: usize, time: i64) -> i64 {
        self.keep.last(side, time)
    }

    fn rows_move(&mut self, side: usize, moved: &[u32]) {
        self.due[side].rows_move(moved);
    }

    fn bytes(&self) -> usize {
        self.due.iter().map(Due::bytes).sum()
    }

    fn load(&mut self, core: &mut Core, from: &mut Loading) -> Result<(), String> {
        for side in [0, 1] {
            let (_, rows) = core.load_side(side, from)?;
            self.came(core, side, &rows);
        }
        Ok(())
    }

    fn flush(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        flush_waiting(core, cx, self)
    }
}
