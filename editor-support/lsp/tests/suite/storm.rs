//! Random edits on every example: never a panic, and always what a fresh check of the same text says.
//!
//! `FLOW_EDITS` sets the number of edits on each example (`cargo xtask fuzz editor --count 10000`), `FLOW_SEED` the seed.

use crate::client::{Client, Disk};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Edits on each example in a run of all tests.
const EDITS: usize = 40;

const PIECES: &[&str] = &[
    "|> ",
    "-> ",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "stream ",
    "= ",
    ",",
    "keyBy(",
    "window(",
    "@id(\"x\") ",
    "//",
    "/*",
    "é",
    "😀",
    "\n",
    "\r\n",
    "1.5e",
    "..",
    "`",
    "join(",
    "as ",
    "filter(true)",
    "\t",
    "test \"t\" {",
    "given ",
    ": ",
];

/// Splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn examples() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![
        std::fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lang-examples")).unwrap(),
    ];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false if path.extension().is_some_and(|e| e == "flow") => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

fn start(encoding: &str) -> Client {
    let general = json!({ "positionEncodings": [encoding] });
    // This client pulls: nothing is pushed beside.
    let text = json!({ "diagnostic": {} });
    let capabilities = json!({ "general": general, "textDocument": text });
    Client::start(json!({ "capabilities": capabilities }), Disk).0
}

/// A position in UTF-16 units.
fn position(text: &str, offset: usize) -> Value {
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line = text[..offset].matches('\n').count();
    json!({ "line": line, "character": text[start..offset].encode_utf16().count() })
}

fn border(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// One random edit of the text, as the client tells it.
fn edit(random: &mut Random, text: &mut String) -> Value {
    let start = border(text, random.below(text.len() + 1));
    let length = if random.below(3) == 0 { random.below(20) } else { 0 };
    let end = border(text, start + length).max(start);
    let new = if random.below(4) == 0 { "" } else { PIECES[random.below(PIECES.len())] };
    let range = json!({ "start": position(text, start), "end": position(text, end) });
    text.replace_range(start..end, new);
    json!({ "range": range, "text": new })
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
    let at = position(text, border(text, random.below(text.len() + 1)));
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
    let seed = setting("FLOW_SEED").unwrap_or(20_261_126);
    let mut fresh = start("utf-16");
    for (number, path) in examples().into_iter().enumerate() {
        let seed = seed + number as u64;
        let mut random = Random(seed);
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
