//! Levels of lints (`--deny`, `--warn`, `--allow`) and `// flow-allow W0301: reason`.

use crate::checker::Input;
use flow_syntax::codes;
use flow_syntax::{Code, Diagnostic, FileId, Severity, SourceMap, Span};

/// What happens to a lint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not said.
    Allow,
    /// A warning.
    Warn,
    /// An error.
    Deny,
}

/// Levels given on the command line; later ones win.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    rules: Vec<(Option<Code>, Level)>,
}

impl Levels {
    /// Sets the level of one lint.
    pub fn set(&mut self, code: Code, level: Level) {
        self.rules.push((Some(code), level));
    }

    /// `--deny warnings`.
    pub fn set_all(&mut self, level: Level) {
        self.rules.push((None, level));
    }

    /// The level of a lint.
    pub fn of(&self, code: Code) -> Level {
        let matching = self.rules.iter().rev().find(|(c, _)| c.is_none_or(|c| c == code));
        matching.map_or(Level::Warn, |(_, level)| *level)
    }
}

/// Stands for a word in a `flow-allow` that is no lint.
const UNKNOWN: Code = Code("W0000");
/// Stands for all that a comment of documentation would allow.
const DOCUMENTATION: Code = Code("W0001");

/// A `// flow-allow CODE: reason` comment.
struct Allow {
    code: Code,
    /// Place of the code in the comment.
    span: Span,
    /// The offsets it speaks of.
    line: std::ops::Range<usize>,
    /// Without a reason it covers nothing.
    reason: bool,
    used: bool,
}

/// Drops what is allowed, raises what is denied, and says which comments allow nothing.
pub(crate) fn apply_levels(input: &Input<'_>, diags: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut allows: Vec<Allow> = Vec::new();
    for program in input.programs {
        collect(program.file, &input.sources.file(program.file).text, &mut allows);
    }
    let mut kept: Vec<Diagnostic> = Vec::with_capacity(diags.len());
    for mut diag in diags {
        if diag.severity != Severity::Warning {
            kept.push(diag);
            continue;
        }
        let at = diag.primary.span;
        let mut allowed = false;
        for allow in &mut allows {
            if allow.code == diag.code
                && allow.span.file == at.file
                && allow.line.contains(&(at.start as usize))
            {
                allow.used = true;
                allowed = true;
            }
        }
        match input.levels.of(diag.code) {
            _ if allowed => {}
            Level::Allow => {}
            Level::Warn => kept.push(diag),
            Level::Deny => {
                diag.severity = Severity::Error;
                kept.push(diag);
            }
        }
    }
    // A script with errors may not have been looked at for all lints.
    let complete = !input.syntax_errors && !kept.iter().any(Diagnostic::is_mistake);
    for allow in allows {
        // Only a comparison with another version or script knows what those would silence.
        let of_comparison =
            matches!(allow.code, codes::CHANGES_MEANING | codes::SHARED_STATE) && allow.reason;
        if allow.used || !complete || of_comparison {
            continue;
        }
        let (message, help) = match (allow.code, allow.reason) {
            (DOCUMENTATION, _) => (
                "a `///` comment is documentation, and allows nothing".to_string(),
                "write `// flow-allow …`".to_string(),
            ),
            (UNKNOWN, _) => ("there is no lint of this name".to_string(), "remove the comment".to_string()),
            (code, false) => (
                format!("`{code}` is not allowed without a reason"),
                format!("say why: `// flow-allow {code}: it is meant to grow`"),
            ),
            (code, true) => {
                (format!("nothing here needs `{code}` to be allowed"), "remove the comment".to_string())
            }
        };
        let mut diag =
            Diagnostic::new(codes::UNUSED_ALLOW, allow.span, message).at("suppresses nothing").help(help);
        if allow.code == DOCUMENTATION {
            diag = diag.fix("write `//`", allow.span, "//");
        }
        match input.levels.of(codes::UNUSED_ALLOW) {
            Level::Allow => continue,
            Level::Warn => {}
            Level::Deny => diag.severity = Severity::Error,
        }
        kept.push(diag);
    }
    kept
}

/// Is this lint allowed at this place? For lints that are found by more than the check of a script.
pub fn is_allowed(sources: &SourceMap, code: Code, at: Span) -> bool {
    let mut allows = Vec::new();
    collect(at.file, &sources.file(at.file).text, &mut allows);
    allows.iter().any(|allow| allow.code == code && allow.line.contains(&(at.start as usize)))
}

/// Finds the comments of one file. They stand on lines of their own, or with code on its line.
fn collect(file: FileId, text: &str, allows: &mut Vec<Allow>) {
    let Some(all) = flow_syntax::Allowing::of(text) else { return };
    for (number, token) in all.comments() {
        let comment = &text[token.span.range()];
        let documents =
            comment.strip_prefix("///").is_some_and(|doc| doc.trim_start().starts_with("flow-allow "));
        if documents {
            let start = token.span.start as usize;
            let span = Span::new(file, start, start + 3);
            allows.push(Allow { code: DOCUMENTATION, span, line: 0..0, reason: true, used: false });
        }
        let Some(said) = flow_syntax::allows(comment) else { continue };
        let reason = !said.reason.is_empty();
        let line = if reason { all.allowed(number) } else { 0..0 };
        let mut offset = token.span.start as usize + said.at;
        for word in said.codes.split(',') {
            let name = word.trim();
            let from = offset + (word.len() - word.trim_start().len());
            offset += word.len() + 1;
            let span = Span::new(file, from, from + name.len());
            if let Some(info) = codes::Code::find(name).filter(|i| i.code.0.starts_with('W')) {
                allows.push(Allow { code: info.code, span, line: line.clone(), reason, used: false });
            } else if !name.is_empty() {
                allows.push(Allow { code: UNKNOWN, span, line: 0..0, reason, used: false });
            }
        }
    }
}
