//! As-of joins: a left row meets the version of its key that is valid at its event time. Left rows wait until
//! event time has passed them, so that all versions up to their time are there.

use super::due::Due;
use super::interval::Near;
use super::kept::{Note, Notes};
use super::moment::{Moment, met};
use super::output::{Cause, Rows};
use super::stream::{Bound, Core, ints};
use super::waiting::{flush_waiting, next_due};
use crate::context::Context;
use crate::error::Halt;
use crate::operator::Flush;
use crate::ranks::Phase;
use crate::snapshot::Loading;
use crate::state::room;
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData, NO_ROW};
use flow_plan::operator::JoinKind;
use flow_plan::physical::hidden::last_watermark;
use std::collections::VecDeque;

/// In a checkpoint: was a version behind time when it came?
const BEHIND: &str = "·behind";

/// A left row has its turn when its own time is over.
const NEAR: Near = Near { lo: 0, hi: 0 };

pub(crate) struct AsOf {
    kind: JoinKind,
    /// The change column of the left side, and whether withdrawals are given.
    change: Option<usize>,
    changes: bool,
    /// Left rows that wait, by time.
    waiting: Due,
    /// Versions whose time the watermark has not reached, by time.
    versions: Due,
    /// Versions that came behind time, by id: older ones are kept for left rows that came before them.
    late: Vec<(u64, u32)>,
    /// Left rows that are behind, with their versions.
    behind: VecDeque<(u32, u32)>,
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
        }
    }

    fn left(&mut self, core: &mut Core, rows: &[u32], met: &[i64], numbers: Vec<u32>, times: &[i64]) {
        for ((&row, number), &time) in rows.iter().zip(numbers).zip(times) {
            if met[row as usize] <= last_watermark(time) {
                self.waiting.push(time, number);
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

    /// The version that a left row meets that waited for it. (Of a number, left rows come first.)
    fn valid(&self, core: &Core, left: u32) -> u32 {
        let (time, number) = (core.kept[0].time(left), core.kept[0].number(left));
        let known = |version: u32| core.kept[1].number(version) < number || !was_behind(core, version);
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

    /// Does a left row wait that came before a version which was behind time, so that it meets older ones?
    fn is_unknown(&self, core: &Core, version: u32) -> bool {
        let [left, versions] = &core.kept;
        let first = || versions.key(version).map(|slot| left.first(slot)).filter(|first| *first != NO_ROW);
        was_behind(core, version)
            && first().is_some_and(|first| left.number(first) <= versions.number(version))
    }

    /// Drops the versions of a key that another one, which everybody can meet, has replaced.
    fn replace(&mut self, core: &mut Core, version: u32, watermark: i64) {
        let versions = &core.kept[1];
        let Some(slot) = versions.key(version) else { return };
        let of = |row: u32| (versions.time(row), versions.id(row));
        let for_all = |row: &u32| versions.time(*row) <= watermark && !self.is_unknown(core, *row);
        let Some(in_force) = versions.list(slot).filter(for_all).map(of).max() else { return };
        let replaced: Vec<u32> = versions.list(slot).filter(|&row| of(row) < in_force).collect();
        replaced.into_iter().for_each(|row| core.remove(1, row));
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
        until: impl FnMut(i64) -> bool,
    ) -> Result<bool, Halt> {
        let rows = next_due(core, &mut self.waiting, until, BATCH_ROWS);
        let more = rows.len() >= BATCH_ROWS;
        let versions = rows.iter().map(|&row| self.valid(core, row)).collect();
        self.give(core, cx, Phase::Due, rows, versions)?;
        Ok(more)
    }

    /// Frees the versions that nobody can meet any more.
    fn forget(&mut self, core: &mut Core, watermark: i64) {
        let mut in_force = std::mem::take(&mut self.late);
        while self.versions.first().is_some_and(|time| time <= watermark) {
            let popped = self.versions.pop().map(|(_, version)| version);
            in_force.extend(popped.map(|version| (core.kept[1].id(version), version)));
        }
        for (id, version) in in_force {
            if !core.kept[1].is_there(version) || core.kept[1].id(version) != id {
                // It was replaced.
                continue;
            }
            if self.is_unknown(core, version) {
                self.late.push((id, version));
            } else {
                self.replace(core, version, watermark);
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
            core.kept[1].set_note(number, (met[row as usize] > last_watermark(time)).into());
            self.versions.push(time, number);
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

    fn pass_up_to(&mut self, core: &mut Core, cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt> {
        // What is behind comes behind all that is due, and meets the versions it has found.
        self.due(core, cx, |time| last_watermark(time) < at.behind)
    }

    fn waiting(&mut self) -> Option<(&mut Due, Near)> {
        Some((&mut self.waiting, NEAR))
    }

    fn give_waiting(
        &mut self,
        core: &mut Core,
        cx: &mut Context<'_>,
        until: &mut dyn FnMut(i64) -> bool,
    ) -> Result<(), Halt> {
        self.due(core, cx, until).map(|_| ())
    }

    fn is_met_at_end(&self, core: &Core, slot: u32) -> bool {
        !core.kept[0].is_free(slot)
    }

    fn in_hand(&self, core: &Core, slots: &mut Vec<u32>) {
        slots.extend(self.behind.iter().filter_map(|&(left, _)| core.kept[0].key(left)));
    }

    fn came(&mut self, core: &Core, side: usize, rows: &[u32]) {
        let due = if side == 0 { &mut self.waiting } else { &mut self.versions };
        rows.iter().for_each(|&row| due.push(core.kept[side].time(row), row));
    }

    fn last(&self, side: usize, time: i64) -> i64 {
        // Versions are met whenever a row comes.
        if side == 0 { NEAR.last(0, time) } else { i64::MAX }
    }

    fn rows_move(&mut self, side: usize, moved: &[u32]) {
        let to = |row: u32| moved.get(row as usize).copied().unwrap_or(NO_ROW);
        if side == 0 {
            self.waiting.rows_move(moved);
            self.behind.iter_mut().for_each(|(left, _)| *left = to(*left));
            return;
        }
        self.versions.rows_move(moved);
        self.behind.iter_mut().for_each(|(_, version)| *version = to(*version));
        self.late.iter_mut().for_each(|(_, version)| *version = to(*version));
        self.late.retain(|(_, version)| *version != NO_ROW);
    }

    fn bytes(&self) -> usize {
        self.waiting.bytes() + self.versions.bytes() + room(&self.late)
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
