//! The accumulators of a group.

use crate::aggregate::{Accumulator, Reversible};
use crate::error::RecordError;
use crate::physical::ColumnAggregate;
use crate::types::RecordType;
use crate::value::Value;

/// Empty ones.
pub(super) fn fresh(calls: &[ColumnAggregate], input: &RecordType) -> Vec<Accumulator> {
    let state = |call: &ColumnAggregate| {
        let arg = call.arg.map(|column| &input.fields[column].ty);
        Accumulator::new(call.func, arg, call.param.as_ref())
    };
    calls.iter().map(state).collect()
}

/// Adds a row; one that an aggregate refuses is added to none. Those that can refuse it come first: what
/// they did is undone then.
pub(super) fn add_row(
    calls: &[ColumnAggregate],
    states: &mut [Accumulator],
    row: &[Value],
) -> Result<(), RecordError> {
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

/// The results of accumulators.
pub(super) fn results(calls: &[ColumnAggregate], states: &[Accumulator]) -> Vec<Value> {
    calls.iter().zip(states).map(|(call, state)| call.given(state.result())).collect()
}

/// The results of a changelog's rows, in the order in which they were added and withdrawn.
pub(super) fn results_of_changes(
    calls: &[ColumnAggregate],
    input: &RecordType,
    changes: &[(Vec<Value>, i64)],
) -> Result<Vec<Value>, RecordError> {
    let result = |call: &ColumnAggregate| {
        let arg = call.arg.map(|column| &input.fields[column].ty);
        let mut state = Reversible::new(call.func, arg, call.param.as_ref());
        for (row, change) in changes {
            if call.filter.is_none_or(|filter| matches!(row[filter], Value::Bool(true))) {
                state.apply(call.arg.map(|c| &row[c]), call.by.map(|c| &row[c]), *change);
            }
        }
        state.result().map(|result| call.given(result)).map_err(|fault| fault.at(call.place))
    };
    calls.iter().map(result).collect()
}

/// Is a row of a changelog added (1) or withdrawn (-1)? Rows of other streams are added.
pub(super) fn change_of(row: &[Value], column: Option<usize>) -> i64 {
    match column.map(|column| &row[column]) {
        Some(Value::Int(change)) => *change,
        _ => 1,
    }
}
