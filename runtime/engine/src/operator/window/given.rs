//! Results that may be given again: the rows that say so. In a changelog, what was given is withdrawn before
//! its replacement, and what stays as it was is not given again.

use super::births::Birth;
use super::pane::results_with_bounds;
use super::windows::Common;
use crate::number::Number;
use crate::ranks::{Phase, Ranks};
use flow_data::{Batch, Column};
use flow_plan::Value;
use flow_plan::order::identical;
use std::collections::BTreeMap;

/// What was given of a window's groups, by slot: only of changelogs.
#[derive(Default)]
pub(crate) struct Given {
    rows: BTreeMap<u32, Vec<Vec<Value>>>,
}

/// Why results are given: their ranks.
pub(crate) enum Rank {
    /// Time has passed.
    Due(Phase),
    /// A row was behind.
    Row { number: Number, own: Vec<i64> },
}

/// Results of some groups.
pub(crate) struct Results<'a> {
    pub(crate) slots: Vec<u32>,
    pub(crate) keys: Vec<Column>,
    pub(crate) starts: Vec<i64>,
    pub(crate) ends: Vec<i64>,
    pub(crate) results: Vec<Column>,
    pub(crate) watermark: i64,
    /// Rows of these that were refused.
    pub(crate) refused: Vec<u32>,
    pub(crate) births: Vec<Birth>,
    pub(crate) rank: &'a Rank,
}

/// Rows to give.
pub(crate) struct Replaced {
    pub(crate) batch: Batch,
    /// The order of rows that are given together: by the end of the window, then by the group's first row.
    pub(crate) order: Vec<(i64, u64)>,
}

impl Given {
    /// Takes results for what is given now; the rows that say so.
    pub(crate) fn replace(&mut self, common: &Common, new: Results<'_>) -> Replaced {
        let len = new.slots.len();
        let ends = new.ends.clone();
        let made =
            results_with_bounds(new.keys, new.starts, ends, new.results, new.watermark, &common.output);
        let taken = |row: &usize| !new.refused.contains(&(*row as u32));
        let (mut batch, rows) = match common.output.changes {
            false if new.refused.is_empty() => (made, (0..len).collect()),
            false => {
                let rows: Vec<usize> = (0..len).filter(taken).collect();
                (made.gather(&rows.iter().map(|row| *row as u32).collect::<Vec<_>>()), rows)
            }
            true => self.changes(common, &made, &new.slots, &new.refused, new.watermark),
        };
        let mut ranks = Ranks::new(common.output.rank);
        for &row in &rows {
            match new.rank {
                Rank::Due(phase) => new.births[row].rank(*phase, new.ends[row], &mut ranks),
                Rank::Row { number, own } => ranks.push(Phase::Behind, 0, *number, own),
            }
        }
        ranks.append_to(&mut batch);
        let order = rows.into_iter().map(|row| (new.ends[row], new.births[row].place)).collect();
        Replaced { batch, order }
    }

    /// Withdrawals and replacements, with the row of `made` each belongs to.
    fn changes(
        &mut self,
        common: &Common,
        made: &Batch,
        slots: &[u32],
        refused: &[u32],
        watermark: i64,
    ) -> (Batch, Vec<usize>) {
        let schema = &common.given;
        let (change, mark) = (schema.fields.len() - 1, schema.fields.len() - 2);
        let (mut out, mut of) = (Vec::new(), Vec::new());
        for (row, slot) in slots.iter().enumerate() {
            let new = (!refused.contains(&(row as u32))).then(|| made.row(row, schema));
            let olds = self.rows.remove(slot).unwrap_or_default();
            let same = |old: &&Vec<Value>| {
                let new = new.iter().flat_map(|new| &new[..mark - 1]);
                new.clone().count() == mark - 1 && old.iter().zip(new).all(|(a, b)| identical(a, b))
            };
            let stays = olds.iter().position(|old| same(&old));
            let (mut kept, is_new) = (Vec::new(), stays.is_none());
            for (place, old) in olds.into_iter().enumerate() {
                if stays == Some(place) {
                    kept.push(old);
                    continue;
                }
                let mut gone = old;
                (gone[mark], gone[change]) = (Value::Timestamp(watermark), Value::Int(-1));
                out.push(gone);
                of.push(row);
            }
            if let Some(new) = new.filter(|_| is_new) {
                kept.push(new.clone());
                out.push(new);
                of.push(row);
            }
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
    pub(crate) fn is_given(&self, slot: u32) -> bool {
        self.rows.get(&slot).is_some_and(|rows| !rows.is_empty())
    }

    /// Forgets a group.
    pub(crate) fn forget(&mut self, slot: u32) {
        self.rows.remove(&slot);
    }

    /// The bytes it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let values = |rows: &Vec<Vec<Value>>| rows.iter().map(Vec::len).sum::<usize>();
        self.rows.values().map(|rows| 96 + values(rows) * size_of::<Value>()).sum()
    }
}

/// Rows that are given together, in their order.
pub(crate) fn in_order(all: Vec<Replaced>) -> Batch {
    let order: Vec<(i64, u64)> = all.iter().flat_map(|given| given.order.iter().copied()).collect();
    let batch = Batch::concat(all.into_iter().map(|given| given.batch).collect());
    if order.is_sorted() {
        return batch;
    }
    let mut rows: Vec<u32> = (0..order.len() as u32).collect();
    rows.sort_by_key(|row| order[*row as usize]);
    batch.gather(&rows)
}
