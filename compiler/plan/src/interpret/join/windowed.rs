//! Window joins: pairs within a window, when it ends.

use super::{Joining, Output, key_of, of_number, own_of, time_of};
use crate::interpret::sequence::{Item, Row, Stream};
use crate::interpret::window::{Span, spans_of};
use crate::operator::{JoinKind, Window, WindowKind};
use crate::physical::hidden::NO_WATERMARK;
use crate::physical::number::{Number, at_end_of_time};

/// A key's rows in a window, with their place among all rows.
struct Group {
    key: Option<Row>,
    span: Span,
    sides: [Vec<(u64, Row)>; 2],
}

struct Groups<'w> {
    window: &'w Window,
    groups: Vec<Group>,
    next: u64,
}

pub(super) fn run(mut join: Joining<'_>, window: &Window, left: &Stream, right: &Stream) -> Output {
    let mut groups = Groups { window, groups: Vec::new(), next: 0 };
    for number in join.clock.numbers(&[left, right]) {
        for (side, stream) in [left, right].into_iter().enumerate() {
            for item in of_number(stream, number) {
                groups.add(&join, side, item);
            }
        }
        let watermark = join.clock.behind(number);
        groups.give(&mut join, |span| (groups_end(window, span) <= watermark).then_some(number));
    }
    let level = join.level;
    groups.give(&mut join, |span| Some(at_end_of_time(level, span.end)));
    join.done()
}

fn is_session(window: &Window) -> bool {
    matches!(window.kind, WindowKind::Session { .. })
}

/// When a window is due: sessions take rows at their end, too.
fn groups_end(window: &Window, span: Span) -> i64 {
    if is_session(window) { span.end.saturating_add(1) } else { span.end }
}

impl Groups<'_> {
    /// Adds a row to its windows, unless it is late.
    fn add(&mut self, join: &Joining<'_>, side: usize, item: &Item) {
        let of_side = if side == 0 { &join.node.left } else { &join.node.right };
        let (own, time) = match join.by_clock {
            true => (NO_WATERMARK, join.wall.at(item.number)),
            false => (own_of(of_side, &item.row), time_of(of_side, &item.row)),
        };
        let met = join.clock.met(item.number, own);
        let key = key_of(&of_side.keys, &item.row);
        if key.is_none() && (side == 1 || matches!(join.node.kind, JoinKind::Inner | JoinKind::Semi)) {
            // It meets nobody, and is not kept.
            return;
        }
        let place = self.next;
        self.next += 1;
        for alone in spans_of(&self.window.kind, time) {
            let parts = self.touched(&key, alone, met);
            let span = self.joined(alone, &parts);
            if groups_end(self.window, span) <= met {
                continue;
            }
            let withdrawn = super::change_of(of_side, &item.row) < 0;
            if withdrawn && key.is_none() && is_session(self.window) {
                self.take_lonely(join, side, span, &item.row);
                continue;
            }
            let at = self.group(&key, span, parts);
            let rows = &mut self.groups[at].sides[side];
            match withdrawn {
                false => rows.push((place, item.row.clone())),
                true => {
                    let gone = rows.iter().position(|(_, row)| join.alike(side, row, &item.row));
                    gone.map(|gone| rows.remove(gone));
                }
            }
        }
    }

    /// Takes out a row without a key, which is a session of its own.
    fn take_lonely(&mut self, join: &Joining<'_>, side: usize, span: Span, row: &Row) {
        let is = |group: &Group| {
            let known = group.sides[side].first();
            group.key.is_none() && group.span == span && known.is_some_and(|(_, k)| join.alike(side, k, row))
        };
        if let Some(at) = self.groups.iter().position(is) {
            self.groups.remove(at);
        }
    }

    /// The session that a row makes or extends; other windows are what they are.
    fn joined(&self, alone: Span, parts: &[usize]) -> Span {
        let spans = parts.iter().map(|group| self.groups[*group].span);
        spans.fold(alone, |all, span| Span { start: all.start.min(span.start), end: all.end.max(span.end) })
    }

    /// The sessions of the key that a span touches and that are not over, in the order of time. (A row
    /// without a key is a session of its own.)
    fn touched(&self, key: &Option<Row>, span: Span, met: i64) -> Vec<usize> {
        if !is_session(self.window) || key.is_none() {
            return Vec::new();
        }
        let touches = |group: &Group| {
            let open = groups_end(self.window, group.span) > met;
            open && group.key == *key && span.start <= group.span.end && group.span.start <= span.end
        };
        let mut found: Vec<usize> = (0..self.groups.len()).filter(|at| touches(&self.groups[*at])).collect();
        found.sort_by_key(|at| self.groups[*at].span.start);
        found
    }

    /// The group of a window, made of the sessions that it joins.
    fn group(&mut self, key: &Option<Row>, span: Span, mut parts: Vec<usize>) -> usize {
        if !is_session(self.window)
            && let Some(known) = self.groups.iter().position(|g| g.key == *key && g.span == span)
        {
            return known;
        }
        let mut sides = [Vec::new(), Vec::new()];
        for part in &parts {
            for (side, rows) in self.groups[*part].sides.iter_mut().enumerate() {
                sides[side].append(rows);
            }
        }
        sides.iter_mut().for_each(|rows| rows.sort_by_key(|(place, _)| *place));
        parts.sort_unstable_by(|a, b| b.cmp(a));
        parts.into_iter().for_each(|part| {
            self.groups.remove(part);
        });
        self.groups.push(Group { key: key.clone(), span, sides });
        self.groups.len() - 1
    }

    /// Sessions that end at one time are given together, wherever they began.
    fn started(&self, span: Span) -> i64 {
        if is_session(self.window) { 0 } else { span.start }
    }

    /// Gives the windows for which a number is said: least end first, then in the order of left rows.
    fn give(&mut self, join: &mut Joining<'_>, number: impl Fn(Span) -> Option<Number>) {
        let (due, open): (Vec<Group>, Vec<Group>) =
            std::mem::take(&mut self.groups).into_iter().partition(|group| number(group.span).is_some());
        self.groups = open;
        let mut lefts: Vec<(Span, u64, usize, &Row)> = Vec::new();
        for (at, group) in due.iter().enumerate() {
            lefts.extend(group.sides[0].iter().map(|(place, row)| (group.span, *place, at, row)));
        }
        // Of windows that end behind all times, the one that begins first.
        lefts.sort_by_key(|(span, place, ..)| (span.end, self.started(*span), *place));
        for (_, _, at, left) in lefts {
            let group = &due[at];
            if let Some(number) = number(group.span) {
                given(join, number, group, left);
            }
        }
    }
}

/// A left row of a window that ends.
fn given(join: &mut Joining<'_>, number: Number, group: &Group, left: &Row) {
    let mut partners = Vec::new();
    if group.key.is_some() {
        for (_, right) in &group.sides[1] {
            if join.meet.holds(number, left, right) {
                partners.push(right);
            }
        }
    }
    let rows: Vec<Row> = match join.meet.kind {
        JoinKind::Inner | JoinKind::Left if !partners.is_empty() => {
            partners.into_iter().map(|right| join.row(left, Some(right), NO_WATERMARK)).collect()
        }
        JoinKind::Semi => {
            partners.first().map(|right| join.row(left, Some(right), NO_WATERMARK)).into_iter().collect()
        }
        JoinKind::Left | JoinKind::Anti if partners.is_empty() => vec![join.row(left, None, NO_WATERMARK)],
        _ => Vec::new(),
    };
    rows.into_iter().for_each(|row| join.give(number, row, 1));
}
