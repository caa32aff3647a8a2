//! Verdicts as diagnostics: what breaks is an error at the line of the new script that breaks it, with the
//! old line beside it.

use super::{Effect, Finding, Verdict};
use flow_plan::Place;
use flow_syntax::{Applicability, Diagnostic, Edit, FileId, Fix, Severity, SourceMap, Span, codes};

/// The check of one script against another one.
#[derive(Debug)]
pub struct Report {
    /// The new script's sources and, behind them, the old one's.
    pub sources: SourceMap,
    /// One per state.
    pub verdicts: Vec<Verdict>,
    /// What the verdicts have to say at lines of the scripts; nothing of states that are identical.
    pub diagnostics: Vec<Diagnostic>,
    /// Index of the old script's first file.
    offset: u16,
}

/// Makes the report. `old_name` tells what the old script is (`git:HEAD`).
pub fn report(
    new: &SourceMap,
    old: &SourceMap,
    old_name: &str,
    verdicts: Vec<Verdict>,
    allow_dropped: bool,
) -> Report {
    let mut sources = SourceMap::default();
    new.files().for_each(|(_, file)| {
        sources.add(file.name.clone(), file.text.clone());
    });
    let offset = new.files().count() as u16;
    old.files().for_each(|(_, file)| {
        sources.add(format!("{} ({old_name})", file.name), file.text.clone());
    });
    let mut report = Report { sources, verdicts: Vec::new(), diagnostics: Vec::new(), offset };
    for verdict in &verdicts {
        for finding in &verdict.findings {
            let diagnostic = report.diagnostic(verdict, finding, allow_dropped);
            report.diagnostics.push(diagnostic);
        }
    }
    report.verdicts = verdicts;
    report
}

impl Report {
    /// A place of the new script.
    pub fn new_span(&self, place: Place) -> Span {
        Span { file: FileId(place.file), start: place.start, end: place.end }
    }

    /// A place of the old script.
    pub fn old_span(&self, place: Place) -> Span {
        Span { file: FileId(place.file + self.offset), start: place.start, end: place.end }
    }

    fn diagnostic(&self, verdict: &Verdict, finding: &Finding, allow_dropped: bool) -> Diagnostic {
        let code = match (finding.effect, finding.changes_meaning) {
            (Effect::Incompatible, _) => codes::STATE_INCOMPATIBLE,
            (Effect::Drops, _) => codes::STATE_DROPPED,
            (_, true) => codes::CHANGES_MEANING,
            _ => codes::STATE_RESTORES,
        };
        let (span, other) = match (finding.new, finding.old) {
            (Some(new), old) => (self.new_span(new), old.map(|old| self.old_span(old))),
            (None, Some(old)) => (self.old_span(old), verdict.place.map(|place| self.new_span(place))),
            (None, None) => (verdict.place.map_or_else(Span::default, |place| self.new_span(place)), None),
        };
        let message = format!("`{}` {}: {}", verdict.id, finding.effect.word(), finding.message);
        let mut diagnostic = Diagnostic::new(code, span, message).at(if finding.new.is_some() {
            "now"
        } else {
            "in the old script"
        });
        if let Some(other) = other {
            let text = if finding.new.is_some() { "before" } else { "the state" };
            diagnostic = diagnostic.label(other, text);
        }
        if code == codes::STATE_RESTORES || (code == codes::STATE_DROPPED && allow_dropped) {
            diagnostic.severity = Severity::Note;
        }
        diagnostic.help = finding.help.clone();
        if code == codes::STATE_DROPPED && !allow_dropped {
            diagnostic = diagnostic.help("if it may go: `--allow-dropped`");
        }
        match (&verdict.renamed_from, verdict.place) {
            (Some(old), Some(place)) => self.renamed(diagnostic, old, place),
            _ => diagnostic,
        }
    }

    /// A state that is new and could be one that is gone.
    fn renamed(&self, mut diagnostic: Diagnostic, old: &str, place: Place) -> Diagnostic {
        diagnostic = diagnostic.help(format!("if it is the state that was called `{old}`, say so"));
        diagnostic.fixes.push(Fix {
            title: format!("it was called `{old}`"),
            edits: vec![Edit {
                span: self.new_span(place).before(),
                replacement: format!("@was(\"{old}\") "),
            }],
            applicability: Applicability::MaybeIncorrect,
        });
        diagnostic
    }
}
