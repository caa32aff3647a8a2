//! Longer forms of other languages behind an operand: `sum(x) over (…)`, `new Date(at)`, `vec![…]`, and names of
//! results without `as`.

use super::piece::Piece;
use crate::codes::FOREIGN_WORD;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};

impl Piece<'_, '_> {
    /// `sum(price) over (partition by auction order by at)`.
    pub(super) fn over(&self, at: usize) -> Option<Diagnostic> {
        if self.word(at) != "over" || self.class(at + 1) != b'(' || self.class(at - 1) != b')' {
            return None;
        }
        let open = self.open_bracket(at - 1)?;
        let first = open.checked_sub(1)?;
        let close = self.partner(at + 1)?;
        let listed = |word: &str| {
            let from = (at + 2..close).find(|i| self.word(*i) == word && self.word(i + 1) == "by")? + 2;
            let ends = |i: &usize| matches!(self.word(*i).as_str(), "order" | "rows" | "range");
            let end = (from..close).find(ends).unwrap_or(close);
            (from < end).then(|| self.text(from, end))
        };
        let key = match listed("partition") {
            Some(fields) => format!("|> keyBy({fields}) "),
            None => String::new(),
        };
        let order = listed("order").unwrap_or("at");
        let descending = order.to_ascii_lowercase().ends_with("desc");
        let by = order.split_whitespace().next().unwrap_or("at");
        let call = self.text(first, at);
        let help = match self.word(first).as_str() {
            "row_number" | "rank" | "dense_rank" => {
                let pick = if descending { "top" } else { "bottom" };
                format!("the first rows of each group are a stage: `{key}|> {pick}(10, by: {by}) as rank`")
            }
            "lag" | "lead" | "first_value" | "last_value" => format!(
                "what a row before had is kept by a stage: `{key}|> scan(state: 0, next: price, emit: {{ .., before: state }})`"
            ),
            _ => format!(
                "a running result is a stage: `{key}|> {call}` gives one row for each, and with a window before it one for each window"
            ),
        };
        let diagnostic = Diagnostic::new(FOREIGN_WORD, self.span(first, close + 1), "there is no `over`");
        Some(diagnostic.at("a value of several rows is computed by a stage of its own").help(help))
    }

    /// `new Date(at)`, `typeof x`.
    pub(super) fn word_before(&self, at: usize) -> Option<Diagnostic> {
        let word = at.checked_sub(1).filter(|_| self.is_name(at))?;
        let (message, help) = match self.word(word).as_str() {
            "new" => (
                "nothing is made with `new`",
                "a time is `timestamp(s)` or `@2026-01-31`, a record `{ a: 1 }`, a list `[1, 2]`",
            ),
            "typeof" => (
                "the type of a value is known before anything runs",
                "whether a value is there is tested with `x != null`",
            ),
            _ => return None,
        };
        let diagnostic = Diagnostic::new(FOREIGN_WORD, self.span(word, word + 1), message);
        Some(diagnostic.at("not a word of flow").help(help))
    }

    /// `vec![a, b]`: no macro, but a list.
    pub(super) fn list_macro(&self, at: usize) -> Option<Diagnostic> {
        let name = at.checked_sub(1)?;
        let glued = self.toks[name].end == self.toks[at].start;
        if self.text(at, at + 1) != "!" || self.word(name) != "vec" || self.class(at + 1) != b'[' || !glued {
            return None;
        }
        let close = self.partner(at + 1)?;
        let list = self.text(at + 1, close + 1);
        let diagnostic = Diagnostic::new(FOREIGN_WORD, self.span(name, at + 1), "a list is written `[1, 2]`");
        let whole = self.span(name, close + 1);
        Some(diagnostic.at("not needed").fix(format!("write `{}`", super::shorten(list)), whole, list))
    }

    /// `{ count() n, sum(price) total }`: the names stand behind the values, and all of them are put first.
    pub(super) fn name_behind(&self, at: usize) -> Option<Diagnostic> {
        let open = self.open_bracket(at).filter(|open| self.class(*open) == b'{')?;
        let named = |name: usize| {
            name > open + 2
                && self.is_name(name)
                && self.class(name - 1) == b')'
                && matches!(self.class(name + 1), b',' | b'}')
        };
        if !named(at) {
            return None;
        }
        let mut edits = Vec::new();
        let mut from = open + 1;
        while from < self.toks.len() {
            let end = self.until(from, |_| false);
            if end > from && named(end - 1) {
                let name = self.text(end - 1, end);
                edits.push(Edit { span: self.span(from, end).before(), replacement: format!("{name}: ") });
                let gone = self.span(end - 1, end);
                let gap = crate::span::Span { start: self.toks[end - 2].end, ..gone };
                edits.push(Edit { span: gap, replacement: String::new() });
            }
            if self.class(end) != b',' {
                break;
            }
            from = end + 1;
        }
        let mut diagnostic =
            Diagnostic::new(FOREIGN_WORD, self.span(at, at + 1), "a field's name stands before its value")
                .at("one place too late")
                .help("write `name: value`");
        diagnostic.fixes.push(Fix {
            title: "put the name first".into(),
            edits,
            applicability: Applicability::MachineApplicable,
        });
        Some(diagnostic)
    }

    /// Index of the bracket that closes the one at `open`.
    pub(super) fn partner(&self, open: usize) -> Option<usize> {
        let mut depth = 0i32;
        (open..self.toks.len()).find(|i| {
            depth += i32::from(self.toks[*i].is_open()) - i32::from(self.toks[*i].is_close());
            depth == 0
        })
    }
}
