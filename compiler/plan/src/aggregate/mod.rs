//! What the aggregates compute: one accumulator per aggregate and group.
//!
//! Rows are added in their order; results are those of adding them one by one, so that float sums are
//! the same everywhere. `sum` of ints is checked at each row. `avg` of ints divides the exact sum once.
//! `variance` is Welford's. Ties of `argMax` and `argMin` go to the first row. Null arguments are
//! skipped, but not by `count()`, `first`, `last`, `collect` and the first argument of `argMax`.

mod exact;
mod hyperloglog;
mod merge;
mod reversible;
mod stored;
#[cfg(test)]
mod tests;
mod total;

pub use exact::DecimalTotal;
pub use hyperloglog::HyperLogLog;
pub use reversible::{Copies, Reversible, Sequence, Total};
pub use total::FloatTotal;

use crate::catalogue::AggFunc;
use crate::error::Fault;
use crate::eval::{arith, convert};
use crate::expr::BinaryOp;
use crate::order::{compare, compare_floats};
use crate::types::DataType;
use crate::value::Value;
use rust_decimal::Decimal;
use std::collections::HashSet;

/// The state of one aggregate of one group.
#[derive(Clone, Debug)]
pub enum Accumulator {
    /// Rows.
    Count(i64),
    /// The sum, beginning with zero of its type.
    Sum(Value),
    /// Exact sum of ints, and rows.
    AvgInt(i128, i64),
    /// Sum of floats (decimals are converted one by one), and rows.
    AvgFloat(f64, i64),
    /// The least or greatest value; null before the first.
    Extreme(Value, std::cmp::Ordering),
    /// The first value, once there was one.
    First(Option<Value>),
    /// The last value.
    Last(Option<Value>),
    /// The different values.
    Distinct(HashSet<Value>),
    /// An estimate of the different values.
    Approx(HyperLogLog),
    /// All values; null if there were none.
    Collect(Vec<Value>),
    /// All texts, and the separator.
    StringJoin(Option<String>, Box<str>),
    /// The best `by` so far with its value, and which order is better.
    Arg(Option<(Value, Value)>, std::cmp::Ordering),
    /// Rows, mean, sum of squared differences; is the root wanted?
    Spread(i64, f64, f64, bool),
    /// All values, and the fraction.
    Percentile(Vec<f64>, f64),
    /// Conjunction (true) or disjunction (false) so far.
    Bool(Option<bool>, bool),
}

impl Accumulator {
    /// An empty accumulator. `arg` is the type of the argument, `param` the constant second argument.
    pub fn new(func: AggFunc, arg: Option<&DataType>, param: Option<&Value>) -> Accumulator {
        use std::cmp::Ordering::{Greater, Less};
        match func {
            AggFunc::Count => Accumulator::Count(0),
            AggFunc::Sum => Accumulator::Sum(zero(arg)),
            AggFunc::Avg if arg.map(DataType::unwrapped) == Some(&DataType::Int) => Accumulator::AvgInt(0, 0),
            AggFunc::Avg => Accumulator::AvgFloat(0.0, 0),
            AggFunc::Min => Accumulator::Extreme(Value::Null, Less),
            AggFunc::Max => Accumulator::Extreme(Value::Null, Greater),
            AggFunc::First => Accumulator::First(None),
            AggFunc::Last => Accumulator::Last(None),
            AggFunc::CountDistinct => Accumulator::Distinct(HashSet::new()),
            AggFunc::ApproxCountDistinct => Accumulator::Approx(HyperLogLog::default()),
            AggFunc::Collect => Accumulator::Collect(Vec::new()),
            AggFunc::StringJoin => Accumulator::StringJoin(None, separator(param)),
            AggFunc::ArgMax => Accumulator::Arg(None, Greater),
            AggFunc::ArgMin => Accumulator::Arg(None, Less),
            AggFunc::Stddev => Accumulator::Spread(0, 0.0, 0.0, true),
            AggFunc::Variance => Accumulator::Spread(0, 0.0, 0.0, false),
            AggFunc::Median => Accumulator::Percentile(Vec::new(), 0.5),
            AggFunc::Percentile => Accumulator::Percentile(Vec::new(), param.and_then(number).unwrap_or(0.5)),
            AggFunc::BoolAnd => Accumulator::Bool(None, true),
            AggFunc::BoolOr => Accumulator::Bool(None, false),
        }
    }

    /// Adds a row that passed `where:`. `arg` is `None` for `count()`; `by` is that of `argMax`.
    pub fn add(&mut self, arg: Option<&Value>, by: Option<&Value>) -> Result<(), Fault> {
        let Some(value) = arg else {
            if let Accumulator::Count(n) = self {
                *n += 1;
            }
            return Ok(());
        };
        match self {
            Accumulator::First(first) => {
                first.get_or_insert_with(|| value.clone());
            }
            Accumulator::Last(last) => *last = Some(value.clone()),
            Accumulator::Collect(values) => values.push(value.clone()),
            Accumulator::Arg(best, better) => {
                if let Some(by) = by.filter(|by| !by.is_null())
                    && best.as_ref().is_none_or(|(place, _)| compare(by, place) == *better)
                {
                    *best = Some((by.clone(), value.clone()));
                }
            }
            _ if value.is_null() => {}
            _ => self.add_present(value)?,
        }
        Ok(())
    }

    fn add_present(&mut self, value: &Value) -> Result<(), Fault> {
        match self {
            Accumulator::Count(n) => *n += 1,
            Accumulator::Sum(sum) => *sum = arith::binary(BinaryOp::Add, sum, value)?,
            Accumulator::AvgInt(sum, n) => {
                let Value::Int(x) = value else { return Err(Fault::untyped()) };
                *sum += i128::from(*x);
                *n += 1;
            }
            Accumulator::AvgFloat(sum, n) => {
                *sum += number(value).ok_or_else(Fault::untyped)?;
                *n += 1;
            }
            Accumulator::Extreme(best, better) => {
                if best.is_null() || compare(value, best) == *better {
                    *best = value.clone();
                }
            }
            Accumulator::Distinct(seen) => {
                seen.insert(value.clone());
            }
            Accumulator::Approx(sketch) => sketch.add(crate::order::hash64(value)),
            Accumulator::StringJoin(joined, separator) => {
                let Value::String(text) = value else { return Err(Fault::untyped()) };
                match joined {
                    Some(joined) => {
                        joined.push_str(separator);
                        joined.push_str(text);
                    }
                    None => *joined = Some(text.to_string()),
                }
            }
            Accumulator::Spread(n, mean, squares, _) => {
                let x = number(value).ok_or_else(Fault::untyped)?;
                *n += 1;
                let before = x - *mean;
                *mean += before / *n as f64;
                *squares += before * (x - *mean);
            }
            Accumulator::Percentile(values, _) => values.push(number(value).ok_or_else(Fault::untyped)?),
            Accumulator::Bool(so_far, and) => {
                let Value::Bool(x) = value else { return Err(Fault::untyped()) };
                *so_far = Some(match so_far {
                    Some(y) if *and => *y && *x,
                    Some(y) => *y || *x,
                    None => *x,
                });
            }
            _ => return Err(Fault::untyped()),
        }
        Ok(())
    }

    /// The result so far; null where there were no rows, but 0 of `count` and `sum`.
    pub fn result(&self) -> Value {
        match self {
            Accumulator::Count(n) => Value::Int(*n),
            Accumulator::Sum(sum) => sum.clone(),
            Accumulator::AvgInt(_, 0) | Accumulator::AvgFloat(_, 0) => Value::Null,
            Accumulator::AvgInt(sum, n) => Value::Float(*sum as f64 / *n as f64),
            Accumulator::AvgFloat(sum, n) => Value::Float(sum / *n as f64),
            Accumulator::Extreme(best, _) => best.clone(),
            Accumulator::First(value) | Accumulator::Last(value) => value.clone().unwrap_or(Value::Null),
            Accumulator::Distinct(seen) if seen.is_empty() => Value::Null,
            Accumulator::Distinct(seen) => Value::Int(seen.len() as i64),
            Accumulator::Approx(sketch) if sketch.is_empty() => Value::Null,
            Accumulator::Approx(sketch) => Value::Int(sketch.estimate()),
            Accumulator::Collect(values) if values.is_empty() => Value::Null,
            Accumulator::Collect(values) => Value::List(values.as_slice().into()),
            Accumulator::StringJoin(joined, _) => joined.as_deref().map_or(Value::Null, Value::string),
            Accumulator::Arg(best, _) => best.as_ref().map_or(Value::Null, |(_, value)| value.clone()),
            Accumulator::Spread(n, ..) if *n < 2 => Value::Null,
            Accumulator::Spread(n, _, squares, root) => {
                let variance = squares / (n - 1) as f64;
                Value::Float(if *root { variance.sqrt() } else { variance })
            }
            Accumulator::Percentile(values, fraction) => percentile(values, *fraction),
            Accumulator::Bool(so_far, _) => so_far.map_or(Value::Null, Value::Bool),
        }
    }
}

fn zero(ty: Option<&DataType>) -> Value {
    match ty.map(DataType::unwrapped) {
        Some(DataType::Float) => Value::Float(0.0),
        Some(DataType::Decimal) => Value::Decimal(Decimal::ZERO),
        Some(DataType::Duration) => Value::Duration(0),
        _ => Value::Int(0),
    }
}

/// What stands between joined texts.
fn separator(param: Option<&Value>) -> Box<str> {
    match param {
        Some(Value::String(separator)) => (&**separator).into(),
        _ => ",".into(),
    }
}

/// A number as a float.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(x) => Some(*x as f64),
        Value::Float(x) => Some(*x),
        Value::Decimal(x) => Some(convert::decimal_to_float(*x)),
        _ => None,
    }
}

/// Interpolated between neighbours, as SQL's `percentile_cont`.
fn percentile(values: &[f64], fraction: f64) -> Value {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| compare_floats(*a, *b));
    let Some(last) = sorted.len().checked_sub(1) else { return Value::Null };
    let place = fraction.clamp(0.0, 1.0) * last as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Value::Float(between(low, high, part))
}

/// What lies so far between two neighbours. Between equal ones nothing is computed: infinities would give
/// NaN.
fn between(low: f64, high: f64, part: f64) -> f64 {
    if part == 0.0 || low == high { low } else { low + (high - low) * part }
}
