//! `flow explain`: what a code means.

use crate::args::{Cli, Explain};
use crate::render::Paint;
use crate::script::near;
use crate::status::{Outcome, Status, Stop};
use crate::{output, terminal};
use flow_syntax::Code;
use flow_syntax::codes::CODES;
use serde_json::json;

pub(super) fn run(cli: &Cli, args: &Explain) -> Outcome {
    let paint = Paint { color: terminal::stdout(&cli.shown).color };
    let text = match &args.code {
        None if args.json => {
            let all: Vec<_> =
                CODES.iter().map(|i| json!({"code": i.code.0, "name": i.name, "title": i.title})).collect();
            format!("{:#}\n", serde_json::Value::Array(all))
        }
        None => list(paint),
        Some(word) => {
            let Some(info) = Code::find(word.trim_matches(['[', ']'])) else {
                return Err(Stop::outside(format!("there is no code `{word}`{}", near(word))));
            };
            let text = flow_driver::explain(info.code).unwrap_or(info.title);
            if args.json {
                let all = json!({"code": info.code.0, "name": info.name, "title": info.title, "text": text});
                format!("{all:#}\n")
            } else {
                painted(text, paint)
            }
        }
    };
    output::result(&text)?;
    Ok(Status::Done)
}

fn list(paint: Paint) -> String {
    let width = CODES.iter().map(|i| i.name.len()).max().unwrap_or(0);
    let line = |i: &flow_syntax::codes::CodeInfo| {
        format!("{}  {:width$}  {}\n", paint.bold(i.code.0), i.name, paint.dim(i.title))
    };
    CODES.iter().map(line).collect()
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
