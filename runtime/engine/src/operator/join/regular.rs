//! Regular joins: all rows of both sides, as long as they are kept. A row that comes later changes what was
//! given: a left join's row without partner is withdrawn when a partner comes and given again when the last
//! one goes, and so are the rows of semi and anti joins. Inputs may withdraw their rows too.

use super::due::Due;
use super::kept::Notes;
use super::stream::{Bound, Core, Moment, Pairs, Probe, ints, met};
use crate::context::Context;
use crate::error::Halt;
use crate::operator::Flush;
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column, NO_ROW};
use flow_plan::operator::JoinKind;
use std::collections::HashMap;

pub(crate) struct Regular {
    kind: JoinKind,
    /// Does the output have withdrawals?
    changes: bool,
    /// How long rows are kept behind their last use.
    ttl: Option<i64>,
    /// When rows of each side are looked at, whether they are still used.
    due: [Due; 2],
    probe: Option<Probe>,
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
    /// 1: added, -1: withdrawn, 0: withdrawn and never known.
    signs: Vec<i64>,
    /// Of a withdrawn row: the kept row that goes, or [`NO_ROW`].
    victims: Vec<u32>,
    /// Of a withdrawn row that came in the same batch: that row, or [`NO_ROW`].
    twins: Vec<u32>,
    /// Was a row that was added withdrawn in the same batch?
    undone: Vec<bool>,
    /// How many partners each row has.
    partners: Vec<u32>,
    /// When a row was used last, and the watermark it meets.
    used: Vec<i64>,
    met: Vec<i64>,
    /// The first row whose partners are not all known.
    row: usize,
}

impl Regular {
    pub(crate) fn new(kind: JoinKind, ttl: Option<i64>, changes: bool) -> Regular {
        Regular {
            kind,
            changes,
            ttl,
            due: [Due::default(), Due::default()],
            probe: None,
            work: Work::default(),
            pairs: Pairs::default(),
            given: Pairs::default(),
            causes: Vec::new(),
            signs: Vec::new(),
        }
    }

    /// Finds the rows that are withdrawn, among those that are kept and those of the same batch.
    fn find_withdrawn(&mut self, core: &mut Core, side: usize, batch: &Batch, slots: &[u32]) {
        let rows = batch.len;
        let work = &mut self.work;
        work.signs = match core.sides[side].hidden.change {
            Some(column) => ints(batch, column).to_vec(),
            None => vec![1; rows],
        };
        work.victims = vec![NO_ROW; rows];
        work.twins = vec![NO_ROW; rows];
        work.undone = vec![false; rows];
        if work.signs.iter().all(|&sign| sign > 0) {
            return;
        }
        let columns = core.alike(side).to_vec();
        let picked: Vec<&Column> = columns.iter().map(|&column| batch.columns[column].as_ref()).collect();
        let mut hashes = Vec::new();
        hash_columns(&picked, rows, &mut hashes);
        let same = |a: usize, b: usize| slots[a] == slots[b] && picked.iter().all(|column| column.same(a, b));
        let mut added: HashMap<u64, Vec<u32>> = HashMap::new();
        for row in (0..rows).filter(|&row| slots[row] != NO_ROW) {
            if work.signs[row] > 0 {
                added.entry(hashes[row]).or_default().push(row as u32);
                continue;
            }
            let kept = &core.kept[side];
            let mut next = kept.first(slots[row]);
            while next != NO_ROW && !kept.equals(next, &columns, batch, row) {
                next = kept.following(next);
            }
            if next != NO_ROW {
                core.unlink(side, next);
                work.victims[row] = next;
                continue;
            }
            let twins = added.entry(hashes[row]).or_default();
            match twins.iter().position(|&twin| same(twin as usize, row)) {
                Some(at) => {
                    let twin = twins.remove(at);
                    work.undone[twin as usize] = true;
                    work.twins[row] = twin;
                }
                None => work.signs[row] = 0,
            }
        }
    }

    /// The next piece of pairs; gives whether all rows of the batch are through.
    fn piece(&mut self, core: &Core, probe: &mut Probe) -> bool {
        let other = &core.kept[1 - probe.side];
        let signs = &self.work.signs;
        let meets = |row: usize, _: u32| signs[row] != 0;
        self.pairs.clear();
        probe.candidates(other, BATCH_ROWS, false, meets, &mut self.pairs)
    }

    /// Of the pairs, those whose kept row is not forgotten for the row that came. Both are used: that counts
    /// for the pairs behind it.
    fn not_forgotten(&mut self, core: &mut Core, probe: &Probe) {
        let Some(ttl) = self.ttl else { return };
        let used = &mut self.work.used;
        let kept = &mut core.kept[1 - probe.side].time;
        let mut there = Vec::with_capacity(self.pairs.rows.len());
        for (at, (&row, &of_kept)) in self.pairs.rows.iter().zip(&self.pairs.kept).enumerate() {
            let last = &mut kept[of_kept as usize];
            if self.work.met[row as usize] <= last.saturating_add(ttl) {
                *last = used[row as usize].max(*last);
                used[row as usize] = *last;
                there.push(at as u32);
            }
        }
        self.pairs.keep(&there);
    }

    /// What is given for left rows that came: their pairs, or themselves where they have none.
    fn of_left(&mut self, core: &Core, probe: &Probe, through: bool) {
        let all = std::mem::take(&mut self.pairs);
        for (&row, &kept) in all.rows.iter().zip(&all.kept) {
            self.alone(core, row as usize);
            self.work.partners[row as usize] += 1;
            if matches!(self.kind, JoinKind::Inner | JoinKind::Left) {
                self.note(row, row, kept, self.work.signs[row as usize]);
            }
        }
        let until = if through { probe.batch.len } else { probe.row };
        self.alone(core, until);
        self.pairs = all;
    }

    /// The left rows up to here have all their partners: gives those that are given by themselves.
    fn alone(&mut self, core: &Core, until: usize) {
        while self.work.row < until {
            let row = self.work.row;
            self.work.row += 1;
            let sign = self.work.signs[row];
            let partners = match (self.work.victims[row], self.work.twins[row]) {
                (NO_ROW, NO_ROW) => self.work.partners[row],
                (NO_ROW, twin) => self.work.partners[twin as usize],
                (victim, _) => core.kept[0].partners[victim as usize],
            };
            let given = match self.kind {
                JoinKind::Inner => false,
                JoinKind::Left | JoinKind::Anti => partners == 0,
                JoinKind::Semi => partners > 0,
            };
            if given && sign != 0 {
                self.note(row as u32, row as u32, NO_ROW, sign);
            }
        }
    }

    /// What is given for right rows that came: pairs, and left rows whose first partner came or whose
    /// last one went.
    fn of_right(&mut self, core: &mut Core) {
        let all = std::mem::take(&mut self.pairs);
        for (&row, &left) in all.rows.iter().zip(&all.kept) {
            let sign = self.work.signs[row as usize];
            let partners = &mut core.kept[0].partners[left as usize];
            let before = *partners;
            *partners = if sign > 0 { before + 1 } else { before.saturating_sub(1) };
            let after = *partners;
            let (came, went) = (before == 0 && after > 0, before > 0 && after == 0);
            match self.kind {
                JoinKind::Inner => self.note(row, row, left, sign),
                JoinKind::Left => {
                    if came {
                        self.note(row, NO_ROW, left, -1);
                    }
                    self.note(row, row, left, sign);
                    if went {
                        self.note(row, NO_ROW, left, 1);
                    }
                }
                JoinKind::Semi if came || went => self.note(row, row, left, if came { 1 } else { -1 }),
                JoinKind::Anti if came || went => self.note(row, row, left, if went { 1 } else { -1 }),
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
        let wanted = |row: &u32| {
            let at = *row as usize;
            work.signs[at] > 0 && !work.undone[at] && probe.slots[at] != NO_ROW
        };
        let rows: Vec<u32> = (0..probe.batch.len as u32).filter(wanted).collect();
        let times: Vec<i64> = rows.iter().map(|&row| work.used[row as usize]).collect();
        let slots: Vec<u32> = rows.iter().map(|&row| probe.slots[row as usize]).collect();
        let partners: Vec<u32> = rows.iter().map(|&row| work.partners[row as usize]).collect();
        if self.ttl.is_none() {
            // With a time to live, they go when it is over: a queue knows them by number.
            work.victims
                .iter()
                .filter(|&&victim| victim != NO_ROW)
                .for_each(|&victim| core.remove(side, victim));
        }
        let notes = Notes { slots: &slots, partners: &partners, times: &times, number: probe.at.number };
        let numbers = core.kept[side].insert(&probe.batch, &rows, &notes);
        if let Some(ttl) = self.ttl {
            for (&time, row) in times.iter().zip(numbers) {
                self.due[side].push(time.saturating_add(ttl), row);
            }
        }
    }
}

impl Bound for Regular {
    fn take(&mut self, core: &mut Core, side: usize, batch: Batch, at: Moment) {
        let slots = core.slots(side, &batch);
        self.find_withdrawn(core, side, &batch, &slots);
        let work = &mut self.work;
        work.partners = vec![0; batch.len];
        work.row = 0;
        work.met = met(&core.sides[side], &batch, at);
        work.used = match core.sides[side].hidden.time {
            Some(column) if core.timed() => ints(&batch, column).to_vec(),
            _ => vec![at.before; batch.len],
        };
        self.probe = Some(Probe::new(side, batch, slots, at));
    }

    fn go_on(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let Some(mut probe) = self.probe.take() else { return Ok(false) };
        let through = self.piece(core, &mut probe);
        core.meet(cx, probe.side, &probe.batch, &mut self.pairs)?;
        self.not_forgotten(core, &probe);
        self.given.clear();
        self.causes.clear();
        self.signs.clear();
        match probe.side {
            0 => self.of_left(core, &probe, through),
            _ => self.of_right(core),
        }
        core.give_changes(cx, probe.side, &probe.batch, &self.given, &self.causes, Some(&self.signs));
        if through {
            self.keep(core, &probe);
        } else {
            self.probe = Some(probe);
        }
        Ok(!through)
    }

    fn pass(&mut self, core: &mut Core, _cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt> {
        let Some(ttl) = self.ttl else { return Ok(false) };
        for side in [0, 1] {
            while let Some((time, row)) = self.due[side].pop_before(at.behind) {
                let last = core.kept[side].time[row as usize].saturating_add(ttl);
                if last > time && core.kept[side].is_linked(row) {
                    self.due[side].push(last, row);
                } else {
                    core.remove(side, row);
                }
            }
        }
        Ok(false)
    }

    fn flush(&mut self, _core: &mut Core, _cx: &mut Context<'_>) -> Result<Flush, Halt> {
        Ok(Flush::Done)
    }
}
