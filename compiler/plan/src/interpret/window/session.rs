//! Sessions: rows of a key take their turns, behind or not, and may join what was apart.

use super::{Contents, Due, Group, Span, Turn, Windows};
use crate::interpret::accumulators::change_of;
use crate::interpret::sequence::{Item, Row, items};
use crate::operator::LateTrigger;
use crate::physical::hidden::NO_WATERMARK;
use crate::physical::number::Number;

impl<C: Contents> Windows<'_, C> {
    /// The rows of a number, one after the other.
    pub(super) fn sessions(&mut self, number: Number, of_number: &[&Item]) {
        let mut all = Vec::new();
        for (at, item) in of_number.iter().enumerate() {
            self.session_row(item, at as u64, &mut all);
        }
        let watermark = self.clock.behind(number);
        let is_due = |group: &Group<C::State>| !group.done && self.end_of(group.span) <= watermark;
        let mut due: Vec<usize> = (0..self.groups.len()).filter(|at| is_due(&self.groups[*at])).collect();
        due.sort_by_key(|at| (self.groups[*at].span.end, self.groups[*at].born));
        let over: Vec<(Turn, usize)> =
            (0..self.groups.len()).filter_map(|at| Some((self.turn_over(at, watermark)?, at))).collect();
        for group in due {
            all.push((self.turn(group, 1), self.result(number, group, NO_WATERMARK)));
        }
        for (turn, group) in over {
            all.push((turn, self.result(number, group, NO_WATERMARK)));
        }
        self.groups.iter_mut().for_each(|group| group.again = None);
        all.sort_by_key(|(turn, _)| *turn);
        self.out.rows.extend(items(number, all.into_iter().flat_map(|(_, rows)| rows)));
    }

    /// When a session is given that is due: not before it was given for a row behind.
    fn turn(&self, group: usize, then: i64) -> Turn {
        let Group { span, born, again, .. } = self.groups[group];
        let due = (self.end_of(span), then, born);
        again.map_or(due, |again| again.max(due))
    }

    fn session_row(&mut self, item: &Item, at: u64, all: &mut Vec<Due>) {
        let (met, key) = (self.met(item), self.key(&item.row));
        let Some(alone) = self.spans(item).first().copied() else { return };
        let touches = |group: &Group<C::State>| {
            let exists = self.over(group.span) > met;
            exists && group.key == key && alone.start <= group.span.end && group.span.start <= alone.end
        };
        let mut joined: Vec<usize> = (0..self.groups.len()).filter(|g| touches(&self.groups[*g])).collect();
        joined.sort_by_key(|group| self.groups[*group].span.start);
        let withdrawn = change_of(&item.row, self.contents.change()) < 0;
        let holds = |group: &usize| self.contents.holds(&self.groups[*group].state, &item.row);
        if withdrawn && self.windowing.window.processing_time && !joined.iter().any(holds) {
            // By the clock on the wall, its session may be over: then it is nothing to the others.
            return;
        }
        let spans = joined.iter().map(|group| self.groups[*group].span);
        let span = spans
            .fold(alone, |all, span| Span { start: all.start.min(span.start), end: all.end.max(span.end) });
        if self.over(span) <= met {
            self.out.late.push(item.clone());
            return;
        }
        // What is due for this row is given as it was before it.
        for group in &joined {
            let Group { span, done, .. } = self.groups[*group];
            if !done && self.end_of(span) <= met {
                all.push((self.turn(*group, 0), self.result(item.number, *group, NO_WATERMARK)));
            }
        }
        let mut state = self.contents.empty();
        let merged = joined.iter().try_for_each(|group| {
            let later = self.groups[*group].state.clone();
            self.contents.merge(&mut state, later)
        });
        if let Err(error) = merged.and_then(|()| self.contents.add(&mut state, &item.row, 0)) {
            self.refuse(item, error);
            return;
        }
        let behind = self.end_of(span) <= met;
        let was_given = joined.iter().any(|group| self.groups[*group].done);
        let group = self.join(key, span, state, &joined);
        self.groups[group].done = behind && was_given;
        if behind && (!was_given || self.windowing.late == Some(LateTrigger::EachRow)) {
            let turn = (met, i64::MAX, at);
            let turn = self.groups[group].again.map_or(turn, |again| again.max(turn));
            self.groups[group].again = Some(turn);
            all.push((turn, self.result(item.number, group, met)));
        }
    }

    /// Puts a session in the place of those that were joined.
    fn join(&mut self, key: Row, span: Span, state: C::State, joined: &[usize]) -> usize {
        let mut parts: Vec<usize> = joined.to_vec();
        let made = self.open(key, span, state);
        self.born += 1;
        for part in &parts {
            let given = std::mem::take(&mut self.groups[*part].given);
            self.groups[made].given.extend(given);
            self.groups[made].born = self.groups[made].born.min(self.groups[*part].born);
            self.groups[made].again = self.groups[made].again.max(self.groups[*part].again);
        }
        parts.sort_unstable_by(|a, b| b.cmp(a));
        parts.into_iter().for_each(|part| {
            self.groups.remove(part);
        });
        self.groups.len() - 1
    }
}
