//! What other languages write behind an operand, where flow's grammar goes on with nothing or with a comma:
//! `a between 1 and 10`, `sum(a where a > 1)`, `sum(a) filter (where a > 1)`, `tumbling 10s`, `(float) a`.
//!
//! Each is recognised by its tokens and answered once, with the whole of it as the fix.

use super::piece::Piece;
use crate::build::Shared;
use crate::class::Tok;
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::span::Span;

/// Recognises what stands at `at`, right behind an operand.
pub(crate) fn behind_operand(shared: &Shared<'_>, toks: &[Tok], at: usize) -> Option<Diagnostic> {
    if at == 0 || at >= toks.len() {
        return None;
    }
    let piece = Piece { shared, toks };
    piece
        .between(at)
        .or_else(|| piece.is_word(at))
        .or_else(|| piece.like(at))
        .or_else(|| piece.where_clause(at))
        .or_else(|| piece.filter_clause(at))
        .or_else(|| piece.condition_behind(at))
        .or_else(|| piece.window_kind(at))
        .or_else(|| piece.unit_behind(at))
        .or_else(|| piece.named_twice(at))
        .or_else(|| piece.cast(at))
        .or_else(|| piece.over(at))
        .or_else(|| piece.word_before(at))
        .or_else(|| piece.list_macro(at))
        .or_else(|| piece.name_behind(at))
}

impl Piece<'_, '_> {
    /// The first token from `from` on that is outside of brackets opened there and that `ends` what is read, or that
    /// ends every expression; the number of tokens if there is none.
    pub(super) fn until(&self, from: usize, ends: impl Fn(&Tok) -> bool) -> usize {
        let mut depth = 0usize;
        for (i, tok) in self.toks.iter().enumerate().skip(from) {
            if depth == 0 && (tok.is_close() || ends(tok) || matches!(tok.class, b',' | b'T' | b'E' | b'?')) {
                return i;
            }
            depth = depth + usize::from(tok.is_open()) - usize::from(tok.is_close());
        }
        self.toks.len()
    }

    /// Where the operand that ends before `end` begins: a name, a literal, a call, a path.
    pub(super) fn operand(&self, end: usize) -> Option<usize> {
        super::habits::operand_start(self.toks, end)
    }

    /// The bracket that is open at `at`.
    pub(super) fn open_bracket(&self, at: usize) -> Option<usize> {
        super::habits::open_bracket(self.toks, at)
    }

    fn is_logical(&self, tok: &Tok) -> bool {
        tok.class == b'+' && matches!(tok.text(self.shared.text), "and" | "or" | "AND" | "OR" | "&&" | "||")
    }

    /// `a between 1 and 10`, `a not between 1 and 10`.
    fn between(&self, at: usize) -> Option<Diagnostic> {
        let negated = self.class(at) == b'!' && self.word(at + 1) == "between";
        let word = at + usize::from(negated);
        if self.word(word) != "between" {
            return None;
        }
        let theirs = self.text(at, word + 1);
        let diagnostic = Diagnostic::new(
            FOREIGN_WORD,
            self.span(at, word + 1),
            format!("`{theirs}` is not an operator of flow"),
        )
        .help("a range is tested with `x in 1..10` (half-open), or with `x >= a and x <= b`");
        let and = self.until(word + 1, |tok| self.is_logical(tok));
        let joined = matches!(self.word(and).as_str(), "and" | "&&") || self.class(and) == b',';
        let first = self.operand(at)?;
        let end = self.until(and + 1, |tok| self.is_logical(tok));
        if !joined || and == word + 1 || end <= and + 1 {
            return Some(diagnostic);
        }
        let (x, low, high) = (self.text(first, at), self.text(word + 1, and), self.text(and + 1, end));
        // A range that is left binds as tight as the one test it stands for.
        let inner = self.class(end) == b'+' || first > 0 && self.is_logical(&self.toks[first - 1]);
        let fixed = match negated {
            false => format!("{x} >= {low} and {x} <= {high}"),
            true if inner => format!("({x} < {low} or {x} > {high})"),
            true => format!("{x} < {low} or {x} > {high}"),
        };
        Some(diagnostic.fix(format!("write `{}`", super::shorten(&fixed)), self.span(first, end), fixed))
    }

    /// `note is not None`, `ok is True`.
    fn is_word(&self, at: usize) -> Option<Diagnostic> {
        if self.class(at) != b's' {
            return None;
        }
        let negated = self.class(at + 1) == b'!';
        let value = at + 1 + usize::from(negated);
        let ours = match self.word(value).as_str() {
            "none" | "nil" | "undefined" => "null",
            "true" => "true",
            "false" => "false",
            _ => return None,
        };
        let theirs = self.text(at, value + 1);
        let fixed = format!("{} {ours}", if negated { "!=" } else { "==" });
        Some(
            Diagnostic::new(
                FOREIGN_WORD,
                self.span(at, value + 1),
                format!("`{theirs}` is written `{fixed}` in flow"),
            )
            .fix(format!("write `{fixed}`"), self.span(at, value + 1), fixed),
        )
    }

    /// `channel like "%web%"`.
    fn like(&self, at: usize) -> Option<Diagnostic> {
        let negated = self.class(at) == b'!';
        let word = at + usize::from(negated);
        if !matches!(self.word(word).as_str(), "like" | "ilike") || self.class(word + 1) != b'"' {
            return None;
        }
        let pattern = self.text(word + 1, word + 2).strip_prefix('"')?.strip_suffix('"')?;
        let inner = pattern.trim_matches('%');
        let first = self.operand(at)?;
        if inner.is_empty() || inner.contains(['%', '_', '{', '\\']) || self.word(word) == "ilike" {
            return None;
        }
        let function = match (pattern.starts_with('%'), pattern.ends_with('%')) {
            (true, true) => "contains",
            (false, true) => "startsWith",
            (true, false) => "endsWith",
            (false, false) => return None,
        };
        let not = if negated { "not " } else { "" };
        let fixed = format!("{not}{function}({}, \"{inner}\")", self.text(first, at));
        let theirs = self.text(word, word + 1);
        Some(
            Diagnostic::new(
                FOREIGN_WORD,
                self.span(at, word + 1),
                format!("`{theirs}` is not an operator of flow"),
            )
            .help("text is tested with `startsWith(s, \"…\")`, `contains(s, \"…\")` or `matches(s, r\"…\")`")
            .fix(
                format!("write `{}`", super::shorten(&fixed)),
                self.span(first, word + 2),
                fixed,
            ),
        )
    }

    /// `sum(a where a > 1)`.
    fn where_clause(&self, at: usize) -> Option<Diagnostic> {
        if self.word(at) != "where" || self.class(at + 1) == b':' {
            return None;
        }
        let open = self.open_bracket(at).filter(|open| self.class(*open) == b'(')?;
        let callee = self.word(open.checked_sub(1)?);
        if callee.is_empty() || matches!(self.class(open - 1), b'j' | b'l') {
            return None;
        }
        self.condition_of_aggregate(at)
    }

    /// `sum(a) filter (where a > 1)`, `count(*) filter (where a > 1)`.
    fn filter_clause(&self, at: usize) -> Option<Diagnostic> {
        if self.word(at) != "filter" || self.class(at + 1) != b'(' || self.word(at + 2) != "where" {
            return None;
        }
        let close = self.until(at + 3, |_| false);
        if self.class(at.checked_sub(1)?) != b')' || self.class(close) != b')' || close == at + 3 {
            return None;
        }
        let open = self.open_bracket(at - 1)?;
        let empty = open + 2 == at || open + 3 == at && self.text(open + 1, at - 1) == "*";
        let condition = self.text(at + 3, close);
        let fixed = if empty { format!("(where: {condition})") } else { format!(", where: {condition})") };
        let from = if empty { open } else { at - 1 };
        let theirs = self.text(at, at + 1);
        Some(
            Diagnostic::new(
                FOREIGN_WORD,
                self.span(at, close + 1),
                format!("`{theirs} (where …)` is the argument `where:` in flow"),
            )
            .help("every aggregate takes a condition: `sum(x, where: x > 1)`")
            .fix("write `where:`", self.span(from, close + 1), fixed),
        )
    }

    /// `a if c else b`, `sum(a if a > 1)`.
    fn condition_behind(&self, at: usize) -> Option<Diagnostic> {
        if self.class(at) != b'I' {
            return None;
        }
        let end = self.until(at + 1, |_| false);
        let word = self.toks[at].span(self.shared.file);
        if self.class(end) == b'E' {
            let first = self.first_of_value(at)?;
            let last = self.until(end + 1, |_| false);
            if end == at + 1 || last == end + 1 {
                return None;
            }
            let (then, cond, otherwise) =
                (self.text(first, at), self.text(at + 1, end), self.text(end + 1, last));
            let fixed = format!("if {cond} then {then} else {otherwise}");
            return Some(
                Diagnostic::new(FOREIGN_WORD, word, "a choice is written `if c then a else b`")
                    .at("the condition comes first")
                    .fix(format!("write `{}`", super::shorten(&fixed)), self.span(first, last), fixed),
            );
        }
        let open = self.open_bracket(at).filter(|open| self.class(*open) == b'(' && *open > 0)?;
        if self.class(end) != b')' || !self.toks[open - 1].is_name() {
            return None;
        }
        self.condition_of_aggregate(at)
    }

    /// Answers the word at `at`, behind which the condition of an aggregate stands.
    fn condition_of_aggregate(&self, at: usize) -> Option<Diagnostic> {
        self.toks.get(at + 1)?;
        Some(
            Diagnostic::new(
                FOREIGN_WORD,
                self.span(at, at + 1),
                "an aggregate takes its condition as `where:`",
            )
            .at("an argument of its own")
            .fix("write `, where:`", self.gap(at, at + 1), ", where: "),
        )
    }

    /// Where the value that ends before `end` begins, operators included.
    fn first_of_value(&self, end: usize) -> Option<usize> {
        let mut depth = 0usize;
        for i in (0..end).rev() {
            let tok = self.toks[i];
            let ends =
                tok.is_open() || matches!(tok.class, b',' | b':' | b'=' | b'T' | b'E' | b'I' | b'^' | b'|');
            if depth == 0 && ends {
                return (i + 1 < end).then_some(i + 1);
            }
            depth = (depth + usize::from(tok.is_close())).saturating_sub(usize::from(tok.is_open()));
        }
        None
    }

    /// `window(tumbling 10s)`.
    fn window_kind(&self, at: usize) -> Option<Diagnostic> {
        let kind = self.word(at.checked_sub(1)?);
        let form = match kind.as_str() {
            "tumbling" => "tumbling(10s)",
            "sliding" => "sliding(10s, every: 2s)",
            "session" => "session(gap: 10s)",
            "cumulative" => "cumulative(1h, every: 10min)",
            "count" => "count(100)",
            _ => return None,
        };
        if self.word(0) != "window" || at < 3 || self.class(at - 2) != b'(' {
            return None;
        }
        let end = self.until(at, |_| false);
        let diagnostic = Diagnostic::new(
            UNEXPECTED_TOKEN,
            self.span(at, end),
            format!("the arguments of `{kind}` stand in brackets"),
        )
        .at("expected `(` before this");
        if end != at + 1 || self.class(at) != b'0' {
            return Some(diagnostic.help(format!("a window is a call: `window({form})`")));
        }
        let gap = Span { file: self.shared.file, start: self.toks[at - 1].end, end: self.toks[at].start };
        let mut diagnostic = diagnostic;
        diagnostic.fixes.push(Fix {
            title: format!("write `{kind}({})`", self.text(at, end)),
            edits: vec![
                Edit { span: gap, replacement: "(".into() },
                Edit { span: self.span(at, end).after(), replacement: ")".into() },
            ],
            applicability: Applicability::MachineApplicable,
        });
        Some(diagnostic)
    }

    /// `{ top: max(price) as t }`: a field has one name.
    fn named_twice(&self, at: usize) -> Option<Diagnostic> {
        if self.class(at) != b'A' || !self.is_name(at + 1) {
            return None;
        }
        let first = self.first_of_value(at).filter(|first| *first >= 3 && self.class(first - 1) == b':')?;
        if !self.is_name(first - 2) || !matches!(self.class(first - 3), b'{' | b',') {
            return None;
        }
        let gone = Span { end: self.toks[at + 1].end, ..self.gap(at, at) };
        let name = self.text(first - 2, first - 1);
        Some(
            Diagnostic::new(
                FOREIGN_WORD,
                self.span(at, at + 2),
                format!("this field is called `{name}` already"),
            )
            .at("a second name")
            .label(self.span(first - 2, first - 1), "the first one")
            .with_fix("remove it", gone, "", Applicability::MaybeIncorrect),
        )
    }

    /// `(float) a`.
    fn cast(&self, at: usize) -> Option<Diagnostic> {
        let open = at.checked_sub(3)?;
        if self.class(at - 1) != b')' || self.class(open) != b'(' {
            return None;
        }
        let called = open > 0 && self.toks[open - 1].is_name();
        let ty = super::habits::our_type(&self.word(at - 2)).filter(|_| !called)?;
        let end = self.operand_end(at)?;
        let fixed = format!("{ty}({})", self.text(at, end));
        Some(
            Diagnostic::new(FOREIGN_WORD, self.span(open, at), format!("a cast is a call: `{ty}(x)`"))
                .at("a type in brackets converts nothing")
                .fix(format!("write `{}`", super::shorten(&fixed)), self.span(open, end), fixed),
        )
    }

    /// Behind the operand that begins at a token: a name or literal, and the brackets and points behind it.
    pub(super) fn operand_end(&self, from: usize) -> Option<usize> {
        let starts = |class: u8| class.is_ascii_lowercase() || matches!(class, b'0'..=b'3' | b'"' | b'(');
        let mut at = from;
        if !starts(self.class(at)) {
            return None;
        }
        loop {
            let opened = self.toks[at].is_open();
            at = if opened { self.until(at + 1, |_| false) + 1 } else { at + 1 };
            // A comma within the brackets.
            while opened && at < self.toks.len() && self.class(at - 1) == b',' {
                at = self.until(at, |_| false) + 1;
            }
            match self.class(at) {
                b'.' if at + 1 < self.toks.len() => at += 1,
                b'(' | b'[' => {}
                _ => return (at <= self.toks.len()).then_some(at),
            }
        }
    }
}
