//! A sum of decimals from which what was added can be taken out again, so that nothing is left of it.

use rust_decimal::Decimal;

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
