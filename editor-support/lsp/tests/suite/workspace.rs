//! Scripts that import others: names are followed and changed in all of them.

use crate::client::{Client, Table, applied};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const TYPES: &str = "type Bid = { auction: int, price: int }\n";
const ONE: &str = "import \"types.flow\"\nsource bids: Bid = file(\"b\", format: json)\nsink o = bids |> filter(price > 1) -> stdout(format: json)\n";
const TWO: &str = "import \"types.flow\"\nsource more: Bid = file(\"b\", format: json)\nsink p = more |> map { price } -> stdout(format: json)\n";

fn uri(name: &str) -> String {
    format!("file:///srv/project/{name}")
}

fn started() -> Client {
    let files = Table::of(&[
        ("/srv/project/types.flow", TYPES),
        ("/srv/project/one.flow", ONE),
        ("/srv/project/sub/two.flow", &TWO.replace("types.flow", "../types.flow")),
        ("/srv/project/other.flow", "type Price = int\nconst price = 1\n"),
    ]);
    let general = json!({ "positionEncodings": ["utf-8"] });
    let params = json!({ "capabilities": { "general": general }, "rootUri": "file:///srv/project" });
    Client::start(params, files).0
}

fn ask(client: &mut Client, method: &str, name: &str, line: u32, character: u32, more: Value) -> Value {
    let mut params =
        json!({ "textDocument": { "uri": uri(name) }, "position": { "line": line, "character": character } });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.ask(method, params).unwrap()
}

#[test]
fn a_field_of_an_imported_type_is_renamed_in_every_script_that_imports_it() {
    let mut client = started();
    client.open(&uri("one.flow"), ONE);
    let edit = ask(&mut client, "textDocument/rename", "one.flow", 2, 25, json!({ "newName": "cents" }));
    let changes = edit["changes"].as_object().unwrap();
    assert_eq!(changes.len(), 3, "{edit}");
    assert_eq!(applied(TYPES, &changes[&uri("types.flow")]), TYPES.replace("price", "cents"));
    assert_eq!(applied(ONE, &changes[&uri("one.flow")]), ONE.replace("price", "cents"));
    let two = TWO.replace("types.flow", "../types.flow");
    assert_eq!(applied(&two, &changes[&uri("sub/two.flow")]), two.replace("price", "cents"));
    client.end();
}

#[test]
fn from_its_own_file_a_type_is_renamed_everywhere_too() {
    let mut client = started();
    client.open(&uri("types.flow"), TYPES);
    let edit = ask(&mut client, "textDocument/rename", "types.flow", 0, 6, json!({ "newName": "Offer" }));
    assert_eq!(edit["changes"].as_object().unwrap().len(), 3, "{edit}");
    let all = json!({ "context": { "includeDeclaration": false } });
    let places = ask(&mut client, "textDocument/references", "types.flow", 0, 6, all);
    assert_eq!(places.as_array().unwrap().len(), 2, "{places}");
    client.end();
}

#[test]
fn a_change_of_an_imported_text_is_seen_in_those_that_import_it() {
    let mut client = started();
    client.open(&uri("one.flow"), ONE);
    client.open(&uri("types.flow"), TYPES);
    assert_eq!(client.pulled(&uri("one.flow")), [] as [Value; 0]);
    client.change(&uri("types.flow"), 2, json!({ "text": TYPES.replace("price", "cents") }));
    assert_eq!(client.pulled(&uri("one.flow"))[0]["code"], "E0203");
    client.change(&uri("types.flow"), 3, json!({ "text": "type = int" }));
    let told = client.pulled(&uri("one.flow"));
    assert_eq!(
        told[0]["range"]["start"],
        json!({ "line": 0, "character": 7 }),
        "told at the import: {told:?}"
    );
    assert_eq!(told[0]["relatedInformation"][0]["location"]["uri"], uri("types.flow"));
    // What the editor had is gone with its text: the file on the disk counts again.
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri("types.flow") } }));
    assert_eq!(client.pulled(&uri("one.flow")), [] as [Value; 0]);
    assert_eq!(
        client.diagnostics[&uri("types.flow")],
        [] as [Value; 0],
        "a closed text has no mistakes to show"
    );
    client.end();
}

#[test]
fn declarations_of_all_scripts_are_found_by_their_letters() {
    let mut client = started();
    let names = |client: &mut Client, query: &str| {
        let found = client.ask("workspace/symbol", json!({ "query": query })).unwrap();
        let mut names: Vec<String> =
            found.as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap().to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&mut client, "bd"), ["Bid", "bids"]);
    assert_eq!(names(&mut client, "").len(), 7);
    client.open(&uri("new.flow"), "type Bidder = int\n");
    assert_eq!(names(&mut client, "bidd"), ["Bidder"]);
    client.end();
}

fn refused(client: &mut Client, name: &str, (line, character): (u32, u32), new: &str) -> String {
    let position = json!({ "line": line, "character": character });
    let params = json!({ "textDocument": { "uri": uri(name) }, "position": position, "newName": new });
    client.ask("textDocument/rename", params).unwrap_err()
}

#[test]
fn a_rename_is_refused_for_what_another_script_would_mean_by_it() {
    let files = Table::of(&[
        ("/srv/project/lib.flow", "const low = 1\nfn up(x: int) -> int = x + low\n"),
        (
            "/srv/project/uses.flow",
            "import \"lib.flow\"\nconst high = 2\nfn both(y: int) -> int = up(y) + high\n",
        ),
        ("/srv/project/wrong.flow", "import \"lib.flow\"\nconst l = low\nfn z(y: int) -> int = low +\n"),
    ]);
    let params = json!({ "capabilities": {}, "rootUri": "file:///srv/project" });
    let (mut client, _) = Client::start(params, files);
    client.open(&uri("lib.flow"), "const low = 1\nfn up(x: int) -> int = x + low\n");
    let why = refused(&mut client, "lib.flow", (1, 3), "high");
    assert!(why.contains("`high` is declared already: uses.flow:2"), "{why}");
    let why = refused(&mut client, "lib.flow", (0, 6), "high");
    assert!(why.contains("high") || why.contains("errors"), "{why}");
    // A part of another script that is not understood may use it too.
    let why = refused(&mut client, "lib.flow", (0, 6), "least");
    assert!(why.contains("`low` in wrong.flow:3"), "{why}");
    let why = refused(&mut client, "lib.flow", (0, 6), "a-b");
    assert!(why.contains("is no name"), "{why}");
    client.end();
}

const OLD: &str = "source a: { k: int } = file(\"a\", format: json)\nstream s = a |> keyBy(k) |> count()\nsink o = s -> blackhole()\ntest \"goes on\" {\n  given a [ { k: 1 } ]\n  savepoint\n  restore into \"new.flow\"\n  given a [ { k: 1 } ]\n  expect s [ { k: 1, count: 2 } ]\n}\n";
const NEW: &str = "source a: { k: int } = file(\"a\", format: json)\nstream s = a |> keyBy(k) |> count()\nsink p = s -> blackhole()\n";

#[test]
fn steps_behind_a_restore_are_renamed_with_the_script_they_speak_of() {
    for from_test in [true, false] {
        let files = Table::of(&[("/srv/project/old.flow", OLD), ("/srv/project/new.flow", NEW)]);
        let general = json!({ "positionEncodings": ["utf-8"] });
        let params = json!({ "capabilities": { "general": general }, "rootUri": "file:///srv/project" });
        let (mut client, _) = Client::start(params, files);
        client.open(&uri("old.flow"), OLD);
        client.open(&uri("new.flow"), NEW);
        let (name, line, character) = if from_test { ("old.flow", 8, 9) } else { ("new.flow", 1, 7) };
        let places = json!({ "context": { "includeDeclaration": true } });
        let places = ask(&mut client, "textDocument/references", name, line, character, places);
        assert_eq!(places.as_array().unwrap().len(), 3, "{places}");
        let edit = ask(&mut client, "textDocument/rename", name, line, character, json!({ "newName": "zz" }));
        let changes = edit["changes"].as_object().unwrap();
        assert_eq!(applied(OLD, &changes[&uri("old.flow")]), OLD.replace("expect s", "expect zz"));
        let new = NEW.replace("stream s", "@was(\"s\") stream zz").replace("= s", "= zz");
        assert_eq!(applied(NEW, &changes[&uri("new.flow")]), new);
        // What the old script calls so is its own: a savepoint of it would not fit any more.
        let why = refused(&mut client, "old.flow", (1, 7), "zz");
        assert!(why.contains("old.flow:7") && why.contains("`zz.count` drops"), "{why}");
        client.end();
    }
}

#[test]
fn where_a_script_is_named_the_others_are_offered() {
    let mut client = started();
    // What no path leads to is not offered.
    client.open("untitled:Untitled-1", "const a = 1\n");
    client.open("git:/srv/project/one.flow?HEAD", "const a = 1\n");
    for (name, text, end, expected) in [
        ("new.flow", "import \"", 8, ["one.flow", "other.flow", "types.flow", "sub/two.flow"]),
        ("sub/new.flow", "import \"..", 10, ["two.flow", "../one.flow", "../other.flow", "../types.flow"]),
        (
            "new.flow",
            "test \"t\" { savepoint restore into \"t",
            36,
            ["one.flow", "other.flow", "types.flow", "sub/two.flow"],
        ),
    ] {
        client.open(&uri(name), text);
        let items = ask(&mut client, "textDocument/completion", name, 0, end, json!({}));
        let items = items.as_array().unwrap();
        let labels: Vec<&str> = items.iter().map(|item| item["label"].as_str().unwrap()).collect();
        assert_eq!(labels, expected);
        let start = text.rfind('"').unwrap() + 1;
        let range =
            json!({ "start": { "line": 0, "character": start }, "end": { "line": 0, "character": end } });
        assert_eq!(items[0]["textEdit"], json!({ "range": range, "newText": expected[0] }));
        client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri(name) } }));
    }
    client.end();
}

const COUNTED: &str = "source a: { k: int } = file(\"a\", format: json)\nstream s = a |> map { g: k } |> keyBy(g) |> count() as n\nsink o = s -> blackhole()\n";

fn counted(edit: Value) -> Client {
    let workspace = json!({ "workspaceEdit": edit });
    let capabilities = json!({ "workspace": workspace, "general": { "positionEncodings": ["utf-8"] } });
    let params = json!({ "capabilities": capabilities, "rootUri": "file:///srv/project" });
    let (client, _) = Client::start(params, Table::default());
    client.open(&uri("s.flow"), COUNTED);
    client
}

#[test]
fn a_rename_that_loses_saved_state_is_for_the_person_to_confirm() {
    let mut client = counted(json!({ "documentChanges": true, "changeAnnotationSupport": {} }));
    let result = COUNTED.lines().nth(1).unwrap().find("as n").unwrap() as u32 + 3;
    let edit = ask(&mut client, "textDocument/rename", "s.flow", 1, result, json!({ "newName": "many" }));
    assert_eq!(edit["changes"], Value::Null);
    let annotation = &edit["changeAnnotations"]["saved"];
    assert_eq!(
        (&annotation["label"], &annotation["needsConfirmation"]),
        (&json!("loses saved state"), &json!(true))
    );
    let why = annotation["description"].as_str().unwrap();
    assert!(why.contains("`s.count` drops: `n` is gone"), "{why}");
    let of_file = &edit["documentChanges"][0];
    assert_eq!(of_file["textDocument"], json!({ "uri": uri("s.flow"), "version": 1 }));
    assert_eq!(of_file["edits"][0]["annotationId"], "saved");
    assert_eq!(applied(COUNTED, &of_file["edits"]), COUNTED.replace("as n", "as many"));
    client.end();
}

#[test]
fn where_nobody_can_be_asked_it_is_refused_and_what_only_migrates_is_told() {
    let mut client = counted(json!({}));
    let line = COUNTED.lines().nth(1).unwrap();
    let why = refused(&mut client, "s.flow", (1, line.find("as n").unwrap() as u32 + 3), "many");
    assert!(why.contains("`s.count` drops: `n` is gone"), "{why}");
    let key = line.find("g: k").unwrap() as u32;
    let edit = ask(&mut client, "textDocument/rename", "s.flow", 1, key, json!({ "newName": "group" }));
    assert!(edit["changes"].is_object(), "{edit}");
    // Told behind the answer, so before the next one.
    client.of("textDocument/documentSymbol", &uri("s.flow"));
    assert_eq!(client.shown.len(), 1, "{:?}", client.shown);
    assert!(
        client.shown[0].contains("`s.count` migrates: `g` of the key is called `group` now"),
        "{:?}",
        client.shown
    );
    client.end();
}

#[test]
fn a_rename_that_changes_what_a_source_reads_is_for_the_person_to_confirm() {
    let mut client = counted(json!({ "documentChanges": true, "changeAnnotationSupport": {} }));
    let field = COUNTED.find("k: int").unwrap() as u32;
    let edit = ask(&mut client, "textDocument/rename", "s.flow", 0, field, json!({ "newName": "id" }));
    let annotation = &edit["changeAnnotations"]["saved"];
    assert_eq!(
        (&annotation["label"], &annotation["needsConfirmation"]),
        (&json!("changes what is read"), &json!(true))
    );
    let why = annotation["description"].as_str().unwrap();
    assert!(
        why.starts_with("`a` finds `k` in its data by that name, and looks for `id` behind this"),
        "{why}"
    );
    client.end();
}

/// The files of a table, with links to some of them.
struct Linked(Table, Vec<(PathBuf, PathBuf)>);

impl flow_lsp::Files for Linked {
    fn read(&self, path: &Path) -> Result<Vec<u8>, flow_driver::LoadError> {
        self.0.read(&self.real(path))
    }

    fn scripts(&self, folder: &Path) -> Vec<PathBuf> {
        let links = self.1.iter().map(|(link, _)| link.clone());
        self.0.scripts(folder).into_iter().chain(links).collect()
    }

    fn real(&self, path: &Path) -> PathBuf {
        let link = self.1.iter().find(|(link, _)| link == path);
        link.map_or_else(|| flow_driver::normal(path), |(_, real)| real.clone())
    }
}

#[test]
fn a_file_behind_a_link_is_one_file() {
    let script = |import: &str| {
        format!(
            "import \"{import}\"\nsource s: Bid = file(\"s\", format: json)\nsink o = s |> filter(price > limit) -> blackhole()\n"
        )
    };
    let (plain, linked) = (script("types.flow"), script("link.flow"));
    let types = "type Bid = { price: int }\nconst limit = 1\n";
    let files = Table::of(&[
        ("/srv/project/types.flow", types),
        ("/srv/project/a.flow", &plain),
        ("/srv/project/c.flow", &plain),
        ("/srv/project/d/b.flow", &linked),
    ]);
    let link = (PathBuf::from("/srv/project/d/link.flow"), PathBuf::from("/srv/project/types.flow"));
    for (name, text) in [("a.flow", &plain), ("d/b.flow", &linked)] {
        let general = json!({ "positionEncodings": ["utf-8"] });
        let params = json!({ "capabilities": { "general": general }, "rootUri": "file:///srv/project" });
        let (mut client, _) = Client::start(params, Linked(files.clone(), vec![link.clone()]));
        client.open(&uri(name), text);
        let at = text.lines().nth(2).unwrap().find("limit").unwrap() as u32;
        let edit = ask(&mut client, "textDocument/rename", name, 2, at, json!({ "newName": "most" }));
        let mut changed: Vec<&String> = edit["changes"].as_object().unwrap().keys().collect();
        changed.sort();
        assert_eq!(
            changed,
            ["a.flow", "c.flow", "d/b.flow", "types.flow"].map(uri).iter().collect::<Vec<_>>()
        );
        let more = json!({ "context": { "includeDeclaration": true } });
        let places = ask(&mut client, "textDocument/references", name, 2, at, more);
        assert_eq!(places.as_array().unwrap().len(), 4, "{places}");
        // What is typed into the file is what those read that import the link.
        client.open(&uri("types.flow"), &types.replace("limit", "most"));
        let told = client.of("textDocument/diagnostic", &uri(name));
        let found = told["items"].as_array().unwrap();
        assert!(found.iter().any(|one| one["message"].as_str().unwrap().contains("limit")), "{found:?}");
        client.end();
    }
}

#[test]
fn what_an_importer_reads_keeps_a_stream_from_being_cut() {
    let library = "source a: { k: int } = file(\"a\", format: json)\nstream s = a |> filter(10 / k > 1) |> map { k } |> limit(3)\n";
    let reader = "import \"lib.flow\"\nconst tInput = 1\nsink e = s.errors -> blackhole()\n";
    for (others, offered) in [(reader, 0), ("import \"lib.flow\"\nsink e = s -> blackhole()\n", 1)] {
        let files = Table::of(&[("/srv/project/lib.flow", library), ("/srv/project/r.flow", others)]);
        let params = json!({ "capabilities": {}, "rootUri": "file:///srv/project" });
        let (mut client, _) = Client::start(params, files);
        client.open(&uri("lib.flow"), library);
        let place = json!({ "line": 1, "character": library.lines().nth(1).unwrap().find("map").unwrap() });
        let params = json!({
            "textDocument": { "uri": uri("lib.flow") },
            "range": { "start": place, "end": place },
            "context": { "diagnostics": [], "only": ["refactor.extract"] },
        });
        let found = client.ask("textDocument/codeAction", params).unwrap();
        assert_eq!(found.as_array().unwrap().len(), offered, "{found}");
        client.end();
    }
}

/// A file to which a link leads, and which is there only at times.
struct ComesAndGoes(Arc<AtomicBool>);

impl flow_lsp::Files for ComesAndGoes {
    fn read(&self, path: &Path) -> Result<Vec<u8>, flow_driver::LoadError> {
        let there = self.0.load(Ordering::SeqCst) && self.real(path) == Path::new("/srv/project/types.flow");
        there.then(|| TYPES.as_bytes().to_vec()).ok_or(flow_driver::LoadError::Missing)
    }

    fn scripts(&self, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Nobody knows where a link leads whose file is not there.
    fn real(&self, path: &Path) -> PathBuf {
        let leads = self.0.load(Ordering::SeqCst) && path.ends_with("link.flow");
        if leads { PathBuf::from("/srv/project/types.flow") } else { flow_driver::normal(path) }
    }
}

#[test]
fn a_file_that_was_made_again_is_read_again_by_those_that_import_a_link_to_it() {
    let there = Arc::new(AtomicBool::new(false));
    let params = json!({ "capabilities": {}, "rootUri": "file:///srv/project" });
    let (mut client, _) = Client::start(params, ComesAndGoes(there.clone()));
    client.open(&uri("one.flow"), &ONE.replace("types.flow", "link.flow"));
    let changed = |client: &mut Client, is_there: bool, kind: u32| {
        there.store(is_there, Ordering::SeqCst);
        let change = json!({ "uri": uri("types.flow"), "type": kind });
        client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [change] }));
        client.pulled(&uri("one.flow"))
    };
    assert_eq!(client.pulled(&uri("one.flow"))[0]["code"], "E0608");
    for _ in 0..2 {
        assert_eq!(changed(&mut client, true, 1), [] as [Value; 0]);
        assert_eq!(changed(&mut client, false, 3)[0]["code"], "E0608");
    }
    client.end();
}
