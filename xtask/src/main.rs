//! Developer commands: `cargo xtask <command>`. Knows the shape of the repository (which crate may
//! use which, what a file may look like) and nothing of the language or the engine.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod editors;
mod shell;
mod suite;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  test                      build `flow`, run every test of the workspace and of the editors' extensions
  editors                   build `flow`, run the tests of the editors' extensions alone
  check                     cargo fmt --check, clippy with warnings denied, tidy
  tidy                      the rules of docs/architecture.md that a machine can check
  bench [--quick] [args]    run the benchmark suite beside its peers (see docs/performance.md)
  bench nexmark [growth|latency] [args]
                            the Nexmark benchmark beside Flink (see docs/benchmarks.md)
  bench editor              how fast the language server answers on long scripts (see docs/performance.md)
  nexmark --check [args]    the queries of the Nexmark benchmark against DuckDB (see docs/benchmarks.md)
  nexmark --data FOLDER     the events they read
  crash --kills N [--seed S] [--rows R]
                            the real binary, killed until its jobs are done: no row lost, none doubled
  simulate --runs N [--seed S]
                            whole jobs on a simulated machine: seeded threads, a disk that loses, tears and fails
  fuzz jit|pipelines --count N [--seed S]
                            random expressions and chains: native code = evaluator, bit for bit
  fuzz readers --count N [--seed S]
                            random pipelines that get or lose a sink while they hold state: the others show the same
  fuzz model --count N [--seed S] [--jobs J]
                            random scripts over event time: the binary's rows = those of a model in Python (tests/model)
  fuzz editor --count N [--seed S]
                            random edits of every example: the language server says what a fresh check says
  tree-sitter               make the editors' parser of its grammar.js (needs Node)
  docs                      write the reference of docs/guide and its pictures
  help                      this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rest = args.get(1..).unwrap_or_default();
    let done = match args.first().map(String::as_str) {
        Some("test") => suite::test(rest),
        Some("editors") => suite::editors(),
        Some("check") => suite::check(),
        Some("tidy") => tidy::run(),
        Some("bench") => suite::bench(rest),
        Some("nexmark") => suite::nexmark(rest),
        Some("fuzz") => suite::fuzz(rest),
        Some("crash") => suite::crash(rest),
        Some("simulate") => suite::simulate(rest),
        Some("tree-sitter") => suite::tree_sitter(),
        Some("docs") => suite::docs(),
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => Err(format!("no command `{other}`\n\n{HELP}")),
        None => Err(HELP.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{}", message.trim_end());
            ExitCode::FAILURE
        }
    }
}
