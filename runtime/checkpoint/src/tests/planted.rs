//! Mistakes that only a loss of power, or a run that wakes up late, shows: planted in a process of their own, and found
//! by the tests beside.

use std::process::Command;

#[test]
fn planted_bugs_are_found_on_the_simulated_disk() {
    let power = "tests::deaths::the_power_may_go_at_any_operation_and_again_while_it_recovers";
    let late = "tests::zombies::a_run_that_wakes_up_late_is_refused_at_every_step_and_touches_nothing";
    for (bug, test) in [("skip-folder-sync", power), ("skip-part-sync", power), ("ignore-generation", late)] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let end = command.args([test, "--exact"]).env("FLOW_BUG", bug).output().unwrap();
        let said = String::from_utf8_lossy(&end.stdout);
        assert!(said.contains("1 failed"), "{bug} was not found:\n{said}");
    }
}
