//! Accumulators as values that can be kept: what a checkpoint holds of a group. The forms are part of the file
//! format: savepoints of years ago have them.

use super::{Accumulator, Copies, DecimalTotal, FloatTotal, HyperLogLog, Reversible, Sequence, Total};
use crate::types::{DataType, Field};
use crate::value::Value;
use std::sync::Arc;

fn record(fields: &[(&str, DataType)]) -> DataType {
    DataType::record(fields.iter().map(|(name, ty)| Field::new(*name, ty.clone())).collect())
}

fn fields<const N: usize>(values: [Value; N]) -> Value {
    Value::Record(Arc::new(values))
}

fn list(values: impl Iterator<Item = Value>) -> Value {
    Value::List(values.collect())
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::List(items) => items,
        Value::Record(items) => items,
        _ => &[],
    }
}

fn int(value: Option<&Value>) -> i64 {
    match value {
        Some(Value::Int(x) | Value::Duration(x) | Value::Timestamp(x)) => *x,
        _ => 0,
    }
}

fn float(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::Float(x)) => *x,
        Some(Value::Int(x)) => *x as f64,
        _ => 0.0,
    }
}

/// A wide int as two.
fn halves(x: i128) -> [Value; 2] {
    [Value::Int((x >> 64) as i64), Value::Int(x as i64)]
}

fn whole(high: Option<&Value>, low: Option<&Value>) -> i128 {
    (i128::from(int(high)) << 64) | i128::from(int(low) as u64)
}

fn or_null(ty: Option<&DataType>) -> DataType {
    ty.cloned().unwrap_or(DataType::Json).optional()
}

/// The type of what an argument gives.
fn plain(ty: Option<&DataType>) -> DataType {
    ty.map_or(DataType::Json, |ty| ty.unwrapped().clone())
}

impl Accumulator {
    /// The type of [`Accumulator::stored`]; `arg` and `by` are those of the arguments.
    pub fn stored_type(&self, arg: Option<&DataType>, by: Option<&DataType>) -> DataType {
        match self {
            Accumulator::Count(_) => DataType::Int,
            Accumulator::Sum(_) => plain(arg),
            Accumulator::AvgInt(..) => wide_average(),
            Accumulator::AvgFloat(..) => record(&[("sum", DataType::Float), ("rows", DataType::Int)]),
            Accumulator::Extreme(..) => or_null(arg),
            Accumulator::First(_) | Accumulator::Last(_) | Accumulator::Collect(_) => {
                DataType::list(arg.cloned().unwrap_or(DataType::Json))
            }
            Accumulator::Distinct(_) => DataType::list(plain(arg)),
            Accumulator::Approx(_) => DataType::Bytes,
            Accumulator::StringJoin(..) => DataType::String.optional(),
            Accumulator::Arg(..) => DataType::list(record(&[
                ("by", plain(by)),
                ("value", arg.cloned().unwrap_or(DataType::Json)),
            ])),
            Accumulator::Spread(..) => {
                record(&[("rows", DataType::Int), ("mean", DataType::Float), ("squares", DataType::Float)])
            }
            Accumulator::Percentile(..) => DataType::list(DataType::Float),
            Accumulator::Bool(..) => DataType::Bool.optional(),
        }
    }

    /// What it holds, as a value that [`Accumulator::load`] of an empty one of the same aggregate takes.
    pub fn stored(&self) -> Value {
        match self {
            Accumulator::Count(n) => Value::Int(*n),
            Accumulator::Sum(sum) => sum.clone(),
            Accumulator::AvgInt(sum, n) => {
                let [high, low] = halves(*sum);
                fields([high, low, Value::Int(*n)])
            }
            Accumulator::AvgFloat(sum, n) => fields([Value::Float(*sum), Value::Int(*n)]),
            Accumulator::Extreme(best, _) => best.clone(),
            Accumulator::First(value) | Accumulator::Last(value) => list(value.iter().cloned()),
            Accumulator::Collect(values) => list(values.iter().cloned()),
            Accumulator::Distinct(seen) => {
                // A set has no order; the same state is the same bytes.
                let mut values: Vec<&Value> = seen.iter().collect();
                values.sort_by(|a, b| crate::order::compare(a, b));
                list(values.into_iter().cloned())
            }
            Accumulator::Approx(sketch) => Value::Bytes(sketch.registers().into()),
            Accumulator::StringJoin(joined, _) => joined.as_deref().map_or(Value::Null, Value::string),
            Accumulator::Arg(best, _) => {
                list(best.iter().map(|(by, value)| fields([by.clone(), value.clone()])))
            }
            Accumulator::Spread(n, mean, squares, _) => {
                fields([Value::Int(*n), Value::Float(*mean), Value::Float(*squares)])
            }
            Accumulator::Percentile(values, _) => list(values.iter().map(|x| Value::Float(*x))),
            Accumulator::Bool(so_far, _) => so_far.map_or(Value::Null, Value::Bool),
        }
    }

    /// Takes over what another one of the same aggregate held.
    pub fn load(&mut self, value: &Value) {
        let all = items(value);
        match self {
            Accumulator::Count(n) => *n = int(Some(value)),
            Accumulator::Sum(sum) => *sum = value.clone(),
            Accumulator::AvgInt(sum, n) => {
                (*sum, *n) = (whole(all.first(), all.get(1)), int(all.get(2)));
            }
            Accumulator::AvgFloat(sum, n) => (*sum, *n) = (float(all.first()), int(all.get(1))),
            Accumulator::Extreme(best, _) => *best = value.clone(),
            Accumulator::First(first) | Accumulator::Last(first) => *first = all.first().cloned(),
            Accumulator::Collect(values) => *values = all.to_vec(),
            Accumulator::Distinct(seen) => *seen = all.iter().cloned().collect(),
            Accumulator::Approx(sketch) => {
                if let Value::Bytes(bytes) = value {
                    *sketch = HyperLogLog::of_registers(bytes);
                }
            }
            Accumulator::StringJoin(joined, _) => *joined = text(value),
            Accumulator::Arg(best, _) => {
                *best = all.first().map(items).filter(|pair| pair.len() == 2).map(|pair| {
                    let [by, value] = [&pair[0], &pair[1]];
                    (by.clone(), value.clone())
                });
            }
            Accumulator::Spread(n, mean, squares, _) => {
                (*n, *mean, *squares) = (int(all.first()), float(all.get(1)), float(all.get(2)));
            }
            Accumulator::Percentile(values, _) => *values = all.iter().map(|x| float(Some(x))).collect(),
            Accumulator::Bool(so_far, _) => {
                *so_far = if let Value::Bool(known) = value { Some(*known) } else { None };
            }
        }
    }
}

fn text(value: &Value) -> Option<String> {
    if let Value::String(text) = value { Some(text.to_string()) } else { None }
}

fn wide_average() -> DataType {
    record(&[("sum_high", DataType::Int), ("sum_low", DataType::Int), ("rows", DataType::Int)])
}

fn counted(value: DataType) -> DataType {
    DataType::list(record(&[("value", value), ("n", DataType::Int)]))
}

fn float_total() -> DataType {
    record(&[
        ("high", DataType::Float),
        ("low", DataType::Float),
        ("nans", DataType::Int),
        ("infinite", DataType::Int),
        ("negative_infinite", DataType::Int),
        // Of later versions than the others.
        ("more", DataType::list(DataType::Float).optional()),
    ])
}

fn of_total(total: &FloatTotal) -> Value {
    let (high, low, [nans, infinite, negative]) = total.parts();
    fields([
        Value::Float(high),
        Value::Float(low),
        Value::Int(nans),
        Value::Int(infinite),
        Value::Int(negative),
        total.more().map_or(Value::Null, |more| list(more.into_iter().map(Value::Float))),
    ])
}

fn to_total(value: Option<&Value>) -> FloatTotal {
    let all = value.map_or(&[][..], items);
    let more: Vec<f64> = all.get(5).map_or(&[][..], items).iter().map(|digit| float(Some(digit))).collect();
    FloatTotal::of_parts(
        float(all.first()),
        float(all.get(1)),
        [int(all.get(2)), int(all.get(3)), int(all.get(4))],
        &more,
    )
}

fn pairs(value: &Value) -> impl Iterator<Item = (&Value, i64)> {
    items(value).iter().map(items).filter(|pair| pair.len() == 2).map(|pair| (&pair[0], int(Some(&pair[1]))))
}

fn of_sequence(all: &Sequence) -> Value {
    list(all.values.values().cloned())
}

fn to_sequence(value: &Value) -> Sequence {
    let mut all = Sequence::default();
    items(value).iter().for_each(|value| all.add(value));
    all
}

impl Reversible {
    /// The type of [`Reversible::stored`]; `arg` and `by` are those of the arguments.
    pub fn stored_type(&self, arg: Option<&DataType>, by: Option<&DataType>) -> DataType {
        let value = || arg.cloned().unwrap_or(DataType::Json);
        match self {
            Reversible::Count(_) => DataType::Int,
            Reversible::SumInt(..) => record(&[("sum_high", DataType::Int), ("sum_low", DataType::Int)]),
            Reversible::SumFloat(..) | Reversible::AvgFloat(..) => {
                record(&[("sum", float_total()), ("rows", DataType::Int)])
            }
            Reversible::SumDecimal(_) => record(&[
                ("whole_high", DataType::Int),
                ("whole_low", DataType::Int),
                ("part_high", DataType::Int),
                ("part_low", DataType::Int),
                ("scale", DataType::Int),
            ]),
            Reversible::AvgInt(..) => wide_average(),
            Reversible::Extreme(..) | Reversible::Distinct(_) => counted(plain(arg)),
            Reversible::First(_) | Reversible::Last(_) | Reversible::Collect(_) => DataType::list(value()),
            Reversible::StringJoin(..) => DataType::list(value()),
            Reversible::Approx(_) => DataType::list(record(&[
                ("register", DataType::Int),
                ("rank", DataType::Int),
                ("n", DataType::Int),
            ])),
            Reversible::Arg(..) => {
                DataType::list(record(&[("by", plain(by)), ("values", DataType::list(value()))]))
            }
            Reversible::Spread(..) => {
                record(&[("rows", DataType::Int), ("sum", float_total()), ("squares", float_total())])
            }
            Reversible::Percentile(..) => counted(DataType::Float),
            Reversible::Bool(..) => record(&[("no", DataType::Int), ("yes", DataType::Int)]),
        }
    }

    /// What it holds, as a value that [`Reversible::load`] of an empty one of the same aggregate takes.
    pub fn stored(&self) -> Value {
        let counted = |value: &Value, n: i64| fields([value.clone(), Value::Int(n)]);
        match self {
            Reversible::Count(n) => Value::Int(*n),
            Reversible::SumInt(sum, _) => fields(halves(*sum)),
            Reversible::SumFloat(sum, n) | Reversible::AvgFloat(sum, n) => {
                fields([of_total(sum), Value::Int(*n)])
            }
            Reversible::SumDecimal(sum) => {
                let (whole, part, scale) = sum.parts();
                let ([a, b], [c, d]) = (halves(whole), halves(part));
                fields([a, b, c, d, Value::Int(i64::from(scale))])
            }
            Reversible::AvgInt(sum, n) => {
                let [high, low] = halves(*sum);
                fields([high, low, Value::Int(*n)])
            }
            Reversible::Extreme(all, _) => list(all.values().flatten().map(|(value, n)| counted(value, *n))),
            Reversible::First(all)
            | Reversible::Last(all)
            | Reversible::Collect(all)
            | Reversible::StringJoin(all, _) => of_sequence(all),
            Reversible::Distinct(all) => {
                let mut values: Vec<(&Value, &i64)> = all.iter().collect();
                values.sort_by(|a, b| crate::order::compare(a.0, b.0));
                list(values.into_iter().map(|(value, n)| counted(value, *n)))
            }
            Reversible::Approx(all) => list(all.iter().map(|((register, rank), n)| {
                fields([Value::Int(i64::from(*register)), Value::Int(i64::from(*rank)), Value::Int(*n)])
            })),
            Reversible::Arg(all, _) => {
                list(all.iter().map(|(by, values)| fields([by.clone(), of_sequence(values)])))
            }
            Reversible::Spread(n, sum, squares, _) => {
                fields([Value::Int(*n), of_total(sum), of_total(squares)])
            }
            Reversible::Percentile(all, _) => {
                list(all.iter().map(|(number, n)| fields([Value::Float(number.0), Value::Int(*n)])))
            }
            Reversible::Bool([no, yes], _) => fields([Value::Int(*no), Value::Int(*yes)]),
        }
    }

    /// Takes over what another one of the same aggregate held.
    pub fn load(&mut self, value: &Value) {
        let all = items(value);
        match self {
            Reversible::Count(n) => *n = int(Some(value)),
            Reversible::SumInt(sum, _) => *sum = whole(all.first(), all.get(1)),
            Reversible::SumFloat(sum, n) | Reversible::AvgFloat(sum, n) => {
                (*sum, *n) = (to_total(all.first()), int(all.get(1)));
            }
            Reversible::SumDecimal(sum) => {
                let scale = u32::try_from(int(all.get(4))).unwrap_or(0);
                *sum = DecimalTotal::of_parts(
                    whole(all.first(), all.get(1)),
                    whole(all.get(2), all.get(3)),
                    scale,
                );
            }
            Reversible::AvgInt(sum, n) => {
                (*sum, *n) = (whole(all.first(), all.get(1)), int(all.get(2)));
            }
            Reversible::Extreme(values, _) => {
                for (value, n) in pairs(value) {
                    let copies: &mut Copies = values.entry(value.clone()).or_default();
                    copies.push((value.clone(), n));
                }
            }
            Reversible::First(values)
            | Reversible::Last(values)
            | Reversible::Collect(values)
            | Reversible::StringJoin(values, _) => *values = to_sequence(value),
            Reversible::Distinct(values) => {
                *values = pairs(value).map(|(value, n)| (value.clone(), n)).collect();
            }
            Reversible::Approx(ranks) => {
                for entry in all.iter().map(items) {
                    let (register, rank) = (int(entry.first()) as u16, int(entry.get(1)) as u8);
                    ranks.insert((register, rank), int(entry.get(2)));
                }
            }
            Reversible::Arg(values, _) => {
                for entry in all.iter().map(items).filter(|entry| entry.len() == 2) {
                    values.insert(entry[0].clone(), to_sequence(&entry[1]));
                }
            }
            Reversible::Spread(n, sum, squares, _) => {
                (*n, *sum, *squares) = (int(all.first()), to_total(all.get(1)), to_total(all.get(2)));
            }
            Reversible::Percentile(numbers, _) => {
                *numbers = pairs(value).map(|(x, n)| (Total(float(Some(x))), n)).collect();
            }
            Reversible::Bool(counts, _) => *counts = [int(all.first()), int(all.get(1))],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::Arbitrary;
    use crate::catalogue::AggFunc;

    const FUNCS: [(AggFunc, DataType); 24] = [
        (AggFunc::Count, DataType::Int),
        (AggFunc::Sum, DataType::Float),
        (AggFunc::Sum, DataType::Decimal),
        (AggFunc::Sum, DataType::Duration),
        (AggFunc::Avg, DataType::Int),
        (AggFunc::Avg, DataType::Float),
        (AggFunc::Min, DataType::String),
        (AggFunc::Max, DataType::Float),
        (AggFunc::Max, DataType::Decimal),
        (AggFunc::First, DataType::String),
        (AggFunc::Last, DataType::Bool),
        (AggFunc::CountDistinct, DataType::Float),
        (AggFunc::CountDistinct, DataType::String),
        (AggFunc::ApproxCountDistinct, DataType::String),
        (AggFunc::Collect, DataType::Timestamp),
        (AggFunc::StringJoin, DataType::String),
        (AggFunc::ArgMax, DataType::String),
        (AggFunc::ArgMin, DataType::Decimal),
        (AggFunc::Stddev, DataType::Float),
        (AggFunc::Variance, DataType::Int),
        (AggFunc::Median, DataType::Float),
        (AggFunc::Percentile, DataType::Int),
        (AggFunc::BoolAnd, DataType::Bool),
        (AggFunc::BoolOr, DataType::Bool),
    ];

    #[test]
    fn an_accumulator_that_was_stored_and_loaded_goes_on_like_the_one_it_was() {
        for seed in 0..200 {
            let mut random = Arbitrary::new(seed);
            for (func, ty) in &FUNCS {
                let mut one = Accumulator::new(*func, Some(ty), None);
                let mut changing = Reversible::new(*func, Some(ty), None);
                let mut rows = Vec::new();
                for step in 0..random.below(12) {
                    let (arg, by) = (random.value(ty), random.value(&DataType::Int));
                    if one.add(Some(&arg), Some(&by)).is_err() {
                        continue;
                    }
                    changing.apply(Some(&arg), Some(&by), 1);
                    rows.push((arg, by));
                    if step % 3 == 2 {
                        let mut loaded = Accumulator::new(*func, Some(ty), None);
                        loaded.load(&one.stored());
                        one = loaded;
                        let mut loaded = Reversible::new(*func, Some(ty), None);
                        loaded.load(&changing.stored());
                        changing = loaded;
                    }
                }
                let mut plain = Accumulator::new(*func, Some(ty), None);
                let mut plain_changing = Reversible::new(*func, Some(ty), None);
                for (arg, by) in &rows {
                    assert!(plain.add(Some(arg), Some(by)).is_ok(), "seed {seed}");
                    plain_changing.apply(Some(arg), Some(by), 1);
                }
                let same = crate::order::identical(&one.result(), &plain.result());
                assert!(same, "seed {seed} {func:?}: {one:?} {plain:?}");
                if let (Ok(a), Ok(b)) = (changing.result(), plain_changing.result()) {
                    assert!(crate::order::identical(&a, &b), "seed {seed} {func:?}: {changing:?}");
                }
                // Taking everything out again leaves nothing, stored or not.
                rows.iter().for_each(|(arg, by)| changing.apply(Some(arg), Some(by), -1));
                rows.iter().for_each(|(arg, by)| plain_changing.apply(Some(arg), Some(by), -1));
                let (a, b) = (changing.result(), plain_changing.result());
                assert_eq!(format!("{a:?}"), format!("{b:?}"), "seed {seed} {func:?}");
            }
        }
    }
}
