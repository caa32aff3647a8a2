//! Whole jobs on a simulated machine: `cargo xtask simulate` does as many as are asked for.

use flow_tests::simulate::{Plan, campaign, live};
use std::process::Command;
use std::sync::Mutex;

#[test]
fn a_thousand_simulated_jobs_lose_no_row_and_double_none() {
    let plan = Plan { runs: 1000, seed: 20_261_126, threads: flow_env::cores() };
    match campaign(plan) {
        Ok(tally) => {
            let all = tally.all;
            assert!(all.recovered > 300 && all.power > 200 && all.late > 20 && all.on_disk > 200, "{all:?}");
            assert!(all.waited > 40, "{all:?}");
        }
        Err(why) => panic!("{why}"),
    }
}

/// Seeds at which campaigns found something once (docs/reliability.md).
const FOUND: [u64; 9] = [
    8_480,
    300_008_771,
    400_003_676,
    500_001_602,
    500_001_642,
    700_008_086,
    700_017_753,
    930_001_450,
    3_010_000_013,
];

#[test]
fn what_campaigns_once_found_goes_well() {
    for seed in FOUND {
        if let Err(why) = live(seed) {
            panic!("seed {seed}: {why}");
        }
    }
}

#[test]
fn a_seed_is_one_life_of_a_job_step_for_step() {
    for seed in 0..60 {
        assert_eq!(live(seed), live(seed), "seed {seed}");
    }
}

/// Planted bugs (`flow_env::planted`) that show in simulated jobs; `docs/reliability.md` says what each is.
const BUGS: [&str; 15] = [
    "commit-before-publish",
    "skip-recommit",
    "clean-too-early",
    "clean-too-much",
    "use-part-names-again",
    "position-off-by-one",
    "forget-a-sink-seal",
    "save-before-drained",
    "start-an-aggregate-empty",
    "drop-a-row-on-restore",
    "deal-keys-otherwise",
    "lose-a-timer",
    "follow-another-job",
    "skip-folder-sync",
    "skip-part-sync",
];

#[test]
fn planted_bugs_are_found_within_some_hundred_simulated_jobs() {
    let (work, missed) = (Mutex::new(BUGS.to_vec()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..flow_env::cores() {
            scope.spawn(|| {
                while let Some(bug) = { work.lock().unwrap().pop() } {
                    let mut command = Command::new(env!("CARGO_BIN_EXE_simulate"));
                    command
                        .args(["--runs", "1000", "--seed", "20000", "--threads", "1"])
                        .env("FLOW_BUG", bug);
                    let output = command.output().unwrap();
                    // A campaign that found nothing ends well, one that cannot begin with status 2.
                    if output.status.code() != Some(1) {
                        missed.lock().unwrap().push(bug);
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "not found: {missed:?}");
}
