//! Lints: what is legal and suspicious; their levels and the comments that allow them.

mod allow;
mod unused;

pub(crate) use allow::apply_levels;
pub use allow::{Level, Levels, is_allowed};

use crate::checked::{CheckedOperator, CheckedPipeline, Input};
use crate::checker::{self, Checker, Resolved};
use crate::guarantees;
use flow_plan::operator::{Aggregate, JobConfig, OperatorKind, StreamMode, Trigger, Window};
use flow_plan::passes::{self, Unsupported};
use flow_syntax::{Diagnostic, FileId, Span, codes};

/// Lints that need the whole script. Others are said where they are seen.
pub(crate) fn run(ck: &mut Checker<'_>, job: &JobConfig) {
    // Behind a mistake it is not known what would be read: first things first.
    if !ck.input.syntax_errors && !ck.diags.iter().any(Diagnostic::is_error) {
        unused::streams(ck);
        unused::declarations(ck);
        unused::fields(ck);
        lateness_for_nothing(ck);
        not_yet(ck, job);
    }
    weakened(ck, job);
    late_rows(ck);
}

/// What `flow run` would refuse, of a script that is right.
fn not_yet(ck: &mut Checker<'_>, job: &JobConfig) {
    let pipelines = (0..ck.globals.len()).filter_map(|index| ck.pipeline(index));
    let mut found: Vec<Unsupported> = Vec::new();
    for pipeline in pipelines {
        for operator in &pipeline.operators {
            let CheckedOperator { kind, word, span, .. } = operator;
            let updating = operator.inputs.iter().any(|input| is_updating(ck, pipeline, *input));
            let in_memory = || passes::memory_only(job, kind, word, checker::place(*span), updating);
            found.extend(passes::not_yet(kind).or_else(in_memory));
        }
    }
    found.extend(passes::state(job));
    for Unsupported { code, place, message, help } in found {
        let span = Span { file: FileId(place.file), start: place.start, end: place.end };
        let mut diag = Diagnostic::new(codes::CANNOT_RUN_YET, span, message)
            .at(format!("`flow run` refuses it ({code})"));
        diag.help = help.filter(|help| !help.is_empty());
        ck.report(diag);
    }
}

fn is_updating(ck: &Checker<'_>, pipeline: &CheckedPipeline, input: Input) -> bool {
    match input {
        Input::Operator(at) => pipeline.operators[at].mode != StreamMode::Append,
        Input::Declaration(index) => {
            ck.pipeline(index).is_some_and(|read| read.output.mode != StreamMode::Append)
        }
        Input::Errors(_) | Input::Late(_) => false,
    }
}

/// The job asks for exactly once, and a sink cannot give it.
fn weakened(ck: &mut Checker<'_>, job: &JobConfig) {
    let Some(asked) = ck.delivery_span.filter(|_| job.exactly_once) else { return };
    let pipelines: Vec<_> = (0..ck.globals.len()).map(|i| ck.pipeline(i)).collect();
    let found = guarantees::sinks(&pipelines);
    for guarantee in found {
        let Some((why, _)) = guarantee.weakened_by.first() else { continue };
        let name = ck.globals[guarantee.sink].name;
        let mut diag = Diagnostic::new(
            codes::WEAKENED_GUARANTEE,
            name.span,
            format!("the sink `{}` cannot keep `exactlyOnce`: {why}", name.name),
        )
        .at("less than exactly once")
        .label(asked, "asked for here");
        for (why, span) in &guarantee.weakened_by {
            diag = diag.label(*span, why.clone());
        }
        ck.report(diag);
    }
}

/// Rows out of order are dropped because nothing waits for them and nobody looks at them.
fn late_rows(ck: &mut Checker<'_>) {
    let mut found = Vec::new();
    for (index, resolved) in ck.resolved.iter().enumerate() {
        let Resolved::Pipeline(pipeline) = resolved else { continue };
        if ck.uses[index].late || !ck.globals[index].main {
            continue;
        }
        let Some(late) = &pipeline.late else { continue };
        let Some(time) = late.event_time.as_ref().filter(|t| !t.delayed) else { continue };
        let waits = pipeline.operators.iter().filter_map(|o| windowed(&o.kind)).any(|(w, _)| w.lateness > 0);
        if !waits {
            let stage = pipeline.stages.iter().find(|s| s.word == "window").map(|s| s.span);
            found.push((ck.globals[index].name.name.clone(), stage.unwrap_or(time.span), time.span));
        }
    }
    for (name, window, time) in found {
        let diag = Diagnostic::new(codes::LATE_ROWS_DROPPED, window, "rows that come out of order are dropped by this window")
            .at("waits for no late row")
            .label(time, "this `eventTime` allows no delay")
            .help(format!("allow some: `eventTime(…, delay: 5s)` or let windows be given again: `window(…, lateness: 1min) |> trigger(late: eachRow)`; or look at them: `{name}.late`"));
        ck.report(diag);
    }
}

/// Windows that take rows behind their end, and say nothing of them: the result was given, and is not given again.
fn lateness_for_nothing(ck: &mut Checker<'_>) {
    let mut found = Vec::new();
    for (index, resolved) in ck.resolved.iter().enumerate() {
        let Resolved::Pipeline(pipeline) = resolved else { continue };
        let silent = |kind: &OperatorKind| {
            windowed(kind).is_some_and(|(window, trigger)| {
                window.lateness > 0 && !window.processing_time && trigger.late.is_none()
            })
        };
        if ck.globals[index].main {
            let windows =
                pipeline.operators.iter().filter(|o| silent(&o.kind)).filter_map(|o| o.grouped_at.window);
            found.extend(windows.map(|at| Span { file: FileId(at.file), start: at.start, end: at.end }));
        }
    }
    for window in found {
        let diag = Diagnostic::new(
            codes::LATENESS_WITHOUT_TRIGGER,
            window,
            "rows that come within this window's `lateness` are in no result",
        )
        .at("is given once, at its end; what it takes behind that is not seen")
        .help("let its result be given again: `|> trigger(late: eachRow)`, or `late: 1min` for once a minute; or drop `lateness:`, and wait with `eventTime(…, delay: 5s)`");
        ck.report(diag);
    }
}

/// The window of an operator, if it has one, and when that is given.
fn windowed(kind: &OperatorKind) -> Option<(&Window, &Trigger)> {
    match kind {
        OperatorKind::Aggregate(Aggregate { window, trigger, .. })
        | OperatorKind::Top { window, trigger, .. }
        | OperatorKind::Latest { window, trigger, .. } => Some((window.as_ref()?, trigger)),
        _ => None,
    }
}
