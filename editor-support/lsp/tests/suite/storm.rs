//! Random edits on every example: never a panic, and always what a fresh check of the same text says.
//!
//! `FLOW_EDITS` sets the number of edits on each example (`cargo xtask fuzz editor --count 10000`), `FLOW_SEED` the seed.

use crate::client::{Client, Disk};
use flow_edits::{Change, Random, SEED, border, examples, setting, typed};
use serde_json::{Value, json};

/// Edits on each example in a run of all tests.
const EDITS: usize = 40;

fn start(encoding: &str) -> Client {
    let general = json!({ "positionEncodings": [encoding] });
    // This client pulls: nothing is pushed beside.
    let text = json!({ "diagnostic": {} });
    let capabilities = json!({ "general": general, "textDocument": text });
    Client::start(json!({ "capabilities": capabilities }), Disk).0
}

/// A position in UTF-16 units, of an offset that does not stand within the end of a line.
fn position(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    // Lines end with `\n`, `\r\n` or `\r`.
    let ends = |at: usize| before.as_bytes()[at] == b'\n' || !text[at + 1..].starts_with('\n');
    let mut breaks = before.match_indices(['\n', '\r']).map(|(at, _)| at).filter(|at| ends(*at));
    let (mut line, mut start) = (0, 0);
    breaks.by_ref().for_each(|at| (line, start) = (line + 1, at + 1));
    json!({ "line": line, "character": text[start..offset].encode_utf16().count() })
}

/// An offset that is not between `\r` and `\n`: the protocol has no position for it.
fn beside(text: &str, offset: usize) -> usize {
    let within = text[..offset].ends_with('\r') && text[offset..].starts_with('\n');
    offset - usize::from(within)
}

/// One random edit of the text, as the client tells it.
fn edit(random: &mut Random, text: &mut String) -> Value {
    let Change { range, new } = typed(random, text);
    let range = beside(text, range.start)..beside(text, range.end);
    let change = Change { range: range.clone(), new };
    let range = json!({ "start": position(text, range.start), "end": position(text, range.end) });
    change.apply(text);
    json!({ "range": range, "text": change.new })
}

const QUESTIONS: &[&str] = &[
    "hover",
    "definition",
    "references",
    "completion",
    "signatureHelp",
    "documentHighlight",
    "prepareRename",
    "rename",
];
const OF_TEXT: &[&str] = &[
    "documentSymbol",
    "foldingRange",
    "documentLink",
    "codeLens",
    "semanticTokens/full",
    "formatting",
    "inlayHint",
    "codeAction",
];

/// One random question; a refusal is an answer, an internal error is not.
fn ask(random: &mut Random, client: &mut Client, uri: &str, text: &str) -> Result<(), String> {
    let at = position(text, beside(text, border(text, random.below(text.len() + 1))));
    let method = random.below(QUESTIONS.len() + OF_TEXT.len());
    let (method, more) = match QUESTIONS.get(method) {
        Some(method) => {
            (*method, json!({ "position": at, "newName": "x", "context": { "includeDeclaration": true } }))
        }
        None => {
            let range = json!({ "start": { "line": 0, "character": 0 }, "end": at });
            let options = json!({ "tabSize": 2, "insertSpaces": true });
            let context = json!({ "diagnostics": [] });
            (
                OF_TEXT[method - QUESTIONS.len()],
                json!({ "range": range, "options": options, "context": context }),
            )
        }
    };
    let mut params = json!({ "textDocument": { "uri": uri } });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    match client.ask(&format!("textDocument/{method}"), params) {
        Err(message) if message.contains("internal error") => Err(message),
        _ => Ok(()),
    }
}

#[test]
fn random_edits_never_break_the_server_and_it_says_what_a_fresh_check_says() {
    let edits = setting("FLOW_EDITS").map_or(EDITS, |n| n as usize);
    let seed = setting("FLOW_SEED").unwrap_or(SEED);
    let mut fresh = start("utf-16");
    for (number, path) in examples().into_iter().enumerate() {
        let seed = seed + number as u64;
        let mut random = Random::new(seed);
        let uri = format!("file://{}", path.display());
        let original = std::fs::read_to_string(&path).unwrap();
        let mut client = start("utf-16");
        let mut text = original.clone();
        client.open(&uri, &text);
        for step in 0..edits {
            // A script that was edited to pieces is of no use: begin again.
            if step % 50 == 49 {
                text.clone_from(&original);
                client.change(&uri, step as i32, json!({ "text": text }));
            }
            let change = edit(&mut random, &mut text);
            client.change(&uri, step as i32, change);
            let place = || format!("{}, FLOW_SEED={seed}, edit {step}:\n{text}", path.display());
            ask(&mut random, &mut client, &uri, &text).unwrap_or_else(|why| panic!("{why}: {}", place()));
            // A fresh server is asked less often when there are many edits: it reads all anew.
            if edits <= EDITS || step % 7 == 0 {
                fresh.open(&uri, &text);
                assert_eq!(client.pulled(&uri), fresh.pulled(&uri), "{}", place());
                fresh.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
            }
        }
        client.end();
    }
    fresh.end();
}
