//! Which question a request asks.

use crate::documents::Documents;
use lsp_types as lsp;
use lsp_types::request::{self, Request as _};
use serde_json::{Value, json};

/// Why a request has no answer.
pub(crate) enum Refused {
    /// Its parameters are not those of the protocol.
    Params(String),
    /// It is not its time.
    Untimely(String),
    /// It cannot be done.
    Cannot(String),
    /// Nobody here knows it.
    Unknown,
}

/// The answer to a request.
pub(crate) fn ask(documents: &mut Documents, method: &str, params: Value) -> Result<Value, Refused> {
    match method {
        request::HoverRequest::METHOD => answer(documents.hover(&read(params)?)),
        request::GotoDefinition::METHOD => answer(documents.definition(&read(params)?)),
        request::References::METHOD => answer(documents.references(&read(params)?)),
        request::DocumentHighlightRequest::METHOD => answer(documents.highlights(&read(params)?)),
        request::PrepareRenameRequest::METHOD => answer(documents.can_rename(&read(params)?)),
        request::Rename::METHOD => answer(documents.rename(&read(params)?).map_err(Refused::Cannot)?),
        request::Completion::METHOD => answer(documents.complete(&read(params)?)),
        request::SignatureHelpRequest::METHOD => answer(documents.signature(&read(params)?)),
        request::InlayHintRequest::METHOD => answer(documents.hints(&read(params)?)),
        request::CodeActionRequest::METHOD => answer(documents.actions(&read(params)?)),
        request::SelectionRangeRequest::METHOD => answer(documents.selections(&read(params)?)),
        request::SemanticTokensRangeRequest::METHOD => answer(documents.colours_of(&read(params)?)),
        request::SemanticTokensFullDeltaRequest::METHOD => answer(documents.colours_since(&read(params)?)),
        request::WorkspaceSymbolRequest::METHOD => {
            let params: lsp::WorkspaceSymbolParams = read(params)?;
            answer(documents.symbols_everywhere(&params.query))
        }
        request::RangeFormatting::METHOD => {
            let params: lsp::DocumentRangeFormattingParams = read(params)?;
            answer(documents.format(&params.text_document.uri, Some(params.range)))
        }
        _ => ask_of_text(documents, method, params),
    }
}

/// Questions about a whole text.
fn ask_of_text(documents: &mut Documents, method: &str, params: Value) -> Result<Value, Refused> {
    let uri = || {
        let uri = params.get("textDocument").and_then(|document| document.get("uri")).cloned();
        let uri = uri.ok_or_else(|| Refused::Params("there is no `textDocument.uri`".to_string()))?;
        read::<lsp::Uri>(uri)
    };
    match method {
        request::DocumentSymbolRequest::METHOD => answer(documents.symbols(&uri()?)),
        request::FoldingRangeRequest::METHOD => answer(documents.folds(&uri()?)),
        request::DocumentLinkRequest::METHOD => answer(documents.links(&uri()?)),
        request::CodeLensRequest::METHOD => answer(documents.lenses(&uri()?)),
        request::SemanticTokensFullRequest::METHOD => answer(documents.colours(&uri()?)),
        request::Formatting::METHOD => answer(documents.format(&uri()?, None)),
        request::DocumentDiagnosticRequest::METHOD => {
            let items = documents.diagnostics(&uri()?);
            answer(json!({ "kind": "full", "items": items }))
        }
        request::Initialize::METHOD => Err(Refused::Untimely("the session has begun already".to_string())),
        _ => Err(Refused::Unknown),
    }
}

/// Parameters of the protocol.
pub(crate) fn read<T: serde::de::DeserializeOwned>(params: Value) -> Result<T, Refused> {
    serde_json::from_value(params).map_err(|error| Refused::Params(error.to_string()))
}

fn answer<T: serde::Serialize>(value: T) -> Result<Value, Refused> {
    serde_json::to_value(value).map_err(|error| Refused::Cannot(error.to_string()))
}
