//! Answers that change texts: formatting, code actions.
#![allow(
    clippy::mutable_key_type,
    reason = "edits of the protocol are keyed by address, whose hash never changes"
)]

use crate::documents::Documents;
use flow_driver::Compilation;
use flow_driver::editor::{self, ActionKind, Around};
use flow_syntax::Edit;
use lsp_types as lsp;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::Path;

/// What a script does not say itself.
struct Others<'a> {
    documents: &'a Documents,
    /// The path of the script.
    own: &'a Path,
    /// The scripts that import something.
    texts: OnceCell<Vec<String>>,
}

impl Around for Others<'_> {
    fn mentioned(&self, what: &str) -> bool {
        let texts = self.texts.get_or_init(|| self.documents.importing(self.own));
        texts.iter().any(|text| text.contains(what))
    }

    fn fields(&self, path: &str) -> Vec<(String, String)> {
        let folder = self.own.parent().unwrap_or(Path::new(""));
        self.documents.files.fields(&flow_driver::normal(&folder.join(path)))
    }
}

impl Documents {
    /// The text, or the declarations in a range of it, in the one style; nothing where it does not parse.
    pub(crate) fn format(&self, uri: &lsp::Uri, range: Option<lsp::Range>) -> Option<Vec<lsp::TextEdit>> {
        let document = self.get(uri)?;
        let edits = match range {
            Some(range) => editor::format_range(&document.text, self.bytes(uri, range)?)?,
            None => editor::format_edits(&document.text, Some((&self.memory.borrow(), &document.path)))?,
        };
        edits
            .into_iter()
            .map(|edit| Some(lsp::TextEdit::new(self.range(uri, edit.span)?, edit.replacement)))
            .collect()
    }

    /// The changes that are offered for a range.
    pub(crate) fn actions(
        &mut self,
        params: &lsp::CodeActionParams,
    ) -> Option<Vec<lsp::CodeActionOrCommand>> {
        let uri = &params.text_document.uri;
        let compiled = self.compiled(uri)?;
        let range = self.bytes(uri, params.range)?;
        let problems = self.diagnostics(uri);
        let wanted = |kind: &lsp::CodeActionKind| {
            params.context.only.as_ref().is_none_or(|only| {
                only.iter().any(|wanted| {
                    kind == wanted || kind.as_str().starts_with(&format!("{}.", wanted.as_str()))
                })
            })
        };
        let mut all = Vec::new();
        let own = self.get(uri)?.path.clone();
        let around = Others { documents: self, own: &own, texts: OnceCell::new() };
        for found in editor::actions(&compiled, range, &around) {
            let kind = match found.kind {
                ActionKind::QuickFix => lsp::CodeActionKind::QUICKFIX,
                ActionKind::FixAll => lsp::CodeActionKind::SOURCE_FIX_ALL,
                ActionKind::Extract => lsp::CodeActionKind::REFACTOR_EXTRACT,
                ActionKind::Rewrite => lsp::CodeActionKind::REFACTOR_REWRITE,
            };
            if !wanted(&kind) {
                continue;
            }
            let edits = match found.kind {
                ActionKind::FixAll => self.fix_all(&own, &compiled),
                _ => found.edits,
            };
            let Some(edit) = self.edit(uri, &compiled, &edits) else { continue };
            let mends = found.mends.and_then(|index| problems.get(index)).cloned();
            all.push(lsp::CodeActionOrCommand::CodeAction(lsp::CodeAction {
                title: found.title,
                kind: Some(kind),
                diagnostics: mends.map(|diagnostic| vec![diagnostic]),
                edit: Some(edit),
                is_preferred: found.preferred.then_some(true),
                ..lsp::CodeAction::default()
            }));
        }
        Some(all)
    }

    /// All fixes that are certain, until none is left.
    fn fix_all(&self, own: &Path, compiled: &Compilation) -> Vec<Edit> {
        editor::fix_all_again(compiled, &|mended| {
            let new = |path: &Path, text: String| if path == own { mended.to_string() } else { text };
            self.compile_as(own, compiled, &new)
        })
    }

    /// The texts of other scripts that import something.
    fn importing(&self, own: &Path) -> Vec<String> {
        let others = self.scripts().into_iter().filter(|path| path != own);
        others.filter_map(|path| self.text_of(&path)).filter(|text| text.contains("import")).collect()
    }

    fn edit(&self, uri: &lsp::Uri, compiled: &Compilation, edits: &[Edit]) -> Option<lsp::WorkspaceEdit> {
        let mut changes: HashMap<lsp::Uri, Vec<lsp::TextEdit>> = HashMap::new();
        for edit in edits {
            let place = self.location(uri, compiled, edit.span)?;
            changes
                .entry(place.uri)
                .or_default()
                .push(lsp::TextEdit::new(place.range, edit.replacement.clone()));
        }
        Some(lsp::WorkspaceEdit { changes: Some(changes), ..lsp::WorkspaceEdit::default() })
    }
}
