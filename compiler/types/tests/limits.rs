//! No script makes the checker slow or deep.
#![allow(clippy::disallowed_methods, reason = "a test measures time")]

mod support;

use std::fmt::Write as _;

#[test]
fn ten_thousand_links_of_an_operator_chain_do_not_recurse() {
    let chain = vec!["x"; 10_000].join(" + ");
    let text = format!(
        "type R = {{ x: int }}\nsource r: R = stdin(format: json)\nsink o = r |> map {{ y: {chain} }} -> blackhole()\n"
    );
    let outcome = support::check_text(&text);
    assert!(outcome.diags.iter().all(|d| d.code.0 == "E0107"), "{:?}", outcome.diags.first());
}

#[test]
fn a_thousand_chained_streams_are_checked_in_any_order() {
    let mut text = String::from("source s = generate { id: seq() } rate: 10\nsink o = s0 -> blackhole()\n");
    for i in 0..1000 {
        let _ = writeln!(
            text,
            "stream s{i} = {} |> filter(id > {i})",
            if i == 999 { "s".into() } else { format!("s{}", i + 1) }
        );
    }
    let outcome = support::check_text(&text);
    assert_eq!(outcome.short(), Vec::<String>::new());
    assert_eq!(flow_types::plan(&outcome.checked, &outcome.sources).operators.len(), 1002);
}

#[test]
fn functions_that_double_at_each_step_are_refused_and_do_not_explode() {
    let mut text = String::from("fn f0(x: int) -> int = x + 1\n");
    for i in 1..40 {
        let _ = writeln!(text, "fn f{i}(x: int) -> int = f{p}(x) + f{p}(x)", p = i - 1);
    }
    text += "source s = generate { id: seq() } rate: 10\nsink o = s |> map { y: f39(id) } -> blackhole()\n";
    let outcome = support::check_text(&text);
    assert!(outcome.diags.iter().all(|d| d.code.0 == "E0605"), "{}", outcome.long());
    assert!(!outcome.diags.is_empty());
}

#[test]
fn types_records_and_joins_that_double_at_each_step_are_refused_and_do_not_explode() {
    let types: String = (0..40).map(|i| format!("type T{i} = {{ a: T{n}, b: T{n} }}\n", n = i + 1)).collect();
    let types =
        types + "type T40 = { a: int }\nsource s: T0 = stdin(format: json)\nsink o = s -> blackhole()\n";
    let records = "  |> map { r: { a: r, b: r } }\n".repeat(40);
    let records =
        format!("source s = generate {{ r: seq() }} rate: 1\nsink o = s\n{records}  -> blackhole()\n");
    let mut joins = String::from("type R = { k: int }\nsource s0: R = stdin(format: json)\n");
    for i in 0..40 {
        let _ = writeln!(joins, "stream s{} = s{i} as x |> join(s{i} as y on x.k == y.k, ttl: 1h)", i + 1);
    }
    joins += "sink o = s40 -> blackhole()\n";
    for text in [types, records, joins] {
        let outcome = support::check_text(&text);
        let large = outcome.diags.iter().filter(|d| d.code.0 == "E0322").count();
        assert_eq!(large, 1, "{}", outcome.long());
    }
}

#[test]
fn deep_nesting_is_refused_not_recursed_into() {
    for (open, close) in [("(", ")"), ("[", "]"), ("not ", ""), ("- ", ""), ("if x then 1 else ", "")] {
        let text = format!(
            "type R = {{ x: bool }}\nsource r: R = stdin(format: json)\nsink o = r |> map {{ y: {}x{} }} -> blackhole()\n",
            open.repeat(3000),
            close.repeat(3000)
        );
        support::check_text(&text);
    }
}

#[test]
fn a_thousand_lines_check_in_a_few_milliseconds() {
    let mut text = String::from(
        "type Bid = { auction: int, bidder: int, price: int, channel: string, at: timestamp, note: string? }\n\
         source bids: Bid = file(\"b.ndjson\", format: json) |> eventTime(at, delay: 5s)\n",
    );
    for i in 0..160 {
        let _ = write!(
            text,
            "sink s{i} = bids\n  |> filter(price > {i} and note != null)\n  |> map {{ auction, cents: price * 100, n: upper(note), at }}\n  \
             |> keyBy(auction)\n  |> aggregate {{ n: count(), total: sum(cents), best: max(n) }}\n  -> stdout(format: json)\n"
        );
    }
    let outcome = support::check_text(&text);
    assert_eq!(outcome.short(), Vec::<String>::new());
    let program = flow_syntax::parse(flow_syntax::FileId(0), &text).0;
    let levels = flow_types::Levels::default();
    let programs = [program];
    let input = flow_types::Input {
        sources: &outcome.sources,
        programs: &programs,
        syntax_errors: false,
        params: &[],
        levels: &levels,
    };
    let fastest = (0..5)
        .map(|_| {
            let start = std::time::Instant::now();
            flow_types::check(&input);
            start.elapsed()
        })
        .min()
        .expect("five runs");
    // 5 ms in a release build; a debug build on a busy machine is allowed much more.
    let limit = if cfg!(debug_assertions) { 400 } else { 15 };
    assert!(fastest.as_millis() < limit, "{fastest:?} for {} lines", text.lines().count());
}
