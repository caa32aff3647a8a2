//! What people want to know of checkpoints, on lines of its own. What goes wrong again and again is told when it begins,
//! at every power of two, and when it is over: a disk that is full for a night is no log of a thousand lines.

use crate::numbers::{count, time};
use flow_engine::{SpaceFor, Told};
use std::collections::BTreeMap;
use std::time::Duration;

/// Remembers what went wrong, and how often one after the other.
#[derive(Default)]
pub(super) struct Teller {
    abandoned: u64,
    waiting: u64,
    left: u64,
    not_named: u64,
    not_folded: u64,
    /// For what there was no space: how often, and whether that was said when it was so last.
    full: BTreeMap<SpaceFor, (u64, bool)>,
    /// The savepoint that the run was told to begin with, until it has.
    savepoint: Option<String>,
}

impl Teller {
    /// Of a run that may have been told to begin with a savepoint.
    pub(super) fn of_a_run(savepoint: Option<String>) -> Teller {
        Teller { savepoint, ..Teller::default() }
    }

    /// What is to be said, if anything is; `now`: microseconds since 1970-01-01 UTC.
    pub(super) fn said(&mut self, told: &Told, now: i64) -> Option<String> {
        Some(match told {
            Told::Recovered { epoch, at, .. } => {
                let ago = Duration::from_micros(now.saturating_sub(*at).max(0) as u64);
                let from = match self.savepoint.take() {
                    Some(savepoint) => format!("savepoint {savepoint}"),
                    None => format!("checkpoint {}", count(*epoch)),
                };
                format!("going on from {from}, made {} ago\n", time(ago))
            }
            Told::Damaged { why } => format!("a newer checkpoint cannot be used: {why}\n"),
            Told::Abandoned { epoch, why } => {
                let again = again(&mut self.abandoned)?;
                format!(
                    "checkpoint {} could not be written{again}, the one before stays: {why}\n",
                    count(*epoch)
                )
            }
            Told::Waiting { epoch, why } => {
                let again = again(&mut self.waiting)?;
                format!(
                    "checkpoint {} is complete, but a sink cannot show it yet{again}: {why}\n",
                    count(*epoch)
                )
            }
            Told::NotNamed { why } => {
                let again = again(&mut self.not_named)?;
                format!(
                    "that the newest checkpoint is complete could not be written down{again}; it counts all the same, and older ones stay \
                     until that can be: {why}\n"
                )
            }
            Told::NotFolded { why } => {
                let again = again(&mut self.not_folded)?;
                format!(
                    "changes of the state could not be folded into a new base{again}; checkpoints go on, and take up more room until they \
                     can be: {why}\n"
                )
            }
            Told::Left { why } => {
                let again = again(&mut self.left)?;
                format!("old files could not be removed{again}: {why}\n")
            }
            Told::EndNotWritten { why } => format!(
                "how this run ended could not be written down, so that `flow jobs` takes it for one that died; the next run goes on from \
                 its last checkpoint: {why}\n"
            ),
            Told::FinishedBefore => {
                "the job had finished; what its sinks did not show yet is shown now\n".into()
            }
            Told::Full { what, why } => {
                let (times, was_said) = self.full.entry(what.clone()).or_default();
                let again = again(times);
                *was_said = again.is_some();
                let again = again?;
                match what {
                    SpaceFor::State => {
                        format!(
                            "state could not be written to disk{again}, the job waits until it can be: {why}\n"
                        )
                    }
                    SpaceFor::Sink(name) => {
                        format!(
                            "the sink `{name}` has no space for its rows{again}, the job waits until it has: {why}\n"
                        )
                    }
                }
            }
            Told::Fits { what } if !self.full.get(what).is_some_and(|(_, was_said)| *was_said) => {
                return None;
            }
            Told::Fits { what: SpaceFor::State } => {
                "state is written to disk again, the job goes on\n".into()
            }
            Told::Fits { what: SpaceFor::Sink(name) } => {
                format!("the sink `{name}` writes again, the job goes on\n")
            }
            Told::Complete { epoch, .. } => return self.over(*epoch),
        })
    }

    /// A checkpoint is complete: what went wrong before is over.
    fn over(&mut self, epoch: u64) -> Option<String> {
        self.full.values_mut().for_each(|(times, _)| *times = 0);
        let (abandoned, waiting) = (std::mem::take(&mut self.abandoned), std::mem::take(&mut self.waiting));
        let what = match (abandoned, waiting) {
            (0, 0) => return None,
            (0, tries) => format!("sinks show it after {} that failed", attempts(tries)),
            (1, _) => "it is written, behind one that could not be".to_string(),
            (n, _) => format!("it is written, behind {} that could not be", count(n)),
        };
        Some(format!("checkpoint {} is complete: {what}\n", count(epoch)))
    }
}

fn attempts(n: u64) -> String {
    if n == 1 { "one attempt".into() } else { format!("{} attempts", count(n)) }
}

/// Counts; gives what to add when it is to be told, the first time nothing.
fn again(so_far: &mut u64) -> Option<String> {
    *so_far += 1;
    match *so_far {
        1 => Some(String::new()),
        n if n.is_power_of_two() => Some(format!(" ({} times in a row now)", count(n))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abandoned(epoch: u64) -> Told {
        Told::Abandoned { epoch, why: "no space".into() }
    }

    fn complete(epoch: u64) -> Told {
        Told::Complete { epoch, bytes: 1, took: Duration::ZERO, stopped: Duration::ZERO }
    }

    #[test]
    fn failures_one_after_the_other_are_told_at_powers_of_two_and_when_they_are_over() {
        let mut teller = Teller::default();
        let mut said: Vec<String> = (1..=20).filter_map(|epoch| teller.said(&abandoned(epoch), 0)).collect();
        said.extend(teller.said(&complete(21), 0));
        said.extend(teller.said(&complete(22), 0));
        assert_eq!(
            said,
            [
                "checkpoint 1 could not be written, the one before stays: no space\n",
                "checkpoint 2 could not be written (2 times in a row now), the one before stays: no space\n",
                "checkpoint 4 could not be written (4 times in a row now), the one before stays: no space\n",
                "checkpoint 8 could not be written (8 times in a row now), the one before stays: no space\n",
                "checkpoint 16 could not be written (16 times in a row now), the one before stays: no space\n",
                "checkpoint 21 is complete: it is written, behind 20 that could not be\n",
            ]
        );
    }

    #[test]
    fn a_disk_that_is_full_of_state_is_told_when_it_begins_and_when_it_is_over() {
        let mut teller = Teller::default();
        let state = SpaceFor::State;
        let full = Told::Full { what: state.clone(), why: "/spilled: no space".into() };
        let fits = Told::Fits { what: state };
        let mut said = Vec::new();
        for told in [&full, &fits, &full, &fits, &full, &fits, &complete(1), &full, &complete(2), &fits] {
            said.extend(teller.said(told, 0));
        }
        let waits = |again: &str| {
            format!(
                "state could not be written to disk{again}, the job waits until it can be: /spilled: no space\n"
            )
        };
        let goes_on = "state is written to disk again, the job goes on\n".to_string();
        let twice = waits(" (2 times in a row now)");
        assert_eq!(said, [waits(""), goes_on.clone(), twice, goes_on.clone(), waits(""), goes_on]);
    }

    #[test]
    fn what_went_wrong_behind_a_checkpoint_is_told_as_what_it_is() {
        let why = || "no space".to_string();
        let all = [Told::NotNamed { why: why() }, Told::NotFolded { why: why() }, Told::Left { why: why() }];
        let mut teller = Teller::default();
        let said: Vec<String> = all.iter().filter_map(|told| teller.said(told, 0)).collect();
        let parts =
            ["could not be written down; it counts", "could not be folded", "old files could not be removed"];
        assert!(
            said.iter().zip(parts).all(|(said, part)| said.contains(part)) && said.len() == 3,
            "{said:?}"
        );
        let again = all.iter().filter_map(|told| teller.said(told, 0));
        assert!(again.into_iter().all(|said| said.contains(" (2 times in a row now)")));
    }

    #[test]
    fn what_a_run_goes_on_from_is_called_as_the_user_called_it() {
        let recovered = Told::Recovered { generation: 1, epoch: 1_204, at: 1_000_000 };
        let said = |mut teller: Teller| teller.said(&recovered, 3_000_000).unwrap();
        assert_eq!(said(Teller::default()), "going on from checkpoint 1,204, made 2.00 s ago\n");
        let from = Teller::of_a_run(Some("totals@1".into()));
        assert_eq!(said(from), "going on from savepoint totals@1, made 2.00 s ago\n");
    }

    #[test]
    fn after_a_success_the_first_failure_is_told_again() {
        let mut teller = Teller::default();
        assert!(teller.said(&abandoned(1), 0).is_some());
        assert_eq!(
            teller.said(&complete(2), 0).as_deref(),
            Some("checkpoint 2 is complete: it is written, behind one that could not be\n")
        );
        assert!(teller.said(&abandoned(3), 0).is_some_and(|said| !said.contains("in a row")));
    }

    #[test]
    fn a_sink_that_could_not_show_a_checkpoint_is_told_of_in_the_same_way() {
        let mut teller = Teller::default();
        let waiting = Told::Waiting { epoch: 3, why: "read-only".into() };
        let said = (0..7).filter_map(|_| teller.said(&waiting, 0)).count();
        assert_eq!(said, 3);
        assert_eq!(
            teller.said(&complete(3), 0).as_deref(),
            Some("checkpoint 3 is complete: sinks show it after 7 attempts that failed\n")
        );
        assert_eq!(teller.said(&complete(4), 0), None);
    }
}
