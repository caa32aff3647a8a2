//! Edits as they are given to the client. Those that change what jobs have saved, or read, are for the person to confirm; a client
//! that cannot ask is refused what would lose something, and told of what would not.
#![allow(
    clippy::mutable_key_type,
    reason = "edits of the protocol are keyed by address, whose hash never changes"
)]

use crate::documents::Documents;
use flow_driver::editor::{Harm, SavedChange};
use lsp_types as lsp;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// The changes that are named to a person; of more, their number is.
const NAMED: usize = 3;

/// The name of the one annotation.
const SAVED: &str = "saved";

/// Edits by the files they are in.
pub(crate) type Edits = HashMap<lsp::Uri, OfFile>;

/// The edits of one file.
pub(crate) struct OfFile {
    /// The version of an open text.
    pub(crate) version: Option<i32>,
    pub(crate) edits: Vec<lsp::TextEdit>,
}

/// What becomes of a state of a script.
pub(crate) struct Saved {
    script: String,
    change: SavedChange,
}

impl Saved {
    pub(crate) fn of(path: &Path, change: SavedChange) -> Saved {
        let script = path.file_name().unwrap_or(path.as_os_str());
        Saved { script: script.to_string_lossy().into_owned(), change }
    }
}

impl Documents {
    pub(crate) fn offer(&mut self, edits: Edits, saved: &[Saved]) -> Result<lsp::WorkspaceEdit, String> {
        let Some(harm) = saved.iter().map(|saved| saved.change.harm).max() else { return Ok(plain(edits)) };
        let why = said(saved);
        if self.client.confirms {
            return Ok(to_confirm(edits, harm, why));
        }
        if harm == Harm::Lost {
            return Err(format!(
                "jobs that run would lose what they saved: {why} (this editor cannot ask whether it may go; \
                 where nothing is saved, change the words by hand)"
            ));
        }
        self.news.push(format!("renamed; {why}"));
        Ok(plain(edits))
    }
}

/// What is changed and why, the worst first.
fn said(saved: &[Saved]) -> String {
    let mut worst: Vec<&Saved> = saved.iter().collect();
    worst.sort_by_key(|saved| std::cmp::Reverse(saved.change.harm));
    let scripts: BTreeSet<&str> = worst.iter().map(|saved| saved.script.as_str()).collect();
    let each = |saved: &&Saved| match scripts.len() {
        1 => saved.change.message.clone(),
        _ => format!("{}: {}", saved.script, saved.change.message),
    };
    let mut all: Vec<String> = worst.iter().take(NAMED).map(each).collect();
    let more = worst.len().saturating_sub(NAMED);
    all.extend((more > 0).then(|| format!("and {more} more")));
    all.join("; ")
}

fn plain(edits: Edits) -> lsp::WorkspaceEdit {
    let changes = edits.into_iter().map(|(uri, of_file)| (uri, of_file.edits)).collect();
    lsp::WorkspaceEdit { changes: Some(changes), ..lsp::WorkspaceEdit::default() }
}

fn to_confirm(edits: Edits, harm: Harm, why: String) -> lsp::WorkspaceEdit {
    let label = match harm {
        Harm::Lost => "loses saved state",
        Harm::Unknown => "may lose saved state",
        Harm::Reads => "changes what is read",
        Harm::Writes => "changes what is written",
        Harm::None => "changes saved state",
        Harm::Warned => "is warned of when it is deployed",
    };
    let annotation = lsp::ChangeAnnotation {
        label: label.to_string(),
        needs_confirmation: Some(harm > Harm::Warned),
        description: Some(why),
    };
    let annotated =
        |text_edit| lsp::OneOf::Right(lsp::AnnotatedTextEdit { text_edit, annotation_id: SAVED.to_string() });
    let of_file = |(uri, of_file): (lsp::Uri, OfFile)| lsp::TextDocumentEdit {
        text_document: lsp::OptionalVersionedTextDocumentIdentifier { uri, version: of_file.version },
        edits: of_file.edits.into_iter().map(annotated).collect(),
    };
    let mut all: Vec<lsp::TextDocumentEdit> = edits.into_iter().map(of_file).collect();
    all.sort_by(|a, b| a.text_document.uri.as_str().cmp(b.text_document.uri.as_str()));
    lsp::WorkspaceEdit {
        changes: None,
        document_changes: Some(lsp::DocumentChanges::Edits(all)),
        change_annotations: Some(HashMap::from([(SAVED.to_string(), annotation)])),
    }
}
