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
