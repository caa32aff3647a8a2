//! As-of joins: a left row meets the version of its key that is valid at its event time. Left rows wait until
//! event time has passed them, so that all versions up to their time are there.

use super::due::Due;
use super::kept::{Note, Notes};
use super::output::{Cause, Rows};
use super::stream::{Bound, Core, Moment, ints, met};
use crate::context::Context;
use crate::error::Halt;
use crate::number::at_end_of_time;
use crate::operator::Flush;
use crate::ranks::Phase;
use crate::snapshot::Loading;
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData, NO_ROW};
use flow_plan::operator::JoinKind;
use flow_plan::physical::hidden::last_watermark;
use std::collections::VecDeque;

/// In a checkpoint: was a version behind time when it came?
const BEHIND: &str = "·behind";

pub(crate) struct AsOf {
    kind: JoinKind,
    /// The change column of the left side, and whether withdrawals are given.
    change: Option<usize>,
    changes: bool,
    /// Left rows that wait, by time.
    waiting: Due,
    /// Versions whose time the watermark has not reached, by time.
    versions: Due,
    /// Versions that came behind time, and when: older ones are kept for left rows that came before them.
    late: Vec<(u64, u32)>,
    /// Left rows that are behind, with their versions.
    behind: VecDeque<(u32, u32)>,
    /// By number of a kept row: when it came (both sides count together).
    came: [Vec<u64>; 2],
    count: u64,
    /// Of left rows that wait: when they came, least first. Those that are gone are dropped when they lead.
    waiters: VecDeque<(u64, u32)>,
}

/// Was a version behind time when it came?
fn was_behind(core: &Core, version: u32) -> bool {
    core.kept[1].note(version) != 0
}

impl AsOf {
    pub(crate) fn new(kind: JoinKind, change: Option<usize>, changes: bool, core: &mut Core) -> AsOf {
        core.kept[1].with_notes(Note { name: BEHIND, none: 0, ends: None });
        AsOf {
            kind,
            change,
            changes,
            waiting: Due::default(),
            versions: Due::default(),
            late: Vec::new(),
            behind: VecDeque::new(),
            came: [Vec::new(), Vec::new()],
            count: 0,
            waiters: VecDeque::new(),
        }
    }

    fn note(&mut self, side: usize, row: u32) {
        let came = &mut self.came[side];
        let at = row as usize;
        if came.len() <= at {
            came.resize(at + 1, 0);
        }
        came[at] = self.count;
        self.count += 1;
    }

    /// A version is kept.
    fn version(&mut self, core: &mut Core, row: u32, time: i64, behind: bool) {
        self.note(1, row);
        core.kept[1].set_note(row, behind.into());
        self.versions.push(time, row);
    }

    fn left(&mut self, core: &mut Core, rows: &[u32], met: &[i64], numbers: Vec<u32>, times: &[i64]) {
        for ((&row, number), &time) in rows.iter().zip(numbers).zip(times) {
            self.note(0, number);
            if met[row as usize] <= last_watermark(time) {
                self.waiting.push(time, number);
                self.waiters.push_back((self.came[0][number as usize], number));
            } else {
                let version = self.in_force(core, number, met[row as usize]);
                let version = version.filter(|&version| core.kept[1].time(version) <= time);
                self.behind.push_back((number, version.unwrap_or(NO_ROW)));
            }
        }
    }

    /// The version in force at a watermark, of a left row's key.
    fn in_force(&self, core: &Core, left: u32, watermark: i64) -> Option<u32> {
        self.best(core, left, |_, time| time <= watermark)
    }

    /// The version that a left row meets that waited for it.
    fn valid(&self, core: &Core, left: u32) -> u32 {
        let (time, came) = (core.kept[0].time(left), self.came[0][left as usize]);
        let known = |version: u32| self.came[1][version as usize] < came || !was_behind(core, version);
        self.best(core, left, |version, of| of <= time && known(version)).unwrap_or(NO_ROW)
    }

    /// The latest version of a left row's key among these.
    fn best(&self, core: &Core, left: u32, among: impl Fn(u32, i64) -> bool) -> Option<u32> {
        let versions = &core.kept[1];
        let slot = core.kept[0].key(left)?;
        let mut next = versions.first(slot);
        let mut best: Option<(i64, u32)> = None;
        while next != NO_ROW {
            let time = versions.time(next);
            if among(next, time) && best.is_none_or(|(known, _)| known <= time) {
                best = Some((time, next));
            }
            next = versions.following(next);
        }
        best.map(|(_, version)| version)
    }

    /// Drops the versions of a key that another one, which everybody can meet, has replaced. `first` is when
    /// the first of the left rows came that still wait.
    fn replace(&mut self, core: &mut Core, version: u32, watermark: i64, first: u64) {
        let versions = &core.kept[1];
        let Some(slot) = versions.key(version) else { return };
        let came = &self.came[1];
        let of = |row: u32| (versions.time(row), came[row as usize]);
        let mut all = Vec::new();
        let mut next = versions.first(slot);
        while next != NO_ROW {
            all.push(next);
            next = versions.following(next);
        }
        let for_all = |row: &&u32| {
            let (time, came) = of(**row);
            time <= watermark && !(was_behind(core, **row) && first < came)
        };
        let Some(in_force) = all.iter().filter(for_all).map(|&row| of(row)).max() else { return };
        let replaced: Vec<u32> = all.into_iter().filter(|&row| of(row) < in_force).collect();
        for row in replaced {
            self.came[1][row as usize] = u64::MAX;
            core.remove(1, row);
        }
    }

    /// Gives left rows with the versions they meet; they go.
    fn give(
        &mut self,
        core: &mut Core,
        cx: &mut Context<'_>,
        phase: Phase,
        rows: Vec<u32>,
        mut versions: Vec<u32>,
    ) -> Result<(), Halt> {
        if core.condition.is_some() {
            let found: Vec<u32> =
                (0..rows.len() as u32).filter(|&at| versions[at as usize] != NO_ROW).collect();
            let pick = |all: &[u32]| -> Vec<u32> { found.iter().map(|&at| all[at as usize]).collect() };
            if let Some(holds) = core.meet_kept(cx, &pick(&rows), &pick(&versions))? {
                let before = std::mem::replace(&mut versions, vec![NO_ROW; rows.len()]);
                for at in holds {
                    let at = found[at as usize] as usize;
                    versions[at] = before[at];
                }
            }
        }
        let signs: Vec<i64> = match self.change {
            Some(column) => match core.kept[0].gather(column, &rows) {
                Column { data: ColumnData::I64(signs), .. } => signs,
                other => unreachable!("changes are ints, not {other:?}"),
            },
            None => vec![1; rows.len()],
        };
        let given = |at: &usize| {
            let partner = versions[*at] != NO_ROW;
            let wanted = match self.kind {
                JoinKind::Inner | JoinKind::Semi => partner,
                JoinKind::Left => true,
                JoinKind::Anti => !partner,
            };
            wanted && (signs[*at] > 0 || self.changes)
        };
        let given: Vec<usize> = (0..rows.len()).filter(given).collect();
        if !given.is_empty() {
            let left: Vec<u32> = given.iter().map(|&at| rows[at]).collect();
            let right: Vec<u32> = given.iter().map(|&at| versions[at]).collect();
            let signs: Vec<i64> = given.iter().map(|&at| signs[at]).collect();
            let times: Vec<i64> = match phase {
                Phase::Due => left.iter().map(|&row| core.kept[0].time(row)).collect(),
                _ => vec![0; left.len()],
            };
            let numbers = match phase {
                Phase::Due => core.numbers(&left),
                _ => vec![0; left.len()],
            };
            let cause = Cause::AsOf { phase, times: &times, numbers: &numbers };
            let sides = (Rows::Kept(&core.kept[0], &left), Rows::Kept(&core.kept[1], &right));
            cx.emit(core.output.batch(&sides.0, &sides.1, Some(&signs), &cause));
        }
        rows.into_iter().for_each(|row| core.remove(0, row));
        Ok(())
    }

    /// A piece of the left rows that waited long enough; gives whether there may be more.
    fn due(
        &mut self,
        core: &mut Core,
        cx: &mut Context<'_>,
        until: impl Fn(i64) -> bool,
    ) -> Result<bool, Halt> {
        let mut rows = Vec::new();
        while rows.len() < BATCH_ROWS && self.waiting.first().is_some_and(&until) {
            rows.extend(self.waiting.pop().map(|(_, row)| row));
        }
        let more = rows.len() == BATCH_ROWS;
        let versions = rows.iter().map(|&row| self.valid(core, row)).collect();
        // Their numbers may be given again: they are no waiters any more.
        rows.iter().for_each(|&row| self.came[0][row as usize] = u64::MAX);
        self.give(core, cx, Phase::Due, rows, versions)?;
        Ok(more)
    }

    /// Frees the versions that nobody can meet any more.
    fn forget(&mut self, core: &mut Core, watermark: i64) {
        let came = &self.came[0];
        while self.waiters.front().is_some_and(|&(when, row)| came[row as usize] != when) {
            self.waiters.pop_front();
        }
        let first = self.waiters.front().map_or(u64::MAX, |&(when, _)| when);
        let mut in_force = std::mem::take(&mut self.late);
        while self.versions.first().is_some_and(|time| time <= watermark) {
            let popped = self.versions.pop().map(|(_, version)| version);
            in_force.extend(popped.map(|version| (self.came[1][version as usize], version)));
        }
        for (when, version) in in_force {
            if self.came[1][version as usize] != when {
                // It was replaced.
                continue;
            }
            if was_behind(core, version) && first < when {
                self.late.push((when, version));
            } else {
                self.replace(core, version, watermark, first);
            }
        }
    }
}

impl Bound for AsOf {
    fn take(&mut self, core: &mut Core, side: usize, batch: Batch, at: Moment) {
        let met = met(&core.sides[side], &batch, at);
        let slots = core.slots(side, &batch);
        let all = side == 0 && matches!(self.kind, JoinKind::Left | JoinKind::Anti);
        let rows: Vec<u32> =
            (0..batch.len as u32).filter(|&row| all || slots[row as usize] != NO_ROW).collect();
        let column = core.sides[side].hidden.time.unwrap_or_default();
        let of_row = ints(&batch, column);
        let times: Vec<i64> = rows.iter().map(|&row| of_row[row as usize]).collect();
        let slots: Vec<u32> = rows.iter().map(|&row| slots[row as usize]).collect();
        let partners = vec![0; rows.len()];
        let notes = Notes { slots: &slots, partners: &partners, times: &times, number: at.number };
        let numbers = core.kept[side].insert(&batch, &rows, &notes);
        if side == 0 {
            self.left(core, &rows, &met, numbers, &times);
            return;
        }
        for ((&row, number), &time) in rows.iter().zip(numbers).zip(&times) {
            self.version(core, number, time, met[row as usize] > last_watermark(time));
        }
    }

    fn go_on(&mut self, _core: &mut Core, _cx: &mut Context<'_>) -> Result<bool, Halt> {
        Ok(false)
    }

    fn pass(&mut self, core: &mut Core, cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt> {
        if self.due(core, cx, |time| last_watermark(time) < at.behind)? {
            return Ok(true);
        }
        while !self.behind.is_empty() {
            let n = self.behind.len().min(BATCH_ROWS);
            let (rows, versions) = self.behind.drain(..n).unzip();
            self.give(core, cx, Phase::Behind, rows, versions)?;
        }
        self.forget(core, at.behind);
        Ok(false)
    }

    fn load(&mut self, core: &mut Core, from: &mut Loading) -> Result<(), String> {
        let (_, left) = core.load_side(0, from)?;
        let (_, right) = core.load_side(1, from)?;
        // When they came, of both sides: in a number, the left ones first.
        let (mut waiting, mut versions) = (left.iter().peekable(), right.iter().peekable());
        loop {
            let number = |side: usize, row: u32| core.kept[side].number(row);
            let next = versions.peek().map(|row| number(1, **row));
            if let Some(row) = waiting.next_if(|row| next.is_none_or(|next| number(0, **row) <= next)) {
                self.note(0, *row);
                self.waiting.push(core.kept[0].time(*row), *row);
                self.waiters.push_back((self.came[0][*row as usize], *row));
            } else if let Some(&row) = versions.next() {
                self.version(core, row, core.kept[1].time(row), was_behind(core, row));
            } else {
                return Ok(());
            }
        }
    }

    fn flush(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let level = cx.shared.layout.nodes[cx.node].level;
        let Some(first) = self.waiting.first() else { return Ok(Flush::Done) };
        let number = at_end_of_time(level, first);
        cx.number = number;
        self.due(core, cx, |time| at_end_of_time(level, time) == number)?;
        Ok(match self.waiting.first() {
            Some(next) => Flush::More(at_end_of_time(level, next)),
            None => Flush::Done,
        })
    }
}
