//! `cargo run --release -p flow-tests --bin state -- [--keys N] [--rate N] [--seconds N] [--workers N] [--memory BYTES] [--restarts N]`:
//! a job that counts by N string keys and is given so many updates per second: what its checkpoints cost, and how soon it goes on,
//! so many times in a process of its own that ends behind its first row (`state go-on FOLDER [--keys N] …`), and once in this one.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use flow_checkpoint::{Job as Store, Launch};
use flow_cli::kernels::NativeKernels;
use flow_connectors::StandardConnectors;
use flow_driver::{LoadError, Options};
use flow_engine::{Beginning, Checkpoints, Job, JobHandle, JobOptions, SpillOptions, Told};
use flow_env::{Env, Memory};
use flow_plan::physical::Graph;
use flow_tests::options::numbers;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// As of the `flow` binary.
#[global_allocator]
static MEMORY: Memory = Memory;

struct Case {
    keys: usize,
    rate: usize,
    seconds: u64,
    workers: usize,
    memory: Option<usize>,
    restarts: usize,
}

fn case(args: impl Iterator<Item = String>) -> Result<Case, String> {
    let mut case = Case { keys: 5_000_000, rate: 20_000, seconds: 10, workers: 2, memory: None, restarts: 5 };
    numbers(args, |name, number| {
        match name {
            "--keys" => case.keys = number as usize,
            "--rate" => case.rate = number as usize,
            "--seconds" => case.seconds = number,
            "--workers" => case.workers = number as usize,
            "--memory" => case.memory = Some(number as usize),
            "--restarts" => case.restarts = number as usize,
            _ => return false,
        }
        true
    })?;
    Ok(case)
}

/// The keys come once from a file; what is behind them are updates at a rate.
fn script(case: &Case) -> String {
    format!(
        "job big {{ checkpoint: 1s, parallelism: {} }}
source keys = file(\"keys.txt\", format: text) |> map {{ key: line }}
source numbers = generate {{ n: seq(1) }} rate: {}
stream updates = numbers |> map {{ key: \"user-\" + string((n * 7919) % {}) + \"-of-many\" }}
sink out = keys |> union(updates) |> keyBy(key) |> count() as n -> blackhole()\n",
        case.workers, case.rate, case.keys
    )
}

fn graph(text: &str) -> Result<Arc<Graph>, String> {
    let bytes = text.as_bytes().to_vec();
    let mut loader = move |_: &Path| Ok::<_, LoadError>(bytes.clone());
    let compiled = flow_driver::compile(&mut loader, Path::new("big.flow"), &Options::default());
    let compiled = compiled.map_err(|error| error.to_string())?;
    let plan = compiled.plan.ok_or_else(|| format!("{:?}", compiled.diagnostics))?;
    flow_driver::runnable(&plan).map(Arc::new).map_err(|found| format!("{found:?}"))
}

fn start(case: &Case, folder: &Path, beginning: Beginning) -> Result<JobHandle, String> {
    let env = Env::real();
    let graph = graph(&script(case))?;
    let store = Store::open(&env, &folder.join("state"), "big").map_err(|error| error.to_string())?;
    let launch = Launch {
        flow: "state".into(),
        scripts: Vec::new(),
        parameters: Vec::new(),
        parallelism: case.workers,
    };
    let spill =
        case.memory.map(|memory| SpillOptions { folder: store.folder().path().join("spilled"), memory });
    let checkpoints = Checkpoints {
        store: Arc::new(store),
        launch,
        every: Some(Duration::from_secs(1)),
        beginning,
        tell: Some(Arc::new(|told: &Told| match told {
            Told::Complete { epoch, bytes, took, stopped } => {
                let (took, stopped) = (took.as_secs_f64() * 1e3, stopped.as_secs_f64() * 1e3);
                println!("| {epoch} | {bytes} | {took:.0} ms | {stopped:.1} ms |");
            }
            other => println!("{other:?}"),
        })),
    };
    let options = JobOptions {
        base: folder.to_path_buf(),
        checkpoints: Some(checkpoints),
        spill,
        ..JobOptions::default()
    };
    let kernels = Some(Arc::new(NativeKernels::new(&env)) as _);
    let started = Job::start(graph, &StandardConnectors::new(), kernels, &env, &options);
    started.map_err(|error| format!("{} ({})", error.message, error.label))
}

/// CPU seconds of the process, of all its threads.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name stands in brackets and may hold anything.
    let times = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    times.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The most memory the process ever had, in bytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn measure(case: &Case) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut keys = String::new();
    for key in 0..case.keys {
        let _ = writeln!(keys, "user-{key}-of-many");
    }
    std::fs::write(folder.path().join("keys.txt"), keys).map_err(|error| error.to_string())?;
    println!("| checkpoint | bytes | from barrier to end | longest stop |\n|---:|---:|---:|---:|");
    let (began, before) = (Instant::now(), cpu());
    let mut job = start(case, folder.path(), Beginning::Anew)?;
    while job.progress().rows_in() < case.keys as u64 {
        if job.wait_at_most(Duration::from_millis(5)) {
            return job.wait().map(drop).map_err(|error| error.message.clone());
        }
    }
    println!(
        "all keys were read after {:.1} s, {:.1} s of CPU",
        began.elapsed().as_secs_f64(),
        cpu() - before
    );
    job.wait_at_most(Duration::from_secs(case.seconds));
    job.stop();
    job.wait().map_err(|error| error.message.clone())?;
    println!("most memory: {} MiB", most_memory() >> 20);
    for _ in 0..case.restarts {
        in_a_process(case, folder.path())?;
    }
    let mut job = go_on(case, folder.path())?;
    job.wait_at_most(Duration::from_secs(3));
    job.stop();
    job.wait().map(drop).map_err(|error| error.message.clone())?;
    println!("most memory: {} MiB", most_memory() >> 20);
    Ok(())
}

/// Goes on from the last checkpoint in a process that ends behind its first row.
fn in_a_process(case: &Case, folder: &Path) -> Result<(), String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(this);
    child.arg("go-on").arg(folder);
    child.args(["--keys", &case.keys.to_string(), "--workers", &case.workers.to_string()]);
    if let Some(memory) = case.memory {
        child.args(["--memory", &memory.to_string()]);
    }
    let ended = child.status().map_err(|error| error.to_string())?;
    if ended.success() { Ok(()) } else { Err("a run that should go on failed".into()) }
}

/// Goes on from the last checkpoint; gives the job when it has its first row.
fn go_on(case: &Case, folder: &Path) -> Result<JobHandle, String> {
    let (began, before) = (Instant::now(), cpu());
    let mut job = start(case, folder, Beginning::GoOn)?;
    while job.progress().rows_in() == 0 && !job.wait_at_most(Duration::from_millis(1)) {}
    let (took, used) = (began.elapsed().as_secs_f64() * 1e3, (cpu() - before) * 1e3);
    println!(
        "first row of the next run after {took:.0} ms, {used:.0} ms of CPU, {} MiB at most",
        most_memory() >> 20
    );
    Ok(job)
}

fn run() -> Result<(), String> {
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if_eq("go-on").is_none() {
        return measure(&case(args)?);
    }
    let folder = args.next().ok_or("go-on: which folder?")?;
    // The job dies with the process, so that every restart finds the same checkpoint.
    go_on(&case(args)?, Path::new(&folder)).map(std::mem::forget)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}
