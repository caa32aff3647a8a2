//! Numbers as text: fast for what most numbers look like, complete for the rest. Knows no format's
//! punctuation: whoever calls says where a number starts (fast) or which bytes it is (complete).

use crate::fault::{Fault, code, shown};
use crate::scan::Text;
use rust_decimal::Decimal;

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

const INT_POWERS: [u64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Eight digits (as values 0 to 9, the first in the lowest byte) at once.
#[inline(always)]
fn eight(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

/// Eight zeros as text.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// How many of eight bytes, less [`ZEROS`], are digits up to the first that is none.
#[inline(always)]
fn leading_digits(zeroed: u64) -> usize {
    let other = (zeroed.wrapping_add(0x7676_7676_7676_7676) | zeroed) & 0x8080_8080_8080_8080;
    (other.trailing_zeros() / 8) as usize
}

/// The digits at `at`: their number as long as they are at most 18, and how many they are (more
/// than 18 is not counted exactly).
#[inline(always)]
fn digits(text: Text<'_>, at: usize, start: u64) -> (u64, usize) {
    let (mut value, mut count) = (start, 0);
    loop {
        let zeroed = text.word(at + count) ^ ZEROS;
        let n = leading_digits(zeroed);
        if n > 0 {
            let part = eight(zeroed << (64 - 8 * n));
            value = value.wrapping_mul(INT_POWERS[n]).wrapping_add(part);
        }
        count += n;
        if n < 8 || count > 18 {
            return (value, count);
        }
    }
}

/// The int at `at` and the position behind it; `None` if it is anything but a plain JSON int of at
/// most 18 digits (or what follows goes on like a number).
#[inline(always)]
pub(crate) fn fast_int(text: Text<'_>, at: usize) -> Option<(i64, usize)> {
    let zeroed = text.word(at) ^ ZEROS;
    let n = leading_digits(zeroed);
    if matches!(n, 1..8) && (n == 1 || zeroed & 0xff != 0) {
        return Some((eight(zeroed << (64 - 8 * n)) as i64, at + n));
    }
    long_int(text, at)
}

/// The same for a number of any length, with or without a sign.
#[inline(never)]
fn long_int(text: Text<'_>, at: usize) -> Option<(i64, usize)> {
    let negative = text.byte(at) == b'-';
    let start = at + usize::from(negative);
    let (value, n) = digits(text, start, 0);
    if n == 0 || n > 18 || (n > 1 && text.byte(start) == b'0') {
        return None;
    }
    let value = value as i64;
    Some((if negative { -value } else { value }, start + n))
}

/// The float at `at` and the position behind it, where digits and exponent are few enough for one
/// exact multiplication or division (Clinger 1990); `None` for all else.
#[inline(always)]
pub(crate) fn fast_float(text: Text<'_>, at: usize) -> Option<(f64, usize)> {
    let negative = text.byte(at) == b'-';
    let start = at + usize::from(negative);
    let (whole, n) = digits(text, start, 0);
    if n == 0 || n > 18 || (n > 1 && text.byte(start) == b'0') {
        return None;
    }
    let mut end = start + n;
    let (mut mantissa, mut scale) = (whole, 0);
    if text.byte(end) == b'.' {
        (mantissa, scale) = digits(text, end + 1, whole);
        end += 1 + scale;
        if scale == 0 || n + scale > 18 {
            return None;
        }
    }
    if mantissa > 1 << 53 || matches!(text.byte(end), b'e' | b'E') {
        return None;
    }
    let value = mantissa as f64 / POWERS[scale];
    Some((if negative { -value } else { value }, end))
}

/// Is it a number as JSON writes them?
pub(crate) fn is_json_number(bytes: &[u8]) -> bool {
    let mut rest = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let skip = |rest: &mut &[u8]| {
        let n = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        *rest = &rest[n..];
        n
    };
    let zero = rest.first() == Some(&b'0');
    match skip(&mut rest) {
        0 => return false,
        n if n > 1 && zero => return false,
        _ => {}
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = fraction;
        if skip(&mut rest) == 0 {
            return false;
        }
    }
    if let Some((b'e' | b'E', exponent)) = rest.split_first() {
        rest = exponent;
        if let Some((b'+' | b'-', unsigned)) = rest.split_first() {
            rest = unsigned;
        }
        if skip(&mut rest) == 0 {
            return false;
        }
    }
    rest.is_empty()
}

fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// An int: an optional sign and digits.
pub(crate) fn int(bytes: &[u8]) -> Result<i64, Fault> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::new(code::WRONG_TYPE, format!("expected an int, found {}", shown(bytes))));
    }
    text_of(bytes)
        .parse()
        .map_err(|_| Fault::new(code::OUT_OF_RANGE, format!("{} is out of the range of int", shown(bytes))))
}

/// A float that is a number; `NaN` and the infinities are for CSV to tell.
pub(crate) fn float(bytes: &[u8]) -> Result<f64, Fault> {
    match text_of(bytes).parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => {
            Err(Fault::new(code::OUT_OF_RANGE, format!("{} is out of the range of float", shown(bytes))))
        }
        Err(_) => Err(Fault::new(code::WRONG_TYPE, format!("expected a float, found {}", shown(bytes)))),
    }
}

/// A decimal; more than 28 significant digits are out of range, never rounded.
pub(crate) fn decimal(bytes: &[u8]) -> Result<Decimal, Fault> {
    let text = text_of(bytes);
    if !is_json_number(bytes.strip_prefix(b"+").unwrap_or(bytes)) {
        return Err(Fault::new(code::WRONG_TYPE, format!("expected a decimal, found {}", shown(bytes))));
    }
    let parsed = if bytes.iter().any(|b| matches!(b, b'e' | b'E')) {
        Decimal::from_scientific(text)
    } else {
        Decimal::from_str_exact(text)
    };
    parsed.map_err(|_| {
        Fault::new(code::OUT_OF_RANGE, format!("{} has more digits than a decimal holds", shown(bytes)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::PADDING;
    use flow_env::Random;

    fn with_text<T>(number: &str, f: impl Fn(Text<'_>) -> T) -> T {
        let mut bytes = format!("{number},\n").into_bytes();
        let len = bytes.len();
        bytes.resize(len + PADDING, 0);
        f(Text::new(&bytes, len))
    }

    #[test]
    fn fast_ints_are_what_the_standard_library_reads() {
        let mut random = Random::new(11);
        for _ in 0..20_000 {
            let value = (random.bits() >> random.below(64)) as i64 >> random.below(20);
            let shown = value.to_string();
            match with_text(&shown, |t| fast_int(t, 0)) {
                Some((got, end)) => assert_eq!((got, end), (value, shown.len()), "{shown}"),
                None => assert!(shown.trim_start_matches('-').len() > 18, "{shown}"),
            }
            assert_eq!(int(shown.as_bytes()).unwrap(), value);
        }
        assert!(with_text("007", |t| fast_int(t, 0)).is_none());
        assert!(with_text("-", |t| fast_int(t, 0)).is_none());
        assert_eq!(int(b"9223372036854775808").unwrap_err().code(), code::OUT_OF_RANGE);
    }

    #[test]
    fn fast_floats_are_bit_for_bit_what_the_standard_library_reads() {
        let mut random = Random::new(12);
        for _ in 0..50_000 {
            let whole = (random.bits() >> random.below(60)) % 1_000_000_000_000;
            let scale = random.below(12) as usize;
            let shown = format!(
                "{}{whole}.{:0scale$}1",
                if random.below(2) == 0 { "-" } else { "" },
                random.below(10u64.pow(scale as u32).max(1))
            );
            if let Some((got, end)) = with_text(&shown, |t| fast_float(t, 0)) {
                let right: f64 = shown.parse().unwrap();
                assert_eq!((got.to_bits(), end), (right.to_bits(), shown.len()), "{shown}");
            }
        }
        assert_eq!(
            with_text("-0.0", |t| fast_float(t, 0)).map(|(v, _)| v.to_bits()),
            Some((-0.0f64).to_bits())
        );
        assert!(with_text("1e5", |t| fast_float(t, 0)).is_none());
        assert!(with_text("1.", |t| fast_float(t, 0)).is_none());
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(decimal(b"12.50").unwrap().to_string(), "12.50");
        assert_eq!(decimal(b"1.5e3").unwrap().to_string(), "1500");
        assert_eq!(decimal(b"0.12345678901234567890123456789").unwrap_err().code(), code::OUT_OF_RANGE);
        assert_eq!(decimal(b"abc").unwrap_err().code(), code::WRONG_TYPE);
    }
}
