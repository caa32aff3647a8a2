use super::*;
use crate::catalogue::Func;
use crate::error::ErrorCode;
use crate::expr::{BinaryOp, Kind, NodeId, OnFail, Place};
use crate::types::{DataType, Field};
use rust_decimal::Decimal;

/// Builds expressions by hand; types are given where the evaluator looks at them.
#[derive(Default)]
struct Build(Expr);

impl Build {
    fn lit(&mut self, value: Value, ty: DataType) -> NodeId {
        self.0.push(Kind::Literal(value), ty, Place::default())
    }

    fn int(&mut self, x: i64) -> NodeId {
        self.lit(Value::Int(x), DataType::Int)
    }

    fn node(&mut self, kind: Kind, ty: DataType) -> NodeId {
        self.0.push(kind, ty, Place::default())
    }

    fn run(self) -> Result<Value, RecordError> {
        eval(&self.0, &[])
    }
}

fn binary(op: BinaryOp, a: Value, b: Value) -> Result<Value, ErrorCode> {
    arith::binary(op, &a, &b).map_err(|fault| fault.code)
}

#[test]
fn integer_arithmetic_is_checked() {
    use Value::Int;
    assert_eq!(binary(BinaryOp::Add, Int(i64::MAX), Int(1)), Err(ErrorCode::Overflow));
    assert_eq!(binary(BinaryOp::Sub, Int(i64::MIN), Int(1)), Err(ErrorCode::Overflow));
    assert_eq!(binary(BinaryOp::Mul, Int(i64::MIN), Int(-1)), Err(ErrorCode::Overflow));
    assert_eq!(binary(BinaryOp::Div, Int(i64::MIN), Int(-1)), Err(ErrorCode::Overflow));
    assert_eq!(binary(BinaryOp::Rem, Int(i64::MIN), Int(-1)), Ok(Int(0)));
    assert_eq!(binary(BinaryOp::Div, Int(-7), Int(2)), Ok(Int(-3)));
    assert_eq!(binary(BinaryOp::Rem, Int(-7), Int(2)), Ok(Int(-1)));
}

#[test]
fn division_by_zero_is_an_error_of_every_type() {
    let zeros = [Value::Int(0), Value::Float(0.0), Value::Float(-0.0), Value::Decimal(Decimal::new(0, 2))];
    for zero in zeros {
        assert_eq!(binary(BinaryOp::Div, zero.clone(), zero.clone()), Err(ErrorCode::DivisionByZero));
        assert_eq!(binary(BinaryOp::Rem, zero.clone(), zero), Err(ErrorCode::DivisionByZero));
    }
}

#[test]
fn and_does_not_compute_what_it_does_not_need() {
    let mut b = Build::default();
    let no = b.lit(Value::Bool(false), DataType::Bool);
    let (one, zero) = (b.int(1), b.int(0));
    let fails = b.node(Kind::Binary(BinaryOp::Div, one, zero), DataType::Int);
    let fails = b.node(Kind::Binary(BinaryOp::Eq, fails, one), DataType::Bool);
    b.node(Kind::And(no, fails), DataType::Bool);
    assert_eq!(b.run(), Ok(Value::Bool(false)));
}

#[test]
fn try_gives_the_other_value_after_an_error_deep_inside() {
    let mut b = Build::default();
    let seven = b.int(7);
    let (one, zero) = (b.int(1), b.int(0));
    let fails = b.node(Kind::Binary(BinaryOp::Div, one, zero), DataType::Int);
    let list = b.node(Kind::List(vec![seven, fails]), DataType::list(DataType::Int));
    let first = b.node(Kind::Call(Func::First, vec![list]), DataType::Int.optional());
    let other = b.int(9);
    let tried = b.node(Kind::Try(first, other), DataType::Int.optional());
    b.node(Kind::Binary(BinaryOp::Add, seven, tried), DataType::Int);
    assert_eq!(b.run(), Ok(Value::Int(16)));
}

#[test]
fn nested_lambdas_see_the_outer_parameter() {
    let mut b = Build::default();
    let items = || Value::List([Value::Int(1), Value::Int(2)].into());
    let list = DataType::list(DataType::Int);
    let outer_list = b.lit(items(), list.clone());
    let inner_list = b.lit(items(), list.clone());
    let zero = b.int(0);
    let acc = b.node(Kind::Local(1), DataType::Int);
    let x = b.node(Kind::Local(0), DataType::Int);
    let y = b.node(Kind::Local(2), DataType::Int);
    let product = b.node(Kind::Binary(BinaryOp::Mul, x, y), DataType::Int);
    let sum = b.node(Kind::Binary(BinaryOp::Add, acc, product), DataType::Int);
    let step = b.node(Kind::Lambda { params: vec![1, 2], body: sum }, DataType::Int);
    let reduced = b.node(Kind::Call(Func::Reduce, vec![inner_list, zero, step]), DataType::Int);
    let each = b.node(Kind::Lambda { params: vec![0], body: reduced }, DataType::Int);
    b.node(Kind::Call(Func::MapEach, vec![outer_list, each]), list);
    assert_eq!(b.run(), Ok(Value::List([Value::Int(3), Value::Int(6)].into())));
}

#[test]
fn an_error_in_a_lambda_is_caught_outside_of_the_loop() {
    let mut b = Build::default();
    let list = b.lit(Value::List([Value::Int(1), Value::Int(0)].into()), DataType::list(DataType::Int));
    let ten = b.int(10);
    let x = b.node(Kind::Local(0), DataType::Int);
    let body = b.node(Kind::Binary(BinaryOp::Div, ten, x), DataType::Int);
    let lambda = b.node(Kind::Lambda { params: vec![0], body }, DataType::Int);
    let mapped = b.node(Kind::Call(Func::MapEach, vec![list, lambda]), DataType::list(DataType::Int));
    let empty = b.lit(Value::List([].into()), DataType::list(DataType::Int));
    b.node(Kind::Try(mapped, empty), DataType::list(DataType::Int));
    assert_eq!(b.run(), Ok(Value::List([].into())));
}

#[test]
fn a_sum_of_a_hundred_thousand_terms_needs_no_stack() {
    let mut b = Build::default();
    let mut sum = b.int(0);
    for _ in 0..100_000 {
        let one = b.int(1);
        sum = b.node(Kind::Binary(BinaryOp::Add, sum, one), DataType::Int);
    }
    assert_eq!(b.run(), Ok(Value::Int(100_000)));
}

#[test]
fn an_error_has_the_place_of_the_failing_node() {
    let mut expr = Expr::default();
    let place = |start| Place { file: 0, start, end: start + 1 };
    let x = expr.push(Kind::Column(0), DataType::Int, place(1));
    let y = expr.push(Kind::Literal(Value::Int(1)), DataType::Int, place(2));
    let sum = expr.push(Kind::Binary(BinaryOp::Add, x, y), DataType::Int, place(3));
    expr.push(Kind::Cast(sum, OnFail::Error), DataType::Float, place(4));
    let error = eval(&expr, &[Value::Int(i64::MAX)]).unwrap_err();
    assert_eq!(error.place, place(3));
    assert_eq!(error.message, "9223372036854775807 + 1 overflows");
}

fn cast(value: Value, from: &DataType, to: &DataType) -> Option<Value> {
    convert::convert(&value, from, to).ok()
}

#[test]
fn floats_become_ints_toward_zero_if_they_fit() {
    let int = |x| cast(Value::Float(x), &DataType::Float, &DataType::Int);
    assert_eq!(int(-1.9), Some(Value::Int(-1)));
    assert_eq!(int(-9_223_372_036_854_775_808.0), Some(Value::Int(i64::MIN)));
    for out in [f64::NAN, f64::INFINITY, 9_223_372_036_854_775_808.0, -9.3e18] {
        assert_eq!(int(out), None);
    }
}

#[test]
fn texts_convert_strictly() {
    let to = |s: &str, ty| cast(Value::string(s), &DataType::String, &ty);
    assert_eq!(to("-42", DataType::Int), Some(Value::Int(-42)));
    for bad in ["", " 1", "1.0", "0x10", "9223372036854775808"] {
        assert_eq!(to(bad, DataType::Int), None, "{bad}");
    }
    assert_eq!(to("2.50", DataType::Decimal), Some(Value::Decimal(Decimal::new(25, 1))));
    assert_eq!(to("1e3", DataType::Decimal), Some(Value::Decimal(Decimal::new(1000, 0))));
    assert_eq!(to("TRUE", DataType::Bool), None);
}

#[test]
fn floats_become_decimals_by_their_shortest_text() {
    let decimal = |x| cast(Value::Float(x), &DataType::Float, &DataType::Decimal);
    assert_eq!(decimal(0.1), Some(Value::Decimal(Decimal::new(1, 1))));
    assert_eq!(decimal(1e20), Some(Value::Decimal(Decimal::from_i128_with_scale(10i128.pow(20), 0))));
    assert_eq!(decimal(1e-40), Some(Value::Decimal(Decimal::ZERO)));
    assert_eq!(decimal(1e30), None);
    assert_eq!(decimal(f64::NAN), None);
}

#[test]
fn json_converts_to_records_field_by_field() {
    let json = Value::Json(std::sync::Arc::new(serde_json::json!({"b": null, "a": 7, "c": "1h"})));
    let record = DataType::record(vec![
        Field::new("a", DataType::Float),
        Field::new("b", DataType::Int.optional()),
        Field::new("c", DataType::Duration),
    ]);
    let expected = [Value::Float(7.0), Value::Null, Value::Duration(3_600_000_000)];
    assert_eq!(cast(json.clone(), &DataType::Json, &record), Some(Value::Record(expected.into())));
    let needs = DataType::record(vec![Field::new("b", DataType::Int)]);
    assert_eq!(cast(json, &DataType::Json, &needs), None);
}
