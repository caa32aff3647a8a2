//! Completion offers what stands there, at every word of every example.

use super::{compiled, read, script};
use flow_driver::editor::{self, WordKind, complete};
use flow_driver::{LoadError, Options, analyse};
use flow_edits::examples;
use std::path::Path;

fn offered(text: &str, mark: &str) -> Vec<String> {
    let at = text.find(mark).unwrap() + mark.len();
    let compiled = script(text);
    complete(&compiled, at).into_iter().map(|c| c.text.trim_end().to_string()).collect()
}

const HEAD: &str = "type Bid = { auction: int, price: int, at: timestamp, tags: list<string> }\n\
                    source bids: Bid = file(\"b\", format: json) |> eventTime(at, delay: 5s)\n\
                    table names: { id: int, name: string } key id = file(\"n.csv\", format: csv)\n";

fn with(rest: &str) -> String {
    format!("{HEAD}{rest}")
}

#[test]
fn at_every_word_of_every_example_that_word_is_offered() {
    let (mut asked, mut missing) = (0, Vec::new());
    for path in examples() {
        let text = read(&path);
        let compiled = compiled(&path, &text);
        for word in editor::words(&compiled, 0..text.len()) {
            let plain = matches!(
                word.kind,
                WordKind::Comment
                    | WordKind::Keyword
                    | WordKind::Number
                    | WordKind::String
                    | WordKind::Operator
                    | WordKind::Parameter
                    | WordKind::Annotation
            );
            if plain || word.declares {
                continue;
            }
            asked += 1;
            let name = &text[word.span.range()];
            let all = complete(&compiled, word.span.start as usize);
            if !all.iter().any(|c| c.text.trim_end().trim_end_matches(':') == name) {
                let line = text[..word.span.start as usize].matches('\n').count() + 1;
                missing.push(format!("{}:{line}: {:?} `{name}`", path.display(), word.kind));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "{} of {asked} words are not offered:\n{}",
        missing.len(),
        missing.join("\n")
    );
}

#[test]
fn at_every_byte_of_every_example_completion_hover_and_signature_have_an_answer() {
    for path in examples() {
        let text = read(&path);
        let compiled = compiled(&path, &text);
        for offset in 0..=text.len() + 1 {
            let _ = (complete(&compiled, offset), editor::call(&compiled, offset));
            let _ = (editor::hover(&compiled, offset), editor::selections(&compiled, offset));
        }
    }
}

#[test]
fn examples_that_end_at_the_cursor_have_an_answer() {
    for path in examples() {
        let text = read(&path);
        for end in (0..=text.len()).step_by(17).filter(|end| text.is_char_boundary(*end)) {
            let compiled = compiled(&path, &text[..end]);
            let _ = (complete(&compiled, end), editor::call(&compiled, end), editor::hover(&compiled, end));
        }
    }
}

#[test]
fn stages_are_those_that_may_follow() {
    let plain = offered(&with("stream s = bids |> fi"), "|> fi");
    assert!(plain.contains(&"filter".into()) && !plain.contains(&"auction".into()), "{plain:?}");
    assert!(!plain.contains(&"eventTime".into()), "the source has its event time");
    let windowed =
        offered(&with("stream s = bids |> keyBy(auction) |> window(tumbling(1s)) |> "), "(1s)) |> ");
    assert!(windowed.contains(&"aggregate".into()) && !windowed.contains(&"map".into()), "{windowed:?}");
}

#[test]
fn arguments_are_offered_by_name_once() {
    let options = offered("source s: { a: int } = file(\"x\", ", "\"x\", ");
    assert!(options.contains(&"format:".into()), "{options:?}");
    let formats = offered("source s: { a: int } = file(\"x\", format: ", "format: ");
    assert_eq!(formats, ["text", "json", "csv", "parquet", "avro"]);
    let windows = offered(&with("stream s = bids |> window("), "|> window(");
    assert_eq!(windows, ["tumbling", "sliding", "session", "cumulative", "count", "global", "same"]);
    let sliding = offered(&with("stream s = bids |> window(sliding(1min, "), "1min, ");
    assert!(sliding.contains(&"every:".into()), "{sliding:?}");
    let top = offered(&with("stream s = bids |> top(3, by: price, "), "price, ");
    assert!(top.contains(&"ties:".into()) && !top.contains(&"by:".into()), "{top:?}");
    // The first is given already where it stands without its name.
    assert!(!top.contains(&"n:".into()) && !sliding.contains(&"size:".into()), "{top:?} {sliding:?}");
    let named = offered(&with("stream s = bids |> top(by: price, "), "price, ");
    assert!(named.contains(&"n:".into()), "{named:?}");
}

#[test]
fn names_stand_where_streams_and_types_are_wanted() {
    assert_eq!(offered(&with("stream s = "), "stream s = "), ["bids", "names"]);
    assert_eq!(offered(&with("stream s = bids |> join("), "|> join("), ["bids", "names"]);
    let types = offered(&with("param p: "), "param p: ");
    assert!(types.contains(&"Bid".into()) && types.contains(&"duration".into()), "{types:?}");
    let sinks = offered(&with("sink s = bids -> "), "-> ");
    assert!(sinks.contains(&"stdout".into()) && !sinks.contains(&"nexmark".into()), "{sinks:?}");
}

#[test]
fn members_are_those_of_the_side_and_side_outputs_those_of_the_declaration() {
    let side = offered(&with("stream s = bids as b |> filter(b."), "(b.");
    assert_eq!(side, ["auction", "price", "at", "tags"]);
    let outputs = offered(&with("stream late = bids."), "= bids.");
    assert!(outputs.contains(&"errors".into()), "{outputs:?}");
}

#[test]
fn tests_and_jobs_have_their_words() {
    let steps = offered(&with("test \"t\" {\n  "), "{\n  ");
    assert_eq!(steps, ["given", "expect", "advance", "savepoint", "restore into"]);
    assert!(offered(&with("test \"t\" { given "), "given ").contains(&"bids".into()));
    let row = offered(&with("test \"t\" { given bids [ { auction: 1, "), "auction: 1, ");
    assert_eq!(row, ["price:", "at:", "tags:"]);
    let job = offered("job j {\n  parallelism: 2\n  ", "2\n  ");
    assert!(job.contains(&"checkpoint:".into()) && !job.contains(&"parallelism:".into()), "{job:?}");
    assert_eq!(offered("job j {\n  onError: ", "onError: "), ["fail", "skip"]);
}

#[test]
fn behind_a_restore_the_declarations_of_the_new_script_are_offered() {
    let old = with("sink s = bids -> blackhole()\n");
    let new = old.replace("price: int", "cents: int, place: string").replace("sink s", "sink later");
    let compiled = |test: &str| {
        let text = format!(
            "{old}test \"t\" {{\n  given bids []\n  savepoint\n  restore into \"new.flow\"\n  {test}"
        );
        let mut loader = |path: &Path| match path.to_str() {
            Some("s.flow") => Ok(text.clone().into_bytes()),
            Some("new.flow") => Ok(new.clone().into_bytes()),
            _ => Err(LoadError::Missing),
        };
        (analyse(&mut loader, Path::new("s.flow"), &Options::default(), None).unwrap(), text.len())
    };
    let offered = |test: &str| -> Vec<String> {
        let (compiled, end) = compiled(test);
        complete(&compiled, end).into_iter().map(|c| c.text.trim_end().to_string()).collect()
    };
    assert_eq!(offered("given bids [{ auction: 1, "), ["cents:", "place:", "at:", "tags:"]);
    assert!(offered("expect ").contains(&"later".into()) && !offered("expect ").contains(&"s".into()));
    assert!(offered("").contains(&"restore into".into()));
    let values = offered("given bids [{ auction: ");
    assert!(values.contains(&"abs".into()) && !values.contains(&"auction".into()), "{values:?}");
    // And names lead there.
    let (compiled, end) = compiled("given bids [{ auction: 1, cents: 2 }]\n}");
    let end = end - ": 2 }]\n}".len();
    let (file, place) = editor::definition_elsewhere(&compiled, end).unwrap();
    assert_eq!((file.name.as_str(), &file.text[place.range()]), ("new.flow", "cents"));
    let at = end - "bids [{ auction: 1, cents".len();
    assert!(editor::hover(&compiled, at).unwrap().markdown.contains("place: string"));
    assert!(editor::definition_elsewhere(&compiled, 10).is_none());
}

#[test]
fn nothing_is_offered_in_texts_and_comments() {
    assert!(offered("// a comm", "comm").is_empty());
    assert!(offered("/* a comm", "comm").is_empty());
    assert!(offered("source s = file(\"x", "\"x").is_empty());
    assert!(offered("source", "").contains(&"source".into()));
}

/// What is offered at the end of a text behind the declarations above, with more behind it and without.
fn offered_at(text: &str) -> Vec<String> {
    let at = HEAD.len() + text.len();
    let all = [with(text), with(&format!("{text}\nsink last = bids -> blackhole()\n"))].map(|text| {
        let all = complete(&script(&text), at).into_iter();
        all.map(|c| c.text.trim_end().to_string()).collect::<Vec<_>>()
    });
    assert_eq!(all[0].is_empty(), all[1].is_empty(), "{text}: {all:?}");
    all[0].clone()
}

#[test]
fn half_of_a_pipe_or_an_arrow_is_completed() {
    let stages = offered_at("stream s = bids |");
    assert!(stages.iter().all(|s| s.starts_with("> ")) && stages.contains(&"> filter".into()), "{stages:?}");
    let waits = offered_at("stream s = bids |> keyBy(auction) |> window(tumbling(1s)) |");
    assert!(waits.contains(&"> aggregate".into()) && !waits.contains(&"> map".into()), "{waits:?}");
    let sinks = offered_at("sink s = bids |> filter(price > 1) -");
    assert!(sinks.contains(&"> stdout".into()) && !sinks.contains(&"> nexmark".into()), "{sinks:?}");
    let types = offered_at("fn f(a: int) -");
    assert_eq!(types[0], "> Bid");
    assert!(offered_at("fn f(a: int) -> int = a -").contains(&"a".into()), "a minus is one");
}

#[test]
fn arguments_of_a_function_of_the_script_are_offered_by_their_names() {
    let text =
        "fn dearer(x: int, by: int, than: int) -> bool = x * by > than\nstream s = bids |> filter(dearer(";
    let names = |all: Vec<String>| all.into_iter().filter(|name| name.ends_with(':')).collect::<Vec<_>>();
    assert_eq!(names(offered_at(&format!("{text}price, "))), ["by:", "than:"]);
    assert_eq!(names(offered_at(&format!("{text}price, than: 3, "))), ["by:"]);
    assert!(names(offered_at(&format!("{text}price, by: "))).is_empty(), "a value");
    assert!(offered_at(&format!("{text}price, ")).contains(&"price".into()));
}

#[test]
fn what_a_test_gives_are_sources_and_tables() {
    let text = with("stream s = bids |> filter(price > 1)\ntest \"t\" {\n  given ");
    let given = offered(&text, "  given ");
    assert_eq!(given, ["bids", "names"]);
    assert!(offered(&text.replace("  given ", "  expect "), "  expect ").contains(&"s".into()));
}

#[test]
fn options_of_the_state_are_offered_with_their_words() {
    assert_eq!(offered_at("job j {\n  state: { "), ["path:", "backend:", "memory:", "limit:", "keep:"]);
    assert_eq!(offered_at("job j {\n  state: { path: \"x\", "), ["backend:", "memory:", "limit:", "keep:"]);
    assert_eq!(offered_at("job j {\n  state: { path: \"x\", backend: "), ["memory", "sled"]);
}

#[test]
fn a_connector_has_the_options_of_its_side() {
    let sink = offered_at("sink s = bids -> file(\"a\", ");
    assert!(sink.contains(&"rollSize:".into()) && !sink.contains(&"follow:".into()), "{sink:?}");
    assert!(!sink.contains(&"path:".into()), "it is given: {sink:?}");
    let source = offered_at("source s: Bid = file(\"a\", ");
    assert!(source.contains(&"follow:".into()) && !source.contains(&"rollSize:".into()), "{source:?}");
    assert!(offered_at("source s: Bid = file(").contains(&"path:".into()));
}

#[test]
fn types_of_the_script_come_before_those_of_the_language() {
    for text in ["fn f(a: int) -> ", "fn f(a: ", "source z: ", "table z: ", "param p: ", "type T = list<"] {
        let types = offered_at(text);
        assert_eq!(types[..2], ["Bid", "bool"], "{text}");
    }
}

#[test]
fn in_the_arm_of_a_match_stand_values() {
    let fields = offered_at("stream s = bids |> map { x: match price { 1 => ");
    assert_eq!(fields[..5], ["auction", "price", "at", "tags", "bids"]);
    let locals = offered_at("fn f(a: int) -> int = match a { 1 => ");
    assert_eq!(locals[..2], ["a", "len"]);
    let lambda = offered_at("stream s = bids |> filter(any(tags, t => ");
    assert_eq!(lambda[0], "t");
    let behind = offered_at("stream s = bids |> filter(any(tags, t => t == \"x\") and ");
    assert!(!behind.contains(&"t".into()), "{behind:?}");
}

#[test]
fn the_key_of_a_table_is_of_its_type() {
    assert_eq!(offered_at("table t: Bid key "), ["auction", "price", "at", "tags"]);
    assert_eq!(offered_at("table t: Bid key at, "), ["auction", "price", "tags"]);
    assert_eq!(offered_at("table t: { a: int, key: { c: int } } key "), ["a", "key"]);
}

#[test]
fn annotations_are_those_that_may_stand_there() {
    assert_eq!(offered_at("@"), ["was"]);
    assert_eq!(offered_at("stream s = bids |> @"), ["id", "was"]);
    assert_eq!(offered_at("stream s = bids |> @id(\"x\") @"), ["id", "was"]);
    let moments = ["2026-01-31", "2026-01-31T12:00:00Z"];
    assert_eq!(offered_at("stream s = bids |> filter(at > @"), moments);
    assert_eq!(offered_at("const day = @"), moments);
    assert_eq!(offered_at("test \"t\" { given bids [ { at: @"), moments);
}

#[test]
fn the_path_of_a_script_is_known_where_one_is_written() {
    let path = |text: &str| {
        editor::script_path(&script(text), text.len()).map(|span| text[span.range()].to_string())
    };
    assert_eq!(path("import \"").as_deref(), Some(""));
    assert_eq!(path("import \"../li").as_deref(), Some("../li"));
    assert_eq!(path("test \"t\" {\n  savepoint\n  restore into \"ne").as_deref(), Some("ne"));
    assert_eq!(path("source a = file(\"x"), None);
    assert_eq!(path("import \"a.flow\""), None);
}

#[test]
fn in_an_aggregate_the_aggregates_come_first() {
    let named = offered_at("stream s = bids |> keyBy(auction) |> aggregate { n: ");
    let at = |all: &[String], word: &str| all.iter().position(|c| c == word).unwrap();
    assert!(at(&named, "count") < at(&named, "len") && at(&named, "sum") < at(&named, "abs"), "{named:?}");
    let argument = offered_at("stream s = bids |> keyBy(auction) |> aggregate { n: sum(");
    assert!(at(&argument, "price") < at(&argument, "len"), "{argument:?}");
    assert!(
        at(&argument, "len") < at(&argument, "count"),
        "an aggregate of an aggregate is none: {argument:?}"
    );
}

#[test]
fn rows_of_tests_have_the_fields_of_their_records() {
    let head = "type Geo = { lat: float, at: { zone: string, `is in`: bool }? }\n\
                source s: { id: int, geo: Geo?, tags: list<string> } = file(\"s\", format: json)\n\
                sink o = s -> blackhole()\n";
    let at = |rest: &str| offered(&format!("{head}test \"t\" {{\n  {rest}"), rest);
    for step in ["given s", "expect s", "expect ordered o"] {
        assert_eq!(at(&format!("{step} [{{ ")), ["id:", "geo:", "tags:"]);
        assert_eq!(at(&format!("{step} [{{ id: 1, geo: {{ ")), ["lat:", "at:"]);
        assert_eq!(at(&format!("{step} [{{ id: 1, geo: {{ lat: 1.5, ")), ["at:"]);
        assert_eq!(at(&format!("{step} [{{ id: 1, geo: {{ at: {{ ")), ["zone:", "`is in`:"]);
        assert_eq!(at(&format!("{step} [{{ geo: {{ at: {{ zone: \"x\" }} }}, ")), ["id:", "tags:"]);
    }
}

const NESTED: &str = "type At = { zone: string }\ntype Geo = { lat: float, at: At }\n\
                      type Row = { id: int, geo: Geo, maybe: Geo?, all: list<Geo> }\n\
                      source rows: Row = file(\"r\", format: json)\n";

/// What is offered at the mark, whatever stands behind it: nothing, what an editor closes by itself, another declaration.
fn offered_nested(text: &str, closers: &str) -> Vec<String> {
    let more = "\nsink last = rows -> blackhole()\n";
    let all = ["", closers, more, &format!("{closers}{more}")].map(|behind| {
        let compiled = script(&format!("{NESTED}{text}{behind}"));
        let all = complete(&compiled, NESTED.len() + text.len()).into_iter();
        all.map(|c| c.text.trim_end().to_string()).collect::<Vec<_>>()
    });
    for (index, other) in all.iter().enumerate() {
        assert_eq!(*other, all[0], "{text}: {index}");
    }
    all[0].clone()
}

#[test]
fn behind_a_point_stand_the_fields_of_whatever_is_in_front_of_it() {
    for (text, closers) in [
        ("fn f(g: Geo) -> float = g.", ""),
        ("fn f(g: Geo) -> float = 1.0 + g.", ""),
        ("fn f(a: int, g: Geo) -> float = abs(g.", ")"),
        ("fn f(g: Geo) -> float {\n  let b = g\n  b.", "\n}"),
        ("stream s = rows |> filter(any(all, g => g.", "))"),
        ("stream s = rows |> map { x: mapEach(all, g => g.", ") }"),
        ("stream s = rows |> map { x: (geo).", " }"),
        ("stream s = rows |> map { x: (maybe ?? geo).", " }"),
        ("stream s = rows |> map { x: first([geo]).", " }"),
        ("stream s = rows |> map { x: all[0].", " }"),
        ("stream s = rows |> filter(maybe.", ")"),
        (
            "stream s = rows |> keyBy(id) |> scan(state: { lat: 0.0, at: 1 }, next: state, emit: { x: state.",
            " })",
        ),
        ("stream s = rows |> keyBy(id) |> scan(state: { lat: 0.0, at: 1 }, next: state.", ")"),
        ("stream s = rows |> map { x: \"{geo.", "}\" }"),
        ("stream s = rows |> map { x: \"{id} of {geo.", ""),
    ] {
        assert_eq!(offered_nested(text, closers), ["lat", "at"], "{text}");
    }
    for text in ["fn f(g: Geo) -> string = g.at.", "stream s = rows |> map { x: (geo).at."] {
        assert_eq!(offered_nested(text, ""), ["zone"], "{text}");
    }
}

#[test]
fn in_a_half_typed_string_values_stand_behind_the_brace() {
    for text in ["stream s = rows |> map { x: \"{", "stream s = rows |> map { x: \"a {id} {{ {g"] {
        let all = offered_nested(text, "");
        assert_eq!(all[..2], ["id", "geo"], "{text}");
    }
    assert!(offered_nested("stream s = rows |> map { x: \"a {id} g", "").is_empty());
    assert!(offered_nested("stream s = rows |> map { x: \"a {{ g", "").is_empty());
}

#[test]
fn where_only_names_of_fields_can_stand_nothing_else_is_offered() {
    let all = ["id", "geo", "maybe", "all"];
    assert_eq!(offered_nested("stream s = rows |> drop(", ")"), all);
    assert_eq!(offered_nested("stream s = rows |> drop(id, maybe, ", ")"), ["geo", "all"]);
    assert_eq!(offered_nested("stream s = rows |> rename(", ")"), all);
    assert_eq!(offered_nested("stream s = rows |> rename(id: a, ", ")"), all[1..]);
    assert!(offered_nested("stream s = rows |> rename(id: ", ")").is_empty());
    assert_eq!(offered_nested("sink s = rows -> file(\"x\", format: json, partitionBy: [", "])"), all);
    assert_eq!(offered_nested("sink s = rows -> file(\"x\", partitionBy: [id, ", "])"), all[1..]);
    assert!(offered_nested("sink s = rows -> kafka(brokers: env(", "))").is_empty());
}
