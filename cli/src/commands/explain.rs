//! `flow explain`: what a code means.

use crate::args::{Cli, Explain};
use crate::render::Paint;
use crate::script::near;
use crate::status::{Outcome, Status, Stop};
use crate::{output, terminal};
use flow_driver::explain;
use flow_plan::ErrorCode;
use flow_syntax::Code;
use flow_syntax::codes::CODES;
use serde_json::json;

pub(super) fn run(cli: &Cli, args: &Explain) -> Outcome {
    let paint = Paint { color: terminal::stdout(&cli.shown).color };
    let text = match &args.code {
        None if args.json => {
            let kinds = ErrorCode::ALL.iter().map(|kind| {
                let (name, title) = (kind.as_str(), explain::record_error_title(*kind));
                json!({"code": name, "name": name, "title": title})
            });
            let codes = CODES.iter().map(|i| json!({"code": i.code.0, "name": i.name, "title": i.title}));
            let all: Vec<_> = codes.chain(kinds).collect();
            format!("{:#}\n", serde_json::Value::Array(all))
        }
        None => list(paint),
        Some(word) => {
            let (code, name, title, text) = meant(word.trim_matches(['[', ']']))?;
            if args.json {
                format!("{:#}\n", json!({"code": code, "name": name, "title": title, "text": text}))
            } else {
                painted(&text, paint)
            }
        }
    };
    output::result(&text)?;
    Ok(Status::Done)
}

/// Code, name, title and text of what a word means: a code, its name, or a kind of record errors.
fn meant(word: &str) -> Result<(&'static str, &'static str, &'static str, String), Stop> {
    if let Some(info) = Code::find(word) {
        let text = flow_driver::explain(info.code).unwrap_or(info.title);
        return Ok((info.code.0, info.name, info.title, text.to_string()));
    }
    let Some(kind) = explain::record_error(word) else {
        return Err(Stop::outside(format!("there is no code `{word}`{}", nearest(word))));
    };
    let text = format!("{}\n{}", explain::explain_record_error(kind), explain::RECORD_ERRORS);
    Ok((kind.as_str(), kind.as_str(), explain::record_error_title(kind), text))
}

/// Codes that may have been meant, or how all are seen.
fn nearest(word: &str) -> String {
    match near(word) {
        none if none.is_empty() => "\n  help: `flow explain` lists all codes".to_string(),
        some => some,
    }
}

fn list(paint: Paint) -> String {
    let width = CODES.iter().map(|i| i.name.len()).max().unwrap_or(0);
    let line = |i: &flow_syntax::codes::CodeInfo| {
        format!("{}  {:width$}  {}\n", paint.bold(i.code.0), i.name, paint.dim(i.title))
    };
    let kind = |kind: ErrorCode| {
        let title = explain::record_error_title(kind);
        format!("{}  {}\n", paint.bold(&format!("{:1$}", kind.as_str(), width + 7)), paint.dim(title))
    };
    CODES.iter().map(line).chain(ErrorCode::ALL.into_iter().map(kind)).collect()
}

/// Markdown on a terminal: headings and code stand out, the rest is as it was written.
fn painted(text: &str, paint: Paint) -> String {
    if !paint.color {
        return text.to_string();
    }
    let mut code = false;
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            code = !code;
            out.push_str(&paint.dim(line));
        } else if code {
            out.push_str(&paint.cyan(line));
        } else if line.starts_with('#') {
            out.push_str(&paint.bold(line));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}
