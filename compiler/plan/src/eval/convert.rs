//! Conversions between types: `int(x)`, `string(x)` and the rest. [`crate::cast`] has the rules.

use crate::error::{ErrorCode, Fault, quoted};
use crate::functions::json;
use crate::text;
use crate::types::{DataType, RecordType};
use crate::value::Value;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A value of type `from` as one of type `to` (neither optional). Null stays null.
pub fn convert(value: &Value, from: &DataType, to: &DataType) -> Result<Value, Fault> {
    use DataType as T;
    if value.is_null() || from == to {
        return Ok(value.clone());
    }
    Ok(match (value, to) {
        (Value::Json(json), to) if *to != T::String => return from_json(json, to),
        (value, T::Json) => Value::Json(Arc::new(json::to_json(value, from))),
        (value, T::String) => Value::string(to_text(value, from)?),
        (Value::String(s), to) => return from_text(s, to),
        (Value::Int(x), T::Float) => Value::Float(*x as f64),
        (Value::Int(x), T::Decimal) => Value::Decimal(Decimal::from(*x)),
        (Value::Int(x), T::Bool) => Value::Bool(*x != 0),
        (Value::Int(x), T::Timestamp) => Value::Timestamp(*x),
        (Value::Int(x), T::Duration) => Value::Duration(*x),
        (Value::Float(x), T::Int) => Value::Int(float_to_int(*x)?),
        (Value::Float(x), T::Decimal) => Value::Decimal(float_to_decimal(*x)?),
        (Value::Decimal(x), T::Int) => Value::Int(decimal_to_int(*x)?),
        (Value::Decimal(x), T::Float) => Value::Float(decimal_to_float(*x)),
        (Value::Bool(x), T::Int) => Value::Int(i64::from(*x)),
        (Value::Timestamp(x) | Value::Duration(x), T::Int) => Value::Int(*x),
        (Value::List(items), T::List(to)) => {
            let T::List(from) = from else { return Err(Fault::untyped()) };
            let items: Result<Vec<_>, _> = items.iter().map(|item| inner(item, from, to)).collect();
            Value::List(items?.into())
        }
        (Value::Map(entries), T::Map(to)) => {
            let T::Map(from) = from else { return Err(Fault::untyped()) };
            let entry = |(key, value): &(Arc<str>, Value)| Ok((key.clone(), inner(value, from, to)?));
            Value::Map(entries.iter().map(entry).collect::<Result<Vec<_>, Fault>>()?.into())
        }
        (Value::Record(values), T::Record(to)) => {
            let T::Record(from) = from else { return Err(Fault::untyped()) };
            let fields = values.iter().zip(from.fields.iter().zip(&to.fields));
            let values: Result<Vec<_>, _> =
                fields.map(|(v, (from, to))| inner(v, &from.ty, &to.ty)).collect();
            Value::Record(values?.into())
        }
        _ => return Err(Fault::untyped()),
    })
}

fn inner(value: &Value, from: &DataType, to: &DataType) -> Result<Value, Fault> {
    convert(value, from.unwrapped(), to.unwrapped())
}

fn bad(what: impl std::fmt::Display, to: impl std::fmt::Display) -> Fault {
    Fault::new(ErrorCode::BadCast, format!("{what} is not a value of type {to}"))
}

/// A value as text: what `string(x)` gives.
pub fn to_text(value: &Value, ty: &DataType) -> Result<String, Fault> {
    let mut out = String::new();
    match value {
        Value::Bool(x) => out.push_str(if *x { "true" } else { "false" }),
        Value::Int(x) => out.push_str(&x.to_string()),
        Value::Float(x) => text::write_float(&mut out, *x),
        Value::Decimal(x) => out.push_str(&x.to_string()),
        Value::String(x) => out.push_str(x),
        Value::Timestamp(x) => text::write_timestamp(&mut out, *x),
        Value::Duration(x) => text::write_duration(&mut out, *x),
        Value::Bytes(x) => match std::str::from_utf8(x) {
            Ok(text) => out.push_str(text),
            Err(_) => return Err(Fault::new(ErrorCode::BadCast, "the bytes are not UTF-8 text")),
        },
        Value::Json(json) => match &**json {
            Json::String(text) => out.push_str(text),
            other => out.push_str(&other.to_string()),
        },
        _ => json::write(&mut out, value, ty),
    }
    Ok(out)
}

/// A text as a scalar.
pub fn from_text(s: &str, to: &DataType) -> Result<Value, Fault> {
    let value = match to {
        DataType::Int => s.parse().ok().map(Value::Int),
        DataType::Float => s.parse().ok().map(Value::Float),
        DataType::Decimal => text_to_decimal(s).map(Value::Decimal),
        DataType::Bool => match s {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        DataType::Timestamp => text::parse_timestamp(s).map(Value::Timestamp),
        DataType::Duration => text::parse_duration(s).map(Value::Duration),
        _ => return Err(Fault::untyped()),
    };
    value.ok_or_else(|| Fault::new(ErrorCode::BadCast, format!("{} is not {}", quoted(s), article(to))))
}

fn article(to: &DataType) -> String {
    let article = if *to == DataType::Int { "an" } else { "a" };
    format!("{article} {to}")
}

/// Toward zero.
pub fn float_to_int(x: f64) -> Result<i64, Fault> {
    // 2^63 itself does not fit; every float below it does.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&x) { Ok(x as i64) } else { Err(bad(x, "int")) }
}

/// By the float's shortest text; digits beyond the 28th place are rounded.
pub fn float_to_decimal(x: f64) -> Result<Decimal, Fault> {
    let mut text = String::new();
    text::write_float(&mut text, x);
    let decimal =
        if text.contains('e') { scientific(&text) } else { Decimal::from_str_radix(&text, 10).ok() };
    decimal.filter(|_| x.is_finite()).ok_or_else(|| bad(x, "decimal"))
}

/// `1e-30` is 0 within 28 digits; `1e30` does not fit.
fn scientific(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let mantissa = Decimal::from_str_radix(mantissa, 10).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    if exponent >= 0 {
        let power = 10i128.checked_pow(exponent.unsigned_abs())?;
        return mantissa.checked_mul(Decimal::try_from_i128_with_scale(power, 0).ok()?);
    }
    let mut rest = exponent.unsigned_abs();
    let mut value = mantissa;
    while rest > 0 && !value.is_zero() {
        let step = rest.min(28);
        value = value.checked_div(Decimal::try_from_i128_with_scale(10i128.pow(step), 0).ok()?)?;
        rest -= step;
    }
    Some(value)
}

fn text_to_decimal(s: &str) -> Option<Decimal> {
    let plain = !s.is_empty()
        && s.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    if !plain {
        return None;
    }
    if s.contains(['e', 'E']) { scientific(s) } else { Decimal::from_str_radix(s, 10).ok() }
}

/// Toward zero.
pub fn decimal_to_int(x: Decimal) -> Result<i64, Fault> {
    x.trunc().to_i64().ok_or_else(|| bad(x, "int"))
}

/// The nearest float.
pub fn decimal_to_float(x: Decimal) -> f64 {
    x.to_string().parse().unwrap_or(f64::NAN)
}

/// JSON as any type: numbers as numbers are converted, strings as texts are; a missing or null field
/// is null if the type allows it.
fn from_json(json: &Json, to: &DataType) -> Result<Value, Fault> {
    use DataType as T;
    Ok(match (json, to) {
        (json, T::Json) => Value::Json(Arc::new(json.clone())),
        (Json::String(s), T::String) => Value::string(s.as_str()),
        (Json::String(s), to) if !matches!(to, T::List(_) | T::Map(_) | T::Record(_)) => {
            return from_text(s, to);
        }
        (Json::Bool(x), T::Bool) => Value::Bool(*x),
        (Json::Bool(x), T::Int) => Value::Int(i64::from(*x)),
        (Json::Number(x), to) => return from_number(x, to),
        (Json::Array(items), T::List(of)) => Value::List(
            items.iter().map(|item| nullable(Some(item), of)).collect::<Result<Vec<_>, _>>()?.into(),
        ),
        (Json::Object(object), T::Map(of)) => {
            let mut entries = BTreeMap::new();
            for (key, value) in object {
                entries.insert(Arc::from(key.as_str()), nullable(Some(value), of)?);
            }
            Value::Map(entries.into_iter().collect::<Vec<_>>().into())
        }
        (Json::Object(object), T::Record(record)) => record_from_json(object, record)?,
        (json, to) => return Err(bad_json(json, to)),
    })
}

fn bad_json(json: &Json, to: &DataType) -> Fault {
    bad(format_args!("JSON {}", quoted(&json.to_string())), to)
}

fn record_from_json(object: &serde_json::Map<String, Json>, record: &RecordType) -> Result<Value, Fault> {
    let fields = record.fields.iter().map(|field| nullable(object.get(&*field.name), &field.ty));
    Ok(Value::Record(fields.collect::<Result<Vec<_>, _>>()?.into()))
}

fn nullable(json: Option<&Json>, to: &DataType) -> Result<Value, Fault> {
    match json.unwrap_or(&Json::Null) {
        Json::Null if to.is_optional() => Ok(Value::Null),
        json => from_json(json, to.unwrapped()),
    }
}

fn from_number(number: &serde_json::Number, to: &DataType) -> Result<Value, Fault> {
    let float = || number.as_f64().unwrap_or(f64::NAN);
    Ok(match (number.as_i64(), to) {
        (Some(x), DataType::Int) => Value::Int(x),
        (None, DataType::Int) => Value::Int(float_to_int(float())?),
        (_, DataType::Float) => Value::Float(float()),
        (_, DataType::Decimal) => return from_text(&number.to_string(), to),
        (Some(x), DataType::Bool) => Value::Bool(x != 0),
        (Some(ms), DataType::Timestamp) => {
            Value::Timestamp(ms.checked_mul(1000).ok_or_else(|| bad(ms, "timestamp"))?)
        }
        _ => return Err(bad_json(&Json::Number(number.clone()), to)),
    })
}
