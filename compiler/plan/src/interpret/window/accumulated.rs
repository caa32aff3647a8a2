//! Windows of aggregates: accumulators by slice, merged in the order of time when they are given.

use super::{Contents, Output, Span};
use crate::aggregate::Accumulator;
use crate::error::RecordError;
use crate::interpret::accumulators::{add_row, change_of, fresh, results, results_of_changes};
use crate::interpret::given::{Given, Replacing};
use crate::interpret::sequence::{Row, Stream};
use crate::interpret::time::{Clock, Wall};
use crate::physical::WindowAggregate;
use crate::types::RecordType;
use crate::value::Value;
use std::collections::BTreeMap;

/// What is kept of a window's rows.
#[derive(Clone, Default)]
struct Held {
    /// The accumulators of each slice.
    slices: BTreeMap<i64, Vec<Accumulator>>,
    /// Of a changelog: all rows, added or withdrawn.
    changes: Vec<(Row, i64)>,
    /// How many rows are there.
    rows: i64,
}

struct Accumulated<'a> {
    node: &'a WindowAggregate,
    input: &'a RecordType,
}

/// Runs a windowed aggregation.
pub(crate) fn aggregate(
    node: &WindowAggregate,
    schema: &RecordType,
    input: &Stream,
    at: (&Clock, u32, &Wall),
) -> Output {
    super::run(&Accumulated { node, input: schema }, &node.windowing, input, at)
}

impl Accumulated<'_> {
    fn merge_into(&self, states: &mut [Accumulator], later: &[Accumulator]) -> Result<(), RecordError> {
        let mut pairs = states.iter_mut().zip(later).zip(&self.node.calls);
        pairs.try_for_each(|((state, later), call)| state.merge(later).map_err(|fault| fault.at(call.place)))
    }
}

impl Contents for Accumulated<'_> {
    type State = Held;

    fn empty(&self) -> Held {
        Held::default()
    }

    fn add(&self, held: &mut Held, row: &Row, slice: i64) -> Result<(), RecordError> {
        let change = change_of(row, self.node.change);
        match self.node.change {
            Some(_) => held.changes.push((row.clone(), change)),
            None => {
                let states = held.slices.entry(slice).or_insert_with(|| fresh(&self.node.calls, self.input));
                add_row(&self.node.calls, states, row)?;
            }
        }
        held.rows += change;
        Ok(())
    }

    fn merge(&self, held: &mut Held, later: Held) -> Result<(), RecordError> {
        for (slice, states) in later.slices {
            match held.slices.get_mut(&slice) {
                Some(known) => self.merge_into(known, &states)?,
                None => {
                    held.slices.insert(slice, states);
                }
            }
        }
        held.changes.extend(later.changes);
        held.rows += later.rows;
        Ok(())
    }

    fn give(&self, key: &[Value], span: Span, held: &Held) -> Result<Vec<Given>, RecordError> {
        let results = match self.node.change {
            Some(_) => results_of_changes(&self.node.calls, self.input, &held.changes)?,
            None => {
                let mut all = fresh(&self.node.calls, self.input);
                for states in held.slices.values() {
                    self.merge_into(&mut all, states)?;
                }
                results(&self.node.calls, &all)
            }
        };
        let bounds = [span.start, span.end].map(Value::Timestamp);
        Ok(vec![Given { id: 0, row: key.iter().cloned().chain(bounds).chain(results).collect() }])
    }

    fn is_empty(&self, held: &Held) -> bool {
        held.rows <= 0
    }

    fn change(&self) -> Option<usize> {
        self.node.change
    }

    fn keys(&self) -> &[usize] {
        &self.node.keys
    }

    fn replacing(&self) -> Replacing {
        let columns = self.node.keys.len() + 2 + self.node.calls.len();
        let watermark = Some(columns + 1);
        Replacing { columns, watermark, changes: self.node.changes, ranked: false, again: true }
    }

    fn discarding(&self) -> bool {
        self.node.discarding
    }
}
