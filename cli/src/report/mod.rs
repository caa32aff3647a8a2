//! What `check` found, in the forms that people and machines read. All are renderings of the same
//! diagnostics; none adds or leaves out one.

mod concise;
mod github;
mod gitlab;
pub(crate) mod json;
pub(crate) mod junit;
mod restore;
mod sarif;

use crate::render::{self, Look};
use clap::ValueEnum;
use flow_driver::restore::Report;
use flow_syntax::{Diagnostic, FileId, Label, SourceMap, Span};
use std::collections::HashSet;

/// The forms of `check --format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Code frames for people
    Human,
    /// `file:line:col: error[E0203]: message`
    Concise,
    /// One array with spans, labels and fixes
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// GitHub workflow annotations
    Github,
    /// GitLab code quality
    Gitlab,
    /// JUnit XML, one test case a file
    Junit,
    /// Markdown for a comment on a pull request
    Markdown,
}

/// One checked script.
pub struct Checked {
    /// As it was given on the command line.
    pub path: String,
    /// The script and what it imports.
    pub sources: SourceMap,
    /// What was found, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// What `--against` found; its sources are the script's and those of the other version.
    pub restore: Option<Report>,
}

impl Checked {
    /// The texts that diagnostics point into.
    fn sources(&self) -> &SourceMap {
        self.restore.as_ref().map_or(&self.sources, |report| &report.sources)
    }

    /// What it is called where several are listed.
    fn title(&self) -> String {
        match self.restore.as_ref().and_then(|report| report.whose.as_ref()) {
            Some(other) => format!("{} with the state of {other}", self.path),
            None => self.path.clone(),
        }
    }

    /// Is this a text of another version?
    fn is_old(&self, file: FileId) -> bool {
        self.restore.as_ref().is_some_and(|report| report.is_old(file))
    }
}

/// The verdicts of a restore check for people: one line per state.
pub(crate) fn restore_text(report: &Report, look: Look) -> String {
    restore::human(report, look)
}

/// All of it in one of the forms.
pub fn write(format: Format, checked: &[Checked], look: Look) -> String {
    match format {
        Format::Human => human(checked, look),
        Format::Concise => concise::write(checked),
        Format::Json => json::write(checked),
        Format::Sarif => sarif::write(checked),
        Format::Github => github::write(checked),
        Format::Gitlab => gitlab::write(checked),
        Format::Junit => junit::write(checked),
        Format::Markdown => restore::markdown(checked),
    }
}

fn human(checked: &[Checked], look: Look) -> String {
    let mut out = String::new();
    let mut all = Vec::new();
    let mut told = Told::default();
    for file in checked {
        for diagnostic in file.diagnostics.iter().filter(|d| told.first(d, file.sources())) {
            out.push_str(&render::one(diagnostic, file.sources(), look));
            out.push('\n');
            all.push(diagnostic.severity);
        }
        if let Some(report) = &file.restore {
            if checked.len() > 1 || report.whose.is_some() {
                out.push_str(&format!("{}:\n", file.title()));
            }
            out.push_str(&restore::human(report, look));
        }
    }
    if let Some(counts) = render::summary(all, look) {
        out.push_str(&counts);
        out.push('\n');
    }
    out
}

/// Every diagnostic with the sources it points into; what was found in a file that several scripts import comes once.
fn each(checked: &[Checked]) -> impl Iterator<Item = (&Diagnostic, &SourceMap)> {
    each_of(checked).map(|(d, file)| (d, file.sources()))
}

/// The same, with the script it was found in.
fn each_of(checked: &[Checked]) -> impl Iterator<Item = (&Diagnostic, &Checked)> {
    let mut told = Told::default();
    let all = checked.iter().flat_map(|file| file.diagnostics.iter().map(move |d| (d, file)));
    all.filter(move |(d, file)| told.first(d, file.sources()))
}

/// What was told already: code, file, place and message.
#[derive(Default)]
struct Told<'a>(HashSet<(&'a str, &'a str, Span, &'a str)>);

impl<'a> Told<'a> {
    /// Is it new?
    fn first(&mut self, d: &'a Diagnostic, sources: &'a SourceMap) -> bool {
        let span = d.primary.span;
        // Files have other numbers in other scripts.
        let place = Span { file: FileId::default(), ..span };
        self.0.insert((d.code.0, &sources.file(span.file).name, place, &d.message))
    }
}

/// A span as machines want it: 1-based lines and columns in characters; the end is behind the last.
struct Place<'a> {
    file: &'a str,
    start: u32,
    end: u32,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

fn place(span: Span, sources: &SourceMap) -> Place<'_> {
    let file = sources.file(span.file);
    let length = file.text.len() as u32;
    let (start, end) = (span.start.min(length), span.end.min(length));
    let (line, column) = sources.line_col(span.file, start);
    let (end_line, end_column) = sources.line_col(span.file, end);
    // GitHub and GitLab know files by their paths from the repository's top, without a `./` in front.
    let name = file.name.strip_prefix("./").unwrap_or(&file.name);
    Place { file: name, start, end, line, column, end_line, end_column }
}

/// The whole text and, behind it, the lines of other places: for forms that show one place only.
fn text_with_places(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let labels: Vec<&Label> = diagnostic.labels.iter().collect();
    whole_text(diagnostic, sources) + &places(&labels, sources)
}

/// Characters that are shown of the words that something is said of.
const WORDS: usize = 60;

/// A line for each other place, with what stands there.
fn places(labels: &[&Label], sources: &SourceMap) -> String {
    let mut text = String::new();
    for label in labels {
        let at = place(label.span, sources);
        let line = sources.file(label.span.file).line(at.line).trim();
        text.push_str(&format!("\n{}:{}: {}: {line}", at.file, at.line, label.text));
    }
    text
}

/// What is said at a place, with the words it is said of: no frame shows them.
fn said_of(label: &Label, sources: &SourceMap) -> String {
    let words = sources.text(label.span).trim();
    match words.lines().next() {
        Some(first) if !label.text.is_empty() => {
            let mut shown: String = first.trim_end().chars().take(WORDS).collect();
            if shown.len() < words.len() {
                shown.push('…');
            }
            format!("`{shown}`: {}", label.text)
        }
        _ => label.text.clone(),
    }
}

/// Message, what is said at the first place, notes and help in one text, for forms that have no place for them.
fn whole_text(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let mut text = diagnostic.message.clone();
    let mut add = |part: &str| {
        if !part.is_empty() {
            text.push('\n');
            text.push_str(part);
        }
    };
    add(&said_of(&diagnostic.primary, sources));
    for note in &diagnostic.notes {
        add(&format!("note: {note}"));
    }
    if let Some(help) = &diagnostic.help {
        add(&format!("help: {help}"));
    }
    for fix in &diagnostic.fixes {
        if diagnostic.help.as_ref() != Some(&fix.title) {
            add(&format!("help: {}", fix.title));
        }
    }
    text
}
