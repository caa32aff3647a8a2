//! Fields by their names in quotes, and results by their names before a `=`: `col("price")`, `assign(x=lambda r: r["price"])`.

use super::Found;
use crate::diagnose::lambda;
use crate::diagnose::piece::Piece;
use crate::diagnostic::Applicability;

/// Stages of flow whose arguments are expressions.
const STAGES: &[&str] = &[
    "filter",
    "map",
    "aggregate",
    "keyBy",
    "top",
    "bottom",
    "latest",
    "earliest",
    "distinct",
    "scan",
    "flatMap",
];

impl Piece<'_, '_> {
    /// `col("price")`, `F.col("price")`, in a stage of flow: those of others are written anew as a whole.
    pub(super) fn column_by_name(&self, at: usize) -> Option<Found> {
        let name = self.in_quotes(at + 2).filter(|name| super::is_plain(name))?;
        let own = self.shared.text.contains(&format!("fn {}(", self.text(at, at + 1)));
        if own
            || !STAGES.contains(&self.text(0, 1))
            || self.class(at + 1) != b'('
            || self.class(at + 3) != b')'
        {
            return None;
        }
        // What is done with it is another form, which is told as a whole.
        let method = self.class(at + 4) == b'.' || (0..at).any(|i| self.is_one_of(i, &["when", "case"]));
        if method {
            return None;
        }
        let module = at > 1 && self.class(at - 1) == b'.' && self.is_one_of(at - 2, &["F", "functions"]);
        let from = if module { at - 2 } else { at };
        let message = "a field is named alone, without a call and quotes";
        Some(Found::new(from, at + 4, message).at("this names a field").write(name))
    }

    /// `assign(x=lambda r: r.price * 2)`.
    pub(super) fn assigned(&self) -> Option<Found> {
        let close = self.toks.len().checked_sub(1)?;
        let assigns = self.is_one_of(0, &["assign", "mutate", "with_columns"]);
        if !assigns || self.class(1) != b'(' || self.partner(1) != Some(close) {
            return None;
        }
        let parts = self.parts(2, close);
        if parts.is_empty()
            || !parts.iter().all(|(from, _)| self.is_name(*from) && self.class(from + 1) == b'=')
        {
            return None;
        }
        let word = self.text(0, 1);
        let message = format!("`{word}` is written `map {{ .., name: value }}` in flow");
        let found = Found::new(0, close + 1, message);
        let items: Option<Vec<String>> =
            parts.iter().map(|(from, end)| self.assigned_field(*from, *end)).collect();
        Some(match items {
            Some(items) => found
                .help("`..` keeps the other fields, and inside of a stage the fields of the row are in scope by name")
                .perhaps(format!("map {{ .., {} }}", items.join(", ")), Applicability::MaybeIncorrect),
            None => found.help(lambda::no_whole_row(word)),
        })
    }

    /// `x=lambda r: r.price * 2` as the field of a record.
    fn assigned_field(&self, from: usize, end: usize) -> Option<String> {
        let (name, value) = (self.text(from, from + 1), from + 2);
        let lambda = self.word(value) == "lambda" && self.is_name(value + 1) && self.class(value + 2) == b':';
        let value = match lambda {
            true => lambda::of_the_row(self, value + 3..end, self.text(value + 1, value + 2))?,
            false => self.mended(value, end),
        };
        Some(format!("{name}: {value}"))
    }
}
