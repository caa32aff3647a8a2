//! Results that may be given again: the rows that say so. In a changelog, what was given is withdrawn before
//! its replacement, and what stays as it was is not given again.

use super::births::Birth;
use super::bounds::Bounds;
use super::pane::{Rows, results_with_bounds};
use super::windows::Common;
use crate::number::Number;
use crate::ranks::{Phase, Ranks, Turn};
use crate::state::Made;
use flow_data::{Batch, Column};
use flow_plan::Value;
use flow_plan::order::identical;
use flow_plan::weight::heap;
use std::collections::BTreeMap;

/// What was given of a window's groups, by slot: only of changelogs, and of lists of which only what is new is
/// given again.
#[derive(Default)]
pub(crate) struct Given {
    rows: BTreeMap<u32, Vec<Vec<Value>>>,
    /// What the values of all rows take, about.
    bytes: usize,
}

/// Why results are given: their ranks.
pub(crate) enum Rank {
    /// Time has passed.
    Due(Phase),
    /// Time has passed for a session: before a row extended it, or at the end of the number.
    Session { before: bool },
    /// No row can reach the window any more: so far behind its end.
    Over { behind: i64 },
    /// A row was behind: the watermark it met, its place among the rows of this worker, and its ranks.
    Row { met: i64, place: u64, number: Number, own: Vec<i64> },
}

/// Results of some groups.
pub(crate) struct Results<'a> {
    pub(crate) slots: Vec<u32>,
    pub(crate) keys: Vec<Column>,
    pub(crate) starts: Vec<i64>,
    pub(crate) ends: Vec<i64>,
    pub(crate) results: Made,
    pub(crate) watermark: i64,
    /// Those of them that were refused.
    pub(crate) refused: Vec<u32>,
    pub(crate) births: Vec<Birth>,
    pub(crate) rank: &'a Rank,
}

/// Rows to give.
pub(crate) struct Replaced {
    pub(crate) batch: Batch,
    /// The order of rows that are given together: by their turn, then by the group's first row, or the row behind.
    pub(crate) order: Vec<(Turn, u64)>,
    /// The same where groups may be on disk, and their places say nothing: the number and the ranks of that row.
    pub(crate) born: Vec<Vec<i64>>,
}

impl Replaced {
    /// Those whose turn has come at a time; and the others.
    pub(crate) fn until(self, time: i64) -> (Replaced, Replaced) {
        let (now, later): (Vec<u32>, Vec<u32>) =
            (0..self.order.len() as u32).partition(|row| self.order[*row as usize].0.0 <= time);
        (self.these(&now), self.these(&later))
    }

    fn these(&self, rows: &[u32]) -> Replaced {
        let at = |row: &u32| *row as usize;
        Replaced {
            batch: self.batch.gather(rows),
            order: rows.iter().map(|row| self.order[at(row)]).collect(),
            born: rows.iter().filter_map(|row| self.born.get(at(row)).cloned()).collect(),
        }
    }
}

impl Given {
    /// Takes results for what is given now; the rows that say so.
    pub(crate) fn replace(&mut self, common: &Common, new: Results<'_>) -> Replaced {
        let (starts, ends) = (new.starts.clone(), new.ends.clone());
        let made =
            results_with_bounds(new.keys, new.starts, ends, new.results, new.watermark, &common.output);
        let (mut batch, of) = match common.output.remembers() {
            false if new.refused.is_empty() => (made.batch, made.of),
            false => {
                let taken = |row: &u32| !new.refused.contains(&made.of[*row as usize]);
                let rows: Vec<u32> = (0..made.of.len() as u32).filter(taken).collect();
                (made.batch.gather(&rows), rows.iter().map(|&row| made.of[row as usize]).collect())
            }
            true => self.changes(common, &made, &new.slots, &new.refused, new.watermark),
        };
        let mut ranks = Ranks::new(common.output.origin.rank);
        let (mut order, mut born) = (Vec::with_capacity(of.len()), Vec::new());
        let spilled = common.output.origin.spilled.is_some();
        for of in of.iter().map(|&of| of as usize) {
            let bounds = Bounds { start: starts[of], end: new.ends[of] };
            let birth = &new.births[of];
            let (turn, place) = match new.rank {
                Rank::Due(phase) => {
                    let turn = common.output.turn(bounds);
                    birth.rank(*phase, turn, &mut ranks);
                    (turn, birth.place)
                }
                Rank::Session { before } => {
                    let turn = (bounds.end.saturating_add(1), i64::from(!before));
                    birth.rank(Phase::Due, turn, &mut ranks);
                    (turn, birth.place)
                }
                Rank::Over { behind } => {
                    // Behind what is due at that time.
                    let turn = (bounds.end.saturating_add(*behind), i64::MAX - 1);
                    birth.rank(Phase::Due, turn, &mut ranks);
                    (turn, birth.place)
                }
                Rank::Row { met, place, number, own } => {
                    // Behind all that is due for it.
                    let turn = (*met, i64::MAX);
                    ranks.push_at(Phase::Due, turn, *number, own);
                    (turn, *place)
                }
            };
            order.push((turn, place));
            born.extend(spilled.then(|| match new.rank {
                Rank::Row { place, number, own, .. } if own.is_empty() => vec![*number as i64, *place as i64],
                Rank::Row { number, own, .. } => {
                    std::iter::once(*number as i64).chain(own.iter().copied()).collect()
                }
                _ => birth.seen(),
            }));
        }
        ranks.append_to(&mut batch);
        Replaced { batch, order, born }
    }

    /// Withdrawals and replacements, with the group that each belongs to.
    fn changes(
        &mut self,
        common: &Common,
        made: &Rows,
        slots: &[u32],
        refused: &[u32],
        watermark: i64,
    ) -> (Batch, Vec<u32>) {
        let schema = &common.given;
        let changes = common.output.changes;
        let mark = schema.fields.len() - 1 - usize::from(changes);
        let replacing =
            Replacing { columns: mark - 1, ranked: common.output.listed.is_some_and(|l| l.place) };
        let (mut out, mut of) = (Vec::new(), Vec::new());
        let mut next = 0;
        for (group, slot) in slots.iter().enumerate() {
            let first = next;
            while made.of.get(next).is_some_and(|of| *of as usize == group) {
                next += 1;
            }
            let rows = if refused.contains(&(group as u32)) { first..first } else { first..next };
            let new = rows.map(|row| made.batch.row(row, schema)).collect();
            let old = self.take(*slot);
            let kept = replacing.replace(old, new, |mut row, change| {
                if change > 0 || changes {
                    if change < 0 {
                        (row[mark], row[mark + 1]) = (Value::Timestamp(watermark), Value::Int(-1));
                    }
                    out.push(row);
                    of.push(group as u32);
                }
            });
            self.bytes += bytes(&kept);
            self.rows.insert(*slot, kept);
        }
        (Batch::from_rows(&out, schema), of)
    }

    /// What was given of one group was given of another, which takes its place.
    pub(crate) fn join(&mut self, slot: u32, later: u32) {
        if let Some(rows) = self.rows.remove(&later) {
            self.rows.entry(slot).or_default().extend(rows);
        }
    }

    /// Is something given of a group?
    pub(crate) fn has(&self, slot: u32) -> bool {
        self.rows.get(&slot).is_some_and(|rows| !rows.is_empty())
    }

    /// Is nothing remembered?
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What was given of these groups, or of all.
    pub(crate) fn rows_of(&self, only: Option<&[u32]>) -> Vec<(u32, &[Vec<Value>])> {
        let of = |slot: &u32| Some((*slot, self.rows.get(slot)?.as_slice()));
        match only {
            Some(slots) => slots.iter().filter_map(of).collect(),
            None => self.rows.keys().filter_map(of).collect(),
        }
    }

    /// Adds a row that was given of a group.
    pub(crate) fn push(&mut self, slot: u32, row: Vec<Value>) {
        self.bytes += bytes(std::slice::from_ref(&row));
        self.rows.entry(slot).or_default().push(row);
    }

    /// Takes out what was given of a group.
    fn take(&mut self, slot: u32) -> Vec<Vec<Value>> {
        let rows = self.rows.remove(&slot).unwrap_or_default();
        self.bytes -= bytes(&rows);
        rows
    }

    /// Forgets a group.
    pub(crate) fn forget(&mut self, slot: u32) {
        self.take(slot);
    }

    /// Keeps these groups, which ascend; they become slots `0..`.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        let mut kept = Given::default();
        for (at, &slot) in slots.iter().enumerate() {
            self.take(slot).into_iter().for_each(|row| kept.push(at as u32, row));
        }
        *self = kept;
    }

    /// The bytes it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.len() * 96 + self.bytes
    }
}

/// What the values of rows take, about.
fn bytes(rows: &[Vec<Value>]) -> usize {
    rows.iter().flatten().map(|value| size_of::<Value>() + heap(value)).sum()
}

/// How rows that were given are replaced.
struct Replacing {
    /// The columns in which rows are compared.
    columns: usize,
    /// Has each row a place of its own?
    ranked: bool,
}

impl Replacing {
    fn same(&self, a: &[Value], b: &[Value]) -> bool {
        a[..self.columns].iter().zip(&b[..self.columns]).all(|(a, b)| identical(a, b))
    }

    /// What is given behind it; `out` gets what goes (-1) and what comes (1).
    fn replace(
        &self,
        old: Vec<Vec<Value>>,
        new: Vec<Vec<Value>>,
        mut out: impl FnMut(Vec<Value>, i64),
    ) -> Vec<Vec<Value>> {
        let mut given = Vec::with_capacity(new.len());
        if self.ranked {
            let (mut old, mut new) = (old.into_iter(), new.into_iter());
            loop {
                match (old.next(), new.next()) {
                    (None, None) => return given,
                    (Some(before), Some(now)) if self.same(&before, &now) => given.push(before),
                    (before, now) => {
                        before.into_iter().for_each(|row| out(row, -1));
                        now.iter().for_each(|row| out(row.clone(), 1));
                        given.extend(now);
                    }
                }
            }
        }
        // Each row that stays, once; it is as it was given.
        let mut old: Vec<Option<Vec<Value>>> = old.into_iter().map(Some).collect();
        let mut added = Vec::new();
        for now in new {
            let stays = old.iter_mut().find(|old| old.as_ref().is_some_and(|old| self.same(old, &now)));
            given.push(stays.and_then(Option::take).unwrap_or_else(|| {
                added.push(now.clone());
                now
            }));
        }
        old.into_iter().flatten().for_each(|row| out(row, -1));
        added.into_iter().for_each(|row| out(row, 1));
        given
    }
}

/// Rows that are given together, in their order.
pub(crate) fn in_order(all: Vec<Replaced>) -> Batch {
    let order: Vec<(Turn, u64)> = all.iter().flat_map(|given| given.order.iter().copied()).collect();
    let born: Vec<Vec<i64>> = all.iter().flat_map(|given| given.born.iter().cloned()).collect();
    let batch = Batch::concat(all.into_iter().map(|given| given.batch).collect());
    if !born.is_empty() {
        let mut rows: Vec<u32> = (0..order.len() as u32).collect();
        rows.sort_by_key(|row| (order[*row as usize].0, &born[*row as usize]));
        return batch.gather(&rows);
    }
    if order.is_sorted() {
        return batch;
    }
    let mut rows: Vec<u32> = (0..order.len() as u32).collect();
    rows.sort_by_key(|row| order[*row as usize]);
    batch.gather(&rows)
}
