//! Questions that go beyond the open text: the scripts of the folder that use the same declarations.

use crate::answers::{At, symbol_kind};
use crate::documents::{Documents, is_file};
use crate::positions::Lines;
use flow_driver::editor;
use flow_syntax::{FileId, Span};
use lsp_types as lsp;
use std::path::{Path, PathBuf};

/// Scripts that are looked at; in a folder with more, the first in the order of their paths.
const SCRIPTS: usize = 2_000;

/// Symbols that are answered; a client asks again with a longer text.
const SYMBOLS: usize = 500;

impl Documents {
    /// All scripts: those that are open, and those in the folders of the client.
    pub(crate) fn scripts(&self) -> Vec<PathBuf> {
        let on_disk = self.folders.iter().flat_map(|folder| self.files.scripts(folder));
        let mut all: Vec<PathBuf> = self.paths().map(Path::to_path_buf).chain(on_disk).collect();
        all.sort();
        all.dedup();
        all.truncate(SCRIPTS);
        // A link to another of them is that one.
        all.retain(|path| self.paths().any(|open| open == path) || self.is_known_so(path));
        all
    }

    /// All places that mean what is under the cursor, in the open text and every other script that reads the file of the
    /// declaration.
    pub(crate) fn references(&mut self, params: &lsp::ReferenceParams) -> Option<Vec<lsp::Location>> {
        let at = self.at(&params.text_document_position)?;
        let Some((target, _)) = editor::target(&at.compiled, at.offset) else {
            let own = editor::references(&at.compiled, at.offset).into_iter();
            return Some(own.filter_map(|span| self.location(&at.uri, &at.compiled, span)).collect());
        };
        let mut all: Vec<lsp::Location> = Vec::new();
        for (path, script) in self.readers(&at, &target, &[&target.name]) {
            let uri = self.uri_for(&path)?;
            let mut places = editor::places(&script, &target);
            if !params.context.include_declaration {
                places.retain(|place| !editor::declares(&script, &target, *place));
            }
            for place in places.into_iter().filter_map(|span| self.location(&uri, &script, span)) {
                if !all.contains(&place) {
                    all.push(place);
                }
            }
        }
        Some(all)
    }

    /// The scripts that can be named where a path is written, as they are called from there.
    pub(crate) fn script_paths(&self, at: &At, written: Span) -> Option<Vec<lsp::CompletionItem>> {
        let here = &self.get(&at.uri)?.path;
        let range = self.range(&at.uri, written)?;
        let from = here.parent()?;
        let each = |path: PathBuf| {
            let shown = relative(from, &path);
            lsp::CompletionItem {
                label: shown.clone(),
                kind: Some(lsp::CompletionItemKind::FILE),
                filter_text: Some(shown.clone()),
                text_edit: Some(lsp::CompletionTextEdit::Edit(lsp::TextEdit::new(range, shown))),
                ..lsp::CompletionItem::default()
            }
        };
        let mut others: Vec<PathBuf> = self.scripts();
        // A text that is no file (`untitled:`, an older version of a file) cannot be named.
        others.retain(|path| path != here && self.uri_for(path).is_some_and(|uri| is_file(&uri)));
        others.sort_by_key(|path| (relative(from, path).matches('/').count(), path.clone()));
        others.dedup();
        Some(others.into_iter().map(each).collect())
    }

    /// The declarations whose name holds the letters of a text in their order.
    #[allow(deprecated, reason = "the protocol's own type has a deprecated field")]
    pub(crate) fn symbols_everywhere(&mut self, query: &str) -> Vec<lsp::SymbolInformation> {
        let mut all = Vec::new();
        for path in self.scripts() {
            let (Some(text), Some(uri)) = (self.text_of(&path), self.uri_for(&path)) else { continue };
            let (program, _) = flow_syntax::parse(FileId(0), &text);
            let lines = Lines::new(&text);
            for symbol in editor::outline(&program).into_iter().filter(|symbol| holds(&symbol.name, query)) {
                let range = lines.range(&text, symbol.name_span, self.encoding);
                all.push(lsp::SymbolInformation {
                    name: symbol.name,
                    kind: symbol_kind(symbol.kind),
                    tags: None,
                    deprecated: None,
                    location: lsp::Location::new(uri.clone(), range),
                    container_name: path.file_name().map(|name| name.to_string_lossy().into_owned()),
                });
            }
            if all.len() >= SYMBOLS {
                break;
            }
        }
        all.truncate(SYMBOLS);
        all
    }
}

/// Does the name hold the letters of the query, in their order?
fn holds(name: &str, query: &str) -> bool {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    query.chars().flat_map(char::to_lowercase).all(|wanted| letters.any(|letter| letter == wanted))
}

/// A path as it is written in a script in a folder.
fn relative(folder: &Path, path: &Path) -> String {
    let shared = folder.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| "..".to_string());
    let down = path.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}
