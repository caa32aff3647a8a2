//! Values of SQL: `extract(hour from at)`, `INTERVAL '5' MINUTE`, `count(distinct x)`, `* except (a, b)`.

use super::Found;
use crate::diagnose::piece::Piece;
use crate::diagnostic::Applicability;

impl Piece<'_, '_> {
    /// `extract(hour from at)`.
    pub(super) fn part_of_a_time(&self, at: usize) -> Option<Found> {
        if self.class(at + 1) != b'(' || self.word(at + 3) != "from" || !self.is_name(at + 2) {
            return None;
        }
        let close = self.partner(at + 1).filter(|close| *close > at + 4)?;
        let value = self.mended(at + 4, close);
        let part = self.word(at + 2);
        let fixed = match part.as_str() {
            "year" | "month" | "day" | "hour" | "minute" | "second" => format!("{part}({value})"),
            "dow" | "isodow" | "dayofweek" => format!("dayOfWeek({value})"),
            "doy" | "dayofyear" => format!("dayOfYear({value})"),
            "epoch" => format!("epochMillis({value}) / 1000"),
            _ => String::new(),
        };
        let found = Found::new(at, close + 1, "each part of a time has a function of its own").help(
            "`year month day hour minute second dayOfWeek dayOfYear` take a time: `hour(at, zone: \"Europe/Berlin\")`",
        );
        Some(if fixed.is_empty() { found } else { found.write(fixed) })
    }

    /// `INTERVAL 10 SECOND`, `interval '1' hour`, `INTERVAL '90 minutes'`.
    pub(super) fn interval(&self, at: usize) -> Option<Found> {
        let (literal, end) = self.duration_at(at)?;
        let found = Found::new(at, end, "a duration is a number with a unit")
            .help("as in `500ms`, `10s`, `5min`, `1h30min`, `7d`");
        Some(if literal.is_empty() { found } else { found.write(literal) })
    }

    /// SQL's interval that begins at a token as a literal of flow, empty if there is none for it, and where it ends.
    pub(super) fn duration_at(&self, at: usize) -> Option<(String, usize)> {
        let inner = match (self.class(at + 1), self.in_quotes(at + 1)) {
            (b'0', _) if self.is_name(at + 2) => self.text(at + 1, at + 2).to_string(),
            (b'"', Some(inner)) => inner.trim().to_ascii_lowercase(),
            _ => return None,
        };
        let (number, within) = inner.split_once(' ').unwrap_or((&inner, ""));
        let behind = within.is_empty() && self.is_name(at + 2);
        let unit = if behind { self.word(at + 2) } else { within.trim().to_string() };
        let end = at + 2 + usize::from(behind);
        let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let literal = unit_of(&unit).filter(|_| digits).map(|unit| format!("{number}{unit}"));
        Some((literal.unwrap_or_default(), end))
    }

    /// `count(distinct x)`.
    pub(super) fn of_distinct(&self, at: usize) -> Option<Found> {
        let call = at.checked_sub(2).filter(|_| self.class(at - 1) == b'(')?;
        let close = self.partner(at - 1)?;
        let alone = self.class(at + 1) == b'(' && self.partner(at + 1).is_some_and(|end| end + 1 == close);
        let starts = self.is_name(at + 1) || alone || matches!(self.class(at + 1), b'0'..=b'3' | b'"');
        if !starts || close < at + 2 || alone && self.text(at, at + 1) == "distinct" {
            return None;
        }
        let (from, end) = if alone { (at + 2, close - 1) } else { (at + 1, close) };
        let value = if from < end { self.mended(from, end) } else { return None };
        let several = self.parts(from, end).len() > 1;
        let value = if several { format!("{{ {value} }}") } else { value };
        let found = Found::new(call, close + 1, "different values are counted with `countDistinct(x)`");
        let fixed = match self.word(call).as_str() {
            "count" => format!("countDistinct({value})"),
            "approx_count_distinct" | "approxcountdistinct" => format!("approxCountDistinct({value})"),
            "min" | "max" => format!("{}({value})", self.word(call)),
            "collect" | "array_agg" | "collect_list" | "collect_set" => format!("distinct(collect({value}))"),
            _ => {
                return Some(
                    Found::new(at, at + 1, "an aggregate takes the values of all rows").at("not a word of flow here").help(
                        "rows that say the same go before, in a stage: `distinct(a, b)`; different values are counted with `countDistinct(x)`",
                    ),
                );
            }
        };
        Some(found.at("written otherwise in flow").write(fixed))
    }

    /// `select(auction, price * 2 as total)`: a name behind each value.
    pub(super) fn select_as(&self) -> Option<Found> {
        let close = self.toks.len().checked_sub(1)?;
        let stage = self.is_one_of(0, &["select", "project", "map"]) && self.class(1) == b'(';
        if !stage || self.partner(1) != Some(close) {
            return None;
        }
        let parts = self.parts(2, close);
        let named = |(from, end): &(usize, usize)| {
            end - from > 2 && self.class(end - 2) == b'A' && self.is_name(end - 1)
        };
        let alone = |(from, end): &(usize, usize)| end - from == 1 && self.is_name(*from);
        if !parts.iter().any(named) || !parts.iter().all(|part| named(part) || alone(part)) {
            return None;
        }
        let items = parts.iter().map(|(from, end)| match named(&(*from, *end)) {
            true => format!("{}: {}", self.text(end - 1, *end), self.mended(*from, end - 2)),
            false => self.text(*from, *end).to_string(),
        });
        let fixed = format!("map {{ {} }}", items.collect::<Vec<_>>().join(", "));
        let message = format!("`{}` is written `map {{ a, b: expr }}` in flow", self.text(0, 1));
        Some(Found::new(0, close + 1, message).help("a name stands before its value").write(fixed))
    }

    /// `typeof note !== "undefined"`.
    pub(super) fn type_test(&self, at: usize) -> Option<Found> {
        let operator = (at + 2..self.toks.len()).find(|i| matches!(self.class(*i), b'+' | b'=' | b'!'))?;
        let negated = self.text(operator, operator + 1).starts_with('!');
        let undefined = (operator + 1..operator + 3).find(|i| self.in_quotes(*i) == Some("undefined"))?;
        if self.operand(operator) != Some(at + 1) {
            return None;
        }
        let fixed = format!("{} {} null", self.mended(at + 1, operator), if negated { "!=" } else { "==" });
        let message = "whether a value is there is tested with `x != null`";
        Some(Found::new(at, undefined + 1, message).write(fixed))
    }

    /// `map { * except (a, b) }`, `select(* exclude (a))`.
    pub(super) fn all_but(&self, at: usize) -> Option<Found> {
        let all = matches!(self.text(at, at + 1), "*" | "..");
        if !all || !self.is_one_of(at + 1, &["except", "exclude", "except_", "without", "but"]) {
            return None;
        }
        let close = self.toks.len().checked_sub(1)?;
        let stage = self.is_one_of(0, &["map", "select", "project"]) && self.toks.get(1)?.is_open();
        if !stage || at != 2 || self.partner(1) != Some(close) {
            return None;
        }
        let (names, end) = match self.class(at + 2) {
            b'(' | b'[' | b'{' => ((at + 3, self.partner(at + 2)?), self.partner(at + 2)? + 1),
            _ => ((at + 2, close), close),
        };
        let dropped: Vec<&str> =
            self.parts(names.0, names.1).iter().map(|(a, b)| self.text(*a, *b)).collect();
        let rest = self.parts(end, close);
        let named = |name: &str| rest.iter().any(|(from, _)| self.text(*from, from + 1) == name);
        let left: Vec<&str> = dropped.iter().copied().filter(|name| !named(name)).collect();
        let drop = format!("drop({})", left.join(", "));
        let fixed = match (rest.is_empty(), left.is_empty()) {
            (true, _) => drop,
            (false, true) => format!("map {{ .., {} }}", self.mended(rest[0].0, close)),
            (false, false) => format!("map {{ .., {} }} |> {drop}", self.mended(rest[0].0, close)),
        };
        let found = Found::new(0, close + 1, "fields are left out by the stage `drop`")
            .help("`..` keeps all other fields: `map { .., total: a + b }`");
        let names = dropped.iter().all(|name| super::is_plain(name)) && !dropped.is_empty();
        Some(if names { found.perhaps(fixed, Applicability::MachineApplicable) } else { found })
    }
}

/// The unit of a duration that a word means.
pub(crate) fn unit_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "us" | "microsecond" | "microseconds" => "us",
        "ms" | "millisecond" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "min",
        "h" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => return None,
    })
}
