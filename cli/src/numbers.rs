//! Numbers as people read them: counts, rates, times, shares.

use flow_plan::text;
use std::time::Duration;

/// `1 row`, `2,000 rows`.
pub(crate) fn counted(n: u64, one: &str) -> String {
    format!("{} {one}{}", count(n), if n == 1 { "" } else { "s" })
}

/// `9,200,000`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `7.4 M`, `512 k`, `38`.
pub(crate) fn short(n: f64) -> String {
    match n {
        n if n >= 1e9 => format!("{:.1} G", n / 1e9),
        n if n >= 1e6 => format!("{:.1} M", n / 1e6),
        n if n >= 1e4 => format!("{:.0} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// `12 ms`, `1.24 s`, `3 min 05 s`, `2 h 03 min`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match time.as_secs_f64() {
        s if s < 1.0 => format!("{} ms", time.as_millis()),
        s if s < 60.0 => format!("{s:.2} s"),
        s if s < 3600.0 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Rows a second; nothing for times too short to say.
pub(crate) fn rate(rows: u64, time: Duration) -> Option<String> {
    let seconds = time.as_secs_f64();
    (seconds >= 0.1).then(|| format!("{} rows/s", short(rows as f64 / seconds)))
}

/// A point in time: `2026-01-31T12:00:05Z`, to the millisecond.
pub(crate) fn moment(micros: i64) -> String {
    let mut out = String::new();
    text::write_timestamp(&mut out, micros.saturating_sub(micros.rem_euclid(1000)));
    out
}

/// A length of event time, which may be years: `5s`, `1h30min`, to the millisecond.
pub(crate) fn span(micros: i64) -> String {
    let mut out = String::new();
    text::write_duration(&mut out, micros - micros % 1000);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas_between_thousands() {
        assert_eq!([0, 999, 1000, 9_200_000].map(count), ["0", "999", "1,000", "9,200,000"]);
    }

    #[test]
    fn of_one_thing_there_is_one() {
        assert_eq!([0, 1, 2000].map(|n| counted(n, "row")), ["0 rows", "1 row", "2,000 rows"]);
    }

    #[test]
    fn moments_and_spans_are_cut_to_milliseconds() {
        assert_eq!(moment(1_500_999), "1970-01-01T00:00:01.5Z");
        assert_eq!(moment(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!([span(5_000_100), span(5_400_000_000)], ["5s", "1h30min"]);
    }

    #[test]
    fn rates_and_times_are_short() {
        assert_eq!(
            [38.0, 9_999.0, 512_300.0, 7.42e6, 1.25e9].map(short),
            ["38", "9999", "512 k", "7.4 M", "1.2 G"]
        );
        let times = [12, 1240, 185_000, 7_380_000].map(|ms| time(Duration::from_millis(ms)));
        assert_eq!(times, ["12 ms", "1.24 s", "3 min 05 s", "2 h 03 min"]);
        assert_eq!(rate(1000, Duration::from_millis(3)), None);
        assert_eq!(rate(1000, Duration::from_secs(2)).as_deref(), Some("500 rows/s"));
    }
}
