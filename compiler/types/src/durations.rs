//! Durations in words, as texts of other systems hold them: `"10 seconds"`, `"1 hour"`, `"5m"`.

/// The literal of flow for it.
pub(crate) fn in_words(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "min",
        "h" | "hr" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => return None,
    };
    (!number.is_empty()).then(|| format!("{number}{unit}"))
}

/// `Time.seconds(10)`, `Duration.ofMinutes(5)`.
pub(crate) fn of_a_class(text: &str) -> Option<String> {
    let (class, rest) = text.split_once('.')?;
    let (method, number) = rest.strip_suffix(')')?.split_once('(')?;
    let method = method.to_ascii_lowercase();
    let unit = method.strip_prefix("of").unwrap_or(&method);
    let known =
        matches!(class.trim(), "Time" | "Duration" | "Minutes" | "Seconds" | "timedelta" | "ChronoUnit");
    known.then(|| in_words(&format!("{} {unit}", number.trim())))?
}

#[cfg(test)]
mod tests {
    use super::{in_words, of_a_class};

    #[test]
    fn durations_in_words_are_literals() {
        for (words, literal) in [("10 seconds", "10s"), ("1 HOUR", "1h"), ("5m", "5min"), ("250 ms", "250ms")]
        {
            assert_eq!(in_words(words).as_deref(), Some(literal));
        }
        assert_eq!(of_a_class("Time.seconds(10)").as_deref(), Some("10s"));
        assert_eq!(of_a_class("Duration.ofMinutes(5)").as_deref(), Some("5min"));
        assert_eq!(of_a_class("Math.floor(5)"), None);
        assert_eq!(in_words("soon"), None);
        assert_eq!(in_words("hours"), None);
    }
}
