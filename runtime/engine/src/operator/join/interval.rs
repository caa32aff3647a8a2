//! Interval joins: rows of one key whose event times are not too far apart. Rows are kept as long as event
//! time allows that a partner comes.

use super::due::Due;
use super::kept::Notes;
use super::stream::{Bound, Core, Moment, Pairs, Probe, give_lonely, ints, met};
use crate::context::Context;
use crate::error::Halt;
use crate::number::at_end_of_time;
use crate::operator::Flush;
use flow_data::{BATCH_ROWS, Batch, NO_ROW};
use flow_plan::operator::JoinKind;

pub(crate) struct Interval {
    lo: i64,
    hi: i64,
    kind: JoinKind,
    /// Until when rows of each side are kept.
    due: [Due; 2],
    probe: Option<Probe>,
    /// The watermarks that the rows of the probe meet.
    met: Vec<i64>,
    /// How many partners each row of the probe has (1: at least one).
    partners: Vec<u32>,
    pairs: Pairs,
}

impl Interval {
    pub(crate) fn new(kind: JoinKind, lo: i64, hi: i64) -> Interval {
        Interval {
            lo,
            hi,
            kind,
            due: [Due::default(), Due::default()],
            probe: None,
            met: Vec::new(),
            partners: Vec::new(),
            pairs: Pairs::default(),
        }
    }

    /// The last watermark at which a row of a side can be met.
    fn last(&self, side: usize, time: i64) -> i64 {
        if side == 0 { time.saturating_add(self.hi) } else { time.saturating_sub(self.lo) }
    }

    /// The next piece of pairs; gives whether all rows of the batch are through.
    fn piece(&mut self, core: &Core, probe: &mut Probe) -> bool {
        let side = probe.side;
        let other = &core.kept[1 - side];
        // Least and greatest distance from a row that came to a kept one.
        let (lo, hi) =
            if side == 0 { (self.lo, self.hi) } else { (self.hi.saturating_neg(), self.lo.saturating_neg()) };
        // A kept row is there as long as the watermark is not more than this behind its time.
        let stays = if side == 0 { self.lo.saturating_neg() } else { self.hi };
        let column = core.sides[side].hidden.time.unwrap_or_default();
        let batch = probe.batch.clone();
        let (times, of_kept) = (ints(&batch, column), &other.time);
        let once = matches!(self.kind, JoinKind::Semi | JoinKind::Anti);
        let (met, partners) = (&self.met, &self.partners);
        let meets = |row: usize, kept: u32| {
            let (time, of_kept) = (times[row], of_kept[kept as usize]);
            let near = time.saturating_add(lo) <= of_kept && of_kept <= time.saturating_add(hi);
            let lonely = match side {
                0 => partners[row] == 0,
                _ => other.partners[kept as usize] == 0,
            };
            near && met[row] <= of_kept.saturating_add(stays) && (!once || lonely)
        };
        let first_only = once && side == 0 && core.condition.is_none();
        self.pairs.clear();
        probe.candidates(other, BATCH_ROWS, first_only, meets, &mut self.pairs)
    }

    /// Notes who has a partner, and gives what the pairs give.
    fn give(&mut self, core: &mut Core, cx: &mut Context<'_>, probe: &Probe) {
        let side = probe.side;
        let keeps_left = side == 1 && self.kind != JoinKind::Inner;
        let mut first = Vec::new();
        for (at, (&row, &kept)) in self.pairs.rows.iter().zip(&self.pairs.kept).enumerate() {
            let partners = match keeps_left {
                true => &mut core.kept[0].partners[kept as usize],
                false => &mut self.partners[row as usize],
            };
            if *partners == 0 {
                first.push(at as u32);
            }
            *partners = 1;
        }
        match self.kind {
            JoinKind::Inner | JoinKind::Left => {}
            JoinKind::Semi => self.pairs.keep(&first),
            JoinKind::Anti => return,
        }
        core.give(cx, side, &probe.batch, &self.pairs);
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
        let rows: Vec<u32> = (0..probe.batch.len as u32).filter(|&row| wanted(row as usize)).collect();
        let pick = |all: &[u32]| -> Vec<u32> { rows.iter().map(|&row| all[row as usize]).collect() };
        let column = core.sides[side].hidden.time.unwrap_or_default();
        let times: Vec<i64> = {
            let all = ints(&probe.batch, column);
            rows.iter().map(|&row| all[row as usize]).collect()
        };
        let partners = pick(&self.partners);
        let partners = if side == 0 { partners } else { vec![0; rows.len()] };
        let notes =
            Notes { slots: &pick(&probe.slots), partners: &partners, times: &times, number: probe.at.number };
        let numbers = core.kept[side].insert(&probe.batch, &rows, &notes);
        for (&time, number) in times.iter().zip(numbers) {
            let last = self.last(side, time);
            self.due[side].push(last, number);
        }
    }
}

impl Bound for Interval {
    fn take(&mut self, core: &mut Core, side: usize, batch: Batch, at: Moment) {
        self.met = met(&core.sides[side], &batch, at);
        self.partners.clear();
        self.partners.resize(batch.len, 0);
        let slots = core.slots(side, &batch);
        self.probe = Some(Probe::new(side, batch, slots, at));
    }

    fn go_on(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let Some(mut probe) = self.probe.take() else { return Ok(false) };
        let through = self.piece(core, &mut probe);
        core.meet(cx, probe.side, &probe.batch, &mut self.pairs)?;
        self.give(core, cx, &probe);
        if through {
            self.keep(core, &probe);
        } else {
            self.probe = Some(probe);
        }
        Ok(!through)
    }

    fn pass(&mut self, core: &mut Core, cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt> {
        let lonely = matches!(self.kind, JoinKind::Left | JoinKind::Anti);
        if lonely && give_lonely(core, cx, &mut self.due[0], |time| time < at.behind, BATCH_ROWS) {
            return Ok(true);
        }
        for side in [0, 1] {
            while let Some((_, row)) = self.due[side].pop_before(at.behind) {
                core.remove(side, row);
            }
        }
        Ok(false)
    }

    fn flush(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        if !matches!(self.kind, JoinKind::Left | JoinKind::Anti) {
            return Ok(Flush::Done);
        }
        flush_lonely(core, cx, &mut self.due[0])
    }
}

/// A piece of the left rows without partner at the end of the input.
pub(crate) fn flush_lonely(core: &mut Core, cx: &mut Context<'_>, due: &mut Due) -> Result<Flush, Halt> {
    let level = cx.shared.layout.nodes[cx.node].level;
    let Some(first) = due.first() else { return Ok(Flush::Done) };
    cx.number = at_end_of_time(level, first);
    let number = cx.number;
    give_lonely(core, cx, due, |time| at_end_of_time(level, time) == number, BATCH_ROWS);
    Ok(match due.first() {
        Some(next) => Flush::More(at_end_of_time(level, next)),
        None => Flush::Done,
    })
}
