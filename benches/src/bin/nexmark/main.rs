//! `nexmark check|data …`: the 23 queries of the Nexmark benchmark by `flow`, by hand-written programs and
//! by other engines. Started by `cargo xtask nexmark` and `cargo xtask bench nexmark`.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod check;
mod growth;
mod latency;
mod places;
mod queries;
mod results;
mod rows;

use flow_benches::nexmark::Shape;
use places::Places;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
nexmark check [--events N] [--queries q0,q5] [--bins DIR] [--flow FILE]
nexmark bench [--events N] [--queries q0,q5] [--repeat N] [--without flow,limit,flink,compare] [--output DIR]
nexmark growth [--queries q0,q5] [--repeat N]
nexmark latency [--rate N] [--seconds N] [--without flink]
nexmark data FOLDER [--events N]";

/// What the command line says.
struct Options {
    events: Option<u64>,
    queries: Vec<String>,
    bins: PathBuf,
    flow: Option<PathBuf>,
    output: Option<PathBuf>,
    repeat: usize,
    load: latency::Load,
    without: Vec<String>,
    rest: Vec<String>,
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("nexmark: {message}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, String> {
    let here = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut options = Options {
        events: None,
        queries: Vec::new(),
        bins: here.parent().unwrap_or(Path::new(".")).to_path_buf(),
        flow: None,
        output: None,
        repeat: 3,
        load: latency::Load { rate: 50_000, seconds: 20 },
        without: Vec::new(),
        rest: Vec::new(),
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
        match arg.as_str() {
            "--events" => {
                let count = value()?.replace('_', "").parse();
                options.events = Some(count.map_err(|_| "--events wants a number")?);
            }
            "--repeat" => options.repeat = value()?.parse().map_err(|_| "--repeat wants a number")?,
            "--rate" => options.load.rate = value()?.parse().map_err(|_| "--rate wants a number")?,
            "--seconds" => options.load.seconds = value()?.parse().map_err(|_| "--seconds wants a number")?,
            "--without" => options.without = value()?.split(',').map(str::to_string).collect(),
            "--queries" => options.queries = value()?.split(',').map(str::to_string).collect(),
            "--bins" => options.bins = value()?.into(),
            "--flow" => options.flow = Some(value()?.into()),
            "--output" => options.output = Some(value()?.into()),
            flag if flag.starts_with('-') => return Err(format!("what is `{flag}`?\n{HELP}")),
            _ => options.rest.push(arg),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<(), String> {
    let places = Places::new(options.bins.clone(), options.flow.clone(), options.output.clone());
    let queries = queries::chosen(&options.queries)?;
    let words: Vec<&str> = options.rest.iter().map(String::as_str).collect();
    match words[..] {
        ["check"] => check::run(&places, &queries, options.events.unwrap_or(100_000)),
        ["bench"] => {
            let plan = bench::Plan {
                events: options.events.unwrap_or(10_000_000),
                repeat: options.repeat,
                without: options.without.clone(),
            };
            bench::run(&places, &queries, &plan)
        }
        ["same", query, limit, flow] => {
            let query = queries::chosen(&[query.to_string()])?;
            query.iter().try_for_each(|query| bench::same(query, Path::new(limit), Path::new(flow)))
        }
        ["growth"] => growth::run(&places, &queries, options.repeat),
        ["latency"] => latency::run(&places, options.load, !options.without.iter().any(|who| who == "flink")),
        ["data", folder] => {
            let shape = Shape::of(options.events.unwrap_or(1_000_000));
            flow_benches::nexmark::write(Path::new(folder), shape).map_err(|e| format!("{folder}: {e}"))
        }
        _ => Err(HELP.to_string()),
    }
}
