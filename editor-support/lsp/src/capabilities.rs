//! What the server can do, and what the client said it can.

use crate::colours;
use crate::positions::Encoding;
use lsp_types as lsp;

/// What matters of the client's capabilities.
#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    /// It asks for diagnostics itself: what were pushed beside would be shown twice.
    pub(crate) pulls: bool,
    /// It can be told to ask again.
    pub(crate) refreshes: bool,
    /// It knows snippets.
    pub(crate) snippets: bool,
    /// It asks the person to confirm edits that say they need it.
    pub(crate) confirms: bool,
    /// It watches files for the server.
    pub(crate) watches: bool,
}

impl Client {
    /// From the capabilities as they are read, and as they were sent: some have another name in the protocol.
    pub(crate) fn of(all: &lsp::ClientCapabilities, sent: &serde_json::Value) -> Client {
        let text = all.text_document.as_ref();
        let workspace = all.workspace.as_ref();
        let item = text.and_then(|t| t.completion.as_ref()?.completion_item.as_ref());
        let edit = workspace.and_then(|w| w.workspace_edit.as_ref());
        Client {
            confirms: edit.is_some_and(|edit| {
                edit.change_annotation_support.is_some() && edit.document_changes == Some(true)
            }),
            pulls: text.is_some_and(|t| t.diagnostic.is_some()),
            refreshes: sent["workspace"]["diagnostics"]["refreshSupport"] == true,
            snippets: item.and_then(|item| item.snippet_support).unwrap_or(false),
            watches: workspace
                .and_then(|w| w.did_change_watched_files.as_ref()?.dynamic_registration)
                .unwrap_or(false),
        }
    }
}

/// The kinds of code actions.
pub(crate) const ACTIONS: [lsp::CodeActionKind; 4] = [
    lsp::CodeActionKind::QUICKFIX,
    lsp::CodeActionKind::REFACTOR_EXTRACT,
    lsp::CodeActionKind::REFACTOR_REWRITE,
    lsp::CodeActionKind::SOURCE_FIX_ALL,
];

pub(crate) fn capabilities(encoding: Encoding) -> lsp::ServerCapabilities {
    lsp::ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(lsp::TextDocumentSyncKind::INCREMENTAL.into()),
        hover_provider: Some(true.into()),
        completion_provider: Some(lsp::CompletionOptions {
            trigger_characters: Some(
                [">", "(", ":", " ", ",", ".", "|", "@", "\""].map(String::from).to_vec(),
            ),
            ..lsp::CompletionOptions::default()
        }),
        signature_help_provider: Some(lsp::SignatureHelpOptions {
            trigger_characters: Some(["(", ","].map(String::from).to_vec()),
            retrigger_characters: Some(vec![":".to_string()]),
            ..lsp::SignatureHelpOptions::default()
        }),
        definition_provider: Some(lsp::OneOf::Left(true)),
        references_provider: Some(lsp::OneOf::Left(true)),
        document_highlight_provider: Some(lsp::OneOf::Left(true)),
        rename_provider: Some(lsp::OneOf::Right(lsp::RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: lsp::WorkDoneProgressOptions::default(),
        })),
        document_symbol_provider: Some(lsp::OneOf::Left(true)),
        workspace_symbol_provider: Some(lsp::OneOf::Left(true)),
        folding_range_provider: Some(true.into()),
        selection_range_provider: Some(true.into()),
        inlay_hint_provider: Some(lsp::OneOf::Left(true)),
        document_link_provider: Some(lsp::DocumentLinkOptions {
            resolve_provider: Some(false),
            work_done_progress_options: lsp::WorkDoneProgressOptions::default(),
        }),
        code_lens_provider: Some(lsp::CodeLensOptions { resolve_provider: Some(false) }),
        document_formatting_provider: Some(lsp::OneOf::Left(true)),
        document_range_formatting_provider: Some(lsp::OneOf::Left(true)),
        code_action_provider: Some(lsp::CodeActionProviderCapability::Options(lsp::CodeActionOptions {
            code_action_kinds: Some(ACTIONS.to_vec()),
            ..lsp::CodeActionOptions::default()
        })),
        semantic_tokens_provider: Some(colours::options().into()),
        diagnostic_provider: Some(lsp::DiagnosticServerCapabilities::Options(lsp::DiagnosticOptions {
            identifier: Some("flow".into()),
            inter_file_dependencies: true,
            workspace_diagnostics: false,
            ..lsp::DiagnosticOptions::default()
        })),
        workspace: Some(lsp::WorkspaceServerCapabilities {
            workspace_folders: Some(lsp::WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(lsp::OneOf::Left(true)),
            }),
            file_operations: None,
        }),
        ..lsp::ServerCapabilities::default()
    }
}
