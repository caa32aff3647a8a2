//! Right scripts check without a word, and their plans are well-formed.

mod support;

const HEAD: &str = r#"
type Bid = { auction: int, bidder: int, price: int, channel: string, at: timestamp, note: string?, tags: list<string>, data: json, user: { name: string, age: int? } }
source bids: Bid = file("bids.ndjson", format: json) |> eventTime(at, delay: 5s)
table countries: { code: string, name: string } key code = file("countries.csv", format: csv)
source rates: { ccy: string, rate: float, at: timestamp } = file("rates.ndjson", format: json) |> eventTime(at, delay: 1s)
fn usd(cents: int) -> float = float(cents) / 100.0
fn clampTo(x: int, most: int) -> int {
  let low = 0
  let high = most + low
  clamp(x, low, high)
}
const vip = ["alice", "bob"]
param least: int = 10
"#;

/// Checks stages between `bids` and `stdout`; says what is wrong with script or plan.
fn problem(stages: &str) -> Option<String> {
    let text = format!("{HEAD}sink out = bids as b {stages} -> stdout(format: json)\n");
    let outcome = support::check_text(&text);
    let said: Vec<_> = outcome.diags.iter().filter(|d| !matches!(d.code.0, "W0302" | "W0312")).collect();
    if !said.is_empty() {
        return Some(format!("{stages}\n{}", outcome.long()));
    }
    let plan = flow_types::plan(&outcome.checked, &outcome.sources);
    if plan.operators.len() < 2 {
        return Some(format!("{stages}\nno operators"));
    }
    flow_plan::validate::validate_plan(&plan).err().map(|finding| format!("{stages}\n{finding}"))
}

fn all_right(cases: &[&str]) {
    let problems: Vec<String> = cases.iter().filter_map(|case| problem(case)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn expressions_of_all_kinds_make_well_formed_plans() {
    all_right(&[
        "|> map { x: price * 2 + 1, y: price / 2.0, z: -price, w: 2 * usd(price) }",
        "|> map { x: price * 1.5d, y: at + 5s, z: at - @2026-01-01, w: 2 * (at - @2026-01-01), v: 5s + at }",
        "|> map { x: \"{channel}: {price} {at}\", y: channel + \"!\", z: tags + [\"x\"] }",
        "|> map { x: note ?? \"none\", y: if note != null then len(note) else 0, z: coalesce(note, channel) }",
        "|> map { x: if price > 3 and note != null and len(note) > 3 then upper(note) else null }",
        "|> map { x: if note == null or len(note) == 0 then \"\" else lower(note) }",
        "|> map { x: match price { 0 => \"none\", 1..10 or 20 => \"few\", _ => \"many\" } }",
        "|> map { x: match note { null => 0, \"a\" => 1, _ => len(note) } }",
        "|> map { x: match price > 3 { true => 1, false => 2 }, y: match price { 1 => null, _ => price } }",
        "|> map { x: price in [1, 2, 3], y: price not in 1..least, z: channel in vip, w: \"a\" in tags, v: price in [price, 3] }",
        "|> map { x: data.a.b[0], y: int(data.a) ?? 0, z: string(data.user.name) ?? \"\", w: data[\"k\"] }",
        "|> map { x: user.name, y: user.age ?? 0, z: { a: user.name, b: price }, w: map { \"a\": price } }",
        "|> filter(user.age != null) |> map { x: 1 }",
        "|> map { x: if user.age != null then user.age + 1 else 0, y: b.price, z: b.user.name }",
        "|> map { x: mapEach(tags, t => upper(t)), y: any(tags, t => t == channel), z: reduce(tags, 0, (a, t) => a + len(t)) }",
        "|> map { x: reduce(tags, \"\", (a, t) => a + t), y: first(tags), z: tags[0], w: get(tags, 3) ?? \"\" }",
        "|> map { x: try int(channel) else -1, y: tryInt(channel) ?? 0, z: try price / bidder else 0 }",
        "|> map { x: min(price, bidder, 3), y: max(price, 2.5), z: round(price / 3.0, 2), w: sqrt(price), v: pow(price, 2) }",
        "|> map { x: hour(at), y: hour(at, zone: \"Europe/Berlin\"), z: truncate(at, 1h), w: format(at, \"yyyy\"), v: substring(channel, 1) }",
        "|> map { x: clampTo(price, 7), y: usd(clampTo(price, most: 3)), z: clampTo(most: 3, x: price) }",
        "|> map { x: isNull(note), y: not isNull(note), z: if isNull(note) then \"\" else lower(note), w: hash(note) }",
        "|> map { x: price == 2.5, y: price < 2.5, z: note == channel, w: note != \"x\", v: at > @2026-01-01 }",
    ]);
}

#[test]
fn stages_on_single_rows_make_well_formed_plans() {
    all_right(&[
        "|> map { .., twice: price * 2 }",
        "|> map { auction, price } |> map { ..b, x: 1 }",
        "|> drop(note, data) |> rename(price: cents)",
        "|> filter(note != null) |> map { n: len(note) }",
        "|> filter(note != null and price > 3) |> map { n: len(note) }",
        "|> flatMap(tag in tags) |> map { tag, auction }",
        "|> sample(0.5) |> limit(10) |> tap(\"seen\")",
        "|> union(bids)",
    ]);
}

#[test]
fn keyed_and_windowed_stages_make_well_formed_plans() {
    all_right(&[
        "|> keyBy(auction) |> count() as n",
        "|> keyBy(auction, hour: hour(at)) |> trigger(atEnd) |> aggregate { n: count(), mean: sum(price) / count(), k: hour }",
        "|> keyBy(auction) |> filter(price > 3) |> map { auction, cents: price } |> sum(cents)",
        "|> aggregate { n: count(where: price > 3), best: argMax(channel, by: price), most: max(price, where: note != null) }",
        "|> aggregate { longest: max(len(note), where: note != null), all: collect(channel), p: percentile(price, 0.99), s: stringJoin(channel, \", \") }",
        "|> aggregate { spread: max(price) - min(price), up: max(max(price), 3), d: sum(at - @2026-01-01) }",
        "|> keyBy(auction) |> window(tumbling(10s)) |> aggregate { n: count(), len: windowEnd - windowStart }",
        "|> window(sliding(10s, every: 2s), lateness: 1min) |> trigger(late: eachRow) |> count() as n |> window(same) |> top(1, by: n)",
        "|> keyBy(auction) |> window(session(gap: 5min)) |> trigger(early: 10s, late: eachRow) |> count()",
        "|> keyBy(auction) |> window(cumulative(1h, every: 10min)) |> sum(price)",
        "|> keyBy(auction) |> window(count(10, every: 2)) |> avg(price) as mean",
        "|> window(tumbling(1d, zone: \"Europe/Berlin\")) |> count()",
        "|> window(tumbling(10s, time: processing)) |> count()",
        "|> keyBy(channel) |> top(3, by: [price desc, at asc], ties: true) as rank",
        "|> keyBy(auction) |> latest(by: at)",
        "|> keyBy(channel) |> distinct(auction, bidder, within: 1d)",
        "|> keyBy(auction) |> scan(state: 0, next: state + price, emit: { auction, total: state, .. })",
        "|> keyBy(auction) |> scan(state: { n: 0, sum: 0.0 }, next: { n: state.n + 1, sum: state.sum + price }, emit: { mean: state.sum / state.n })",
    ]);
}

#[test]
fn joins_make_well_formed_plans() {
    all_right(&[
        "|> join(bids as o on b.auction == o.auction, within: 10min) |> map { a: b.auction, p: o.price }",
        "|> join(bids as o on b.auction == o.auction and b.price < o.price and b.bidder != 3, within: -5min..1h) |> map { a: b.auction }",
        "|> leftJoin(rates as r on b.channel == r.ccy, window: tumbling(10s)) |> map { auction, rate: rate ?? 1.0 }",
        "|> join(countries on channel == countries.code) |> map { auction, name }",
        "|> semiJoin(rates as r on channel == r.ccy, ttl: 1d) |> map { auction, at }",
        "|> antiJoin(rates as r on upper(channel) == r.ccy, ttl: 1d) |> map { auction, at }",
        "|> join(rates as r on left.channel == r.ccy, ttl: 1h) |> map { b.at, r.rate }",
    ]);
}

#[test]
fn a_stream_read_twice_is_one_set_of_operators_and_unread_ones_are_none() {
    let text = format!(
        "{HEAD}stream big = bids |> filter(price > 3)\nstream idle = bids |> limit(1)\n\
         sink a = big -> stdout(format: json)\nsink b = big |> limit(1) -> blackhole()\n"
    );
    let outcome = support::check_text(&text);
    let plan = flow_types::plan(&outcome.checked, &outcome.sources);
    let words: Vec<&str> = plan.operators.iter().map(|o| o.word.as_str()).collect();
    assert_eq!(words, ["file", "eventTime", "filter", "stdout", "limit", "blackhole"]);
    assert_eq!(
        plan.declarations.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(),
        ["bids", "big", "a", "b"]
    );
    assert_eq!(flow_plan::validate::validate_plan(&plan), Ok(()));
}

#[test]
fn side_outputs_become_operators_and_decide_what_an_error_does() {
    let text = format!(
        "{HEAD}stream n = bids |> window(tumbling(1min)) |> count() as n\n\
         sink a = n -> stdout(format: json)\nsink l = n.late |> map {{ auction }} -> stdout(format: json)\n\
         sink e = bids.errors |> map {{ code, raw }} -> stdout(format: json)\n"
    );
    let outcome = support::check_text(&text);
    assert!(outcome.checked.ok, "{}", outcome.long());
    let plan = flow_types::plan(&outcome.checked, &outcome.sources);
    assert_eq!(flow_plan::validate::validate_plan(&plan), Ok(()));
    let declaration = |name: &str| plan.declarations.iter().find(|d| d.name == name).expect("declared");
    assert_eq!(declaration("bids").on_error, flow_plan::operator::OnError::Route);
    assert_eq!(declaration("n").on_error, flow_plan::operator::OnError::Fail);
    assert!(declaration("n").late_consumed);
}

#[test]
fn state_ids_are_the_declaration_and_the_stage_and_repeats_are_numbered() {
    let text = format!(
        "{HEAD}stream n = bids |> keyBy(auction) |> trigger(atEnd) |> count() as n |> keyBy(n) |> trigger(atEnd) |> count() as m \
         |> @id(\"kept\") @was(\"old\") distinct(m, within: 1h)\nsink a = n -> stdout(format: json)\n"
    );
    let outcome = support::check_text(&text);
    let plan = flow_types::plan(&outcome.checked, &outcome.sources);
    let ids: Vec<&str> =
        plan.operators.iter().filter_map(|o| o.state.as_ref()).map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["n.count", "n.count#2", "kept"]);
    let was = plan.operators.iter().filter_map(|o| o.state.as_ref()).find_map(|s| s.was.clone());
    assert_eq!(was.as_deref(), Some("old"));
}

#[test]
fn streams_are_append_or_updating_by_what_made_them() {
    use flow_plan::operator::StreamMode;
    let modes = [
        ("|> filter(price > 3)", true),
        ("|> keyBy(auction) |> count()", false),
        ("|> keyBy(auction) |> trigger(atEnd) |> count()", true),
        ("|> keyBy(auction) |> window(tumbling(10s)) |> count()", true),
        ("|> keyBy(auction) |> window(tumbling(10s)) |> trigger(early: 1s) |> count()", false),
        ("|> keyBy(auction) |> latest(by: at)", false),
        ("|> join(rates as r on channel == r.ccy, ttl: 1h) |> map { b.auction }", false),
        ("|> join(rates as r on channel == r.ccy, within: 1h) |> map { b.auction }", true),
    ];
    for (stages, append) in modes {
        let text = format!("{HEAD}sink out = bids as b {stages} -> stdout(format: json)\n");
        let outcome = support::check_text(&text);
        let plan = flow_types::plan(&outcome.checked, &outcome.sources);
        let last = plan.operators.last().expect("a plan");
        assert_eq!(last.mode == StreamMode::Append, append, "{stages}\n{}", outcome.long());
    }
}

#[test]
fn parameters_take_their_values_from_the_command_line() {
    let text = "param least: int = 1\nparam gap: duration = 1s\nparam name: string = \"a\"\n\
                source n = generate { id: seq() } rate: least\n\
                sink out = n |> filter(id > least and gap > 500ms and name == \"b\") -> blackhole()\n";
    let given = |pairs: &[(&str, &str)]| {
        let params: Vec<(String, String)> =
            pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        support::check_with(text, &params).short()
    };
    assert_eq!(given(&[("least", "7"), ("gap", "1h30min"), ("name", "b")]), Vec::<String>::new());
    assert_eq!(given(&[("least", "x")]), ["E0603 least"]);
    assert_eq!(given(&[("gap", "5")]), ["E0603 gap"]);
    assert_eq!(given(&[("lest", "5")]), ["E0603 "]);
}

#[test]
fn an_imported_file_gives_its_declarations_but_not_its_sinks() {
    use flow_syntax::{FileId, SourceMap};
    let mut sources = SourceMap::default();
    let texts = [
        (
            "main.flow",
            "import \"lib.flow\"\nsink out = rows |> map { d: twice(a) } -> stdout(format: json)\n",
        ),
        (
            "lib.flow",
            "type Row = { a: int }\nsource rows: Row = stdin(format: json)\nfn twice(x: int) -> int = x * 2\nsink out = rows -> blackhole()\n",
        ),
    ];
    let programs: Vec<_> =
        texts.iter().map(|(name, text)| flow_syntax::parse(sources.add(*name, *text), text).0).collect();
    let levels = flow_types::Levels::default();
    let input = flow_types::Input {
        sources: &sources,
        programs: &programs,
        syntax_errors: false,
        params: &[],
        levels: &levels,
    };
    let (checked, diags) = flow_types::check(&input);
    assert_eq!(diags, []);
    let plan = flow_types::plan(&checked, &sources);
    assert_eq!(plan.operators.len(), 3);
    assert_eq!(plan.job.name, "main");
    let _ = FileId(0);
}
