//! List and map functions without lambdas.

use super::list_of;
use crate::catalogue::Func;
use crate::error::{ErrorCode, Fault};
use crate::limits;
use crate::value::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// The longest list that `range` makes.
pub const MAX_RANGE: i64 = 1_000_000;

pub(super) fn call(func: Func, args: &[Value]) -> Result<Value, Fault> {
    use Value::{Int, List, Map, String as S};
    let result = match (func, args) {
        (Func::Get, [List(items), Int(index)]) => get(items, *index),
        (Func::Get, [Map(entries), S(key)]) => get_key(entries, key),
        (Func::First, [List(items)]) => items.first().cloned().unwrap_or(Value::Null),
        (Func::Last, [List(items)]) => items.last().cloned().unwrap_or(Value::Null),
        (Func::Sort, [List(items)]) => {
            let mut sorted = items.to_vec();
            sorted.sort();
            List(sorted.into())
        }
        (Func::Distinct, [List(items)]) => {
            let mut seen = HashSet::new();
            list_of(items.iter().filter(|item| seen.insert(*item)).cloned())
        }
        (Func::Slice, [List(items), Int(start)]) => slice(items, *start, i64::MAX),
        (Func::Slice, [List(items), Int(start), Int(end)]) => slice(items, *start, *end),
        (Func::Flatten, [List(lists)]) => flatten(lists)?,
        (Func::Range, [Int(end)]) => range(0, *end)?,
        (Func::Range, [Int(start), Int(end)]) => range(*start, *end)?,
        (Func::Zip, [List(a), List(b)]) => {
            limits::list(a.iter().zip(b.iter()).map(|(a, b)| Value::Record([a.clone(), b.clone()].into())))?
        }
        (Func::Keys, [Map(entries)]) => list_of(entries.iter().map(|(key, _)| S(key.clone()))),
        (Func::Values, [Map(entries)]) => list_of(entries.iter().map(|(_, value)| value.clone())),
        _ => return Err(Fault::untyped()),
    };
    Ok(result)
}

/// The element at a position, or null.
pub(crate) fn get(items: &[Value], index: i64) -> Value {
    let item = usize::try_from(index).ok().and_then(|index| items.get(index));
    item.cloned().unwrap_or(Value::Null)
}

/// The value of a key, or null.
pub(crate) fn get_key(entries: &[(Arc<str>, Value)], key: &str) -> Value {
    let found = entries.binary_search_by(|(k, _)| (**k).cmp(key));
    found.map_or(Value::Null, |at| entries[at].1.clone())
}

fn slice(items: &[Value], start: i64, end: i64) -> Value {
    let within = |at: i64| usize::try_from(at.max(0)).unwrap_or(usize::MAX).min(items.len());
    let (start, end) = (within(start), within(end));
    Value::List(if start < end { items[start..end].into() } else { [].into() })
}

fn flatten(lists: &[Value]) -> Result<Value, Fault> {
    let mut inner: Vec<&[Value]> = Vec::with_capacity(lists.len());
    for list in lists {
        match list {
            Value::List(items) => inner.push(items),
            _ => return Err(Fault::untyped()),
        }
    }
    limits::list(inner.into_iter().flatten().cloned())
}

fn range(start: i64, end: i64) -> Result<Value, Fault> {
    if i128::from(end) - i128::from(start) > i128::from(MAX_RANGE) {
        let message = format!("range({start}, {end}) would have more than a million elements");
        return Err(Fault::new(ErrorCode::TooLarge, message));
    }
    Ok(list_of((start..end).map(Value::Int)))
}
