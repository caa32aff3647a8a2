//! Planted bugs (`flow_env::planted`): a campaign of kills finds each of them, and finds nothing without one.
//! `docs/reliability.md` says what each is.

use flow_tests::crash::{Plan, campaign};
use std::sync::Mutex;

/// Deaths within which a bug must be found.
const DEATHS: u64 = 40;

/// A bug, the kind of job that shows it, and where this dies.
const BUGS: [(&str, &str, &str); 15] = [
    ("commit-before-publish", "plain", "written"),
    ("skip-recommit", "plain", "published"),
    ("reuse-an-epoch", "plain", "published"),
    ("clean-too-early", "plain", "published"),
    ("clean-too-much", "plain", "retired"),
    ("use-part-names-again", "plain", "retired"),
    ("position-off-by-one", "partitions", "retired"),
    ("forget-a-sink-seal", "plain", "retired"),
    ("save-before-drained", "running", "retired"),
    ("lose-a-change", "running", "retired"),
    ("start-an-aggregate-empty", "running", "retired"),
    ("drop-a-row-on-restore", "running", "retired"),
    ("deal-keys-otherwise", "running", "retired"),
    ("lose-a-timer", "sessions", "retired"),
    ("forget-a-rolled-part", "many packed parts", "retired"),
];

type Bug = (&'static str, &'static str, &'static str);

fn kills(kills: u64, (bug, case, point): Bug, planted: bool) -> Result<(), String> {
    let bug = planted.then_some(bug);
    // Changes are only in a run's second checkpoint: that takes more rows.
    let rows = if case == "running" { 50_000 } else { 14_000 };
    campaign(Plan { kills, seed: 4, rows, bug, case: Some(case), point: Some(point) }).map(drop)
}

/// Does these on two threads; gives what each came to.
fn each<T: Copy + Send, R: Send>(mut work: Vec<T>, act: impl Fn(T) -> R + Sync) -> Vec<(T, R)> {
    work.reverse();
    let (work, done) = (Mutex::new(work), Mutex::new(Vec::new()));
    let next = || work.lock().unwrap().pop();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(one) = next() {
                    let came_to = act(one);
                    done.lock().unwrap().push((one, came_to));
                }
            });
        }
    });
    done.into_inner().unwrap()
}

#[test]
fn every_planted_bug_is_found_by_kills() {
    let found = each(BUGS.to_vec(), |bug| kills(DEATHS, bug, true));
    let missed: Vec<&str> = found.iter().filter(|(_, found)| found.is_ok()).map(|(bug, _)| bug.0).collect();
    assert!(missed.is_empty(), "not found within {DEATHS} deaths: {missed:?}");
}

#[test]
fn the_same_kills_find_nothing_where_no_bug_is_planted() {
    let mut ways = BUGS.to_vec();
    ways.sort_unstable_by_key(|(_, case, point)| (*case, *point));
    ways.dedup_by_key(|(_, case, point)| (*case, *point));
    for (way, result) in each(ways, |way| kills(6, way, false)) {
        assert_eq!(result, Ok(()), "{way:?}");
    }
}
