//! The server as an editor starts it, on two pipes: what is no message is answered, and the session goes on.

use crate::client::Table;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn framed(message: &Value) -> String {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

fn request(id: i32, method: &str, params: Value) -> String {
    framed(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

fn hello(id: i32) -> String {
    request(id, "initialize", json!({ "capabilities": {} }))
}

/// How a session ends that consists of these bytes, and all answers by their ids.
fn session(sent: &str) -> (Result<(), String>, Vec<Value>) {
    let said = Said::default();
    let input = std::io::Cursor::new(sent.as_bytes().to_vec());
    let spawn = |_: &str, work: flow_lsp::Work| {
        std::thread::spawn(work);
        Ok(())
    };
    let ended = flow_lsp::serve_pipes(input, said.clone(), Box::new(Table::default()), &spawn);
    let text = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
    let bodies = text.split("Content-Length: ").skip(1).map(|frame| frame.split_once("\r\n\r\n").unwrap().1);
    (ended, bodies.map(|body| serde_json::from_str(body).unwrap()).collect())
}

/// The code of the error of an answer; 0 if it is none.
fn code(answers: &[Value], id: Value) -> i64 {
    let found = answers.iter().find(|answer| answer["id"] == id && answer["method"].is_null());
    let found = found.unwrap_or_else(|| panic!("nothing for {id} in {answers:?}"));
    found["error"]["code"].as_i64().unwrap_or(0)
}

#[test]
fn malformed_messages_are_answered_and_the_session_goes_on() {
    let good = request(2, "workspace/symbol", json!({ "query": "" }));
    let bye = request(3, "shutdown", Value::Null) + &framed(&json!({ "jsonrpc": "2.0", "method": "exit" }));
    for (bad, id, expected) in [
        ("Content-Length: 5\r\n\r\n{\"a\":".to_string(), Value::Null, -32700),
        (framed(&json!([])), Value::Null, -32600),
        (framed(&json!({ "id": 1.5, "method": "x" })), json!(1.5), -32600),
    ] {
        let (ended, answers) = session(&format!("{}{bad}{good}{bye}", hello(1)));
        assert_eq!(ended, Ok(()), "{bad}");
        assert_eq!(code(&answers, id), expected, "{bad}: {answers:?}");
        assert_eq!((code(&answers, json!(2)), code(&answers, json!(3))), (0, 0), "{answers:?}");
    }
}

#[test]
fn an_absurd_length_is_answered_without_room_for_it() {
    let (ended, answers) = session(&format!("{}Content-Length: 9999999999999999\r\n\r\n{{", hello(1)));
    assert_eq!((ended, code(&answers, Value::Null)), (Ok(()), -32600));
    let (ended, answers) = session(&format!("{}Content-Length: many\r\n\r\n{{", hello(1)));
    assert_eq!(code(&answers, Value::Null), -32700);
    assert!(ended.unwrap_err().contains("`many` is no length"));
}

#[test]
fn a_session_begins_once_and_with_parameters_that_can_be_read() {
    let early = request(1, "textDocument/hover", json!({}));
    let wrong = request(2, "initialize", json!({ "capabilities": 3 }));
    // A client that says nothing behind the answer, and at once asks something.
    let sent = format!("{early}{wrong}{}{}", hello(3), hello(4));
    let asked = request(5, "workspace/symbol", json!({ "query": "" }));
    let (ended, answers) = session(&format!("{sent}{asked}{}", request(6, "shutdown", Value::Null)));
    assert_eq!(ended, Ok(()));
    let codes: Vec<i64> = (1..7).map(|id| code(&answers, json!(id))).collect();
    assert_eq!(codes, [-32002, -32602, 0, -32600, 0, 0]);
    let (ended, _) = session("");
    assert!(ended.is_err(), "it left without a word");
}
