//! What an operator has given, and what it gives when that is replaced.

use super::sequence::Row;
use crate::order::identical;
use crate::value::Value;

/// A row as it was given, without its change, and what tells it from other rows of the same result.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) id: u64,
    pub(super) row: Row,
}

/// How results are replaced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replacing {
    /// How many columns make the result: those behind say for which row it is given.
    pub(super) columns: usize,
    /// Where the watermark stands.
    pub(super) watermark: Option<usize>,
    /// Are withdrawals given?
    pub(super) changes: bool,
    /// Does each row have a place of its own?
    pub(super) ranked: bool,
    /// Is a result that does not change given again to those who want no withdrawals?
    pub(super) again: bool,
}

impl Replacing {
    /// Is it the same row, for those who read what is given?
    fn same(&self, a: &Given, b: &Given) -> bool {
        let alike = alike(&a.row[..self.columns], &b.row[..self.columns]);
        if self.changes { alike } else { alike && a.id == b.id }
    }

    /// Makes `given` what is `new`; the rows that say so. Withdrawals carry the watermark of the row that
    /// caused them, if rows carry one.
    pub(super) fn replace(&self, given: &mut Vec<Given>, new: Vec<Given>, watermark: i64) -> Vec<Row> {
        let old = std::mem::take(given);
        let withdrawn = |before: &Given| self.row(&self.with_watermark(&before.row, watermark), -1);
        let mut out = Vec::new();
        if self.again && !self.changes {
            out.extend(new.iter().map(|given| given.row.clone()));
            *given = new;
            return out;
        }
        if self.ranked {
            // Place by place.
            for place in 0..old.len().max(new.len()) {
                let (before, now) = (old.get(place), new.get(place));
                if let (Some(before), Some(now)) = (before, now)
                    && self.same(before, now)
                {
                    given.push(before.clone());
                    continue;
                }
                out.extend(before.and_then(withdrawn));
                out.extend(now.and_then(|now| self.row(&now.row, 1)));
                given.extend(now.cloned());
            }
            return out;
        }
        // Each row that stays, once; it is as it was given.
        let mut stays = vec![false; old.len()];
        let mut added = Vec::new();
        for now in new {
            match (0..old.len()).find(|place| !stays[*place] && self.same(&old[*place], &now)) {
                Some(place) => {
                    stays[place] = true;
                    given.push(old[place].clone());
                }
                None => {
                    added.extend(self.row(&now.row, 1));
                    given.push(now);
                }
            }
        }
        let gone = old.iter().zip(stays).filter(|(_, stays)| !stays);
        out.extend(gone.filter_map(|(before, _)| withdrawn(before)));
        out.extend(added);
        out
    }

    /// The row with another watermark.
    fn with_watermark(&self, row: &Row, watermark: i64) -> Row {
        let mut row = row.clone();
        if let Some(column) = self.watermark {
            row[column] = Value::Timestamp(watermark);
        }
        row
    }

    fn row(&self, row: &Row, change: i64) -> Option<Row> {
        let change = match (self.changes, change) {
            (true, change) => Some(Value::Int(change)),
            (false, 1) => None,
            (false, _) => return None,
        };
        Some(row.iter().cloned().chain(change).collect())
    }
}

/// Bit for bit the same values?
pub(super) fn alike(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| identical(a, b))
}
