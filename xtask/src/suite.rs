//! The commands that hand over to cargo: the test suite, the checks, the benchmarks, the fuzzers.

use crate::editors;
use crate::shell::{cargo, root, run, run_seeing};
use crate::tidy;

/// Totals of cargo's `test result:` lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
    binaries: u64,
}

impl Counts {
    fn add(&mut self, line: &str) {
        let Some(rest) = line.trim_start().strip_prefix("test result: ") else { return };
        self.binaries += 1;
        for part in rest.split([';', '.']) {
            let mut words = part.split_whitespace();
            if let (Some(number), Some(what)) = (words.next(), words.next())
                && let Ok(n) = number.parse::<u64>()
            {
                match what {
                    "passed" => self.passed += n,
                    "failed" => self.failed += n,
                    "ignored" => self.ignored += n,
                    _ => {}
                }
            }
        }
    }
}

/// Events of the comparison with DuckDB that the tests make: seconds with unoptimised programs.
const NEXMARK_EVENTS: &str = "8000";

/// `cargo xtask test`: every test of the workspace and of the editors' extensions, and the Nexmark queries
/// against DuckDB, which the comparison installs itself. The quick ones of the extensions come first: a change of what `flow`
/// prints is told before the long suites. A selection of tests (`args`) is run alone.
pub(crate) fn test(args: &[String]) -> Result<(), String> {
    // The end-to-end tests start the real binary; building it in the same selection as the tests
    // keeps the features of shared dependencies equal, so nothing is compiled twice.
    let flow = built_flow()?;
    if args.is_empty() {
        editors::quick(&flow)?;
    }
    let mut counts = Counts::default();
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.args(args).env("FLOW_BIN", &flow);
    let passed = run_seeing(&mut command, |line| counts.add(line))?;
    println!(
        "\nall tests: {} passed, {} failed, {} ignored, in {} test binaries",
        counts.passed, counts.failed, counts.ignored, counts.binaries
    );
    if !passed {
        return Err("tests failed".to_string());
    }
    if !args.is_empty() {
        return Ok(());
    }
    editors::slow(&flow)?;
    run(&mut cargo(&["build", "-p", "flow-benches", "--bins"]))?;
    let nexmark = flow.with_file_name(format!("nexmark{}", std::env::consts::EXE_SUFFIX));
    run(std::process::Command::new(nexmark).args(["check", "--events", NEXMARK_EVENTS]))
}

/// `cargo xtask editors`: the tests of the editors' extensions alone.
pub(crate) fn editors() -> Result<(), String> {
    let flow = built_flow()?;
    editors::quick(&flow)?;
    editors::slow(&flow)
}

/// Builds `flow` for the tests and returns where it is.
fn built_flow() -> Result<std::path::PathBuf, String> {
    run(&mut cargo(&["build", "--workspace", "--bin", "flow"]))?;
    Ok(target_dir().join("debug").join(format!("flow{}", std::env::consts::EXE_SUFFIX)))
}

/// `cargo xtask check`: what a change must pass before it is pushed, without the tests.
pub(crate) fn check() -> Result<(), String> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    tidy::run()
}

/// `cargo xtask bench`: builds `flow` and the peers in release and hands over to the runner.
pub(crate) fn bench(args: &[String]) -> Result<(), String> {
    if let Some(("nexmark", rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        let words = [&["bench".to_string()], rest].concat();
        let other = ["growth", "latency"].iter().any(|word| rest.first().is_some_and(|r| r == word));
        return nexmark(if other { rest } else { &words });
    }
    if args.first().is_some_and(|first| first == "editor") {
        let mut command = cargo(&["run", "--release", "-p", "flow-lsp", "--example", "latency", "--"]);
        return run(command.args(&args[1..]));
    }
    run(&mut cargo(&["build", "--release", "-p", "flow-cli", "-p", "flow-benches", "--bins"]))?;
    let release = target_dir().join("release");
    let runner = release.join(format!("bench{}", std::env::consts::EXE_SUFFIX));
    let mut command = std::process::Command::new(runner);
    run(command.args(args).arg("--bins").arg(release).current_dir(root()))
}

/// `cargo xtask nexmark --check` or `--data FOLDER`: builds in release and hands over to the program.
pub(crate) fn nexmark(args: &[String]) -> Result<(), String> {
    run(&mut cargo(&["build", "--release", "-p", "flow-cli", "-p", "flow-benches", "--bins"]))?;
    let release = target_dir().join("release");
    let mut command =
        std::process::Command::new(release.join(format!("nexmark{}", std::env::consts::EXE_SUFFIX)));
    let args = args.iter().map(|arg| match arg.as_str() {
        "--check" => "check",
        "--data" => "data",
        other => other,
    });
    run(command.args(args).arg("--bins").arg(release))
}

/// `cargo xtask crash --kills N [--seed S] [--rows R]`: a debug build, which can die at named points.
pub(crate) fn crash(args: &[String]) -> Result<(), String> {
    run(&mut cargo(&["build", "--quiet", "--workspace", "--bin", "flow"]))?;
    let mut command = cargo(&["run", "--quiet", "-p", "flow-tests", "--bin", "crash", "--"]);
    command.env("FLOW_BIN", target_dir().join("debug").join("flow"));
    run(command.args(args))
}

/// `cargo xtask simulate --runs N [--seed S] [--threads T]`: a debug build, which checks itself as it goes.
pub(crate) fn simulate(args: &[String]) -> Result<(), String> {
    run(cargo(&["run", "--quiet", "-p", "flow-tests", "--bin", "simulate", "--"]).args(args))
}

/// `cargo xtask fuzz jit|pipelines|readers|model|editor --count N [--seed S]`. Readers in a debug build: it frees early.
pub(crate) fn fuzz(args: &[String]) -> Result<(), String> {
    let release: &[&str] = match args.first().map(String::as_str) {
        Some("jit" | "pipelines") => &["--release"],
        Some("readers") => &[],
        Some("model") => return fuzz_model(&args[1..]),
        Some("editor") => return fuzz_editor(&args[1..]),
        Some(other) => {
            return Err(format!(
                "no fuzzer `{other}`; there are `jit`, `pipelines`, `readers`, `model` and `editor`"
            ));
        }
        None => {
            return Err(
                "which fuzzer? `cargo xtask fuzz jit|pipelines|readers|model|editor --count N [--seed S]`"
                    .to_string(),
            );
        }
    };
    let mut command = cargo(&["run"]);
    command.args(release).args(["-p", "flow-tests", "--bin", "fuzz", "--"]);
    run(command.args(args))
}

/// The release binary (or the one that `FLOW_BIN` names) against the model in Python, which needs nothing but Python.
fn fuzz_model(args: &[String]) -> Result<(), String> {
    let flow = match std::env::var_os("FLOW_BIN") {
        Some(flow) => std::path::PathBuf::from(flow),
        None => {
            run(&mut cargo(&["build", "--release", "--quiet", "-p", "flow-cli"]))?;
            target_dir().join("release").join(format!("flow{}", std::env::consts::EXE_SUFFIX))
        }
    };
    let mut command = std::process::Command::new("python3");
    command.arg("-B").arg(root().join("tests").join("model")).arg("--flow").arg(flow);
    run(command.args(args))
}

/// `cargo xtask tree-sitter`: the generated parser, which is committed, anew.
pub(crate) fn tree_sitter() -> Result<(), String> {
    run(&mut cargo(&["run", "-q", "-p", "tree-sitter-flow", "--example", "generate"]))
}

/// `cargo xtask docs`: the reference of the guide and its pictures, from the compiler's tables and the pages of the language.
pub(crate) fn docs() -> Result<(), String> {
    run(&mut cargo(&["run", "-q", "-p", "flow-driver", "--example", "guide"]))
}

/// Random edits of every example in an editor: the test of the language server, with more of them.
fn fuzz_editor(args: &[String]) -> Result<(), String> {
    let mut command = cargo(&["test", "--release", "-p", "flow-lsp", "--test", "suite", "random_edits"]);
    for pair in args.chunks(2) {
        match pair {
            [name, value] if name == "--count" => command.env("FLOW_EDITS", value),
            [name, value] if name == "--seed" => command.env("FLOW_SEED", value),
            _ => return Err(format!("`{}` is not `--count N` or `--seed S`", pair.join(" "))),
        };
    }
    run(&mut command)
}

fn target_dir() -> std::path::PathBuf {
    let dir = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), std::path::PathBuf::from);
    root().join(dir)
}

#[cfg(test)]
mod tests {
    use super::Counts;
    use crate::shell::root;

    /// Below each folder of crates.
    fn is_there(file: &str) -> bool {
        ["compiler", "runtime", "editor-support", "."].into_iter().any(|folder| {
            let crates = std::fs::read_dir(root().join(folder)).unwrap();
            crates.flatten().any(|one| one.path().join(file).is_file())
        })
    }

    #[test]
    fn every_program_that_a_command_starts_is_there() {
        let commands = include_str!("suite.rs").split("#[cfg(test)]").next().unwrap();
        let mut names = 0;
        for (word, folder) in [("--example", "examples"), ("--bin", "src/bin")] {
            for (at, _) in commands.match_indices(&format!("\"{word}\", \"")) {
                let name = commands[at..].split('"').nth(3).unwrap();
                // `flow` itself is the `main.rs` of its crate.
                let named = name != "flow" && !name.is_empty();
                names += usize::from(named);
                assert!(!named || is_there(&format!("{folder}/{name}.rs")), "there is no {folder}/{name}.rs");
            }
        }
        assert!(names >= 6, "{names}");
    }

    #[test]
    fn counts_add_up_the_result_lines_of_cargo_test() {
        let mut counts = Counts::default();
        counts.add("running 3 tests");
        counts.add(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        );
        counts.add("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.5s");
        assert_eq!(counts, Counts { passed: 7, failed: 2, ignored: 1, binaries: 2 });
    }
}
