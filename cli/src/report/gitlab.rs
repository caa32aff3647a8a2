//! GitLab code quality: an array of issues with fingerprints that survive moved lines.

use super::{Checked, each, place, text_with_places};
use flow_syntax::{Severity, SourceMap, Span};
use serde_json::{Value, json};
use std::collections::HashMap;

pub(super) fn write(checked: &[Checked]) -> String {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let issues: Vec<Value> = each(checked)
        .map(|(d, sources)| {
            let at = place(d.primary.span, sources);
            // The same mistake on equal lines of one file is told apart by its count.
            let key = format!("{}\n{}\n{}\n{}", d.code, at.file, d.message, line_of(d.primary.span, sources));
            let repeat = seen.entry(key.clone()).or_default();
            *repeat += 1;
            json!({
                "description": text_with_places(d, sources),
                "check_name": d.code.0,
                "fingerprint": format!("{:016x}", fnv1a(&format!("{key}\n{repeat}"))),
                "severity": match d.severity {
                    Severity::Error => "major",
                    Severity::Warning => "minor",
                    Severity::Note => "info",
                },
                "location": {
                    "path": at.file,
                    "lines": { "begin": at.line, "end": at.end_line },
                },
            })
        })
        .collect();
    format!("{:#}\n", Value::Array(issues))
}

fn line_of(span: Span, sources: &SourceMap) -> String {
    let (line, _) = sources.line_col(span.file, span.start);
    sources.file(span.file).line(line).trim().to_string()
}

/// FNV-1a, 64 bits: fingerprints must be the same for ever, on every machine.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
