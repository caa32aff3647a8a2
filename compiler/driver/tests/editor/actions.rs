//! Code actions: what is offered can be applied, and does what it says.

use super::{compiled, edited, findings, read, script};
use flow_driver::Compilation;
use flow_driver::editor::{ActionKind, actions, fix_all, format_edits, format_range};
use flow_edits::examples;
use flow_syntax::Edit;
use flow_syntax::ast::DeclKind;

/// A script that no other one imports.
fn alone(_: &str) -> bool {
    false
}

/// What each state is called, and was.
fn state_ids(compiled: &Compilation) -> Vec<(String, Option<String>)> {
    let checked = &compiled.checked;
    let pipelines = (0..checked.declarations.len()).filter_map(|index| checked.pipeline(index));
    let states = pipelines.flat_map(|pipeline| &pipeline.operators).filter_map(|o| o.state.as_ref());
    let mut ids: Vec<_> = states.map(|s| (s.id.clone(), s.was.clone())).collect();
    ids.sort();
    ids
}

/// A script whose pipelines were called otherwise once.
fn with_former_names(text: &str) -> String {
    let mut out = String::new();
    for (n, line) in text.split_inclusive('\n').enumerate() {
        if line.starts_with("stream ") || line.starts_with("sink ") {
            out.push_str(&format!("@was(\"former{n}\") "));
        }
        out.push_str(line);
    }
    out
}

/// A script whose every second state has an id of its own.
fn with_ids(text: &str) -> String {
    let before = super::script(text);
    let states = before.programs[0].decls.iter().flat_map(|decl| match &decl.kind {
        DeclKind::Stream(stream) => &stream.pipeline.stages[..],
        DeclKind::Sink(sink) => &sink.pipeline.stages[..],
        _ => &[],
    });
    let words = ["aggregate", "count", "sum", "join", "top", "latest", "distinct", "scan"];
    let states = states.filter(|s| s.id.is_none() && words.contains(&s.name.name.as_str())).step_by(2);
    let pins = states.enumerate().map(|(n, stage)| Edit {
        span: stage.span.before(),
        replacement: format!("@id(\"own {n}\") @was(\"before {n}\") "),
    });
    edited(text, &pins.collect::<Vec<_>>())
}

/// A script that does everything twice: what follows the first stage with a state is written once more.
const TWICE: &str = "\
source a: { k: int, v: int } = file(\"a\", format: json)
@was(\"once\") stream s = a
  |> distinct(k, v)
  |> filter(v > 0)
  |> distinct(k)
  |> keyBy(k)
  |> aggregate { v: sum(v) }
  |> keyBy(tens: v % 10)
  |> @id(\"tens\") aggregate { v: sum(v) }
  |> keyBy(fives: v % 5)
  |> @was(\"fives\") aggregate { v: sum(v) }
sink `to morrow` = s
  |> keyBy(tens: v % 10)
  |> aggregate { v: sum(v) }
  |> keyBy(fives: v % 5)
  |> aggregate { v: sum(v) }
  |> filter(v > 0)
  -> stdout(format: json)
";

/// The offers at every stage of every example, as it is, with former names, and with ids: applied, the script is as right as
/// before, and its states are called as they were.
fn applied_everywhere(kind: ActionKind) -> usize {
    let (mut count, mut styled) = (0, 0);
    let twice = (std::path::PathBuf::from("s.flow"), TWICE.to_string());
    let scripts = examples().into_iter().map(|path| (path.clone(), read(&path))).chain([twice]);
    for (path, text) in scripts.flat_map(|(path, text)| {
        [with_former_names(&text), with_ids(&text), text].map(|text| (path.clone(), text))
    }) {
        let before = compiled(&path, &text);
        for (at, _) in text.match_indices("|> ") {
            for action in actions(&before, at + 3..at + 4, &alone).into_iter().filter(|a| a.kind == kind) {
                count += 1;
                let new = edited(&text, &action.edits);
                let after = compiled(&path, &new);
                let place = format!("{} at {at}: {}\n{new}", path.display(), action.title);
                let errors = |c: &Compilation| c.diagnostics.iter().filter(|d| d.is_error()).count();
                assert_eq!(errors(&before), errors(&after), "{place}\n{:?}", findings(&after));
                assert_eq!(state_ids(&before), state_ids(&after), "{place}");
                if flow_syntax::format(&text).is_ok_and(|formatted| formatted == text) {
                    assert_eq!(flow_syntax::format(&new).as_ref(), Ok(&new), "{place}");
                    styled += 1;
                }
            }
        }
    }
    assert!(styled > 20, "{styled}");
    count
}

#[test]
fn a_state_can_be_pinned_wherever_there_is_one() {
    assert!(applied_everywhere(ActionKind::Rewrite) > 30);
}

#[test]
fn the_first_stages_of_a_pipeline_can_become_a_stream() {
    assert!(!super::script(TWICE).has_errors(), "{:?}", findings(&super::script(TWICE)));
    assert!(applied_everywhere(ActionKind::Extract) > 30);
}

#[test]
fn an_extracted_stream_stands_above_its_reader_and_keeps_states() {
    let text = "source a: { k: int, v: int } = file(\"a\", format: json)\n\n/// Sums.\nsink o = a\n  |> filter(v > 0)\n  |> keyBy(k)\n  |> aggregate { n: count() }\n  |> filter(n > 1)\n  -> stdout(format: json)\n";
    let compiled = script(text);
    let at = text.find("aggregate").unwrap();
    let action =
        actions(&compiled, at..at, &alone).into_iter().find(|a| a.kind == ActionKind::Extract).unwrap();
    assert_eq!(
        edited(text, &action.edits),
        "source a: { k: int, v: int } = file(\"a\", format: json)\n\nstream oInput = a\n  |> filter(v > 0)\n  |> keyBy(k)\n  |> @id(\"o.aggregate\") aggregate { n: count() }\n\n/// Sums.\nsink o = oInput\n  |> filter(n > 1)\n  -> stdout(format: json)\n"
    );
    let key = text.find("keyBy").unwrap();
    let between = actions(&compiled, key..key, &alone).into_iter().any(|a| a.kind == ActionKind::Extract);
    assert!(!between, "nothing can stand between a key and what uses it");
}

#[test]
fn stages_are_not_extracted_where_something_would_change_by_it() {
    let head = "source a: { k: int, v: int, at: timestamp } = file(\"a\", format: json) |> eventTime(at, delay: 1s)\n";
    let offer = |rest: &str, at: &str| {
        let text = format!("{head}{rest}");
        let compiled = script(&text);
        assert!(!compiled.has_errors(), "{:?}", findings(&compiled));
        let at = text.rfind(at).unwrap();
        let found = actions(&compiled, at..at, &alone).into_iter().find(|a| a.kind == ActionKind::Extract);
        found.map(|action| edited(&text, &action.edits))
    };
    let refused = [
        (
            "a comment between",
            "sink o = a\n  |> filter(v > 0) // few\n  |> map { v }\n  -> stdout(format: json)\n",
            "map",
        ),
        (
            "one behind the pipe",
            "sink o = a |> // all\n  filter(v > 0) |> map { v } -> stdout(format: json)\n",
            "filter",
        ),
        (
            "the sink's moment",
            "sink o = a |> map { v, t: now() } |> filter(v > 1) -> stdout(format: json)\n",
            "map",
        ),
        (
            "a name of the join",
            "source b: { q: int, z: int } = file(\"b\", format: json)\nsink o = a |> join(b on k == q, ttl: 1h) |> map { k, b /* c */ .z } -> stdout(format: json)\n",
            "join",
        ),
        (
            "late rows for others",
            "stream o = a |> keyBy(k) |> window(tumbling(10s)) |> count() as n |> filter(n > 1)\nsink p = o -> stdout(format: json)\n",
            "count",
        ),
        (
            "what may be said",
            "// flow-allow W0304: all in order\nsink o = a |> filter(v > 0) |> map { v } -> stdout(format: json)\n",
            "filter",
        ),
    ];
    for (what, rest, at) in refused {
        assert_eq!(offer(rest, at), None, "{what}");
    }
    // What else is in the line stays what it is.
    let made = offer(
        "stream s = a\n  |> filter(v > 2) sink o = s |> filter(v > 1) |> map { v } -> stdout(format: json)\n",
        "filter",
    );
    assert!(
        made.unwrap().contains("  |> filter(v > 2) stream oInput = s\n  |> filter(v > 1)\n\nsink o = oInput")
    );
    let made =
        offer("/* one\ntwo */ sink o = a |> filter(v > 1) |> map { v } -> stdout(format: json)\n", "filter");
    assert!(made.unwrap().contains("/* one\ntwo */ stream oInput = a"));
}

#[test]
fn fields_that_a_type_lacks_are_added_with_the_type_of_their_use() {
    let text = "type Bid = { auction: int }\nsource bids: Bid = file(\"b\", format: json) |> eventTime(at, delay: 5s)\nsink o = bids |> filter(price > 10 and channel == \"web\") |> filter(not ok) -> stdout(format: json)\n";
    let compiled = script(text);
    let at = text.find("price").unwrap();
    let found =
        actions(&compiled, at..at, &alone).into_iter().find(|a| a.title.starts_with("add `")).unwrap();
    let new = edited(text, &found.edits);
    assert!(
        new.starts_with("type Bid = { auction: int, at: timestamp, price: int, channel: string, ok: bool }"),
        "{new}"
    );
    let after = script(&new);
    assert!(!after.has_errors(), "{:?}", findings(&after));
    let lines = text.replace("{ auction: int }", "{\n  auction: int,\n}");
    let compiled = script(&lines);
    let at = lines.find("price").unwrap();
    let found =
        actions(&compiled, at..at, &alone).into_iter().find(|a| a.title.starts_with("add `")).unwrap();
    let new = edited(&lines, &found.edits);
    assert!(new.starts_with("type Bid = {\n  auction: int,\n  at: timestamp,\n  price: int,"), "{new}");
    assert!(!script(&new).has_errors(), "{new}");
}

/// A data file that can be read.
struct Data;

impl flow_driver::editor::Around for Data {
    fn mentioned(&self, _: &str) -> bool {
        false
    }

    fn fields(&self, path: &str) -> Vec<(String, String)> {
        let fields = [("price", "float"), ("channel", "string?"), ("more", "int")];
        let there = fields.iter().filter(|_| path == "data/b.ndjson");
        there.map(|(name, ty)| (name.to_string(), ty.to_string())).collect()
    }
}

#[test]
fn fields_that_a_data_file_has_are_added_with_the_type_they_have_there() {
    let offered = |file: &str, rest: &str| {
        let source =
            format!("type Bid = {{ auction: int }}\nsource bids: Bid = file(\"{file}\", format: json)\n");
        let text = format!("{source}sink o = bids |> map {{ {rest} }} -> stdout(format: json)\n");
        let at = text.find("map {").unwrap() + 6;
        let all = actions(&script(&text), at..at, &Data);
        let found = all.into_iter().find(|a| a.title.starts_with("add `")).unwrap();
        (found.title, edited(&text, &found.edits).lines().next().unwrap().to_string())
    };
    let (title, ty) = offered("data/b.ndjson", "price, c: channel");
    assert_eq!(title, "add `price: float`, `channel: string?` to `Bid` (as in `data/b.ndjson`)");
    assert_eq!(ty, "type Bid = { auction: int, price: float, channel: string? }");
    let (title, _) = offered("data/b.ndjson", "price, none");
    assert_eq!(title, "add `price: float`, `none: string` to `Bid` (the type is a guess)");
    let (title, _) = offered("data/b.ndjson", "price, n: none > 1");
    assert_eq!(title, "add `price: float`, `none: int` to `Bid` (what `data/b.ndjson` has as it is there)");
    let (title, _) = offered("elsewhere.ndjson", "price");
    assert_eq!(title, "add `price: string` to `Bid` (the type is a guess)");
}

#[test]
fn all_certain_fixes_are_applied_at_once() {
    let text = "source a: { k: int, v: int } = file(\"a\", format: json)\nsink o = a |> where(v > 0 && k > 1) |> group_by(k) |> count() -> stdout(format: json)\n";
    let compiled = script(text);
    assert!(compiled.has_errors());
    let mut new = edited(text, &fix_all(&compiled));
    for _ in 0..3 {
        new = edited(&new, &fix_all(&script(&new)));
    }
    assert!(!script(&new).has_errors(), "{new}");
}

#[test]
fn a_guess_is_never_applied_with_all_that_is_certain() {
    let fields = "source a: { tot: int, total: int } = file(\"a\", format: json)\n\
                  source b: { tot: int } = file(\"b\", format: json)\n";
    for wrong in [
        "filter(totl > 1)",
        "SELECT tot FROM b",
        "join b on a.tot == b.tot",
        "group by tot having total",
        "fliter(tot > 1)",
        "map { n: rouund(1.5, 1) }",
        "map { n: string(tot, formt: 1) }",
    ] {
        let text = format!("{fields}sink o = a |> {wrong} -> stdout(format: json)\n");
        let compiled = script(&text);
        assert!(compiled.has_errors(), "{wrong}");
        assert_eq!(fix_all(&compiled), [], "{wrong}");
    }
    let text = format!("{fields}steam s = a |> filter(tot > 1)\nparam p: itn = 1\n");
    assert_eq!(fix_all(&script(&text)), []);
    let text = format!("{fields}sink o = a |> filter(totl > 1) -> stdout(format: json)\n");
    let at = text.find("totl").unwrap();
    let offered =
        actions(&script(&text), at..at, &alone).into_iter().find(|a| a.kind == ActionKind::QuickFix);
    assert!(offered.is_some_and(|fix| !fix.preferred), "a guess is a quick fix");
}

#[test]
fn a_range_is_formatted_without_touching_the_rest() {
    let text = "type   A = { a:int }\n\n\ntype   B = { b:int }\n";
    let at = text.find("B").unwrap();
    let edits = format_range(text, at..at).unwrap();
    assert_eq!(edited(text, &edits), "type   A = { a:int }\n\n\ntype B = { b: int }\n");
    assert_eq!(edited(text, &format_edits(text, None).unwrap()), flow_syntax::format(text).unwrap());
    assert_eq!(format_edits("type A = {", None), None);
    // What is wrong elsewhere is no reason to leave it.
    let wrong = format!("stream a = = b\n{text}");
    assert_eq!(format_range(&wrong, wrong.len() - 1..wrong.len()).unwrap().len(), 1);
    assert_eq!(format_range(&wrong, 0..1), None);
    for path in examples() {
        let text = read(&path).replace("  |>", "   |>").replace(", ", ",");
        if let Some(edits) = format_edits(&text, None) {
            assert_eq!(edited(&text, &edits), flow_syntax::format(&text).unwrap(), "{}", path.display());
        }
    }
}

#[test]
fn an_id_is_pinned_in_front_of_what_the_state_was_called() {
    let text = "source a: { k: int } = file(\"a\", format: json)\nsink o = a |> keyBy(k) |> @was(\"o.sum\") count() -> blackhole()\n";
    let at = text.find("count()").unwrap();
    let pin =
        actions(&script(text), at..at, &alone).into_iter().find(|a| a.kind == ActionKind::Rewrite).unwrap();
    let new = edited(text, &pin.edits);
    assert!(new.contains("|> @id(\"o.count\") @was(\"o.sum\") count()"), "{new}");
}

#[test]
fn fields_are_added_below_the_comment_of_the_last_one() {
    let head = "source a: T = file(\"a\", format: json)\nsink o = a |> filter(n > 1) |> map { k, m } -> blackhole()\n";
    for (written, expected) in [
        ("type T = {\n  k: int // key\n}\n", "type T = {\n  k: int, // key\n  n: int,\n  m: string\n}\n"),
        ("type T = {\n  k: int, // key\n}\n", "type T = {\n  k: int, // key\n  n: int,\n  m: string,\n}\n"),
        ("type T = {\n  k: int,\n}\n", "type T = {\n  k: int,\n  n: int,\n  m: string,\n}\n"),
        ("type T = { k: int }\n", "type T = { k: int, n: int, m: string }\n"),
    ] {
        let text = format!("{written}{head}");
        let at = text.find("n > 1").unwrap();
        let all = actions(&script(&text), at..at, &alone);
        let add = all.into_iter().find(|action| action.title.starts_with("add ")).unwrap();
        assert_eq!(add.title, "add `n: int`, `m: string` to `T` (the type is a guess)");
        assert_eq!(edited(&text, &add.edits), format!("{expected}{head}"));
    }
}

#[test]
fn what_other_scripts_read_is_not_extracted_and_their_names_are_taken() {
    let text = "source a: { k: int } = file(\"a\", format: json)\nstream s = a |> filter(10 / k > 1) |> map { k } |> limit(3)\nsink o = s -> blackhole()\n";
    let at = text.find("map").unwrap();
    let extracted = |elsewhere: &dyn Fn(&str) -> bool| {
        let all = actions(&script(text), at..at, &elsewhere);
        all.into_iter().find(|a| a.kind == ActionKind::Extract).map(|action| edited(text, &action.edits))
    };
    assert!(extracted(&|_| false).unwrap().contains("stream sInput = a"));
    assert_eq!(extracted(&|what| what == "s.errors"), None);
    assert!(extracted(&|what| what == "sInput").unwrap().contains("stream sInput2 = a"));
}
