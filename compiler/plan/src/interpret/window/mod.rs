//! Windows of time: rows are collected per key and window, and given when time has passed. What is
//! collected (accumulators, rows) is up to the [`Contents`].

mod accumulated;
mod count;
mod picked;
mod session;
mod spans;

pub(super) use accumulated::aggregate;
pub(super) use count::{picks, sliding};
pub(super) use picked::{Best, pick, replacing};
pub(super) use spans::{Span, spans_of};

use super::accumulators::change_of;
use super::given::{Given, Replacing};
use super::sequence::{Item, Row, Stream, items};
use super::time::{Clock, Wall, moment};
use crate::error::RecordError;
use crate::operator::{LateTrigger, WindowKind};
use crate::physical::Windowing;
use crate::physical::hidden::NO_WATERMARK;
use crate::physical::number::{Number, at_end_of_time};
use crate::value::Value;

/// What a window holds of its rows.
pub(super) trait Contents {
    /// Of one key and window.
    type State: Clone;
    /// Nothing.
    fn empty(&self) -> Self::State;
    /// Adds a row, or takes one out; one that is refused changes nothing. Rows of one slice are collected
    /// together.
    fn add(&self, state: &mut Self::State, row: &Row, slice: i64) -> Result<(), RecordError>;
    /// Adds what a later session holds.
    fn merge(&self, state: &mut Self::State, later: Self::State) -> Result<(), RecordError>;
    /// The rows that are given of it, without what stands behind the result.
    fn give(&self, key: &[Value], span: Span, state: &Self::State) -> Result<Vec<Given>, RecordError>;
    /// Were all its rows taken out again?
    fn is_empty(&self, state: &Self::State) -> bool;
    /// Of a changelog: is there a row that a withdrawal of this one takes out, as far as is known?
    fn holds(&self, _state: &Self::State, _row: &Row) -> bool {
        true
    }
    /// Of a changelog: whether a row is added or withdrawn.
    fn change(&self) -> Option<usize>;
    /// The key columns of the input.
    fn keys(&self) -> &[usize];
    /// Are its results withdrawn when they are replaced, and how?
    fn replacing(&self) -> Replacing;
    /// Is what was given forgotten?
    fn discarding(&self) -> bool;
}

/// A refused row or result: the error and the record. Of a result, that is the key and the window.
pub(super) struct Refused {
    pub(super) number: Number,
    pub(super) error: RecordError,
    pub(super) record: Record,
}

/// The record of an error.
pub(super) enum Record {
    Input(Row),
    /// The key and the window.
    Window(Row),
    /// The key.
    Group(Row),
}

/// All that a windowed node gives.
#[derive(Default)]
pub(super) struct Output {
    pub(super) rows: Stream,
    pub(super) late: Stream,
    pub(super) refused: Vec<Refused>,
}

/// The node's windows that are open.
pub(super) struct Windows<'a, C: Contents> {
    contents: &'a C,
    windowing: &'a Windowing,
    clock: &'a Clock,
    wall: &'a Wall,
    groups: Vec<Group<C::State>>,
    /// The place of the row that is added: groups that it makes, one a window, are born there.
    born: u64,
    out: Output,
}

/// Where a row went.
enum Added {
    To(usize),
    /// Withdrawn, and it was not there.
    Nowhere,
    Refused,
}

/// When a result is given: a time, which of that time comes first, and the group's (or the row's) place.
type Turn = (i64, i64, u64);

/// A result and when it is given.
type Due = (Turn, Vec<Row>);

/// Which of the results of one time are given last, but for those that are given for a row behind: what has changed of
/// windows that no row can reach any more.
const OVER: i64 = i64::MAX - 1;

/// A key's window.
struct Group<S> {
    key: Row,
    span: Span,
    state: S,
    /// Its place among all groups, by first rows.
    born: u64,
    /// Its end has passed, and its result is given.
    done: bool,
    /// It has changed since.
    changed: bool,
    given: Vec<Given>,
    /// Of sessions: the turn in which it was given for a row behind, in this number.
    again: Option<Turn>,
}

/// Runs a windowed node.
pub(super) fn run<C: Contents>(
    contents: &C,
    windowing: &Windowing,
    input: &Stream,
    (clock, level, wall): (&Clock, u32, &Wall),
) -> Output {
    let out = Output::default();
    // Event time says nothing of windows of the wall clock.
    let by_wall = wall.clock();
    let clock = if windowing.window.processing_time { &by_wall } else { clock };
    let mut windows = Windows { contents, windowing, clock, wall, groups: Vec::new(), born: 0, out };
    let late = match windowing.late {
        Some(LateTrigger::Every(every)) => Some(every),
        _ => None,
    };
    let beats = |every: Option<i64>| every.into_iter().flat_map(|every| wall.beats(every)).collect();
    let [early, late]: [Vec<Number>; 2] = [beats(windowing.early), beats(late)];
    let mut numbers = clock.numbers(&[input]);
    numbers.extend(early.iter().chain(&late));
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        let items: Vec<&Item> = input.iter().filter(|item| item.number == number).collect();
        match windowing.window.kind {
            WindowKind::Session { .. } => windows.sessions(number, &items),
            _ => windows.number(number, &items),
        }
        for (beats, is_early) in [(&early, true), (&late, false)] {
            if beats.contains(&number) {
                windows.beat(number, is_early);
            }
        }
        windows.free(number);
    }
    windows.end(level);
    windows.out
}

impl<C: Contents> Windows<'_, C> {
    fn lateness(&self) -> i64 {
        self.windowing.window.lateness
    }

    fn is_session(&self) -> bool {
        matches!(self.windowing.window.kind, WindowKind::Session { .. })
    }

    /// A session takes rows at its end, too: it ends a microsecond later.
    fn end_of(&self, span: Span) -> i64 {
        if self.is_session() { span.end.saturating_add(1) } else { span.end }
    }

    /// When no row can reach a window any more.
    fn over(&self, span: Span) -> i64 {
        self.end_of(span).saturating_add(self.lateness())
    }

    fn time(&self, item: &Item) -> i64 {
        self.windowing.time.map_or_else(|| self.wall.at(item.number), |column| moment(&item.row, column))
    }

    /// The watermark a row meets.
    fn met(&self, item: &Item) -> i64 {
        let own = self.windowing.watermark.map_or(NO_WATERMARK, |column| moment(&item.row, column));
        self.clock.met(item.number, own)
    }

    /// The windows of a row, least end first.
    fn spans(&self, item: &Item) -> Vec<Span> {
        match self.windowing.bounds {
            Some((start, end)) => {
                vec![Span { start: moment(&item.row, start), end: moment(&item.row, end) }]
            }
            None => spans_of(&self.windowing.window.kind, self.time(item)),
        }
    }

    fn key(&self, row: &Row) -> Row {
        self.contents.keys().iter().map(|key| row[*key].clone()).collect()
    }

    /// The rows of a number: first those that are not behind, then what is due, then those that are.
    fn number(&mut self, number: Number, items: &[&Item]) {
        let mut refused = vec![false; items.len()];
        let first = self.born;
        for (at, (item, refused)) in items.iter().zip(&mut refused).enumerate() {
            let met = self.met(item);
            self.born = first + at as u64;
            for span in self.spans(item).into_iter().filter(|span| span.end > met) {
                match self.add(item, span, *refused) {
                    Added::Refused => *refused = true,
                    Added::To(group) => self.forget_if_empty(group),
                    Added::Nowhere => {}
                }
            }
        }
        let late = |item: &&Item| {
            let met = self.met(item);
            self.spans(item).iter().all(|span| self.over(*span) <= met)
        };
        let late: Vec<bool> = items.iter().map(late).collect();
        let late_rows = items.iter().zip(&late).filter(|(_, late)| **late).map(|(item, _)| (*item).clone());
        self.out.late.extend(late_rows);
        // By the watermarks they meet: before each, what is due for it is given.
        let mut rest: Vec<usize> = (0..items.len()).filter(|at| !late[*at]).collect();
        rest.sort_by_key(|at| self.met(items[*at]));
        let born = first + items.len() as u64;
        for at in rest {
            let (item, refused) = (items[at], &mut refused[at]);
            let met = self.met(item);
            self.due(number, met);
            self.born = born + at as u64;
            let spans = self.spans(item);
            let behind = |span: &Span| span.end <= met && self.over(*span) > met;
            for span in spans.into_iter().filter(behind).collect::<Vec<_>>() {
                match self.add(item, span, *refused) {
                    Added::Refused => *refused = true,
                    Added::To(group) => {
                        self.behind(number, group, met);
                        self.forget_if_empty(group);
                    }
                    Added::Nowhere => {}
                }
            }
        }
        self.born = born + items.len() as u64;
        self.due(number, self.clock.behind(number));
    }

    /// Adds a row to a window; that it is refused is noted once.
    fn add(&mut self, item: &Item, span: Span, refused: bool) -> Added {
        let slice = spans::slice_of(&self.windowing.window.kind, self.time(item));
        let key = self.key(&item.row);
        let known = self.groups.iter().position(|group| group.key == key && group.span == span);
        let is_there = known.is_some_and(|group| self.contents.holds(&self.groups[group].state, &item.row));
        if !is_there && change_of(&item.row, self.contents.change()) < 0 {
            return Added::Nowhere;
        }
        let mut state = known.map_or_else(|| self.contents.empty(), |group| self.groups[group].state.clone());
        if let Err(error) = self.contents.add(&mut state, &item.row, slice) {
            if !refused {
                self.refuse(item, error);
            }
            return Added::Refused;
        }
        let group = known.unwrap_or_else(|| self.open(key, span, state.clone()));
        self.groups[group].state = state;
        self.groups[group].changed = true;
        Added::To(group)
    }

    /// A group whose rows were all withdrawn, and of which nothing is given any more.
    fn forget_if_empty(&mut self, group: usize) {
        let Group { state, given, .. } = &self.groups[group];
        if self.contents.change().is_some() && self.contents.is_empty(state) && given.is_empty() {
            self.groups.remove(group);
        }
    }

    fn open(&mut self, key: Row, span: Span, state: C::State) -> usize {
        let (born, given) = (self.born, Vec::new());
        let changed = true;
        self.groups.push(Group { key, span, state, born, done: false, changed, given, again: None });
        self.groups.len() - 1
    }

    fn refuse(&mut self, item: &Item, error: RecordError) {
        let record = Record::Input(item.row.clone());
        self.out.refused.push(Refused { number: item.number, error, record });
    }

    /// A row that is behind the end of its window has changed it.
    fn behind(&mut self, number: Number, group: usize, met: i64) {
        let due = match self.windowing.late {
            Some(LateTrigger::EachRow) => true,
            // The first result is given in any case.
            Some(LateTrigger::Every(_)) | None => !self.groups[group].done,
        };
        if due {
            let rows = self.result(number, group, met);
            self.out.rows.extend(items(number, rows));
        }
    }

    /// Gives the windows whose end has passed at a watermark, and what has changed of those that are over.
    fn due(&mut self, number: Number, watermark: i64) {
        let mut due: Vec<Due> = Vec::new();
        for group in 0..self.groups.len() {
            let Group { span, born, done, .. } = self.groups[group];
            let turn = match done {
                false => Some(self.order(span, born)).filter(|_| self.end_of(span) <= watermark),
                true => self.turn_over(group, watermark),
            };
            if let Some(turn) = turn {
                due.push((turn, self.result(number, group, NO_WATERMARK)));
            }
        }
        due.sort_by_key(|(order, _)| *order);
        self.out.rows.extend(items(number, due.into_iter().flat_map(|(_, rows)| rows)));
    }

    /// The clock on the wall says that partial results (`early`), or those that rows behind have changed, are given.
    fn beat(&mut self, number: Number, early: bool) {
        for group in 0..self.groups.len() {
            let Group { done, changed, .. } = self.groups[group];
            if changed && done != early {
                let rows = self.result(number, group, NO_WATERMARK);
                self.groups[group].done = done;
                self.out.rows.extend(items(number, rows));
            }
        }
    }

    /// When a window that is over at a watermark is given once more, since it has changed and waits for the clock.
    fn turn_over(&self, group: usize, watermark: i64) -> Option<Turn> {
        let Group { span, born, done, changed, .. } = self.groups[group];
        let waits = matches!(self.windowing.late, Some(LateTrigger::Every(_)));
        (done && changed && waits && self.over(span) <= watermark).then(|| (self.over(span), OVER, born))
    }

    /// Where a group stands among those that are given together: of windows that end behind all times, the one
    /// that begins first comes first.
    fn order(&self, span: Span, born: u64) -> (i64, i64, u64) {
        let any_start = matches!(self.windowing.window.kind, WindowKind::Session { .. } | WindowKind::Same);
        (span.end, if any_start { 0 } else { span.start }, born)
    }

    /// The rows that give a group's result.
    fn result(&mut self, number: Number, group: usize, watermark: i64) -> Vec<Row> {
        let contents = self.contents;
        let Group { key, span, state, .. } = &self.groups[group];
        let (span, is_empty) = (*span, contents.is_empty(state));
        let made = if is_empty { Ok(Vec::new()) } else { contents.give(key, span, state) };
        let mut new = match made {
            Ok(new) => new,
            Err(error) => {
                let bounds = [span.start, span.end].map(Value::Timestamp);
                let record = Record::Window(key.iter().cloned().chain(bounds).collect());
                self.out.refused.push(Refused { number, error, record });
                Vec::new()
            }
        };
        for given in &mut new {
            let time = [span.end.saturating_sub(1), watermark];
            given.row.extend(time.map(Value::Timestamp));
        }
        let group = &mut self.groups[group];
        (group.done, group.changed) = (true, false);
        if contents.discarding() {
            group.state = contents.empty();
        }
        contents.replacing().replace(&mut group.given, new, watermark)
    }

    /// Forgets windows that no row can reach any more.
    fn free(&mut self, number: Number) {
        let watermark = self.clock.behind(number);
        let over: Vec<bool> = self.groups.iter().map(|group| self.over(group.span) <= watermark).collect();
        let mut over = over.into_iter();
        self.groups.retain(|_| !over.next().unwrap_or(false));
    }

    /// At the end of the input: what was not given yet, and what has changed and waits for the clock.
    fn end(&mut self, level: u32) {
        let waits = matches!(self.windowing.late, Some(LateTrigger::Every(_)));
        let is_left = |group: &Group<C::State>| !group.done || (group.changed && waits);
        let mut rest: Vec<usize> = (0..self.groups.len()).filter(|at| is_left(&self.groups[*at])).collect();
        rest.sort_by_key(|at| self.order(self.groups[*at].span, self.groups[*at].born));
        for group in rest {
            let number = at_end_of_time(level, self.groups[group].span.end);
            let rows = self.result(number, group, NO_WATERMARK);
            self.out.rows.extend(items(number, rows));
        }
    }
}
