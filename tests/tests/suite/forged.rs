//! Savepoints that somebody made to exhaust memory: all hashes are right, and whatever is done with one takes no more than its
//! own bytes account for.
#![cfg(target_os = "linux")]

use flow_checkpoint::Hash128;
use flow_tests::flow_binary;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const SCRIPT: &str = "job totals { parallelism: 2 }\ntype Row = { k: int, v: int }\nsource rows: Row = file(\"in\", format: json)\nsink out = rows |> keyBy(k) |> sum(v) as total -> file(\"out\", format: json)\n";

/// Memory of the process, in KiB.
const MOST: usize = 300_000;

fn flow(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -d {MOST}; exec \"$@\""), "sh"]).arg(flow_binary::path()).args(args);
    let out = command.current_dir(folder).env("NO_COLOR", "1").output().unwrap();
    let text = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (out.status.code(), text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What a part file without tables is.
fn part(worker: usize) -> (Vec<u8>, Hash128) {
    let mut bytes = b"flowpart".to_vec();
    bytes.extend(1u32.to_le_bytes());
    [1u64, 1].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    bytes.extend((worker as u32).to_le_bytes());
    bytes.push(b'E');
    bytes.extend((bytes.len() as u64 + 8 + 16).to_le_bytes());
    let hash = Hash128::of(&bytes);
    bytes.extend(hash.to_bytes());
    (bytes, hash)
}

/// A savepoint of the script by so many workers, whose state has so many tables more.
fn forge(folder: &Path, workers: usize, tables: usize) {
    std::fs::write(folder.join("totals.flow"), SCRIPT).unwrap();
    std::fs::create_dir(folder.join("in")).unwrap();
    std::fs::write(folder.join("in/a.json"), "{\"k\":1,\"v\":2}\n").unwrap();
    let saved = folder.join("forged");
    std::fs::create_dir(&saved).unwrap();
    let mut parts = Vec::new();
    for worker in 0..workers {
        let (bytes, hash) = part(worker);
        let file = format!("part-{worker}-1-1");
        std::fs::write(saved.join(&file), &bytes).unwrap();
        parts.push(json!({
            "worker": worker, "generation": 1, "epoch": 1, "base": true, "file": file, "length": bytes.len(), "hash": hash.to_string()
        }));
    }
    let table = |name: String| {
        let columns = json!([{ "name": "k", "type": "int" }, { "name": "total", "type": "int" }]);
        json!({ "name": name, "keys": 1, "home": 1, "columns": columns })
    };
    let tables: Vec<Value> = (0..tables).map(|number| table(format!("t{number}"))).collect();
    let manifest = json!({
        "job": "totals", "generation": 1, "epoch": 1, "barrier": 1, "at": 1, "flow": "0.1.0", "finished": false,
        "parallelism": workers, "scripts": [{ "path": "totals.flow", "text": SCRIPT }], "parameters": [],
        "sources": [], "times": [], "sinks": [], "parent": null, "parts": parts,
        "states": [{ "id": "out.sum", "tables": tables }],
    });
    let body = format!("{manifest}\n");
    let head = format!("flow-manifest 1 {}", body.len());
    let hash = Hash128::of(format!("{head}\n{body}").as_bytes());
    std::fs::write(saved.join("MANIFEST"), format!("{head} {hash}\n{body}")).unwrap();
}

#[test]
fn a_savepoint_of_many_workers_and_many_tables_takes_no_more_memory_than_its_bytes_account_for() {
    for (workers, tables) in [(200, 20_000), (1000, 1)] {
        let folder = tempfile::tempdir().unwrap();
        forge(folder.path(), workers, tables);
        let flow = |args: &[&str]| flow(folder.path(), args);
        let (status, said) = flow(&["savepoint", "verify", "forged"]);
        assert!(status == Some(0) && said.contains("forged is whole"), "{said}");
        let (status, said) = flow(&["savepoint", "export", "forged", "out.sum"]);
        assert!(status == Some(0) && said.contains("0 rows of out.sum"), "{said}");
        let (status, said) = flow(&["savepoint", "diff", "forged", "totals.flow"]);
        assert!(status == Some(0) && said.contains("out.sum identical"), "{status:?}: {said}");
        let (status, said) = flow(&["run", "totals.flow", "--from", "forged"]);
        assert!(status == Some(0) && said.contains("going on from savepoint forged"), "{status:?}: {said}");
    }
}
