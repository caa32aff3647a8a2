//! Lints: what is legal and suspicious; their levels and the comments that allow them.

mod allow;
mod unused;

pub(crate) use allow::apply_levels;
pub use allow::{Level, Levels, is_allowed};

use crate::checker::{Checker, Resolved};
use crate::guarantees;
use flow_plan::operator::{JobConfig, OperatorKind};
use flow_plan::passes::{self, Unsupported};
use flow_syntax::{Diagnostic, FileId, Span, codes};

/// Lints that need the whole script. Others are said where they are seen.
pub(crate) fn run(ck: &mut Checker<'_>, job: &JobConfig) {
    // Behind a mistake it is not known what would be read: first things first.
    if !ck.input.syntax_errors && !ck.diags.iter().any(Diagnostic::is_error) {
        unused::streams(ck);
        unused::declarations(ck);
        unused::fields(ck);
        not_yet(ck, job);
    }
    weakened(ck, job);
    late_rows(ck);
}

/// What `flow run` would refuse, of a script that is right.
fn not_yet(ck: &mut Checker<'_>, job: &JobConfig) {
    let pipelines = (0..ck.globals.len()).filter_map(|index| ck.pipeline(index));
    let operators = pipelines.flat_map(|pipeline| &pipeline.operators);
    let mut found: Vec<Unsupported> = operators.filter_map(|o| passes::not_yet(&o.kind)).collect();
    found.extend(passes::state(job));
    for Unsupported { code, place, message, help } in found {
        let span = Span { file: FileId(place.file), start: place.start, end: place.end };
        let mut diag = Diagnostic::new(codes::CANNOT_RUN_YET, span, message)
            .at(format!("`flow run` refuses it ({code})"));
        diag.help = help.filter(|help| !help.is_empty());
        ck.report(diag);
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
        let waits = pipeline.operators.iter().any(|o| match &o.kind {
            OperatorKind::Aggregate(a) => a.window.as_ref().is_some_and(|w| w.lateness > 0),
            OperatorKind::Top { window, .. } | OperatorKind::Latest { window, .. } => {
                window.as_ref().is_some_and(|w| w.lateness > 0)
            }
            _ => false,
        });
        if !waits {
            let stage = pipeline.stages.iter().find(|s| s.word == "window").map(|s| s.span);
            found.push((ck.globals[index].name.name.clone(), stage.unwrap_or(time.span), time.span));
        }
    }
    for (name, window, time) in found {
        let diag = Diagnostic::new(codes::LATE_ROWS_DROPPED, window, "rows that come out of order are dropped by this window")
            .at("waits for no late row")
            .label(time, "this `eventTime` allows no delay")
            .help(format!("allow some: `eventTime(…, delay: 5s)` or `window(…, lateness: 1min)`; or look at them: `{name}.late`"));
        ck.report(diag);
    }
}
