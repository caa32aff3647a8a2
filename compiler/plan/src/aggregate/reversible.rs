//! Aggregates of a changelog: rows can be taken out again. What an [`super::Accumulator`] forgets, these
//! keep: all values where the next best may be asked for, counts where values repeat.
//!
//! Of several equal values, the one that came first is taken out. Nothing is refused on the way: a sum
//! that does not fit its type is a fault of the result.

use super::exact::DecimalTotal;
use super::total::FloatTotal;
use super::{HyperLogLog, number, separator};
use crate::catalogue::AggFunc;
use crate::error::Fault;
use crate::order::{compare_floats, hash64, identical};
use crate::types::DataType;
use crate::value::Value;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// The state of one aggregate of one group of a changelog.
#[derive(Clone, Debug)]
pub enum Reversible {
    /// Rows.
    Count(i64),
    /// The sum of ints or durations; are these durations?
    SumInt(i128, bool),
    /// The sum of floats, and how many.
    SumFloat(FloatTotal, i64),
    /// The sum of decimals.
    SumDecimal(DecimalTotal),
    /// Sum of ints, and rows.
    AvgInt(i128, i64),
    /// Sum of floats, and rows.
    AvgFloat(FloatTotal, i64),
    /// All values in order, with their copies; is the greatest wanted?
    Extreme(BTreeMap<Value, Copies>, bool),
    /// All values in the order of their rows.
    First(Sequence),
    /// The same; the last is wanted.
    Last(Sequence),
    /// The same; all are wanted.
    Collect(Sequence),
    /// The same, and what stands between them.
    StringJoin(Sequence, Box<str>),
    /// How often each value is there.
    Distinct(HashMap<Value, i64>),
    /// How often each register of the sketch got each rank.
    Approx(BTreeMap<(u16, u8), i64>),
    /// The values of each `by`; is the greatest wanted?
    Arg(BTreeMap<Value, Sequence>, bool),
    /// Rows, sum and sum of squares; is the root wanted?
    Spread(i64, FloatTotal, FloatTotal, bool),
    /// How often each number is there, and the fraction.
    Percentile(BTreeMap<Total, i64>, f64),
    /// How often true and false are there; conjunction (true) or disjunction?
    Bool([i64; 2], bool),
}

/// Equal values that can be told apart (`1.0` and `1.00`): each with its number, first come first.
pub type Copies = Vec<(Value, i64)>;

/// Values in the order of their rows.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    pub(super) values: BTreeMap<u64, Value>,
    /// Where each value stands, first come first.
    places: HashMap<Value, VecDeque<u64>>,
    next: u64,
}

/// A float in the total order, for keys. NaNs are one.
#[derive(Clone, Copy, Debug)]
pub struct Total(pub(super) f64);

impl PartialEq for Total {
    fn eq(&self, other: &Total) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Total {}

impl PartialOrd for Total {
    fn partial_cmp(&self, other: &Total) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Total {
    fn cmp(&self, other: &Total) -> Ordering {
        compare_floats(self.0, other.0)
            .then_with(|| if self.0.is_nan() { Ordering::Equal } else { self.0.total_cmp(&other.0) })
    }
}

impl Sequence {
    pub(super) fn add(&mut self, value: &Value) {
        self.values.insert(self.next, value.clone());
        self.places.entry(value.clone()).or_default().push_back(self.next);
        self.next += 1;
    }

    fn append(&mut self, later: &Sequence) {
        later.values.values().for_each(|value| self.add(value));
    }

    fn retract(&mut self, value: &Value) {
        let Some(places) = self.places.get_mut(value) else { return };
        let same = places.iter().position(|place| identical(&self.values[place], value));
        if let Some(place) = places.remove(same.unwrap_or(0)) {
            self.values.remove(&place);
        }
        if places.is_empty() {
            self.places.remove(value);
        }
    }
}

impl Reversible {
    /// An empty state. `arg` is the type of the argument, `param` the constant second argument.
    pub fn new(func: AggFunc, arg: Option<&DataType>, param: Option<&Value>) -> Reversible {
        let ty = arg.map(DataType::unwrapped);
        match func {
            AggFunc::Count => Reversible::Count(0),
            AggFunc::Sum => match ty {
                Some(DataType::Float) => Reversible::SumFloat(FloatTotal::default(), 0),
                Some(DataType::Decimal) => Reversible::SumDecimal(DecimalTotal::default()),
                _ => Reversible::SumInt(0, ty == Some(&DataType::Duration)),
            },
            AggFunc::Avg if ty == Some(&DataType::Int) => Reversible::AvgInt(0, 0),
            AggFunc::Avg => Reversible::AvgFloat(FloatTotal::default(), 0),
            AggFunc::Min => Reversible::Extreme(BTreeMap::new(), false),
            AggFunc::Max => Reversible::Extreme(BTreeMap::new(), true),
            AggFunc::First => Reversible::First(Sequence::default()),
            AggFunc::Last => Reversible::Last(Sequence::default()),
            AggFunc::CountDistinct => Reversible::Distinct(HashMap::new()),
            AggFunc::ApproxCountDistinct => Reversible::Approx(BTreeMap::new()),
            AggFunc::Collect => Reversible::Collect(Sequence::default()),
            AggFunc::StringJoin => Reversible::StringJoin(Sequence::default(), separator(param)),
            AggFunc::ArgMax => Reversible::Arg(BTreeMap::new(), true),
            AggFunc::ArgMin => Reversible::Arg(BTreeMap::new(), false),
            AggFunc::Stddev => Reversible::Spread(0, FloatTotal::default(), FloatTotal::default(), true),
            AggFunc::Variance => Reversible::Spread(0, FloatTotal::default(), FloatTotal::default(), false),
            AggFunc::Median => Reversible::Percentile(BTreeMap::new(), 0.5),
            AggFunc::Percentile => {
                Reversible::Percentile(BTreeMap::new(), param.and_then(number).unwrap_or(0.5))
            }
            AggFunc::BoolAnd => Reversible::Bool([0; 2], true),
            AggFunc::BoolOr => Reversible::Bool([0; 2], false),
        }
    }

    /// Adds a row that passed `where:`, or takes it out: `change` is 1 or -1. `arg` is `None` for
    /// `count()`; `by` is that of `argMax`.
    pub fn apply(&mut self, arg: Option<&Value>, by: Option<&Value>, change: i64) {
        let Some(value) = arg else {
            if let Reversible::Count(n) = self {
                *n += change;
            }
            return;
        };
        match self {
            Reversible::First(all) | Reversible::Last(all) | Reversible::Collect(all) => {
                all.apply(value, change);
            }
            Reversible::Arg(all, _) => {
                if let Some(by) = by.filter(|by| !by.is_null()) {
                    let values = all.entry(by.clone()).or_default();
                    values.apply(value, change);
                    if values.values.is_empty() {
                        all.remove(by);
                    }
                }
            }
            _ if value.is_null() => {}
            _ => self.apply_present(value, change),
        }
    }

    fn apply_present(&mut self, value: &Value, change: i64) {
        match self {
            Reversible::Count(n) => *n += change,
            Reversible::SumInt(sum, _) => *sum += i128::from(integer(value)) * i128::from(change.signum()),
            Reversible::SumFloat(sum, n) | Reversible::AvgFloat(sum, n) => {
                sum.add(number(value).unwrap_or(f64::NAN), change);
                *n += change;
                if *n == 0 {
                    *sum = FloatTotal::default();
                }
            }
            Reversible::SumDecimal(sum) => {
                if let Value::Decimal(x) = value {
                    sum.add(*x, change);
                }
            }
            Reversible::AvgInt(sum, n) => {
                *sum += i128::from(integer(value)) * i128::from(change);
                *n += change;
            }
            Reversible::Extreme(all, _) => {
                let copies = all.entry(value.clone()).or_default();
                change_copies(copies, value, change);
                if copies.is_empty() {
                    all.remove(value);
                }
            }
            Reversible::Distinct(all) => change_count(all.entry(value.clone()), change),
            Reversible::Approx(all) => {
                let entry = all.entry(HyperLogLog::place(hash64(value))).or_insert(0);
                *entry += change;
            }
            Reversible::StringJoin(all, _) => all.apply(value, change),
            Reversible::Spread(n, sum, squares, _) => {
                let x = number(value).unwrap_or(f64::NAN);
                *n += change;
                sum.add(x, change);
                squares.add_square(x, change);
                if *n == 0 {
                    (*sum, *squares) = Default::default();
                }
            }
            Reversible::Percentile(all, _) => {
                *all.entry(Total(number(value).unwrap_or(f64::NAN))).or_insert(0) += change;
            }
            Reversible::Bool(counts, _) => counts[usize::from(*value == Value::Bool(true))] += change,
            Reversible::First(_) | Reversible::Last(_) | Reversible::Collect(_) | Reversible::Arg(..) => {
                unreachable!("these take values that may be null")
            }
        }
    }

    /// Adds what another state of the same aggregate holds, whose rows count as later ones.
    pub fn merge(&mut self, later: &Reversible) {
        use Reversible as R;
        match (self, later) {
            (R::Count(n), R::Count(more)) => *n += more,
            (R::SumInt(sum, _), R::SumInt(more, _)) => *sum += more,
            (R::SumFloat(sum, n), R::SumFloat(more, rows))
            | (R::AvgFloat(sum, n), R::AvgFloat(more, rows)) => {
                sum.merge(more);
                *n += rows;
            }
            (R::SumDecimal(sum), R::SumDecimal(more)) => sum.merge(more),
            (R::AvgInt(sum, n), R::AvgInt(more, rows)) => {
                *sum += more;
                *n += rows;
            }
            (R::Extreme(all, _), R::Extreme(more, _)) => {
                for (value, copies) in more {
                    let known = all.entry(value.clone()).or_default();
                    copies.iter().for_each(|(copy, n)| change_copies(known, copy, *n));
                }
            }
            (R::First(all), R::First(more))
            | (R::Last(all), R::Last(more))
            | (R::Collect(all), R::Collect(more))
            | (R::StringJoin(all, _), R::StringJoin(more, _)) => all.append(more),
            (R::Distinct(all), R::Distinct(more)) => {
                more.iter().for_each(|(value, n)| change_count(all.entry(value.clone()), *n));
            }
            (R::Approx(all), R::Approx(more)) => {
                more.iter().for_each(|(place, n)| *all.entry(*place).or_insert(0) += n);
            }
            (R::Arg(all, _), R::Arg(more, _)) => {
                more.iter().for_each(|(by, values)| all.entry(by.clone()).or_default().append(values));
            }
            (R::Spread(n, sum, squares, _), R::Spread(rows, more, more_squares, _)) => {
                *n += rows;
                sum.merge(more);
                squares.merge(more_squares);
            }
            (R::Percentile(all, _), R::Percentile(more, _)) => {
                more.iter().for_each(|(number, n)| *all.entry(*number).or_insert(0) += n);
            }
            (R::Bool(counts, _), R::Bool(more, _)) => {
                counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
            }
            _ => unreachable!("states of one aggregate are of one kind"),
        }
    }

    /// The result of the rows that are there; null where there are none, but 0 of `count` and `sum`.
    pub fn result(&self) -> Result<Value, Fault> {
        let text = |value: &Value| match value {
            Value::String(text) => text.to_string(),
            _ => String::new(),
        };
        Ok(match self {
            Reversible::Count(n) => Value::Int(*n),
            Reversible::SumInt(sum, durations) => match i64::try_from(*sum) {
                Ok(sum) => {
                    if *durations {
                        Value::Duration(sum)
                    } else {
                        Value::Int(sum)
                    }
                }
                Err(_) => return Err(Fault::overflow(format_args!("the sum {sum}"))),
            },
            Reversible::SumFloat(sum, _) => Value::Float(sum.value()),
            Reversible::SumDecimal(sum) => {
                Value::Decimal(sum.value().ok_or_else(|| Fault::overflow("the sum"))?)
            }
            Reversible::AvgInt(_, 0) | Reversible::AvgFloat(_, 0) => Value::Null,
            Reversible::AvgInt(sum, n) => Value::Float(*sum as f64 / *n as f64),
            Reversible::AvgFloat(sum, n) => Value::Float(sum.value() / *n as f64),
            Reversible::Extreme(all, greatest) => {
                let best = if *greatest { all.last_key_value() } else { all.first_key_value() };
                best.map_or(Value::Null, |(_, copies)| copies[0].0.clone())
            }
            Reversible::First(all) => first(all.values.first_key_value()),
            Reversible::Last(all) => first(all.values.last_key_value()),
            Reversible::Collect(all) if all.values.is_empty() => Value::Null,
            Reversible::Collect(all) => Value::List(all.values.values().cloned().collect()),
            Reversible::StringJoin(all, _) if all.values.is_empty() => Value::Null,
            Reversible::StringJoin(all, separator) => {
                let texts: Vec<String> = all.values.values().map(text).collect();
                Value::string(texts.join(separator))
            }
            Reversible::Distinct(all) if all.is_empty() => Value::Null,
            Reversible::Distinct(all) => Value::Int(all.len() as i64),
            Reversible::Approx(all) => {
                let mut sketch = HyperLogLog::default();
                let there = all.iter().filter(|(_, count)| **count > 0);
                there.for_each(|((register, rank), _)| sketch.raise(*register, *rank));
                if sketch.is_empty() { Value::Null } else { Value::Int(sketch.estimate()) }
            }
            Reversible::Arg(all, greatest) => {
                let best = if *greatest { all.last_key_value() } else { all.first_key_value() };
                best.map_or(Value::Null, |(_, values)| first(values.values.first_key_value()))
            }
            Reversible::Spread(n, ..) if *n < 2 => Value::Null,
            Reversible::Spread(n, sum, squares, root) => {
                let variance = sum.spread(squares, *n) / (n - 1) as f64;
                Value::Float(if *root { variance.sqrt() } else { variance })
            }
            Reversible::Percentile(all, fraction) => percentile(all, *fraction),
            Reversible::Bool([0, 0], _) => Value::Null,
            Reversible::Bool([no, yes], and) => Value::Bool(if *and { *no == 0 } else { *yes != 0 }),
        })
    }
}

impl Sequence {
    fn apply(&mut self, value: &Value, change: i64) {
        if change < 0 { self.retract(value) } else { self.add(value) }
    }
}

fn first(entry: Option<(&u64, &Value)>) -> Value {
    entry.map_or(Value::Null, |(_, value)| value.clone())
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::Int(x) | Value::Duration(x) => *x,
        _ => 0,
    }
}

fn change_copies(copies: &mut Copies, value: &Value, change: i64) {
    let same = copies.iter().position(|(copy, _)| identical(copy, value));
    match same {
        Some(at) => {
            copies[at].1 += change;
            if copies[at].1 == 0 {
                copies.remove(at);
            }
        }
        None if change > 0 => copies.push((value.clone(), change)),
        None => {}
    }
}

fn change_count(entry: std::collections::hash_map::Entry<'_, Value, i64>, change: i64) {
    use std::collections::hash_map::Entry;
    match entry {
        Entry::Occupied(mut entry) => {
            *entry.get_mut() += change;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        Entry::Vacant(entry) if change > 0 => {
            entry.insert(change);
        }
        Entry::Vacant(_) => {}
    }
}

/// Interpolated between neighbours.
fn percentile(all: &BTreeMap<Total, i64>, fraction: f64) -> Value {
    let count: i64 = all.values().filter(|count| **count > 0).sum();
    if count <= 0 {
        return Value::Null;
    }
    let place = fraction.clamp(0.0, 1.0) * (count - 1) as f64;
    let (below, part) = (place.floor() as i64, place.fract());
    let at = |wanted: i64| {
        let mut left = wanted;
        let found = all.iter().filter(|(_, count)| **count > 0).find(|(_, count)| {
            left -= **count;
            left < 0
        });
        found.map_or(f64::NAN, |(number, _)| number.0)
    };
    Value::Float(super::between(at(below), at((below + 1).min(count - 1)), part))
}
