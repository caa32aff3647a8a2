//! One JSON array: everything a diagnostic knows, with byte offsets, lines and columns.

use super::{Checked, each, place};
use crate::render::severity_word;
use flow_syntax::{Applicability, Diagnostic, Edit, Fix, Label, SourceMap, Span};
use serde_json::{Value, json};

/// Grows when a field changes its meaning or goes away; new fields do not change it.
pub(crate) const FORMAT_VERSION: u32 = 1;

pub(super) fn write(checked: &[Checked]) -> String {
    let mut all: Vec<Value> = each(checked).map(|(d, sources)| diagnostic(d, sources)).collect();
    let compared = checked.iter().filter_map(|file| Some((&file.path, file.restore.as_ref()?)));
    all.extend(compared.flat_map(|(path, report)| super::restore::json(path, report)));
    format!("{:#}\n", Value::Array(all))
}

/// One diagnostic as JSON.
pub(crate) fn diagnostic(d: &Diagnostic, sources: &SourceMap) -> Value {
    json!({
        "format_version": FORMAT_VERSION,
        "code": d.code.0,
        "name": d.code.info().name,
        "severity": severity_word(d.severity),
        "message": d.message,
        "span": span(d.primary.span, sources),
        "label": d.primary.text,
        "labels": d.labels.iter().map(|l| label(l, sources)).collect::<Vec<_>>(),
        "notes": d.notes,
        "help": d.help,
        "fixes": d.fixes.iter().map(|f| fix(f, sources)).collect::<Vec<_>>(),
    })
}

fn label(label: &Label, sources: &SourceMap) -> Value {
    json!({ "span": span(label.span, sources), "text": label.text })
}

fn fix(fix: &Fix, sources: &SourceMap) -> Value {
    let edit = |e: &Edit| json!({ "span": span(e.span, sources), "replacement": e.replacement });
    json!({
        "title": fix.title,
        "applicability": match fix.applicability {
            Applicability::MachineApplicable => "machine-applicable",
            Applicability::MaybeIncorrect => "maybe-incorrect",
            Applicability::HasPlaceholders => "has-placeholders",
        },
        "edits": fix.edits.iter().map(edit).collect::<Vec<_>>(),
    })
}

pub(super) fn span(span: Span, sources: &SourceMap) -> Value {
    let at = place(span, sources);
    json!({
        "file": at.file,
        "start": at.start,
        "end": at.end,
        "line": at.line,
        "column": at.column,
        "end_line": at.end_line,
        "end_column": at.end_column,
    })
}
