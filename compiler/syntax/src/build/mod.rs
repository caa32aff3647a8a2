//! Pairs of pest → syntax tree. Shapes of other languages that the grammar lets pass on purpose are
//! reported here, with the right words as a fix, and read as what was meant.

pub(crate) mod decl;
mod expr;
mod items;
mod operator;
mod quoted;
pub(crate) mod shape;
mod stage;
mod text;
mod types;

use crate::ast::{Exprs, Ident};
use crate::class::Tok;
use crate::codes::Code;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::grammar::Rule;
use crate::span::{FileId, Span};
use crate::token::{Token, TokenKind};

pub(crate) type Pair<'p> = pest::iterators::Pair<'p, Rule>;

/// What all pieces of a file share.
pub(crate) struct Shared<'a> {
    pub(crate) file: FileId,
    pub(crate) text: &'a str,
    pub(crate) tokens: &'a [Token],
    pub(crate) exprs: Exprs,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// How many expressions stand around the one being built.
    pub(crate) depth: usize,
    /// See [`crate::ast::Program::doubtful`].
    pub(crate) doubtful: Vec<Span>,
}

impl<'a> Shared<'a> {
    /// What the lexer and the scanner found, and nothing built yet.
    pub(crate) fn new(
        file: FileId,
        text: &'a str,
        tokens: &'a [Token],
        diagnostics: Vec<Diagnostic>,
    ) -> Shared<'a> {
        Shared { file, text, tokens, exprs: Exprs::default(), diagnostics, depth: 0, doubtful: Vec::new() }
    }
}

/// Builds one piece: a head, a stage, a connector, an interpolation.
pub(crate) struct Build<'s, 'a, 't> {
    pub(crate) shared: &'s mut Shared<'a>,
    pub(crate) toks: &'t [Tok],
    /// Diagnostics of this piece begin here.
    pub(crate) from: usize,
    /// The piece was read, but not in a way that may be built upon.
    pub(crate) broken: bool,
}

impl<'s, 'a, 't> Build<'s, 'a, 't> {
    pub(crate) fn new(shared: &'s mut Shared<'a>, toks: &'t [Tok]) -> Build<'s, 'a, 't> {
        let from = shared.diagnostics.len();
        Build { shared, toks, from, broken: false }
    }

    fn file(&self) -> FileId {
        self.shared.file
    }

    /// The token a pair begins with.
    fn tok(&self, pair: &Pair<'_>) -> Tok {
        self.toks[pair.as_span().start().min(self.toks.len() - 1)]
    }

    fn span(&self, pair: &Pair<'_>) -> Span {
        let at = pair.as_span();
        self.span_of(at.start(), at.end())
    }

    /// From token `first` to the one before `end`.
    fn span_of(&self, first: usize, end: usize) -> Span {
        let start = self.toks[first.min(self.toks.len() - 1)].start;
        let last = self.toks[end.clamp(1, self.toks.len()) - 1];
        Span { file: self.file(), start, end: last.end.max(start) }
    }

    fn tok_text(&self, tok: Tok) -> &'a str {
        tok.text(self.shared.text)
    }

    fn pair_text(&self, pair: &Pair<'_>) -> &'a str {
        self.tok_text(self.tok(pair))
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.shared.diagnostics.push(diagnostic);
    }

    /// A habit of another language: the same one again in this piece extends the first report.
    fn habit(&mut self, code: Code, span: Span, message: &str, help: &str, edit: (&str, Vec<Edit>)) {
        let (title, edits) = edit;
        let known =
            self.shared.diagnostics[self.from..].iter_mut().find(|d| d.code == code && d.message == message);
        if let Some(known) = known {
            known.labels.push(crate::diagnostic::Label { span, text: "here too".into() });
            if let Some(fix) = known.fixes.first_mut() {
                fix.edits.extend(edits);
            }
            return;
        }
        let mut diagnostic = Diagnostic::new(code, span, message);
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        if !edits.is_empty() {
            diagnostic.fixes.push(Fix {
                title: title.into(),
                edits,
                applicability: Applicability::MachineApplicable,
            });
        }
        self.report(diagnostic);
    }

    /// A name; a reserved word in its place is reported.
    fn ident(&mut self, pair: &Pair<'_>) -> Ident {
        let tok = self.tok(pair);
        if !tok.is_name() {
            self.keyword_as_name(tok);
        }
        self.ident_of(tok)
    }

    /// A name; reserved words are welcome (arguments of connectors may be called `table`).
    fn any_ident(&self, pair: &Pair<'_>) -> Ident {
        self.ident_of(self.tok(pair))
    }

    fn ident_of(&self, tok: Tok) -> Ident {
        ident_of(self.shared.text, self.file(), tok)
    }

    fn keyword_as_name(&mut self, tok: Tok) {
        let (span, word) = (tok.span(self.file()), self.tok_text(tok));
        self.report(
            Diagnostic::new(
                crate::codes::UNEXPECTED_TOKEN,
                span,
                format!("`{word}` is a word of the language"),
            )
            .help(format!("a field of this name is written in backticks: `` `{word}` ``"))
            .fix("write it in backticks", span, format!("`{word}`")),
        );
    }

    /// The `///` lines right before a token.
    fn doc_before(&self, tok: Tok) -> Option<String> {
        doc_before(self.shared.text, self.shared.tokens, tok.first as usize)
    }
}

/// The name a token spells, without backticks.
pub(crate) fn ident_of(text: &str, file: FileId, tok: Tok) -> Ident {
    let word = tok.text(text);
    let name = word.strip_prefix('`').map_or(word, |w| w.strip_suffix('`').unwrap_or(w));
    Ident { name: name.to_string(), span: tok.span(file) }
}

/// The `///` lines right before token `first`, joined.
pub(crate) fn doc_before(text: &str, tokens: &[Token], first: usize) -> Option<String> {
    let docs = tokens[..first].iter().rev().take_while(|t| t.kind == TokenKind::DocComment).count();
    if docs == 0 {
        return None;
    }
    let lines = tokens[first - docs..first].iter().map(|t| {
        let line = &text[t.span.range()][3..];
        line.strip_prefix(' ').unwrap_or(line).trim_end()
    });
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// A name for the value of an expression that has none: the function's, if it is a call.
pub fn name_for(text: &str) -> &str {
    let word = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
    let called = text[word.len()..].starts_with('(') && !crate::is_keyword(word);
    if called && word.starts_with(|c: char| c.is_ascii_alphabetic()) { word } else { "value" }
}
