//! What of a right script this version cannot run, and what has no meaning over an updating stream: said before
//! anything starts, at its stage.

use crate::compile::sort;
use flow_plan::operator::Plan;
use flow_plan::passes::{self, Unsupported};
use flow_plan::physical::Graph;
use flow_syntax::{Code, Diagnostic, FileId, Span, codes};

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
pub(crate) fn meaningless(plan: &Plan) -> Vec<Diagnostic> {
    let at = |finding: Unsupported| diagnostic(finding, "rows that come in here may be replaced later");
    passes::meaningless(plan).into_iter().map(at).collect()
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
