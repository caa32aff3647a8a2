//! Hover, signatures, selections, links, lenses, colours, problems.

use super::{read, script};
use flow_driver::editor::{self, LensAction, WordKind};
use flow_driver::{LoadError, Options, analyse};
use flow_edits::examples;
use std::path::Path;

const SCRIPT: &str = "\
/// One bid.
type Bid = {
  /// In cents.
  price: int,
  auction: int,
}
source bids: Bid = file(\"bids.ndjson\", format: json)
/// Twice.
fn twice(x: int, by: int) -> int = x * by
stream dear = bids |> filter(price > 100) |> keyBy(auction) |> aggregate { n: count(), top: max(price) }
sink out = dear |> map { auction, top: twice(top, 2), more: top + 1 } -> stdout(format: json)
test \"none\" { given bids [] expect out [] }
";

fn hover(mark: &str) -> String {
    let at = SCRIPT.find(mark).unwrap() + 1;
    editor::hover(&script(SCRIPT), at).unwrap().markdown
}

#[test]
fn hover_tells_stream_state_doc_delivery_and_what_can_fail() {
    let stage = hover("aggregate {");
    for part in
        ["{ auction: int, n: int, top: int }", "updating by `auction`", "dear.aggregate", "Named results"]
    {
        assert!(stage.contains(part), "no {part:?} in {stage}");
    }
    assert!(hover("out =").contains("delivery: at least once"), "{}", hover("out ="));
    assert!(hover("price > 100").contains("In cents."), "{}", hover("price > 100"));
    assert!(hover("twice(top").contains("Twice."), "{}", hover("twice(top"));
    assert!(hover("twice(x").contains("can fail: `x * by`"), "{}", hover("twice(x"));
    assert!(hover("map {").contains("can fail: `top + 1`"), "{}", hover("map {"));
    assert!(hover("count()").contains("count"), "{}", hover("count()"));
}

#[test]
fn rows_whose_key_was_mapped_away_are_not_called_one_row() {
    let text = "source s: { k: int } = file(\"b\", format: json)\n\
                stream lost = s |> keyBy(k) |> count() |> map { count }\n\
                stream one = s |> count() |> map { n: count }\n";
    let compiled = script(text);
    let hover = |mark: &str| editor::hover(&compiled, text.find(mark).unwrap() + 1).unwrap().markdown;
    assert!(
        hover("map { count }").contains("the fields that tell which are gone"),
        "{}",
        hover("map { count")
    );
    assert!(hover("map { n").contains("one row that is replaced"), "{}", hover("map { n"));
    let hints: Vec<String> = editor::hints(&compiled).into_iter().map(|hint| hint.whole).collect();
    assert!(hints[2].contains("which are gone"), "{hints:?}");
}

#[test]
fn hover_tells_what_connectors_windows_formats_and_arguments_are() {
    let text = "source s: { a: int, at: timestamp } = file(\"b\", format: json) |> eventTime(at, delay: 5s)\n\
                sink o = s |> keyBy(a) |> window(tumbling(10s, offset: 1s)) |> aggregate { m: max(a), l: max(min(a), 3) } \
                -> stdout(format: csv)\n";
    let compiled = script(text);
    let hover = |mark: &str| editor::hover(&compiled, text.find(mark).unwrap() + 1).unwrap().markdown;
    let says = |mark: &str, parts: &[&str]| {
        let said = hover(mark);
        parts.iter().for_each(|part| assert!(said.contains(part), "no {part:?} at {mark}: {said}"));
    };
    says("file(", &["path: string", "again from any position", "written: exactly once"]);
    says("stdout(", &["written: ", "`stdout"]);
    says("tumbling(", &["tumbling(size: duration"]);
    says("json", &["format: json"]);
    says("offset:", &["offset?: duration"]);
    says("delay:", &["delay?: duration"]);
    // The same word is an aggregate of rows and a function of values.
    says("max(a)", &["max(x: ord) -> ord"]);
    says("max(min", &["several values"]);
}

#[test]
fn hints_tell_fields_keys_and_that_rows_may_be_replaced_after_each_stage() {
    let text = "source s: { a: int } = file(\"b\", format: json)\n\
                sink o = s |> filter(a > 1) |> keyBy(a) |> count() |> map { a } -> stdout(format: json)\n";
    let hints: Vec<String> = editor::hints(&script(text)).into_iter().map(|hint| hint.text).collect();
    assert_eq!(
        hints,
        [
            "{ a: int }",
            "{ a: int } · keyed by `a`",
            "{ a: int, count: int } · updating by `a`",
            "{ a: int } · updating by `a`"
        ]
    );
}

#[test]
fn signatures_show_the_argument_that_is_typed() {
    let call = |text: &str| {
        let compiled = script(text);
        let call = editor::call(&compiled, text.len()).unwrap();
        let form = call.signatures[call.active].clone();
        let active = form.active.map(|at| form.label[form.parameters[at].clone()].to_string());
        (form.label, active)
    };
    let head = "source bids: { a: int, at: timestamp } = file(\"b\", format: json)\n";
    let (label, active) = call(&format!("{head}stream s = bids |> eventTime(at, del"));
    assert!(label.starts_with("eventTime(field: timestamp"), "{label}");
    assert_eq!(active.as_deref(), Some("delay?: duration"));
    let (_, active) = call(&format!("{head}stream s = bids |> window(sliding(1min, every: "));
    assert_eq!(active.as_deref(), Some("every: duration"));
    let (label, active) = call(&format!("{head}stream s = bids |> map {{ x: round(1.5, "));
    assert!(label.starts_with("round("), "{label}");
    assert!(active.is_some_and(|a| a.starts_with("digits")));
    let (label, active) = call("fn twice(x: int, by: int) -> int = x * by\nconst c = twice(1, ");
    assert_eq!((label.as_str(), active.as_deref()), ("twice(x: int, by: int) -> int", Some("by: int")));
    let (label, active) = call("source s: { a: int } = file(\"x\", compression: ");
    assert!(label.starts_with("file(path: string"), "{label}");
    assert_eq!(active.as_deref(), Some("compression?: auto | none | gzip | zstd"));
}

#[test]
fn selections_grow_from_the_word_to_the_script() {
    let compiled = script(SCRIPT);
    let at = SCRIPT.find("price > 100").unwrap() + 2;
    let texts: Vec<&str> = editor::selections(&compiled, at).iter().map(|s| &SCRIPT[s.range()]).collect();
    assert_eq!(texts[..3], ["price", "price > 100", "filter(price > 100)"]);
    assert!(texts.iter().any(|t| t.starts_with("stream dear")) && texts.last() == Some(&SCRIPT));
    for path in examples() {
        let text = read(&path);
        let compiled = super::compiled(&path, &text);
        for offset in (0..text.len()).step_by(5) {
            let chain = editor::selections(&compiled, offset);
            assert!(
                chain.windows(2).all(|w| w[1].start <= w[0].start && w[0].end <= w[1].end && w[0] != w[1])
            );
        }
    }
}

#[test]
fn links_lead_to_imports_and_data_files() {
    let text = "import \"lib/t.flow\"\nsource a: { a: int } = file(\"data/a.csv\")\nsource b: { a: int } = file(\"data/*.csv\")\nsink s = a -> file(\"out\", format: json)\n";
    let links = editor::links(&script(text));
    let found: Vec<(&str, &str)> = links.iter().map(|l| (&text[l.span.range()], l.path.as_str())).collect();
    assert_eq!(found, [("lib/t.flow", "lib/t.flow"), ("data/a.csv", "data/a.csv")]);
}

#[test]
fn lenses_run_plan_and_test() {
    let lenses = editor::lenses(&script(SCRIPT));
    let actions: Vec<&LensAction> = lenses.iter().map(|l| &l.action).collect();
    assert_eq!(actions, [&LensAction::Run, &LensAction::Plan, &LensAction::Test(Some("none".into()))]);
    assert!(editor::lenses(&script("type A = int\n")).is_empty());
}

#[test]
fn words_have_the_kind_that_they_mean() {
    let compiled = script(SCRIPT);
    let words = editor::words(&compiled, 0..SCRIPT.len());
    let kind = |mark: &str, skip: usize| {
        let at = SCRIPT.find(mark).unwrap() + skip;
        words.iter().find(|w| w.span.start as usize == at).map(|w| (w.kind, w.declares))
    };
    assert_eq!(kind("Bid =", 0), Some((WordKind::Type, true)));
    assert_eq!(kind(": Bid", 2), Some((WordKind::Type, false)));
    assert_eq!(kind("file(", 0), Some((WordKind::Connector, false)));
    assert_eq!(kind("format: json", 0), Some((WordKind::Argument, false)));
    assert_eq!(kind("format: json", 8), Some((WordKind::Choice, false)));
    assert_eq!(kind("filter(", 0), Some((WordKind::Stage, false)));
    assert_eq!(kind("price > 100", 0), Some((WordKind::Field, false)));
    assert_eq!(kind("x * by", 0), Some((WordKind::Parameter, false)));
    assert_eq!(kind("twice(top", 0), Some((WordKind::Function, false)));
    assert_eq!(kind("given bids", 6), Some((WordKind::Declaration, false)));
    assert!(words.windows(2).all(|w| w[0].span.end <= w[1].span.start), "words stand in order");
    let part = editor::words(&compiled, 20..60);
    assert!(!part.is_empty() && part.iter().all(|w| w.span.end > 20 && w.span.start < 60));
}

#[test]
fn mistakes_in_imports_are_told_at_the_import() {
    let mut loader = |path: &Path| match path.to_str() {
        Some("main.flow") => Ok(b"import \"good.flow\"\nimport \"a/b.flow\"".to_vec()),
        Some("good.flow") => Ok(b"type G = int".to_vec()),
        Some("a/b.flow") => Ok(b"import \"c.flow\"".to_vec()),
        Some("a/c.flow") => Ok(b"type C = { a: Strin }".to_vec()),
        _ => Err(LoadError::Missing),
    };
    let compiled = analyse(&mut loader, Path::new("main.flow"), &Options::default(), None).unwrap();
    let problems = editor::problems(&compiled);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(compiled.sources.text(problems[0].primary.span), "\"a/b.flow\"");
    assert!(problems[0].message.contains("a/c.flow"), "{}", problems[0].message);
    assert_eq!(problems[0].labels.len(), 1);
}
