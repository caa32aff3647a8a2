//! Sessions that begin as those of real editors do. `clients/neovim.json` was recorded from Neovim 0.7.2,
//! `clients/vscode.json` holds the capabilities that `vscode-languageclient` 9 computes, `clients/helix.json` what Helix's
//! client puts together.

use crate::client::{Client, Table, URI, applied};
use serde_json::{Value, json};

const SCRIPT: &str = "\
type Bid = { auction: int, price: int }
source bids: Bid = file(\"bids.ndjson\", format: json)
sink out = bids |> filter(prize > 100) -> stdout(format: json)
";

/// What each editor does with a script that has a mistake: it shows it, mends it, asks around.
fn session(params: &str) -> (Client, Value) {
    let (mut client, answer) = Client::start(serde_json::from_str(params).unwrap(), Table::default());
    client.open(URI, SCRIPT);
    let found = client.pulled(URI);
    assert_eq!(found[0]["code"], "E0203");
    let range = found[0]["range"].clone();
    let context = json!({ "diagnostics": found });
    let params = json!({ "textDocument": { "uri": URI }, "range": range, "context": context });
    let actions = client.ask("textDocument/codeAction", params).unwrap();
    let fix = actions.as_array().unwrap().iter().find(|action| action["kind"] == "quickfix").unwrap();
    assert_eq!(fix["diagnostics"][0]["code"], "E0203");
    assert_eq!(fix["isPreferred"], Value::Null, "the nearest name is a guess");
    let edits = &fix["edit"]["changes"][URI];
    let mended = applied(SCRIPT, edits);
    client.change(URI, 2, json!({ "range": edits[0]["range"], "text": edits[0]["newText"] }));
    assert_eq!(client.pulled(URI), [] as [Value; 0], "{mended}");
    for method in ["documentSymbol", "foldingRange", "documentLink", "codeLens", "semanticTokens/full"] {
        let answer = client.of(&format!("textDocument/{method}"), URI);
        assert!(!answer.is_null(), "{method}");
    }
    (client, answer)
}

#[test]
fn visual_studio_code_pulls_diagnostics_counts_utf_16_and_takes_snippets() {
    let (mut client, answer) = session(include_str!("clients/vscode.json"));
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
    assert!(client.diagnostics.is_empty(), "what is pulled is not pushed too");
    assert_eq!(client.requests, ["client/registerCapability"], "scripts on the disk are watched");
    let items = client.at("textDocument/completion", SCRIPT, "|> ", 3, json!({})).unwrap();
    let filter = items.as_array().unwrap().iter().find(|item| item["label"] == "filter").unwrap();
    assert_eq!((&filter["insertText"], &filter["insertTextFormat"]), (&json!("filter($0)"), &json!(2)));
    let changed = json!({ "changes": [{ "uri": "file:///srv/project/types.flow", "type": 2 }] });
    client.notify("workspace/didChangeWatchedFiles", changed);
    client.pulled(URI);
    assert_eq!(client.requests[1..], ["workspace/diagnostic/refresh"]);
    client.end();
}

#[test]
fn neovim_is_told_its_diagnostics_and_gets_plain_text() {
    let (mut client, answer) = session(include_str!("clients/neovim.json"));
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
    assert!(client.diagnostics.contains_key(URI), "what cannot be pulled is pushed");
    let items = client.at("textDocument/completion", SCRIPT, "|> ", 3, json!({})).unwrap();
    let filter = items.as_array().unwrap().iter().find(|item| item["label"] == "filter").unwrap();
    assert_eq!((&filter["insertText"], &filter["insertTextFormat"]), (&json!("filter"), &Value::Null));
    client.end();
}

#[test]
fn helix_counts_utf_8_and_is_told_its_diagnostics() {
    let (client, answer) = session(include_str!("clients/helix.json"));
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-8");
    assert!(client.diagnostics.contains_key(URI));
    client.end();
}
