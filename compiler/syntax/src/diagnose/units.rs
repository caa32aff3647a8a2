//! Durations in words: `10 seconds`, `0.5 hours`, `millis ms`.

use super::piece::Piece;
use super::whole::unit_of;
use crate::codes::FOREIGN_WORD;
use crate::diagnostic::{Applicability, Diagnostic};

/// Units with the microseconds they have, the longest first.
const UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

impl Piece<'_, '_> {
    /// A unit behind a number or a field, with a blank between.
    pub(super) fn unit_behind(&self, at: usize) -> Option<Diagnostic> {
        let unit = unit_of(&self.word(at)).filter(|_| self.is_name(at))?;
        let (_, micros) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        let first = at.checked_sub(1)?;
        let whole = self.span(first, at + 1);
        let here = self.span(at, at + 1);
        match self.class(first) {
            // `10 min` is told for its blank alone.
            b'0' if self.text(at, at + 1) == unit => None,
            b'0' | b'1' => {
                let fixed = literal(self.text(first, at), unit, micros)?;
                Some(
                    Diagnostic::new(FOREIGN_WORD, whole, format!("a duration is one word: `{fixed}`"))
                        .at("units are `us`, `ms`, `s`, `min`, `h` and `d`")
                        .fix(format!("write `{fixed}`"), whole, fixed),
                )
            }
            _ if self.is_name(first) && !self.toks[at].starts_line => {
                let value = self.text(first, at);
                let fixed = format!("duration({value} * {micros})");
                Some(
                    Diagnostic::new(FOREIGN_WORD, here, "a unit stands behind a number alone")
                        .at("no unit of a field")
                        .help("a number becomes a duration with `duration(microseconds)`")
                        .with_fix(format!("write `{fixed}`"), whole, fixed, Applicability::MaybeIncorrect),
                )
            }
            _ => None,
        }
    }
}

/// The literal of so many of a unit; of half a one, in the longest unit of which it is a whole number.
fn literal(number: &str, unit: &str, micros: u64) -> Option<String> {
    let number = number.replace('_', "");
    if number.bytes().all(|b| b.is_ascii_digit()) {
        return Some(format!("{number}{unit}"));
    }
    let all = (number.parse::<f64>().ok()? * micros as f64).round();
    let (name, micros) = UNITS.into_iter().find(|(_, micros)| all >= 1.0 && all % *micros as f64 == 0.0)?;
    Some(format!("{}{name}", all / micros as f64))
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn parts_of_units_are_whole_numbers_of_others() {
        for (number, unit, micros, written) in [
            ("10", "s", 1_000_000, Some("10s")),
            ("1_000", "ms", 1_000, Some("1000ms")),
            ("0.5", "s", 1_000_000, Some("500ms")),
            ("1.5", "h", 3_600_000_000, Some("90min")),
            ("0.0", "s", 1_000_000, None),
        ] {
            assert_eq!(literal(number, unit, micros).as_deref(), written, "{number} {unit}");
        }
    }
}
