//! Mathematical functions.

use crate::catalogue::Func;
use crate::error::Fault;
use crate::order::{compare, hash64};
use crate::value::Value;
use rust_decimal::{Decimal, RoundingStrategy};
use std::cmp::Ordering;

pub(super) fn call(func: Func, args: &[Value]) -> Result<Value, Fault> {
    use Value::{Bool, Decimal as D, Duration, Float, Int};
    let result = match (func, args) {
        (Func::Abs, [x]) => abs(x)?,
        (Func::Min, args) => pick(args, Ordering::Less)?,
        (Func::Max, args) => pick(args, Ordering::Greater)?,
        (Func::Clamp, [x, low, high]) => clamp(x, low, high).clone(),
        (Func::Floor | Func::Ceil, [Int(x)]) => Int(*x),
        (Func::Floor, [Float(x)]) => Float(x.floor()),
        (Func::Floor, [D(x)]) => D(x.floor()),
        (Func::Ceil, [Float(x)]) => Float(x.ceil()),
        (Func::Ceil, [D(x)]) => D(x.ceil()),
        (Func::Round, [x]) => round(x, 0)?,
        (Func::Round, [x, Int(digits)]) => round(x, *digits)?,
        (Func::Atan2, [Float(y), Float(x)]) => Float(y.atan2(*x)),
        (Func::Pow, [Float(x), Float(y)]) => Float(x.powf(*y)),
        (Func::IsNaN, [Float(x)]) => Bool(x.is_nan()),
        (Func::Hash, [x]) => Int(hash64(x) as i64),
        (Func::Sign, [Int(x) | Duration(x)]) => Int(x.signum()),
        (Func::Sign, [Float(x)]) => Int(i64::from(*x > 0.0) - i64::from(*x < 0.0)),
        (Func::Sign, [D(x)]) => Int(i64::from(*x > Decimal::ZERO) - i64::from(*x < Decimal::ZERO)),
        (func, [Float(x)]) => Float(float(func, *x).ok_or_else(Fault::untyped)?),
        _ => return Err(Fault::untyped()),
    };
    Ok(result)
}

/// The functions of one float.
pub fn float(func: Func, x: f64) -> Option<f64> {
    Some(match func {
        Func::Sqrt => x.sqrt(),
        Func::Exp => x.exp(),
        Func::Ln => x.ln(),
        Func::Log10 => x.log10(),
        Func::Sin => x.sin(),
        Func::Cos => x.cos(),
        Func::Tan => x.tan(),
        _ => return None,
    })
}

fn abs(x: &Value) -> Result<Value, Fault> {
    let overflow = || Fault::overflow("abs of the least value");
    match x {
        Value::Int(x) => x.checked_abs().map(Value::Int).ok_or_else(overflow),
        Value::Duration(x) => x.checked_abs().map(Value::Duration).ok_or_else(overflow),
        Value::Float(x) => Ok(Value::Float(x.abs())),
        Value::Decimal(x) => Ok(Value::Decimal(x.abs())),
        _ => Err(Fault::untyped()),
    }
}

/// The first of the values that are least or greatest.
fn pick(args: &[Value], wanted: Ordering) -> Result<Value, Fault> {
    let (first, rest) = args.split_first().ok_or_else(Fault::untyped)?;
    let best = rest.iter().fold(first, |best, x| if compare(x, best) == wanted { x } else { best });
    Ok(best.clone())
}

fn clamp<'v>(x: &'v Value, low: &'v Value, high: &'v Value) -> &'v Value {
    if compare(x, low).is_lt() {
        low
    } else if compare(x, high).is_gt() {
        high
    } else {
        x
    }
}

fn round(x: &Value, digits: i64) -> Result<Value, Fault> {
    match x {
        Value::Int(x) => round_int(*x, digits).map(Value::Int),
        Value::Float(x) => Ok(Value::Float(round_float(*x, digits))),
        Value::Decimal(x) => round_decimal(*x, digits).map(Value::Decimal),
        _ => Err(Fault::untyped()),
    }
}

/// Rounds an int to tens, hundreds, … (`digits` −1, −2, …).
pub fn round_int(x: i64, digits: i64) -> Result<i64, Fault> {
    if digits >= 0 {
        return Ok(x);
    }
    // Beyond 10^20 everything rounds to 0.
    let unit = 10i128.pow(digits.unsigned_abs().min(20) as u32);
    let half = if x < 0 { -unit / 2 } else { unit / 2 };
    let rounded = (i128::from(x) + half) / unit * unit;
    i64::try_from(rounded).map_err(|_| Fault::overflow(format_args!("round({x}, {digits})")))
}

/// Rounds a float to decimal digits, by its shortest decimal text: 2.345 to 2 digits is 2.35,
/// as people expect, although the double is a little off.
pub fn round_float(x: f64, digits: i64) -> f64 {
    if digits == 0 || !x.is_finite() || x == 0.0 {
        return x.round();
    }
    let text = format!("{:e}", x.abs());
    let (mantissa, exponent) = text.split_once('e').expect("`{:e}` writes an exponent");
    let exponent: i64 = exponent.parse().expect("the exponent is a number");
    let mut kept: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let keep = digits.saturating_add(exponent).saturating_add(1);
    if keep >= kept.len() as i64 {
        return x;
    }
    if keep < 0 {
        return 0f64.copysign(x);
    }
    let keep = keep as usize;
    let up = kept[keep] >= 5;
    kept.truncate(keep);
    // The digits as a number, plus one in the last place when rounding up; at most 18 digits.
    let number = kept.iter().fold(0u64, |n, d| n * 10 + u64::from(*d)) + u64::from(up);
    let rounded: f64 = format!("{number}e{}", -digits).parse().expect("digits and an exponent are a number");
    rounded.copysign(x)
}

/// Rounds a decimal, halves away from zero.
pub fn round_decimal(x: Decimal, digits: i64) -> Result<Decimal, Fault> {
    let away = RoundingStrategy::MidpointAwayFromZero;
    if digits >= 0 {
        return Ok(x.round_dp_with_strategy(digits.min(28) as u32, away));
    }
    if digits < -28 {
        return Ok(Decimal::ZERO);
    }
    let unit = Decimal::from_i128_with_scale(10i128.pow(digits.unsigned_abs() as u32), 0);
    let units = x.checked_div(unit).map(|q| q.round_dp_with_strategy(0, away));
    units
        .and_then(|units| units.checked_mul(unit))
        .ok_or_else(|| Fault::overflow(format_args!("round({x}, {digits})")))
}
