//! Interval joins: rows of one key whose event times are not too far apart. Rows are kept as long as event
//! time allows that a partner comes.

use super::due::Due;
use super::fresh::{Came, Fresh};
use super::kept::{Kept, Notes};
use super::moment::{Moment, met_own};
use super::probe::{Look, Pairs, Probe};
use super::recent::Recent;
use super::stream::{Bound, Core, ints};
use super::waiting::{flush_waiting, give_lonely};
use crate::context::Context;
use crate::error::Halt;
use crate::operator::Flush;
use crate::snapshot::{Loading, Saving};
use flow_data::{BATCH_ROWS, Batch, NO_ROW};
use flow_plan::operator::JoinKind;
use flow_plan::physical::hidden::{NO_WATERMARK, last_watermark};

/// How far apart rows may be: the right row's time less the left one's lies in `lo..=hi`.
#[derive(Clone, Copy)]
pub(crate) struct Near {
    pub(crate) lo: i64,
    pub(crate) hi: i64,
}

impl Near {
    /// The last watermark at which a row of a side can be met.
    #[inline]
    pub(crate) fn last(self, side: usize, time: i64) -> i64 {
        let more = if side == 0 { self.hi } else { self.lo.saturating_neg() };
        last_watermark(time.saturating_add(more))
    }

    /// When a left row's time is over, for the order at the end.
    pub(crate) fn over(self, time: i64) -> i64 {
        time.saturating_add(self.hi)
    }

    /// Are a row that came (of this side) and a kept one of the other near enough?
    #[inline]
    pub(crate) fn meet(self, side: usize, time: i64, of_kept: i64) -> bool {
        let apart = i128::from(of_kept) - i128::from(time);
        let apart = if side == 0 { apart } else { -apart };
        i128::from(self.lo) <= apart && apart <= i128::from(self.hi)
    }
}

pub(crate) struct Interval {
    near: Near,
    kind: JoinKind,
    /// Until when rows of each side are kept that do not go block by block; left ones that are given when they go, by
    /// their event time, whose order is that of their turns.
    due: [Due; 2],
    /// The watermark up to which rows have gone.
    passed: i64,
    probe: Option<Probe>,
    /// The watermarks that the rows of the probe meet.
    met: Vec<i64>,
    /// Left rows of the number at hand, if the places of rows say which one came later.
    fresh: Option<Fresh>,
    /// Are the rows of the probe met by nobody that comes later?
    passes_by: bool,
    /// How many partners each row of the probe has (1: at least one).
    partners: Vec<u32>,
    pairs: Pairs,
    /// Rows that go.
    gone: Vec<u32>,
}

impl Interval {
    pub(crate) fn new(kind: JoinKind, near: Near, fresh: Option<Fresh>, core: &mut Core) -> Interval {
        // Left rows that are given when they go have their turn one by one.
        let first = usize::from(matches!(kind, JoinKind::Left | JoinKind::Anti));
        if core.spilled.is_none() {
            // Rows on disk go with their keys, not with those that came beside them.
            core.kept[first..].iter_mut().for_each(Kept::by_blocks);
        }
        Interval {
            near,
            kind,
            due: [Due::default(), Due::default()],
            passed: NO_WATERMARK,
            probe: None,
            met: Vec::new(),
            fresh,
            passes_by: false,
            partners: Vec::new(),
            pairs: Pairs::default(),
            gone: Vec::new(),
        }
    }

    /// Are left rows given when they go?
    fn gives_lonely(&self) -> bool {
        matches!(self.kind, JoinKind::Left | JoinKind::Anti)
    }

    /// Will nobody meet these rows any more, since the other side is ahead of them? Left ones that are given when their time is
    /// over wait for it nevertheless.
    fn passes_by(&self, core: &Core, side: usize, batch: &Batch, at: Moment) -> bool {
        if side == 0 && (self.gives_lonely() || self.fresh.is_some()) {
            // Right rows of the same number may have come before.
            return false;
        }
        let times = ints(batch, core.sides[side].hidden.time.unwrap_or_default());
        let latest = times.iter().copied().max();
        latest.is_none_or(|latest| at.of_side(1 - side).before > self.near.last(side, latest))
    }

    /// The next piece of pairs; gives whether all rows of the batch are through.
    fn piece(&mut self, core: &Core, probe: &mut Probe) -> bool {
        let side = probe.side;
        let other = &core.kept[1 - side];
        let column = core.sides[side].hidden.time.unwrap_or_default();
        let batch = probe.batch.clone();
        let times = ints(&batch, column);
        let once = matches!(self.kind, JoinKind::Semi | JoinKind::Anti);
        // A condition that can fail is looked at for exactly the pairs of a run row by row: of a left row with
        // all right ones that are there, of a right one with the left ones that have no partner yet.
        let fails = core.condition_fails();
        let (near, met, partners) = (self.near, &self.met, &self.partners);
        let later = Interval::later(self.fresh.as_ref(), core, probe);
        let are_there = |row: usize, kept: u32| match later(row, kept) {
            Some(left) => left.met <= near.last(1, times[row]),
            None => met[row] <= near.last(1 - side, other.time(kept)),
        };
        let meets = |row: usize, kept: u32, pairs: &Pairs| {
            if !near.meet(side, times[row], other.time(kept)) || !are_there(row, kept) {
                return Look::Pass;
            }
            let served = || match side {
                0 => partners[row] > 0 && !fails,
                _ => other.partners(kept) > 0,
            };
            match once {
                true if served() => Look::Pass,
                true if fails && side == 1 && pairs.kept.contains(&kept) => Look::Wait,
                _ => Look::Take,
            }
        };
        let first_only = once && side == 0 && core.condition.is_none();
        self.pairs.clear();
        probe.candidates(other, BATCH_ROWS, first_only, meets, &mut self.pairs)
    }

    /// Of a row of the probe and a kept one: the kept one, if it is a left one that came later.
    fn later<'c>(
        fresh: Option<&'c Fresh>,
        core: &'c Core,
        probe: &Probe,
    ) -> impl Fn(usize, u32) -> Option<Came> + use<'c> {
        let (number, batch) = (probe.at.number, probe.batch.clone());
        let fresh = fresh.filter(|_| probe.side == 1);
        move |row: usize, kept: u32| {
            let fresh = fresh?;
            fresh.later(&core.kept[0], kept, number, fresh.places(1, &batch)[row])
        }
    }

    /// The watermark of the row that came later, of each of the pairs, if it is not that of the probe's for all.
    fn own_of_later(&self, core: &Core, probe: &Probe) -> Option<Vec<i64>> {
        self.fresh.as_ref().filter(|_| probe.side == 1)?;
        let own = ints(&probe.batch, core.sides[1].hidden.watermark?);
        let later = Interval::later(self.fresh.as_ref(), core, probe);
        let of_pair = |(&row, &kept): (&u32, &u32)| {
            later(row as usize, kept).map_or(own[row as usize], |left| left.own)
        };
        Some(self.pairs.rows.iter().zip(&self.pairs.kept).map(of_pair).collect())
    }

    /// Notes who has a partner, and gives what the pairs give.
    fn give(&mut self, core: &mut Core, cx: &mut Context<'_>, probe: &Probe) {
        let side = probe.side;
        let keeps_left = side == 1 && self.kind != JoinKind::Inner;
        let mut first = Vec::new();
        for (at, (&row, &kept)) in self.pairs.rows.iter().zip(&self.pairs.kept).enumerate() {
            let before = match keeps_left {
                true => core.kept[0].partners(kept),
                false => std::mem::replace(&mut self.partners[row as usize], 1),
            };
            if before == 0 {
                first.push(at as u32);
            }
            if keeps_left {
                core.kept[0].set_partners(kept, 1);
            }
        }
        match self.kind {
            JoinKind::Inner | JoinKind::Left => {}
            JoinKind::Semi => self.pairs.keep(&first),
            JoinKind::Anti => return,
        }
        let own = self.own_of_later(core, probe);
        core.give(cx, side, &probe.batch, &self.pairs, own.as_deref());
    }

    /// Keeps the rows of a batch that is through.
    fn keep(&mut self, core: &mut Core, probe: &Probe) {
        let side = probe.side;
        let keyed = |row: usize| probe.slots[row] != NO_ROW;
        let wanted = |row: usize| match (side, self.kind) {
            (1, _) | (0, JoinKind::Inner) => keyed(row),
            (_, JoinKind::Semi) => keyed(row) && self.partners[row] == 0,
            (_, JoinKind::Anti) => self.partners[row] == 0,
            (_, JoinKind::Left) => true,
            _ => keyed(row),
        };
        let column = core.sides[side].hidden.time.unwrap_or_default();
        let times = ints(&probe.batch, column);
        let rows: Vec<u32> = (0..probe.batch.len as u32).filter(|&row| wanted(row as usize)).collect();
        // Mostly, all are.
        if let (Some(fresh), 0, Some(own)) = (&mut self.fresh, side, core.sides[0].hidden.watermark) {
            let own = ints(&probe.batch, own);
            fresh.come(&core.kept[0], probe.at.number, &probe.batch, &rows, (&self.met, own));
        }
        let all = rows.len() == probe.batch.len;
        let pick = |of: &[u32]| -> Vec<u32> { rows.iter().map(|&row| of[row as usize]).collect() };
        let mut picked = None;
        let (slots, partners, times) = match all {
            true => (&probe.slots, &self.partners, times),
            false => {
                let times: Vec<i64> = rows.iter().map(|&row| times[row as usize]).collect();
                let (slots, partners, times) =
                    picked.insert((pick(&probe.slots), pick(&self.partners), times));
                (&*slots, &*partners, &times[..])
            }
        };
        let none = vec![0; if side == 0 { 0 } else { rows.len() }];
        let partners = if side == 0 { partners } else { &none };
        let notes = Notes { slots, partners, times, number: probe.at.number };
        if side == 0 && self.gives_lonely() {
            for (&time, number) in times.iter().zip(core.kept[0].insert(&probe.batch, &rows, &notes)) {
                self.due[0].push(time, number);
            }
            return;
        }
        let lasts: Vec<i64> = times.iter().map(|&time| self.near.last(side, time)).collect();
        Interval::put(&mut self.due[side], core, probe, &rows, &notes, &lasts);
    }

    /// Puts rows where they go block by block, but those that stay longer than the others, or have their turn when they
    /// go. `lasts`: the last watermark at which each is met.
    fn put(due: &mut Due, core: &mut Core, probe: &Probe, rows: &[u32], notes: &Notes<'_>, lasts: &[i64]) {
        let (side, batch) = (probe.side, &probe.batch);
        let kept = &mut core.kept[side];
        let limit = kept.goes_by_blocks().then(|| Recent::limit(probe.at.before, lasts));
        let is_recent = |last: i64| limit.is_some_and(|limit| last <= limit);
        // One after the other where both are there: they are in the order in which they came.
        let mut from = 0;
        while from < rows.len() {
            let recent = is_recent(lasts[from]);
            let same = lasts[from..].iter().take_while(|&&last| is_recent(last) == recent).count();
            let part = from..from + same;
            let notes = Notes {
                slots: &notes.slots[part.clone()],
                partners: &notes.partners[part.clone()],
                times: &notes.times[part.clone()],
                number: notes.number,
            };
            let (rows, lasts) = (&rows[part.clone()], &lasts[part]);
            if recent {
                kept.insert_recent(batch, rows, &notes, lasts);
            } else {
                for (&last, number) in lasts.iter().zip(kept.insert(batch, rows, &notes)) {
                    due.push(last, number);
                }
            }
            from += same;
        }
    }
}

impl Bound for Interval {
    fn take(&mut self, core: &mut Core, side: usize, batch: Batch, at: Moment) {
        self.met = met_own(&core.sides, side, &batch, at);
        self.partners.clear();
        self.partners.resize(batch.len, 0);
        self.passes_by = self.passes_by(core, side, &batch, at);
        let slots = if self.passes_by { core.known_slots(side, &batch) } else { core.slots(side, &batch) };
        self.probe = Some(Probe::new(side, batch, slots, at));
    }

    fn go_on(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let Some(mut probe) = self.probe.take() else { return Ok(false) };
        let through = self.piece(core, &mut probe);
        core.meet(cx, probe.side, &probe.batch, &mut self.pairs)?;
        self.give(core, cx, &probe);
        if through {
            if !self.passes_by {
                self.keep(core, &probe);
            }
        } else {
            self.probe = Some(probe);
        }
        Ok(!through)
    }

    fn pass(&mut self, core: &mut Core, cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt> {
        let (near, lonely) = (self.near, self.gives_lonely());
        let over = |time: i64| near.last(0, time) < at.behind;
        if lonely && give_lonely(core, cx, &mut self.due[0], over, BATCH_ROWS) {
            return Ok(true);
        }
        // Left ones that are given have gone.
        for side in usize::from(lonely)..2 {
            self.due[side].free_before(at.behind, &mut self.gone);
            self.gone.drain(..).for_each(|row| core.remove(side, row));
            core.free_recent(side, at.behind);
        }
        self.passed = at.behind;
        Ok(false)
    }

    fn save(&mut self, core: &mut Core, out: &mut Saving) {
        for side in [0, 1] {
            // Of a block, some are over.
            let (near, passed) = (self.near, self.passed);
            let over = move |time: i64| near.last(side, time) < passed;
            core.save_side(side, Some(Box::new(over)), out);
        }
    }

    fn waiting(&mut self) -> Option<(&mut Due, Near)> {
        self.gives_lonely().then_some((&mut self.due[0], self.near))
    }

    fn came(&mut self, core: &Core, side: usize, rows: &[u32]) {
        let by_time = side == 0 && self.gives_lonely();
        for &row in rows {
            let time = core.kept[side].time(row);
            self.due[side].push(if by_time { time } else { self.near.last(side, time) }, row);
        }
    }

    fn wants_sides(&self) -> bool {
        true
    }

    fn last(&self, side: usize, time: i64) -> i64 {
        self.near.last(side, time)
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
