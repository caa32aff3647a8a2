//! The beginning of a session. What comes before `initialize` is answered as the protocol says; one whose parameters cannot
//! be read may be sent again.

use crate::capabilities::{Client, capabilities};
use crate::documents::{self, Documents, Files};
use crate::positions::Encoding;
use lsp_server::{Connection, ErrorCode, Message, Request, Response};
use lsp_types as lsp;
use lsp_types::notification::{Exit, Notification as _};
use lsp_types::request::{Initialize, Request as _};
use serde_json::json;

/// Waits for the client to introduce itself; none if it leaves before.
pub(crate) fn start(connection: &Connection, files: Box<dyn Files>) -> Option<Documents> {
    loop {
        let Request { id, method, params } = match connection.receiver.recv().ok()? {
            Message::Request(request) => request,
            Message::Notification(told) if told.method == Exit::METHOD => return None,
            Message::Notification(_) | Message::Response(_) => continue,
        };
        let refused = match method == Initialize::METHOD {
            true => match introduced(params) {
                Ok((client, known)) => {
                    let encoding = Encoding::of(offered(&client));
                    let mut documents = Documents::new(encoding, known, files);
                    documents.folders = folders(&client);
                    let server = json!({ "name": "flow", "version": env!("CARGO_PKG_VERSION") });
                    let answer = json!({ "capabilities": capabilities(encoding), "serverInfo": server });
                    send(connection, Response { id, response_result: Ok(answer) });
                    return Some(documents);
                }
                Err(why) => Response::new_err(id, ErrorCode::InvalidParams as i32, why),
            },
            false => {
                let why = format!("`{method}` before `initialize`");
                Response::new_err(id, ErrorCode::ServerNotInitialized as i32, why)
            }
        };
        send(connection, refused);
    }
}

fn send(connection: &Connection, response: Response) {
    // A client that has gone away is noticed by who waits for its messages.
    let _ = connection.sender.send(Message::Response(response));
}

/// What a client says of itself.
fn introduced(params: serde_json::Value) -> Result<(lsp::InitializeParams, Client), String> {
    let sent = params["capabilities"].clone();
    let client: lsp::InitializeParams = serde_json::from_value(params).map_err(|e| e.to_string())?;
    let known = Client::of(&client.capabilities, &sent);
    Ok((client, known))
}

/// How the client can count positions.
fn offered(client: &lsp::InitializeParams) -> Option<&[lsp::PositionEncodingKind]> {
    client.capabilities.general.as_ref().and_then(|general| general.position_encodings.as_deref())
}

/// The folders the client works in.
fn folders(client: &lsp::InitializeParams) -> Vec<std::path::PathBuf> {
    #[allow(deprecated, reason = "clients without folders still say their root")]
    let root = client.root_uri.as_ref();
    match &client.workspace_folders {
        Some(folders) if !folders.is_empty() => {
            folders.iter().map(|folder| documents::path(&folder.uri)).collect()
        }
        _ => root.map(documents::path).into_iter().collect(),
    }
}
