//! Every edit of a script and what becomes of its state: one line a case.

use super::{Effect, Verdict, compare};
use crate::{LoadError, Options, compile};
use flow_plan::operator::Plan;
use std::path::Path;

const HEAD: &str = "\
type Bid = { auction: int, bidder: int, price: int, note: string?, at: timestamp }
type Auction = { id: int, seller: int, at: timestamp }
source bids: Bid = file(\"bids.ndjson\", format: json) |> eventTime(at, delay: 5s)
source auctions: Auction = file(\"auctions.ndjson\", format: json) |> eventTime(at, delay: 5s)
";

fn plan(script: &str) -> Plan {
    let text = format!("{HEAD}{script}\nsink out = s -> file(\"out\", format: json)\n");
    let mut loader = |path: &Path| match path.to_str() {
        Some("s.flow") => Ok(text.clone().into_bytes()),
        _ => Err(LoadError::Missing),
    };
    let done = compile(&mut loader, Path::new("s.flow"), &Options::default()).unwrap();
    match done.plan {
        Some(plan) => plan,
        None => panic!("{script}\n{:#?}", done.diagnostics),
    }
}

fn verdicts(old: &str, new: &str) -> Vec<Verdict> {
    compare(&plan(old), &plan(new))
}

/// `id effect`, with `*` where old and new rows would mix.
fn summary(old: &str, new: &str) -> String {
    let line = |v: &Verdict| {
        let was = v.was.as_ref().map(|was| format!(" was {was}")).unwrap_or_default();
        format!("{}{was} {}{}", v.id, v.effect.word(), if v.changes_meaning { "*" } else { "" })
    };
    verdicts(old, new).iter().map(line).collect::<Vec<_>>().join(", ")
}

/// Old script, new script, verdicts.
const CASES: &[(&str, &str, &str)] = &[
    // Up to where sources were read, and what limits let through, is found by the declaration's name.
    (
        "source b: Bid = file(\"b.ndjson\", format: json)\nstream s = b |> keyBy(auction) |> trigger(atEnd) |> count() as n",
        "source c: Bid = file(\"b.ndjson\", format: json)\nstream s = c |> keyBy(auction) |> trigger(atEnd) |> count() as n",
        "s.count identical, c restores, b drops",
    ),
    (
        "source b: Bid = file(\"b.ndjson\", format: json)\nstream s = b |> keyBy(auction) |> trigger(atEnd) |> count() as n",
        "@was(\"b\") source c: Bid = file(\"b.ndjson\", format: json)\nstream s = c |> keyBy(auction) |> trigger(atEnd) |> count() as n",
        "s.count identical",
    ),
    (
        "source b: Bid = file(\"b.ndjson\", format: json)\nstream s = b |> filter(price > 1)",
        "source c: Bid = file(\"c.ndjson\", format: json)\nstream s = c |> filter(price > 1)",
        "c restores",
    ),
    (
        "source b: Bid = file(\"b.ndjson\", format: json)\nsource c: Bid = file(\"c.ndjson\", format: json)\nstream s = b |> union(c)",
        "source c: Bid = file(\"b.ndjson\", format: json)\nsource b: Bid = file(\"c.ndjson\", format: json)\nstream s = c |> union(b)",
        "c incompatible, b incompatible",
    ),
    (
        "source b: Bid = file(\"b.ndjson\", format: json)\nsource c: Bid = file(\"c.ndjson\", format: json)\nstream s = b |> union(c)",
        "source c: Bid = file(\"b.ndjson\", format: json)\nstream s = c",
        "c incompatible",
    ),
    (
        "source b: Bid = file(\"b.ndjson\", format: json)\nsource c: Bid = file(\"c.ndjson\", format: json)\nstream s = b |> union(c)",
        "source b: Bid = file(\"b.ndjson\", format: json)\nsource c: Bid = file(\"b.ndjson\", format: json)\nstream s = b |> union(c)",
        "c restores*",
    ),
    (
        "source b: Bid = file(\"b.ndjson\", format: json)\nstream s = b |> filter(price > 1)",
        "source b: Bid = file(\"c.ndjson\", format: json)\nstream s = b |> filter(price > 1)",
        "b restores*",
    ),
    ("source b: Bid = file(\"b.ndjson\", format: json)\nstream s = b |> union(bids)", "stream s = bids", ""),
    ("stream s = bids |> limit(10)", "stream t = bids |> limit(10)\nstream s = t", "t restores, s drops"),
    (
        "stream t = bids |> limit(10)\nstream s = t",
        "@was(\"t\") stream u = bids |> limit(10)\nstream s = u",
        "",
    ),
    ("stream s = bids |> limit(10)", "stream s = bids", ""),
    // Stages in another order, where that matters.
    (
        "stream s = bids |> limit(10) |> filter(price > 5) |> keyBy(auction) |> count() as n",
        "stream s = bids |> filter(price > 5) |> limit(10) |> keyBy(auction) |> count() as n",
        "s.count restores*",
    ),
    (
        "stream s = bids |> filter(bidder > 5) |> filter(price > 5) |> limit(10) |> keyBy(auction) |> count() as n",
        "stream s = bids |> filter(price > 5) |> filter(bidder > 5) |> limit(10) |> keyBy(auction) |> count() as n",
        "s.count identical",
    ),
    // Of a source that makes up its rows, a field that only one script reads is no difference.
    (
        "source g = generate { k: random(0, 3), v: random(0, 9) } rate: 10\nstream s = g |> keyBy(k) |> aggregate { n: count(), all: sum(v) }",
        "source g = generate { k: random(0, 3), v: random(0, 9) } rate: 10\nstream s = g |> keyBy(k) |> aggregate { n: count() }",
        "s.aggregate drops",
    ),
    (
        "source g = generate { k: random(0, 3), v: random(0, 9) } rate: 10\nstream s = g |> keyBy(k) |> aggregate { n: count(), all: sum(v) }",
        "source g = generate { k: random(0, 3), v: random(0, 8) } rate: 10\nstream s = g |> keyBy(k) |> aggregate { n: count(), all: sum(v) }",
        "s.aggregate restores*",
    ),
    // Nothing, or nothing that matters.
    (
        "stream s = bids |> keyBy(auction) |> count() as n",
        "stream s = bids |> keyBy(auction) |> count() as n",
        "s.count identical",
    ),
    (
        "stream s = bids |> filter(price > 100) |> keyBy(auction) |> count() as n",
        "const least = 100\nfn dear(p: int) -> bool = p > least\nstream s = bids |> filter(dear(price)) |> keyBy(auction) |> count() as n",
        "s.count identical",
    ),
    (
        "stream s = bids |> map { auction, price } |> keyBy(auction) |> sum(price) as n",
        "stream s = bids |> map { auction, price, twice: price * 2 } |> keyBy(auction) |> sum(price) as n",
        "s.sum identical",
    ),
    // What stays of a state that drops a result would mix all the same.
    (
        "stream s = bids |> keyBy(auction) |> aggregate { n: count(), most: max(price) }",
        "stream s = bids |> filter(price > 100) |> keyBy(auction) |> aggregate { n: count() }",
        "s.aggregate drops*",
    ),
    // Stages behind the state.
    (
        "stream s = bids |> keyBy(auction) |> count() as n",
        "stream s = bids |> keyBy(auction) |> count() as n |> filter(n > 3)",
        "s.count identical",
    ),
    // Stages in front of it.
    (
        "stream s = bids |> keyBy(auction) |> count() as n",
        "stream s = bids |> filter(price > 3) |> keyBy(auction) |> count() as n",
        "s.count restores*",
    ),
    (
        "stream s = bids |> filter(price > 3) |> keyBy(auction) |> count() as n",
        "stream s = bids |> keyBy(auction) |> count() as n",
        "s.count restores*",
    ),
    (
        "stream s = bids |> map { auction, price: price * 2 } |> keyBy(auction) |> sum(price) as n",
        "stream s = bids |> map { auction, price: price * 3 } |> keyBy(auction) |> sum(price) as n",
        "s.sum restores*",
    ),
    // Aggregates.
    (
        "stream s = bids |> keyBy(auction) |> aggregate { n: count() }",
        "stream s = bids |> keyBy(auction) |> aggregate { n: count(), top: max(price) }",
        "s.aggregate restores",
    ),
    (
        "stream s = bids |> keyBy(auction) |> aggregate { n: count(), top: max(price) }",
        "stream s = bids |> keyBy(auction) |> aggregate { n: count() }",
        "s.aggregate drops",
    ),
    (
        "stream s = bids |> keyBy(auction) |> aggregate { n: sum(price) }",
        "stream s = bids |> keyBy(auction) |> aggregate { n: max(price) }",
        "s.aggregate incompatible",
    ),
    (
        "stream s = bids |> keyBy(auction) |> aggregate { n: max(price) }",
        "stream s = bids |> keyBy(auction) |> aggregate { n: max(at) }",
        "s.aggregate incompatible",
    ),
    (
        "stream s = bids |> keyBy(auction) |> aggregate { n: sum(price) }",
        "stream s = bids |> keyBy(auction) |> aggregate { n: sum(float(price)) }",
        "s.aggregate migrates*",
    ),
    (
        "stream s = bids |> keyBy(auction) |> aggregate { n: sum(price) }",
        "stream s = bids |> keyBy(auction) |> aggregate { n: sum(price * 2) }",
        "s.aggregate restores*",
    ),
    (
        "stream s = bids |> keyBy(auction) |> aggregate { n: count(where: price > 1) }",
        "stream s = bids |> keyBy(auction) |> aggregate { n: count(where: price > 2) }",
        "s.aggregate restores*",
    ),
    (
        "stream s = bids |> keyBy(auction) |> aggregate { mean: sum(price) / count() }",
        "stream s = bids |> keyBy(auction) |> aggregate { mean: sum(price) * 10 / count() }",
        "s.aggregate identical",
    ),
    // Keys.
    (
        "stream s = bids |> keyBy(auction) |> count() as n",
        "stream s = bids |> keyBy(bidder) |> count() as n",
        "s.count incompatible",
    ),
    (
        "stream s = bids |> keyBy(auction) |> count() as n",
        "stream s = bids |> keyBy(auction, bidder) |> count() as n",
        "s.count incompatible",
    ),
    (
        "stream s = bids |> keyBy(auction) |> count() as n",
        "stream s = bids |> map { lot: auction } |> keyBy(lot) |> count() as n",
        "s.count migrates",
    ),
    (
        "stream s = bids |> keyBy(auction) |> count() as n",
        "stream s = bids |> keyBy(lot: string(auction)) |> count() as n",
        "s.count incompatible",
    ),
    (
        "stream s = bids |> keyBy(key: price % 2) |> count() as n",
        "stream s = bids |> keyBy(key: price % 3) |> count() as n",
        "s.count incompatible",
    ),
    (
        "fn part(p: int) -> int = p % 2\nstream s = bids |> keyBy(key: part(price)) |> count() as n",
        "fn part(p: int) -> int = p % 3\nstream s = bids |> keyBy(key: part(price)) |> count() as n",
        "s.count incompatible",
    ),
    (
        "stream s = bids |> keyBy(key: price % 2) |> count() as n",
        "const two = 2\nfn part(p: int) -> int = p % two\nstream s = bids |> keyBy(key: part(price)) |> count() as n",
        "s.count identical",
    ),
    (
        "stream s = bids |> keyBy(key: price % 2) |> count() as n",
        "stream s = bids |> map { cost: price } |> keyBy(key: cost % 2) |> count() as n",
        "s.count identical",
    ),
    (
        "stream s = bids |> keyBy(key: price % 2) |> count() as n",
        "stream s = bids |> keyBy(half: price % 2) |> count() as n",
        "s.count migrates",
    ),
    (
        "stream s = bids |> keyBy(lot: auction) |> count() as n",
        "stream s = bids |> keyBy(lot: bidder) |> count() as n",
        "s.count incompatible",
    ),
    (
        "stream s = bids |> map { auction, key: price % 2 } |> keyBy(key) |> count() as n",
        "stream s = bids |> map { auction, key: price % 3 } |> keyBy(key) |> count() as n",
        "s.count restores*",
    ),
    (
        "stream s = bids |> map { auction, p: price * 2 } |> keyBy(key: p % 2) |> count() as n",
        "stream s = bids |> map { auction, p: price * 3 } |> keyBy(key: p % 2) |> count() as n",
        "s.count restores*",
    ),
    (
        "stream s = bids |> keyBy(key: price % 2) |> window(tumbling(1min)) |> count() as n",
        "stream s = bids |> keyBy(key: price % 3) |> window(tumbling(1min)) |> count() as n",
        "s.count incompatible",
    ),
    (
        "stream s = bids |> keyBy(key: price % 2) |> top(3, by: at)",
        "stream s = bids |> keyBy(key: price % 3) |> top(3, by: at)",
        "s.top incompatible",
    ),
    (
        "stream s = bids |> keyBy(key: price % 2) |> latest(by: at)",
        "stream s = bids |> keyBy(key: price % 3) |> latest(by: at)",
        "s.latest incompatible",
    ),
    (
        "stream s = bids |> keyBy(key: price % 2) |> distinct(auction)",
        "stream s = bids |> keyBy(key: price % 3) |> distinct(auction)",
        "s.distinct incompatible",
    ),
    (
        "stream s = bids |> keyBy(key: price % 2) |> scan(state: 0, next: state + 1, emit: { key, state })",
        "stream s = bids |> keyBy(key: price % 3) |> scan(state: 0, next: state + 1, emit: { key, state })",
        "s.scan incompatible",
    ),
    (
        "stream s = bids as b |> join(auctions as a on b.auction % 10 == a.id, within: 10min) |> map { price, seller }",
        "stream s = bids as b |> join(auctions as a on b.auction % 20 == a.id, within: 10min) |> map { price, seller }",
        "s.join incompatible",
    ),
    // Columns that are made of others.
    (
        "stream s = bids |> map { auction, x: price, y: bidder } |> keyBy(auction) |> aggregate { n: sum(x), m: sum(y) }",
        "stream s = bids |> map { auction, x: bidder, y: price } |> keyBy(auction) |> aggregate { n: sum(x), m: sum(y) }",
        "s.aggregate restores*",
    ),
    (
        "stream s = bids |> map { x: auction, y: bidder } |> keyBy(x) |> count() as n",
        "stream s = bids |> map { x: bidder, y: auction } |> keyBy(x) |> count() as n",
        "s.count restores*",
    ),
    (
        "stream s = bids |> map { auction, x: price, y: bidder } |> filter(x > y) |> keyBy(auction) |> count() as n",
        "stream s = bids |> map { auction, x: bidder, y: price } |> filter(x > y) |> keyBy(auction) |> count() as n",
        "s.count restores*",
    ),
    (
        "stream s = bids |> keyBy(auction) |> sum(price) as n",
        "stream s = bids |> map { auction, cost: price } |> keyBy(auction) |> sum(cost) as n",
        "s.sum identical",
    ),
    (
        "stream s = bids |> scan(state: 0, next: state + price, emit: { x: state }) |> sum(x) as n",
        "stream s = bids |> scan(state: 0, next: state + price, emit: { x: state * 2 }) |> sum(x) as n",
        "s.scan identical, s.sum restores*",
    ),
    (
        "stream s = bids |> scan(state: 0, next: state + price, emit: { x: state })",
        "stream s = bids |> scan(state: 5, next: state + price, emit: { x: state })",
        "s.scan restores",
    ),
    // Windows.
    (
        "stream s = bids |> keyBy(auction) |> window(tumbling(10s)) |> count() as n",
        "stream s = bids |> keyBy(auction) |> window(tumbling(20s)) |> count() as n",
        "s.count incompatible",
    ),
    (
        "stream s = bids |> keyBy(auction) |> window(tumbling(10s)) |> count() as n",
        "stream s = bids |> keyBy(auction) |> window(session(gap: 10s)) |> count() as n",
        "s.count incompatible",
    ),
    (
        "stream s = bids |> keyBy(auction) |> window(tumbling(10s)) |> count() as n",
        "stream s = bids |> keyBy(auction) |> window(tumbling(10s), lateness: 1min) |> count() as n",
        "s.count restores",
    ),
    (
        "stream s = bids |> keyBy(auction) |> window(tumbling(10s)) |> count() as n",
        "stream s = bids |> keyBy(auction) |> window(tumbling(10s)) |> trigger(early: 1s) |> count() as n",
        "s.count restores",
    ),
    // Names.
    (
        "stream old = bids |> keyBy(auction) |> count() as n\nstream s = old",
        "stream young = bids |> keyBy(auction) |> count() as n\nstream s = young",
        "young.count restores, old.count drops",
    ),
    (
        "stream old = bids |> keyBy(auction) |> count() as n\nstream s = old",
        "@was(\"old\") stream young = bids |> keyBy(auction) |> count() as n\nstream s = young",
        "young.count was old.count identical",
    ),
    (
        "stream s = bids |> keyBy(auction) |> count() as n",
        "stream s = bids |> keyBy(auction) |> @was(\"s.count\") aggregate { n: count() }",
        "s.aggregate was s.count identical",
    ),
    // Rows that are held.
    (
        "stream s = bids |> map { auction, price } |> keyBy(auction) |> trigger(atEnd) |> latest(by: price)",
        "stream s = bids |> map { auction, price, note } |> keyBy(auction) |> trigger(atEnd) |> latest(by: price)",
        "s.latest migrates",
    ),
    (
        "stream s = bids |> map { auction, price } |> keyBy(auction) |> trigger(atEnd) |> latest(by: price)",
        "stream s = bids |> map { auction, price, bidder } |> keyBy(auction) |> trigger(atEnd) |> latest(by: price)",
        "s.latest incompatible",
    ),
    (
        "stream s = bids |> map { auction, price, bidder } |> keyBy(auction) |> trigger(atEnd) |> latest(by: price)",
        "stream s = bids |> map { auction, price } |> keyBy(auction) |> trigger(atEnd) |> latest(by: price)",
        "s.latest migrates",
    ),
    // Records in them.
    (
        "stream s = bids |> map { auction, r: { price } } |> keyBy(auction) |> trigger(atEnd) |> latest(by: auction)",
        "stream s = bids |> map { auction, r: { price, note } } |> keyBy(auction) |> trigger(atEnd) |> latest(by: auction)",
        "s.latest migrates",
    ),
    (
        "stream s = bids |> map { auction, r: { price, note } } |> keyBy(auction) |> trigger(atEnd) |> latest(by: auction)",
        "stream s = bids |> map { auction, r: { price: price + 1 } } |> keyBy(auction) |> trigger(atEnd) |> latest(by: auction)",
        "s.latest migrates*",
    ),
    (
        "stream s = bids |> map { auction, r: { price } } |> keyBy(auction) |> trigger(atEnd) |> latest(by: auction)",
        "stream s = bids |> map { auction, r: { price, bidder } } |> keyBy(auction) |> trigger(atEnd) |> latest(by: auction)",
        "s.latest incompatible",
    ),
    (
        "stream s = bids |> map { auction, r: [{ price }] } |> keyBy(auction) |> trigger(atEnd) |> latest(by: auction)",
        "stream s = bids |> map { auction, r: [{ price, note }] } |> keyBy(auction) |> trigger(atEnd) |> latest(by: auction)",
        "s.latest migrates*",
    ),
    // Rows that are given as they come are not held.
    (
        "stream s = bids |> map { auction, price } |> keyBy(auction) |> latest(by: price)",
        "stream s = bids |> map { auction, price, bidder } |> keyBy(auction) |> latest(by: price)",
        "s.latest identical",
    ),
    (
        "stream s = bids |> keyBy(auction) |> top(3, by: price)",
        "stream s = bids |> keyBy(auction) |> top(5, by: price)",
        "s.top restores",
    ),
    (
        "stream s = bids |> keyBy(auction) |> top(3, by: price)",
        "stream s = bids |> keyBy(auction) |> top(3, by: bidder)",
        "s.top incompatible",
    ),
    (
        "stream s = bids |> keyBy(auction) |> trigger(atEnd) |> top(3, by: price)",
        "stream s = bids |> keyBy(auction) |> trigger(atEnd) |> top(3, by: bidder)",
        "s.top restores*",
    ),
    (
        "stream s = bids |> keyBy(auction) |> latest(by: price)",
        "stream s = bids |> keyBy(auction) |> trigger(atEnd) |> latest(by: price)",
        "s.latest incompatible",
    ),
    (
        "stream s = bids |> keyBy(auction) |> trigger(atEnd) |> latest(by: price)",
        "stream s = bids |> keyBy(auction) |> latest(by: price)",
        "s.latest restores",
    ),
    (
        "stream s = bids |> keyBy(auction) |> trigger(atEnd) |> top(3, by: price) |> map { price }",
        "stream s = bids |> keyBy(auction) |> trigger(atEnd) |> top(3, by: price) |> map { price, bidder }",
        "s.top incompatible",
    ),
    (
        "stream s = bids |> keyBy(auction) |> top(3, by: price) |> map { price }",
        "stream s = bids |> keyBy(auction) |> top(3, by: price) |> map { price, bidder }",
        "s.top identical",
    ),
    // Joins.
    (
        "stream s = bids as b |> join(auctions as a on b.auction == a.id, within: 10min) |> map { price, seller }",
        "stream s = bids as b |> join(auctions as a on b.auction == a.id, within: 5min) |> map { price, seller }",
        "s.join restores",
    ),
    (
        "stream s = bids as b |> join(auctions as a on b.auction == a.id, within: 10min) |> map { price, seller }",
        "stream s = bids as b |> join(auctions as a on b.auction == a.id, within: 1h) |> map { price, seller }",
        "s.join restores*",
    ),
    (
        "stream s = bids as b |> join(auctions as a on b.auction == a.id, within: 10min) |> map { price, seller }",
        "stream s = bids as b |> join(auctions as a on b.bidder == a.id, within: 10min) |> map { price, seller }",
        "s.join incompatible",
    ),
    (
        "table t: Auction key id = file(\"t.csv\", format: csv)\nstream s = bids |> leftJoin(t on auction == t.id) |> keyBy(auction) |> count() as n",
        "table t: Auction key id = file(\"t.csv\", format: csv)\nstream s = bids |> leftJoin(t on bidder == t.id) |> keyBy(auction) |> count() as n",
        "s.count identical",
    ),
    (
        "table t: Auction key id = file(\"t.csv\", format: csv)\nstream s = bids |> join(t on auction == t.id) |> keyBy(bidder) |> sum(seller) as n",
        "table t: Auction key id = file(\"t.csv\", format: csv)\nstream s = bids |> join(t on bidder == t.id) |> keyBy(bidder) |> sum(seller) as n",
        "s.sum restores*",
    ),
    // Sources.
    (
        "stream s = bids |> keyBy(auction) |> count() as n",
        "stream s = bids |> union(bids) |> keyBy(auction) |> count() as n",
        "s.count restores*",
    ),
    (
        "source a = generate { n: seq(0), v: random(0, 9) } rate: 10\nstream s = a |> sum(n) as n",
        "source a = generate { n: seq(5), v: random(0, 9) } rate: 10\nstream s = a |> sum(n) as n",
        "s.sum restores*",
    ),
    (
        "source a = generate { n: seq(0), v: random(0, 9) } seed: 1\nstream s = a |> sum(n) as n",
        "source a = generate { n: seq(0), v: random(0, 9) } seed: 2\nstream s = a |> sum(n) as n",
        "s.sum restores*",
    ),
    (
        "source a = generate { n: seq(0), v: random(0, 9) } rate: 10\nstream s = a |> sum(n) as n",
        "source a = generate { n: seq(0), v: random(0, 7) } rate: 20, rows: 10\nstream s = a |> sum(n) as n",
        "s.sum identical",
    ),
    // Nexmark's events happen as fast as they come.
    (
        "type B = { auction: int, dateTime: timestamp }\nsource a: B = nexmark(rate: 10, events: 9) |> eventTime(dateTime)\nstream s = a |> count() as n",
        "type B = { auction: int, dateTime: timestamp }\nsource a: B = nexmark(rate: 10, seed: 0) |> eventTime(dateTime)\nstream s = a |> count() as n",
        "s.count identical",
    ),
    (
        "type B = { auction: int, dateTime: timestamp }\nsource a: B = nexmark(rate: 10) |> eventTime(dateTime)\nstream s = a |> count() as n",
        "type B = { auction: int, dateTime: timestamp }\nsource a: B = nexmark(rate: 20) |> eventTime(dateTime)\nstream s = a |> count() as n",
        "s.count restores*",
    ),
    // How bytes become rows.
    (
        "source a: Bid = file(\"a.json\")\nstream s = a |> sum(price) as n",
        "source a: Bid = file(\"a.json\", format: json(timeUnit: ms), compression: auto, follow: false)\nstream s = a |> sum(price) as n",
        "s.sum identical",
    ),
    (
        "source a: Bid = file(\"a\", format: json)\nstream s = a |> sum(price) as n",
        "source a: Bid = file(\"a\", format: json(timeUnit: s))\nstream s = a |> sum(price) as n",
        "s.sum restores*",
    ),
    (
        "source a: Bid = file(\"a\", format: json)\nstream s = a |> sum(price) as n",
        "source a: Bid = file(\"a\", format: csv)\nstream s = a |> sum(price) as n",
        "s.sum restores*",
    ),
    (
        "source a: Bid = file(\"a\", format: csv)\nstream s = a |> sum(price) as n",
        "source a: Bid = file(\"a\", format: csv(delimiter: \";\"))\nstream s = a |> sum(price) as n",
        "s.sum restores*",
    ),
    (
        "source a: Bid = file(\"a\", format: csv)\nstream s = a |> sum(price) as n",
        "source a: Bid = file(\"a\", format: csv(header: false))\nstream s = a |> sum(price) as n",
        "s.sum restores*",
    ),
    // When rows happen.
    (
        "source a: Bid = file(\"a\", format: csv)\nstream s = a |> map { price, at } |> eventTime(at) |> window(tumbling(1min)) |> sum(price) as n",
        "source a: Bid = file(\"a\", format: csv)\nstream s = a |> map { price, at: at + 1h } |> eventTime(at) |> window(tumbling(1min)) |> sum(price) as n",
        "s.sum restores*",
    ),
    (
        "source a: Bid = file(\"a\", format: csv)\nstream s = a |> map { price, at } |> eventTime(at) |> window(tumbling(1min)) |> sum(price) as n",
        "source a: Bid = file(\"a\", format: csv)\nstream s = a |> map { price, time: at } |> eventTime(time) |> window(tumbling(1min)) |> sum(price) as n",
        "s.sum identical",
    ),
];

#[test]
fn every_edit_gets_its_verdict() {
    let mut wrong = Vec::new();
    for (old, new, expected) in CASES {
        let found = summary(old, new);
        if found != *expected {
            wrong.push(format!("{old}\n  → {new}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn an_edit_at_the_end_of_a_long_expression_is_seen() {
    let script = |last: i64| {
        let terms: Vec<String> = (0..100).map(|n| format!("price != {n}")).collect();
        let terms = terms.join(" and ");
        format!("stream s = bids |> filter({terms} and price != {last}) |> keyBy(auction) |> count() as n")
    };
    assert_eq!(summary(&script(100), &script(100)), "s.count identical");
    assert_eq!(summary(&script(100), &script(101)), "s.count restores*");
}

#[test]
fn a_script_against_itself_is_identical() {
    for (old, new, _) in CASES {
        for script in [old, new] {
            assert!(verdicts(script, script).iter().all(|v| v.effect == Effect::Identical), "{script}");
        }
    }
}

#[test]
fn a_state_that_was_probably_renamed_is_told() {
    let found = verdicts(
        "stream old = bids |> keyBy(auction) |> count() as n\nstream s = old",
        "stream young = bids |> keyBy(auction) |> count() as n\nstream s = young",
    );
    assert_eq!(found[0].renamed_from.as_deref(), Some("old.count"));
}

#[test]
fn a_finding_shows_the_old_line_and_the_new_line() {
    let (old, new) = (
        "stream s = bids |> filter(price > 3) |> keyBy(auction) |> count() as n",
        "stream s = bids |> filter(price > 4) |> keyBy(auction) |> count() as n",
    );
    let found = verdicts(old, new);
    let finding = &found[0].findings[0];
    let text = |script: &str, place: Option<flow_plan::Place>| {
        let place = place.unwrap();
        format!("{HEAD}{script}")[place.start as usize..place.end as usize].to_string()
    };
    assert_eq!(text(old, finding.old), "filter(price > 3)");
    assert_eq!(text(new, finding.new), "filter(price > 4)");
}
