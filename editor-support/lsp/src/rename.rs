//! Renaming: in all scripts that use a name, or in none. Every one of them is read once more as it would be, before
//! anything is answered.
#![allow(
    clippy::mutable_key_type,
    reason = "edits of the protocol are keyed by address, whose hash never changes"
)]

use crate::answers::At;
use crate::documents::Documents;
use crate::offer::{Edits, OfFile, Saved};
use crate::positions::Lines;
use flow_driver::editor::{self, Changes, SavedChange, Target};
use flow_driver::{Compilation, identity};
use flow_syntax::{FileId, Span};
use lsp_types as lsp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Scripts by their paths.
type Scripts = BTreeMap<PathBuf, Rc<Compilation>>;

impl Documents {
    /// The name that would be renamed.
    pub(crate) fn can_rename(
        &mut self,
        params: &lsp::TextDocumentPositionParams,
    ) -> Option<lsp::PrepareRenameResponse> {
        let at = self.at(params)?;
        let (_, here) = editor::target(&at.compiled, at.offset)?;
        Some(lsp::PrepareRenameResponse::Range(self.range(&at.uri, here)?))
    }

    /// Renames everywhere: in the open text, what it imports, and the scripts that read the same file. Refused where
    /// anything would mean something else by it, or where not all uses are known.
    pub(crate) fn rename(
        &mut self,
        params: &lsp::RenameParams,
    ) -> Result<Option<lsp::WorkspaceEdit>, String> {
        let Some(at) = self.at(&params.text_document_position) else { return Ok(None) };
        let (first, _) = editor::target(&at.compiled, at.offset)
            .ok_or_else(|| "there is no name here that could be changed".to_string())?;
        let new = editor::new_name(&params.new_name)?;
        if new.trim_matches('`') == first.name {
            return Ok(Some(lsp::WorkspaceEdit::default()));
        }
        let (mut changes, mut scripts) = (Changes::default(), Scripts::new());
        let mut targets = vec![first.clone()];
        let mut next = 0;
        while let Some(target) = targets.get(next).cloned() {
            next += 1;
            for (path, script) in self.readers(&at, &target, &[&first.name, new.trim_matches('`')]) {
                if let Some(taken) = editor::declared_already(&script, &target, &new) {
                    return Err(taken);
                }
                editor::knows_all(&script, &target.name, &editor::places(&script, &target))?;
                changes.add(&script.sources, editor::rename_edits(&script, &target, &new));
                let same = editor::same_fields(&script, &target);
                let more: Vec<Target> = same.into_iter().filter(|other| !targets.contains(other)).collect();
                targets.extend(more);
                scripts.insert(path, script);
            }
        }
        let mut saved = Vec::new();
        for (path, before) in &scripts {
            let changed = match editor::is_one_word(before, &changes, &first, &new) {
                true => Ok(editor::changed_by_word(before, &first, &new)),
                false => self.tried(path, before, &changes, &first, &new),
            };
            let reads = targets.iter().flat_map(|target| editor::reads_otherwise(before, target, &new));
            saved.extend(changed?.into_iter().chain(reads).map(|change| Saved::of(path, change)));
        }
        let edits = self.edits(&changes, &scripts)?;
        self.offer(edits, &saved).map(Some)
    }

    /// What becomes of saved state, and of what is written; or what a script would mean otherwise, read as it would be.
    fn tried(
        &mut self,
        path: &Path,
        before: &Rc<Compilation>,
        changes: &Changes,
        first: &Target,
        new: &str,
    ) -> Result<Vec<SavedChange>, String> {
        let trial = self.trial(path, before, changes, [&first.name, new]);
        let (part, after) = trial.ok_or_else(|| format!("{} cannot be read", path.display()))?;
        let same = editor::means_the_same(&part, &after, changes, first, new);
        let changed = same.map(|()| {
            let mut changed = editor::saved_changes(&part, &after, first);
            changed.extend(editor::writes_otherwise(&part, &after));
            changed
        });
        self.let_go([part, Rc::new(after)]);
        changed
    }

    fn edits(&self, changes: &Changes, scripts: &Scripts) -> Result<Edits, String> {
        let mut all = Edits::new();
        for (path, edits) in changes.files() {
            let mut files = scripts.values().flat_map(|script| script.sources.files());
            let file = files.find(|(_, file)| identity(file) == path).map(|(_, file)| file);
            let (Some(file), Some(uri)) = (file, self.uri_for(&self.known_as(path))) else {
                return Err(format!("{} cannot be changed", path.display()));
            };
            let lines = Lines::new(&file.text);
            let each = |(range, new): &(std::ops::Range<usize>, String)| {
                let span = Span::new(FileId(0), range.start, range.end);
                lsp::TextEdit::new(lines.range(&file.text, span, self.encoding), new.clone())
            };
            let version = self.get(&uri).and_then(|document| document.version);
            all.insert(uri, OfFile { version, edits: edits.iter().map(each).collect() });
        }
        Ok(all)
    }

    /// The scripts that read the file in which a name is declared and hold one of these words: the open one, the file
    /// itself, those the open one's tests go on in, and those of the folder.
    pub(crate) fn readers(&mut self, at: &At, target: &Target, words: &[&str]) -> Scripts {
        let here = self.get(&at.uri).map(|document| document.path.clone()).unwrap_or_default();
        let declaring = self.known_as(&target.path);
        let mut paths = vec![declaring.clone()];
        paths.extend(editor::goes_on_in(&at.compiled));
        paths.extend(self.scripts());
        paths.sort();
        paths.dedup();
        let mut scripts = Scripts::from([(here.clone(), at.compiled.clone())]);
        for path in paths.into_iter().filter(|path| *path != here) {
            let reads = |text: &String| text.contains("import") || text.contains("restore");
            let may = |text: &String| {
                path == declaring || reads(text) && words.iter().any(|word| text.contains(word))
            };
            if !self.text_of(&path).as_ref().is_some_and(may) {
                continue;
            }
            let open = self.uri_for(&path).filter(|uri| self.get(uri).is_some());
            let compiled = match open {
                Some(uri) => self.compiled(&uri),
                None => self.compile(&path).map(|(compiled, _)| compiled),
            };
            if let Some(compiled) = compiled.filter(|compiled| editor::reads(compiled, target)) {
                scripts.insert(path, compiled);
            }
        }
        scripts
    }
}
