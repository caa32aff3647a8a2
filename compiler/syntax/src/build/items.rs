//! What stands between brackets: arguments, list elements, record fields, map entries, and the
//! commas between them.

use super::{Build, Pair};
use crate::ast::{Arg, ExprId, ExprKind, RecordItem};
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN, UNNAMED_FIELD};
use crate::diagnose;
use crate::diagnostic::{Applicability, Diagnostic, Edit};
use crate::grammar::Rule;
use crate::span::Span;

pub(super) const NAME_BY_EQUALS: &str = "a name and its value are joined by `:`";
pub(super) const NAME_IN_QUOTES: &str = "a field's name is written without quotes";

/// Watches that a comma stands between two elements.
pub(super) struct Commas {
    what: &'static str,
    last: Option<Span>,
}

impl Commas {
    /// Shows the next pair inside the brackets.
    pub(super) fn see(&mut self, build: &mut Build<'_, '_, '_>, pair: &Pair<'_>) {
        match pair.as_rule() {
            Rule::comma | Rule::lbrace => self.last = None,
            Rule::arg
            | Rule::list_item
            | Rule::item
            | Rule::map_entry
            | Rule::match_arm
            | Rule::type_field
            | Rule::fn_param => {
                if let Some(last) = self.last {
                    build.missing_comma(last, pair, self.what);
                }
                self.last = Some(build.span(pair));
            }
            _ => {}
        }
    }
}

/// Words that are options far more often than values.
const OPTIONS: &[&str] = &[
    "format",
    "mode",
    "every",
    "delay",
    "ttl",
    "within",
    "gap",
    "by",
    "where",
    "zone",
    "lateness",
    "time",
    "topic",
    "brokers",
    "url",
    "table",
    "header",
    "separator",
    "compression",
    "onError",
    "seed",
    "rate",
    "state",
    "next",
    "emit",
];

/// `lambda b: …`: a word of another language before what it belongs to.
fn foreign_before(word: &str, at: Span, next: Span) -> Option<Diagnostic> {
    let gap = Span { end: next.start, ..at };
    match word {
        "lambda" => Some(
            Diagnostic::new(FOREIGN_WORD, gap.to(next), "there is no `lambda`")
                .help("inside of a stage the fields of the row are in scope by name: `filter(price > 100)`; list functions take `x => x + 1`"),
        ),
        _ => None,
    }
}

impl Build<'_, '_, '_> {
    /// A watch over commas; `what` is an element in words.
    pub(super) fn commas(&self, what: &'static str) -> Commas {
        Commas { what, last: None }
    }

    fn missing_comma(&mut self, last: Span, next: &Pair<'_>, what: &str) {
        if self.broken {
            return self.further_comma(last, next);
        }
        let tok = self.tok(next);
        let named = next.as_span().as_str().as_bytes().get(1) == Some(&b':');
        let place = last.after();
        let span = tok.span(self.file());
        if tok.class == b'!' && next.as_span().as_str().starts_with("!3") {
            self.broken = true;
            let both = self.span(next);
            let diagnostic = Diagnostic::new(FOREIGN_WORD, both, "a test against `null` is `x != null`");
            return self.report(diagnostic.fix("write `!= null`", both, "!= null"));
        }
        if let Some(diagnostic) = foreign_before(&self.shared.text[last.range()], last, span)
            .or_else(|| diagnose::behind_operand(self.shared, self.toks, next.as_span().start()))
        {
            self.broken = true;
            return self.report(diagnostic);
        }
        if tok.class == b'"' && self.word_before_string(next.as_span().start()) {
            self.broken = true;
            return;
        }
        let reported =
            |d: &Diagnostic| place.start <= d.primary.span.start && d.primary.span.end <= span.start;
        if self.shared.diagnostics.iter().any(reported) {
            self.broken = true;
            return;
        }
        if let Some(diagnostic) = self.blank_in_a_duration(last, span).or_else(|| self.lost_colon(last, span))
        {
            self.broken = true;
            return self.report(diagnostic);
        }
        let literals = self.is_literal(last) && matches!(tok.class, b'0'..=b'3' | b'"');
        if tok.starts_line || named || literals {
            let message = "a `,` is missing between two parts";
            if self.extend_commas(place) {
                return;
            }
            let diagnostic = Diagnostic::new(UNEXPECTED_TOKEN, place, message)
                .at("expected `,`")
                .label(span, format!("{what} begins here"));
            return self.report(diagnostic.fix("insert `,`", place, ","));
        }
        self.broken = true;
        let word = self.tok_text(tok);
        if let Some((ours, help)) = operator_word(word) {
            let diagnostic =
                Diagnostic::new(FOREIGN_WORD, span, format!("`{word}` is not an operator of flow"))
                    .help(help);
            let fixed = if ours.is_empty() {
                diagnostic
            } else {
                diagnostic.fix(format!("write `{ours}`"), span, ours)
            };
            return self.report(fixed);
        }
        if self.extend_commas(place) {
            return;
        }
        self.report(
            Diagnostic::new(UNEXPECTED_TOKEN, span, format!("expected `,` or an operator, found `{word}`"))
                .at("unexpected here")
                .with_fix("insert `,`", place, ",", Applicability::MaybeIncorrect),
        );
    }

    /// Behind the first comma that is missing: `a b c` lacks two.
    fn further_comma(&mut self, last: Span, next: &Pair<'_>) {
        let tok = self.tok(next);
        if tok.is_name() && operator_word(self.tok_text(tok)).is_none() {
            self.extend_commas(last.after());
        }
    }

    /// Adds the place of a comma to the report of another one in this piece.
    fn extend_commas(&mut self, place: Span) -> bool {
        let here = &mut self.shared.diagnostics[self.from..];
        let known = here.iter_mut().find(|d| d.fixes.iter().any(|f| f.title == "insert `,`"));
        let Some(known) = known else { return false };
        known.labels.push(crate::diagnostic::Label { span: place, text: "here too".into() });
        known.fixes[0].edits.push(Edit { span: place, replacement: ",".into() });
        true
    }

    fn is_literal(&self, at: Span) -> bool {
        let text = &self.shared.text[at.range()];
        text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '"' | '@'))
    }

    /// `10 min`.
    fn blank_in_a_duration(&self, last: Span, next: Span) -> Option<Diagnostic> {
        let (number, word) = (&self.shared.text[last.range()], &self.shared.text[next.range()]);
        let unit = match word.to_ascii_lowercase().as_str() {
            "ms" | "millis" | "millisecond" | "milliseconds" => "ms",
            "s" | "sec" | "secs" | "second" | "seconds" => "s",
            "min" | "mins" | "minute" | "minutes" => "min",
            "h" | "hour" | "hours" => "h",
            "d" | "day" | "days" => "d",
            _ => return None,
        };
        if !number.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
            return None;
        }
        let fixed = format!("{number}{unit}");
        let both = last.to(next);
        Some(Diagnostic::new(UNEXPECTED_TOKEN, both, "a duration is written without a blank").fix(
            format!("write `{fixed}`"),
            both,
            fixed,
        ))
    }

    /// `format json`: an option without its colon.
    fn lost_colon(&self, last: Span, next: Span) -> Option<Diagnostic> {
        let word = &self.shared.text[last.range()];
        if !OPTIONS.contains(&word) || operator_word(&self.shared.text[next.range()]).is_some() {
            return None;
        }
        let message = format!("a `:` is missing behind `{word}`");
        Some(Diagnostic::new(UNEXPECTED_TOKEN, last.after(), message).at("expected `:`").with_fix(
            "insert `:`",
            last.after(),
            ":",
            Applicability::MaybeIncorrect,
        ))
    }

    /// `(a, name: b)` of the function or stage `callee`.
    pub(super) fn call_args(&mut self, pair: Pair<'_>, callee: &str) -> Vec<Arg> {
        let mut args = Vec::new();
        let mut commas = self.commas("the next argument");
        for part in pair.into_inner() {
            commas.see(self, &part);
            match part.as_rule() {
                Rule::arg => args.push(self.arg(part, callee)),
                Rule::op => self.star(&part, callee),
                _ => {}
            }
        }
        args
    }

    /// `count(*)`.
    fn star(&mut self, pair: &Pair<'_>, callee: &str) {
        let span = self.span(pair);
        let text = self.pair_text(pair);
        let diagnostic = if text == "*" {
            Diagnostic::new(FOREIGN_WORD, span, format!("`{callee}()` takes no `*`")).fix(
                "remove `*`",
                span,
                "",
            )
        } else {
            self.broken = true;
            Diagnostic::new(UNEXPECTED_TOKEN, span, format!("`{text}` has nothing on either side"))
        };
        self.report(diagnostic);
    }

    /// `value`, `name: value`, `value desc`; also `name = value`, which is Python's.
    pub(super) fn arg(&mut self, pair: Pair<'_>, callee: &str) -> Arg {
        let mut name = None;
        let mut value = None;
        let mut order = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::field_name => name = Some(self.any_ident(&part)),
                Rule::expr => {
                    let named = if name.is_none() { self.named_by_equals(&part, callee) } else { None };
                    if let Some(named) = named {
                        (name, value) = (Some(named.0), Some(named.1));
                    } else {
                        value = Some(self.expr(part));
                    }
                }
                Rule::order => order = Some(part),
                _ => {}
            }
        }
        let value = value.unwrap_or_else(|| self.add(ExprKind::Error, Span::default()));
        Arg { name, value: self.ordered(value, order) }
    }

    /// `name = value` where a named argument is meant rather than a comparison.
    fn named_by_equals(&mut self, expr: &Pair<'_>, callee: &str) -> Option<(crate::ast::Ident, ExprId)> {
        if matches!(callee, "filter" | "where" | "having" | "Filter" | "any" | "all" | "not") {
            return None;
        }
        if !matches!(expr.as_span().as_str().as_bytes(), [b'a'..=b'z', b'=', ..]) {
            return None;
        }
        let mut parts = expr.clone().into_inner();
        let name = self.any_ident(&parts.next()?);
        let equals = self.span(&parts.next()?);
        let edit = vec![Edit { span: self.colon_edit(equals), replacement: ": ".into() }];
        self.habit(FOREIGN_WORD, equals, NAME_BY_EQUALS, "for a comparison write `==`", ("write `:`", edit));
        let whole = self.span(expr);
        let value = self.expr_parts(parts, Span { start: equals.end, ..whole });
        Some((name, value))
    }

    /// The `=` with the blanks around it.
    fn colon_edit(&self, equals: Span) -> Span {
        let bytes = self.shared.text.as_bytes();
        let (mut start, mut end) = (equals.start as usize, equals.end as usize);
        while start > 0 && bytes[start - 1] == b' ' {
            start -= 1;
        }
        while end < bytes.len() && bytes[end] == b' ' {
            end += 1;
        }
        Span::new(equals.file, start, end)
    }

    fn ordered(&mut self, key: ExprId, order: Option<Pair<'_>>) -> ExprId {
        let Some(order) = order else { return key };
        let span = self.shared.exprs[key].span.to(self.span(&order));
        let word = self.pair_text(&order);
        let (place, lower) = (self.span(&order), word.to_ascii_lowercase());
        // SQL's `over (order by x DESC)` is answered as a whole.
        let within = |d: &Diagnostic| d.primary.span.start <= place.start && place.end < d.primary.span.end;
        if word != lower && !self.shared.diagnostics[self.from..].iter().any(within) {
            let edit = vec![Edit { span: place, replacement: lower.clone() }];
            self.habit(
                FOREIGN_WORD,
                place,
                &format!("`{word}` is written `{lower}` in flow"),
                "",
                ("write it small", edit),
            );
        }
        self.add(ExprKind::Sorted { key, descending: word.eq_ignore_ascii_case("desc") }, span)
    }

    /// `[a, b]`.
    pub(super) fn list(&mut self, pair: Pair<'_>) -> ExprId {
        let span = self.span(&pair);
        let mut elements = Vec::new();
        let mut commas = self.commas("the next element");
        for part in pair.into_inner() {
            commas.see(self, &part);
            if part.as_rule() == Rule::list_item {
                let mut value = None;
                let mut order = None;
                for inner in part.into_inner() {
                    match inner.as_rule() {
                        Rule::expr => value = Some(self.expr(inner)),
                        _ => order = Some(inner),
                    }
                }
                if let Some(value) = value {
                    elements.push(self.ordered(value, order));
                }
            }
        }
        self.add(ExprKind::List(elements), span)
    }

    /// `map { "a": 1 }`.
    pub(super) fn map_literal(&mut self, pair: Pair<'_>, span: Span) -> ExprId {
        let mut entries = Vec::new();
        let mut commas = self.commas("the next entry");
        for part in pair.into_inner() {
            commas.see(self, &part);
            if part.as_rule() == Rule::map_entry {
                let mut exprs = part.into_inner().filter(|p| p.as_rule() == Rule::expr);
                if let (Some(key), Some(value)) = (exprs.next(), exprs.next()) {
                    let key = self.expr(key);
                    entries.push((key, self.expr(value)));
                }
            }
        }
        self.add(ExprKind::Map(entries), span)
    }

    /// `{ a: 1, b, .. }` as a value.
    pub(super) fn record(&mut self, pair: Pair<'_>, span: Span) -> ExprId {
        let braces = pair.into_inner().next();
        let items = braces.map_or_else(Vec::new, |braces| self.items(braces));
        self.add(ExprKind::Record(items), span)
    }

    /// The items between braces.
    pub(super) fn items(&mut self, braces: Pair<'_>) -> Vec<RecordItem> {
        let mut items = Vec::new();
        let mut commas = self.commas("the next field");
        for part in braces.into_inner() {
            commas.see(self, &part);
            if part.as_rule() == Rule::item
                && let Some(inner) = part.into_inner().next()
            {
                items.extend(self.item(inner));
            }
        }
        items
    }

    fn item(&mut self, pair: Pair<'_>) -> Option<RecordItem> {
        let span = self.span(&pair);
        match pair.as_rule() {
            Rule::rest => {
                let of = pair.into_inner().find(|p| p.as_rule() == Rule::name);
                let of = of.map(|name| self.ident(&name));
                Some(RecordItem::Rest { of, span })
            }
            Rule::field => self.field(pair),
            _ => Some(self.keep(pair, span)),
        }
    }

    /// `a: expr`; JSON's `"a": expr` is answered.
    fn field(&mut self, pair: Pair<'_>) -> Option<RecordItem> {
        let mut name = None;
        let mut value = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::field_name => name = Some(self.ident(&part)),
                Rule::string => name = Some(self.quoted_field(&part)),
                Rule::expr => value = Some(self.expr(part)),
                _ => {}
            }
        }
        Some(RecordItem::Field { name: name?, value: value? })
    }

    fn quoted_field(&mut self, pair: &Pair<'_>) -> crate::ast::Ident {
        let span = self.span(pair);
        let name = self.plain_string(pair, "a field's name");
        let plain = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !crate::token::is_keyword(&name);
        let written = if plain { name.clone() } else { format!("`{name}`") };
        let edit = vec![Edit { span, replacement: written }];
        let help = "only the keys of `map { \"a\": 1 }` are strings";
        self.habit(FOREIGN_WORD, span, NAME_IN_QUOTES, help, ("remove the quotes", edit));
        crate::ast::Ident { name, span }
    }

    /// `a`, `b.a`; what is computed needs a name: `a = expr` and `expr as a` are answered.
    fn keep(&mut self, pair: Pair<'_>, span: Span) -> RecordItem {
        let mut alias = None;
        let mut expr = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::alias => alias = part.into_inner().last(),
                _ => expr = Some(part),
            }
        }
        let Some(expr) = expr else { return RecordItem::Keep(self.add(ExprKind::Error, span)) };
        if alias.is_none()
            && let Some((name, value)) = self.named_by_equals(&expr, "")
        {
            return RecordItem::Field { name, value };
        }
        let (expr_span, end) = (self.span(&expr), expr.as_span().end());
        let id = self.expr(expr);
        if let Some(alias) = alias {
            return self.sql_alias(id, expr_span, &alias);
        }
        let base_is_name = |base: &ExprId| {
            matches!(self.shared.exprs[*base].kind, ExprKind::Name(_) | ExprKind::Field { .. })
        };
        match &self.shared.exprs[id].kind {
            ExprKind::Name(_) | ExprKind::Error => {}
            ExprKind::Field { base, .. } if base_is_name(base) => {}
            _ => {
                // What stands behind it is answered as a whole.
                if self.broken || diagnose::behind_operand(self.shared, self.toks, end).is_some() {
                    return RecordItem::Keep(self.add(ExprKind::Error, span));
                }
                let word = crate::name_for(&self.shared.text[span.range()]);
                self.report(
                    Diagnostic::new(UNNAMED_FIELD, span, "a computed field needs a name")
                        .at("expected `name: value`")
                        .with_fix(
                            format!("call it `{word}`"),
                            span.before(),
                            format!("{word}: "),
                            Applicability::MaybeIncorrect,
                        ),
                );
                return RecordItem::Keep(self.add(ExprKind::Error, span));
            }
        }
        RecordItem::Keep(id)
    }

    /// SQL's `expr as name`.
    fn sql_alias(&mut self, value: ExprId, expr_span: Span, alias: &Pair<'_>) -> RecordItem {
        let name = self.ident(alias);
        let behind = Span { start: expr_span.end, end: name.span.end, ..name.span };
        let edits = vec![
            Edit { span: expr_span.before(), replacement: format!("{}: ", self.tok_text(self.tok(alias))) },
            Edit { span: behind, replacement: String::new() },
        ];
        let whole = expr_span.to(name.span);
        let message = "a field's name stands before its value";
        self.habit(FOREIGN_WORD, whole, message, "write `name: value`", ("put the name first", edits));
        RecordItem::Field { name, value }
    }
}

/// Words other languages use as operators, ours, and how to say it.
fn operator_word(word: &str) -> Option<(&'static str, &'static str)> {
    Some(match word.to_ascii_lowercase().as_str() {
        "eq" | "equals" => ("==", "equality is `==`"),
        "ne" | "neq" => ("!=", "inequality is `!=`"),
        "gt" => (">", "greater is `>`"),
        "lt" => ("<", "less is `<`"),
        "ge" | "gte" => (">=", "at least is `>=`"),
        "le" | "lte" => ("<=", "at most is `<=`"),
        "mod" => ("%", "the remainder is `%`"),
        "div" => ("/", "division is `/`"),
        "xor" => ("!=", "of two `bool` values, `!=` is the exclusive or"),
        "like" | "ilike" | "matches" | "regexp" | "rlike" => {
            ("", "text is tested with `startsWith(s, \"…\")`, `contains(s, \"…\")` or `matches(s, r\"…\")`")
        }
        "for" => (
            "",
            "each element is computed with `mapEach(xs, x => …)`; `flatMap(x in xs)` makes a row of each",
        ),
        "contains" => ("", "it is a function: `contains(s, part)`"),
        "startswith" => ("", "it is a function: `startsWith(s, part)`"),
        "endswith" => ("", "it is a function: `endsWith(s, part)`"),
        _ => return None,
    })
}
