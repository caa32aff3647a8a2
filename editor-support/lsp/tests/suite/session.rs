//! Sessions as clients have them.

use crate::client::{Client, Table, URI, applied};
use serde_json::{Value, json};

const SCRIPT: &str = "\
/// One bid.
type Bid = { auction: int, price: int }

source bids: Bid = file(\"bids.ndjson\", format: json)

stream dear = bids
  |> filter(price > 100)
  |> keyBy(auction)
  |> aggregate { n: count(), top: max(price) }

sink out = dear -> stdout(format: json)
";

fn opened(text: &str) -> Client {
    Client::opened(text)
}

fn started(encodings: &[&str]) -> (Client, Value) {
    let general = json!({ "positionEncodings": encodings });
    Client::start(json!({ "capabilities": { "general": general } }), Table::default())
}

#[test]
fn the_server_takes_utf_8_where_the_client_offers_it() {
    let (client, answer) = started(&["utf-16", "utf-8"]);
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-8");
    client.end();
    let (client, answer) = started(&["utf-16"]);
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
    client.end();
}

#[test]
fn mistakes_are_published_while_typing_and_go_away_when_mended() {
    let mut client = opened(&SCRIPT.replace("max(price)", "max(prize)"));
    // What waits is answered first; then the client is told, and this is the answer that comes behind it.
    client.pulled(URI);
    let pulled = client.ask("textDocument/diagnostic", json!({ "textDocument": { "uri": URI } })).unwrap();
    assert_eq!(pulled["items"][0]["code"], "E0203");
    assert_eq!(
        pulled["items"],
        Value::Array(client.diagnostics[URI].clone()),
        "pushed and pulled are the same"
    );
    // One letter is mended by an incremental change.
    let at = json!({ "line": 8, "character": 41 });
    let line = SCRIPT.lines().nth(8).unwrap();
    assert_eq!(&line[38..43], "price");
    let end = json!({ "line": 8, "character": 42 });
    let change = json!({ "range": { "start": at, "end": end }, "text": "c" });
    let document = json!({ "uri": URI, "version": 2 });
    client.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [change] }));
    let pulled = client.ask("textDocument/diagnostic", json!({ "textDocument": { "uri": URI } })).unwrap();
    assert_eq!(pulled["items"], json!([]));
    client.end();
}

#[test]
fn hover_tells_the_stream_behind_a_stage_and_the_doc_of_a_function() {
    let mut client = opened(SCRIPT);
    let hover = client.at("textDocument/hover", SCRIPT, "aggregate", 2, json!({})).unwrap();
    let text = hover["contents"]["value"].as_str().unwrap();
    for part in ["{ auction: int, n: int, top: int }", "updating by `auction`", "dear.aggregate"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let hover = client.at("textDocument/hover", SCRIPT, "max(", 1, json!({})).unwrap();
    assert!(hover["contents"]["value"].as_str().unwrap().contains("max"), "{hover}");
    client.end();
}

#[test]
fn a_name_leads_to_its_declaration_and_is_renamed_everywhere() {
    let mut client = opened(SCRIPT);
    let place = client.at("textDocument/definition", SCRIPT, "dear ->", 1, json!({})).unwrap();
    assert_eq!(place["range"]["start"], json!({ "line": 5, "character": 7 }));
    let more = json!({ "newName": "hot" });
    let edit = client.at("textDocument/rename", SCRIPT, "dear ->", 1, more).unwrap();
    let renamed = SCRIPT.replace("stream dear", "@was(\"dear\") stream hot").replace("= dear", "= hot");
    assert_eq!(applied(SCRIPT, &edit["changes"][URI]), renamed);
    client.end();
}

#[test]
fn each_stage_shows_its_type() {
    let mut client = opened(SCRIPT);
    let range = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let hints = client
        .ask("textDocument/inlayHint", json!({ "textDocument": { "uri": URI }, "range": range }))
        .unwrap();
    let labels: Vec<&str> = hints.as_array().unwrap().iter().map(|h| h["label"].as_str().unwrap()).collect();
    let expected = [
        "{ auction: int, price: int }",
        "{ auction: int, price: int } · keyed by `auction`",
        "{ auction: int, n: int, top: int } · updating by `auction`",
    ];
    assert_eq!(labels, expected);
    client.end();
}

#[test]
fn completion_knows_stages_fields_and_options_in_half_typed_text() {
    let labels = |text: &str, mark: &str| {
        let mut client = opened(text);
        let found = client.at("textDocument/completion", text, mark, mark.len(), json!({})).unwrap();
        client.end();
        let each = found.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap().to_string());
        each.collect::<Vec<_>>()
    };
    let head = "type Bid = { auction: int, price: int }\nsource bids: Bid = file(\"b\", format: json)\n";
    let stages = labels(&format!("{head}stream s = bids |> fi"), "|> fi");
    assert!(stages.contains(&"filter".into()) && !stages.contains(&"auction".into()), "{stages:?}");
    let fields = labels(&format!("{head}stream s = bids |> filter(pr"), "filter(pr");
    assert!(fields.starts_with(&["auction".into(), "price".into()]), "{fields:?}");
    let options = labels("source s: { a: int } = file(\"x\", ", "\"x\", ");
    assert!(options.contains(&"format:".into()), "{options:?}");
    let sinks = labels(&format!("{head}sink s = bids -> "), "-> ");
    assert!(sinks.contains(&"stdout".into()), "{sinks:?}");
    assert!(labels("", "").contains(&"source".into()));
}

#[test]
fn fixes_are_one_key_away() {
    let text = SCRIPT.replace("keyBy(auction)", "groupBy(auction)");
    let mut client = opened(&text);
    let range = json!({ "start": { "line": 7, "character": 5 }, "end": { "line": 7, "character": 6 } });
    let params = json!({ "textDocument": { "uri": URI }, "range": range, "context": { "diagnostics": [] } });
    let actions = client.ask("textDocument/codeAction", params).unwrap();
    let fix = &actions[0]["edit"]["changes"][URI][0];
    assert_eq!(fix["newText"], "keyBy", "{actions}");
    client.end();
}

#[test]
fn the_outline_and_the_one_style() {
    let text = SCRIPT.replace("  |> keyBy", "     |>   keyBy");
    let mut client = opened(&text);
    let outline =
        client.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } })).unwrap();
    let names: Vec<&str> = outline.as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Bid", "bids", "dear", "out"]);
    let options = json!({ "tabSize": 2, "insertSpaces": true });
    let params = json!({ "textDocument": { "uri": URI }, "options": options });
    let edits = client.ask("textDocument/formatting", params).unwrap();
    assert_eq!(applied(&text, &edits), SCRIPT);
    client.end();
}

#[test]
fn what_is_not_open_or_not_served_has_an_answer() {
    let (mut client, _) = started(&[]);
    let hover = client.at("textDocument/hover", "x", "x", 0, json!({})).unwrap();
    assert_eq!(hover, Value::Null);
    assert!(client.ask("textDocument/unknown", json!({})).is_err());
    assert!(client.ask("textDocument/hover", json!({ "nonsense": true })).is_err());
    client.notify(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": URI, "version": 7 }, "contentChanges": [{ "text": "x" }] }),
    );
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": URI } }));
    client.end();
}

#[test]
fn completion_and_hover_at_every_byte_of_a_script_have_an_answer() {
    let mut client = opened(SCRIPT);
    for (line, text) in SCRIPT.lines().enumerate() {
        for column in 0..=text.len() {
            let place =
                json!({ "textDocument": { "uri": URI }, "position": { "line": line, "character": column } });
            for method in ["textDocument/completion", "textDocument/hover", "textDocument/definition"] {
                client.ask(method, place.clone()).unwrap_or_else(|e| panic!("{method} {line}:{column}: {e}"));
            }
        }
    }
    client.end();
}
