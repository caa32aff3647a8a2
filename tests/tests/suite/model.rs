//! The binary beside a model of event time that shares no code with it (`tests/model`): `cargo xtask fuzz model` runs more.

use flow_tests::flow_binary;
use std::path::Path;
use std::process::Command;

/// `python3 tests/model …`; what it printed, if it found no difference.
fn model(args: &[&str]) -> Result<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("model");
    let mut command = Command::new("python3");
    command.arg("-B").arg(folder).arg("--flow").arg(flow_binary::path()).args(args);
    let output = command.output().map_err(|e| format!("python3 is needed for the model: {e}"))?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(said) } else { Err(said) }
}

#[test]
fn a_model_that_knows_the_contract_alone_gives_the_same_rows() {
    if let Err(why) = model(&["--count", "60", "--seed", "20261128", "--jobs", "2"]) {
        panic!("{why}");
    }
}

#[test]
fn a_binary_that_gives_other_rows_is_noticed() {
    let wrong = model(&["--count", "1", "--seed", "7", "--forget-a-row"]);
    let said = wrong.expect_err("a row too few went unnoticed");
    for part in ["seed 7, 1 workers: ", "not expected (1):", "sink ", "inputs: "] {
        assert!(said.contains(part), "does not say {part}:\n{said}");
    }
    let kept = said.lines().find_map(|line| line.strip_prefix("inputs: ")).unwrap();
    std::fs::remove_dir_all(Path::new(kept).parent().unwrap()).unwrap();
}
