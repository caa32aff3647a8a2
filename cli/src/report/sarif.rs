//! SARIF 2.1.0, the form code scanners exchange.

use super::{Checked, each, each_of, place, places, whole_text};
use flow_syntax::{Applicability, Diagnostic, Edit, Severity, SourceMap, Span};
use serde_json::{Value, json};

pub(super) fn write(checked: &[Checked]) -> String {
    let mut codes: Vec<_> = each(checked).map(|(d, _)| d.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes
        .iter()
        .map(|code| {
            let info = code.info();
            json!({
                "id": code.0,
                "name": info.name,
                "shortDescription": { "text": info.title },
                "help": { "text": format!("flow explain {code}") },
                "defaultConfiguration": { "level": level(code.severity()) },
            })
        })
        .collect();
    let results: Vec<Value> = each_of(checked).map(|(d, file)| result(d, file, &codes)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "flow", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            // Our columns count characters (Unicode scalar values).
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(d: &Diagnostic, file: &Checked, codes: &[flow_syntax::Code]) -> Value {
    let sources = file.sources();
    // Another version of a script is no file of the tree: what it says there stands in the text.
    let (old, there): (Vec<_>, Vec<_>) = d.labels.iter().partition(|label| file.is_old(label.span.file));
    let mut result = json!({
        "ruleId": d.code.0,
        "ruleIndex": codes.iter().position(|c| *c == d.code),
        "level": level(d.severity),
        "message": { "text": whole_text(d, sources) + &places(&old, sources) },
        "locations": [location(d.primary.span, sources, &d.primary.text)],
    });
    if !there.is_empty() {
        let related: Vec<Value> = there.iter().map(|l| location(l.span, sources, &l.text)).collect();
        result["relatedLocations"] = Value::Array(related);
    }
    let sure: Vec<Value> = d
        .fixes
        .iter()
        .filter(|f| f.applicability == Applicability::MachineApplicable)
        .map(|f| json!({ "description": { "text": f.title }, "artifactChanges": changes(&f.edits, sources) }))
        .collect();
    if !sure.is_empty() {
        result["fixes"] = Value::Array(sure);
    }
    result
}

fn location(span: Span, sources: &SourceMap, text: &str) -> Value {
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(place(span, sources).file) },
            "region": region(span, sources),
        },
    });
    if !text.is_empty() {
        location["message"] = json!({ "text": text });
    }
    location
}

fn region(span: Span, sources: &SourceMap) -> Value {
    let at = place(span, sources);
    json!({
        "startLine": at.line,
        "startColumn": at.column,
        "endLine": at.end_line,
        "endColumn": at.end_column,
        "byteOffset": at.start,
        "byteLength": at.end - at.start,
    })
}

fn changes(edits: &[Edit], sources: &SourceMap) -> Vec<Value> {
    let mut files: Vec<_> = edits.iter().map(|e| e.span.file).collect();
    files.sort_unstable();
    files.dedup();
    let change = |file| {
        let replacements: Vec<Value> = edits
            .iter()
            .filter(|e| e.span.file == file)
            .map(|e| {
                json!({
                    "deletedRegion": region(e.span, sources),
                    "insertedContent": { "text": e.replacement },
                })
            })
            .collect();
        json!({
            "artifactLocation": { "uri": uri(&sources.file(file).name) },
            "replacements": replacements,
        })
    };
    files.into_iter().map(change).collect()
}

/// A relative URI reference: what is not allowed in one is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte as char)
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
