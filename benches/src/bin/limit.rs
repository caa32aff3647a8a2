//! `limit q0|q1|q2|words|words-plain INPUT OUTPUT [--map|--read]`: runs one hand-written job.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use flow_benches::input::Mode;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [job, input, output, rest @ ..] = args.as_slice() else {
        eprintln!("limit JOB INPUT OUTPUT [--map|--read], JOB one of {:?}", flow_benches::limit::JOBS);
        return ExitCode::from(2);
    };
    let mode = if rest.iter().any(|a| a == "--read") { Mode::Read } else { Mode::Map };
    match flow_benches::limit::run(job, input, output, mode) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{job}: {e}");
            ExitCode::FAILURE
        }
    }
}
