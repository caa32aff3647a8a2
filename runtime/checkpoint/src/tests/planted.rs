//! Mistakes that only a loss of power, or a run that wakes up late, shows: planted in a process of their own, and found
//! by the tests beside.

use std::process::Command;

#[test]
fn planted_bugs_are_found_on_the_simulated_disk() {
    let power = "tests::deaths::the_power_may_go_at_any_operation_and_again_while_it_recovers";
    let late = "tests::zombies::a_run_that_wakes_up_late_is_refused_at_every_step_and_touches_nothing";
    // The same at seeded moments, in simulated time.
    let asleep = "tests::overtaken::a_run_that_is_over_and_does_not_know_it_disturbs_the_next_one_at_no_step";
    let (folder, part, fence) = ("skip-folder-sync", "skip-part-sync", "ignore-generation");
    for (bug, test) in [(folder, power), (part, power), (fence, late), (fence, asleep)] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let end = command.args([test, "--exact"]).env("FLOW_BUG", bug).output().unwrap();
        let said = String::from_utf8_lossy(&end.stdout);
        assert!(said.contains("1 failed"), "{bug} was not found by {test}:\n{said}");
    }
}
