//! `cargo xtask fuzz jit|pipelines|readers --count N [--seed S] [--jobs J]`: random expressions and chains, native
//! code against the evaluator, bit for bit; random pipelines, the engine against the evaluator, row by row; and random
//! pipelines that get or lose a reader while they hold state.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use flow_codegen::differential::{self, Tally};
use flow_tests::options::numbers;
use flow_tests::pipelines;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How thorough pipelines are run.
const PIPELINES: pipelines::Effort = pipelines::Effort { native: 4, rows: 60 };

/// Expressions between two looks at the clock.
const SLICE: u64 = 20_000;

struct Options {
    what: What,
    count: u64,
    seed: u64,
    jobs: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Jit,
    Pipelines,
    Readers,
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = match args.next().as_deref() {
        Some("jit") => Options { what: What::Jit, count: 1_000_000, seed: 1, jobs: 1 },
        Some("pipelines") => Options { what: What::Pipelines, count: 10_000, seed: 1, jobs: 1 },
        Some("readers") => Options { what: What::Readers, count: 10_000, seed: 1, jobs: 1 },
        other => return Err(format!("no fuzzer {other:?}; there are `jit`, `pipelines` and `readers`")),
    };
    numbers(args, |name, number| {
        match name {
            "--count" => options.count = number,
            "--seed" => options.seed = number,
            "--jobs" => options.jobs = number,
            _ => return false,
        }
        true
    })?;
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let (result, sides, name) = match options.what {
        What::Jit => (fuzz(&options), "native code and evaluator", "jit"),
        What::Pipelines => (fuzz_pipelines(&options), "engine and evaluator", "pipelines"),
        What::Readers => (fuzz_readers(&options), "what is shown with and without a reader", "readers"),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            println!("{sides} differ\n{report}");
            println!("again: cargo xtask fuzz {name} --count 1 --seed <that seed>");
            ExitCode::FAILURE
        }
    }
}

fn fuzz(options: &Options) -> Result<(), String> {
    let start = Instant::now();
    let jobs = options.jobs.max(1);
    let done = AtomicU64::new(0);
    let results: Vec<Result<Tally, String>> = std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..jobs)
            .map(|job| {
                scope.spawn({
                    let done = &done;
                    move || worker(options, job, jobs, done, start)
                })
            })
            .collect();
        jobs.into_iter().map(|job| job.join().unwrap_or_else(|_| Err("a worker panicked".into()))).collect()
    });
    let mut all = Tally::default();
    for tally in results {
        let tally = tally?;
        all.expressions += tally.expressions;
        all.chains += tally.chains;
        all.values += tally.values;
        all.errors += tally.errors;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "native code and evaluator agree on {} expressions and {} chains ({} values, {} record errors) in {seconds:.0} s, seed {}",
        all.expressions, all.chains, all.values, all.errors, options.seed
    );
    Ok(())
}

/// Pipelines, one by one; a report comes now and then.
fn fuzz_pipelines(options: &Options) -> Result<(), String> {
    let start = Instant::now();
    let jobs = options.jobs.max(1);
    let next = AtomicU64::new(0);
    let work = || {
        let mut all = pipelines::Tally::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= options.count {
                return Ok(all);
            }
            all.add(pipelines::run(options.seed.wrapping_add(at), 1, PIPELINES)?);
            if (at + 1).is_multiple_of(1_000) {
                eprintln!("{} of {} in {:.0} s", at + 1, options.count, start.elapsed().as_secs_f64());
            }
        }
    };
    let results: Vec<Result<pipelines::Tally, String>> = std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        jobs.into_iter().map(|job| job.join().unwrap_or_else(|_| Err("a job panicked".into()))).collect()
    });
    let mut all = pipelines::Tally::default();
    for tally in results {
        all.add(tally?);
    }
    println!(
        "engine and evaluator agree on {} pipelines ({} of them also native; {} rows, {} of them late; refused: {:?}) in {:.0} s, seed {}",
        all.pipelines,
        all.native,
        all.rows,
        all.late,
        all.refused,
        start.elapsed().as_secs_f64(),
        options.seed
    );
    Ok(())
}

/// Pipelines that get or lose a reader, one by one.
fn fuzz_readers(options: &Options) -> Result<(), String> {
    let mut compared = 0;
    for at in 0..options.count {
        let seed = options.seed.wrapping_add(at);
        compared += u64::from(pipelines::reader_changes_nothing(seed, PIPELINES)?);
        if (at + 1).is_multiple_of(1_000) {
            eprintln!("{} of {}", at + 1, options.count);
        }
    }
    println!("a reader that came or went changed nothing in {compared} pipelines, seed {}", options.seed);
    Ok(())
}

/// Every worker has seeds of its own, far from the others'.
fn worker(options: &Options, job: u64, jobs: u64, done: &AtomicU64, start: Instant) -> Result<Tally, String> {
    let mut all = Tally::default();
    let share = options.count.div_ceil(jobs);
    let mut seed = options.seed.wrapping_add(job << 40);
    while all.expressions + all.chains < share {
        let slice = SLICE.min(share - all.expressions - all.chains);
        let tally = differential::run(seed, slice)?;
        // Every round of a run has a seed of its own, and one chain.
        seed = seed.wrapping_add(tally.chains);
        all.expressions += tally.expressions;
        all.chains += tally.chains;
        all.values += tally.values;
        all.errors += tally.errors;
        let total = done.fetch_add(tally.expressions + tally.chains, Ordering::Relaxed);
        let speed = total as f64 / start.elapsed().as_secs_f64();
        if total / 1_000_000 != (total + tally.expressions + tally.chains) / 1_000_000 {
            eprintln!(
                "{} of {} ({speed:.0} a second)",
                total + tally.expressions + tally.chains,
                options.count
            );
        }
    }
    Ok(all)
}
