//! Operators on values: checked arithmetic and comparison.

use crate::error::{ErrorCode, Fault};
use crate::expr::BinaryOp;
use crate::limits;
use crate::order::compare;
use crate::value::Value;
use std::fmt::Display;

/// `-x`.
pub fn negate(x: &Value) -> Result<Value, Fault> {
    match x {
        Value::Int(x) => {
            x.checked_neg().map(Value::Int).ok_or_else(|| Fault::overflow(format_args!("-({x})")))
        }
        Value::Duration(x) => {
            x.checked_neg().map(Value::Duration).ok_or_else(|| Fault::overflow("the duration"))
        }
        Value::Float(x) => Ok(Value::Float(-x)),
        Value::Decimal(x) => Ok(Value::Decimal(-*x)),
        _ => Err(Fault::untyped()),
    }
}

/// `a op b` of computed operands.
pub fn binary(op: BinaryOp, a: &Value, b: &Value) -> Result<Value, Fault> {
    match op {
        BinaryOp::Eq => Ok(Value::Bool(compare(a, b).is_eq())),
        BinaryOp::Ne => Ok(Value::Bool(compare(a, b).is_ne())),
        BinaryOp::Lt => Ok(Value::Bool(compare(a, b).is_lt())),
        BinaryOp::Le => Ok(Value::Bool(compare(a, b).is_le())),
        BinaryOp::Gt => Ok(Value::Bool(compare(a, b).is_gt())),
        BinaryOp::Ge => Ok(Value::Bool(compare(a, b).is_ge())),
        BinaryOp::Add => add(a, b),
        BinaryOp::Sub => sub(a, b),
        BinaryOp::Mul => mul(a, b),
        BinaryOp::Div => div(a, b),
        BinaryOp::Rem => rem(a, b),
    }
}

fn checked<T: Copy + Display>(
    result: Option<T>,
    a: impl Display,
    op: char,
    b: impl Display,
) -> Result<T, Fault> {
    result.ok_or_else(|| Fault::overflow(format_args!("{a} {op} {b}")))
}

fn time(result: Option<i64>) -> Result<i64, Fault> {
    result.ok_or_else(|| Fault::new(ErrorCode::Overflow, "the result is outside the range of times"))
}

fn by_zero(a: impl Display, op: char) -> Fault {
    Fault::new(ErrorCode::DivisionByZero, format!("division by zero in {a} {op} 0"))
}

fn add(a: &Value, b: &Value) -> Result<Value, Fault> {
    use Value::{Decimal, Duration, Float, Int, List, String, Timestamp};
    Ok(match (a, b) {
        (Int(a), Int(b)) => Int(checked(a.checked_add(*b), a, '+', b)?),
        (Float(a), Float(b)) => Float(a + b),
        (Decimal(a), Decimal(b)) => Decimal(checked(a.checked_add(*b), a, '+', b)?),
        (Duration(a), Duration(b)) => Duration(time(a.checked_add(*b))?),
        (Timestamp(a), Duration(b)) | (Duration(a), Timestamp(b)) => Timestamp(time(a.checked_add(*b))?),
        (String(a), String(b)) => Value::string(limits::joined([&**a, &**b])?),
        (List(a), List(b)) => limits::list(a.iter().chain(b.iter()).cloned())?,
        _ => return Err(Fault::untyped()),
    })
}

fn sub(a: &Value, b: &Value) -> Result<Value, Fault> {
    use Value::{Decimal, Duration, Float, Int, Timestamp};
    Ok(match (a, b) {
        (Int(a), Int(b)) => Int(checked(a.checked_sub(*b), a, '-', b)?),
        (Float(a), Float(b)) => Float(a - b),
        (Decimal(a), Decimal(b)) => Decimal(checked(a.checked_sub(*b), a, '-', b)?),
        (Duration(a), Duration(b)) | (Timestamp(a), Timestamp(b)) => Duration(time(a.checked_sub(*b))?),
        (Timestamp(a), Duration(b)) => Timestamp(time(a.checked_sub(*b))?),
        _ => return Err(Fault::untyped()),
    })
}

fn mul(a: &Value, b: &Value) -> Result<Value, Fault> {
    use Value::{Decimal, Duration, Float, Int};
    Ok(match (a, b) {
        (Int(a), Int(b)) => Int(checked(a.checked_mul(*b), a, '*', b)?),
        (Float(a), Float(b)) => Float(a * b),
        (Decimal(a), Decimal(b)) => Decimal(checked(a.checked_mul(*b), a, '*', b)?),
        (Duration(a), Int(b)) | (Int(a), Duration(b)) => Duration(time(a.checked_mul(*b))?),
        _ => return Err(Fault::untyped()),
    })
}

fn div(a: &Value, b: &Value) -> Result<Value, Fault> {
    use Value::{Decimal, Duration, Float, Int};
    Ok(match (a, b) {
        (Int(a), Int(0)) => return Err(by_zero(a, '/')),
        (Int(a), Int(b)) => Int(checked(a.checked_div(*b), a, '/', b)?),
        (Float(a), Float(b)) if *b == 0.0 => return Err(by_zero(a, '/')),
        (Float(a), Float(b)) => Float(a / b),
        (Decimal(a), Decimal(b)) if b.is_zero() => return Err(by_zero(a, '/')),
        (Decimal(a), Decimal(b)) => Decimal(checked(a.checked_div(*b), a, '/', b)?),
        (Duration(_), Int(0) | Duration(0)) => return Err(by_zero("a duration", '/')),
        (Duration(a), Int(b)) => Duration(time(a.checked_div(*b))?),
        (Duration(a), Duration(b)) => Float(*a as f64 / *b as f64),
        _ => return Err(Fault::untyped()),
    })
}

fn rem(a: &Value, b: &Value) -> Result<Value, Fault> {
    use Value::{Decimal, Float, Int};
    Ok(match (a, b) {
        (Int(a), Int(0)) => return Err(by_zero(a, '%')),
        // The least int % -1 is 0: only the quotient would overflow.
        (Int(a), Int(b)) => Int(a.wrapping_rem(*b)),
        (Float(a), Float(b)) if *b == 0.0 => return Err(by_zero(a, '%')),
        (Float(a), Float(b)) => Float(a % b),
        (Decimal(a), Decimal(b)) if b.is_zero() => return Err(by_zero(a, '%')),
        (Decimal(a), Decimal(b)) => Decimal(checked(a.checked_rem(*b), a, '%', b)?),
        _ => return Err(Fault::untyped()),
    })
}
