//! Signature help, colours, selections, links, lenses, formatting and code actions over the protocol.

use crate::client::{Client, URI, applied, position};
use serde_json::{Value, json};

const SCRIPT: &str = "\
/// One bid.
type Bid = { auction: int, price: int }

source bids: Bid = file(\"data/bids.ndjson\", format: json)

stream dear = bids
  |> filter(price > 100)
  |> keyBy(auction)
  |> aggregate { n: count(), top: max(price) }
  |> filter(n > 1)

sink out = dear -> stdout(format: json)

test \"none\" {
  given bids []
  expect out []
}
";

fn range(text: &str, mark: &str) -> Value {
    let at = text.find(mark).unwrap();
    json!({ "start": position(text, at), "end": position(text, at + mark.len()) })
}

fn actions(client: &mut Client, mark: &str, only: Value) -> Vec<Value> {
    let context = json!({ "diagnostics": [], "only": only });
    let params = json!({ "textDocument": { "uri": URI }, "range": range(SCRIPT, mark), "context": context });
    client.ask("textDocument/codeAction", params).unwrap().as_array().unwrap().clone()
}

#[test]
fn a_call_shows_its_arguments() {
    let text = format!("{SCRIPT}stream s = bids |> window(sliding(1min, ");
    let mut client = Client::opened(&text);
    let help = client.at("textDocument/signatureHelp", &text, "1min, ", 6, json!({})).unwrap();
    let signature = &help["signatures"][0];
    assert_eq!(signature["label"], "sliding(size: duration, every: duration, time?: processing)");
    assert_eq!(
        (&help["activeParameter"], &signature["parameters"][1]["label"]),
        (&json!(1), &json!([24, 39]))
    );
    client.end();
}

#[test]
fn colours_come_whole_in_part_and_as_changes() {
    let mut client = Client::opened(SCRIPT);
    let whole = client.of("textDocument/semanticTokens/full", URI);
    let data = whole["data"].as_array().unwrap();
    assert_eq!(data[..10], [0, 0, 12, 0, 0, 1, 0, 4, 1, 0].map(Value::from), "a comment, then a keyword");
    let part = json!({ "textDocument": { "uri": URI }, "range": range(SCRIPT, "filter(price > 100)") });
    let part = client.ask("textDocument/semanticTokens/range", part).unwrap();
    assert_eq!(part["data"].as_array().unwrap().len(), 4 * 5);
    client.change(URI, 2, json!({ "range": range(SCRIPT, "100"), "text": "1000" }));
    let params = json!({ "textDocument": { "uri": URI }, "previousResultId": whole["resultId"] });
    let delta = client.ask("textDocument/semanticTokens/full/delta", params.clone()).unwrap();
    assert_eq!((&delta["edits"][0]["deleteCount"], delta["edits"].as_array().unwrap().len()), (&json!(5), 1));
    let mut patched = data.clone();
    let start = delta["edits"][0]["start"].as_u64().unwrap() as usize;
    patched.splice(start..start + 5, delta["edits"][0]["data"].as_array().unwrap().iter().cloned());
    let whole = client.of("textDocument/semanticTokens/full", URI);
    assert_eq!(Value::Array(patched), whole["data"]);
    let unknown = client.ask("textDocument/semanticTokens/full/delta", params).unwrap();
    assert!(unknown["data"].is_array(), "an answer that is not known any more is given whole");
    client.end();
}

#[test]
fn selections_grow() {
    let mut client = Client::opened(SCRIPT);
    let at = position(SCRIPT, SCRIPT.find("price > 100").unwrap());
    let params = json!({ "textDocument": { "uri": URI }, "positions": [at] });
    let chain = client.ask("textDocument/selectionRange", params).unwrap();
    assert_eq!(
        chain[0]["range"],
        range(SCRIPT, "price").clone().pointer("").map_or(Value::Null, |_| {
            let at = SCRIPT.find("price > 100").unwrap();
            json!({ "start": position(SCRIPT, at), "end": position(SCRIPT, at + 5) })
        })
    );
    assert_eq!(chain[0]["parent"]["range"], range(SCRIPT, "price > 100"));
    assert_eq!(chain[0]["parent"]["parent"]["range"], range(SCRIPT, "filter(price > 100)"));
    client.end();
}

#[test]
fn data_files_are_links_and_things_to_do_are_lenses() {
    let mut client = Client::opened(SCRIPT);
    let links = client.of("textDocument/documentLink", URI);
    assert_eq!(links[0]["target"], "file:///srv/project/data/bids.ndjson");
    assert_eq!(links[0]["range"], range(SCRIPT, "data/bids.ndjson"));
    let lenses = client.of("textDocument/codeLens", URI);
    let commands: Vec<(&str, &Value)> = lenses
        .as_array()
        .unwrap()
        .iter()
        .map(|lens| (lens["command"]["command"].as_str().unwrap(), &lens["command"]["arguments"]))
        .collect();
    let (file, test) = (json!([URI]), json!([URI, "none"]));
    assert_eq!(commands, [("flow.run", &file), ("flow.plan", &file), ("flow.test", &test)]);
    client.end();
}

#[test]
fn a_range_is_formatted_alone() {
    let text = SCRIPT.replace("  |> keyBy", "     |>   keyBy").replace("sink out =", "sink   out =");
    let mut client = Client::opened(&text);
    let options = json!({ "tabSize": 2, "insertSpaces": true });
    let params = json!({ "textDocument": { "uri": URI }, "range": range(&text, "dear"), "options": options });
    let edits = client.ask("textDocument/rangeFormatting", params).unwrap();
    assert_eq!(applied(&text, &edits), SCRIPT.replace("sink out =", "sink   out ="));
    client.end();
}

#[test]
fn states_are_pinned_and_chains_extracted() {
    let mut client = Client::opened(SCRIPT);
    let pin = &actions(&mut client, "aggregate", json!(["refactor.rewrite"]))[0];
    let pinned = applied(SCRIPT, &pin["edit"]["changes"][URI]);
    assert!(pinned.contains("|> @id(\"dear.aggregate\") aggregate {"), "{pinned}");
    let all = actions(&mut client, "aggregate", json!(["refactor"]));
    assert_eq!(all.len(), 2, "a kind holds those below it: {all:?}");
    let extract = all.iter().find(|action| action["kind"] == "refactor.extract").unwrap();
    let extracted = applied(SCRIPT, &extract["edit"]["changes"][URI]);
    assert!(extracted.contains("stream dear = dearInput\n  |> filter(n > 1)\n"), "{extracted}");
    assert!(actions(&mut client, "aggregate", json!(["quickfix"])).is_empty());
    client.end();
}

#[test]
fn all_fixes_are_applied_on_request() {
    let text = SCRIPT.replace("keyBy(auction)", "groupBy(auction)").replace("filter(n > 1)", "where(n > 1)");
    let mut client = Client::opened(&text);
    let context = json!({ "diagnostics": [], "only": ["source.fixAll"] });
    let nowhere = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } });
    let params = json!({ "textDocument": { "uri": URI }, "range": nowhere, "context": context });
    let actions = client.ask("textDocument/codeAction", params).unwrap();
    assert_eq!(applied(&text, &actions[0]["edit"]["changes"][URI]), SCRIPT);
    client.end();
}

#[test]
fn fixes_that_touch_each_other_are_all_applied() {
    let text = "type T = { a: integer; b: integer; c: string }\n";
    let mut client = Client::opened(text);
    let context = json!({ "diagnostics": [], "only": ["source.fixAll"] });
    let nowhere = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } });
    let params = json!({ "textDocument": { "uri": URI }, "range": nowhere, "context": context });
    let actions = client.ask("textDocument/codeAction", params).unwrap();
    let mended = applied(text, &actions[0]["edit"]["changes"][URI]);
    assert_eq!(mended, "type T = { a: int, b: int, c: string }\n");
    client.end();
}

#[test]
fn names_that_can_be_changed_are_told_before() {
    let mut client = Client::opened(SCRIPT);
    let place = client.at("textDocument/prepareRename", SCRIPT, "dear ->", 1, json!({})).unwrap();
    assert_eq!(place["start"], position(SCRIPT, SCRIPT.find("dear ->").unwrap()));
    assert_eq!(client.at("textDocument/prepareRename", SCRIPT, "stdout", 1, json!({})).unwrap(), Value::Null);
    let refused = client.at("textDocument/rename", SCRIPT, "stdout", 1, json!({ "newName": "x" }));
    assert!(refused.unwrap_err().contains("no name here"));
    let places = client.at("textDocument/documentHighlight", SCRIPT, "price: int", 0, json!({})).unwrap();
    assert_eq!(places.as_array().unwrap().len(), 3);
    client.end();
}
