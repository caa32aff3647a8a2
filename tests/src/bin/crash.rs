//! `cargo xtask crash --kills N [--seed S] [--rows R]`: the real binary, killed at random moments and at named points,
//! and what its sinks show against the evaluator.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use flow_tests::crash::{Plan, campaign};
use flow_tests::options::numbers;
use std::process::ExitCode;

fn plan(args: impl Iterator<Item = String>) -> Result<Plan, String> {
    let mut plan = Plan { kills: 200, seed: 1, rows: 20_000, bug: None, case: None, point: None };
    numbers(args, |name, number| {
        match name {
            "--kills" => plan.kills = number,
            "--seed" => plan.seed = number,
            "--rows" => plan.rows = number as usize,
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
            println!(
                "{} jobs, {} kills and {} deaths at named points, {} starts, {} of them from a checkpoint: {} rows, none lost and none doubled (seed {})",
                tally.jobs, tally.kills, tally.points, tally.starts, tally.recovered, tally.rows, plan.seed
            );
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!(
                "{why}\nagain: cargo xtask crash --kills {} --seed {} --rows {}",
                plan.kills, plan.seed, plan.rows
            );
            ExitCode::FAILURE
        }
    }
}
