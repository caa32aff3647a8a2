//! Running aggregation over rows.

use super::accumulators::{add_row, change_of, fresh, results, results_of_changes};
use super::given::{Given, Replacing};
use super::sequence::{Item, Row, items};
use super::time::Wall;
use super::window::{Output, Record, Refused};
use crate::aggregate::Accumulator;
use crate::operator::RunningTrigger;
use crate::physical::RunningAggregate;
use crate::physical::hidden::NO_WATERMARK;
use crate::physical::number::{Number, at_end};
use crate::types::RecordType;
use crate::value::Value;

/// The groups of one aggregation, in the order of their first rows.
pub(super) struct Groups<'a> {
    aggregate: &'a RunningAggregate,
    input: &'a RecordType,
    groups: Vec<Group>,
    /// Do several workers do it in two steps?
    divides: bool,
    births: u64,
    out: Output,
}

#[derive(Default)]
struct Group {
    key: Row,
    states: Vec<Accumulator>,
    /// Of a changelog: all rows, added or withdrawn.
    changes: Vec<(Row, i64)>,
    /// How many rows are there.
    rows: i64,
    /// The number in which its first row came, and its place among all groups.
    born: Number,
    birth: u64,
    /// Rows since the group was last given.
    pending: u64,
    /// Time and watermark of its last row.
    hidden: Row,
    given: Vec<Given>,
}

impl<'a> Groups<'a> {
    pub(super) fn new(aggregate: &'a RunningAggregate, input: &'a RecordType, divides: bool) -> Groups<'a> {
        Groups { aggregate, input, groups: Vec::new(), divides, births: 0, out: Output::default() }
    }

    /// All rows, and what the clock on the wall and the end make of them.
    pub(super) fn run(mut self, input: &[Item], wall: &Wall, level: u32) -> Output {
        let beats: Vec<Number> = match self.aggregate.trigger {
            RunningTrigger::Every(every) => wall.beats(every).collect(),
            _ => Vec::new(),
        };
        let mut beats = beats.into_iter().peekable();
        for item in input {
            while let Some(beat) = beats.next_if(|beat| *beat < item.number) {
                self.give_changed(|_| beat);
            }
            self.add(item);
        }
        beats.for_each(|beat| self.give_changed(|_| beat));
        self.end(level)
    }

    /// Adds a row to its group, or takes it out; one that an aggregate refuses is added to none. Gives the
    /// rows of the group's result if the trigger says so.
    fn add(&mut self, item: &Item) {
        let aggregate = self.aggregate;
        let key: Row = aggregate.keys.iter().map(|key| item.row[*key].clone()).collect();
        let known = self.groups.iter().position(|group| group.key == key);
        let change = change_of(&item.row, aggregate.hidden.change);
        if known.map_or(0, |place| self.groups[place].rows) + change < 0 {
            // What is not there cannot be withdrawn.
            return;
        }
        let mut states = known.map_or_else(|| self.fresh(), |place| self.groups[place].states.clone());
        if aggregate.hidden.change.is_none()
            && let Err(error) = add_row(&aggregate.calls, &mut states, &item.row)
        {
            let record = Record::Input(item.row.clone());
            self.out.refused.push(Refused { number: item.number, error, record });
            return;
        }
        let place = known.unwrap_or_else(|| {
            self.groups.push(Group { key, ..Group::default() });
            self.groups.len() - 1
        });
        let group = &mut self.groups[place];
        if group.rows == 0 {
            // Also if it was there before: a group without rows is forgotten.
            (group.born, group.birth) = (item.number, self.births);
            self.births += 1;
        }
        group.states = states;
        group.changes.push((item.row.clone(), change));
        group.rows += change;
        group.pending += 1;
        let carried = [aggregate.hidden.time, aggregate.hidden.watermark];
        group.hidden = carried.into_iter().flatten().map(|column| item.row[column].clone()).collect();
        let due = match aggregate.trigger {
            RunningTrigger::EachRow => true,
            RunningTrigger::Count(n) => group.pending >= n.max(1),
            RunningTrigger::AtEnd | RunningTrigger::Every(_) => false,
        };
        if due {
            self.result(place, item.number);
        }
    }

    fn fresh(&self) -> Vec<Accumulator> {
        fresh(&self.aggregate.calls, self.input)
    }

    /// What is given when the input ends.
    fn end(mut self, level: u32) -> Output {
        // As if the first of two steps had given the groups before.
        let divided = |born: Number| at_end(level + 1, at_end(level, born));
        let divides = self.divides;
        self.groups.sort_by_key(|group| group.birth);
        self.give_changed(|born| if divides { divided(born) } else { at_end(level, born) });
        self.out
    }

    /// Gives the groups that changed since they were given, each under a number that its birth says.
    fn give_changed(&mut self, number: impl Fn(Number) -> Number) {
        for place in 0..self.groups.len() {
            let Group { born, pending, .. } = self.groups[place];
            if self.aggregate.trigger != RunningTrigger::EachRow && pending > 0 {
                // No row causes it: it is never behind.
                if self.aggregate.hidden.watermark.is_some()
                    && let Some(watermark) = self.groups[place].hidden.last_mut()
                {
                    *watermark = Value::Timestamp(NO_WATERMARK);
                }
                self.result(place, number(born));
            }
        }
    }

    /// Gives a group's result. If there is none, since a sum does not fit, what was given goes.
    fn result(&mut self, place: usize, number: Number) {
        let aggregate = self.aggregate;
        let group = &self.groups[place];
        let results = match aggregate.hidden.change {
            Some(_) => results_of_changes(&aggregate.calls, self.input, &group.changes),
            None => Ok(results(&aggregate.calls, &group.states)),
        };
        let new = match results {
            // A group without rows has no result.
            _ if group.rows == 0 => Vec::new(),
            Ok(results) => {
                let row = group.key.iter().cloned().chain(results).chain(group.hidden.iter().cloned());
                vec![Given { id: 0, row: row.collect() }]
            }
            Err(error) => {
                let record = Record::Group(group.key.clone());
                self.out.refused.push(Refused { number, error, record });
                Vec::new()
            }
        };
        self.give(place, number, new);
    }

    fn give(&mut self, place: usize, number: Number, new: Vec<Given>) {
        let aggregate = self.aggregate;
        let fresh = self.fresh();
        let group = &mut self.groups[place];
        group.pending = 0;
        if aggregate.discarding {
            group.states = fresh;
            group.changes.clear();
        }
        let columns = group.key.len() + aggregate.calls.len();
        let behind = usize::from(aggregate.hidden.time.is_some());
        let watermark = aggregate.hidden.watermark.map(|_| columns + behind);
        let met = match (watermark, group.hidden.get(behind)) {
            (Some(_), Some(Value::Timestamp(met))) => *met,
            _ => NO_WATERMARK,
        };
        let replacing =
            Replacing { columns, watermark, changes: aggregate.changes, ranked: false, again: true };
        self.out.rows.extend(items(number, replacing.replace(&mut group.given, new, met)));
    }
}
