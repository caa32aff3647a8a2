//! Completion: what can stand at the cursor, decided by the tokens in front of it and by what the checker knows of
//! the stream there. Works on half-typed text.

use super::hover::signatures;
use crate::Compilation;
use flow_plan::catalogue;
use flow_plan::connector::{CONNECTORS, lookup};
use flow_syntax::{FileId, Token, TokenKind};
use flow_types::checked::CheckedKind;
use flow_types::stream::StreamType;

/// What a proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum CompletionKind {
    Stage,
    Field,
    Function,
    Aggregate,
    Connector,
    Option,
    Declaration,
    Type,
    Keyword,
}

/// One proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is inserted.
    pub text: String,
    /// What it is.
    pub kind: CompletionKind,
    /// Its type or signature.
    pub detail: String,
    /// One line about it.
    pub doc: String,
}

fn proposal(text: &str, kind: CompletionKind, detail: impl Into<String>, doc: &str) -> Completion {
    Completion { text: text.into(), kind, detail: detail.into(), doc: doc.into() }
}

const DECLARATIONS: &[(&str, &str)] = &[
    ("source", "where rows come from: `source bids: Bid = file(\"bids.ndjson\", format: json)`"),
    ("stream", "a named pipeline: `stream hot = bids |> filter(price > 100)`"),
    ("sink", "where rows go: `sink out = hot -> stdout(format: json)`"),
    ("table", "rows to look up by key: `table items: Item key id = file(\"items.csv\", format: csv)`"),
    ("type", "a named record: `type Bid = { auction: int, price: int }`"),
    ("fn", "a function: `fn usd(cents: int) -> float = float(cents) / 100.0`"),
    ("param", "a value set by `flow run -p`: `param day: duration = 24h`"),
    ("const", "a constant: `const vip = [\"alice\"]`"),
    ("job", "settings of the whole job"),
    ("test", "rows in, expected rows out"),
    ("import", "declarations of another file"),
];

/// What the tokens in front of the cursor ask for.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Top,
    Stage,
    SinkConnector,
    SourceConnector,
    Head,
    Type,
    /// In the arguments of this call.
    Arguments(String),
    Expression,
    Nothing,
}

/// What can stand at an offset of the main file.
pub fn complete(compiled: &Compilation, offset: usize) -> Vec<Completion> {
    let text = &compiled.sources.file(FileId(0)).text;
    let offset = offset.min(text.len());
    if !text.is_char_boundary(offset) {
        return Vec::new();
    }
    let tokens = before(text, offset);
    match place(text, &tokens) {
        Place::Nothing => Vec::new(),
        Place::Top => {
            let each = DECLARATIONS.iter();
            each.map(|(word, doc)| proposal(word, CompletionKind::Keyword, "", doc)).collect()
        }
        Place::Stage => stages(),
        Place::SinkConnector => connectors(false),
        Place::SourceConnector => connectors(true),
        Place::Head => heads(compiled),
        Place::Type => types(compiled),
        Place::Arguments(callee) => {
            let mut all = options(&callee);
            if all.is_empty() || lookup(&callee).is_none() {
                all.extend(expressions(compiled, offset));
            }
            all
        }
        Place::Expression => expressions(compiled, offset),
    }
}

/// The tokens in front of the cursor, without the word that is being typed, and without comments.
fn before(text: &str, offset: usize) -> Vec<Token> {
    let mut tokens = flow_syntax::tokens(&text[..offset]);
    let typing = |token: &Token| {
        token.span.end as usize == offset && matches!(token.kind, TokenKind::Ident | TokenKind::Keyword)
    };
    if tokens.last().is_some_and(typing) {
        tokens.pop();
    }
    tokens
}

fn place(text: &str, tokens: &[Token]) -> Place {
    let word = |token: &Token| &text[token.span.range()];
    let Some(last) = tokens.last() else { return Place::Top };
    if last.is_comment()
        || matches!(last.kind, TokenKind::StringOpen | TokenKind::StringText | TokenKind::Escape)
    {
        return Place::Nothing;
    }
    if let Some(open) = open_bracket(text, tokens) {
        let callee = open.checked_sub(1).map(|at| &tokens[at]);
        return match callee {
            Some(name) if word(&tokens[open]) == "(" && name.kind == TokenKind::Ident => {
                Place::Arguments(word(name).to_string())
            }
            _ if word(last) == ":" && in_type(text, &tokens[..open]) => Place::Type,
            _ => Place::Expression,
        };
    }
    let declaration = tokens.iter().rev().find(|token| is_declaration(word(token))).map(word);
    match (word(last), declaration) {
        ("|>", _) => Place::Stage,
        ("->", Some("sink")) => Place::SinkConnector,
        ("->" | ":", Some("fn" | "param" | "source" | "table")) => Place::Type,
        ("=", Some("source" | "table")) => Place::SourceConnector,
        ("=", Some("stream" | "sink")) => Place::Head,
        ("=", Some("type")) => Place::Type,
        (_, None) => Place::Top,
        (")" | "}" | "]", _) => Place::Top,
        (_, _) if last.kind == TokenKind::Operator || word(last) == "=" => Place::Expression,
        _ => Place::Nothing,
    }
}

fn is_declaration(word: &str) -> bool {
    DECLARATIONS.iter().any(|(name, _)| *name == word)
}

/// Does a `type` declaration stand in front?
fn in_type(text: &str, tokens: &[Token]) -> bool {
    let word = tokens.iter().rev().map(|token| &text[token.span.range()]).find(|word| is_declaration(word));
    matches!(word, Some("type" | "source" | "table"))
}

/// The innermost bracket that is open at the end.
fn open_bracket(text: &str, tokens: &[Token]) -> Option<usize> {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().rev() {
        match token.kind {
            TokenKind::Close => depth += 1,
            TokenKind::Open if depth == 0 => return Some(index),
            TokenKind::Open => depth -= 1,
            // A declaration begins at bracket depth 0: an unclosed bracket before it is a mistake of its own.
            TokenKind::Keyword if depth == 0 && is_declaration(&text[token.span.range()]) => return None,
            _ => {}
        }
    }
    None
}

fn stages() -> Vec<Completion> {
    let words = flow_types::STAGE_DOCS.iter();
    let mut all: Vec<Completion> =
        words.map(|(word, doc)| proposal(word, CompletionKind::Stage, "stage", doc)).collect();
    all.extend(catalogue::aggregates().map(|aggregate| {
        let detail = signatures(aggregate.name, aggregate.signatures).join("\n");
        proposal(aggregate.name, CompletionKind::Aggregate, detail, aggregate.doc)
    }));
    all
}

fn connectors(read: bool) -> Vec<Completion> {
    let fits = CONNECTORS.iter().filter(|c| if read { c.source.is_some() } else { c.sink.is_some() });
    fits.map(|c| proposal(c.name, CompletionKind::Connector, c.example, c.doc)).collect()
}

fn options(callee: &str) -> Vec<Completion> {
    let Some(connector) = lookup(callee) else { return Vec::new() };
    let each = |arg: &flow_plan::connector::table::ArgDef| {
        proposal(&format!("{}: ", arg.name), CompletionKind::Option, connector.name, arg.doc)
    };
    connector.args.iter().map(each).collect()
}

/// What a pipeline can begin with.
fn heads(compiled: &Compilation) -> Vec<Completion> {
    let mut all = Vec::new();
    for declaration in &compiled.checked.declarations {
        if let CheckedKind::Pipeline(pipeline) = &declaration.kind
            && pipeline.kind != flow_plan::operator::DeclarationKind::Sink
        {
            let detail = pipeline.output.known_record().to_string();
            let doc = declaration.doc.clone().unwrap_or_default();
            all.push(proposal(&declaration.name, CompletionKind::Declaration, detail, &doc));
        }
    }
    all
}

fn types(compiled: &Compilation) -> Vec<Completion> {
    const BUILT_IN: &[&str] = &[
        "bool",
        "int",
        "float",
        "decimal",
        "string",
        "bytes",
        "timestamp",
        "duration",
        "list",
        "map",
        "json",
    ];
    let mut all: Vec<Completion> =
        BUILT_IN.iter().map(|name| proposal(name, CompletionKind::Type, "", "")).collect();
    for declaration in &compiled.checked.declarations {
        if let CheckedKind::Type(ty) = &declaration.kind {
            let detail = ty.as_ref().map(ToString::to_string).unwrap_or_default();
            all.push(proposal(&declaration.name, CompletionKind::Type, detail, ""));
        }
    }
    all
}

/// Fields in scope, functions, constants.
fn expressions(compiled: &Compilation, offset: usize) -> Vec<Completion> {
    let mut all = Vec::new();
    if let Some(stream) = stream_at(compiled, offset) {
        for column in &stream.columns {
            let detail = column.ty.as_ref().map(ToString::to_string).unwrap_or_default();
            all.push(proposal(&column.name, CompletionKind::Field, detail, ""));
        }
    }
    for declaration in &compiled.checked.declarations {
        let detail = match &declaration.kind {
            CheckedKind::Constant { ty, .. } => ty.as_ref().map(ToString::to_string).unwrap_or_default(),
            CheckedKind::Function(_) => "fn".to_string(),
            _ => continue,
        };
        let doc = declaration.doc.clone().unwrap_or_default();
        all.push(proposal(&declaration.name, CompletionKind::Declaration, detail, &doc));
    }
    all.extend(catalogue::all().map(|function| {
        let detail = signatures(function.name, function.signatures).join("\n");
        proposal(function.name, CompletionKind::Function, detail, function.doc)
    }));
    all.extend(catalogue::aggregates().map(|aggregate| {
        let detail = signatures(aggregate.name, aggregate.signatures).join("\n");
        proposal(aggregate.name, CompletionKind::Aggregate, detail, aggregate.doc)
    }));
    all
}

/// The stream in front of the stage at an offset.
fn stream_at(compiled: &Compilation, offset: usize) -> Option<&StreamType> {
    let declarations = compiled.checked.declarations.iter().enumerate();
    let around = declarations.filter(|(_, declaration)| {
        declaration.span.file == FileId(0) && (declaration.span.start as usize) <= offset
    });
    let (index, _) = around.max_by_key(|(_, declaration)| declaration.span.start)?;
    let pipeline = compiled.checked.pipeline(index)?;
    let passed = pipeline
        .stages
        .iter()
        .rev()
        .find(|stage| stage.span.file == FileId(0) && (stage.span.end as usize) < offset);
    Some(passed.map_or(&pipeline.head, |stage| &stage.after))
}
