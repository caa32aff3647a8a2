//! `cargo xtask simulate --runs N [--seed S] [--threads T]`: whole jobs on a simulated machine.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use flow_tests::options::numbers;
use flow_tests::simulate::{Plan, campaign};
use std::process::ExitCode;

fn plan(args: impl Iterator<Item = String>) -> Result<Plan, String> {
    let mut plan = Plan { runs: 1000, seed: 1, threads: flow_env::cores() };
    numbers(args, |name, number| {
        match name {
            "--runs" => plan.runs = number,
            "--seed" => plan.seed = number,
            "--threads" => plan.threads = number as usize,
            _ => return false,
        }
        true
    })?;
    Ok(plan)
}

fn main() -> ExitCode {
    let plan = match plan(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    match campaign(plan) {
        Ok(tally) => {
            let all = tally.all;
            println!(
                "{} jobs, {} starts, {} of them from a checkpoint, {} with state on disk, which waited for space {} times; {} losses of power, {} kills, {} runs failed by the disk and {} survived it, {} stopped, {} went on beside the next; {} checkpoints, {} steps: {} rows, none lost and none doubled (seeds {} to {})",
                tally.runs,
                all.starts,
                all.recovered,
                all.on_disk,
                all.waited,
                all.power,
                all.kills,
                all.failed,
                all.survived,
                all.stopped,
                all.late,
                all.checkpoints,
                all.steps,
                all.rows,
                plan.seed,
                plan.seed + plan.runs.max(1) - 1
            );
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}
