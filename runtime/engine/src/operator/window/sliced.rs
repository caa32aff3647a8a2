//! Windows that overlap share slices: a row is added to one slice, and slices are merged in the order of
//! time when a window ends.

mod spilling;

use super::births::{Places, Reborn};
use super::book;
use super::bounds::{Bounds, Overlapping, Tumbling};
use super::divide::{ByTime, Locate, Moment, Rows, divide};
use super::kept::{GIVEN_TO, SLICE_START, shared};
use super::pane::{Pane, RefusedResult};
use super::panes::{Described, Panes};
use super::windows::{Common, Windows, rest};
use crate::context::Context;
use crate::error::Halt;
use crate::number::at_end_of_time;
use crate::operator::{Flush, on_disk};
use crate::snapshot::{Loading, Saving};
use crate::state::{ColdError, Held, Shelf, Shelves};
use flow_data::{BATCH_ROWS, Batch};
use std::collections::BTreeMap;

pub(crate) struct Sliced {
    windows: Overlapping,
    slicing: Tumbling,
    /// By start: each slice begins at a time that lies in it.
    slices: Panes,
    /// Windows up to this end are given.
    given_to: i128,
    /// What the end of the input gives piece by piece.
    flushing: Option<Merged>,
    /// Up to where windows are being given, and the rows that are behind some of them.
    giving: Option<(i64, Between)>,
    /// Of cumulative windows, the last one that was given: the next one of the same start holds all of it.
    last: Option<Last>,
}

/// Slices that were merged for a window.
struct Last {
    start: i64,
    end: i128,
    pane: Pane,
}

/// A window that is due.
struct Merged {
    bounds: Bounds,
    pane: Pane,
    /// Its slots in the order of their results.
    order: Vec<u32>,
    given: usize,
    /// Does it hold all rows of its slices, without an error?
    whole: bool,
}

/// Rows that are behind some of their windows: these are given without them.
#[derive(Default)]
struct Between {
    batch: Batch,
    /// The watermark each row meets.
    met: Vec<i64>,
    /// By slice.
    rows: BTreeMap<i64, Vec<u32>>,
}

/// Slices by time.
struct BySlice<'a> {
    by_time: ByTime<'a>,
    windows: &'a Overlapping,
    given_to: i128,
}

impl Locate for BySlice<'_> {
    fn alone(&self) -> Option<Bounds> {
        self.by_time.alone()
    }

    fn of(&self, row: usize) -> Bounds {
        self.by_time.of(row)
    }

    #[inline]
    fn holds(&self, bounds: Bounds, row: usize) -> bool {
        self.by_time.holds(bounds, row)
    }

    fn ends(&self, bounds: Bounds) -> (i64, i64) {
        let last = self.windows.last_end(bounds.start);
        let next = self.windows.next_end(bounds.start, self.given_to).unwrap_or(last);
        (clamp(next), clamp(last))
    }
}

/// What stands beside the groups of a slice.
fn bounds((start, _): Shelf, written_to: Option<i64>) -> book::Bounds {
    std::iter::once((SLICE_START, start)).chain(written_to.map(|to| (GIVEN_TO, to))).collect()
}

/// Where a slice stands among others.
fn slice(start: i64) -> Shelf {
    (start, 0)
}

fn clamp(end: i128) -> i64 {
    end.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

impl Sliced {
    pub(crate) fn new(windows: Overlapping, common: &Common, shelves: Option<Shelves>) -> Sliced {
        let slicing = windows.slices();
        let slices = Panes::new(Described { name: "slices", columns: bounds, key: 1 }, shelves);
        Sliced {
            windows,
            slicing,
            // Event time says itself up to where windows are given; the clock on the wall does not.
            slices: if common.is_processing_time() { slices.says_given_to() } else { slices },
            given_to: i128::MIN,
            flushing: None,
            giving: None,
            last: None,
        }
    }

    /// The end of the next window; slices of which nothing more is to be given go away.
    fn next(&mut self, common: &Common) -> Result<Option<i128>, ColdError> {
        while let Some(first) = self.slices.first() {
            if let Some(end) = self.windows.next_end(first.0, self.given_to) {
                return Ok(Some(end));
            }
            self.slices.leave(common, first)?;
        }
        Ok(None)
    }

    /// Adds rows of a batch to a slice.
    fn add(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        start: i64,
        batch: &Batch,
        rows: Rows,
    ) -> Result<(), Halt> {
        self.last.take_if(|last| last.start <= start && i128::from(start) < last.end);
        self.slices.add(common, cx, slice(start), batch, rows)
    }

    /// Merges the slices of a window. If there is no room for all of their groups, they are given by [`Panes::next_piece`].
    fn merged(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        end: i128,
        between: &Between,
    ) -> Result<Option<Merged>, Halt> {
        let bounds = self.windows.window(end);
        if self.slices.spills() && !self.in_memory(common, end).map_err(|error| on_disk(cx, &error))? {
            self.merge_on_disk(common, cx, end, between)?;
            return Ok(None);
        }
        let last = self.last.take().filter(|last| last.start == bounds.start && between.rows.is_empty());
        let (mut all, from) = match last {
            Some(last) => (last.pane, clamp(last.end)),
            None => (Pane::new(&common.shape, &common.output), bounds.start),
        };
        let mut refused: Vec<RefusedResult> = Vec::new();
        let slices = self.slices.open().range((from, 0)..);
        for ((start, _), slice) in slices.take_while(|((start, _), _)| i128::from(*start) < end) {
            let (shape, scratch) = (&common.shape, &mut common.scratch);
            let rows: Vec<u32> = between.rows.get(start).into_iter().flatten().copied().collect();
            let rows: Vec<u32> =
                rows.into_iter().filter(|&row| between.met[row as usize] < clamp(end)).collect();
            if rows.is_empty() {
                all.merge(shape, scratch, slice, &mut refused);
                continue;
            }
            let mut with = Pane::new(shape, &common.output);
            with.merge(shape, scratch, slice, &mut refused);
            // What they refuse is told when the rows are added to the slice itself.
            let part = between.batch.gather(&rows);
            with.add(shape, scratch, cx.number, Places::new(common.rows, Some(rows)), part);
            all.merge(shape, scratch, &with, &mut refused);
        }
        let mut order = all.order();
        let whole = refused.is_empty() && between.rows.is_empty();
        common.refuse_results(cx, &all, bounds, refused, &mut order)?;
        Ok(Some(Merged { bounds, pane: all, order, given: 0, whole }))
    }

    /// A window was given: what was merged for it is not merged again for the next one of the same start.
    fn gave(&mut self, merged: Merged, end: i128) {
        let start = merged.bounds.start;
        let goes_on =
            matches!(self.windows, Overlapping::Cumulative { .. }) && end < self.windows.last_end(start);
        if goes_on && merged.whole && !self.slices.spills() {
            self.last = Some(Last { start, end, pane: merged.pane });
        }
    }

    /// What is to be known of rows that are behind some of their windows. All their slices exist.
    fn between(&mut self, common: &Common, moment: Moment, rest: Vec<Batch>) -> Between {
        if rest.is_empty() {
            return Between::default();
        }
        let batch = Batch::concat(rest);
        let met: Vec<i64> = common.watermarks(&batch).iter().map(|own| moment.latest(*own)).collect();
        let mut rows: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for (row, time) in common.times(&batch).iter().enumerate() {
            let start = self.slicing.of(*time).start;
            if clamp(self.windows.last_end(start)) > met[row] {
                rows.entry(start).or_default().push(row as u32);
            }
        }
        for start in rows.keys() {
            self.slices.begin(common, slice(*start));
        }
        Between { batch, met, rows }
    }

    /// Takes rows that were behind some of their windows, which are given now.
    fn take_between(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        between: &Between,
    ) -> Result<(), Halt> {
        for (start, rows) in &between.rows {
            if self.slices.open().contains_key(&slice(*start))
                && self.windows.last_end(*start) > self.given_to
            {
                self.add(common, cx, *start, &between.batch, Rows::These(rows.clone()))?;
            }
        }
        let taken: Vec<u32> = between.rows.values().flatten().copied().collect();
        let late = |row: &u32| !taken.contains(row);
        let late: Vec<u32> = (0..between.batch.len as u32).filter(late).collect();
        common.set_behind(cx.number, &between.batch, &late);
        common.rows += between.batch.len as u64;
        Ok(())
    }
}

impl Merged {
    fn next(&mut self, common: &Common) -> Option<Batch> {
        let to = self.order.len().min(self.given + BATCH_ROWS);
        let slots = &self.order[self.given..to];
        self.given = to;
        (!slots.is_empty()).then(|| self.pane.results_of(slots, self.bounds, &common.output).batch)
    }
}

impl Windows for Sliced {
    fn take(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        batch: Batch,
        moment: Moment,
    ) -> Result<Option<Batch>, Halt> {
        // Windows that ended in front of this number are nothing to its rows.
        self.given_to = self.given_to.max(moment.before.into());
        let times = common.times(&batch);
        let by_time = ByTime { windows: &self.slicing, times: &times };
        let rows = BySlice { by_time, windows: &self.windows, given_to: self.given_to };
        let divided = divide(&rows, &common.watermarks(&batch), moment);
        for (bounds, rows) in divided.parts {
            self.add(common, cx, bounds.start, &batch, rows)?;
        }
        self.slices.relieve(common).map_err(|error| on_disk(cx, &error))?;
        common.set_behind(cx.number, &batch, &divided.behind);
        common.rows += batch.len as u64;
        Ok(divided.rest.map(|from| rest(&batch, from)))
    }

    fn give(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        moment: Moment,
        rest: Vec<Batch>,
    ) -> Result<(), Halt> {
        let between = self.between(common, moment, rest);
        self.giving = Some((moment.latest(i64::MAX), between));
        if !self.slices.spills() {
            while self.give_more(common, cx)? {}
        }
        Ok(())
    }

    fn give_more(&mut self, common: &mut Common, cx: &mut Context<'_>) -> Result<bool, Halt> {
        if self.slices.is_closing() {
            self.slices.next_piece(common, cx).map_err(|error| on_disk(cx, &error))?;
            return Ok(true);
        }
        let Some((now, between)) = self.giving.take() else { return Ok(false) };
        // What would end behind the last timestamp is due at the end of time.
        let next = self.next(common).map_err(|error| on_disk(cx, &error))?;
        if let Some(end) = next.filter(|end| clamp(*end) <= now) {
            if let Some(mut merged) = self.merged(common, cx, end, &between)? {
                while let Some(batch) = merged.next(common) {
                    cx.emit(batch);
                }
                self.gave(merged, end);
            }
            self.given_to = end;
            self.giving = Some((now, between));
            return Ok(true);
        }
        self.given_to = self.given_to.max(now.into());
        self.take_between(common, cx, &between)?;
        Ok(false)
    }

    fn save(&mut self, common: &Common, out: &mut Saving) {
        let written_to = common.is_processing_time().then_some(clamp(self.given_to));
        // How far windows are given stands beside each group.
        self.slices.mark(common, out, written_to.is_some(), written_to);
    }

    fn save_more(&mut self, common: &Common, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.slices.save_more(common, out, entries)
    }

    fn load(&mut self, common: &mut Common, from: &mut Loading, now: i64) -> Result<(), String> {
        if from.has("windows") {
            let (slices, given_to) = shared(common, from, self.windows, now)?;
            slices.into_iter().for_each(|(start, pane)| self.slices.insert(common, slice(start), pane));
            self.given_to = self.given_to.max(given_to);
            return self.slices.relieve(common).map_err(|error| error.to_string());
        }
        common.output.origin.widen(from.rank_columns("slices"));
        let saved = Reborn::new(&from.table("slices"), common.output.origin);
        let starts = saved.groups.ints(SLICE_START);
        for (start, rows) in saved.by(|row| starts[row]) {
            self.slices.load(common, slice(start), &saved, &rows)?;
        }
        if !common.is_processing_time() {
            self.given_to = now.into();
        } else if let Some(to) = saved.groups.ints(GIVEN_TO).into_iter().min() {
            // What comes piece by piece says it each time.
            let known = Some(self.given_to).filter(|known| *known > i128::MIN);
            self.given_to = known.map_or(to.into(), |known| known.min(to.into()));
        }
        common.rows += saved.groups.len() as u64;
        self.slices.relieve(common).map_err(|error| error.to_string())
    }

    fn held(&self) -> Held {
        let last = self.last.iter().map(|last| Held { keys: 0, ..last.pane.held() });
        last.fold(self.slices.held(), |all, held| all + held)
    }

    fn next_end(&mut self) -> Result<Option<i64>, ColdError> {
        let ends = |(start, _): Shelf| self.windows.next_end(start, self.given_to);
        Ok(self.slices.range((i64::MIN, 0)..=(i64::MAX, 0)).into_iter().find_map(ends).map(clamp))
    }

    fn flush(&mut self, common: &mut Common, cx: &mut Context<'_>, level: u32) -> Result<Flush, Halt> {
        if self.flushing.is_none() && !self.slices.is_closing() {
            let next = self.next(common).map_err(|error| on_disk(cx, &error))?;
            let Some(end) = next else { return Ok(Flush::Done) };
            cx.number = at_end_of_time(level, clamp(end));
            self.flushing = self.merged(common, cx, end, &Between::default())?;
            self.given_to = end;
        }
        cx.number = at_end_of_time(level, clamp(self.given_to));
        if let Some(merged) = &mut self.flushing {
            if let Some(batch) = merged.next(common) {
                cx.emit(batch);
                return Ok(Flush::More(cx.number));
            }
            let end = self.given_to;
            self.flushing.take().into_iter().for_each(|merged| self.gave(merged, end));
        } else if self.slices.next_piece(common, cx).map_err(|error| on_disk(cx, &error))? {
            return Ok(Flush::More(cx.number));
        }
        Ok(match self.next(common).map_err(|error| on_disk(cx, &error))? {
            Some(end) => Flush::More(at_end_of_time(level, clamp(end))),
            None => Flush::Done,
        })
    }
}
