//! Windows that share nothing: each has a pane of its own.

use super::births::Reborn;
use super::book;
use super::bounds::{Bounds, Tumbling};
use super::divide::{ByBounds, ByTime, Divided, Moment, divide};
use super::pane::Pane;
use super::panes::{Described, Panes};
use super::windows::{Common, Windows};
use super::written::{WINDOW_END, WINDOW_START};
use crate::context::Context;
use crate::error::Halt;
use crate::number::at_end_of_time;
use crate::operator::{Flush, on_disk};
use crate::snapshot::{Loading, Saving};
use crate::state::{ColdError, Held, Shelf, Shelves};
use flow_data::{BATCH_ROWS, Batch};
use flow_plan::physical::hidden::NO_WATERMARK;

/// Which window a row goes to.
pub(crate) enum Division {
    /// That of its time.
    Time(Tumbling),
    /// The one these columns say.
    Same(usize, usize),
}

pub(crate) struct Whole {
    division: Division,
    /// By end and start.
    panes: Panes,
    /// The next group of the first pane that the end of the input gives.
    flushed: usize,
    /// Windows up to here are due.
    due: i64,
}

impl Whole {
    pub(crate) fn new(division: Division, shelves: Option<Shelves>) -> Whole {
        let described = Described { name: "windows", columns: bounds, key: 2 };
        Whole { division, panes: Panes::new(described, shelves), flushed: 0, due: NO_WATERMARK }
    }

    fn divide(&self, common: &Common, batch: &Batch, moment: Moment) -> Divided {
        let own = common.watermarks(batch);
        match &self.division {
            Division::Time(windows) => divide(&ByTime { windows, times: &common.times(batch) }, &own, moment),
            Division::Same(start, end) => {
                let (starts, ends) = (super::windows::ints(batch, *start), super::windows::ints(batch, *end));
                divide(&ByBounds { starts, ends }, &own, moment)
            }
        }
    }
}

impl Whole {
    /// The windows that end there.
    fn windows(&self, end: i64) -> Vec<Shelf> {
        self.panes.range((end, i64::MIN)..=(end, i64::MAX))
    }

    /// Takes windows out, which are given next and whose groups are all in memory.
    fn take_panes(&mut self, windows: Vec<Shelf>) -> Vec<(Bounds, Pane)> {
        let pane = |(end, start)| Some((Bounds { start, end }, self.panes.remove((end, start))?));
        windows.into_iter().filter_map(pane).collect()
    }

    /// Forgets panes, which were given.
    fn forget(&mut self, panes: Vec<(Bounds, Pane)>) {
        panes.into_iter().for_each(|(Bounds { start, end }, pane)| self.panes.forget((end, start), pane));
    }

    /// Gives the windows that end at a time, if all their groups are in memory. Else they are given piece by piece.
    fn give_end(&mut self, common: &Common, cx: &mut Context<'_>, end: i64) -> Result<bool, ColdError> {
        let windows = self.windows(end);
        // Births are compared on disk, not between panes.
        let several = self.panes.spills() && windows.len() > 1;
        if several || !self.panes.bring_back(common, &windows)? {
            self.panes.close(common, windows)?;
            return Ok(false);
        }
        let panes = self.take_panes(windows);
        match panes.as_slice() {
            [(bounds, pane)] => {
                pane.order().chunks(BATCH_ROWS).for_each(|slots| {
                    cx.emit(pane.results_of(slots, *bounds, &common.output).batch);
                });
            }
            _ => cx.emit(together(&panes, common)),
        }
        self.forget(panes);
        Ok(true)
    }
}

fn bounds((end, start): Shelf, _: Option<i64>) -> book::Bounds {
    vec![(WINDOW_START, start), (WINDOW_END, end)]
}

/// The results of windows that end together, in the order in which groups were first seen.
fn together(panes: &[(Bounds, Pane)], common: &Common) -> Batch {
    let (mut all, mut places) = (Vec::new(), Vec::new());
    for (bounds, pane) in panes {
        let order = pane.order();
        let rows = pane.results_of(&order, *bounds, &common.output);
        places.extend(rows.of.iter().map(|&of| pane.place(order[of as usize])));
        all.push(rows.batch);
    }
    let batch = Batch::concat(all);
    let mut rows: Vec<u32> = (0..batch.len as u32).collect();
    rows.sort_by_key(|&row| places[row as usize]);
    batch.gather(&rows)
}

impl Windows for Whole {
    fn take(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        batch: Batch,
        moment: Moment,
    ) -> Result<Option<Batch>, Halt> {
        let divided = self.divide(common, &batch, moment);
        for (Bounds { start, end }, rows) in divided.parts {
            self.panes.add(common, cx, (end, start), &batch, rows)?;
        }
        self.panes.relieve(common).map_err(|error| on_disk(cx, &error))?;
        common.set_behind(cx.number, &batch, &divided.behind);
        common.rows += batch.len as u64;
        Ok(divided.rest.map(|from| super::windows::rest(&batch, from)))
    }

    fn give(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        moment: Moment,
        _rest: Vec<Batch>,
    ) -> Result<(), Halt> {
        self.due = moment.latest(i64::MAX);
        if !self.panes.spills() {
            while self.give_next(common, cx).map_err(|error| on_disk(cx, &error))? {}
        }
        Ok(())
    }

    fn give_more(&mut self, common: &mut Common, cx: &mut Context<'_>) -> Result<bool, Halt> {
        self.give_next(common, cx).map_err(|error| on_disk(cx, &error))
    }

    fn save(&mut self, common: &Common, out: &mut Saving) {
        self.panes.mark(common, out, false, None);
    }

    fn save_more(&mut self, common: &Common, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.panes.save_more(common, out, entries)
    }

    fn load(&mut self, common: &mut Common, from: &mut Loading, now: i64) -> Result<(), String> {
        common.output.origin.widen(from.rank_columns("windows"));
        let saved = Reborn::new(&from.table("windows"), common.output.origin);
        let (starts, ends) = (saved.groups.ints(WINDOW_START), saved.groups.ints(WINDOW_END));
        // Windows that could be given again are there for a while behind their end.
        let windows = saved.by(|row| (ends[row], starts[row]));
        for (window, rows) in windows.into_iter().filter(|((end, _), _)| *end > now) {
            self.panes.load(common, window, &saved, &rows)?;
        }
        common.rows += saved.groups.len() as u64;
        self.panes.relieve(common).map_err(|error| error.to_string())
    }

    fn held(&self) -> Held {
        self.panes.held()
    }

    fn next_end(&mut self) -> Result<Option<i64>, ColdError> {
        Ok(self.panes.first().map(|(end, _)| end))
    }

    fn flush(&mut self, common: &mut Common, cx: &mut Context<'_>, level: u32) -> Result<Flush, Halt> {
        let Some(end) = self.panes.first().map(|(end, _)| end) else { return Ok(Flush::Done) };
        cx.number = at_end_of_time(level, end);
        if self.panes.spills() {
            self.flush_piece(common, cx, end).map_err(|error| on_disk(cx, &error))?;
        } else if self.windows(end).len() > 1 {
            let panes = self.take_panes(self.windows(end));
            cx.emit(together(&panes, common));
            self.forget(panes);
        } else if let Some((&(_, start), pane)) = self.panes.open().first_key_value() {
            if let Some((batch, to)) = pane.results(self.flushed, Bounds { start, end }, &common.output) {
                self.flushed = to;
                cx.emit(batch);
            }
            if self.flushed >= pane.len() {
                let panes = self.take_panes(vec![(end, start)]);
                self.forget(panes);
                self.flushed = 0;
            }
        }
        Ok(match self.panes.first().map(|(end, _)| end) {
            Some(end) => Flush::More(at_end_of_time(level, end)),
            None => Flush::Done,
        })
    }
}

impl Whole {
    /// Gives the next windows that are due, or a piece of them; whether there may be more.
    fn give_next(&mut self, common: &Common, cx: &mut Context<'_>) -> Result<bool, ColdError> {
        if self.panes.is_closing() {
            self.panes.next_piece(common, cx)?;
            return Ok(true);
        }
        let Some(end) = self.panes.first().map(|(end, _)| end).filter(|end| *end <= self.due) else {
            return Ok(false);
        };
        self.give_end(common, cx, end)?;
        Ok(true)
    }

    /// The end of the input gives a piece of what groups may be on disk for.
    fn flush_piece(&mut self, common: &Common, cx: &mut Context<'_>, end: i64) -> Result<(), ColdError> {
        if self.panes.is_closing() || !self.give_end(common, cx, end)? {
            self.panes.next_piece(common, cx)?;
        }
        Ok(())
    }
}
