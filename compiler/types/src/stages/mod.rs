//! Pipelines: stage by stage, what each makes of the stream before it.

mod aggregate;
mod conditions;
mod elsewhere;
mod grows;
mod join;
mod keys;
mod pick;
mod rows;
mod scan;
mod union;
mod windows;

#[cfg(test)]
pub(crate) use windows::KINDS;

use crate::checked::{CheckedOperator, CheckedStage, Input};
use crate::checker::Checker;
use crate::elsewhere as others;
use crate::expr::{ExprCx, Fields, NowRule, did_you_mean, list_names};
use crate::stream::{Column, Columns, StreamType};
use crate::suggest;
use flow_plan::catalogue;
use flow_plan::operator::{DeclarationKind, GroupedAt, OperatorKind};
use flow_syntax::ast::{Arg, Program, RecordItem, Stage, StageKind};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};
use std::sync::Arc;

/// The words of stages that are not aggregates.
pub(crate) const STAGES: &[&str] = &[
    "map",
    "drop",
    "rename",
    "filter",
    "flatMap",
    "eventTime",
    "keyBy",
    "window",
    "trigger",
    "aggregate",
    "top",
    "bottom",
    "latest",
    "earliest",
    "distinct",
    "join",
    "leftJoin",
    "semiJoin",
    "antiJoin",
    "union",
    "scan",
    "sample",
    "limit",
    "tap",
];

/// A pipeline that is being checked.
pub(crate) struct PipeCx<'c, 'a> {
    pub ck: &'c mut Checker<'a>,
    pub ast: &'a Program,
    /// The declaration it stands in.
    pub name: &'a str,
    pub was: Option<&'a str>,
    pub kind: DeclarationKind,
    pub stream: StreamType,
    /// What the next operator reads; `None` after a mistake.
    pub input: Option<Input>,
    pub operators: Vec<CheckedOperator>,
    pub stages: Vec<CheckedStage>,
    pub late: Option<StreamType>,
    pub ok: bool,
    /// Was a field of the record that is being made not understood?
    pub lost_field: bool,
    /// How often each word gave an identity.
    pub words: Vec<(String, u32)>,
    /// Are there stateful stages behind the current one?
    pub stateful_ahead: bool,
    /// Where key, window and trigger of the current stage are set, once it has taken them.
    pub grouped_at: GroupedAt,
}

/// Does a stage keep state?
pub(crate) fn is_stateful(word: &str) -> bool {
    matches!(
        word,
        "aggregate"
            | "top"
            | "bottom"
            | "latest"
            | "earliest"
            | "distinct"
            | "join"
            | "leftJoin"
            | "semiJoin"
            | "antiJoin"
            | "scan"
    ) || catalogue::lookup_aggregate(word).is_some()
}

/// In front of which stage can a filter of the last one's rows stand? Not between it and what groups them for it.
fn filter_point(stages: &[Stage]) -> Option<Span> {
    let (last, before) = stages.split_last()?;
    let groups = |stage: &&Stage| matches!(stage.name.name.as_str(), "keyBy" | "window" | "trigger");
    let first = before.iter().rev().take_while(groups).last();
    Some(first.unwrap_or(last).span)
}

impl<'c, 'a> PipeCx<'c, 'a> {
    /// Checks all stages in order.
    pub(crate) fn stages(&mut self, stages: &'a [Stage]) {
        let outer = self.ck.filter_point;
        for (position, stage) in stages.iter().enumerate() {
            self.stateful_ahead = stages[position..].iter().any(|s| is_stateful(&s.name.name));
            self.ck.row_fields = self.stream.columns.clone();
            self.ck.filter_point = filter_point(&stages[..=position]);
            let before = self.operators.len();
            let said = self.ck.diags.len();
            self.grouped_at = GroupedAt::default();
            self.stage(stage);
            self.check_annotations(stage, before);
            if self.ck.diags[said..].iter().any(Diagnostic::is_error) {
                self.ok = false;
            }
            if self.ck.is_doubtful(stage.span) {
                self.ok = false;
                (self.stream.open, self.stream.vague) = (true, true);
            }
            self.stages.push(CheckedStage {
                word: stage.name.name.clone(),
                span: stage.span,
                after: self.stream.clone(),
                operators: before..self.operators.len(),
            });
        }
        self.nothing_stateful();
        self.ck.row_fields = Columns::default();
        self.ck.filter_point = outer;
    }

    fn stage(&mut self, stage: &'a Stage) {
        let word = stage.name.name.as_str();
        match (word, &stage.kind) {
            (_, StageKind::Error) => self.lose(stage.span),
            ("map", StageKind::Braces { items }) => self.map(stage, items),
            ("aggregate", StageKind::Braces { items }) => self.aggregate(stage, items),
            ("flatMap", StageKind::FlatMap { var, list }) => self.flat_map(stage, var, *list),
            ("join" | "leftJoin" | "semiJoin" | "antiJoin", StageKind::Join { .. }) => self.join(stage),
            (_, StageKind::Call { args, alias }) => {
                let taken = matches!(word, "top" | "bottom") || catalogue::lookup_aggregate(word).is_some();
                if let Some(alias) = alias
                    && !taken
                    && STAGES.contains(&word)
                {
                    let message = format!("`{word}` does not take `as`");
                    let diag =
                        Diagnostic::new(codes::STAGE_SHAPE, alias.span, message).at("a name for what?");
                    self.ck.report(
                        diag.note("`as name` names the result of an aggregate, or the place of a `top`"),
                    );
                }
                self.call_stage(stage, args);
            }
            _ => self.wrong_shape(stage),
        }
    }

    fn call_stage(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        match stage.name.name.as_str() {
            "filter" => self.filter(stage, args),
            "eventTime" => self.event_time(stage, args),
            "keyBy" => self.key_by(stage, args),
            "window" => self.window(stage, args),
            "trigger" => self.trigger(stage, args),
            "top" | "bottom" => self.top(stage, args),
            "latest" | "earliest" => self.latest(stage, args),
            "distinct" => self.distinct(stage, args),
            "union" => self.union(stage, args),
            "scan" => self.scan(stage, args),
            "sample" => self.sample(stage, args),
            "limit" => self.limit(stage, args),
            "tap" => self.tap(stage, args),
            "drop" => self.drop_fields(stage, args),
            "rename" => self.rename(stage, args),
            "map" | "aggregate" | "flatMap" | "join" | "leftJoin" | "semiJoin" | "antiJoin" => {
                self.wrong_shape(stage)
            }
            word if catalogue::lookup_aggregate(word).is_some() => self.shorthand(stage, args),
            _ => self.unknown_stage(stage),
        }
    }

    fn wrong_shape(&mut self, stage: &Stage) {
        if let StageKind::Braces { items } = &stage.kind
            && items.iter().any(|i| matches!(i, RecordItem::Keep(id) if matches!(self.ast.exprs[*id].kind, flow_syntax::ast::ExprKind::Error)))
        {
            // The parser has said that these braces hold no record.
            return self.lose(stage.span);
        }
        let word = stage.name.name.as_str();
        let form = match word {
            "map" => "map { a, b: expr, .. }",
            "aggregate" => "aggregate { n: count(), total: sum(x) }",
            "flatMap" => "flatMap(x in xs)",
            "join" | "leftJoin" | "semiJoin" | "antiJoin" => "join(other as o on a == o.b)",
            "filter" => "filter(cond)",
            "keyBy" => "keyBy(a, b: expr)",
            "window" => "window(tumbling(10s))",
            "eventTime" => "eventTime(at, delay: 5s)",
            "scan" => "scan(state: 0, next: state + x, emit: { x, total: state })",
            word if STAGES.contains(&word) || catalogue::lookup_aggregate(word).is_some() => {
                "word(arguments)"
            }
            _ => {
                self.unknown_stage(stage);
                return;
            }
        };
        let form = if form == "word(arguments)" {
            format!("{word}(…)")
        } else {
            form.replacen("join", word, usize::from(word.ends_with("Join")))
        };
        let mut diag =
            Diagnostic::new(codes::STAGE_SHAPE, stage.span, format!("`{word}` is written `{form}`"))
                .at("written in another way");
        // `map(a, b: e)` and `filter { c }` only have the wrong brackets.
        let text = self.ck.text(stage.span);
        let swapped = match (&stage.kind, word) {
            (StageKind::Call { args, alias: None }, "map" | "aggregate") if !args.is_empty() => {
                let inner =
                    text.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map(|(inner, _)| inner);
                inner.filter(|i| !i.contains("=>")).map(|inner| format!("{word} {{ {} }}", inner.trim()))
            }
            (
                StageKind::Braces { .. },
                "filter" | "keyBy" | "drop" | "rename" | "union" | "limit" | "distinct",
            ) => {
                let inner =
                    text.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map(|(inner, _)| inner);
                inner.map(|inner| format!("{word}({})", inner.trim()))
            }
            _ => None,
        };
        if let Some(new) = swapped {
            diag = diag.fix(format!("write `{}`", crate::expr::short(&new)), stage.span, new);
        }
        self.ck.report(diag);
        self.lose(stage.span);
    }

    fn unknown_stage(&mut self, stage: &Stage) {
        let name = &stage.name;
        let word = name.name.as_str();
        if let Some(fixed) = self.rewritten_stage(stage) {
            let message = format!("`{word}` is written `{}` in flow", crate::expr::short(&fixed));
            let diag = Diagnostic::new(codes::UNKNOWN_STAGE, name.span, message).at("not a stage of flow");
            let sure = flow_syntax::Applicability::MaybeIncorrect;
            let title = format!("write `{}`", crate::expr::short(&fixed));
            self.ck.report(diag.with_fix(title, stage.span, fixed, sure));
        } else if let Some(flow) = suggest::foreign_stage(word).or_else(|| others::stage(word)) {
            self.foreign_stage(stage, flow);
        } else if let Some(help) = others::stage_help(word) {
            let message = format!("there is no stage `{word}`");
            let diag = Diagnostic::new(codes::UNKNOWN_STAGE, name.span, message).at("not a stage");
            self.ck.report(diag.help(help));
        } else if let Some(window) = suggest::foreign_window(word) {
            let text = self.ck.text(stage.span).replacen(word, window, 1);
            let diag = Diagnostic::new(
                codes::UNKNOWN_STAGE,
                name.span,
                format!("windows are set by `window`: there is no stage `{word}`"),
            )
            .at("not a stage")
            .with_fix(
                format!("write `window({window}(…))`"),
                stage.span,
                format!("window({text})"),
                flow_syntax::Applicability::MaybeIncorrect,
            );
            self.ck.report(diag);
        } else {
            let diag =
                Diagnostic::new(codes::UNKNOWN_STAGE, name.span, format!("there is no stage `{word}`"))
                    .at("not a stage");
            let near =
                suggest::nearest(word, STAGES.iter().copied().chain(catalogue::aggregates().map(|d| d.name)));
            let diag = match near {
                Some(near) => did_you_mean(diag, name.span, near),
                None if catalogue::lookup(word).is_some() => diag.help(format!(
                    "`{word}` is a function: use it in a stage, `|> map {{ .., x: {word}(…) }}`"
                )),
                None => diag.note(format!(
                    "the stages are {} and the aggregates",
                    list_names(STAGES.iter().copied())
                )),
            };
            self.ck.report(diag);
        }
        self.lose(stage.span);
    }

    /// A word of another system; where flow's stage has another shape, all of it is rewritten.
    fn foreign_stage(&mut self, stage: &Stage, flow: &str) {
        let mut diag = crate::type_exprs::foreign(codes::UNKNOWN_STAGE, &stage.name, flow, "stage");
        let inner = match &stage.kind {
            StageKind::Call { args, alias: None } if !args.is_empty() => {
                let text = self.ck.text(stage.span);
                text.split_once('(')
                    .and_then(|(_, rest)| rest.rsplit_once(')'))
                    .map(|(inner, _)| inner.trim())
            }
            _ => None,
        };
        if flow == "scan" {
            // Its arguments have other names.
            diag.fixes.clear();
            diag = diag.help("`scan(state: { n: 0 }, next: { n: state.n + 1 }, emit: { .., n: state.n })`");
        }
        let rewritten = match (flow, inner) {
            ("aggregate", Some(inner)) if inner.contains("=>") => {
                diag.fixes.clear();
                None
            }
            ("map", Some(inner)) if others::adds_fields(&stage.name.name) => {
                Some(format!("map {{ .., {inner} }}"))
            }
            ("map" | "aggregate", Some(inner)) => Some(format!("{flow} {{ {inner} }}")),
            ("flatMap", Some(list)) => Some(format!("flatMap(x in {list})")),
            ("top", Some(inner)) => Some(format!("top(10, by: {inner})")),
            _ => None,
        };
        if let Some(text) = rewritten {
            diag.fixes.clear();
            let sure = flow_syntax::Applicability::MaybeIncorrect;
            diag = diag.with_fix(format!("write `{}`", crate::expr::short(&text)), stage.span, text, sure);
            if flow == "top" {
                diag = diag
                    .help("a stream has no end to sort; `top` keeps the largest rows, `bottom` the smallest");
            }
        }
        self.ck.report(diag);
    }

    /// After a stage that was not understood nothing is known of the stream, and nothing is wrong with it.
    pub(crate) fn lose(&mut self, span: Span) {
        self.ok = false;
        self.input = None;
        let event_time = self.stream.event_time.clone();
        self.stream = StreamType::unknown(span);
        if event_time.is_some() {
            self.stream.event_time = event_time;
        }
    }

    /// Adds an operator whose output is the stream as it is now.
    pub(crate) fn emit(&mut self, kind: OperatorKind, stage: &'a Stage, more: Vec<Input>) {
        let state = self.identity(stage);
        let (Some(first), Some(output)) = (self.input, self.stream.record()) else {
            self.ok = false;
            self.input = None;
            return;
        };
        let mut inputs = vec![first];
        inputs.extend(more);
        self.operators.push(CheckedOperator {
            kind,
            inputs,
            output,
            mode: self.stream.mode.clone(),
            word: stage.name.name.clone(),
            span: stage.span,
            grouped_at: state.as_ref().map_or_else(GroupedAt::default, |_| self.grouped_at),
            state,
        });
        self.input = Some(Input::Operator(self.operators.len() - 1));
    }

    /// The operator could not be made; the stream behind it is known as far as it goes.
    pub(crate) fn broken(&mut self) {
        self.ok = false;
        self.input = None;
    }

    /// What `now()` is in this stage: fine behind all state of a sink, or with processing time.
    pub(crate) fn now_rule(&self) -> NowRule {
        let last = self.kind == DeclarationKind::Sink && !self.stateful_ahead;
        if last || self.stream.processing_time { NowRule::Allowed } else { NowRule::Replayed }
    }

    /// An expression over the rows of `stream`.
    pub(crate) fn rows<'s>(&'s mut self, stream: &'s StreamType, stage: Span) -> ExprCx<'s, 'a> {
        let now = self.now_rule();
        ExprCx::new(self.ck, self.ast, Fields::Row(stream)).at_stage(stage, now)
    }

    /// A column that an expression makes.
    pub(crate) fn computed(
        &mut self,
        name: &str,
        ty: Option<flow_plan::DataType>,
        origin: Span,
        word: &str,
    ) -> Column {
        let id = self.ck.new_column();
        let name: Arc<str> = name.into();
        self.ck.effects.computed.push(crate::again::Computed {
            id,
            name: name.clone(),
            span: origin,
            word: word.to_string(),
        });
        Column { name, ty, side: None, side_at: None, origin, written: None, optional_by: None, id }
    }
}
