//! Joins of what nobody expects: times at the ends of the calendar, one key with all rows, no match at all,
//! a million matches. Answers stay right and state small.

use flow_tests::flow_binary;
use std::fmt::Write;
use std::path::Path;

/// A job over `l.ndjson` and `r.ndjson` (`id`, `k`, `at`) whose state may not take more than this.
fn job(limit: &str, stages: &str) -> String {
    job_of("1s", limit, stages)
}

/// The same of rows that may come so late.
fn job_of(delay: &str, limit: &str, stages: &str) -> String {
    format!(
        "job limited {{ state: {{ limit: {limit} }} }}
        type Row = {{ id: int, k: int, at: timestamp }}
        source l: Row = file(\"l.ndjson\", format: json(timeUnit: ms)) |> eventTime(at, delay: {delay})
        source r: Row = file(\"r.ndjson\", format: json(timeUnit: ms)) |> eventTime(at, delay: {delay})
        {stages}
        "
    )
}

/// Sinks of joins of these kinds, which print how many rows the first, second… gives.
fn counted(kinds: &[&str]) -> String {
    let mut text = "stream last = r |> keyBy(k) |> latest(by: at)\n".to_string();
    for (at, kind) in kinds.iter().enumerate() {
        let (word, rest) = kind.split_once(' ').unwrap_or((kind, ""));
        let (side, bound) = match rest {
            "asOf" => ("last asOf as v on l.k == v.k", String::new()),
            "" => ("r on l.k == r.k", String::new()),
            bound => ("r on l.k == r.k", format!(", {bound}")),
        };
        writeln!(
            text,
            "sink s{at} = l |> {word}({side}{bound}) |> map {{ one: 1 }} |> trigger(atEnd) |> aggregate {{ n: count() }}\
             |> map {{ of: {at}, n }} -> stdout(format: csv(header: false))"
        )
        .unwrap();
    }
    text
}

/// Runs it at one worker and at three: its rows, sorted, or what it says if it fails.
fn run(folder: &Path, script: &str) -> Result<Vec<String>, String> {
    std::fs::write(folder.join("job.flow"), script).unwrap();
    let run = |workers: &str| {
        let output = flow_binary::run(folder, &["run", "job.flow", "--parallelism", workers]);
        let mut rows: Vec<String> =
            String::from_utf8(output.stdout).unwrap().lines().map(str::to_string).collect();
        rows.sort();
        if output.status.success() { Ok(rows) } else { Err(String::from_utf8(output.stderr).unwrap()) }
    };
    let [one, three] = ["1", "3"].map(run);
    assert_eq!(one.is_ok(), three.is_ok(), "{one:?} {three:?}");
    if one.is_ok() {
        assert_eq!(one, three);
    }
    one
}

fn write(folder: &Path, side: &str, rows: impl Iterator<Item = (i64, i64, i64)>) {
    let mut text = String::new();
    for (id, k, at) in rows {
        writeln!(text, "{{\"id\":{id},\"k\":{k},\"at\":{at}}}").unwrap();
    }
    std::fs::write(folder.join(format!("{side}.ndjson")), text).unwrap();
}

#[test]
fn times_at_the_ends_of_the_calendar_are_times_as_others() {
    let folder = tempfile::tempdir().unwrap();
    // Year 1, before 1970, 1970, now, and the end of the year 9999.
    let times = [-62_135_596_800_000, -1, 0, 1_767_225_600_000, 253_402_300_799_000];
    let rows = || times.into_iter().enumerate().map(|(id, at)| (id as i64, 7, at));
    write(folder.path(), "l", rows());
    write(folder.path(), "r", rows());
    let script = job(
        "64MiB",
        "sink a = l |> join(r on l.k == r.k, within: 1h) |> map { k: \"interval\", id: l.id } -> stdout(format: json)
        sink b = l |> join(r on l.k == r.k, window: tumbling(1d)) |> map { k: \"window\", id: l.id } -> stdout(format: json)
        sink c = l |> join(r on l.k == r.k, window: session(gap: 1h)) |> map { k: \"session\", id: l.id } -> stdout(format: json)
        sink d = l |> join(r on l.k == r.k, ttl: 1d) |> map { k: \"ttl\", id: l.id } -> stdout(format: json)
        stream last = r |> keyBy(k) |> latest(by: at)
        sink e = l |> join(last asOf as v on l.k == v.k) |> map { k: \"asOf\", id: v.id } -> stdout(format: json)",
    );
    // -1 and 0 are in one hour and in one session, but not in one window. Without a bound, each row is used by
    // the next one in time.
    let expected = |k: &str| -> Vec<String> {
        let ids: &[i64] = match k {
            "window" | "asOf" => &[0, 1, 2, 3, 4],
            "ttl" => &[0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4],
            _ => &[0, 1, 1, 2, 2, 3, 4],
        };
        ids.iter().map(|id| format!("{{\"k\":\"{k}\",\"id\":{id}}}")).collect()
    };
    let expected: Vec<String> =
        ["asOf", "interval", "session", "ttl", "window"].into_iter().flat_map(expected).collect();
    assert_eq!(run(folder.path(), &script).unwrap(), expected);
}

/// One of each.
const KINDS: [&str; 6] = [
    "join within: 1h",
    "join window: tumbling(1d)",
    "join window: sliding(2d, every: 1d)",
    "join window: session(gap: 1h)",
    "join asOf",
    "join ttl: 1d",
];

#[test]
fn without_rows_on_one_side_or_on_both_joins_end_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let lonely = ["leftJoin within: 1h", "antiJoin window: tumbling(1d)", "leftJoin asOf", "antiJoin"];
    let all: Vec<&str> = KINDS.into_iter().chain(lonely).collect();
    let script = job("8MiB", &counted(&all));
    let rows = |n: i64| (0..n).map(|id| (id, id % 7, id * 10));
    for (left, right) in [(0, 0), (0, 1_000), (1_000, 0)] {
        write(folder.path(), "l", rows(left));
        write(folder.path(), "r", rows(right));
        let expected: Vec<String> = match left {
            0 => Vec::new(),
            _ => (KINDS.len()..KINDS.len() + lonely.len()).map(|kind| format!("{kind},{left}")).collect(),
        };
        assert_eq!(run(folder.path(), &script).unwrap(), expected, "{left} left rows, {right} right ones");
    }
}

#[test]
fn rows_that_are_all_late_but_the_first_meet_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let rows = || std::iter::once((0, 7, 1_767_225_600_000)).chain((1..20_000).map(|id| (id, 7, id)));
    write(folder.path(), "l", rows());
    write(folder.path(), "r", rows());
    // The first two are in two windows that slide.
    let script = job("8MiB", &counted(&KINDS[..4]));
    assert_eq!(run(folder.path(), &script).unwrap(), ["0,1", "1,1", "2,2", "3,1"]);
}

#[test]
fn a_watermark_that_never_moves_changes_no_pair() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "l", (0..2_000).map(|id| (id, id % 100, id * 60_000)));
    write(folder.path(), "r", (0..2_000).map(|id| (id, id % 100, id * 60_000 + 1)));
    let script = |delay: &str| job_of(delay, "8MiB", &counted(&KINDS[..5]));
    let moving = run(folder.path(), &script("1s")).unwrap();
    assert_eq!(moving.len(), 5, "{moving:?}");
    assert_eq!(run(folder.path(), &script("36500d")).unwrap(), moving);
}

#[test]
fn rows_that_nobody_meets_are_freed_as_time_goes_on() {
    // Both files are read in turns, a chunk of some thousand rows each, and each of three workers may stand where it keeps
    // most: 8 MiB, of ten times as many rows as well. All rows would be 70 MiB.
    let limit = "12MiB";
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "l", (0..150_000).map(|id| (id, id, id * 10)));
    write(folder.path(), "r", (0..150_000).map(|id| (id, -1 - id, id * 10)));
    for bound in [
        "within: 5s",
        "window: tumbling(5s)",
        "window: sliding(4s, every: 2s)",
        "window: session(gap: 2s)",
        "ttl: 5s",
    ] {
        let stages =
            format!("sink a = l |> join(r on l.k == r.k, {bound}) |> map {{ l.id }} -> stdout(format: json)");
        assert_eq!(run(folder.path(), &job(limit, &stages)).unwrap(), [""; 0], "{bound}");
    }
    // Without a bound all rows stay: the limit stops the job, and says where.
    let said =
        run(folder.path(), &job(limit, "sink a = l |> join(r on l.k == r.k) |> map { l.id } -> blackhole()"))
            .unwrap_err();
    assert!(said.contains("limit") && said.contains("a.join"), "{said}");
}

#[test]
fn one_key_may_have_all_rows() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "l", (0..8_000).map(|id| (id, 7, id * 100)));
    write(folder.path(), "r", (0..8_000).map(|id| (id, 7, id * 100)));
    let script = job(
        "8MiB",
        "sink a = l |> join(r on l.k == r.k and l.id == r.id, within: 1s) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"interval\", n } -> stdout(format: json)
        sink b = l |> join(r on l.k == r.k, window: tumbling(200ms)) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"window\", n } -> stdout(format: json)
        stream last = r |> keyBy(k) |> latest(by: at)
        sink c = l |> join(last asOf as v on l.k == v.k) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"asOf\", n } -> stdout(format: json)",
    );
    assert_eq!(
        run(folder.path(), &script).unwrap(),
        [r#"{"k":"asOf","n":8000}"#, r#"{"k":"interval","n":8000}"#, r#"{"k":"window","n":16000}"#]
    );
}

#[test]
fn a_million_matches_of_one_key_need_no_room_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "l", (0..10_000).map(|id| (id, 7, id / 100)));
    write(folder.path(), "r", (0..100).map(|id| (id, 7, id)));
    let script = job(
        "16MiB",
        "sink a = l |> join(r on l.k == r.k, within: 1h) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"interval\", n } -> stdout(format: json)
        sink b = l |> join(r on l.k == r.k) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"regular\", n } -> stdout(format: json)
        sink c = l |> join(r on l.k == r.k, window: tumbling(1h)) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"window\", n } -> stdout(format: json)",
    );
    assert_eq!(
        run(folder.path(), &script).unwrap(),
        [
            r#"{"k":"interval","n":1000000}"#,
            r#"{"k":"regular","n":1000000}"#,
            r#"{"k":"window","n":1000000}"#
        ]
    );
}

/// Runs it with two workers: the most memory it had at a time, in MiB.
#[cfg(target_os = "linux")]
fn peak(folder: &Path, script: &str) -> u64 {
    std::fs::write(folder.join("job.flow"), script).unwrap();
    let mut job = std::process::Command::new(flow_binary::path())
        .args(["run", "job.flow", "--parallelism", "2"])
        .current_dir(folder)
        .stdout(std::fs::File::create(folder.join("rows")).unwrap())
        .stderr(std::fs::File::create(folder.join("said")).unwrap())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", job.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) >> 10);
        if let Some(status) = job.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    assert!(status.success(), "{}", std::fs::read_to_string(folder.join("said")).unwrap());
    peak
}

/// Each of these makes four million rows of one chunk, and sends them to another worker: 280 to 380 MB of rows, when queues were
/// only taken from behind the chunk.
#[cfg(target_os = "linux")]
#[test]
fn four_million_rows_that_become_of_one_chunk_do_not_wait_in_queues_together() {
    let folder = tempfile::tempdir().unwrap();
    let rows = || (0..2_000).map(|id| (id, 7, 1_767_225_600_000 + id));
    write(folder.path(), "l", rows());
    write(folder.path(), "r", rows());
    for stages in [
        "sink o = l |> join(r on l.k == r.k, within: 1h) |> map { a: l.id, b: r.id } -> stdout",
        "sink o = l |> join(r on l.k == r.k, ttl: 1h) |> map { a: l.id, b: r.id } |> trigger(atEnd) |> count() -> stdout",
        "sink o = l |> flatMap(x in range(0, 2000)) |> keyBy(x) |> trigger(atEnd) |> count() -> stdout",
        // They become so many behind an exchange.
        "sink o = l |> keyBy(id) |> scan(state: { n: 0 }, next: { n: state.n + 1 }, emit: { seen: state.n }) |> flatMap(x in range(0, 2000)) |> keyBy(x) |> trigger(atEnd) |> count() -> stdout",
        // Through a second exchange, behind which the rows of both workers are merged.
        "sink o = l |> flatMap(x in range(0, 2000)) |> keyBy(x) |> scan(state: { n: 0 }, next: { n: state.n + 1 }, emit: { seen: state.n }) |> keyBy(rest: seen % 7) |> trigger(atEnd) |> count() -> stdout",
    ] {
        let peak = peak(folder.path(), &job("64MiB", stages));
        assert!(peak < 150, "{peak} MiB: {stages}");
    }
}
