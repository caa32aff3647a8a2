//! Windows as SQL writes them: `window(HOP(at, 5s, 10s))`, `keyBy(auction, TUMBLE(at, INTERVAL '10' SECOND))`, and the
//! time within which KSQL joins.

use super::{Found, values};
use crate::diagnose::piece::Piece;

impl Piece<'_, '_> {
    /// `window(HOP(at, 5s, 10s))`.
    pub(super) fn window_of_sql(&self) -> Option<Found> {
        if !self.is_one_of(0, &["window"]) {
            return None;
        }
        if self.class(1) != b'(' {
            return self.window_of_ksql();
        }
        let close = self.partner(2 + 1)?;
        let (theirs, ours) = self.sql_window(2, close)?;
        let message = format!("`{theirs}` of SQL is `{ours}` in flow");
        Some(Found::new(2, close + 1, message).help(OF_THE_TIME).write(ours))
    }

    /// `window tumbling (size 10 seconds)`, `window hopping (size 1 minute, advance by 10 seconds)`.
    fn window_of_ksql(&self) -> Option<Found> {
        let end = self.toks.len();
        if !self.is_one_of(1, &["tumbling", "hopping", "session"])
            || self.class(2) != b'('
            || self.partner(2) != Some(end - 1)
        {
            return None;
        }
        let length = |(from, end): &(usize, usize)| {
            let words = (*from..*end).take_while(|i| self.is_one_of(*i, &["size", "advance", "by"])).count();
            self.length(from + words, *end)
        };
        let parts = self.parts(3, end - 1);
        let lengths: Vec<String> = parts.iter().map(length).collect::<Option<_>>()?;
        let ours = match (self.word(1).as_str(), &lengths[..]) {
            ("tumbling", [size]) => format!("tumbling({size})"),
            ("hopping", [size, every]) => format!("sliding({size}, every: {every})"),
            ("session", [gap]) => format!("session(gap: {gap})"),
            _ => return None,
        };
        let fixed = format!("window({ours})");
        Some(Found::new(0, end, format!("a window is a call: `{fixed}`")).write(fixed))
    }

    /// `keyBy(auction, TUMBLE(at, 10s))`: what comes behind is a stage of its own.
    pub(super) fn key_of_sql(&self) -> Option<Found> {
        let close = self.toks.len().checked_sub(1)?;
        if !self.is_one_of(0, &["keyBy", "groupBy", "group_by"])
            || self.class(1) != b'('
            || self.partner(1) != Some(close)
        {
            return None;
        }
        let parts = self.parts(2, close);
        let window = parts.iter().find_map(|(from, end)| self.sql_window(*from, end.checked_sub(1)?));
        let (theirs, ours) = window?;
        let keys: Vec<String> = parts
            .iter()
            .filter(|(from, end)| self.sql_window(*from, end - 1).is_none())
            .map(|(from, end)| self.mended(*from, *end))
            .collect();
        let stage = format!("window({ours})");
        let fixed = if keys.is_empty() { stage } else { format!("keyBy({}) |> {stage}", keys.join(", ")) };
        let message = format!("`{theirs}` is a stage of its own in flow, behind the keys");
        Some(Found::new(0, close + 1, message).help(OF_THE_TIME).write(fixed))
    }

    /// SQL's word and flow's window, if the tokens `from..=close` are a window of SQL.
    fn sql_window(&self, from: usize, close: usize) -> Option<(&str, String)> {
        let spark = self.is_one_of(from, &["window"]) && from > 0;
        let sql = self.is_one_of(from, &["TUMBLE", "HOP", "SESSION", "CUMULATE"]) || spark;
        if !sql || self.class(from + 1) != b'(' || self.partner(from + 1) != Some(close) {
            return None;
        }
        let args = self.parts(from + 2, close);
        let lengths: Vec<String> =
            args.iter().skip(1).map(|(from, end)| self.length(*from, *end)).collect::<Option<_>>()?;
        // The first is the time, which the source says.
        let (first, end) = *args.first()?;
        if end != first + 1 || !self.is_name(first) && self.class(first) != b'"' {
            return None;
        }
        let ours = match (self.word(from).as_str(), &lengths[..]) {
            ("tumble" | "window", [size]) => format!("tumbling({size})"),
            ("hop", [every, size]) | ("window", [size, every]) => format!("sliding({size}, every: {every})"),
            ("session", [gap]) => format!("session(gap: {gap})"),
            ("cumulate", [every, max]) => format!("cumulative({max}, every: {every})"),
            _ => return None,
        };
        Some((self.text(from, from + 1), ours))
    }

    /// A length of time, as flow writes it.
    pub(crate) fn length(&self, from: usize, end: usize) -> Option<String> {
        if self.is_one_of(from, &["interval"]) {
            let (literal, behind) = self.duration_at(from)?;
            return (behind == end && !literal.is_empty()).then_some(literal);
        }
        if let Some(words) = self.in_quotes(from).filter(|_| end == from + 1) {
            let (number, unit) = words.trim().split_once(' ')?;
            let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            return digits
                .then(|| Some(format!("{number}{}", values::unit_of(&unit.trim().to_lowercase())?)))?;
        }
        if end == from + 1 && self.class(from) == b'0' {
            return Some(self.text(from, end).to_string())
                .filter(|text| text.ends_with(|c: char| c.is_alphabetic()));
        }
        if end == from + 2 && self.class(from) == b'0' {
            let unit = values::unit_of(&self.word(from + 1))?;
            return Some(format!("{}{unit}", self.text(from, from + 1)));
        }
        None
    }
}

/// Said of each.
const OF_THE_TIME: &str = "the source says which field is the time: `|> eventTime(at, delay: 5s)`";
