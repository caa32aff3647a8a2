//! The loop: one message after the other. A request that panics is answered with an error, and the server goes on.

use crate::documents::Documents;
use crate::positions::Encoding;
use flow_driver::LoadError;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types as lsp;
use lsp_types::notification::{self, Notification as _};
use lsp_types::request::{self, Request as _};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Reads a file that is not open in the editor.
pub type Read = dyn Fn(&Path) -> Result<Vec<u8>, LoadError>;

/// Serves one client until it says goodbye.
pub fn serve(connection: &Connection, read: Box<Read>) -> Result<(), String> {
    let broken = |error: lsp_server::ProtocolError| error.to_string();
    let (id, params) = connection.initialize_start().map_err(broken)?;
    let client: lsp::InitializeParams = serde_json::from_value(params).map_err(|e| e.to_string())?;
    let offered =
        client.capabilities.general.as_ref().and_then(|general| general.position_encodings.as_deref());
    let encoding = Encoding::of(offered);
    let answer = serde_json::json!({
        "capabilities": capabilities(encoding),
        "serverInfo": { "name": "flow", "version": env!("CARGO_PKG_VERSION") },
    });
    connection.initialize_finish(id, answer).map_err(broken)?;
    let mut server = Server { connection, documents: Documents::new(encoding, read) };
    for message in &connection.receiver {
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request).map_err(broken)? {
                    return Ok(());
                }
                let response = server.answer(request);
                server.send(Message::Response(response));
            }
            Message::Notification(notification) => server.notified(notification),
            Message::Response(_) => {}
        }
    }
    Ok(())
}

/// Serves the client on standard input and output.
pub fn serve_stdio(read: Box<Read>) -> Result<(), String> {
    let (connection, threads) = Connection::stdio();
    serve(&connection, read)?;
    // The writer ends when nobody can send any more.
    drop(connection);
    threads.join().map_err(|error| error.to_string())
}

fn capabilities(encoding: Encoding) -> lsp::ServerCapabilities {
    lsp::ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(lsp::TextDocumentSyncKind::INCREMENTAL.into()),
        hover_provider: Some(true.into()),
        completion_provider: Some(lsp::CompletionOptions {
            trigger_characters: Some([">", "(", ":", " ", ","].map(String::from).to_vec()),
            ..lsp::CompletionOptions::default()
        }),
        definition_provider: Some(lsp::OneOf::Left(true)),
        references_provider: Some(lsp::OneOf::Left(true)),
        rename_provider: Some(lsp::OneOf::Left(true)),
        document_symbol_provider: Some(lsp::OneOf::Left(true)),
        folding_range_provider: Some(true.into()),
        inlay_hint_provider: Some(lsp::OneOf::Left(true)),
        document_formatting_provider: Some(lsp::OneOf::Left(true)),
        code_action_provider: Some(lsp::CodeActionProviderCapability::Options(lsp::CodeActionOptions {
            code_action_kinds: Some(vec![lsp::CodeActionKind::QUICKFIX, lsp::CodeActionKind::SOURCE_FIX_ALL]),
            ..lsp::CodeActionOptions::default()
        })),
        diagnostic_provider: Some(lsp::DiagnosticServerCapabilities::Options(lsp::DiagnosticOptions {
            identifier: Some("flow".into()),
            inter_file_dependencies: true,
            workspace_diagnostics: false,
            ..lsp::DiagnosticOptions::default()
        })),
        ..lsp::ServerCapabilities::default()
    }
}

struct Server<'c> {
    connection: &'c Connection,
    documents: Documents,
}

/// Why a request has no answer.
enum Refused {
    /// Its parameters are not those of the protocol.
    Params(String),
    /// It cannot be done.
    Cannot(String),
    /// Nobody here knows it.
    Unknown,
}

impl Server<'_> {
    fn send(&self, message: Message) {
        // A client that has gone away is noticed by the loop.
        let _ = self.connection.sender.send(message);
    }

    fn answer(&mut self, request: Request) -> Response {
        let Request { id, method, params } = request;
        let done = catch_unwind(AssertUnwindSafe(|| self.ask(&method, params)));
        match done {
            Ok(Ok(value)) => Response::new_ok(id, value),
            Ok(Err(Refused::Params(why))) => Response::new_err(id, ErrorCode::InvalidParams as i32, why),
            Ok(Err(Refused::Cannot(why))) => Response::new_err(id, ErrorCode::RequestFailed as i32, why),
            Ok(Err(Refused::Unknown)) => {
                Response::new_err(id, ErrorCode::MethodNotFound as i32, format!("`{method}` is not served"))
            }
            Err(_) => {
                let why = format!("internal error in `{method}`: the server goes on");
                Response::new_err(id, ErrorCode::InternalError as i32, why)
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value, Refused> {
        let documents = &mut self.documents;
        match method {
            request::HoverRequest::METHOD => json(documents.hover(&read(params)?)),
            request::GotoDefinition::METHOD => json(documents.definition(&read(params)?)),
            request::References::METHOD => json(documents.references(&read(params)?)),
            request::Rename::METHOD => json(documents.rename(&read(params)?).map_err(Refused::Cannot)?),
            request::Completion::METHOD => json(documents.complete(&read(params)?)),
            request::InlayHintRequest::METHOD => json(documents.hints(&read(params)?)),
            request::CodeActionRequest::METHOD => json(documents.actions(&read(params)?)),
            request::DocumentSymbolRequest::METHOD => {
                let params: lsp::DocumentSymbolParams = read(params)?;
                json(documents.symbols(&params.text_document.uri))
            }
            request::FoldingRangeRequest::METHOD => {
                let params: lsp::FoldingRangeParams = read(params)?;
                json(documents.folds(&params.text_document.uri))
            }
            request::Formatting::METHOD => {
                let params: lsp::DocumentFormattingParams = read(params)?;
                json(documents.format(&params.text_document.uri))
            }
            request::DocumentDiagnosticRequest::METHOD => {
                let params: lsp::DocumentDiagnosticParams = read(params)?;
                let items = documents.diagnostics(&params.text_document.uri);
                json(serde_json::json!({ "kind": "full", "items": items }))
            }
            _ => Err(Refused::Unknown),
        }
    }

    fn notified(&mut self, Notification { method, params }: Notification) {
        let done = catch_unwind(AssertUnwindSafe(|| match method.as_str() {
            notification::DidOpenTextDocument::METHOD => {
                if let Ok(params) = read::<lsp::DidOpenTextDocumentParams>(params) {
                    let document = params.text_document;
                    self.documents.open(&document.uri, document.text, document.version);
                    self.publish();
                }
            }
            notification::DidChangeTextDocument::METHOD => {
                if let Ok(params) = read::<lsp::DidChangeTextDocumentParams>(params) {
                    let document = params.text_document;
                    self.documents.change(&document.uri, params.content_changes, document.version);
                    self.publish();
                }
            }
            notification::DidCloseTextDocument::METHOD => {
                if let Ok(params) = read::<lsp::DidCloseTextDocumentParams>(params) {
                    let uri = params.text_document.uri;
                    self.documents.close(&uri);
                    self.tell(uri, Vec::new(), None);
                }
            }
            _ => {}
        }));
        // What a notification breaks nobody waits for; the next one finds a server that works.
        let _ = done;
    }

    /// What is wrong with every open text: a change of one may change what others import.
    fn publish(&mut self) {
        for uri in self.documents.uris() {
            let diagnostics = self.documents.diagnostics(&uri);
            let version = self.documents.get(&uri).map(|document| document.version);
            self.tell(uri, diagnostics, version);
        }
    }

    fn tell(&self, uri: lsp::Uri, diagnostics: Vec<lsp::Diagnostic>, version: Option<i32>) {
        let params = lsp::PublishDiagnosticsParams { uri, diagnostics, version };
        let method = notification::PublishDiagnostics::METHOD.to_string();
        self.send(Message::Notification(Notification::new(method, params)));
    }
}

fn read<T: serde::de::DeserializeOwned>(params: Value) -> Result<T, Refused> {
    serde_json::from_value(params).map_err(|error| Refused::Params(error.to_string()))
}

fn json<T: serde::Serialize>(value: T) -> Result<Value, Refused> {
    serde_json::to_value(value).map_err(|error| Refused::Cannot(error.to_string()))
}
