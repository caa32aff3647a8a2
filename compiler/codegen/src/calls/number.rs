//! Helpers on decimals and floats.

use super::give;
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
