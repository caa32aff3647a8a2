//! A sum of floats from which what was added can be taken out again, so that nothing is left of it, whatever its size.

/// An exact sum of floats: all digits are kept. Most sums fit into twice the digits of a float; what does not is in
/// [`Beside`]. What is not finite is counted, not added: once it is taken out, the sum is a number again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FloatTotal {
    high: f64,
    low: f64,
    beside: Option<Box<Beside>>,
}

/// What two floats do not hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct Beside {
    /// Smaller digits, least first; no two of them overlap.
    digits: Vec<f64>,
    /// The sum of those numbers that are so large that a few of them would be too large for a float, in units of [`UNIT`].
    huge: i128,
    nans: i64,
    infinite: i64,
    negative_infinite: i64,
}

/// 2^990: numbers from here on are added as whole ones. 2^33 smaller ones are still a float.
const HUGE: f64 = f64::from_bits((990 + 1023) << 52);
/// 2^938: the last digit of the least number that is huge.
const UNIT: f64 = f64::from_bits((938 + 1023) << 52);
/// 2^-64, by which digits are made smaller where huge ones are added to them.
const SMALLER: f64 = f64::from_bits((1023 - 64) << 52);

impl FloatTotal {
    /// Adds a number (`sign` 1) or takes it out (-1).
    #[inline]
    pub fn add(&mut self, x: f64, sign: i64) {
        // Not so of NaN.
        if x.abs() < HUGE {
            self.shift(if sign < 0 { -x } else { x });
        } else {
            self.add_beside(x, sign);
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
        let (low, lost) = two_sum(self.low, error);
        (self.high, self.low) = two_sum(sum, low);
        if lost != 0.0 || self.beside.is_some() {
            self.keep(lost);
        }
    }

    /// Keeps a digit that two floats have no room for, and fetches those for which they have room again.
    #[cold]
    fn keep(&mut self, lost: f64) {
        let beside = self.beside.get_or_insert_default();
        if lost != 0.0 || !beside.digits.is_empty() {
            [lost, self.low, self.high].into_iter().for_each(|x| grow(&mut beside.digits, x));
            self.high = beside.digits.pop().unwrap_or_default();
            self.low = beside.digits.pop().unwrap_or_default();
        }
        self.tidy();
    }

    fn tidy(&mut self) {
        if self.beside.as_ref().is_some_and(|beside| **beside == Beside::default()) {
            self.beside = None;
        }
    }

    #[cold]
    fn add_beside(&mut self, x: f64, sign: i64) {
        let beside = self.beside.get_or_insert_default();
        match x {
            _ if x.is_nan() => beside.nans += sign,
            f64::INFINITY => beside.infinite += sign,
            f64::NEG_INFINITY => beside.negative_infinite += sign,
            // Whole, and at most 2^86.
            _ => beside.huge += (x / UNIT) as i128 * i128::from(sign.signum()),
        }
        self.tidy();
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &FloatTotal) {
        self.shift(other.high);
        self.shift(other.low);
        let Some(more) = &other.beside else { return };
        more.digits.iter().for_each(|digit| self.shift(*digit));
        let beside = self.beside.get_or_insert_default();
        beside.huge += more.huge;
        beside.nans += more.nans;
        beside.infinite += more.infinite;
        beside.negative_infinite += more.negative_infinite;
        self.tidy();
    }

    /// The sum.
    #[inline]
    pub fn value(&self) -> f64 {
        match &self.beside {
            None => self.high + self.low,
            Some(beside) => self.value_with(beside),
        }
    }

    #[cold]
    fn value_with(&self, beside: &Beside) -> f64 {
        match (beside.nans != 0, beside.infinite != 0, beside.negative_infinite != 0) {
            (false, false, false) => {}
            (false, true, false) => return f64::INFINITY,
            (false, false, true) => return f64::NEG_INFINITY,
            _ => return f64::NAN,
        }
        self.leading().0
    }

    /// The first digits of the sum, as two floats, of which the first is the sum rounded; infinite if it is too large.
    fn leading(&self) -> (f64, f64) {
        let Some(beside) = &self.beside else { return (self.high, self.low) };
        let mut all = beside.digits.clone();
        [self.low, self.high].into_iter().for_each(|x| grow(&mut all, x));
        if beside.huge != 0 {
            // The sum may be a float where parts of it are none.
            all.iter_mut().for_each(|x| *x *= SMALLER);
            pieces(beside.huge).into_iter().for_each(|piece| grow(&mut all, piece * (UNIT * SMALLER)));
        }
        let larger = if beside.huge != 0 { SMALLER.recip() } else { 1.0 };
        let (high, low) = rounded(&all);
        (high * larger, low * larger)
    }

    /// Do two floats hold all of it?
    fn is_plain(&self) -> bool {
        self.beside.is_none()
    }

    /// What it keeps on the heap, about.
    pub fn heap(&self) -> usize {
        let beside = |beside: &Beside| size_of::<Beside>() + beside.digits.capacity() * size_of::<f64>();
        self.beside.as_deref().map_or(0, beside)
    }

    /// What it is made of, for keeping: high and low digits; NaNs, infinities, negative infinities.
    pub fn parts(&self) -> (f64, f64, [i64; 3]) {
        let counts = |beside: &Beside| [beside.nans, beside.infinite, beside.negative_infinite];
        (self.high, self.low, self.beside.as_deref().map_or([0; 3], counts))
    }

    /// The rest of what it is made of, if there is more: three floats that say the sum of huge numbers, and smaller digits.
    pub fn more(&self) -> Option<Vec<f64>> {
        let beside = self.beside.as_deref()?;
        let more = beside.huge != 0 || !beside.digits.is_empty();
        more.then(|| pieces(beside.huge).into_iter().chain(beside.digits.iter().copied()).collect())
    }

    /// Made of its parts.
    pub fn of_parts(high: f64, low: f64, counts: [i64; 3], more: &[f64]) -> FloatTotal {
        let (huge, digits) = more.split_at(more.len().min(3));
        let [nans, infinite, negative_infinite] = counts;
        let huge = huge.iter().map(|piece| *piece as i128).sum();
        let beside = Beside { digits: Vec::new(), huge, nans, infinite, negative_infinite };
        let mut total = FloatTotal { high: 0.0, low: 0.0, beside: Some(Box::new(beside)) };
        // Earlier versions wrote down what was too large for them as an infinite sum, and so it stays.
        digits.iter().chain([&low, &high]).for_each(|digit| total.add(*digit, 1));
        total.tidy();
        total
    }

    /// The sum of squared differences from the mean, if `squares` is the sum of the squares of the same
    /// `n` numbers.
    pub fn spread(&self, squares: &FloatTotal, n: i64) -> f64 {
        if !self.value().is_finite() || !squares.value().is_finite() {
            return f64::NAN;
        }
        let ((high, low), (high_square, low_square)) = match self.is_plain() && squares.is_plain() {
            true => ((self.high, self.low), (squares.high, squares.low)),
            false => (self.leading(), squares.leading()),
        };
        let n = n as f64;
        // (high + low)² / n, with twice the digits.
        let product = high * high;
        let rest = high.mul_add(high, -product) + 2.0 * high * low;
        let quotient = product / n;
        let rest = (rest - quotient.mul_add(n, -product)) / n;
        let (difference, error) = two_sum(high_square, -quotient);
        (difference + (error + low_square - rest)).max(0.0)
    }
}

/// The sum, and what rounding took from it.
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// Adds a number to digits that do not overlap, least first.
fn grow(digits: &mut Vec<f64>, mut x: f64) {
    let mut kept = 0;
    for at in 0..digits.len() {
        let (sum, rest) = two_sum(x, digits[at]);
        if rest != 0.0 {
            digits[kept] = rest;
            kept += 1;
        }
        x = sum;
    }
    digits.truncate(kept);
    if x != 0.0 {
        digits.push(x);
    }
}

/// The sum of digits that do not overlap, least first, rounded to the nearest float; and what is next to it.
fn rounded(digits: &[f64]) -> (f64, f64) {
    let mut rest = digits.iter().rev().copied().peekable();
    let (mut high, mut low) = (rest.next().unwrap_or_default(), 0.0);
    while let Some(next) = rest.next() {
        (high, low) = two_sum(high, next);
        if low != 0.0 {
            // Half a digit is rounded by what stands behind it.
            if let Some(behind) = rest.peek().filter(|behind| (**behind < 0.0) == (low < 0.0)) {
                let (up, error) = two_sum(high, low * 2.0);
                if error == 0.0 && up != high {
                    (high, low) = (up, low - (up - high) + behind);
                    break;
                }
            }
            low += rest.next().unwrap_or_default();
            break;
        }
    }
    (high, low)
}

/// A whole number as floats of which each holds a third of its digits.
fn pieces(x: i128) -> [f64; 3] {
    let high = (x >> 86) << 86;
    let middle = ((x - high) >> 43) << 43;
    [high as f64, middle as f64, (x - high - middle) as f64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::Arbitrary;

    fn total(numbers: &[f64]) -> FloatTotal {
        let mut sum = FloatTotal::default();
        numbers.iter().for_each(|x| sum.add(*x, 1));
        sum
    }

    #[test]
    fn what_is_taken_out_leaves_nothing() {
        let mut sum = total(&[0.1, 1e17, f64::INFINITY, -3e-9, f64::NAN]);
        assert!(sum.value().is_nan());
        for x in [f64::NAN, 1e17, f64::INFINITY] {
            sum.add(x, -1);
        }
        assert_eq!(sum.value(), 0.1 - 3e-9);
    }

    #[test]
    fn a_sum_that_was_too_large_is_a_number_again_when_what_made_it_so_is_taken_out() {
        let mut sum = total(&[1e308, 0.25, 1e308, 1.0, 1e-300]);
        assert_eq!(sum.value(), f64::INFINITY);
        sum.add(1e308, -1);
        assert_eq!(sum.value(), 1e308);
        sum.add(1e308, -1);
        assert_eq!((sum.value(), sum.heap()), (1.25, 0));
        sum.add(1e-300, -1);
        assert_eq!(sum, total(&[1.25]));
        // Neither is a sum that is a float where its parts are none.
        assert_eq!(total(&[f64::MAX, f64::MAX, -f64::MAX]).value(), f64::MAX);
    }

    #[test]
    fn sums_of_numbers_of_all_sizes_are_exact_in_any_order() {
        for seed in 0..300 {
            let mut random = Arbitrary::new(seed);
            let mut number = || {
                let power = random.below(2098) as i32 - 1074;
                let digits =
                    (random.below(1 << 30) as f64 + 1.0) * if random.below(2) == 0 { 1.0 } else { -1.0 };
                Some(digits * 2f64.powi(power.min(980))).filter(|x| x.is_finite()).unwrap_or(1e308)
            };
            let kept: Vec<f64> = (0..4).map(|_| number()).collect();
            let gone: Vec<f64> = (0..8).map(|_| number()).collect();
            let mut sum = total(&gone);
            let mut other = total(&kept[..2]);
            other.merge(&total(&kept[2..]));
            sum.merge(&other);
            gone.iter().rev().for_each(|x| sum.add(*x, -1));
            let mut nothing = sum.clone();
            kept.iter().for_each(|x| nothing.add(*x, -1));
            assert_eq!(nothing, FloatTotal::default(), "seed {seed}: {kept:?} {gone:?}");
            assert_eq!(sum.value(), total(&kept).value(), "seed {seed}: {kept:?} {gone:?}");
            let (high, low, counts) = sum.parts();
            let stored = FloatTotal::of_parts(high, low, counts, &sum.more().unwrap_or_default());
            assert_eq!(stored.value(), sum.value(), "seed {seed}");
            kept.iter().for_each(|x| sum.add(*x, -1));
            assert_eq!(sum, FloatTotal::default(), "seed {seed}");
        }
    }

    #[test]
    fn half_a_digit_is_rounded_by_what_stands_behind_it() {
        let one = 1.0 + f64::EPSILON;
        let tiny = 1e-60;
        assert_eq!(total(&[1.0, f64::EPSILON / 2.0, tiny]).value(), one);
        assert_eq!(total(&[1.0, f64::EPSILON / 2.0, -tiny]).value(), 1.0);
        assert_eq!(total(&[1.0, f64::EPSILON / 2.0]).value(), 1.0);
    }

    #[test]
    fn the_spread_is_that_of_the_numbers_that_are_left() {
        for (kept, gone, spread) in [
            ([1e9 + 1.0, 1e9 + 3.0], 7e12, 2.0),
            ([0.25, 1.0], 1e17, 0.28125),
            ([0.25, 1.0], 1e308, 0.28125),
            ([0.25, 1.0], f64::NEG_INFINITY, 0.28125),
            ([0.25, 1.0], 1e150, 0.28125),
        ] {
            let (mut sum, mut squares) = (FloatTotal::default(), FloatTotal::default());
            for (x, sign) in [(kept[0], 1), (gone, 1), (kept[1], 1), (gone, -1)] {
                sum.add(x, sign);
                squares.add_square(x, sign);
            }
            assert_eq!(sum.spread(&squares, 2), spread, "{gone}");
        }
    }
}
