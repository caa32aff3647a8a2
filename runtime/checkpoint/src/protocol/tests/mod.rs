//! The protocol in a small world, explored exhaustively: every order of events, a death after every step, a second
//! one while the first is mended, and the dead who wake up late.

mod explore;
mod world;

use explore::{Explored, explore};
use world::{Bug, Scope};

/// Without those who wake up late.
const SMALL: Scope =
    Scope { workers: 2, sinks: 2, epochs: 3, rows: 2, deaths: 2, sleepers: 0, failures: 0, bug: None };

fn explored(scope: Scope) -> Explored {
    match explore(scope) {
        Ok(explored) => explored,
        Err(story) => panic!("{}", story.join("\n")),
    }
}

#[test]
fn no_death_loses_or_doubles_a_row() {
    let explored = explored(SMALL);
    assert!(explored.states > 10_000 && explored.ends > 0, "{explored:?}");
}

#[test]
fn a_run_that_wakes_up_late_loses_and_doubles_nothing() {
    explored(Scope { workers: 1, epochs: 2, deaths: 0, sleepers: 1, ..SMALL });
}

#[test]
fn failed_seals_and_manifests_lose_nothing() {
    explored(Scope { workers: 1, epochs: 2, deaths: 1, failures: 1, ..SMALL });
}

#[test]
fn a_job_without_sinks_goes_on() {
    explored(Scope { sinks: 0, ..SMALL });
}

/// Each of these would lose or double rows; the exploration must find it.
#[test]
fn every_planted_bug_is_found() {
    for bug in Bug::ALL {
        let small = Scope { workers: 1, sinks: 1, epochs: 2, deaths: 1, sleepers: 1, ..SMALL };
        // Two shares or a failure, for those that need them: a run that woke up late must be an epoch ahead.
        let scope = match bug {
            Bug::PublishTooEarly => Scope { workers: 2, sleepers: 0, ..small },
            Bug::LoseAbandoned => Scope { failures: 1, sleepers: 0, ..small },
            Bug::ForgetStart | Bug::CountAllManifests => Scope { failures: 1, ..small },
            _ => small,
        };
        assert!(explore(Scope { bug: Some(*bug), ..scope }).is_err(), "{bug:?} is not found");
    }
}
