//! Sums from which what was added can be taken out again, so that nothing is left of it.

use rust_decimal::Decimal;

/// A sum of floats with twice the digits of a float. What is not finite is counted, not added: once it
/// is taken out, the sum is a number again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FloatTotal {
    high: f64,
    low: f64,
    nans: i64,
    infinite: i64,
    negative_infinite: i64,
}

impl FloatTotal {
    /// Adds a number (`sign` 1) or takes it out (-1).
    #[inline]
    pub fn add(&mut self, x: f64, sign: i64) {
        if x.is_finite() {
            self.shift(if sign < 0 { -x } else { x });
        } else if x.is_nan() {
            self.nans += sign;
        } else if x > 0.0 {
            self.infinite += sign;
        } else {
            self.negative_infinite += sign;
        }
    }

    /// Adds the square of a number, or takes it out.
    pub fn add_square(&mut self, x: f64, sign: i64) {
        let square = x * x;
        self.add(square, sign);
        if square.is_finite() {
            let rest = x.mul_add(x, -square);
            self.shift(if sign < 0 { -rest } else { rest });
        }
    }

    #[inline]
    fn shift(&mut self, x: f64) {
        let (sum, error) = two_sum(self.high, x);
        let (high, low) = two_sum(sum, error + self.low);
        // A sum beyond all floats has no digits left.
        (self.high, self.low) = if high.is_finite() { (high, low) } else { (sum, 0.0) };
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &FloatTotal) {
        self.shift(other.high);
        self.shift(other.low);
        self.nans += other.nans;
        self.infinite += other.infinite;
        self.negative_infinite += other.negative_infinite;
    }

    /// The sum.
    #[inline]
    pub fn value(&self) -> f64 {
        match (self.nans != 0, self.infinite != 0, self.negative_infinite != 0) {
            (false, false, false) => self.high + self.low,
            (false, true, false) => f64::INFINITY,
            (false, false, true) => f64::NEG_INFINITY,
            _ => f64::NAN,
        }
    }

    /// What it is made of, for keeping: high and low digits; NaNs, infinities, negative infinities.
    pub fn parts(&self) -> (f64, f64, [i64; 3]) {
        (self.high, self.low, [self.nans, self.infinite, self.negative_infinite])
    }

    /// Made of its parts.
    pub fn of_parts(high: f64, low: f64, counts: [i64; 3]) -> FloatTotal {
        let [nans, infinite, negative_infinite] = counts;
        FloatTotal { high, low, nans, infinite, negative_infinite }
    }

    /// The sum of squared differences from the mean, if `squares` is the sum of the squares of the same
    /// `n` numbers.
    pub fn spread(&self, squares: &FloatTotal, n: i64) -> f64 {
        if !self.value().is_finite() || !squares.value().is_finite() {
            return f64::NAN;
        }
        let n = n as f64;
        // (high + low)² / n, with twice the digits.
        let product = self.high * self.high;
        let rest = self.high.mul_add(self.high, -product) + 2.0 * self.high * self.low;
        let quotient = product / n;
        let rest = (rest - quotient.mul_add(n, -product)) / n;
        let (difference, error) = two_sum(squares.high, -quotient);
        (difference + (error + squares.low - rest)).max(0.0)
    }
}

/// The sum, and what rounding took from it.
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// A sum of decimals, exact at every scale.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DecimalTotal {
    whole: i128,
    /// In units of the smallest decimal; less than one.
    part: i128,
    /// The most digits behind the point of what was added: those the sum is shown with.
    scale: u32,
}

const SCALE: u32 = 28;
const ONE: i128 = 10i128.pow(SCALE);

impl DecimalTotal {
    /// Adds a decimal (`sign` 1) or takes it out (-1).
    pub fn add(&mut self, x: Decimal, sign: i64) {
        let unit = 10i128.pow(x.scale());
        let mantissa = if sign < 0 { -x.mantissa() } else { x.mantissa() };
        let part = self.part + mantissa % unit * 10i128.pow(SCALE - x.scale());
        self.whole += mantissa / unit + part / ONE;
        self.part = part % ONE;
        self.scale = self.scale.max(x.scale());
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &DecimalTotal) {
        let part = self.part + other.part;
        self.whole += other.whole + part / ONE;
        self.part = part % ONE;
        self.scale = self.scale.max(other.scale);
    }

    /// What it is made of, for keeping: whole, part and scale.
    pub(super) fn parts(&self) -> (i128, i128, u32) {
        (self.whole, self.part, self.scale)
    }

    /// Made of its parts.
    pub(super) fn of_parts(whole: i128, part: i128, scale: u32) -> DecimalTotal {
        DecimalTotal { whole, part, scale: scale.min(SCALE) }
    }

    /// The sum, rounded if it has too many digits; `None` if it is too large.
    pub fn value(&self) -> Option<Decimal> {
        let (mut whole, mut part) = (self.whole, self.part);
        // Both of one sign.
        if whole > 0 && part < 0 {
            (whole, part) = (whole - 1, part + ONE);
        } else if whole < 0 && part > 0 {
            (whole, part) = (whole + 1, part - ONE);
        }
        (0..=self.scale).rev().find_map(|scale| {
            let cut = 10i128.pow(SCALE - scale);
            let half = if part < 0 { -cut / 2 } else { cut / 2 };
            let digits = whole.checked_mul(10i128.pow(scale))?.checked_add((part + half) / cut)?;
            Decimal::try_from_i128_with_scale(digits, scale).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_leaves_nothing() {
        let mut sum = FloatTotal::default();
        for x in [0.1, 1e17, f64::INFINITY, -3e-9, f64::NAN] {
            sum.add(x, 1);
        }
        assert!(sum.value().is_nan());
        for x in [f64::NAN, 1e17, f64::INFINITY] {
            sum.add(x, -1);
        }
        assert_eq!(sum.value(), 0.1 - 3e-9);
    }

    #[test]
    fn the_spread_is_that_of_the_numbers_that_are_left() {
        let (mut sum, mut squares) = (FloatTotal::default(), FloatTotal::default());
        let mut add = |x: f64, sign: i64| {
            sum.add(x, sign);
            squares.add_square(x, sign);
            (sum, squares)
        };
        add(1e9 + 1.0, 1);
        add(7e12, 1);
        add(1e9 + 3.0, 1);
        let (sum, squares) = add(7e12, -1);
        assert_eq!(sum.spread(&squares, 2), 2.0);
    }

    #[test]
    fn sums_of_decimals_keep_their_scale_and_are_exact() {
        let mut sum = DecimalTotal::default();
        let large = Decimal::MAX;
        for (x, sign) in [(Decimal::new(-150, 2), 1), (large, 1), (large, 1), (Decimal::new(4, 1), 1)] {
            sum.add(x, sign);
        }
        assert_eq!(sum.value(), None, "it is too large");
        sum.add(large, -1);
        sum.add(large, -1);
        assert_eq!(sum.value().map(|x| x.to_string()).as_deref(), Some("-1.10"));
        sum.add(large, 1);
        assert_eq!(sum.value(), Some(large - Decimal::ONE), "rounded to the digits there are");
    }
}
