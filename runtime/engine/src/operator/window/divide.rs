//! Divides the rows of a batch by window or slice, and sets those apart that come behind the end of
//! their windows.

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
    /// The latest watermark that a row can meet whose own one is this; the one it meets, if it is known
    /// what stands behind its number.
    pub(crate) fn latest(self, own: i64) -> i64 {
        self.before.max(self.behind.map_or(own, |behind| own.min(behind)))
    }

    /// The earliest.
    pub(crate) fn earliest(self, own: i64) -> i64 {
        self.before.max(self.behind.map_or(i64::MIN, |behind| own.min(behind)))
    }
}

/// Where rows of a batch lie in time.
pub(crate) trait Locate {
    /// The window (or slice) that holds all rows, if it is one.
    fn alone(&self) -> Option<Bounds>;
    /// That of a row.
    fn of(&self, row: usize) -> Bounds;
    /// Does a window hold a row?
    fn holds(&self, bounds: Bounds, row: usize) -> bool;
    /// Of the windows that a slice lies in and that are still open, the least end, and the greatest of all.
    fn ends(&self, bounds: Bounds) -> (i64, i64);
}

/// By their times; each window is one slice.
pub(crate) struct ByTime<'a> {
    pub(crate) windows: &'a Tumbling,
    pub(crate) times: &'a [i64],
}

impl ByTime<'_> {
    pub(crate) fn alone(&self) -> Option<Bounds> {
        let first = self.times.iter().copied().min()?;
        let last = self.times.iter().copied().max()?;
        let bounds = self.windows.of(first);
        (bounds.contain(last) || self.windows.of(last) == bounds).then_some(bounds)
    }
}

impl Locate for ByTime<'_> {
    fn alone(&self) -> Option<Bounds> {
        ByTime::alone(self)
    }

    fn of(&self, row: usize) -> Bounds {
        self.windows.of(self.times[row])
    }

    #[inline]
    fn holds(&self, bounds: Bounds, row: usize) -> bool {
        bounds.contain(self.times[row])
    }

    fn ends(&self, bounds: Bounds) -> (i64, i64) {
        (bounds.end, bounds.end)
    }
}

/// By the windows they came from.
pub(crate) struct ByBounds<'a> {
    pub(crate) starts: &'a [i64],
    pub(crate) ends: &'a [i64],
}

impl Locate for ByBounds<'_> {
    fn alone(&self) -> Option<Bounds> {
        let (&start, &end) = (self.starts.first()?, self.ends.first()?);
        let alone = self.starts.iter().all(|other| *other == start) && self.ends.iter().all(|e| *e == end);
        alone.then_some(Bounds { start, end })
    }

    fn of(&self, row: usize) -> Bounds {
        Bounds { start: self.starts[row], end: self.ends[row] }
    }

    fn holds(&self, bounds: Bounds, row: usize) -> bool {
        self.of(row) == bounds
    }

    fn ends(&self, bounds: Bounds) -> (i64, i64) {
        (bounds.end, bounds.end)
    }
}

/// The rows of a batch.
#[derive(Default)]
pub(crate) struct Divided {
    /// By window, in the order in which windows were met; row numbers ascend.
    pub(crate) parts: Vec<(Bounds, Rows)>,
    /// Rows that come behind the end of all their windows.
    pub(crate) behind: Vec<u32>,
    /// From this row on, rows are not divided: it may be behind when the number is complete, or (if that is
    /// known) it is behind some of its windows and not behind others.
    pub(crate) rest: Option<usize>,
}

/// Rows of a batch.
pub(crate) enum Rows {
    All,
    These(Vec<u32>),
}

/// Divides rows, which have watermarks of their own.
pub(crate) fn divide(rows: &impl Locate, own: &[i64], moment: Moment) -> Divided {
    let latest = moment.latest(own.iter().copied().max().unwrap_or(i64::MIN));
    if let Some(bounds) = rows.alone()
        && rows.ends(bounds).0 > latest
    {
        return Divided { parts: vec![(bounds, Rows::All)], ..Divided::default() };
    }
    let mut divided = Divided::default();
    let mut parts = Parts::default();
    for (row, &own) in own.iter().enumerate() {
        let part = &mut parts.find(rows, row);
        let (next, last) = part.ends;
        if next <= latest {
            if last <= moment.earliest(own) {
                divided.behind.push(row as u32);
                continue;
            }
            if next <= moment.latest(own) {
                divided.rest = Some(row);
                break;
            }
        }
        part.rows.push(row as u32);
    }
    let parts = parts.list.into_iter().filter(|part| !part.rows.is_empty());
    divided.parts = parts.map(|part| (part.bounds, Rows::These(part.rows))).collect();
    divided
}

struct Part {
    bounds: Bounds,
    /// See [`Locate::ends`].
    ends: (i64, i64),
    rows: Vec<u32>,
}

/// The windows that were met in a batch.
#[derive(Default)]
struct Parts {
    list: Vec<Part>,
    /// The one that was met last.
    last: usize,
    known: BTreeMap<(i64, i64), usize>,
}

impl Parts {
    #[inline]
    fn find(&mut self, rows: &impl Locate, row: usize) -> &mut Part {
        if self.list.get(self.last).is_none_or(|part| !rows.holds(part.bounds, row)) {
            self.last = self.find_other(rows, row);
        }
        &mut self.list[self.last]
    }

    fn find_other(&mut self, rows: &impl Locate, row: usize) -> usize {
        // Unordered rows go to and fro between a few windows.
        let mut newest = self.list.iter().enumerate().rev().take(4);
        if let Some((part, _)) = newest.find(|(_, part)| rows.holds(part.bounds, row)) {
            return part;
        }
        let bounds = rows.of(row);
        *self.known.entry((bounds.start, bounds.end)).or_insert_with(|| {
            self.list.push(Part { bounds, ends: rows.ends(bounds), rows: Vec::new() });
            self.list.len() - 1
        })
    }
}
