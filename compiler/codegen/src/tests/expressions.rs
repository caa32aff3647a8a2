//! One kind of expression a test, over values at the borders.

use super::*;
use flow_plan::catalogue::Func;
use flow_plan::expr::{BinaryOp as Op, OnFail};
use rust_decimal::Decimal;

const OPS: [Op; 5] = [Op::Add, Op::Sub, Op::Mul, Op::Div, Op::Rem];
const COMPARISONS: [Op; 6] = [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge];

fn pairs(values: &[Value]) -> Vec<Vec<Value>> {
    values.iter().flat_map(|a| values.iter().map(|b| vec![a.clone(), b.clone()])).collect()
}

fn ints() -> Vec<Value> {
    [0, 1, -1, 2, 7, -8, i64::MAX, i64::MIN, 1 << 40].map(Value::Int).to_vec()
}

fn floats() -> Vec<Value> {
    let special =
        [0.0, -0.0, 1.5, -2.5, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, 9.3e18, -9.3e18];
    special.map(Value::Float).to_vec()
}

fn strings() -> Vec<Value> {
    let texts = [
        "",
        "a",
        "ab",
        "a\0",
        "abcd",
        "abcde",
        "abcdefghijkl",
        "abcdefghijklm",
        "abcdefghijkln",
        "zürich",
        "naïve text that is long",
        "日本語",
    ];
    texts.map(Value::string).to_vec()
}

fn decimals() -> Vec<Value> {
    let of = |n: i64, scale| Value::Decimal(Decimal::new(n, scale));
    vec![of(0, 0), of(10, 1), of(1, 0), of(-125, 2), of(i64::MAX, 3), Value::Decimal(Decimal::MAX)]
}

fn nullable(values: Vec<Value>) -> Vec<Value> {
    values.into_iter().chain([Value::Null]).collect()
}

fn binary(op: Op, a: DataType, b: DataType, ret: DataType) -> Expr {
    expr(|e| {
        let (x, y) = (e.col(0, a), e.col(1, b));
        e.push(Kind::Binary(op, x, y), ret);
    })
}

#[test]
fn int_arithmetic_is_checked_like_the_evaluators() {
    for op in OPS {
        agree_expr(
            binary(op, DataType::Int, DataType::Int, DataType::Int),
            &[DataType::Int, DataType::Int],
            &pairs(&ints()),
        );
    }
}

#[test]
fn division_by_a_constant_needs_no_guard_and_agrees() {
    for (op, by) in [
        (Op::Div, 3),
        (Op::Rem, 3),
        (Op::Div, -1),
        (Op::Rem, -1),
        (Op::Div, 0),
        (Op::Rem, 8),
        (Op::Div, i64::MIN),
    ] {
        let e = expr(|e| {
            let (x, y) = (e.col(0, DataType::Int), e.lit(Value::Int(by), DataType::Int));
            e.push(Kind::Binary(op, x, y), DataType::Int);
        });
        let rows: Vec<_> = ints().into_iter().map(|v| vec![v]).collect();
        agree_expr(e, &[DataType::Int], &rows);
    }
}

#[test]
fn float_arithmetic_is_the_same_bit_for_bit() {
    for op in OPS {
        agree_expr(
            binary(op, DataType::Float, DataType::Float, DataType::Float),
            &[DataType::Float, DataType::Float],
            &pairs(&floats()),
        );
    }
}

#[test]
fn decimal_arithmetic_agrees() {
    for op in OPS {
        let ty = DataType::Decimal;
        agree_expr(binary(op, ty.clone(), ty.clone(), ty.clone()), &[ty.clone(), ty], &pairs(&decimals()));
    }
}

#[test]
fn comparisons_are_total() {
    let cases = [
        (DataType::Int, ints()),
        (DataType::Float, floats()),
        (DataType::Decimal, decimals()),
        (DataType::String, strings()),
    ];
    for (ty, values) in cases {
        for op in COMPARISONS {
            agree_expr(
                binary(op, ty.clone(), ty.clone(), DataType::Bool),
                &[ty.clone(), ty.clone()],
                &pairs(&values),
            );
        }
        for op in [Op::Eq, Op::Ne] {
            let ty = ty.clone().optional();
            agree_expr(
                binary(op, ty.clone(), ty.clone(), DataType::Bool),
                &[ty.clone(), ty],
                &pairs(&nullable(values.clone())),
            );
        }
    }
}

#[test]
fn strings_compare_with_constants_of_every_length() {
    let rows: Vec<_> = strings().into_iter().map(|v| vec![v]).collect();
    for constant in strings() {
        for op in COMPARISONS {
            let constant = constant.clone();
            let e = expr(|e| {
                let (x, y) = (e.col(0, DataType::String), e.lit(constant, DataType::String));
                e.push(Kind::Binary(op, x, y), DataType::Bool);
            });
            agree_expr(e, &[DataType::String], &rows);
        }
        for func in [Func::StartsWith, Func::EndsWith, Func::Contains] {
            let constant = constant.clone();
            let e = expr(|e| {
                let (x, y) = (e.col(0, DataType::String), e.lit(constant, DataType::String));
                e.push(Kind::Call(func, vec![x, y]), DataType::Bool);
            });
            agree_expr(e, &[DataType::String], &rows);
        }
    }
}

#[test]
fn strings_are_joined_and_measured() {
    agree_expr(
        binary(Op::Add, DataType::String, DataType::String, DataType::String),
        &[DataType::String, DataType::String],
        &pairs(&strings()),
    );
    let e = expr(|e| {
        let x = e.col(0, DataType::String);
        e.push(Kind::Call(Func::Len, vec![x]), DataType::Int);
    });
    let rows: Vec<_> = strings().into_iter().map(|v| vec![v]).collect();
    agree_expr(e, &[DataType::String], &rows);
}

#[test]
fn an_operand_that_is_not_needed_raises_no_error() {
    // if b != 0 then a / b else a, and `b != 0 and a / b > 1`
    let division = |e: &mut Build| {
        let (a, b) = (e.col(0, DataType::Int), e.col(1, DataType::Int));
        e.push(Kind::Binary(Op::Div, a, b), DataType::Int)
    };
    let condition = |e: &mut Build| {
        let (b, zero) = (e.col(1, DataType::Int), e.lit(Value::Int(0), DataType::Int));
        e.push(Kind::Binary(Op::Ne, b, zero), DataType::Bool)
    };
    let choice = expr(|e| {
        let (cond, then) = (condition(e), division(e));
        let otherwise = e.col(0, DataType::Int);
        e.push(Kind::If { cond, then, otherwise }, DataType::Int);
    });
    let logic = |or: bool| {
        expr(|e| {
            let (left, quotient) = (condition(e), division(e));
            let one = e.lit(Value::Int(1), DataType::Int);
            let right = e.push(Kind::Binary(Op::Gt, quotient, one), DataType::Bool);
            e.push(if or { Kind::Or(left, right) } else { Kind::And(left, right) }, DataType::Bool);
        })
    };
    let rescued = expr(|e| {
        let (body, otherwise) = (division(e), e.col(1, DataType::Int));
        e.push(Kind::Try(body, otherwise), DataType::Int);
    });
    for e in [choice, logic(false), logic(true), rescued] {
        agree_expr(e, &[DataType::Int, DataType::Int], &pairs(&ints()));
    }
}

#[test]
fn heavy_operands_are_branched_around() {
    // if a == b then int(string(a)) + 1 else -a, over strings that do not read as ints
    let e = expr(|e| {
        let (a, b) = (e.col(0, DataType::String), e.col(1, DataType::String));
        let cond = e.push(Kind::Binary(Op::Eq, a, b), DataType::Bool);
        let a = e.col(0, DataType::String);
        let then = e.push(Kind::Cast(a, OnFail::Error), DataType::Int);
        let otherwise = e.lit(Value::Int(3), DataType::Int);
        e.push(Kind::If { cond, then, otherwise }, DataType::Int);
    });
    let values = ["1", "12", "x", "a long text that is no number"].map(Value::string);
    agree_expr(e, &[DataType::String, DataType::String], &pairs(&values));
}

#[test]
fn null_is_replaced_tested_and_kept() {
    let ty = DataType::Int.optional();
    let coalesce = expr(|e| {
        let (a, b) = (e.col(0, ty.clone()), e.col(1, ty.clone()));
        e.push(Kind::Coalesce(a, b), ty.clone());
    });
    let is_null = expr(|e| {
        let a = e.col(0, ty.clone());
        e.push(Kind::IsNull(a), DataType::Bool);
    });
    let literal = expr(|e| {
        let cond = {
            let a = e.col(0, ty.clone());
            e.push(Kind::IsNull(a), DataType::Bool)
        };
        let then = e.lit(Value::Null, ty.clone());
        let otherwise = e.col(1, ty.clone());
        e.push(Kind::If { cond, then, otherwise }, ty.clone());
    });
    for e in [coalesce, is_null, literal] {
        agree_expr(e, &[ty.clone(), ty.clone()], &pairs(&nullable(ints())));
    }
}

#[test]
fn conversions_agree() {
    let all = [
        (
            DataType::Int,
            ints(),
            vec![DataType::Float, DataType::Decimal, DataType::Bool, DataType::Timestamp, DataType::String],
        ),
        (DataType::Float, floats(), vec![DataType::Int, DataType::Decimal, DataType::String]),
        (DataType::Decimal, decimals(), vec![DataType::Int, DataType::Float, DataType::String]),
        (
            DataType::String,
            strings(),
            vec![DataType::Int, DataType::Float, DataType::Bool, DataType::Duration],
        ),
    ];
    for (from, values, targets) in all {
        for to in targets {
            for (on_fail, from) in [
                (OnFail::Error, from.clone()),
                (OnFail::Null, from.clone()),
                (OnFail::Null, from.clone().optional()),
                (OnFail::Error, from.clone().optional()),
            ] {
                let optional = on_fail == OnFail::Null || from.is_optional();
                let ty = if optional { to.clone().optional() } else { to.clone() };
                let e = expr(|e| {
                    let x = e.col(0, from.clone());
                    e.push(Kind::Cast(x, on_fail), ty);
                });
                let values = if from.is_optional() { nullable(values.clone()) } else { values.clone() };
                let rows: Vec<_> = values.into_iter().map(|v| vec![v]).collect();
                agree_expr(e, &[from], &rows);
            }
        }
    }
}

#[test]
fn lets_bind_and_lists_go_through_the_evaluator() {
    // let x = a + 1 in [x, b][0] + x
    let e = expr(|e| {
        let (a, one) = (e.col(0, DataType::Int), e.lit(Value::Int(1), DataType::Int));
        let value = e.push(Kind::Binary(Op::Add, a, one), DataType::Int);
        let (x, b) = (e.push(Kind::Local(4), DataType::Int), e.col(1, DataType::Int));
        let list = e.push(Kind::List(vec![x, b]), DataType::list(DataType::Int));
        let zero = e.lit(Value::Int(0), DataType::Int);
        let first = e.push(Kind::Index(list, zero), DataType::Int);
        let x = e.push(Kind::Local(4), DataType::Int);
        let body = e.push(Kind::Binary(Op::Add, first, x), DataType::Int);
        e.push(Kind::Let { local: 4, value, body }, DataType::Int);
    });
    agree_expr(e, &[DataType::Int, DataType::Int], &pairs(&ints()));
}

#[test]
fn membership_in_constants_agrees() {
    let sets: [(DataType, Vec<Value>, Vec<Value>); 3] = [
        (DataType::Int, ints(), vec![Value::Int(7), Value::Int(-1)]),
        (DataType::String, strings(), vec![Value::string("ab"), Value::string("abcde"), Value::string("")]),
        (
            DataType::String,
            strings(),
            (0..40).map(|i| Value::string(format!("a{i}"))).chain([Value::string("ab")]).collect(),
        ),
    ];
    for (ty, values, set) in sets {
        let e = expr(|e| {
            let x = e.col(0, ty.clone());
            e.push(Kind::InSet(x, set.into()), DataType::Bool);
        });
        let rows: Vec<_> = values.into_iter().map(|v| vec![v]).collect();
        agree_expr(e, &[ty], &rows);
    }
}

#[test]
fn extremes_and_absolutes_agree() {
    for (ty, values) in [(DataType::Int, ints()), (DataType::Float, floats())] {
        for func in [Func::Min, Func::Max] {
            let e = expr(|e| {
                let (x, y) = (e.col(0, ty.clone()), e.col(1, ty.clone()));
                e.push(Kind::Call(func, vec![x, y]), ty.clone());
            });
            agree_expr(e, &[ty.clone(), ty.clone()], &pairs(&values));
        }
        let e = expr(|e| {
            let x = e.col(0, ty.clone());
            e.push(Kind::Call(Func::Abs, vec![x]), ty.clone());
        });
        agree_expr(e, &[ty.clone(), ty.clone()], &pairs(&values));
    }
}

#[test]
fn a_text_beyond_the_limit_is_an_error_as_in_the_evaluator() {
    let types = [DataType::String, DataType::String];
    let joined = || {
        expr(|b| {
            let (x, y) = (b.col(0, DataType::String), b.col(1, DataType::String));
            b.push(Kind::Call(Func::Concat, vec![x, y]), DataType::String);
        })
    };
    let replaced = || {
        expr(|b| {
            let (x, y) = (b.col(0, DataType::String), b.col(1, DataType::String));
            let from = b.lit(Value::string("a"), DataType::String);
            b.push(Kind::Call(Func::Replace, vec![x, from, y]), DataType::String);
        })
    };
    let input = record(&types);
    let row = |x: usize, y: usize| vec![Value::string("a".repeat(x)), Value::string("b".repeat(y))];
    let most = flow_plan::limits::MAX_TEXT;
    let cases =
        [(joined(), row(most - 3, 3), row(most - 3, 4)), (replaced(), row(most / 8, 8), row(most / 8, 9))];
    for (expr, good, bad) in cases {
        let chain = Chain { input: input.clone(), steps: vec![map(vec![expr])] };
        assert!(interpret(&chain, std::slice::from_ref(&bad)).is_none());
        agree(&chain, &[bad]);
        assert!(interpret(&chain, std::slice::from_ref(&good)).is_some());
        agree(&chain, &[good]);
    }
}
