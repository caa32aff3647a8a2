//! The loop: one message after the other. A request that panics is answered with an error, and the server goes on; one
//! that is cancelled before its turn is not worked on.

use crate::ask::{Refused, ask, read};
use crate::documents::{self, Documents, Files};
use crate::start::start;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types as lsp;
use lsp_types::notification::{self, Notification as _};
use lsp_types::request::{self, Request as _};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Serves one client until it says goodbye.
pub fn serve(connection: &Connection, files: Box<dyn Files>) -> Result<(), String> {
    let Some(documents) = start(connection, files) else {
        return Err("the client left without an `initialize`".to_string());
    };
    let mut server = Server { connection, documents, waiting: VecDeque::new(), closing: false, asked: 0 };
    while let Some(message) = server.next() {
        match message {
            Message::Request(request) if request.method == request::Shutdown::METHOD => {
                server.send(Message::Response(Response::new_ok(request.id, ())));
                server.goodbye();
                return Ok(());
            }
            Message::Request(request) => {
                let response = server.answer(request);
                server.send(Message::Response(response));
                server.tell_news();
            }
            Message::Notification(told) if told.method == notification::Exit::METHOD => {
                return Err("the client left without a `shutdown`".to_string());
            }
            Message::Notification(notification) => server.notified(notification),
            Message::Response(_) => {}
        }
    }
    Ok(())
}

struct Server<'c> {
    connection: &'c Connection,
    documents: Documents,
    /// Messages that have come and wait for their turn.
    waiting: VecDeque<Message>,
    /// Has the client said goodbye?
    closing: bool,
    /// Requests to the client so far.
    asked: i32,
}

impl Server<'_> {
    fn send(&self, message: Message) {
        // A client that has gone away is noticed by the loop.
        let _ = self.connection.sender.send(message);
    }

    /// The next message to work on; `None` when the client is gone. All that has come is taken in first, so that what is
    /// cancelled meanwhile is answered at once; and when nothing waits, the client is told what is wrong with its texts.
    fn next(&mut self) -> Option<Message> {
        loop {
            // What comes behind the goodbye is for `goodbye`.
            while !self.closing
                && let Ok(message) = self.connection.receiver.try_recv()
            {
                self.take(message);
            }
            if let Some(message) = self.waiting.pop_front() {
                return Some(message);
            }
            self.publish();
            self.documents.tidy();
            let message = self.connection.receiver.recv().ok()?;
            self.take(message);
        }
    }

    /// Waits until the client leaves. Some still tell of changes here (Neovim 0.7 what it held back, for one): that is no
    /// error, and nothing is done about it.
    fn goodbye(&self) {
        while let Ok(message) = self.connection.receiver.recv() {
            match message {
                Message::Notification(told) if told.method == notification::Exit::METHOD => return,
                Message::Request(Request { id, .. }) => {
                    let why = "the client has said goodbye".to_string();
                    let response = Response::new_err(id, ErrorCode::InvalidRequest as i32, why);
                    self.send(Message::Response(response));
                }
                Message::Notification(_) | Message::Response(_) => {}
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Notification(told) if told.method == notification::Cancel::METHOD => {
                self.cancel(&told.params)
            }
            message => {
                self.closing |=
                    matches!(&message, Message::Request(r) if r.method == request::Shutdown::METHOD);
                self.waiting.push_back(message);
            }
        }
    }

    /// Answers a request that waits still; one that was answered already is let be.
    fn cancel(&mut self, params: &Value) {
        let id = match &params["id"] {
            Value::Number(number) => number.as_i64().and_then(|n| i32::try_from(n).ok()).map(RequestId::from),
            Value::String(text) => Some(RequestId::from(text.clone())),
            _ => None,
        };
        let place = self.waiting.iter().position(|message| match message {
            Message::Request(request) => Some(&request.id) == id.as_ref(),
            _ => false,
        });
        if let (Some(id), Some(place)) = (id, place) {
            self.waiting.remove(place);
            let why = "the client cancelled it".to_string();
            self.send(Message::Response(Response::new_err(id, ErrorCode::RequestCanceled as i32, why)));
        }
    }

    fn answer(&mut self, request: Request) -> Response {
        let Request { id, method, params } = request;
        let done = catch_unwind(AssertUnwindSafe(|| ask(&mut self.documents, &method, params)));
        match done {
            // `new_ok` would copy it once more.
            Ok(Ok(value)) => Response { id, response_result: Ok(value) },
            Ok(Err(Refused::Params(why))) => Response::new_err(id, ErrorCode::InvalidParams as i32, why),
            Ok(Err(Refused::Untimely(why))) => Response::new_err(id, ErrorCode::InvalidRequest as i32, why),
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

    fn notified(&mut self, Notification { method, params }: Notification) {
        // What a notification breaks nobody waits for; the next one finds a server that works.
        let _ = catch_unwind(AssertUnwindSafe(|| match method.as_str() {
            notification::Initialized::METHOD => self.watch(),
            notification::DidOpenTextDocument::METHOD => {
                let (params, version) = versioned(params);
                if let Ok(params) = read::<lsp::DidOpenTextDocumentParams>(params) {
                    let document = params.text_document;
                    self.documents.open(&document.uri, document.text, version);
                }
            }
            notification::DidChangeTextDocument::METHOD => {
                let (params, version) = versioned(params);
                if let Ok(params) = read::<lsp::DidChangeTextDocumentParams>(params) {
                    let uri = params.text_document.uri;
                    self.documents.change(&uri, params.content_changes, version);
                }
            }
            notification::DidCloseTextDocument::METHOD => {
                if let Ok(params) = read::<lsp::DidCloseTextDocumentParams>(params) {
                    let uri = params.text_document.uri;
                    self.documents.close(&uri);
                    self.tell(uri, Vec::new(), None);
                }
            }
            notification::DidChangeWatchedFiles::METHOD => {
                if let Ok(params) = read::<lsp::DidChangeWatchedFilesParams>(params) {
                    params
                        .changes
                        .iter()
                        .for_each(|change| self.documents.forget_file(&documents::path(&change.uri)));
                    self.refresh();
                }
            }
            notification::DidChangeWorkspaceFolders::METHOD => {
                if let Ok(params) = read::<lsp::DidChangeWorkspaceFoldersParams>(params) {
                    let gone: Vec<_> = params.event.removed.iter().map(|f| documents::path(&f.uri)).collect();
                    self.documents.folders.retain(|folder| !gone.contains(folder));
                    self.documents.folders.extend(params.event.added.iter().map(|f| documents::path(&f.uri)));
                }
            }
            _ => {}
        }));
    }

    /// Tells what is wrong with the texts that changed, or that read one that did. A client that asks is not told.
    fn publish(&mut self) {
        if self.documents.client.pulls {
            return;
        }
        for uri in self.documents.untold() {
            let found = catch_unwind(AssertUnwindSafe(|| self.documents.diagnostics(&uri)));
            // What cannot be analysed for a mistake of ours is asked about again with the next change.
            let Ok(diagnostics) = found else { continue };
            let version = self.documents.get(&uri).and_then(|document| document.version);
            self.tell(uri, diagnostics, version);
        }
    }

    fn tell(&self, uri: lsp::Uri, diagnostics: Vec<lsp::Diagnostic>, version: Option<i32>) {
        let params = lsp::PublishDiagnosticsParams { uri, diagnostics, version };
        let method = notification::PublishDiagnostics::METHOD.to_string();
        self.send(Message::Notification(Notification::new(method, params)));
    }

    /// Shows what is to be known beside an answer.
    fn tell_news(&mut self) {
        for message in std::mem::take(&mut self.documents.news) {
            let params = json!({ "type": lsp::MessageType::INFO, "message": message });
            let method = notification::ShowMessage::METHOD.to_string();
            self.send(Message::Notification(Notification::new(method, params)));
        }
    }

    /// Asks the client to tell when scripts change on the disk.
    fn watch(&mut self) {
        if self.documents.client.watches {
            let watchers = json!([{ "globPattern": "**/*.flow" }]);
            let registration = json!({
                "id": "scripts",
                "method": notification::DidChangeWatchedFiles::METHOD,
                "registerOptions": { "watchers": watchers },
            });
            self.request(request::RegisterCapability::METHOD, json!({ "registrations": [registration] }));
        }
    }

    /// A file changed behind the editor's back: a client that pulls is told to ask again.
    fn refresh(&mut self) {
        if self.documents.client.refreshes {
            self.request(request::WorkspaceDiagnosticRefresh::METHOD, Value::Null);
        }
    }

    fn request(&mut self, method: &str, params: Value) {
        self.asked += 1;
        let id = RequestId::from(format!("flow-{}", self.asked));
        self.send(Message::Request(Request { id, method: method.to_string(), params }));
    }
}

/// The parameters of a change with the version taken out. Some clients send none, or one that is no number of the protocol:
/// the change is what they typed all the same, and those behind it count on it.
fn versioned(mut params: Value) -> (Value, Option<i32>) {
    let written = params.get_mut("textDocument").and_then(Value::as_object_mut);
    let version = written.and_then(|document| document.insert("version".to_string(), json!(0)));
    let version = version.and_then(|version| i32::try_from(version.as_i64()?).ok());
    (params, version)
}
