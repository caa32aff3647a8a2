//! Joins and `flatMap` as other languages shape them: `join(p, on: a == b)`, `left join p on …`, `flatMap(t of xs)`.
//!
//! These two stages have a grammar of their own, which fits all or nothing: what is nearly one is found here, before
//! the grammar takes it for arguments.

use super::piece::Piece;
use crate::build::Shared;
use crate::class::Tok;
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic};
use crate::span::Span;

/// A stage whose word and brackets are right, and whose inside is nearly.
pub(super) fn explain(shared: &Shared<'_>, piece: &[Tok]) -> Option<Diagnostic> {
    if piece.len() < 5 || piece[1].class != b'(' || piece[piece.len() - 1].class != b')' {
        return None;
    }
    let shape = Piece { shared, toks: piece };
    match piece[0].class {
        b'l' => shape.flat_map(),
        b'j' => shape.join(),
        _ => None,
    }
}

impl Piece<'_, '_> {
    /// The bracket that closes the stage's.
    fn close(&self) -> usize {
        self.toks.len() - 1
    }

    /// The first token from `from` on, outside of brackets, that fits; the closing bracket if none does.
    fn find(&self, from: usize, fits: impl Fn(&Tok) -> bool) -> usize {
        let mut depth = 0usize;
        for i in from..self.close() {
            let tok = &self.toks[i];
            depth = depth.saturating_sub(usize::from(tok.is_close()));
            if depth == 0 && fits(tok) {
                return i;
            }
            depth += usize::from(tok.is_open());
        }
        self.close()
    }

    fn flat_map(&self) -> Option<Diagnostic> {
        let close = self.close();
        let wrong = |at: usize| {
            Diagnostic::new(FOREIGN_WORD, self.span(at, at + 1), "`flatMap` is written `flatMap(x in xs)`")
                .at("expected `in`")
                .help("each element becomes a row with a new field of this name")
        };
        let title =
            |name: &str, list: &str| format!("write `{}`", super::shorten(&format!("{name} in {list}")));
        if self.word(2) == "for" && self.is_name(3) && self.class(4) == b'N' {
            let list = self.text(3, close);
            return Some(wrong(2).at("not needed").fix(
                title(self.text(3, 4), list),
                self.span(2, 4),
                self.text(3, 4),
            ));
        }
        let alias = self.find(2, |tok| tok.class == b'A');
        if alias > 2 && alias + 2 == close && self.is_name(alias + 1) {
            let (list, name) = (self.text(2, alias), self.text(alias + 1, close));
            let fixed = format!("{name} in {list}");
            return Some(wrong(alias).at("the name stands first").fix(
                title(name, list),
                self.span(2, close),
                fixed,
            ));
        }
        let between = self.class(3);
        let named =
            matches!(self.word(3).as_str(), "of" | "from" | "over") || matches!(between, b':' | b'=' | b',');
        let more = self.find(4, |tok| tok.class == b',') < close;
        if !self.is_name(2) || !named || more || close <= 4 {
            return None;
        }
        let (name, list) = (self.text(2, 3), self.text(4, close));
        let sure =
            if between == b',' { Applicability::MaybeIncorrect } else { Applicability::MachineApplicable };
        Some(wrong(3).with_fix(title(name, list), self.gap(3, 4), " in ", sure))
    }

    /// Behind the other stream's name and alias: what stands in the place of `on condition`.
    fn join(&self) -> Option<Diagnostic> {
        if !self.is_name(2) {
            return None;
        }
        let mut at = if self.class(3) == b'.' && self.is_name(4) { 5 } else { 3 };
        at += usize::from(self.class(at) == b'f');
        if let Some(diagnostic) = self.for_system_time() {
            return Some(diagnostic);
        }
        let mut other = self.text(2, 3);
        if self.class(at) == b'A' && self.is_name(at + 1) {
            other = self.text(at + 1, at + 2);
            at += 2;
        } else if self.class(at) == b'i' && matches!(self.class(at + 1), b'n' | b',') && !self.is_clause(at) {
            let place = self.toks[at - 1].span(self.shared.file).after();
            let message = "the other side's second name stands behind `as`";
            return Some(
                Diagnostic::new(UNEXPECTED_TOKEN, self.span(at, at + 1), message).at("expected `as`").fix(
                    "insert `as`",
                    place,
                    " as",
                ),
            );
        }
        self.wrong_on(at).or_else(|| self.clause(at, other)).or_else(|| self.without_on(at))
    }

    /// `1 hour`, `(1 hour, 2 hours)`: how long before and after.
    fn time_within(&self, from: usize, end: usize) -> Option<String> {
        if self.class(from) != b'(' || self.partner(from)? + 1 != end {
            return self.length(from, end);
        }
        match self.parts(from + 1, end - 1)[..] {
            [(from, end)] => self.length(from, end),
            [before, after] => {
                Some(format!("-{}..{}", self.length(before.0, before.1)?, self.length(after.0, after.1)?))
            }
            _ => None,
        }
    }

    /// The join that `, "left"` or `, how: "left"` at the end of one means.
    fn kind_of_join(&self, comma: usize) -> Option<&'static str> {
        let named = self.class(comma + 2) == b':' || self.class(comma + 2) == b'=';
        let kind = comma + 1 + 2 * usize::from(named);
        if self.class(comma) != b',' || kind + 1 != self.close() {
            return None;
        }
        match self.in_quotes(kind)?.to_ascii_lowercase().replace('_', "").as_str() {
            "inner" => Some("join"),
            "left" | "leftouter" | "outer" => Some("leftJoin"),
            "semi" | "leftsemi" => Some("semiJoin"),
            "anti" | "leftanti" => Some("antiJoin"),
            _ => None,
        }
    }

    /// `join(users as u for system_time as of b.at on …)`.
    fn for_system_time(&self) -> Option<Diagnostic> {
        let from = (3..7).find(|i| self.word(*i) == "for" && self.word(i + 1) == "system_time")?;
        let on = self.find(from, |tok| tok.class == b'n');
        if on >= self.close() {
            return None;
        }
        let alias = if self.class(from - 2) == b'A' {
            format!(" as {}", self.text(from - 1, from))
        } else {
            String::new()
        };
        let fixed = format!("{} asOf{alias} ", self.text(2, 3));
        let whole = Span { end: self.toks[on].start, ..self.span(2, on) };
        let message = "the version of a row that is valid at an event's time is joined with `asOf`";
        Some(Diagnostic::new(FOREIGN_WORD, self.span(from, on), message).fix(
            format!("write `{}`", fixed.trim()),
            whole,
            fixed,
        ))
    }

    fn is_clause(&self, at: usize) -> bool {
        matches!(self.word(at).as_str(), "using" | "where" | "when" | "with" | "by")
    }

    /// `on: a == b`, `, on: a == b`, `, on a == b`.
    fn wrong_on(&self, at: usize) -> Option<Diagnostic> {
        let comma = usize::from(self.class(at) == b',');
        let on = at + comma;
        let colon = usize::from(matches!(self.class(on + 1), b':' | b'='));
        if self.class(on) != b'n' || comma + colon == 0 || on + colon + 1 >= self.close() {
            return None;
        }
        let message = "the condition of a join follows the word `on`";
        let shown = if comma == 1 { "no `,` before it" } else { "no `:` behind it" };
        let shown = if comma + colon == 2 { "no `,` before it and no `:` behind it" } else { shown };
        Some(Diagnostic::new(FOREIGN_WORD, self.span(on, on + 1 + colon), message).at(shown).fix(
            "write `on`",
            self.gap(at, on + colon + 1),
            " on ",
        ))
    }

    /// `where a == b`, `using (a)`.
    fn clause(&self, at: usize, other: &str) -> Option<Diagnostic> {
        if !self.is_clause(at) || self.class(at + 1) == b':' {
            return None;
        }
        let word = self.word(at);
        let message = format!("the condition of a join follows `on`, not `{word}`");
        let diagnostic = Diagnostic::new(FOREIGN_WORD, self.span(at, at + 1), message).at("expected `on`");
        let end = self.find(at + 1, |tok| tok.class == b',');
        if self.find(at + 1, |tok| self.compares(tok)) < end {
            return Some(diagnostic.fix("write `on`", self.span(at, at + 1), "on"));
        }
        let bracket = usize::from(self.class(at + 1) == b'(' && self.class(at + 3) == b')');
        let field = at + 1 + bracket;
        if !self.is_name(field) || field + 1 + bracket != end {
            return Some(diagnostic.help("write what is equal on both sides: `on left.id == other.id`"));
        }
        let field = self.text(field, field + 1);
        let fixed = format!("on left.{field} == {other}.{field}");
        Some(diagnostic.fix(format!("write `{fixed}`"), self.span(at, end), fixed))
    }

    fn compares(&self, tok: &Tok) -> bool {
        let text = tok.text(self.shared.text);
        matches!(tok.class, b'=' | b'<' | b'>') || tok.class == b'+' && matches!(text, "==" | "===" | "!=")
    }

    /// `join(p as r l.a == r.id)`, `join(p, a == p.id, within: 1h)`, `join(r, p on …)`.
    fn without_on(&self, at: usize) -> Option<Diagnostic> {
        let comma = usize::from(self.class(at) == b',');
        let from = at + comma;
        let starts = self.is_name(from) && self.class(from) != b'n' || self.class(from) == b'(';
        if !starts || self.class(from + 1) == b':' {
            return None;
        }
        let on = self.find(from, |tok| tok.class == b'n');
        if on < self.close() {
            let plain = comma == 1 && self.toks[from..on].iter().all(|t| t.is_name() || t.class == b'A');
            let message = "a join names one other stream; the left side is the pipeline itself";
            return plain.then(|| {
                Diagnostic::new(UNEXPECTED_TOKEN, self.span(2, at + 1), message).at("one too many").with_fix(
                    "remove the first",
                    Span { start: self.toks[2].start, ..self.gap(3, from) },
                    "",
                    Applicability::MaybeIncorrect,
                )
            });
        }
        let end = self.find(from, |tok| tok.class == b',');
        if self.find(from, |tok| self.compares(tok)) >= end {
            return None;
        }
        let place = self.gap(at, from);
        if let Some(ours) = self.kind_of_join(end) {
            let fixed = format!("{ours}({} on {})", self.text(2, at), self.text(from, end));
            let message = "the kind of a join is its word, and its condition follows `on`";
            return Some(Diagnostic::new(FOREIGN_WORD, self.span(from, self.close()), message).fix(
                format!("write `{}`", super::shorten(&fixed)),
                self.span(0, self.close() + 1),
                fixed,
            ));
        }
        Some(
            Diagnostic::new(UNEXPECTED_TOKEN, self.span(from, end), "a join needs `on` before its condition")
                .at("expected `on` before this")
                .fix("write `on`", place, " on "),
        )
    }
}

/// KSQL's `join p within 1 hour on …`, in brackets or without.
pub(super) fn join_within(shared: &Shared<'_>, piece: &[Tok]) -> Option<Diagnostic> {
    let shape = Piece { shared, toks: piece };
    let join = piece.iter().position(|t| t.class == b'j')?;
    let within = piece.iter().position(|t| t.text(shared.text).eq_ignore_ascii_case("within"))?;
    let on = (within..piece.len()).find(|i| piece[*i].class == b'n')?;
    let bracket = shape.class(join + 1) == b'(' && shape.partner(join + 1) == Some(piece.len() - 1);
    let other = join + 1 + usize::from(bracket);
    let end = piece.len() - usize::from(bracket);
    let side = shape.open_bracket(within) == bracket.then_some(join + 1);
    if !side || other >= within || on + 1 >= end || shape.class(within + 1) == b':' {
        return None;
    }
    let words: Vec<String> = (0..join).map(|i| shape.word(i)).collect();
    let ours = match words.first().map(String::as_str) {
        None if shape.word(join) == "leftjoin" => "leftJoin",
        None | Some("inner") => "join",
        Some("left") => "leftJoin",
        _ => return None,
    };
    let whole = shape.span(0, piece.len());
    let diagnostic = Diagnostic::new(
        FOREIGN_WORD,
        shape.span(within, on),
        "the time between the rows of a join is `within:`",
    )
    .at("an argument of its own, behind the condition");
    let Some(length) = shape.time_within(within + 1, on) else { return Some(diagnostic) };
    let named = shape.text(other, within);
    let fixed = format!("{ours}({named} on {}, within: {length})", shape.mended(on + 1, end));
    Some(diagnostic.fix(format!("write `{}`", super::shorten(&fixed)), whole, fixed))
}

/// `left join p on …` without brackets: SQL's two words for what is one here.
pub(super) fn sql_join(shared: &Shared<'_>, piece: &[Tok]) -> Option<Diagnostic> {
    let join =
        piece.iter().position(|t| t.class == b'j' && t.text(shared.text).eq_ignore_ascii_case("join"))?;
    let words: Vec<String> = piece[..join].iter().map(|t| t.text(shared.text).to_ascii_lowercase()).collect();
    let ours = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["inner"] => "join",
        ["left"] | ["left", "outer"] => "leftJoin",
        ["left", "semi"] | ["semi"] => "semiJoin",
        ["left", "anti"] | ["anti"] => "antiJoin",
        ["right" | "full" | "outer" | "cross", ..] => "",
        _ => return None,
    };
    let file = shared.file;
    let named = piece[0].span(file).to(piece[join].span(file));
    let theirs = format!("{} join", words.join(" "));
    if ours.is_empty() {
        return Some(
            Diagnostic::new(FOREIGN_WORD, named, format!("there is no `{theirs}`"))
                .help("joins are `join`, `leftJoin`, `semiJoin` and `antiJoin`: begin with the side whose rows are all kept"),
        );
    }
    let diagnostic = Diagnostic::new(FOREIGN_WORD, named, format!("`{theirs}` is written `{ours}(…)`"));
    let next = piece.get(join + 1)?;
    if next.is_open() {
        return Some(diagnostic.fix(format!("write `{ours}`"), named, ours));
    }
    let whole = named.to(piece[piece.len() - 1].span(file));
    let rest = &shared.text[next.start as usize..whole.end as usize];
    let fixed = format!("{ours}({rest})");
    Some(diagnostic.fix(format!("write `{}`", super::shorten(&fixed)), whole, fixed))
}
