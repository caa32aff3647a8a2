//! Kills of the real binary: `cargo xtask crash` does as many as are asked for.

use flow_tests::crash::{Plan, campaign};

#[test]
fn a_job_that_is_killed_fifty_times_shows_every_row_once() {
    let plan = Plan { kills: 50, seed: 20_261_126, rows: 15_000, bug: None, case: None, point: None };
    match campaign(plan) {
        Ok(tally) => assert!(tally.recovered > 0 && tally.kills + tally.points >= 50, "{tally:?}"),
        Err(why) => panic!("{why}"),
    }
}
