//! What of a right script this version cannot run, and what has no meaning over an updating stream: said before
//! anything starts, at its stage.

use crate::compile::sort;
use flow_plan::Place;
use flow_plan::operator::{Plan, StreamMode};
use flow_plan::passes::{self, Unsupported};
use flow_plan::physical::Graph;
use flow_syntax::{Code, Diagnostic, FileId, Span, codes};
use flow_types::Checked;
use flow_types::checked::{CheckedPipeline, Input};

/// The graph the engine runs, or every finding about what cannot run yet.
pub fn runnable(plan: &Plan) -> Result<Graph, Vec<Diagnostic>> {
    passes::lower(plan).map_err(|findings| {
        let at = |finding| diagnostic(finding, "this version checks it, but cannot run it yet");
        let mut diagnostics = findings.into_iter().map(at).collect();
        sort(&mut diagnostics);
        diagnostics
    })
}

/// Stages that have no meaning over the streams that they read.
pub(crate) fn meaningless(checked: &Checked) -> Vec<Diagnostic> {
    let pipelines = (0..checked.declarations.len()).filter_map(|index| checked.pipeline(index));
    let mut found = Vec::new();
    for pipeline in pipelines.filter(|pipeline| pipeline.ok) {
        for operator in &pipeline.operators {
            if operator.inputs.iter().any(|input| is_updating(checked, pipeline, *input)) {
                let place =
                    Place { file: operator.span.file.0, start: operator.span.start, end: operator.span.end };
                let finding = passes::meaningless(&operator.kind, &operator.word, place);
                let label = "rows that come in here may be replaced later";
                found.extend(finding.map(|finding| diagnostic(finding, label)));
            }
        }
    }
    found
}

fn is_updating(checked: &Checked, pipeline: &CheckedPipeline, input: Input) -> bool {
    match input {
        Input::Operator(at) => pipeline.operators[at].mode != StreamMode::Append,
        Input::Declaration(index) => {
            checked.pipeline(index).is_some_and(|read| read.output.mode != StreamMode::Append)
        }
        Input::Errors(_) | Input::Late(_) => false,
    }
}

fn diagnostic(finding: Unsupported, label: &str) -> Diagnostic {
    // The plan names codes without knowing the list; a test compares the two.
    let code = Code::find(finding.code).map_or(codes::OPTION_NOT_RUNNABLE, |info| info.code);
    let place = finding.place;
    let span = Span { file: FileId(place.file), start: place.start, end: place.end };
    let mut diagnostic = Diagnostic::new(code, span, finding.message).at(label);
    diagnostic.help = finding.help;
    diagnostic
}
