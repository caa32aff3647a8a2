//! The verdicts of a restore check as a table: on a terminal, in Markdown, and as JSON.

use super::{Checked, place};
use crate::render::Look;
use crate::render::text::Paint;
use flow_driver::restore::{Effect, Report, Verdict};
use flow_syntax::{Diagnostic, Span};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// One line per state, under the diagnostics.
pub(super) fn human(report: &Report, look: Look) -> String {
    let paint = Paint { color: look.color };
    let id_width = report.verdicts.iter().map(|v| v.id.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for verdict in &report.verdicts {
        let word = format!("{:12}", verdict.effect.word());
        let word = match verdict.effect {
            Effect::Identical | Effect::Restores => paint.bold(&word),
            Effect::Migrates => paint.yellow(&word),
            Effect::Drops | Effect::Incompatible => paint.red(&word),
        };
        let _ = write!(out, "{:id_width$}  {word}", verdict.id);
        let said = remarks(verdict);
        if !said.is_empty() {
            let _ = write!(out, "  {}", said.join("; "));
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    if report.verdicts.is_empty() {
        out.push_str("neither script keeps state\n");
    }
    out
}

fn remarks(verdict: &Verdict) -> Vec<String> {
    let mut said: Vec<String> = verdict.was.iter().map(|was| format!("was `{was}`")).collect();
    if verdict.changes_meaning {
        said.push("changesMeaning".into());
    }
    said
}

/// A table fit for a comment on a pull request.
pub(super) fn markdown(checked: &[Checked]) -> String {
    let mut out = String::new();
    for file in checked {
        let whose = file.restore.as_ref().and_then(|report| report.whose.as_ref());
        let whose = whose.map_or_else(String::new, |other| format!(" with the state of {}", code(other)));
        let _ = writeln!(out, "#### {}{whose}\n", code(&file.path));
        if let Some(report) = &file.restore {
            if report.verdicts.is_empty() {
                out.push_str("Neither script keeps state.\n\n");
            } else {
                out.push_str("| state | verdict | why | old | new |\n|---|---|---|---|---|\n");
            }
            for verdict in &report.verdicts {
                rows(&mut out, report, verdict);
            }
        }
        findings(&mut out, file);
    }
    out
}

fn rows(out: &mut String, report: &Report, verdict: &Verdict) {
    let id = cell(&code(&verdict.id));
    let mut word = verdict.effect.word().to_string();
    if matches!(verdict.effect, Effect::Drops | Effect::Incompatible) {
        word = format!("**{word}**");
    }
    if verdict.changes_meaning {
        word.push_str(", changesMeaning");
    }
    if verdict.findings.is_empty() {
        let _ = writeln!(out, "| {id} | {word} | | | |");
    }
    for (index, finding) in verdict.findings.iter().enumerate() {
        let (id, word) = if index == 0 { (id.as_str(), word.as_str()) } else { ("", "") };
        let line = |span: Option<Span>| {
            span.map_or_else(String::new, |span| {
                let at = place(span, &report.sources);
                let text = report.sources.file(span.file).line(at.line);
                format!("{}: {}", at.line, cell(&code(text.trim())))
            })
        };
        let old = line(finding.old.map(|place| report.old_span(place)));
        let new = line(finding.new.map(|place| report.new_span(place)));
        let _ = writeln!(out, "| {id} | {word} | {} | {old} | {new} |", cell(&finding.message));
    }
}

/// Diagnostics that are none of the check's.
fn findings(out: &mut String, file: &Checked) {
    let in_table = |d: &Diagnostic| d.code.0.starts_with("E07") || d.code.0 == "W0311";
    let plain = file.diagnostics.iter().filter(|d| file.restore.is_none() || !in_table(d));
    let mut any = false;
    for diagnostic in plain {
        let at = place(diagnostic.primary.span, file.sources());
        let word = crate::render::severity_word(diagnostic.severity);
        let _ = writeln!(
            out,
            "- {word} {} at {}:{}:{}: {}",
            diagnostic.code,
            at.file,
            at.line,
            at.column,
            diagnostic.message.replace('\n', " ")
        );
        any = true;
    }
    if any || file.restore.is_some() {
        out.push('\n');
    } else {
        out.push_str("Nothing to say.\n\n");
    }
}

/// Text as code: between more backticks than it has in a row.
fn code(text: &str) -> String {
    let most = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(most + 1);
    let space = if most > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The verdicts on a script as entries of the JSON array, behind the diagnostics.
pub(super) fn json(file: &str, report: &Report) -> Vec<Value> {
    let span = |span: Option<Span>| span.map(|span| super::json::span(span, &report.sources));
    let each = |verdict: &Verdict| {
        json!({
            "format_version": super::json::FORMAT_VERSION,
            "file": file,
            "state_of": report.whose,
            "verdict": verdict.effect.word(),
            "changes_meaning": verdict.changes_meaning,
            "id": verdict.id,
            "was": verdict.was,
            "findings": verdict.findings.iter().map(|finding| json!({
                "verdict": finding.effect.word(),
                "changes_meaning": finding.changes_meaning,
                "message": finding.message,
                "old": span(finding.old.map(|place| report.old_span(place))),
                "new": span(finding.new.map(|place| report.new_span(place))),
                "help": finding.help,
            })).collect::<Vec<_>>(),
        })
    };
    report.verdicts.iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::{cell, code};

    #[test]
    fn code_stands_between_more_backticks_than_it_has() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("sum(`x y`)"), "`` sum(`x y`) ``");
        assert_eq!(code("`` `"), "``` `` ` ```");
        assert_eq!(cell(&code("a || `b`")), "`` a \\|\\| `b` ``");
    }
}
