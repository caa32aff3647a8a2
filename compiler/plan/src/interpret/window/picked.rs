//! The best rows of a group, and windows of them.

use super::{Contents, Output, Span};
use crate::error::RecordError;
use crate::interpret::accumulators::change_of;
use crate::interpret::given::{Given, Replacing, alike};
use crate::interpret::sequence::{Row, Stream};
use crate::interpret::time::{Clock, Wall};
use crate::order::compare;
use crate::physical::Pick;
use crate::value::Value;
use std::cmp::Ordering;

/// The rows of a group by slice and in the order of their coming, each with its place in that.
#[derive(Clone, Default)]
pub(crate) struct Best {
    rows: Vec<(u64, Row)>,
    /// The slice of each of them.
    slices: Vec<i64>,
    next: u64,
}

impl Best {
    /// Adds a row, or takes out the first copy of it.
    pub(crate) fn add(&mut self, pick: &Pick, row: &Row, slice: i64) {
        if change_of(row, pick.hidden.change) < 0 {
            let gone = self.rows.iter().position(|(_, known)| is_copy(pick, known, row));
            gone.map(|place| (self.rows.remove(place), self.slices.remove(place)));
            return;
        }
        self.come(row, slice);
    }

    fn come(&mut self, row: &Row, slice: i64) {
        // Slices count in the order of time.
        let place = self.slices.partition_point(|known| *known <= slice);
        self.slices.insert(place, slice);
        self.rows.insert(place, (self.next, row.clone()));
        self.next += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Is there a row that a withdrawal of this one takes out?
    pub(crate) fn holds(&self, pick: &Pick, row: &Row) -> bool {
        self.rows.iter().any(|(_, known)| is_copy(pick, known, row))
    }

    /// The best rows in their order: the columns that are given, the window's bounds, the rank, and what
    /// stands behind them.
    pub(crate) fn list(&self, pick: &Pick, bounds: &[Value], behind: impl Fn(&Row) -> Row) -> Vec<Given> {
        let by = |a: &Row, b: &Row| {
            let each = pick.by.iter().map(|key| {
                let order = compare(&a[key.column], &b[key.column]);
                if key.descending { order.reverse() } else { order }
            });
            each.fold(Ordering::Equal, Ordering::then)
        };
        let mut sorted: Vec<&(u64, Row)> = self.rows.iter().collect();
        if pick.last_wins {
            sorted.reverse();
        }
        sorted.sort_by(|(_, a), (_, b)| by(a, b));
        let n = usize::try_from(pick.n).unwrap_or(usize::MAX);
        let fits = |place: usize| {
            let ties = || pick.ties && n > 0 && by(&sorted[n - 1].1, &sorted[place].1).is_eq();
            place < n || ties()
        };
        let count = (0..sorted.len()).take_while(|place| fits(*place)).count();
        let given = |(place, (id, row)): (usize, &(u64, Row))| {
            let shown = pick.row.iter().map(|column| row[*column].clone());
            let rank = pick.rank.then_some(Value::Int(place as i64 + 1));
            Given {
                id: *id,
                row: shown.chain(bounds.iter().cloned()).chain(rank).chain(behind(row)).collect(),
            }
        };
        sorted[..count].iter().copied().enumerate().map(given).collect()
    }
}

/// Are two rows of a key the same in all that is given and compared, and of one time?
fn is_copy(pick: &Pick, a: &Row, b: &Row) -> bool {
    let by = pick.by.iter().map(|by| by.column);
    let read: Vec<usize> = pick.row.iter().copied().chain(pick.hidden.time).chain(by).collect();
    let read_of = |row: &Row| read.iter().map(|column| row[*column].clone()).collect::<Row>();
    alike(&read_of(a), &read_of(b))
}

/// Are window bounds added to the rows?
pub(crate) fn adds_bounds(pick: &Pick) -> bool {
    pick.windowing.as_ref().is_some_and(|windowing| {
        windowing.bounds.is_none() && !super::spans_of(&windowing.window.kind, 0).is_empty()
    })
}

/// How what a pick has given is replaced; `watermark`: does a watermark stand behind the result?
pub(crate) fn replacing(pick: &Pick, time: bool, watermark: bool) -> Replacing {
    let columns = pick.row.len() + 2 * usize::from(adds_bounds(pick)) + usize::from(pick.rank);
    let watermark = watermark.then_some(columns + usize::from(time));
    Replacing { columns, watermark, changes: pick.changes, ranked: pick.rank, again: pick.discarding }
}

struct Picked<'a>(&'a Pick);

/// Runs a pick in windows of time.
pub(crate) fn pick(node: &Pick, input: &Stream, at: (&Clock, u32, &Wall)) -> Output {
    match &node.windowing {
        Some(windowing) => super::run(&Picked(node), windowing, input, at),
        None => Output::default(),
    }
}

impl Contents for Picked<'_> {
    type State = Best;

    fn empty(&self) -> Best {
        Best::default()
    }

    fn add(&self, best: &mut Best, row: &Row, slice: i64) -> Result<(), RecordError> {
        // Of a changelog, rows are kept in the order in which they came.
        let slice = if self.0.hidden.change.is_some() { 0 } else { slice };
        best.add(self.0, row, slice);
        Ok(())
    }

    /// Rows of the later session come behind.
    fn merge(&self, best: &mut Best, later: Best) -> Result<(), RecordError> {
        for (_, row) in &later.rows {
            best.come(row, 0);
        }
        Ok(())
    }

    fn give(&self, _key: &[Value], span: Span, best: &Best) -> Result<Vec<Given>, RecordError> {
        let bounds = [span.start, span.end].map(Value::Timestamp);
        let bounds = if adds_bounds(self.0) { &bounds[..] } else { &[] };
        let mut list = best.list(self.0, bounds, |_| Row::new());
        // Rows of windows are told apart by what they hold only.
        list.iter_mut().for_each(|given| given.id = 0);
        Ok(list)
    }

    fn is_empty(&self, best: &Best) -> bool {
        best.is_empty()
    }

    fn holds(&self, best: &Best, row: &Row) -> bool {
        best.holds(self.0, row)
    }

    fn change(&self) -> Option<usize> {
        self.0.hidden.change
    }

    fn keys(&self) -> &[usize] {
        &self.0.keys
    }

    fn replacing(&self) -> Replacing {
        replacing(self.0, true, true)
    }

    fn discarding(&self) -> bool {
        self.0.discarding
    }
}
