//! Helpers on decimals and floats.

use super::{give, guarded};
use flow_plan::catalogue::Func;
use flow_plan::civil::Zone;
use flow_plan::functions::{math, time};
use flow_plan::order;
use rust_decimal::Decimal;

/// A decimal as the two words that lie in a column.
pub(crate) fn decimal_words(x: Decimal) -> [u64; 2] {
    const { assert!(size_of::<Decimal>() == 16) };
    // SAFETY: a decimal is four u32 without padding, and any bits are words.
    unsafe { std::mem::transmute::<Decimal, [u64; 2]>(x) }
}

/// The decimal of two words that [`decimal_words`] made (or zeros, which are zero).
pub(super) fn decimal_of(lo: u64, hi: u64) -> Decimal {
    // SAFETY: the words come from a column of decimals, from a helper, or are zeros.
    unsafe { std::mem::transmute::<[u64; 2], Decimal>([lo, hi]) }
}

/// `a op b`: 0 `+`, 1 `-`, 2 `*`, 3 `/`, 4 `%`.
///
/// # Safety
/// Called by kernels only, with words of decimals.
pub(super) unsafe extern "C" fn flow_decimal_op(
    frame: *mut u64,
    op: u64,
    a_lo: u64,
    a_hi: u64,
    b_lo: u64,
    b_hi: u64,
) -> u64 {
    let (a, b) = (decimal_of(a_lo, a_hi), decimal_of(b_lo, b_hi));
    let result = match op {
        0 => a.checked_add(b),
        1 => a.checked_sub(b),
        2 => a.checked_mul(b),
        3 => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    let [lo, hi] = decimal_words(result.unwrap_or_default());
    // SAFETY: by the caller's word.
    unsafe { give(frame, lo, hi, true) };
    u64::from(result.is_none())
}

/// The order of two decimals: -1, 0, 1.
///
/// # Safety
/// Called by kernels only, with words of decimals.
pub(super) unsafe extern "C" fn flow_decimal_cmp(
    _: *mut u64,
    a_lo: u64,
    a_hi: u64,
    b_lo: u64,
    b_hi: u64,
) -> i64 {
    decimal_of(a_lo, a_hi).cmp(&decimal_of(b_lo, b_hi)) as i64
}

/// The remainder of floats, given and taken as bits.
///
/// # Safety
/// Always safe; `unsafe` only because all helpers are.
pub(super) unsafe extern "C" fn flow_float_rem(_: *mut u64, a: u64, b: u64) -> u64 {
    (f64::from_bits(a) % f64::from_bits(b)).to_bits()
}

/// Functions of one float, in the order of their numbers.
pub(crate) const FLOAT_FUNCTIONS: [Func; 9] =
    [Func::Floor, Func::Ceil, Func::Round, Func::Exp, Func::Ln, Func::Log10, Func::Sin, Func::Cos, Func::Tan];

/// A function of a float, given and taken as bits.
///
/// # Safety
/// Always safe; `unsafe` only because all helpers are.
pub(super) unsafe extern "C" fn flow_float_function(_: *mut u64, func: u64, bits: u64) -> u64 {
    let x = f64::from_bits(bits);
    let result = match FLOAT_FUNCTIONS.get(func as usize) {
        Some(Func::Floor) => x.floor(),
        Some(Func::Ceil) => x.ceil(),
        Some(Func::Round) => x.round(),
        Some(func) => math::float(*func, x).unwrap_or(f64::NAN),
        None => f64::NAN,
    };
    result.to_bits()
}

/// `pow` (0) and `atan2` (1), given and taken as bits.
///
/// # Safety
/// Always safe; `unsafe` only because all helpers are.
pub(super) unsafe extern "C" fn flow_float_pair(_: *mut u64, func: u64, a: u64, b: u64) -> u64 {
    let (a, b) = (f64::from_bits(a), f64::from_bits(b));
    let result = if func == 0 { a.powf(b) } else { a.atan2(b) };
    result.to_bits()
}

/// A float rounded to digits, given and taken as bits.
///
/// # Safety
/// Always safe; `unsafe` only because all helpers are.
pub(super) unsafe extern "C" fn flow_float_round(_: *mut u64, bits: u64, digits: u64) -> u64 {
    guarded(|| math::round_float(f64::from_bits(bits), digits as i64)).unwrap_or(f64::NAN).to_bits()
}

/// Numbers of the calendar in UTC, in the order of their numbers.
pub(crate) const CALENDAR: [Func; 8] = [
    Func::Year,
    Func::Month,
    Func::Day,
    Func::Hour,
    Func::Minute,
    Func::Second,
    Func::DayOfWeek,
    Func::DayOfYear,
];

/// A number of the calendar.
///
/// # Safety
/// Always safe; `unsafe` only because all helpers are.
pub(super) unsafe extern "C" fn flow_calendar(_: *mut u64, func: u64, t: u64) -> u64 {
    let func = CALENDAR.get(func as usize).copied().unwrap_or(Func::Year);
    guarded(|| time::calendar(func, t as i64, &Zone::UTC)).unwrap_or(0) as u64
}

/// The start of the unit that holds the moment, in UTC.
///
/// # Safety
/// `frame` is a frame.
pub(super) unsafe extern "C" fn flow_truncate(frame: *mut u64, t: u64, unit: u64) -> u64 {
    let start = guarded(|| time::truncate(t as i64, unit as i64, &Zone::UTC).ok()).flatten();
    // SAFETY: by the caller's word.
    unsafe { give(frame, start.unwrap_or(0) as u64, 0, true) };
    u64::from(start.is_none())
}

/// The hash of an int.
///
/// # Safety
/// Always safe; `unsafe` only because all helpers are.
pub(super) unsafe extern "C" fn flow_hash_int(_: *mut u64, x: u64) -> u64 {
    order::hash_int(x as i64)
}
