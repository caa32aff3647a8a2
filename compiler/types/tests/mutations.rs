//! Scripts with pieces missing, doubled or swapped: the checker always answers, and what it says
//! points into the script.
#![allow(clippy::disallowed_methods, reason = "a test reads the examples from disk")]

mod support;

/// A small generator of numbers; the seed is printed with every failure.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

const RIGHT: &str = r#"type Bid = { auction: int, bidder: int, price: int, channel: string, at: timestamp, note: string?, tags: list<string>, data: json }
job words { parallelism: 2, checkpoint: 10s, state: { path: "x", backend: sled, limit: 4GiB } }
param least: int = 10
const vip = ["alice", "bob"]
fn usd(cents: int) -> float { let x = float(cents) x / 100.0 }
source bids: Bid = file("bids.ndjson", format: json) |> eventTime(at, delay: 5s)
table countries: { code: string, name: string } key code = file("countries.csv", format: csv(header: true))
source made = generate { id: seq(), v: random(0, 100), c: oneOf(["a", "b"]) } rate: 10
stream busy = bids as b |> filter(note != null and price > least) |> keyBy(auction, hour: hour(at)) |> window(sliding(10s, every: 2s), lateness: 1min) |> trigger(early: 1s) |> aggregate { n: count(where: price > 3), mean: sum(price) / count(), best: argMax(channel, by: price) }
stream joined = bids as a |> join(bids as o on a.auction == o.auction and a.price < o.price, within: -5min..1h) |> leftJoin(countries as c on a.channel == c.code) |> map { x: a.price, y: c.name ?? "?", z: usd(o.price) }
stream folded = made |> scan(state: { n: 0 }, next: { n: state.n + v }, emit: { n: state.n, .. }) |> map { .., k: match c { "a" => 1, "b" or "x" => 2, _ => 0 } }
sink one = busy |> window(same) |> top(3, by: [n desc, best asc]) as place -> file("out", format: json, partitionBy: [hour])
sink two = joined |> distinct(x, within: 1h) |> flatMap(w in split(y, " ")) |> rename(x: old) |> drop(z) -> stdout(format: csv)
sink three = busy.late |> map { auction, t: mapEach(tags, t => upper(t)), d: int(data.a.b[0]) ?? 0 } -> blackhole()
test "counts" { given bids [ { auction: 1, bidder: 2, price: 3, channel: "a", at: @2026-01-01, note: null, tags: [], data: 1 } ] advance 1min expect busy [ { n: 1, .. } ] }
"#;

/// Words and signs of a script with the blanks between them.
fn pieces(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for c in text.chars() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        match out.last_mut() {
            Some(last) if word(c) && last.chars().all(word) => last.push(c),
            _ => out.push(c.to_string()),
        }
    }
    out
}

fn mutate(pieces: &[String], random: &mut Random) -> String {
    let mut pieces = pieces.to_vec();
    for _ in 0..1 + random.below(4) {
        let (a, b) = (random.below(pieces.len()), random.below(pieces.len()));
        match random.below(4) {
            0 => drop(pieces.remove(a)),
            1 => pieces.insert(a, pieces[b].clone()),
            2 => pieces.swap(a, b),
            _ => pieces[a] = pieces[b].clone(),
        }
    }
    pieces.concat()
}

#[test]
fn broken_scripts_are_always_answered_and_labels_point_into_the_text() {
    let seed = 0x5eed_2026_u64;
    let mut random = Random(seed);
    let right = pieces(RIGHT);
    for round in 0..300 {
        let text = mutate(&right, &mut random);
        let outcome = std::panic::catch_unwind(|| support::check_text(&text));
        let Ok(outcome) = outcome else { panic!("seed {seed:x}, round {round}:\n{text}") };
        for diag in &outcome.diags {
            let spans = diag.labels.iter().map(|l| l.span).chain([diag.primary.span]);
            let edits = diag.fixes.iter().flat_map(|f| f.edits.iter().map(|e| e.span));
            for span in spans.chain(edits) {
                assert!(text.get(span.range()).is_some(), "seed {seed:x}, round {round}: {diag:?}\n{text}");
            }
        }
        if outcome.diags.iter().all(|d| !d.is_error()) {
            let plan = flow_types::plan(&outcome.checked, &outcome.sources);
            assert_eq!(
                flow_plan::validate::validate_plan(&plan),
                Ok(()),
                "seed {seed:x}, round {round}:\n{text}"
            );
        }
    }
}
