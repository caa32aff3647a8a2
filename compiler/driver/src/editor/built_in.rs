//! What is built in, under the cursor: functions, aggregates, connectors, windows, formats, and the arguments of all of them.

use super::cursor::Cursor;
use super::hover::{Hover, word_at};
use super::signature::{Call, CallForm, call};
use super::text;
use crate::Compilation;
use flow_plan::catalogue;
use flow_plan::connector::table::{Accepts, ConnectorDef, Delivery, Replay};
use flow_plan::connector::{lookup, lookup_format};
use flow_syntax::{FileId, Span};

/// What to say of a built-in word at an offset of the main file.
pub(super) fn built_in(compiled: &Compilation, offset: usize) -> Option<Hover> {
    let span = word_at(compiled, offset)?;
    let file = &compiled.sources.file(FileId(0)).text;
    let behind = file[span.end as usize..].trim_start();
    let at = file.len() - behind.len();
    let markdown = match behind.chars().next() {
        Some('(') => called(compiled, text(compiled, span), at),
        Some(':') => argument(compiled, span, at + 1),
        _ => format(compiled, span),
    };
    Some(Hover { span, markdown: markdown? })
}

/// A word whose arguments open at an offset.
fn called(compiled: &Compilation, word: &str, open: usize) -> Option<String> {
    // With all arguments in front, the form that takes so many is known.
    let found = call(compiled, closed(&compiled.sources.file(FileId(0)).text, open))?;
    let Call { signatures, active } = &found;
    let doc = &signatures.get(*active)?.doc;
    if !signatures[0].label.starts_with(word) || is_own(compiled, word) {
        return None;
    }
    let forms: Vec<&str> =
        signatures.iter().filter(|form| form.doc == *doc).map(|form| form.label.as_str()).collect();
    let mut markdown = format!("```flow\n{}\n```\n\n{doc}", forms.join("\n"));
    if let Some(connector) = lookup(word).filter(|connector| connector.doc == doc) {
        markdown.push_str(&promises(connector));
    } else if let Some((call, result)) = example(word, doc) {
        markdown.push_str(&format!("\n\n`{call}` is `{result}`"));
    }
    Some(markdown)
}

/// A function of the script hides nothing, but is told of as what was declared.
fn is_own(compiled: &Compilation, word: &str) -> bool {
    compiled.checked.declarations.iter().any(|declaration| &*declaration.name == word)
}

/// Where the bracket that opens at an offset is closed, or right behind it.
fn closed(file: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for token in flow_syntax::tokens(&file[open..]) {
        match token.kind {
            flow_syntax::TokenKind::Open => depth += 1,
            flow_syntax::TokenKind::Close => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return open + token.span.start as usize;
        }
    }
    open + 1
}

fn example(word: &str, doc: &str) -> Option<(&'static str, &'static str)> {
    let function = catalogue::lookup(word).map(|function| (function.doc, function.example));
    let aggregate = catalogue::lookup_aggregate(word).map(|aggregate| (aggregate.doc, aggregate.example));
    let cast = catalogue::lookup_cast(word).map(|(cast, _)| (cast.doc, cast.example));
    let mut all = [function, aggregate, cast].into_iter().flatten();
    all.find(|(of, _)| *of == doc).map(|(_, example)| example)
}

/// What a connector promises, and how it looks in a script.
fn promises(connector: &ConnectorDef) -> String {
    let mut said = String::new();
    if let Some(source) = connector.source {
        said.push_str(match source.replay {
            Replay::Replayable => "\n\nread: again from any position, so that no row is lost or doubled",
            Replay::Gone => "\n\nread: once; rows read before a failure are lost",
        });
    }
    if let Some(sink) = connector.sink {
        said.push_str(match sink.delivery {
            Delivery::ExactlyOnce => "\n\nwritten: exactly once",
            Delivery::AtLeastOnce => "\n\nwritten: at least once",
            Delivery::BestEffort => "\n\nwritten: best effort",
        });
        match sink.accepts {
            Accepts::EachUpdate => said.push_str("; each update is one more row"),
            Accepts::UpsertWith(argument, word) => {
                said.push_str(&format!("; rows are replaced by key with `{argument}: {word}`"));
            }
            Accepts::AppendOnly => said.push_str("; final rows only"),
        }
    }
    format!("{said}\n\n`{}`", connector.example)
}

/// The name of an argument.
fn argument(compiled: &Compilation, name: Span, behind: usize) -> Option<String> {
    let cursor = Cursor::new(&compiled.sources.file(FileId(0)).text, name.end as usize);
    let open = cursor.open.first()?;
    let begins = open.item == cursor.tokens.len();
    cursor.callee(open).filter(|_| begins)?;
    let Call { signatures, active } = call(compiled, behind)?;
    let CallForm { label, parameters, docs, active, .. } = signatures.get(active)?;
    let at = (*active)?;
    let (range, doc) = (parameters.get(at)?.clone(), docs.get(at)?);
    Some(format!("```flow\n{}\n```\n\n{doc}", &label[range]).trim_end().to_string())
}

/// The word of a format: `format: json`.
fn format(compiled: &Compilation, word: Span) -> Option<String> {
    let before = compiled.sources.file(FileId(0)).text[..word.start as usize].trim_end();
    let option = before.strip_suffix(':')?.trim_end().ends_with("format");
    let format = lookup_format(text(compiled, word)).filter(|_| option)?;
    Some(format!("```flow\nformat: {}\n```\n\n{}", format.name, format.doc))
}
