//! Stages and connectors.

use super::{Build, Pair};
use crate::ast::{Arg, Connector, ExprKind, Ident, Path, RecordItem, Stage, StageKind};
use crate::codes::UNEXPECTED_TOKEN;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::grammar::Rule;
use crate::span::Span;

impl Build<'_, '_, '_> {
    /// A whole stage, annotations included.
    pub(crate) fn stage(&mut self, pair: Pair<'_>) -> Option<Stage> {
        let span = self.span_of(0, self.toks.len());
        let (mut id, mut was) = (None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::annotation => {
                    if let Some((word, value)) = self.annotation(part) {
                        match word.name.as_str() {
                            "id" => id = Some(value),
                            "was" => was = Some(value),
                            _ => self.unknown_annotation(&word),
                        }
                    }
                }
                Rule::EOI => {}
                _ => {
                    let (name, kind) = self.stage_kind(part)?;
                    let kind = if self.broken { StageKind::Error } else { kind };
                    return Some(Stage { id, was, name, kind, span });
                }
            }
        }
        None
    }

    fn unknown_annotation(&mut self, word: &Ident) {
        let diagnostic =
            Diagnostic::new(UNEXPECTED_TOKEN, word.span, format!("there is no annotation `@{}`", word.name))
                .help(
                    "`@id(\"name\")` pins the id of a stage's state, `@was(\"old\")` tells its former name",
                );
        self.report(diagnostic);
    }

    /// `@id("name")`: the word and the string.
    pub(crate) fn annotation(&mut self, pair: Pair<'_>) -> Option<(Ident, Ident)> {
        let mut word = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => word = Some(self.ident(&part)),
                Rule::string => {
                    let span = self.span(&part);
                    let name = self.plain_string(&part, "an id");
                    return Some((word?, Ident { name, span }));
                }
                _ => {}
            }
        }
        None
    }

    fn stage_kind(&mut self, pair: Pair<'_>) -> Option<(Ident, StageKind)> {
        match pair.as_rule() {
            Rule::stage_flat_map => self.flat_map(pair),
            Rule::stage_join => self.join(pair),
            _ => self.plain_stage(pair),
        }
    }

    fn flat_map(&mut self, pair: Pair<'_>) -> Option<(Ident, StageKind)> {
        let (mut word, mut var, mut list) = (None, None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::word_flat_map => word = Some(self.any_ident(&part)),
                Rule::name => var = Some(self.ident(&part)),
                Rule::expr => list = Some(self.expr(part)),
                _ => {}
            }
        }
        Some((word?, StageKind::FlatMap { var: var?, list: list? }))
    }

    fn join(&mut self, pair: Pair<'_>) -> Option<(Ident, StageKind)> {
        let whole = self.span(&pair);
        let (mut word, mut other, mut alias, mut as_of, mut on) = (None, None, None, None, None);
        let mut args = Vec::new();
        let mut commas = self.commas("the next argument");
        for part in pair.into_inner() {
            commas.see(self, &part);
            match part.as_rule() {
                Rule::word_join => word = Some(self.any_ident(&part)),
                Rule::path => other = self.path(part),
                Rule::word_as_of => as_of = Some(self.span(&part)),
                Rule::alias => alias = self.alias(part),
                Rule::join_on => {
                    on = part.into_inner().find(|p| p.as_rule() == Rule::expr).map(|p| self.expr(p))
                }
                Rule::arg => args.push(self.arg(part, "join")),
                _ => {}
            }
        }
        if on.is_none() {
            self.missing_on(whole, args.len());
        }
        Some((word?, StageKind::Join { other: other?, alias, as_of, on, args }))
    }

    /// `join(other)` or `join(other, a == b)`.
    fn missing_on(&mut self, whole: Span, args: usize) {
        let close = Span { start: whole.end - 1, end: whole.end - 1, ..whole };
        let comma = self.toks.iter().find(|t| t.class == b',');
        let place = comma.filter(|_| args > 0).map_or(close, |c| c.span(self.file()));
        let diagnostic =
            Diagnostic::new(UNEXPECTED_TOKEN, place, "a join needs `on` and a condition").at("expected `on`");
        self.report(if args == 1 {
            diagnostic.with_fix("write `on`", place, " on", Applicability::MaybeIncorrect)
        } else {
            diagnostic.with_fix(
                "add a condition",
                close,
                " on left.key == right.key",
                Applicability::HasPlaceholders,
            )
        });
    }

    /// `as name`.
    pub(crate) fn alias(&mut self, pair: Pair<'_>) -> Option<Ident> {
        pair.into_inner().find(|p| p.as_rule() == Rule::name).map(|p| self.ident(&p))
    }

    /// `name` or `name.late`.
    pub(crate) fn path(&mut self, pair: Pair<'_>) -> Option<Path> {
        let mut names = pair.into_inner().filter(|p| p.as_rule() == Rule::name);
        let name = self.ident(&names.next()?);
        let side = names.next().map(|p| self.ident(&p));
        Some(Path { name, side })
    }

    fn plain_stage(&mut self, pair: Pair<'_>) -> Option<(Ident, StageKind)> {
        let mut name: Option<Ident> = None;
        let (mut args, mut alias, mut items) = (None, None, None);
        let mut args_span = Span::default();
        let said = self.shared.diagnostics.len();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.any_ident(&part)),
                Rule::call_args => {
                    args_span = self.span(&part);
                    let callee = name.as_ref().map_or(String::new(), |n| n.name.clone());
                    args = Some(self.call_args(part, &callee));
                }
                Rule::alias => alias = self.alias(part),
                Rule::braces => items = Some(self.items(part)),
                _ => {}
            }
        }
        let name = name?;
        if let Some(items) = items {
            if self.braces_for_brackets(&name, said) {
                return Some((name, StageKind::Error));
            }
            return Some((name, StageKind::Braces { items }));
        }
        let Some(args) = args else {
            return Some(self.bare_stage(name));
        };
        if let Some(diagnostic) = self.shapeless(&name, args_span, args.len()) {
            // What was read as arguments is none.
            self.shared.diagnostics.truncate(said);
            self.report(diagnostic);
            return Some((name, StageKind::Error));
        }
        if alias.is_none() && self.other_brackets(&name, &args, args_span, said) {
            return Some((name, StageKind::Error));
        }
        if matches!(name.name.as_str(), "map" | "aggregate") && alias.is_none() {
            return Some(self.braces_in_brackets(name, args, args_span, said));
        }
        Some((name, StageKind::Call { args, alias }))
    }

    /// `flatMap` and joins have a shape of their own; other arguments make nothing of them.
    fn shapeless(&self, name: &Ident, args: Span, count: usize) -> Option<Diagnostic> {
        let word = &name.name;
        let class =
            self.toks.iter().find(|t| t.is_name() && t.start == name.span.start).map_or(0, |t| t.class);
        let inside = Span { start: args.start + 1, end: args.start + 1, ..args };
        if class == b'l' {
            let diagnostic =
                Diagnostic::new(UNEXPECTED_TOKEN, inside, format!("`{word}` needs a name for the elements"))
                    .at("expected `name in list`")
                    .help("each element becomes a row with a new field of this name");
            return Some(if count == 1 {
                diagnostic.with_fix("name the elements", inside, "item in ", Applicability::HasPlaceholders)
            } else {
                diagnostic
            });
        }
        (class == b'j').then(|| {
            Diagnostic::new(UNEXPECTED_TOKEN, args, format!("`{word}` needs another stream and a condition"))
                .at("expected `other on condition`")
                .help(format!(
                    "write `{word}(other on left == right)`, and `other as o` to tell equal names apart"
                ))
        })
    }

    /// A stage of a single word: its brackets are missing.
    fn bare_stage(&mut self, name: Ident) -> (Ident, StageKind) {
        let place = name.span.after();
        let braces = matches!(name.name.as_str(), "map" | "aggregate");
        let (wanted, shown) = if braces { (" {  }", "{ … }") } else { ("()", "(…)") };
        let without = matches!(name.name.as_str(), "count" | "distinct");
        let sureness =
            if without { Applicability::MachineApplicable } else { Applicability::HasPlaceholders };
        let known =
            self.shared.diagnostics[self.from..].iter().any(|d| d.primary.span.touches(place.start as usize));
        if !known {
            self.report(
                Diagnostic::new(
                    UNEXPECTED_TOKEN,
                    place,
                    format!("`{}` needs `{shown}` behind it", name.name),
                )
                .at(format!("expected `{}`", &wanted.trim()[..1]))
                .with_fix(format!("write `{}{wanted}`", name.name), place, wanted, sureness),
            );
        }
        let kind = if without { StageKind::Call { args: Vec::new(), alias: None } } else { StageKind::Error };
        (name, kind)
    }

    /// `map({ … })` for `map { … }`, and `map(expr)` without a record.
    fn braces_in_brackets(
        &mut self,
        name: Ident,
        args: Vec<crate::ast::Arg>,
        span: Span,
        said: usize,
    ) -> (Ident, StageKind) {
        let word = name.name.clone();
        if let [only] = &args[..]
            && only.name.is_none()
            && let ExprKind::Record(items) = &self.shared.exprs[only.value].kind
        {
            let inner = self.shared.exprs[only.value].span;
            let items: Vec<RecordItem> = items.clone();
            let open = Span { end: inner.start, ..span };
            let close = Span { start: inner.end, ..span };
            let mut diagnostic = Diagnostic::new(
                UNEXPECTED_TOKEN,
                span.before().to(open),
                format!("`{word}` takes its braces without brackets"),
            )
            .at("no `(` here");
            diagnostic.fixes.push(Fix {
                title: format!("write `{word} {{ … }}`"),
                edits: vec![
                    Edit { span: open, replacement: " ".into() },
                    Edit { span: close, replacement: String::new() },
                ],
                applicability: Applicability::MachineApplicable,
            });
            self.report(diagnostic);
            return (name, StageKind::Braces { items });
        }
        let has_lambda =
            args.iter().any(|a| matches!(self.shared.exprs[a.value].kind, ExprKind::Lambda { .. }));
        if has_lambda {
            return (name, StageKind::Call { args, alias: None });
        }
        if self.broken {
            return (name, StageKind::Error);
        }
        let (items, sure) = self.as_items(&args);
        self.forget_names(said);
        let replacement = format!(" {{ {items} }}");
        let sureness = if sure { Applicability::MachineApplicable } else { Applicability::MaybeIncorrect };
        self.report(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                span,
                format!("`{word}` takes the fields of its result between braces"),
            )
            .at(format!("expected `{{`, as in `{word} {{ name: value }}`"))
            .with_fix(format!("write `{word} {{ … }}`"), span, replacement, sureness),
        );
        (name, StageKind::Error)
    }

    /// Arguments as the items of a record: fields keep their names, calls are named after the function.
    /// The second says whether these names are what must have been meant.
    pub(super) fn as_items(&self, args: &[Arg]) -> (String, bool) {
        let mut sure = true;
        let item = |arg: &Arg| {
            let value = &self.shared.exprs[arg.value];
            let text = &self.shared.text[value.span.range()];
            match (&arg.name, &value.kind) {
                (Some(name), _) => format!("{}: {text}", &self.shared.text[name.span.range()]),
                (None, kind) if self.aliased(kind).is_some() => self.aliased(kind).unwrap_or_default(),
                (None, _) if self.of_a_name(arg.value).is_some() => {
                    sure = false;
                    self.of_a_name(arg.value)
                        .map(|(name, call)| format!("{name}: {call}"))
                        .unwrap_or_default()
                }
                (None, ExprKind::Name(_) | ExprKind::Field { .. }) => text.to_string(),
                (None, kind) => {
                    sure = false;
                    let name = match kind {
                        ExprKind::Call { callee, .. } => callee.name.as_str(),
                        _ => "value",
                    };
                    format!("{name}: {text}")
                }
            }
        };
        let items: Vec<String> = args.iter().map(item).collect();
        (items.join(", "), sure)
    }

    /// `file("x", format: csv)`, `generate { … } rate: 1`, `stdout`.
    pub(crate) fn connector(&mut self, pair: Pair<'_>) -> Option<Connector> {
        let span = self.span(&pair);
        let (mut name, mut record, mut args) = (None, None, Vec::new());
        let mut commas = self.commas("the next argument");
        for part in pair.into_inner() {
            commas.see(self, &part);
            match part.as_rule() {
                Rule::name => name = Some(self.any_ident(&part)),
                Rule::call_args => args = self.call_args(part, ""),
                Rule::braces => record = Some(self.items(part)),
                Rule::arg => args.push(self.arg(part, "")),
                _ => {}
            }
        }
        Some(Connector { name: name?, record, args, span })
    }
}
