//! How fast the language server answers: `cargo xtask bench editor`. A person types in scripts of 1,000 and 10,000 lines;
//! each question comes right behind a changed letter, so that its answer waits for the whole analysis of the new text.
//! `cargo xtask bench editor NAME` asks only questions with NAME in theirs. Besides the time that passes, the time is told that
//! the server worked: what remains where nothing else runs.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use flow_driver::LoadError;
use flow_env::Memory;
use lsp_server::{Connection, Message, Notification, Request, RequestId};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The memory of the `flow` binary: some 10,000 trees are copied and let go behind each letter of a long script.
#[global_allocator]
static MEMORY: Memory = Memory;

/// Letters that are typed before each kind of question is counted.
const ROUNDS: usize = 100;
/// What a person waits at least between two letters.
const PAUSE: Duration = Duration::from_millis(20);
const URI: &str = "file:///srv/project/long.flow";

struct Nothing;

impl flow_lsp::Files for Nothing {
    fn read(&self, _: &Path) -> Result<Vec<u8>, LoadError> {
        Err(LoadError::Missing)
    }

    fn scripts(&self, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// A script as people write them: a type, a source, and streams with their sinks, nine lines each.
fn script(lines: usize) -> String {
    let mut text = String::from(
        "type Bid = { auction: int, bidder: int, price: int, channel: string, at: timestamp, note: string? }\n\
         source bids: Bid = file(\"bids.ndjson\", format: json) |> eventTime(at, delay: 5s)\n\n",
    );
    let mut number = 0;
    while text.matches('\n').count() < lines {
        text.push_str(&format!(
            "/// Bids above {number}.\nstream s{number} = bids\n  |> filter(price > {number} and channel != \"x\")\n  \
             |> map {{ auction, price, euros: float(price) * 0.9, at }}\n  |> keyBy(auction)\n  |> window(tumbling(10s))\n  \
             |> aggregate {{ n: count(), top: max(price), revenue: sum(euros) }}\n\
             sink o{number} = s{number} |> filter(n > 1) -> stdout(format: json)\n\n"
        ));
        number += 1;
    }
    text
}

struct Client {
    connection: Connection,
    next: i32,
    /// The scheduler's account of the server's thread.
    account: PathBuf,
}

impl Client {
    fn tell(&self, method: &str, params: Value) {
        let told = Notification::new(method.into(), params);
        self.connection.sender.send(told.into()).expect("the server is there");
    }

    /// The time the server's thread has run.
    fn worked(&self) -> Duration {
        let text = std::fs::read_to_string(&self.account).unwrap_or_default();
        let nanos = text.split(' ').next().and_then(|first| first.parse().ok());
        Duration::from_nanos(nanos.unwrap_or(0))
    }

    fn ask(&mut self, method: &str, params: Value) -> Duration {
        self.next += 1;
        let id = RequestId::from(self.next);
        let start = Instant::now();
        self.connection
            .sender
            .send(Request::new(id.clone(), method.into(), params).into())
            .expect("the server is there");
        loop {
            match self.connection.receiver.recv().expect("the server answers") {
                Message::Response(response) if response.id == id => {
                    assert!(response.response_result.is_ok(), "{method} is refused");
                    return start.elapsed();
                }
                _ => {}
            }
        }
    }
}

fn questions(line: u32, column: u32) -> Vec<(&'static str, Value)> {
    let text = json!({ "uri": URI });
    let place = json!({ "line": line, "character": column });
    // The name of the stream: `stream s…`.
    let name = json!({ "line": line.saturating_sub(1), "character": "stream s".len() });
    let everywhere = |line: u32, before: &str| json!({ "textDocument": text, "position": { "line": line, "character": before.len() }, "newName": "renamed" });
    let screen = json!({ "start": { "line": line.saturating_sub(30), "character": 0 }, "end": { "line": line + 30, "character": 0 } });
    let at = json!({ "textDocument": text, "position": place });
    let of = json!({ "textDocument": text });
    let seen = json!({ "textDocument": text, "range": screen.clone() });
    let here = json!({ "start": place, "end": place });
    vec![
        ("textDocument/completion", at.clone()),
        ("textDocument/hover", at.clone()),
        ("textDocument/signatureHelp", at.clone()),
        ("textDocument/definition", at.clone()),
        (
            "textDocument/references",
            json!({ "textDocument": text, "position": place, "context": { "includeDeclaration": true } }),
        ),
        ("textDocument/documentHighlight", at.clone()),
        ("textDocument/prepareRename", at),
        ("textDocument/rename", json!({ "textDocument": text, "position": name, "newName": "renamed" })),
        // What every stream reads: two fields, of one of which they hold state, the source, and its type.
        (
            "textDocument/rename of a field",
            everywhere(0, "type Bid = { auction: int, bidder: int, price: int, "),
        ),
        (
            "textDocument/rename of a field in state",
            everywhere(0, "type Bid = { auction: int, bidder: int, "),
        ),
        ("textDocument/rename of a source", everywhere(1, "source ")),
        ("textDocument/rename of a type", everywhere(0, "type ")),
        ("textDocument/diagnostic", of.clone()),
        ("textDocument/inlayHint", seen.clone()),
        ("textDocument/semanticTokens/range", seen),
        (
            "textDocument/codeAction",
            json!({ "textDocument": text, "range": here, "context": { "diagnostics": [] } }),
        ),
        ("textDocument/documentSymbol", of.clone()),
        ("textDocument/foldingRange", of.clone()),
        ("textDocument/selectionRange", json!({ "textDocument": text, "positions": [place] })),
        ("textDocument/documentLink", of.clone()),
        ("textDocument/codeLens", of.clone()),
        ("workspace/symbol", json!({ "query": "s1" })),
        ("textDocument/semanticTokens/full", of.clone()),
        (
            "textDocument/rangeFormatting",
            json!({ "textDocument": text, "range": screen, "options": { "tabSize": 2, "insertSpaces": true } }),
        ),
        (
            "textDocument/formatting",
            json!({ "textDocument": text, "options": { "tabSize": 2, "insertSpaces": true } }),
        ),
    ]
}

fn main() {
    // Part of the name of the questions to ask; all if there is none.
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let wanted = |name: &str| name.to_lowercase().contains(&wanted.to_lowercase());
    for (lines, limit) in [(1_000, 10), (10_000, 50)] {
        println!("\n{lines} lines, {} bytes, limit {limit} ms\n", script(lines).len());
        println!("| question | work p50 | work p99 | wait p50 | wait p99 |\n|---|---:|---:|---:|---:|");
        for (number, _) in questions(0, 0).iter().enumerate().filter(|(_, (name, _))| wanted(name)) {
            measure(lines, number, limit);
        }
    }
}

fn measure(lines: usize, question: usize, limit: u64) {
    let (server, connection) = Connection::memory();
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let own = std::fs::read_link("/proc/thread-self").unwrap_or_default();
        sender.send(own).expect("the client waits");
        flow_lsp::serve(&server, Box::new(Nothing))
    });
    let own = receiver.recv().expect("the server has started");
    let mut client = Client { connection, next: 0, account: Path::new("/proc").join(own).join("schedstat") };
    let capabilities = json!({
        "textDocument": { "diagnostic": {} },
        "workspace": { "workspaceEdit": { "documentChanges": true, "changeAnnotationSupport": {} } },
        "general": { "positionEncodings": ["utf-16"] },
    });
    client.ask("initialize", json!({ "capabilities": capabilities }));
    client.tell("initialized", json!({}));
    let text = script(lines);
    let document = json!({ "uri": URI, "languageId": "flow", "version": 1, "text": text });
    client.tell("textDocument/didOpen", json!({ "textDocument": document }));
    // In the middle: `  |> filter(price > N and …`, behind the bracket.
    let found =
        text.lines().enumerate().skip(lines / 2).find(|(_, line)| line.starts_with("  |> filter(price"));
    let (line, filter) = found.expect("the script has filters");
    // What a mistake may stand for is not renamed: then the letter goes into a string.
    let whole = questions(0, 0)[question].0.contains(" of ");
    let before = if whole { filter.find("\"x\"").map_or(0, |at| at + 1) } else { "  |> filter(pr".len() };
    let (line, column) = (line as u32, before as u32);
    client.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } }));
    let mut times = Vec::with_capacity(ROUNDS);
    let mut work = Vec::with_capacity(ROUNDS);
    let mut name = "";
    for round in 0..ROUNDS {
        // `price` becomes `prxice` and back.
        let start = json!({ "line": line, "character": column });
        let end = json!({ "line": line, "character": column + (round % 2) as u32 });
        let change =
            json!({ "range": { "start": start, "end": end }, "text": if round % 2 == 0 { "x" } else { "" } });
        let version = json!({ "uri": URI, "version": round + 2 });
        let before = client.worked();
        client.tell("textDocument/didChange", json!({ "textDocument": version, "contentChanges": [change] }));
        let (asked, params) = questions(line, column).swap_remove(question);
        let method = asked.split(' ').next().unwrap_or_default();
        times.push(client.ask(method, params));
        work.push(client.worked() - before);
        name = asked;
        std::thread::sleep(PAUSE);
    }
    times.sort();
    work.sort();
    let ms = |all: &[Duration], at: usize| all[at].as_secs_f64() * 1e3;
    // Of 100 rounds the 99th is the second longest.
    let (half, most) = (ROUNDS / 2, ROUNDS * 99 / 100 - 1);
    let verdict = |ms: f64| if ms > limit as f64 { " **missed**" } else { "" };
    let (worked, waited) = (ms(&work, most), ms(&times, most));
    println!(
        "| `{}` | {:.1} | {worked:.1}{} | {:.1} | {waited:.1}{} |",
        name.trim_start_matches("textDocument/"),
        ms(&work, half),
        verdict(worked),
        ms(&times, half),
        verdict(waited),
    );
    client.ask("shutdown", Value::Null);
    client.tell("exit", Value::Null);
    let _ = thread.join();
}
