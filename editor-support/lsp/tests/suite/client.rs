//! A client that asks and waits: the real server runs on another thread.

use flow_driver::LoadError;
use lsp_server::{Connection, Message, Notification, Request, RequestId, Response};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

pub(crate) const URI: &str = "file:///srv/project/script.flow";

/// Files of a folder that is not on any disk.
#[derive(Clone, Default)]
pub(crate) struct Table(pub(crate) HashMap<PathBuf, String>);

impl Table {
    pub(crate) fn of(files: &[(&str, &str)]) -> Table {
        Table(files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_string())).collect())
    }
}

impl flow_lsp::Files for Table {
    fn read(&self, path: &Path) -> Result<Vec<u8>, LoadError> {
        // The server must live on when a part of it does not.
        assert!(!path.ends_with("panic.flow"), "a mistake of the server's own");
        self.0.get(path).map(|text| text.as_bytes().to_vec()).ok_or(LoadError::Missing)
    }

    fn scripts(&self, folder: &Path) -> Vec<PathBuf> {
        let inside =
            |path: &&PathBuf| path.starts_with(folder) && path.extension().is_some_and(|e| e == "flow");
        self.0.keys().filter(inside).cloned().collect()
    }
}

/// Files on the disk.
pub(crate) struct Disk;

impl flow_lsp::Files for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, LoadError> {
        std::fs::read(path).map_err(|_| LoadError::Missing)
    }

    fn scripts(&self, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }
}

pub(crate) struct Client {
    connection: Connection,
    server: Option<JoinHandle<Result<(), String>>>,
    next: i32,
    /// What was published last, by address.
    pub(crate) diagnostics: HashMap<String, Vec<Value>>,
    /// Requests of the server.
    pub(crate) requests: Vec<String>,
    /// Messages it showed.
    pub(crate) shown: Vec<String>,
}

impl Client {
    /// A session that began with these `initialize` parameters; and the server's answer to them.
    pub(crate) fn start(params: Value, files: impl flow_lsp::Files + Send + 'static) -> (Client, Value) {
        let (server, connection) = Connection::memory();
        let server = std::thread::spawn(move || flow_lsp::serve(&server, Box::new(files)));
        let (diagnostics, requests) = (HashMap::new(), Vec::new());
        let server = Some(server);
        let mut client = Client { connection, server, next: 0, diagnostics, requests, shown: Vec::new() };
        let answer = client.ask("initialize", params).unwrap();
        client.notify("initialized", json!({}));
        (client, answer)
    }

    /// A client that counts bytes, with one open text.
    pub(crate) fn opened(text: &str) -> Client {
        let general = json!({ "positionEncodings": ["utf-8"] });
        let params = json!({ "capabilities": { "general": general }, "rootUri": "file:///srv/project" });
        let (client, _) = Client::start(params, Table::default());
        client.open(URI, text);
        client
    }

    pub(crate) fn notify(&self, method: &str, params: Value) {
        self.connection.sender.send(Notification::new(method.into(), params).into()).unwrap();
    }

    /// Sends a request without waiting for its answer.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> i32 {
        self.next += 1;
        let id = RequestId::from(self.next);
        self.connection.sender.send(Request::new(id, method.into(), params).into()).unwrap();
        self.next
    }

    /// The answer to a request: a value, or code and message of an error. What comes on the way is kept.
    pub(crate) fn answer(&mut self, id: i32) -> Result<Value, (i32, String)> {
        loop {
            match self.connection.receiver.recv().unwrap() {
                Message::Response(response) if response.id == RequestId::from(id) => {
                    return response.response_result.map_err(|error| (error.code, error.message));
                }
                Message::Notification(told) if told.method == "textDocument/publishDiagnostics" => {
                    let uri = told.params["uri"].as_str().unwrap().to_string();
                    self.diagnostics.insert(uri, told.params["diagnostics"].as_array().unwrap().clone());
                }
                Message::Notification(told) if told.method == "window/showMessage" => {
                    self.shown.push(told.params["message"].as_str().unwrap().to_string());
                }
                Message::Request(request) => {
                    self.requests.push(request.method);
                    let answer = Response::new_ok(request.id, Value::Null);
                    self.connection.sender.send(answer.into()).unwrap();
                }
                _ => {}
            }
        }
    }

    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        let id = self.request(method, params);
        self.answer(id).map_err(|(_, message)| message)
    }

    pub(crate) fn open(&self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "flow", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub(crate) fn change(&self, uri: &str, version: i32, change: Value) {
        let document = json!({ "uri": uri, "version": version });
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        );
    }

    /// Asks about a text.
    pub(crate) fn of(&mut self, method: &str, uri: &str) -> Value {
        self.ask(method, json!({ "textDocument": { "uri": uri } })).unwrap()
    }

    pub(crate) fn pulled(&mut self, uri: &str) -> Vec<Value> {
        self.of("textDocument/diagnostic", uri)["items"].as_array().unwrap().clone()
    }

    /// Asks about the place of `mark` in the open text, `skip` bytes into it.
    pub(crate) fn at(
        &mut self,
        method: &str,
        text: &str,
        mark: &str,
        skip: usize,
        more: Value,
    ) -> Result<Value, String> {
        let mut params = json!({
            "textDocument": { "uri": URI },
            "position": position(text, text.find(mark).unwrap() + skip),
        });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ask(method, params)
    }

    pub(crate) fn end(mut self) {
        self.ask("shutdown", Value::Null).unwrap();
        self.leave();
    }

    /// Goes, having said goodbye; the server must find nothing wrong with that.
    pub(crate) fn leave(mut self) {
        self.notify("exit", Value::Null);
        self.server.take().unwrap().join().unwrap().unwrap();
    }
}

/// The position of an offset, in bytes.
pub(crate) fn position(text: &str, offset: usize) -> Value {
    let line = text[..offset].matches('\n').count();
    let column = offset - text[..offset].rfind('\n').map_or(0, |at| at + 1);
    json!({ "line": line, "character": column })
}

/// A text with edits of the protocol (positions in bytes) done, the last first.
pub(crate) fn applied(text: &str, edits: &Value) -> String {
    let offset = |place: &Value| {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        let line = starts.into_iter().nth(place["line"].as_u64().unwrap() as usize).unwrap_or(text.len());
        line + place["character"].as_u64().unwrap() as usize
    };
    let mut all: Vec<(usize, usize, &str)> = edits
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| {
            let range = &edit["range"];
            (offset(&range["start"]), offset(&range["end"]), edit["newText"].as_str().unwrap())
        })
        .collect();
    all.sort();
    let mut out = text.to_string();
    for (start, end, new) in all.into_iter().rev() {
        out.replace_range(start..end, new);
    }
    out
}
