//! One function per question: what the compiler knows, in the words of the protocol.

use crate::documents::Documents;
use crate::positions::Lines;
use flow_driver::Compilation;
use flow_driver::editor::{self, CompletionKind, LensAction, SymbolKind};
use flow_syntax::{FileId, Severity, Span};
use lsp_types as lsp;
use std::rc::Rc;

/// A question about a place in an open text.
pub(crate) struct At {
    pub(crate) uri: lsp::Uri,
    pub(crate) compiled: Rc<Compilation>,
    pub(crate) offset: usize,
}

impl Documents {
    pub(crate) fn at(&mut self, place: &lsp::TextDocumentPositionParams) -> Option<At> {
        let uri = place.text_document.uri.clone();
        let compiled = self.compiled(&uri)?;
        let document = self.get(&uri)?;
        let offset = document.lines.offset(&document.text, place.position, self.encoding);
        Some(At { uri, compiled, offset })
    }

    pub(crate) fn range(&self, uri: &lsp::Uri, span: Span) -> Option<lsp::Range> {
        let document = self.get(uri)?;
        (span.file == FileId(0)).then(|| document.lines.range(&document.text, span, self.encoding))
    }

    pub(crate) fn diagnostics(&mut self, uri: &lsp::Uri) -> Vec<lsp::Diagnostic> {
        let Some(compiled) = self.compiled(uri) else { return Vec::new() };
        let mut all = Vec::new();
        for found in &editor::problems(&compiled) {
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
        if let Some((file, span)) = editor::definition_elsewhere(&at.compiled, at.offset) {
            let uri = self.uri_for(std::path::Path::new(&file.name))?;
            return Some(lsp::Location::new(
                uri,
                Lines::new(&file.text).range(&file.text, span, self.encoding),
            ));
        }
        let span = editor::definition(&at.compiled, at.offset)?;
        self.location(&at.uri, &at.compiled, span)
    }

    /// The uses of a name in the open text.
    pub(crate) fn highlights(
        &mut self,
        params: &lsp::DocumentHighlightParams,
    ) -> Option<Vec<lsp::DocumentHighlight>> {
        let at = self.at(&params.text_document_position_params)?;
        let spans = match editor::target(&at.compiled, at.offset) {
            Some((target, _)) => editor::places(&at.compiled, &target),
            None => editor::references(&at.compiled, at.offset),
        };
        let ranges = spans.into_iter().filter_map(|span| self.range(&at.uri, span));
        Some(ranges.map(|range| lsp::DocumentHighlight { range, kind: None }).collect())
    }

    pub(crate) fn signature(&mut self, params: &lsp::SignatureHelpParams) -> Option<lsp::SignatureHelp> {
        let at = self.at(&params.text_document_position_params)?;
        let call = editor::call(&at.compiled, at.offset)?;
        let markdown = |text: &str| {
            let value = text.to_string();
            (!value.is_empty()).then_some(lsp::Documentation::MarkupContent(lsp::MarkupContent {
                kind: lsp::MarkupKind::Markdown,
                value,
            }))
        };
        let form = |form: &editor::CallForm| {
            // Offsets in labels count UTF-16 units whatever positions count.
            let units = |at: usize| form.label[..at].encode_utf16().count() as u32;
            let each = |(range, doc): (&std::ops::Range<usize>, &String)| lsp::ParameterInformation {
                label: lsp::ParameterLabel::LabelOffsets([units(range.start), units(range.end)]),
                documentation: markdown(doc),
            };
            lsp::SignatureInformation {
                label: form.label.clone(),
                documentation: markdown(&form.doc),
                parameters: Some(form.parameters.iter().zip(&form.docs).map(each).collect()),
                active_parameter: form.active.map(|at| at as u32),
            }
        };
        Some(lsp::SignatureHelp {
            signatures: call.signatures.iter().map(form).collect(),
            active_signature: Some(call.active as u32),
            active_parameter: call.signatures[call.active].active.map(|at| at as u32),
        })
    }

    pub(crate) fn selections(
        &mut self,
        params: &lsp::SelectionRangeParams,
    ) -> Option<Vec<lsp::SelectionRange>> {
        let uri = &params.text_document.uri;
        let compiled = self.compiled(uri)?;
        let document = self.get(uri)?;
        let each = |position: &lsp::Position| {
            let offset = document.lines.offset(&document.text, *position, self.encoding);
            let place = |span: Span| document.lines.range(&document.text, span, self.encoding);
            let spans = editor::selections(&compiled, offset);
            let outermost_first = spans.into_iter().rev();
            outermost_first.fold(None, |parent: Option<lsp::SelectionRange>, span| {
                Some(lsp::SelectionRange { range: place(span), parent: parent.map(Box::new) })
            })
        };
        params.positions.iter().map(each).collect()
    }

    /// The files that the script names: imports and data.
    pub(crate) fn links(&mut self, uri: &lsp::Uri) -> Option<Vec<lsp::DocumentLink>> {
        let compiled = self.compiled(uri)?;
        let folder = self.get(uri)?.path.parent().map(std::path::Path::to_path_buf)?;
        let each = |link: editor::Link| {
            Some(lsp::DocumentLink {
                range: self.range(uri, link.span)?,
                target: Some(self.uri_for(&flow_driver::normal(&folder.join(&link.path)))?),
                tooltip: Some(link.tooltip.to_string()),
                data: None,
            })
        };
        Some(editor::links(&compiled).into_iter().filter_map(each).collect())
    }

    /// Run, Plan, Test: commands that the client carries out by starting `flow`.
    pub(crate) fn lenses(&mut self, uri: &lsp::Uri) -> Option<Vec<lsp::CodeLens>> {
        let compiled = self.compiled(uri)?;
        let each = |lens: editor::Lens| {
            let (command, name) = match lens.action {
                LensAction::Run => ("flow.run", None),
                LensAction::Plan => ("flow.plan", None),
                LensAction::Test(name) => ("flow.test", name),
            };
            let mut arguments = vec![serde_json::Value::String(uri.to_string())];
            arguments.extend(name.map(serde_json::Value::String));
            let command = lsp::Command::new(lens.title.to_string(), command.to_string(), Some(arguments));
            Some(lsp::CodeLens { range: self.range(uri, lens.span)?, command: Some(command), data: None })
        };
        Some(editor::lenses(&compiled).into_iter().filter_map(each).collect())
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
        if let Some(written) = editor::script_path(&at.compiled, at.offset) {
            return self.script_paths(&at, written);
        }
        let snippets = self.client.snippets;
        let each = |(rank, found): (usize, editor::Completion)| {
            let snippet = found.snippet.filter(|_| snippets);
            lsp::CompletionItem {
                label: found.text.trim_end().to_string(),
                kind: Some(completion_kind(found.kind)),
                detail: (!found.detail.is_empty()).then_some(found.detail),
                documentation: (!found.doc.is_empty()).then_some(lsp::Documentation::MarkupContent(
                    lsp::MarkupContent { kind: lsp::MarkupKind::Markdown, value: found.doc },
                )),
                insert_text_format: snippet.is_some().then_some(lsp::InsertTextFormat::SNIPPET),
                insert_text: Some(snippet.unwrap_or(found.text)),
                sort_text: Some(format!("{rank:04}")),
                ..lsp::CompletionItem::default()
            }
        };
        Some(editor::complete(&at.compiled, at.offset).into_iter().enumerate().map(each).collect())
    }
}

pub(crate) fn symbol_kind(kind: SymbolKind) -> lsp::SymbolKind {
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
        CompletionKind::Choice => lsp::CompletionItemKind::ENUM_MEMBER,
        CompletionKind::Declaration => lsp::CompletionItemKind::VARIABLE,
        CompletionKind::Type => lsp::CompletionItemKind::STRUCT,
        CompletionKind::Keyword => lsp::CompletionItemKind::KEYWORD,
    }
}
