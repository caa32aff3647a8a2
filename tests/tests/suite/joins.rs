//! Joins, from scripts and files to rows: at one worker and at four, compiled and interpreted.

use flow_tests::flow_binary;
use std::path::Path;

/// What a script prints, sorted; the same however it is run.
fn rows(folder: &Path, script: &str) -> Vec<String> {
    std::fs::write(folder.join("job.flow"), script).unwrap();
    let mut all: Vec<Vec<String>> = Vec::new();
    for args in [&["--parallelism", "1"][..], &["--parallelism", "4"], &["--interpret"]] {
        let output = flow_binary::run(folder, &[&["run", "job.flow"], args].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let out = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<String> = out.lines().map(str::to_string).collect();
        lines.sort();
        all.push(lines);
    }
    assert!(all.iter().all(|rows| *rows == all[0]), "{all:#?}");
    all.swap_remove(0)
}

/// Why a script does not start: what it says, with exit status 2.
fn refusal(folder: &Path, script: &str) -> String {
    std::fs::write(folder.join("job.flow"), script).unwrap();
    let output = flow_binary::run(folder, &["run", "job.flow"]);
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

const ORDERS: &str = r#"
type Order = { id: int, item: string? }
source orders: Order = file("orders.ndjson", format: json)
table items: { name: string, weight: float } key name = file("items.csv", format: csv)
"#;

fn orders() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "orders.ndjson",
        "{\"id\":1,\"item\":\"chair\"}\n{\"id\":2,\"item\":\"a long name of an item\"}\n{\"id\":3,\"item\":null}\n\
         {\"id\":4,\"item\":\"dog\"}\n",
    );
    write("items.csv", "name,weight\nchair,4.5\na long name of an item,20.0\npin,0.5\n");
    folder
}

#[test]
fn a_stream_is_joined_with_a_table() {
    let folder = orders();
    let script = format!(
        "{ORDERS}
        sink a = orders |> join(items on item == items.name) |> map {{ k: \"inner\", id, weight }} -> stdout(format: json)
        sink b = orders |> leftJoin(items on item == items.name and items.weight > 5.0)
          |> map {{ k: \"left\", id, weight }} -> stdout(format: json)
        sink c = orders |> semiJoin(items on item == items.name and id == len(items.name)) -> blackhole()
        sink d = orders |> antiJoin(items on item == items.name) |> map {{ k: \"anti\", id }} -> stdout(format: json)
        "
    );
    assert_eq!(
        rows(folder.path(), &script),
        [
            r#"{"k":"anti","id":3}"#,
            r#"{"k":"anti","id":4}"#,
            r#"{"k":"inner","id":1,"weight":4.5}"#,
            r#"{"k":"inner","id":2,"weight":20.0}"#,
            r#"{"k":"left","id":1,"weight":null}"#,
            r#"{"k":"left","id":2,"weight":20.0}"#,
            r#"{"k":"left","id":3,"weight":null}"#,
            r#"{"k":"left","id":4,"weight":null}"#,
        ]
    );
}

#[test]
fn a_table_with_a_key_twice_names_the_key_and_both_rows() {
    let folder = orders();
    std::fs::write(folder.path().join("items.csv"), "name,weight\nchair,4.5\npin,1.0\nchair,2.0\n").unwrap();
    let script = format!("{ORDERS}sink a = orders |> join(items on item == items.name) -> blackhole()");
    let said = refusal(folder.path(), &script);
    for part in [r#"the key {"name":"chair"}"#, "job.flow:4:", "items.csv:2", "items.csv:4", "chair,2.0"] {
        assert!(said.contains(part), "does not say {part}:\n{said}");
    }
}

#[test]
fn a_table_that_cannot_be_read_says_where() {
    let folder = orders();
    let script = format!("{ORDERS}sink a = orders |> join(items on item == items.name) -> blackhole()");
    std::fs::write(folder.path().join("items.csv"), "name,weight\nchair,heavy\n").unwrap();
    let said = refusal(folder.path(), &script);
    assert!(said.contains("field `weight`: expected a float, found heavy"), "{said}");
    assert!(said.contains("items.csv:2") && said.contains("job.flow:4:"), "{said}");
    std::fs::write(folder.path().join("items.csv"), "name,height\nchair,4.5\n").unwrap();
    let said = refusal(folder.path(), &script);
    assert!(said.contains("weight") && said.contains("items.csv"), "{said}");
}

const CLICKS: &str = r#"
type Order = { id: int, item: string, at: timestamp }
type Payment = { order: int, amount: int, at: timestamp }
source orders: Order = file("orders.ndjson", format: json(timeUnit: s)) |> eventTime(at, delay: 5s)
source payments: Payment = file("payments.ndjson", format: json(timeUnit: s)) |> eventTime(at, delay: 5s)
"#;

fn clicks() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let order = |id: i64, item: &str, at: i64| format!("{{\"id\":{id},\"item\":\"{item}\",\"at\":{at}}}\n");
    let payment =
        |order: i64, amount: i64, at: i64| format!("{{\"order\":{order},\"amount\":{amount},\"at\":{at}}}\n");
    let orders = [order(1, "a name that is not short", 100), order(3, "lamp", 130), order(2, "pin", 120)];
    let payments = [payment(1, 6, 103), payment(1, 5, 102), payment(2, 20, 121), payment(2, 21, 180)];
    write("orders.ndjson", &orders.concat());
    write("payments.ndjson", &payments.concat());
    folder
}

#[test]
fn streams_are_joined_by_time_in_windows_and_for_good() {
    let folder = clicks();
    let script = format!(
        "{CLICKS}
        sink a = orders as o |> join(payments as p on o.id == p.order and p.amount > 5, within: 10s)
          |> map {{ k: \"interval\", item, amount }} -> stdout(format: json)
        sink b = orders as o |> leftJoin(payments as p on o.id == p.order, window: tumbling(10s))
          |> map {{ k: \"window\", id, amount }} -> stdout(format: json)
        sink c = orders as o |> antiJoin(payments as p on o.id == p.order, within: -1s..1min)
          |> map {{ k: \"unpaid\", id }} -> stdout(format: json)
        sink d = orders as o |> semiJoin(payments as p on o.id == p.order, window: session(gap: 30s))
          |> map {{ k: \"session\", id }} -> stdout(format: json)
        sink e = orders as o |> join(payments as p on o.id == p.order, ttl: 1d)
          |> map {{ k: \"regular\", id, amount }} -> stdout(format: json)
        "
    );
    assert_eq!(
        rows(folder.path(), &script),
        [
            r#"{"k":"interval","item":"a name that is not short","amount":6}"#,
            r#"{"k":"interval","item":"pin","amount":20}"#,
            r#"{"k":"regular","id":1,"amount":5}"#,
            r#"{"k":"regular","id":1,"amount":6}"#,
            r#"{"k":"regular","id":2,"amount":20}"#,
            r#"{"k":"regular","id":2,"amount":21}"#,
            r#"{"k":"session","id":1}"#,
            r#"{"k":"session","id":2}"#,
            r#"{"k":"unpaid","id":3}"#,
            r#"{"k":"window","id":1,"amount":5}"#,
            r#"{"k":"window","id":1,"amount":6}"#,
            r#"{"k":"window","id":2,"amount":20}"#,
            r#"{"k":"window","id":3,"amount":null}"#,
        ]
    );
}

#[test]
fn a_row_meets_the_version_of_its_time() {
    let folder = clicks();
    // The payment that is older than the last one changes nothing.
    let script = format!(
        "{CLICKS}
        stream last = payments |> keyBy(order) |> latest(by: at)
        sink a = payments as p |> leftJoin(last asOf as v on p.order == v.order)
          |> map {{ p.order, p.amount, known: v.amount }} -> stdout(format: json)
        "
    );
    assert_eq!(
        rows(folder.path(), &script),
        [
            r#"{"order":1,"amount":5,"known":null}"#,
            r#"{"order":1,"amount":6,"known":6}"#,
            r#"{"order":2,"amount":20,"known":20}"#,
            r#"{"order":2,"amount":21,"known":21}"#,
        ]
    );
}

#[test]
fn interval_and_window_joins_follow_updating_streams() {
    let folder = clicks();
    // The latest payment of an order replaces the one before: 6, then 5, of order 1; 20, then 21, of order 2.
    let script = format!(
        "{CLICKS}
        stream last = payments |> keyBy(order) |> latest(by: amount)
        stream paid = orders as o |> join(last as p on o.id == p.order, within: 1min)
          |> map {{ id, amount }}
        sink a = paid |> trigger(atEnd) |> aggregate {{ rows: count(), total: sum(amount) }}
          |> map {{ k: \"interval\", rows, total }} -> stdout(format: json)
        sink b = orders as o |> leftJoin(last as p on o.id == p.order, window: tumbling(1min, offset: 40s))
          |> map {{ k: \"window\", id, amount }} -> stdout(format: json)
        sink c = orders as o |> semiJoin(last as p on o.id == p.order and p.amount < 7, window: session(gap: 30s))
          |> map {{ k: \"session\", id }} -> stdout(format: json)
        "
    );
    assert_eq!(
        rows(folder.path(), &script),
        [
            r#"{"k":"interval","rows":2,"total":27}"#,
            r#"{"k":"session","id":1}"#,
            r#"{"k":"window","id":1,"amount":6}"#,
            r#"{"k":"window","id":2,"amount":null}"#,
            r#"{"k":"window","id":3,"amount":null}"#,
        ]
    );
}

#[test]
fn rows_that_waited_for_a_partner_are_not_late_in_a_window_below() {
    let folder = clicks();
    std::fs::write(
        folder.path().join("orders.ndjson"),
        (0..200).map(|id| format!("{{\"id\":{id},\"item\":\"x\",\"at\":{id}}}\n")).collect::<String>(),
    )
    .unwrap();
    let script = format!(
        "{CLICKS}
        stream unpaid = orders as o |> antiJoin(payments as p on o.id == p.order, within: 1min)
        sink a = unpaid |> window(tumbling(50s)) |> aggregate {{ rows: count() }}
          |> map {{ k: \"interval\", windowEnd, rows }} -> stdout(format: json)
        stream both = orders as o |> join(orders as p on o.item == p.item and o.id == p.id, window: tumbling(50s))
          |> map {{ id: o.id }}
        sink b = both |> window(tumbling(10s)) |> aggregate {{ rows: count() }} |> map {{ rows }}
          |> window(tumbling(100s)) |> aggregate {{ windows: count(), rows: sum(rows) }}
          |> map {{ k: \"window\", windowEnd, windows, rows }} -> stdout(format: json)
        "
    );
    let window = |k: &str, end: &str, rest: &str| {
        format!("{{\"k\":\"{k}\",\"windowEnd\":\"1970-01-01T00:{end}Z\",{rest}}}")
    };
    assert_eq!(
        rows(folder.path(), &script),
        [
            window("interval", "00:50", "\"rows\":50"),
            window("interval", "01:40", "\"rows\":50"),
            window("interval", "02:30", "\"rows\":50"),
            window("interval", "03:20", "\"rows\":50"),
            window("window", "01:40", "\"windows\":10,\"rows\":100"),
            window("window", "03:20", "\"windows\":10,\"rows\":100"),
        ]
    );
}

/// 2,000 auctions in 2,000 s, and 100,000 bids on them.
fn bids(folder: &Path) {
    let at = |second: i64| format!("2026-01-01T00:{:02}:{:02}Z", second / 60, second % 60);
    let auction = |n: i64| format!("{{\"id\":{n},\"at\":\"{}\"}}\n", at(n));
    let bid = |n: i64| {
        let of = n / 50 - n % 7;
        format!(
            "{{\"auction\":{of},\"words\":\"words of the bid {n}, of which there are many\",\"at\":\"{}\"}}\n",
            at(n / 50)
        )
    };
    std::fs::write(folder.join("auctions.ndjson"), (0..2_000).map(auction).collect::<String>()).unwrap();
    std::fs::write(folder.join("bids.ndjson"), (0..100_000).map(bid).collect::<String>()).unwrap();
}

const BIDS: &str = r#"
source auctions: { id: int, at: timestamp } = file("auctions.ndjson", format: json) |> eventTime(at, delay: 0s)
source bids: { auction: int, words: string, at: timestamp } = file("bids.ndjson", format: json) |> eventTime(at, delay: 0s)
"#;

#[test]
fn what_a_join_keeps_for_long_is_read_ahead_so_that_nothing_of_the_other_side_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    bids(folder.path());
    // All auctions take 1 MB, the bids of five minutes 2 MB.
    let script = |join: &str| {
        format!(
            "job small {{ state: {{ limit: 1600KiB }}, checkpoint: off }}{BIDS}
            sink out = {join} |> trigger(atEnd) |> aggregate {{ n: count() }} -> stdout(format: json)"
        )
    };
    let all = (0..100_000).filter(|n| n / 50 >= n % 7).count();
    let all = format!("{{\"n\":{all}}}");
    let left = script("bids as b |> join(auctions as a on b.auction == a.id, within: -30min..5min)");
    assert_eq!(rows(folder.path(), &left), *std::slice::from_ref(&all));
    let plan = flow_binary::run(folder.path(), &["plan", "job.flow"]);
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert!(
        plan.contains("file(\"auctions.ndjson\", format: json), read 7min12s ahead of other sources"),
        "{plan}"
    );
    let right = script("auctions as a |> join(bids as b on b.auction == a.id, within: -5min..30min)");
    assert_eq!(rows(folder.path(), &right), [all]);
}

/// A row that an anti join gives is as old as its partners would have had time to come: the time of that side is behind the
/// other one's, and so must rows wait that it meets. (Found by a review: 167,934 of 189,727 pairs.)
#[test]
fn rows_that_waited_for_a_partner_meet_all_they_would_have_met_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |second: i64| {
        format!(
            "2026-01-{:02}T{:02}:{:02}:{:02}Z",
            1 + second / 86_400,
            second / 3_600 % 24,
            second / 60 % 60,
            second % 60
        )
    };
    let rows = |before: i64| -> String {
        let row =
            |n: i64| format!("{{\"n\":{n},\"k\":{},\"at\":\"{}\"}}\n", n % 3, at(300 + 10 * n - before));
        (0..4_000).map(row).collect()
    };
    std::fs::write(folder.path().join("l.ndjson"), rows(0)).unwrap();
    std::fs::write(folder.path().join("z.ndjson"), rows(300)).unwrap();
    std::fs::write(folder.path().join("r.ndjson"), "").unwrap();
    let count = |waits: &str| {
        let source = |name: &str| {
            format!(
                "source {name}: {{ n: int, k: int, at: timestamp }} = file(\"{name}.ndjson\", format: json) |> eventTime(at, delay: 0s)\n"
            )
        };
        let sources: String = ["l", "r", "z"].into_iter().map(source).collect();
        let script = format!(
            "job j {{ checkpoint: off }}\n{sources}stream j = {waits}
            sink o = j as g |> join(z as h on g.k == h.k, within: -10min..-1min) |> map {{ g.n, of: h.n }}
              |> trigger(atEnd) |> aggregate {{ pairs: count(), sum: sum(n * 7 + of) }} -> stdout(format: json)"
        );
        self::rows(folder.path(), &script)
    };
    let at_once = count("l |> filter(n >= 0)");
    assert!(at_once[0].contains("pairs"), "{at_once:?}");
    assert_eq!(count("l as x |> antiJoin(r as y on x.k == y.k, within: -2min..1min)"), at_once);
    assert_eq!(count("l as x |> antiJoin(r as y on x.k == y.k, within: -2min..2h)"), at_once);
}
