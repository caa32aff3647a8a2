//! Verdicts as diagnostics: what breaks is an error at the line of the new script that breaks it, with the
//! old line beside it. The first place is always in the new script: the other one is no file that a forge could show.

use super::compare::all_dropped;
use super::{Effect, Finding, Verdict};
use flow_plan::Place;
use flow_plan::operator::Plan;
use flow_syntax::{Applicability, Diagnostic, Edit, FileId, Fix, Severity, SourceMap, Span, codes, lines};

/// The check of one script against another one.
#[derive(Debug)]
pub struct Report {
    /// The new script's sources and, behind them, the old one's.
    pub sources: SourceMap,
    /// One per state.
    pub verdicts: Vec<Verdict>,
    /// What the verdicts have to say at lines of the scripts; nothing of states that are identical.
    pub diagnostics: Vec<Diagnostic>,
    /// Does the new script look for its state elsewhere than the old one kept it?
    pub moved: bool,
    /// The script that the old state is of, where that is another one's.
    pub whose: Option<String>,
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
    let mut report = Report::empty(sources, offset);
    for verdict in &verdicts {
        for finding in verdict.findings.iter().filter(|finding| told(verdict, finding, allow_dropped)) {
            let diagnostic = report.diagnostic(verdict, finding, allow_dropped);
            report.diagnostics.push(diagnostic);
        }
    }
    report.verdicts = verdicts;
    report
}

/// The report of a script that is there no more: its places are those it had.
pub fn gone(old: &SourceMap, plan: &Plan, old_name: &str, allow_dropped: bool) -> Report {
    let verdicts = all_dropped(plan);
    let mut report = Report::empty(old.clone(), 0);
    let script = old.files().next().map_or("", |(_, file)| file.name.as_str());
    for (verdict, finding) in verdicts.iter().flat_map(|v| v.findings.iter().map(move |f| (v, f))) {
        let span = finding.old.map_or_else(Span::default, |place| report.old_span(place));
        let message = format!(
            "`{}` {}: `{script}` of {old_name} is gone, and what its state holds would be lost",
            verdict.id,
            finding.effect.word()
        );
        let diagnostic = Diagnostic::new(codes::STATE_DROPPED, span, message).at("kept here before");
        report.diagnostics.push(may_go(diagnostic, allow_dropped));
    }
    report.verdicts = verdicts;
    report
}

/// Is there anything to say of it? Where a state is refused, what else would have become of it is not.
fn told(verdict: &Verdict, finding: &Finding, allow_dropped: bool) -> bool {
    let refused = verdict.effect == Effect::Drops && !allow_dropped;
    !refused || finding.effect == Effect::Drops || finding.changes_meaning
}

/// A state that is dropped, as an error or, if that is allowed, as a note.
fn may_go(mut diagnostic: Diagnostic, allow_dropped: bool) -> Diagnostic {
    if allow_dropped {
        diagnostic.severity = Severity::Note;
        return diagnostic;
    }
    let go = "if it may go: `--allow-dropped`";
    let help = diagnostic.help.take().map_or_else(|| go.to_string(), |help| format!("{help}; {go}"));
    diagnostic.help(help)
}

/// The first line of a script that says something.
pub(super) fn first_line(text: &str) -> Place {
    let start = text.len() - text.trim_start().len();
    let length = text[start..lines::end(text, start)].trim_end().len();
    Place { file: 0, start: start as u32, end: (start + length) as u32 }
}

impl Report {
    fn empty(sources: SourceMap, offset: u16) -> Report {
        Report { sources, verdicts: Vec::new(), diagnostics: Vec::new(), moved: false, whose: None, offset }
    }

    /// A place of the new script.
    pub fn new_span(&self, place: Place) -> Span {
        Span { file: FileId(place.file), start: place.start, end: place.end }
    }

    /// Is this a text of the old script? It is no file that is there.
    pub fn is_old(&self, file: FileId) -> bool {
        file.0 >= self.offset
    }

    /// A place of the old script.
    pub fn old_span(&self, place: Place) -> Span {
        Span { file: FileId(place.file + self.offset), start: place.start, end: place.end }
    }

    /// The first line of the new script that says something.
    fn top(&self) -> Span {
        self.new_span(first_line(&self.sources.file(FileId(0)).text))
    }

    fn diagnostic(&self, verdict: &Verdict, finding: &Finding, allow_dropped: bool) -> Diagnostic {
        let code = match (finding.effect, finding.changes_meaning) {
            (Effect::Incompatible, _) => codes::STATE_INCOMPATIBLE,
            (Effect::Drops, _) => codes::STATE_DROPPED,
            (_, true) => codes::CHANGES_MEANING,
            _ => codes::STATE_RESTORES,
        };
        let place = finding.new.or(verdict.place);
        let span = place.map_or_else(|| self.top(), |place| self.new_span(place));
        let message = format!("`{}` {}: {}", verdict.id, finding.effect.word(), finding.message);
        let here = match (finding.new, place) {
            (Some(_), _) => "what it is now",
            (None, Some(_)) if finding.effect == Effect::Drops => "no such state here any more",
            (None, Some(_)) => "the state",
            (None, None) => "nothing in this script keeps it",
        };
        let mut diagnostic = Diagnostic::new(code, span, message).at(here);
        if let Some(old) = finding.old {
            diagnostic = diagnostic.label(self.old_span(old), "what it was before");
        }
        if code == codes::STATE_RESTORES {
            diagnostic.severity = Severity::Note;
        }
        diagnostic.help = finding.help.clone();
        if code == codes::STATE_DROPPED {
            diagnostic = may_go(diagnostic, allow_dropped);
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
