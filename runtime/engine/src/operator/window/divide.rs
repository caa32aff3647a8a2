//! Divides the rows of a batch by window, and sets those apart that come behind their window's end.

use super::bounds::{Bounds, Tumbling};
use std::collections::BTreeMap;

/// Times in front of and behind the number that rows belong to.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// The watermark in front of the number.
    pub(crate) before: i64,
    /// The watermark behind it, if it is known already.
    pub(crate) behind: Option<i64>,
}

impl Moment {
    /// The latest watermark that a row can meet whose own one is this.
    pub(crate) fn latest(self, own: i64) -> i64 {
        self.before.max(self.behind.map_or(own, |behind| own.min(behind)))
    }

    /// The earliest.
    fn earliest(self, own: i64) -> i64 {
        self.before.max(self.behind.map_or(i64::MIN, |behind| own.min(behind)))
    }
}

/// The rows of a batch.
#[derive(Default)]
pub(crate) struct Divided {
    /// By window, in the order in which windows were met; row numbers ascend.
    pub(crate) parts: Vec<(Bounds, Rows)>,
    /// Rows that come behind the end of their window.
    pub(crate) behind: Vec<u32>,
    /// From this row on, what is behind is not known before the number is complete.
    pub(crate) held_from: Option<usize>,
}

/// Rows of a batch.
pub(crate) enum Rows {
    All,
    These(Vec<u32>),
}

/// Divides rows of these times with these watermarks of their own.
pub(crate) fn divide(windows: &Tumbling, times: &[i64], own: &[i64], moment: Moment) -> Divided {
    let (Some(first), Some(last)) = (times.iter().copied().min(), times.iter().copied().max()) else {
        return Divided::default();
    };
    let latest = moment.latest(own.iter().copied().max().unwrap_or(i64::MIN));
    let bounds = windows.of(first);
    if bounds.end > latest && (bounds.contain(last) || windows.of(last) == bounds) {
        return Divided { parts: vec![(bounds, Rows::All)], ..Divided::default() };
    }
    let mut divided = Divided::default();
    let mut parts = Parts::default();
    let checked = bounds.end <= latest;
    for (row, &time) in times.iter().enumerate() {
        let part = parts.find(windows, time);
        if checked {
            let end = parts.list[part].0.end;
            if end <= moment.earliest(own[row]) {
                divided.behind.push(row as u32);
                continue;
            }
            if end <= moment.latest(own[row]) {
                divided.held_from = Some(row);
                break;
            }
        }
        parts.list[part].1.push(row as u32);
    }
    let parts = parts.list.into_iter().filter(|(_, rows)| !rows.is_empty());
    divided.parts = parts.map(|(bounds, rows)| (bounds, Rows::These(rows))).collect();
    divided
}

/// The windows that were met in a batch.
#[derive(Default)]
struct Parts {
    list: Vec<(Bounds, Vec<u32>)>,
    /// The one that was met last.
    last: usize,
    by_start: BTreeMap<i64, usize>,
}

impl Parts {
    #[inline]
    fn find(&mut self, windows: &Tumbling, time: i64) -> usize {
        if self.list.get(self.last).is_none_or(|(bounds, _)| !bounds.contain(time)) {
            self.last = self.find_other(windows, time);
        }
        self.last
    }

    fn find_other(&mut self, windows: &Tumbling, time: i64) -> usize {
        // Unordered rows go to and fro between a few windows.
        let newest = self.list.iter().enumerate().rev().take(4);
        if let Some((part, _)) = newest.into_iter().find(|(_, (bounds, _))| bounds.contain(time)) {
            return part;
        }
        let bounds = windows.of(time);
        *self.by_start.entry(bounds.start).or_insert_with(|| {
            self.list.push((bounds, Vec::new()));
            self.list.len() - 1
        })
    }
}
