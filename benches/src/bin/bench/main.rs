//! `bench [--quick] [--jobs q0,words] [--repeat N] [--without duckdb] [--into DIR] [--bins DIR]`: makes the data
//! once, runs `flow` and its peers in turns on the same files, checks that their outputs agree, and
//! prints Markdown. Started by `cargo xtask bench`.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod contenders;
mod report;
mod start;

use contenders::{BIDS, JOBS, Job, Places, WORDS, Who, remove};
use flow_benches::measure::Usage;
use flow_benches::{checksum, tools};
use report::Results;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

struct Options {
    quick: bool,
    repeat: usize,
    jobs: Vec<String>,
    without: Vec<String>,
    into: Option<PathBuf>,
    bins: PathBuf,
}

fn main() -> ExitCode {
    match options().and_then(|o| suite(&o)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench: {message}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, String> {
    let mut args = std::env::args().skip(1);
    let here = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut options = Options {
        quick: false,
        repeat: 3,
        jobs: JOBS.iter().map(|j| j.name.to_string()).collect(),
        without: Vec::new(),
        into: None,
        bins: here.parent().unwrap_or(Path::new(".")).to_path_buf(),
    };
    while let Some(flag) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{flag} wants a value"));
        let list = |text: String| text.split(',').map(str::to_string).collect();
        match flag.as_str() {
            "--quick" => options.quick = true,
            "--repeat" => options.repeat = value()?.parse().map_err(|_| "--repeat wants a number")?,
            "--jobs" => options.jobs = list(value()?),
            "--without" => options.without = list(value()?),
            "--into" => options.into = Some(std::path::absolute(value()?).map_err(|e| e.to_string())?),
            "--bins" => options.bins = value()?.into(),
            other => return Err(format!("what is `{other}`?")),
        }
    }
    if options.repeat == 0 {
        return Err("--repeat wants at least 1".to_string());
    }
    Ok(options)
}

fn suite(options: &Options) -> Result<(), String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (folder, bids, words) =
        if options.quick { ("quick", 920_000, 4_800_000) } else { ("full", 9_200_000, 48_000_000) };
    let data = home.join("data").join(folder);
    for folder in [Some(&data), options.into.as_ref()].into_iter().flatten() {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let python = if options.without.iter().any(|w| w == "duckdb") {
        None
    } else {
        let found = tools::duckdb(&home.join("data"));
        found.inspect_err(|why| eprintln!("the comparison runs without DuckDB: {why}")).ok()
    };
    let places = Places {
        bins: options.bins.clone(),
        into: options.into.clone().unwrap_or_else(|| data.clone()),
        data,
        scripts: home.join("scripts"),
        python,
        peers: home.join("peers"),
    };
    make(&places.bins, "bids", bids, &places.data.join(BIDS))?;
    make(&places.bins, "words", words, &places.data.join(WORDS))?;
    let mut all = Vec::new();
    for job in JOBS.iter().filter(|j| options.jobs.iter().any(|n| n == j.name)) {
        all.push(compete(job, &places, options)?);
    }
    println!("{bids} bids, {words} words; best CPU of {} runs in turns.\n", options.repeat);
    print!("{}", report::markdown(&all));
    if !options.without.iter().any(|w| w == "flow") {
        print!("\n{}", start::table(&places)?);
    }
    Ok(())
}

/// All programs of one job, in turns, so that a noisy minute hits all of them.
fn compete(job: &'static Job, places: &Places, options: &Options) -> Result<Results, String> {
    let input_bytes = warm(&places.data.join(job.input))?;
    let mut who = vec![Who::Limit];
    if job.name == "words" {
        who.push(Who::Plain);
    }
    if places.python.is_some() {
        who.push(Who::DuckDb);
    }
    if !options.without.iter().any(|w| w == "flow") {
        who.extend([Who::Flow(1), Who::Flow(2)]);
    }
    let mut best: Vec<(Who, Usage)> = Vec::new();
    let mut expected = None;
    for round in 0..options.repeat {
        for who in &who {
            let used = places.run(job, *who)?;
            eprintln!("{} {}: {:.2} CPU s, {:.2} wall s", job.name, who.title(), used.cpu, used.wall);
            let output = places.output(job, *who);
            if round == 0 {
                let sum = checksum::of(&output).map_err(|e| format!("{}: {e}", output.display()))?;
                let first = *expected.get_or_insert(sum);
                if sum != first {
                    return Err(format!("{}: {} wrote {sum:?}, the limit {first:?}", job.name, who.title()));
                }
            }
            remove(&output)?;
            match best.iter_mut().find(|(w, _)| w == who) {
                Some((Who::Flow(2), kept)) if used.wall < kept.wall => *kept = used,
                Some((Who::Flow(2), _)) => {}
                Some((_, kept)) if used.cpu < kept.cpu => *kept = used,
                Some(_) => {}
                None => best.push((*who, used)),
            }
        }
    }
    Ok(Results { job, best, input_bytes })
}

/// Has `gen` write a data file unless it is there; it appears under its name only when it is whole.
/// A process of its own, because a child starts with the peak memory of its parent.
fn make(bins: &Path, kind: &str, count: u64, path: &Path) -> Result<(), String> {
    if path.exists() {
        return Ok(());
    }
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    eprintln!("making {}", path.file_name().unwrap_or_default().display());
    let part = path.with_extension("part");
    let mut generator = Command::new(bins.join("gen"));
    let status = generator.args([kind, &count.to_string()]).arg(&part).status().map_err(failed)?;
    if !status.success() {
        return Err(format!("{}: the generator ended with {status}", path.display()));
    }
    std::fs::rename(&part, path).map_err(failed)
}

/// Reads a file once, so that everyone finds it in the page cache; returns its size.
fn warm(path: &Path) -> Result<u64, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut file = File::open(path).map_err(failed)?;
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(total),
            n => total += n as u64,
        }
    }
}
