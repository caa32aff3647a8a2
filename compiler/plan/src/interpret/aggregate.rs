//! Running aggregation over rows.

use crate::aggregate::Accumulator;
use crate::error::RecordError;
use crate::operator::RunningTrigger;
use crate::physical::{ColumnAggregate, RunningAggregate};
use crate::types::RecordType;
use crate::value::Value;
use std::collections::HashMap;

/// The groups of one aggregation, in the order of their first rows.
pub(super) struct Groups<'a> {
    aggregate: &'a RunningAggregate,
    input: &'a RecordType,
    places: HashMap<Vec<Value>, usize>,
    groups: Vec<Group>,
}

struct Group {
    key: Vec<Value>,
    states: Vec<Accumulator>,
    /// Rows since the group was last given.
    pending: u64,
}

impl<'a> Groups<'a> {
    pub(super) fn new(aggregate: &'a RunningAggregate, input: &'a RecordType) -> Groups<'a> {
        Groups { aggregate, input, places: HashMap::new(), groups: Vec::new() }
    }

    fn states(&self) -> Vec<Accumulator> {
        let state = |call: &ColumnAggregate| {
            let arg = call.arg.map(|column| &self.input.fields[column].ty);
            Accumulator::new(call.func, arg, call.param.as_ref())
        };
        self.aggregate.calls.iter().map(state).collect()
    }

    /// Adds a row to its group; a row that one aggregate refuses is added to none. Gives the group's
    /// row if the trigger says so.
    pub(super) fn add(&mut self, row: &[Value]) -> Result<Option<Vec<Value>>, RecordError> {
        let key: Vec<Value> = self.aggregate.keys.iter().map(|key| row[*key].clone()).collect();
        let known = self.places.get(&key).copied();
        let mut states = match known {
            Some(place) => std::mem::take(&mut self.groups[place].states),
            None => self.states(),
        };
        let added = self.add_to(&mut states, row);
        if added.is_err() && known.is_none() {
            return added.map(|()| None);
        }
        let place = known.unwrap_or_else(|| {
            self.places.insert(key.clone(), self.groups.len());
            self.groups.push(Group { key, states: Vec::new(), pending: 0 });
            self.groups.len() - 1
        });
        let group = &mut self.groups[place];
        group.states = states;
        added?;
        group.pending += 1;
        let due = match self.aggregate.trigger {
            RunningTrigger::EachRow => true,
            RunningTrigger::Count(n) => group.pending >= n.max(1),
            RunningTrigger::AtEnd | RunningTrigger::Every(_) => false,
        };
        Ok(due.then(|| self.give(place)))
    }

    /// Those that can refuse the row come first: what they did is undone then.
    fn add_to(&self, states: &mut [Accumulator], row: &[Value]) -> Result<(), RecordError> {
        let calls = &self.aggregate.calls;
        let fallible = |call: &usize| calls[*call].func.def().fallible;
        let (first, rest): (Vec<usize>, Vec<usize>) = (0..calls.len()).partition(fallible);
        let saved: Vec<Accumulator> = first.iter().map(|call| states[*call].clone()).collect();
        for index in first.iter().chain(&rest) {
            let call = &calls[*index];
            let counts = call.filter.is_none_or(|filter| matches!(row[filter], Value::Bool(true)));
            if !counts {
                continue;
            }
            if let Err(fault) = states[*index].add(call.arg.map(|c| &row[c]), call.by.map(|c| &row[c])) {
                first.iter().zip(saved).for_each(|(index, state)| states[*index] = state);
                return Err(fault.at(call.place));
            }
        }
        Ok(())
    }

    /// What is given when the input ends. (No processing time passes here: `every` gives once.)
    pub(super) fn end(mut self) -> Vec<Vec<Value>> {
        let places = 0..self.groups.len();
        let wanted: Vec<usize> = match self.aggregate.trigger {
            RunningTrigger::EachRow => Vec::new(),
            _ => places.filter(|place| self.groups[*place].pending > 0).collect(),
        };
        wanted.into_iter().map(|place| self.give(place)).collect()
    }

    fn give(&mut self, place: usize) -> Vec<Value> {
        let group = &self.groups[place];
        let row = group.key.iter().cloned().chain(group.states.iter().map(Accumulator::result)).collect();
        let anew = self.aggregate.discarding.then(|| self.states());
        let group = &mut self.groups[place];
        group.pending = 0;
        if let Some(states) = anew {
            group.states = states;
        }
        row
    }
}
