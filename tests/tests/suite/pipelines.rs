//! Random pipelines: the evaluator, one worker, four workers, native code, all alike.

use flow_tests::pipelines::{Effort, Tally, run};

/// Pipelines that each of two threads compares; scripts that cannot run yet do not count.
const COUNT: u64 = 1_050;
const EFFORT: Effort = Effort { native: 16, rows: 40 };

/// Pipelines of seeds from `first` on.
fn compare(first: u64) -> Tally {
    let mut all = Tally::default();
    while all.pipelines < COUNT {
        let seed = first + all.scripts();
        match run(seed, 1, EFFORT) {
            Ok(tally) => all.add(tally),
            Err(report) => panic!("{report}"),
        }
    }
    all
}

#[test]
fn random_pipelines_give_what_the_evaluator_gives_at_any_parallelism() {
    let seed = 20_260_101;
    let halves = std::thread::scope(|scope| {
        let other = scope.spawn(|| compare(seed + 1_000_000));
        [compare(seed), other.join().unwrap()]
    });
    let mut all = Tally::default();
    halves.into_iter().for_each(|tally| all.add(tally));
    assert!(all.pipelines >= 2_000, "seed {seed}: {all:?}");
}
