//! The sentences about expressions: what is wrong, where it comes from, what to write instead.

use super::scope::Fields;
use super::{ExprCx, Typed};
use crate::names::Global;
use crate::stream::{Column, StreamType};
use crate::suggest;
use flow_plan::{DataType, RecordType};
use flow_syntax::ast::{DeclKind, Ident};
use flow_syntax::codes;
use flow_syntax::{Applicability, Diagnostic, Edit, Label, Span};

pub(crate) use flow_syntax::in_a_title as short;

/// Names for a note: `a`, `b`, … and how many more.
pub(crate) fn list_names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.collect();
    let shown: Vec<_> = names.iter().take(12).map(|n| format!("`{n}`")).collect();
    match names.len().saturating_sub(12) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A value of the type as a script writes it, which can stand where the author has still to say which.
pub(crate) fn default_literal(ty: &DataType) -> String {
    let plain = match ty {
        DataType::Optional(_) => "null",
        DataType::Bool => "false",
        DataType::Int => "0",
        DataType::Float => "0.0",
        DataType::Decimal => "0.0d",
        DataType::String => "\"\"",
        DataType::Bytes => "b\"\"",
        DataType::Timestamp => "@1970-01-01",
        DataType::Duration => "0s",
        DataType::List(_) => "[]",
        DataType::Map(_) => "map {}",
        DataType::Json => "parseJson(\"null\")",
        DataType::Record(record) => {
            let field =
                |f: &flow_plan::Field| format!("{}: {}", super::quoted(&f.name), default_literal(&f.ty));
            return format!("{{ {} }}", record.fields.iter().map(field).collect::<Vec<_>>().join(", "));
        }
    };
    plain.to_string()
}

/// An `A` or `An` for a type's name.
pub(crate) fn a(ty: &DataType) -> String {
    let text = ty.to_string();
    let article = if text.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} `{text}`")
}

impl ExprCx<'_, '_> {
    /// `T?` used where `T` is needed: the ways out. A test is none for what is no plain field or name, because the
    /// value is computed anew behind it.
    pub(crate) fn optional_use(&mut self, typed: &Typed, needed_by: &str) {
        let text = self.ck.text(typed.span).to_string();
        let name = short(&text);
        let shown = if name.ends_with('…') { "this value".to_string() } else { format!("`{name}`") };
        let inner = typed.ty.unwrapped();
        let message = format!("{shown} may be null, and {needed_by} needs a value");
        let diag =
            Diagnostic::new(codes::OPTIONAL_USE, typed.span, message).at(format!("this is `{}`", typed.ty));
        if *inner == DataType::Json {
            return self.optional_json(diag, typed.span, &text);
        }
        if text == "null" {
            return self.null_for_a_value(diag, typed, needed_by);
        }
        let default = default_literal(inner);
        // A record may have a hundred fields: the words only say that it stands there.
        let (sure, in_words) = match inner {
            DataType::Record(_) => (Applicability::HasPlaceholders, "…"),
            _ => (Applicability::MaybeIncorrect, default.as_str()),
        };
        let (open, close) = if self.stands_alone(typed.span) { ("", "") } else { ("(", ")") };
        // What ends in an expression would take the `??` into it.
        let open_end = ["if", "match", "try"].iter().any(|word| text.split_whitespace().next() == Some(word));
        let value = if open_end { format!("({text})") } else { text.clone() };
        let given = format!("{open}{value} ?? {default}{close}");
        let mut diag =
            self.declared_optional(diag, typed).with_fix("give a default", typed.span, given, sure);
        let mut ways = vec![match shown.strip_suffix('`') {
            Some(shown) => format!("give a default ({shown} ?? {in_words}`)"),
            None => format!("give a default with `?? {in_words}` behind it"),
        }];
        if typed.path.is_some() {
            let tested = format!("{open}if {text} != null then {text} else {default}{close}");
            diag = diag.with_fix("test it first", typed.span, tested, sure);
            ways.push(format!("test it (`if {name} != null then … else …`)"));
        }
        if let Some(stage) = self.ck.filter_point.filter(|stage| self.narrows_in_filter(typed, &text, *stage))
        {
            let filter = format!("filter({text} != null) |> ");
            let title = "drop the rows without it";
            diag = diag.with_fix(title, stage.before(), filter, Applicability::MaybeIncorrect);
            ways.push(format!("drop such rows before (`filter({name} != null)`)"));
        }
        self.ck.report(diag.help(match ways.as_slice() {
            [first @ .., last] if first.len() > 1 => format!("{}, or {last}", first.join(", ")),
            all => all.join(", or "),
        }));
    }

    /// `null` itself where a value is needed.
    fn null_for_a_value(&mut self, mut diag: Diagnostic, typed: &Typed, needed_by: &str) {
        let inner = typed.ty.unwrapped();
        diag.message = format!("`null` is no value, and {needed_by} needs one");
        diag.primary.text = format!("a `{inner}` is needed");
        let value = default_literal(inner);
        self.ck.report(
            diag.with_fix(
                format!("write `{}`", short(&value)),
                typed.span,
                value,
                Applicability::HasPlaceholders,
            )
            .help(format!("what may be missing is declared as `{inner}?`")),
        );
    }

    /// A member of a `json` value, which may be missing.
    fn optional_json(&mut self, diag: Diagnostic, span: Span, text: &str) {
        let name = short(text);
        let name = if name.ends_with('…') { "…" } else { &name };
        let help = format!(
            "take a value out of it with a cast, and give a default: `int({name}) ?? 0`, `string({name}) ?? \"\"`"
        );
        let cast = format!("(int({text}) ?? 0)");
        self.ck.report(diag.help(help).with_fix(
            "take an int out of it",
            span,
            cast,
            Applicability::MaybeIncorrect,
        ));
    }

    /// Where a field got its `?`.
    fn declared_optional(&self, diag: Diagnostic, typed: &Typed) -> Diagnostic {
        let column = typed.path.as_ref().and_then(super::Path::as_column);
        let column = column.and_then(|index| self.row()?.columns.get(index));
        match column {
            Some(Column { optional_by: Some(join), origin, name, .. }) => diag
                .label(*origin, format!("`{name}` comes from here"))
                .label(*join, "optional behind this, where the other side may have no row"),
            Some(column) => {
                diag.label(column.origin, format!("`{}` is declared as `{}` here", column.name, typed.ty))
            }
            None => diag,
        }
    }

    /// Can a `filter` before this stage see to it that the value is there? It narrows fields only, those that are there already, and
    /// none of the other side of a join.
    fn narrows_in_filter(&self, typed: &Typed, text: &str, stage: Span) -> bool {
        let Some(column) = typed.path.as_ref().and_then(super::Path::as_column) else { return false };
        let origin = self.row().and_then(|row| row.columns.get(column)).map(|column| column.origin);
        let between = stage.start..typed.span.start;
        if origin.is_some_and(|origin| origin.file == stage.file && between.contains(&origin.start)) {
            return false;
        }
        match &self.fields {
            Fields::Join { left, .. } => column < *left && !text.starts_with("left."),
            _ => true,
        }
    }

    /// Is it a whole argument or element, so that what replaces it needs no brackets?
    fn stands_alone(&self, span: Span) -> bool {
        let all = self.ck.text(Span { start: 0, end: u32::MAX, ..span });
        let before = all[..span.start as usize].trim_end();
        let behind = all[span.end as usize..].trim_start();
        before.ends_with(['(', ',', '[', ':']) && behind.starts_with([')', ',', ']', '}'])
    }

    /// A value of the wrong type.
    pub(crate) fn mismatch(&mut self, typed: &Typed, want: &DataType, what: &str) {
        if *want.unwrapped() == DataType::Duration && typed.ty.is_numeric() {
            self.bare_duration(typed.span, what);
            return;
        }
        let mut diag = Diagnostic::new(
            codes::TYPE_MISMATCH,
            typed.span,
            format!("{what} needs {}, and this is {}", a(want), a(&typed.ty)),
        )
        .at(format!("this is `{}`", typed.ty));
        diag = self.origin_label(diag, typed);
        if *want.unwrapped() == DataType::Bool {
            let diag = self.as_condition(diag, typed);
            self.ck.report(diag);
        } else if typed.ty.is_optional() {
            self.ck.report(diag);
        } else {
            self.report_with_cast(diag, typed, want.unwrapped());
        }
    }

    /// A value that other languages take for true or false.
    fn as_condition(&self, diag: Diagnostic, typed: &Typed) -> Diagnostic {
        let text = self.ck.text(typed.span);
        let test = super::truth::test_of(text, &typed.ty, true).filter(|_| typed.path.is_some());
        let Some(test) = test else { return diag };
        let shown = short(&test);
        diag.help("no value stands for true or false: compare it").with_fix(
            format!("write `{shown}`"),
            typed.span,
            test,
            Applicability::MaybeIncorrect,
        )
    }

    /// Where the type of a field comes from.
    pub(crate) fn origin_label(&self, diag: Diagnostic, typed: &Typed) -> Diagnostic {
        let column = typed.path.as_ref().and_then(super::Path::as_column);
        match (column, self.row()) {
            (Some(index), Some(stream)) if index < stream.columns.len() => {
                let column = &stream.columns[index];
                diag.label(column.origin, format!("`{}` comes from here", column.name))
            }
            _ => diag,
        }
    }

    /// `10` where `10s` is wanted.
    pub(crate) fn bare_duration(&mut self, span: Span, what: &str) {
        bare_duration(self.ck, span, what);
    }

    /// A name that means nothing here.
    pub(super) fn unknown_name(&mut self, name: &Ident) {
        if name.name.contains("${") {
            return self.template(name);
        }
        let flow = match name.name.as_str() {
            "None" | "nil" | "undefined" | "NULL" | "Null" | "nothing" => Some("null"),
            "True" | "TRUE" => Some("true"),
            "False" | "FALSE" => Some("false"),
            _ => None,
        };
        if let Some(flow) = flow {
            let message = format!("`{}` is written `{flow}` in flow", name.name);
            let diag =
                Diagnostic::new(codes::FOREIGN_WORD, name.span, message).at(format!("written `{flow}`"));
            self.ck.report(diag.fix(format!("write `{flow}`"), name.span, flow));
            return;
        }
        match &self.fields {
            Fields::Row(stream) => {
                let stream = *stream;
                self.unknown_field(stream, name);
            }
            Fields::Join { both, .. } => {
                let both = *both;
                self.unknown_field(both, name);
            }
            Fields::Grouped(grouping) => {
                let stream = grouping.input;
                self.unknown_field(stream, name);
            }
            Fields::None(place) => {
                let place = *place;
                if self.ck.row_fields.iter().any(|c| *c.name == *name.name) {
                    let message = format!(
                        "`{}` differs from row to row, and this must be known before anything runs",
                        name.name
                    );
                    let diag = Diagnostic::new(codes::NOT_CONSTANT, name.span, message)
                        .at("a field of the row")
                        .help("write a number, or declare a `param` that is given with `-p`");
                    self.ck.report(diag);
                    return;
                }
                let locals: Vec<&str> = self.locals.iter().map(|l| &*l.name).collect();
                let constants = constants(self);
                let near =
                    suggest::nearest(&name.name, locals.into_iter().chain(constants)).map(str::to_string);
                let diag = Diagnostic::new(
                    codes::UNKNOWN_NAME,
                    name.span,
                    format!("there is no `{}` {place}", name.name),
                )
                .at("not a name that is known here");
                self.ck.report(match near {
                    Some(near) => did_you_mean(diag, name.span, &near),
                    None => diag,
                });
            }
        }
    }

    /// `${user}` in backticks.
    fn template(&mut self, name: &Ident) {
        let fixed = format!("\"{}\"", name.name.replace("${", "{"));
        let diag = Diagnostic::new(
            codes::FOREIGN_WORD,
            name.span,
            "a text with values in it is written `\"{a} and {b}\"`",
        )
        .at("backticks stand around a name");
        self.ck.report(diag.with_fix(
            format!("write `{}`", short(&fixed)),
            name.span,
            fixed,
            Applicability::MaybeIncorrect,
        ));
    }

    /// A field that is not there: was it dropped, renamed, misspelt?
    pub(crate) fn unknown_field(&mut self, stream: &StreamType, name: &Ident) {
        if self.is_state_of_scan(stream, &name.name) {
            return self.state_by_another_name(name);
        }
        let locals = self.locals.iter().map(|l| l.name.to_string()).collect::<Vec<_>>();
        let constants: Vec<String> = constants(self).map(str::to_string).collect();
        // A side alone is no value: only in front of a point it may have been meant.
        let behind = Span { start: name.span.end, end: name.span.end + 1, ..name.span };
        let points = self.ck.input.sources.file(name.span.file).text.get(behind.range()) == Some(".");
        let sides = stream.columns.iter().filter_map(|c| c.side.as_deref()).filter(|_| points);
        let bounds = ["windowStart", "windowEnd"];
        let bounds = bounds.into_iter().filter(|_| matches!(&self.fields, Fields::Grouped(g) if g.bounds));
        let extra: Vec<&str> =
            locals.iter().chain(&constants).map(String::as_str).chain(sides).chain(bounds).collect();
        let diag = unknown_field(stream, name, &extra);
        self.ck.report(diag);
    }

    /// Is it what the state of a `scan` is called elsewhere?
    pub(super) fn is_state_of_scan(&self, stream: &StreamType, name: &str) -> bool {
        const WORDS: &[&str] = &[
            "acc",
            "accum",
            "accumulator",
            "agg",
            "aggregate",
            "s",
            "st",
            "prev",
            "previous",
            "old",
            "memo",
            "carry",
            "total",
            "current",
            "a",
            "self",
            "this",
            "last",
        ];
        let scan = self.stage.is_some_and(|stage| self.ck.text(stage).starts_with("scan"));
        scan && WORDS.contains(&name) && stream.columns.last().is_some_and(|c| &*c.name == "state")
    }

    /// `scan(state: 0, next: acc + price, …)`, once a stage.
    fn state_by_another_name(&mut self, name: &Ident) {
        let title = "write `state`";
        let here = |d: &&mut Diagnostic| {
            self.stage.is_some_and(|s| s.start <= d.primary.span.start && d.primary.span.end <= s.end)
                && d.primary.span.file == name.span.file
                && d.fixes.iter().any(|fix| fix.title == title)
        };
        if let Some(known) = self.ck.diags.iter_mut().rev().find(here) {
            if known.primary.span != name.span {
                known.labels.push(Label { span: name.span, text: "here too".into() });
                known.fixes[0].edits.push(Edit { span: name.span, replacement: "state".into() });
            }
            return;
        }
        let message = "what a `scan` has kept so far is called `state` in `next` and `emit`";
        let diag = Diagnostic::new(codes::UNKNOWN_FIELD, name.span, message).at("called `state`");
        self.ck.report(diag.with_fix(title, name.span, "state", Applicability::MaybeIncorrect));
    }

    /// A name of the other side of a `semiJoin` behind it.
    pub(super) fn gone_side(&mut self, name: &Ident, word: &str, stage: Span) {
        let message =
            format!("`{}` is the other side of a `{word}`, and none of its fields are kept", name.name);
        let diag = Diagnostic::new(codes::UNKNOWN_NAME, name.span, message)
            .at("not there any more")
            .label(stage, format!("this `{word}` keeps or drops rows of the left side"))
            .help("`join` keeps the fields of both sides");
        self.ck.report(diag);
    }

    pub(super) fn unknown_field_of_side(&mut self, side: &Ident, name: &Ident) {
        let stream = match &self.fields {
            Fields::Grouped(grouping) => grouping.input,
            Fields::Row(stream) => stream,
            Fields::Join { both, .. } => both,
            Fields::None(_) => return,
        };
        let of_side: Vec<&str> = stream
            .columns
            .iter()
            .filter(|c| c.side.as_deref() == Some(&*side.name))
            .map(|c| &*c.name)
            .collect();
        let diag = Diagnostic::new(
            codes::UNKNOWN_FIELD,
            name.span,
            format!("`{}` has no field `{}`", side.name, name.name),
        )
        .at("no such field")
        .note(format!("its fields are {}", list_names(of_side.iter().copied())));
        let near = suggest::nearest(&name.name, of_side);
        self.ck.report(match near {
            Some(near) => did_you_mean(diag, name.span, near),
            None => diag,
        });
    }

    pub(super) fn unknown_member(&mut self, record: &RecordType, name: &Ident, base: Span) {
        let diag = Diagnostic::new(
            codes::UNKNOWN_FIELD,
            name.span,
            format!("the record has no field `{}`", name.name),
        )
        .at("no such field")
        .label(base, format!("this is `{record}`"));
        let near = suggest::nearest(&name.name, record.fields.iter().map(|f| &*f.name));
        self.ck.report(match near {
            Some(near) => did_you_mean(diag, name.span, near),
            None => diag,
        });
    }

    /// A field that several sides have.
    pub(super) fn ambiguous(&mut self, name: &Ident, columns: &[Column]) {
        self.ck.report(ambiguous(name.name.as_str(), name.span, columns));
    }

    /// The name that `bids as b` gave to the rows of a declaration.
    fn side_of(&self, declared: &str) -> Option<String> {
        let sides = self.row()?.columns.iter().filter_map(|c| Some((c.side.as_deref()?, c.side_at?)));
        let mut named = sides.filter(|(_, at)| {
            let before = self.ck.text(Span { start: 0, end: at.start, ..*at }).trim_end();
            before.strip_suffix(" as").is_some_and(|b| {
                let word = b.trim_end().rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                word == Some(declared)
            })
        });
        named.next().map(|(side, _)| side.to_string())
    }

    /// A name that is declared as something else.
    pub(super) fn wrong_kind(&mut self, name: &Ident, global: &Global<'_>) {
        let message = format!("`{}` is {}, not a value", name.name, global.what());
        let mut diag = Diagnostic::new(codes::WRONG_NAME_KIND, name.span, message)
            .at("a value is needed here")
            .label(global.name.span, "declared here");
        if let Some(side) = self.side_of(&global.name.name) {
            diag = diag.at(format!("called `{side}` here")).with_fix(
                format!("write `{side}`"),
                name.span,
                side,
                Applicability::MaybeIncorrect,
            );
        } else if global.is_readable() {
            diag = diag.help(format!("to use its rows, join it: `|> join({} on …)`", name.name));
        } else if matches!(global.decl.kind, DeclKind::Fn(_)) {
            diag = diag.help(format!("call it: `{}(…)`", name.name));
        }
        self.ck.report(diag);
    }
}

fn constants<'x>(cx: &'x ExprCx<'_, '_>) -> impl Iterator<Item = &'x str> {
    let globals = cx.ck.globals.iter();
    globals
        .filter(|g| matches!(g.decl.kind, DeclKind::Const(_) | DeclKind::Param(_)))
        .map(|g| g.name.name.as_str())
}

/// Adds the nearest name as help and fix: a guess, since another name may be meant that is as near, or none.
pub(crate) fn did_you_mean(diag: Diagnostic, span: Span, near: &str) -> Diagnostic {
    let guess = Applicability::MaybeIncorrect;
    diag.help(format!("did you mean `{near}`?")).with_fix(format!("write `{near}`"), span, near, guess)
}

/// `10` where `10s` is wanted.
pub(crate) fn bare_duration(ck: &mut crate::checker::Checker<'_>, span: Span, what: &str) {
    let text = ck.text(span);
    let plain = text.chars().all(|c| c.is_ascii_digit() || c == '_');
    let mut diag = Diagnostic::new(
        codes::BARE_DURATION,
        span,
        format!("{what} is a duration, and a duration needs a unit"),
    )
    .at("a number without a unit");
    if plain {
        diag = with_units(diag, span, text);
    } else {
        diag =
            diag.help("durations look like `500ms`, `10s`, `1h30min`, `7d`; `n * 1s` makes one of a number");
    }
    ck.report(diag);
}

/// Which unit was meant is a guess: whole thousands are milliseconds in other systems, unless they are whole hours.
fn with_units(mut diag: Diagnostic, span: Span, text: &str) -> Diagnostic {
    let number: i64 = text.replace('_', "").parse().unwrap_or(0);
    let length = |micros: i64| {
        let mut length = String::new();
        flow_plan::text::write_duration(&mut length, number.checked_mul(micros)?);
        Some(length)
    };
    let seconds = ("s", "seconds", 1_000_000);
    let millis = ("ms", "milliseconds", 1_000);
    let thousands = number >= 1000 && number % 500 == 0;
    let units = match thousands {
        true if number % 3600 == 0 && number < 1_000_000 => vec![seconds, millis],
        true => vec![millis, seconds],
        false => vec![seconds],
    };
    let said = |(unit, words, micros): &(&str, &str, i64)| {
        let written = format!("{text}{unit}");
        match length(*micros).filter(|length| *length != written && thousands) {
            Some(length) => format!("`{written}` for {words} ({length})"),
            None => format!("`{written}` for {words}"),
        }
    };
    let others: &[&str] = if thousands { &["min", "h", "d"] } else { &["ms", "min", "h", "d"] };
    let others: Vec<String> = others.iter().map(|unit| format!("`{text}{unit}`")).collect();
    let said: Vec<String> = units.iter().map(said).collect();
    diag = diag.help(format!("write {}; {} are others", said.join(", "), others.join(", ")));
    for (unit, ..) in units {
        let written = format!("{text}{unit}");
        diag = diag.with_fix(format!("write `{written}`"), span, written, Applicability::MaybeIncorrect);
    }
    diag
}

/// Says that several sides have a field, with a fix for each.
pub(crate) fn ambiguous(name: &str, span: Span, columns: &[Column]) -> Diagnostic {
    let sides: Vec<&str> = columns.iter().filter_map(|c| c.side.as_deref()).collect();
    let message = format!(
        "`{name}` is a field of {}",
        match sides.as_slice() {
            [a, b] if a != b => format!("both `{a}` and `{b}`"),
            _ => "both sides of the join".to_string(),
        }
    );
    let mut diag = Diagnostic::new(codes::AMBIGUOUS_FIELD, span, message).at("which of them?");
    for column in columns {
        diag = diag.label(
            column.origin,
            match &column.side {
                Some(side) => format!("`{side}.{name}` comes from here"),
                None => "one comes from here".to_string(),
            },
        );
    }
    let mut unique: Vec<&str> = sides.clone();
    unique.dedup();
    if unique.len() > 1 {
        let choices: Vec<String> = unique.iter().map(|s| format!("`{s}.{name}`")).collect();
        diag = diag.help(format!("write {}", choices.join(" or ")));
        for side in unique {
            diag = diag.with_fix(
                format!("write `{side}.{name}`"),
                span,
                format!("{side}.{name}"),
                Applicability::MaybeIncorrect,
            );
        }
    } else {
        diag = diag.help(
            "give the two sides names: `join(other as o on …)` and `name as n` at the head of the pipeline",
        );
    }
    diag
}

/// A field that is not in a stream: was it dropped, renamed, misspelt?
pub(crate) fn unknown_field(stream: &StreamType, name: &Ident, extra: &[&str]) -> Diagnostic {
    let (made_by, made_at) = &stream.made_by;
    let fields: Vec<&str> = stream.columns.iter().map(|c| &*c.name).collect();
    if let Some(lost) = stream.dropped.iter().find(|d| *d.name == *name.name) {
        if let Some(new) = &lost.renamed {
            let diag = Diagnostic::new(
                codes::UNKNOWN_FIELD,
                name.span,
                format!("`{}` is called `{new}` behind the `{}`", name.name, lost.word),
            )
            .at("the old name")
            .label(lost.span, format!("renamed to `{new}` here"));
            return did_you_mean(diag, name.span, new);
        }
        return Diagnostic::new(
            codes::UNKNOWN_FIELD,
            name.span,
            format!("`{}` was dropped by an earlier `{}`", name.name, lost.word),
        )
        .at("no longer a field here")
        .label(lost.span, format!("this `{}` does not keep `{}`", lost.word, name.name))
        .note(format!("the fields here are {}", list_names(fields.into_iter())))
        .help(match lost.word.as_str() {
            "map" => format!("keep it by adding `{}` (or `..` for all fields) to that `map`", name.name),
            "drop" => format!("take `{}` out of that `drop`", name.name),
            word => format!(
                "keep it as a key (`keyBy({name})` before that `{word}`), or as a result (`aggregate {{ {name}: first({name}), … }}`)",
                name = name.name
            ),
        });
    }
    let (message, at) = if made_by.is_empty() {
        (format!("there is no field `{}`", name.name), "not a field here".to_string())
    } else {
        (format!("there is no field `{}` in {made_by}", name.name), "not a field of this record".to_string())
    };
    let mut diag = Diagnostic::new(codes::UNKNOWN_FIELD, name.span, message).at(at);
    if made_at.start != made_at.end {
        diag = diag.label(*made_at, "the record comes from here");
    }
    let near = suggest::nearest(&name.name, extra.iter().copied().chain(fields.iter().copied()));
    if fields.is_empty() {
        diag = diag.note("the record has no fields");
    } else {
        diag = diag.note(format!("the fields here are {}", list_names(fields.iter().copied())));
    }
    match near {
        Some(near) => did_you_mean(diag, name.span, near),
        None => diag,
    }
}
