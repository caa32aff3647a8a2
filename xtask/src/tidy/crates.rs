//! The dependency rule: which crate of ours may use which, and where each outside package lives.
//! The two tables here are the rule; `cargo metadata` is what is checked against them.

use crate::shell::{cargo, output};
use serde_json::Value;

/// Who may know whom. One deliberate exception to "the compiler never knows the runtime":
/// `codegen` reads the memory layout of a column from `data` (see docs/architecture.md).
const EDGES: &[(&str, &[&str])] = &[
    ("flow-syntax", &[]),
    ("flow-plan", &[]),
    ("flow-types", &["flow-syntax", "flow-plan"]),
    ("flow-driver", &["flow-syntax", "flow-types", "flow-plan"]),
    ("flow-codegen", &["flow-plan", "flow-data"]),
    ("flow-data", &["flow-plan"]),
    ("flow-env", &[]),
    ("flow-checkpoint", &["flow-plan", "flow-data", "flow-env"]),
    ("flow-engine", &["flow-plan", "flow-data", "flow-env", "flow-checkpoint"]),
    ("flow-connectors", &["flow-plan", "flow-data", "flow-env", "flow-engine"]),
    ("flow-lsp", &["flow-syntax", "flow-types", "flow-plan", "flow-driver"]),
    ("tree-sitter-flow", &["flow-syntax"]),
    ("flow-cli", HALVES),
    ("flow-tests", EVERYTHING),
    // Random edits, for tests.
    ("flow-edits", &[]),
    ("flow-benches", &[]),
    ("xtask", &[]),
];

/// Whom the tests and examples of a crate may know beside that: random edits, and the memory of the binary, without which
/// a latency is not that of `flow lsp`.
const IN_TESTS: &[(&str, &[&str])] =
    &[("flow-driver", &["flow-edits"]), ("flow-lsp", &["flow-edits", "flow-env"])];

/// Only `cli` and `tests` join compiler and runtime.
const HALVES: &[&str] = &[
    "flow-syntax",
    "flow-types",
    "flow-plan",
    "flow-codegen",
    "flow-driver",
    "flow-data",
    "flow-env",
    "flow-checkpoint",
    "flow-engine",
    "flow-connectors",
    "flow-lsp",
];

/// The tests also call the command's own functions: hundreds of snapshots without a process each.
const EVERYTHING: &[&str] = &[
    "flow-syntax",
    "flow-types",
    "flow-plan",
    "flow-codegen",
    "flow-driver",
    "flow-data",
    "flow-env",
    "flow-checkpoint",
    "flow-engine",
    "flow-connectors",
    "flow-lsp",
    "flow-cli",
];

/// Where each outside package lives. A package with several homes is small, pure and has one
/// meaning everywhere (a number formatter, a byte search); anything that shapes an interface has one.
const HOMES: &[(&str, &[&str])] = &[
    ("pest", &["flow-syntax"]),
    ("pest_derive", &["flow-syntax"]),
    ("unicode-width", &["flow-syntax", "flow-cli"]),
    ("strsim", &["flow-syntax", "flow-types", "flow-driver", "flow-cli"]),
    ("cranelift-codegen", &["flow-codegen"]),
    ("cranelift-frontend", &["flow-codegen"]),
    ("cranelift-jit", &["flow-codegen"]),
    ("cranelift-module", &["flow-codegen"]),
    ("cranelift-native", &["flow-codegen"]),
    ("miette", &["flow-cli"]),
    ("terminal_size", &["flow-cli"]),
    ("lsp-server", &["flow-lsp"]),
    ("lsp-types", &["flow-lsp"]),
    ("clap", &["flow-cli"]),
    ("clap_complete", &["flow-cli"]),
    ("ctrlc", &["flow-cli"]),
    ("similar", &["flow-cli"]),
    ("tokio", &["flow-cli"]),
    ("serde", &["flow-plan", "flow-checkpoint", "flow-engine", "flow-connectors", "flow-lsp", "flow-cli"]),
    (
        "serde_json",
        &[
            "flow-plan",
            "flow-types",
            "flow-driver",
            "flow-data",
            "flow-checkpoint",
            "flow-engine",
            "flow-connectors",
            "flow-lsp",
            "flow-cli",
            "flow-tests",
            "flow-benches",
            "xtask",
        ],
    ),
    (
        "rust_decimal",
        &[
            "flow-plan",
            "flow-types",
            "flow-codegen",
            "flow-data",
            "flow-checkpoint",
            "flow-engine",
            "flow-connectors",
            "flow-tests",
        ],
    ),
    ("jiff", &["flow-plan"]),
    ("regex", &["flow-plan", "flow-tests"]),
    ("jsonschema", &["flow-tests"]),
    ("roxmltree", &["flow-tests"]),
    ("saphyr", &["flow-tests"]),
    ("sqlparser", &["flow-tests"]),
    ("tree-sitter-java", &["flow-tests"]),
    ("md-5", &["flow-plan"]),
    ("sha2", &["flow-plan"]),
    ("base64", &["flow-plan"]),
    ("bincode", &["flow-data"]),
    ("twox-hash", &["flow-checkpoint"]),
    ("sled", &["flow-checkpoint"]),
    ("hashbrown", &["flow-data", "flow-checkpoint", "flow-engine", "flow-benches"]),
    ("memchr", &["flow-syntax", "flow-codegen", "flow-engine", "flow-connectors", "flow-benches"]),
    ("itoa", &["flow-data", "flow-connectors", "flow-benches"]),
    ("ryu", &["flow-plan", "flow-data", "flow-connectors", "flow-benches"]),
    ("zmij", &["flow-plan", "flow-data", "flow-connectors", "flow-benches"]),
    ("simdutf8", &["flow-data", "flow-connectors"]),
    ("flate2", &["flow-connectors", "flow-tests"]),
    ("zstd", &["flow-connectors", "flow-tests"]),
    ("glob", &["flow-connectors"]),
    ("libc", &["flow-env", "flow-benches"]),
    ("mimalloc", &["flow-env"]),
    ("foldhash", &["flow-benches", "flow-types"]),
    ("memmap2", &["flow-benches"]),
    ("insta", &["flow-syntax", "flow-types", "flow-plan", "flow-driver", "flow-cli", "flow-tests"]),
    (
        "tempfile",
        &[
            "flow-env",
            "flow-checkpoint",
            "flow-engine",
            "flow-connectors",
            "tree-sitter-flow",
            "flow-cli",
            "flow-tests",
        ],
    ),
    ("tree-sitter", &["tree-sitter-flow", "flow-tests"]),
    ("tree-sitter-generate", &["tree-sitter-flow"]),
    ("tree-sitter-language", &["tree-sitter-flow"]),
    ("cc", &["tree-sitter-flow"]),
];

/// The only place packages may come from, as cargo writes it.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What cargo knows of the workspace's own crates.
pub(super) fn metadata() -> Result<Value, String> {
    let out = output(&mut cargo(&["metadata", "--format-version", "1", "--no-deps", "--locked"]))?;
    serde_json::from_slice(&out).map_err(|e| format!("cargo metadata: {e}"))
}

/// Compares the crates with the tables.
pub(super) fn check(metadata: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = EDGES.iter().find(|(n, _)| *n == name) else {
            found.push(format!(
                "{name}: a crate without a row in the table of edges (xtask/src/tidy/crates.rs)"
            ));
            continue;
        };
        for dependency in package["dependencies"].as_array().map_or(&[][..], Vec::as_slice) {
            check_dependency(name, allowed, dependency, &mut found);
        }
    }
    for (name, _) in EDGES {
        if !packages.iter().any(|p| p["name"] == *name) {
            found.push(format!("{name}: in the table of edges, but not in the workspace"));
        }
    }
    found
}

fn check_dependency(name: &str, allowed: &[&str], dependency: &Value, found: &mut Vec<String>) {
    let on = dependency["name"].as_str().unwrap_or_default();
    if dependency["path"].is_string() {
        let in_tests = dependency["kind"] == "dev"
            && IN_TESTS.iter().any(|(crate_name, others)| *crate_name == name && others.contains(&on));
        if !allowed.contains(&on) && !in_tests {
            found.push(format!("{name} must not know {on}: the allowed are {allowed:?}"));
        }
        return;
    }
    if dependency["source"] != REGISTRY {
        found.push(format!("{name}: {on} does not come from the default registry"));
    }
    match HOMES.iter().find(|(n, _)| *n == on) {
        Some((_, homes)) if homes.contains(&name) => {}
        Some((_, homes)) => found.push(format!("{name} uses {on}, whose home is {}", homes.join(", "))),
        None => found.push(format!("{name} uses {on}, which has no home yet (xtask/src/tidy/crates.rs)")),
    }
}

#[cfg(test)]
mod tests {
    use super::{REGISTRY, check};
    use serde_json::{Value, json};

    fn with(crate_name: &str, dependency: Value) -> Vec<String> {
        let metadata = json!({ "packages": [{ "name": crate_name, "dependencies": [dependency] }] });
        check(&metadata).into_iter().filter(|f| !f.contains("not in the workspace")).collect()
    }

    #[test]
    fn the_compiler_may_not_know_the_runtime() {
        let found = with("flow-types", json!({ "name": "flow-engine", "path": "x" }));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("flow-types must not know flow-engine"), "{found:?}");
    }

    #[test]
    fn what_tests_may_know_the_crate_itself_may_not() {
        let on_env = |kind: Value| with("flow-lsp", json!({ "name": "flow-env", "path": "x", "kind": kind }));
        assert_eq!(on_env(json!("dev")), [""; 0]);
        assert!(on_env(Value::Null)[0].starts_with("flow-lsp must not know flow-env"));
    }

    #[test]
    fn an_outside_package_away_from_its_home_is_found() {
        let found = with("flow-driver", json!({ "name": "pest", "source": REGISTRY }));
        assert_eq!(found, ["flow-driver uses pest, whose home is flow-syntax"]);
    }

    #[test]
    fn an_unknown_crate_is_found() {
        let found = with("flow-extra", Value::Null);
        assert!(found[0].starts_with("flow-extra: a crate without a row"), "{found:?}");
    }
}
