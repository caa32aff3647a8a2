//! What clients and texts can do wrong, and what the server can: each has a defined answer.

use crate::client::{Client, Table, URI};
use serde_json::{Value, json};

fn started() -> Client {
    Client::start(json!({ "capabilities": {} }), Table::default()).0
}

#[test]
fn a_panic_in_one_request_is_its_answer_and_the_server_goes_on() {
    let mut client = started();
    client.open(URI, "import \"panic.flow\"\ntype A = int\n");
    let id = client.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } }));
    let (code, message) = client.answer(id).unwrap_err();
    assert_eq!(code, -32603);
    assert!(message.contains("internal error in `textDocument/documentSymbol`"), "{message}");
    client.change(URI, 2, json!({ "text": "type A = int\n" }));
    assert_eq!(client.of("textDocument/documentSymbol", URI)[0]["name"], "A");
    client.end();
}

#[test]
fn what_is_cancelled_before_its_turn_is_not_worked_on() {
    let mut client = started();
    let text = "type A = { a: int }\nsource s: A = file(\"x\", format: json)\n".to_string()
        + &(0..800)
            .map(|n| format!("sink o{n} = s |> filter(a > {n}) -> stdout(format: json)\n"))
            .collect::<String>();
    client.open(URI, &text);
    // The first is at work while the second and its cancellation come.
    let first = client.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } }));
    let second =
        client.request("textDocument/semanticTokens/full", json!({ "textDocument": { "uri": URI } }));
    client.notify("$/cancelRequest", json!({ "id": second }));
    let third = client.request("textDocument/foldingRange", json!({ "textDocument": { "uri": URI } }));
    let cancelled = client.answer(second);
    assert_eq!(cancelled.unwrap_err().0, -32800);
    assert!(client.answer(third).is_ok());
    client.notify("$/cancelRequest", json!({ "id": first }));
    client.notify("$/cancelRequest", json!({ "id": "nobody's" }));
    client.notify("$/cancelRequest", json!({}));
    client.end();
}

#[test]
fn positions_beyond_the_text_and_lying_versions_change_nothing_that_they_should_not() {
    let mut client = started();
    client.open(URI, "type A = int\n");
    let far = json!({ "line": 900, "character": 900 });
    client.change(URI, -7, json!({ "range": { "start": far, "end": far }, "text": "type B = int\n" }));
    client.change(
        URI,
        -7,
        json!({ "range": { "start": far, "end": { "line": 0, "character": 0 } }, "text": "" }),
    );
    let names = client.of("textDocument/documentSymbol", URI);
    assert_eq!((&names[0]["name"], &names[1]["name"]), (&json!("A"), &json!("B")));
    let hover = client.ask("textDocument/hover", json!({ "textDocument": { "uri": URI }, "position": far }));
    assert_eq!(hover.unwrap(), Value::Null);
    client.end();
}

#[test]
fn a_change_counts_whatever_its_version_is() {
    let mut client = started();
    for version in [json!(null), json!(99_999_999_999_u64), json!("7"), json!(1.5), json!(-3)] {
        client.open(URI, "type A = int\n");
        let start = json!({ "line": 0, "character": 5 });
        let edits = [
            json!({ "range": { "start": start, "end": { "line": 0, "character": 6 } }, "text": "Long" }),
            json!({ "range": { "start": start, "end": { "line": 0, "character": 6 } }, "text": "Str" }),
        ];
        for edit in edits {
            let document = json!({ "uri": URI, "version": version });
            let params = json!({ "textDocument": document, "contentChanges": [edit] });
            client.notify("textDocument/didChange", params);
        }
        assert_eq!(client.of("textDocument/documentSymbol", URI)[0]["name"], "Strong", "{version}");
    }
    client.end();
}

#[test]
fn odd_texts_have_answers_in_both_encodings() {
    let texts = [
        "\u{feff}type A = { a: int }\r\nsource s: A = file(\"x\", format: json)\r\n",
        "type\tA = { `😀`: int }\nsource s: A = file(\"é😀.csv\")\nsink o = s |> filter(`😀` > 1) -> stdout()\n",
        "\0\u{1}\u{2028}😀",
        "import \"script.flow\"\n",
        "\"\"\"\"{{{{((((",
        "type A = { a: int } // é\rsource s: A = file(\"😀\", format: json)\r\n\rsink o = s |> filter(b) -> stdout()\r",
        "",
    ];
    for encodings in [json!(["utf-8"]), json!(["utf-16"])] {
        let general = json!({ "positionEncodings": encodings });
        let (mut client, _) =
            Client::start(json!({ "capabilities": { "general": general } }), Table::default());
        for text in texts {
            client.open(URI, text);
            let lines = text.split(['\n', '\r']).count() as u32;
            for (line, column) in (0..lines).flat_map(|line| (0..70).map(move |column| (line, column))) {
                let place = json!({ "textDocument": { "uri": URI }, "position": { "line": line, "character": column } });
                for method in ["completion", "hover", "definition", "signatureHelp", "prepareRename"] {
                    client.ask(&format!("textDocument/{method}"), place.clone()).unwrap();
                }
            }
            for method in
                ["documentSymbol", "semanticTokens/full", "codeLens", "documentLink", "foldingRange"]
            {
                client.of(&format!("textDocument/{method}"), URI);
            }
            client.pulled(URI);
        }
        client.end();
    }
}

#[test]
fn a_finding_is_in_the_line_that_a_check_names_wherever_lines_end() {
    let text =
        "source s = generate { a: 1 } rate: 1 // é\r\r\nsink o = s\n\r  |> filter(b > 1) -> blackhole()\r";
    let checked = flow_driver::compile(
        &mut |_: &std::path::Path| Ok(text.into()),
        "script.flow".as_ref(),
        &Default::default(),
    )
    .unwrap();
    assert_eq!(checked.diagnostics.len(), 1);
    let span = checked.diagnostics[0].primary.span;
    let (line, column) = checked.sources.line_col(span.file, span.start);
    assert_eq!((line, column), (5, 13));
    let mut client = started();
    client.open(URI, text);
    let found = client.pulled(URI);
    let start = json!({ "line": line - 1, "character": column - 1 });
    assert_eq!(found[0]["range"]["start"], start, "{found:?}");
    client.end();
}

#[test]
fn positions_in_both_encodings_mean_the_same_place() {
    let text = "source s: { a: int } = file(\"😀.csv\") |> filter(b > 1)\n";
    let at = text.find("b >").unwrap();
    for (encoding, column) in [("utf-8", at), ("utf-16", at - 2)] {
        let general = json!({ "positionEncodings": [encoding] });
        let (mut client, _) =
            Client::start(json!({ "capabilities": { "general": general } }), Table::default());
        client.open(URI, text);
        assert_eq!(client.pulled(URI)[0]["range"]["start"]["character"], column, "{encoding}");
        client.end();
    }
}

#[test]
fn circles_and_missing_imports_are_mistakes_at_the_import() {
    let files = Table::of(&[("/srv/project/b.flow", "import \"script.flow\"\n")]);
    let (mut client, _) = Client::start(json!({ "capabilities": {} }), files);
    client.open(URI, "import \"b.flow\"\nimport \"gone.flow\"\n");
    let codes: Vec<Value> = client.pulled(URI).iter().map(|found| found["code"].clone()).collect();
    assert_eq!(codes, ["E0210", "E0608"]);
    client.end();
}

#[test]
fn what_comes_behind_the_goodbye_is_no_error_of_the_client() {
    let mut client = Client::opened("stream a = b\n");
    client.ask("shutdown", Value::Null).unwrap();
    client.change(URI, 2, json!({ "text": "stream b = c\n" }));
    let late = client.request("textDocument/hover", json!({}));
    assert_eq!(client.answer(late).unwrap_err().0, lsp_server::ErrorCode::InvalidRequest as i32);
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": URI } }));
    client.leave();
}
