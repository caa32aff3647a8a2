use super::*;
use crate::error::ErrorCode;

fn run(func: AggFunc, ty: &DataType, param: Option<Value>, values: impl IntoIterator<Item = Value>) -> Value {
    let mut state = Accumulator::new(func, Some(ty), param.as_ref());
    for value in values {
        state.add(Some(&value), None).unwrap();
    }
    state.result()
}

fn ints(func: AggFunc, values: &[i64]) -> Value {
    run(func, &DataType::Int, None, values.iter().map(|x| Value::Int(*x)))
}

#[test]
fn sums_of_ints_are_checked_at_each_row() {
    let mut sum = Accumulator::new(AggFunc::Sum, Some(&DataType::Int), None);
    sum.add(Some(&Value::Int(i64::MAX)), None).unwrap();
    assert_eq!(sum.add(Some(&Value::Int(1)), None).unwrap_err().code, ErrorCode::Overflow);
    assert_eq!(sum.result(), Value::Int(i64::MAX), "a row that fails is not added");
}

#[test]
fn the_mean_of_large_ints_is_exact() {
    assert_eq!(ints(AggFunc::Avg, &[i64::MAX, i64::MAX]), Value::Float(i64::MAX as f64));
    assert_eq!(ints(AggFunc::Avg, &[1, 2]), Value::Float(1.5));
}

#[test]
fn nothing_added_is_zero_or_null() {
    for def in crate::catalogue::AGGREGATES {
        let expected = match def.func {
            AggFunc::Count | AggFunc::Sum => Value::Int(0),
            _ => Value::Null,
        };
        assert_eq!(ints(def.func, &[]), expected, "{}", def.name);
    }
}

#[test]
fn ties_go_to_the_first_row() {
    for (func, expected) in [(AggFunc::ArgMax, 2), (AggFunc::ArgMin, 1)] {
        let mut state = Accumulator::new(func, Some(&DataType::Int), None);
        for (x, by) in [(1, 7), (2, 9), (3, 9), (4, 7)] {
            state.add(Some(&Value::Int(x)), Some(&Value::Int(by))).unwrap();
        }
        assert_eq!(state.result(), Value::Int(expected));
    }
}

#[test]
fn the_extremes_of_floats_follow_the_total_order() {
    let values = [1.0, f64::NAN, -0.0].map(Value::Float);
    assert_eq!(run(AggFunc::Max, &DataType::Float, None, values.clone()), Value::Float(f64::NAN));
    assert_eq!(run(AggFunc::Min, &DataType::Float, None, values), Value::Float(0.0));
}

#[test]
fn percentiles_are_interpolated() {
    assert_eq!(ints(AggFunc::Median, &[3, 1, 2, 4]), Value::Float(2.5));
    let p90 = run(AggFunc::Percentile, &DataType::Int, Some(Value::Float(0.9)), (1..=11).map(Value::Int));
    assert_eq!(p90, Value::Float(10.0));
}

#[test]
fn spread_is_that_of_a_sample() {
    assert_eq!(ints(AggFunc::Variance, &[1, 3]), Value::Float(2.0));
    assert_eq!(ints(AggFunc::Stddev, &[5]), Value::Null);
}

#[test]
fn texts_join_with_a_comma_or_what_is_said() {
    let texts = || ["a", "b", "a"].map(Value::string);
    assert_eq!(run(AggFunc::StringJoin, &DataType::String, None, texts()), Value::string("a,b,a"));
    let dash = Some(Value::string("-"));
    assert_eq!(run(AggFunc::StringJoin, &DataType::String, dash, texts()), Value::string("a-b-a"));
    assert_eq!(run(AggFunc::CountDistinct, &DataType::String, None, texts()), Value::Int(2));
}

#[test]
fn the_estimate_of_different_values_is_within_five_percent() {
    for n in [1, 10, 1000, 10_000, 100_000] {
        let Value::Int(estimate) =
            ints(AggFunc::ApproxCountDistinct, &(0..n).chain(0..n).collect::<Vec<_>>())
        else {
            panic!("an int");
        };
        assert!((estimate - n).abs() as f64 <= n as f64 * 0.05, "{estimate} for {n}");
    }
}

/// Random values of a type, few enough to repeat.
fn some_value(random: &mut crate::arbitrary::Arbitrary, ty: &DataType) -> Value {
    let n = random.below(6) as i64 - 2;
    match ty {
        DataType::Float => Value::Float([0.0, -0.0, f64::NAN, f64::INFINITY, 0.5, -7.25][(n + 2) as usize]),
        DataType::Decimal => Value::Decimal(Decimal::new(n * 10, 1 + (n & 1) as u32)),
        DataType::String => Value::string(format!("t{n}")),
        DataType::Bool => Value::Bool(n > 0),
        DataType::Duration => Value::Duration(n),
        _ => Value::Int(n),
    }
}

#[test]
fn what_is_taken_out_of_an_aggregate_was_never_there() {
    use crate::arbitrary::Arbitrary;
    let (number, text) = ([DataType::Int, DataType::Float, DataType::Decimal], [DataType::String]);
    for seed in 0..600 {
        let mut random = Arbitrary::new(seed);
        let def = &crate::catalogue::AGGREGATES[random.below(crate::catalogue::AGGREGATES.len())];
        let types: &[DataType] = match def.func {
            AggFunc::BoolAnd | AggFunc::BoolOr => &[DataType::Bool],
            AggFunc::StringJoin => &text,
            _ => &number,
        };
        let ty = types[random.below(types.len())].clone();
        let param = (def.func == AggFunc::Percentile).then_some(Value::Float(0.3));
        let mut reversible = Reversible::new(def.func, Some(&ty), param.as_ref());
        let mut rows: Vec<(Value, Value)> = Vec::new();
        for _ in 0..random.below(40) {
            if !rows.is_empty() && random.one_in(2) {
                // Of rows that are equal to the aggregate, the first goes.
                let (value, by) = rows[random.below(rows.len())].clone();
                let has_by = matches!(def.func, AggFunc::ArgMax | AggFunc::ArgMin);
                let same = |row: &(Value, Value)| {
                    crate::order::identical(&row.0, &value) && (!has_by || row.1 == by)
                };
                let first = rows.iter().position(same).unwrap();
                rows.remove(first);
                reversible.apply(Some(&value), Some(&by), -1);
            } else {
                let value = if random.one_in(8) { Value::Null } else { some_value(&mut random, &ty) };
                let by = some_value(&mut random, &DataType::Int);
                rows.push((value.clone(), by.clone()));
                reversible.apply(Some(&value), Some(&by), 1);
            }
        }
        let mut fresh = Reversible::new(def.func, Some(&ty), param.as_ref());
        rows.iter().for_each(|(value, by)| fresh.apply(Some(value), Some(by), 1));
        let (got, expected) = (reversible.result().unwrap(), fresh.result().unwrap());
        assert_eq!(got, expected, "seed {seed}: {} of {ty:?}, {rows:?}", def.name);
        let mut plain = Accumulator::new(def.func, Some(&ty), param.as_ref());
        rows.iter().for_each(|(value, by)| plain.add(Some(value), Some(by)).unwrap());
        let close = match (&got, plain.result()) {
            (Value::Float(a), Value::Float(b)) => (a - b).abs() < 1e-9 || compare_floats(*a, b).is_eq(),
            (a, b) => *a == b,
        };
        assert!(close, "seed {seed}: {} of {ty:?}, {rows:?}: {got:?}, {:?}", def.name, plain.result());
    }
}

#[test]
fn merged_parts_are_as_the_whole() {
    let values = [5, 3, 9, 3, -2, 7, 0].map(Value::Int);
    for def in crate::catalogue::AGGREGATES {
        if matches!(def.func, AggFunc::StringJoin | AggFunc::BoolAnd | AggFunc::BoolOr) {
            continue;
        }
        for cut in 0..=values.len() {
            let part = |values: &[Value]| {
                let mut state = Accumulator::new(def.func, Some(&DataType::Int), None);
                values.iter().for_each(|x| state.add(Some(x), Some(x)).unwrap());
                state
            };
            let mut first = part(&values[..cut]);
            first.merge(&part(&values[cut..])).unwrap();
            let (merged, whole) = (first.result(), part(&values).result());
            match (&merged, &whole) {
                (Value::Float(a), Value::Float(b)) => assert!((a - b).abs() < 1e-9, "{}", def.name),
                _ => assert_eq!(merged, whole, "{} cut at {cut}", def.name),
            }
        }
    }
}

#[test]
fn parts_of_texts_and_conditions_merge_too() {
    let joined = |texts: &[&str]| {
        let mut state = Accumulator::new(AggFunc::StringJoin, Some(&DataType::String), None);
        texts.iter().for_each(|text| state.add(Some(&Value::string(*text)), None).unwrap());
        state
    };
    let mut all = joined(&[]);
    all.merge(&joined(&["a", "b"])).unwrap();
    all.merge(&joined(&[])).unwrap();
    all.merge(&joined(&["c"])).unwrap();
    assert_eq!(all.result(), Value::string("a,b,c"));
    let mut and = Accumulator::Bool(Some(true), true);
    and.merge(&Accumulator::Bool(None, true)).unwrap();
    assert_eq!(and.result(), Value::Bool(true));
    and.merge(&Accumulator::Bool(Some(false), true)).unwrap();
    assert_eq!(and.result(), Value::Bool(false));
}

#[test]
fn a_merge_that_overflows_is_refused_and_changes_nothing() {
    let mut sum = Accumulator::Sum(Value::Int(i64::MAX));
    assert_eq!(sum.merge(&Accumulator::Sum(Value::Int(1))).unwrap_err().code, ErrorCode::Overflow);
    assert_eq!(sum.result(), Value::Int(i64::MAX));
}
