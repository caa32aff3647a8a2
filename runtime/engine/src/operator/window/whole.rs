//! Windows that share nothing: each has a pane of its own.

use super::births::Reborn;
use super::book::{self, Book};
use super::bounds::{Bounds, Tumbling};
use super::divide::{ByBounds, ByTime, Divided, Moment, divide};
use super::pane::Pane;
use super::panes::{self, Described};
use super::windows::{Common, Windows};
use super::written::{WINDOW_END, WINDOW_START};
use crate::context::Context;
use crate::error::Halt;
use crate::number::at_end_of_time;
use crate::operator::Flush;
use crate::snapshot::{Loading, Saving};
use crate::state::Held;
use flow_data::Batch;
use std::collections::BTreeMap;

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
    panes: BTreeMap<(i64, i64), Pane>,
    /// The next group of the first pane that the end of the input gives.
    flushed: usize,
    book: Book<(i64, i64), Pane>,
}

impl Whole {
    pub(crate) fn new(division: Division) -> Whole {
        Whole { division, panes: BTreeMap::new(), flushed: 0, book: Book::new(1) }
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
    /// The panes that end there.
    fn take_panes(&mut self, end: i64) -> Vec<(Bounds, Pane)> {
        let mut panes = Vec::new();
        while let Some(first) = self.panes.first_entry()
            && first.key().0 == end
        {
            let ((end, start), pane) = first.remove_entry();
            panes.push((Bounds { start, end }, pane));
        }
        panes
    }

    /// Forgets panes, which were given.
    fn forget(&mut self, panes: Vec<(Bounds, Pane)>) {
        for (Bounds { start, end }, pane) in panes {
            let groups = pane.len();
            self.book.leave((end, start), pane, groups, |pane| vec![pane.keys_known(&[start, end])]);
        }
    }
}

fn bounds((end, start): (i64, i64)) -> book::Bounds {
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
            let new = || Pane::begin(&common.shape, &common.output, self.book.begin());
            let pane = self.panes.entry((end, start)).or_insert_with(new);
            let (key, known) = ((end, start), pane.len());
            panes::ahead(&mut self.book, common, (key, pane), (&batch, &rows), || bounds(key));
            common.add(cx, pane, &batch, rows)?;
            self.book.grow(pane.len() - known);
        }
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
        let now = moment.latest(i64::MAX);
        while let Some(end) = self.next_end().filter(|end| *end <= now) {
            let panes = self.take_panes(end);
            if let [(bounds, pane)] = panes.as_slice() {
                let mut from = 0;
                while let Some((batch, to)) = pane.results(from, *bounds, &common.output) {
                    from = to;
                    cx.emit(batch);
                }
            } else {
                cx.emit(together(&panes, common));
            }
            self.forget(panes);
        }
        Ok(())
    }

    fn save(&mut self, common: &Common, out: &mut Saving) {
        let windows = Described { name: "windows", columns: bounds((0, 0)), key: 2 };
        panes::mark(&mut self.book, common, out, &windows, &self.panes, false);
    }

    fn save_more(&mut self, common: &Common, out: &mut Saving, entries: usize) -> bool {
        panes::save_more(&mut self.book, common, out, entries, &mut self.panes, bounds)
    }

    fn load(&mut self, common: &mut Common, from: &mut Loading, now: i64) -> Result<(), String> {
        let saved = Reborn::new(&from.table("windows"), common.output.rank);
        let (starts, ends) = (saved.groups.ints(WINDOW_START), saved.groups.ints(WINDOW_END));
        // Windows that could be given again are there for a while behind their end.
        let windows = saved.by(|row| (ends[row], starts[row]));
        for (window, rows) in windows.into_iter().filter(|((end, _), _)| *end > now) {
            let mut pane = Pane::new(&common.shape, &common.output);
            pane.load(&common.shape, &saved, &rows)?;
            self.book.grow(pane.len());
            self.panes.insert(window, pane);
        }
        common.rows = saved.groups.len() as u64;
        Ok(())
    }

    fn held(&self) -> Held {
        panes::held(&self.book, &self.panes)
    }

    fn next_end(&mut self) -> Option<i64> {
        self.panes.first_key_value().map(|(&(end, _), _)| end)
    }

    fn flush(&mut self, common: &mut Common, cx: &mut Context<'_>, level: u32) -> Result<Flush, Halt> {
        let Some(end) = self.next_end() else { return Ok(Flush::Done) };
        cx.number = at_end_of_time(level, end);
        if self.panes.range((end, i64::MIN)..=(end, i64::MAX)).count() > 1 {
            let panes = self.take_panes(end);
            cx.emit(together(&panes, common));
            self.forget(panes);
        } else if let Some((&(_, start), pane)) = self.panes.first_key_value() {
            if let Some((batch, to)) = pane.results(self.flushed, Bounds { start, end }, &common.output) {
                self.flushed = to;
                cx.emit(batch);
            }
            if self.flushed >= pane.len() {
                let panes = self.take_panes(end);
                self.forget(panes);
                self.flushed = 0;
            }
        }
        Ok(match self.next_end() {
            Some(end) => Flush::More(at_end_of_time(level, end)),
            None => Flush::Done,
        })
    }
}
