//! What only one declaration of a job can have: the standard input, a folder that a sink writes into.

use crate::checker::{Checker, Resolved, span_of};
use flow_plan::Value;
use flow_plan::connector::{ArgValue, ConnectorCall};
use flow_plan::operator::OperatorKind;
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};
use std::path::{Component, Path, PathBuf};

/// Refuses the second one. Sources that nothing reads are never opened.
pub(crate) fn run(ck: &mut Checker<'_>) {
    let (mut stdin, mut folders): (Option<Span>, Vec<(PathBuf, Span)>) = (None, Vec::new());
    let mut found = Vec::new();
    for (index, resolved) in ck.resolved.iter().enumerate() {
        let Resolved::Pipeline(pipeline) = resolved else { continue };
        let uses = ck.uses[index];
        for operator in &pipeline.operators {
            match &operator.kind {
                OperatorKind::Source(call) | OperatorKind::Table { connector: call }
                    if call.name == "stdin" =>
                {
                    if !(uses.rows || uses.late || uses.errors) {
                        continue;
                    }
                    match stdin {
                        Some(first) => found.push(second_stdin(span_of(call.place), first)),
                        None => stdin = Some(span_of(call.place)),
                    }
                }
                OperatorKind::Sink(call) if call.name == "file" => {
                    let Some((folder, span)) = folder(call) else { continue };
                    let meets = |(other, _): &&(PathBuf, Span)| {
                        stands_in(&folder, other) || stands_in(other, &folder)
                    };
                    match folders.iter().find(meets) {
                        Some((other, first)) => found.push(second_folder(&folder, span, other, *first)),
                        None => folders.push((folder, span)),
                    }
                }
                _ => {}
            }
        }
    }
    found.into_iter().for_each(|diag| ck.report(diag));
}

fn second_stdin(second: Span, first: Span) -> Diagnostic {
    Diagnostic::new(codes::SHARED_CONNECTOR, second, "the standard input can be read by one source only")
        .at("the second one")
        .label(first, "read here already")
        .help("let several streams read the one source")
}

fn second_folder(folder: &Path, second: Span, other: &Path, first: Span) -> Diagnostic {
    let message = match folder == other {
        true => format!("two sinks write into `{}`", folder.display()),
        false => {
            format!("one sink writes into `{}`, another into `{}`", other.display(), folder.display())
        }
    };
    Diagnostic::new(codes::SHARED_CONNECTOR, second, message)
        .at("the second one")
        .label(first, "the first one is here")
        .help("give each sink its own folder, or send all rows to one sink with `union`")
}

/// Is a folder this one, or below it? An empty path is where the script stands.
fn stands_in(inner: &Path, outer: &Path) -> bool {
    let below = || matches!(inner.components().next(), Some(Component::Normal(_)) | None);
    inner.starts_with(outer) && (outer.components().next().is_some() || below())
}

/// The folder of a file sink, without `.` and `..`, and where it is named.
fn folder(call: &ConnectorCall) -> Option<(PathBuf, Span)> {
    let arg = call.args.iter().find(|arg| arg.name == "path")?;
    let ArgValue::Value(Value::String(path)) = &arg.value else { return None };
    let mut folder = PathBuf::new();
    for part in Path::new(&**path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(folder.components().next_back(), Some(Component::Normal(_))) => {
                folder.pop();
            }
            part => folder.push(part),
        }
    }
    Some((folder, span_of(arg.place)))
}
