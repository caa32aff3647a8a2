//! Moments as text, by patterns that the script writes down. Rows of one day (minute, second) share the
//! work: a pattern remembers what it wrote last and for how long that stays right.

use super::{give, guarded, host, text_of};
use flow_data::View;
use flow_plan::civil::Zone;
use flow_plan::functions::pattern::Pattern;

/// The patterns of a segment.
#[derive(Default)]
pub(crate) struct Formats(Vec<Format>);

struct Format {
    text: Box<str>,
    pattern: Pattern,
    unit: i64,
    /// Number of the unit that was written last.
    number: i64,
    written: String,
}

impl Formats {
    /// The text of a moment; `None` for a pattern that is none.
    fn write(&mut self, pattern: &str, moment: i64) -> Option<&str> {
        let place = match self.0.iter().position(|format| *format.text == *pattern) {
            Some(place) => place,
            None => {
                self.0.push(Format::of(pattern)?);
                self.0.len() - 1
            }
        };
        let format = &mut self.0[place];
        let number = moment.div_euclid(format.unit);
        if number != format.number || format.written.is_empty() {
            format.written = format.pattern.format(moment, &Zone::UTC);
            format.number = number;
        }
        Some(&format.written)
    }
}

impl Format {
    fn of(text: &str) -> Option<Format> {
        let pattern = Pattern::parse(text).ok()?;
        let unit = pattern.unit();
        Some(Format { text: text.into(), pattern, unit, number: 0, written: String::new() })
    }
}

/// A moment as text, in UTC. The pattern is a constant that the generator has tried.
///
/// # Safety
/// Called by kernels only, with a view of living text.
pub(super) unsafe extern "C" fn flow_format(frame: *mut u64, moment: u64, lo: u64, hi: u64) -> u64 {
    let pattern = View { lo, hi };
    // SAFETY: by the caller's word.
    unsafe {
        let host = host(frame);
        let (formats, made) = (&mut host.formats, &mut host.made);
        let pattern = text_of(&pattern);
        let written = guarded(|| formats.write(pattern, moment as i64)).flatten();
        let view = made.push(written.unwrap_or_default().as_bytes());
        give(frame, view.lo, view.hi, true);
        u64::from(written.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::Formats;
    use flow_plan::civil::{DAY, SECOND, Zone};
    use flow_plan::functions::pattern::Pattern;

    #[test]
    fn what_is_remembered_is_what_would_be_written() {
        let mut formats = Formats::default();
        for text in ["yyyy-MM-dd", "HH:mm", "h a", "ss.SSS", "EEE XXX", "'x'"] {
            let pattern = Pattern::parse(text).unwrap();
            for start in [0, -DAY, 20_454 * DAY] {
                for step in [-1, 0, 1, SECOND, 59 * SECOND, 60 * SECOND, 3600 * SECOND - 1, DAY - 1, DAY] {
                    let moment = start + step;
                    let expected = pattern.format(moment, &Zone::UTC);
                    assert_eq!(formats.write(text, moment), Some(&expected[..]), "{text} of {moment}");
                }
            }
        }
        assert_eq!(formats.write("yyyyQ", 0), None);
    }
}
