//! Window joins: rows of one key in the same window, given when it ends. A row is kept once, however many
//! windows it lies in: rows stand in slices, and a window is some slices one behind the other.

use super::fire::{Firing, clamp};
use super::kept::Notes;
use super::stream::{Bound, Core, Moment, ints, met};
use crate::context::Context;
use crate::counters::add;
use crate::error::Halt;
use crate::number::at_end_of_time;
use crate::operator::Flush;
use crate::operator::window::{Overlapping, Tumbling};
use flow_data::{Batch, NO_ROW};
use flow_plan::civil::Zone;
use flow_plan::operator::{JoinKind, WindowKind};
use std::collections::{BTreeMap, HashMap};

/// Which windows a slice of time lies in.
enum Windows {
    Tumbling(Tumbling),
    Overlapping(Overlapping, Tumbling),
}

impl Windows {
    /// The start of a time's slice.
    fn slice(&self, time: i64) -> i64 {
        match self {
            Windows::Tumbling(windows) | Windows::Overlapping(_, windows) => windows.of(time).start,
        }
    }

    /// The end of the last window that a slice lies in.
    fn last_end(&self, slice: i64) -> i128 {
        match self {
            Windows::Tumbling(windows) => windows.of(slice).end.into(),
            Windows::Overlapping(windows, _) => windows.last_end(slice),
        }
    }

    /// The end of the first window that a slice lies in and that ends behind this.
    fn next_end(&self, slice: i64, after: i128) -> Option<i128> {
        match self {
            Windows::Tumbling(_) => Some(self.last_end(slice)).filter(|end| *end > after),
            Windows::Overlapping(windows, _) => windows.next_end(slice, after),
        }
    }

    /// Where the window that ends there and holds the slice begins.
    fn start(&self, slice: i64, end: i128) -> i64 {
        match self {
            Windows::Tumbling(windows) => windows.of(slice).start,
            Windows::Overlapping(windows, _) => windows.window(end).start,
        }
    }
}

/// The rows of a slice: when they came, and their numbers.
#[derive(Default)]
struct Slice {
    rows: [Vec<(u64, u32)>; 2],
}

pub(crate) struct Windowed {
    kind: JoinKind,
    windows: Windows,
    by_clock: bool,
    slices: BTreeMap<i64, Slice>,
    /// Windows up to this end are given.
    given_to: i128,
    firing: Option<(Firing, i64)>,
    /// Rows that are too late for some of their windows: those that end up to here.
    late_for: [HashMap<u32, i64>; 2],
    came: u64,
    waiting: Option<(usize, Batch, Vec<u32>, Moment)>,
}

impl Windowed {
    /// `None`: the window is none of slices.
    pub(crate) fn new(kind: JoinKind, window: &WindowKind, by_clock: bool) -> Option<Windowed> {
        let windows = match window {
            WindowKind::Tumbling { size, offset, zone } => {
                let zone = zone.as_deref().map(|name| Zone::find(name).unwrap_or(Zone::UTC));
                Windows::Tumbling(Tumbling::new(*size, *offset, zone))
            }
            WindowKind::Sliding { size, every } => {
                let windows = Overlapping::Sliding { size: *size, every: *every };
                let slices = windows.slices();
                Windows::Overlapping(windows, slices)
            }
            WindowKind::Cumulative { max, every } => {
                let windows = Overlapping::Cumulative { max: *max, every: *every };
                let slices = windows.slices();
                Windows::Overlapping(windows, slices)
            }
            _ => return None,
        };
        Some(Windowed {
            kind,
            windows,
            by_clock,
            slices: BTreeMap::new(),
            given_to: i128::MIN,
            firing: None,
            late_for: [HashMap::new(), HashMap::new()],
            came: 0,
            waiting: None,
        })
    }

    /// The end of the next window that has rows.
    fn next_end(&self) -> Option<i128> {
        let ends = self.slices.keys().filter_map(|&slice| self.windows.next_end(slice, self.given_to));
        ends.min()
    }

    fn fire(&mut self, end: i128) {
        let inside = |slice: i64| self.windows.next_end(slice, end - 1) == Some(end);
        let mut rows: Vec<(u64, u32)> = Vec::new();
        let mut start = i64::MAX;
        for (&slice, of) in self.slices.iter().filter(|(slice, _)| inside(**slice)) {
            start = start.min(self.windows.start(slice, end));
            rows.extend(&of.rows[0]);
        }
        rows.sort_unstable();
        let late = &self.late_for[0];
        let in_time = |row: &u32| late.get(row).is_none_or(|late| i128::from(*late) < end);
        let left = rows.into_iter().map(|(_, row)| row).filter(in_time).collect();
        self.firing = Some((Firing::new(end, left), start));
    }

    /// A piece of the window that is being given.
    fn piece(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<(), Halt> {
        let Some((mut firing, start)) = self.firing.take() else { return Ok(()) };
        let end = firing.end;
        let left = std::mem::take(&mut firing.left);
        let late = &self.late_for[1];
        let partner = |core: &Core, at: usize, from: Option<u32>| {
            let right = &core.kept[1];
            let first = || core.kept[0].key(left[at]).map_or(NO_ROW, |slot| right.first(slot));
            let mut next = from.unwrap_or_else(first);
            while next != NO_ROW {
                let row = next;
                next = right.following(row);
                let time = right.time[row as usize];
                let in_time = late.is_empty() || late.get(&row).is_none_or(|late| i128::from(*late) < end);
                if start <= time && i128::from(time) < end && in_time {
                    return Some((row, next));
                }
            }
            None
        };
        if firing.piece(core, cx, self.kind, &left, &partner)? {
            self.given_to = end;
            self.free(core);
        } else {
            firing.left = left;
            self.firing = Some((firing, start));
        }
        Ok(())
    }

    /// Frees the slices whose windows are all given.
    fn free(&mut self, core: &mut Core) {
        let over = |slice: &i64| self.windows.last_end(*slice) <= self.given_to;
        let gone: Vec<i64> = self.slices.keys().copied().filter(over).collect();
        for slice in gone {
            let Some(slice) = self.slices.remove(&slice) else { continue };
            for (side, rows) in slice.rows.into_iter().enumerate() {
                for (_, row) in rows {
                    self.late_for[side].remove(&row);
                    core.remove(side, row);
                }
            }
        }
    }
}

impl Bound for Windowed {
    fn take(&mut self, core: &mut Core, side: usize, batch: Batch, at: Moment) {
        let slots = core.slots(side, &batch);
        self.waiting = Some((side, batch, slots, at));
    }

    fn go_on(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let Some((side, batch, slots, at)) = self.waiting.take() else { return Ok(false) };
        let (times, met) = match core.sides[side].hidden.time {
            Some(column) if !self.by_clock => {
                (ints(&batch, column).to_vec(), met(&core.sides[side], &batch, at))
            }
            _ => (vec![at.before; batch.len], vec![at.before; batch.len]),
        };
        let lonely = side == 0 && matches!(self.kind, JoinKind::Left | JoinKind::Anti);
        let mut late = 0;
        let mut rows: Vec<u32> = Vec::with_capacity(batch.len);
        for row in 0..batch.len {
            if i128::from(met[row]) >= self.windows.last_end(self.windows.slice(times[row])) {
                late += 1;
            } else if slots[row] != NO_ROW || lonely {
                rows.push(row as u32);
            }
        }
        add(&cx.shared.counters.node(cx.worker, cx.node).late, late);
        let slots: Vec<u32> = rows.iter().map(|&row| slots[row as usize]).collect();
        let kept_times: Vec<i64> = rows.iter().map(|&row| times[row as usize]).collect();
        let partners = vec![0; rows.len()];
        let notes = Notes { slots: &slots, partners: &partners, times: &kept_times, number: at.number };
        let numbers = core.kept[side].insert(&batch, &rows, &notes);
        for (&row, number) in rows.iter().zip(numbers) {
            let (time, met) = (times[row as usize], met[row as usize]);
            let slice = self.windows.slice(time);
            self.slices.entry(slice).or_default().rows[side].push((self.came, number));
            self.came += 1;
            if self.windows.next_end(slice, i128::MIN).is_some_and(|end| end <= i128::from(met)) {
                self.late_for[side].insert(number, met);
            }
        }
        Ok(false)
    }

    fn pass(&mut self, core: &mut Core, cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt> {
        if self.firing.is_none() {
            match self.next_end() {
                Some(end) if end <= i128::from(at.behind) => self.fire(end),
                _ => return Ok(false),
            }
        }
        self.piece(core, cx)?;
        Ok(true)
    }

    fn due(&self) -> Option<i64> {
        self.next_end().filter(|_| self.by_clock).map(clamp)
    }

    fn flush(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let level = cx.shared.layout.nodes[cx.node].level;
        let end =
            |this: &Windowed| this.firing.as_ref().map(|(firing, _)| firing.end).or_else(|| this.next_end());
        let Some(first) = end(self) else { return Ok(Flush::Done) };
        cx.number = at_end_of_time(level, clamp(first));
        if self.firing.is_none() {
            self.fire(first);
        }
        self.piece(core, cx)?;
        Ok(match end(self) {
            Some(next) => Flush::More(at_end_of_time(level, clamp(next))),
            None => Flush::Done,
        })
    }
}
