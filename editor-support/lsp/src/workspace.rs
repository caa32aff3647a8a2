//! Questions that go beyond the open text: the scripts of the folder that use the same declarations.

use crate::answers::{At, symbol_kind};
use crate::documents::Documents;
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
    fn scripts(&self) -> Vec<PathBuf> {
        let on_disk = self.folders.iter().flat_map(|folder| self.files.scripts(folder));
        let mut all: Vec<PathBuf> = self.paths().map(Path::to_path_buf).chain(on_disk).collect();
        all.sort();
        all.dedup();
        all.truncate(SCRIPTS);
        all
    }

    pub(crate) fn references(&mut self, params: &lsp::ReferenceParams) -> Option<Vec<lsp::Location>> {
        let at = self.at(&params.text_document_position)?;
        let mut all = self.places(&at, editor::references(&at.compiled, at.offset));
        if !params.context.include_declaration {
            let declared = editor::definition(&at.compiled, at.offset)?;
            let declared = self.location(&at.uri, &at.compiled, declared)?;
            all.retain(|place| *place != declared);
        }
        Some(all)
    }

    /// Places in the open text and what it imports, and those that mean the same in every other script that imports the
    /// file of the declaration.
    pub(crate) fn places(&mut self, at: &At, spans: Vec<Span>) -> Vec<lsp::Location> {
        let Some(declared) = editor::definition(&at.compiled, at.offset) else { return Vec::new() };
        let Some(first) = spans.first().copied() else { return Vec::new() };
        let own = spans.into_iter().filter_map(|span| self.location(&at.uri, &at.compiled, span));
        let mut all: Vec<lsp::Location> = own.collect();
        let name = at.compiled.sources.text(first).trim_matches('`');
        let home = PathBuf::from(&at.compiled.sources.file(declared.file).name);
        let here = self.get(&at.uri).map(|document| document.path.clone());
        for path in self.scripts() {
            if Some(&path) == here.as_ref() || path == home {
                continue;
            }
            let may = |text: &String| text.contains(name) && text.contains("import");
            if !self.text_of(&path).as_ref().is_some_and(may) {
                continue;
            }
            let Some((compiled, _)) = self.compile(&path) else { continue };
            let Some(uri) = self.uri_for(&path) else { continue };
            let same = |name: &str| flow_driver::normal(Path::new(name)) == home;
            let file = compiled.sources.files().find(|(_, file)| same(&file.name)).map(|(id, _)| id);
            let Some(file) = file.filter(|file| *file != FileId(0)) else { continue };
            let uses = editor::uses(&compiled, Span { file, ..declared }, name);
            for place in uses.into_iter().filter_map(|span| self.location(&uri, &compiled, span)) {
                if !all.contains(&place) {
                    all.push(place);
                }
            }
        }
        all
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
