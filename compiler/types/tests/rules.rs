//! Every rule: a small wrong script, the code, and the text it points at. One mistake, one diagnostic.

mod support;

const HEAD: &str = r#"type Bid = { auction: int, bidder: int, price: int, channel: string, at: timestamp, note: string?, tags: list<string>, ok: bool }
source bids: Bid = file("bids.ndjson", format: json)
source timed: Bid = file("timed.ndjson", format: json) |> eventTime(at, delay: 5s)
sink keepBids = bids -> blackhole()
sink keepTimed = timed -> blackhole()
"#;

/// Checks stages behind `bids` (or `timed` if they begin with it).
fn stages(cases: &[(&str, &[&str])]) {
    let cases: Vec<(String, &[&str])> = cases
        .iter()
        .map(|(stages, expected)| {
            let head = if stages.starts_with("|>") { "bids " } else { "" };
            (format!("sink out = {head}{stages} -> stdout(format: json)\n"), *expected)
        })
        .collect();
    scripts(&cases.iter().map(|(text, expected)| (text.as_str(), *expected)).collect::<Vec<_>>());
}

/// Checks declarations behind the head.
fn scripts(cases: &[(&str, &[&str])]) {
    let mut problems = String::new();
    for (text, expected) in cases {
        let outcome = support::check_text(&format!("{HEAD}{text}"));
        let found = outcome.short();
        if found != *expected {
            problems += &format!("{text}expected {expected:?}\nfound    {found:?}\n{}\n", outcome.long());
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn names_that_do_not_exist_are_told_where_they_stand() {
    stages(&[
        ("|> filter(pirce > 3)", &["E0203 pirce"]),
        ("|> map { auction } |> filter(price > 3) |> filter(price > 4)", &["E0203 price", "E0203 price"]),
        ("|> rename(price: cents) |> filter(price > 3)", &["E0203 price"]),
        ("|> map { x: lowr(channel) }", &["E0205 lowr"]),
        ("|> fliter(price > 3) |> map { anything }", &["E0206 fliter"]),
        ("|> where(price > 3)", &["E0206 where"]),
        ("|> map { x: hour(at, tz: \"UTC\") }", &["E0207 tz"]),
        ("|> map { x: c.price }", &["E0201 c"]),
        ("bids as b |> map { x: b.prise }", &["E0203 prise"]),
        ("nobody |> map { x }", &["E0201 nobody"]),
        ("keepBids |> map { x }", &["E0209 keepBids"]),
        ("|> filter(price in bids)", &["E0209 bids"]),
        ("bids.erors |> map { error }", &["E0412 erors"]),
        ("bids.late |> map { auction }", &["E0412 late"]),
    ]);
}

#[test]
fn declarations_are_unique_and_not_circular() {
    scripts(&[
        ("stream bids = timed |> limit(1)\n", &["E0202 bids"]),
        ("type A = { b: B }\ntype B = { a: list<A> }\n", &["E0210 A"]),
        ("stream a = b |> limit(1)\nstream b = a |> limit(1)\n", &["E0210 a"]),
        ("const a = b\nconst b = a\n", &["E0210 a"]),
        ("fn f(x: int) -> int = g(x)\nfn g(x: int) -> int = f(x)\n", &["E0604 f"]),
        ("fn f(x: int, x: int) -> int = x\n", &["E0202 x"]),
        ("type A = { a: int, a: int }\n", &["E0202 a"]),
        ("type A = { a: Strin }\n", &["E0208 Strin"]),
        ("type A = { a: Option<int> }\n", &["E0208 Option<int>"]),
        ("type A = { a: varchar }\n", &["E0208 varchar"]),
        ("type A = { a: map<int, int> }\n", &["E0208 int"]),
    ]);
}

#[test]
fn types_of_operands_are_checked() {
    stages(&[
        ("|> map { x: channel + price }", &["E0303 +"]),
        ("|> map { x: at + 10 }", &["E0320 10"]),
        ("|> map { x: -channel }", &["E0303 -channel"]),
        ("|> filter(channel == price)", &["E0304 =="]),
        ("|> filter(ok < ok)", &["E0304 <"]),
        ("|> filter(price)", &["E0301 price"]),
        ("|> filter(not price)", &["E0301 price"]),
        ("|> filter(ok and price)", &["E0301 price"]),
        ("|> filter(channel in price)", &["E0303 price"]),
        ("|> filter(price in [\"a\"])", &["E0304 [\"a\"]"]),
        ("|> filter(channel in \"abc\")", &["E0303 \"abc\""]),
        ("|> map { x: channel[0] }", &["E0303 channel"]),
        ("|> map { x: tags[\"a\"] }", &["E0301 \"a\""]),
        ("|> map { x: price.y }", &["E0203 y"]),
        ("|> map { x: [1, \"a\"] }", &["E0301 \"a\""]),
        ("|> map { x: [] }", &["E0309 []"]),
        ("|> map { x: null }", &["E0309 null"]),
        ("|> map { x: if ok then 1 else \"a\" }", &["E0317 \"a\""]),
        ("|> map { x: note ?? 0 }", &["E0317 0"]),
        ("|> map { x: int(tags) }", &["E0305 tags"]),
        ("|> map { x: y => y }", &["E0313 y => y"]),
        ("|> map { x: channel.lower() }", &["E0108 lower"]),
    ]);
}

#[test]
fn null_must_be_dealt_with_before_use() {
    stages(&[
        ("|> map { x: note + \"!\" }", &["E0302 note"]),
        ("|> map { x: upper(note) }", &["E0302 note"]),
        ("|> map { x: \"{note}\" }", &["E0302 note"]),
        ("|> filter(note != null or ok) |> map { x: len(note) }", &["E0302 note"]),
        ("|> map { x: if note == null then len(note) else 0 }", &["E0302 note"]),
        ("|> keyBy(auction) |> aggregate { x: max(note) }", &["E0302 note"]),
        ("|> filter(price != null)", &["W0310 price"]),
        ("|> map { x: price ?? 0 }", &["W0310 price"]),
    ]);
}

#[test]
fn the_fix_for_null_is_a_right_script() {
    let text = format!("{HEAD}sink out = bids |> map {{ x: upper(note) }} -> stdout(format: json)\n");
    let outcome = support::check_text(&text);
    assert_eq!(outcome.diags[0].fixes.len(), 3);
    for fix in &outcome.diags[0].fixes {
        let mut fixed = text.clone();
        let edit = &fix.edits[0];
        fixed.replace_range(edit.span.range(), &edit.replacement);
        assert_eq!(support::check_text(&fixed).short(), Vec::<String>::new(), "{fixed}");
    }
}

#[test]
fn the_arm_for_the_rest_is_a_right_script_whatever_the_arms_are() {
    for arms in [
        "\"web\" => 1",
        "\"web\" => 1,",
        "\"web\" => 1.5, \"app\" => 2.5",
        "\"web\" => 1.5d",
        "\"web\" => channel",
        "\"web\" => note",
        "\"web\" => null, \"app\" => price",
        "\"web\" => ok",
        "\"web\" => at",
        "\"web\" => 5min",
        "\"web\" => tags",
        "\"web\" => map { \"a\": 1 }",
        "\"web\" => parseJson(channel)",
        "\"web\" => { a: 1, `b c`: { d: note, e: tags }, f: parseJson(channel) }",
        "\"web\" => if ok then 1 else 2",
        "\"web\" => match ok { true => 1, false => 2 }",
    ] {
        let text =
            format!("{HEAD}sink out = bids |> map {{ x: match channel {{ {arms} }} }} -> blackhole()\n");
        let outcome = support::check_text(&text);
        assert_eq!(outcome.diags.len(), 1, "{}", outcome.long());
        let fixed = outcome.fixed();
        assert_eq!(support::check_text(&fixed).short(), Vec::<String>::new(), "{fixed}");
    }
}

#[test]
fn calls_are_checked_against_the_catalogue() {
    stages(&[
        ("|> map { x: lower(price) }", &["E0305 price"]),
        ("|> map { x: lower(channel, \"x\") }", &["E0305 lower(channel, \"x\")"]),
        ("|> map { x: replace(channel, \"x\") }", &["E0306 replace(channel, \"x\")"]),
        ("|> map { x: mapEach(tags, (a, b) => a) }", &["E0305 (a, b) => a"]),
        ("|> map { x: filterEach(tags, t => len(t)) }", &["E0301 len(t)"]),
        ("|> map { x: matches(channel, r\"(\") }", &["E0318 r\"(\""]),
        ("|> map { x: hour(at, zone: \"Mars\") }", &["E0318 \"Mars\""]),
        ("|> map { x: env(\"A\") }", &["E0316 env(\"A\")"]),
        ("|> map { x: sum(price) }", &["E0314 sum(price)"]),
        ("|> map { x: mapEach(tags, channel => channel) }", &["W0307 channel"]),
    ]);
    scripts(&[
        (
            "fn f(a: int) -> int = a\nsink o = bids |> map { x: f(channel) } -> blackhole()\n",
            &["E0301 channel"],
        ),
        ("fn f(a: int) -> int = a\nsink o = bids |> map { x: f() } -> blackhole()\n", &["E0306 f()"]),
        ("fn f(a: int) -> int = a\nsink o = bids |> map { x: f(1, 2) } -> blackhole()\n", &["E0305 2"]),
        ("fn f(a: int) -> int = a\nsink o = bids |> map { x: f(b: 2) } -> blackhole()\n", &["E0207 b"]),
        ("fn f(a: int) -> int = \"x\"\n", &["E0301 \"x\""]),
        ("const a = 1 / 0\n", &["E0318 1 / 0"]),
        ("const a = now()\n", &["E0319 now()"]),
        ("param a: int\n", &["E0603 a"]),
    ]);
}

#[test]
fn match_is_exhaustive_and_every_arm_can_be_reached() {
    stages(&[
        ("|> map { x: match price { 1 => 1 } }", &["E0310 match price { 1 => 1 }"]),
        ("|> map { x: match ok { true => 1 } }", &["E0310 match ok { true => 1 }"]),
        ("|> map { x: match note { \"a\" => 1, _ => 0 } }", &[]),
        ("|> map { x: match price { \"a\" => 1, _ => 0 } }", &["E0311 \"a\""]),
        ("|> map { x: match price { null => 1, _ => 0 } }", &["E0311 null"]),
        ("|> map { x: match price { 1 => 1, 1 => 2, _ => 0 } }", &["E0312 1"]),
        ("|> map { x: match price { 1..9 => 1, 3 => 2, _ => 0 } }", &["E0312 3"]),
        ("|> map { x: match price { 9..1 => 1, _ => 0 } }", &["E0311 9..1"]),
        ("|> map { x: match price { 1 => 1, _ => \"a\" } }", &["E0317 \"a\""]),
    ]);
}

#[test]
fn stages_take_what_they_say() {
    stages(&[
        ("|> map { price * 2 }", &["E0408 price * 2"]),
        ("|> map { a: price, a: auction }", &["E0202 a"]),
        ("|> keyBy(hour(at)) |> count()", &["E0408 hour(at)"]),
        ("|> limit(-1)", &["E0413 -1"]),
        ("|> limit(price)", &["E0319 price"]),
        ("|> sample(2.0)", &["E0413 2.0"]),
        ("|> flatMap(t in channel)", &["E0301 channel"]),
        ("|> flatMap(price in tags)", &["E0202 price"]),
        ("|> drop(prise)", &["E0203 prise"]),
        ("|> rename(cents: price)", &["E0203 cents"]),
        ("|> eventTime(price)", &["E0301 price"]),
        ("|> eventTime(at, 5s)", &["E0307 5s"]),
        ("|> union(keepBids)", &["E0209 keepBids"]),
        ("|> filter(1 < 2)", &["W0308 1 < 2"]),
        ("|> @id(\"x\") filter(ok)", &["E0702 \"x\""]),
        ("|> distinct(auction)", &[]),
    ]);
}

#[test]
fn keys_windows_and_triggers_need_a_stateful_stage() {
    stages(&[
        ("|> keyBy(auction)", &["E0403 keyBy(auction)"]),
        ("|> keyBy(auction) |> filter(ok)", &["E0403 keyBy(auction)"]),
        ("|> trigger(atEnd)", &["E0403 trigger(atEnd)"]),
        ("timed |> window(tumbling(10s))", &["E0403 window(tumbling(10s))"]),
        ("|> keyBy(auction) |> keyBy(bidder) |> count()", &["E0404 keyBy(bidder)"]),
        ("|> keyBy(auction) |> map { price } |> count()", &["E0414 map { price }"]),
        ("|> window(tumbling(10s)) |> count()", &["E0402 window(tumbling(10s))"]),
        ("timed |> window(tumblin(10s)) |> count()", &["E0405 tumblin"]),
        ("timed |> window(tumbling(10)) |> count()", &["E0320 10"]),
        ("timed |> window(sliding(10s, 2s)) |> count()", &["E0307 2s"]),
        ("timed |> window(sliding(2s, every: 10s)) |> count()", &["E0405 10s"]),
        ("timed |> window(sliding(365d, every: 1us)) |> count()", &["E0405 1us"]),
        ("timed |> window(cumulative(365d, every: 1us)) |> count()", &["E0405 1us"]),
        ("timed |> window(sliding(1000s, every: 1ms)) |> count()", &[]),
        ("timed |> window(same) |> count()", &["E0405 same"]),
        ("|> trigger(early: 1s) |> count()", &["E0406 trigger(early: 1s)"]),
        ("timed |> window(tumbling(1s)) |> trigger(atEnd) |> count()", &["E0406 trigger(atEnd)"]),
        ("timed |> window(tumbling(1s)) |> trigger(eachRow) |> count()", &["E0406 trigger(eachRow)"]),
        ("timed |> window(global) |> trigger(eachRow) |> latest(by: at)", &["E0406 trigger(eachRow)"]),
        ("|> trigger(onEnd) |> count()", &["E0406 onEnd"]),
        (
            "timed |> rename(at: windowStart) |> window(tumbling(1s)) |> count()",
            &["E0407 window(tumbling(1s))"],
        ),
        ("timed |> map { .., at: at } |> window(tumbling(1s)) |> count()", &[]),
    ]);
}

#[test]
fn aggregates_stand_over_aggregates_keys_and_bounds() {
    stages(&[
        ("|> keyBy(auction) |> aggregate { x: price / count() }", &["E0315 price"]),
        ("|> keyBy(auction) |> aggregate { n: count(), channel }", &["E0315 channel"]),
        ("|> keyBy(auction) |> aggregate { count() }", &["E0408 count()"]),
        ("|> keyBy(auction) |> aggregate { auction: count() }", &["E0202 auction"]),
        ("|> keyBy(auction) |> aggregate { x: sum(channel) }", &["E0305 channel"]),
        ("|> keyBy(auction) |> aggregate { x: max(sum(price)) }", &["E0314 max(sum(price))"]),
        ("|> keyBy(auction) |> aggregate { x: percentile(price, 99) }", &["E0413 99"]),
        ("|> keyBy(auction) |> aggregate { x: argMax(price) }", &["E0306 argMax(price)"]),
        ("|> keyBy(auction) |> sum() as x", &["E0306 sum() as x"]),
        ("|> keyBy(auction) |> aggregate { x: windowStart }", &["E0203 windowStart"]),
    ]);
}

#[test]
fn joins_need_an_equality_and_names_for_both_sides() {
    stages(&[
        (
            "bids as a |> join(timed as b on a.auction < b.auction, ttl: 1h) |> map { a.at }",
            &["E0409 a.auction < b.auction"],
        ),
        (
            "bids as a |> join(timed as b on a.auction == b.auction, ttl: 1h) |> map { price }",
            &["E0204 price"],
        ),
        (
            "bids as a |> join(timed as b on a.auction == b.auction, within: 1h) |> map { a.at }",
            &["E0402 1h"],
        ),
        (
            "bids as a |> join(timed as b on a.auction == b.auction) |> map { a.at }",
            &["W0301 join(timed as b on a.auction == b.auction)"],
        ),
        (
            "bids as a |> leftJoin(timed as b on a.auction == b.auction, ttl: 1h) |> map { x: b.price + 1 }",
            &["E0302 b.price"],
        ),
        ("|> join(bids on auction == bids.auction, ttl: 1h)", &["E0409 bids"]),
        (
            "bids as a |> join(timed as b on a.auction == b.auction, ttl: 1h)",
            &["E0204 join(timed as b on a.auction == b.auction, ttl: 1h)"],
        ),
    ]);
}

#[test]
fn connectors_are_checked_against_their_table() {
    scripts(&[
        ("sink o = bids -> kafak(topic: \"t\")\n", &["E0501 kafak"]),
        ("sink o = bids -> stdin()\n", &["E0502 stdin"]),
        ("sink o = bids -> file(\"o\", fromat: json)\n", &["E0503 fromat"]),
        ("sink o = bids -> file(\"o\", json)\n", &["E0307 json"]),
        ("sink o = bids -> file(\"o\")\n", &["E0504 file(\"o\")"]),
        ("sink o = bids -> file(3, format: json)\n", &["E0505 3"]),
        ("sink o = bids -> file(\"o\", format: json, mode: apend)\n", &["E0505 apend"]),
        ("sink o = bids -> file(\"o\", format: json, rollEvery: 10)\n", &["E0320 10"]),
        ("sink o = bids -> file(\"o\", format: json, partitionBy: [chanel])\n", &["E0203 chanel"]),
        ("sink o = bids -> file(\"o\", format: jsn)\n", &["E0506 jsn"]),
        ("sink o = bids -> stdout(format: text)\n", &["E0507 stdout"]),
        ("sink o = bids -> stdout(format: csv)\n", &["E0507 stdout"]),
        ("source s = stdin(format: json)\nsink o = s -> blackhole()\n", &["E0508 stdin"]),
        ("source s: int = stdin(format: json)\nsink o = s -> blackhole()\n", &["E0508 int"]),
        ("source s = generate { a: sequ() } rate: 1\nsink o = s -> blackhole()\n", &["E0205 sequ"]),
        ("sink o = bids |> count() -> kafka(brokers: \"b\", topic: \"t\", format: json)\n", &["E0411 kafka"]),
        (
            "// flow-allow W0313: of a later version\nsink o = bids -> kafka(brokers: env(\"B\", \"b\"), topic: secret(\"T\"), format: json)\n",
            &[],
        ),
        (
            "sink o = bids -> kafka(topic: \"t\", format: json)\n",
            &["E0504 kafka(topic: \"t\", format: json)"],
        ),
    ]);
}

#[test]
fn job_tests_and_state_ids_are_checked() {
    scripts(&[
        ("job a { paralelism: 2 }\n", &["E0602 paralelism"]),
        ("job a { parallelism: 0 }\n", &["E0602 0"]),
        ("job a { delivery: once }\n", &["E0602 once"]),
        ("job a { checkpoint: off }\njob b { checkpoint: 10s }\n", &["E0601 b"]),
        ("test \"t\" { given keepBids [] expect bids [] }\n", &["E0606 keepBids"]),
        ("test \"t\" { expect bids [ { acution: 1, .. } ] }\n", &["E0607 acution"]),
        ("test \"t\" { expect bids [ { auction: 1 } ] }\n", &["E0607 { auction: 1 }"]),
        ("test \"t\" { expect bids [ { auction: \"1\", .. } ] }\n", &["E0301 \"1\""]),
        ("test \"t\" { advance 1 expect bids [] }\n", &["E0320 1"]),
        (
            "source deep: { r: { a: int, b: { c: int? }? }, l: list<{ a: int, b: string? }> } = file(\"d\", format: json)\nsink o = deep -> blackhole()\n\
             test \"t\" { given deep [ { r: { a: 1 }, l: [{ a: 1 }] }, { r: { a: 1, b: {} }, l: [] } ] expect o [ { .. }, { .. } ] }\n",
            &[],
        ),
        (
            "source deep: { r: { a: int, b: int? } } = file(\"d\", format: json)\nsink o = deep -> blackhole()\n\
             test \"t\" { given deep [ { r: { b: 1 } } ] expect o [] }\n",
            &["E0301 { b: 1 }"],
        ),
        (
            "sink o = bids |> @id(\"n\") count() -> blackhole()\nsink p = bids |> @id(\"n\") count() -> blackhole()\n",
            &["E0701 @id(\"n\") count()"],
        ),
    ]);
}

#[test]
fn lints_are_said_and_can_be_allowed() {
    scripts(&[
        ("stream idle = bids |> limit(1)\n", &["W0302 idle"]),
        ("// flow-allow W0302: for later\nstream idle = bids |> limit(1)\n", &[]),
        ("stream idle = bids |> limit(1) // flow-allow unused-stream: for later\n", &[]),
        ("// flow-allow W0302\nstream idle = bids |> limit(1)\n", &["W0309 W0302", "W0302 idle"]),
        ("// flow-allow W0302: \nstream idle = bids |> limit(1)\n", &["W0309 W0302", "W0302 idle"]),
        ("/// flow-allow W0302: for later\nstream idle = bids |> limit(1)\n", &["W0309 ///", "W0302 idle"]),
        (
            "source f: Bid = file(\"f\", format: json, follow: true)\nsink o = f -> blackhole()\n",
            &["W0313 true"],
        ),
        (
            "// flow-allow W0313: later\nsink o = bids -> kafka(brokers: \"b\", topic: \"t\", format: json)\n",
            &[],
        ),
        ("// flow-allow W0302: nothing\nsink o = bids -> blackhole()\n", &["W0309 W0302"]),
        ("sink o = bids |> map { auction, x: 1 } |> map { auction } -> blackhole()\n", &["W0303 x"]),
        (
            "sink o = bids |> eventTime(at) |> window(tumbling(1s)) |> count() -> blackhole()\n",
            &["W0304 window(tumbling(1s))"],
        ),
        ("stream o = bids |> map { x: now() }\nsink p = o -> blackhole()\n", &["W0305 now()"]),
        ("sink p = bids |> map { x: now() } -> blackhole()\n", &[]),
        ("job j { delivery: exactlyOnce }\nsink o = bids -> stdout(format: json)\n", &["W0306 o"]),
        ("const price = 3\nsink o = bids |> filter(price > 1) -> blackhole()\n", &["W0307 price"]),
    ]);
}

#[test]
fn an_error_type_absorbs_what_follows_from_it() {
    stages(&[
        (
            "|> map { a: pirce * 2, b: channel } |> filter(a > 3) |> map { c: a + 1, d: upper(b) }",
            &["E0203 pirce"],
        ),
        ("|> fliter(ok) |> keyBy(x) |> aggregate { n: sum(y) } |> filter(n > 3)", &["E0206 fliter"]),
        (
            "nobody as n |> window(tumbling(1s)) |> top(1, by: z) |> join(timed as b on n.x == b.auction, within: 1s)",
            &["E0201 nobody"],
        ),
    ]);
    scripts(&[
        (
            "type X = { a: Nope }\nsource s: X = stdin(format: json)\nsink o = s |> filter(a > 3 and b) -> stdout(format: csv)\n",
            &["E0208 Nope"],
        ),
        ("const c = nope + 1\nsink o = bids |> filter(price > c) -> blackhole()\n", &["E0201 nope"]),
        (
            "fn f(x: int) -> int = nope(x)\nsink o = bids |> map { y: f(price) + 1 } -> blackhole()\n",
            &["E0205 nope"],
        ),
    ]);
}

#[test]
fn state_that_grows_with_rows_that_never_end_is_told() {
    let live = "// flow-allow W0313: waits for it\nsource live: Bid = kafka(brokers: \"b\", topic: \"t\", format: json)\n";
    let of_live = |stages: &str| format!("{live}sink out = live {stages} -> stdout(format: json)\n");
    let cases: Vec<(String, &[&str])> = vec![
        (of_live("|> keyBy(auction) |> aggregate { all: collect(price) }"), &["W0301 collect(price)"]),
        (of_live("|> countDistinct(bidder)"), &["W0301 countDistinct(bidder)"]),
        (of_live("|> keyBy(auction) |> trigger(count: 10) |> median(price)"), &["W0301 median(price)"]),
        (of_live("|> distinct(auction)"), &["W0301 distinct(auction)"]),
        // What is held of a moment is held for ever; of a window that is over, nothing is.
        (of_live("|> keyBy(at) |> count()"), &["W0301 count()"]),
        (of_live("|> keyBy(hour: truncate(at, 1h), auction) |> top(3, by: price)"), &["W0301 top(3, by: price)"]),
        (of_live("|> keyBy(at) |> window(count(3)) |> count()"), &["W0301 count()"]),
        (
            of_live("|> eventTime(at, delay: 1s) |> keyBy(auction) |> window(tumbling(1h)) |> count() as n |> keyBy(windowStart) |> top(1, by: n)"),
            &["W0301 top(1, by: n)"],
        ),
        (
            of_live("|> eventTime(at, delay: 1s) |> keyBy(auction) |> window(tumbling(1h)) |> count() as n |> window(same) |> top(1, by: n)"),
            &[],
        ),
        (of_live("|> keyBy(at) |> trigger(count: 10, mode: discarding) |> count()"), &[]),
        // All of the state, and more, on each way that adds something.
        (
            of_live("|> scan(state: [0], next: state + [price], emit: { state })"),
            &["W0301 state + [price]"],
        ),
        (
            of_live("|> scan(state: \"\", next: if price > 3 then \"{state}, \" + state + channel else state, emit: { state })"),
            &["W0301 if price > 3 then \"{state}, \" + state + channel else state"],
        ),
        (
            of_live("|> scan(state: { n: 0, seen: [0] }, next: { n: state.n + 1, seen: state.seen + [price] }, emit: { n: state.n })"),
            &["W0301 { n: state.n + 1, seen: state.seen + [price] }"],
        ),
        (of_live("|> scan(state: [0], next: slice(state + [price], max(len(state) - 2, 0)), emit: { state })"), &[]),
        (of_live("|> scan(state: [0], next: if len(state) > 9 then [0] else state + [price], emit: { state })"), &[]),
        (of_live("|> scan(state: 0, next: state + price, emit: { state })"), &[]),
        // A few numbers a key; anew after each result; forgotten with their window; or rows that end.
        (of_live("|> keyBy(auction) |> aggregate { n: count(), best: max(price) }"), &[]),
        (
            of_live("|> keyBy(auction) |> trigger(count: 10, mode: discarding) |> aggregate { all: collect(price) }"),
            &[],
        ),
        (of_live("|> window(count(10)) |> aggregate { all: collect(price) }"), &[]),
        ("sink out = bids |> keyBy(auction) |> aggregate { all: collect(price) } -> stdout(format: json)\n".into(), &[]),
    ];
    scripts(&cases.iter().map(|(text, expected)| (text.as_str(), *expected)).collect::<Vec<_>>());
}

#[test]
fn words_for_the_whole_row_are_told_once_a_stage() {
    stages(&[
        ("|> filter(row.price > 1 and row.bidder > 2)", &["E0201 row"]),
        ("|> map { a: self.price, b: self.bidder }", &["E0201 self"]),
        ("|> filter(bid.price > 1)", &["E0203 bid"]),
        ("|> filter(row.cents > 1)", &["E0203 row"]),
    ]);
}

#[test]
fn a_count_of_a_condition_says_where() {
    stages(&[
        ("|> keyBy(channel) |> aggregate { n: count(price > 1) }", &["E0305 price > 1"]),
        ("|> keyBy(channel) |> count(ok)", &["E0305 ok"]),
        (
            "|> keyBy(channel) |> aggregate { n: count(where: price > 1), m: count(note), k: count(price) }",
            &[],
        ),
    ]);
}

#[test]
fn a_field_named_twice_is_told_once_and_speaks_of_no_join() {
    stages(&[
        ("|> map { price, bidder, price: price + 1 } |> filter(price > 1)", &["E0202 price"]),
        ("|> map { .., price, price } |> map { price }", &["E0202 price"]),
    ]);
}

#[test]
fn a_trigger_of_rows_is_an_argument_and_no_call() {
    stages(&[
        ("|> keyBy(channel) |> trigger(count(2)) |> count()", &["E0406 count(2)"]),
        (
            "timed |> keyBy(channel) |> window(tumbling(10s)) |> trigger(early: count(2)) |> count()",
            &["E0406 early: count(2)"],
        ),
    ]);
}

#[test]
fn fields_in_quotes_and_lists_are_told_once() {
    stages(&[
        ("|> drop(\"price\", \"note\")", &["E0401 \"price\", \"note\""]),
        ("|> drop([price, note])", &["E0401 [price, note]"]),
        ("|> rename(price, cents)", &["E0401 price"]),
        ("|> rename(price: \"cents\")", &["E0401 \"cents\""]),
    ]);
}
