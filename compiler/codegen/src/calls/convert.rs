//! Helpers that convert: scalars to text and back, decimals to numbers and back.

use super::number::{decimal_of, decimal_words};
use super::{give, give_text, guarded, text_of};
use flow_data::View;
use flow_plan::DataType;
use flow_plan::eval::convert;
use flow_plan::text::{write_duration, write_float, write_timestamp};
use flow_plan::value::Value;
use std::fmt::Write;

/// Numbers of types in calls.
pub(crate) mod code {
    pub(crate) const INT: i64 = 0;
    pub(crate) const FLOAT: i64 = 1;
    pub(crate) const DECIMAL: i64 = 2;
    pub(crate) const TIMESTAMP: i64 = 3;
    pub(crate) const DURATION: i64 = 4;
    pub(crate) const BOOL: i64 = 5;
    pub(crate) const BYTES: i64 = 6;
}

/// The number of a scalar type that is not text.
pub(crate) fn code_of(ty: &DataType) -> Option<i64> {
    Some(match ty {
        DataType::Int => code::INT,
        DataType::Float => code::FLOAT,
        DataType::Decimal => code::DECIMAL,
        DataType::Timestamp => code::TIMESTAMP,
        DataType::Duration => code::DURATION,
        DataType::Bool => code::BOOL,
        DataType::Bytes => code::BYTES,
        _ => return None,
    })
}

/// A scalar as text.
///
/// # Safety
/// Called by kernels only, with words of a value of that type.
pub(super) unsafe extern "C" fn flow_to_text(frame: *mut u64, ty: u64, lo: u64, hi: u64) -> u64 {
    let mut out = String::new();
    let written = match ty as i64 {
        code::BYTES => {
            let view = View { lo, hi };
            // SAFETY: by the caller's word.
            let bytes = unsafe { view.bytes() };
            std::str::from_utf8(bytes).map(|text| out.push_str(text)).is_ok()
        }
        code::BOOL => {
            out.push_str(if lo != 0 { "true" } else { "false" });
            true
        }
        code::INT => write!(out, "{}", lo as i64).is_ok(),
        code::DECIMAL => write!(out, "{}", decimal_of(lo, hi)).is_ok(),
        code::FLOAT => guarded(|| write_float(&mut out, f64::from_bits(lo))).is_some(),
        code::TIMESTAMP => guarded(|| write_timestamp(&mut out, lo as i64)).is_some(),
        _ => guarded(|| write_duration(&mut out, lo as i64)).is_some(),
    };
    // SAFETY: by the caller's word.
    unsafe { give_text(frame, out.as_bytes()) };
    u64::from(!written)
}

/// Text as a scalar.
///
/// # Safety
/// Called by kernels only, with a view of living text.
pub(super) unsafe extern "C" fn flow_from_text(frame: *mut u64, ty: u64, lo: u64, hi: u64) -> u64 {
    let view = View { lo, hi };
    // SAFETY: by the caller's word.
    let text = unsafe { text_of(&view) };
    let parse = |ty: &DataType| guarded(|| convert::from_text(text, ty).ok()).flatten();
    let value = match ty as i64 {
        code::INT => text.parse().ok().map(Value::Int),
        code::FLOAT => text.parse().ok().map(Value::Float),
        code::DECIMAL => parse(&DataType::Decimal),
        code::TIMESTAMP => parse(&DataType::Timestamp),
        code::DURATION => parse(&DataType::Duration),
        _ => parse(&DataType::Bool),
    };
    // SAFETY: by the caller's word.
    unsafe { super::give_value(frame, value.as_ref().unwrap_or(&Value::Null)) };
    u64::from(value.is_none())
}

/// A decimal of an int or a float.
///
/// # Safety
/// Called by kernels only.
pub(super) unsafe extern "C" fn flow_to_decimal(frame: *mut u64, ty: u64, bits: u64) -> u64 {
    let decimal = match ty as i64 {
        code::INT => Some((bits as i64).into()),
        _ => guarded(|| convert::float_to_decimal(f64::from_bits(bits)).ok()).flatten(),
    };
    let [lo, hi] = decimal_words(decimal.unwrap_or_default());
    // SAFETY: by the caller's word.
    unsafe { give(frame, lo, hi, true) };
    u64::from(decimal.is_none())
}

/// An int or a float of a decimal.
///
/// # Safety
/// Called by kernels only, with words of a decimal.
pub(super) unsafe extern "C" fn flow_of_decimal(frame: *mut u64, ty: u64, lo: u64, hi: u64) -> u64 {
    let decimal = decimal_of(lo, hi);
    let bits = match ty as i64 {
        code::INT => guarded(|| convert::decimal_to_int(decimal).ok()).flatten().map(|x| x as u64),
        _ => guarded(|| convert::decimal_to_float(decimal).to_bits()),
    };
    // SAFETY: by the caller's word.
    unsafe { give(frame, bits.unwrap_or(0), 0, true) };
    u64::from(bits.is_none())
}
