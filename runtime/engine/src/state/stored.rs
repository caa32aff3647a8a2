//! What a slot of an aggregate keeps, as columns for a checkpoint: the forms are part of the file format.

use super::accumulate::Accumulators;
use crate::snapshot::{Columns, Loaded, nulls};
use flow_data::{Column, ColumnBuilder, ColumnData};
use flow_env::planted;
use flow_plan::aggregate::FloatTotal;
use flow_plan::physical::ColumnAggregate;
use flow_plan::{DataType, Value};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A part's name behind that of the aggregate (empty if it is the only one), and its type.
pub(crate) type StoredPart = (String, DataType);

/// A state that columns can hold.
pub(crate) trait Stored: Sized {
    /// Its parts; `ty` is the type of the aggregate's result.
    fn parts(ty: &DataType) -> Vec<StoredPart>;
    /// One column per part; `ty` is the type of the aggregate's result.
    fn store<'a>(ty: &DataType, states: impl Iterator<Item = &'a Self> + Clone) -> Vec<Column>
    where
        Self: 'a;
    /// The state of a row.
    fn load(parts: &[Column], row: usize) -> Self;
}

fn part(name: &str, ty: DataType) -> StoredPart {
    (name.into(), ty)
}

fn ints(values: impl Iterator<Item = i64>) -> Column {
    Column::new(ColumnData::I64(values.collect()))
}

fn int(column: &Column, row: usize) -> i64 {
    match &column.data {
        ColumnData::I64(values) => values[row],
        _ => 0,
    }
}

fn float(column: &Column, row: usize) -> f64 {
    match &column.data {
        ColumnData::F64(values) => values[row],
        _ => 0.0,
    }
}

impl Stored for i64 {
    fn parts(ty: &DataType) -> Vec<StoredPart> {
        vec![part("", ty.unwrapped().clone())]
    }

    fn store<'a>(_: &DataType, states: impl Iterator<Item = &'a i64> + Clone) -> Vec<Column> {
        vec![ints(states.copied())]
    }

    fn load(parts: &[Column], row: usize) -> i64 {
        int(&parts[0], row)
    }
}

impl Stored for Option<i64> {
    fn parts(ty: &DataType) -> Vec<StoredPart> {
        vec![part("", ty.unwrapped().clone().optional())]
    }

    fn store<'a>(_: &DataType, states: impl Iterator<Item = &'a Option<i64>> + Clone) -> Vec<Column> {
        let validity: Vec<u8> = states.clone().map(|state| u8::from(state.is_some())).collect();
        let data = ColumnData::I64(states.map(|state| state.unwrap_or_default()).collect());
        vec![Column { data, validity: validity.contains(&0).then_some(validity) }]
    }

    fn load(parts: &[Column], row: usize) -> Option<i64> {
        parts[0].is_valid(row).then(|| int(&parts[0], row))
    }
}

impl Stored for f64 {
    fn parts(_: &DataType) -> Vec<StoredPart> {
        vec![part("", DataType::Float)]
    }

    fn store<'a>(_: &DataType, states: impl Iterator<Item = &'a f64> + Clone) -> Vec<Column> {
        vec![Column::new(ColumnData::F64(states.copied().collect()))]
    }

    fn load(parts: &[Column], row: usize) -> f64 {
        float(&parts[0], row)
    }
}

impl Stored for Decimal {
    fn parts(_: &DataType) -> Vec<StoredPart> {
        vec![part("", DataType::Decimal)]
    }

    fn store<'a>(_: &DataType, states: impl Iterator<Item = &'a Decimal> + Clone) -> Vec<Column> {
        vec![Column::new(ColumnData::Decimal(states.copied().collect()))]
    }

    fn load(parts: &[Column], row: usize) -> Decimal {
        match &parts[0].data {
            ColumnData::Decimal(values) => values[row],
            _ => Decimal::ZERO,
        }
    }
}

/// Exact sum of ints, and rows.
impl Stored for (i128, i64) {
    fn parts(_: &DataType) -> Vec<StoredPart> {
        vec![part("sum_high", DataType::Int), part("sum_low", DataType::Int), part("rows", DataType::Int)]
    }

    fn store<'a>(_: &DataType, states: impl Iterator<Item = &'a (i128, i64)> + Clone) -> Vec<Column> {
        let high = ints(states.clone().map(|(sum, _)| (sum >> 64) as i64));
        let low = ints(states.clone().map(|(sum, _)| *sum as i64));
        vec![high, low, ints(states.map(|(_, rows)| *rows))]
    }

    fn load(parts: &[Column], row: usize) -> (i128, i64) {
        let (high, low) = (int(&parts[0], row), int(&parts[1], row));
        ((i128::from(high) << 64) | i128::from(low as u64), int(&parts[2], row))
    }
}

/// Sum of floats, and rows.
impl Stored for (f64, i64) {
    fn parts(_: &DataType) -> Vec<StoredPart> {
        vec![part("sum", DataType::Float), part("rows", DataType::Int)]
    }

    fn store<'a>(_: &DataType, states: impl Iterator<Item = &'a (f64, i64)> + Clone) -> Vec<Column> {
        let sums = states.clone().map(|(sum, _)| *sum).collect();
        vec![Column::new(ColumnData::F64(sums)), ints(states.map(|(_, rows)| *rows))]
    }

    fn load(parts: &[Column], row: usize) -> (f64, i64) {
        (float(&parts[0], row), int(&parts[1], row))
    }
}

/// Exact sum of ints of a changelog.
impl Stored for i128 {
    fn parts(_: &DataType) -> Vec<StoredPart> {
        vec![part("sum_high", DataType::Int), part("sum_low", DataType::Int)]
    }

    fn store<'a>(_: &DataType, states: impl Iterator<Item = &'a i128> + Clone) -> Vec<Column> {
        vec![ints(states.clone().map(|sum| (sum >> 64) as i64)), ints(states.map(|sum| *sum as i64))]
    }

    fn load(parts: &[Column], row: usize) -> i128 {
        (i128::from(int(&parts[0], row)) << 64) | i128::from(int(&parts[1], row) as u64)
    }
}

/// Sum of floats of a changelog, and rows.
impl Stored for (FloatTotal, i64) {
    fn parts(_: &DataType) -> Vec<StoredPart> {
        let ints = ["nans", "infinite", "negative_infinite", "rows"].map(|name| part(name, DataType::Int));
        let floats = ["high", "low"].map(|name| part(name, DataType::Float));
        // Of later versions than the others: null of most sums.
        let more = part("more", DataType::list(DataType::Float).optional());
        floats.into_iter().chain(ints).chain([more]).collect()
    }

    fn store<'a>(_: &DataType, states: impl Iterator<Item = &'a (FloatTotal, i64)> + Clone) -> Vec<Column> {
        let floats = |digits: fn(&FloatTotal) -> f64| {
            Column::new(ColumnData::F64(states.clone().map(|(sum, _)| digits(sum)).collect()))
        };
        let count = |at: usize| ints(states.clone().map(move |(sum, _)| sum.parts().2[at]));
        let rows = ints(states.clone().map(|(_, rows)| *rows));
        let mut more = ColumnBuilder::new(&DataType::list(DataType::Float).optional());
        for (sum, _) in states.clone() {
            let digits = sum.more().map(|more| more.into_iter().map(Value::Float).collect());
            more.push(&digits.map_or(Value::Null, Value::List));
        }
        let [high, low] = [floats(|sum| sum.parts().0), floats(|sum| sum.parts().1)];
        vec![high, low, count(0), count(1), count(2), rows, more.finish()]
    }

    fn load(parts: &[Column], row: usize) -> (FloatTotal, i64) {
        let counts = [2, 3, 4].map(|at| int(&parts[at], row));
        let more = match &parts[6].data {
            ColumnData::Any(lists) => floats(&lists[row]),
            _ => Vec::new(),
        };
        let (high, low) = (float(&parts[0], row), float(&parts[1], row));
        (FloatTotal::of_parts(high, low, counts, &more), int(&parts[5], row))
    }
}

/// How often each value is there.
impl Stored for BTreeMap<i64, i64> {
    fn parts(ty: &DataType) -> Vec<StoredPart> {
        let list = || DataType::list(ty.unwrapped().clone());
        vec![part("values", list()), part("counts", DataType::list(DataType::Int))]
    }

    fn store<'a>(ty: &DataType, states: impl Iterator<Item = &'a BTreeMap<i64, i64>> + Clone) -> Vec<Column> {
        let value = match ty.unwrapped() {
            DataType::Timestamp => Value::Timestamp,
            DataType::Duration => Value::Duration,
            _ => Value::Int,
        };
        let list = |values: Vec<Value>| Value::List(values.into_iter().collect());
        let values = states.clone().map(|state| list(state.keys().copied().map(value).collect())).collect();
        let counts = states.map(|state| list(state.values().copied().map(Value::Int).collect())).collect();
        vec![Column::new(ColumnData::Any(values)), Column::new(ColumnData::Any(counts))]
    }

    fn load(parts: &[Column], row: usize) -> BTreeMap<i64, i64> {
        let list = |column: &Column| match &column.data {
            ColumnData::Any(values) => numbers(&values[row]),
            _ => Vec::new(),
        };
        list(&parts[0]).into_iter().zip(list(&parts[1])).collect()
    }
}

fn numbers(value: &Value) -> Vec<i64> {
    let Value::List(values) = value else { return Vec::new() };
    let number = |value: &Value| match value {
        Value::Int(x) | Value::Timestamp(x) | Value::Duration(x) => Some(*x),
        _ => None,
    };
    values.iter().filter_map(number).collect()
}

fn floats(value: &Value) -> Vec<f64> {
    let Value::List(values) = value else { return Vec::new() };
    let number = |value: &Value| match value {
        Value::Float(x) => Some(*x),
        _ => None,
    };
    values.iter().filter_map(number).collect()
}

/// Reference states as columns: a record's fields one by one.
pub(crate) fn parts_of(ty: DataType) -> Vec<StoredPart> {
    match ty {
        DataType::Record(record) => {
            record.fields.iter().map(|field| (field.name.to_string(), field.ty.clone())).collect()
        }
        other => vec![(String::new(), other)],
    }
}

/// Stored reference states as one column per part.
pub(crate) fn columns_of(parts: &[StoredPart], states: impl Iterator<Item = Value>) -> Vec<Column> {
    let mut columns: Vec<ColumnBuilder> = parts.iter().map(|(_, ty)| ColumnBuilder::new(ty)).collect();
    for state in states {
        match (&state, parts) {
            (value, [(name, _)]) if name.is_empty() => columns[0].push(value),
            (Value::Record(fields), _) => {
                columns.iter_mut().zip(fields.iter()).for_each(|(column, value)| column.push(value));
            }
            (other, _) => unreachable!("a state of several parts is a record, not {other:?}"),
        }
    }
    columns.into_iter().map(ColumnBuilder::finish).collect()
}

/// The stored state of a row.
pub(crate) fn state_of(parts: &[StoredPart], columns: &[Column], row: usize) -> Value {
    let value = |at: usize| columns[at].value(row, &parts[at].1);
    match parts {
        [(name, _)] if name.is_empty() => value(0),
        _ => Value::Record((0..parts.len()).map(value).collect()),
    }
}

/// What the columns of aggregates are called: several that make one result (`sum(x) - count()`) are told apart by
/// a number.
pub(crate) fn stored_names(calls: &[ColumnAggregate]) -> Vec<Arc<str>> {
    let name = |(at, call): (usize, &ColumnAggregate)| {
        let before = calls[..at].iter().filter(|other| other.name == call.name).count();
        if before == 0 { call.name.as_str().into() } else { format!("{}·{}", call.name, before + 1).into() }
    };
    calls.iter().enumerate().map(name).collect()
}

/// Adds the columns of aggregates to a table: those of a name with several parts as `name.part`.
pub(crate) fn store_calls(
    calls: &[Box<dyn Accumulators>],
    names: &[Arc<str>],
    slots: &[u32],
    out: &mut Columns,
) {
    for (call, name) in calls.iter().zip(names) {
        for ((part, ty), column) in call.parts().into_iter().zip(call.store(slots)) {
            out.push(&full_name(name, &part), ty, column);
        }
    }
}

/// Gives slots what a table holds of them, a row per slot. An aggregate that was not saved starts empty. A slot may come
/// several times, from workers that each had a part of it, or be one of those that were `known` before: these are merged.
pub(crate) fn load_calls(
    calls: &mut [Box<dyn Accumulators>],
    empty: &dyn Fn(usize) -> Box<dyn Accumulators>,
    names: &[Arc<str>],
    (known, slots): (usize, &[u32]),
    from: &Loaded,
) -> Result<(), String> {
    let rounds = rounds(known, slots);
    for (index, (call, name)) in calls.iter_mut().zip(names).enumerate() {
        let Some(parts) = saved_parts(&call.parts(), name, from)? else { continue };
        if index == 1 && planted("start-an-aggregate-empty") {
            continue;
        }
        for (round, rows) in rounds.iter().enumerate() {
            let of_round: Vec<u32> = rows.iter().map(|&row| slots[row as usize]).collect();
            let columns: Vec<Column> = parts.iter().map(|column| column.gather(rows)).collect();
            if round == 0 {
                call.load(&of_round, &columns);
                continue;
            }
            let mut more = empty(index);
            more.grow(rows.len());
            let own: Vec<u32> = (0..rows.len() as u32).collect();
            more.load(&own, &columns);
            // What is divided among workers never refuses.
            call.merge(&of_round, more.as_ref(), &own, &mut Vec::new());
        }
    }
    Ok(())
}

/// The columns of an aggregate; `None` if it was not saved.
fn saved_parts(parts: &[StoredPart], name: &str, from: &Loaded) -> Result<Option<Vec<Arc<Column>>>, String> {
    let mut columns = Vec::new();
    for (part, ty) in parts {
        columns.extend(match from.column(&full_name(name, part), ty)? {
            // A part that earlier versions did not write.
            None if !part.is_empty() && ty.is_optional() => Some(nulls(ty, from.len())),
            column => column,
        });
    }
    if columns.len() == parts.len() {
        return Ok(Some(columns));
    }
    if !from.has_part_of(name) {
        return Ok(None);
    }
    if let ([(_, ty)], true) = (parts, from.has(&full_name(name, "counts"))) {
        return counted_values(ty, name, from).map(Some);
    }
    if !from.has(&full_name(name, "sum_high")) {
        return Err(format!("its state holds `{name}` in another form than it has as the script is now"));
    }
    // A sum, or a mean, of ints that is one of floats now.
    let is_mean = from.has(&full_name(name, "rows"));
    let saved = if is_mean { <(i128, i64)>::parts(&DataType::Float) } else { i128::parts(&DataType::Int) };
    let Some(saved) = saved_parts(&saved, name, from)? else { return Ok(None) };
    let saved: Vec<Column> = saved.iter().map(|column| Column::clone(column)).collect();
    let states = (0..from.len()).map(|row| match is_mean {
        true => <(i128, i64)>::load(&saved, row),
        false => (i128::load(&saved, row), UNKNOWN_ROWS),
    });
    let columns = match parts.len() {
        2 => <(f64, i64)>::store(
            &DataType::Float,
            states.map(|(sum, rows)| (sum as f64, rows)).collect::<Vec<_>>().iter(),
        ),
        _ => <(FloatTotal, i64)>::store(&DataType::Float, states.map(float_total).collect::<Vec<_>>().iter()),
    };
    Ok(Some(columns.into_iter().map(Arc::new).collect()))
}

/// How often each value is there, of ints that are floats now: a list of values and numbers.
fn counted_values(ty: &DataType, name: &str, from: &Loaded) -> Result<Vec<Arc<Column>>, String> {
    let saved = saved_parts(&BTreeMap::parts(&DataType::Int), name, from)?.unwrap_or_default();
    let saved: Vec<Column> = saved.iter().map(|column| Column::clone(column)).collect();
    let mut column = ColumnBuilder::new(ty);
    for row in 0..from.len() {
        let counted = BTreeMap::load(&saved, row).into_iter();
        let record = |(value, n)| Value::Record([Value::Float(value as f64), Value::Int(n)].into());
        column.push(&Value::List(counted.map(record).collect()));
    }
    Ok(vec![Arc::new(column.finish())])
}

/// Rows of a sum that did not count them: more than will ever be taken out.
const UNKNOWN_ROWS: i64 = 1 << 48;

/// A sum of ints with the digits of two floats.
fn float_total((sum, rows): (i128, i64)) -> (FloatTotal, i64) {
    let high = sum as f64;
    (FloatTotal::of_parts(high, (sum - high as i128) as f64, [0; 3], &[]), rows)
}

/// Rows so that in none of the lists a slot comes twice, and in the first one none that was known before.
fn rounds(known: usize, slots: &[u32]) -> Vec<Vec<u32>> {
    // Few slots, of many that there are, stand close together.
    let first = slots.iter().min().copied().unwrap_or_default();
    let mut seen: Vec<u32> = vec![0; slots.iter().max().map_or(0, |slot| (slot - first) as usize + 1)];
    let mut rounds: Vec<Vec<u32>> = Vec::new();
    for (row, &slot) in slots.iter().enumerate() {
        let before = &mut seen[(slot - first) as usize];
        let round = *before as usize + usize::from((slot as usize) < known);
        if round >= rounds.len() {
            rounds.resize(round + 1, Vec::new());
        }
        rounds[round].push(row as u32);
        *before += 1;
    }
    rounds
}

fn full_name(name: &str, part: &str) -> String {
    if part.is_empty() { name.into() } else { format!("{name}.{part}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_data::Batch;
    use flow_plan::{Field, RecordType};

    /// What comes back of a state of which so many columns were saved.
    fn saved(state: &(FloatTotal, i64), columns: usize) -> (FloatTotal, i64) {
        let parts = <(FloatTotal, i64)>::parts(&DataType::Float);
        let field = |(part, ty): &StoredPart| Field::new(full_name("s", part), ty.clone());
        let schema = RecordType::new(parts[..columns].iter().map(field).collect());
        let stored = <(FloatTotal, i64)>::store(&DataType::Float, [state].into_iter());
        let rows = Batch::new(1, stored.into_iter().take(columns).map(Arc::new).collect());
        let found = saved_parts(&parts, "s", &Loaded::of(Arc::new(schema), rows)).unwrap().unwrap();
        let found: Vec<Column> = found.iter().map(|column| Column::clone(column)).collect();
        <(FloatTotal, i64)>::load(&found, 0)
    }

    #[test]
    fn sums_of_floats_are_read_as_they_were_saved_also_by_earlier_versions() {
        let total = |numbers: &[f64]| {
            let mut sum = FloatTotal::default();
            numbers.iter().for_each(|x| sum.add(*x, 1));
            (sum, numbers.len() as i64)
        };
        let few = total(&[0.1, 1e17, f64::INFINITY]);
        assert_eq!(saved(&few, 6), few, "two floats hold it, as they did");
        let many = total(&[1e308, 1e308, 1e200, 0.1, 1e-200, f64::NAN]);
        assert_eq!(saved(&many, 7), many);
    }
}
