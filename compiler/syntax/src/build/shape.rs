//! Stages whose brackets are those of another stage or language: `filter { c }`, `rename({ a: b })`, `agg(n = count())`.

use super::Build;
use super::items::{NAME_BY_EQUALS, NAME_IN_QUOTES};
use crate::ast::{Arg, ExprId, ExprKind, Ident, RecordItem};
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN, UNNAMED_FIELD};
use crate::diagnose::{AGGREGATES, is_plain};
use crate::diagnostic::{Applicability, Diagnostic, in_a_title};
use crate::span::Span;

impl Build<'_, '_, '_> {
    /// `filter { price > 3 }`: what was said of the fields of a record, since `said`, is said of none.
    pub(super) fn braces_for_brackets(&mut self, name: &Ident, said: usize) -> bool {
        let unnamed = self.shared.diagnostics[said..].iter().any(|d| d.code == UNNAMED_FIELD);
        let word = name.name.as_str();
        let bracketed = matches!(
            word,
            "filter" | "keyBy" | "window" | "trigger" | "limit" | "sample" | "top" | "bottom" | "distinct"
        );
        let close = self.toks.len() - 1;
        let open = self.toks.iter().position(|t| t.class == b'{').filter(|open| open + 1 < close);
        let Some(open) = open.filter(|_| unnamed && bracketed) else { return false };
        let inner = self.span_of(open + 1, close);
        let inner = self.shared.text[inner.range()].trim();
        let whole = Span { start: name.span.end, ..self.span_of(0, close + 1) };
        // Kotlin's name of the row, which has none here.
        let row = inner.starts_with("it.") && !inner[3..].contains("it.");
        let inner = if row { &inner[3..] } else { inner };
        let fixed = format!("{word}({inner})");
        self.shared.diagnostics.truncate(said);
        self.report(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                self.span_of(open, close + 1),
                format!("the arguments of `{word}` stand in `(…)`"),
            )
            .at("expected `(`")
            .fix(format!("write `{}`", in_a_title(&fixed)), whole, format!("({inner})")),
        );
        true
    }

    /// Arguments that are those of no stage as they are; true if that was reported.
    pub(super) fn other_brackets(&mut self, name: &Ident, args: &[Arg], span: Span, said: usize) -> bool {
        let found = match name.name.as_str() {
            "rename" => self.renamed_record(args, span),
            "agg" | "summarize" | "summarise" => self.results(name, args, span),
            _ => None,
        };
        let Some(diagnostic) = found.filter(|_| !self.broken) else { return false };
        self.forget_names(said);
        self.report(diagnostic);
        true
    }

    /// Forgets what was said, since `said`, of the names of arguments (`n = 1`, `"n": 1`): a fix writes them anew.
    pub(super) fn forget_names(&mut self, said: usize) {
        let kept = |d: &Diagnostic| d.message != NAME_BY_EQUALS && d.message != NAME_IN_QUOTES;
        let kept: Vec<Diagnostic> = self.shared.diagnostics.drain(said..).filter(kept).collect();
        self.shared.diagnostics.extend(kept);
    }

    /// `rename({ a: b })`, `rename({"a": "b"})`.
    fn renamed_record(&self, args: &[Arg], span: Span) -> Option<Diagnostic> {
        let [only] = args else { return None };
        let ExprKind::Record(items) = &self.shared.exprs[only.value].kind else { return None };
        let pair = |item: &RecordItem| match item {
            RecordItem::Field { name, value } => {
                let new = self.shared.text[self.shared.exprs[*value].span.range()].trim_matches('"');
                Some(format!("{}: {new}", name.name))
            }
            _ => None,
        };
        let pairs: Vec<String> = items.iter().map(pair).collect::<Option<_>>()?;
        let fixed = format!("({})", pairs.join(", "));
        Some(
            Diagnostic::new(FOREIGN_WORD, span, "`rename` is written `rename(old: new)`")
                .at("no record, and no quotes")
                .fix(format!("write `rename{}`", in_a_title(&fixed)), span, fixed),
        )
    }

    /// `agg(n = count())`, `agg(count().alias("n"))`, `agg(sum("price"))`.
    fn results(&self, name: &Ident, args: &[Arg], span: Span) -> Option<Diagnostic> {
        let named = |a: &Arg| a.name.is_some() || self.aliased(&self.shared.exprs[a.value].kind).is_some();
        let quoted = |a: &Arg| self.of_a_name(a.value).is_some();
        if !args.iter().any(|a| named(a) || quoted(a)) {
            return None;
        }
        let (items, sure) = self.as_items(args);
        let (fixed, written) = match args {
            [only] if !named(only) => self.of_a_name(only.value).map(|(_, call)| (call.clone(), call))?,
            _ => (format!("aggregate {{ {items} }}"), "aggregate { … }".to_string()),
        };
        let whole = name.span.to(span);
        let sureness = if sure { Applicability::MachineApplicable } else { Applicability::MaybeIncorrect };
        let message = format!("flow's stage for `{}` is `aggregate`", name.name);
        Some(
            Diagnostic::new(FOREIGN_WORD, name.span, message)
                .at(format!("written `{written}` in flow"))
                .with_fix(format!("write `{}`", in_a_title(&fixed)), whole, fixed, sureness),
        )
    }

    /// `count().alias("n")` as the field of a record: `n: count()`.
    pub(super) fn aliased(&self, kind: &ExprKind) -> Option<String> {
        let ExprKind::MethodCall { base, name, args } = kind else { return None };
        let [only] = &args[..] else { return None };
        if !matches!(name.name.as_str(), "alias" | "as" | "name" | "named" | "label") {
            return None;
        }
        let text = &self.shared.text[self.shared.exprs[only.value].span.range()];
        let field = text.strip_prefix('"')?.strip_suffix('"')?;
        let plain = !field.is_empty() && field.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let value = match self.of_a_name(*base) {
            Some((_, call)) => call,
            None => self.shared.text[self.shared.exprs[*base].span.range()].to_string(),
        };
        plain.then(|| format!("{field}: {value}"))
    }

    /// `sum("price")`, `F.max("price")`: the aggregate, and its call with the field alone.
    pub(super) fn of_a_name(&self, value: ExprId) -> Option<(&'static str, String)> {
        let (callee, args) = match &self.shared.exprs[value].kind {
            ExprKind::Call { callee, args } => (callee, args),
            ExprKind::MethodCall { base, name, args } if matches!(&self.shared.exprs[*base].kind, ExprKind::Name(module) if module.name == "F") => {
                (name, args)
            }
            _ => return None,
        };
        let [only] = &args[..] else { return None };
        let text = &self.shared.text[self.shared.exprs[only.value].span.range()];
        let field = text.strip_prefix('"')?.strip_suffix('"')?;
        let word = callee.name.replace('_', "").to_ascii_lowercase();
        let ours = match word.as_str() {
            "mean" => "avg",
            _ => AGGREGATES.iter().copied().find(|ours| ours.to_ascii_lowercase() == word)?,
        };
        match field {
            "*" if ours == "count" => Some((ours, "count()".into())),
            _ if is_plain(field) => Some((ours, format!("{ours}({field})"))),
            _ => None,
        }
    }
}
