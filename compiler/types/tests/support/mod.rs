//! Checks a script given as text and writes what was found in one line each.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test crate uses a part of it")]

use flow_syntax::{Diagnostic, FileId, SourceMap};
use flow_types::{Checked, Input, Levels, check};

/// What checking a script gives.
pub struct Outcome {
    pub sources: SourceMap,
    pub checked: Checked,
    pub diags: Vec<Diagnostic>,
}

/// Parses and checks a script.
pub fn check_text(text: &str) -> Outcome {
    check_with(text, &[])
}

/// Parses and checks a script with `-p` overrides.
pub fn check_with(text: &str, params: &[(String, String)]) -> Outcome {
    let mut sources = SourceMap::default();
    sources.add("script.flow", text);
    let (program, mut diags) = flow_syntax::parse(FileId(0), text);
    let levels = Levels::default();
    let programs = [program];
    let syntax_errors = diags.iter().any(Diagnostic::is_error);
    let input = Input { sources: &sources, programs: &programs, syntax_errors, params, levels: &levels };
    let (checked, more) = check(&input);
    diags.extend(more);
    Outcome { sources, checked, diags }
}

impl Outcome {
    /// `E0203 pric`: the code and the text it points at.
    pub fn short(&self) -> Vec<String> {
        self.diags.iter().map(|d| format!("{} {}", d.code, self.sources.text(d.primary.span))).collect()
    }

    /// Everything that is said.
    pub fn long(&self) -> String {
        let mut out = String::new();
        for d in &self.diags {
            let (line, column) = self.sources.line_col(d.primary.span.file, d.primary.span.start);
            out += &format!(
                "{line}:{column} {}: {}\n    at `{}`: {}\n",
                d.code,
                d.message,
                self.sources.text(d.primary.span),
                d.primary.text
            );
            for label in &d.labels {
                out += &format!("    label `{}`: {}\n", self.sources.text(label.span), label.text);
            }
            for note in &d.notes {
                out += &format!("    note: {note}\n");
            }
            if let Some(help) = &d.help {
                out += &format!("    help: {help}\n");
            }
            for fix in &d.fixes {
                for edit in &fix.edits {
                    out += &format!(
                        "    fix: {} [{:?} -> {:?}]\n",
                        fix.title,
                        self.sources.text(edit.span),
                        edit.replacement
                    );
                }
            }
        }
        out
    }

    /// The text after applying the first fix of the first diagnostic.
    pub fn fixed(&self) -> String {
        let mut text = self.sources.file(FileId(0)).text.clone();
        let fix = self.diags.iter().flat_map(|d| d.fixes.first()).next().expect("there is a fix");
        let mut edits = fix.edits.clone();
        edits.sort_by_key(|e| std::cmp::Reverse(e.span.start));
        for edit in edits {
            text.replace_range(edit.span.range(), &edit.replacement);
        }
        text
    }
}
