//! Window joins: rows of one key in the same window, given when it ends. A row is kept once, however many
//! windows it lies in: rows stand in slices, and a window is some slices one behind the other.

use super::fire::{Firing, clamp};
use super::kept::{Kept, Note, Notes};
use super::lined::{Ends, Lined};
use super::moment::{Moment, met};
use super::spilled::or_halt;
use super::stream::{Bound, Core, ints};
use crate::context::Context;
use crate::counters::add;
use crate::error::Halt;
use crate::number::{Number, at_end_of_time};
use crate::operator::Flush;
use crate::operator::window::{Overlapping, Tumbling};
use crate::snapshot::Loading;
use crate::state::{ColdError, room};
use flow_data::{Batch, NO_ROW};
use flow_plan::civil::Zone;
use flow_plan::operator::{JoinKind, WindowKind};
use std::collections::BTreeMap;

/// Noted of each row: up to which end it is in no window, because it came too late or they are given. In a checkpoint also the
/// last moments of others it was withdrawn from.
const LATE: &str = "·late";
const WITHDRAWN: &str = "·withdrawn";

/// Is a row in the window of its slice that ends there?
fn is_in(kept: &Kept, row: u32, end: i128) -> bool {
    i128::from(kept.note(row)) < end && !kept.is_withdrawn(row, end)
}

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

    /// Is a time in the window from `start` to `end`?
    fn holds(&self, start: i64, time: i64, end: i128) -> bool {
        if start > time {
            return false;
        }
        // At the end of time ends are clamped: a window may hold moments that are not in front of its end.
        const NEAR: i128 = i64::MAX as i128 - 2 * 86_400_000_000;
        let closed = || match self {
            Windows::Tumbling(_) => end > NEAR && self.slice(time) == start,
            Windows::Overlapping(Overlapping::Cumulative { .. }, _) => end == i128::from(i64::MAX),
            Windows::Overlapping(..) => false,
        };
        i128::from(time) < end || closed()
    }

    /// Where the window that ends there stands among others, also behind the last timestamp.
    fn order(&self, end: i128) -> i64 {
        match self {
            Windows::Overlapping(windows, _) if windows.every() > 1 => (end >> 1) as i64,
            _ => clamp(end),
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

/// The rows of a slice: their ids, in whose order they came, and their numbers.
#[derive(Default)]
struct Slice {
    rows: [Vec<(u64, u32)>; 2],
    /// How many are on disk.
    away: usize,
}

/// The window that is being given.
struct Given {
    firing: Firing,
    /// Where it begins.
    start: i64,
    /// The left rows behind these, if some of it is on disk.
    rest: Option<Lined>,
}

pub(crate) struct Windowed {
    kind: JoinKind,
    windows: Windows,
    by_clock: bool,
    slices: BTreeMap<i64, Slice>,
    /// Windows up to this end are given.
    given_to: i128,
    /// The end of the window that is being given.
    end: i128,
    given: Option<Given>,
    waiting: Option<(usize, Batch, Vec<u32>, Moment)>,
}

impl Windowed {
    /// `None`: the window is none of slices.
    pub(crate) fn new(
        kind: JoinKind,
        window: &WindowKind,
        by_clock: bool,
        core: &mut Core,
    ) -> Option<Windowed> {
        for (side, kept) in core.kept.iter_mut().enumerate() {
            let ends = core.sides[side].hidden.change.map(|_| WITHDRAWN);
            kept.with_notes(Note { name: LATE, none: i64::MIN, ends });
        }
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
            end: i128::MIN,
            given: None,
            waiting: None,
        })
    }

    /// The end of the next window that has rows.
    fn next_end(&self) -> Option<i128> {
        let ends = self.slices.keys().filter_map(|&slice| self.windows.next_end(slice, self.given_to));
        ends.min()
    }

    /// The slices of the window that is being given.
    fn inside(&self) -> impl Iterator<Item = (i64, &Slice)> {
        let all = self.slices.iter().map(|(slice, rows)| (*slice, rows));
        all.filter(|(slice, _)| self.holds_slice(*slice, self.end))
    }

    /// Its left rows that are in memory, by slice.
    fn left_rows(&self, core: &Core) -> Vec<(u64, u32)> {
        let rows = self.inside().flat_map(|(_, slice)| &slice.rows[0]);
        rows.filter(|(_, row)| is_in(&core.kept[0], *row, self.end)).copied().collect()
    }

    fn fire(&mut self, core: &mut Core, end: i128) -> Result<(), ColdError> {
        self.end = end;
        let start = self.inside().map(|(slice, _)| self.windows.start(slice, end)).min();
        let away = self.inside().any(|(_, slice)| slice.away > 0);
        let rest = if away { core.line_up(self)? } else { None };
        let mut left = Vec::new();
        if rest.is_none() {
            let mut rows = self.left_rows(core);
            rows.sort_unstable();
            left = rows.into_iter().map(|(_, row)| row).collect();
            if core.spilled.is_some() {
                core.sort_left(&mut left);
            }
        }
        let firing = Firing::new(self.windows.order(end), left);
        self.given = Some(Given { firing, start: start.unwrap_or(i64::MAX), rest });
        Ok(())
    }

    /// When keys with a row in the window that ends there have to be in memory.
    fn turn_of(&self, end: i128) -> i64 {
        self.windows.order(end).min(i64::MAX - 1)
    }

    /// A piece of the window that is being given.
    fn piece(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<(), Halt> {
        let Some(mut given) = self.given.take() else { return Ok(()) };
        let (start, end) = (given.start, self.end);
        let left = std::mem::take(&mut given.firing.left);
        let partner = |core: &Core, at: usize, from: Option<u32>| {
            let right = &core.kept[1];
            let first = || core.kept[0].key(left[at]).map_or(NO_ROW, |slot| right.first(slot));
            let mut next = from.unwrap_or_else(first);
            while next != NO_ROW {
                let row = next;
                next = right.following(row);
                let time = right.time(row);
                if self.windows.holds(start, time, end) && is_in(right, row, end) {
                    return Some((row, next));
                }
            }
            None
        };
        if !given.firing.piece(core, cx, self.kind, &left, &partner)? {
            given.firing.left = left;
            self.given = Some(given);
            return Ok(());
        }
        match given.rest.take() {
            None => self.leave(core),
            Some(rest) => or_halt(cx, self.go_on_with(core, given, rest))?,
        }
        Ok(())
    }

    /// Goes on with the left rows behind those that were given, if there are more.
    fn go_on_with(&mut self, core: &mut Core, given: Given, mut rest: Lined) -> Result<(), ColdError> {
        core.relieve(self)?;
        let Some(left) = core.next_lined(self, &mut rest)? else {
            return core.leave_ended(self);
        };
        let firing = Firing::new(self.windows.order(self.end), left);
        self.given = Some(Given { firing, rest: Some(rest), ..given });
        Ok(())
    }

    /// Does a slice lie in the window that ends there?
    fn holds_slice(&self, slice: i64, end: i128) -> bool {
        self.windows.next_end(slice, end - 1) == Some(end)
    }

    /// The window is given: who goes on from a checkpoint must know of its rows which are in others, too.
    fn note_given(&self, core: &mut Core) {
        for (side, rows) in self.inside().flat_map(|(_, slice)| slice.rows.iter().enumerate()) {
            let kept = &mut core.kept[side];
            for &(_, row) in rows {
                kept.set_note(row, kept.note(row).max(clamp(self.end)));
            }
        }
    }

    /// A row of a side is in memory.
    fn stands(&mut self, core: &Core, side: usize, row: u32) -> &mut Slice {
        let kept = &core.kept[side];
        let slice = self.slices.entry(self.windows.slice(kept.time(row))).or_default();
        slice.rows[side].push((kept.id(row), row));
        slice
    }

    /// Adds rows of a batch to their slices.
    fn add(&mut self, core: &mut Core, of: &OfBatch<'_>, rows: &[u32]) {
        let slots: Vec<u32> = rows.iter().map(|&row| of.slots[row as usize]).collect();
        let times: Vec<i64> = rows.iter().map(|&row| of.times[row as usize]).collect();
        let partners = vec![0; rows.len()];
        let notes = Notes { slots: &slots, partners: &partners, times: &times, number: of.number };
        let numbers = core.kept[of.side].insert(of.batch, rows, &notes);
        for ((&row, &time), number) in rows.iter().zip(&times).zip(numbers) {
            let (slice, met) = (self.windows.slice(time), of.met[row as usize]);
            let id = core.kept[of.side].id(number);
            self.slices.entry(slice).or_default().rows[of.side].push((id, number));
            if self.windows.next_end(slice, i128::MIN).is_some_and(|end| end <= i128::from(met)) {
                core.kept[of.side].set_note(number, met);
            }
        }
    }

    /// Takes the first row that is as this one out of each of its windows.
    fn withdraw(&mut self, core: &mut Core, of: &OfBatch<'_>, row: usize) {
        let slice = self.windows.slice(of.times[row]);
        let mut end = i128::from(of.met[row]);
        while let Some(next_end) = self.windows.next_end(slice, end) {
            end = next_end;
            let start = self.windows.start(slice, end);
            let kept = &core.kept[of.side];
            let is = |number: u32| {
                let inside = self.windows.holds(start, kept.time(number), end) && is_in(kept, number, end);
                inside && kept.equals(number, core.alike(of.side), of.batch, row)
            };
            let mut next = kept.first(of.slots[row]);
            while next != NO_ROW && !is(next) {
                next = kept.following(next);
            }
            if next != NO_ROW {
                core.kept[of.side].withdraw_from(next, &[end]);
            }
        }
    }

    /// Frees the slices whose windows are all given, as far as their rows are in memory.
    fn free(&mut self, core: &mut Core) {
        let over = |slice: &i64| self.windows.next_end(*slice, self.given_to).is_none();
        let gone: Vec<i64> = self.slices.keys().copied().filter(over).collect();
        for slice in gone {
            let Some(of) = self.slices.get_mut(&slice) else { continue };
            let rows = std::mem::take(&mut of.rows);
            if of.away == 0 {
                self.slices.remove(&slice);
            }
            for (side, rows) in rows.into_iter().enumerate() {
                for (_, row) in rows {
                    core.remove(side, row);
                }
            }
        }
    }
}

/// The rows of a batch.
struct OfBatch<'a> {
    side: usize,
    batch: &'a Batch,
    slots: &'a [u32],
    times: &'a [i64],
    met: &'a [i64],
    number: Number,
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
        let change = core.sides[side].hidden.change.map(|column| ints(&batch, column).to_vec());
        let of_batch =
            OfBatch { side, batch: &batch, slots: &slots, times: &times, met: &met, number: at.number };
        let (mut rows, mut late) = (Vec::with_capacity(batch.len), 0);
        for row in 0..batch.len {
            if met[row] >= clamp(self.windows.last_end(self.windows.slice(times[row]))) {
                late += 1;
            } else if change.as_ref().is_some_and(|change| change[row] < 0) {
                self.add(core, &of_batch, &std::mem::take(&mut rows));
                self.withdraw(core, &of_batch, row);
            } else if slots[row] != NO_ROW || lonely {
                rows.push(row as u32);
            }
        }
        self.add(core, &of_batch, &rows);
        add(&cx.shared.counters.node(cx.worker, cx.node).late, late);
        Ok(false)
    }

    fn pass(&mut self, core: &mut Core, cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt> {
        if self.given.is_none() {
            match self.next_end() {
                // What ends behind the last timestamp is due at the end of time.
                Some(end) if clamp(end) <= at.behind => or_halt(cx, self.fire(core, end))?,
                _ => return Ok(false),
            }
        }
        self.piece(core, cx)?;
        Ok(true)
    }

    fn due(&self, _core: &Core) -> Result<Option<i64>, ColdError> {
        Ok(self.next_end().filter(|_| self.by_clock).map(clamp))
    }

    fn came(&mut self, core: &Core, side: usize, rows: &[u32]) {
        for &row in rows {
            self.stands(core, side, row).away -= 1;
        }
    }

    fn last(&self, _side: usize, time: i64) -> i64 {
        let end = self.windows.next_end(self.windows.slice(time), self.given_to);
        end.map_or(i64::MAX, |end| self.turn_of(end))
    }

    fn lines_up(&self) -> bool {
        true
    }

    fn rows_move(&mut self, side: usize, moved: &[u32]) {
        for slice in self.slices.values_mut() {
            let rows = &mut slice.rows[side];
            let all = rows.len();
            rows.iter_mut().for_each(|(_, row)| *row = moved[*row as usize]);
            rows.retain(|(_, row)| *row != NO_ROW);
            slice.away += all - rows.len();
        }
    }

    fn bytes(&self) -> usize {
        self.slices.values().flat_map(|slice| &slice.rows).map(room).sum()
    }

    fn load(&mut self, core: &mut Core, from: &mut Loading) -> Result<(), String> {
        for side in [0, 1] {
            for row in core.load_side(side, from)?.1 {
                self.stands(core, side, row);
            }
        }
        Ok(())
    }

    fn flush(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let level = cx.shared.layout.nodes[cx.node].level;
        let end = |this: &Windowed| this.given.as_ref().map(|_| this.end).or_else(|| this.next_end());
        let Some(first) = end(self) else { return Ok(Flush::Done) };
        cx.number = at_end_of_time(level, clamp(first));
        if self.given.is_none() {
            or_halt(cx, self.fire(core, first))?;
        }
        self.piece(core, cx)?;
        Ok(match end(self) {
            Some(next) => Flush::More(at_end_of_time(level, clamp(next))),
            None => Flush::Done,
        })
    }
}

impl Ends for Windowed {
    fn turn(&self) -> i64 {
        self.turn_of(self.end)
    }

    fn has(&self, core: &Core, row: u32) -> bool {
        let kept = &core.kept[0];
        self.holds_slice(self.windows.slice(kept.time(row)), self.end) && is_in(kept, row, self.end)
    }

    fn left(&self, core: &Core) -> Vec<u32> {
        self.left_rows(core).into_iter().map(|(_, row)| row).collect()
    }

    fn leave(&mut self, core: &mut Core) {
        self.given_to = self.end;
        self.free(core);
        self.note_given(core);
    }
}
