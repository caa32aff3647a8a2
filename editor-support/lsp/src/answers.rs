//! One function per question: what the compiler knows, in the words of the protocol.
#![allow(
    clippy::mutable_key_type,
    reason = "edits of the protocol are keyed by address, whose hash never changes"
)]

use crate::documents::Documents;
use flow_driver::Compilation;
use flow_driver::editor::{self, CompletionKind, SymbolKind};
use flow_syntax::{Applicability, Edit, FileId, Severity, Span};
use lsp_types as lsp;
use std::collections::HashMap;
use std::rc::Rc;

/// A question about a place in an open text.
pub(crate) struct At {
    uri: lsp::Uri,
    compiled: Rc<Compilation>,
    offset: usize,
}

impl Documents {
    pub(crate) fn at(&mut self, place: &lsp::TextDocumentPositionParams) -> Option<At> {
        let uri = place.text_document.uri.clone();
        let compiled = self.compiled(&uri)?;
        let document = self.get(&uri)?;
        let offset = document.lines.offset(&document.text, place.position, self.encoding);
        Some(At { uri, compiled, offset })
    }

    fn range(&self, uri: &lsp::Uri, span: Span) -> Option<lsp::Range> {
        let document = self.get(uri)?;
        (span.file == FileId(0)).then(|| document.lines.range(&document.text, span, self.encoding))
    }

    pub(crate) fn diagnostics(&mut self, uri: &lsp::Uri) -> Vec<lsp::Diagnostic> {
        let Some(compiled) = self.compiled(uri) else { return Vec::new() };
        let mut all = Vec::new();
        for found in &compiled.diagnostics {
            // What is wrong with an imported file is shown there, and said at the import by the compiler.
            let Some(range) = self.range(uri, found.primary.span) else { continue };
            let mut message = found.message.clone();
            if !found.primary.text.is_empty() {
                message.push_str(&format!("\n{}", found.primary.text));
            }
            found.notes.iter().for_each(|note| message.push_str(&format!("\nnote: {note}")));
            found.help.iter().for_each(|help| message.push_str(&format!("\nhelp: {help}")));
            let related = found.labels.iter().filter_map(|label| {
                let location = self.location(uri, &compiled, label.span)?;
                Some(lsp::DiagnosticRelatedInformation { location, message: label.text.clone() })
            });
            let related: Vec<_> = related.collect();
            all.push(lsp::Diagnostic {
                range,
                severity: Some(match found.severity {
                    Severity::Error => lsp::DiagnosticSeverity::ERROR,
                    Severity::Warning => lsp::DiagnosticSeverity::WARNING,
                    Severity::Note => lsp::DiagnosticSeverity::INFORMATION,
                }),
                code: Some(lsp::NumberOrString::String(found.code.0.to_string())),
                source: Some("flow".into()),
                message,
                related_information: (!related.is_empty()).then_some(related),
                ..lsp::Diagnostic::default()
            });
        }
        all
    }

    pub(crate) fn hover(&mut self, params: &lsp::HoverParams) -> Option<lsp::Hover> {
        let at = self.at(&params.text_document_position_params)?;
        let hover = editor::hover(&at.compiled, at.offset)?;
        Some(lsp::Hover {
            contents: lsp::HoverContents::Markup(lsp::MarkupContent {
                kind: lsp::MarkupKind::Markdown,
                value: hover.markdown,
            }),
            range: self.range(&at.uri, hover.span),
        })
    }

    pub(crate) fn definition(&mut self, params: &lsp::GotoDefinitionParams) -> Option<lsp::Location> {
        let at = self.at(&params.text_document_position_params)?;
        let span = editor::definition(&at.compiled, at.offset)?;
        self.location(&at.uri, &at.compiled, span)
    }

    pub(crate) fn references(&mut self, params: &lsp::ReferenceParams) -> Option<Vec<lsp::Location>> {
        let at = self.at(&params.text_document_position)?;
        let all = editor::references(&at.compiled, at.offset);
        let skip = usize::from(!params.context.include_declaration);
        Some(all.into_iter().skip(skip).filter_map(|s| self.location(&at.uri, &at.compiled, s)).collect())
    }

    /// Renames where nothing outside of the open text changes; a name that needs backticks gets them.
    pub(crate) fn rename(
        &mut self,
        params: &lsp::RenameParams,
    ) -> Result<Option<lsp::WorkspaceEdit>, String> {
        let Some(at) = self.at(&params.text_document_position) else { return Ok(None) };
        let spans = editor::references(&at.compiled, at.offset);
        if spans.is_empty() {
            return Err("there is no name here that could be changed".into());
        }
        let name = quoted(&params.new_name)?;
        let mut changes: HashMap<lsp::Uri, Vec<lsp::TextEdit>> = HashMap::new();
        for span in spans {
            if let Some(location) = self.location(&at.uri, &at.compiled, span) {
                changes
                    .entry(location.uri)
                    .or_default()
                    .push(lsp::TextEdit::new(location.range, name.clone()));
            }
        }
        Ok(Some(lsp::WorkspaceEdit { changes: Some(changes), ..lsp::WorkspaceEdit::default() }))
    }

    #[allow(deprecated, reason = "the protocol's own type has a deprecated field")]
    pub(crate) fn symbols(&mut self, uri: &lsp::Uri) -> Option<Vec<lsp::DocumentSymbol>> {
        let compiled = self.compiled(uri)?;
        let each = |symbol: editor::Symbol| {
            Some(lsp::DocumentSymbol {
                name: symbol.name,
                detail: None,
                kind: symbol_kind(symbol.kind),
                tags: None,
                deprecated: None,
                range: self.range(uri, symbol.span)?,
                selection_range: self.range(uri, symbol.name_span)?,
                children: None,
            })
        };
        Some(editor::symbols(&compiled).into_iter().filter_map(each).collect())
    }

    pub(crate) fn folds(&mut self, uri: &lsp::Uri) -> Option<Vec<lsp::FoldingRange>> {
        let compiled = self.compiled(uri)?;
        let each = |span| {
            let range = self.range(uri, span)?;
            Some(lsp::FoldingRange {
                start_line: range.start.line,
                end_line: range.end.line,
                ..lsp::FoldingRange::default()
            })
        };
        Some(editor::folds(&compiled).into_iter().filter_map(each).collect())
    }

    pub(crate) fn hints(&mut self, params: &lsp::InlayHintParams) -> Option<Vec<lsp::InlayHint>> {
        let uri = &params.text_document.uri;
        let compiled = self.compiled(uri)?;
        let document = self.get(uri)?;
        let each = |hint: editor::Hint| lsp::InlayHint {
            position: document.lines.position(&document.text, hint.at, self.encoding),
            label: lsp::InlayHintLabel::String(hint.text),
            kind: Some(lsp::InlayHintKind::TYPE),
            text_edits: None,
            tooltip: Some(lsp::InlayHintTooltip::String(hint.whole)),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        };
        let wanted = |hint: &lsp::InlayHint| {
            params.range.start.line <= hint.position.line && hint.position.line <= params.range.end.line
        };
        Some(editor::hints(&compiled).into_iter().map(each).filter(wanted).collect())
    }

    pub(crate) fn complete(&mut self, params: &lsp::CompletionParams) -> Option<Vec<lsp::CompletionItem>> {
        let at = self.at(&params.text_document_position)?;
        let each = |(rank, found): (usize, editor::Completion)| lsp::CompletionItem {
            label: found.text.trim_end().to_string(),
            kind: Some(completion_kind(found.kind)),
            detail: (!found.detail.is_empty()).then_some(found.detail),
            documentation: (!found.doc.is_empty()).then_some(lsp::Documentation::MarkupContent(
                lsp::MarkupContent { kind: lsp::MarkupKind::Markdown, value: found.doc },
            )),
            insert_text: Some(found.text),
            sort_text: Some(format!("{rank:04}")),
            ..lsp::CompletionItem::default()
        };
        Some(editor::complete(&at.compiled, at.offset).into_iter().enumerate().map(each).collect())
    }

    /// The whole text in the one style; nothing where it does not parse.
    pub(crate) fn format(&self, uri: &lsp::Uri) -> Option<Vec<lsp::TextEdit>> {
        let document = self.get(uri)?;
        let formatted = flow_syntax::format(&document.text).ok()?;
        if formatted == document.text {
            return Some(Vec::new());
        }
        let whole = Span::new(FileId(0), 0, document.text.len());
        Some(vec![lsp::TextEdit::new(self.range(uri, whole)?, formatted)])
    }

    /// The fixes of the mistakes in a range.
    pub(crate) fn actions(
        &mut self,
        params: &lsp::CodeActionParams,
    ) -> Option<Vec<lsp::CodeActionOrCommand>> {
        let uri = &params.text_document.uri;
        let compiled = self.compiled(uri)?;
        let mut all = Vec::new();
        let mut sure: Vec<&Edit> = Vec::new();
        for found in &compiled.diagnostics {
            let range = self.range(uri, found.primary.span);
            let here = range.is_some_and(|r| r.start <= params.range.end && params.range.start <= r.end);
            for fix in &found.fixes {
                let certain = fix.applicability == Applicability::MachineApplicable;
                if certain && !overlaps(&sure, &fix.edits) {
                    sure.extend(&fix.edits);
                }
                if here && let Some(edit) = self.edit(uri, &fix.edits.iter().collect::<Vec<_>>()) {
                    all.push(action(&fix.title, lsp::CodeActionKind::QUICKFIX, edit, certain));
                }
            }
        }
        if !sure.is_empty()
            && let Some(edit) = self.edit(uri, &sure)
        {
            let kind = lsp::CodeActionKind::SOURCE_FIX_ALL;
            all.push(action("apply all fixes that are certain", kind, edit, false));
        }
        Some(all)
    }

    fn edit(&self, uri: &lsp::Uri, edits: &[&Edit]) -> Option<lsp::WorkspaceEdit> {
        let each =
            |edit: &&Edit| Some(lsp::TextEdit::new(self.range(uri, edit.span)?, edit.replacement.clone()));
        let edits: Vec<lsp::TextEdit> = edits.iter().map(each).collect::<Option<_>>()?;
        let changes = HashMap::from([(uri.clone(), edits)]);
        Some(lsp::WorkspaceEdit { changes: Some(changes), ..lsp::WorkspaceEdit::default() })
    }
}

fn overlaps(taken: &[&Edit], edits: &[Edit]) -> bool {
    let touch = |a: &Edit, b: &Edit| a.span.start <= b.span.end && b.span.start <= a.span.end;
    edits.iter().any(|edit| taken.iter().any(|other| touch(edit, other)))
}

fn action(
    title: &str,
    kind: lsp::CodeActionKind,
    edit: lsp::WorkspaceEdit,
    preferred: bool,
) -> lsp::CodeActionOrCommand {
    lsp::CodeActionOrCommand::CodeAction(lsp::CodeAction {
        title: title.to_string(),
        kind: Some(kind),
        edit: Some(edit),
        is_preferred: Some(preferred),
        ..lsp::CodeAction::default()
    })
}

/// A name as it must be written.
fn quoted(name: &str) -> Result<String, String> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match () {
        () if name.is_empty() || name.contains(['`', '\n', '\r']) => {
            Err(format!("`{name}` cannot be a name"))
        }
        () if plain && !flow_syntax::is_keyword(name) => Ok(name.to_string()),
        () => Ok(format!("`{name}`")),
    }
}

fn symbol_kind(kind: SymbolKind) -> lsp::SymbolKind {
    match kind {
        SymbolKind::Job => lsp::SymbolKind::MODULE,
        SymbolKind::Param | SymbolKind::Const => lsp::SymbolKind::CONSTANT,
        SymbolKind::Type => lsp::SymbolKind::STRUCT,
        SymbolKind::Function => lsp::SymbolKind::FUNCTION,
        SymbolKind::Source => lsp::SymbolKind::INTERFACE,
        SymbolKind::Table => lsp::SymbolKind::ARRAY,
        SymbolKind::Stream => lsp::SymbolKind::VARIABLE,
        SymbolKind::Sink => lsp::SymbolKind::EVENT,
        SymbolKind::Test => lsp::SymbolKind::METHOD,
    }
}

fn completion_kind(kind: CompletionKind) -> lsp::CompletionItemKind {
    match kind {
        CompletionKind::Stage => lsp::CompletionItemKind::METHOD,
        CompletionKind::Field => lsp::CompletionItemKind::FIELD,
        CompletionKind::Function | CompletionKind::Aggregate => lsp::CompletionItemKind::FUNCTION,
        CompletionKind::Connector => lsp::CompletionItemKind::MODULE,
        CompletionKind::Option => lsp::CompletionItemKind::PROPERTY,
        CompletionKind::Declaration => lsp::CompletionItemKind::VARIABLE,
        CompletionKind::Type => lsp::CompletionItemKind::STRUCT,
        CompletionKind::Keyword => lsp::CompletionItemKind::KEYWORD,
    }
}
